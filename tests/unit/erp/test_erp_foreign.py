"""Sources that are not the BI views: joins, latest rows, constants, and servers seen through stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from routing_etl.erp.catalogue import bind
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.erp.reader import snapshot
from routing_etl.errors import ProfileError, SourceError
from routing_etl.settings import load_settings

TABLES = """
CREATE TABLE part (id INTEGER, class_id INTEGER, made BIT);
CREATE TABLE class (id INTEGER, name TEXT, picture BLOB);
CREATE TABLE step (order_id INTEGER, part_id INTEGER, seq INTEGER, job TEXT);
INSERT INTO part VALUES (1, 7, 1), (2, NULL, 1), (3, 7, 0);
INSERT INTO class VALUES (7, 'gland', X'00');
INSERT INTO step VALUES (100, 1, 10, 'OLD'), (200, 1, 10, 'NEW'), (200, 1, 20, 'PACK'), (150, 2, 10, 'TURN');
"""

PROFILE = """
name = "small"
[items]
table = "part"
where = [{ column = "made", op = "=", value = 1 }]
joins = [{ table = "class", alias = "c", on = [["class_id", "id"]] }]
columns = { item_cd = { column = "id", integer_code = true } }
attributes = { kind = { column = "c.name", kind = "category" } }
[operations]
table = "step"
latest = { group = "part_id", key = "order_id" }
[operations.columns]
item_cd = { column = "part_id", integer_code = true }
rout_no = { const = "MAIN" }
proc_seq = "seq"
job_cd = "job"
"""


@pytest.fixture
def small(tmp_path: Path) -> Callable[[str], tuple[str, Profile, Path]]:
    def build(profile: str) -> tuple[str, Profile, Path]:
        url = f"sqlite:///{(tmp_path / 'erp.db').as_posix()}"
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for statement in filter(str.strip, TABLES.split(";")):
                connection.exec_driver_sql(statement)
        engine.dispose()
        (tmp_path / "small.toml").write_text(profile, encoding="utf-8")
        return url, load_profile(tmp_path / "small.toml"), tmp_path

    return build


def test_joins_filters_latest_rows_and_constants(small: Any) -> None:
    url, profile, home = small(PROFILE)
    report = extract(url, profile, home / "raw", load_settings(home=home))
    assert set(report.frames) == {"items", "operations"}
    assert pl.read_parquet(home / "raw" / "items.parquet").rows() == [("1", "gland"), ("2", None)]
    assert sorted(pl.read_parquet(home / "raw" / "operations.parquet").rows()) == [
        ("1", "MAIN", 10, "NEW"), ("1", "MAIN", 20, "PACK"), ("2", "MAIN", 10, "TURN"),
    ]  # fmt: skip
    assert pl.read_parquet(home / "raw" / "work_results.parquet").height == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('column = "made"', 'column = "mad"', "no column mad"),
        ('["class_id", "id"]', '["class_id", "nr"]', "class has no column c.nr"),
        ('key = "order_id"', 'key = "orders"', "step has no column orders"),
        ('table = "class"', 'table = "klass"', "no table or view klass (items); the nearest is class"),
        ('"c.name"', '"c.picture"', "class.picture is binary, expected text"),
    ],
)
def test_every_name_of_a_profile_is_checked(small: Any, old: str, new: str, says: str) -> None:
    url, profile, home = small(PROFILE.replace(old, new))
    with pytest.raises(SourceError) as caught:
        extract(url, profile, home / "raw", load_settings(home=home))
    assert says in str(caught.value)
    assert caught.value.remedy


def test_empty_after_the_filter_names_the_filter(small: Any) -> None:
    url, profile, home = small(PROFILE.replace("value = 1", "value = 5"))
    with pytest.raises(SourceError, match="no rows where made = 5"):
        extract(url, profile, home / "raw", load_settings(home=home))


def test_codes_stored_as_numbers_are_warned_about_unless_declared(small: Any) -> None:
    url, profile, _ = small(PROFILE.replace('{ column = "id", integer_code = true }', '"id"'))
    found = [f for f in bind(sa.create_engine(url), profile).worst_first if f.severity == "warning"]
    assert [(f.kind, f.table, f.column) for f in found] == [("retyped", "part", "id")]
    assert "leading zeros" in found[0].message


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('kind = { column = "c.name", kind = "category", unit = "mm" }', "items.attributes.kind"),
        ('kind = { column = "c.name", kind = "number", unit_column = "u" }', "items.attributes.kind"),
        (
            'kind = { column = "c.name", kind = "number", unit = "mm", unit_column = "u" }',
            "items.attributes.kind.unit",
        ),
    ],
)
def test_contradictions_in_an_attribute(tmp_path: Path, line: str, key: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        PROFILE.replace('kind = { column = "c.name", kind = "category" }', line), encoding="utf-8"
    )
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[items]", "[item]", "items"),
        ('op = "="', 'op = "is null"', "items.where.0"),
        ('on = [["class_id", "id"]]', "on = []", "items.joins.0.on"),
        ('attributes = { kind = { column = "c.name", kind = "category" } }', "", "items.attributes"),
    ],
)
def test_sections_that_cannot_work(tmp_path: Path, old: str, new: str, key: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(PROFILE.replace(old, new), encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert caught.value.key == key


def test_a_very_long_raw_row_stays_valid_json(erp: Callable[..., Any]) -> None:
    long = dict.fromkeys(("ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_NM", "PartNm", "ITEM_GRP1NM"), "가" * 1000)
    rows = [{"ITEM_CD": "A1", "PART_TYPE": "11", **long}, {"ITEM_CD": "A1", **long}]
    made = erp(items=rows).run()
    text = made.rejects("items")["raw_values"][0]
    assert len(text) <= 4000
    assert json.loads(text)["item_cd"] == "A1"


# --- isolation of servers that are not here ---------------------------------------------------------------------------
class StandIn:
    """A connection and its engine, answering the one question that `snapshot` asks."""

    def __init__(self, dialect: str, state: object) -> None:
        self.name, self.state = dialect, state
        self.url = make_url("mssql+pyodbc://server/ERP")
        self.options: dict[str, str] = {}
        self.dialect = self
        self.rolled_back = 0
        self.refuses = ""
        self.loaded_dbapi = type("Dbapi", (), {"Error": ValueError})

    def execute(self, _statement: object) -> None:
        if self.options.get("isolation_level") == self.refuses:
            raise ValueError("not supported here")

    @contextmanager
    def connect(self) -> Iterator[StandIn]:
        yield self

    def exec_driver_sql(self, sql: str) -> StandIn:
        assert "sys.databases" in sql
        if isinstance(self.state, Exception):
            raise sa.exc.DBAPIError.instance(sql, None, self.state, Exception)
        return self

    def scalar(self) -> object:
        return self.state

    def rollback(self) -> None:
        self.rolled_back += 1

    def execution_options(self, **options: str) -> StandIn:
        self.options |= options
        return self


@pytest.mark.parametrize(
    ("dialect", "state", "isolation"),
    [
        ("mssql", 1, "SNAPSHOT"),
        ("mssql", 0, "default"),
        ("mssql", ValueError("no such view"), "default"),
        ("postgresql", None, "REPEATABLE READ"),
        ("oracle", None, "default"),
    ],
)
def test_the_best_isolation_that_the_server_allows(dialect: str, state: object, isolation: str) -> None:
    engine = StandIn(dialect, state)
    with snapshot(engine) as (_, reached):  # type: ignore[arg-type]
        assert reached == isolation
    assert engine.options.get("isolation_level", "default") == isolation
    assert engine.rolled_back >= 1


def test_an_isolation_that_is_refused_after_all_is_given_up() -> None:
    engine = StandIn("mssql", 1)
    engine.refuses = "SNAPSHOT"
    with snapshot(engine) as (_, reached):  # type: ignore[arg-type]
        assert reached == "default"
    assert engine.options["isolation_level"] == "READ COMMITTED"
