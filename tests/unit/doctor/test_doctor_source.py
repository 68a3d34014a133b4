"""The doctor on a foreign ERP: short where all is well, and counts where rows vanish."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from routing_etl.doctor.server import Finding
from routing_etl.doctor.source import examine_source
from routing_etl.erp.catalogue import bind
from routing_etl.erp.profile import load_profile

PROFILE = """
name = "foreign"
[items]
table = "Artikel"
columns = { item_cd = "ArtNr" }
attributes = { kind = { column = "Gruppe", kind = "category" } }
[operations]
table = "Arbeitsgang"
[operations.columns]
item_cd = "ArtNr"
rout_no = { const = "1" }
proc_seq = "Pos"
job_cd = "Taetigkeit"
valid_to = "Bis"
"""


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    made = sa.create_engine(f"sqlite:///{(tmp_path / 'erp.db').as_posix()}")
    columns = ", ".join(f"Feld{i} INTEGER" for i in range(20))
    with made.begin() as connection:
        for statement in (
            f"CREATE TABLE Artikel (ArtNr NVARCHAR(12), Gruppe NVARCHAR(4), Firma TEXT, {columns})",
            "CREATE TABLE Arbeitsgang (ArtNr NVARCHAR(12), Pos NVARCHAR(5), Taetigkeit NVARCHAR(10), Bis TEXT)",
            "INSERT INTO Artikel (ArtNr, Gruppe, Firma) VALUES ('A', 'G1', '01'), ('B', 'G2', '01')",
            "INSERT INTO Arbeitsgang VALUES ('A', '10', 'SAEGEN', '2999-12-31'), ('A', '20', 'DREHEN', '1901-01-01')",
        ):
            connection.exec_driver_sql(statement)
    return made


def seen(engine: sa.Engine, folder: Path, text: str = PROFILE) -> list[Finding]:
    (folder / "foreign.toml").write_text(text, encoding="utf-8")
    profile = load_profile(folder / "foreign.toml")
    return list(examine_source(engine, bind(engine, profile), profile))


def test_what_is_well_is_told_in_a_few_lines(engine: sa.Engine, tmp_path: Path) -> None:
    """Narrower columns and numbers as text are no finding while nothing is cut; unmapped columns are one line a table."""
    found = seen(engine, tmp_path)
    assert [f.message for f in found if f.level == "warning"] == [
        "operations: 1 of 2 routing rows ended before 1950 (Arbeitsgang.Bis)"
    ]
    assert len(found) == 3
    assert "Firma, Feld0" in found[0].message and "and 9 more" in found[0].message


def test_what_vanishes_is_counted_with_its_remedy(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO Artikel (ArtNr, Firma) VALUES ('A', '02'), ('b', '01')")
    warned = {f.message: f.remedy for f in seen(engine, tmp_path) if f.level == "warning"}
    assert [m for m in warned if "in several rows" in m] == [
        "items: 1 of 3 item codes of Artikel stand in several rows"
    ]
    company = next(m for m in warned if "several Firma" in m)
    assert company.startswith("items: 1 of 3 item codes") and "Filter on Firma" in warned[company]
    assert any("differ from another one in case or blanks only" in m for m in warned)


def test_nothing_is_counted_while_a_column_is_missing(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE Arbeitsgang RENAME COLUMN Taetigkeit TO Job")
    assert {f.area for f in seen(engine, tmp_path)} == {"catalogue"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ('kind = "inner"', ["operations: the join a to Artikel drops 1 of 3 rows, which have no partner"]),
        ('kind = "inner", may_drop = 0.4', []),
        ('kind = "left"', []),
    ],
)
def test_an_inner_join_that_drops_more_than_a_twentieth_of_the_rows_is_a_warning(
    engine: sa.Engine, tmp_path: Path, kind: str, told: list[str]
) -> None:
    """A third of the steps is of a part that the item master lacks; nobody has said that they are meant to go."""
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO Arbeitsgang VALUES ('C', '10', 'SAEGEN', '2999-12-31')")
    join = (
        f'[operations]\njoins = [{{ table = "Artikel", alias = "a", on = [["ArtNr", "ArtNr"]], {kind} }}]\n'
    )
    found = seen(engine, tmp_path, PROFILE.replace("[operations]\n", join))
    assert [f.message for f in found if f.level == "warning" and " join " in f.message] == told
    remedies = {f.remedy for f in found if f.level == "warning" and " join " in f.message}
    assert all('kind = "left"' in r and "may_drop" in r for r in remedies)


def test_an_inner_join_that_drops_few_rows_is_none(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO Arbeitsgang VALUES ('C', '10', 'SAEGEN', '2999-12-31')")
        for place in range(30, 220, 10):
            connection.exec_driver_sql(
                f"INSERT INTO Arbeitsgang VALUES ('B', '{place}', 'SAEGEN', '2999-12-31')"
            )
    join = '[operations]\njoins = [{ table = "Artikel", alias = "a", on = [["ArtNr", "ArtNr"]], kind = "inner" }]\n'
    found = seen(engine, tmp_path, PROFILE.replace("[operations]\n", join))
    [dropped] = [f for f in found if "drops" in f.message]
    assert (dropped.level, dropped.message.split("drops ")[1][:10]) == ("ok", "1 of 22 ro")
