"""A profile's frames as they were found in the database: tables, columns, and how each value is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from routing_etl.erp.catalogue.names import split_quoted, visible
from routing_etl.erp.profile_model import (
    FRAME_OF,
    NO_DATES,
    Combination,
    Family,
    Pivot,
    ReadType,
    Source,
    TimeForm,
)
from routing_etl.errors import SourceError

TypeFamily = Literal["text", "boolean", "integer", "number", "date", "binary", "unknown"]


FindingKind = Literal["missing", "extra", "retyped", "renamed", "narrowed", "doubtful"]


@dataclass(frozen=True)
class Finding:
    """One difference between a profile and the database.

    Parameters
    ----------
    kind : {"missing", "extra", "retyped", "renamed", "narrowed", "doubtful"}
        What differs; or what the profile says about the tables that is probably not meant.
    severity : {"error", "warning", "info"}
        An error stops the extract.
    frame : str
        Frame that the table or column is for.
    table : str
        Table as people know it.
    column : str or None
        Column; None when the table itself is meant.
    message : str
        What was found.
    remedy : str
        What to do.
    """

    kind: FindingKind
    severity: Literal["error", "warning", "info"]
    frame: str
    table: str
    column: str | None
    message: str
    remedy: str


class TableName(NamedTuple):
    """A table or view as the database spells it; `schema` None: the default schema."""

    name: str
    schema: str | None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class FoundColumn:
    """A column as the database has it; `alias` is that of its table in the profile, `money` an amount, which has casts of its own.

    `says` is its name without a mark that the table puts before all of its columns; blank where it has none.
    """

    name: str
    alias: str
    type: TypeFamily
    length: int | None
    money: bool = False
    says: str = ""

    @property
    def spoken(self) -> str:
        """What the name says, for those who look for words in it."""
        return self.says or self.name


@dataclass(frozen=True)
class Notation:
    """How values are written that are stored as text.

    Parameters
    ----------
    decimal : {".", ","}, optional
        Decimal mark; None: numbers that can be read in two ways are not read.
    date_format : str, optional
        Form of dates; None: the usual forms.
    no_dates : tuple of datetime.date
        Dates that mean "none".
    named_no_dates : bool
        The profile names these dates; otherwise they are assumed, and counted.
    time_form : str, optional
        Form of times, which are then in minutes.
    natural : bool
        A number such as 10.5 or 20A, to be put in order.
    """

    decimal: Literal[".", ","] | None = None
    date_format: str | None = None
    no_dates: tuple[date, ...] = NO_DATES
    named_no_dates: bool = False
    time_form: TimeForm | None = None
    natural: bool = False


@dataclass(frozen=True)
class Recipe:
    """How a column's value is made of others.

    Parameters
    ----------
    how : {"first_of", "coalesce", "concat", "sum"}
        What is done with the parts; "first_of" has one part.
    parts : tuple of ReadColumn
        The columns that are read, with names of their own.
    separator : str
        Between the texts of "concat".
    words : dict of str to str
        Value to the value that is meant.
    present : str, optional
        What any value means that is not blank.
    absent : str, optional
        What a blank means, beside `present`.
    """

    how: Combination
    parts: tuple[ReadColumn, ...]
    separator: str = "/"
    words: dict[str, str] = field(default_factory=dict)
    present: str | None = None
    absent: str | None = None


@dataclass(frozen=True)
class ReadColumn:
    """A column of a raw frame and where it comes from: a found column, a constant, a recipe, or nowhere (NULL)."""

    name: str
    type: ReadType
    length: int
    key: bool
    found: FoundColumn | None
    const: str | int | float | None = None
    notation: Notation = Notation()
    recipe: Recipe | None = None

    @property
    def is_absent(self) -> bool:
        """Whether this ERP does not have it."""
        return self.found is None and self.const is None and self.recipe is None

    @property
    def origin(self) -> str:
        """Where it comes from, as text that differs whenever that does."""
        own = f"{self.name}:{self.type}:{self.length}:{self.const}"
        if self.notation != Notation():
            own += f":{self.notation}"
        if self.found:
            own += f":{self.found.alias}.{self.found.name}:{self.found.type}:{self.found.length}"
        if self.recipe:
            inner = ",".join(part.origin for part in self.recipe.parts)
            own += f":{self.recipe.how}({inner})"
        return own


def flat(columns: Iterable[ReadColumn]) -> tuple[ReadColumn, ...]:
    """The columns that a statement reads for these columns: parts in place of what is made of them."""
    read: list[ReadColumn] = []
    for column in columns:
        read += flat(column.recipe.parts) if column.recipe else [column]
    return tuple(read)


@dataclass(frozen=True)
class ChangeMarks:
    """What an incremental read needs beside the frame's own columns: the change column and those of the key."""

    change: FoundColumn
    key: tuple[FoundColumn, ...]


