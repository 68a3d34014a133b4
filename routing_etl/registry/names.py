"""What a model version may be called.

The name is a folder under the registry root, a key in the database (128 characters at most) and something that people
type, so it is plain: letters, digits, dot, underscore and dash.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from routing_etl.errors import RegistryError

MAX_LENGTH = 128
#: Pointers that people use instead of a version name.
ALIASES = ("champion", "challenger")
#: Names that the registry uses itself, in lower case.
RESERVED = frozenset({*ALIASES, "latest", "none", "aliases.json", "aliases.audit.jsonl", "readme.md"})

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def check_name(name: str) -> str:
    """Return the name if it can be a version's name.

    Raises
    ------
    RegistryError
        The name is empty, too long, a path, an alias, or holds another character; says which.
    """
    remedy = f"Use letters, digits, '.', '_' and '-' (at most {MAX_LENGTH}), or leave the name out for a timestamp."
    if not name:
        raise RegistryError("A model version needs a name; '' is none.", remedy=remedy)
    if len(name) > MAX_LENGTH:
        raise RegistryError(
            f"Model version name {name[:40]!r}... has {len(name)} characters, at most {MAX_LENGTH} are allowed.",
            remedy=remedy,
        )
    if name.lower() in RESERVED:
        raise RegistryError(
            f"Model version name {name!r} is reserved: it is an alias or a file of the registry.",
            remedy=remedy,
        )
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise RegistryError(f"Model version name {name!r} is not usable.", remedy=remedy)
    return name


def timestamp_name(now: datetime | None = None) -> str:
    """`version_YYYYmmddHHMMSS` of this moment in UTC, or of `now`."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("version_%Y%m%d%H%M%S")
