"""What a database holds, as far as a proposal needs it: tables with columns and keys, and a bounded sample of some."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql.elements import quoted_name

from routing_etl.database.engine import translated
from routing_etl.database.errors import said
from routing_etl.erp.catalogue import PARTITIONS
from routing_etl.erp.name_words import without_mark
from routing_etl.erp.parse import WITH_UNIT, ZEROS_OR_NINES
from routing_etl.errors import ConfigurationError

Kind = Literal["text", "integer", "number", "date", "boolean", "other"]
#: Rows of a table that are looked at.
SAMPLE = 1_000
#: Values that are looked for in another table to see whether two columns go together.
PROBES = 200
#: A number as a text: with a decimal mark, a mark between thousands, or both.
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}([.,' ]\d{3})+)([.,]\d+)?")
#: A mark that cannot group thousands, because there are not three digits behind it.
_DECIMALS = re.compile(r"([.,])(?:\d{1,2}|\d{4,})$")
#: Forms of dates. Of those with a slash the day is first where one is above 12; where none is, nobody can tell.
_CLOCK = r"([T ].*)?"
#: Fewest numbers with two decimals, and fewest different decimals, of which none reaches .60, that look like hours and minutes.
_HOURS_AND_MINUTES, _KINDS_OF_MINUTES = 50, 20
_DATES = (
    (r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])", ""),
    (r"\d{4}[-/]\d{1,2}[-/]\d{1,2}" + _CLOCK, ""),
    (r"\d{1,2}\.\d{1,2}\.\d{4}" + _CLOCK, "%d.%m.%Y"),
    (r"\d{1,2}/(0?[1-9]|1[0-2])/\d{4}" + _CLOCK, "%d/%m/%Y"),
    (r"(0?[1-9]|1[0-2])/\d{1,2}/\d{4}" + _CLOCK, "%m/%d/%Y"),
    (r"(19|20)\d\d([0-2]\d\d|3[0-6]\d)", "%Y%j"),
    (r"1\d\d([0-2]\d\d|3[0-6]\d)(\.0+)?", "CYYDDD"),
    (r"1\d{9}(\.\d+)?", "epoch"),
    (r"1\d{12}(\.0+)?", "epoch_ms"),
    (r"(3[6-9]|4\d|5[0-4])\d{3}(\.\d+)?", "excel"),
)
#: Forms of times with colons. Days before a point stand in some of the texts only.
_CLOCKS = (
    (r"\d{1,3}:[0-5]\d:[0-5]\d", "hh:mm:ss"),
    (r"\d{1,3}:[0-5]\d", "hh:mm"),
    (r"(\d{1,3}\.)?[0-2]?\d:[0-5]\d:[0-5]\d(\.\d+)?", "d.hh:mm:ss"),
)
#: Schemas of servers that hold no ERP.
_SYSTEM = ("information_schema", "sys", "pg_catalog", "pg_toast", "guest")
_SYSTEM_PREFIX = ("db_", "pg_")


@dataclass(frozen=True)
class Column:
    """A column: its name, what kind of values it holds, whether it alone is the table's primary key.

    `says` is its name without a mark that the table puts before all of its columns; blank where it has none.
    """

    name: str
    kind: Kind
    key: bool = False
    says: str = ""

    @property
    def spoken(self) -> str:
        """What the name says, for those who look for words in it."""
        return self.says or self.name


@dataclass(frozen=True)
class Table:
    """A table or view with its columns; `links` are its foreign keys of one column: column, table, column there."""

    name: str
    schema: str | None
    columns: tuple[Column, ...]
    links: tuple[tuple[str, str, str], ...] = ()

    @property
    def title(self) -> str:
        """The table as a profile names it."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(c for c in self.columns if c.name == name)


