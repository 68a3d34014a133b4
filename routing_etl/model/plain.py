"""Plain frames of a caller, with the few columns that a person has, completed to the canonical ITEMS and OPERATIONS frames.

A frame that keeps its contract of `frames` is handed on as it is, the same object, after a look at its schema and its
NULL counts. Any other frame is completed: given columns are cast where no value changes, columns that follow from others
are derived, and the rest is NULL. What cannot be completed is refused in terms of the frame and the column, because the
caller may know nothing of the pipeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import polars as pl

from routing_etl.errors import FrameError
from routing_etl.frames import INHOUSE, ITEMS, OPERATIONS, OUTSOURCED, Column, Frame, key_of
from routing_etl.model.inputs import ASKED, CORE, check_asked, check_eager

#: The columns of a contract that must be given; every other column is derived or NULL.
_NEEDED = {ITEMS.name: ("item_cd",), OPERATIONS.name: ("item_cd", "proc_seq", "job_cd")}
_HASH_SEED = 20
#: Per dtype of a contract: what a column has to be, and which dtypes become it without a change of any value.
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_DATES = (pl.Date, pl.Datetime)
_ACCEPTED: dict[type[pl.DataType], tuple[str, Callable[[pl.DataType], bool]]] = {
    pl.String: ("text", lambda d: d in _TEXTS),
    pl.Int32: ("a whole number", lambda d: d.is_integer()),
    pl.UInt64: ("a whole number", lambda d: d.is_integer()),
    pl.Float64: ("a number", lambda d: d.is_numeric()),
    pl.Date: ("a date", lambda d: d in _DATES),
    pl.Datetime: ("a date", lambda d: d in _DATES),
    pl.Boolean: ("true or false", lambda d: d == pl.Boolean),
}


def training_frames(items: pl.DataFrame, operations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items and operations as their contracts want them, completed where a caller gave plain frames.

    Of a plain items frame only `item_cd` is required. Columns that the contract does not know are attributes and stay.
    `item_key` is the item code trimmed and in upper case, the hashes are taken over the row, and what else is missing
    is NULL.

    Of a plain operations frame `item_cd`, `proc_seq` and `job_cd` are required. Missing columns are filled: `inside` with
    'in', `routing_rank` with 0 (the routing that counts), `rout_no` with '1' for the routing of rank 0, '2' for the next,
    `rout_valid` with true, `rout_date` with the newest `insrt_dt` of the routing, all others with NULL.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame, or plain items: `item_cd` and attribute columns.
    operations : polars.DataFrame
        OPERATIONS frame, or plain operations: `item_cd`, `proc_seq`, `job_cd` and any other column of the contract.

    Returns
    -------
    tuple of polars.DataFrame
        ITEMS and OPERATIONS frame; a frame that kept its contract is returned itself.

    Raises
    ------
    FrameError
        No Polars frame, a column is missing, unknown or of another type, an item is given twice, an operation belongs
        to no item, or two routings of an item cannot be told apart. The message names the frame, the column and the
        remedy.
    """
    check_eager(ITEMS.name, items)
    check_eager(OPERATIONS.name, operations)
    plain = not _keeps(ITEMS, items), not _keeps(OPERATIONS, operations)
    if plain[0]:
        items = _completed_items(items)
    if plain[1]:
        operations = _completed_operations(operations)
    if any(plain):
        _check_belonging(items, operations)
    return items, operations


def asked_frame(items: pl.DataFrame) -> pl.DataFrame:
    """Items to predict for, with their keys and hashes.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame, or plain items: `item_cd` and the attribute columns that the model was trained with.

    Returns
    -------
    polars.DataFrame
        `items` itself when it has codes, keys and hashes, else a completed frame.

    Raises
    ------
    FrameError
        No Polars frame, no item codes, a column of another type, or an item is given twice.
    """
    check_eager(ITEMS.name, items)
    if not _keeps(ASKED, items):
        items = _completed_items(items, ASKED)
    check_asked(items)
    return items


def _keeps(frame: Frame, given: pl.DataFrame) -> bool:
    """Whether the frame keeps its contract; costs nothing that grows with the rows."""
    schema = given.schema
    return all(
        schema.get(c.name) == c.dtype and (c.nullable or not given[c.name].null_count())
        for c in frame.columns
    )


def _completed_items(given: pl.DataFrame, frame: Frame = ITEMS) -> pl.DataFrame:
    """Items with every column of `frame`; rows and further columns stay as they are."""
    _check_needed(frame, given)
    items = _typed(frame, given)
    if "item_key" not in items.columns:
        items = items.with_columns(key_of(pl.col("item_cd")).alias("item_key"))
        _check_codes(items)
    if "attribute_hash" in frame.names and "attribute_hash" not in items.columns:
        items = items.with_columns(_attribute_hashes(items))
    if "item_hash" not in items.columns:
        items = items.with_columns(_row_hashes(given))
    return _filled(frame, items)


