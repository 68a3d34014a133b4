"""Standards that differ from reports by another factor for each operation are told by job."""

from __future__ import annotations

import math

import polars as pl
import pytest

from routing_etl.times.suspects.uneven import uneven_standards


def operations(ratio: dict[str, list[float]], spread: float = 0.1, reports: int = 3) -> pl.DataFrame:
    """Forty operations of each job, no two standards alike; actual over standard goes round the list."""
    rows = [
        {"job_cd": job, "item_key": f"I{i:02d}", "n": reports, "x": math.log(each[i % len(each)]), "spread": spread, "standard": math.log(2 + i / 7)}
        for job, each in ratio.items()
        for i in range(40)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_shots_without_their_cavities_are_told_by_job() -> None:
    (found,) = uneven_standards("run", operations({"MOULD": [1.0, 0.5, 0.25, 0.125], "PACK": [0.9, 1.1]}))
    assert (found.kind, found.reports, found.operations, found.set_aside) == ("standard_doubtful", 120, 40, 0)
    assert "MOULD (0.1" in found.sentence and "PACK" not in found.sentence


@pytest.mark.parametrize(
    "frame",
    [
        operations({"PACK": [0.6, 1.0, 1.6]}),
        operations({"MOULD": [1.0, 0.5, 0.25, 0.125]}, spread=0.5),
        operations({"MOULD": [1.0, 0.5, 0.25, 0.125]}, reports=1),
        operations({"MOULD": [1.0, 0.5, 0.25, 0.125]}).with_columns(standard=pl.lit(1.0)),
        operations({"MOULD": [1.0, 0.5, 0.25, 0.125]}).head(19),
    ],
    ids=["fits", "reports that disagree", "one report each", "one figure for all", "few"],
)
def test_what_may_have_other_reasons_is_not_told(frame: pl.DataFrame) -> None:
    assert uneven_standards("run", frame) == []
