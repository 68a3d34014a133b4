"""Walks of remedies as short stories: what makes an error, what its remedy says, and that the same call then does its work.

What belongs here: what a story is, and where it takes place. What does not: the stories (`walks_erp.py`,
`walks_machine.py`, `walks_servers.py`, `walks_writers.py`, `walks_registry.py`, `walks_tables.py`, `walks_steps.py`).
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sentences import VALUE

Act = Callable[[], Any]


@dataclass(frozen=True)
class Place:
    """Where a story takes place.

    Attributes
    ----------
    folder : pathlib.Path
        An empty folder.
    patch : pytest.MonkeyPatch
        Puts back what a story changes.
    request : pytest.FixtureRequest
        Gives a dear fixture to the stories that need one.
    """

    folder: Path
    patch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    @property
    def home(self) -> Path:
        """A copy of a home after one night."""
        return Path(self.request.getfixturevalue("home"))


#: The first thing that it gives is a call that fails. Asked for the next, it does what the remedy says, and gives the call that then
#: does its work; without one, it is the first again.
Story = Callable[[Place], Iterator[Act]]


@dataclass(frozen=True)
class Met:
    """A remedy that is met and followed.

    Attributes
    ----------
    sentence : str
        How the error begins, as it stands in the code; `VALUE` stands for what is put in.
    advice : str
        What of the remedy the story does, word for word.
    story : callable
        The story.
    where : str
        Module of a sentence that consists of what is put in.
    dear : bool
        It needs a home after a night.
    """

    sentence: str
    advice: str
    story: Story
    where: str = ""
    dear: bool = False

    def says(self, said: str) -> bool:
        """Whether a message is the sentence."""
        parts = [re.escape(part) for part in self.sentence.split(VALUE)]
        return re.match(".*?".join(parts), said, re.DOTALL) is not None

    def is_about(self, place: str, message: str, remedy: str) -> bool:
        """Whether a sentence of the code, in this module, is the one that is met."""
        words = self.sentence.strip(f"{VALUE}. ")
        said = message.startswith(self.sentence) if words else message == self.sentence
        return said and place.startswith(self.where) and (self.advice in remedy or VALUE in remedy)


class Walks:
    """Collects the stories of a module."""

    def __init__(self, *, dear: bool = False) -> None:
        self.cases: list[Met] = []
        self._dear = dear

    def __call__(self, sentence: str, advice: str, *, where: str = "") -> Callable[[Story], Story]:
        """The function behind it is the story of this sentence."""

        def keep(story: Story) -> Story:
            self.cases.append(Met(sentence, advice, story, where, self._dear))
            return story

        return keep


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Modes of files hold for this thread, as for an ordinary user, also where tests run as root."""
    if not sys.platform.startswith("linux"):
        pytest.skip("rights are taken from root as Linux does it")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, this thread
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(head, held):
        pytest.skip("this system does not tell the rights of a thread")
    less = (ctypes.c_uint32 * 6)(*held)
    less[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, of what is in force
    try:
        if libc.capset(head, less):
            pytest.skip("rights cannot be laid down here")
        yield
    finally:
        libc.capset(head, held)


@contextmanager
def limited(kind: int, amount: int) -> Iterator[None]:
    """Lower a limit of this process for the block."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (amount, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def refuse_module(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Let modules be as if nobody had installed them."""
    for name in names:
        patch.setitem(sys.modules, name, None)
