"""Time profiles: from work results to the three TIME_BY_* frames.

Belongs here: reading the results once, in hash shards of items when asked, and writing the profiles and the samples
behind them. Does not: what a report means (`convert.py`), which sample is kept out and the statistics (`samples.py`),
the check against the standards (`plausibility.py`).

The street of one shard: minutes -> samples sorted by (item, operation, job) and value -> the job's scales, pooled over
all shards -> samples kept out -> statistics by position in the sorted values. The two pooled profiles are plain
group-bys over the kept samples, which stay on disk as `time_samples.parquet`, so that the evaluation can rebuild them
without the items it hides.

Run minutes per piece may fall with the lot size; these profiles are averages over the lots that were made.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.errors import FrameError
from routing_etl.frames import (
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    WORK_RESULTS,
    Frame,
    TimeBasis,
    TimeEvidence,
)
from routing_etl.progress import SILENT, Progress
from routing_etl.times.convert import minutes, pieces
from routing_etl.times.plausibility import Plausibility, plausibility
from routing_etl.times.samples import (
    Removed,
    SortedGroups,
    deviations,
    find_removed,
    scales,
    with_scenarios,
)
from routing_etl.times.scenarios import TRIM

MEASURES = ("setup", "run")
SAMPLES = "time_samples.parquet"
_STATISTICS = ("mean", "trim_mean", "std", "p10", "p50", "p90")
_SHARD_SEED = 20_251
_SAMPLE_COLUMNS = (
    "item_key", "proc_seq", "job_cd", "res_cd", "report_dt", "setup_min", "run_min", "setup_removed", "run_removed",
)  # fmt: skip


@dataclass(frozen=True)
class MeasureReport:
    """What became of the reports of one measure. Minutes; counts of reports."""

    samples: int
    flagged: dict[str, int]
    minutes_as_hours: int
    order_as_piece: int
    outliers: int

    @property
    def removed(self) -> int:
        """Entry errors and outliers kept out."""
        return self.minutes_as_hours + self.order_as_piece + self.outliers


@dataclass(frozen=True)
class TimesReport:
    """What `build_profiles` read, kept out and wrote. `measures` and `plausibility` by `setup` and `run`."""

    results: int
    measures: dict[str, MeasureReport]
    groups: dict[str, int]
    plausibility: dict[str, Plausibility] = field(default_factory=dict)


@dataclass
class _Counts:
    results: int = 0
    flagged: dict[str, dict[str, int]] = field(default_factory=lambda: {m: {} for m in MEASURES})
    samples: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MEASURES, 0))
    removed: dict[str, list[int]] = field(default_factory=lambda: {m: [0, 0, 0] for m in MEASURES})

    def flags(self, measure: str, flags: pl.Series) -> None:
        counted = flags.drop_nulls().cast(pl.String).value_counts()
        for name, n in counted.iter_rows():
            self.flagged[measure][name] = self.flagged[measure].get(name, 0) + n

    def remove(self, measure: str, removed: Removed) -> None:
        for i, mask in enumerate((removed.unit, removed.quantity, removed.outlier)):
            self.removed[measure][i] += int(mask.sum())

    def report(self, measure: str) -> MeasureReport:
        flagged = dict(sorted(self.flagged[measure].items()))
        return MeasureReport(self.samples[measure], flagged, *self.removed[measure])


def _load_shard(results: pl.LazyFrame, basis: TimeBasis, shard: int, shards: int) -> pl.DataFrame:
    """One shard of results in minutes. Strings as categories: they are few, and the rows are many."""
    if shards > 1:
        results = results.filter(pl.col("item_key").hash(_SHARD_SEED) % shards == shard)
    return (
        minutes(results, basis)
        .select(
            pl.col("item_key", "job_cd", "res_cd").cast(pl.Categorical),
            "proc_seq",
            "report_dt",
            "setup_min",
            "run_min",
            "setup_flag",
            "run_flag",
            pieces=pieces(basis),
        )
        .collect(engine="streaming")
    )


def _group_key(frame: pl.DataFrame) -> pl.Series:
    """One UInt64 per (job, item, operation number), job first."""
    code = frame.select(
        job=pl.col("job_cd").to_physical().cast(pl.UInt64),
        item=pl.col("item_key").to_physical().cast(pl.UInt64),
        seq=(pl.col("proc_seq").cast(pl.Int64) - pl.col("proc_seq").min().cast(pl.Int64)).cast(pl.UInt64),
    )
    if code.is_empty():
        return pl.Series("key", [], dtype=pl.UInt64)
    items, seqs = int(code["item"].max()) + 1, int(code["seq"].max()) + 1  # type: ignore[arg-type]
    jobs = int(code["job"].max()) + 1  # type: ignore[arg-type]
    if jobs * items * seqs >= 2**64:
        dense = code.select(pl.all().rank("dense").cast(pl.UInt64) - 1)
        items, seqs = int(dense["item"].max()) + 1, int(dense["seq"].max()) + 1  # type: ignore[arg-type]
        code = dense
    return code.select(key=(pl.col("job") * items + pl.col("item")) * seqs + pl.col("seq"))["key"]


def _samples_of(frame: pl.DataFrame, measure: str) -> SortedGroups:
    samples = frame.select("key", value=f"{measure}_min", row=pl.int_range(pl.len(), dtype=pl.UInt32)).filter(
        pl.col("value") > 0
    )
    return SortedGroups.of(samples)


def _job_codes(frame: pl.DataFrame, rows: npt.NDArray[np.int64]) -> pl.Series:
    return frame["job_cd"].gather(pl.Series(rows, dtype=pl.Int64))


def _judge(
    frame: pl.DataFrame, groups: SortedGroups, job_scales: pl.DataFrame, measure: str, basis: TimeBasis
) -> Removed:
    per_group = pl.DataFrame({"job": _job_codes(frame, groups.row[groups.start])}).join(
        job_scales, on="job", how="left", maintain_order="left"
    )
    centre, spread, within = (
        per_group[c].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for c in ("centre", "spread", "within")
    )
    quantity = None
    if measure == "run" and basis.run_basis != "lot":
        quantity = frame["pieces"].fill_null(float("nan")).to_numpy()[groups.row]
    return find_removed(groups, centre, spread, within, unit_factor=basis.time_factor_min, quantity=quantity)


def _statistics_frame(groups: SortedGroups, measure: str) -> pl.DataFrame:
    stats = groups.statistics()
    columns = {"key": pl.Series(groups.keys, dtype=pl.UInt64)}
    columns[f"{measure}_n"] = pl.Series(stats["n"], dtype=pl.Int64)
    for name in _STATISTICS:
        columns[f"{measure}_{name}"] = pl.Series(stats[name], dtype=pl.Float64)
    return pl.DataFrame(columns)


def _item_profile(frame: pl.DataFrame, kept: dict[str, SortedGroups]) -> pl.DataFrame:
    """TIME_BY_ITEM_OPERATION of one shard; `frame` has `key` and the marks `<measure>_removed`."""
    present = pl.any_horizontal(*(pl.col(f"{m}_min") > 0 for m in MEASURES)).fill_null(False)
    base = (
        frame.lazy()
        .with_row_index("row")
        .filter(present)
        .group_by("key")
        .agg(
            pl.col("row").first(),
            *(pl.col(f"{m}_removed").sum().cast(pl.Int64).alias(f"{m}_n_removed") for m in MEASURES),
            last_report_dt=pl.col("report_dt").filter(_sampled()).max(),
        )
        .collect()
    )
    for measure, groups in kept.items():
        base = base.join(_statistics_frame(groups, measure), on="key", how="left")
        base = with_scenarios(base.with_columns(pl.col(f"{measure}_n").fill_null(0)), measure)
    names = frame.select("item_key", "proc_seq", "job_cd")[base["row"]]
    return _conform(TIME_BY_ITEM_OPERATION, base.hstack(names))


def _sampled() -> pl.Expr:
    """True where a row gives at least one kept sample."""
    return pl.any_horizontal(
        *((pl.col(f"{m}_min") > 0) & ~pl.col(f"{m}_removed") for m in MEASURES)
    ).fill_null(False)


def _conform(contract: Frame, frame: pl.DataFrame) -> pl.DataFrame:
    return contract.conform(frame.with_columns(pl.selectors.categorical().cast(pl.String)))


def _pooled(samples: pl.LazyFrame, contract: Frame) -> pl.DataFrame:
    """Statistics of kept samples by the contract's key; `samples` as in `time_samples.parquet`."""
    keys = list(contract.key)
    aggregates: list[pl.Expr] = [pl.col("report_dt").filter(_sampled()).max().alias("last_report_dt")]
    for m in MEASURES:
        removed = pl.col(f"{m}_removed")
        value = pl.col(f"{m}_min").filter((pl.col(f"{m}_min") > 0) & ~removed)
        cut = (value.len() * TRIM).floor().cast(pl.Int64)
        aggregates += [
            value.len().cast(pl.Int64).alias(f"{m}_n"),
            removed.sum().cast(pl.Int64).alias(f"{m}_n_removed"),
            value.mean().alias(f"{m}_mean"),
            value.sort().slice(cut, value.len().cast(pl.Int64) - 2 * cut).mean().alias(f"{m}_trim_mean"),
            value.std(ddof=0).alias(f"{m}_std"),
            *(value.quantile(q, "linear").alias(f"{m}_p{round(q * 100)}") for q in (0.1, 0.5, 0.9)),
        ]
    frame = samples.drop_nulls(keys).group_by(keys).agg(aggregates).collect()
    frame = frame.filter(
        pl.any_horizontal(*(pl.col(f"{m}_n") + pl.col(f"{m}_n_removed") > 0 for m in MEASURES))
    )
    for m in MEASURES:
        frame = with_scenarios(frame, m)
    return _conform(contract, frame).sort(keys)


