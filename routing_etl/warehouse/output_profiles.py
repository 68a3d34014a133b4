"""Output profiles: flat views for the ERP that a TOML file describes by names, order, aliases and constants of columns.

A profile is checked by the rules of docs/erp-contract.md 6.4 and rendered as DDL, which a DBA runs.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.engine import Dialect

from routing_etl.errors import ConfigurationError
from routing_etl.warehouse import types as t
from routing_etl.warehouse.migrate import DIALECTS, VERSION_TABLE, check_schema
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.view_again import made_again
from routing_etl.warehouse.view_parts import Sources, Words, operations_from
from routing_etl.warehouse.views import VIEW_NAMES, CreateView, known_columns

Constant = str | int | float | date

#: What sqlcmd, SSMS and scripts that split DDL look for even inside a text: a line of its own may be GO, :r or !!, $( is a
#: variable, and a comment may swallow the quotation mark.
_COMMAND = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|--|/\*|\*/|\$\(")
#: First line of a script for a program that goes on after an error, or ends with 0, unless it is told.
_RUN_WITH = (
    "-- Run with the program {}. Another one: without the line below, and it must stop at the first error."
)
_KEYS = {"view", "keys", "columns", "aliases", "constants", "exclusive"}
_LONGEST_NAME = 128


@dataclass(frozen=True)
class OutputProfile:
    """One checked profile. `columns` are pairs of a known column or constant and its name in the view."""

    view: str
    columns: tuple[tuple[str, str], ...]
    constants: dict[str, Constant]


def shipped_profile() -> Path:
    """The file that comes with the product, with the 52 columns of docs/erp-contract.md 6.4."""
    return Path(__file__).parent / "outputs" / "erp.toml"


def load_output_profile(path: Path | None = None) -> OutputProfile:
    """Read and check the active profile of a file (default: the shipped one).

    Raises
    ------
    ConfigurationError
        The file cannot be read or breaks a rule; names file, key and value.
    """
    file = path or shipped_profile()
    remedy = "Give a UTF-8 TOML file; routing_etl/warehouse/outputs/erp.toml is an example."
    try:
        return _Reader(file, tomllib.loads(file.read_text(encoding="utf-8"))).profile()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigurationError(f"Output profile {file} cannot be read: {exc}.", remedy=remedy) from exc
    except RecursionError:  # its own text and trace would be as long as the file is deep
        raise ConfigurationError(
            f"Output profile {file} cannot be read: it is nested too deeply.", remedy=remedy
        ) from None


class _Reader:
    """Checks one file. Every message names the file."""

    def __init__(self, file: Path, content: dict[str, Any]) -> None:
        self._file, self._content = file, content
        self._at = ""

    def _wrong(self, key: str, value: object, problem: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            f"Output profile {self._file}: {self._at}{key} = {value!r} {problem}.", remedy=remedy
        )

    def profile(self) -> OutputProfile:
        profiles, active = self._content.get("profile"), self._content.get("active")
        if not isinstance(profiles, dict) or not profiles:
            raise self._wrong("profile", profiles, "holds no profile", "Add a table [profile.NAME].")
        if active not in profiles:
            raise self._wrong("active", active, "is no profile", f"Use one of {', '.join(profiles)}.")
        self._at = f"profile.{active}."
        found = profiles[active]
        for key in found:
            if key not in _KEYS:
                raise self._wrong(key, found[key], "is not known", f"Known keys: {', '.join(sorted(_KEYS))}.")
        view = self._view(found.get("view"))
        constants = self._constants(found.get("constants", {}))
        columns = self._names(found, "columns")
        known = [*known_columns(), *constants]
        for name in columns:
            if name not in known:
                raise self._wrong("columns", name, "is not a known column", f"Use one of {', '.join(known)}.")
        shown = self._aliases(found.get("aliases", {}), columns)
        self._subset(found, "keys", columns, shown)
        self._exclusive(found.get("exclusive", []), known, columns)
        unused = [name for name in constants if name not in columns]
        if unused:
            raise self._wrong("constants", unused[0], "is not in columns", "Add it to columns or remove it.")
        return OutputProfile(view, tuple((name, shown[name]) for name in columns), constants)

    def _view(self, view: object) -> str:
        if not isinstance(view, str) or not self._is_name(view):
            raise self._wrong("view", view, "is not a usable name", "Use letters, digits and underscores.")
        # A profile may replace the flat view itself, but no other view or table of ours.
        taken = {*VIEW_NAMES, VERSION_TABLE, *(table.name for table in tables(None).metadata.sorted_tables)}
        if _as_compared(view) in taken - {"routing_flat"}:
            raise self._wrong("view", view, "is a table or view of ours", "Choose another name.")
        return view

    @staticmethod
    def _is_name(name: str) -> bool:
        plain = name.replace("_", "a")
        return 0 < len(name) <= _LONGEST_NAME and plain.isalnum() and not name[0].isdigit()

    def _names(self, found: dict[str, Any], key: str) -> list[str]:
        names = found.get(key)
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise self._wrong(key, names, "is not a list of names", "List at least one column.")
        double = next((n for n in names if names.count(n) > 1), None)
        if double is not None:
            raise self._wrong(key, double, "stands there twice", "Name each column once.")
        return names

    def _constants(self, constants: object) -> dict[str, Constant]:
        if not isinstance(constants, dict):
            raise self._wrong("constants", constants, "is not a table", "Write NAME = value lines.")
        for name, value in constants.items():
            if not self._is_name(name) or name in known_columns():
                raise self._wrong(
                    "constants", name, "is not a name of its own", "Choose a name that no known column has."
                )
            if isinstance(value, bool) or not isinstance(value, str | int | float | date):
                raise self._wrong(
                    f"constants.{name}", value, "is no text, number or date", "Write for example Y or 1."
                )
            if isinstance(value, float) and not math.isfinite(value):
                raise self._wrong(f"constants.{name}", value, "is no finite number", "Write for example 1.")
            if isinstance(value, str) and (found := _COMMAND.search(value)):
                raise self._wrong(
                    f"constants.{name}",
                    value,
                    f"holds {found[0]!r}, which tools that run the DDL take for a command",
                    "Leave out line breaks, control characters, comments and $(...).",
                )
        return dict(constants)

    def _aliases(self, aliases: object, columns: list[str]) -> dict[str, str]:
        if not isinstance(aliases, dict):
            raise self._wrong("aliases", aliases, "is not a table", "Write COLUMN = name lines.")
        for name, alias in aliases.items():
            if name not in columns:
                raise self._wrong(
                    "aliases", name, "is not in columns", "Add it to columns or remove the alias."
                )
            if not isinstance(alias, str) or not self._is_name(alias):
                raise self._wrong(
                    f"aliases.{name}", alias, "is not a usable name", "Use letters, digits and underscores."
                )
        shown = {name: aliases.get(name, name) for name in columns}
        compared = [_as_compared(name) for name in shown.values()]
        for name in shown.values():
            if compared.count(_as_compared(name)) > 1:
                raise self._wrong(
                    "aliases", name, "names two columns of the view", "Give each column a name of its own."
                )
        return shown

    def _subset(self, found: dict[str, Any], key: str, columns: list[str], shown: dict[str, str]) -> None:
        for name in self._names(found, key):
            if name not in columns and name not in shown.values():
                raise self._wrong(key, name, "is not in columns", "A key must be a column of the view.")

    def _exclusive(self, groups: object, known: list[str], columns: list[str]) -> None:
        if not isinstance(groups, list) or not all(isinstance(g, list) for g in groups):
            raise self._wrong("exclusive", groups, "is not a list of lists", 'Write [["A", "B"]].')
        for group in groups:
            for name in group:
                if name not in known:
                    raise self._wrong("exclusive", name, "is not a known column", "Correct or remove it.")
            both = [name for name in group if name in columns]
            if len(both) > 1:
                raise self._wrong("exclusive", both, "are both in columns", "Keep one of the group.")


def _as_compared(name: str) -> str:
    """A name as a database may compare it: SQL Server's usual collations tell neither case nor width apart, in names too."""
    return unicodedata.normalize("NFKC", name).casefold()


