"""The adapter: what Great Expectations says of a view is true of the rows behind it."""

from __future__ import annotations

import gc
import math

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_etl.frames import CheckOutcome
from routing_etl.quality.adapter import Validator, run_rules
from routing_etl.quality.rules import (
    CRITICAL,
    Raw,
    Rule,
    Table,
    Values,
    holds,
    in_set,
    ordered,
    unique,
    whole_range,
)

VALIDATOR = Validator()


def run(frame: pl.DataFrame, *rules: Rule) -> list[CheckOutcome]:
    return run_rules("t", rules, {"t": frame.lazy()}, VALIDATOR)


def between(low: float | None, high: float | None) -> Rule:
    return Rule("t", "x_range", "between", ("x",), Raw(("x",)), CRITICAL, "x", low=low, high=high, column="x")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "é", None]), st.integers(0, 3), st.one_of(st.none(), st.floats(-2, 2))
        ),
        min_size=1,
        max_size=30,
    )
)
def test_counts_are_those_of_the_rows(rows: list[tuple[str | None, int, float | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"s": pl.String, "n": pl.Int64, "x": pl.Float64}, orient="row")
    outcomes = run(
        frame,
        in_set("t", "s", ("a", "b"), "s"),
        whole_range("t", "n", 1, 2, "n"),
        between(-1.0, 1.0),
        unique("t", "key", ("s", "n"), "key"),
        holds("t", "small", pl.col("x") < 1.5, "small"),
        Rule("t", "s_there", "not_null", ("s",), Values("values__s", {"s": pl.col("s")}), CRITICAL, "s"),
    )
    expected = [
        sum(s == "é" for s, _, _ in rows),
        sum(not 1 <= n <= 2 for _, n, _ in rows),
        sum(x is not None and not -1 <= x <= 1 for _, _, x in rows),
        sum(sum(r[:2] == o[:2] for o in rows) > 1 for r in rows),
        sum(x is not None and not x < 1.5 for _, _, x in rows),
        sum(s is None for s, _, _ in rows),
    ]
    assert [o.rows_unexpected for o in outcomes] == expected
    assert [o.success for o in outcomes] == [e == 0 for e in expected]
    assert {o.rows_checked for o in outcomes} == {len(rows)}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_infinity_do_not_pass_as_missing(value: float) -> None:
    (outcome,) = run(pl.DataFrame({"x": [1.0, value, None]}), between(0.0, 10.0))
    assert (outcome.success, outcome.rows_unexpected) == (False, 1)


def test_pairs_are_judged_only_where_both_are_there() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, None, 5.0, None], "b": [1.0, 1.0, 3.0, None, None]})
    (outcome,) = run(frame, ordered("t", "b", "a", "a <= b"))
    assert (outcome.rows_unexpected, outcome.sample) == (1, ("row=1, b=1, a=2",))


def test_open_ends_of_a_range() -> None:
    frame = pl.DataFrame({"x": [-5.0, 5.0]})
    assert [o.rows_unexpected for o in run(frame, between(0.0, None)) + run(frame, between(None, 0.0))] == [
        1,
        1,
    ]
    assert between(0.0, None).expected == "at least 0"
    assert between(None, 0.0).expected == "at most 0"


def test_a_view_that_cannot_be_computed_fails_its_rules_only() -> None:
    def broken(scope: object) -> pl.LazyFrame:
        raise ZeroDivisionError("no table today")

    rule = Rule("t", "broken", "in_set", ("x",), Table("broken", broken), CRITICAL, "x", values=(1,))
    bad, good = run(pl.DataFrame({"x": [1.0]}), rule, between(0.0, 1.0))
    assert bad.exception == "ZeroDivisionError: no table today"
    assert bad.blocks and good.success


def test_long_texts_in_samples_are_cut() -> None:
    frame = pl.DataFrame({"s": ["x" * 500]})
    (outcome,) = run(frame, in_set("t", "s", ("a",), "s"))
    assert len(outcome.sample[0]) == 200


def test_nothing_of_the_data_is_kept_when_the_checks_are_over() -> None:
    """Great Expectations holds its last context, whose batches would stay in memory for the rest of a night."""
    rows = 54_321
    frame = pl.DataFrame({"x": [0.5] * rows}).lazy()

    def kept() -> int:
        gc.collect()
        return sum(isinstance(o, pd.Series | pd.DataFrame) and len(o) == rows for o in gc.get_objects())

    with Validator() as validator:
        run_rules("t", [between(-1.0, 1.0)], {"t": frame}, validator)
        assert kept()
    assert not kept()
