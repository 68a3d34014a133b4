"""What a load must contain, measured twice: from the Parquet files by Polars, from the database by one query a table.

What belongs here: which frame goes into which table and how each column is rounded; the checks that name a column before
anything is inserted; counts and checksums on both sides; the content hash. What does not: writing (`load.py`), or what
happens when the two sides differ (`publish.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl import frames
from routing_etl.errors import FrameError, WarehouseError
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.types import UtcDateTime

Kind = Literal["text", "ascii", "decimal", "float", "integer", "boolean", "date", "moment"]

#: Column name to (rows that are not NULL, checksum). The checksum adds scaled numbers, or lengths of texts.
Checksums = dict[str, tuple[int, int]]

#: What the database adds up as a text's length.
TextUnit = Literal["utf16", "utf8", "characters"]

_TEXT = ("text", "ascii")
_NOT_BMP = r"[\x{10000}-\x{10FFFF}]"


@dataclass(frozen=True)
class Target:
    """One predictions frame and the table its rows go into."""

    frame: frames.Frame
    table: sa.Table

    @property
    def columns(self) -> list[sa.Column[Any]]:
        """The table's columns that come from the frame (all but publication_id)."""
        return [c for c in self.table.columns if c.name != "publication_id"]

    @property
    def key(self) -> list[str]:
        """Sort order: the table's key without publication_id."""
        return [c.name for c in self.table.primary_key.columns if c.name != "publication_id"]


def targets(tables: Tables) -> tuple[Target, ...]:
    """Frames and their tables, parents before children."""
    return (
        Target(frames.CANDIDATES, tables.candidate),
        Target(frames.CANDIDATE_OPERATIONS, tables.candidate_operation),
        Target(frames.CANDIDATE_EVIDENCE, tables.candidate_evidence),
        Target(frames.RESOURCE_ALTERNATIVES, tables.resource_alternative),
        Target(frames.ABSTAINED, tables.abstained_item),
    )


def kind_of(column: sa.Column[Any]) -> Kind:
    """What a column holds, as far as checks and checksums care."""
    if isinstance(column.type, sa.Unicode):
        return "text"
    if isinstance(column.type, sa.String):
        return "ascii"
    if isinstance(column.type, sa.Boolean):
        return "boolean"
    if isinstance(column.type, sa.Integer):
        return "integer"
    if isinstance(column.type, sa.Float):
        return "float"
    if isinstance(column.type, sa.Numeric):
        return "decimal"
    if isinstance(column.type, sa.Date):
        return "date"
    if isinstance(column.type, sa.DateTime | UtcDateTime):
        return "moment"
    raise TypeError(f"{column} has a type that no load knows: {column.type!r}")


def scan(predictions: Path, target: Target, shard: str | None = None) -> pl.LazyFrame:
    """The frame's part files as one lazy frame, checked against its contract.

    `shard`: how the names of the files wanted begin; a shard without any item has none, and gives no rows.

    Raises
    ------
    FrameError
        The folder is missing, or a column is.
    """
    folder = predictions / target.frame.name
    parts = sorted(folder.glob(f"{shard or ''}*.parquet"))
    if not parts and shard is not None:
        return target.frame.empty().lazy()
    if not parts:
        raise FrameError(
            f"No Parquet files of frame {target.frame.name} in {folder}.",
            remedy="Score first: routing-etl score",
        )
    try:
        lazy = pl.scan_parquet(parts)
        target.frame.validate(lazy)
    except pl.exceptions.PolarsError as exc:
        raise FrameError(
            f"Frame {target.frame.name} in {folder} cannot be read: {exc}.",
            remedy="Score again: routing-etl score",
        ) from exc
    return lazy


def to_rows(lazy: pl.LazyFrame, target: Target) -> pl.LazyFrame:
    """The frame as the table's columns, in its order: numbers rounded to the column's scale."""
    made = {"predicted_rout_no": pl.format("P{}", pl.col("candidate_rank").cast(pl.String).str.zfill(9))}
    columns = []
    for column in target.columns:
        value = made.get(column.name, pl.col(column.name))
        if kind_of(column) == "decimal":
            # + 0.0 turns a negative zero into zero.
            value = value.round(_scale(column)) + 0.0
        columns.append(value.alias(column.name))
    return lazy.select(columns)


def _decimal(column: sa.Column[Any]) -> sa.Numeric[Any]:
    kind = column.type
    assert isinstance(kind, sa.Numeric)
    return kind


def _scale(column: sa.Column[Any]) -> int:
    return int(_decimal(column).scale or 0)


def _length(column: sa.Column[Any]) -> int:
    kind = column.type
    assert isinstance(kind, sa.String) and kind.length is not None
    return kind.length


def usual_unit(dialect: str) -> TextUnit:
    """What databases of this kind count: UTF-16 units on SQL Server, characters elsewhere."""
    return "utf16" if dialect == "mssql" else "characters"


