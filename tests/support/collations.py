"""A warehouse whose code columns have a collation of their own, as SQL Server's have by default."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from warehouse_scripts import for_driver

from routing_etl.warehouse.migrate import migrate_sql

#: Columns that hold codes of the ERP.
_CODES = (
    "item_cd",
    "rout_no",
    "predicted_rout_no",
    "job_cd",
    "res_cd",
    "bp_cd",
    "cur_cd",
    "tax_type",
    "segment",
)
#: Case, width, trailing blanks and accents count for nothing: what SQL Server's Latin1_General_CI_AI does.
ICU = "CREATE COLLATION public.same (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"


def give_collation(engine: Engine, schema: str | None, collation: str) -> None:
    """Make our tables at head in an empty database, with a collation on every code column."""
    text = for_driver(migrate_sql(engine.dialect.name, schema))
    column = re.compile(rf"^(    (?:{'|'.join(_CODES)}) VARCHAR\(\d+\))", re.MULTILINE)
    text, changed = column.subn(rf"\1 COLLATE {collation}", text)
    assert changed > 10
    connection = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            connection.driver_connection.executescript(text)
        else:
            connection.cursor().execute(text)
        connection.commit()
    finally:
        connection.close()


def pairs_equal(engine: Engine, schema: str | None, codes: list[str]) -> list[tuple[int, int]]:
    """The pairs of codes that the machine column of our tables calls equal, by storing each and looking it up."""
    table = f"{schema}.resource_alternative" if schema else "resource_alternative"
    name = "same_codes_probe"
    with engine.connect() as connection:
        collate = connection.execute(
            sa.text(_COLUMN_COLLATION[engine.dialect.name]), {"table": table}
        ).scalar_one()
        word = (
            re.search(r"res_cd VARCHAR\(32\) COLLATE (\w+)", collate)[1] if "VARCHAR" in collate else collate
        )
        connection.exec_driver_sql(f"CREATE TEMP TABLE {name} (id INTEGER, code VARCHAR(100) COLLATE {word})")
        connection.execute(
            sa.text(f"INSERT INTO {name} VALUES (:id, :code)"),
            [{"id": i, "code": c} for i, c in enumerate(codes)],
        )
        found = connection.execute(
            sa.text(f"SELECT a.id, b.id FROM {name} a JOIN {name} b ON a.code = b.code AND a.id < b.id")
        ).all()
        connection.rollback()
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        connection.commit()
    return [(int(a), int(b)) for a, b in found]


_COLUMN_COLLATION = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = :table",
    "postgresql": "SELECT 'public.' || c.collname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation "
    "WHERE a.attrelid = to_regclass(:table) AND a.attname = 'res_cd'",
}
