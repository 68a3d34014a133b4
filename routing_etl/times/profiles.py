"""Time profiles: from work results to the three TIME_BY_* frames.

The way of one shard: minutes -> samples sorted by (item, operation, job) and value -> the jobs' scales and lot exponents,
pooled over all shards -> entry errors and outliers removed -> run times converted to the operation's usual lot
(`lot_size.py`) -> statistics by position in the sorted values. The two pooled profiles are group-bys over the kept samples,
which stay on disk as `time_samples.parquet`, so that the evaluation can rebuild them without the items it hides.

In all statistics but the counts a report counts half as much as one that is `half_life_days` newer (`TimeBasis`); one
without a date counts as one half-life older than the newest of its group.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
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
    TimeBasis,
    TimeEvidence,
)
from routing_etl.progress import SILENT, Progress, Task
from routing_etl.shards import check_shard, in_shard
from routing_etl.times.convert import minutes, pieces
from routing_etl.times.lot_size import at_lot, exponents
from routing_etl.times.plausibility import Plausibility, plausibility
from routing_etl.times.pooled import MEASURES, NO_DATE, age_weights, conform, pooled
from routing_etl.times.samples import Removed, Samples, Scales, deviations, find_removed, scales
from routing_etl.times.statistics import BoolArray, FloatArray, IntArray, SortedGroups

SAMPLES = "time_samples.parquet"
#: Operation numbers that span this much or more are ranked, so that the group key fits into 64 bits.
_WIDE_SEQUENCE = 100_000
_SAMPLE_COLUMNS = (
    "item_key", "job_cd", "res_cd", "report_dt", "setup_min", "run_min", "setup_removed", "run_removed",
    "pieces", "run_min_at_lot",
)  # fmt: skip


@dataclass(frozen=True)
class MeasureReport:
    """What became of the reports of one measure: counts of reports.

    `flagged` has the count of each flag of `TIME_FLAGS`; the last three are the samples that were removed.
    """

    samples: int
    flagged: dict[str, int]
    minutes_as_hours: int
    order_as_piece: int
    outliers: int

    @property
    def removed(self) -> int:
        """Samples removed as entry errors or outliers."""
        return self.minutes_as_hours + self.order_as_piece + self.outliers


@dataclass(frozen=True)
class TimesReport:
    """What `build_profiles` read, removed and wrote.

    `measures` and `plausibility` are by measure, `groups` (rows written) by frame.
    """

    results: int
    measures: dict[str, MeasureReport]
    groups: dict[str, int]
    plausibility: dict[str, Plausibility] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportedTimes:
    """Work results (a WORK_RESULTS frame) and what their times mean."""

    results: pl.LazyFrame
    basis: TimeBasis


@dataclass(frozen=True)
class ShardFolder:
    """Where `read_shard` stores shards for `merge_shards`, and how many there are."""

    path: Path
    shards: int


@dataclass
class _Counts:
    """Running counts of a TimesReport, added up over the shards."""

    results: int = 0
    flagged: dict[str, dict[str, int]] = field(default_factory=lambda: {m: {} for m in MEASURES})
    samples: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MEASURES, 0))
    removed: dict[str, list[int]] = field(default_factory=lambda: {m: [0, 0, 0] for m in MEASURES})

    def flags(self, measure: str, flags: pl.Series) -> None:
        counted = flags.drop_nulls().cast(pl.String).value_counts()
        for name, n in counted.iter_rows():
            self.flagged[measure][name] = self.flagged[measure].get(name, 0) + n

    def add(self, other: _Counts) -> None:
        self.results += other.results
        for m in MEASURES:
            self.samples[m] += other.samples[m]
            for name, n in other.flagged[m].items():
                self.flagged[m][name] = self.flagged[m].get(name, 0) + n

    def remove(self, measure: str, removed: Removed) -> None:
        for i, mask in enumerate((removed.unit, removed.quantity, removed.outlier)):
            self.removed[measure][i] += int(mask.sum())

    def report(self, measure: str) -> MeasureReport:
        flagged = dict(sorted(self.flagged[measure].items()))
        return MeasureReport(self.samples[measure], flagged, *self.removed[measure])


def _load_shard(reported: ReportedTimes, shard: int, shards: int) -> pl.DataFrame:
    """One shard of results in minutes. Strings as categories, because there are few different ones in many rows."""
    basis = reported.basis
    results = reported.results.filter(in_shard(shard, shards)) if shards > 1 else reported.results
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
    """One UInt64 per (job, item, operation number), job first.

    jobs x items x operation numbers must stay below 2**64: 100,000 jobs, 100 million items and 100,000 numbers fit. Numbers
    that span more are ranked.
    """
    if frame.is_empty():
        return pl.Series("key", [], dtype=pl.UInt64)
    seq = frame["proc_seq"].cast(pl.Int64)
    seq = seq - int(seq.min())  # type: ignore[arg-type]
    if int(seq.max()) >= _WIDE_SEQUENCE:  # type: ignore[arg-type]
        seq = seq.rank("dense").cast(pl.Int64) - 1
    code = frame.select(
        job=pl.col("job_cd").to_physical().cast(pl.UInt64),
        item=pl.col("item_key").to_physical().cast(pl.UInt64),
        seq=seq.cast(pl.UInt64),
    )
    items, seqs = (int(code[c].max()) + 1 for c in ("item", "seq"))  # type: ignore[arg-type]
    return code.select(key=(pl.col("job") * items + pl.col("item")) * seqs + pl.col("seq"))["key"]


def _job_codes(frame: pl.DataFrame, rows: npt.NDArray[np.uint32]) -> pl.Series:
    return frame["job_cd"].gather(pl.Series(rows))


def _pieces(frame: pl.DataFrame, samples: Samples) -> FloatArray:
    """Pieces of the report behind each value, NaN if unknown."""
    return frame["pieces"].fill_null(float("nan")).to_numpy()[samples.row]


def _per_group(
    frame: pl.DataFrame, samples: Samples, job_scales: pl.DataFrame, *names: str
) -> Iterator[FloatArray]:
    """Columns of the jobs' scales, one entry per group; NaN where there is none."""
    jobs = pl.DataFrame({"job": _job_codes(frame, samples.first)})
    per_group = jobs.join(job_scales, on="job", how="left", maintain_order="left")
    return (per_group[c].cast(pl.Float64).fill_null(float("nan")).to_numpy() for c in names)


