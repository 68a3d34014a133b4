"""Work results that name operations by a number of the ERP's own, which is not the place of the operation in its routing.

`operations.order_by` numbers operations 10, 20, 30, and `oper_no` is whatever the ERP calls an operation: an id, or a sequence
that repeats. A result gets the `proc_seq` of the operation that has its number and job in its routing. Where it names no
routing, or one that is not there, all routings of the item must agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.erp.left_out import LeftOut
from routing_etl.erp.rejects import ORPHAN_OPERATION, Account, Reason
from routing_etl.erp.text import own_number

AMBIGUOUS_OPERATION = Reason(
    "ambiguous_operation",
    "Several operations have this number and job, so it is not clear which of them the result is of: map oper_no, a number that "
    "names one operation, in [operations.columns] and [results.columns].",
)
_LOOSE = ["item_key", "job_cd", "_number"]
_EXACT = ["item_key", "rout_no", "job_cd", "_number"]


@dataclass(frozen=True)
class OwnNumbers:
    """Which operation has a number of the ERP.

    Parameters
    ----------
    exact : polars.DataFrame
        item_key, rout_no, job_cd, `_number`, and the `_found` operation number, with `_several` where there are others.
    loose : polars.DataFrame
        The same over all routings of the item.
    """

    exact: pl.DataFrame
    loose: pl.DataFrame

    @classmethod
    def of(cls, operations: pl.LazyFrame) -> OwnNumbers:
        """Collect the numbers of an OPERATIONS frame."""
        named = operations.select(
            "item_key", "rout_no", "job_cd", "proc_seq", own_number("oper_no").alias("_number")
        )
        named = named.filter(pl.col("_number").is_not_null() & pl.col("job_cd").is_not_null())

        def per(keys: list[str], found: str) -> pl.DataFrame:
            seq = pl.col("proc_seq")
            each = named.group_by(keys).agg(
                seq.min().alias(found), (seq.min() != seq.max()).alias(f"{found}_several")
            )
            return each.collect(engine="streaming")

        return cls(per(_EXACT, "_in_routing"), per(_LOOSE, "_in_item"))

    def looked_up(
        self, frame: pl.DataFrame, raw: pl.DataFrame, account: Account, left_out: LeftOut
    ) -> pl.DataFrame:
        """Give results the `proc_seq` of their operation; those of none, or of several, are rejected.

        Parameters
        ----------
        frame : polars.DataFrame
            Results with `oper_no`, cleaned keys and their `row_nr`.
        raw : polars.DataFrame
            The same rows as they were read.
        account : Account
            Takes the rejected, and those that the profile's filters leave out.
        left_out : LeftOut
            Operations that the profile's filters leave out.
        """
        frame = frame.with_columns(own_number("oper_no").alias("_number"))
        for table, keys in ((self.exact, _EXACT), (self.loose, _LOOSE)):
            frame = frame.join(table, on=keys, how="left", maintain_order="left")
        several = pl.coalesce("_in_routing_several", "_in_item_several")
        frame = account.rejects.remove(frame, raw, several, AMBIGUOUS_OPERATION)
        found = pl.coalesce("_in_routing", "_in_item")
        frame = left_out.without_numbers(
            frame.with_columns(found.is_not_null().alias("_in_any")), "_in_any", account
        )
        frame = account.rejects.remove(frame, raw, found.is_null(), ORPHAN_OPERATION)
        return frame.with_columns(found.cast(pl.Int64).alias("proc_seq")).drop("^_in_.*$", "_number")
