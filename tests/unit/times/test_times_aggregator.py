"""The legacy TimeAggregator contract, minus its defects (docs/legacy-system.md 2.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_etl.errors import FrameError
from routing_etl.times.aggregator import TIMES, TimeAggregator

ZEROS = dict.fromkeys((*TIMES, "lead_time"), 0.0)


def generated(n: int) -> list[dict[str, Any]]:
    """The earlier system's test generator."""
    return [
        {
            "PROC_SEQ": i + 1,
            "SETUP_TIME": 5 + i % 10,
            "RUN_TIME": 15 + i % 20,
            "QUEUE_TIME": 2 + i % 5,
            "WAIT_TIME": 1 + i % 3,
            "MOVE_TIME": 0.5 + i % 2,
        }
        for i in range(n)
    ]


def test_golden_1() -> None:
    result = TimeAggregator().aggregate(
        [
            {"setup_time": "1.5", "RUN_TIME": "3", "queue_time": 0.4, "WAIT_TIME": 0, "MOVE_TIME": None, "PROC_SEQ": "1"},
            {"ACT_SETUP_TIME": 0.5, "ACT_RUN_TIME": "1.0", "QUEUE_TIME": " ", "IDLE_TIME": "0.2", "MOVE_TIME": "0.1", "SEQ": 2},
        ],
        include_breakdown=True,
    )  # fmt: skip
    expected = {
        "setup_time": 2.0,
        "run_time": 4.0,
        "queue_time": 0.4,
        "wait_time": 0.2,
        "move_time": 0.1,
        "lead_time": 6.7,
    }
    assert result["totals"] == pytest.approx(expected)
    assert result["process_count"] == 2
    assert [b["proc_seq"] for b in result["breakdown"]] == [1, 2]
    assert [b["total_time"] for b in result["breakdown"]] == pytest.approx([4.9, 1.8])
    assert set(result["breakdown"][0]) == {"proc_seq", *TIMES, "total_time"}


def test_golden_2_a_quantity_is_not_a_time() -> None:
    result = TimeAggregator().aggregate(
        [
            {"RUN_TIME_QTY": "2.5", "STEP": "3", "MOVE_TIME": ""},
            {"MACH_WORKED_HOURS": None, "ORDER": 4, "WAIT_TIME": "1.5"},
        ],
        include_breakdown=True,
    )
    assert result["totals"]["run_time"] == 0.0
    assert result["totals"]["lead_time"] == 1.5
    assert [b["proc_seq"] for b in result["breakdown"]] == [3, 4]


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_equals_plain_python(n: int) -> None:
    rows = generated(n)
    result = TimeAggregator().aggregate(rows)
    names = {
        "setup_time": "SETUP_TIME",
        "run_time": "RUN_TIME",
        "queue_time": "QUEUE_TIME",
        "wait_time": "WAIT_TIME",
        "move_time": "MOVE_TIME",
    }
    plain = {t: sum(r[source] for r in rows) for t, source in names.items()}
    assert result["process_count"] == n
    assert result["totals"] == pytest.approx({**plain, "lead_time": sum(plain.values())}, abs=0.01)
    assert all(isinstance(v, float) and v >= 0 for v in result["totals"].values())
    assert result["breakdown"] == []


def test_empty_input_is_zeros() -> None:
    assert TimeAggregator().aggregate([]) == {"totals": ZEROS, "process_count": 0, "breakdown": []}
    assert TimeAggregator().aggregate([{}, {}], include_breakdown=True) == {
        "totals": ZEROS, "process_count": 0, "breakdown": [],
    }  # fmt: skip


def test_empty_dicts_are_skipped_and_unknown_columns_ignored() -> None:
    result = TimeAggregator().aggregate([{}, {"JOB_CD": "C10"}, {"RUN_TIME": 2}], include_breakdown=True)
    assert result["process_count"] == 2
    assert [b["run_time"] for b in result["breakdown"]] == [0.0, 2.0]
    assert result["breakdown"][0]["proc_seq"] is None


def test_keys_in_any_case_and_nulls() -> None:
    rows = [{"Setup_Time": 5, "RUN_time": "10"}, {"SETUP_TIME": 3, "run_time": 8, "Move_Time": None}]
    totals = TimeAggregator().aggregate(rows)["totals"]
    assert (totals["setup_time"], totals["run_time"]) == (8.0, 18.0)


@pytest.mark.parametrize("value", [float("nan"), "nan", "inf", "abc", "", "  ", None, -3, "-3", True])
def test_what_is_no_usable_number_counts_as_null(value: object) -> None:
    assert TimeAggregator().aggregate([{"RUN_TIME": value, "SETUP_TIME": 1}])["totals"]["run_time"] == 0.0


