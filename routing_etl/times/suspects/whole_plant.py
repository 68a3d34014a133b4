"""Whether all reports of a plant differ from the standards by one factor: loose standards, or a unit that no column says.

Between minutes and hundredths of an hour, in which many terminals and payroll systems count, lies a factor of 0.6 only, which is
inside the limits of a plausible plant. Nothing in a ratio tells the two apart, so it is told and nothing is set aside.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from routing_etl.times.plausibility import MIN_PAIRS
from routing_etl.times.suspects.found import WORD, Finding, in_reports

#: Reports of a whole plant that are farther than this factor from the standards are told of.
_TOLD = 1.4
#: Minutes of a hundredth of an hour, and how far from it (in ln) a plant's ratio may be to be named so.
_HUNDREDTH, _NEAR = 0.6, 0.25
#: Other factors that a whole plant may be off by: pieces of a set, people of a crew, shifts.
_SMALL = (2.0, 3.0, 4.0)


def whole_plant(measure: str, operations: pl.DataFrame) -> list[Finding]:
    """Say that the middle operation of a plant differs from its standard by more than `_TOLD`.

    Parameters
    ----------
    measure : {"setup", "run"}
        Which times.
    operations : polars.DataFrame
        `n` reports and `x`, ln(actual / standard), of each operation that nothing else explains.
    """
    if operations.height < MIN_PAIRS:
        return []
    x = operations["x"].to_numpy()
    low, middle, high = (float(v) for v in np.quantile(x, (0.25, 0.5, 0.75)))
    if abs(middle) <= np.log(_TOLD):
        return []
    ratio, reports = float(np.exp(middle)), int(operations["n"].sum())
    return [
        Finding(
            "subset", measure, "all reports", reports, operations.height, 0, ratio, (),
            f"The reported {WORD[measure]} of the whole plant are {ratio:.2f} of the standards: the middle of {operations.height:,} "
            f"operations ({in_reports(reports)}), half of them from {np.exp(low):.2f} to {np.exp(high):.2f}. They are used. "
            f"{_what_it_may_be(middle)}",
        )
    ]  # fmt: skip


def _what_it_may_be(x: float) -> str:
    """What a factor of the whole plant may come from, and what to write then."""
    near = next((f for f in _SMALL if abs(abs(x) - np.log(f)) <= 0.15), None)
    factor = f"about {near:.0f}" if near else f"{np.exp(abs(x)):.2f}"
    may_be = [
        f"look for a factor of {factor} that no column says: pieces of a set or box, people of a crew, a shift's minutes on each of its rows, "
        "what one time covers (results.qty_units, crew, run_basis, batch_no)"
    ]
    if abs(abs(x) + np.log(_HUNDREDTH)) <= _NEAR:
        which = (
            "standards count hundredths of an hour (blank_time_unit = 0.6 in [routing], or 0.6 for their word in time_units)"
            if x < 0
            else "reports count hundredths of an hour (time_factor_min = 0.6 in [results])"
        )
        may_be.insert(0, f"a hundredth of an hour is 0.6 minutes, so perhaps the {which}")
    sentence = "; or ".join(may_be)
    usual = "loose" if x < 0 else "tight"
    return (
        f"{sentence[0].upper()}{sentence[1:]}. Compare an order with its clock times. If the standards are just {usual}, "
        "nothing has to be done."
    )
