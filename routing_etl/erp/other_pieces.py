"""Which pieces a reported time is for: those made instead of those planned, or the bad ones as well, by a column that is not read.

An order is planned for 100 pieces and 96 are made: a profile that reads the planned quantity makes every such time 4 % too short, and nothing in the
rows that were read shows it. Rows in which the two quantities differ are laid beside the same operation's rows in which they do not: ln(minutes of a piece)
must differ by the logarithm of the quantities' ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

#: Fewest rows with other pieces, and the share of rows that must have the same.
_LEAST_ROWS, _SAME = 20, 0.3
#: Share of rows in which the ratio must be such as pieces made and pieces planned have, and these ratios.
_SUCH, _LEAST_RATIO, _MOST_RATIO = 0.98, 0.3, 1.5
#: A ratio by less than this is none.
_NO_OTHER = 0.005
#: How much x rises with ln(ratio), 1 where the pieces are those: within these bounds, and this many standard errors above 0.
_RISE, _SURE = (0.5, 1.6), 4.0


@dataclass(frozen=True)
class _Form:
    """How a column may change the pieces: the ratio from (column, pieces), whether it is 0 where it changes nothing, and what is said."""

    ratio: Callable[[pl.Expr, pl.Expr], pl.Expr]
    zero: bool
    told: str
    remedy: str


_FORMS: tuple[_Form, ...] = (
    _Form(
        lambda u, q: u / q, False,
        "the reported times are those of {name} pieces, not of the quantity that is read",
        "Map {name} as order_qty in [results.columns], if it is what was made",
    ),
    _Form(
        lambda u, q: (q + u) / q, True,
        "the reported times are those of {name} more pieces than the quantity that is read",
        "Map {name} as bad_qty in [results.columns], if it is what was worked on and is not good",
    ),
    _Form(
        lambda u, q: (q - u) / q, True,
        "the reported times are those of {name} fewer pieces than the quantity that is read",
        "Read a view whose order_qty leaves {name} out, if these pieces were not worked on",
    ),
)  # fmt: skip


def other_pieces(
    rows: pl.DataFrame, columns: Sequence[str], operation: Sequence[str], prefix: str
) -> Iterator[str]:
    """Say which unread column tells the pieces that reported times are for, the surest one.

    Parameters
    ----------
    rows : polars.DataFrame
        Reports of whole rows: the columns of `operation`, `x` (logarithm of the minutes of a piece), `pieces`, and the unread columns.
    columns : sequence of str
        The unread columns.
    operation : sequence of str
        Columns that name an operation.
    prefix : str
        What the unread columns' names begin with here.
    """
    found = [
        (sure, column, form)
        for column in columns
        if rows.schema[column].is_numeric()
        for form in _FORMS
        if (sure := _sureness(rows, column, form, operation)) is not None
    ]
    if not found:
        return
    _, column, form = max(found, key=lambda f: f[0])
    name = column.removeprefix(prefix)
    others = rows.select(_others(column, form).sum()).item()
    yield (
        f"work_results: {form.told.format(name=name)} ({others:,} of {rows.height:,} reports looked at have another number), and the profile "
        f"does not read it. {form.remedy.format(name=name)}; or add {name} to results.ignore."
    )


def _ratio(column: str, form: _Form) -> pl.Expr:
    return form.ratio(pl.col(column).cast(pl.Float64), pl.col("pieces"))


def _others(column: str, form: _Form) -> pl.Expr:
    return (_ratio(column, form) - 1.0).abs() > _NO_OTHER


def _sureness(rows: pl.DataFrame, column: str, form: _Form, operation: Sequence[str]) -> float | None:
    """By how many standard errors x rises with ln(ratio); None where it does not, or the column holds no such pieces."""
    value = pl.col(column)
    mine = rows.filter(pl.col("pieces") > 0, value.is_not_null()).with_columns(ratio=_ratio(column, form))
    if mine.height < _LEAST_ROWS or (form.zero and mine.select((value < 0).any()).item()):
        return None
    such = mine.select((pl.col("ratio").is_between(_LEAST_RATIO, _MOST_RATIO)).mean()).item()
    same = mine.select(((pl.col("ratio") - 1.0).abs() <= _NO_OTHER).mean()).item()
    if such < _SUCH or same < _SAME:
        return None
    usual = pl.col("x").filter((pl.col("ratio") - 1.0).abs() <= _NO_OTHER)
    beside = (
        mine.filter(pl.col("ratio").is_between(_LEAST_RATIO, _MOST_RATIO))
        .with_columns(usual=usual.median().over(operation), h=pl.col("ratio").log())
        .filter((pl.col("ratio") - 1.0).abs() > _NO_OTHER)
        .drop_nulls("usual")
        .select("h", d=pl.col("x") - pl.col("usual"))
    )
    return _rise(beside["h"].to_numpy(), beside["d"].to_numpy())


def _rise(h: np.ndarray, d: np.ndarray) -> float | None:
    """The rise of d with h in standard errors, where it is about 1."""
    if len(h) < _LEAST_ROWS:
        return None
    # A few slips of entry would decide a sum of squares.
    d = np.clip(
        d, *(np.median(d) + np.array([-1.0, 1.0]) * max(6.0 * np.median(np.abs(d - np.median(d))), 1e-6))
    )
    square = float((h**2).sum())
    rise = float((h * d).sum()) / square
    error = float(np.sqrt(((d - rise * h) ** 2).mean() / square))
    return rise / max(error, 1e-9) if _RISE[0] <= rise <= _RISE[1] and rise > _SURE * error else None
