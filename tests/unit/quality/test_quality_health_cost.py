"""What a finding costs the predictions: ratios known by hand, and what cannot be told says why."""

from __future__ import annotations

import polars as pl
import pytest

from routing_etl.quality.health_cost import LEAST_JUDGED, Judged, effect

N = 40


def judged(right: list[int], *, clusters: list[int] | None = None) -> Judged:
    """A champion that was asked for the items I0, I1, ... and was right about those with a 1."""
    n = len(right)
    return Judged(
        "v1",
        pl.DataFrame(
            {
                "item_key": [f"I{i}" for i in range(n)],
                "cluster": clusters or list(range(n)),
                "exact_at_1_0": [float(r) for r in right],
                "exact_at_1_1": [1.0] * n,
                "run_wape_0": [1.0 if i < n // 2 else 3.0 for i in range(n)],
                "run_wape_1": [10.0] * n,
            }
        ),
    )


def keys(first: int, stop: int) -> pl.Series:
    return pl.Series([f"I{i}" for i in range(first, stop)])


def test_items_with_a_finding_are_set_beside_the_others() -> None:
    """Of 20 with it 5 are right, of 20 without 19."""
    right = [1] * 5 + [0] * 15 + [1] * 19 + [0]
    told = effect("undecided_items", keys(0, 20), keys(0, N), judged(right))
    assert told == (
        "share of first candidates that are right: 0.25 on 20 judged items with it, 0.95 on 20 without (more than chance; v1)"
    )


def test_a_small_difference_may_be_chance() -> None:
    right = ([1] * 10 + [0] * 10) + ([1] * 12 + [0] * 8)
    told = effect("unused_routings", keys(0, 20), keys(0, N), judged(right))
    assert (
        "0.50 on 20 judged items with it, 0.60 on 20 without (chance alone could make that difference; v1)"
        in told
    )


def test_items_of_one_cluster_are_one_case() -> None:
    """Twenty copies of one wrong item beside twenty copies of one right one prove nothing; forty different items do."""
    right = [0] * 10 + [1] * 10 + [1] * 20
    alone = effect("undecided_items", keys(0, 20), keys(0, N), judged(right))
    copies = [0] * 10 + [1] * 10 + [2] * 20
    together = effect("undecided_items", keys(0, 20), keys(0, N), judged(right, clusters=copies))
    assert "more than chance" in alone and "chance alone" in together


def test_checks_of_times_are_judged_by_times() -> None:
    """1 minute of 10 with it, 3 of 10 without; all equal, so the difference is no chance."""
    told = effect("backflushed", keys(0, 20), keys(0, N), judged([1] * N))
    assert told.startswith(
        "error of run times over their sum: 0.10 on 20 judged items with it, 0.30 on 20 without (more"
    )


@pytest.mark.parametrize("having", [LEAST_JUDGED - 1, N - LEAST_JUDGED + 1])
def test_too_few_judged_items_are_no_figure(having: int) -> None:
    told = effect("undecided_items", keys(0, having), keys(0, N), judged([1] * N))
    assert f"not measured, because only {having} judged items of v1 have it and {N - having} do not" in told


def test_without_a_champion_or_its_judged_items_there_is_no_figure() -> None:
    assert effect("undecided_items", keys(0, 20), keys(0, N), Judged()).endswith(
        "because there is no champion yet"
    )
    assert effect("undecided_items", keys(0, 20), keys(0, N), Judged("v1")).endswith(
        "because v1 has no judged items"
    )
    unknown = effect("dead_work_centres", keys(0, 20), keys(0, N), judged([1] * N))
    assert unknown.endswith("because v1 has no judged items"), "machines were not judged"


def test_items_that_nobody_looked_at_are_not_the_others() -> None:
    told = effect("undecided_items", keys(0, 20), keys(0, 30), judged([1] * N))
    assert "and 10 do not" in told
