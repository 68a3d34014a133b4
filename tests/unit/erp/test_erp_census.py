"""What a profile's joins, filters and keys do to the ERP's rows is counted where it happens, and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from routing_etl.erp import census
from routing_etl.erp.catalogue import bind
from routing_etl.erp.extract import ExtractReport, extract
from routing_etl.erp.profile import load_profile
from routing_etl.errors import ConfigurationError
from routing_etl.frames import SOURCE_COUNTS
from routing_etl.settings import load_settings

_ONE_TO = "(WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < {}) SELECT value FROM s)"
#: Ten parts, five of them with an English name and all with a Czech one; work orders of which two were called off.
TABLES = f"""
CREATE TABLE part (nr TEXT, kind TEXT, firma INTEGER);
CREATE TABLE part_name (nr TEXT, lang TEXT, name TEXT);
CREATE TABLE class (kind TEXT PRIMARY KEY, title TEXT);
CREATE TABLE step (wo INTEGER, state TEXT, part TEXT, seq INTEGER, job TEXT, ends TEXT);
INSERT INTO part SELECT 'A' || value, 'K' || (value % 2), 1 FROM {_ONE_TO.format(10)};
INSERT INTO part_name SELECT nr, 'cs', 'dil ' || nr FROM part;
INSERT INTO part_name SELECT nr, 'en', 'part ' || nr FROM part WHERE nr < 'A6';
INSERT INTO class VALUES ('K0', 'even');
INSERT INTO step SELECT 100 + value, NULL, 'A' || value, 10, 'SAW', '2999-12-31' FROM {_ONE_TO.format(8)};
INSERT INTO step VALUES (201, 'OFF', 'A1', 10, 'SAW', '2999-12-31'), (202, 'OFF', 'A2', 10, 'SAW', '2999-12-31');
"""
ITEMS = """
name = "small"
[items]
table = "part"
{items}
columns = {{ item_cd = "nr" }}
attributes = {{ kind = {{ column = "kind", kind = "category" }} }}
[operations]
table = "step"
{operations}
[operations.columns]
item_cd = {item_cd}
rout_no = {{ const = "1" }}
proc_seq = "seq"
job_cd = "job"
valid_to = "ends"
"""

Build = Callable[..., "Small"]


class Small:
    """A small ERP in SQLite, and what is counted in it."""

    def __init__(self, folder: Path, more: str = "", **keys: str) -> None:
        self.folder = folder
        self.url = f"sqlite:///{(folder / 'erp.db').as_posix()}"
        self.engine = sa.create_engine(self.url)
        with self.engine.begin() as connection:
            for statement in filter(str.strip, (TABLES + more).split(";")):
                connection.exec_driver_sql(statement)
        text = ITEMS.format(**({"items": "", "operations": "", "item_cd": '"part"'} | keys))
        (folder / "small.toml").write_text(text, encoding="utf-8")
        self.profile = load_profile(folder / "small.toml")

    def extract(self) -> ExtractReport:
        return extract(self.url, self.profile, self.folder / "raw", load_settings(home=self.folder))

    def counts(self) -> dict[tuple[str, str], census.SourceCount]:
        """By frame and rule, where anything was found."""
        found = [c for c in self.extract().counts if c.rows and c.rule != "table_rows"]
        assert len({(c.frame, c.rule, c.subject) for c in found}) == len(found)
        return {(c.frame, c.rule): c for c in found}


@pytest.fixture
def small(tmp_path: Path) -> Build:
    return lambda *more, **keys: Small(tmp_path, *more, **keys)


def test_a_profile_that_reads_its_tables_counts_nothing_but_codes(small: Build) -> None:
    report = small().extract()
    assert {(c.frame, c.rule, c.rows) for c in report.counts} == {
        ("items", "code_repeats", 0), ("items", "code_differs_in_case", 0),
    }  # fmt: skip
    (told,) = report.warnings
    assert "state of step may say which rows count" in told, "no count is told"


def test_a_join_that_multiplies_and_a_filter_that_drops_what_has_no_partner(small: Build) -> None:
    join = 'joins = [{ table = "part_name", alias = "t", on = [["nr", "nr"]] }]\n'
    multiplied = small(items=join).counts()["items", "join_multiplies"]
    assert (multiplied.rows, multiplied.of_rows) == (6, 10)
    assert multiplied.told == "the join t to part_name makes 16 rows out of 10 of part"


def test_a_filter_on_a_joined_table_drops_items(small: Build) -> None:
    where = 'where = [{ column = "t.lang", op = "=", value = "en" }]'
    made = small(items=f'joins = [{{ table = "part_name", alias = "t", on = [["nr", "nr"]] }}]\n{where}')
    counts = made.counts()
    dropped = counts["items", "filter_drops_items"]
    assert (dropped.rows, dropped.of_rows) == (4, 10)
    assert "join_multiplies" not in {rule for _, rule in counts}, "the filter picks one partner"
    removed = counts["items", "filter_removes"]
    assert (removed.rows, removed.of_rows, removed.warns) == (10, 16, False)


def test_rows_of_another_kind_that_a_join_of_the_table_to_itself_reads_are_told(small: Build) -> None:
    """The notes of five work orders lie among the steps of eight, and two rows were called off."""
    more = f"INSERT INTO step SELECT 100 + value, 'NOTE', 'A' || value, 10, 'SAW', '2999-12-31' FROM {_ONE_TO.format(5)}"
    note = '{ table = "step", alias = "n", on = [["wo", "wo"]], where = [{ column = "state", op = "=", value = "NOTE" }] }'
    filtered = 'where = [{ column = "state", op = "is null" }]'
    counts = small(more, operations=f"joins = [{note}]\n{filtered}").counts()
    removed = counts["operations", "filter_removes"]
    assert (removed.rows, removed.warns) == (7, False)
    assert removed.told.endswith(" rows of step; 5 of these are of the kind that the join n reads from it")


def test_an_inner_join_says_that_items_are_meant_to_go(small: Build) -> None:
    where = 'where = [{ column = "t.lang", op = "=", value = "en" }]'
    join = 'joins = [{ table = "part_name", alias = "t", on = [["nr", "nr"]], kind = "inner" }]'
    assert not [c for c in small(items=f"{join}\n{where}").counts().values() if c.warns]


def test_a_join_over_a_key_is_not_counted_unless_it_drops_rows(small: Build) -> None:
    join = 'joins = [{{ table = "class", alias = "c", on = [["kind", "kind"]], kind = "{kind}" }}]'
    made = small(items=join.format(kind="inner"))
    assert census.single_partners(made.engine, bind(made.engine, made.profile))["items"] == {"c"}
    dropped = made.counts()["items", "join_drops"]
    assert (dropped.rows, dropped.of_rows, dropped.warns) == (5, 10, False)


@pytest.mark.parametrize(("may_drop", "rule"), [(0.5, "join_filters"), (0.4, "join_drops")])
def test_rows_that_a_join_is_meant_to_leave_out_are_counted_apart(
    small: Build, may_drop: float, rule: str
) -> None:
    join = f'joins = [{{ table = "class", alias = "c", on = [["kind", "kind"]], kind = "inner", may_drop = {may_drop} }}]'
    counts = small(items=join).counts()
    assert {r for _, r in counts if r.startswith("join")} == {rule}
    assert (counts["items", rule].rows, "may_drop" in counts["items", rule].remedy) == (
        5,
        rule == "join_drops",
    )


def test_a_left_join_leaves_no_row_out(small: Build) -> None:
    join = 'joins = [{ table = "class", alias = "c", on = [["kind", "kind"]], may_drop = 0.5 }]'
    with pytest.raises(ConfigurationError, match="a left join leaves no row out"):
        small(items=join)


def test_a_join_that_finds_no_partner_at_all(small: Build) -> None:
    join = 'joins = [{ table = "part_name", alias = "t", on = [["nr", "lang"]] }]'
    nothing = small(items=join).counts()["items", "join_finds_nothing"]
    assert (nothing.rows, nothing.of_rows) == (10, 10)


def test_lines_that_a_join_brings_are_no_fault(small: Build) -> None:
    """Routing rows shared by the parts of a kind: the join to the parts is what makes one row a part."""
    join = 'joins = [{ table = "part", alias = "p", on = [["firm", "firma"]] }]'
    more = "ALTER TABLE step ADD COLUMN firm INTEGER DEFAULT 1"
    made = small(more, operations=join, item_cd='"p.nr"')
    counts = made.counts()
    assert counts["operations", "join_expands"].rows == 90
    assert not [c for c in counts.values() if c.warns]


def test_latest_and_a_filter_that_take_an_items_rows_away(small: Build) -> None:
    made = small(
        operations='where = [{ column = "state", op = "is null" }]\nlatest = { group = "part", key = "wo" }'
    )
    lost = made.counts().get(("operations", "latest_drops_items"))
    kept = pl.read_parquet(made.folder / "raw" / "operations.parquet")["item_cd"].n_unique()
    assert kept + (lost.rows if lost else 0) == 8, "an item that is not kept is told"


def test_a_filter_that_loses_blank_values_says_so(small: Build) -> None:
    where = 'where = [{ column = "state", op = "!=", value = "OFF" }]'
    made = small("INSERT INTO step VALUES (300, 'ON', 'A9', 10, 'SAW', NULL)", operations=where)
    lost = made.counts().get(("operations", "filter_drops_blank"))
    kept = pl.read_parquet(made.folder / "raw" / "operations.parquet").height
    assert kept + (lost.rows if lost else 0) == 9


def test_codes_that_repeat_in_another_company_and_in_another_case(small: Build) -> None:
    counts = small("INSERT INTO part VALUES ('A1', 'K1', 2), ('a3 ', 'K1', 1)").counts()
    found = {rule: (c.rows, c.of_rows, c.subject) for (frame, rule), c in counts.items() if frame == "items"}
    assert found == {
        "code_repeats": (1, 11, "item_cd"), "code_differs_in_case": (1, 11, "item_cd"),
        "code_in_companies": (1, 11, "firma"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "keys", ['ignore = ["FIRMA"]', 'where = [{ column = "firma", op = "=", value = 1 }]']
)
def test_a_company_that_the_profile_names_is_nothing_to_ask_about(small: Build, keys: str) -> None:
    counts = small("INSERT INTO part VALUES ('A1', 'K1', 2)", items=keys).counts()
    assert ("items", "code_in_companies") not in counts


def test_of_several_columns_that_exist_the_unread_ones_are_told(small: Build) -> None:
    found = small(item_cd='{ first_of = ["part", "job", "none"] }').counts()[
        "operations", "several_candidates"
    ]
    assert found.told == "item_cd names 2 columns that exist: part is read, job is not"


def test_counts_lie_beside_the_raw_frames_and_are_warned_of(small: Build) -> None:
    made = small("INSERT INTO part VALUES ('A1', 'K1', 1)")
    report = made.extract()
    stored = SOURCE_COUNTS.conform(pl.read_parquet(made.folder / "raw" / "source_counts.parquet"))
    assert stored.select("frame", "rule", "rows").rows()[0] == ("items", "code_repeats", 1)
    assert [w for w in report.warnings if "1 of 10 item codes of part stand in several rows" in w]


def numbers(made: Small) -> Callable[[Any], list[int]]:
    def ask(statement: Any) -> list[int]:
        with made.engine.connect() as connection:
            return [int(n or 0) for n in connection.execute(statement).one()]

    return ask


@pytest.mark.parametrize(
    ("values", "cut"),
    [
        (["ABCDEF", "ABCDEG", "ABCDEH", "A", "AB", "AB", "ABC", "ABC"], 3),
        (["ABCDEF", "ABCDEG", "ABCDEH", "ABCDEI"], 0),  # codes of one length
        (["ABCDEF", "ABCDE", "ABCD", "ABC", "ABC"], 0),
    ],
)
def test_values_that_fill_a_narrow_column_may_be_cut(small: Build, values: list[str], cut: int) -> None:
    rows = ", ".join(f"({i}, '{v}')" for i, v in enumerate(values))
    made = small(f"CREATE TABLE narrow (seq INTEGER, job NVARCHAR(6)); INSERT INTO narrow VALUES {rows}")
    path = made.folder / "small.toml"
    text = path.read_text(encoding="utf-8").replace('table = "step"', 'table = "narrow"')
    path.write_text(
        text.replace('"part"\nrout', '"seq"\nrout').replace('valid_to = "ends"', ""), encoding="utf-8"
    )
    binding = bind(made.engine, load_profile(path)).bindings["operations"]
    in_erp = census.cut_in_erp(binding, "sqlite", numbers(made))
    in_raw = census.cut_in_raw(binding, pl.LazyFrame({"job_cd": values}))
    assert [c.rows for c in in_erp] == [c.rows for c in in_raw] == ([cut] if cut else [])


def test_routings_that_ended_before_1950_are_counted_in_the_erp(small: Build) -> None:
    made = small(
        "UPDATE step SET ends = '1901-01-01 00:00:00' WHERE wo < 104; UPDATE step SET ends = '1753-01-01' WHERE wo = 105"
    )
    binding = bind(made.engine, made.profile).bindings["operations"]
    [found] = census.ended_long_ago(binding, "sqlite", numbers(made))
    assert (found.rows, found.of_rows, found.warns) == (3, 10, True)


@pytest.mark.parametrize(
    ("type_", "days", "form"), [("INTEGER", 20240531, "%Y%m%d"), ("TEXT", "01.05.2024", "%d.%m.%Y")]
)
def test_days_of_another_form_are_not_compared_as_texts(
    small: Build, type_: str, days: int | str, form: str
) -> None:
    made = small(
        f"CREATE TABLE dated (wo INTEGER, part TEXT, seq INTEGER, job TEXT, ends {type_}); "
        f"INSERT INTO dated SELECT wo, part, seq, job, {days!r} FROM step"
    )
    path = made.folder / "small.toml"
    text = path.read_text(encoding="utf-8").replace('table = "step"', 'table = "dated"')
    text = text.replace('valid_to = "ends"', f'valid_to = {{ column = "ends", date_format = "{form}" }}')
    path.write_text(text, encoding="utf-8")
    binding = bind(made.engine, load_profile(path)).bindings["operations"]
    assert [c.rows for c in census.ended_long_ago(binding, "sqlite", numbers(made))] in ([], [0])
