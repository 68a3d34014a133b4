"""Which rows a profile reads: filters, the latest, conditions in joins; and the statement that SQL Server gets for them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from foreign_erp import ITEMS, STEP, Foreign, steps
from sqlalchemy.dialects import mssql

from routing_etl.erp.catalogue import bind
from routing_etl.erp.profile import load_profile
from routing_etl.erp.statements import select_of


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ('op = "!=", value = "X"', ["blank", "null", "y"]),
        ('op = "!=", value = ""', ["x", "y"]),
        ('op = "=", value = ""', ["blank", "null"]),
        ('op = "in", value = ["X", "Y"]', ["x", "y"]),
        ('op = "in", value = ["X", ""]', ["blank", "null", "x"]),
        ('op = "not in", value = ["X", "Z"]', ["blank", "null", "y"]),
        ('op = "like", value = "X%"', ["x"]),
        ('op = "not like", value = "X%"', ["blank", "null", "y"]),
    ],
)
def test_filters_see_null_as_people_do(erp: Foreign, condition: str, kept: list[str]) -> None:
    rows = "('A1','R',1,'x','X'), ('A1','R',2,'y','Y'), ('A1','R',3,'null',NULL), ('A1','R',4,'blank','')"
    where = f'table = "STEP"\nwhere = [{{ column = "FLAG", {condition} }}]'
    erp.night(steps("FLAG TEXT", rows), ITEMS + STEP.replace('table = "STEP"', where))
    assert [r[0] for r in erp.read("operations", "job_cd")] == kept


def test_latest_compares_what_the_filters_leave_by_several_columns(erp: Foreign) -> None:
    rows = """('A1','R',10,'OLD','2025-01-01',1,'OK'), ('A1','R',10,'NEW','2025-01-02',2,'OK'),
        ('A1','R',20,'NEW2','2025-01-02',2,'OK'), ('A1','R',10,'TIE','2025-01-02',1,'OK'),
        ('A1','R',10,'GONE','2025-02-01',3,'CANCELLED'), ('A2','R',10,'ONLY',NULL,NULL,NULL)"""
    table = (
        'table = "STEP"\nwhere = [{ column = "STATE", op = "!=", value = "CANCELLED" }]\n'
        'latest = { group = "PART", key = ["DAY", "WO"] }'
    )
    erp.night(steps("DAY TEXT, WO INTEGER, STATE TEXT", rows), ITEMS + STEP.replace('table = "STEP"', table))
    assert [r[0] for r in erp.read("operations", "job_cd")] == ["NEW", "NEW2", "ONLY"]


def test_a_condition_inside_a_join_keeps_the_items_without_a_partner(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE TXT (PART TEXT, LANG TEXT, T TEXT);
        INSERT INTO TXT VALUES ('A1', 'E', 'shaft'), ('A1', 'D', 'Welle'), ('A2', 'D', 'Welle 2');"""
    )
    inside = ', where = [{ column = "LANG", op = "=", value = "E" }]'
    join = 'table = "PART"\njoins = [{{ table = "TXT", alias = "t", on = [["CODE", "PART"]]{} }}]'
    more = 'item_nm = { column = "t.T", kind = "text" }\n'
    erp.night(sql, ITEMS.replace('table = "PART"', join.format(inside)) + more + STEP)
    assert erp.read("items", "item_cd", "item_nm") == [("A1", "shaft"), ("A2", None), ("A3", None)]
    assert not erp.tells("left join")


