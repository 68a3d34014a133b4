"""Which pieces reported times are for: a plant of one job whose pieces take five minutes, give or take."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from routing_etl.erp.other_pieces import other_pieces

OPERATIONS, REPORTS = 40, 20


def reports(seed: int = 0, *, scrap_counts: bool = True) -> pl.DataFrame:
    """Planned 100 pieces, in every fifth report fewer are made; some are scrap; times are for what was made, or for what is good."""
    rng = np.random.default_rng(seed)
    n = OPERATIONS * REPORTS
    operation = np.repeat(np.arange(OPERATIONS), REPORTS)
    planned = rng.integers(50, 200, n).astype(float)
    made = np.where(rng.random(n) < 0.2, np.floor(planned * rng.uniform(0.6, 0.95, n)), planned)
    scrap = np.where(rng.random(n) < 0.3, np.floor(made * rng.uniform(0.05, 0.3, n)), 0.0)
    worked = made if scrap_counts else made - scrap
    minutes = (
        worked * 5.0 * np.exp(rng.normal(0, 0.2, OPERATIONS))[operation] * np.exp(rng.normal(0, 0.15, n))
    )
    return pl.DataFrame(
        {
            "operation": operation,
            "minutes": minutes,
            "planned": planned,
            "made": made,
            "good": made - scrap,
            "u:MADE": made,
            "u:SCRAP": scrap,
            "u:PLANNED": planned,
            "u:GOOD": made - scrap,
            "u:SHIFT": rng.integers(1, 4, n),
            "u:TEXT": ["a"] * n,
        }
    )


def said(frame: pl.DataFrame, read: str, *unread: str) -> list[str]:
    rows = frame.with_columns(pieces=pl.col(read), x=(pl.col("minutes") / pl.col(read)).log())
    return list(other_pieces(rows, [f"u:{u}" for u in (*unread, "SHIFT", "TEXT")], ["operation"], "u:"))


@pytest.mark.parametrize("seed", range(3))
def test_planned_pieces_in_the_place_of_those_made_are_told(seed: int) -> None:
    (sentence,) = said(reports(seed), "planned", "MADE", "GOOD", "SCRAP")
    assert "MADE" in sentence
    assert "order_qty" in sentence


@pytest.mark.parametrize("seed", range(3))
def test_bad_pieces_beside_good_ones_are_told(seed: int) -> None:
    (sentence,) = said(reports(seed), "good", "SCRAP")
    assert "SCRAP more pieces" in sentence
    assert "bad_qty" in sentence


@pytest.mark.parametrize("seed", range(5))
def test_the_pieces_made_are_right_whatever_stands_beside_them(seed: int) -> None:
    assert said(reports(seed), "made", "PLANNED", "GOOD", "SCRAP") == []


def test_where_times_are_for_good_pieces_scrap_is_not_asked_for() -> None:
    assert said(reports(scrap_counts=False), "good", "SCRAP", "MADE", "PLANNED") == []


def test_a_dozen_of_other_reports_tell_nothing() -> None:
    frame = reports()
    few = frame.filter(pl.col("made") < pl.col("planned")).head(12)
    assert said(pl.concat([frame.filter(pl.col("made") == pl.col("planned")), few]), "planned", "MADE") == []
