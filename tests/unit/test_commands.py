"""The commands and files that the documents for contributors name exist."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from routing_etl.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/README.md", "tests/README.md")
#: Where commands are named, and in which files.
FOLDERS, PROSE = (
    ("docs", "sql", "migrations", "models", "dagster_defs", "tests"),
    {".md", ".sql", ".yaml", ".example"},
)
#: Other files that run or name commands.
SCRIPTS = (".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml", "noxfile.py")
NOX = re.compile(r"\bnox -s ((?:[a-z_]+ ?)+)")
OURS = re.compile(r"(?:^|[`/\s(])routing-etl ((?:[a-z][a-z-]*(?: / | )?)+)", re.MULTILINE)
NODE = re.compile(r"\b(tests/[\w/.]+\.py)::(\w+)")
TOP = r"(?:routing_etl|dagster_defs|migrations|sql|models|tests|docs|\.ci|\.github)"
NAMED_PATH = re.compile(rf"(?<![\w/.<]){TOP}/[\w./*-]*")
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pyproject() -> dict[str, object]:
    content: dict[str, object] = tomllib.loads(read("pyproject.toml"))["project"]
    return content


def sessions() -> set[str]:
    """Names of the sessions of noxfile.py."""
    found = set()
    for node in ast.parse(read("noxfile.py")).body:
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                call = mark if isinstance(mark, ast.Call) else ast.Call(mark, [], [])
                if ast.unparse(call.func) == "nox.session":
                    names = [ast.literal_eval(k.value) for k in call.keywords if k.arg == "name"]
                    found.add(names[0] if names else node.name)
    return found


def commands(of: typer.Typer) -> dict[str, set[str]]:
    """Commands of a Typer application; a group of commands with the names in it."""
    found = {
        c.name or (c.callback.__name__.replace("_", "-") if c.callback else ""): set[str]()
        for c in of.registered_commands
    }
    for group in of.registered_groups:
        assert group.name
        assert group.typer_instance
        found[group.name] = set(commands(group.typer_instance))
    return found


def unknown_commands(text: str) -> list[str]:
    """`routing-etl` commands in a text that the command line does not have."""
    known = commands(app)
    missing = []
    for match in OURS.finditer(text):
        first, *others = match[1].replace(" / ", " ").split()
        if first not in known:
            missing.append(first)
        elif known[first]:
            # `models list / show / card`: each is a command of the group
            missing += [f"{first} {w}" for w in others if w not in known[first]]
    return missing


def table_of_commands() -> dict[str, str]:
    """README's table of commands: each command with the row that shows it, a command of a group as "models list"."""
    known, rows = commands(app), {}
    for line in read("README.md").split("## Commands")[1].split("\n## ")[0].splitlines():
        if line.startswith("| `routing-etl "):
            shown = line.split(" | ")[0]
            for span in re.findall(r"`([^`]+)`", shown):
                first, *others = span.removeprefix("routing-etl ").replace(" / ", " ").split()
                inside = [f"{first} {w}" for w in others if w in known.get(first, ())]
                rows |= dict.fromkeys(inside or [first], shown)
    return rows


def required_options() -> dict[str, list[str]]:
    """Every command, with the options that it cannot do without."""

    def of(words: tuple[str, ...], command: object) -> Iterator[tuple[str, list[str]]]:
        inside = getattr(command, "commands", None)
        if inside is not None:
            for name, one in inside.items():
                yield from of((*words, name), one)
        else:
            params = getattr(command, "params", ())
            yield (
                " ".join(words),
                [p.opts[0] for p in params if p.required and p.param_type_name == "option"],
            )

    return dict(of((), get_command(app)))


def test_the_readme_has_every_command_with_the_options_that_it_needs() -> None:
    shown, needed = table_of_commands(), required_options()
    assert len(needed) > 20, "the search finds no commands any more"
    assert sum(map(len, needed.values())) >= 3, "the search finds no required options any more"
    assert set(shown) == set(needed)
    assert [(c, o) for c, options in needed.items() for o in options if o not in shown[c]] == []


def test_every_nox_session_that_is_named_exists() -> None:
    known = sessions()
    named = [
        (document, name)
        for document in (*DOCUMENTS, *SCRIPTS)
        for match in NOX.finditer(read(document))
        for name in match[1].split()
    ]
    assert len(named) > 15, "the search finds no sessions any more"
    assert [n for n in named if n[1] not in known] == []


def test_a_contributor_finds_a_command_for_each_task() -> None:
    named = {name for match in NOX.finditer(read("CONTRIBUTING.md")) for name in match[1].split()}
    assert named >= sessions() > {"lint", "types", "tests", "unit", "coverage", "docs", "benchmarks", "ci"}


