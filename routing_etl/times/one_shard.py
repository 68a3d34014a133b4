"""The time profile of one hash shard of items, in memory: from its work results to its TIME_BY_ITEM_OPERATION rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.frames import TIME_BY_ITEM_OPERATION, TimeBasis
from routing_etl.shards import in_shard
from routing_etl.times.convert import minutes, minutes_without_pieces, pieces
from routing_etl.times.lot_size import at_lot
from routing_etl.times.pooled import MEASURES, NO_DATE, age_weights, conform
from routing_etl.times.samples import Removed, Samples, Scales, deviations, find_removed
from routing_etl.times.statistics import BoolArray, FloatArray, IntArray, SortedGroups
from routing_etl.times.suspects import Aside

#: Operation numbers that span this much or more are ranked, so that the group key fits into 64 bits.
_WIDE_SEQUENCE = 100_000
_SAMPLE_COLUMNS = (
    "item_key", "rout_no", "proc_seq", "job_cd", "res_cd", "report_dt", "setup_min", "run_min", "setup_removed",
    "run_removed", "pieces", "run_min_at_lot", "machine_gone",
)  # fmt: skip


@dataclass(frozen=True)
class ReportedTimes:
    """Work results (a WORK_RESULTS frame) and what their times mean."""

    results: pl.LazyFrame
    basis: TimeBasis


def load_shard(reported: ReportedTimes, shard: int, shards: int) -> pl.DataFrame:
    """One shard of results in minutes. Strings as categories, because there are few different ones in many rows."""
    basis = reported.basis
    results = reported.results.filter(in_shard(shard, shards)) if shards > 1 else reported.results
    return (
        minutes(results, basis)
        .select(
            pl.col("item_key", "job_cd", "res_cd", "time_unit", "qty_unit").cast(pl.Categorical),
            # a routing number that names no routing of the item says nothing
            pl.when(pl.col("match_level") == "routing").then("rout_no").cast(pl.Categorical).alias("rout_no"),
            "proc_seq",
            "report_dt",
            "setup_min",
            "run_min",
            "setup_flag",
            "run_flag",
            "machine_gone",
            pieces=pieces(basis),
            ordered=pl.col("order_no").is_not_null(),
            lost_min=minutes_without_pieces(basis),
        )
        .collect(engine="streaming")
    )


def group_key(frame: pl.DataFrame) -> pl.Series:
    """One UInt64 per (job, item, operation number), job first.

    jobs x items x operation numbers must stay below 2**64: 100,000 jobs, 100 million items and 100,000
    numbers fit. Numbers that span more are ranked.
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
    reported = frame["run_min"].to_numpy()[samples.row]
    minutes = at_lot(reported, quantity, groups.spread(lot), groups.spread(exponent))
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
class Shard:
    """One shard in memory: its rows with `key` (see `group_key`), and the sorted samples of each measure."""

    frame: pl.DataFrame
    samples: dict[str, Samples]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Shard:
        """Sort the samples of a frame with `key`."""
        return cls(frame, {m: Samples.of(frame, m) for m in MEASURES})

    def levelled(self, job_scales: pl.DataFrame) -> Samples:
        """The run times converted to the lot of their group, in jobs whose run times follow it.

        Parameters
        ----------
        job_scales : polars.DataFrame
            `job` and `level`, the exponent; 0 or a missing job: they do not follow it.
        """
        samples = self.samples["run"]
        (exponent,) = _per_group(self.frame, samples, job_scales, "level")
        return samples.levelled(_pieces(self.frame, samples), exponent)

    def deviations(self, measure: str, samples: Samples | None = None) -> pl.DataFrame:
        """What the shard adds to the jobs' scales, and for `run` to the lot exponents (see `samples.deviations`).

        Parameters
        ----------
        measure : {'setup', 'run'}
            Which times.
        samples : Samples, optional
            The times, where they are not those reported.
        """
        samples = self.samples[measure] if samples is None else samples
        quantity = _pieces(self.frame, samples) if measure == "run" else None
        return deviations(samples.groups, _job_codes(self.frame, samples.row), quantity)


