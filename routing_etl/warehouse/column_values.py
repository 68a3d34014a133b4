"""Values as the columns of our tables take them: texts cut where that is allowed, keys refused where it is not, JSON.

Belongs here: what fits a value to its column. Does not: which values are stored. A text that is longer than its column
is cut, and ends with how long it was. Keys and names that are too long are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from routing_etl.errors import WarehouseError


def cut(text: str, length: int) -> str:
    """The text, cut to `length` if it is longer; the end of a cut text says how long it was."""
    if len(text) <= length:
        return text
    mark = f"... [cut, {len(text)} characters]"
    return text[: max(0, length - len(mark))] + mark[:length]


def length_of(column: sa.Column[Any]) -> int:
    """How many characters a column takes; of one without a limit a number that no text reaches."""
    length = getattr(column.type, "length", None)
    return length if length is not None else 1_000_000_000


def as_json(value: Mapping[str, Any] | None) -> str | None:
    """A mapping as the text that is stored; None stays None."""
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def fitted(table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with texts cut to their columns; keys are left as they are."""
    return {
        k: cut(v, length_of(table.c[k])) if isinstance(v, str) and not table.c[k].primary_key else v
        for k, v in values.items()
    }


def require_short(table: sa.Table, name: str, value: str) -> None:
    """Refuse a key that is empty or too long for its column.

    Raises
    ------
    WarehouseError
        It is.
    """
    length = length_of(table.c[name])
    if not value or len(value) > length:
        raise WarehouseError(
            f"{name} {value!r} has {len(value)} characters.", remedy=f"Use 1 to {length} characters."
        )
