"""One table with every kind of column, values that drivers are known to lose, and the check that none was lost."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Engine

from routing_etl.warehouse import types as t
from routing_etl.warehouse.writers import Writer

TEXT, CODE = 8, 6

_owners = itertools.count(1)


def round_trip_table(schema: str | None, dialect: str) -> sa.Table:
    """The table; the wide decimal is left out on SQLite, which has none."""
    wide = [] if dialect == "sqlite" else [sa.Column("wide", sa.Numeric(38, 10))]
    return sa.Table(
        "round_trip",
        sa.MetaData(schema=schema),
        sa.Column("owner", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", t.text(TEXT)),
        sa.Column("code", t.ascii_text(CODE)),
        sa.Column("price", t.decimal(12, 4)),
        *wide,
        sa.Column("ratio", t.double()),
        sa.Column("small", sa.SmallInteger),
        sa.Column("big", sa.BigInteger),
        sa.Column("flag", sa.Boolean),
        sa.Column("day", t.date()),
        sa.Column(
            "moment",
            sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql"),
        ),
        sa.PrimaryKeyConstraint("owner", "seq", name="pk_round_trip"),
    )


SCHEMA: dict[str, Any] = {
    "owner": pl.Int32,
    "seq": pl.Int32,
    "name": pl.String,
    "code": pl.String,
    "price": pl.Float64,
    "wide": pl.Decimal(38, 10),
    "ratio": pl.Float64,
    "small": pl.Int16,
    "big": pl.Int64,
    "flag": pl.Boolean,
    "day": pl.Date,
    "moment": pl.Datetime("us"),
}

#: Values that must survive, column by column.
EDGES: dict[str, list[Any]] = {
    "name": ["", "사내", "누설 시험", "𠀀𠀀𠀀𠀀", "가" * TEXT, "x" * TEXT, " 앞", "뒤 ", "a\tb", "'\"[]", "ŽœŸ€", "\u200b"],
    "code": ["", "abc", "x" * CODE, " a ", "A-1/2"],
    "price": [0.0, 0.0001, -0.0001, 99_999_999.9999, -99_999_999.9999, 12.3457, 1e-4, 1234567.5],
    "wide": [
        Decimal("9999999999999999999999999999.9999999999"),
        Decimal("-9999999999999999999999999999.9999999999"),
        Decimal("0.0000000001"),
        Decimal("-0.0000000001"),
        Decimal("1234567890123456789.0123456789"),
    ],
    "ratio": [0.1, -0.1, 1e300, -1e300, 1e-300, 1 / 3, 123456789.12345678, 0.0],
    "small": [0, 32767, -32768],
    "big": [0, 2**63 - 1, -(2**63), 2**53 + 1],
    "flag": [True, False],
    "day": [date(1, 1, 1), date(1753, 1, 1), date(1899, 12, 31), date(2999, 12, 31), date(9999, 12, 31)],
    "moment": [
        datetime(1, 1, 1),
        datetime(1753, 1, 1, 0, 0, 0, 1),
        datetime(2026, 2, 28, 23, 59, 59, 999999),
        datetime(2026, 3, 1, 12, 0, 0, 123000),
        datetime(9999, 12, 31, 23, 59, 59, 999999),
    ],
}  # fmt: skip


def frame_of(rows: list[dict[str, Any]], dialect: str) -> pl.DataFrame:
    """Rows as a frame with a new owner and counted keys."""
    owner = next(_owners)
    schema = {k: v for k, v in SCHEMA.items() if not (dialect == "sqlite" and k == "wide")}
    whole = [
        {**dict.fromkeys(schema), **{k: v for k, v in row.items() if k in schema}, "owner": owner, "seq": n}
        for n, row in enumerate(rows)
    ]
    return pl.DataFrame(whole, schema=schema, orient="row")


def edge_rows(nulls_first: int = 0) -> list[dict[str, Any]]:
    """Every edge value once, after rows that hold nothing at all, and one such row at the end."""
    longest = max(len(v) for v in EDGES.values())
    rows = [{k: v[n % len(v)] for k, v in EDGES.items()} for n in range(longest)]
    return [{} for _ in range(nulls_first)] + rows + [{}]


def units(text: str) -> int:
    """Length as SQL Server counts it."""
    return len(text.encode("utf-16-le")) // 2


_CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")


def rows_strategy() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of rows of any values that fit, each possibly NULL."""

    def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() | strategy

    ten_thousandths = st.integers(-(10**12) + 1, 10**12 - 1)
    return st.lists(
        st.fixed_dictionaries(
            {
                "name": maybe(st.text(_CHARACTERS, max_size=TEXT).filter(lambda s: units(s) <= TEXT)),
                "code": maybe(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=CODE)),
                "price": maybe(ten_thousandths.map(lambda n: n / 10_000)),
                "wide": maybe(
                    # 38 digits only as edge values: one T-SQL server cannot read them.
                    st.integers(-(10**37) + 1, 10**37 - 1).map(lambda n: Decimal(n).scaleb(-10, _EXACT))
                ),
                "ratio": maybe(
                    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=64)
                ),
                "small": maybe(st.integers(-32768, 32767)),
                "big": maybe(st.integers(-(2**63), 2**63 - 1)),
                "flag": maybe(st.booleans()),
                "day": maybe(st.dates()),
                "moment": maybe(st.datetimes()),
            }
        ),
        min_size=1,
        max_size=12,
    )


def _exact_context() -> Any:
    from decimal import Context

    return Context(prec=60)


_EXACT = _exact_context()


def read_back(engine: Engine, table: sa.Table, owner: int) -> list[dict[str, Any]]:
    """What the table holds of an owner, in order."""
    query = sa.select(table).where(table.c.owner == owner).order_by(table.c.seq)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def check_round_trip(engine: Engine, table: sa.Table, writer: Writer, frame: pl.DataFrame) -> None:
    """Write the frame and compare every value read back with what was sent."""
    with engine.begin() as connection:
        assert writer.write(connection, table, frame) == frame.height
    found = read_back(engine, table, frame.item(0, "owner"))
    sent = frame.to_dicts()
    assert len(found) == len(sent)
    for have, want in zip(found, sent, strict=True):
        for column, value in want.items():
            got = have[column]
            if column == "wide" and got is not None:
                got = Decimal(str(got))
            assert got == value, f"{column}: sent {value!r}, holds {got!r}"


#: Column, value, and what the refusal says: never sent to any database.
MISFITS: list[tuple[str, Any, str]] = [
    ("name", "가" * (TEXT + 1), f"longer than {TEXT}"),
    ("code", "x" * (CODE + 1), f"longer than {CODE}"),
    ("code", "가", "not ASCII"),
    ("price", float("nan"), "not a finite number"),
    ("price", float("inf"), "not a finite number"),
    ("price", 100_000_000.0, "outside"),
    ("price", 99_999_999.99996, "outside"),
    ("ratio", float("nan"), "not a finite number"),
    ("ratio", float("-inf"), "not a finite number"),
    ("seq", None, "NULL, but the column requires a value"),
]
