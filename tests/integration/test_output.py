"""What the output can show never decides what a finished job returns: code pages, and output that is no terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from homes import NO_REHEARSAL, ask
from rich.console import Console

from routing_etl.cli.display.progress import progress_on
from routing_etl.cli.streams import Streams

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
ANSI = ("cp949", "cp1252", "ascii")


def python(*words: str, cwd: Path, encoding: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Python as the service of a Windows server starts it: piped output in an ANSI code page."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, timeout=600, check=False,
        env={**os.environ, **NO_REHEARSAL, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "COLUMNS": "200", **variables},
    )  # fmt: skip


def test_a_demo_ends_well_in_the_smallest_code_page(tmp_path: Path) -> None:
    """What ASCII can show every other code page can; nights in those are in the next test."""
    done = python("-m", "routing_etl", "demo", "--items", "300", cwd=tmp_path, encoding="ascii")
    assert done.returncode == 0, done.stderr.decode("ascii")
    shown = done.stdout.decode("ascii")
    assert "is what the ERP reads now" in shown and "Try next" in shown
    assert "\r" not in shown.replace("\r\n", "\n") and "\x1b" not in shown
    assert "사" not in shown and "┃" not in shown and "|" in shown
    assert ask(tmp_path / ".routing_etl" / "warehouse.db", "SELECT COUNT(*) FROM current_publication") == [
        (1,)
    ]


@pytest.mark.parametrize("encoding", ANSI)
def test_a_night_and_what_commands_show_of_it_are_shown_in_every_code_page(home: Path, encoding: str) -> None:
    item = ask(home / "warehouse.db", "SELECT item_cd FROM routing_predictions LIMIT 1")[0][0]
    commands = [["run"], ["doctor"], ["models", "list"], ["models", "card"], ["publications", "list"], ["predict", item],
                ["--help"], ["run", "-h"]]  # fmt: skip
    program = (
        "from routing_etl.cli.app import main\n"
        f"for words in {commands!r}:\n"
        "    try: main(words)\n"
        "    except SystemExit as end: assert not end.code, words\n"
    )
    done = python("-c", program, cwd=home, encoding=encoding, ROUTING_ETL_HOME=str(home))
    assert done.returncode == 0, done.stderr.decode(encoding)
    shown = done.stdout.decode(encoding)  # not a byte that the code page does not have
    assert "# Model card" in shown and "is what the ERP reads now" in shown
    assert "\r" not in shown.replace("\r\n", "\n") and "\x1b" not in shown


def test_an_error_that_cannot_be_shown_is_still_the_error(tmp_path: Path) -> None:
    done = python("-m", "routing_etl", "predict", "부품-1", cwd=tmp_path, encoding="ascii")
    assert done.returncode == 2 and done.stderr.startswith(b"Error: ")
    assert b"Traceback" not in done.stderr


def test_a_stream_that_cannot_show_a_character_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", None)  # a service has none
    Streams()
    sys.stdout.write("✓ 사내 §")
    sys.stdout.flush()
    assert raw.getvalue().decode("cp1252") == "? ?? §"


def drawn(*, terminal: bool, encoding: str) -> str:
    """What a progress of two tasks, one of which fails, writes."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    console = Console(file=stream, force_terminal=terminal, width=100, _environ={"TERM": "xterm"})
    with progress_on(console) as progress:
        with progress.task("extract [items]", 2000) as task:
            task.advance(1500)
            task.advance(500)
        with pytest.raises(KeyError), progress.task("score") as task:
            task.describe("score part 2")
            task.advance(7)
            raise KeyError("no")
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_off_a_terminal_progress_is_one_plain_line_a_task() -> None:
    first, second = drawn(terminal=False, encoding="ascii").splitlines()
    assert first.startswith("extract [items]: 2,000 of 2,000, ") and first.endswith(" s")
    assert second.startswith("score part 2: stopped at 7, ") and second.endswith(" s")


@pytest.mark.parametrize("encoding", ["ascii", "cp949", "utf-8"])
def test_on_a_terminal_progress_uses_only_what_the_encoding_has(encoding: str) -> None:
    shown = drawn(terminal=True, encoding=encoding)
    assert "extract [items]" in shown and "\x1b" in shown
    assert ("✓" in shown) == (encoding == "utf-8")