def _check_codes(items: pl.DataFrame) -> None:
    """Every item has a code, and no two have one that is read as the same."""
    blank = int((items["item_key"] == "").sum())
    if blank:
        raise FrameError(
            f"items: column 'item_cd' is blank in {blank} row(s).",
            remedy="Leave these rows out, or give the items a code.",
        )
    twice = items.filter(items["item_key"].is_duplicated())
    if twice.height:
        codes = twice.filter(pl.col("item_key") == twice["item_key"][0])["item_cd"].unique().sort().to_list()
        named = " and ".join(repr(code) for code in codes[:2])
        raise FrameError(
            f"items: {twice.height} rows share their item_cd with another row, {named} for one (blanks around a code and"
            " its case do not count).",
            remedy="Give one row per item: items.unique('item_cd').",
        )


def _attribute_hashes(items: pl.DataFrame) -> pl.Series:
    """Equal for items that differ in their codes only."""
    names = [
        name
        for name, dtype in items.schema.items()
        if (name in CORE or name not in ITEMS.schema) and not dtype.is_nested() and dtype != pl.Object
    ]
    if not names:
        return pl.Series("attribute_hash", [0], dtype=pl.UInt64).new_from_index(0, items.height)
    return items.select(names).hash_rows(seed=_HASH_SEED).alias("attribute_hash")


def _row_hashes(given: pl.DataFrame) -> pl.Series:
    """sha256 of every row as text, so that a changed item has another hash."""
    texts = [
        pl.col(n).cast(pl.String).fill_null("\x00")
        for n, dtype in given.schema.items()
        if not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)
    ]
    rows = given.select(pl.concat_str(texts, separator="\x1f")).to_series()
    hashes = [hashlib.sha256(row.encode()).hexdigest() for row in rows]
    return pl.Series("item_hash", hashes, dtype=pl.String)


def _completed_operations(given: pl.DataFrame) -> pl.DataFrame:
    """Operations with every column of the contract, and no routing mixed with another."""
    _check_needed(OPERATIONS, given)
    unknown = [n for n in given.columns if n not in OPERATIONS.names]
    if unknown:
        raise FrameError(
            f"operations has column(s) {_quoted(unknown)}, which nothing reads.",
            remedy=f"Rename them to what they are, or leave them out: operations.drop({_quoted(unknown)})."
            f" Known are {', '.join(OPERATIONS.names)}.",
        )
    rows = _typed(OPERATIONS, given)
    has = set(rows.columns)
    if "item_key" not in has:
        rows = rows.with_columns(key_of(pl.col("item_cd")).alias("item_key"))
    if "inside" not in has:
        rows = rows.with_columns(inside=pl.lit(INHOUSE))
    _check_inside(rows)
    if "routing_rank" not in has:
        rows = rows.with_columns(routing_rank=pl.lit(0, pl.Int32))
    if "rout_no" not in has:
        rows = rows.with_columns(rout_no=(pl.col("routing_rank") + 1).cast(pl.String))
    _check_routings(rows, ranked="routing_rank" in has, numbered="rout_no" in has)
    routing = ["item_key", "rout_no"]
    derived = {
        "decided_by": pl.lit("given" if "routing_rank" in has else "only"),
        "rout_valid": pl.lit(True),
        "rout_class": _rout_class().over(routing),
        "rout_date": pl.col("insrt_dt").max().over(routing)
        if "insrt_dt" in has
        else pl.lit(None, pl.Datetime("us")),
    }
    rows = rows.with_columns(**{name: value for name, value in derived.items() if name not in has})
    return _filled(OPERATIONS, rows).select(OPERATIONS.names)


def _rout_class() -> pl.Expr:
    """Of a routing: all in-house, all outsourced, or mixed."""
    outside = pl.col("inside") == OUTSOURCED
    return (
        pl.when(outside.all())
        .then(pl.lit(OUTSOURCED))
        .when(outside.any())
        .then(pl.lit("mixed"))
        .otherwise(pl.lit(INHOUSE))
    )


def _check_inside(rows: pl.DataFrame) -> None:
    strange = rows["inside"].filter(~rows["inside"].is_in([INHOUSE, OUTSOURCED]))
    if strange.len():
        raise FrameError(
            f"operations: column 'inside' holds {strange[0]!r}, {INHOUSE!r} or {OUTSOURCED!r} is expected.",
            remedy="Replace the values: operations.with_columns(pl.col('inside').replace_strict({...})).",
        )


