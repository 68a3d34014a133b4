"""What commands give as JSON where no step or room has a type for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routing_etl.erp.clean_report import CleanReport
from routing_etl.frames import CheckOutcome
from routing_etl.pipeline.results import Checked, Extracted, Healthy, Published, Reviewed, Scored
from routing_etl.pipeline.upkeep import Removal

if TYPE_CHECKING:
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.runs import RunFolder
    from routing_etl.warehouse.publication_changes import PublicationChanges


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


def models_of(registry: ModelRegistry) -> list[ModelShown]:
    """All versions, newest first."""
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
