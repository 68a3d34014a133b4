"""What the steps return: frozen dataclasses that the run folder stores as JSON and reads back as the same type.

The rooms below have result types of their own (`ExtractReport`, `CleanReport`, `TimesReport`, `LoadReport`); here are
those that only the pipeline can know.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.erp.extract import ExtractReport, FrameExtract
from routing_etl.evaluation.alerts import Alert
from routing_etl.evaluation.details import EvaluationDetails, LegacyScores, Loss
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.pipeline.training_facts import TrainingFacts
from routing_etl.quality.score import QualityScore
from routing_etl.runs import as_json
from routing_etl.times.standard_review import ReviewReport
from routing_etl.warehouse.standard_times import ReviewPublished

if TYPE_CHECKING:
    from routing_etl.evaluation.report import EvaluationTables


# --- reading and checking ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Extracted:
    """What was read of the ERP, and from where (URL without password)."""

    source: str
    read: ExtractReport


@dataclass(frozen=True)
class FrameRead:
    """How and why a frame was read, as the run's row in `batch_run` keeps it; the fields are those of `FrameExtract`."""

    mode: str
    why: str
    rows: int
    rows_read: int
    rows_reused: int
    rows_replaced: int
    rows_gone: int
    rows_added: int | None
    rows_changed: int | None
    rows_removed: int | None
    watermark_from: str | None
    watermark_to: str | None

    @classmethod
    def of(cls, frame: FrameExtract) -> FrameRead:
        """The part of an extract's account that is kept."""
        return cls(**{f.name: getattr(frame, f.name) for f in fields(cls)})


@dataclass(frozen=True)
class CheckOutcomes:
    """Every check of a step with its outcome, written whether or not a critical one failed."""

    outcomes: tuple[frames.CheckOutcome, ...]


@dataclass(frozen=True)
class Checked:
    """How many checks passed, warned and failed; a step that has this result has no failed critical check.

    `score` is the quality score of the item master; None for the candidates, and where the profile maps no part type.
    """

    checks: int
    passed: int
    warnings: int
    failed: int
    score: QualityScore | None = None

    @classmethod
    def of(cls, outcomes: Iterable[frames.CheckOutcome], score: QualityScore | None = None) -> Checked:
        """Count the outcomes."""
        found = tuple(outcomes)
        return cls(
            checks=len(found),
            passed=sum(o.success for o in found),
            warnings=sum(not o.success and o.severity == "warning" for o in found),
            failed=sum(o.blocks for o in found),
            score=score,
        )


@dataclass(frozen=True)
class TimesShard:
    """One shard of the time aggregation: how many shards there are, and the work results that this one read."""

    shards: int
    results: int


@dataclass(frozen=True)
class Reviewed:
    """What the review of standard times found, and what readers see of it."""

    found: ReviewReport
    published: ReviewPublished


@dataclass(frozen=True)
class Healthy:
    """What data health found: rows touched by check (None: not measured), findings stored, and where the page lies."""

    run_id: str
    touched: dict[str, int | None]
    findings: int
    page: str


# --- learning ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CalibrationBin:
    """Best candidates of one range of confidence: mean confidence and the share that was exact."""

    bin_low: float
    bin_high: float
    n: int
    confidence: float | None
    observed: float | None


@dataclass(frozen=True)
class CoveragePoint:
    """Accuracy on the surest `coverage` (share) of the items: those with a confidence from `threshold` on."""

    coverage: float
    threshold: float | None
    accuracy: float | None


@dataclass(frozen=True)
class TimePoint:
    """Predicted and actual minutes of one held-out operation; `measure` is `run` or `setup`."""

    measure: str
    predicted: float
    actual: float


@dataclass(frozen=True)
class DatasetStats:
    """Size and gaps of the learning data, under the names that the replaced system gave them."""

    total_samples: int
    unique_items: int
    unique_processes: int
    missing_item_code: float
    missing_process_code: float
    total_columns: int
    column_names: tuple[str, ...]
    missing_rates: dict[str, float]