def _judge(
    frame: pl.DataFrame, samples: Samples, job_scales: pl.DataFrame, measure: str, basis: TimeBasis
) -> Removed:
    """Which samples of one measure are entry errors or outliers."""
    job = Scales(*_per_group(frame, samples, job_scales, "centre", "spread", "within"))
    quantity = None
    if measure == "run" and basis.run_basis != "lot":
        quantity = _pieces(frame, samples)
    return find_removed(samples.groups, job, unit_factor=basis.time_factor_min, quantity=quantity)


@dataclass(frozen=True)
class _Judged:
    """The samples of one measure, and which of them are removed."""

    samples: Samples
    removed: Removed


@dataclass(frozen=True)
class _Lots:
    """Run times at their operation's usual lot: `lot` and `exponent` per group (NaN: unknown), `minutes` per value."""

    lot: FloatArray
    exponent: FloatArray
    minutes: FloatArray


def _lots(
    frame: pl.DataFrame,
    samples: Samples,
    kept: BoolArray,
    weight: FloatArray,
    job_scales: pl.DataFrame,
) -> _Lots:
    """Convert run times to the usual lot: the weighted geometric mean of the pieces of an operation's kept reports."""
    groups, quantity = samples.groups, _pieces(frame, samples)
    counts = np.where(kept & np.isfinite(quantity), weight, 0.0)
    total = groups.total(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        lot = np.exp(groups.total(counts * np.where(counts > 0, np.log(quantity), 0.0)) / total)
    (exponent,) = _per_group(frame, samples, job_scales, "exponent")
    minutes = at_lot(groups.value, quantity, groups.spread(lot), groups.spread(exponent))
    return _Lots(lot, np.where(np.isfinite(lot), exponent, np.nan), minutes)


def _sorted_groups(value: FloatArray, weight: FloatArray, size: IntArray) -> SortedGroups:
    """Groups of values that are not sorted yet."""
    group = np.repeat(np.arange(len(size)), size)
    ordered = pl.DataFrame({"group": group, "value": value, "weight": weight}).sort("group", "value")
    return SortedGroups.weighted(ordered["value"].to_numpy(), size, ordered["weight"].to_numpy())


def _measure_profile(
    frame: pl.DataFrame, measure: str, judged: _Judged, job_scales: pl.DataFrame, basis: TimeBasis
) -> tuple[pl.DataFrame, _Lots | None]:
    """Statistics of one measure per group: `key`, a row of the group, newest kept date and the profile's columns."""
    samples, kept = judged.samples, ~judged.removed.any
    groups = samples.groups
    left = groups.total(kept).astype(np.int64)
    dates = frame["report_dt"].to_physical().fill_null(NO_DATE).to_numpy()[samples.row]
    newest = np.full(len(left), NO_DATE, dtype=np.int32)
    if len(left):
        newest = np.maximum.reduceat(np.where(kept, dates, NO_DATE), groups.start)
    days = pl.Series(f"{measure}_newest", newest, dtype=pl.Int32)
    weight = age_weights(dates, groups.spread(newest), basis.half_life_days)
    columns = {
        "key": samples.key,
        f"{measure}_row": samples.first,
        f"{measure}_n_removed": groups.size - left,
    }
    lots = None
    used = SortedGroups.weighted(groups.value[kept], left, weight[kept])
    if measure == "run":
        lots = _lots(frame, samples, kept, weight, job_scales)
        used = _sorted_groups(lots.minutes[kept], weight[kept], left)
        columns |= {"run_lot": lots.lot, "run_lot_exponent": lots.exponent}
    profile = pl.DataFrame(columns, nan_to_null=True)
    return profile.hstack([days.replace(NO_DATE, None).cast(pl.Date), *used.profile(measure)]), lots


def _item_profile(
    frame: pl.DataFrame,
    judged: dict[str, _Judged],
    job_scales: dict[str, pl.DataFrame],
    basis: TimeBasis,
) -> tuple[pl.DataFrame, _Lots]:
    """TIME_BY_ITEM_OPERATION of one shard, and the run times at the usual lots."""
    (setup, _), (run, lots) = (_measure_profile(frame, m, judged[m], job_scales[m], basis) for m in MEASURES)
    assert lots is not None
    joined = setup.join(run, on="key", how="full", coalesce=True).with_columns(
        pl.col(f"{m}_{n}").fill_null(0) for m in MEASURES for n in ("n", "n_removed")
    )
    rows = joined.select(pl.coalesce("setup_row", "run_row")).to_series()
    names = frame.select("item_key", "proc_seq", "job_cd")[rows]
    newest = joined.select(last_report_dt=pl.max_horizontal("setup_newest", "run_newest"))
    return conform(TIME_BY_ITEM_OPERATION, joined.hstack(names).hstack(newest)), lots


@dataclass(frozen=True)
class _Shard:
    """One shard in memory: its rows with `key`, and the sorted samples of each measure."""

    frame: pl.DataFrame
    samples: dict[str, Samples]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Shard:
        return cls(frame, {m: Samples.of(frame, m) for m in MEASURES})


class _Spill:
    """Keeps the shards between the two passes: as files in a folder, or a single one in memory.

    Parameters
    ----------
    shards : int
        Number of shards.
    folder : Path or None
        Folder of the files. None: the only shard stays in memory.
    """

    def __init__(self, shards: int, folder: Path | None) -> None:
        self.shards, self._folder = shards, folder
        self._only: _Shard | None = None
        self._spread: dict[str, pl.DataFrame] = {}
        self.counts = _Counts()

    def first_pass(self, reported: ReportedTimes, shard: int) -> int:
        """Read, convert and sort a shard, and keep what the scales need. Returns the results read."""
        frame = _load_shard(reported, shard, self.shards)
        counts = _Counts(frame.height)
        if self._folder is not None:
            self._path("counts", shard).unlink(missing_ok=True)
        for m in MEASURES:
            counts.flags(m, frame[f"{m}_flag"])
        frame = frame.drop("setup_flag", "run_flag").with_columns(_group_key(frame))
        loaded = _Shard.of(frame)
        for m, samples in loaded.samples.items():
            counts.samples[m] += len(samples.row)
            quantity = _pieces(frame, samples) if m == "run" else None
            part = deviations(samples.groups, _job_codes(frame, samples.row), quantity)
            if self._folder is not None:
                part.write_parquet(self._path(f"spread_{m}", shard), compression="uncompressed")
            else:
                self._spread[m] = part
        if self._folder is not None:
            frame.write_parquet(self._path("shard", shard), compression="uncompressed")
            self._path("counts", shard).write_text(json.dumps(vars(counts)), encoding="utf-8")
        else:
            self._only, self.counts = loaded, counts
        return frame.height

    def missing(self) -> list[int]:
        """Shards that have not been through the first pass."""
        return [k for k in range(self.shards) if not self._path("counts", k).is_file()]

    def job_scales(self) -> dict[str, pl.DataFrame]:
        """Per measure the jobs' scales over all shards, for `run` with the lot's `exponent`. Adds up the shards' counts."""
        if self._only is not None:
            parts = {m: self._spread.pop(m).lazy() for m in MEASURES}
        else:
            for shard in range(self.shards):
                self.counts.add(
                    _Counts(**json.loads(self._path("counts", shard).read_text(encoding="utf-8")))
                )
            parts = {
                m: pl.concat(pl.scan_parquet(self._path(f"spread_{m}", k)) for k in range(self.shards))
                for m in MEASURES
            }
        found = {m: scales(parts[m]) for m in MEASURES}
        found["run"] = found["run"].join(exponents(parts["run"], found["run"]), on="job")
        return found

    def shard(self, shard: int) -> _Shard:
        """A shard as the first pass left it."""
        if self._only is not None:
            return self._only
        return _Shard.of(pl.read_parquet(self._path("shard", shard)))

    def _path(self, what: str, shard: int) -> Path:
        assert self._folder is not None
        kind = "json" if what == "counts" else "parquet"
        return self._folder / f"{what}_{shard:03d}of{self.shards:03d}.{kind}"


def _second_pass(
    shard: _Shard, job_scales: dict[str, pl.DataFrame], basis: TimeBasis, counts: _Counts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The shard's TIME_BY_ITEM_OPERATION rows and its samples with their marks."""
    frame, judged = shard.frame, {}
    for m, samples in shard.samples.items():
        removed = _judge(frame, samples, job_scales[m], m, basis)
        judged[m] = _Judged(samples, removed)
        counts.remove(m, removed)
        marks = np.zeros(frame.height, dtype=bool)
        marks[samples.row[removed.any]] = True
        frame = frame.with_columns(pl.Series(f"{m}_removed", marks))
    profile, lots = _item_profile(frame, judged, job_scales, basis)
    run = shard.samples["run"]
    at_usual = np.full(frame.height, np.nan)
    at_usual[run.row] = lots.minutes
    frame = frame.with_columns(pl.Series("run_min_at_lot", at_usual, nan_to_null=True))
    return profile, frame.select(_SAMPLE_COLUMNS)


def _join_parts(parts: list[Path], target: Path) -> None:
    if len(parts) == 1:
        parts[0].replace(target)
    else:
        pl.scan_parquet(parts).sink_parquet(target)


def build_profiles(
    reported: ReportedTimes,
    operations: pl.LazyFrame,
    out: Path,
    *,
    shards: int = 1,
    progress: Progress = SILENT,
) -> TimesReport:
    """Write the three time profiles and the samples behind them.

    A group whose measure has no sample has n = 0 and NULL statistics.

    Parameters
    ----------
    reported : ReportedTimes
        The work results and what their times mean.
    operations : polars.LazyFrame
        OPERATIONS frame, for the plausibility ratio only.
    out : Path
        Folder for `time_by_item_operation.parquet`, `time_by_job_resource.parquet`, `time_by_job.parquet` and
        `time_samples.parquet`. Made if missing; old files are replaced.
    shards : int, default 1
        Hash shards of items, held in memory one after the other. The result does not depend on it.
    progress : Progress, optional
        Shows how far the work is.

    Returns
    -------
    TimesReport
        Counts and plausibility ratios. Pass it to `check_plausibility` to stop the run.

    Raises
    ------
    FrameError
        The results break the WORK_RESULTS contract, or `shards` is below 1.
    ConfigurationError
        Nothing can be converted by the time basis.
    """
    if shards < 1:
        raise FrameError(
            f"shards = {shards}: must be 1 or more.", remedy="Set ROUTING_ETL_SHARDS to 1 or more."
        )
    WORK_RESULTS.validate(reported.results)
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="times-", dir=out) as scratch,
        progress.task("Time profiles", total=2 * shards + 3) as task,
    ):
        spill = _Spill(shards, Path(scratch) if shards > 1 else None)
        for shard in range(shards):
            spill.first_pass(reported, shard)
            task.advance()
        return _second_passes(spill, operations, reported.basis, out, task)


