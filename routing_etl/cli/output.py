"""How a command gives what it found: as text for people, as JSON or CSV for scripts, or not at all.

`docs/scripting.md` says what scripts may rely on. The JSON of a command is an object with `command`, `version` (of its form:
it is raised when a field changes its meaning or goes; new fields may come without) and `result`, whose JSON Schema is made of
the result's type.
"""

from __future__ import annotations

import csv
import functools
import importlib
import inspect
import io
import json
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from routing_etl import safe_text
from routing_etl.cli.streams import echo
from routing_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])
#: Version of every command's JSON.
VERSION = 1
#: Command to the type of its result: module and class; and whether it is a list of them.
RESULTS: dict[str, tuple[str, bool]] = {}

_JSON = Annotated[
    bool, typer.Option("--json", help="Give the result as JSON, and nothing else, on standard output.")
]
_CSV = Annotated[
    bool, typer.Option("--csv", help="Give the table as CSV, and nothing else, on standard output.")
]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")]


def console() -> Console:
    """Standard output as a rich console."""
    from rich.console import Console

    return Console(highlight=False)


@dataclass(frozen=True)
class Output:
    """What the present command was asked to give."""

    command: str = ""
    as_json: bool = False
    as_csv: bool = False
    quiet: bool = False

    @property
    def for_people(self) -> bool:
        """Whether text is shown."""
        return not (self.as_json or self.as_csv or self.quiet)

    def give(
        self,
        result: object,
        text: Callable[[Console], object],
        rows: Callable[[], Iterable[Mapping[str, Any]]] | None = None,
    ) -> None:
        """Give a result.

        Parameters
        ----------
        result : object
            Of the type that the command's `gives` names.
        text : callable
            Shows it on a console.
        rows : callable, optional
            The table of `--csv`. None: the command has none.
        """
        if self.as_json:
            echo(as_json_text(self.command, result))
        elif self.as_csv and rows is not None:
            echo(as_csv_text(rows()), nl=False)
        elif not self.quiet:
            text(console())


_current: ContextVar[Output | None] = ContextVar("output", default=None)


def output() -> Output:
    """What the present command was asked to give."""
    return _current.get() or Output()


def gives(command: str, result: str, *, many: bool = False, table: bool = False) -> Callable[[F], F]:
    """Give a command the options `--json`, `--quiet` and, where it has a table, `--csv`.

    Parameters
    ----------
    command : str
        Its name, in JSON.
    result : str
        Type of what it gives, as `module:Class` of `routing_etl`.
    many : bool
        It gives a list of them.
    table : bool
        It has a table.
    """
    RESULTS[command] = (result, many)

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            asked = Output(
                command, kwargs.pop("as_json", False), kwargs.pop("as_csv", False), kwargs.pop("quiet", False)
            )
            if asked.as_json + asked.as_csv + asked.quiet > 1:
                raise ConfigurationError(
                    "--json, --csv and --quiet exclude each other.", remedy="Give one of them."
                )
            before = _current.set(asked)
            try:
                return function(*args, **kwargs)
            finally:
                _current.reset(before)

        hints = typing.get_type_hints(function, include_extras=True)
        own = [p.replace(annotation=hints[p.name]) for p in inspect.signature(function).parameters.values()]
        added = {"as_json": _JSON, **({"as_csv": _CSV} if table else {}), "quiet": _QUIET}
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for name, kind in added.items()
        ]
        wrapped.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {**hints, **added}
        return typing.cast("F", wrapped)

    return decorate


def as_json_text(command: str, result: object) -> str:
    """A result as JSON. Characters beyond ASCII are escaped, so that no code page and no terminal changes it."""
    from pydantic import TypeAdapter

    content = TypeAdapter(_type_of(command)).dump_python(result, mode="json", by_alias=True, fallback=str)  # type: ignore[arg-type]
    whole = {"command": command, "version": VERSION, "result": _finite(content)}
    return json.dumps(whole, indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def as_csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV (RFC 4180) with the names of the columns first.

    A text that a spreadsheet would take for a formula gets an apostrophe before it (`safe_text.spreadsheet`), the names of the
    columns too; in JSON it is as it is.
    """
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(row.get(name)) for name in names] for row in found)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return safe_text.spreadsheet(value) if isinstance(value, str) else value


def _type_of(command: str) -> Any:
    name, many = RESULTS[command]
    module, _, inside = name.partition(":")
    found = getattr(importlib.import_module(f"routing_etl.{module}"), inside)
    return list[found] if many else found  # type: ignore[valid-type]


def schema_of(command: str) -> dict[str, Any]:
    """The JSON Schema of a command's JSON."""
    from pydantic import TypeAdapter

    result = TypeAdapter(_type_of(command)).json_schema(mode="serialization")
    definitions = result.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"routing-etl {command} --json",
        "type": "object",
        "properties": {
            "command": {"const": command},
            "version": {"const": VERSION},
            "result": result,
        },
        "required": ["command", "version", "result"],
        **({"$defs": definitions} if definitions else {}),
    }