#: Field metadata: `kept` goes into a version's `metrics.json`; `shown=False` is left out of Dagster's plain metadata,
#: because it is shown as a table, a picture or the model card instead.
_KEPT = {"kept": True}
_DRAWN = {"shown": False}


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What an evaluation on held-out items found, how, and on what data.

    Attributes
    ----------
    metrics : tuple of MetricRow
        Model, baselines and differences, by segment.
    legacy : LegacyScores or None
        The scores of the replaced system; None when nothing was measured.
    evaluation : EvaluationDetails
        Sizes, seconds and notes of the evaluation.
    losses : tuple of Loss
        What was wrong: kinds, jobs, columns that want filling.
    model_card : str
        The card of what was evaluated, in Markdown.
    """

    split: str = field(metadata=_KEPT)
    metrics: tuple[MetricRow, ...] = field(metadata=_KEPT | _DRAWN)
    legacy: LegacyScores | None = field(metadata=_DRAWN)
    calibration: tuple[CalibrationBin, ...] = field(metadata=_KEPT | _DRAWN)
    coverage: tuple[CoveragePoint, ...] = field(metadata=_KEPT | _DRAWN)
    time_sample: tuple[TimePoint, ...] = field(metadata=_DRAWN)
    alerts: tuple[Alert, ...] = field(metadata=_KEPT)
    evaluation: EvaluationDetails = field(metadata=_KEPT | _DRAWN)
    dataset_stats: DatasetStats = field(metadata=_KEPT | _DRAWN)
    data: TrainingFacts = field(metadata=_KEPT | _DRAWN)
    losses: tuple[Loss, ...] = field(default=(), metadata=_DRAWN)
    model_card: str = field(default="", metadata=_DRAWN)


@dataclass(frozen=True, kw_only=True)
class Trained(Evaluated):
    """A training: its evaluation, what was fitted, and what became of the version.

    Attributes
    ----------
    version : str or None
        Name of the saved version; of a dry run the name that was asked for.
    training_samples : int
        Routed items that the model was fitted on.
    training_duration_sec : float
        Seconds of the fit alone.
    duration_sec : float
        Seconds of evaluation and fit together.
    worker_memory_mb : float
        Peak memory of the process that evaluated beside the fit; 0 when there was none.
    sampled_from : int or None
        Of a dry run that learned from a sample: the routed items that it was drawn from.
    """

    version: str | None
    dry_run: bool
    training_samples: int = field(metadata=_KEPT)
    training_duration_sec: float = field(metadata=_KEPT)
    duration_sec: float
    worker_memory_mb: float
    run_id: str
    promoted: bool
    promotion_reason: str
    sampled_from: int | None = None


def metrics_json(found: Evaluated) -> dict[str, Any]:
    """Values of `metrics.json`: the fields marked as kept, and the legacy scores beside them."""
    content: dict[str, Any] = as_json(found) | {"evaluation": found.evaluation.as_dict()}
    legacy = {} if found.legacy is None else asdict(found.legacy)
    return {f.name: content[f.name] for f in fields(found) if f.metadata.get("kept")} | legacy


def tables_of(found: Evaluated) -> EvaluationTables:
    """The tables of an evaluation as frames, for plots."""
    from routing_etl.evaluation.report import EvaluationTables

    return EvaluationTables.from_json(as_json(found))


def metric_rows(rows: Iterable[dict[str, Any]]) -> tuple[MetricRow, ...]:
    """Rows of a METRICS frame, or of the `metrics` of a version's `metrics.json`."""
    return tuple(MetricRow(**row) for row in rows)


def metrics_frame(rows: Iterable[MetricRow]) -> pl.DataFrame:
    """The METRICS frame of these rows."""
    return frames.METRICS.conform(pl.DataFrame([asdict(r) for r in rows], schema=frames.METRICS.schema))