def _constant(value: Constant, words: Words) -> sa.ColumnElement[Any]:
    if isinstance(value, str):
        return words.word(value, max(len(value.encode("utf-16-le")) // 2, 1))
    if isinstance(value, date):
        text = sa.literal(value.isoformat(), sa.String())
        return text if words.dialect == "sqlite" else sa.cast(text, t.date())
    kind: Any = sa.Integer() if isinstance(value, int) else sa.Float()
    return sa.literal(value, kind)


def _dialect(name: str) -> Dialect:
    made: dict[str, Any] = {
        "mssql": mssql.dialect,
        "postgresql": postgresql.dialect,
        "sqlite": sqlite.dialect,
    }
    if name not in DIALECTS:
        raise ConfigurationError(f"No views for {name!r}.", remedy=f"Use one of {', '.join(DIALECTS)}.")
    # With named parameters, percent signs in constants are not doubled.
    dialect: Dialect = made[name](paramstyle="named")
    return dialect


def render(profile: OutputProfile, dialect: str = "mssql", schema: str | None = "routing") -> str:
    """The profile's view as DDL text: made, or made again with the rights that were granted on it, whole or not at all.

    Parameters
    ----------
    profile : OutputProfile
        The view's name and columns.
    dialect : str, default 'mssql'
        One of `migrate.DIALECTS`.
    schema : str, default 'routing'
        Our schema (ignored on SQLite).

    Raises
    ------
    ConfigurationError
        The dialect is not one of `migrate.DIALECTS`, or the schema name is not usable.
    """
    place = None if dialect == "sqlite" else schema
    check_schema(place)
    speaks = _dialect(dialect)
    sources, words = Sources(tables(place)), Words(dialect)
    known = known_columns(sources, words)
    columns = [
        (known[name] if name in known else _constant(profile.constants[name], words)).label(shown)
        for name, shown in profile.columns
    ]
    select = sa.select(*columns).select_from(operations_from(sources))
    create = str(CreateView(profile.view, place, select).compile(dialect=speaks))
    quote = speaks.identifier_preparer.quote
    name = f"{quote(place)}.{quote(profile.view)}" if place else quote(profile.view)
    text = "\n".join(line.rstrip() for line in create.splitlines())
    body = text.removeprefix(f"CREATE VIEW {name} AS\n")
    ends = ";\n\nGO" if dialect == "mssql" else ";"
    return "\n\n".join(
        _whole([f"{statement}{ends}" for statement in made_again(name, body, dialect)], dialect)
    )


def _whole(statements: list[str], dialect: str) -> list[str]:
    """The statements so that all of them take place or none, and whoever runs them hears of an error.

    On PostgreSQL and SQL Server it is one, which is whole by itself.
    """
    if dialect == "postgresql":
        return [f"{_RUN_WITH.format('psql -f')}\n\\set ON_ERROR_STOP on", *statements]
    if dialect == "sqlite":
        return [f"{_RUN_WITH.format('sqlite3')}\n.bail on", "BEGIN IMMEDIATE;", *statements, "COMMIT;"]
    return statements
