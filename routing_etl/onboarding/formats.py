"""Formats of a standard: a column such as `STD_FORMAT` whose words say hours per piece, pieces per hour or fixed hours.

Taken for units of time, pieces per hour would be read as hours: a format is the basis of the run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Formats that cannot be misread once a rate is among them, in upper case without blanks, as `run_basis_words` means them.
_MEANING: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("HP", "HRS/PIECE", "HOURS/PIECE", "HR/PC", "HRS/PC", "HRS/PART", "HOURS/PART"), "hours_per_piece"),
        **dict.fromkeys(("MP", "MINUTES/PIECE", "MIN/PIECE", "MIN/PC", "MIN/PART", "MINS/PART"), "minutes_per_piece"),
        **dict.fromkeys(("PH", "PIECES/HOUR", "PCS/HR", "PCS/H", "PARTS/HR", "PARTS/HOUR"), "pieces_per_hour"),
        **dict.fromkeys(("PM", "PIECES/MINUTE", "PCS/MIN", "PARTS/MIN"), "pieces_per_minute"),
        **dict.fromkeys(("FIXEDHRS", "FIXEDHOURS"), "hours_per_order"),
        **dict.fromkeys(("FIXEDMIN", "FIXEDMINS", "FIXEDMINUTES"), "minutes_per_order"),
    }
)  # fmt: skip


def format_words(words: Mapping[str, int]) -> dict[str, str | None] | None:
    """Understand the words of a column as formats; None where they are none.

    Parameters
    ----------
    words : mapping of str to int
        The column's words with their rows.

    Returns
    -------
    dict of str to (str or None) or None
        Word -> basis of the run time, None for one that is not known. At least a rate and a second format must be among them.
    """
    meaning = {word: _MEANING.get("".join(word.upper().split())) for word in words}
    known = {m for m in meaning.values() if m is not None}
    return meaning if len(known) > 1 and any(m.startswith("pieces_per") for m in known) else None
