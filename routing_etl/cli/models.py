"""Commands about model versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl import safe_text
from routing_etl.cli.audit import audited
from routing_etl.cli.common import UserOption, WhyOption, read_settings
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import models_app
from routing_etl.cli.streams import echo

if TYPE_CHECKING:
    from rich.console import Console

    from routing_etl.pipeline.persons import Actor
    from routing_etl.settings import Settings


@models_app.command("list")
@gives("models list", "cli.shown:ModelShown", many=True, table=True)
def models_list() -> None:
    """Versions, newest first, with their metrics and aliases, and what was decided last."""
    from routing_etl.cli.display.models import decisions, models_table
    from routing_etl.cli.shown import as_rows, decisions_on_record, models_of
    from routing_etl.registry.store import ModelRegistry

    settings = read_settings()
    found = models_of(ModelRegistry(settings.models_dir), decisions_on_record(settings))

    def show(screen: Console) -> None:
        models_table(screen, found)
        decisions(screen, settings, most=10)

    names = ("name", "status", "aliases", "created_at", "exact_match", "f1_weighted", "bytes", "problem")
    output().give(found, show, lambda: as_rows(found, *names))


@models_app.command("show")
@gives("models show", "cli.shown:VersionShown")
def models_show(version: str) -> None:
    """One version: manifest, metrics, training data, and every decision about it."""
    from routing_etl.cli.display.models import decisions, model_details
    from routing_etl.cli.shown import VersionShown, decisions_on_record, with_decisions
    from routing_etl.registry.store import ModelRegistry

    settings = read_settings()
    found = ModelRegistry(settings.models_dir).show(version)

    def show(screen: Console) -> None:
        model_details(screen, found)
        decisions(screen, settings, found.info.name)

    on_record = decisions_on_record(settings).about(found.info.name)
    output().give(with_decisions(VersionShown, found, on_record), show)


@models_app.command("diff")
@gives("models diff", "cli.shown:TwoVersionsShown")
def models_diff(
    version: Annotated[str, typer.Argument(help="Version or alias.")],
    other: Annotated[str, typer.Argument(help="Version or alias.")] = "champion",
) -> None:
    """Two versions side by side: recipe, metrics, and what was decided about either."""
    from routing_etl.cli.display.models import decisions, difference
    from routing_etl.cli.shown import TwoVersionsShown, decisions_on_record, with_decisions
    from routing_etl.pipeline.recipe import compared
    from routing_etl.registry.store import ModelRegistry

    settings = read_settings()
    found = compared(ModelRegistry(settings.models_dir), version, other)

    def show(screen: Console) -> None:
        difference(screen, found)
        decisions(screen, settings, found.version, found.other)

    on_record = decisions_on_record(settings).about(found.version, found.other)
    output().give(with_decisions(TwoVersionsShown, found, on_record), show)


@models_app.command("card")
@gives("models card", "cli.shown:CardShown")
def models_card(
    version: Annotated[str, typer.Argument(help="Version or alias.")] = "champion",
) -> None:
    """The model card as Markdown: purpose, data, metrics by segment, limits, and what was decided about it by whom and why."""
    from routing_etl.cli.shown import CardShown
    from routing_etl.pipeline.cards import model_card
    from routing_etl.pipeline.champion import decisions_of
    from routing_etl.registry.store import ModelRegistry

    settings = read_settings()
    card = model_card(ModelRegistry(settings.models_dir), version, decisions_of(settings))
    output().give(CardShown(version, card), lambda _: echo(safe_text.terminal(card)))


@models_app.command("verify")
@gives("models verify", "cli.shown:VerifiedShown")
def models_verify(
    version: Annotated[str | None, typer.Argument(help="Default: every version.")] = None,
) -> None:
    """Check every artifact's sha256 against the manifest, and the manifest's against the database."""
    from routing_etl.cli.shown import VerifiedShown
    from routing_etl.pipeline import upkeep

    names = tuple(upkeep.verify_models(read_settings(), version))
    text = "\n".join(f"{name}: all artifacts match" for name in names)
    output().give(VerifiedShown(names), lambda _: echo(text))


_UNPIN = "To let nights replace it: routing-etl models unpin --why REASON"


@models_app.command("promote")
@gives("models promote", "cli.shown:ChampionShown")
@audited("models promote", "version")
def models_promote(
    version: str,
    why: WhyOption,
    user: UserOption = "",
    force: Annotated[
        bool, typer.Option("--force", help="Also a version that was refused against the present champion.")
    ] = False,
) -> None:
    """Make a version the champion: the one that scores. It stays until it is unpinned."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import champion

    settings = read_settings()
    champion.promote(settings, version, why=why, actor=_actor(settings, user), force=force)
    output().give(ChampionShown(version), lambda _: echo(f"{version} is the champion, pinned. {_UNPIN}"))


@models_app.command("rollback")
@gives("models rollback", "cli.shown:ChampionShown")
@audited("models rollback")
def models_rollback(why: WhyOption, user: UserOption = "") -> None:
    """Make the version champion again that was champion before the present one. It stays until it is unpinned."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import champion

    settings = read_settings()
    now = champion.rollback_champion(settings, why=why, actor=_actor(settings, user))
    output().give(ChampionShown(now), lambda _: echo(f"{now} is the champion again, pinned. {_UNPIN}"))


@models_app.command("pin")
@gives("models pin", "cli.shown:ChampionShown")
@audited("models pin")
def models_pin(why: WhyOption, user: UserOption = "") -> None:
    """Keep the present champion: no night trains or promotes another until it is unpinned."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import champion

    settings = read_settings()
    name = champion.pin(settings, why=why, actor=_actor(settings, user))
    output().give(ChampionShown(name), lambda _: echo(f"{name} is pinned. {_UNPIN}"))


@models_app.command("unpin")
@gives("models unpin", "cli.shown:ChampionShown")
@audited("models unpin")
def models_unpin(why: WhyOption, user: UserOption = "") -> None:
    """Let the nights replace the champion again by a version that is not worse."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import champion

    settings = read_settings()
    name = champion.unpin(settings, why=why, actor=_actor(settings, user))
    output().give(ChampionShown(name), lambda _: echo(f"{name} is pinned no longer."))


@models_app.command("prune")
@gives("models prune", "cli.shown:PrunedShown")
@audited("models prune", "keep")
def models_prune(
    keep: Annotated[
        int | None, typer.Option("--keep", min=0, help="Newest versions that stay; default: the setting.")
    ] = None,
    user: UserOption = "",
) -> None:
    """Remove old versions that no alias and no publication needs."""
    from routing_etl.cli.shown import PrunedShown
    from routing_etl.pipeline import champion

    settings = read_settings()
    kept = settings.keep_models if keep is None else keep
    removed = champion.prune(settings, kept, actor=_actor(settings, user))
    text = f"Removed: {', '.join(removed)}" if removed else "Nothing to remove."
    output().give(PrunedShown(removed), lambda _: echo(text))


def _actor(settings: Settings, user: str) -> Actor:
    """Who sits at the command line."""
    from routing_etl.pipeline.persons import Actor, person

    return Actor(person(settings, user), "cli")
