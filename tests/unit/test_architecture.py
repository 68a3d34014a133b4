"""The house rules that a reader relies on: who imports whom, what stays light, what lives where."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "routing_etl"
#: The floors of the house, from the ground up: a room may import what lies on lower floors. Rooms of one floor do not
#: import each other. Modules directly under `routing_etl` are the ground.
FLOORS = (
    ("ground",),
    ("database",),
    ("erp", "plant", "quality", "times", "model", "registry", "warehouse"),
    ("evaluation",),
    ("sheets",),
    ("pipeline", "doctor"),
    ("onboarding",),
    ("cli",),
)
#: The sub-rooms of `model` follow the data: each may import those before it.
MODEL_ROOMS = (
    "base", "attributes", "catalogue", "candidates", "ranking", "machines", "times", "answer",
)  # fmt: skip
#: The ground is these modules and no others: a new module belongs in a room.
GROUND = {
    "__init__", "__main__", "code_location", "dagster_part", "errors", "files", "log", "memory_limits", "plots",
    "progress", "runs", "safe_text", "scenarios", "settings", "settings_connection", "settings_files", "shards",
    "shortages", "targets",
}  # fmt: skip
#: Folders of the ground. Everybody imports their names from the folder itself, which lists them in `__all__`.
GROUND_FOLDERS = {"frames"}
HEAVY = ("great_expectations", "sklearn", "dagster", "pandas", "pyodbc", "arrow_odbc", "mssql_python")


@cache
def syntax(path: Path) -> list[ast.AST]:
    """The nodes of a file; many tests ask for the same files."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Absolute module names that a file imports, by syntax."""
    names: set[str] = set()
    for node in syntax(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


def house() -> dict[str, set[str]]:
    """Every module of the package with the modules of the package that it imports, at the top or inside functions."""
    modules = {module_name(path): path for path in python_files(PACKAGE)}
    arrows = {}
    for name, path in modules.items():
        found = imported_modules(path)
        arrows[name] = {m for m in found if m in modules and m != "routing_etl"}
    return arrows


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    parts = module.split(".")
    here = len(parts) > 1 and parts[1] not in GROUND_FOLDERS and (PACKAGE / parts[1]).is_dir()
    return parts[1] if here else "ground"


def illegal_arrows(arrows: dict[str, set[str]]) -> list[str]:
    """Imports that go up, or sideways into another room of the same floor."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    wrong = []
    for module, imported in arrows.items():
        here = room_of(module)
        if module == "routing_etl.__main__" or module == "routing_etl":
            continue
        for other in imported:
            there = room_of(other)
            if there != here and floor[there] >= floor[here]:
                wrong.append(f"{module} imports {other}")
    return sorted(wrong)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other in a circle (strongly connected components of two and more)."""
    reach: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        todo = list(arrows[start])
        while todo:
            module = todo.pop()
            if module not in seen:
                seen.add(module)
                todo += arrows[module]
        reach[start] = seen
    found = {frozenset(b for b in reach[a] if a in reach[b]) for a in arrows if a in reach[a]}
    return [sorted(group) for group in found]


def test_every_folder_of_the_package_has_a_floor() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file()}
    assert folders == {room for rooms in FLOORS for room in rooms} - {"ground"} | GROUND_FOLDERS
    assert {p.stem for p in PACKAGE.glob("*.py")} == GROUND


def test_arrows_between_rooms_point_down() -> None:
    arrows = house()
    assert sum(map(len, arrows.values())) > 300
    assert illegal_arrows(arrows) == []


def test_an_arrow_that_points_up_or_sideways_is_found() -> None:
    arrows = {
        "routing_etl.model.predictor": {"routing_etl.evaluation.truth", "routing_etl.frames"},
        "routing_etl.plant.demo": {"routing_etl.erp.text"},
        "routing_etl.frames": {"routing_etl.database.engine"},
        "routing_etl.cli.app": {"routing_etl.pipeline.night"},
    }
    assert illegal_arrows(arrows) == [
        "routing_etl.frames imports routing_etl.database.engine",
        "routing_etl.model.predictor imports routing_etl.evaluation.truth",
        "routing_etl.plant.demo imports routing_etl.erp.text",
    ]


def test_the_sub_rooms_of_the_model_follow_the_data() -> None:
    folders = {p.name for p in (PACKAGE / "model").iterdir() if (p / "__init__.py").is_file()}
    assert folders == set(MODEL_ROOMS)
    for module, imported in house().items():
        parts = module.split(".")
        if parts[1:2] != ["model"] or len(parts) < 4:
            continue
        place = MODEL_ROOMS.index(parts[2])
        for other in imported:
            theirs = other.split(".")
            if theirs[1] == "model" and len(theirs) > 3:
                assert MODEL_ROOMS.index(theirs[2]) <= place, f"{module} imports {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]
    assert circles(house()) == []


