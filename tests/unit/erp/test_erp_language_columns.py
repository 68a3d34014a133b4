"""Where a value of a profile's column comes from: several columns, tables, attributes stored as rows, a company; by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from foreign_erp import ITEMS, PARTS, STEP, Foreign, steps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.erp.reader import PROBLEMS
from routing_etl.errors import ProfileError, SourceError
from routing_etl.settings import load_settings


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_a_key_of_two_columns_makes_two_routings(erp: Foreign) -> None:
    rows = "('A1', 'G7', 10, 'SAW', '01'), ('A1', 'G7', 10, 'TURN', '02'), ('A1', 'G7', 20, 'SAW', NULL)"
    profile = ITEMS + STEP.replace('"R"', '{ concat = ["R", "COUNTER"], separator = "-" }')
    erp.night(steps("COUNTER TEXT", rows), profile)
    assert erp.read("operations", "rout_no", "job_cd") == [("G7-01", "SAW"), ("G7-02", "TURN")]
    assert erp.report.frames["operations"].repairs["incomplete_key"] == {"rout_no": 1}
    assert erp.tells("lack a part", "rout_no")


@pytest.mark.parametrize("key", ['rout_no = ["R", "S"]', 'rout_no = { column = ["R", "S"] }'])
def test_a_list_must_say_what_it_means(tmp_path: Path, key: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        f'name = "p"\n{ITEMS}{STEP.replace(chr(114) + "out_no = " + chr(34) + "R" + chr(34), key)}'
    )
    with pytest.raises(ProfileError, match="first_of") as caught:
        load_profile(path)
    assert "concat" in caught.value.remedy and "coalesce" in caught.value.remedy
    assert caught.value.value == ["R", "S"]


def test_coalesce_takes_the_first_filled_of_each_row_across_a_self_join(erp: Foreign) -> None:
    rows = "('A1', 'R1', 10, 'SAW', NULL, 1), (' ', 'R2', 20, 'TURN', 1, 2), ('A2', 'R3', 10, 'SAW', NULL, 3)"
    profile = ITEMS + STEP.replace('"PART"', '{ coalesce = ["PART", "owner.PART"] }').replace(
        "[operations.columns]",
        'joins = [{ table = "STEP", alias = "owner", on = [["OWNER", "ID"]] }]\n[operations.columns]',
    )
    erp.night(steps("OWNER INTEGER, ID INTEGER", rows), profile)
    assert erp.read("operations", "item_cd", "job_cd") == [("A1", "SAW"), ("A1", "TURN"), ("A2", "SAW")]


def test_words_are_mapped_and_a_vendor_means_outside(erp: Foreign) -> None:
    rows = "('A1', 'R1', 10, ' FRAES ', 'V100'), ('A1', 'R1', 20, 'TURN', ' '), ('A1', 'R1', 30, 'SAW', NULL)"
    profile = (
        ITEMS
        + STEP.replace('"JOB"', '{ column = "JOB", map = { FRAES = "MILL" } }')
        + ('inside = { column = "VENDOR", present = "out", absent = "in" }\n')
    )
    erp.night(steps("VENDOR TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "inside") == [("MILL", "out"), ("SAW", "in"), ("TURN", "in")]


def test_values_that_are_no_words_for_inside_are_refused(erp: Foreign) -> None:
    rows = ", ".join(f"('A1', 'R{i}', 10, 'SAW', '{'V' + str(i) if i < 8 else ''}')" for i in range(20))
    with pytest.raises(
        SourceError, match=r"8 of 8 filled values in VENDOR .*'V0', 'V1', 'V2'.* count as 'in'"
    ) as caught:
        erp.night(steps("VENDOR TEXT", rows), ITEMS + STEP + 'inside = "VENDOR"\n')
    assert 'present = "out"' in caught.value.remedy


def test_names_with_dots_blanks_and_an_invisible_mark(erp: Foreign) -> None:
    sql = """CREATE TABLE "Item" ("\ufeffNo." TEXT, "Gen. Type" TEXT, "Routing No." TEXT);
        INSERT INTO "Item" VALUES ('A1', 'X', 'R1');
        CREATE TABLE "Routing Line" ("Routing No." TEXT, "No." INTEGER, "$Job" TEXT);
        INSERT INTO "Routing Line" VALUES ('R1', 10, 'SAW');"""
    profile = """
