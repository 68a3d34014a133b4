"""The ways to read one attribute, each twice: as an expression over a column, and in Python for a text alone.

A column of a hundred thousand texts wants the one, a single item the other: an expression costs a millisecond's part for
every way, whatever the number of rows. Both give the same tokens; a test compares them on arbitrary texts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import polars as pl

MISSING = "\x00missing"

#: A word of a normalised text.
WORD = r"[^\s,;:|()\[\]{}/+\-_#\"'~*=<>]+"
_NUMBER = r"\d+(?:\.\d+)?"
_PLACE = r"[^\s\-|,;]+"
#: A run of three and more tokens of one or two characters: a coded specification such as "5 U 4 X".
_RUN = r"(?:^|\s)((?:[0-9A-Z]{1,2}\s){2,}[0-9A-Z]{1,2})(?:\s|$)"
#: Letters that stand together behind a sign or a digit: option letters such as "/KLZ" or "2PL". Each is a token of its own with
#: its sign, 9 for a digit, wherever in the text they stand: twelve letters make thousands of combinations.
_OPTIONS = {
    sign: rf"{mark}[A-Z]{{1,7}}(?:\s|$)"
    for sign, mark in (("/", "/"), ("-", "-"), ("<", "<"), ("9", "[0-9]"))
}
#: White space of Unicode; Python's own also takes four control characters for it.
_BLANKS = re.compile("[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def _python(pattern: str) -> re.Pattern[str]:
    """The pattern for normalised texts, which have no other white space than single blanks, and no line ends."""
    return re.compile(pattern.replace(r"\s", " ").replace("$", r"\Z"))


_WORDS, _NUMBERS, _PLACES, _RUNS = map(_python, (WORD, _NUMBER, _PLACE, _RUN))
_LETTERS = {sign: _python(pattern) for sign, pattern in _OPTIONS.items()}
_DIGITS, _CAPITALS, _CAPITAL = re.compile(r"\d+"), re.compile(r"[A-Z]+"), re.compile("[A-Z]")


@dataclass(frozen=True)
class Level:
    """One way to read one attribute (or all free texts joined).

    Single-valued kinds: value, prefix and suffix (of `width` characters), shape, place (the `width`-th part, from the
    end when negative), run (the `width`-th token of a coded run). Many-valued: word, letter (option letters, each with the sign before them).
    """

    attribute: str
    kind: str
    width: int = 0

    @cached_property
    def name(self) -> str:
        """Readable name, unique in a model."""
        width = self.width if self.kind not in ("value", "shape", "word", "letter") else ""
        return f"{self.attribute}|{self.kind}{width}"

    @property
    def many(self) -> bool:
        """Whether one item can have several tokens of this level."""
        return self.kind in ("word", "letter")

    @cache  # noqa: B019 - levels are few and frozen; building expressions costs one item a fifth of its time
    def tokens(self) -> pl.Expr:
        """The level's column of tokens, named after it; a missing single value is a token of its own."""
        read = self.expression(pl.col(self.attribute))
        return (read if self.many else read.fill_null(MISSING)).alias(self.name)

    def expression(self, column: pl.Expr) -> pl.Expr:
        """The level's token(s) from the normalised text."""
        if self.kind == "value":
            return column
        if self.kind == "prefix":
            return pl.when(column.str.len_chars() > self.width).then(column.str.slice(0, self.width))
        if self.kind == "suffix":
            return pl.when(column.str.len_chars() > self.width + 1).then(column.str.tail(self.width))
        if self.kind == "shape":
            return column.str.replace_all(r"\d+", "9").str.replace_all(r"[A-Z]+", "A")
        if self.kind == "place":
            return column.str.extract_all(_PLACE).list.get(self.width, null_on_oob=True)
        if self.kind == "run":
            return column.str.extract(_RUN).str.split(" ").list.get(self.width, null_on_oob=True)
        if self.kind == "letter":
            return pl.concat_list([_option_letters(column, sign) for sign in _OPTIONS])
        return column.str.extract_all(WORD).list.unique()

    def read(self, text: str | None) -> str:
        """The same of one normalised text; `MISSING` where it has no such token. Of single-valued kinds."""
        token = None if text is None else self._single(text)
        return MISSING if token is None else token

    def read_all(self, text: str | None) -> set[str]:
        """The same of one normalised text, of many-valued kinds."""
        if text is None:
            return set()
        if self.kind == "word":
            return set(_WORDS.findall(text))
        return {
            sign + letter
            for sign, pattern in _LETTERS.items()
            for run in pattern.findall(text)
            for letter in _CAPITAL.findall(run)
        }

    def _single(self, text: str) -> str | None:
        if self.kind == "value":
            return text
        if self.kind == "prefix":
            return text[: self.width] if len(text) > self.width else None
        if self.kind == "suffix":
            return text[-self.width :] if len(text) > self.width + 1 else None
        if self.kind == "shape":
            return _CAPITALS.sub("A", _DIGITS.sub("9", text))
        parts = _places(text) if self.kind == "place" else _run(text)
        inside = -len(parts) <= self.width < len(parts)
        return parts[self.width] if inside else None


def _option_letters(column: pl.Expr, sign: str) -> pl.Expr:
    """The letters that stand behind one sign, each once, with the sign before it."""
    runs = column.str.extract_all(_OPTIONS[sign]).list.join("")
    return runs.str.extract_all("[A-Z]").list.unique().list.eval(pl.lit(sign) + pl.element())


@lru_cache(maxsize=1024)
def _places(text: str) -> list[str]:
    return _PLACES.findall(text)


@lru_cache(maxsize=1024)
def _run(text: str) -> list[str]:
    found = _RUNS.search(text)
    return found[1].split(" ") if found else []


@cache
def normalise(name: str) -> pl.Expr:
    """Text as the model sees it: NFKC, upper case, blanks collapsed and trimmed, blank = missing."""
    text = (
        pl.col(name)
        .cast(pl.String)
        .str.normalize("NFKC")
        .str.to_uppercase()
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
    return pl.when(text.str.len_chars() > 0).then(text).alias(name)


def normalised(text: str | None) -> str | None:
    """The same as `normalise`, of one text."""
    if text is None:
        return None
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).upper()).strip(" ") or None


#: Numbers read from a text, in this order.
TEXT_NUMBERS = ("first number", "second number", "largest number")


def numbers_in(name: str) -> tuple[pl.Expr, ...]:
    """Columns `name first number`, ... of the numbers in a normalised text, NULL where it has none."""
    found = pl.col(name).str.extract_all(_NUMBER).cast(pl.List(pl.Float32), strict=False)
    picked = found.list.get(0, null_on_oob=True), found.list.get(1, null_on_oob=True), found.list.max()
    return tuple(e.alias(f"{name} {kind}") for e, kind in zip(picked, TEXT_NUMBERS, strict=True))


def first_number(name: str) -> pl.Expr:
    """The first number in a normalised text."""
    return pl.col(name).str.extract(f"({_NUMBER})").cast(pl.Float64, strict=False)


def read_numbers(text: str | None) -> tuple[float, float, float]:
    """The same as `numbers_in`, of one text; NaN where it has none."""
    nan = float("nan")
    if text is None:
        return nan, nan, nan
    # A digit of another script is a digit, but no number that can be read.
    found = [float(n) if n.isascii() else nan for n in _NUMBERS.findall(text)]
    largest = max((n for n in found if n == n), default=nan)
    return (found[0] if found else nan), (found[1] if len(found) > 1 else nan), largest


def words_in(name: str) -> pl.Expr:
    """Number of words in a normalised text."""
    return pl.col(name).str.count_matches(WORD)
