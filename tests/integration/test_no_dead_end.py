"""No dead end: what an error advises is done, word for word, until the command that failed does its work."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from homes import NO_REHEARSAL, ask

from routing_etl.cli import app

pytestmark = pytest.mark.integration
#: A command in a sentence, up to where the sentence goes on.
COMMAND = re.compile(r"routing-etl ((?:[a-z][a-z-]*)(?: (?:--?[\w-]+|[A-Z]+|'[^']*'|[\w.-]*[\d_][\w.-]*))*)")


@dataclass
class Walk:
    """What was called, and what each call that failed said."""

    calls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def follow(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Walk]:
    """Call a command; where it fails, do what it advises, and call it again."""
    monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)
    walk = Walk()

    def to_its_end(command: str) -> Walk:
        for _ in range(4):
            walk.calls.append(command)
            with pytest.raises(SystemExit) as end:
                app.main([*shlex.split(command), "--quiet"])
            said = capsys.readouterr().err.strip()
            if not end.value.code:
                return walk
            assert said.startswith("Error: ") and said not in walk.errors, f"a circle: {walk}\n{said}"
            walk.errors.append(said)
            advised = COMMAND.search(said)
            assert advised, f"no way out: {said}"
            assert len(walk.calls) < 12, walk
            to_its_end(advised[1].replace("REASON", "advised").replace("NAME", "kim"))
        raise AssertionError(walk)

    return to_its_end


def no_runs(home: Path) -> None:
    shutil.rmtree(home / "runs")


#: What went wrong, the command that meets it, what it says first, and what is called until it has done its work.
TABLE = {
    "the run folders are gone": (no_runs, "score", "has finished the step", ["times", "extract"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_what_an_error_advises_leads_out(name: str, home: Path, follow: Callable[[str], Walk]) -> None:
    break_it, command, first, advised = TABLE[name]
    break_it(home)
    walk = follow(command)
    assert first in walk.errors[0]
    assert walk.calls[0] == walk.calls[-1] == command
    assert [c.split()[0] for c in walk.calls if c != command][: len(advised)] == advised
    assert ask(
        home / "warehouse.db", "SELECT COUNT(*) FROM current_publication WHERE publication_id IS NULL"
    ) == [(0,)]
