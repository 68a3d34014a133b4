"""Operations of a review by the numbers that the ERP calls them, where the profile numbers operations by their place."""

from __future__ import annotations

import polars as pl

_ROUTING = ["item_key", "rout_no"]
_OPERATION = [*_ROUTING, "proc_seq"]


def in_erp_numbers(review: pl.DataFrame, operations: pl.LazyFrame) -> tuple[pl.DataFrame, int]:
    """Give the rows of a review the operation numbers of the ERP.

    A routing keeps its own where the ERP's are no whole numbers, are missing or repeat in it. Nothing is proposed for these: who
    takes a proposal over by `proc_seq` would change another operation.

    Parameters
    ----------
    review : polars.DataFrame
        A STANDARD_TIMES frame in which `proc_seq` is the place of the operation.
    operations : polars.LazyFrame
        OPERATIONS frame with `oper_no`, the ERP's number.

    Returns
    -------
    tuple of polars.DataFrame and int
        The review, and the operations of valid routings whose number cannot be shown.
    """
    text = pl.col("oper_no").str.strip_chars()
    number = text.str.extract(r"^0*(\d{1,9})(?:\.0+)?$").cast(pl.Int32, strict=False)
    fits = number.is_not_null().all() & (number.n_unique() == pl.len())
    known = (
        operations.filter("rout_valid")
        .select(*_OPERATION, called=text, own=pl.when(fits.over(_ROUTING)).then(number))
        .unique(_OPERATION, keep="none")
        .collect(engine="streaming")
    )
    named = review.join(known, on=_OPERATION, how="left", maintain_order="left")
    lost = pl.col("own").is_null()
    why = pl.format(
        "the ERP calls this operation {}, and proc_seq cannot say that: such numbers are texts, missing or repeated in this routing",
        pl.col("called").fill_null("nothing"),
    )
    numbered = named.with_columns(
        proc_seq=pl.coalesce("own", "proc_seq"),
        proposed_min=pl.when(~lost).then("proposed_min"),
        no_proposal=pl.when(lost & pl.col("proposed_min").is_not_null()).then(why).otherwise("no_proposal"),
    )
    return numbered.select(review.columns), int(known["own"].null_count())
