"""Signs in the numbers of a time that they mean something else: clock times as decimals, the whole time of a batch for each item."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import polars as pl

from routing_etl.erp.profile import Profile
from routing_etl.frames import INHOUSE

#: Fewest times with two decimals, fewest different decimals among them, and the share of all times, that are judged.
_CLOCK_ROWS, _CLOCK_KINDS, _CLOCK_SHARE = 50, 20, 0.95
#: Longer times are entry errors.
_LONGEST = 1e9
#: The times that are looked at, by frame.
_TIMES = {"operations": ("setup_time", "run_time"), "work_results": ("machine_time",)}
#: Fewest rows, their share of all, and of the rows whose time is not the only one of its machine, that look like batches.
_BATCH_ROWS, _BATCH_SHARE, _BATCH_OF_EQUAL = 20, 0.01, 0.5
#: Minutes of a set-up in the middle of all below and above which another unit is more likely.
_LEAST_SETUP, _MOST_SETUP = 1.0, 600.0
#: Minutes of a set-up that are usual, and the units that are tried.
_USUAL_SETUP = (1.0, 240.0)
_UNITS = (
    ("hours", 60.0),
    ("days, as spreadsheets have times", 1440.0),
    ("seconds", 1 / 60),
    ("hundredths of a minute", 0.01),
)
#: Names of jobs that are a set-up, in the languages seen.
_SETUP_JOB = (
    r"(?i)^(auf|um)?(r[uü]e?st)|^einricht|^set.?up|^(ma|make).?ready|^r[eé]glage|^mise en train|^attrezz|^preparaz|^preparac|^puesta a punto|"
    r"^przezbr|^ustawi[ae]n|^se[rř][ií]zen|^p[rř][ií]prava|^instellen|^omstellen|준비|段取|换模"
)
#: Fewest in-house operations with both times that are judged, and how many set-ups a run time for one piece may be in the middle.
_RUN_ROWS, _RUN_OF_SETUP = 50, 8.0
#: Fewest operations that are by their name a set-up.
_SETUP_ROWS = 5
#: Fewest different times of a routing, and fewest such routings, that look as if they were counted up.
_RISING_TIMES, _RISING_ROUTINGS = 3, 20
#: Fewest different sequences of jobs among them.
_RISING_SEQUENCES = 5
#: Minutes of a run time for one piece that are much in the middle of all operations.
_LONG_RUN = 60.0
#: Names of times that may have another time in them.
_TOTAL = re.compile(r"total|gesamt|ges[_. ]?zeit|합계|総|总", re.IGNORECASE)
#: About so many rows are looked at, so that a plant of millions costs no more.
_BATCH_LOOKED_AT = 500_000


def clock_numbers(raw: Mapping[str, pl.LazyFrame], profile: Profile) -> Iterator[str]:
    """Say which times are numbers of hours and minutes: of many decimals none reaches .60.

    With fifty times of any decimals the chance is 0.6 to the power of 50.

    Parameters
    ----------
    raw : mapping of str to polars.LazyFrame
        Raw frames.
    profile : Profile
        The source profile.
    """
    for frame, times in _TIMES.items():
        family = "operations" if frame == "operations" else "results"
        if family not in profile.sections:
            continue
        columns = profile.column_maps(family)  # type: ignore[arg-type]
        for name in times:
            spec = columns.get(name)
            if spec is None or spec.const is not None or spec.time_form is not None or spec.sum:
                continue
            hundredths = pl.col(name) * 100
            whole = (hundredths - hundredths.round()).abs() < 1e-6
            decimals = (
                pl.when(whole).then(hundredths.round().cast(pl.Int64, strict=False) % 100).otherwise(-1)
            )
            seen = (
                raw[frame]
                .filter(pl.col(name) > 0, pl.col(name) < _LONGEST)
                .group_by(decimals.alias("decimals"))
                .agg(pl.len().alias("rows"))
            )
            counts = seen.collect(engine="streaming")
            some = counts.filter(pl.col("decimals") > 0)
            rows = int(some["rows"].sum())
            if (
                rows < _CLOCK_ROWS
                or some.height < _CLOCK_KINDS
                or int(some["decimals"].max()) >= 60  # type: ignore[arg-type]
                or counts.filter(pl.col("decimals") < 0)["rows"].sum()
                > (1 - _CLOCK_SHARE) * int(counts["rows"].sum())
            ):
                continue
            yield (
                f"{frame}: none of {rows:,} decimals in {spec.source} ({name}) reaches .60, so 1.30 may be an hour and 30 minutes, or a minute and "
                f'30 seconds; it is read as 1.3. Write {name} = {{ column = "{spec.source}", time_form = "h.mm" }} if they are hours; a view must '
                "make minutes of minutes and seconds."
            )


def runs_for_many(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say that nothing shows whether run times are for one piece, where they are many times the set-up and no results are read.

    Where work results are read, the reported times show it.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    """
    columns = profile.column_maps("operations")
    if (
        "results" in profile.sections
        or "run_time" not in columns
        or {"run_basis", "run_time_qty"} & set(columns)
    ):
        return []
    if profile.routing.run_basis not in ("piece", "base_qty"):
        return []
    timed = operations.filter(pl.col("run_min") > 0, pl.col("setup_min") > 0, pl.col("inside") == INHOUSE)
    found = timed.select(
        pl.len().alias("rows"),
        pl.col("run_min").median().alias("run"),
        pl.col("setup_min").median().alias("setup"),
    )
    rows, run, setup = found.collect(engine="streaming").row(0)
    if rows < _RUN_ROWS or run < max(_RUN_OF_SETUP * setup, _LONG_RUN):
        return []
    return [
        f"operations: in the middle of {rows:,} operations the run time ({columns['run_time'].source}) is {run:,.3g} minutes for one piece, "
        f"{run / setup:,.0f} times the set-up ({setup:,.3g}). No work results are read, so nothing shows whether it is for one piece, for 100 or "
        "for the whole order. Say it in routing.run_basis (per_100, per_1000, order), or map run_basis or run_time_qty; run_basis = "
        '"minutes_per_piece" says that it is for one piece, and ends this sentence.'
    ]