@dataclass(frozen=True)
class Values:
    """What a sample of a column holds: how many rows have a value, and the distinct values, most frequent first."""

    rows: int
    counts: Counter[Any] = field(default_factory=Counter)

    @cached_property
    def filled(self) -> int:
        """Rows that have a value."""
        return sum(self.counts.values())

    @property
    def distinct(self) -> int:
        """How many values there are."""
        return len(self.counts)

    def shown(self, most: int = 6) -> str:
        """The most frequent values with their rows, for people."""
        listed = ", ".join(f"{_text(v)!r} ({n:,})" for v, n in self.counts.most_common(most))
        return listed + (", ..." if self.distinct > most else "")

    @cached_property
    def numbers(self) -> list[float]:
        """The values that are numbers, each row's, in order."""
        found: list[float] = []
        comma = self.decimal == ","
        for value, n in self.counts.items():
            text = str(value).replace(".", "").replace(",", ".") if comma else value
            try:
                found += [float(text)] * n
            except (TypeError, ValueError):
                continue
        return sorted(found)

    @cached_property
    def holds_numbers(self) -> bool:
        """Whether nearly all values are numbers, as texts too."""
        hits = sum(n for v, n in self.counts.items() if _NUMBER.fullmatch(str(v)))
        return self.filled > 0 and hits >= 0.95 * self.filled

    @cached_property
    def shapes(self) -> frozenset[str]:
        """The forms of the values, digits as 9 and letters as A."""
        return frozenset(re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", str(v))) for v in self.counts)

    @cached_property
    def decimal(self) -> str:
        """The decimal mark of numbers that are texts; empty where none of them tells."""
        texts = [v for v in self.counts if isinstance(v, str)]
        marks = {m[1] for v in texts if (m := _DECIMALS.search(v)) is not None}
        return marks.pop() if len(marks) == 1 else ""

    @property
    def telling(self) -> str:
        """A value that tells the decimal mark; blank where none does."""
        return next((str(v) for v in self.counts if _DECIMALS.search(str(v))), "")

    @cached_property
    def time_form(self) -> str | None:
        """The form of times that are texts, with colons or with their units; None where they are none."""
        texts = [str(v).strip() for v in self.counts]
        if not texts:
            return None
        found = next((f for pattern, f in _CLOCKS if all(re.fullmatch(pattern, t) for t in texts)), None)
        if found is None and all(re.fullmatch(WITH_UNIT, t) for t in texts):
            return "iso" if all(t.upper().startswith("P") for t in texts) else "unit"
        return found

    @cached_property
    def hours_and_minutes(self) -> bool:
        """Whether numbers look like hours and minutes, 1.30 for an hour and a half: of many decimals none reaches .60."""
        counted: Counter[int] = Counter()
        for number in self.numbers:
            hundredths = round(number * 100)
            counted[hundredths % 100 if abs(number * 100 - hundredths) < 1e-6 else -1] += 1
        some = {d: n for d, n in counted.items() if d != 0}
        return (
            len(some) >= _KINDS_OF_MINUTES
            and sum(some.values()) >= _HOURS_AND_MINUTES
            and min(some) > 0
            and max(some) < 60
        )

    @cached_property
    def date_format(self) -> str | None:
        """How dates that are texts or numbers are written; empty where it needs no word, None where they are none."""
        texts = [t for t in map(str, self.counts) if not re.fullmatch(ZEROS_OR_NINES, t)]
        if not texts:
            return None
        fits = [f for pattern, f in _DATES if all(re.fullmatch(pattern, t) for t in texts)]
        if fits and all(isinstance(v, int) for v in self.counts) and fits[0] == "":
            return "%Y%m%d"
        return fits[0] if fits else None

    def spread(self) -> str:
        """Least, middle and largest number above 0, for people."""
        above = [n for n in self.numbers if n > 0]
        if not above:
            return "no value above 0 in the sample"
        return f"from {above[0]:g} over {above[len(above) // 2]:g} to {above[-1]:g} in the sample"


def _text(value: Any) -> str:
    return str(value)[:40]


class Survey:
    """The tables of a database, and samples of those that are asked for.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Engine of the ERP's database.
    only : sequence of str, optional
        Tables to look at, with or without their schema; all by default.

    Raises
    ------
    ConfigurationError
        A table of `only` does not exist.

    Attributes
    ----------
    tables : list of Table
        What was found.
    links_refused : str
        Why the server does not tell its foreign keys; '' if it does.
    """

    def __init__(self, engine: Engine, only: Sequence[str] = ()) -> None:
        self.engine = engine
        self._rows: dict[str, int] = {}
        self._samples: dict[tuple[str, tuple[str, ...]], dict[str, Values]] = {}
        with translated("erp", engine.url):
            self.links_refused, self.tables = _tables(engine)
        if only:
            self.tables = _wanted(self.tables, only)

    @property
    def dialect(self) -> str:
        """Name of the SQLAlchemy dialect."""
        return self.engine.dialect.name

    def rows(self, table: Table) -> int:
        """Count the rows of a table, once."""
        if table.title not in self._rows:
            with translated("erp", self.engine.url), self.engine.connect() as connection:
                counted = sa.select(sa.func.count()).select_from(_selectable(table))
                self._rows[table.title] = _number(connection, counted)
        return self._rows[table.title]

    def sample(self, table: Table) -> dict[str, Values]:
        """What the first `SAMPLE` rows hold, by column; columns of bytes are not read."""
        columns = tuple(c.name for c in table.columns if c.kind != "other")
        if (table.title, columns) not in self._samples:
            source = _selectable(table)
            statement = sa.select(*[source.c[n] for n in columns]).limit(SAMPLE)
            with translated("erp", self.engine.url), self.engine.connect() as connection:
                rows = connection.execute(statement).all() if columns else []
            self._samples[table.title, columns] = {
                name: Values(len(rows), Counter(v for v in (_plain(r[i]) for r in rows) if v is not None))
                for i, name in enumerate(columns)
            }
        return self._samples[table.title, columns]

    def records(self, table: Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Read some columns of the first `SAMPLE` rows, row by row.

        Parameters
        ----------
        table : Table
            The table.
        columns : sequence of str
            Names of its columns.
        """
        source = _selectable(table)
        statement = sa.select(*[source.c[n] for n in columns]).limit(SAMPLE)
        with translated("erp", self.engine.url), self.engine.connect() as connection:
            return [tuple(_plain(v) for v in row) for row in connection.execute(statement)]

    def share_found(self, table: Table, column: str, other: Table, there: str) -> float | None:
        """Which share of the sampled values of a column are in a column of another table; None without values."""
        values = [v for v, _ in self.sample(table)[column].counts.most_common(PROBES)]
        text = other.column(there).kind == "text"
        wanted = (
            [str(v) for v in values] if text else [v for v in values if _fits(v, other.column(there).kind)]
        )
        if not values:
            return None
        if not wanted:
            return 0.0
        source = _selectable(other).c[there]
        statement = sa.select(sa.func.count(sa.distinct(source))).where(source.in_(wanted))
        with translated("erp", self.engine.url), self.engine.connect() as connection:
            return min(1.0, _number(connection, statement) / len(values))


def _number(connection: Connection, statement: sa.Select[Any]) -> int:
    return int(connection.execute(statement).scalar_one())


def _plain(value: Any) -> Any:
    """A sampled value; blank text is none."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    return None if isinstance(value, (bytes, memoryview, list, dict)) else value


def _fits(value: Any, kind: Kind) -> bool:
    if kind in ("integer", "number"):
        return isinstance(value, (int, float)) or (isinstance(value, str) and value.isdigit())
    return kind != "date"


def _selectable(table: Table) -> sa.TableClause:
    columns: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(c.name, True)) for c in table.columns]
    return sa.table(
        quoted_name(table.name, True),
        *columns,
        schema=quoted_name(table.schema, True) if table.schema else None,
    )