@dataclass(frozen=True)
class ShardProfile:
    """What is written of one shard: its profile, its samples with their marks, and what was removed of each measure.

    `single` has the operation (`key`) of each report that was set aside alone.
    """

    by_item_operation: pl.DataFrame
    samples: pl.DataFrame
    removed: dict[str, Removed]
    single: dict[str, pl.Series]


def profile_of(
    shard: Shard,
    job_scales: dict[str, pl.DataFrame],
    basis: TimeBasis,
    aside: Aside | None = None,
) -> ShardProfile:
    """Remove entry errors and outliers and make the shard's TIME_BY_ITEM_OPERATION rows.

    Parameters
    ----------
    shard : Shard
        The shard, as the first pass left it.
    job_scales : dict[str, polars.DataFrame]
        Per measure the jobs' scales over all shards; for `run` also `exponent`.
    basis : TimeBasis
        What the reported times mean.
    aside : Aside, optional
        Rows that are set aside (see `suspects`); they count as removed.
    """
    reported = shard.frame
    before = aside.before if aside is not None and any(a.any() for a in aside.before.values()) else None
    if before is not None:
        shard = Shard.of(
            reported.with_columns(
                pl.when(~before[m]).then(pl.col(f"{m}_min")).alias(f"{m}_min") for m in MEASURES
            )
        )
    frame, judged = shard.frame, {}
    for m, samples in (shard.samples | {"run": shard.levelled(job_scales["run"])}).items():
        removed = _judge(frame, samples, job_scales[m], m, basis)
        if aside is not None:
            removed = removed.with_aside(aside.after[m].to_numpy()[samples.row])
        judged[m] = _Judged(samples, removed)
        marks = np.zeros(frame.height, dtype=bool)
        marks[samples.row[removed.any]] = True
        frame = frame.with_columns(pl.Series(f"{m}_removed", marks))
    profile, lots = _item_profile(frame, judged, job_scales, basis)
    at_usual = np.full(frame.height, np.nan)
    at_usual[judged["run"].samples.row] = lots.minutes
    frame = frame.with_columns(pl.Series("run_min_at_lot", at_usual, nan_to_null=True))
    if before is not None:
        profile = _with_aside(profile, frame, before)
        frame = frame.with_columns(
            *(reported[f"{m}_min"] for m in MEASURES),
            *((pl.col(f"{m}_removed") | before[m]).alias(f"{m}_removed") for m in MEASURES),
        )
    single = {m: frame["key"].gather(pl.Series(j.samples.row[j.removed.aside])) for m, j in judged.items()}
    removed_by = {m: j.removed for m, j in judged.items()}
    return ShardProfile(profile, frame.select(_SAMPLE_COLUMNS), removed_by, single)


def _with_aside(profile: pl.DataFrame, frame: pl.DataFrame, aside: dict[str, pl.Series]) -> pl.DataFrame:
    """The profile with the rows set aside among those removed; an operation that lost all its rows has n = 0."""
    named = frame.select(
        pl.col("item_key", "job_cd").cast(pl.String), "proc_seq", *(aside[m].alias(m) for m in MEASURES)
    )
    keys = list(TIME_BY_ITEM_OPERATION.key)
    lost = named.filter(pl.any_horizontal(MEASURES)).group_by(keys).agg(pl.col(MEASURES).sum())
    whole = profile.join(lost, on=keys, how="full", coalesce=True)
    return TIME_BY_ITEM_OPERATION.conform(
        whole.with_columns(
            *(pl.col(f"{m}_n").fill_null(0) for m in MEASURES),
            *((pl.col(f"{m}_n_removed").fill_null(0) + pl.col(m).fill_null(0)).alias(f"{m}_n_removed") for m in MEASURES),
        ).select(TIME_BY_ITEM_OPERATION.names)
    )  # fmt: skip
