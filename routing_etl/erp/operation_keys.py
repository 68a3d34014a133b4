"""Operations as hashes of their keys, by which work results find them: which there are, and whose standard is for the order.

With 10 million results against 2 million operations the chance of even one false match is about 2e13 / 2^64, one in a million.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

#: Columns that name an operation of one routing, and of any routing of its item.
EXACT = ["item_key", "rout_no", "proc_seq", "job_cd"]
LOOSE = ["item_key", "proc_seq", "job_cd"]


def operation_hashes(operations: pl.LazyFrame) -> tuple[pl.Series, pl.Series]:
    """Hash the keys of the operations: (item, routing, operation, job), and (item, operation, job)."""
    keys = operations.select(EXACT).filter(pl.col("job_cd").is_not_null()).collect(engine="streaming")
    return hashes(keys, EXACT).unique(), hashes(keys, LOOSE).unique()


def hashes(frame: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Hash the given columns of each row."""
    return frame.select(columns).hash_rows(seed=7)


@dataclass(frozen=True)
class TimesPerOrder:
    """Operations whose standard time is for the order whatever its size, as hashes of their keys.

    Parameters
    ----------
    exact : polars.Series
        Hashes of (item, routing, operation, job).
    loose : polars.Series
        Hashes of (item, operation, job), where that holds in every routing of the item that has the operation.
    """

    exact: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt64))
    loose: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt64))

    @classmethod
    def of(cls, operations: pl.LazyFrame) -> TimesPerOrder:
        """Look for them in the clean operations (`run_per_order`)."""
        own = pl.col("run_per_order").fill_null(False)
        rows = operations.filter(pl.col("job_cd").is_not_null()).select(*EXACT, run_per_order=own)
        found = rows.filter("run_per_order").select(EXACT).collect(engine="streaming")
        if found.is_empty():
            return cls()
        of_pieces = rows.filter(~pl.col("run_per_order")).select(LOOSE).collect(engine="streaming")
        everywhere = found.join(of_pieces, on=LOOSE, how="anti")
        return cls(hashes(found, EXACT).unique(), hashes(everywhere, LOOSE).unique())

    def marks(self, frame: pl.DataFrame, exact: pl.Series) -> pl.Series:
        """Which results are of such an operation; `exact` marks those whose routing is known."""
        if self.exact.is_empty():
            return pl.repeat(False, frame.height, dtype=pl.Boolean(), eager=True)
        of_routing = hashes(frame, EXACT).is_in(self.exact.implode())
        of_item = hashes(frame, LOOSE).is_in(self.loose.implode())
        return of_routing | (~exact & of_item)
