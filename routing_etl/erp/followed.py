"""Which columns that the profile leaves unread the reported times follow: pieces at once, a crew, a unit, in any language and by any name.

x = ln(actual / standard) of a part of the reports (`beside`). A number is tried as a factor, a divisor, a percentage: what is left of the
scatter of x within a job must be much less, and x must rise by about 1 with what is tried. A number that is one for a whole job, such as its
crew, is judged by the middles of the jobs. Any column of few values is tried as one that says a unit or a kind: the middle of x differs from value to value. And of operations that are never reported it is asked whether a column
says so: a mark of deletion, a phantom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from routing_etl.erp.beside import PREFIX, beside_file
from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.clean_results import minutes_of_rows
from routing_etl.erp.files import RawFrame
from routing_etl.erp.other_pieces import other_pieces
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, Family
from routing_etl.erp.reader import RAW_DTYPE
from routing_etl.erp.text import own_number
from routing_etl.frames import INHOUSE, key_of

#: Values of a number that is tried as a factor, and of a column that is tried as words: at least two, at most so many.
_VALUES, _WORDS = 60, 12
#: Fewest reports, fewest operations of a value in a job, and how much less reports must scatter where a number, or a word, is known.
_REPORTS, _OPERATIONS, _CLOSER, _CLOSER_BY_WORDS = 40, 5, 0.8, 0.6
#: The rise of ln(actual / standard) with what is tried, which is 1 where it is right.
_RISE = (0.75, 1.3)
#: Least factor between the middles of two words.
_APART = 1.8
#: Of a word that few reports have: fewest operations, fewest other reports of a job beside them, and the share of them on one side of these.
_RARE_OPERATIONS, _BESIDE, _ONE_SIDE = 20, 10, 0.85
#: Of numbers that are one for a job: fewest jobs with another value than most, the share of jobs that must fit, and how near they must be.
_OTHER_JOBS, _JOBS_FIT, _NEAR = 3, 0.7, float(np.log(1.3))
#: The share of a job's reports that must have one value, to call it the job's.
_ONE_VALUE = 0.9
#: Limit of ln(actual / standard): beyond it nothing is a time.
_WIDEST = float(np.log(1e6))
#: Fewest operations with a word that are never reported, and the share of those with other words that is.
_NEVER, _USUALLY = 15, 0.5
#: Items of a plant by which kinds of items are judged; of more, every n-th.
_ITEMS = 20_000
_OPERATION = ["item_key", "_number", "_job"]


def followed(raw: Path, operations: pl.LazyFrame, profile: Profile, keys: ItemKeys) -> list[str]:
    """Say which columns that the profile leaves unread the reported times follow.

    Parameters
    ----------
    raw : pathlib.Path
        Folder of the raw frames.
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    keys : ItemKeys
        The key of each item code.
    """
    files = [beside_file(raw, FRAME_OF[f]).rows for f in ("operations", "results")]  # type: ignore[index]
    if profile.results is None or not all(path.is_file() for path in files):
        return []
    number = "oper_no" if profile.has_own_numbers else "proc_seq"
    routings, reports = (_with_absent(pl.read_parquet(path), number) for path in files)
    if not all(number in frame.columns for frame in (routings, reports)):
        return []
    routings, reports = (_keyed(frame, keys, number) for frame in (routings, reports))
    kept = _kept(operations, number)
    timed = _reported(reports, profile)
    rows = _beside_standards(_each_for_itself(timed, profile), kept, "run_min")
    orders = _beside_standards(_by_orders(timed, profile), kept, "run_min")
    set_ups = _beside_standards(_set_ups(reports, profile), kept, "setup_min")
    found = [*_tried(rows.drop(_unread(orders)), "results"), *_tried(orders, "results")]
    found += _set_ups_tried(set_ups, "results", found)
    found += other_pieces(_by_pieces(timed, profile), _unread(timed), _OPERATION, PREFIX)
    own = _unread(routings)
    if own:
        each = routings.group_by(_OPERATION).agg(pl.col(own).first())
        of_operations = [
            frame.drop(_unread(frame)).join(each, on=_OPERATION)
            for frame in (rows if orders.is_empty() else orders, set_ups)
        ]
        found += _tried(of_operations[0], "operations")
        found += _set_ups_tried(of_operations[1], "operations", found)
        found += _never_reported(each.join(kept, on=_OPERATION), _all_reported(raw, keys, number))
    return found


def _all_reported(raw: Path, keys: ItemKeys, number: str) -> pl.DataFrame:
    """The operations that any report names, not those of a part of the items alone."""
    reports = pl.scan_parquet(RawFrame(raw, FRAME_OF["results"]).rows)
    there = set(reports.collect_schema().names())
    named = [c for c in ("item_cd", "proc_seq", "oper_no", "job_cd") if c in there]
    some = reports.select(named).unique().collect(engine="streaming")
    return _keyed(_with_absent(some, number), keys, number).select(_OPERATION).unique()


def _beside_standards(reports: pl.DataFrame, kept: pl.DataFrame, standard: str) -> pl.DataFrame:
    """Reports with x, the logarithm of their minutes over the standard."""
    rows = reports.join(kept.filter(pl.col(standard) > 0), on=_OPERATION)
    rows = rows.with_columns(x=(pl.col("minutes") / pl.col(standard)).log())
    return rows.filter(pl.col("x").abs() < _WIDEST)


def _unread(frame: pl.DataFrame) -> list[str]:
    return [c for c in frame.columns if c.startswith(PREFIX)]


# --- rows ---------------------------------------------------------------------------------------------------------------
def _with_absent(frame: pl.DataFrame, number: str) -> pl.DataFrame:
    """Raw rows with the columns of results that this ERP does not have, NULL as in the raw frame."""
    columns = RAW_COLUMNS["results"].values()
    absent = [
        pl.lit(None, RAW_DTYPE[c.type]).alias(c.name)
        for c in columns
        if c.name not in frame.columns and c.name not in ("proc_seq", "oper_no")
    ]
    if number == "oper_no" and {"oper_no", "proc_seq"} & set(frame.columns) == {"proc_seq"}:
        absent.append(pl.col("proc_seq").alias("oper_no"))
    return frame.with_columns(absent)


def _operation_number(number: str) -> pl.Expr:
    return own_number("oper_no") if number == "oper_no" else pl.col("proc_seq").cast(pl.String)


def _keyed(frame: pl.DataFrame, keys: ItemKeys, number: str) -> pl.DataFrame:
    """Rows with the key of their operation."""
    job = key_of(pl.col("job_cd"))
    keyed = frame.with_columns(keys.of(frame["item_cd"]), _number=_operation_number(number), _job=job)
    return keyed.drop_nulls(_OPERATION)


def _kept(operations: pl.LazyFrame, number: str) -> pl.DataFrame:
    """The operations that were kept, with the mean standard times of each and whether it is done in house."""
    each = operations.select(
        "item_key",
        _operation_number(number).alias("_number"),
        key_of(pl.col("job_cd")).alias("_job"),
        "run_min",
        "setup_min",
        inhouse=pl.col("inside") == INHOUSE,
    )
    found = each.group_by(_OPERATION).agg(pl.col("run_min", "setup_min").mean(), pl.col("inhouse").all())
    return found.collect(engine="streaming")


def _reported(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Reports that are no set-ups, with the minutes of the row (`worked`) and its pieces, as the profile means them."""
    results = profile.results
    assert results is not None
    if "record_kind" in results.columns:
        running = [w.strip().upper() for w in results.kinds.get("run", ())]
        frame = frame.filter(pl.col("record_kind").str.strip_chars().str.to_uppercase().is_in(running))
    frame = minutes_of_rows(frame, results)
    worked = (pl.col("machine_time") - pl.col("hold_time").fill_null(0.0)) * results.time_factor_min
    return frame.with_columns(worked=worked, pieces=pl.coalesce("order_qty", "yield_qty"))


