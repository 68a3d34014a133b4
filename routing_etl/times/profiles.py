"""Time profiles: from work results to the three TIME_BY_* frames.

The way of one shard: minutes -> samples sorted by (item, operation, job) and value -> the jobs' scales and
lot exponents, pooled over all shards (twice where a job's run times follow the lot) -> entry errors and outliers removed -> run times converted to the
operation's usual lot (`lot_size.py`) -> statistics by position in the sorted values. The two pooled profiles
are group-bys over the kept samples, which stay on disk as `time_samples.parquet`, so that the evaluation can
rebuild them without the items it hides.

In all statistics but the counts a report counts half as much as one that is `half_life_days` newer (`TimeBasis`); one
without a date counts as one half-life older than the newest of its group.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from routing_etl.errors import FrameError
from routing_etl.files import SCRATCH, replace_file
from routing_etl.frames import (
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    WORK_RESULTS,
    TimeBasis,
    TimeEvidence,
)
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress, Task
from routing_etl.shards import check_shard
from routing_etl.times.levels import (
    LevelChange,
    Rounds,
    as_reported,
    at_level,
    counted,
    find_changes,
    reports_of,
    signs,
    uneven,
)
from routing_etl.times.levels import sentences as changes_in_words
from routing_etl.times.lot_size import exponents, slopes, told_by_lot
from routing_etl.times.one_shard import ReportedTimes, Shard, group_key, load_shard, profile_of
from routing_etl.times.plausibility import Plausibility, of_ratios, plausibility
from routing_etl.times.pooled import FACTORS, MEASURES, pooled
from routing_etl.times.samples import Removed, scales
from routing_etl.times.suspects import Aside, Finding, Suspects, find_suspects, sentences

__all__ = [
    "SAMPLES",
    "MeasureReport",
    "ReportedTimes",
    "ShardFolder",
    "TimesReport",
    "build_profiles",
    "merge_shards",
    "read_evidence",
    "read_shard",
    "subset_evidence",
]

#: Name of the file of samples behind the profiles.
SAMPLES = "time_samples.parquet"


@dataclass(frozen=True)
class MeasureReport:
    """What became of the reports of one measure: counts of reports.

    `flagged` has the count of each flag of `TIME_FLAGS`; the last four are the samples that were removed, `set_aside` those
    that cannot mean what they say (`suspects`).
    """

    samples: int
    flagged: dict[str, int]
    minutes_as_hours: int
    order_as_piece: int
    outliers: int
    set_aside: int = 0

    @property
    def removed(self) -> int:
        """Samples removed as entry errors or outliers, or set aside as suspected."""
        return self.minutes_as_hours + self.order_as_piece + self.outliers + self.set_aside


@dataclass(frozen=True)
class TimesReport:
    """What `build_profiles` read, removed and wrote.

    `measures` and `plausibility` are by measure, `groups` (rows written) by frame; `findings` are reports that are suspected,
    most of them set aside; `changes` are machines and jobs whose earlier reports count at another level.
    """

    results: int
    measures: dict[str, MeasureReport]
    groups: dict[str, int]
    plausibility: dict[str, Plausibility] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    changes: tuple[LevelChange, ...] = ()


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
    removed: dict[str, list[int]] = field(default_factory=lambda: {m: [0, 0, 0, 0] for m in MEASURES})

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
        for i, mask in enumerate((removed.unit, removed.quantity, removed.outlier, removed.aside)):
            self.removed[measure][i] += int(mask.sum())

    def report(self, measure: str) -> MeasureReport:
        flagged = dict(sorted(self.flagged[measure].items()))
        return MeasureReport(self.samples[measure], flagged, *self.removed[measure])


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
        self._only: Shard | None = None
        self._brought: Shard | None = None
        self._spread: dict[str, pl.DataFrame] = {}
        self._signs: dict[str, pl.DataFrame] = {}
        #: By measure the changes after whose level the shards are.
        self.rounds: dict[str, Rounds] = {}
        self.counts = _Counts()

    def first_pass(self, reported: ReportedTimes, shard: int) -> int:
        """Read, convert and sort a shard, and keep what the scales need. Returns the results read."""
        frame = load_shard(reported, shard, self.shards)
        counts = _Counts(frame.height)
        if self._folder is not None:
            self._path("counts", shard).unlink(missing_ok=True)
        for m in MEASURES:
            counts.flags(m, frame[f"{m}_flag"])
        frame = frame.drop("setup_flag", "run_flag").with_columns(group_key(frame))
        loaded = Shard.of(frame)
        for m, samples in loaded.samples.items():
            counts.samples[m] += len(samples.row)
            part, uneven_by = loaded.deviations(m), signs(loaded, m)
            if self._folder is not None:
                part.write_parquet(self._path(f"spread_{m}", shard), compression="uncompressed")
                uneven_by.write_parquet(self._path(f"signs_{m}", shard), compression="uncompressed")
            else:
                self._spread[m], self._signs[m] = part, uneven_by
        if self._folder is not None:
            frame.write_parquet(self._path("shard", shard), compression="uncompressed")
            self._path("counts", shard).write_text(json.dumps(vars(counts)), encoding="utf-8")
        else:
            self._only, self.counts = loaded, counts
        return frame.height

    def missing(self) -> list[int]:
        """Shards that have not been through the first pass."""
        made = ("counts", *(f"signs_{m}" for m in MEASURES))
        return [k for k in range(self.shards) if not all(self._path(w, k).is_file() for w in made)]

    def job_scales(self) -> dict[str, pl.DataFrame]:
        """Per measure the jobs' scales over all shards, for `run` with the lot's `exponent` and `level`.

        The counts of the shards are added up as well.
        """
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
        return {m: self._scales(m, parts[m]) for m in MEASURES}

    def signs(self, measure: str) -> pl.DataFrame:
        """`levels.signs` of all shards."""
        if self._folder is None:
            return self._signs[measure]
        return pl.concat([pl.read_parquet(self._path(f"signs_{measure}", k)) for k in range(self.shards)])

    def bring(
        self, rounds: dict[str, Rounds], job_scales: dict[str, pl.DataFrame]
    ) -> dict[str, pl.DataFrame]:
        """Bring the shards to the level after these changes, and give the jobs' scales of the reports as they are then."""
        self.rounds, found = rounds, dict(job_scales)
        if self._only is not None:
            self._brought = Shard.of(at_level(self._only.frame, rounds))
        for m in rounds:
            parts = pl.concat([self.shard(k).deviations(m) for k in range(self.shards)])
            found[m] = self._scales(m, parts.lazy())
        return found

    def _scales(self, measure: str, parts: pl.LazyFrame) -> pl.DataFrame:
        raw = scales(parts)
        return self._with_lots(parts, raw) if measure == "run" else raw

    def _with_lots(self, parts: pl.LazyFrame, raw: pl.DataFrame) -> pl.DataFrame:
        """The scales of run times with `exponent` and `level`: by what reports are converted to their group's lot when they are judged.

        `raw`: the scales of the reports as they are, which count where the run times of a job do not follow the lot.
        """
        raw = raw.with_columns(level=pl.lit(0.0))
        raw = raw.join(exponents(parts, raw), on="job")
        following = slopes(parts)
        if following.is_empty():
            return raw
        by_shard = (self.shard(k) for k in range(self.shards))
        levelled = pl.concat([s.deviations("run", s.levelled(following)) for s in by_shard]).lazy()
        told = told_by_lot(parts, levelled.join(following.lazy(), on="job", how="semi"))
        again = scales(levelled).join(following, on="job").join(told, on="job", how="semi")
        again = again.join(exponents(levelled, again), on="job").select(raw.columns)
        return pl.concat([raw.join(again, on="job", how="anti"), again]).sort("job")

    def shard(self, shard: int) -> Shard:
        """A shard as the first pass left it, at the level after the changes."""
        if self._only is not None:
            return self._brought or self._only
        frame = self.frame(shard)
        return Shard.of(at_level(frame, self.rounds) if self.rounds else frame)

    def frame(self, shard: int) -> pl.DataFrame:
        """The rows of a shard as they were reported."""
        return self._only.frame if self._only is not None else pl.read_parquet(self._path("shard", shard))

    def _path(self, what: str, shard: int) -> Path:
        assert self._folder is not None
        kind = "json" if what == "counts" else "parquet"
        return self._folder / f"{what}_{shard:03d}of{self.shards:03d}.{kind}"


