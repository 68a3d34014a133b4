"""What a load must contain, computed twice: from the Parquet files by Polars, from the database by one query per table.

Which frame goes into which table and how each column is rounded; checks of every value before anything is inserted; row
counts and checksums on both sides; the hashes of items, jobs and of the whole.
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
from routing_etl.warehouse.routing_numbers import routing_numbers
from routing_etl.warehouse.schema import Tables, Versioned
from routing_etl.warehouse.types import UtcDateTime
from routing_etl.warehouse.versions import rows_at

Kind = Literal["text", "ascii", "decimal", "float", "integer", "boolean", "date", "moment"]

#: By column name: the rows that are not NULL, and the checksum (the sum of scaled numbers, of days, or of lengths of texts).
Checksums = dict[str, tuple[int, int]]

#: The unit in which a database counts the length of a text.
TextUnit = Literal["utf16", "utf8", "characters"]

_TEXT = ("text", "ascii")
#: What SQLite's `julianday` gives for 1970-01-01.
_JULIAN_1970 = 2440587.5
_NOT_BMP = r"[\x{10000}-\x{10FFFF}]"


@dataclass(frozen=True)
class Target:
    """One predictions frame and the table its rows go into."""

    frame: frames.Frame
    table: sa.Table
    versioned: Versioned

    @property
    def columns(self) -> list[sa.Column[Any]]:
        """The table's columns that come from the frame: all but publication_id."""
        return [c for c in self.table.columns if c.name != "publication_id"]

    @property
    def key(self) -> list[str]:
        """Sort order: the table's key without publication_id."""
        return [c.name for c in self.table.primary_key.columns if c.name != "publication_id"]


def targets(tables: Tables) -> tuple[Target, ...]:
    """Frames and their tables, parents before children."""
    item, job = tables.versioned
    return (
        Target(frames.CANDIDATES, tables.candidate, item),
        Target(frames.CANDIDATE_OPERATIONS, tables.candidate_operation, item),
        Target(frames.CANDIDATE_EVIDENCE, tables.candidate_evidence, item),
        Target(frames.RESOURCE_ALTERNATIVES, tables.resource_alternative, job),
        Target(frames.ABSTAINED, tables.abstained_item, item),
    )


def kind_of(column: sa.Column[Any]) -> Kind:
    """The kind of a column's values, for checks and checksums."""
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

    Parameters
    ----------
    predictions : Path
        Folder with one folder of part files per frame.
    target : Target
        Which frame.
    shard : str, optional
        Beginning of the names of one shard's part files. A shard without items has no files and gives no rows.

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
    """The frame as the table's columns, in their order, with numbers rounded to the column's scale."""
    if "predicted_rout_no" in target.table.c:
        lazy = routing_numbers(lazy)
    columns = []
    for column in target.columns:
        value = pl.col(column.name)
        if kind_of(column) == "decimal":
            value = value.round(_scale(column))
            # A negative zero is zero. (Adding 0.0 would do, but Polars takes it for nothing to do.)
            value = pl.when(value == 0).then(0.0).otherwise(value)
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
    """The unit in which databases of this kind count: UTF-16 units on SQL Server, characters elsewhere."""
    return "utf16" if dialect == "mssql" else "characters"


def text_unit(connection: Connection) -> TextUnit:
    """The unit in which this server counts, by a probe: T-SQL on top of PostgreSQL stores UTF-8.

    DATALENGTH counts bytes: of UTF-16 on SQL Server, of UTF-8 there.
    """
    if connection.dialect.name != "mssql":
        return usual_unit(connection.dialect.name)
    probe = sa.select(sa.func.datalength(sa.literal("가𠀀", sa.Unicode(8))))
    return "utf16" if connection.execute(probe).scalar_one() == 6 else "utf8"


def _units(name: str, unit: TextUnit) -> pl.Expr:
    """Length of a text in a unit."""
    if unit == "utf8":
        return pl.col(name).str.len_bytes().cast(pl.Int64)
    length = pl.col(name).str.len_chars().cast(pl.Int64)
    if unit == "characters":
        return length
    return length + pl.col(name).str.count_matches(_NOT_BMP).cast(pl.Int64)


