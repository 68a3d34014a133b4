"""Attributes to tokens and numbers: the one normalisation that training and prediction share.

A *level* is one way to read an attribute: its whole value, a prefix of a code, the words of a text. Every level has its
own vocabulary, learned in `fit`; a missing value is a token of its own, a value never seen is no token at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.errors import ModelError
from routing_etl.frames import MAX_SOURCE, AttributeSpec
from routing_etl.model.attributes.designs import MOST_SIBLINGS, names_designs
from routing_etl.model.attributes.guesses import DesignSizes, NumberColumns, SizeGuesses
from routing_etl.model.attributes.levels import (
    TEXT_NUMBERS,
    Level,
    first_number,
    normalise,
    normalised,
    numbers_in,
    read_numbers,
    words_in,
)
from routing_etl.model.attributes.phrases import PhraseLists, Phrases
from routing_etl.model.attributes.sizes import MOST_READ, SizeReader
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW, ranges

UNKNOWN = -1

_NO_TEXT = (pl.Binary, pl.Object)

_PREFIXES = {"code": (1, 2, 3, 4, 6), "category": (), "text": ()}
_POSITIONS = {"text": (0, 1, 2, 3, 4, -1, -2), "code": (0, 1, 2), "category": ()}
_RUN_PLACES = 6

#: Name of the joined texts; some plants write the same facts into one text field or another.
JOINED = "\x00texts"
_BETWEEN = " | "


@dataclass
class TokenLists:
    """The tokens of every item at a many-valued level: item i has `codes[bounds[i]:bounds[i + 1]]`, of `n_tokens`."""

    codes: Codes
    bounds: Ints
    n_tokens: int

    def matrix(self) -> sparse.csr_matrix:
        """Items x tokens, 0/1."""
        data = np.ones(len(self.codes), dtype=np.float32)
        return sparse.csr_matrix((data, self.codes, self.bounds), (len(self.bounds) - 1, self.n_tokens))

    def placed(self, places: NDArray[Any], rows: Ints | None = None) -> tuple[Ints, NDArray[Any]]:
        """Item and place of every token that has one. `places`: per code, -1 for none; `rows`: of these items only."""
        first, size = self.bounds[:-1], self.bounds[1:] - self.bounds[:-1]
        codes = self.codes
        if rows is not None:
            first, size = first[rows], size[rows]
            codes = codes[ranges(first, size)]
        place = places[codes]
        kept = place >= 0
        return np.repeat(np.arange(len(size)), size)[kept], place[kept]


@dataclass
class TokenTable:
    """Coded items: `codes` per single-valued level (-1: never seen), `words` per many-valued level, numbers n x d.

    `phrases` are those of all texts together; `known`: n x measures, whether the size is known, from the item or from its design.
    """

    codes: dict[str, Codes]
    words: dict[str, TokenLists]
    numbers: Floats
    phrases: PhraseLists = field(default_factory=PhraseLists.none)
    known: Bools = field(default_factory=lambda: np.empty((0, 0), bool))


@dataclass
class Tokeniser:
    """Learns vocabularies and turns items into a `TokenTable`.

    Parameters
    ----------
    attributes : sequence of AttributeSpec
        What to read.
    min_count : int, optional
        Rarest token kept.
    max_words : int, optional
        Most words kept per level.
    identifiers : sequence of str, optional
        Columns of codes that no two items share: nothing is learned from them but the sizes that they say.
    """

    attributes: Sequence[AttributeSpec]
    min_count: int = 2
    max_words: int = 2000
    identifiers: Sequence[str] = ()
    levels: list[Level] = field(default_factory=list)
    vocabularies: dict[str, pl.Series] = field(default_factory=dict)
    lookups: dict[str, dict[str, int]] = field(default_factory=dict)
    number_names: list[str] = field(default_factory=list)
    number_attributes: list[str] = field(default_factory=list)
    text_numbers: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    phrases: Phrases = field(default_factory=Phrases)
    sizes: SizeReader = field(default_factory=SizeReader)
    guesses: SizeGuesses = field(default_factory=SizeGuesses)

    @property
    def texts(self) -> list[str]:
        """Names of the attributes that are not numbers."""
        return [a.name for a in self.attributes if a.kind != "number"]

    @property
    def noted(self) -> list[str]:
        """Names of the attributes in which a note can stand: all that is written and no code."""
        return [a.name for a in self.attributes if a.kind in ("text", "category")]

    @property
    def written(self) -> list[str]:
        """Names of all columns of texts."""
        return list(dict.fromkeys([*self.texts, *self.identifiers]))

    @property
    def measures(self) -> list[str]:
        """Names of the attributes that are numbers."""
        return [a.name for a in self.attributes if a.kind == "number"]

    @property
    def sized(self) -> list[str]:
        """Names of the measures that are read, the first columns of the numbers."""
        return [name for name in self.number_names if name in self.measures]

    def check(self, items: pl.DataFrame) -> None:
        """Every attribute is there, with a usable type.

        Raises
        ------
        ModelError
            Names the missing or mistyped columns.
        """
        missing = [
            n for n in (*(a.name for a in self.attributes), *self.identifiers) if n not in items.columns
        ]
        if missing:
            raise ModelError(
                f"The items lack the attribute column(s) {', '.join(missing)} that the model was trained with.",
                remedy="Give items with these columns (in the pipeline: extract with the model's profile), or train a new model.",
            )
        unread = [n for n in self.written if items.schema[n].is_nested() or items.schema[n] in _NO_TEXT]
        if unread:
            raise ModelError(
                f"Attribute column(s) {', '.join(f'{n} ({items.schema[n]})' for n in unread)} must be texts.",
                remedy="Map a column of texts or codes in the profile, or join a list's values to one text.",
            )
        wrong = [n for n in self.measures if not (items[n].dtype.is_numeric() or items[n].dtype == pl.Null)]
        if wrong:
            raise ModelError(
                f"Attribute column(s) {', '.join(f'{n} ({items[n].dtype})' for n in wrong)} must be numbers.",
                remedy="Declare the attribute as category, code or text in the profile, or clean its values.",
            )

    def fit(self, items: pl.DataFrame, others: pl.DataFrame | None = None) -> Tokeniser:
        """Learn vocabularies from the training items.

        Parameters
        ----------
        items : polars.DataFrame
            The training items.
        others : polars.DataFrame, optional
            Items without a routing, with the columns of the attributes and identifiers: they show too which number of a text is which size.
        """
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
        measured = [m for m in self.number_names if m in self.measures]
        codes = [*(n for n in self.texts if kinds[n] == "code"), *self.identifiers]
        units = {a.name: a.unit for a in self.attributes}
        read, numbers = texts.select(*self.noted, *codes), items.select(measured)
        if others is not None and items.height < MOST_READ:
            self.check(others)
            more = others.head(MOST_READ - items.height)
            read = pl.concat([read, more.select([normalise(n) for n in read.columns])])
            numbers = pl.concat([numbers, more.select(measured)], how="vertical_relaxed")
        self.sizes = SizeReader().fit(read, numbers, codes, units)
        self.phrases = Phrases().fit(texts.select(self.noted))
        return self

    def _texts(self, items: pl.DataFrame) -> pl.DataFrame:
        """Normalised texts, and all free texts joined."""
        texts = items.select([normalise(n) for n in self.written])
        free = [a.name for a in self.attributes if a.kind == "text"]
        if not free:
            return texts
        joined = pl.concat_str([pl.col(n) for n in free], separator=_BETWEEN, ignore_nulls=True)
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
            single = texts.select((words_in(level.attribute) <= 1).fill_null(True).all()).item()
            if single:
                return
        self.levels.append(level)
        self.vocabularies[level.name] = vocabulary

    def _lookup(self, level: str) -> dict[str, int]:
        """Code of every token of a level, made when it is first asked for."""
        if level not in self.lookups:
            self.lookups[level] = {t: i for i, t in enumerate(self.vocabularies[level].to_list())}
        return self.lookups[level]

    def __getstate__(self) -> dict[str, Any]:
        """Without the lookups, which the vocabularies give: a saved model would hold every token as a text of its own."""
        return {**vars(self), "lookups": {}}

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
            first = texts.select(first_number(name))
            if first.to_series().drop_nulls().n_unique() > 5 and first.null_count().item() < 0.95 * n:
                self.text_numbers.append(name)
                self.number_names += [f"{name} {kind}" for kind in TEXT_NUMBERS]
                self.number_attributes += [name] * len(TEXT_NUMBERS)

    def guess_sizes(
        self,
        items: pl.DataFrame,
        table: TokenTable,
        folds: Ints,
        seed: int,
        others: pl.DataFrame | None = None,
    ) -> TokenTable:
        """Learn to guess the sizes that are missing from coded training items; the items with the guessed columns.

        Parameters
        ----------
        items : polars.DataFrame
            The training items.
        table : TokenTable
            The same, coded.
        folds : Ints
            Fold of every item.
        seed : int
            Seed of the items drawn.
        others : polars.DataFrame, optional
            Items without a routing, with the columns of the attributes and identifiers: the sizes of their designs are known all the same.
        """
        if others is not None:
            self.check(others)
        names = self.number_names
        present = tuple(self.sized)
        from_texts = len(names) - len(TEXT_NUMBERS) * len(self.text_numbers)
        told = np.array([*range(len(present)), *range(from_texts, len(names))], dtype=np.int64)
        designs = self._designs(items, others, present)
        self.guesses.fit(NumberColumns(table.numbers, present, told), table.codes, folds, seed, designs)
        for name in set(designs.codes) - set(self.guesses.designs):
            del self.vocabularies[_design(name)]
        self.number_names = [*names, *(f"{m} or a guess" for m in self.guesses.measures)]
        self.number_attributes = [*self.number_attributes, *self.guesses.measures]
        return self._with_guesses(table, items.select(normalise(n) for n in self.guesses.designs))

    def _designs(
        self, items: pl.DataFrame, others: pl.DataFrame | None, present: tuple[str, ...]
    ) -> DesignSizes:
        """All items by the attributes that name a design, whose vocabularies are learned here."""
        own = items.select(normalise(n) for n in self.texts)
        designs = [n for n in self.texts if names_designs(own[n])]
        if not designs or not present:
            return DesignSizes.none()
        read = dict.fromkeys([*designs, *(r.attribute for r in self.sizes.readings)])
        parts = [items] if others is None else [items, others]
        numbers = [pl.col(n).cast(pl.Float64) for n in present]
        every = pl.concat(f.select(*(normalise(n) for n in read), *numbers) for f in parts)
        texts = every.select(list(read))
        codes = {}
        for name in designs:
            counts = texts[name].drop_nulls().value_counts(name="n")
            # One item will do: a new one of its design takes its size.
            shared = counts.filter(pl.col("n") <= MOST_SIBLINGS)[name].sort()
            if shared.len():
                self.vocabularies[_design(name)] = shared
                codes[name] = self._codes(_design(name), texts[name])
        known = self.sizes.filled(texts, every.select(present))
        sizes = known.select(pl.col(n).cast(pl.Float32).fill_null(float("nan")) for n in present).to_numpy()
        return DesignSizes(codes, _credible(sizes))

    def _with_guesses(
        self, table: TokenTable, texts: pl.DataFrame | Mapping[str, Sequence[str | None]]
    ) -> TokenTable:
        """The items with a column more for every measure that is guessed. `texts`: normalised, by attribute."""
        designs = {name: self._design_codes(name, texts[name]) for name in self.guesses.designs}
        table.known = self.guesses.known(table.numbers, designs, len(self.sized))
        if self.guesses.guesses:
            guessed = self.guesses.filled(table.numbers, table.codes, designs)
            table.numbers = np.hstack([table.numbers, guessed])
        return table

    def _design_codes(self, name: str, texts: pl.Series | Sequence[str | None]) -> Codes:
        """The design of every item, -1 for one that no item had in `fit`."""
        if isinstance(texts, pl.Series):
            return self._codes(_design(name), texts)
        # Looked for in the sorted designs: a dictionary of all would take longer than the item.
        known = self.vocabularies[_design(name)]
        place = [-1 if text is None else bisect_left(known, text) for text in texts]
        found = [
            at if 0 <= at < known.len() and known[at] == text else UNKNOWN
            for at, text in zip(place, texts, strict=True)
        ]
        return np.array(found, dtype=np.int32)

    def sizes_told(self, items: pl.DataFrame) -> pl.DataFrame:
        """The sizes that texts of items tell, as `SizeReader.compared`."""
        self.check(items)
        texts = items.select(normalise(n) for n in dict.fromkeys(r.attribute for r in self.sizes.readings))
        return self.sizes.compared(texts, items.select(self.sizes.measures))

    def transform(self, items: pl.DataFrame) -> TokenTable:
        """Code items with the learned vocabularies."""
        self.check(items)
        if items.height <= FEW:
            return self._few(items)
        texts = self._texts(items)
        codes: dict[str, Codes] = {}
        words: dict[str, TokenLists] = {}
        # One attribute after the other: the texts of all levels together are many times the items.
        for _, levels in groupby(self.levels, key=lambda level: level.attribute):
            asked = list(levels)
            columns = texts.select(level.tokens() for level in asked)
            codes |= {le.name: self._codes(le.name, columns[le.name]) for le in asked if not le.many}
            words |= {le.name: self._words(le.name, columns[le.name]) for le in asked if le.many}
        phrases = self.phrases.read(texts.select(self.noted))
        numbers = _credible(self._numbers(items, texts))
        return self._with_guesses(TokenTable(codes, words, numbers, phrases), texts)

    def _few(self, items: pl.DataFrame) -> TokenTable:
        """The same for a few items, text by text: a frame's every call costs a millisecond's part."""
        texts: dict[str, list[str | None]] = {}
        for name in self.written:
            column = items[name]
            values = (column if column.dtype == pl.String else column.cast(pl.String)).to_list()
            texts[name] = [normalised(value) for value in values]
        free = [texts[a.name] for a in self.attributes if a.kind == "text"]
        if free:
            joined = zip(*free, strict=True)
            texts[JOINED] = [_BETWEEN.join(t for t in row if t is not None) or None for row in joined]
        codes: dict[str, Codes] = {}
        words: dict[str, TokenLists] = {}
        for level in self.levels:
            here, get = texts[level.attribute], self._lookup(level.name).get
            if level.many:
                found = [sorted(c for c in map(get, level.read_all(text)) if c is not None) for text in here]
                words[level.name] = TokenLists(
                    np.array([code for row in found for code in row], dtype=np.int32),
                    np.cumsum([0, *map(len, found)]),
                    self.vocabularies[level.name].len(),
                )
            else:
                codes[level.name] = np.array([get(level.read(t), UNKNOWN) for t in here], dtype=np.int32)
        phrases = self.phrases.read_few([texts[name] for name in self.noted])
        numbers = _credible(self._few_numbers(items, texts))
        return self._with_guesses(TokenTable(codes, words, numbers, phrases), texts)

    def _few_numbers(self, items: pl.DataFrame, texts: Mapping[str, Sequence[str | None]]) -> Floats:
        read = len(self.number_names) - len(self.guesses.guesses)
        out = np.full((items.height, read), np.nan, dtype=np.float32)
        named = set(self.measures)
        measures = [n for n in self.number_names if n in named]
        place = {name: i for i, name in enumerate(measures)}
        with np.errstate(all="ignore"):
            for name, column in place.items():
                out[:, column] = np.array(items[name].to_list(), dtype=np.float64)
            for name in self.sizes.measures:
                missing = np.flatnonzero(~(np.abs(out[:, place[name]]) <= MAX_SOURCE)).tolist()
                for row, size in self.sizes.read_few(texts, name, missing).items():
                    out[row, place[name]] = size
            column = len(measures)
            for a, b in self.pairs:
                left, right = out[:, place[a]], out[:, place[b]]
                out[:, column] = left - right
                out[:, column + 1] = np.where(right != 0, left / right, np.nan)
                column += 2
            for name in self.text_numbers:
                out[:, column : column + len(TEXT_NUMBERS)] = [read_numbers(text) for text in texts[name]]
                column += len(TEXT_NUMBERS)
        return out

    def _codes(self, name: str, tokens: pl.Series) -> Codes:
        enum = pl.Enum(self.vocabularies[name])
        coded = tokens.cast(enum, strict=False).to_physical().cast(pl.Int32)
        return coded.fill_null(UNKNOWN).to_numpy().astype(np.int32)

    def _words(self, name: str, tokens: pl.Series) -> TokenLists:
        n = tokens.len()
        frame = pl.DataFrame({"row": np.arange(n, dtype=np.int64), "token": tokens})
        frame = frame.explode("token").drop_nulls()
        code = self._codes(name, frame["token"].cast(pl.String))
        row = frame["row"].to_numpy()[code >= 0]
        bounds = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
        return TokenLists(code[code >= 0], bounds, self.vocabularies[name].len())

    def _numbers(self, items: pl.DataFrame, texts: pl.DataFrame) -> Floats:
        present = self.sized
        if self.sizes.readings:
            items = self.sizes.filled(texts, items.select(present))
        expressions: list[pl.Expr] = [pl.col(n).cast(pl.Float32) for n in present]
        for a, b in self.pairs:
            left, right = pl.col(a).cast(pl.Float32), pl.col(b).cast(pl.Float32)
            expressions.append((left - right).alias(f"{a} - {b}"))
            expressions.append(pl.when(right != 0).then(left / right).alias(f"{a} / {b}"))
        frame = items.select(expressions) if expressions else pl.DataFrame()
        if self.text_numbers:
            extra = texts.select([e for n in self.text_numbers for e in numbers_in(n)])
            frame = frame.hstack(extra) if frame.width else extra
        if not frame.width:
            return np.empty((items.height, 0), dtype=np.float32)
        values = frame.select([pl.col(c).fill_null(float("nan")) for c in frame.columns]).to_numpy()
        return np.ascontiguousarray(values, dtype=np.float32)


def _design(name: str) -> str:
    """Name of the vocabulary of an attribute's designs."""
    return f"{name}|design"


def _credible(numbers: Floats) -> Floats:
    """Numbers beyond what the source can hold, infinite ones among them, count as missing."""
    return np.where(np.abs(numbers) <= MAX_SOURCE, numbers, np.float32(np.nan))