def odd_setups(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say that set-ups are far too short or too long to be in the unit that is taken, where no column says the unit.

    A column of units whose words are numbers says none: what 0 and 1 mean is the profile's own word.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    """
    columns = profile.column_maps("operations")
    spec, unit_of = columns.get("setup_time"), columns.get("setup_unit", columns.get("time_unit"))
    coded = (
        unit_of is not None
        and unit_of.const is None
        and any(word.strip().isdigit() for word in profile.routing.time_units)
    )
    if (
        spec is None
        or spec.time_form is not None
        or "time_factor" in columns
        or (unit_of is not None and not coded)
        or (coded and {n.rpartition(".")[2] for n in spec.names} & set(profile.operations.ignore))
    ):
        return []
    setup = pl.col("setup_min").filter(pl.col("setup_min") > 0, pl.col("inside") == INHOUSE)
    rows, middle = (
        operations.select(setup.len().alias("n"), setup.median().alias("m"))
        .collect(engine="streaming")
        .row(0)
    )
    if rows < _RUN_ROWS or _LEAST_SETUP <= middle <= _MOST_SETUP:
        return []
    low, high = _USUAL_SETUP
    likely = [
        f"{name} ({middle * minutes:,.3g} minutes)"
        for name, minutes in _UNITS
        if low <= middle * minutes <= high
    ]
    unit = profile.routing.blank_time_unit
    if coded and unit_of is not None:
        return [
            f"operations: in the middle of {rows:,} operations the set-up ({spec.source}) is {middle:,.3g} minutes by the units that the profile "
            f"gives the numbers in {unit_of.source}"
            + (f"; was it in {' or '.join(likely)}?" if likely else ".")
            + f" Correct routing.time_units, and the units of the run times and of the results likewise; or, if set-ups are so, add {spec.source} "
            "to operations.ignore."
        ]
    return [
        f"operations: in the middle of {rows:,} operations the set-up ({spec.source}) is {middle:,.3g} minutes, and no column says the unit"
        + (f"; is it in {' or '.join(likely)}?" if likely else ".")
        + f" All times are read in units of {unit:g} minutes: write routing.blank_time_unit, or setup_unit = {{ const = ... }} with "
        "routing.time_units; a unit that is written so ends this sentence."
    ]


def setups_as_operations(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say that operations which are by their name a set-up have a run time, which is taken for every piece.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    """
    if "run_time" not in profile.column_maps("operations"):
        return []
    name = pl.coalesce("job_nm", "job_cd")
    mine = operations.filter(
        pl.col("run_min") > 0, ~(pl.col("setup_min") > 0).fill_null(False), name.str.contains(_SETUP_JOB)
    )
    counts = (
        mine.group_by(name.alias("name"))
        .len()
        .sort("len", "name", descending=[True, False])
        .collect(engine="streaming")
    )
    rows = int(counts["len"].sum())
    if rows < _SETUP_ROWS:
        return []
    named = ", ".join(f"{word!r} ({n:,})" for word, n in counts.head(5).iter_rows())
    return [
        f"operations: {rows:,} operations are by their name a set-up and have a run time and no set-up time: {named}. It is taken for every piece "
        'of an order. Map run_basis with "order" for such rows, or a view that puts it into setup_time of the operation it is for.'
    ]


def counted_up_times(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say that run times may be counted up from the first operation: they never fall along a routing, and mostly rise.

    Of three different times one order in six is chance. Where all routings have the same jobs, a rise is only what these jobs take.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    """
    spec = profile.column_maps("operations").get("run_time")
    if spec is None:
        return []
    times, jobs = (pl.col(c).sort_by("proc_seq") for c in ("run_min", "job_cd"))
    routings = (
        operations.filter(pl.col("run_min") > 0)
        .group_by("item_key", "rout_no")
        .agg(different=pl.col("run_min").n_unique(), never=(times.diff() >= 0).all(), jobs=jobs.str.join("/"))
        .filter(pl.col("different") >= _RISING_TIMES)
        .select(n=pl.len(), never=pl.col("never").sum(), sequences=pl.col("jobs").n_unique())
    )
    n, never, sequences = routings.collect(engine="streaming").row(0)
    if n < _RISING_ROUTINGS or never < n or sequences < _RISING_SEQUENCES:
        return []
    return [
        f"operations: {spec.source} (run_time) never falls from one operation to the next, in all of {never:,} routings with {_RISING_TIMES} different "
        "times and more: is it counted up from the first operation? It is read as the time of each operation. If it is counted up, read a view with the "
        "differences (LAG over the routing)."
    ]


def total_beside_setup(profile: Profile) -> list[str]:
    """Say that a time whose name says total is read as the run time beside a set-up time, which may be a part of it.

    Parameters
    ----------
    profile : Profile
        The source profile.
    """
    said = []
    for family, run in (("operations", "run_time"), ("results", "machine_time")):
        if family not in profile.sections:
            continue
        columns = profile.column_maps(family)  # type: ignore[arg-type]
        total, setup = columns.get(run), columns.get("setup_time")
        if total is None or setup is None or total.const is not None or not _TOTAL.search(total.source):
            continue
        said.append(
            f"{'operations' if family == 'operations' else 'work_results'}: {total.source} ({run}) is by its name a total, and {setup.source} is read "
            "as set-up time beside it: if it is a part of that total, it counts twice. Map the run time alone, or a view that takes the set-up off."
        )
    return said


def whole_times_of_batches(raw: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say where a machine has one and the same time on a day for several items, though its times differ otherwise.

    Times that are rounded are the same on many days; those of a furnace load or a nest are the same for its items only.

    Parameters
    ----------
    raw : polars.LazyFrame
        Raw work results.
    profile : Profile
        The source profile.
    """
    if "results" not in profile.sections:
        return []
    columns = profile.column_maps("results")
    if not {"machine_time", "res_cd", "report_dt"} <= set(columns) or "batch_no" in columns:
        return []
    pieces = [c for c in ("order_qty", "yield_qty") if c in raw.collect_schema().names()]
    every = math.ceil(int(raw.select(pl.len()).collect().item()) / _BATCH_LOOKED_AT)
    timed = raw.filter(pl.col("machine_time") > 0, pl.col("res_cd").is_not_null()).select(
        "item_cd",
        where=pl.struct("res_cd", "machine_time").hash(seed=3),
        day=pl.col("report_dt").str.slice(0, 10),
        pieces=pl.coalesce(pieces),
    )
    timed = timed.filter(pl.col("where") % max(every, 1) == 0)  # all rows of some machines and times
    days = timed.group_by("where", "day").agg(
        pl.len().alias("rows"), several=(pl.col("item_cd").n_unique() > 1) & (pl.col("pieces").n_unique() > 1)
    )
    days = days.with_columns(pl.col("rows").sum().over("where").alias("all"))
    again = pl.col("rows").filter(pl.col("all") > 1)
    counts = days.select(
        pl.col("rows").filter("several").sum().alias("batch"),
        again.sum().alias("equal"),
        pl.col("rows").sum().alias("total"),
    )
    batch, equal, total = counts.collect(engine="streaming").row(0)
    if batch < max(_BATCH_ROWS, _BATCH_SHARE * total) or batch < _BATCH_OF_EQUAL * equal:
        return []
    return [
        f"work_results: in {batch:,} of {total:,} rows looked at a machine has the same time on one day for several items and quantities, and "
        "hardly the same on other days: that of a load or a nest, stated whole for each item? It is taken whole for each. Map batch_no, the "
        "number of the load, in [results.columns] to share it by pieces."
    ]