def broken_rules(
    column: sa.Column[Any], dialect: str, dtype: pl.DataType | None = None
) -> dict[str, pl.Expr]:
    """The rules that a column's values must keep, by the words of the message; true where broken.

    Parameters
    ----------
    column : sqlalchemy.Column[Any]
        The table's column.
    dialect : str
        Name of SQLAlchemy's dialect, by which lengths of texts are counted.
    dtype : polars.DataType, optional
        Type in the frame. None: numbers are Float64.
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
        # VARCHAR would store a question mark instead, without an error.
        rules["not ASCII, but the column holds ASCII only"] = value.str.len_bytes() != value.str.len_chars()
    elif kind == "decimal":
        precision, scale = int(_decimal(column).precision or 0), _scale(column)
        largest = 10.0 ** (precision - scale)
        outside = f"outside +-{largest:,.0f}"
        if isinstance(dtype, pl.Decimal):
            fits = value.cast(pl.Decimal(precision, scale), strict=False).is_not_null()
            rules[outside] = value.is_not_null() & ~fits
        else:
            # Comparisons with NaN can be true or false, so NaN and infinity are checked first.
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


def _checksums(column: sa.Column[Any], unit: TextUnit) -> dict[str, pl.Expr]:
    value, kind = pl.col(column.name), kind_of(column)
    count = value.count().cast(pl.Int64)
    if kind in _TEXT:
        total = _units(column.name, unit).sum()
    elif kind == "decimal":
        finite = pl.when(value.is_finite() & (value.abs() < 1e12)).then(value)
        total = (finite * 10 ** _scale(column)).round().cast(pl.Int64).sum()
    else:
        total = value.cast(pl.Int64).sum()
    return {f"{column.name}|count": count, f"{column.name}|total": total}


@dataclass(frozen=True)
class Contents:
    """What one frame will look like in its table.

    Parameters
    ----------
    target : Target
        The frame and its table.
    rows : int
        Row count.
    checksums : Checksums
        By column.
    hashes : polars.DataFrame
        The item or job, and two hashes (`a`, `b`, UInt64) of its rows as they will be stored.
    """

    target: Target
    rows: int
    checksums: Checksums
    hashes: pl.DataFrame

    @property
    def digest(self) -> str:
        """Digest of all rows."""
        total = self.hashes.select(pl.col("a", "b").sum()).row(0)
        return f"{self.rows}:{total[0]}:{total[1]}"


def contents_of(
    predictions: Path, tables: Tables, dialect: str, unit: TextUnit | None = None
) -> list[Contents]:
    """Check every frame and compute its counts, checksums and hashes.

    Parameters
    ----------
    predictions : Path
        Folder with one folder of part files per frame.
    tables : Tables
        The tables that the frames go into.
    dialect : str
        Name of SQLAlchemy's dialect.
    unit : TextUnit, optional
        Unit in which the server counts lengths (`text_unit`). None: what databases of this kind use.

    Raises
    ------
    FrameError
        A value does not fit its column: NaN, infinity, too long, too large, NULL where required.
        Names the frame, the column, how many rows, and the first of them.
    """
    counted = unit or usual_unit(dialect)
    return [_contents(predictions, target, dialect, counted) for target in targets(tables)]


def _contents(predictions: Path, target: Target, dialect: str, unit: TextUnit) -> Contents:
    lazy = to_rows(scan(predictions, target), target)
    expressions: dict[str, pl.Expr] = {"rows": pl.len().cast(pl.Int64)}
    rules: dict[str, _Rule] = {}
    for column in target.columns:
        expressions.update(_checksums(column, unit))
        for words, broken in broken_rules(column, dialect).items():
            name = f"rule {len(rules)}"
            rules[name] = _Rule(column, words, broken)
            expressions[name] = broken.sum().cast(pl.Int64)
    found = lazy.select(**expressions).collect(engine="streaming").row(0, named=True)
    for name, rule in rules.items():
        if found[name]:
            raise _misfit(lazy, target, rule, found[name])
    checksums = {
        c.name: (int(found[f"{c.name}|count"]), int(found[f"{c.name}|total"] or 0)) for c in target.columns
    }
    hashes = _hashes(lazy, target).collect(engine="streaming")
    return Contents(target, int(found["rows"]), checksums, hashes)


def _hashes(lazy: pl.LazyFrame, target: Target) -> pl.LazyFrame:
    """Each item or job of a frame with two hashes of its rows.

    Sums of row hashes do not depend on the order: the same rows in other part files are the same content.
    """
    row = pl.struct([c.name for c in target.columns])
    key = pl.col(target.versioned.key).cast(pl.String)
    return (
        lazy.select(key, a=row.hash(seed=1), b=row.hash(seed=2))
        .group_by(target.versioned.key)
        .agg(pl.col("a", "b").sum())
    )


def hashes_of(versioned: Versioned, contents: list[Contents]) -> pl.DataFrame:
    """Every item or job of a batch with the hashes of all its rows, as `item_version` and `job_version` keep them."""
    return _together(
        versioned.key, [c.hashes.lazy() for c in contents if c.target.versioned.key == versioned.key]
    )


def hashes_of_shard(predictions: Path, tables: Tables, shard: str) -> pl.DataFrame:
    """As `hashes_of`, of the items in one shard's part files.

    Parameters
    ----------
    predictions : Path
        Folder with one folder of part files per frame.
    tables : Tables
        The tables that the frames go into.
    shard : str
        Beginning of the names of the shard's part files.
    """
    item = tables.versioned[0]
    parts = [
        _hashes(to_rows(scan(predictions, t, shard), t), t)
        for t in targets(tables)
        if t.versioned.key == item.key
    ]
    return _together(item.key, parts)


def _together(key: str, parts: list[pl.LazyFrame]) -> pl.DataFrame:
    """The hashes of several frames, by key, in the signed numbers that databases have."""
    return (
        pl.concat(parts)
        .group_by(key)
        .agg(pl.col("a", "b").sum())
        .select(
            key,
            hash_a=pl.col("a").reinterpret(signed=True),
            hash_b=pl.col("b").reinterpret(signed=True),
        )
        .sort(key)
        .collect(engine="streaming")
    )


@dataclass(frozen=True)
class _Rule:
    """A rule of a column, in the words of the message, and whether a row breaks it."""

    column: sa.Column[Any]
    words: str
    broken: pl.Expr


def _misfit(lazy: pl.LazyFrame, target: Target, rule: _Rule, count: int) -> FrameError:
    """The error about `count` rows that break a rule, with the first of them."""
    column = rule.column.name
    shown = list(dict.fromkeys([*target.key, column]))
    first = lazy.filter(rule.broken).select(shown).head(1).collect().row(0, named=True)
    where = ", ".join(f"{k} {first[k]!r}" for k in target.key if k != column)
    value = str(first[column])
    value = value if len(value) <= 80 else f"{value[:77]}..."
    return FrameError(
        f"Frame {target.frame.name}: column {column} is {rule.words} in {count:,} row(s), first {value!r} ({where}).",
        remedy="Nothing was loaded; correct the step that makes this column, then score again.",
    )


def content_hash(contents: list[Contents], constants: Mapping[str, Any]) -> str:
    """Hash of what readers would see, whatever run or file it comes from. Equal hashes need not be loaded twice."""
    hashed = {"frames": {c.target.frame.name: c.digest for c in contents}, "constants": dict(constants)}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


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
        return sa.func.sum(_day_number(column, dialect))
    return sa.func.sum(sa.cast(column, sa.BigInteger))


def _day_number(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Days since 1970-01-01, as Polars counts them."""
    days: sa.ColumnElement[Any]
    if dialect == "mssql":
        days = sa.func.datediff(sa.text("day"), sa.text("'19700101'"), column)
    elif dialect == "sqlite":
        days = sa.func.julianday(column) - _JULIAN_1970
    else:
        days = column - sa.cast(sa.literal("1970-01-01", sa.String()), sa.Date())
    return sa.cast(days, sa.BigInteger)