def text_unit(connection: Connection) -> TextUnit:
    """What this very server counts as a text's length. T-SQL on top of PostgreSQL keeps UTF-8 and says so in
    DATALENGTH, which gives bytes of UTF-16 on SQL Server."""
    if connection.dialect.name != "mssql":
        return usual_unit(connection.dialect.name)
    probe = sa.select(sa.func.datalength(sa.literal("가𠀀", sa.Unicode(8))))
    return "utf16" if connection.execute(probe).scalar_one() == 6 else "utf8"


def _units(name: str, unit: TextUnit) -> pl.Expr:
    """Length as the database counts it."""
    if unit == "utf8":
        return pl.col(name).str.len_bytes().cast(pl.Int64)
    length = pl.col(name).str.len_chars().cast(pl.Int64)
    if unit == "characters":
        return length
    return length + pl.col(name).str.count_matches(_NOT_BMP).cast(pl.Int64)


def broken_rules(
    column: sa.Column[Any], dialect: str, dtype: pl.DataType | None = None
) -> dict[str, pl.Expr]:
    """Rules a column's values must keep, by the words of the message; true where broken.

    `dtype`: what the frame holds, where it is not Float64 for numbers.
    """
    value, kind = pl.col(column.name), kind_of(column)
    rules: dict[str, pl.Expr] = {}
    if not column.nullable:
        rules["NULL, but the column requires a value"] = value.is_null()
    if kind in _TEXT:
        rules[f"longer than {_length(column)} characters"] = _units(
            column.name, usual_unit(dialect)
        ) > _length(column)
    if kind == "ascii":
        # VARCHAR would hold a question mark for it, without an error.
        rules["not ASCII, but the column holds ASCII only"] = value.str.len_bytes() != value.str.len_chars()
    elif kind == "decimal":
        precision, scale = int(_decimal(column).precision or 0), _scale(column)
        largest = 10.0 ** (precision - scale)
        outside = f"outside +-{largest:,.0f}"
        if isinstance(dtype, pl.Decimal):
            fits = value.cast(pl.Decimal(precision, scale), strict=False).is_not_null()
            rules[outside] = value.is_not_null() & ~fits
        else:
            # A comparison with NaN is false or true depending on the operator, so NaN and infinity come first.
            rules["not a finite number"] = ~value.is_finite()
            rules[outside] = value.is_finite() & (value.round(scale).abs() >= largest)
    elif kind == "float":
        rules["not a finite number"] = ~value.is_finite()
    elif kind == "integer":
        bits = {"SMALLINT": 15, "BIGINT": 63}.get(str(column.type), 31)
        if bits < 63:
            whole = value.cast(pl.Int64)
            rules[f"outside +-2^{bits}"] = (whole >= 2**bits) | (whole < -(2**bits))
    elif kind in ("date", "moment"):
        year = value.dt.year()
        rules["outside the years 1 to 9999"] = (year < 1) | (year > 9999)
    return rules


def _measures(column: sa.Column[Any], unit: TextUnit) -> dict[str, pl.Expr]:
    value, kind = pl.col(column.name), kind_of(column)
    count = value.count().cast(pl.Int64)
    if kind in _TEXT:
        total = _units(column.name, unit).sum()
    elif kind == "decimal":
        finite = pl.when(value.is_finite() & (value.abs() < 1e12)).then(value)
        total = (finite * 10 ** _scale(column)).round().cast(pl.Int64).sum()
    elif kind == "date":
        total = pl.lit(0, dtype=pl.Int64)
    else:
        total = value.cast(pl.Int64).sum()
    return {f"{column.name}|count": count, f"{column.name}|total": total}


@dataclass(frozen=True)
class Measured:
    """What one frame will look like in its table."""

    target: Target
    rows: int
    checksums: Checksums
    digest: str


def measure(predictions: Path, tables: Tables, dialect: str, unit: TextUnit | None = None) -> list[Measured]:
    """Check every frame and compute its counts, checksums and digest, in one pass over each.

    `unit`: what the server counts as length (`text_unit`); default: what databases of this kind count.

    Raises
    ------
    FrameError
        A value does not fit its column: NaN, infinity, too long, too large, NULL where required.
        Names the frame, the column, how many rows, and the first of them.
    """
    counted = unit or usual_unit(dialect)
    return [_measure(predictions, target, dialect, counted) for target in targets(tables)]