def _join_parts(parts: list[Path], target: Path) -> None:
    if len(parts) == 1:
        replace_file(parts[0], target)
    else:
        pl.scan_parquet(parts).sink_parquet(target)


def build_profiles(
    reported: ReportedTimes,
    operations: pl.LazyFrame,
    out: Path,
    *,
    shards: int = 1,
    machines: pl.DataFrame | None = None,
    progress: Progress = SILENT,
) -> TimesReport:
    """Write the three time profiles and the samples behind them.

    A group whose measure has no sample has n = 0 and NULL statistics.

    Parameters
    ----------
    reported : ReportedTimes
        The work results and what their times mean.
    operations : polars.LazyFrame
        OPERATIONS frame, for the comparison with the standards.
    out : Path
        Folder for `time_by_item_operation.parquet`, `time_by_job_resource.parquet`, `time_by_job.parquet` and
        `time_samples.parquet`. Made if missing; old files are replaced.
    shards : int, default 1
        Hash shards of items, held in memory one after the other. The result does not depend on it.
    machines : polars.DataFrame, optional
        WORK_CENTRE_GROUPS frame, so that reports are judged by group too.
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
        tempfile.TemporaryDirectory(prefix=SCRATCH, dir=out) as scratch,
        progress.task("Time profiles", total=2 * shards + 3) as task,
    ):
        spill = _Spill(shards, Path(scratch) if shards > 1 else None)
        for shard in range(shards):
            spill.first_pass(reported, shard)
            task.advance()
        return _second_passes(spill, operations, machines, reported.basis, out, task)


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
    machines: pl.DataFrame | None = None,
    progress: Progress = SILENT,
) -> TimesReport:
    """The second pass over all shards of `read_shard`: writes and returns what `build_profiles` does.

    Parameters
    ----------
    folder : ShardFolder
        Where the shards are.
    operations : polars.LazyFrame
        OPERATIONS frame, for the comparison with the standards.
    basis : TimeBasis
        What the reported times mean, as given to `read_shard`.
    out : Path
        Folder for the profiles, as in `build_profiles`.
    machines : polars.DataFrame, optional
        As in `build_profiles`.
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
        return _second_passes(spill, operations, machines, basis, out, task)