def test_a_filter_on_a_left_join_is_told(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE TXT (PART TEXT, LANG TEXT, T TEXT); INSERT INTO TXT VALUES ('A1', 'E', 'shaft');"""
    )
    join = (
        'table = "PART"\njoins = [{ table = "TXT", alias = "t", on = [["CODE", "PART"]] }]\n'
        'where = [{ column = "t.LANG", op = "=", value = "E" }]'
    )
    erp.night(sql, ITEMS.replace('table = "PART"', join) + STEP)
    assert erp.tells("[items].where on t.LANG", "left join", "Move the condition into the join")


def test_statement_for_sql_server(erp: Foreign) -> None:
    """Pivot, conditions in joins, filters with NULL, latest and parts of keys, in T-SQL."""
    with sqlite3.connect(erp.folder / "erp.db") as made:
        made.executescript(
            steps("X TEXT, DAY TEXT", "('A1','R',10,'A',NULL,NULL)")
            + "CREATE TABLE TXT (JOB TEXT, LANG TEXT, T TEXT); CREATE TABLE ATTR (PART TEXT, K TEXT, V TEXT);"
        )
    body = STEP.replace('"R"', '{ concat = ["R", "X"] }').replace(
        'table = "STEP"',
        """table = "STEP"
joins = [{ table = "TXT", alias = "t", on = [["JOB", "JOB"]], where = [{ column = "LANG", op = "=", value = "E" }] }]
pivot = [{ table = "ATTR", alias = "attr", on = [["PART", "PART"]], name = "K", value = "V", names = { nm = "NAME" } }]
where = [{ column = "X", op = "not in", value = ["A", "B"] }, { column = "X", op = "!=", value = "" }]
latest = { group = "PART", key = "DAY" }""",
    )
    path = erp.folder / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{body}job_nm = "attr.nm"\n', encoding="utf-8")
    engine = sa.create_engine(f"sqlite:///{erp.folder / 'erp.db'}")
    binding = bind(engine, load_profile(path)).bindings["operations"]
    engine.dispose()
    compiled = select_of(binding, "mssql").compile(
        dialect=mssql.dialect(), compile_kwargs={"literal_binds": True}
    )  # type: ignore[no-untyped-call]
    golden = Path(__file__).parents[2] / "golden" / "profile_language_mssql.sql"
    assert (
        re.sub(r"\s+", " ", str(compiled)).strip()
        == re.sub(r"\s+", " ", golden.read_text(encoding="utf-8")).strip()
    )


class ServerInspector:
    """What SQL Server's catalogue would say: a table here, one in another database, and a synonym for that one."""

    default_schema_name = "dbo"
    tables: ClassVar[dict[str | None, list[str]]] = {"dbo": ["STEP"], "[Other Db].[dbo]": ["PART"]}

    @property
    def engine(self) -> Any:
        rows = SimpleNamespace(all=lambda: [("dbo", "OUR_PARTS", "[Other Db].[dbo].[PART]")])
        connection = SimpleNamespace(exec_driver_sql=lambda _: rows)
        return SimpleNamespace(connect=lambda: nullcontext(connection))

    def get_table_names(self, schema: str | None = None) -> list[str]:
        return self.tables.get(schema, [])

    def get_view_names(self, schema: str | None = None) -> list[str]:
        return []

    def get_columns(self, name: str, schema: str | None = None) -> list[dict[str, Any]]:
        assert name in self.tables[schema]
        names = {"PART": ("CODE", "TYPE", "DIA"), "STEP": ("PART", "R", "SEQ", "JOB")}[name]
        return [{"name": n, "type": sa.Integer() if n == "SEQ" else sa.Unicode(50)} for n in names]


@pytest.mark.parametrize("table", ["Other Db.dbo.part", "[Other Db].[dbo].[PART]", "our_parts"])
def test_synonyms_and_other_databases_of_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    path = tmp_path / "p.toml"
    schema = '[source]\nschema = "dbo"\n' if "." not in table else ""
    body = (ITEMS + STEP).replace('table = "PART"', f'table = "{table}"').replace('"STEP"', '"dbo.STEP"')
    if schema:
        body = body.replace('"dbo.STEP"', '"STEP"')
    path.write_text(f'name = "p"\n{schema}{body}', encoding="utf-8")
    monkeypatch.setattr(sa, "inspect", lambda _: ServerInspector())
    engine: Any = SimpleNamespace(url=sa.make_url("mssql+pyodbc://h/erp"), dialect=mssql.dialect())  # type: ignore[no-untyped-call]
    binding = bind(engine, load_profile(path)).bindings["items"]
    sql = str(select_of(binding, "mssql").compile(dialect=mssql.dialect()))  # type: ignore[no-untyped-call]
    assert sql.endswith("FROM [Other Db].dbo.[PART] AS main")
