"""The SQL scripts that travel with the product, for DBAs and the ERP team: what each is for, and its text."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from routing_etl.errors import ConfigurationError


@dataclass(frozen=True)
class Script:
    """A script: its name below `sql/`, without the ending, and the first sentence of what it says of itself."""

    name: str
    what: str


def scripts_folder() -> Path:
    """The folder `sql`: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


def scripts() -> tuple[Script, ...]:
    """All scripts by name: those of the folder, then the questions, then the DDL of each database."""
    folder = scripts_folder()
    files = sorted(folder.rglob("*.sql"), key=lambda f: (len(f.relative_to(folder).parts), f.as_posix()))
    return tuple(
        Script(
            f.relative_to(folder).with_suffix("").as_posix(), _first_sentence(f.read_text(encoding="utf-8"))
        )
        for f in files
    )


def script_text(name: str) -> str:
    """The text of a script.

    Parameters
    ----------
    name : str
        As `scripts` lists it; `.sql` behind it, and the folder of a question, may be left out.

    Raises
    ------
    ConfigurationError
        There is no such script.
    """
    known = [s.name for s in scripts()]
    plain = name.removesuffix(".sql").removeprefix("sql/")
    found = next((n for n in known if plain in (n, n.removeprefix("questions/"))), None)
    if found is None:
        near = difflib.get_close_matches(plain, [*known, *(n.rpartition("/")[2] for n in known)], n=1)
        raise ConfigurationError(
            f"There is no script {name!r}{f', did you mean {near[0]}?' if near else '.'}",
            remedy="See: routing-etl sql list",
        )
    return (scripts_folder() / f"{found}.sql").read_text(encoding="utf-8")


def _first_sentence(text: str) -> str:
    """The comment that a script begins with, up to its first full stop or question mark."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("--") or not line.strip("- "):
            break
        lines.append(line.lstrip("- ").strip())
    said = " ".join(lines)
    ends = [i + 1 for mark in (". ", "? ", ": EXEC") if (i := said.find(mark)) >= 0]
    return (said[: min(ends)] if ends else said).rstrip(":")