# --- scoring and publication -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """What scoring counts: items, rows by frame, first candidates in tier HIGH, and the sum of their confidences.

    `sizes_read` are sizes that only a text tells, of `sizes_empty` that the items lack, `sizes_contradicted` those of which a text tells another than the column.
    `replaced` are outsourced operations that were replaced by one in house, `unmapped` what the map for it cannot do. `reused` are
    items that keep the rows of an earlier scoring.
    """

    items: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    high: int = 0
    confident: float = 0.0
    sizes_read: int = 0
    sizes_contradicted: int = 0
    replaced: int = 0
    unmapped: tuple[str, ...] = ()
    reused: int = 0
    sizes_empty: int = 0

    def __add__(self, other: Counted) -> Counted:
        names = [*self.rows, *(n for n in other.rows if n not in self.rows)]
        return Counted(
            self.items + other.items,
            {n: self.rows.get(n, 0) + other.rows.get(n, 0) for n in names},
            self.high + other.high,
            self.confident + other.confident,
            self.sizes_read + other.sizes_read,
            self.sizes_contradicted + other.sizes_contradicted,
            self.replaced + other.replaced,
            tuple(sorted({*self.unmapped, *other.unmapped})),
            self.reused + other.reused,
            self.sizes_empty + other.sizes_empty,
        )


@dataclass(frozen=True, kw_only=True)
class ScoredShard(Counted):
    """One shard of the scoring: how many shards there are, the model version, and the counts of this one."""

    shards: int
    model_version: str


@dataclass(frozen=True)
class Scored:
    """What was predicted: items without a valid routing, abstentions by reason, rows by frame.

    `share_high` is the share of predicted items whose first candidate is in the similarity tier HIGH, `mean_confidence`
    the mean confidence of the first candidates; None when nothing was predicted. `missing_attributes` were learned from and no
    item has them now: the confidence was lowered for them. `sizes_read` are sizes that only a text tells and that were used,
    of `sizes_empty` that the items lack and a text could tell,
    `sizes_contradicted` those of which a text tells another than the column, which was used. `replaced` are outsourced operations
    that were replaced by one in house, `unmapped` the pairs of `routing.outsourced_map` whose second job nobody has in house. `reused`
    items have not changed since an earlier run scored them on the same `basis` (model, profile, program and libraries, as a hash) and
    keep its rows.
    """

    model_version: str
    items: int
    predicted: int
    abstained: int
    abstained_by_reason: dict[str, int]
    rows: dict[str, int]
    share_high: float | None
    mean_confidence: float | None
    missing_attributes: tuple[str, ...] = ()
    sizes_read: int = 0
    sizes_contradicted: int = 0
    replaced: int = 0
    unmapped: tuple[str, ...] = ()
    reused: int = 0
    basis: str = ""
    sizes_empty: int = 0

    @property
    def unmapped_told(self) -> str | None:
        """A sentence on pairs of the map that replace nothing; None when there are none."""
        if not self.unmapped:
            return None
        return (
            f"routing.outsourced_map of the source profile has {', '.join(self.unmapped)}: no valid routing has the second job in house, "
            "so nothing is replaced by it."
        )

    @property
    def sizes_told(self) -> str | None:
        """A sentence on sizes that stand otherwise in a text than in their column; None when there are none."""
        if not self.sizes_contradicted:
            return None
        return (
            f"{self.sizes_contradicted:,} size(s) of items without a routing stand otherwise in a text or code than in their column, which"
            " was used; the run's predictions/sizes_from_texts lists them."
        )


@dataclass(frozen=True)
class LoadOpened:
    """The publication that the shards of a run are loaded into, and which scoring it was opened for."""

    publication_id: int
    reused: bool
    scored_at: datetime


@dataclass(frozen=True)
class LoadBegun:
    """The publication that the load of a shard was last begun for."""

    publication_id: int


@dataclass(frozen=True)
class LoadedShard:
    """One shard of the load: how many shards there are, the publication, and the rows written."""

    shards: int
    publication_id: int
    rows_written: int
    reused: bool


@dataclass(frozen=True)
class Published:
    """What became visible to the ERP.

    Parameters
    ----------
    publication_id : int
        The publication that is visible.
    previous_id : int or None
        What was visible before.
    changed : bool
        Whether the pointer moved.
    pointer_seconds : float
        How long that took.
    rows : dict[str, int]
        Rows of the batch, by table.
    reused : bool
        The batch was there already.
    purged : tuple of int
        Publications that were given up.
    writer : str
        How its rows were sent, empty if nothing was.
    writer_reason : str
        Why not the fastest way, empty if it was.
    items_changed : int
        Items that are new, differ or are gone since the batch before.
    rows_written : int
        Rows that the load wrote.
    withheld : int, optional
        The publication that holds the batch, which was rolled back: the pointer stayed where it was.
    changes : dict of str to int, optional
        Items by kind of change against the publication before (`publication_changes.KINDS`); None where nothing was compared.
    """

    publication_id: int
    previous_id: int | None
    changed: bool
    pointer_seconds: float
    rows: dict[str, int]
    reused: bool
    purged: tuple[int, ...]
    writer: str = ""
    writer_reason: str = ""
    items_changed: int = 0
    rows_written: int = 0
    withheld: int | None = None
    changes: dict[str, int] | None = None

    @property
    def notice(self) -> str | None:
        """Why the pointer was left where it is, and what to do to move it; None if it was not held back."""
        if self.withheld is None:
            return None
        return (
            f"These predictions are those of publication {self.withheld}, which was rolled back: publication "
            f"{self.publication_id} stays what the ERP reads. To publish them all the same: routing-etl publish --again"
        )


@dataclass(frozen=True)
class SheetsWritten:
    """Item sheets and worklist: their folder, sheets written, items that wait for a routing, new ones among them.

    `problem` says why nothing was written; '' if it was. `failed`: nobody had switched them off.
    """

    folder: str
    sheets: int
    waiting: int
    new: int
    problem: str = ""
    failed: bool = False

    @property
    def warning(self) -> str:
        """What the night's record says of sheets that should be there and are not; empty otherwise."""
        if not self.failed:
            return ""
        return (
            f"The worklist and the item sheets in {self.folder} were {self.problem}; the worklist there is an earlier one. "
            "The batch is not touched by it. When the cause is mended: routing-etl worklist"
        )


@dataclass(frozen=True)
class Measured:
    """How the published batch looks, and what became of the one before it."""

    publication_id: int
    metrics: tuple[MetricRow, ...]