def read_shard(reported: ReportedTimes, folder: ShardFolder, shard: int) -> int:
    """The first pass over one shard: its results in minutes, sorted, as files for `merge_shards`.

    Repeating it replaces the files. Returns the results read.

    Parameters
    ----------
    reported : ReportedTimes
        The work results of all shards, and what their times mean.
    folder : ShardFolder
        Where the files go.
    shard : int
        Number of the shard, from 0.

    Raises
    ------
    ConfigurationError
        There is no such shard, or nothing can be converted by the time basis.
    FrameError
        The results break the WORK_RESULTS contract.
    """
    check_shard(shard, folder.shards)
    WORK_RESULTS.validate(reported.results)
    folder.path.mkdir(parents=True, exist_ok=True)
    return _Spill(folder.shards, folder.path).first_pass(reported, shard)


def merge_shards(
    folder: ShardFolder,
    operations: pl.LazyFrame,
    basis: TimeBasis,
    out: Path,
    *,
    progress: Progress = SILENT,
) -> TimesReport:
    """The second pass over all shards of `read_shard`: writes and returns what `build_profiles` does.

    Parameters
    ----------
    folder : ShardFolder
        Where the shards are.
    operations : polars.LazyFrame
        OPERATIONS frame, for the plausibility ratio only.
    basis : TimeBasis
        What the reported times mean, as given to `read_shard`.
    out : Path
        Folder for the profiles, as in `build_profiles`.
    progress : Progress, optional
        Shows how far the work is.

    Raises
    ------
    FrameError
        A shard is missing, or was made for another number of shards.
    """
    spill = _Spill(folder.shards, folder.path)
    missing = spill.missing()
    if missing:
        raise FrameError(
            f"Of {folder.shards} shards of work results {len(missing)} are missing in {folder.path}, first shard "
            f"{missing[0]}.",
            remedy="Aggregate the times of these shards first.",
        )
    out.mkdir(parents=True, exist_ok=True)
    with progress.task("Time profiles", total=folder.shards + 3) as task:
        return _second_passes(spill, operations, basis, out, task)


