"""The index of `docs/troubleshooting.md`: every error that the program raises on purpose, its remedy, what happens then, exit code.

After a change of a sentence: `python tests/support/error_index.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from remedies import then
from sentences import ROOT, VALUE, program_files

from routing_etl import errors
from routing_etl.cli.exit_codes import exit_code

PAGE = ROOT / "docs" / "troubleshooting.md"
#: Everything behind this line is made.
MARK = "<!-- made by tests/support/error_index.py -->"
#: Rooms in the order in which a newcomer meets them; every other module counts as the last.
_TITLES = {
    "settings": "Settings and files",
    "cli": "Commands",
    "doctor": "Commands",
    "erp": "The ERP and its profile",
    "onboarding": "The ERP and its profile",
    "plant": "The demo plant",
    "quality": "Checks",
    "times": "Times",
    "model": "Learning and predicting",
    "evaluation": "Learning and predicting",
    "registry": "Model versions",
    "database": "Databases",
    "warehouse": "Our tables",
    "pipeline": "The night",
    "sheets": "Sheets and worklist",
    "other": "Files, memory, frames",
}
_KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.RoutingEtlError)
}


@dataclass(frozen=True)
class Sentence:
    """An error: where it is raised, its class, what it says and what it advises; `VALUE` stands for what is put in."""

    path: Path
    line: int
    kind: str
    message: str
    remedy: str

    @property
    def title(self) -> str:
        """The part of the index that it stands in."""
        inside = self.path.relative_to(ROOT).parts
        room = inside[1].removesuffix(".py") if inside[0] == "routing_etl" else "pipeline"
        room = "settings" if room in ("settings_connection", "settings_files", "targets") else room
        return _TITLES.get(room, _TITLES["other"])

    @property
    def code(self) -> int:
        """Exit code of a command that ends with it."""
        kind = _KINDS[self.kind]
        made = kind("f", "k", 1, "p", remedy="r") if kind is errors.ProfileError else kind("m")
        return exit_code(made)


def sentences() -> Iterator[Sentence]:
    """Every error of ours that the program makes, in the order of files and lines."""
    for path in program_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = {
            target.id: node.value.value
            for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                kind = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if kind in _KINDS and node.args:
                    remedy = next((k.value for k in node.keywords if k.arg == "remedy"), None)
                    said = [_plain(argument, known) for argument in node.args]
                    if kind == "ProfileError":
                        said = [
                            f"Profile {VALUE}: {said[1]} = {VALUE}: {said[3] if len(said) > 3 else VALUE}."
                        ]
                    yield Sentence(path, node.lineno, kind, said[0], _plain(remedy, known) if remedy else "")


def _plain(node: ast.expr, known: dict[str, str]) -> str:
    """The text of an expression as far as it stands in the code; `known` are the module's own constants."""
    if isinstance(node, ast.FormattedValue):
        return _plain(node.value, known)
    if isinstance(node, ast.Name):
        return known.get(node.id, VALUE)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_plain(part, known) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _plain(node.left, known) + _plain(node.right, known)
    if isinstance(node, ast.IfExp):
        return " / ".join(filter(None, (_plain(node.body, known), _plain(node.orelse, known))))
    return VALUE


def index() -> str:
    """The index in Markdown: one table a part, sorted by what is said."""
    parts: dict[str, set[tuple[str, str, str, int]]] = {title: set() for title in _TITLES.values()}
    for one in sentences():
        if len(one.message.replace(VALUE, "").split()) > 2:  # else the words come from elsewhere
            parts[one.title].add((_cell(one.message), _cell(one.remedy), then(one), one.code))
    text = []
    for title, rows in parts.items():
        if rows:
            text += [f"### {title}", "", "| it says | do | and then | exit code |", "|---|---|---|---|"]
            text += [
                f"| {said} | {remedy} | {after} | {code} |" for said, remedy, after, code in sorted(rows)
            ]
            text.append("")
    return "\n".join(text)


def _cell(text: str) -> str:
    """A cell of a Markdown table."""
    for sign in "\\|<>*_`[]":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;", "|": "\\|"}.get(sign, f"\\{sign}"))
    return " ".join(text.split())


def page() -> str:
    """The whole page: its hand-written beginning, and the index."""
    return PAGE.read_text(encoding="utf-8").split(MARK)[0] + f"{MARK}\n\n{index()}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
