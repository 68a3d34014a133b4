"""The place of each operation in its routing, where no single number says it: by columns, or by the operation that each names as next."""

from __future__ import annotations

import numpy as np
import polars as pl

from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import ORDER_COLUMNS
from routing_etl.erp.text import Counter, own_number

_ROUTING = ["item_key", "rout_no"]
#: Routings whose operations make no single chain.
BROKEN_CHAIN = "broken_chain"
#: The first of several operations that come next: `20|30` names two that run beside each other.
_FIRST = r"^\s*([^|;,/\s]+)"


def in_order(frame: pl.DataFrame, profile: Profile, counter: Counter) -> pl.DataFrame:
    """Number the operations of each routing 10, 20, 30 by `operations.order_by` or by `next_oper`; as they are without these.

    Parameters
    ----------
    frame : polars.DataFrame
        Routing rows with item_key, rout_no, oper_no, next_oper, the raw columns of `order_by`, and row_nr.
    profile : Profile
        The source profile.
    counter : Counter
        Takes the routings whose chain is broken.
    """
    columns = ORDER_COLUMNS[: len(profile.operations.order_by)]
    if "next_oper" in profile.operations.columns:
        frame, columns = _by_next(frame, counter), ORDER_COLUMNS[:2]
    if not columns:
        return frame
    order = frame.select("row_nr", *_ROUTING, *columns).with_columns(
        pl.col(c).cast(pl.Float64, strict=False).alias(f"{c}_number") for c in columns
    )
    by = [name for c in columns for name in (f"{c}_number", c)]
    order = order.sort(*_ROUTING, *by, nulls_last=True)
    same_routing = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift(1)) for c in _ROUTING)
    same_place = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift(1)) for c in columns)
    new = (~(same_routing & same_place)).fill_null(True).cast(pl.Int64)
    order = order.with_columns(new.alias("_new"))
    order = order.select("row_nr", (10 * pl.col("_new").cum_sum().over(_ROUTING)).alias("_place"))
    placed = frame.join(order, on="row_nr", how="left", maintain_order="left")
    return placed.with_columns(pl.col("_place").alias("proc_seq")).drop("_place")


def _by_next(frame: pl.DataFrame, counter: Counter) -> pl.DataFrame:
    """`order_1`: how far each operation is from the last one, as a negative number; `order_2`: its own number.

    A routing that has a circle, or several last operations, is ordered by the numbers alone, and counted.
    """
    frame = frame.with_columns(pl.col("next_oper").str.extract(_FIRST).alias("_next"))
    frame = frame.with_columns(
        own_number("oper_no").alias("_number"), own_number("_next").alias("_next_number")
    )
    steps = frame.select(*_ROUTING, "_number", "_next_number").unique(
        [*_ROUTING, "_number"], maintain_order=True
    )
    steps = steps.with_row_index("_step").with_columns(pl.col("_step").cast(pl.Int64))
    after = steps.select(*_ROUTING, pl.col("_number").alias("_next_number"), pl.col("_step").alias("_after"))
    steps = steps.join(after, on=[*_ROUTING, "_next_number"], how="left", maintain_order="left")
    distance, circle = _distances(steps["_after"].fill_null(steps.height).to_numpy(), _longest(steps))
    steps = steps.with_columns(_distance=pl.Series(distance), _circle=pl.Series(circle))
    sound = pl.col("_after").is_null().sum().over(_ROUTING).eq(1) & ~pl.col("_circle").any().over(_ROUTING)
    steps = steps.with_columns(_sound=sound)
    broken = steps.filter(~pl.col("_sound")).select(_ROUTING).unique().height
    counter.add(BROKEN_CHAIN, "next_oper", broken)
    place = pl.when("_sound").then(-pl.col("_distance")).otherwise(0).cast(pl.String)
    steps = steps.select(*_ROUTING, "_number", place.alias("_place"))
    frame = frame.join(steps, on=[*_ROUTING, "_number"], how="left", nulls_equal=True, maintain_order="left")
    return frame.with_columns(
        pl.col("_place").alias(ORDER_COLUMNS[0]), pl.col("_number").alias(ORDER_COLUMNS[1])
    ).drop("_place", "_number", "_next", "_next_number")


def _longest(steps: pl.DataFrame) -> int:
    longest = steps.group_by(_ROUTING).agg(pl.len().alias("n"))["n"].max()
    return int(longest) if isinstance(longest, int) else 1


def _distances(after: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps from each operation to the end of its chain, and whether it never gets there.

    Each round doubles how far an operation sees: `after` has the place of the next one, or its own length for none.
    """
    jump = np.append(after, len(after))
    distance = np.append((after < len(after)).astype(np.int64), 0)
    for _ in range(max(longest, 1).bit_length()):
        distance = distance + distance[jump]
        jump = jump[jump]
    return distance[:-1], jump[:-1] < len(after)