def _second_passes(
    spill: _Spill, operations: pl.LazyFrame, basis: TimeBasis, out: Path, task: Task
) -> TimesReport:
    """Judge each shard by the scales of all, and write the profiles and samples of all."""
    job_scales = spill.job_scales()
    own = out / f"{TIME_BY_ITEM_OPERATION.name}.parquet"
    groups = {TIME_BY_ITEM_OPERATION.name: 0}
    with tempfile.TemporaryDirectory(prefix="times-", dir=out) as scratch:
        work = Path(scratch)
        for shard in range(spill.shards):
            profile, samples = _second_pass(spill.shard(shard), job_scales, basis, spill.counts)
            profile.write_parquet(work / f"items_{shard:04d}.parquet", compression="lz4")
            samples.write_parquet(work / f"samples_{shard:04d}.parquet", compression="lz4")
            groups[TIME_BY_ITEM_OPERATION.name] += profile.height
            task.advance()
        _join_parts(sorted(work.glob("items_*.parquet")), own)
        _join_parts(sorted(work.glob("samples_*.parquet")), out / SAMPLES)
    task.advance()
    by_item_operation = pl.scan_parquet(own)
    for contract in (TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
        profile = pooled(pl.scan_parquet(out / SAMPLES), by_item_operation, contract, basis)
        profile.write_parquet(out / f"{contract.name}.parquet")
        groups[contract.name] = profile.height
        task.advance()
    measures = {m: spill.counts.report(m) for m in MEASURES}
    return TimesReport(spill.counts.results, measures, groups, plausibility(by_item_operation, operations))


def read_evidence(out: Path) -> TimeEvidence:
    """Read the three profiles that `build_profiles` wrote into `out`.

    Raises
    ------
    FrameError
        A file is missing or breaks its contract.
    """
    frames = []
    for contract in (TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
        frame = pl.read_parquet(_existing(out / f"{contract.name}.parquet"))
        contract.validate(frame)
        frames.append(frame)
    return TimeEvidence(*frames)


def subset_evidence(out: Path, exclude_items: pl.Series, basis: TimeBasis) -> TimeEvidence:
    """The profiles as if the results of some items had never been reported, for honest evaluation.

    The pooled profiles are rebuilt from the kept samples of the other items. Which samples are kept and how run times depend
    on the lot is not estimated again: the jobs' scales and exponents, from thousands of samples, include the hidden items.

    Parameters
    ----------
    out : Path
        Folder that `build_profiles` wrote.
    exclude_items : polars.Series
        Item keys to hide.
    basis : TimeBasis
        The basis that `build_profiles` was given.

    Raises
    ------
    FrameError
        A file is missing or breaks its contract.
    """
    hidden = pl.Series(exclude_items, dtype=pl.String).unique().implode()
    others = (
        pl.scan_parquet(_existing(out / SAMPLES))
        .filter(~pl.col("item_key").cast(pl.String).is_in(hidden))
        .drop("item_key")
        .collect(engine="streaming")
        .lazy()
    )
    own = pl.scan_parquet(_existing(out / f"{TIME_BY_ITEM_OPERATION.name}.parquet")).filter(
        ~pl.col("item_key").is_in(hidden)
    )
    job_resource, job = (
        pooled(others, own, contract, basis) for contract in (TIME_BY_JOB_RESOURCE, TIME_BY_JOB)
    )
    return TimeEvidence(own.collect(), job_resource, job)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FrameError(f"No time profile at {path}.", remedy="Run the step 'times' of this run first.")
    return path
