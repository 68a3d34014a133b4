"""The champion in operation: promote, roll back, pin, unpin, prune, each on record with who, when and why.

The registry's alias decides which version predicts; the database's active version and its decisions follow it. What a process that
died in between has left undone is found at the start of the next night (`sweep.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from routing_etl.errors import RegistryError
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.persons import Actor, person
from routing_etl.pipeline.versions import headline, metrics_of
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings
from routing_etl.warehouse.decisions import Decision, Decisions, Recorded

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.registry.store import ModelRegistry

#: Decisions that make a version the champion.
CHAMPION_MADE = ("promoted", "forced", "rolled_back")
#: How the reason of a refusal begins that no comparison has led to.
PINNED = "the champion is pinned"


def decisions_of(settings: Settings, version: str | None = None) -> list[Recorded]:
    """Decisions about a version, or about all, newest first.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    version : str, optional
        Name of the version. None: all.
    """
    with Context(settings, RunFolder("decisions", settings.home)).warehouse() as engine:
        return Decisions(engine, settings.warehouse_schema).of(version)


def pin_of(settings: Settings) -> Recorded | None:
    """The pin that keeps the champion; None when there is none.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    """
    with Context(settings, RunFolder("pin", settings.home)).warehouse() as engine:
        return pin_in_force(engine, settings)


def pin_in_force(engine: Engine, settings: Settings) -> Recorded | None:
    """The same over an open engine. A pin holds only while its version is the champion."""
    from routing_etl.registry.store import ModelRegistry

    pin = Decisions(engine, settings.warehouse_schema).pin()
    champion = ModelRegistry(settings.models_dir).alias("champion")
    return pin if pin is not None and pin.made.version == champion else None


def make_champion(settings: Settings, decision: Decision, *, decided_at: int | None = None) -> None:
    """Make a version the champion, in the registry and in the database, with the decision on record.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    decision : Decision
        `promoted`, `forced` or `rolled_back`. By a person (`cli`, `dagster`, `library`) it pins the version too.
    decided_at : int, optional
        The registry's `alias_serial` that the decision was made on. None: it compares nothing.

    Raises
    ------
    RegistryError
        The version does not exist or was never measured, or another was promoted since `decided_at`.
    """
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.warehouse.model_records import ModelRecords

    store = ModelRegistry(settings.models_dir)
    if headline(metrics_of(store.show(decision.version))) is None:
        raise RegistryError(
            f"Model version {decision.version} has no measured metrics.",
            remedy="Train again with enough routed items, then promote that version.",
        )
    with Context(settings, RunFolder("promote", settings.home)).warehouse() as engine:
        records = ModelRecords(engine, settings)
        records.require_activatable(decision.version)
        store.set_alias("champion", decision.version, decision.by, decision.reason, decided_at=decided_at)
        records.activate(decision.version, who=decision.by)
        Decisions(engine, settings.warehouse_schema).record(*_with_consequences(decision))


def _with_consequences(decision: Decision) -> tuple[Decision, ...]:
    """The decision, the retirement of the former champion, and the pin of a person's choice."""
    by_hand = decision.via in ("cli", "dagster", "library")

    def also(kind: str, version: str, why: str) -> Decision:
        return Decision(kind, version, decision.champion, decision.by, decision.via, why, decision.run_id)

    former = decision.champion
    return (
        decision,
        *(
            (also("retired", former, f"{decision.version} became the champion"),)
            if former and former != decision.version
            else ()
        ),
        *(
            (also("pinned", decision.version, f"{decision.decision} by hand: {decision.reason}"),)
            if by_hand
            else ()
        ),
    )


def promote(
    settings: Settings,
    version: str,
    *,
    why: str,
    actor: Actor | None = None,
    force: bool = False,
    decided_at: int | None = None,
) -> None:
    """Make a version the champion by hand. It is pinned: no night replaces it until it is unpinned.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    version : str
        Name of the version.
    why : str
        Reason, kept on record.
    actor : Actor, optional
        Who asks, and through what. None: the person at the system's login, through the library.
    force : bool, default False
        Promote a version that was refused against the present champion, too.
    decided_at : int, optional
        The registry's `alias_serial` that the decision was made on. None: it compares nothing.

    Raises
    ------
    RegistryError
        The version does not exist, was never measured, or was refused and `force` was not given; or another was promoted since
        `decided_at`.
    """
    from routing_etl.registry.store import ModelRegistry

    store, actor = ModelRegistry(settings.models_dir), actor or Actor(person(settings), "library")
    version, champion = store.resolve(version), store.alias("champion")
    refused = _refusal(settings, version, champion)
    if refused is not None and not force:
        raise RegistryError(
            f"Model version {version} was refused against champion {champion} on {refused.decided_at:%Y-%m-%d}: "
            f"{refused.made.reason}; nothing was changed.",
            remedy="Promote it all the same with --force and the reason for it.",
        )
    kind = "promoted" if refused is None else "forced"
    make_champion(
        settings, Decision(kind, version, champion, actor.by, actor.via, why), decided_at=decided_at
    )