@pytest.mark.parametrize("prefer", ["actual", "standard"])
def test_a_zero_never_hides_a_positive_time(prefer: Any) -> None:
    aggregator = TimeAggregator(prefer=prefer)
    zero_standard = aggregator.aggregate(
        [{"SETUP_TIME": 0, "ACT_SETUP_TIME": 7, "RUN_TIME": 0, "ACT_RUN_TIME": 4}]
    )
    zero_actual = aggregator.aggregate(
        [{"SETUP_TIME": 7, "ACT_SETUP_TIME": 0, "RUN_TIME": 4, "ACT_RUN_TIME": 0}]
    )
    for result in (zero_standard, zero_actual):
        assert (result["totals"]["setup_time"], result["totals"]["run_time"]) == (7.0, 4.0)


def test_one_rule_for_setup_and_run() -> None:
    row = {"SETUP_TIME": 10, "ACT_SETUP_TIME": 7, "RUN_TIME": 5, "ACT_RUN_TIME": 4}
    actual = TimeAggregator(prefer="actual").aggregate([row])["totals"]
    standard = TimeAggregator(prefer="standard").aggregate([row])["totals"]
    assert (actual["setup_time"], actual["run_time"]) == (7.0, 4.0)
    assert (standard["setup_time"], standard["run_time"]) == (10.0, 5.0)


def test_of_several_spellings_in_a_row_the_readable_one_counts() -> None:
    rows = [{"RUN_TIME": "x", "run_time": 4}, {"RUN_TIME": 3, "run_time": 5}]
    assert TimeAggregator().aggregate(rows)["totals"]["run_time"] == 7.0


@pytest.mark.parametrize("value", [10**400, Decimal("2.5"), np.float64(2.5)])
def test_other_kinds_of_number(value: Any) -> None:
    expected = 0.0 if isinstance(value, int) else 2.5
    assert TimeAggregator().aggregate([{"RUN_TIME": value}])["totals"]["run_time"] == expected


def test_large_values_and_sequences_are_rounded() -> None:
    result = TimeAggregator().aggregate(
        [{"SETUP_TIME": 1e6, "RUN_TIME": 1e7, "PROC_SEQ": "19.7"}], include_breakdown=True
    )
    assert result["totals"]["lead_time"] == 1.1e7
    assert result["breakdown"][0]["proc_seq"] == 20


def test_bad_input_is_named() -> None:
    with pytest.raises(FrameError, match="entry 1 is a int"):
        TimeAggregator().aggregate([{"RUN_TIME": 1}, 5])  # type: ignore[list-item]
    with pytest.raises(FrameError, match="prefer = 'newest'"):
        TimeAggregator(prefer="newest")  # type: ignore[arg-type]
    for prefer in ([], None, 5):
        with pytest.raises(FrameError, match=r"prefer = .* is unknown"):
            TimeAggregator(prefer=prefer)  # type: ignore[arg-type]
    for operations in (None, 5):
        with pytest.raises(FrameError, match=r"operations is a (NoneType|int), not a list of dicts"):
            TimeAggregator().aggregate(operations)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1e30, "1e30", 2**31, 2**63, 9.3e18, 10**400, -1, float("nan")], ids=str)
def test_an_operation_number_that_no_source_can_hold_counts_as_null(value: Any) -> None:
    """The next name for it is read then, as for any null."""
    rows = [{"PROC_SEQ": value, "RUN_TIME": 3}, {"PROC_SEQ": value, "SEQ": 20}, {"PROC_SEQ": 2**31 - 1}]
    breakdown = TimeAggregator().aggregate(rows, include_breakdown=True)["breakdown"]
    assert [row["proc_seq"] for row in breakdown] == [None, 20, 2**31 - 1]
    assert breakdown[0]["run_time"] == 3.0


def test_a_time_that_no_source_can_hold_counts_as_null() -> None:
    rows = [
        {"RUN_TIME": 1e308, "ACT_RUN_TIME": 4.0},
        {"RUN_TIME": 1e308},
        {"SETUP_TIME": 99_999_999_999_999.0},
    ]
    assert TimeAggregator(prefer="standard").aggregate(rows)["totals"] == ZEROS | {
        "run_time": 4.0, "setup_time": 99_999_999_999_999.0, "lead_time": 100_000_000_000_003.0,
    }  # fmt: skip


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["PROC_SEQ", "seq", "RUN_TIME", " run_time", "ACT_SETUP_TIME", "MOVE_TIME", "X"]),
            _ANYTHING,
        ),
        max_size=4,
    )
)
def test_any_values_add_up_to_finite_minutes(rows: list[dict[str, Any]]) -> None:
    result = TimeAggregator().aggregate(rows, include_breakdown=True)
    assert all(0 <= total < 1e16 for total in result["totals"].values())
    assert len(result["breakdown"]) == result["process_count"] == sum(map(bool, rows))
