"""Time profiles: from work results to the three TIME_BY_* frames.

Belongs here: reading the results once, in hash shards of items when asked, and writing the profiles and the samples
behind them. Does not: what a report means (`convert.py`), which sample is kept out and the statistics (`samples.py`),
the check against the standards (`plausibility.py`).

The street of one shard: minutes -> samples sorted by (item, operation, job) and value -> the job's scales and lot
exponent, pooled over all shards -> samples kept out -> run times brought to the operation's usual lot (`lot_size.py`) ->
statistics by position in the sorted values. The two pooled profiles are plain group-bys over the kept samples, which
stay on disk as `time_samples.parquet`, so that the evaluation can rebuild them without the items it hides.

In all statistics but the counts a report counts half as much as one that is `half_life_days` newer (`TimeBasis`); one
without a date counts as if it were so much older than the newest of its group.
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
from routing_etl.times.samples import Removed, Samples, deviations, find_removed, scales
from routing_etl.times.statistics import SortedGroups

SAMPLES = "time_samples.parquet"
_WIDE_SEQUENCE = 100_000
_SAMPLE_COLUMNS = (
    "item_key", "job_cd", "res_cd", "report_dt", "setup_min", "run_min", "setup_removed", "run_removed",
    "pieces", "run_min_at_lot",
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


def _load_shard(results: pl.LazyFrame, basis: TimeBasis, shard: int, shards: int) -> pl.DataFrame:
    """One shard of results in minutes. Strings as categories: they are few, and the rows are many."""
    return (
        minutes(results.filter(in_shard(shard, shards)) if shards > 1 else results, basis)
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

    Operation numbers that lie far apart are ranked, so that jobs x items x numbers stays far below 2**64: 100,000 jobs,
    100 million items and 100,000 numbers would still fit.
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


def _pieces(frame: pl.DataFrame, samples: Samples) -> npt.NDArray[np.float64]:
    """Pieces of the report behind each value, NaN when unknown."""
    return frame["pieces"].fill_null(float("nan")).to_numpy()[samples.row]


def _per_group(
    frame: pl.DataFrame, samples: Samples, job_scales: pl.DataFrame, *names: str
) -> Iterator[npt.NDArray[np.float64]]:
    """Columns of the jobs' scales, one entry per group, NaN where there is none."""
    jobs = pl.DataFrame({"job": _job_codes(frame, samples.first)})
    per_group = jobs.join(job_scales, on="job", how="left", maintain_order="left")
    return (per_group[c].cast(pl.Float64).fill_null(float("nan")).to_numpy() for c in names)


def _judge(
    frame: pl.DataFrame, samples: Samples, job_scales: pl.DataFrame, measure: str, basis: TimeBasis
) -> Removed:
    centre, spread, within = _per_group(frame, samples, job_scales, "centre", "spread", "within")
    quantity = None
    if measure == "run" and basis.run_basis != "lot":
        quantity = _pieces(frame, samples)
    return find_removed(
        samples.groups, centre, spread, within, unit_factor=basis.time_factor_min, quantity=quantity
    )


@dataclass(frozen=True)
class _Lots:
    """Kept run times at their operation's usual lot: per group `lot` and `exponent` (NaN unknown), per value `minutes`."""

    lot: npt.NDArray[np.float64]
    exponent: npt.NDArray[np.float64]
    minutes: npt.NDArray[np.float64]


def _lots(
    frame: pl.DataFrame,
    samples: Samples,
    kept: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64],
    job_scales: pl.DataFrame,
) -> _Lots:
    groups, quantity = samples.groups, _pieces(frame, samples)
    counts = np.where(kept & np.isfinite(quantity), weight, 0.0)
    total = groups.total(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        lot = np.exp(groups.total(counts * np.where(counts > 0, np.log(quantity), 0.0)) / total)
    (exponent,) = _per_group(frame, samples, job_scales, "exponent")
    minutes = at_lot(groups.value, quantity, groups.spread(lot), groups.spread(exponent))
    return _Lots(lot, np.where(np.isfinite(lot), exponent, np.nan), minutes)


def _sorted_groups(
    value: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], size: npt.NDArray[np.int64]
) -> SortedGroups:
    """Groups whose values are not in order yet."""
    group = np.repeat(np.arange(len(size)), size)
    ordered = pl.DataFrame({"group": group, "value": value, "weight": weight}).sort("group", "value")
    return SortedGroups.weighted(ordered["value"].to_numpy(), size, ordered["weight"].to_numpy())