def _second_passes(
    spill: _Spill,
    operations: pl.LazyFrame,
    machines: pl.DataFrame | None,
    basis: TimeBasis,
    out: Path,
    task: Task,
) -> TimesReport:
    """Judge each shard by the scales of all, and write the profiles and samples of all."""
    job_scales = spill.job_scales()
    suspects = find_suspects((spill.frame(k) for k in range(spill.shards)), operations, machines)
    asides = _Asides(spill, suspects)
    rounds = _changes(spill, job_scales["run"], asides)
    if rounds:
        job_scales = spill.bring(rounds, job_scales)
    own = out / f"{TIME_BY_ITEM_OPERATION.name}.parquet"
    groups = {TIME_BY_ITEM_OPERATION.name: 0}
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=out) as scratch:
        work = Path(scratch)
        for shard in range(spill.shards):
            loaded = spill.shard(shard)
            aside = asides.of(shard)
            made = profile_of(loaded, job_scales, basis, aside)
            for m, rows in (aside.before if aside is not None else {}).items():
                spill.counts.removed[m][3] += int(rows.sum())
                suspects.count_single(shard, m, made.single[m])
            for m, removed in made.removed.items():
                spill.counts.remove(m, removed)
            made.by_item_operation.write_parquet(work / f"items_{shard:04d}.parquet", compression="lz4")
            samples = _samples(made.samples, loaded.frame, spill, shard)
            samples.write_parquet(work / f"samples_{shard:04d}.parquet", compression="lz4")
            groups[TIME_BY_ITEM_OPERATION.name] += made.by_item_operation.height
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
    ratios = plausibility(by_item_operation, operations)
    findings = suspects.all_findings()
    for text in sentences(findings):
        get_logger(__name__).warning("times_suspected", text=text)
    if any(f.set_aside for f in findings):
        ratios = {m: of_ratios(suspects.ratios[m]) for m in MEASURES}
    changes = counted(rounds, lambda: (spill.frame(k) for k in range(spill.shards)))
    for text in changes_in_words(changes):
        get_logger(__name__).warning("times_changed", text=text)
    return TimesReport(spill.counts.results, measures, groups, ratios, findings, changes)


class _Asides:
    """Which rows of each shard are set aside. Asked once of each shard, for the suspects count what they are asked.

    Parameters
    ----------
    spill : _Spill
        The shards.
    suspects : Suspects
        What is suspected.
    """

    def __init__(self, spill: _Spill, suspects: Suspects) -> None:
        self._spill, self._suspects = spill, suspects
        self._found: dict[int, Aside | None] = {}

    def of(self, shard: int) -> Aside | None:
        """Those of a shard; None if none is."""
        if shard not in self._found:
            self._found[shard] = self._suspects.aside(shard, self._spill.frame(shard))
        return self._found[shard]


def _changes(spill: _Spill, lots: pl.DataFrame, asides: _Asides) -> dict[str, Rounds]:
    """By measure the machines and jobs whose times have changed, those without any left out."""
    found: dict[str, Rounds] = {}
    for m in MEASURES:
        looks = uneven(spill.signs(m))
        if not any(looks.codes.values()):
            continue
        reports = pl.concat(
            [reports_of(k, spill.frame(k), m, looks, lots, asides.of(k)) for k in range(spill.shards)]
        )
        rounds = find_changes(reports, m, looks)
        if rounds:
            found[m] = rounds
    return found


def _samples(made: pl.DataFrame, brought: pl.DataFrame, spill: _Spill, shard: int) -> pl.DataFrame:
    """The samples of a shard as they were reported, with the factors of its level."""
    if not spill.rounds:
        return made.with_columns(pl.lit(1.0).alias(f) for f in FACTORS.values())
    return as_reported(made, brought, spill.frame(shard))


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

    The pooled profiles are rebuilt from the kept samples of the other items. Which samples are kept and how
    run times depend on the lot is not estimated again: the jobs' scales and exponents, from thousands of
    samples, include the hidden items.

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
