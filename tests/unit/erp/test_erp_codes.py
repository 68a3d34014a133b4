"""Codes that count as equal are one code everywhere, and it is said which spelling became which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.erp.clean import clean
from routing_etl.erp.clean_codes import NOTHING_BEFORE, by_characters, one_spelling, same_codes
from routing_etl.frames import key_of

Build = Callable[..., Any]


def reclean(made: Any, equal: Callable[[str, pl.Series], pl.Series | None]) -> Any:
    """Clean the extract again, with what a database says of its codes."""
    folder = made.folder
    made.report = clean(
        folder / "raw", folder / "clean", folder / "rejects", made.profile, cutoff=None, equal=equal
    )
    return made


def ignoring_accents(column: str, codes: pl.Series) -> pl.Series:
    """A database without accents: É is E, and case counts."""
    del column
    return codes.str.replace_all("É", "E").str.replace_all("é", "e").rank("dense").cast(pl.Int64)


@pytest.mark.parametrize("spelling", ["mc-01", "ＭＣ-01", "MC-01  ", " Mc-01"])
def test_a_machine_in_another_spelling_is_the_same_machine(erp: Build, spelling: str) -> None:
    rows = [{"ITEM_CD": "A1", "PROC_SEQ": 10 * i, "RES_CD": "MC-01"} for i in (1, 2, 3)]
    made = erp(
        routings=[*rows, {"ITEM_CD": "A1", "PROC_SEQ": 40, "RES_CD": spelling}],
        results=[{"ITEM_CD": "A1", "RES_CD": spelling}],
    ).run()
    assert set(made.clean("operations")["res_cd"]) == {"MC-01"}
    assert set(made.clean("work_results")["res_cd"]) == {"MC-01"}


def test_the_pair_is_told_with_its_rows(erp: Build) -> None:
    rows = [{"ITEM_CD": "A1", "PROC_SEQ": 10 * i, "RES_CD": "MC-01"} for i in (1, 2, 3)]
    made = erp(
        routings=[*rows, {"ITEM_CD": "A1", "PROC_SEQ": 40, "RES_CD": "mc-01"}],
        results=[{"ITEM_CD": "A1", "RES_CD": "mc-01"}],
    ).run()
    (pair,) = made.report.respelled
    assert str(pair) == "res_cd: 'mc-01' (2 rows) is counted as 'MC-01' (3 rows)"
    assert made.report.respelled_count == 1
    assert made.report.frames["operations"].repairs["respelled"] == {"res_cd": 1}
    assert made.report.frames["work_results"].repairs["respelled"] == {"res_cd": 1}
    assert not any(str(pair) in text for text in made.report.warnings)  # a check tells it
    assert made.clean("code_spellings").rows() == [("res_cd", "mc-01", 2, "MC-01", 3)]


def test_a_job_and_a_routing_number_in_another_case_join_their_results(erp: Build) -> None:
    made = erp(
        routings=[{"ITEM_CD": "A1", "ROUT_NO": "r1", "JOB_CD": "a01"}, {"ITEM_CD": "A1", "PROC_SEQ": 20}],
        results=[{"ITEM_CD": "A1"}, {"ITEM_CD": "A1", "PROC_SEQ": 20, "JOB_CD": "a01"}],
    ).run()
    assert made.clean("operations").select("rout_no", "job_cd").unique().rows() == [("R1", "A01")]
    assert made.clean("work_results")["match_level"].to_list() == ["routing", "routing"]


def test_an_operation_repeated_in_another_case_is_a_repeat(erp: Build) -> None:
    made = erp(routings=[{"ITEM_CD": "A1"}, {"ITEM_CD": "A1", "JOB_CD": "a01"}]).run()
    assert made.clean("operations").height == 1
    assert made.report.frames["operations"].rejects == {"duplicate_key": 1}


def test_a_part_type_has_one_spelling_because_it_names_a_metric(erp: Build) -> None:
    types = ["Seal", "SEAL", "SEAL"]
    made = erp(items=[{"ITEM_CD": f"A{i}", "PART_TYPE": t} for i, t in enumerate(types, 1)]).run()
    assert set(made.clean("items")["part_type"]) == {"SEAL"}
    assert str(made.report.respelled[0]) == "part_type: 'Seal' (1 row) is counted as 'SEAL' (2 rows)"


def test_a_clean_plant_has_no_pairs(erp: Build) -> None:
    made = erp(results=[{"ITEM_CD": "A1"}]).run()
    assert made.report.respelled == () and made.clean("code_spellings").is_empty()
    assert not any("counted as another" in w for w in made.report.warnings)


def test_what_the_database_calls_equal_is_one(erp: Build) -> None:
    made = erp(
        items=[{"ITEM_CD": "PE1"}],
        routings=[
            {"ITEM_CD": "PÉ1", "RES_CD": "CAFÉ"},
            {"ITEM_CD": "PE1", "PROC_SEQ": 20, "RES_CD": "CAFE"},
            {"ITEM_CD": "PE1", "PROC_SEQ": 30, "RES_CD": "cafe"},
        ],
    ).run()
    assert made.report.frames["operations"].rejects == {"orphan_item": 1}
    reclean(made, ignoring_accents)
    operations = made.clean("operations")
    assert operations.select("item_cd", "item_key").unique().rows() == [("PE1", "PE1")]
    assert operations["res_cd"].to_list() == ["CAFE"] * 3


def test_items_that_the_database_calls_equal_are_one_item(erp: Build) -> None:
    made = erp(
        items=[{"ITEM_CD": "PÉ1"}, {"ITEM_CD": "PE1"}],
        routings=[{"ITEM_CD": "PÉ1", "ROUT_NO": "R2"}, {"ITEM_CD": "PE1"}],
    ).run()
    assert made.clean("items").height == 2
    reclean(made, ignoring_accents)
    assert made.clean("items").select("item_cd", "item_key").rows() == [("PE1", "PE1")]
    assert set(made.clean("operations")["item_cd"]) == {"PE1"} and made.clean("operations").height == 2


def test_rows_of_a_rejected_item_do_not_become_those_of_another(erp: Build) -> None:
    """Case of its own in item codes: SQL Server with a _CS_ or _BIN2 collation, Oracle, PostgreSQL."""
    made = erp(
        items=[{"ITEM_CD": "p001"}, {"ITEM_CD": "P001"}],
        routings=[
            {"ITEM_CD": "p001", "ROUT_NO": "R9"},
            {"ITEM_CD": "P001"},
            {"ITEM_CD": "P001 ", "PROC_SEQ": 20},
        ],
        results=[{"ITEM_CD": "p001", "ROUT_NO": "R9"}, {"ITEM_CD": "P001"}],
        orders=[{"ITEM_CD": "p001", "PO_NO": "1"}, {"ITEM_CD": "P001", "PO_NO": "2"}],
    ).run()
    assert made.clean("items")["item_cd"].to_list() == ["P001"]
    assert made.clean("operations").select("rout_no", "proc_seq").rows() == [("R1", 10), ("R1", 20)]
    for name in ("operations", "work_results", "purchase_orders"):
        assert made.report.frames[name].rejects == {"rejected_item": 1}, name
    assert any("'P001' and 'p001'" in w and "tells apart" in w for w in made.report.warnings)


def test_where_the_database_ignores_case_two_such_items_are_one(erp: Build) -> None:
    made = erp(
        items=[{"ITEM_CD": "p001"}, {"ITEM_CD": "P001"}],
        routings=[{"ITEM_CD": "p001", "PROC_SEQ": 20}, {"ITEM_CD": "P001"}],
    ).run()
    reclean(made, lambda column, codes: codes.str.to_lowercase().rank("dense").cast(pl.Int64))
    assert made.clean("items")["item_cd"].to_list() == ["P001"]
    assert made.clean("operations")["proc_seq"].to_list() == [10, 20]


def test_a_spelling_stays_until_another_has_more_than_twice_its_rows() -> None:
    """A model knows a machine in the spelling that it was learned with: one row more must not turn it round."""

    def kept(rows: int, before: pl.DataFrame = NOTHING_BEFORE) -> str:
        counts = pl.DataFrame({"spelling": ["MC-01", "mc-01"], "rows": [10, rows]})
        return str(one_spelling("res_cd", counts, by_characters, before)["kept"][0])

    was = pl.DataFrame(
        {"code_column": ["res_cd"], "spelling": ["mc-01"], "rows": [9], "kept": ["MC-01"], "kept_rows": [10]}
    )
    assert [kept(n) for n in (9, 10, 11)] == ["MC-01", "MC-01", "mc-01"]
    assert [kept(n, was) for n in (11, 20, 21)] == ["MC-01", "MC-01", "mc-01"]
    of_another = was.with_columns(code_column=pl.lit("job_cd"))
    assert kept(11, of_another) == "mc-01"


def test_what_the_last_run_kept_is_handed_on(erp: Build) -> None:
    rows = [
        {"ITEM_CD": "A1", "PROC_SEQ": 10 * i, "RES_CD": c}
        for i, c in enumerate(["MC-01", "mc-01", "mc-01"], 1)
    ]
    made = erp(
        routings=rows, items=[{"ITEM_CD": "A1", "PART_TYPE": "Seal"}, {"ITEM_CD": "A2", "PART_TYPE": "SEAL"}]
    ).run()
    assert set(made.clean("operations")["res_cd"]) == {"mc-01"} and set(made.clean("items")["part_type"]) == {
        "SEAL"
    }
    before = pl.DataFrame(
        {
            "code_column": ["res_cd", "part_type"], "spelling": ["mc-01", "SEAL"], "rows": [1, 1], "kept": ["MC-01", "Seal"],
            "kept_rows": [2, 2],
        }
    )  # fmt: skip
    folder = made.folder
    clean(folder / "raw", folder / "clean", folder / "rejects", made.profile, cutoff=None, before=before)
    assert set(made.clean("operations")["res_cd"]) == {"MC-01"} and set(made.clean("items")["part_type"]) == {
        "Seal"
    }


CODES = st.lists(
    st.text(st.sampled_from("abAB éÉeＡａ-ßSs"), min_size=1, max_size=4), min_size=1, max_size=30, unique=True
)


@given(CODES, st.integers(1, 3))
def test_equality_is_the_closure_of_key_and_database(codes: list[str], modulus: int) -> None:
    """Equal by key or by the database, directly or through a third code, and in no other way."""
    series = pl.Series("spelling", sorted(codes))
    theirs = (
        series.str.len_chars().cast(pl.Int64) * 10 + series.str.count_matches("-").cast(pl.Int64) % modulus
    )
    keys = series.to_frame().select(key_of(pl.col("spelling"))).to_series().to_list()
    parent = list(range(len(codes)))

    def root(i: int) -> int:
        return i if parent[i] == i else root(parent[i])

    for i in range(len(codes)):
        for j in range(i):
            if keys[i] == keys[j] or theirs[i] == theirs[j]:
                parent[root(i)] = root(j)
    group = same_codes("res_cd", series, lambda column, codes: theirs).to_list()
    for i in range(len(codes)):
        for j in range(i):
            assert (group[i] == group[j]) == (root(i) == root(j)), (codes, i, j)


@given(CODES, st.randoms())
def test_the_kept_spelling_does_not_hang_on_the_order(codes: list[str], random: Any) -> None:
    counts = [(c, 1 + len(c) % 2) for c in codes]
    shuffled = random.sample(counts, len(counts))
    schema = {"spelling": pl.String, "rows": pl.Int64}
    a, b = (
        one_spelling("res_cd", pl.DataFrame(r, schema=schema, orient="row"), by_characters)
        for r in (counts, shuffled)
    )
    assert a.equals(b)
    assert (a["kept_rows"] >= a["rows"]).all()
    assert a.filter(pl.col("spelling") == pl.col("kept")).height == a["kept"].n_unique()
