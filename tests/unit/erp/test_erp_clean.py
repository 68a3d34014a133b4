"""Cleaning: each entry of the dirt catalogue that is about rows, with its reject or repair."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from routing_etl import frames
from routing_etl.erp import clean as clean_module
from routing_etl.erp import raw_frames
from routing_etl.erp.clean import clean
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.erp.text import Counter
from routing_etl.errors import DiskFullError, FrameError, SourceError

Build = Callable[..., Any]


def site(tmp_path: Path, body: str) -> Profile:
    path = tmp_path / "site.toml"
    path.write_text(f'name = "site"\nextends = "bi_views"\n{body}', encoding="utf-8")
    return load_profile(path)


def rules(made: Any, name: str) -> dict[str, int]:
    counts: dict[str, int] = made.report.frames[name].rejects
    return counts


def repairs(made: Any, name: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = made.report.frames[name].repairs
    return found


# --- accounts ---------------------------------------------------------------------------------------------------------
def test_rows_in_are_kept_rejected_or_filtered_and_rejects_keep_their_raw_row(erp: Build) -> None:
    made = erp(
        items=[{"ITEM_CD": "A1", "PART_TYPE": "11"}, {"ITEM_CD": "  "}],
        routings=[{"ITEM_CD": "A1"}, {"ITEM_CD": "GONE", "JOB_NM": "CNC황삭 1차"}],
        results=[{"ITEM_CD": "A1"}, {"ITEM_CD": "A1", "REPORT_DT": "2001-01-01"}, {"ITEM_CD": "GONE"}],
        orders=[{"ITEM_CD": "A1", "PO_NO": "P1"}, {"ITEM_CD": None, "PO_NO": "P2"}],
    ).run()
    for frame in made.report.frames.values():
        assert frame.rows_in == frame.rows_kept + frame.rows_rejected + frame.rows_filtered
    assert made.report.rejects == {
        "items.missing_key": 1, "operations.orphan_item": 1, "work_results.orphan_item": 1, "purchase_orders.missing_key": 1,
    }  # fmt: skip
    assert made.report.frames["work_results"].filtered == {"too_old": 1}
    reject = made.rejects("operations").row(0, named=True)
    assert reject["row_key"] == "GONE / R1 / 10"
    assert reject["rule"] == "orphan_item"
    assert json.loads(reject["raw_values"])["job_nm"] == "CNC황삭 1차"
    frames.REJECTS.validate(made.rejects("items"))


def test_bytes_that_are_no_text_are_counted_by_column_and_told(erp: Build) -> None:
    """A Korean code page read as UTF-8: what cannot be decoded became U+FFFD, in attributes, codes and keys."""
    made = erp(
        items=[{"ITEM_CD": f"A{n}", "PART_TYPE": "11", "ITEM_NM": "seal"} for n in range(4)],
        routings=[{"ITEM_CD": f"A{n}"} for n in range(4)],
        results=[{"ITEM_CD": f"A{n}"} for n in range(4)],
        orders=[{"ITEM_CD": "A1", "PO_NO": "P1"}, {"ITEM_CD": "A2", "PO_NO": "P2"}],
    )
    bad = "CAST(X'BFDC41' AS TEXT)"
    made.execute(f"UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = {bad} WHERE ITEM_CD IN ('A0', 'A1')")
    made.execute(f"UPDATE BI_ITEM_INFO_VIEW SET ITEM_CD = {bad} WHERE ITEM_CD = 'A3'")
    made.execute(f"UPDATE BI_ROUTING_VIEW SET JOB_NM = {bad} WHERE ITEM_CD = 'A0'")
    made.execute(f"UPDATE BI_WORK_ORDER_RESULTS SET RES_CD = {bad} WHERE ITEM_CD = 'A0'")
    made.execute(f"UPDATE BI_WORK_ORDER_RESULTS SET ITEM_CD = {bad} WHERE ITEM_CD = 'A2'")
    made.execute(f"UPDATE BI_PUR_PO_VIEW SET PO_NO = {bad} WHERE ITEM_CD = 'A1'")
    made.run()
    assert {n: repairs(made, n).get("not_text") for n in made.report.frames} == {
        "items": {"item_nm": 2, "item_cd": 1},
        "operations": {"job_nm": 1},
        "work_results": {"res_cd": 1, "item_cd": 1},
        "purchase_orders": {"po_no": 1},
    }
    assert (
        "items: 3 texts with bytes that are none in the database's encoding, read as the character U+FFFD; codes that "
        "differ there alone cannot be told apart (item_cd, item_nm)."
    ) in made.report.warnings


def test_text_in_order_is_not_counted_as_broken(erp: Build) -> None:
    made = erp(items=[{"ITEM_CD": "A1", "ITEM_NM": "씰 링 Ø120 ?"}]).run()
    assert "not_text" not in repairs(made, "items")
    assert not any("U+FFFD" in w for w in made.report.warnings)


def test_every_clean_frame_keeps_its_contract(erp: Build) -> None:
    made = erp(results=[{"ITEM_CD": "A1"}], orders=[{"ITEM_CD": "A1", "PO_NO": "P1", "QTY": 5}]).run()
    for frame in (frames.ITEMS, frames.OPERATIONS, frames.WORK_RESULTS, frames.PURCHASE_ORDERS):
        content = made.clean(frame.name)
        frame.validate(content)
        assert content.height == 1


def test_a_difference_in_the_accounts_is_an_error(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp(results=[{"ITEM_CD": "A1", "ORDER_QTY": n} for n in (1, 2, 3)])
    original = clean_module.clean_results
    monkeypatch.setattr(clean_module, "clean_results", lambda *a: original(*a).head(1))
    with pytest.raises(FrameError, match="3 rows in, but 1 kept"):
        made.run()


def test_chunks_and_shards_give_the_same_as_one_piece(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp(
        items=[{"ITEM_CD": f"A{n}", "PART_TYPE": "11"} for n in range(40)],
        routings=[{"ITEM_CD": f"A{n}", "PROC_SEQ": s, "ROUT_NO": r} for n in range(40) for r in ("R1", "R2") for s in (10, 20)]
        + [{"ITEM_CD": "GONE"}],
        results=[{"ITEM_CD": f"A{n}", "PROC_SEQ": s} for n in range(45) for s in (10, 20, 30)],
    ).run()  # fmt: skip
    whole = {n: made.clean(n) for n in ("operations", "work_results")}
    rejected = made.report.rejects
    monkeypatch.setattr(raw_frames, "CHUNK_ROWS", 13)
    made.run()
    keys = {"operations": ["item_key", "rout_no", "proc_seq"], "work_results": ["item_key", "proc_seq"]}
    for name, frame in whole.items():
        assert made.clean(name).sort(keys[name]).equals(frame.sort(keys[name]))
    assert made.report.rejects == rejected


def test_no_usable_items_or_operations_stop(erp: Build) -> None:
    with pytest.raises(SourceError, match=r"None of the 1 items is usable: 1 by the rule [a-z_]+\."):
        erp(items=[{"ITEM_CD": ""}]).run()


def test_no_usable_operations_stop(erp: Build) -> None:
    with pytest.raises(
        SourceError, match=r"None of the 1 routing rows is usable: 1 by the rule orphan_item\. Look at"
    ):
        erp(routings=[{"ITEM_CD": "GONE"}]).run()


def test_clean_before_extract_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="Run the extract first"):
        clean(
            tmp_path / "raw", tmp_path / "clean", tmp_path / "rejects", load_profile("bi_views"), cutoff=None
        )


def test_full_disk_is_named(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "items.parquet")

    monkeypatch.setattr(clean_module, "clean_items", full)
    with pytest.raises(DiskFullError, match="No space left"):
        made.run()


# --- items ------------------------------------------------------------------------------------------------------------
def test_duplicate_items_keep_the_row_with_most_values(erp: Build) -> None:
    made = erp(
        items=[
            {"ITEM_CD": "A1"},
            {"ITEM_CD": "A1", "PART_TYPE": "11", "ITEM_NM": "316 GLAND"},
            {"ITEM_CD": "A1", "PART_TYPE": "12"},
        ]
    ).run()
    assert made.clean("items").select("item_cd", "part_type").rows() == [("A1", "11")]
    assert rules(made, "items") == {"duplicate_key": 2}


def test_codes_that_collide_after_trimming(erp: Build, tmp_path: Path) -> None:
    made = erp(
        items=[
            {"ITEM_CD": " 4H69065ZZ", "PART_TYPE": "11"},
            {"ITEM_CD": "A1"},
            {"ITEM_CD": " B2"},
            {"ITEM_CD": "4H69065ZZ"},
        ]
    ).run()
    items = made.clean("items")
    assert sorted(items["item_cd"].to_list()) == [" B2", "4H69065ZZ", "A1"]
    assert items.filter(pl.col("item_cd") == " B2")["item_key"].to_list() == ["B2"]
    reject = made.rejects("items").row(0, named=True)
    assert (reject["row_key"], reject["rule"]) == (" 4H69065ZZ", "key_collision")
    assert any("' 4H69065ZZ'" in w for w in made.report.warnings)
    with pytest.raises(SourceError, match="equal another one after trimming"):
        made.run(profile=site(tmp_path, '[items]\non_key_collision = "error"\n'))


def test_overlong_item_code_is_rejected_with_its_full_text(erp: Build) -> None:
    made = erp(items=[{"ITEM_CD": "A1"}, {"ITEM_CD": "B" * 101}]).run()
    assert rules(made, "items") == {"key_too_long": 1}
    assert json.loads(made.rejects("items")["raw_values"][0])["item_cd"] == "B" * 101


def test_nul_is_rejected_in_a_code_and_a_blank_elsewhere(erp: Build) -> None:
    """Databases cut text off at a NUL or refuse it; other control characters are blanks, in codes for the key only."""
    made = erp(
        items=[
            {"ITEM_CD": "A\x001"},
            {"ITEM_CD": "A2", "ITEM_NM": "316\x00 SLEEVE\x07"},
            {"ITEM_CD": "A3\t", "ITEM_NM": "RING"},
        ],
        routings=[{"ITEM_CD": "A2", "JOB_CD": "B10\x00", "ROUT_NO": "R\x001"}, {"ITEM_CD": "A\x001"}],
    ).run()
    assert rules(made, "items") == {"nul_in_key": 1}
    items = made.clean("items").sort("item_key")
    assert items.select("item_key", "item_nm").rows() == [("A2", "316 SLEEVE"), ("A3", "RING")]
    operations = made.clean("operations")
    assert operations.select("item_key", "job_cd").rows() == [("A2", "B10")]
    text = operations.select(pl.col(pl.String)).unpivot()["value"].drop_nulls()
    assert not text.str.contains("\x00", literal=True).any()
    assert rules(made, "operations") == {"orphan_item": 1}


def test_numbers_beyond_what_the_columns_hold_are_null_and_counted(erp: Build) -> None:
    made = erp(
        items=[{"ITEM_CD": "A1", "OUTDIAMETER": 1e300, "OUTDIAMETER_UNIT": "MM"}],
        routings=[{"ITEM_CD": "A1", "RUN_TIME": 1e300, "QUEUE_TIME": 1e9}],
        results=[{"ITEM_CD": "A1", "MACH_WORKED_HOURS": 1e300, "ORDER_QTY": 1e300}],
    ).run()
    assert made.clean("items")["outdiameter"].to_list() == [None]
    assert made.clean("operations").select("run_min", "queue_min").rows() == [(None, None)]
    assert made.clean("work_results").select("machine_time", "order_qty").rows() == [(None, None)]
    assert repairs(made, "items")["too_large"] == {"outdiameter": 1}
    assert repairs(made, "operations")["too_large"] == {"run_min": 1, "queue_min": 1}
    assert repairs(made, "work_results")["too_large"] == {"machine_time": 1, "order_qty": 1}
    assert sum("larger than can be meant" in w for w in made.report.warnings) == 3


def test_dates_after_today_are_told(erp: Build) -> None:
    made = erp(results=[{"ITEM_CD": "A1", "REPORT_DT": "9999-12-31"}]).run()
    assert made.clean("work_results")["report_dt"].to_list() == [None]
    assert any("dates after today" in w for w in made.report.warnings)


def test_missing_values_of_items_by_their_columns_own_words(erp: Build) -> None:
    made = erp(
        items=[
            {"ITEM_CD": "A1", "PART_TYPE": "KYY", "ITEM_SPEC": "0", "DRAW_REV": "0", "ITEM_GRP1": "NA", "ITEM_UNIT": "mm",
             "ITEM_TYPE": "", "GROUP2": "A50-", "GROUP1": "VE0-XS-미분류", "ITEM_MATERIAL": "Z00DWG"},
            {"ITEM_CD": "A2", "PART_TYPE": "11#1", "ITEM_SPEC": "(DEL) CP", "DRAW_REV": "-", "ITEM_TYPE": None},
        ]
    ).run()  # fmt: skip
    one, two = made.clean("items").sort("item_cd").to_dicts()
    assert (one["part_type"], one["item_spec"], one["draw_rev"], one["item_grp1"]) == (None, None, "0", None)
    assert (one["item_unit"], one["group2"], one["group1"]) == ("MM", "A50", None)
    assert one["placeholders"] == "group1|item_material|part_type"
    assert (two["part_type"], two["item_spec"], two["draw_rev"]) == ("11#1", "CP", None)
    assert (two["marks"], two["excluded"]) == ("DEL", "mark DEL")
    assert (one["marks"], one["excluded"]) == (None, None)
    counted = repairs(made, "items")
    assert counted["blank_to_null"]["item_type"] == 1
    assert counted["null"]["item_type"] == 1


def test_marks_exclude_only_what_the_profile_says(erp: Build, tmp_path: Path) -> None:
    made = erp(
        items=[{"ITEM_CD": "A1", "ITEM_SPEC": "(CHK) P3"}, {"ITEM_CD": "A2", "ITEM_SPEC": "(DEL)(CHK) X"}]
    )
    made.run()
    flags = made.clean("items").sort("item_cd").select("marks", "excluded").rows()
    assert flags == [("CHK", None), ("CHK|DEL", "mark DEL")]
    made.run(profile=site(tmp_path, "[items]\nexclude_marks = []\n"))
    assert made.clean("items")["excluded"].null_count() == 2


def test_sizes_in_millimetres_with_raw_value_unit_and_source(erp: Build) -> None:
    made = erp(
        items=[
            {
                "ITEM_CD": "A1",
                "OUTDIAMETER": 2,
                "OUTDIAMETER_UNIT": "INCH",
                "IN_SEALSIZE": 2.5,
                "IN_SEALSIZE_UOM": "",
            },
            {
                "ITEM_CD": "A2",
                "OUTDIAMETER": 0,
                "OUTDIAMETER_UNIT": "MM",
                "IN_SEALSIZE": 2500,
                "IN_SEALSIZE_UOM": "INCH",
            },
            {"ITEM_CD": "A3", "OUTDIAMETER": 9999, "OUTDIAMETER_UNIT": "MM", "INDIAMETER": -1},
            {"ITEM_CD": "A4", "OUTDIAMETER": 40, "INDIAMETER": 50, "OUTDIAMETER_UNIT": ""},
            {"ITEM_CD": "A5", "OUTDIAMETER": 40, "OUTDIAMETER_UNIT": "ZOLL"},
        ]
    ).run()
    items = made.clean("items").sort("item_cd")
    assert items["outdiameter"].to_list() == [pytest.approx(50.8), None, None, 40, None]
    assert items["outdiameter_raw"].to_list() == [2, 0, 9999, 40, 40]
    assert items["outdiameter_unit"].to_list() == ["INCH", "MM", "MM", "", "ZOLL"]
    assert items["outdiameter_unit_source"].to_list() == ["stated", "none", "none", "assumed", "unknown"]
    assert items["in_sealsize"].to_list() == [None] * 5
    assert items["indiameter"].to_list() == [None] * 5
    counted = repairs(made, "items")
    assert counted["suspicious_size"] == {"in_sealsize": 1}
    assert counted["inner_above_outer"] == {"indiameter": 1}
    assert counted["negative_value"] == {"indiameter": 1}
    assert any("'ZOLL'" in w for w in made.report.warnings)


@pytest.mark.parametrize(
    ("rule", "inner", "outer"),
    [("null_first", None, 40), ("null_both", None, None), ("swap", 40, 50), ("keep", 50, 40)],
)
def test_inner_above_outer_by_rule(
    erp: Build, tmp_path: Path, rule: str, inner: float | None, outer: float | None
) -> None:
    made = erp(items=[{"ITEM_CD": "A1", "OUTDIAMETER": 40, "INDIAMETER": 50, "OUTDIAMETER_UNIT": "MM"}])
    made.run(profile=site(tmp_path, f'[items]\non_not_above = "{rule}"\n'))
    assert made.clean("items").select("indiameter", "outdiameter").rows() == [(inner, outer)]


def test_a_size_far_beyond_its_part_type_is_quarantined(erp: Build) -> None:
    rows = [
        {"ITEM_CD": f"A{n}", "PART_TYPE": "11", "OUTDIAMETER": 50 + n, "OUTDIAMETER_UNIT": "MM"}
        for n in range(60)
    ]
    bars = [
        {"ITEM_CD": f"B{n}", "PART_TYPE": "KRBR", "OUTTHICKNESS": 6000, "OUTDIAMETER_UNIT": "MM"}
        for n in range(60)
    ]
    made = erp(
        items=[
            *rows,
            *bars,
            {"ITEM_CD": "X", "PART_TYPE": "11", "OUTDIAMETER": 8700, "OUTDIAMETER_UNIT": "MM"},
        ]
    ).run()
    items = made.clean("items")
    assert items.filter(pl.col("item_cd") == "X")["outdiameter"].to_list() == [None]
    assert items.filter(pl.col("part_type") == "KRBR")["outthickness"].null_count() == 0
    assert repairs(made, "items")["absurd_size"] == {"outdiameter": 1}


def test_hashes_tell_same_attributes_and_changed_rows(erp: Build, tmp_path: Path) -> None:
    same = {"PART_TYPE": "11", "ITEM_NM": "316 GLAND", "OUTDIAMETER": 50.8, "OUTDIAMETER_UNIT": "MM"}
    made = erp(
        items=[
            {"ITEM_CD": "A1"} | same,
            {"ITEM_CD": "A2"}
            | same
            | {"OUTDIAMETER": 2, "OUTDIAMETER_UNIT": "INCH", "ITEM_NM": " 316  GLAND "},
            {"ITEM_CD": "A3"} | same | {"PART_TYPE": "12"},
        ]
    ).run()
    items = made.clean("items").sort("item_cd")
    a, b, c = items["attribute_hash"].to_list()
    assert a == b != c
    assert items["item_hash"].n_unique() == 3
    assert items["item_hash"].str.contains("^[0-9a-f]{64}$").all()
    before = items["item_hash"].to_list()
    made.execute("UPDATE BI_ITEM_INFO_VIEW SET ITEM_SPEC = '' WHERE ITEM_CD = 'A1'")
    after = made.run().clean("items").sort("item_cd")["item_hash"].to_list()
    assert before[0] != after[0]
    assert before[1:] == after[1:]


def test_an_attribute_without_any_value_is_named_and_not_listed(erp: Build) -> None:
    made = erp().run()
    listed = {a.name for a in frames.read_attributes(made.folder / "clean" / "items.attributes.json")}
    assert listed == {"part_type"}
    assert "draw_no" in made.clean("items").columns
    assert any("Attribute draw_no has no value" in w for w in made.report.warnings)


# --- operations -------------------------------------------------------------------------------------------------------
def operation(made: Any, **where: Any) -> dict[str, Any]:
    rows = made.clean("operations")
    for name, value in where.items():
        rows = rows.filter(pl.col(name) == value)
    assert rows.height == 1
    found: dict[str, Any] = rows.row(0, named=True)
    return found


def test_standard_times_are_minutes_per_piece_and_zero_is_not_maintained(erp: Build) -> None:
    made = erp(
        routings=[
            {
                "ITEM_CD": "A1",
                "PROC_SEQ": 10,
                "RUN_TIME": 60,
                "RUN_TIME_QTY": 10,
                "SETUP_TIME": 0,
                "WAIT_TIME": 200,
                "MFG_LT": 3,
            },
            {
                "ITEM_CD": "A1",
                "PROC_SEQ": 20,
                "RUN_TIME": 2,
                "RUN_TIME_QTY": 0,
                "TIME_UNIT": "H",
                "SETUP_TIME": 0.5,
            },
            {
                "ITEM_CD": "A1",
                "PROC_SEQ": 30,
                "RUN_TIME": 0,
                "TIME_UNIT": " ",
                "ACT_RUN_TIME": 4,
                "SUBCONTRACT_PRC": 0,
            },
            {"ITEM_CD": "A1", "PROC_SEQ": 40, "RUN_TIME": 5, "TIME_UNIT": "일", "SUBCONTRACT_PRC": -3},
        ]
    ).run()
    one, two, three, four = made.clean("operations").sort("proc_seq").to_dicts()
    assert (one["run_min"], one["setup_min"], one["wait_min"], one["mfg_lt_days"]) == (6.0, None, 200.0, 3.0)
    assert (two["run_min"], two["setup_min"]) == (120.0, 30.0)
    assert (three["run_min"], three["act_run_min"], three["subcontract_prc"]) == (None, 4.0, None)
    assert (four["run_min"], four["subcontract_prc"]) == (None, None)
    assert any("time units that the profile does not know" in w for w in made.report.warnings)


def test_inside_flag_words(erp: Build) -> None:
    words = {10: "사내", 20: "외주", 30: "Y", 40: "n", 50: None, 60: "??"}
    made = erp(
        routings=[{"ITEM_CD": "A1", "PROC_SEQ": s, "INSIDE_FLAG": w} for s, w in words.items()]
        + [{"ITEM_CD": "A1", "ROUT_NO": "외주", "INSIDE_FLAG": None}]
    ).run()
    rows = made.clean("operations").filter(pl.col("rout_no") == "R1").sort("proc_seq")
    assert rows["inside"].to_list() == ["in", "out", "in", "out", "in", "in"]
    assert set(rows["rout_class"]) == {"mixed"}
    assert operation(made, rout_no="외주")["inside"] == "out"
    assert operation(made, rout_no="외주")["rout_class"] == "out"
    counted = repairs(made, "operations")
    assert counted["inside_assumed"] == {"inside": 1}
    assert counted["inside_unknown_word"] == {"inside": 1}


def test_repeated_operation_keeps_the_newest_row(erp: Build) -> None:
    made = erp(
        routings=[
            {"ITEM_CD": "A1", "RES_CD": "OLD", "INSRT_DT": "2024-01-01"},
            {"ITEM_CD": " A1", "RES_CD": "NEW", "INSRT_DT": "2025-01-01"},
            {"ITEM_CD": "A1", "RES_CD": "NONE", "INSRT_DT": None},
        ]
    ).run()
    assert operation(made)["res_cd"] == "NEW"
    assert operation(made)["item_cd"] == "A1"
    assert rules(made, "operations") == {"several_machines": 2}


def test_broken_routings_are_quarantined_whole(erp: Build) -> None:
    made = erp(
        routings=[
            {"ITEM_CD": "A1"},
            {"ITEM_CD": "A1", "ROUT_NO": "CLASH"},
            {"ITEM_CD": "A1", "ROUT_NO": "CLASH", "JOB_CD": "C10"},
            {"ITEM_CD": "A1", "ROUT_NO": "CLASH", "PROC_SEQ": 20},
            {"ITEM_CD": "A1", "ROUT_NO": "NOJOB", "JOB_CD": None},
            {"ITEM_CD": "A1", "ROUT_NO": "BADSEQ", "PROC_SEQ": 0},
            {"ITEM_CD": "A1", "ROUT_NO": "BADSEQ", "PROC_SEQ": 20},
            {"ITEM_CD": "A1", "ROUT_NO": "TEXT", "PROC_SEQ": "ten"},
            {"ITEM_CD": "A1", "ROUT_NO": "LONG", "JOB_CD": "J" * 51},
            {"ITEM_CD": "A1", "ROUT_NO": None},
        ],
        routing_types={"PROC_SEQ": ""},
    ).run()
    assert operation(made)["rout_no"] == "R1"
    assert rules(made, "operations") == {
        "bad_proc_seq": 1, "conflicting_proc_seq": 3, "incomplete_routing": 1, "key_too_long": 1, "missing_key": 1,
        "no_job_code": 1, "unreadable_proc_seq": 1,
    }  # fmt: skip
    texts = made.rejects("operations").filter(pl.col("rule") == "unreadable_proc_seq")["raw_values"]
    assert json.loads(texts[0])["proc_seq"] == "ten"


def test_missing_job_code_is_taken_from_a_name_with_one_code(erp: Build) -> None:
    made = erp(
        routings=[
            {"ITEM_CD": "A1", "PROC_SEQ": 10, "JOB_CD": "A01", "JOB_NM": "CNC황삭"},
            {"ITEM_CD": "A1", "PROC_SEQ": 20, "JOB_CD": "C10", "JOB_NM": "MTM"},
            {"ITEM_CD": "A1", "PROC_SEQ": 30, "JOB_CD": "C11", "JOB_NM": "MTM"},
            {"ITEM_CD": "A1", "PROC_SEQ": 40, "JOB_CD": None, "JOB_NM": "CNC황삭 "},
            {"ITEM_CD": "A1", "PROC_SEQ": 50, "JOB_CD": "", "JOB_NM": "MTM"},
        ]
    ).run()
    assert made.clean("operations").sort("proc_seq")["job_cd"].to_list() == ["A01", "C10", "C11", "A01", None]
    assert repairs(made, "operations")["job_code_from_name"] == {"job_cd": 1}
    assert any("without a job code" in w for w in made.report.warnings)


def test_dates_of_routings(erp: Build) -> None:
    made = erp(
        routings=[
            {
                "ITEM_CD": "A1",
                "ROUT_NO": "OPEN",
                "VALID_FROM_DT": "01-Jan-01",
                "VALID_TO_DT": "31-Dec-99",
                "INSRT_DT": "rubbish",
            },
            {"ITEM_CD": "A1", "ROUT_NO": "PAST", "VALID_TO_DT": "2025-04-30"},
            {"ITEM_CD": "A1", "ROUT_NO": "COMING", "VALID_FROM_DT": "2025-05-02"},
            {"ITEM_CD": "A1", "ROUT_NO": "DEAD", "VALIDITY": "n"},
            {"ITEM_CD": "A1", "ROUT_NO": "FUTURE", "INSRT_DT": "2999-01-01", "VALID_TO_DT": None},
        ]
    ).run()
    assert made.report.as_of == date(2025, 5, 1)
    rows = {r["rout_no"]: r for r in made.clean("operations").to_dicts()}
    assert (rows["OPEN"]["valid_from"], rows["OPEN"]["valid_to"]) == (date(2001, 1, 1), date(2999, 12, 31))
    assert {n for n, r in rows.items() if r["rout_valid"]} == {"OPEN", "FUTURE"}
    assert rows["OPEN"]["rout_date"] is None
    assert rows["FUTURE"]["rout_date"] is None
    counted = repairs(made, "operations")
    assert counted["unreadable_date"] == {"insrt_dt": 1}
    assert counted["future_date"] == {"insrt_dt": 1}


def test_cutoff_uses_nothing_newer(erp: Build) -> None:
    made = erp(
        routings=[{"ITEM_CD": "A1"}, {"ITEM_CD": "A1", "ROUT_NO": "R2", "INSRT_DT": "2025-06-30 10:00:00"}],
        results=[{"ITEM_CD": "A1", "REPORT_DT": "2025-06-15"}, {"ITEM_CD": "A1", "REPORT_DT": "2025-06-16"}],
    ).run(cutoff=date(2025, 6, 15))
    assert operation(made)["rout_no"] == "R1"
    assert made.clean("work_results")["report_dt"].to_list() == [date(2025, 6, 15)]
    assert made.report.frames["operations"].filtered == {"after_cutoff": 1}
    assert made.report.frames["work_results"].filtered == {"after_cutoff": 1}


def test_main_routing_flag_is_used_where_the_profile_names_it(erp: Build, tmp_path: Path) -> None:
    made = erp(
        routings=[
            {"ITEM_CD": "A1", "ROUT_NO": "NEW", "INSRT_DT": "2025-05-01", "MAJOR_FLG": "N"},
            {"ITEM_CD": "A1", "ROUT_NO": "MAIN", "INSRT_DT": "2020-05-01", "MAJOR_FLG": "예"},
        ],
        routing_types={"MAJOR_FLG": "NVARCHAR(8)"},
    )
    assert operation(made.run(), routing_rank=0)["rout_no"] == "NEW"
    made.run(profile=site(tmp_path, '[routing]\nmajor_flag_source = "MAJOR_FLG"\n'))
    first = operation(made, routing_rank=0)
    assert (first["rout_no"], first["decided_by"]) == ("MAIN", "main_flag")


# --- results and orders -----------------------------------------------------------------------------------------------
def test_results_match_their_routing_or_only_their_operation(erp: Build) -> None:
    made = erp(
        results=[
            {"ITEM_CD": "A1"},
            {"ITEM_CD": " a1 ", "ROUT_NO": "OTHER", "RES_CD": "CNC-09"},
            {"ITEM_CD": "A1", "ROUT_NO": None},
            {"ITEM_CD": "A1", "PROC_SEQ": 99},
            {"ITEM_CD": "A1", "JOB_CD": "Z"},
            {"ITEM_CD": "GONE"},
            {"ITEM_CD": "A1", "JOB_CD": None},
            {"ITEM_CD": "A1", "PROC_SEQ": None},
        ]
    ).run()
    assert made.clean("work_results")["match_level"].to_list() == ["routing", "operation", "operation"]
    assert rules(made, "work_results") == {
        "bad_proc_seq": 1,
        "missing_key": 1,
        "orphan_item": 1,
        "orphan_operation": 2,
    }


def test_results_of_any_age_stay_when_the_profile_has_no_limit(erp: Build, tmp_path: Path) -> None:
    made = erp(
        results=[
            {"ITEM_CD": "A1", "REPORT_DT": d} for d in ("2025-06-01", "2022-06-02", "2022-05-31", None, "?")
        ]
    )
    made.run()
    assert made.report.frames["work_results"].filtered == {"too_old": 1}
    assert made.clean("work_results").height == 4
    made.run(profile=site(tmp_path, "[results]\nmax_age_years = 100\n"))
    assert made.clean("work_results").height == 5


def test_impossible_measures_become_null_and_the_row_stays(erp: Build) -> None:
    made = erp(
        results=[
            {"ITEM_CD": "A1", "MACH_WORKED_HOURS": 2, "HOLD_TIME": -2, "SETUP_HOURS": "n/a", "ORDER_QTY": 0}
        ],
        result_types={"SETUP_HOURS": "", "HOLD_TIME": "DECIMAL(18,4)"},
    ).run()
    row = made.clean("work_results").row(0, named=True)
    assert (row["hold_time"], row["setup_time"], row["order_qty"]) == (None, None, 0.0)
    counted = repairs(made, "work_results")
    assert counted["negative_value"] == {"hold_time": 1}
    assert counted["unreadable_value"] == {"setup_time": 1}


def test_hold_time_is_found_by_probing(erp: Build) -> None:
    made = erp(
        results=[{"ITEM_CD": "A1", "HOLDING_TIME": 0.25}], result_types={"HOLDING_TIME": "DECIMAL(18,4)"}
    ).run()
    assert made.clean("work_results")["hold_time"].to_list() == [0.25]


def test_purchase_orders_keep_the_newest_line(erp: Build) -> None:
    made = erp(
        orders=[
            {"ITEM_CD": "A1", "PO_NO": "P1", "PO_DATE": "2024-01-01", "QTY": 5},
            {"ITEM_CD": "A1", "PO_NO": "P1", "PO_DATE": "2025-01-01", "QTY": 7},
            {"ITEM_CD": "GONE", "PO_NO": "P1"},
            {"ITEM_CD": "A1", "PO_NO": "P" * 51},
        ]
    ).run()
    assert made.clean("purchase_orders").rows() == [("A1", "P1", date(2025, 1, 1), 7.0)]
    assert rules(made, "purchase_orders") == {"duplicate_key": 1, "key_too_long": 1, "orphan_item": 1}


def test_a_plant_without_results_is_cleaned(erp: Build, tmp_path: Path) -> None:
    made = erp(omit=("BI_WORK_ORDER_RESULTS", "BI_PUR_PO_VIEW"))
    made.run(profile=site(tmp_path, "results = false\npurchase_orders = false\n"))
    assert made.clean("work_results").height == 0
    assert made.report.as_of == date(2025, 5, 1)


def test_as_of_is_today_when_nothing_is_dated(erp: Build) -> None:
    made = erp(routings=[{"ITEM_CD": "A1", "INSRT_DT": None}]).run()
    assert abs((made.report.as_of - datetime.now().date()).days) <= 1


def test_counter_adds_up() -> None:
    counter = Counter()
    for rule, column, rows in (("r", "a", 2), ("r", "b", 3), ("s", "a", 0), ("r", "a", 1)):
        counter.add(rule, column, rows)
    assert counter.by_rule == {"r": {"a": 3, "b": 3}}
    assert counter.totals() == {"r": 6}
