"""Docstrings of public functions, methods and classes can be shown one parameter at a time: numpydoc, checked by parsing.

Each entry of `Parameters` names exactly one real parameter (or field of a dataclass) and describes it
on indented lines; each entry of `Raises` is one error with a description. What ruff's rule group D checks is not
repeated here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "routing_etl"
#: Rooms whose docstrings are being rewritten; the test of a room fails when it is done and still stands here.
NOT_YET: set[str] = set()

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def rooms() -> dict[str, list[Path]]:
    """Every room with its Python files; modules directly under `routing_etl` are the ground."""
    found = {"ground": sorted(PACKAGE.glob("*.py"))}
    for folder in (
        *sorted(p for p in PACKAGE.iterdir() if (p / "__init__.py").is_file()),
        ROOT / "dagster_defs",
    ):
        found[folder.name] = sorted(folder.rglob("*.py"))
    return found


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Public definitions with their dotted names, methods of public classes included."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def names_of(node: Definition) -> set[str]:
    """Parameters of a function; of a class the parameters of `__init__` and the annotated fields."""
    if not isinstance(node, ast.ClassDef):
        arguments = node.args
        names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        names |= {f"*{arguments.vararg.arg}"} if arguments.vararg else set()
        return names | ({f"**{arguments.kwarg.arg}"} if arguments.kwarg else set())
    names = {
        n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    }
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            names |= names_of(member)
    return names


def problems(source: str) -> list[str]:
    """What is wrong with the docstrings of a module, one sentence each."""
    found = []
    for name, node in public(ast.parse(source).body):
        text = ast.get_docstring(node)
        if text is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpydoc only warns of a section that it does not know
            try:
                doc = NumpyDocString(text)
            except (ValueError, UserWarning) as exc:
                found.append(f"{name}: {' '.join(str(exc).split())[:120]}")
                continue
        real = names_of(node)
        for entry in doc["Parameters"]:
            if entry.name not in real:
                found.append(f"{name}: Parameters has {entry.name!r}, which is not one parameter of it")
            elif not "".join(entry.desc).strip():
                found.append(f"{name}: parameter {entry.name} has no description on an indented line")
        for entry in doc["Raises"]:
            error = entry.type or entry.name
            if not error.replace(".", "").isidentifier():
                found.append(f"{name}: Raises has {error!r}, which is not the name of one error")
            elif not "".join(entry.desc).strip():
                found.append(f"{name}: error {error} has no description on an indented line")
    return found


@pytest.mark.parametrize(
    "room",
    [
        pytest.param(
            room, marks=[pytest.mark.xfail(strict=True, reason="being rewritten")] if room in NOT_YET else []
        )
        for room in rooms()
    ],
)
def test_docstrings_name_one_parameter_an_entry(room: str) -> None:
    files = rooms()[room]
    assert files
    found = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in files
        for problem in problems(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_rooms_that_are_not_done_exist() -> None:
    assert set(rooms()) >= NOT_YET


GOOD = '''
class Lot:
    """A lot.

    Parameters
    ----------
    size : float
        Pieces.
    """

    size: float


def minutes(lot, *results, factor=1.0, **names):
    """Minutes per piece.

    Parameters
    ----------
    lot : Lot
        The order's lot.
    *results : float
        Reported hours.
    factor : float, optional
        Minutes per reported unit.

    Raises
    ------
    SourceError
        No result is left.
    routing_etl.errors.FrameError
        A column is missing.
    """


def _private(lot):
    """Parameters: whatever helps."""
'''


def test_good_docstrings_have_no_problems() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("    size : float\n        Pieces.", "    size: pieces.", "Parameters has 'size: pieces.'"),
        ("    lot : Lot\n", "    lot, factor : Lot\n", "Parameters has 'lot, factor'"),
        ("    factor : float, optional\n", "    weight : float, optional\n", "Parameters has 'weight'"),
        ("        The order's lot.\n", "", "parameter lot has no description"),
        (
            "    SourceError\n        No result is left.\n",
            "    SourceError: no result is left.\n",
            "Raises has 'SourceError: no result",
        ),
        ("        A column is missing.\n", "", "error routing_etl.errors.FrameError has no description"),
        ("    Raises\n    ------", "    Errors\n    ------", "Errors"),
    ],
)
def test_each_fault_of_a_docstring_is_found(good: str, bad: str, said: str) -> None:
    assert good in GOOD
    found = problems(GOOD.replace(good, bad))
    assert any(said in problem for problem in found), found
