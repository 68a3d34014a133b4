"""How a profile's names are matched with those of the database."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z가-힣]", "", name.lower())


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The name that is most probably meant, or None. Underscores and case do not count."""
    known = {_plain(n): n for n in names}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, 1, cutoff=0.75)
    return known[near[0]] if near else None


def split_quoted(name: str) -> list[str]:
    """The parts of a dotted name, of which each may be quoted: `[My Db].dbo."T.1"`."""
    found = re.findall(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\["]+)', name)
    return [b.replace("]]", "]") if b else q.replace('""', '"') if q else plain for b, q, plain in found]


def visible(name: str) -> str:
    """A name without what people do not see: byte order marks, zero-width characters, blanks around it; in lower case."""
    seen = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cc"))
    return seen.replace("\xa0", " ").strip().lower()


def qualified(alias: str, name: str) -> str:
    """A column of a joined table by its full name, unless it has one already."""
    return name if name.startswith((f"{alias}.", f'"{alias}".', f"[{alias}].")) else f"{alias}.{name}"