@dataclass(frozen=True)
class _Shard:
    """One shard in memory: its rows with `key`, and the sorted samples per measure."""

    frame: pl.DataFrame
    groups: dict[str, SortedGroups]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Shard:
        return cls(frame, {m: _samples_of(frame, m) for m in MEASURES})


class _Spill:
    """Keeps the shards between the two passes: in memory when there is one, else as files in `folder`."""

    def __init__(self, results: pl.LazyFrame, basis: TimeBasis, shards: int, folder: Path) -> None:
        self._results, self._basis, self._shards, self._folder = results, basis, shards, folder
        self._only: _Shard | None = None
        self.spread: dict[str, list[pl.LazyFrame]] = {m: [] for m in MEASURES}

    def first_pass(self, shard: int, counts: _Counts) -> None:
        """Read a shard, convert, sort, and keep what the scales need."""
        frame = _load_shard(self._results, self._basis, shard, self._shards)
        counts.results += frame.height
        for m in MEASURES:
            counts.flags(m, frame[f"{m}_flag"])
        frame = frame.drop("setup_flag", "run_flag").with_columns(_group_key(frame))
        loaded = _Shard.of(frame)
        for m, groups in loaded.groups.items():
            counts.samples[m] += len(groups.value)
            part = deviations(groups, _job_codes(frame, groups.row))
            if self._shards > 1:
                path = self._folder / f"spread_{m}_{shard}.parquet"
                part.write_parquet(path, compression="uncompressed")
                self.spread[m].append(pl.scan_parquet(path))
            else:
                self.spread[m].append(part.lazy())
        if self._shards > 1:
            frame.write_parquet(self._path(shard), compression="uncompressed")
        else:
            self._only = loaded

    def shard(self, shard: int) -> _Shard:
        """A shard as the first pass left it."""
        return self._only if self._only is not None else _Shard.of(pl.read_parquet(self._path(shard)))

    def _path(self, shard: int) -> Path:
        return self._folder / f"shard_{shard}.parquet"