def _check_routings(rows: pl.DataFrame, *, ranked: bool, numbered: bool) -> None:
    """One routing per item and rank, one rank per routing, and one operation per number of a routing."""
    ranks = "Give the column 'routing_rank': 0 for the routing that counts, 1, 2 ... for its alternates."
    several = _first_mixed(rows, ["item_key", "routing_rank"], "rout_no")
    if several:
        code, numbers = several
        told = (
            "with the same routing_rank" if ranked else "and no column 'routing_rank' tells which one counts"
        )
        raise FrameError(
            f"operations: item {code!r} has the routings {_quoted(numbers)} {told}.",
            remedy=f"{ranks} Or keep one routing per item.",
        )
    unsure = _first_mixed(rows, ["item_key", "rout_no"], "routing_rank") if ranked and numbered else None
    if unsure:
        code, found = unsure
        raise FrameError(
            f"operations: a routing of item {code!r} has the routing_rank {' and '.join(map(str, found[:3]))}.",
            remedy=f"Give every operation of a routing the same routing_rank. {ranks}",
        )
    twice = rows.filter(pl.struct("item_key", "rout_no", "proc_seq").is_duplicated())
    if twice.height:
        code, number = twice.row(0, named=True)["item_cd"], twice["proc_seq"][0]
        raise FrameError(
            f"operations: item {code!r} has proc_seq {number} more than once in a routing.",
            remedy="Number the operations of a routing in their order."
            + ("" if numbered else " If the item has several routings, give 'rout_no' and 'routing_rank'."),
        )


def _first_mixed(rows: pl.DataFrame, group: list[str], value: str) -> tuple[str, list[object]] | None:
    """The first group with several values: its item code and the values."""
    mixed = (
        rows.lazy()
        .group_by(group)
        .agg(pl.col("item_cd").first(), pl.col(value).unique().sort())
        .filter(pl.col(value).list.len() > 1)
        .sort(group)
        .head(1)
        .collect()
    )
    return (mixed["item_cd"][0], mixed[value][0].to_list()) if mixed.height else None


def _check_belonging(items: pl.DataFrame, operations: pl.DataFrame) -> None:
    strange = operations.join(items.select("item_key"), on="item_key", how="anti")
    if strange.height:
        raise FrameError(
            f"operations: {strange['item_key'].n_unique()} item(s) are not in items, {strange['item_cd'][0]!r} for one.",
            remedy="Add them to items, or leave their operations out:"
            " operations.join(items, on='item_cd', how='semi').",
        )


def _check_needed(frame: Frame, given: pl.DataFrame) -> None:
    """The columns that nothing can be derived without are there."""
    missing = [name for name in _NEEDED[frame.name] if name not in given.columns]
    if missing:
        name = missing[0]
        raise FrameError(
            f"{frame.name} has no column {name!r}; it has {', '.join(given.columns) or 'none'}.",
            remedy=f"Add it, or rename the column that holds it: {frame.name}.rename({{'...': {name!r}}})."
            f" {name}: {frame[name].meaning}.",
        )


def _typed(frame: Frame, given: pl.DataFrame) -> pl.DataFrame:
    """The given columns of the contract with its dtypes; the others as they are."""
    columns = [_column(frame.name, column, given) for column in frame.columns if column.name in given.columns]
    return given.with_columns(columns)


def _column(frame: str, column: Column, given: pl.DataFrame) -> pl.Series:
    """One given column with the dtype of its contract."""
    name, values = column.name, given[column.name]
    what, accepted = _ACCEPTED[type(column.dtype)]
    if not accepted(values.dtype) and values.dtype != pl.Null:
        raise FrameError(
            f"{frame}: column {name!r} is {values.dtype}, {what} is expected.",
            remedy=f"Cast it with {frame}.with_columns(pl.col({name!r}){_cast(column.dtype)}).",
        )
    nulls = values.null_count()
    if nulls and not column.nullable:
        raise FrameError(
            f"{frame}: column {name!r} is NULL in {nulls} of {given.height} rows.",
            remedy=f"Fill it, or leave these rows out: {frame}.drop_nulls({name!r}).",
        )
    try:
        return values.cast(column.dtype)
    except pl.exceptions.PolarsError as exc:
        raise FrameError(
            f"{frame}: column {name!r} holds values that do not fit {column.dtype}: {exc}.",
            remedy="Give smaller numbers.",
        ) from exc


def _cast(wanted: pl.DataType) -> str:
    """How to get the dtype in Polars, as code."""
    if wanted in _DATES:
        return ".str.to_date()" if wanted == pl.Date else ".str.to_datetime()"
    return f".cast(pl.{wanted})"


def _filled(frame: Frame, rows: pl.DataFrame) -> pl.DataFrame:
    """With NULL for the columns of the contract that are still missing."""
    missing = [c for c in frame.columns if c.name not in rows.columns]
    return rows.with_columns([pl.lit(None, c.dtype).alias(c.name) for c in missing]) if missing else rows


def _quoted(names: Sequence[object]) -> str:
    return ", ".join(repr(name) for name in names)
