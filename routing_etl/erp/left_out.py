"""What the profile's own filters leave out: items, and operations of routings, that other rows still name.

A report of an item that `[items]` filters out is no fault of the ERP, and no code has changed. So the codes that a filter leaves
out are read beside the frame, and cleaning counts such rows as filtered, not as rows without an item.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from routing_etl.erp.catalogue import Binding
from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.files import RawFrame
from routing_etl.erp.profile_model import Family
from routing_etl.erp.rejects import Account
from routing_etl.erp.text import own_number
from routing_etl.frames import key_of

#: Rules under which rows are filtered whose item, or whose operation, the profile leaves out.
ITEM_LEFT_OUT, OPERATION_LEFT_OUT = "item_left_out", "operation_left_out"
#: Columns that name an item and an operation, by frame.
_KEYS: dict[Family, tuple[str, ...]] = {
    "items": ("item_cd",),
    "operations": ("item_cd", "proc_seq", "oper_no", "job_cd"),
}


def left_out_file(raw: Path, frame: str) -> RawFrame:
    """The files with the keys that a frame's filters leave out.

    Parameters
    ----------
    raw : pathlib.Path
        Folder of the raw frames.
    frame : str
        Name of the frame.
    """
    return RawFrame(raw, f"{frame}.left_out")


def keys_left_out(binding: Binding) -> Binding | None:
    """The keys of a frame without its filters, to be read beside it; None for a frame that has none, or needs none.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    """
    keys, section = _KEYS.get(binding.family, ()), binding.section
    if not keys or not (section.where or section.latest):
        return None
    columns = tuple(c for c in binding.columns if c.name in keys and not c.is_absent)
    return replace(binding, columns=columns, marks=None, section=section.model_copy(update={"latest": None}))


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"item_key": pl.String(), "proc_seq": pl.Int64(), "_job": pl.String()})


def _no_numbers() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(("item_key", "_number", "_job"), pl.String()))


@dataclass(frozen=True)
class LeftOut:
    """The items and operations that the profile's filters leave out.

    Parameters
    ----------
    items : polars.Series
        Their keys.
    operations : polars.DataFrame
        `item_key`, `proc_seq` and `_job`, the key of the job, of each.
    numbers : polars.DataFrame
        `item_key`, `_number`, the ERP's own number of an operation, and `_job` of each that has one.
    """

    items: pl.Series = field(default_factory=lambda: pl.Series("item_key", [], dtype=pl.String))
    operations: pl.DataFrame = field(default_factory=_nothing)
    numbers: pl.DataFrame = field(default_factory=_no_numbers)

    @classmethod
    def of(cls, raw: Path, keys: ItemKeys) -> LeftOut:
        """Read what the extract found; nothing where it found nothing or is of an earlier version.

        Parameters
        ----------
        raw : pathlib.Path
            Folder of the raw frames.
        keys : ItemKeys
            The key of each item code.
        """
        items, operations = _read(raw, "items", keys), _read(raw, "operations", keys)
        known = _nothing()["item_key"] if items is None else items["item_key"].drop_nulls().unique()
        if operations is None or not {"proc_seq", "job_cd"} <= set(operations.columns):
            return cls(known)
        job = key_of(pl.col("job_cd")).alias("_job")
        named = operations.select("item_key", pl.col("proc_seq").cast(pl.Int64), job).drop_nulls().unique()
        if "oper_no" not in operations.columns:
            return cls(known, named)
        numbers = operations.select("item_key", own_number("oper_no").alias("_number"), job)
        return cls(known, named, numbers.drop_nulls().unique())

    def without_items(self, frame: pl.DataFrame, known: pl.Series, account: Account) -> pl.DataFrame:
        """Leave rows out whose item is not known because a filter leaves it out, and count them.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows with their `item_key`.
        known : polars.Series
            Keys of the items that were kept.
        account : Account
            Takes the count.
        """
        if self.items.is_empty():
            return frame
        mine = pl.col("item_key").is_in(self.items.implode()) & ~pl.col("item_key").is_in(known.implode())
        return _without(frame, mine.fill_null(False), ITEM_LEFT_OUT, "item_cd", account)

    def without_operations(self, frame: pl.DataFrame, found: str, account: Account) -> pl.DataFrame:
        """Leave rows out whose operation no routing has because a filter leaves it out, and count them.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows with `item_key`, `proc_seq` and `job_cd`.
        found : str
            Column that says whether a routing has the operation.
        account : Account
            Takes the count.
        """
        return self._without_named(frame, self.operations, found, account)

    def without_numbers(self, frame: pl.DataFrame, found: str, account: Account) -> pl.DataFrame:
        """The same for rows that name an operation by the ERP's own number.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows with `item_key`, `_number` and `job_cd`.
        found : str
            Column that says whether a routing has the operation.
        account : Account
            Takes the count.
        """
        return self._without_named(frame, self.numbers, found, account)

    def _without_named(
        self, frame: pl.DataFrame, left_out: pl.DataFrame, found: str, account: Account
    ) -> pl.DataFrame:
        if left_out.is_empty():
            return frame
        keys = left_out.columns
        named = frame.with_columns(key_of(pl.col("job_cd")).alias("_job")).select(
            pl.col(k).cast(left_out.schema[k]) for k in keys
        )
        marked = left_out.with_columns(pl.lit(True).alias("_left_out"))
        there = named.join(marked, on=keys, how="left", maintain_order="left")
        frame = frame.with_columns(there["_left_out"].fill_null(False))
        mine = pl.col("_left_out") & ~pl.col(found)
        return _without(frame, mine, OPERATION_LEFT_OUT, "proc_seq", account).drop("_left_out")


def _without(frame: pl.DataFrame, left: pl.Expr, rule: str, column: str, account: Account) -> pl.DataFrame:
    account.filtered.add(rule, column, frame.select(left.sum()).item())
    return frame.filter(~left)


def _read(raw: Path, frame: str, keys: ItemKeys) -> pl.DataFrame | None:
    path = left_out_file(raw, frame).rows
    if not path.is_file():
        return None
    found = pl.read_parquet(path)
    return found.with_columns(keys.of(found["item_cd"]))