def _second_pass(
    shard: _Shard, job_scales: dict[str, pl.DataFrame], basis: TimeBasis, counts: _Counts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The shard's TIME_BY_ITEM_OPERATION rows and its samples with their marks."""
    frame, kept = shard.frame, {}
    for m, groups in shard.groups.items():
        removed = _judge(frame, groups, job_scales[m], m, basis)
        counts.remove(m, removed)
        marks = np.zeros(frame.height, dtype=bool)
        marks[groups.row[removed.any]] = True
        frame = frame.with_columns(pl.Series(f"{m}_removed", marks))
        kept[m] = groups.keep(~removed.any)
    return _item_profile(frame, kept), frame.select(_SAMPLE_COLUMNS)


def _join_parts(parts: list[Path], target: Path) -> None:
    if len(parts) == 1:
        parts[0].replace(target)
    else:
        pl.scan_parquet(parts).sink_parquet(target)


def build_profiles(
    results: pl.LazyFrame,
    operations: pl.LazyFrame,
    basis: TimeBasis,
    out: Path,
    *,
    shards: int = 1,
    progress: Progress = SILENT,
) -> TimesReport:
    """Write the three time profiles and the samples behind them.

    Parameters
    ----------
    results: WORK_RESULTS frame. operations: OPERATIONS frame, used for the plausibility ratio only.
    basis: what the reported times mean.
    out: folder for `time_by_item_operation.parquet`, `time_by_job_resource.parquet`, `time_by_job.parquet` and
        `time_samples.parquet`; made when missing, old files replaced.
    shards: hash shards of items held in memory one after the other. The result does not depend on it.

    Returns
    -------
    TimesReport: counts and the plausibility ratios; give it to `check_plausibility` to stop the run. A group whose
    measure has no sample has n = 0 and NULL statistics.

    Raises
    ------
    FrameError: `results` does not keep the WORK_RESULTS contract, or `shards` is under 1.
    ConfigurationError: the time basis cannot convert anything.
    """
    if shards < 1:
        raise FrameError(
            f"shards = {shards}: must be 1 or more.", remedy="Set ROUTING_ETL_SHARDS to 1 or more."
        )
    WORK_RESULTS.validate(results)
    out.mkdir(parents=True, exist_ok=True)
    counts = _Counts()
    with (
        tempfile.TemporaryDirectory(prefix="times-", dir=out) as scratch,
        progress.task("Time profiles", total=2 * shards + 3) as task,
    ):
        work = Path(scratch)
        spill = _Spill(results, basis, shards, work)
        for shard in range(shards):
            spill.first_pass(shard, counts)
            task.advance()
        job_scales = {m: scales(pl.concat(parts)) for m, parts in spill.spread.items()}
        n_items = 0
        for shard in range(shards):
            profile, samples = _second_pass(spill.shard(shard), job_scales, basis, counts)
            profile.write_parquet(work / f"items_{shard:04d}.parquet")
            samples.write_parquet(work / f"samples_{shard:04d}.parquet", compression="lz4")
            n_items += profile.height
            task.advance()
        _join_parts(sorted(work.glob("items_*.parquet")), out / f"{TIME_BY_ITEM_OPERATION.name}.parquet")
        _join_parts(sorted(work.glob("samples_*.parquet")), out / SAMPLES)
        task.advance()
        groups = {TIME_BY_ITEM_OPERATION.name: n_items}
        for contract in (TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
            pooled = _pooled(pl.scan_parquet(out / SAMPLES), contract)
            pooled.write_parquet(out / f"{contract.name}.parquet")
            groups[contract.name] = pooled.height
            task.advance()
    ratios = plausibility(pl.scan_parquet(out / f"{TIME_BY_ITEM_OPERATION.name}.parquet"), operations)
    return TimesReport(counts.results, {m: counts.report(m) for m in MEASURES}, groups, ratios)


def read_evidence(out: Path) -> TimeEvidence:
    """Read the three profiles that `build_profiles` wrote into `out`.

    Raises
    ------
    FrameError: a file is missing or does not keep its contract.
    """
    frames = []
    for contract in (TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
        frame = pl.read_parquet(_existing(out / f"{contract.name}.parquet"))
        contract.validate(frame)
        frames.append(frame)
    return TimeEvidence(*frames)


def subset_evidence(out: Path, exclude_items: pl.Series) -> TimeEvidence:
    """The profiles as if the results of `exclude_items` (item keys) had never been reported, for honest evaluation.

    The pooled profiles are rebuilt from the kept samples of the other items; which samples were kept is not judged
    again (the job's scales, medians over thousands of samples, saw the hidden items).

    Raises
    ------
    FrameError: as `read_evidence`; also when the samples are missing.
    """
    hidden = pl.Series(exclude_items, dtype=pl.String).unique().implode()
    others = pl.scan_parquet(_existing(out / SAMPLES)).filter(
        ~pl.col("item_key").cast(pl.String).is_in(hidden)
    )
    own = pl.scan_parquet(_existing(out / f"{TIME_BY_ITEM_OPERATION.name}.parquet")).filter(
        ~pl.col("item_key").is_in(hidden)
    )
    return TimeEvidence(own.collect(), _pooled(others, TIME_BY_JOB_RESOURCE), _pooled(others, TIME_BY_JOB))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FrameError(f"No time profile at {path}.", remedy="Run the step 'times' of this run first.")
    return path
