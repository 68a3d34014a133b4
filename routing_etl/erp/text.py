"""Text of the ERP made comparable: blanks, full-width characters, words that mean "missing".

One function cleans every text column of every frame, so that training and prediction cannot differ. It works on the
distinct values, whose number hardly grows with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import SupportsInt

import polars as pl

#: Different values of one rule that are kept of each piece of a frame.
_MOST_WORDS = 1_000


class Counter:
    """Counts rows by rule and column. Columns in `ignore` are not counted: this ERP does not have them."""

    def __init__(self, ignore: Iterable[str] = ()) -> None:
        self.ignore = frozenset(ignore)
        self.by_rule: dict[str, dict[str, int]] = {}
        self.words: dict[str, dict[str, int]] = {}

    def add(self, rule: str, column: str, rows: SupportsInt) -> None:
        """Count rows for a rule on a column; 0 leaves no trace."""
        count = int(rows)
        if count and column not in self.ignore:
            columns = self.by_rule.setdefault(rule, {})
            columns[column] = columns.get(column, 0) + count

    def add_words(self, rule: str, column: str, words: pl.Series) -> None:
        """Count rows for a rule on a column, and the values that they have; NULL counts for nothing."""
        found = words.drop_nulls().cast(pl.String).alias("word").value_counts(name="rows")
        self.add(rule, column, int(found["rows"].sum()))
        if found.is_empty() or column in self.ignore:
            return
        known = self.words.setdefault(rule, {})
        for word, rows in found.sort("rows", "word", descending=[True, False]).head(_MOST_WORDS).iter_rows():
            known[word] = known.get(word, 0) + rows

    def most_often(self, rule: str, most: int) -> dict[str, int]:
        """The most frequent values of a rule with their rows, the most frequent first."""
        ordered = sorted(self.words.get(rule, {}).items(), key=lambda each: (-each[1], each[0]))
        return dict(ordered[:most])

    def totals(self) -> dict[str, int]:
        """Rows per rule, over all columns."""
        return {rule: sum(columns.values()) for rule, columns in sorted(self.by_rule.items())}


@dataclass(frozen=True)
class TextRule:
    """How the values of a text column are cleaned. Words are compared whole, after cleaning, without case.

    Parameters
    ----------
    null_words : tuple of str
        Values that mean NULL.
    placeholder_words : tuple of str
        Values that stand for "unknown": NULL, and flagged.
    upper : bool
        Turn the text into upper case.
    right_trim : str
        Characters cut off the end.
    remove : dict of str to str
        Mark to the text that is written for it; the text is removed and the rows noted.
    """

    null_words: tuple[str, ...] = ()
    placeholder_words: tuple[str, ...] = ()
    upper: bool = False
    right_trim: str = ""
    remove: dict[str, str] = field(default_factory=dict)


#: Rule that counts values whose bytes are not text in the database's encoding.
NOT_TEXT = "not_text"


def _is_broken(text: pl.Expr) -> pl.Expr:
    return text.str.contains("\ufffd", literal=True)


def count_broken(codes: pl.Series, column: str, counter: Counter) -> None:
    """Count values with U+FFFD, which stands for bytes that are not text in the database's encoding.

    For the columns that do not go through `clean_text`, which counts them itself.
    """
    counter.add(NOT_TEXT, column, codes.to_frame("c").select(_is_broken(pl.col("c")).sum()).item() or 0)


def normalised(text: pl.Expr) -> pl.Expr:
    """Normalise to NFKC, collapse blanks and control characters to one blank, and trim."""
    return text.str.normalize("NFKC").str.replace_all(r"[\s\p{Cc}]+", " ").str.strip_chars()


def _words(words: Iterable[str]) -> list[str]:
    series = pl.Series(list(words), dtype=pl.String)
    return series.to_frame("w").select(normalised(pl.col("w")).str.to_lowercase()).to_series().to_list()


@dataclass(frozen=True)
class CleanText:
    """Cleaned values, the rows that held a placeholder (None: no row did), and the rows that bore each mark."""

    values: pl.Series
    placeholder: pl.Series | None
    marks: dict[str, pl.Series]


def clean_text(values: pl.Series, rule: TextRule, column: str, counter: Counter) -> CleanText:
    """Clean one text column and count each repair.

    Rules counted: `blank_to_null`, `null` (was NULL already), `null_word`, `placeholder`, `odd_blanks` (trimmed,
    collapsed, control characters or NFKC), `upper_case`, `mark_removed`, `not_text` (see `count_broken`).

    Parameters
    ----------
    values : polars.Series
        Values as they were read.
    rule : TextRule
        What to do with them.
    column : str
        Name of the column, for the counts and the result.
    counter : Counter
        Takes the counts.
    """
    name = "raw"
    distinct = values.alias(name).to_frame().group_by(name).agg(pl.len().alias("rows"))
    counter.add("null", column, _rows(distinct, pl.col(name).is_null()))
    distinct = distinct.filter(pl.col(name).is_not_null()).with_columns(
        normalised(pl.col(name)).alias("clean")
    )
    counter.add(NOT_TEXT, column, _rows(distinct, _is_broken(pl.col(name))))
    blank = pl.col("clean") == ""
    counter.add("blank_to_null", column, _rows(distinct, blank))
    counter.add("odd_blanks", column, _rows(distinct, ~blank & (pl.col("clean") != pl.col(name))))
    marks = [
        pl.col("clean").str.to_uppercase().str.contains(t.upper(), literal=True).alias(f"mark_{m}")
        for m, t in rule.remove.items()
    ]
    distinct = distinct.with_columns(marks)
    for mark, token in rule.remove.items():
        counter.add("mark_removed", column, _rows(distinct, pl.col(f"mark_{mark}")))
        pattern = "(?i)" + "".join(f"\\{c}" if not c.isalnum() else c for c in token)
        distinct = distinct.with_columns(
            normalised(pl.col("clean").str.replace_all(pattern, " ")).alias("clean")
        )
    if rule.right_trim:
        distinct = distinct.with_columns(pl.col("clean").str.strip_chars_end(rule.right_trim).alias("clean"))
    if rule.upper:
        upper = pl.col("clean").str.to_uppercase()
        counter.add("upper_case", column, _rows(distinct, upper != pl.col("clean")))
        distinct = distinct.with_columns(upper.alias("clean"))
    lower = pl.col("clean").str.to_lowercase()
    distinct = distinct.with_columns(
        lower.is_in(_words(rule.null_words)).alias("null_word"),
        lower.is_in(_words(rule.placeholder_words)).alias("placeholder"),
    )
    counter.add("null_word", column, _rows(distinct, pl.col("null_word")))
    counter.add("placeholder", column, _rows(distinct, pl.col("placeholder")))
    missing = (pl.col("clean") == "") | pl.col("null_word") | pl.col("placeholder")
    distinct = distinct.with_columns(pl.when(~missing).then(pl.col("clean")).alias("clean"))
    flagged = distinct["placeholder"].any() or any(distinct[f"mark_{m}"].any() for m in rule.remove)
    changed = distinct.filter(pl.col("clean").is_null() | (pl.col("clean") != pl.col(name))).height
    if not changed and not flagged:
        return CleanText(values.alias(column), None, {})
    joined = values.alias(name).to_frame().join(distinct, on=name, how="left", maintain_order="left")
    return CleanText(
        joined["clean"].alias(column),
        joined["placeholder"].fill_null(False) if distinct["placeholder"].any() else None,
        {m: joined[f"mark_{m}"].fill_null(False) for m in rule.remove if distinct[f"mark_{m}"].any()},
    )


def _rows(distinct: pl.DataFrame, condition: pl.Expr) -> int:
    return int(distinct.filter(condition)["rows"].sum())


def own_number(column: str) -> pl.Expr:
    """The number as both sides write it: trimmed, in upper case, numbers without leading zeros and `.0`."""
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_uppercase()
    text = text.str.replace(r"^0*(\d+?)(\.0+)?$", "${1}")
    return pl.when(text != "").then(text)
