"""What commands give as JSON where no step or room has a type for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from routing_etl.erp.clean_report import CleanReport
from routing_etl.errors import RoutingEtlError
from routing_etl.frames import CheckOutcome
from routing_etl.pipeline.recipe import VersionsCompared
from routing_etl.pipeline.results import Checked, Extracted, Healthy, Published, Reviewed, Scored
from routing_etl.pipeline.upkeep import Removal
from routing_etl.registry.versions import VersionDetails
from routing_etl.warehouse.decisions import Figure

if TYPE_CHECKING:
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.runs import RunFolder
    from routing_etl.settings import Settings
    from routing_etl.warehouse.publication_changes import PublicationChanges

V = TypeVar("V", "VersionShown", "TwoVersionsShown")


@dataclass(frozen=True)
class ReadShown:
    """What `extract` read and cleaned, and where it lies."""

    run_id: str
    folder: str
    extracted: Extracted
    cleaned: CleanReport


@dataclass(frozen=True)
class FileShown:
    """A file that was written."""

    file: Path


@dataclass(frozen=True)
class CheckShown:
    """Counts of the checks of a run, and each outcome."""

    run_id: str
    checked: Checked
    outcomes: tuple[CheckOutcome, ...]


@dataclass(frozen=True)
class StandardsShown:
    """The review of standard times, and the sure differences that move most hours, as rows of `standard_times`."""

    run_id: str
    reviewed: Reviewed
    worst: list[dict[str, Any]]


@dataclass(frozen=True)
class HealthShown:
    """Data health: counts, every finding, and the page."""

    healthy: Healthy
    findings: list[dict[str, Any]]
    page: Path


@dataclass(frozen=True)
class StepShown:
    """A step of a night: what it took."""

    name: str
    seconds: float
    peak_memory_mb: float


@dataclass(frozen=True)
class NightShown:
    """A night that ended well."""

    run_id: str
    folder: str
    steps: tuple[StepShown, ...]
    trained: str | None
    promoted: bool | None
    scored: Scored | None
    published: Published | None
    checks_failed: int
    checks_warned: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DecisionShown:
    """A decision about a version as it is on record, and the figures that it was made on."""

    version: str
    decision: str
    decided_at: datetime
    by: str
    via: str
    login: str | None
    reason: str
    champion: str | None
    run_id: str | None
    items_trained: int | None
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class DecisionsShown:
    """Decisions, newest first, and the version that is pinned; None, with a problem, where the database cannot be read."""

    on_record: tuple[DecisionShown, ...] | None
    pinned: str | None
    problem: str | None = None

    def about(self, *versions: str) -> DecisionsShown:
        """Those about some versions."""
        if self.on_record is None:
            return self
        return replace(self, on_record=tuple(d for d in self.on_record if d.version in versions))


@dataclass(frozen=True)
class ModelShown:
    """A model version in a list; `exact_match` and `f1_weighted` are None where they were not measured."""

    name: str
    status: str
    aliases: tuple[str, ...]
    created_at: str
    exact_match: float | None
    f1_weighted: float | None
    bytes: int
    problem: str | None
    decisions: DecisionsShown


@dataclass(frozen=True)
class VersionShown(VersionDetails):
    """A version in full, and what was decided about it."""

    decisions: DecisionsShown


@dataclass(frozen=True)
class TwoVersionsShown(VersionsCompared):
    """Two versions side by side, and what was decided about either."""

    decisions: DecisionsShown


@dataclass(frozen=True)
class CardShown:
    """The model card."""

    version: str
    markdown: str


@dataclass(frozen=True)
class VerifiedShown:
    """Model versions that are as their manifests say."""

    versions: tuple[str, ...]


@dataclass(frozen=True)
class ChampionShown:
    """The version that is the champion now."""

    champion: str


@dataclass(frozen=True)
class PrunedShown:
    """Model versions that were removed."""

    versions: tuple[str, ...]


@dataclass(frozen=True)
class PointerShown:
    """The publication that readers see now."""

    publication_id: int


@dataclass(frozen=True)
class ItemChanged:
    """An item that two publications show differently; NULL where there was no proposal."""

    item_cd: str
    kind: str
    routing_before: str | None
    routing: str | None
    confidence_before: float | None
    confidence: float | None


@dataclass(frozen=True)
class ChangesShown:
    """How a publication differs from an earlier one: items by kind of change, and each of them."""

    before: int
    after: int
    items_before: int
    items: int
    counts: dict[str, int]
    changed: tuple[ItemChanged, ...]


@dataclass(frozen=True)
class ProfileShown:
    """A proposed profile: its text or file, how many places are to be decided, and what is missing."""

    text: str
    file: Path | None
    questions: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class MigratedShown:
    """Where our tables are after a migration, and what a step back removed."""

    revision: str
    removed: tuple[Removal, ...]


@dataclass(frozen=True)
class SqlShown:
    """A view's name and its DDL."""

    view: str
    text: str