@dataclass(frozen=True)
class BoundPivot:
    """A pivot, resolved: real table and columns per alias inside it; its own main alias is that of the pivot."""

    section: Pivot
    tables: dict[str, TableName]
    names: dict[str, dict[str, FoundColumn]]

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the pivot's own table."""
        return find_column(self.names, self.section.alias, name)


class AlsoRead(NamedTuple):
    """A table whose rows are read with those of the main one, and its spelling of each column by the main one's."""

    table: TableName
    columns: dict[str, str]


@dataclass(frozen=True)
class Binding:
    """One frame's source, resolved in the database.

    Parameters
    ----------
    family : str
        Section of the profile.
    section : Source
        Its content.
    tables : dict of str to TableName
        Real table per alias.
    columns : tuple of ReadColumn
        The raw frame's columns, in order.
    names : dict of str to dict of str to FoundColumn
        Every column found, by alias and lower-case name.
    marks : ChangeMarks, optional
        Columns of an incremental read, if the profile asks for one.
    pivots : tuple of BoundPivot
        Tables of attributes as rows, resolved.
    also : tuple of AlsoRead
        Tables that are read together with the main one.
    """

    family: Family
    section: Source
    tables: dict[str, TableName]
    columns: tuple[ReadColumn, ...]
    names: dict[str, dict[str, FoundColumn]]
    marks: ChangeMarks | None = None
    pivots: tuple[BoundPivot, ...] = ()
    also: tuple[AlsoRead, ...] = ()

    @property
    def frame(self) -> str:
        """Name of the raw frame."""
        return FRAME_OF[self.family]

    @property
    def title(self) -> str:
        """The main table as people know it."""
        return str(self.tables[self.section.alias])

    @property
    def all_tables(self) -> set[TableName]:
        """Every table that is read, those inside pivots included."""
        also = (a.table for a in self.also)
        return {*self.tables.values(), *also, *(t for p in self.pivots for t in p.tables.values())}

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the main table."""
        return find_column(self.names, self.section.alias, name)


@dataclass(frozen=True)
class UnreadMaster:
    """A table that by its name is a machine master and that the profile does not read; `flags` may say what is out of use.

    `sure`: its name can hardly mean something else.
    """

    table: TableName
    columns: tuple[FoundColumn, ...]
    flags: tuple[FoundColumn, ...]
    sure: bool = True


@dataclass(frozen=True)
class UnreadHeader:
    """A table that by its name has the heads or versions of routings and that the profile does not read.

    `key` has the name of the column that routings are named by; `flags` may say which of them count; `item` has the name of the
    column of the item code, in a table of revisions, where a routing's number alone names none.
    """

    table: TableName
    key: FoundColumn
    flags: tuple[FoundColumn, ...]
    item: FoundColumn | None = None


#: Order in which findings are shown.
_SEVERITIES = ("error", "warning", "info")


@dataclass
class Catalogue:
    """What `bind` found: a binding for each frame that can be read, all findings, and masters of machines and heads of routings that are not read."""

    bindings: dict[Family, Binding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    masters: list[UnreadMaster] = field(default_factory=list)
    headers: list[UnreadHeader] = field(default_factory=list)

    @property
    def worst_first(self) -> list[Finding]:
        """All findings, errors first, then warnings."""
        return sorted(self.findings, key=lambda f: _SEVERITIES.index(f.severity))

    def raise_errors(self) -> None:
        """Stop on findings of severity error.

        Raises
        ------
        SourceError
            Names each table or column, and the nearest names that exist.
        """
        errors = [f for f in self.findings if f.severity == "error"]
        if errors:
            raise SourceError(
                " ".join(f.message for f in errors[:5])
                + (f" And {len(errors) - 5} more; routing-etl doctor lists all." if len(errors) > 5 else ""),
                remedy=errors[0].remedy,
            )


def find_column(names: dict[str, dict[str, FoundColumn]], main: str, name: str) -> FoundColumn | None:
    """A column by `alias.NAME`, or by `NAME` in the main table; both parts may be quoted, and NAME may hold dots."""
    for alias, column in readings_of(names, main, name):
        columns = names.get(alias, {})
        exact = next((c for c in columns.values() if c.name == column), None)
        found = exact or columns.get(column.lower())
        if found is None:
            same = [c for c in columns.values() if visible(c.name) == visible(column)]
            found = same[0] if len(same) == 1 else None
        if found is not None:
            return found
    return None


def readings_of(names: Iterable[str], main: str, name: str) -> list[tuple[str, str]]:
    """What a name can mean, as alias and column, in the order in which it is tried."""
    if name[:1] in ('"', "["):
        parts = split_quoted(name)
        return [(parts[0], parts[1])] if len(parts) == 2 else [(main, parts[0])]
    aliases = [a for a in names if name.startswith(f"{a}.")]
    readings = [(a, name[len(a) + 1 :]) for a in aliases]
    readings = [(a, split_quoted(c)[0] if c[:1] in ('"', "[") else c) for a, c in readings if c]
    return [*readings, (main, name)]