def _each_for_itself(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Reports with the minutes of a piece, each row for itself."""
    return frame.select(*_OPERATION, *_unread(frame), minutes=_of_a_piece(profile)).drop_nulls("minutes")


def _by_pieces(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Reports with their pieces and x, the logarithm of the minutes of a piece; none where several rows share one quantity."""
    results = profile.results
    assert results is not None
    if results.run_basis != "order" or results.order_quantity not in ("sum", None):
        frame = frame.clear()
    rows = frame.with_columns(minutes=_of_a_piece(profile)).filter(pl.col("minutes") > 0)
    return rows.select(*_OPERATION, *_unread(frame), "pieces", x=pl.col("minutes").log())


def _by_orders(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The minutes of a piece by order and operation, with the unread columns that hold one value in nearly all orders.

    The rows of an order may be parts of it that say the whole quantity, and would scatter by that more than by what is looked for.
    """
    results = profile.results
    assert results is not None
    if "order_no" not in results.columns:
        frame = frame.clear()
    unread = _unread(frame)
    counted_up = {"largest": pl.col("worked").max()}.get(results.order_time, pl.col("worked").sum())
    pieces = pl.col("pieces").sum() if results.order_quantity in ("sum", None) else pl.col("pieces").max()
    orders = (
        frame.drop_nulls("order_no")
        .group_by(*_OPERATION, "order_no")
        .agg(
            pl.col(unread).first(),
            pl.col(unread).n_unique().name.prefix("_n:"),
            worked=counted_up,
            pieces=pieces,
        )
    )
    if orders.is_empty():
        return orders.select(*_OPERATION, minutes=pl.lit(None, pl.Float64))
    same = orders.select((pl.col(f"_n:{c}") == 1).mean().alias(c) for c in unread).row(0) if unread else ()
    one = [c for c, share in zip(unread, same, strict=True) if share >= _ONE_VALUE]
    return orders.select(*_OPERATION, *one, minutes=_of_a_piece(profile)).drop_nulls("minutes")


def _of_a_piece(profile: Profile) -> pl.Expr:
    """Minutes of a piece from `worked` and `pieces`."""
    results = profile.results
    assert results is not None
    covers = {"order": pl.col("pieces"), "lot": pl.lit(results.lot_size, pl.Float64), "piece": pl.lit(1.0)}
    some = (pl.col("pieces") > 0) & (pl.col("worked") > 0)
    return pl.when(some).then(pl.col("worked") / covers[results.run_basis])


def _set_ups(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Reports with the minutes of their set-up, each row for itself; none where set-ups are no column of their own."""
    results = profile.results
    assert results is not None
    if "setup_time" not in results.columns or results.setup_basis != "order":
        frame = frame.clear()
    frame = minutes_of_rows(frame, results)
    worked = pl.col("setup_time") * results.time_factor_min
    return frame.select(*_OPERATION, *_unread(frame), minutes=pl.when(worked > 0).then(worked)).drop_nulls(
        "minutes"
    )


# --- numbers ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Form:
    """What a number may be to a time: its meaning, by which factor reports differ then, its highest value, and the remedies."""

    told: str
    factor: Callable[[np.ndarray], np.ndarray]
    highest: float = np.inf
    of_operations: str = "Read a view that has the standard times with it"
    of_results: str = "Read a view that has the reported times with it"


_FORMS: tuple[_Form, ...] = (
    _Form(
        "{name} times as long", lambda v: v, np.inf, "Map it as cycles or time_factor in [operations.columns]",
        "If times are those of a crew together, map crew in [results.columns]; if quantities are packs, read a view that counts pieces",
    ),
    _Form(
        "1/{name} as long", lambda v: 1 / v, np.inf,
        "Map capacity in [operations.columns], if so many pieces or machines work at once; run_time_qty, if the time is for so many pieces; crew, if it "
        "is that of all people",
        "If it is the machines or parts of an order, map it as time_factor in [results.columns]",
    ),
    _Form("longer by {name} percent", lambda v: 1 + v / 100, 300),
    _Form("shorter by {name} percent", lambda v: 1 - v / 100, 95),
    _Form("as long as for 100/(100 - {name}) pieces", lambda v: 1 / (1 - v / 100), 95),
    _Form("longer by the share {name}", lambda v: 1 + v, 3),
    _Form("as long as for 1/(1 - {name}) pieces", lambda v: 1 / (1 - v), 0.95),
)  # fmt: skip


def _tried(rows: pl.DataFrame, family: Family) -> Iterator[str]:
    """The columns of a frame that reports follow, as sentences."""
    for column in _unread(rows):
        mine = rows.select(*_OPERATION, "x", v=pl.col(column))
        name = column.removeprefix(PREFIX)
        told = _as_number(name, mine, family) if mine.schema["v"].is_numeric() else None
        told = told or _as_words(name, mine, family)
        if told is not None:
            yield told


def _as_number(name: str, rows: pl.DataFrame, family: Family) -> str | None:
    """A number that reports follow as one of the forms, the one that leaves the least scatter."""
    mine = rows.filter(pl.col("v") >= 0).with_columns(pl.col("v").cast(pl.Float64))
    if mine.height < _REPORTS or not 2 <= mine["v"].n_unique() <= _VALUES:
        return None
    found = [(left, i) for i, form in enumerate(_FORMS) if (left := _left(mine, form)) is not None]
    form = _FORMS[min(found)[1]] if found else _of_jobs(mine)
    if form is None:
        return None
    return _sentence(
        name, f"they are {form.told.format(name=name)}, in units of the standard", mine, family
    ).format(remedy=form.of_operations if family == "operations" else form.of_results)


def _left(rows: pl.DataFrame, form: _Form) -> float | None:
    """The scatter that is left of the reports where a number is taken so, as a share; None where reports do not follow it."""
    value = rows["v"].to_numpy()
    if value.max() > form.highest:
        return None
    none = value == 0  # 0 pieces at once, 0 percent: nothing was entered
    h = np.where(none, 0.0, np.log(form.factor(np.where(none, 1e-9, value))))
    data = rows.select(*_OPERATION, "x", "v").with_columns(h=pl.Series(h))
    apart = pl.col("x") - pl.col("h")
    left = _share_left(data, apart - apart.median().over("_job"))
    if left is None or left > _CLOSER:
        return None
    groups = data.group_by("_job", "v").agg(
        pl.col("x").median(), pl.col("h").first(), n=pl.struct(_OPERATION).n_unique()
    ).filter(pl.col("n") >= _OPERATIONS)  # fmt: skip
    n = pl.col("n")
    centred = groups.select(
        n,
        *(
            (pl.col(c) - (pl.col(c) * n).sum().over("_job") / n.sum().over("_job")).alias(c)
            for c in ("x", "h")
        ),
    )
    rise = centred.select(rise=(n * pl.col("x") * pl.col("h")).sum() / (n * pl.col("h") ** 2).sum()).item()
    return left if rise is not None and _RISE[0] <= rise <= _RISE[1] else None


def _of_jobs(rows: pl.DataFrame) -> _Form | None:
    """Whether the middles of the jobs follow a number that is one for each job, as a factor or a divisor."""
    of_job = pl.col("v").mode().min()
    jobs = (
        rows.filter(pl.col("v") > 0)
        .group_by("_job")
        .agg(
            pl.col("x").median(),
            v=of_job,
            same=(pl.col("v") == of_job).mean(),
            n=pl.struct(_OPERATION).n_unique(),
        )
        .filter(pl.col("n") >= _OPERATIONS, pl.col("same") >= _ONE_VALUE)
    )
    if jobs.is_empty():
        return None
    value, x = jobs["v"].to_numpy(), jobs["x"].to_numpy()
    usual = float(jobs["v"].mode().min())  # type: ignore[arg-type]
    other = np.abs(np.log(value / usual)) > _NEAR
    if other.sum() < _OTHER_JOBS or np.mean(np.abs(x - np.median(x))[other] > _NEAR) < _JOBS_FIT:
        return None
    for form in _FORMS[:2]:
        apart = x - np.log(form.factor(value))
        fits = np.abs(apart - np.median(apart)) <= _NEAR
        if min(fits.mean(), fits[other].mean()) >= _JOBS_FIT:
            return form
    return None


def _share_left(data: pl.DataFrame, after: pl.Expr) -> float | None:
    """Mean absolute deviations `after` something is known, over those from the middle of the job; None where there are none."""
    level = pl.col("x") - pl.col("x").median().over("_job")
    before, left = data.select(before=level.abs().mean(), after=after.abs().mean()).row(0)
    return float(left / before) if before else None


# --- words --------------------------------------------------------------------------------------------------------------
def _as_words(name: str, rows: pl.DataFrame, family: Family) -> str | None:
    """A column by whose words reports differ from standards."""
    data = _by_words(rows)
    if data is None:
        return None
    remedy = (
        "If it says a unit or what a time is for, map run_unit, time_unit or run_basis in [operations.columns]"
        if family == "operations"
        else "If it says a unit, map time_unit or qty_unit in [results.columns]; if what a row is, record_kind, rework or a filter"
    )
    return _sentence(name, "in units of the standard they are", data, family).format(remedy=remedy)


def _set_ups_tried(rows: pl.DataFrame, family: Family, told: list[str]) -> list[str]:
    """The columns by whose words reported set-ups differ from standards, as sentences; none that are told of the run times."""
    found = []
    unit = "setup_unit in [operations.columns], with routing.time_units" if family == "operations" else (
        "setup_time_unit in [results.columns], with results.time_units"
    )  # fmt: skip
    for column in _unread(rows):
        name = column.removeprefix(PREFIX)
        data = _by_words(rows.select(*_OPERATION, "x", v=pl.col(column)))
        if data is not None and not any(f"reported times follow {name}," in sentence for sentence in told):
            found.append(
                f"{FRAME_OF[family]}: reported set-up times follow {name}, which the profile does not read: in units of the standard they are "
                f"{_middles(data)}. Without it set-ups are wrong where it differs. If it says their unit, map {unit}; or, if it is by chance, "
                f"add {name} to {family}.ignore."
            )
    return found


def _by_words(rows: pl.DataFrame) -> pl.DataFrame | None:
    """The reports that are compared, where of few values one differs from another of the same job by `_APART`; blanks are a value."""
    data = rows.with_columns(_word(pl.col("v")).alias("v"))
    if not 2 <= data["v"].n_unique() <= _WORDS:
        return None
    enough = (pl.struct(_OPERATION).n_unique().over("_job", "v") >= _OPERATIONS) & (
        pl.len().over("_job", "v") >= 10
    )
    often = data.filter(enough).filter(pl.col("v").n_unique().over("_job") >= 2)
    return often if _differ(often) else data if _has_a_rare_word(data) else None


def _differ(data: pl.DataFrame) -> bool:
    """Whether reports scatter much less by their words, of which one is far from another of the same job."""
    if data.height < _REPORTS:
        return False
    left = _share_left(data, pl.col("x") - pl.col("x").median().over("_job", "v"))
    middles = data.group_by("_job", "v").agg(pl.col("x").median())
    apart = middles.group_by("_job").agg(apart=pl.col("x").max() - pl.col("x").min())["apart"].median()
    return left is not None and left <= _CLOSER_BY_WORDS and float(apart) >= np.log(_APART)  # type: ignore[arg-type]


def _has_a_rare_word(data: pl.DataFrame) -> bool:
    """Whether nearly all reports of one word lie on one side of the others of their job, and far: too few to change how all scatter."""
    counts = data["v"].value_counts().filter(pl.col("count").is_between(_REPORTS, data.height // 2))
    for word in counts["v"]:
        is_it = pl.col("v") == word
        others = data.filter(~is_it).group_by("_job").agg(usual=pl.col("x").median(), n=pl.len())
        apart = data.filter(is_it).join(others.filter(pl.col("n") >= _BESIDE), on="_job")
        apart = apart.with_columns(d=pl.col("x") - pl.col("usual"))
        if (
            apart.height < _REPORTS
            or apart.select(pl.struct(_OPERATION).n_unique()).item() < _RARE_OPERATIONS
        ):
            continue
        middle = float(apart["d"].median())  # type: ignore[arg-type]
        if abs(middle) >= np.log(_APART) and ((apart["d"] * middle) > 0).mean() >= _ONE_SIDE:  # type: ignore[operator]
            return True
    return False


def kinds_of_items(
    results: pl.LazyFrame, operations: pl.LazyFrame, profile: Profile, items: pl.DataFrame
) -> Iterator[str]:
    """Say by which words of items reports differ from standards: a family that is counted in pairs, or has times of its own.

    Parameters
    ----------
    results : polars.LazyFrame
        WORK_RESULTS frame.
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    items : polars.DataFrame
        `item_key` and the items' attributes of few words.
    """
    if profile.results is None or profile.results.run_basis != "order":
        return
    part = max(1, items.height // _ITEMS)
    worked = pl.col("machine_time") - pl.col("hold_time").fill_null(0.0)
    some = results.filter(pl.col("item_key").hash() % part == 0, worked > 0, pl.col("order_qty") > 0)
    standards = (
        operations.filter(pl.col("run_min") > 0)
        .group_by("item_key", "proc_seq", "job_cd")
        .agg(pl.col("run_min").mean())
    )
    ratio = worked * profile.results.time_factor_min / pl.col("order_qty") / pl.col("run_min")
    rows = (
        some.join(standards, on=["item_key", "proc_seq", "job_cd"])
        .select("item_key", _number="proc_seq", _job="job_cd", x=ratio.log())
        .filter(pl.col("x").abs() < _WIDEST)
        .collect(engine="streaming")
    )
    for name in (c for c in items.columns if c != "item_key"):
        mine = _by_words(rows.join(items.select("item_key", v=name), on="item_key"))
        if mine is not None:
            yield (
                f"work_results: reported times differ by the items' {name}: in units of the standard they are {_middles(mine)}. They are used. Are those "
                "of one counted in pairs, sets or another unit (qty_unit, or a [[results.correct]] with qty_factor), or are their standards for something "
                "else than a piece?"
            )


def _word(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String).str.strip_chars().str.strip_suffix(".0").fill_null("")


def _sentence(name: str, what: str, rows: pl.DataFrame, family: Family) -> str:
    """What was found, with the middles of the most frequent values and a place for the remedy."""
    return (
        f"{FRAME_OF[family]}: reported times follow {name}, which the profile does not read: {what} {_middles(rows)}. Without it times of pieces "
        f"are wrong where it differs. {{remedy}}; or, if it is by chance, add {name} to {family}.ignore."
    )


def _middles(rows: pl.DataFrame) -> str:
    """The middle of actual over standard by the most frequent values."""
    each = rows.group_by("v").agg(ratio=pl.col("x").median().exp(), n=pl.len())
    each = each.sort("n", "v", descending=[True, False]).head(4).sort("v")
    return ", ".join(
        f"{ratio:.2g} where it is {f'{v:g}' if isinstance(v, float) else v or 'blank'} ({n:,})"
        for v, ratio, n in each.iter_rows()
    )


# --- operations that are never reported ---------------------------------------------------------------------------------
def _never_reported(operations: pl.DataFrame, reports: pl.DataFrame) -> Iterator[str]:
    """Columns by which some operations are never reported, of jobs that usually are."""
    seen = operations.join(reports.with_columns(reported=pl.lit(True)), on=_OPERATION, how="left")
    seen = seen.with_columns(pl.col("reported").fill_null(False)).filter("inhouse")
    seen = seen.filter(pl.col("reported").mean().over("_job") >= 0.2)
    for column in _unread(seen):
        each = seen.group_by(v=_word(pl.col(column))).agg(
            n=pl.len(), items=pl.col("item_key").n_unique(), reported=pl.col("reported").sum()
        )
        never = each.filter(pl.col("reported") == 0, pl.col("n") >= _NEVER, pl.col("items") >= _NEVER)
        others = each.filter(pl.col("reported") > 0)
        n, reported = int(others["n"].sum()), int(others["reported"].sum())
        if not 2 <= each.height <= _WORDS or never.is_empty() or reported < max(_NEVER, _USUALLY * n):
            continue
        name = column.removeprefix(PREFIX)
        words = ", ".join(
            f"{v or 'blank'} ({rows:,})" for v, rows in never.sort("v").select("v", "n").iter_rows()
        )
        yield (
            f"operations: none of the operations in which {name} is {words} was ever reported, of the others {reported / n:.0%}: it may say which rows "
            f"count, and the profile does not read it. Filter by it in [operations] (where), or add {name} to operations.ignore."
        )
