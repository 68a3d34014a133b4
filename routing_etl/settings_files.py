"""The files that settings are read from: where they lie, and that nobody else can have written them.

Belongs here: finding and trusting a file. Does not: what it says (`settings`, `targets`), nor the environment, which
`settings` alone reads.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from routing_etl.errors import ConfigurationError
from routing_etl.targets import CONFIG_FILE

#: Names the file of settings where it is not `<home>/.env`.
NAMED_FILE = "ROUTING_ETL_ENV_FILE"
#: Name of the file of settings in the home.
ENV_FILE = ".env"
#: A line that sets one of our variables.
_OUR_LINE = re.compile(rb"^\s*(?:export\s+)?ROUTING_ETL_", re.IGNORECASE | re.MULTILINE)


def require_place(home: Path) -> None:
    """Refuse a home that is relative to a working folder that is gone.

    Parameters
    ----------
    home : Path
        The home.

    Raises
    ------
    ConfigurationError
        The working folder was removed.
    """
    try:
        home.absolute()
    except FileNotFoundError as exc:
        raise ConfigurationError(
            f"The working folder of this process was removed, and the home {home} lies in it.",
            remedy="Change to a folder that is there, or set ROUTING_ETL_HOME to an absolute path.",
        ) from exc


def settings_file(home: Path, named: str | None) -> Path | None:
    """The file of settings: the one that is named, else `<home>/.env` if it is there.

    A `.env` of the working folder alone is not read, because whoever packs an archive or owns a folder would name the
    databases of the person who works in it. As it would be missed without a word, it is an error.

    Parameters
    ----------
    home : Path
        The home.
    named : str or None
        What `ROUTING_ETL_ENV_FILE` names.

    Raises
    ------
    ConfigurationError
        The named file is not there, a file of the working folder would be missed, or others can write the file.
    """
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(
                f"{NAMED_FILE} = {named!r}: there is no such file.", remedy="Correct the path, or remove it."
            )
        return own_file(named)
    file, here = home / ENV_FILE, Path(ENV_FILE)
    stray = here.is_file() and not (file.is_file() and file.samefile(here))
    # As UTF-16, too: PowerShell writes it.
    if stray and _OUR_LINE.search(here.read_bytes().replace(b"\0", b"").removeprefix(b"\xff\xfe")):
        raise ConfigurationError(
            f"The file {here.absolute()} holds settings of ours, but lies outside the home {home.absolute()}, so "
            "it was not read.",
            remedy=f"Check its content; then set {NAMED_FILE}={here.absolute()}, or move it to {file.absolute()}.",
        )
    return own_file(file)


def config_file(home: Path) -> Path | None:
    """`routing_etl.toml` of the home. One in the working folder alone is an error, as an `.env` there is.

    Parameters
    ----------
    home : Path
        The home.

    Raises
    ------
    ConfigurationError
        A file of the working folder would be missed, or others can write the file.
    """
    file, here = home / CONFIG_FILE, Path(CONFIG_FILE)
    if here.is_file() and not (file.is_file() and file.samefile(here)):
        raise ConfigurationError(
            f"The file {here.absolute()} lies outside the home {home.absolute()}, so it was not read.",
            remedy=f"Check its content; then move it to {file.absolute()}, or set ROUTING_ETL_HOME={here.absolute().parent}.",
        )
    return own_file(file)


def own_file(named: object) -> Path | None:
    """A file of settings if it is there and nobody else can have written it; only POSIX systems tell.

    Whoever writes it names the databases that are read and written, and the folder that models are unpickled from.

    Parameters
    ----------
    named : object
        The file's path; anything else: there is none.

    Raises
    ------
    ConfigurationError
        Somebody else can have written it.
    """
    file = Path(named).absolute() if isinstance(named, str | Path) else None
    if file is None or not file.is_file():
        return None
    if os.name != "posix":
        return file
    found, folder = file.stat(), file.resolve().parent.stat()
    problem = remedy = None
    if found.st_uid not in (os.geteuid(), 0):
        problem, remedy = f"belongs to user {found.st_uid}", f"chown {os.geteuid()} {file}"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem, remedy = (
            f"may be written by others (mode {stat.S_IMODE(found.st_mode):o})",
            f"chmod go-w {file}",
        )
    elif folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        problem = f"lies in a folder that everybody may write to (mode {stat.S_IMODE(folder.st_mode):o})"
        remedy = f"chmod o-w {file.resolve().parent}"
    if problem:
        raise ConfigurationError(
            f"The settings file {file} {problem}, so it was not read.",
            remedy=f"Check its content, then: {remedy}. Or move it away and set the variables in the environment.",
        )
    return file


@dataclass(frozen=True)
class Checked:
    """A file of settings as it was when it was checked; renaming, exchanging or writing it makes it another.

    Attributes
    ----------
    file : Path
        The file.
    state : tuple of int
        Device, number, size and the moments of its last changes.
    """

    file: Path
    state: tuple[int, ...]

    def require_unchanged(self) -> None:
        """Refuse what was read if the file is another by now: somebody may have put his own in its place for a moment.

        Raises
        ------
        ConfigurationError
            It is.
        """
        if _state(self.file) != self.state:
            raise ConfigurationError(
                f"The settings file {self.file} was changed while it was read, so it does not count.",
                remedy="Run again; if it happens again, find out who may write to its folder.",
            )


def checked(file: Path | None) -> Checked | None:
    """A file that `own_file` has let pass, checked again after its state was noted, to be asked again when it was read.

    Raises
    ------
    ConfigurationError
        Somebody else can have written it.
    """
    if file is None:
        return None
    state = _state(file)
    own_file(file)
    return Checked(file, state)


def _state(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