def test_ci_runs_the_sessions_of_the_noxfile() -> None:
    assert ".venv/bin/nox -s ci" in read(".ci/run")
    [steps] = [
        ast.literal_eval(node.value)
        for node in ast.parse(read("noxfile.py")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CI"
    ]
    assert set(steps) <= sessions()
    assert {"lint", "types", "coverage"} <= set(steps)


def test_ci_has_a_lane_on_windows() -> None:
    lane = read(".github/workflows/ci.yml").partition("\n  windows:\n")[2].partition("\n  mssql:\n")[0]
    assert "runs-on: windows-latest" in lane
    assert "nox -s unit" in lane and "routing_etl demo" in lane


def test_every_command_of_the_product_that_is_named_exists() -> None:
    """In every document, and in what DBAs and operators run."""
    places = {*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("*.*") if p.suffix in PROSE)}
    assert {ROOT / "sql" / "retention.sql", *map(ROOT.joinpath, DOCUMENTS)} <= places
    named = {p.relative_to(ROOT).as_posix(): unknown_commands(p.read_text(encoding="utf-8")) for p in places}
    assert {place: missing for place, missing in named.items() if missing} == {}


def test_a_command_that_does_not_exist_is_found() -> None:
    text = "`routing-etl models list / burn`, then\nrouting-etl nightly && .venv/bin/routing-etl demo"
    assert unknown_commands(text) == ["models burn", "nightly"]
    assert len(OURS.findall(read("README.md"))) > 15, "the search finds no commands any more"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = re.sub(r"\]\([^)]*\)", "]", read(document))  # links: test_documents.py
    named = {m.rstrip("./") for m in NAMED_PATH.findall(text) if "NNNN" not in m}
    assert [p for p in sorted(named) if not (any(ROOT.glob(p)) if "*" in p else (ROOT / p).exists())] == []


def test_every_test_that_is_named_exists() -> None:
    named = [match for document in DOCUMENTS for match in NODE.findall(read(document))]
    assert named
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in read(path)] == []


def shell_commands(document: str) -> Iterator[list[str]]:
    """The commands of a document's shell blocks, word by word; what `&&` joins is several."""
    for block in FENCE.findall(read(document)):
        for line in block.splitlines():
            for command in line.split(" #")[0].split("&&"):
                if words := shlex.split(command):
                    yield words


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_what_is_installed_has_the_extras_and_programs_that_are_called(document: str) -> None:
    project = pyproject()
    extras, scripts = project["optional-dependencies"], project["scripts"]
    assert isinstance(extras, dict)
    assert isinstance(scripts, dict)
    tools = {"pip", "pytest", "nox", *scripts}
    called = list(shell_commands(document))
    installed = {e for words in called for w in words for e in re.findall(r"^\.\[([\w,-]+)\]$", w)}
    assert installed, "the search finds no installation any more"
    assert installed <= set(extras)
    programs = {w.removeprefix(".venv/bin/") for words in called for w in words[:1] if ".venv/bin/" in w}
    assert programs
    assert programs <= tools


def test_the_readme_begins_with_its_two_commands() -> None:
    first, second = FENCE.findall(read("README.md"))[:2]
    assert first.strip().endswith("&& .venv/bin/routing-etl demo")
    assert second.strip().endswith("&& .venv/bin/pytest")


def test_every_benchmark_can_be_named() -> None:
    """`nox -s benchmarks -- NAME` reaches every script: `bench_NAME.py`, or one of the three with a name of their own."""
    folder = ROOT / "tests" / "benchmarks"
    scripts = {p.stem for p in folder.glob("*.py") if '"__main__"' in p.read_text(encoding="utf-8")}
    assert len(scripts) > 10
    assert {s for s in scripts if not s.startswith("bench_")} <= {"accuracy", "ablation", "six_months"}


def test_every_folder_of_the_top_level_explains_itself() -> None:
    folders = [p for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")]
    tracked = {"dagster_defs", "docs", "migrations", "models", "sql", "tests"}
    assert tracked <= {p.name for p in folders}
    for name in sorted(tracked):
        assert (ROOT / name / "README.md").is_file(), name
        assert f"`{name}/`" in read("README.md"), name


def test_every_room_is_on_the_plan() -> None:
    rooms = {p.name for p in (ROOT / "routing_etl").iterdir() if (p / "__init__.py").is_file()}
    inside = {p.name for p in (ROOT / "routing_etl" / "model").iterdir() if (p / "__init__.py").is_file()}
    plan = read("docs/architecture.md")
    assert [r for r in sorted(rooms | inside) if f"| `{r}/` |" not in plan] == []
    assert [r for r in sorted(rooms) if f"`{r}`" not in read("README.md")] == []
