"""Words of all texts of an item together, and pairs of neighbouring words: what a note is known by, wherever it stands.

A note such as "oxygen clean" stands in one text or another, with a blank, a hyphen or nothing between its words. So the texts
are read as one, without accents, and two neighbouring words of a text are one token more, written without what parts them:
"API 682", "API-682" and "API682" share the token API682.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.model.attributes.levels import WORD
from routing_etl.model.base.arrays import Ints

#: A phrase of fewer items says nothing that could be told from chance; at most so many are kept, the most frequent ones.
_LEAST_ITEMS, _MOST_PHRASES = 3, 12000
#: A phrase that more of the items have is no note.
_MOST_SHARE = 0.5
#: Stands between two texts, as a word of its own.
_BETWEEN = "\x1f"
_JOINT = f" {_BETWEEN} "
_PIECES = re.compile(WORD.replace(r"\s", " "))
#: Accents of Latin letters; marks of other scripts make another letter.
_ACCENTS = "[\u0300-\u036f]"
_ACCENT = re.compile(_ACCENTS)


@dataclass
class PhraseLists:
    """The phrases of every item: item i has `codes[bounds[i]:bounds[i + 1]]`, sorted, of `n` phrases."""

    codes: Ints
    bounds: Ints
    n: int

    @classmethod
    def none(cls, n_items: int = 0) -> PhraseLists:
        """Items without phrases."""
        return cls(np.empty(0, np.int64), np.zeros(n_items + 1, np.int64), 0)

    def of_rows(self) -> Ints:
        """The item of every code."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def part(self, start: int, stop: int) -> PhraseLists:
        """Those of the items from `start` to `stop`."""
        first, last = self.bounds[start], self.bounds[stop]
        return PhraseLists(self.codes[first:last], self.bounds[start : stop + 1] - first, self.n)

    def matrix(self) -> sparse.csr_matrix:
        """Items x phrases, 0/1."""
        data = np.ones(len(self.codes), dtype=np.float32)
        return sparse.csr_matrix((data, self.codes, self.bounds), (len(self.bounds) - 1, self.n))


@dataclass
class Phrases:
    """Learns which phrases the items' texts have, and reads them.

    Attributes
    ----------
    vocabulary : polars.Series
        The phrases, sorted.
    """

    vocabulary: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    codes: dict[str, int] = field(default_factory=dict)

    def fit(self, texts: pl.DataFrame) -> Phrases:
        """Keep the phrases that some items have and most have not.

        Parameters
        ----------
        texts : polars.DataFrame
            Normalised texts, a column per attribute.
        """
        found = _flat(texts)
        counts = found.group_by("phrase").agg(n=pl.len())
        counts = counts.filter(pl.col("n").is_between(_LEAST_ITEMS, _MOST_SHARE * texts.height))
        kept = counts.sort("n", "phrase", descending=[True, False]).head(_MOST_PHRASES)
        self.vocabulary = kept["phrase"].sort()
        self.codes = {phrase: i for i, phrase in enumerate(self.vocabulary.to_list())}
        return self

    def read(self, texts: pl.DataFrame) -> PhraseLists:
        """The phrases of every item.

        Parameters
        ----------
        texts : polars.DataFrame
            As in `fit`.
        """
        if not self.codes:
            return PhraseLists.none(texts.height)
        found = _flat(texts).select(
            "row",
            code=pl.col("phrase").cast(pl.Enum(self.vocabulary), strict=False).to_physical().cast(pl.Int64),
        )
        found = found.drop_nulls().sort("row", "code")
        size = np.bincount(found["row"].to_numpy(), minlength=texts.height)
        return PhraseLists(found["code"].to_numpy(), np.concatenate([[0], np.cumsum(size)]), len(self.codes))

    def read_few(self, texts: Sequence[Sequence[str | None]]) -> PhraseLists:
        """The same of a few items, text by text.

        Parameters
        ----------
        texts : sequence of sequence of str
            Per attribute the normalised text of every item, None for none.
        """
        rows = [sorted(self._read_one(row)) for row in zip(*texts, strict=True)]
        codes = np.array([code for row in rows for code in row], dtype=np.int64)
        return PhraseLists(codes, np.cumsum([0, *map(len, rows)]), len(self.codes))

    def _read_one(self, texts: Sequence[str | None]) -> set[int]:
        """Codes of the phrases of one item."""
        if not self.codes:
            return set()
        pieces = _PIECES.findall(_plain(_JOINT.join(t for t in texts if t is not None)))
        pairs = [a + b for a, b in pairwise(pieces) if _BETWEEN not in (a, b)]
        get: Mapping[str, int] = self.codes
        return {get[p] for p in (*pieces, *pairs) if p in get}


def _plain(text: str) -> str:
    """The text without accents."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text)))


def _flat(texts: pl.DataFrame) -> pl.DataFrame:
    """Item and phrase, each pair once: `row`, `phrase`."""
    if not texts.width:
        return pl.DataFrame(schema={"row": pl.Int64, "phrase": pl.String})
    joined = pl.concat_str(pl.all(), separator=_JOINT, ignore_nulls=True)
    plain = joined.str.normalize("NFD").str.replace_all(_ACCENTS, "").str.normalize("NFC")
    words = (
        texts.select(word=plain.str.extract_all(WORD))
        .with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
        .explode("word")
        .drop_nulls()
    )
    word, after = pl.col("word"), pl.col("word").shift(-1)
    together = (pl.col("row") == pl.col("row").shift(-1)) & (word != _BETWEEN) & (after != _BETWEEN)
    pairs = words.select("row", phrase=pl.when(together).then(word + after)).drop_nulls()
    single = words.filter(word != _BETWEEN).select("row", phrase="word")
    return pl.concat([single, pairs]).unique()