[items]
table = "Item"
[items.columns]
item_cd = "No."
[items.attributes]
part_type = { column = "Gen. Type", kind = "category" }
[operations]
table = "Routing Line"
joins = [{ table = "Item", alias = "item", on = [["Routing No.", "Routing No."]] }]
[operations.columns]
item_cd = '"item"."No."'
rout_no = "[item].[Routing No.]"
proc_seq = "No."
job_cd = "$Job"
"""
    erp.night(sql, profile)
    assert erp.read("operations", "item_cd", "rout_no", "proc_seq", "job_cd") == [("A1", "R1", 10, "SAW")]
    assert erp.tells("'\\ufeffNo.'")


def test_attributes_stored_as_rows_become_columns_and_two_values_none(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE ATTR (PART TEXT, ID INTEGER, VAL TEXT);
        INSERT INTO ATTR VALUES ('A1', 1, 'steel'), ('A1', 2, '7.5'), ('A2', 1, 'steel'), ('A2', 1, 'brass'), ('A3', 9, 'no');
        CREATE TABLE ATTR_NAME (ID INTEGER, NM TEXT);
        INSERT INTO ATTR_NAME VALUES (1, 'Material'), (2, 'Length'), (9, 'Other');"""
    )
    pivot = """
[[items.pivot]]
table = "ATTR"
alias = "attr"
on = [["CODE", "PART"]]
joins = [{ table = "ATTR_NAME", alias = "n", on = [["ID", "ID"]] }]
name = "n.NM"
value = "VAL"
names = { material = "Material", len = "Length" }
"""
    more = 'material = { column = "attr.material", kind = "code" }\nlength = { column = "attr.len", kind = "number" }\n'
    erp.night(sql, ITEMS + more + pivot + STEP)
    assert erp.read("items", "item_cd", "material", "length") == [
        ("A1", "steel", 7.5), ("A2", None, None), ("A3", None, None),
    ]  # fmt: skip
    assert erp.tells("1 name(s) have two different values")


def test_a_company_is_part_of_every_code(erp: Foreign) -> None:
    sql = """CREATE TABLE PART (CO TEXT, CODE TEXT, TYPE TEXT, DIA REAL);
        INSERT INTO PART VALUES ('K1', 'A1', 'SHAFT', 1), ('K2', 'A1', 'VALVE', 2);
        CREATE TABLE STEP (CO TEXT, PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, MACH TEXT);
        INSERT INTO STEP VALUES ('K1', 'A1', 'R', 10, 'SAW', 'M1'), ('K2', 'A1', 'R', 10, 'CAST', 'M1');"""
    both = (ITEMS + STEP).replace('"PART"\n[items', '"PART"\ncompany = "CO"\n[items')
    both = both.replace('table = "STEP"', 'table = "STEP"\ncompany = "CO"') + 'res_cd = "MACH"\n'
    erp.night(sql, both)
    assert erp.read("operations", "item_cd", "job_cd", "res_cd") == [
        ("K1/A1", "SAW", "K1/M1"), ("K2/A1", "CAST", "K2/M1"),
    ]  # fmt: skip
    (erp.folder / "half.toml").write_text(
        'name = "half"\n' + (ITEMS + STEP).replace('"PART"\n[items', '"PART"\ncompany = "CO"\n[items'),
        encoding="utf-8",
    )
    with pytest.raises(ProfileError, match=r"operations\.company"):
        load_profile(erp.folder / "half.toml")


_CELL = st.one_of(st.none(), st.sampled_from(["", " ", "a", "B1", "x/y", "007"]))


@pytest.fixture(scope="module")
def raw_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[list[tuple[str | None, str | None]], str], list[Any]]:
    """Reads `job_nm`, mapped as told, over a table with columns A and B."""
    folder = tmp_path_factory.mktemp("round_trip")

    def read(cells: list[tuple[str | None, str | None]], mapping: str) -> list[Any]:
        (folder / "erp.db").unlink(missing_ok=True)
        with sqlite3.connect(folder / "erp.db") as made:
            made.executescript(
                PARTS + "CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, A TEXT, B TEXT);"
            )
            made.executemany(
                "INSERT INTO STEP VALUES ('A1', 'R', ?, 'J', ?, ?)", [(i, *c) for i, c in enumerate(cells)]
            )
        path = folder / "p.toml"
        path.write_text(f'name = "p"\n{ITEMS}{STEP}job_nm = {mapping}\n', encoding="utf-8")
        extract(
            f"sqlite:///{folder / 'erp.db'}", load_profile(path), folder / "raw", load_settings(home=folder)
        )
        problems = pl.read_parquet(folder / "raw" / "operations.problems.parquet")
        assert problems.schema == PROBLEMS
        return pl.read_parquet(folder / "raw" / "operations.parquet").sort("proc_seq")["job_nm"].to_list()

    return read


def filled(cell: str | None) -> str | None:
    return cell if cell is not None and cell.strip() else None


@pytest.mark.parametrize(
    ("mapping", "meant"),
    [
        ('{ coalesce = ["A", "B"] }', lambda a, b: filled(a) or filled(b)),
        (
            '{ concat = ["A", "B"], separator = "|" }',
            lambda a, b: f"{a.strip()}|{b.strip()}" if filled(a) and filled(b) else None,
        ),
        ('{ first_of = ["NOPE", "B"] }', lambda a, b: b),
        (
            '{ column = "A", map = { a = "z", B1 = "b" } }',
            lambda a, b: {"a": "z", "B1": "b"}.get((a or "").strip(), a),
        ),
        ('{ column = "A", present = "out", absent = "in" }', lambda a, b: "out" if filled(a) else "in"),
    ],
)
@given(cells=st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=30))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_forms_of_columns_make_what_they_mean(
    raw_of: Callable[..., list[Any]],
    mapping: str,
    meant: Callable[[str | None, str | None], str | None],
    cells: list[tuple[str | None, str | None]],
) -> None:
    assert raw_of(cells, mapping) == [meant(a, b) for a, b in cells]
