"""Texts of the program and of documents, with the commands, options and settings that they name held against what exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from routing_etl.cli.app import app
from routing_etl.settings import NOT_SETTINGS, Settings

ROOT = Path(__file__).resolve().parents[2]
#: Stands for what an f-string puts in.
VALUE = "…"
#: The rest of a line behind the program's name, up to what ends a command in a shell or in Markdown.
CALL = re.compile(
    r"(?<![\w./-])(?:\.venv/bin/)?(?:routing-etl|python3? -m routing_etl) (?=[-a-z…C])([^`|;&<>()\n]+)"
)
#: Options that are made by click, or by most commands.
_EVERYWHERE = {"-h", "--help", "--install-completion", "--show-completion", "--json"}
SETTING = re.compile(r"\bROUTING_ETL_[A-Z][A-Z0-9_]*")


@cache
def known_commands() -> dict[tuple[str, ...], Any]:
    """Every command by its words, groups included."""
    found: dict[tuple[str, ...], Any] = {}

    def add(words: tuple[str, ...], command: Any) -> None:
        found[words] = command
        for name, one in getattr(command, "commands", {}).items():
            add((*words, name), one)

    add((), get_command(app))
    return found


def wrong_calls(text: str, *, whole: bool = False) -> list[str]:
    """`routing-etl` calls in a text whose command or option does not exist.

    What stands behind the command and is no option may be an argument, or the sentence that goes on.

    Parameters
    ----------
    text : str
        A sentence or a document.
    whole : bool
        Each call must have the options that its command cannot do without, as a remedy that is typed as it stands.
    """
    known, wrong = known_commands(), []
    for match in CALL.finditer(text):
        words: tuple[str, ...] = ()
        given: list[str] = []
        for raw in match[1].split():
            token = raw.rstrip(".,:!?'\"")
            is_value = bool(given) and not words  # of an option of the program itself, as in --target prod
            if token.startswith("-"):
                given.append(token.partition("=")[0])
            elif (*words, token) in known:
                words = (*words, token)
            elif hasattr(known[words], "commands") and not is_value and token not in ("COMMAND", VALUE):
                wrong.append(f"{' '.join(words)} {token}".strip())
                break
            if raw != token:
                break
        params = known[words].params
        options = {
            name for param in (*params, *known[()].params) for name in (*param.opts, *param.secondary_opts)
        }
        wrong += [f"{' '.join(words)} {o}" for o in given if o not in options | _EVERYWHERE]
        needed = {param.opts[0] for param in params if param.required and param.param_type_name == "option"}
        if whole:
            wrong += [f"{' '.join(words)} without {o}" for o in sorted(needed - set(given))]
    return wrong


def unknown_settings(text: str) -> list[str]:
    """Names with our prefix in a text that are no settings; `ROUTING_ETL_ERP_` stands for all that begin so."""
    names = {f"ROUTING_ETL_{name.upper()}" for name in Settings.model_fields} | set(NOT_SETTINGS)
    return sorted(
        {
            name
            for name in SETTING.findall(text)
            if name not in names and not (name.endswith("_") and any(n.startswith(name) for n in names))
        }
    )


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a Python file that are no docstrings, with their lines; what an f-string puts in is `VALUE`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(node.value)  # a docstring
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= set(node.values)
            yield (
                node.lineno,
                "".join(part.value if isinstance(part, ast.Constant) else VALUE for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.lineno, node.value


def program_files() -> list[Path]:
    """Python files that a user runs."""
    return sorted(
        p for folder in ("routing_etl", "dagster_defs", "migrations") for p in (ROOT / folder).rglob("*.py")
    )