def _refusal(settings: Settings, version: str, champion: str | None) -> Recorded | None:
    """The newest refusal of a version against this champion that a comparison has led to."""
    for row in decisions_of(settings, version):
        if row.made.decision == "refused" and row.made.champion == champion:
            return None if row.made.reason.startswith(PINNED) else row
    return None


def rollback_champion(settings: Settings, *, why: str, actor: Actor | None = None) -> str:
    """Make the version champion that was champion before the present one; it is pinned, as every choice by hand.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    why : str
        Reason, kept on record.
    actor : Actor, optional
        As in `promote`.

    Returns
    -------
    str
        The version that is champion now.

    Raises
    ------
    RegistryError
        There is no former champion, or its files cannot be loaded here.
    """
    from routing_etl.registry.store import ModelRegistry

    store, actor = ModelRegistry(settings.models_dir), actor or Actor(person(settings), "library")
    former = store.former_champion()
    make_champion(
        settings, Decision("rolled_back", former, store.alias("champion"), actor.by, actor.via, why)
    )
    return former


def pin(settings: Settings, *, why: str, actor: Actor) -> str:
    """Keep the present champion until it is unpinned; returns its name.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    why : str
        Reason, kept on record.
    actor : Actor
        Who asks.

    Raises
    ------
    RegistryError
        There is no champion, or it is pinned already.
    """
    from routing_etl.registry.store import ModelRegistry

    champion = ModelRegistry(settings.models_dir).resolve("champion")
    held = pin_of(settings)
    if held is not None:
        raise RegistryError(
            f"Champion {champion} is pinned already, by {held.made.by} on {held.decided_at:%Y-%m-%d}: {held.made.reason}.",
            remedy="Nothing needs to be done.",
        )
    _record(settings, Decision("pinned", champion, champion, actor.by, actor.via, why))
    return champion


def unpin(settings: Settings, *, why: str, actor: Actor) -> str:
    """Let the nights replace the champion again by a version that is not worse; returns its name.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    why : str
        Reason, kept on record.
    actor : Actor
        Who asks.

    Raises
    ------
    RegistryError
        The champion is not pinned.
    """
    held = pin_of(settings)
    if held is None:
        raise RegistryError(
            "No champion is pinned.", remedy="See the decisions on record: routing-etl models list"
        )
    version = held.made.version
    _record(settings, Decision("unpinned", version, version, actor.by, actor.via, why))
    return version


def prune(settings: Settings, keep: int, *, actor: Actor) -> tuple[str, ...]:
    """Remove all but the newest `keep` versions that no alias and no publication needs; returns the removed names.

    Parameters
    ----------
    settings : Settings
        Registry and warehouse.
    keep : int
        How many stay besides champion, challenger and former champion.
    actor : Actor
        Who asks.
    """
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.warehouse.publish import Publisher

    with Context(settings, RunFolder("prune", settings.home)).warehouse() as engine:
        in_use = {p.model_version for p in Publisher(engine, settings).list() if p.rows_present}
    removed = ModelRegistry(settings.models_dir).prune(keep, protect=in_use)
    note_pruned(settings, removed, actor, f"the newest {keep} are kept")
    return removed


def note_pruned(settings: Settings, removed: Iterable[str], actor: Actor, why: str) -> None:
    """Put the removal of versions on record."""
    from routing_etl.registry.store import ModelRegistry

    champion = ModelRegistry(settings.models_dir).alias("champion")
    _record(settings, *(Decision("pruned", name, champion, actor.by, actor.via, why) for name in removed))


def _record(settings: Settings, *decisions: Decision) -> None:
    if decisions:
        with Context(settings, RunFolder("decide", settings.home)).warehouse() as engine:
            Decisions(engine, settings.warehouse_schema).record(*decisions)


def repair_decision(engine: Engine, settings: Settings, registry: ModelRegistry) -> str | None:
    """Put a change of the champion on record that is not: its process died, or an earlier release made it.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    settings : Settings
        Of the installation.
    registry : ModelRegistry
        Whose alias and log count.

    Returns
    -------
    str or None
        What was repaired, in one sentence; None when nothing had to be.
    """
    champion = registry.alias("champion")
    decisions = Decisions(engine, settings.warehouse_schema)
    newest = next(iter(decisions.of(kinds=CHAMPION_MADE)), None)
    if champion is None or (newest is not None and newest.made.version == champion):
        return None
    changes = [
        c
        for c in registry.alias_history()
        if c.event == "set" and c.alias == "champion" and c.to_version == champion
    ]
    who, why, former = (
        (changes[-1].who, changes[-1].why, changes[-1].from_version)
        if changes
        else (settings.service_user, "the registry's log does not say why", None)
    )
    decisions.record(Decision("promoted", champion, former, who, "repair", why))
    return f"champion {champion} was not on record as a decision; {who} made it so: {why}"