def checksum_query(
    target: Target, publication_id: int, dialect: str, unit: TextUnit | None = None
) -> sa.Select[Any]:
    """The query for the rows that a publication shows: their number, then count and checksum of every column."""
    table = target.table
    columns: list[sa.ColumnElement[Any]] = [sa.func.count().label("row_count")]
    for column in target.columns:
        columns.append(sa.func.count(column).label(f"{column.name}_n"))
        columns.append(_total(column, column, dialect, unit or usual_unit(dialect)).label(f"{column.name}_t"))
    return sa.select(*columns).select_from(rows_at(target.versioned, table, publication_id))


def stored(connection: Connection, target: Target, publication_id: int) -> tuple[int, Checksums]:
    """Number and checksums of a table's rows that a publication shows."""
    query = checksum_query(target, publication_id, connection.dialect.name, text_unit(connection))
    row = connection.execute(query).one()._mapping
    return int(row["row_count"]), {
        c.name: (int(row[f"{c.name}_n"]), int(row[f"{c.name}_t"] or 0)) for c in target.columns
    }


def differences(expected: Contents, rows: int, checksums: Checksums) -> list[str]:
    """Where a table differs from what it should hold, in words; empty if it does not."""
    name = expected.target.table.name
    if rows != expected.rows:
        return [f"{name}: {rows:,} rows in the database, {expected.rows:,} in the files"]
    return [
        f"{name}.{column}: not NULL {have[0]:,}, checksum {have[1]} in the database; "
        f"{want[0]:,}, {want[1]} in the files"
        for column, want in expected.checksums.items()
        if (have := checksums[column]) != want
    ]


def require_rows(contents: list[Contents], predictions: Path) -> None:
    """Refuse a batch without any item.

    Raises
    ------
    WarehouseError
        The batch has neither a candidate nor an abstained item.
    """
    rows = {c.target.frame.name: c.rows for c in contents}
    if not rows[frames.CANDIDATES.name] and not rows[frames.ABSTAINED.name]:
        raise WarehouseError(
            f"The predictions in {predictions} hold no candidate and no abstained item.",
            remedy="Publish nothing when no item needs a routing; else score again: routing-etl score",
        )
