"""Item sheets of an earlier night that say what they would say today: most nights few of a thousand are other ones.

A page is a function of what its sheet says, the language, the program with its templates and words, and the libraries that fill these. Beside
the pages stands what each was made of and the hash of its bytes; a page of which either is another is made again. A page that is
kept goes on telling when it was made.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from routing_etl import sheets
from routing_etl.pipeline.item_sheets import replace_page
from routing_etl.pipeline.unchanged import program

if TYPE_CHECKING:
    from routing_etl.sheets.content import Sheet

#: The record, in the folder of the worklist.
RECORD = ".pages.json"
#: Libraries that fill the templates.
_LIBRARIES = ("babel", "jinja2", "markupsafe")


class KeptPages:
    """The pages in a folder.

    Parameters
    ----------
    folder : Path
        Where the pages are.
    record : Path
        The file that tells what they were made of.
    language : str
        Language of today's pages.
    """

    def __init__(self, folder: Path, record: Path, language: str) -> None:
        self._folder, self._record = folder, record
        self._basis = _basis(language)
        self._before = _read(record)
        self._now: dict[str, list[str]] = {}

    def key(self, sheet: Sheet) -> str:
        """What a page of this sheet is made of, as a hash."""
        return hashlib.sha256(f"{self._basis}\0{sheet!r}".encode("utf-8", "surrogatepass")).hexdigest()

    def keeps(self, name: str, key: str) -> bool:
        """Whether the page of this name is there, whole, and made of the same; it is noted then.

        Parameters
        ----------
        name : str
            File name of the page.
        key : str
            What it would be made of today (`key`).
        """
        before = self._before.get(name)
        file = self._folder / name
        if before is None or before[0] != key or not file.is_file():
            return False
        if hashlib.sha256(file.read_bytes()).hexdigest() != before[1]:
            return False
        self._now[name] = before
        return True

    def write(self, name: str, key: str, page: str) -> None:
        """Write a page, whole or not at all."""
        content = page.encode("utf-8")
        replace_page(self._folder / name, content)
        self._now[name] = [key, hashlib.sha256(content).hexdigest()]

    def close(self) -> None:
        """Record the pages that were kept or written."""
        replace_page(self._record, json.dumps(self._now, indent=0).encode("utf-8"))


def _basis(language: str) -> str:
    """Hash of all that a page is made of beside its sheet."""
    found = hashlib.sha256(f"{language}\0{program()}".encode())
    for name in _LIBRARIES:
        found.update(f"\0{name} {installed(name)}".encode())
    root = Path(sheets.__file__).parent
    for path in sorted(
        p for part in ("templates", "locale") for p in (root / part).rglob("*") if p.is_file()
    ):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _read(record: Path) -> dict[str, list[str]]:
    """The record of an earlier night; none where it cannot be read."""
    try:
        told = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {
        name: pair
        for name, pair in told.items()
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    }