@dataclass(frozen=True)
class ScriptShown:
    """A script's name and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class FilesShown:
    """Files that a command wrote, and what it left as it was."""

    written: tuple[str, ...]
    kept: tuple[str, ...] = ()


def night_of(run: RunFolder) -> NightShown:
    """A finished night as its reports tell it."""
    from routing_etl.pipeline import street
    from routing_etl.pipeline.learning_faults import warnings_of

    done = [(row.name, found) for row in street.NIGHT if (found := run.read(row.report)) is not None]
    outcomes = [o for row in street.NIGHT for o in row.outcomes_of(run)]
    trained, scored = run.read(street.TRAIN.report), run.read(street.SCORE.report)
    published = run.read(street.PUBLISH.report)
    return NightShown(
        run_id=run.run_id,
        folder=str(run.path),
        steps=tuple(StepShown(n, f.cost.seconds, f.cost.peak_memory_mb) for n, f in done),
        trained=trained.result.version if trained else None,
        promoted=trained.result.promoted if trained else None,
        scored=scored.result if scored else None,
        published=published.result if published else None,
        checks_failed=sum(o.blocks for o in outcomes),
        checks_warned=sum(not o.success and not o.blocks for o in outcomes),
        warnings=warnings_of(run),
    )


def decisions_on_record(settings: Settings) -> DecisionsShown:
    """All decisions. A registry can be looked at without the database: what cannot be read has a problem."""
    from routing_etl.pipeline.champion import decisions_of, pin_of

    try:
        found, pin = decisions_of(settings), pin_of(settings)
    except RoutingEtlError as exc:
        return DecisionsShown(None, None, str(exc))
    shown = tuple(
        DecisionShown(
            row.made.version, row.made.decision, row.decided_at, row.made.by, row.made.via, row.login, row.made.reason,
            row.made.champion, row.made.run_id, row.made.items_trained, row.made.figures,
        )
        for row in found
    )  # fmt: skip
    return DecisionsShown(shown, pin.made.version if pin else None)


def with_decisions(kind: type[V], found: object, decisions: DecisionsShown) -> V:
    """What was found of versions with the decisions about them."""
    return kind(**vars(found), decisions=decisions)


def models_of(registry: ModelRegistry, decisions: DecisionsShown) -> list[ModelShown]:
    """All versions, newest first, each with the decisions about it."""
    from routing_etl.pipeline.versions import headline, metrics_of

    metrics = registry.metrics_by_version()
    shown = []
    for v in registry.list():
        exact = headline(metrics_of(registry.show(v.name))) if v.problem is None else None
        weighted = metrics.get(v.name, {}).get("f1_weighted")
        shown.append(
            ModelShown(
                v.name,
                v.status,
                v.aliases,
                v.created_at,
                exact.value if exact else None,
                weighted,
                v.bytes,
                v.problem,
                decisions.about(v.name),
            )
        )
    return shown


def changes_of(found: PublicationChanges) -> ChangesShown:
    """A comparison of two publications."""
    return ChangesShown(
        found.before, found.after, found.items_before, found.items, found.counts,
        tuple(ItemChanged(*row) for row in found.changed.iter_rows()),
    )  # fmt: skip


def as_rows(values: Iterable[object], *names: str) -> list[dict[str, Any]]:
    """Fields of dataclasses as rows of a table."""
    return [{name: getattr(value, name) for name in names} for value in values]