def _measure_profile(
    frame: pl.DataFrame,
    samples: Samples,
    removed: Removed,
    measure: str,
    job_scales: pl.DataFrame,
    basis: TimeBasis,
) -> tuple[pl.DataFrame, _Lots | None]:
    """Statistics of one measure per group: `key`, a row of the group, newest kept date and the profile's columns."""
    kept = ~removed.any
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
    samples: dict[str, Samples],
    removed: dict[str, Removed],
    job_scales: dict[str, pl.DataFrame],
    basis: TimeBasis,
) -> tuple[pl.DataFrame, _Lots]:
    """TIME_BY_ITEM_OPERATION of one shard, and the run times at the usual lots."""
    (setup, _), (run, lots) = (
        _measure_profile(frame, samples[m], removed[m], m, job_scales[m], basis) for m in MEASURES
    )
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
    """One shard in memory: its rows with `key`, and the sorted samples per measure."""

    frame: pl.DataFrame
    samples: dict[str, Samples]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Shard:
        return cls(frame, {m: Samples.of(frame, m) for m in MEASURES})


class _Spill:
    """Keeps the shards between the two passes: as files in `folder`, or the only one in memory when there is none."""

    def __init__(self, shards: int, folder: Path | None) -> None:
        self.shards, self._folder = shards, folder
        self._only: _Shard | None = None
        self._spread: dict[str, pl.DataFrame] = {}
        self.counts = _Counts()

    def first_pass(self, results: pl.LazyFrame, basis: TimeBasis, shard: int) -> int:
        """Read a shard, convert, sort, and keep what the scales need. Returns the results read."""
        frame = _load_shard(results, basis, shard, self.shards)
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
        """The jobs' scales over all shards, per measure, for run with the lot's `exponent`; adds up what the shards counted."""
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
    frame, removed = shard.frame, {}
    for m, samples in shard.samples.items():
        removed[m] = _judge(frame, samples, job_scales[m], m, basis)
        counts.remove(m, removed[m])
        marks = np.zeros(frame.height, dtype=bool)
        marks[samples.row[removed[m].any]] = True
        frame = frame.with_columns(pl.Series(f"{m}_removed", marks))
    profile, lots = _item_profile(frame, shard.samples, removed, job_scales, basis)
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
    results : polars.LazyFrame
        WORK_RESULTS frame.
    operations : polars.LazyFrame
        OPERATIONS frame, used for the plausibility ratio only.
    basis : TimeBasis
        What the reported times mean.
    out : Path
        Folder for `time_by_item_operation.parquet`, `time_by_job_resource.parquet`,
        `time_by_job.parquet` and `time_samples.parquet`; made when missing, old files replaced.
    shards : int, default 1
        Hash shards of items held in memory one after the other. The result does not depend on it.

    Returns
    -------
    TimesReport: counts and the plausibility ratios; give it to `check_plausibility` to stop the run. A group whose
    measure has no sample has n = 0 and NULL statistics.

    Raises
    ------
    FrameError
        `results` does not keep the WORK_RESULTS contract, or `shards` is under 1.
    ConfigurationError
        The time basis cannot convert anything.
    """
    if shards < 1:
        raise FrameError(
            f"shards = {shards}: must be 1 or more.", remedy="Set ROUTING_ETL_SHARDS to 1 or more."
        )
    WORK_RESULTS.validate(results)
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="times-", dir=out) as scratch,
        progress.task("Time profiles", total=2 * shards + 3) as task,
    ):
        spill = _Spill(shards, Path(scratch) if shards > 1 else None)
        for shard in range(shards):
            spill.first_pass(results, basis, shard)
            task.advance()
        return _second_passes(spill, operations, basis, out, Path(scratch), task)


def read_shard(results: pl.LazyFrame, basis: TimeBasis, folder: Path, *, shard: int, shards: int) -> int:
    """The first pass over one shard alone: its results in minutes, sorted, as files in `folder` for `merge_shards`.

    Done again it replaces its files. Returns the results read.

    Raises
    ------
    ConfigurationError
        There is no such shard, or the time basis cannot convert anything.
    FrameError
        As `build_profiles`.
    """
    check_shard(shard, shards)
    WORK_RESULTS.validate(results)
    folder.mkdir(parents=True, exist_ok=True)
    return _Spill(shards, folder).first_pass(results, basis, shard)


def merge_shards(
    operations: pl.LazyFrame,
    basis: TimeBasis,
    folder: Path,
    out: Path,
    *,
    shards: int,
    progress: Progress = SILENT,
) -> TimesReport:
    """The second pass over all shards that `read_shard` left in `folder`: what `build_profiles` writes and returns.

    Raises
    ------
    FrameError
        A shard is missing, or was made for another number of shards.
    """
    spill = _Spill(shards, folder)
    missing = spill.missing()
    if missing:
        raise FrameError(
            f"Of {shards} shards of work results {len(missing)} are missing in {folder}, first shard {missing[0]}.",
            remedy="Aggregate the times of these shards first.",
        )
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="times-", dir=out) as scratch,
        progress.task("Time profiles", total=shards + 3) as task,
    ):
        return _second_passes(spill, operations, basis, out, Path(scratch), task)


def _second_passes(
    spill: _Spill, operations: pl.LazyFrame, basis: TimeBasis, out: Path, work: Path, task: Task
) -> TimesReport:
    """Judge each shard by the scales of all, and write the profiles and samples of all."""
    job_scales = spill.job_scales()
    n_items = 0
    for shard in range(spill.shards):
        profile, samples = _second_pass(spill.shard(shard), job_scales, basis, spill.counts)
        profile.write_parquet(work / f"items_{shard:04d}.parquet", compression="lz4")
        samples.write_parquet(work / f"samples_{shard:04d}.parquet", compression="lz4")
        n_items += profile.height
        task.advance()
    _join_parts(sorted(work.glob("items_*.parquet")), out / f"{TIME_BY_ITEM_OPERATION.name}.parquet")
    _join_parts(sorted(work.glob("samples_*.parquet")), out / SAMPLES)
    task.advance()
    groups = {TIME_BY_ITEM_OPERATION.name: n_items}
    own = pl.scan_parquet(out / f"{TIME_BY_ITEM_OPERATION.name}.parquet")
    for contract in (TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
        profile = pooled(pl.scan_parquet(out / SAMPLES), own, contract, basis)
        profile.write_parquet(out / f"{contract.name}.parquet")
        groups[contract.name] = profile.height
        task.advance()
    ratios = plausibility(own, operations)
    measures = {m: spill.counts.report(m) for m in MEASURES}
    return TimesReport(spill.counts.results, measures, groups, ratios)


def read_evidence(out: Path) -> TimeEvidence:
    """Read the three profiles that `build_profiles` wrote into `out`.

    Raises
    ------
    FrameError
        A file is missing or does not keep its contract.
    """
    frames = []
    for contract in (TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE, TIME_BY_JOB):
        frame = pl.read_parquet(_existing(out / f"{contract.name}.parquet"))
        contract.validate(frame)
        frames.append(frame)
    return TimeEvidence(*frames)


def subset_evidence(out: Path, exclude_items: pl.Series, basis: TimeBasis) -> TimeEvidence:
    """The profiles as if the results of `exclude_items` (item keys) had never been reported, for honest evaluation.

    The pooled profiles are rebuilt from the kept samples of the other items; which samples were kept and how run times go
    with the lot is not judged again (the job's scales and exponent, from thousands of samples, saw the hidden items).
    `basis`: the one that `build_profiles` was given.

    Raises
    ------
    FrameError
        As `read_evidence`; also when the samples are missing.
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
