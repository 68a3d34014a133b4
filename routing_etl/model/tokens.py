"""Attributes to tokens and numbers: the one normalisation that training and prediction share.

A *level* is one way to read an attribute: its whole value, a prefix of a code, the words of a text. Every level has its
own vocabulary, learned in `fit`; a missing value is a token of its own, a value never seen is no token at all.

What belongs here: text normalisation, splitting, vocabularies, numbers found in texts. What does not: anything that
knows about routings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.errors import ModelError
from routing_etl.frames import AttributeSpec

MISSING = "\x00missing"
UNKNOWN = -1

_PREFIXES = {"code": (1, 2, 3, 4, 6), "category": (), "text": ()}
_WORD = r"[^\s,;:|()\[\]{}/+\-_#\"'~*=<>]+"
_NUMBER = r"\d+(?:\.\d+)?"
_POSITIONS = {"text": (0, 1, 2, 3, 4, -1, -2), "code": (0, 1, 2), "category": ()}
_PLACE = r"[^\s\-|,;]+"
#: A run of three and more tokens of one or two characters: a coded specification such as "5 U 4 X".
_RUN = r"(?:^|\s)((?:[0-9A-Z]{1,2}\s){2,}[0-9A-Z]{1,2})(?:\s|$)"
_RUN_PLACES = 6
#: Letters that end a text after a digit or a sign: option letters such as "/KLZ" or "2PL".
_OPTIONS = r"[/\-<\d]([A-Z]{1,7})(?:\s\||$)"
_SMALL = 64

#: Name of the joined texts; some plants write the same facts into one text field or another.
JOINED = "\x00texts"


@dataclass(frozen=True)
class Level:
    """One way to read one attribute (or all texts joined, `JOINED`).

    Single-valued kinds: value, prefix and suffix (of `width` characters), shape, place (the `width`-th part, from the
    end when negative), run (the `width`-th token of a coded run). Many-valued: word, letter (option letters).
    """

    attribute: str
    kind: str
    width: int = 0

    @property
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
            return column.str.extract(_OPTIONS).str.split("").list.unique()
        return column.str.extract_all(_WORD).list.unique()


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


@dataclass
class TokenTable:
    """Coded items: `codes` per single-valued level (-1: never seen), `words` per many-valued level, numbers n x d."""

    codes: dict[str, NDArray[np.int32]]
    words: dict[str, sparse.csr_matrix]
    numbers: NDArray[np.float32]


@dataclass
class Tokeniser:
    """Learns vocabularies and turns items into a `TokenTable`.

    Parameters
    ----------
    attributes: what to read. min_count: rarest token kept. max_words: most words kept per level.
    """

    attributes: Sequence[AttributeSpec]
    min_count: int = 2
    max_words: int = 2000
    levels: list[Level] = field(default_factory=list)
    vocabularies: dict[str, pl.Series] = field(default_factory=dict)
    lookups: dict[str, dict[str, int]] = field(default_factory=dict)
    number_names: list[str] = field(default_factory=list)
    number_attributes: list[str] = field(default_factory=list)
    text_numbers: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Names of the attributes that are not numbers."""
        return [a.name for a in self.attributes if a.kind != "number"]

    @property
    def measures(self) -> list[str]:
        """Names of the attributes that are numbers."""
        return [a.name for a in self.attributes if a.kind == "number"]

    def check(self, items: pl.DataFrame) -> None:
        """Every attribute is there, with a usable type.

        Raises
        ------
        ModelError: names the missing or mistyped columns.
        """
        missing = [a.name for a in self.attributes if a.name not in items.columns]
        if missing:
            raise ModelError(
                f"The items lack the attribute column(s) {', '.join(missing)} that the model was trained with.",
                remedy="Extract with the profile the model was trained with, or train a new model.",
            )
        wrong = [n for n in self.measures if not (items[n].dtype.is_numeric() or items[n].dtype == pl.Null)]
        if wrong:
            raise ModelError(
                f"Attribute column(s) {', '.join(f'{n} ({items[n].dtype})' for n in wrong)} must be numbers.",
                remedy="Declare the attribute as category, code or text in the profile, or clean its values.",
            )

    def fit(self, items: pl.DataFrame) -> Tokeniser:
        """Learn vocabularies from the training items."""
        self.check(items)
        kinds = {a.name: a.kind for a in self.attributes}
        texts = self._texts(items)
        for name in self.texts:
            kind = kinds[name]
            candidates = [Level(name, "value")]
            candidates += [Level(name, "prefix", w) for w in _PREFIXES.get(kind, ())]
            if kind == "code":
                candidates += [Level(name, "suffix", 2), Level(name, "shape")]
            candidates += [Level(name, "place", k) for k in _POSITIONS.get(kind, ())]
            candidates.append(Level(name, "word"))
            self._fit_levels(candidates, texts)
        if JOINED in texts.columns:
            joined = [Level(JOINED, "run", k) for k in range(_RUN_PLACES)]
            self._fit_levels([*joined, Level(JOINED, "letter"), Level(JOINED, "word")], texts)
        self._fit_numbers(items, texts, kinds)
        return self

    def _texts(self, items: pl.DataFrame) -> pl.DataFrame:
        """Normalised texts, and all free texts joined."""
        texts = items.select([normalise(n) for n in self.texts])
        free = [a.name for a in self.attributes if a.kind == "text"]
        if not free:
            return texts
        joined = pl.concat_str([pl.col(n) for n in free], separator=" | ", ignore_nulls=True)
        return texts.with_columns(pl.when(joined != "").then(joined).alias(JOINED))

    def _fit_levels(self, levels: Sequence[Level], texts: pl.DataFrame) -> None:
        """Learn the vocabularies of an attribute's levels, all of them read at once."""
        read = texts.select([level.tokens() for level in levels])
        for level in levels:
            self._fit_level(level, texts, read[level.name])

    def _fit_level(self, level: Level, texts: pl.DataFrame, tokens: pl.Series) -> None:
        """Keep the level with its vocabulary when it tells items apart. `tokens`: what the level reads in `texts`."""
        if level.many:
            tokens = tokens.explode(empty_as_null=False, keep_nulls=False)
        counts = tokens.value_counts(name="n").rename({tokens.name: "token"})
        counts = counts.filter(pl.col("n") >= self.min_count)
        if level.many:
            counts = counts.filter((pl.col("n") < texts.height * 0.98) & (pl.col("n") >= 3))
            counts = counts.sort("n", "token", descending=[True, False]).head(self.max_words)
        vocabulary = counts["token"].sort()
        if vocabulary.len() < 2 and not (level.many and vocabulary.len()):
            return
        whole = self.vocabularies.get(f"{level.attribute}|value")
        if level.kind == "word" and whole is not None:
            single = texts.select(
                (pl.col(level.attribute).str.count_matches(_WORD) <= 1).fill_null(True).all()
            ).item()
            if single:
                return
        self.levels.append(level)
        self.vocabularies[level.name] = vocabulary
        self.lookups[level.name] = {t: i for i, t in enumerate(vocabulary.to_list())}

    def _fit_numbers(self, items: pl.DataFrame, texts: pl.DataFrame, kinds: Mapping[str, str]) -> None:
        n = items.height
        present = [m for m in self.measures if items[m].drop_nulls().n_unique() > 1]
        self.number_names, self.number_attributes = list(present), list(present)
        units = {a.name: a.unit for a in self.attributes}
        filled = {m: n - items[m].null_count() for m in present}
        pairs = [(a, b) for i, a in enumerate(present) for b in present[i + 1 :] if units[a] == units[b]]
        pairs = [
            p for p in pairs if items.select((pl.col(p[0]) + pl.col(p[1])).is_not_null().mean()).item() > 0.01
        ]
        self.pairs = sorted(pairs, key=lambda p: -min(filled[p[0]], filled[p[1]]))[:6]
        for a, b in self.pairs:
            self.number_names += [f"{a} - {b}", f"{a} / {b}"]
            self.number_attributes += [a, a]
        self.text_numbers = []
        for name in self.texts:
            if kinds[name] == "category":
                continue
            first = texts.select(pl.col(name).str.extract(f"({_NUMBER})").cast(pl.Float64, strict=False))
            if first.to_series().drop_nulls().n_unique() > 5 and first.null_count().item() < 0.95 * n:
                self.text_numbers.append(name)
                self.number_names += [
                    f"{name} first number",
                    f"{name} second number",
                    f"{name} largest number",
                ]
                self.number_attributes += [name] * 3

    def transform(self, items: pl.DataFrame) -> TokenTable:
        """Code items with the learned vocabularies."""
        self.check(items)
        texts = self._texts(items)
        columns = texts.select([level.tokens() for level in self.levels])
        if items.height <= _SMALL:
            return self._few(columns, self._numbers(items, texts))
        codes = {
            level.name: self._codes(level.name, columns[level.name])
            for level in self.levels
            if not level.many
        }
        words = {
            level.name: self._words(level.name, columns[level.name]) for level in self.levels if level.many
        }
        return TokenTable(codes, words, self._numbers(items, texts))

    def _few(self, columns: pl.DataFrame, numbers: NDArray[np.float32]) -> TokenTable:
        """The same for a few items: dictionaries answer at once, where a frame's every call costs a millisecond's part."""
        codes: dict[str, NDArray[np.int32]] = {}
        words: dict[str, sparse.csr_matrix] = {}
        values = columns.to_dict(as_series=False)
        for level in self.levels:
            get = self.lookups[level.name].get
            if not level.many:
                codes[level.name] = np.array([get(t, UNKNOWN) for t in values[level.name]], dtype=np.int32)
                continue
            found = [
                sorted({c for c in map(get, tokens or ()) if c is not None}) for tokens in values[level.name]
            ]
            flat = [c for row in found for c in row]
            words[level.name] = sparse.csr_matrix(
                (np.ones(len(flat), np.float32), flat, np.cumsum([0, *map(len, found)])),
                shape=(len(found), self.vocabularies[level.name].len()),
            )
        return TokenTable(codes, words, numbers)

    def _codes(self, name: str, tokens: pl.Series) -> NDArray[np.int32]:
        enum = pl.Enum(self.vocabularies[name])
        coded = tokens.cast(enum, strict=False).to_physical().cast(pl.Int32)
        return coded.fill_null(UNKNOWN).to_numpy().astype(np.int32)

    def _words(self, name: str, lists: pl.Series) -> sparse.csr_matrix:
        n, width = lists.len(), self.vocabularies[name].len()
        frame = pl.DataFrame({"row": np.arange(n, dtype=np.int64), "token": lists})
        frame = frame.explode("token").drop_nulls()
        code = self._codes(name, frame["token"].cast(pl.String))
        keep = code >= 0
        rows = frame["row"].to_numpy()[keep]
        data = np.ones(int(keep.sum()), dtype=np.float32)
        return sparse.csr_matrix((data, (rows, code[keep])), shape=(n, width))

    def _numbers(self, items: pl.DataFrame, texts: pl.DataFrame) -> NDArray[np.float32]:
        present = [n for n in self.number_names if n in self.measures]
        expressions: list[pl.Expr] = [pl.col(n).cast(pl.Float32) for n in present]
        for a, b in self.pairs:
            left, right = pl.col(a).cast(pl.Float32), pl.col(b).cast(pl.Float32)
            expressions.append((left - right).alias(f"{a} - {b}"))
            expressions.append(pl.when(right != 0).then(left / right).alias(f"{a} / {b}"))
        frame = items.select(expressions) if expressions else pl.DataFrame()
        if self.text_numbers:
            found = texts.select(
                [
                    pl.col(n).str.extract_all(_NUMBER).cast(pl.List(pl.Float32), strict=False).alias(n)
                    for n in self.text_numbers
                ]
            )
            extra = found.select(
                [
                    e
                    for n in self.text_numbers
                    for e in (
                        pl.col(n).list.get(0, null_on_oob=True).alias(f"{n} first number"),
                        pl.col(n).list.get(1, null_on_oob=True).alias(f"{n} second number"),
                        pl.col(n).list.max().alias(f"{n} largest number"),
                    )
                ]
            )
            frame = frame.hstack(extra) if frame.width else extra
        if not frame.width:
            return np.empty((items.height, 0), dtype=np.float32)
        values = frame.select([pl.col(c).fill_null(float("nan")) for c in frame.columns]).to_numpy()
        return np.ascontiguousarray(values, dtype=np.float32)