def _tables(engine: Engine) -> tuple[str, list[Table]]:
    """Why the server does not tell its foreign keys ('' if it does), and the tables."""
    inspector = sa.inspect(engine)
    default = inspector.default_schema_name
    schemas: list[str | None] = [None]
    if engine.dialect.name != "sqlite":
        schemas += [
            s
            for s in inspector.get_schema_names()
            if s != default and s.lower() not in _SYSTEM and not s.lower().startswith(_SYSTEM_PREFIX)
        ]
    refused, parts = "", _partitions(engine, default)
    found: list[Table] = []
    for schema in schemas:
        kind = sa.engine.reflection.ObjectKind.ANY
        columns = inspector.get_multi_columns(schema=schema, kind=kind)
        keys = inspector.get_multi_pk_constraint(schema=schema)
        try:
            links = inspector.get_multi_foreign_keys(schema=schema)
        except sa.exc.DBAPIError as exc:  # not every server has the views of the catalogue that are asked
            if exc.connection_invalidated:
                raise
            links, refused = {}, said(exc, engine.url)
        for place, described in columns.items():
            if (schema, place[1]) in parts:
                continue
            key = keys.get(place)
            own = tuple(key["constrained_columns"]) if key else ()
            spoken = without_mark([c["name"] for c in described])
            found.append(
                Table(
                    place[1],
                    schema,
                    tuple(
                        Column(c["name"], _kind(c["type"]), own == (c["name"],), spoken[c["name"]])
                        for c in described
                    ),
                    tuple(
                        (f["constrained_columns"][0], f["referred_table"], f["referred_columns"][0])
                        for f in links.get(place) or ()
                        if len(f["constrained_columns"]) == 1 and f["referred_columns"]
                    ),
                )
            )
    return refused, sorted(found, key=lambda t: t.title)


def _partitions(engine: Engine, default: str | None) -> set[tuple[str | None, str]]:
    """Partitions of PostgreSQL's tables: their rows are those of the table."""
    if engine.dialect.name != "postgresql":
        return set()
    with engine.connect() as connection:
        rows = connection.execute(PARTITIONS, {"schema": None}).all()
    return {(None if schema == default else schema, name) for schema, name in rows}


def _wanted(tables: Iterable[Table], only: Sequence[str]) -> list[Table]:
    known = {name.lower(): t for t in tables for name in (t.name, t.title)}
    missing = [name for name in only if name.lower() not in known]
    if missing:
        raise ConfigurationError(
            f"The database has no table or view {', '.join(missing)}.",
            remedy="Name tables as the database spells them, a table of another schema as SCHEMA.TABLE.",
        )
    return [known[name.lower()] for name in dict.fromkeys(only)]


def _kind(of: sa.types.TypeEngine[Any]) -> Kind:
    name = str(getattr(of, "__visit_name__", "")).lower()
    if isinstance(of, sa.Boolean) or name == "bit":
        return "boolean"
    if isinstance(of, (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mssql.TIMESTAMP)):
        return "other"
    if isinstance(of, sa.Integer) or name == "tinyint":
        return "integer"
    if isinstance(of, (sa.Numeric, sa.Float)) or name in ("money", "smallmoney"):
        return "number"
    if isinstance(of, (sa.Date, sa.DateTime)) or name in ("datetimeoffset", "smalldatetime"):
        return "date"
    if isinstance(of, sa.String) or name in ("uniqueidentifier", "uuid", "enum", "sysname", "ntext"):
        return "text"
    return "other"
