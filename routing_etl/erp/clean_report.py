"""What cleaning reports: the account of each frame, the spellings that were not kept, and the whole.

Belongs here: the types that the run folder keeps. Does not: how an account is filled (`clean_frame`), and the sentences
that are made of it (`clean_warnings`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

#: Pairs of spellings that the report names; the file beside the clean frames has all.
PAIRS_KEPT = 50
#: Rules by which a row is counted within another row of its frame, not left out: reports of one order, machines of one operation.
MERGED = ("part_of_order", "alternative_machine")


@dataclass(frozen=True)
class FrameClean:
    """The account of one frame.

    Parameters
    ----------
    rows_in : int
        Raw rows.
    rows_kept : int
        Rows of the canonical frame.
    rows_rejected : int
        Rows that cannot be used, kept among the rejects.
    rows_filtered : int
        Sound rows that are no rows of their own: not wanted (too old, after the cut-off date), or counted within another row.
    rejects : dict of str to int
        Rejected rows by rule.
    filtered : dict of str to int
        Filtered rows by rule.
    repairs : dict of str to dict of str to int
        Repaired or noticed values by rule and column.
    seconds : float
        Time taken.
    examples : dict of str to tuple of str
        Keys of a few rejected rows by rule.
    words : dict of str to dict of str to int
        The most frequent values that a repair met, with their rows, by rule; of the rules that keep them.
    different : dict of str to int
        How many different values there are, by the same rules.
    """

    rows_in: int
    rows_kept: int
    rows_rejected: int
    rows_filtered: int
    rejects: dict[str, int]
    filtered: dict[str, int]
    repairs: dict[str, dict[str, int]]
    seconds: float
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)

    @property
    def rows_merged(self) -> int:
        """Filtered rows that are counted within another row."""
        return sum(self.filtered.get(rule, 0) for rule in MERGED)


@dataclass(frozen=True)
class Respelled:
    """A spelling of a code that is counted as another one.

    Parameters
    ----------
    column : str
        Column of the canonical frames.
    spelling : str
        Spelling in the ERP.
    rows : int
        Raw rows that have it, over all frames.
    kept : str
        Spelling that it is counted as: that of most rows.
    kept_rows : int
        Raw rows that have the kept spelling.
    """

    column: str
    spelling: str
    rows: int
    kept: str
    kept_rows: int

    def __str__(self) -> str:
        return (
            f"{self.column}: {self.spelling!r} ({_in_rows(self.rows)}) is counted as {self.kept!r} "
            f"({_in_rows(self.kept_rows)})"
        )


def _in_rows(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


@dataclass(frozen=True)
class CleanReport:
    """What cleaning did.

    Parameters
    ----------
    frames : dict of str to FrameClean
        The account of every frame.
    as_of : datetime.date
        Day on which the validity of routings and the age of results were asked.
    cutoff : datetime.date or None
        Last day whose data are used; None: all.
    attributes : tuple of str
        Item attributes that hold any value.
    warnings : tuple of str
        Sentences about what people should look at.
    seconds : float
        Time taken.
    respelled : tuple of Respelled
        Spellings of codes that are counted as another one, those with most rows first; at most `PAIRS_KEPT`. The file
        `code_spellings.parquet` beside the clean frames has all.
    respelled_count : int
        How many such spellings there are.
    """

    frames: dict[str, FrameClean]
    as_of: date
    cutoff: date | None
    attributes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    respelled: tuple[Respelled, ...] = ()
    respelled_count: int = 0

    @property
    def rejects(self) -> dict[str, int]:
        """Rejected rows by `frame.rule`."""
        return {f"{n}.{r}": c for n, f in self.frames.items() for r, c in sorted(f.rejects.items())}

    @property
    def repairs(self) -> dict[str, int]:
        """Repaired or noticed values by `frame.rule`."""
        return {
            f"{n}.{r}": sum(c.values()) for n, f in self.frames.items() for r, c in sorted(f.repairs.items())
        }
