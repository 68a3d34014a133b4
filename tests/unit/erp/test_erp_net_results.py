"""Work results mean orders: parts, reversals, repeats, units, kinds of rows, and what the profile says of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.erp import raw_frames
from routing_etl.erp.net_results import Netting, net, overlapping
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.erp.rejects import Account, Rejects
from routing_etl.erp.text import Counter
from routing_etl.errors import ProfileError

Build = Callable[..., Any]

ITEMS = [{"ITEM_CD": f"A{n}", "PART_TYPE": "11"} for n in range(3)]
ROUTINGS = [{"ITEM_CD": f"A{n}", "PROC_SEQ": s} for n in range(3) for s in (10, 20)]
EXTRA = {
    "ORDER_NO": "NVARCHAR(20)", "CONF_NO": "NVARCHAR(20)", "REVERSES": "NVARCHAR(20)", "TAKEN_BACK": "NVARCHAR(5)",
    "GOOD_QTY": "DECIMAL(18,4)", "KIND": "NVARCHAR(10)", "REWORK": "NVARCHAR(5)", "FINAL": "NVARCHAR(5)",
    "TIME_UOM": "NVARCHAR(10)", "SETUP_UOM": "NVARCHAR(10)", "QTY_UOM": "NVARCHAR(10)", "WORKER": "NVARCHAR(10)",
    "STARTED": "DATETIME", "ENDED": "DATETIME",
}  # fmt: skip
COLUMN = {
    "order_no": "ORDER_NO", "confirmation_no": "CONF_NO", "reverses": "REVERSES", "reversed": "TAKEN_BACK",
    "yield_qty": "GOOD_QTY", "record_kind": "KIND", "rework": "REWORK", "finished": "FINAL", "time_unit": "TIME_UOM",
    "setup_time_unit": "SETUP_UOM", "qty_unit": "QTY_UOM", "worker_cd": "WORKER", "start_at": "STARTED",
    "end_at": "ENDED",
}  # fmt: skip


def profile(folder: Path, *columns: str, keys: str = "", more: str = "") -> Profile:
    """The default profile with further columns of results mapped."""
    mapped = "\n".join(f'{c} = "{COLUMN[c]}"' for c in columns)
    path = folder / "site.toml"
    path.write_text(
        f'name = "site"\nextends = "bi_views"\n[results]\n{keys}\n[results.columns]\n{mapped}\n{more}',
        encoding="utf-8",
    )
    return load_profile(path)


@pytest.fixture
def reported(erp: Build, tmp_path: Path) -> Callable[..., Any]:
    """Extracts and cleans reports of item A0, operation 10 (10 pieces, 1.5 hours unless a row says otherwise)."""

    def run(
        rows: list[dict[str, Any]], *columns: str, keys: str = "", more: str = "", routings: Any = ROUTINGS
    ) -> Any:
        rows = [{"ITEM_CD": "A0", "SETUP_HOURS": 0, **r} for r in rows]
        made = erp(items=ITEMS, routings=routings, results=rows, result_types=EXTRA)
        return made.run(profile=profile(tmp_path, *columns, keys=keys, more=more))

    return run


def result(made: Any) -> list[tuple[float | None, float | None, float | None]]:
    """Machine time, set-up time and quantity of what is left, in order of the first row behind each."""
    rows = made.clean("work_results")
    return list(rows.select(pl.col("machine_time", "setup_time", "order_qty").round(6)).iter_rows())


def account(made: Any) -> tuple[dict[str, int], dict[str, int]]:
    frame = made.report.frames["work_results"]
    assert frame.rows_in == frame.rows_kept + frame.rows_rejected + frame.rows_filtered
    return frame.rejects, frame.filtered


# --- parts of an order ------------------------------------------------------------------------------------------------
PARTS = [
    {"ORDER_NO": "W1", "MACH_WORKED_HOURS": h, "SETUP_HOURS": s, "GOOD_QTY": g, "REPORT_DT": f"2025-06-0{d}"}
    for d, h, s, g in ((1, 2.5, 0.5, 25), (2, 3.0, None, 30), (3, 4.5, 0, 45))
]


@pytest.mark.parametrize(
    ("rule", "ordered", "quantity"),
    [
        ("order", (100, 100, 100), 100), ("sum", (25, 30, 45), 100), ("largest", (25, 55, 100), 100),
        ("last", (25, 100, 98), 98),
    ],
)  # fmt: skip
def test_rows_of_one_order_are_one_result(reported: Build, rule: str, ordered: Any, quantity: float) -> None:
    rows = [{**p, "ORDER_QTY": q} for p, q in zip(PARTS, ordered, strict=True)]
    made = reported(rows, "order_no", keys=f'order_quantity = "{rule}"')
    assert result(made) == [(10.0, 0.5, quantity)]
    assert account(made) == ({}, {"part_of_order": 2})
    row = made.clean("work_results").row(0, named=True)
    assert (row["order_no"], row["parts"], row["report_dt"]) == ("W1", 3, date(2025, 6, 3))


def test_the_good_pieces_of_each_row_make_the_quantity(reported: Build) -> None:
    rows = [{**p, "ORDER_QTY": 100, "BAD_QTY": b} for p, b in zip(PARTS, (1, 0, 2), strict=True)]
    assert result(reported(rows, "order_no", "yield_qty")) == [(10.0, 0.5, 103.0)]


def test_without_an_order_number_each_row_is_for_its_own_pieces(reported: Build) -> None:
    made = reported([{**p, "ORDER_QTY": 100} for p in PARTS], "yield_qty")
    assert [r[2] for r in result(made)] == [25.0, 30.0, 45.0]


def test_orders_and_operations_stay_apart_and_rows_without_a_number_too(reported: Build) -> None:
    rows = [
        {"ORDER_NO": "W1", "MACH_WORKED_HOURS": 1}, {"ORDER_NO": "W2", "MACH_WORKED_HOURS": 2},
        {"ORDER_NO": "W1", "MACH_WORKED_HOURS": 4, "PROC_SEQ": 20}, {"ORDER_NO": None, "MACH_WORKED_HOURS": 8},
        {"ORDER_NO": " ", "MACH_WORKED_HOURS": 16}, {"ORDER_NO": "W1 ", "MACH_WORKED_HOURS": 32},
    ]  # fmt: skip
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert sorted(r[0] for r in result(made)) == [2.0, 4.0, 8.0, 16.0, 33.0]
    assert made.report.frames["work_results"].repairs["no_order_no"] == {"order_no": 2}


def test_an_order_with_two_quantities_has_none(reported: Build) -> None:
    rows = [{**p, "ORDER_QTY": q} for p, q in zip(PARTS, (25, 30, 45), strict=True)]
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert result(made) == [(10.0, 0.5, None)]
    assert any("is it 'sum', 'largest' or 'last'" in w for w in made.report.warnings)


def test_unfinished_orders_wait(reported: Build) -> None:
    rows = [{**p, "ORDER_QTY": 100, "FINAL": f} for p, f in zip(PARTS, (None, "N", "X"), strict=True)]
    keys = 'order_quantity = "order"'
    assert result(reported(rows, "order_no", "finished", keys=keys)) == [(10.0, 0.5, 100.0)]


@pytest.mark.parametrize("columns", [("order_no", "finished"), ("order_no", "yield_qty")])
def test_an_order_in_the_making_says_nothing_yet(reported: Build, columns: tuple[str, ...]) -> None:
    rows = [{**p, "ORDER_QTY": 100, "FINAL": "N"} for p in PARTS[:2]]
    made = reported(rows, *columns, keys='order_quantity = "order"')
    assert (result(made), account(made)[1]) == ([], {"unfinished_order": 2})


def test_an_order_over_the_age_limit_or_the_cutoff_is_whole_or_not_there(erp: Build, tmp_path: Path) -> None:
    rows = [{"ITEM_CD": "A0", "SETUP_HOURS": 0, "ORDER_QTY": 100, **p} for p in PARTS]
    made = erp(items=ITEMS, routings=ROUTINGS, results=rows, result_types=EXTRA)
    site = profile(tmp_path, "order_no", keys='order_quantity = "order"\nmax_age_years = 1')
    made.run(profile=site, cutoff=date(2026, 6, 1))  # the first part is older than a year
    assert result(made) == [(10.0, 0.5, 100.0)]
    made.run(profile=site, cutoff=date(2025, 6, 2))  # the last part is after the cut-off
    assert result(made) == []


# --- numbers that do not name what they should ---------------------------------------------------------------------------
def test_an_order_number_of_two_items_names_no_order(reported: Build) -> None:
    rows = [
        {"ORDER_NO": "W1"}, {"ORDER_NO": "W1", "ITEM_CD": "A1"}, {"ORDER_NO": "W2", "MACH_WORKED_HOURS": 3},
    ]  # fmt: skip
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert ([r[0] for r in result(made)], account(made)[0]) == ([3.0], {"order_of_two_items": 2})
    assert any("order_of_two_items" in w and "E.g. A0 / R1 / 10 / A01" in w for w in made.report.warnings)


def test_an_order_number_used_again_years_later_names_no_order(reported: Build) -> None:
    rows = [{"ORDER_NO": "W1", "REPORT_DT": d} for d in ("2023-06-01", "2025-06-01")]
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert account(made)[0] == {"order_number_used_again": 2}


def test_one_confirmation_number_with_two_contents_is_kept_out(reported: Build) -> None:
    rows = [{"CONF_NO": "1", "MACH_WORKED_HOURS": h} for h in (1, 2)] + [{"CONF_NO": "2"}]
    made = reported(rows, "confirmation_no")
    assert ([r[0] for r in result(made)], account(made)[0]) == ([1.5], {"confirmation_not_unique": 2})


# --- the same report twice ---------------------------------------------------------------------------------------------
def test_reports_equal_in_every_column_count_once_and_are_told(reported: Build) -> None:
    rows = [{"MACH_WORKED_HOURS": h, "REPORT_DT": "2025-06-02"} for h in (1, 1, 2, 1)]
    made = reported(rows)
    assert ([r[0] for r in result(made)], account(made)[0]) == ([1.0, 2.0], {"equal_report": 2})
    assert any("2 of 4 rows kept out (equal_report)" in w for w in made.report.warnings)


def test_equal_reports_are_found_over_chunks(
    erp: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [{"ITEM_CD": f"A{n % 3}", "REPORT_DT": f"2025-06-{1 + n % 5:02d}"} for n in range(40)]
    made = erp(items=ITEMS, routings=ROUTINGS, results=rows).run()
    monkeypatch.setattr(raw_frames, "CHUNK_ROWS", 7)
    again = made.clean("work_results").sort("item_key", "report_dt")
    made.run()
    assert made.clean("work_results").sort("item_key", "report_dt").equals(again)
    assert again.height == 15


def test_rows_that_a_join_multiplies_are_told_with_the_join(erp: Build, tmp_path: Path) -> None:
    made = erp(items=ITEMS, routings=ROUTINGS, results=[{"ITEM_CD": "A0"}, {"ITEM_CD": "A1"}])
    made.execute("CREATE TABLE RES_TEXT (RES NVARCHAR(50), LANG NVARCHAR(2))")
    made.execute("INSERT INTO RES_TEXT VALUES ('CNC-01', 'EN'), ('CNC-01', 'KO')")
    join = 'joins = [{ table = "RES_TEXT", alias = "t", on = [["RES_CD", "RES"]] }]'
    made.run(profile=profile(tmp_path, keys=join))
    assert account(made)[0] == {"equal_report": 2}
    assert any("a join that finds several partners (here: RES_TEXT)" in w for w in made.report.warnings)


def test_equal_rows_of_an_order_may_be_parts_so_it_is_kept_out(reported: Build) -> None:
    rows = [{"ORDER_NO": "W1"}, {"ORDER_NO": "W1"}, {"ORDER_NO": "W2"}]
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert account(made)[0] == {"parts_or_repeats": 2}
    assert [r[2] for r in result(made)] == [10.0]


def test_confirmation_numbers_tell_parts_from_repeats(reported: Build) -> None:
    rows = [{"ORDER_NO": "W1", "CONF_NO": n} for n in ("1", "2", "2")]
    made = reported(rows, "order_no", "confirmation_no", keys='order_quantity = "order"')
    assert (result(made), account(made)) == (
        [(3.0, 0.0, 10.0)],
        ({"equal_report": 1}, {"part_of_order": 1}),
    )


@pytest.mark.parametrize(
    ("quantity", "minutes", "alone", "told"),
    [
        (lambda k: 10, 5.0, 10.0, True),  # the order's quantity on each of two rows, which share its time
        (lambda k: 10, 5.0, None, True),  # nothing to compare with
        (lambda k: 10, 10.0, 10.0, False),  # two boxes of ten
        (lambda k: 10 + 5 * k, 5.0, 10.0, False),  # the pieces of each row
        (lambda k: 1, 1.0, 1.0, False),  # piece by piece
    ],
)
def test_one_quantity_on_all_rows_of_an_order_is_told_where_quantities_are_added(
    reported: Build, quantity: Callable[[int], float], minutes: float, alone: float | None, told: bool
) -> None:
    rows = [
        {"ORDER_NO": f"P{n}", "CONF_NO": f"{n}-{k}", "MACH_WORKED_HOURS": minutes + n % 3 / 10, "ORDER_QTY": quantity(k)}
        for n in range(12)
        for k in range(2)
    ]  # fmt: skip
    if alone is not None:
        rows += [
            {"ORDER_NO": f"S{n}", "CONF_NO": f"S{n}", "MACH_WORKED_HOURS": alone, "ORDER_QTY": quantity(0)}
            for n in range(3)
        ]
    made = reported(rows, "order_no", "confirmation_no", keys='order_quantity = "sum"')
    assert any('Write order_quantity = "order"' in w for w in made.report.warnings) is told


# --- reversals ---------------------------------------------------------------------------------------------------------
def minus(hours: float, quantity: float = -10, **more: Any) -> dict[str, Any]:
    return {"MACH_WORKED_HOURS": hours, "ORDER_QTY": quantity, "REPORT_DT": "2025-06-02", **more}


def test_a_negative_row_takes_its_posting_back(reported: Build) -> None:
    rows = [{"MACH_WORKED_HOURS": 40}, minus(-40), {"MACH_WORKED_HOURS": 10, "REPORT_DT": "2025-06-02"}]
    made = reported(rows)
    assert ([r[0] for r in result(made)], account(made)) == ([10.0], ({}, {"taken_back": 2}))


def test_a_posting_that_was_taken_back_and_not_made_again_is_gone(reported: Build) -> None:
    made = reported([{"MACH_WORKED_HOURS": 30}, minus(-30), {"ITEM_CD": "A1"}])
    assert made.clean("work_results")["item_key"].to_list() == ["A1"]


@pytest.mark.parametrize(
    ("flags", "left"), [(("X", "N", "N"), [10.0]), (("N", "X", "N"), [10.0]), (("N", "X", "X"), [])]
)
def test_of_two_equal_postings_the_one_goes_that_says_finished_as_its_reversal_does(
    reported: Build, flags: tuple[str, str, str], left: list[float]
) -> None:
    told = {"ORDER_NO": "P1", "MACH_WORKED_HOURS": 10, "ORDER_QTY": 10}
    rows = [
        {**told, "FINAL": flags[0]},
        {**told, "FINAL": flags[1]},
        minus(-10, ORDER_NO="P1", FINAL=flags[2]),
    ]
    rows = [{**r, "CONF_NO": str(k)} for k, r in enumerate(rows)]
    keys = 'order_quantity = "sum"'
    made = reported(
        [*rows, {"ITEM_CD": "A1", "ORDER_NO": "P2", "CONF_NO": "9", "FINAL": "X", "MACH_WORKED_HOURS": 1}],
        "order_no", "confirmation_no", "finished", keys=keys,
    )  # fmt: skip
    assert [r[0] for r in result(made)] == [*left, 1.0]


def test_the_order_quantity_may_stand_on_the_reversal_with_its_sign(reported: Build) -> None:
    assert result(reported([{"MACH_WORKED_HOURS": 30}, minus(-30, 10), {"ITEM_CD": "A1"}]))[0][0] == 1.5


def test_a_reversal_may_have_a_negative_quantity_and_positive_times(reported: Build) -> None:
    made = reported([{"MACH_WORKED_HOURS": 30}, minus(30), minus(7), {"ITEM_CD": "A1"}])
    assert made.clean("work_results")["item_key"].to_list() == ["A1"]
    assert account(made) == ({"reversal_without_original": 1}, {"taken_back": 2})


def test_a_part_taken_back_is_netted_where_one_posting_can_be_meant(reported: Build) -> None:
    made = reported([{"MACH_WORKED_HOURS": 20}, minus(-8, 0), {"ITEM_CD": "A1"}])
    assert (result(made)[0], account(made)) == ((12.0, 0.0, 10.0), ({}, {"taken_back": 1}))


def test_a_part_of_one_of_two_postings_keeps_both_out(reported: Build) -> None:
    made = reported([{"MACH_WORKED_HOURS": 20}, {"MACH_WORKED_HOURS": 30}, minus(-8, 0), {"ITEM_CD": "A1"}])
    assert (len(result(made)), account(made)[0]) == (1, {"ambiguous_reversal": 3})


def test_a_reversal_without_its_original_is_kept_out(reported: Build) -> None:
    made = reported([{"MACH_WORKED_HOURS": 5}, minus(-8), {"ITEM_CD": "A1"}])
    assert (result(made)[0][0], account(made)[0]) == (5.0, {"reversal_without_original": 1})


def test_inside_an_order_reversals_are_summed(reported: Build) -> None:
    rows = [
        {"ORDER_NO": "W1", "MACH_WORKED_HOURS": 20}, minus(-8, 0, ORDER_NO="W1"),
        {"ORDER_NO": "W2", "MACH_WORKED_HOURS": 5}, minus(-5, ORDER_NO="W2"),
        {"ORDER_NO": "W3", "MACH_WORKED_HOURS": 5}, minus(-6, ORDER_NO="W3"),
    ]  # fmt: skip
    made = reported(rows, "order_no", keys='order_quantity = "order"')
    assert result(made) == [(12.0, 0.0, 10.0)]
    assert account(made) == ({"reversal_without_original": 2}, {"part_of_order": 1, "taken_back": 2})


def test_a_reversal_by_reference_and_one_by_flag(reported: Build) -> None:
    rows = [
        {"CONF_NO": "1", "MACH_WORKED_HOURS": 20}, {"CONF_NO": "2", "REVERSES": "1", "MACH_WORKED_HOURS": 20},
        {"CONF_NO": "3", "REVERSES": "00", "MACH_WORKED_HOURS": 10}, {"CONF_NO": "4", "TAKEN_BACK": "x", "MACH_WORKED_HOURS": 9},
        {"CONF_NO": "5", "REVERSES": "77", "MACH_WORKED_HOURS": 7},
    ]  # fmt: skip
    made = reported(rows, "confirmation_no", "reverses", "reversed")
    assert [r[0] for r in result(made)] == [10.0]
    assert account(made) == ({"reversal_without_original": 1}, {"reversal": 1, "reversed": 2})


def test_a_reversal_that_was_taken_back_takes_back_nothing(reported: Build) -> None:
    rows = [
        {"CONF_NO": "1", "MACH_WORKED_HOURS": 20}, {"CONF_NO": "2", "REVERSES": "1"}, {"CONF_NO": "3", "REVERSES": "2"},
    ]  # fmt: skip
    assert [r[0] for r in result(reported(rows, "confirmation_no", "reverses"))] == [20.0]


def row(number: int, hours: float, quantity: float, **more: Any) -> dict[str, Any]:
    return {
        "confirmation_no": str(number),
        "machine_time": hours,
        "setup_time": hours / 4,
        "qty": quantity,
        **more,
    }


def netted(rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, dict[str, int]]:
    """`net` on rows of one operation, with confirmation and order numbers."""
    texts = (
        "item_key", "job_cd", "rout_no", "res_cd", "order_no", "confirmation_no", "reverses", "kind", "worker_cd",
        "match_level", "time_unit", "qty_unit",
    )  # fmt: skip
    numbers = ("machine_time", "setup_time", "hold_time", "qty", "order_qty", "bad_qty", "yield_qty")
    schema = {
        **dict.fromkeys(texts, pl.String()), **dict.fromkeys(numbers, pl.Float64()), "proc_seq": pl.Int32(),
        "report_dt": pl.Date(), "is_reversed": pl.Boolean(), "is_finished": pl.Boolean(), "start": pl.Datetime("us"),
        "end": pl.Datetime("us"),
    }  # fmt: skip
    common = {
        "item_key": "A", "job_cd": "J", "proc_seq": 10, "order_no": "W1", "match_level": "routing", "is_reversed": False,
        "report_dt": date(2025, 6, 1),
    }  # fmt: skip
    frame = pl.DataFrame([{**dict.fromkeys(schema), **common, **r} for r in rows], schema=schema)
    frame = frame.with_row_index("row_nr")
    rejects = Rejects("work_results", ("item_key",), ("item_key",), pl.DataFrame(schema={"row_nr": pl.UInt32, "column": pl.String, "value": pl.String}), lambda _: None)  # fmt: skip
    kept = Account(rejects, Counter(), Counter())
    return net(
        frame, frame, Netting("sum", False, True, False), pl.Series([], dtype=pl.String), kept
    ), rejects.counts


@given(
    parts=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 50)), min_size=1, max_size=6),
    wrong=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 50), st.booleans()), max_size=4),
    seed=st.randoms(use_true_random=False),
)
def test_however_an_order_is_posted_its_minutes_and_pieces_are_the_same(
    parts: list[tuple[int, int]], wrong: list[tuple[int, int, bool]], seed: random.Random
) -> None:
    """Parts in any order, wrong postings taken back by sign or by reference, and any of the rows sent again."""
    rows = [row(n, hours / 8, quantity) for n, (hours, quantity) in enumerate(parts)]
    for n, (hours, quantity, by_sign) in enumerate(wrong):
        rows.append(row(100 + n, hours / 8, quantity))
        if by_sign:
            rows.append(row(200 + n, -hours / 8, -quantity))
        else:
            rows.append(row(200 + n, hours / 8, quantity, reverses=str(100 + n)))
    rows += seed.sample(rows, seed.randint(0, len(rows)))
    seed.shuffle(rows)
    found, rejected = netted(rows)
    assert set(rejected) <= {"equal_report"}
    hours = sum(h for h, _ in parts) / 8
    (only,) = found.select(pl.col("machine_time", "setup_time", "order_qty").round(6)).iter_rows()
    assert only == (hours, hours / 4, sum(q for _, q in parts))


# --- kinds, units, flags, corrections ------------------------------------------------------------------------------------
KINDS = 'kinds = { setup = ["S"], run = ["P", "Q"], ignore = ["I"] }'


def test_set_up_and_run_as_rows_of_their_own(reported: Build) -> None:
    rows = [
        {"KIND": k, "MACH_WORKED_HOURS": h, "SETUP_HOURS": None, "ORDER_QTY": 100}
        for k, h in (("S", 0.5), ("p", 10), ("I", 3), ("Z", 4))
    ]
    made = reported(rows, "record_kind", keys=KINDS)
    assert result(made) == [(None, 0.5, 100.0), (10.0, None, 100.0)]
    assert account(made) == ({"unknown_record_kind": 1}, {"ignored_kind": 1})


def test_set_up_and_run_rows_of_one_order_make_one_result(reported: Build) -> None:
    rows = [
        {"ORDER_NO": "W1", "KIND": k, "MACH_WORKED_HOURS": h, "SETUP_HOURS": None, "ORDER_QTY": q}
        for k, h, q in (("S", 0.5, 100), ("P", 4, 40), ("Q", 6, 60))
    ]
    made = reported(rows, "order_no", "record_kind", keys=KINDS + '\norder_quantity = "sum"')
    assert result(made) == [(10.0, 0.5, 100.0)]


def test_each_row_has_its_unit_of_time_and_quantity(reported: Build) -> None:
    rows = [
        {"TIME_UOM": "H", "QTY_UOM": "PCS", "MACH_WORKED_HOURS": 2, "SETUP_HOURS": 30, "ORDER_QTY": 10},
        {"TIME_UOM": " min", "QTY_UOM": "BOX", "MACH_WORKED_HOURS": 90, "SETUP_HOURS": 30, "ORDER_QTY": 3},
        {"TIME_UOM": "DAY", "QTY_UOM": None, "MACH_WORKED_HOURS": 1, "SETUP_HOURS": 30, "ORDER_QTY": 3},
    ]
    rows = [{"SETUP_UOM": "MIN", **r} for r in rows]
    keys = "time_units = { H = 60, MIN = 1 }\nqty_units = { PCS = 1, BOX = 10 }"
    made = reported(rows, "time_unit", "setup_time_unit", "qty_unit", keys=keys)
    assert result(made) == [(2.0, 0.5, 10.0), (1.5, 0.5, 30.0), (None, 0.5, None)]
    found = made.report.frames["work_results"].repairs
    assert (found["time_unit_unknown"], found["qty_unit_unknown"]) == ({"time_unit": 1}, {"qty_unit": 1})


def test_a_blank_unit_means_what_the_profile_says(reported: Build) -> None:
    keys = "qty_units = { PCS = 1, BOX = 10 }\nblank_qty_unit = 2"
    assert [r[2] for r in result(reported([{"QTY_UOM": " "}], "qty_unit", keys=keys))] == [20.0]


def test_rework_is_left_out_unless_it_counts(reported: Build) -> None:
    rows = [{"REWORK": w, "MACH_WORKED_HOURS": h} for w, h in (("N", 1), (None, 2), ("Y", 4), ("perhaps", 8))]
    made = reported(rows, "rework")
    assert ([r[0] for r in result(made)], account(made)) == ([1.0, 2.0], ({"unknown_flag": 1}, {"rework": 1}))


def test_rules_of_the_profile_put_right_what_is_known_to_be_wrong(reported: Build) -> None:
    rows = [
        {"MACH_WORKED_HOURS": 90, "REPORT_DT": "2024-04-30"}, {"MACH_WORKED_HOURS": 2, "REPORT_DT": "2024-05-01"},
        {"MACH_WORKED_HOURS": 60, "REPORT_DT": None}, {"MACH_WORKED_HOURS": 3, "RES_CD": "M2", "REPORT_DT": "2024-04-30"},
    ]  # fmt: skip
    more = (
        '[[results.correct]]\nmachine = "cnc-01"\nbefore = 2024-05-01\nfactor = 0.016666666666666666\n'
        '[[results.correct]]\nmachine = "M2"\nqty_factor = 10\n[[results.correct]]\nitem = "NONE"\nfactor = 2\n'
    )
    made = reported(rows, more=more)
    assert result(made) == [(1.5, 0.0, 10.0), (2.0, 0.0, 10.0), (3.0, 0.0, 100.0)]
    assert account(made)[0] == {"correction_undated": 1}
    said = [w for w in made.report.warnings if "[[results.correct]]" in w]
    assert any("rule 1 of [[results.correct]] put 1 rows right" in w for w in said)
    assert any("rule 3 of [[results.correct]] meets no row" in w for w in said)


def test_a_set_up_or_a_run_time_alone_is_put_right(reported: Build) -> None:
    """Set-ups typed in minutes beside run times in hours, on one machine; run times too long by ten on another."""
    rows = [
        {"MACH_WORKED_HOURS": 2, "SETUP_HOURS": 30},
        {"MACH_WORKED_HOURS": 20, "SETUP_HOURS": 1, "RES_CD": "M2"},
    ]
    more = '[[results.correct]]\nmachine = "CNC-01"\nsetup_factor = 0.5\n[[results.correct]]\nmachine = "M2"\nrun_factor = 0.1\n'
    assert [r[:2] for r in result(reported(rows, more=more))] == [(2.0, 15.0), (2.0, 1.0)]


def test_a_rule_that_corrects_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="corrects nothing: give factor, run_factor, setup_factor or"):
        profile(tmp_path, more='[[results.correct]]\nmachine = "M2"\nrun_factor = 1\n')


def test_the_set_up_that_a_report_states_is_taken_out_of_its_run_time(reported: Build) -> None:
    """Two hours of which half an hour is set-up; a repeat order without one; a set-up that takes as long as the whole."""
    rows = [
        {"MACH_WORKED_HOURS": 2, "SETUP_HOURS": 0.5},
        {"MACH_WORKED_HOURS": 3, "SETUP_HOURS": None},
        {"MACH_WORKED_HOURS": 1, "SETUP_HOURS": 1},
    ]
    made = reported(rows, keys='setup_within_run = "reported"')
    assert [r[:2] for r in result(made)] == [(1.5, 0.5), (3.0, None), (None, 1.0)]
    said = [w for w in made.report.warnings if "setup_within_run" in w]
    assert [w.split(" run times")[0] for w in said] == ["work_results: 1", "work_results: 1"]


def test_the_standard_set_up_is_taken_out_once_per_order(reported: Build) -> None:
    """The standard is 15 minutes: the first order is reported in two parts, the second is shorter than its set-up."""
    rows = [
        {"MACH_WORKED_HOURS": 1, "ORDER_NO": "W1", "REPORT_DT": "2025-06-01"}, {"MACH_WORKED_HOURS": 0.5, "ORDER_NO": "W1", "REPORT_DT": "2025-06-02"},
        {"MACH_WORKED_HOURS": 0.2, "ORDER_NO": "W2"}, {"MACH_WORKED_HOURS": None, "ORDER_NO": "W3"},
    ]  # fmt: skip
    keys = 'setup_within_run = "standard"\norder_quantity = "order"'
    standards = [{**r, "SETUP_TIME": 15.0} for r in ROUTINGS]
    made = reported(rows, "order_no", keys=keys, routings=standards)
    assert [r[0] for r in result(made)] == [1.25, None, None]


def test_a_set_up_in_the_run_time_that_no_routing_states_leaves_no_run_time(reported: Build) -> None:
    without = [{**r, "SETUP_TIME": None} for r in ROUTINGS]
    made = reported([{"MACH_WORKED_HOURS": 1}], keys='setup_within_run = "standard"', routings=without)
    assert [r[0] for r in result(made)] == [None]
    assert any("no routing has a standard of it" in w for w in made.report.warnings)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            'setup_within_run = "standard"\nrun_basis = "piece"',
            "is for times of an order, and run_basis is 'piece'",
        ),
        ('setup_within_run = "perhaps"', "setup_within_run"),
    ],
)
def test_a_set_up_in_the_run_time_that_cannot_be_meant_is_refused(
    reported: Build, keys: str, problem: str
) -> None:
    with pytest.raises(ProfileError, match=problem):
        reported([{"MACH_WORKED_HOURS": 2}], keys=keys)


@pytest.mark.parametrize("day", ["1900-01-01", "1753-01-01", "0001-01-01", "1949-12-31"])
def test_a_date_that_means_none_is_none(reported: Build, day: str) -> None:
    made = reported([{"REPORT_DT": day}, {"REPORT_DT": "2025-06-01"}])
    assert made.clean("work_results")["report_dt"].to_list() == [None, date(2025, 6, 1)]
    assert account(made) == ({}, {})


@pytest.mark.parametrize(
    ("columns", "keys", "says"),
    [
        (("order_no",), "", "order_no is mapped, but nothing says how it is meant"),
        (("record_kind",), "", "results.kinds = None"),
        (("time_unit",), "", "results.time_units = None"),
        (("qty_unit",), "", "results.qty_units = None"),
        (("reverses",), "", "confirmation numbers, which are not mapped"),
        (("start_at",), "", "start_at and end_at go together"),
        ((), 'order_quantity = "sum"', "needs order_no"),
        (("record_kind",), 'kinds = { setup = ["S"], run = ["s"] }', "a word has two meanings"),
        ((), 'time_zone = "Mars/Base"', "no such time zone"),
        ((), "correct = [{ machine = 'M1' }]", "corrects nothing"),
        ((), "correct = [{ factor = 60 }]", "names no rows"),
    ],
)  # fmt: skip
def test_keys_that_say_too_little_are_refused(
    tmp_path: Path, columns: tuple[str, ...], keys: str, says: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, *columns, keys=keys)
    assert says in str(caught.value)


# --- moments -----------------------------------------------------------------------------------------------------------
def booking(worker: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"WORKER": worker, "STARTED": f"2025-06-0{start}", "ENDED": f"2025-06-0{end}", **more}


def test_a_person_booked_on_two_operations_at_once_is_kept_out(reported: Build) -> None:
    rows = [
        booking("W1", "1 08:00", "1 10:00"), booking("W1", "1 09:00", "1 11:00", PROC_SEQ=20),
        booking("W1", "1 11:00", "1 12:00"), booking("W2", "1 08:00", "1 10:00", PROC_SEQ=20),
    ]  # fmt: skip
    made = reported(rows, "worker_cd", "start_at", "end_at")
    assert (len(result(made)), account(made)[0]) == (2, {"overlapping_bookings": 2})


def test_two_people_on_one_order_and_machine_make_its_minutes_once(reported: Build) -> None:
    rows = [
        booking("W1", "1 22:00", "2 02:00", MACH_WORKED_HOURS=4, ORDER_NO="W1"),
        booking("W2", "2 00:00", "2 06:00", MACH_WORKED_HOURS=6, ORDER_NO="W1"),
    ]
    made = reported(rows, "order_no", "worker_cd", "start_at", "end_at", keys='order_quantity = "order"')
    assert result(made) == [(8.0, 0.0, 10.0)]


def test_overlapping_bookings_known_by_hand() -> None:
    day = datetime(2025, 6, 1)
    hours = [
        (0, "P", 1, 8, 10),
        (1, "P", 2, 9, 11),
        (2, "P", 1, 12, 13),
        (3, "Q", 1, 12, 14),
        (4, "Q", 1, 14, 15),
    ]
    frame = pl.DataFrame(
        {
            "row_nr": [h[0] for h in hours], "who": [h[1] for h in hours], "what": [h[2] for h in hours], "where": ["M"] * 5,
            "start": [day + timedelta(hours=h[3]) for h in hours], "end": [day + timedelta(hours=h[4]) for h in hours],
        }
    )  # fmt: skip
    doubtful, shares = overlapping(frame)
    assert doubtful.sort().to_list() == [0, 1]
    assert dict(shares.iter_rows()) == {3: 0.5}
