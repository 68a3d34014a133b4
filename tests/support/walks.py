"""A walker of remedies: it meets an error, does what the sentence says, and calls the command again until it does its work.

What belongs here: the walk, and what a case is. What does not: the cases (`walks_settings.py`, `walks_commands.py`,
`walks_typed.py`,
`walks_home.py`, `walks_held.py`, `walks_versions.py`), and why some sentences have none (`remedies.py`).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sentences import VALUE

#: A command in a sentence, up to where the sentence goes on.
COMMAND = re.compile(
    r"routing-etl ((?:(?:models|publications|sql|profile) )?(?:[a-z][a-z-]*)(?: (?:--?[\w-]+|[A-Z]+|'[^']*'|[\w.-]*[\d_][\w.-]*))*)"
)
#: A setting with the value that it is to have.
_SET = re.compile(r"\b(ROUTING_ETL_[A-Z_]+)=([^\s,;]*[^\s,;.)])")
#: A command of the shell.
_SHELL = re.compile(r"\b(chmod [\w+-]+ \S*[^\s.])")
#: What the words in capitals stand for in these homes.
_MEANT = {"REASON": "advised", "--user NAME": "--user kim"}


class Environment(Protocol):
    """What `pytest.MonkeyPatch` does for a walk."""

    def setenv(self, name: str, value: str) -> None:
        """Set a variable."""

    def delenv(self, name: str, raising: bool = True) -> None:
        """Remove a variable."""


@dataclass
class House:
    """Where a walk takes place.

    Attributes
    ----------
    home : pathlib.Path
        The home: a copy of one after a night, or an empty folder.
    environment : Environment
        Its variables.
    call : callable
        Calls `routing-etl` with these words; returns the exit code and what stood on stderr.
    said : list of str
        The errors met so far.
    called : list of str
        The commands called so far.
    held : contextlib.ExitStack
        What somebody else holds while the walk begins, such as a lock.
    """

    home: Path
    environment: Environment
    call: Callable[[str], tuple[int, str]]
    said: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    held: ExitStack = field(default_factory=ExitStack)

    @property
    def warehouse(self) -> Path:
        """The embedded warehouse."""
        return self.home / "warehouse.db"

    def versions(self) -> list[Path]:
        """Folders of the model versions, oldest first."""
        return sorted(p.parent for p in (self.home / "models").glob("*/manifest.json"))

    def walk(self, command: str, do: Do | None) -> None:
        """Call a command until it does its work; after each error do what it says.

        Parameters
        ----------
        command : str
            The command without the program's name.
        do : callable or None
            Does what the first sentence says, where that is more than commands and settings that can be typed from it.
        """
        for _ in range(4):
            self.called.append(command)
            assert len(self.called) < 14, self
            code, said = self.call(command)
            if not code:
                return
            assert "Error: " in said, said
            said = said[said.index("Error: ") :]  # behind the lines of progress
            assert said not in self.said, f"a circle: {self.called}\n{said}"
            self.said.append(said)
            again = do(self, said) if do else self.obey(said)
            command, do = again or command, None
        raise AssertionError(self)

    def obey(self, said: str) -> None:
        """Type what a sentence says: settings with their values, a `chmod`, the first command."""
        settings, shell, advised = _SET.findall(said), _SHELL.search(said), COMMAND.search(said)
        assert settings or shell or advised, f"no way out: {said}"
        for name, value in settings:
            self.environment.setenv(name, value)
        if shell:
            subprocess.run(shlex.split(shell[1]), check=True)
        if advised:
            words = advised[1]
            for word, meant in _MEANT.items():
                words = words.replace(word, meant)
            if "NAME" in words:
                words = words.replace("NAME", self.versions()[-1].name)
            self.walk(words, None)


#: Does what a sentence says; returns another command where the call itself was wrong.
Do = Callable[[House, str], str | None]


@dataclass(frozen=True)
class Case:
    """A remedy that is walked.

    Attributes
    ----------
    sentence : str
        How the error begins, as it stands in the code; `VALUE` stands for what is put in.
    arrange : callable
        Makes the error; returns the command that meets it.
    do : callable or None
        Does what the sentence says. None: commands and settings are typed from it.
    at_home : bool
        It needs a home after a night; else an empty folder does.
    """

    sentence: str
    arrange: Callable[[House], str]
    do: Do | None = None
    at_home: bool = False

    def says(self, said: str) -> bool:
        """Whether an error is the sentence."""
        parts = [re.escape(part) for part in self.sentence.split(VALUE)]
        return re.match("Error: " + ".*?".join(parts), said, re.DOTALL) is not None