@pytest.mark.parametrize("room", [room for rooms in FLOORS[1:] for room in rooms])
def test_a_room_names_what_others_may_import(room: str) -> None:
    """`__all__` of a room lists its public modules; everybody outside imports those and no others."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    public = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    assert public == sorted(public)
    used = set()
    for path in (p for f in (PACKAGE, ROOT / "dagster_defs", ROOT / "migrations") for p in python_files(f)):
        if (PACKAGE / room) in path.parents:
            continue
        for module in imported_modules(path):
            inside = module.removeprefix(f"routing_etl.{room}.")
            if inside != module:
                name = next((n for n in public if inside == n or inside.startswith(n + ".")), None)
                assert name, f"{path.relative_to(ROOT)} imports {module}, which {room}.__all__ does not name"
                used.add(name)
    assert used == set(public), f"nobody outside imports {set(public) - used} of {room}"


@pytest.mark.parametrize("folder", sorted(GROUND_FOLDERS))
def test_a_folder_of_the_ground_is_imported_by_its_own_name(folder: str) -> None:
    modules = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    assert modules
    for path in (p for f in (PACKAGE, ROOT / "dagster_defs", ROOT / "migrations") for p in python_files(f)):
        if (PACKAGE / folder) in path.parents:
            continue
        parts = {m.split(".")[2] for m in imported_modules(path) if m.startswith(f"routing_etl.{folder}.")}
        assert not parts & modules, f"{path.relative_to(ROOT)} imports a part of routing_etl.{folder}"


def test_only_dagster_defs_imports_dagster() -> None:
    for folder in (PACKAGE, ROOT / "migrations"):
        for path in python_files(folder):
            assert not any(m.split(".")[0] == "dagster" for m in imported_modules(path)), path


def test_only_settings_reads_the_environment() -> None:
    for path in python_files(PACKAGE):
        if path.stem == "settings":
            continue
        source = path.read_text(encoding="utf-8")
        if path == PACKAGE / "__init__.py":
            source = source.replace("os.environ.setdefault(", "")  # sets what another library reads
        assert "os.environ" not in source and "getenv" not in source, path


def test_nothing_prints() -> None:
    for folder in (PACKAGE, ROOT / "dagster_defs", ROOT / "migrations"):
        for path in python_files(folder):
            calls = [
                n for n in syntax(path)
                if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"
            ]  # fmt: skip
            assert not calls, path


@pytest.mark.parametrize(
    "statement",
    [
        "import routing_etl",
        "import routing_etl.cli.app",
        "from routing_etl.cli.app import main; main(['--help'])",
    ],
)
def test_start_up_loads_nothing_heavy(statement: str) -> None:
    """Great Expectations alone takes seconds to import: `--help` must not pay for it, nor for Polars."""
    code = (
        "import sys\n"
        f"try:\n    {statement}\nexcept SystemExit as e:\n    assert not e.code\n"
        f"heavy = [m for m in {(*HEAVY, 'polars', 'sqlalchemy')!r} if m in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("first", ["routing_etl.frames", "dagster_defs.checks"])
@pytest.mark.parametrize(("outside", "last"), [(None, "muzzy_decay_ms:0"), ("narenas:2", "narenas:2")])
def test_freed_memory_is_given_back_unless_the_environment_says_otherwise(
    first: str, outside: str | None, last: str
) -> None:
    """Polars must get our allocator setting whichever module is imported first, and an administrator's own wins."""
    env = {k: v for k, v in os.environ.items() if k != "_RJEM_MALLOC_CONF"}
    if outside:
        env["_RJEM_MALLOC_CONF"] = outside
    code = f"import os, {first}; print(os.environ['_RJEM_MALLOC_CONF'])"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip().split(",")[-1] == last


def test_top_level_is_the_designs() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    allowed = {
        "routing_etl", "migrations", "dagster_defs", "sql", "models", "tests",
        "pyproject.toml", "workspace.yaml", "README.md", "docs", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "noxfile.py",
    }  # fmt: skip
    assert {t for t in top if not t.startswith(".")} <= allowed


def test_every_top_level_folder_explains_itself() -> None:
    for name in ("migrations", "dagster_defs", "sql", "models"):
        assert (ROOT / name / "README.md").is_file(), name
