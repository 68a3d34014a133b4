"""The house rules that a reader relies on: who imports whom, what stays light, what lives where."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "routing_etl"
ROOMS = ("erp", "quality", "times", "model", "registry", "warehouse")
JOINERS = {
    "pipeline",
    "pipeline_shards",
    "pipeline_model",
    "cli",
    "doctor",
    "display",
    "context",
    "champion",
    "admin",
    "night",
}
HEAVY = ("great_expectations", "sklearn", "dagster", "pandas", "pyodbc", "arrow_odbc", "mssql_python")


def imported_modules(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Absolute module names that a file imports, by syntax."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_do_not_import_each_other_or_what_joins_them(room: str) -> None:
    forbidden = {f"routing_etl.{other}" for other in (*ROOMS, *JOINERS) if other != room}
    files = python_files(PACKAGE / room)
    assert len(files) > 1
    for path in files:
        for module in imported_modules(path):
            hit = {f for f in forbidden if module == f or module.startswith(f + ".")}
            assert not hit, f"{path.relative_to(ROOT)} imports {module}"


def test_the_base_layer_imports_no_room() -> None:
    base = [p for p in PACKAGE.glob("*.py") if p.stem not in JOINERS]
    assert {"frames", "settings", "errors", "database", "runs"} <= {p.stem for p in base}
    for path in base:
        for module in imported_modules(path):
            assert not module.startswith(tuple(f"routing_etl.{r}" for r in (*ROOMS, *JOINERS))), (
                f"{path} -> {module}"
            )


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
                n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"
            ]  # fmt: skip
            assert not calls, path


@pytest.mark.parametrize(
    "statement",
    ["import routing_etl", "import routing_etl.cli", "from routing_etl.cli import main; main(['--help'])"],
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
        "pyproject.toml", "workspace.yaml", "README.md",
    }  # fmt: skip
    assert {t for t in top if not t.startswith(".")} <= allowed


def test_every_top_level_folder_explains_itself() -> None:
    for name in ("migrations", "dagster_defs", "sql", "models"):
        assert (ROOT / name / "README.md").is_file(), name