def _measure(predictions: Path, target: Target, dialect: str, unit: TextUnit) -> Measured:
    lazy = to_rows(scan(predictions, target), target)
    expressions: dict[str, pl.Expr] = {"rows": pl.len().cast(pl.Int64)}
    rules: dict[str, tuple[sa.Column[Any], str, pl.Expr]] = {}
    for column in target.columns:
        expressions.update(_measures(column, unit))
        for words, broken in broken_rules(column, dialect).items():
            name = f"rule {len(rules)}"
            rules[name] = (column, words, broken)
            expressions[name] = broken.sum().cast(pl.Int64)
    # Order does not matter: the same rows in other part files are the same content.
    row = pl.struct([c.name for c in target.columns])
    for seed in (1, 2):
        expressions[f"hash {seed}"] = row.hash(seed=seed).sum()
    found = lazy.select(**expressions).collect(engine="streaming").row(0, named=True)
    for name, (column, words, broken) in rules.items():
        if found[name]:
            _refuse(lazy, target, column, words, broken, found[name])
    checksums = {
        c.name: (int(found[f"{c.name}|count"]), int(found[f"{c.name}|total"] or 0)) for c in target.columns
    }
    digest = f"{found['rows']}:{found['hash 1'] or 0}:{found['hash 2'] or 0}"
    return Measured(target, int(found["rows"]), checksums, digest)


def _refuse(
    lazy: pl.LazyFrame, target: Target, column: sa.Column[Any], words: str, broken: pl.Expr, count: int
) -> None:
    shown = list(dict.fromkeys([*target.key, column.name]))
    first = lazy.filter(broken).select(shown).head(1).collect().row(0, named=True)
    where = ", ".join(f"{k} {first[k]!r}" for k in target.key if k != column.name)
    value = str(first[column.name])
    value = value if len(value) <= 80 else f"{value[:77]}..."
    raise FrameError(
        f"Frame {target.frame.name}: column {column.name} is {words} in {count:,} row(s), first {value!r} ({where}).",
        remedy="Nothing was loaded; correct the step that makes this column, then score again.",
    )


def content_hash(measured: list[Measured], constants: Mapping[str, Any]) -> str:
    """Idempotency key: what would be visible to a reader, whatever run or file it comes from."""
    content = {"frames": {m.target.frame.name: m.digest for m in measured}, "constants": dict(constants)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


# --- the database's side ----------------------------------------------------------------------------------------------


def _total(
    column: sa.ColumnElement[Any], source: sa.Column[Any], dialect: str, unit: TextUnit
) -> sa.ColumnElement[Any]:
    kind = kind_of(source)
    if kind in _TEXT:
        if dialect == "mssql":
            # LEN ignores trailing blanks; DATALENGTH counts bytes, two a UTF-16 unit in NVARCHAR.
            size = sa.cast(sa.func.datalength(column), sa.BigInteger)
            return sa.func.sum(size) // 2 if kind == "text" and unit == "utf16" else sa.func.sum(size)
        return sa.func.sum(sa.func.length(column))
    if kind == "decimal":
        scaled = column * 10 ** _scale(source)
        if dialect == "sqlite":
            scaled = sa.func.round(scaled)
        return sa.func.sum(sa.cast(scaled, sa.BigInteger))
    if kind == "boolean":
        return sa.func.sum(sa.case((column == sa.true(), 1), else_=0))
    if kind == "date":
        return sa.literal(0)
    return sa.func.sum(sa.cast(column, sa.BigInteger))


def checksum_query(
    target: Target, publication_id: int, dialect: str, unit: TextUnit | None = None
) -> sa.Select[Any]:
    """One row: the count of rows, then count and checksum of every column, of one publication."""
    table = target.table
    columns: list[sa.ColumnElement[Any]] = [sa.func.count().label("row_count")]
    for column in target.columns:
        columns.append(sa.func.count(column).label(f"{column.name}_n"))
        columns.append(_total(column, column, dialect, unit or usual_unit(dialect)).label(f"{column.name}_t"))
    return sa.select(*columns).where(table.c.publication_id == publication_id)


def stored(connection: Connection, target: Target, publication_id: int) -> tuple[int, Checksums]:
    """What the table holds of a publication."""
    query = checksum_query(target, publication_id, connection.dialect.name, text_unit(connection))
    row = connection.execute(query).one()._mapping
    return int(row["row_count"]), {
        c.name: (int(row[f"{c.name}_n"]), int(row[f"{c.name}_t"] or 0)) for c in target.columns
    }


def differences(measured: Measured, rows: int, checksums: Checksums) -> list[str]:
    """Where a table differs from what it should hold, in words; empty when it does not."""
    name = measured.target.table.name
    if rows != measured.rows:
        return [f"{name}: {rows:,} rows in the database, {measured.rows:,} in the files"]
    return [
        f"{name}.{column}: not NULL {have[0]:,}, checksum {have[1]} in the database; "
        f"{want[0]:,}, {want[1]} in the files"
        for column, want in measured.checksums.items()
        if (have := checksums[column]) != want
    ]


def require_rows(measured: list[Measured], predictions: Path) -> None:
    """Refuse a batch that says nothing about any item.

    Raises
    ------
    WarehouseError
        There is no candidate and no abstained item.
    """
    rows = {m.target.frame.name: m.rows for m in measured}
    if not rows[frames.CANDIDATES.name] and not rows[frames.ABSTAINED.name]:
        raise WarehouseError(
            f"The predictions in {predictions} hold no candidate and no abstained item.",
            remedy="Publish nothing when no item needs a routing; else score again: routing-etl score",
        )
