"""The texts of item sheets that a catalogue must have: those in the templates and in the code of `routing_etl/sheets`."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file

SHEETS = Path(__file__).resolve().parents[2] / "routing_etl" / "sheets"
#: Functions that take a text, and where it stands: `count(singular, plural, n)`.
_FUNCTIONS = {"_": None, "text": None, "count": (1, 2)}


def messages() -> Catalog:
    """Every text, a plural with its singular."""
    catalogue = Catalog()
    for path in sorted(SHEETS.rglob("*")):
        method = {".py": "python", ".html": "jinja2.ext:babel_extract"}.get(path.suffix)
        if method is None:
            continue
        for _, message, _, _ in extract_from_file(method, path, keywords=_FUNCTIONS):
            catalogue.add(message)
    return catalogue
