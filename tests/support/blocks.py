"""Command blocks of documents: which there are, and a small shell that runs them in this process.

Starting Python for every command would take most of the time. What has a pipe runs behind the pipe in a real shell.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sentences import ROOT

from routing_etl.cli import app

_FENCE = re.compile(r"^( *)```(sh|powershell|bat|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"([A-Z_]+)=(.*)")


@dataclass(frozen=True)
class Block:
    """A command block: its document, the language of its fence, and its lines."""

    document: str
    language: str
    text: str

    @property
    def name(self) -> tuple[str, str]:
        """Document and first line, by which the block is known."""
        return self.document, self.text.strip().splitlines()[0].split(" #")[0].strip()


def blocks() -> Iterator[Block]:
    """Every command block of the documents of the repository."""
    for pattern in ("*.md", "*/README.md", "docs/**/*.md"):
        for path in sorted(ROOT.glob(pattern)):
            for match in _FENCE.finditer(path.read_text(encoding="utf-8")):
                yield Block(path.relative_to(ROOT).as_posix(), match[2], match[3])


class Shell:
    """Runs lines with `export`, `&&`, `||`, `>` and `|`; fails where a command does.

    Parameters
    ----------
    monkeypatch, capsys : fixtures of pytest
        They put variables back, and read what a command prints.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._printed = monkeypatch, capsys
        self.out: list[str] = []

    def run(self, text: str) -> None:
        """Run a block, line by line."""
        for line in text.splitlines():
            line = line.split(" #")[0].strip()
            if line:
                for part in line.split(" && "):
                    self._part(*part.partition(" || ")[::2])

    def _part(self, call: str, otherwise: str) -> None:
        call, _, behind = (piece.strip() for piece in call.partition(" | "))
        call, _, file = (piece.strip() for piece in call.partition(" > "))
        words = shlex.split(call)
        if words[0] == "export":
            for word in words[1:]:
                name, value = _given(word)
                self._patch.setenv(name, value)
            return
        with pytest.MonkeyPatch.context() as patch:
            while "=" in words[0]:
                patch.setenv(*_given(words.pop(0)))
            assert words.pop(0) == "routing-etl", f"no command of ours: {call}"
            with pytest.raises(SystemExit) as end:
                app.main(words)
        printed = self._printed.readouterr()
        assert not end.value.code or otherwise, (call, end.value.code, printed.err, printed.out[-800:])
        self.out.append(printed.out)
        if file:
            Path(file).write_text(printed.out, encoding="utf-8")
        if behind:
            done = subprocess.run(
                behind, shell=True, input=printed.out, capture_output=True, text=True, check=True
            )
            self.out.append(done.stdout)


def _given(word: str) -> tuple[str, str]:
    match = _EXPORT.fullmatch(word)
    assert match, word
    return match[1], match[2]


Change = Callable[[str], str]
