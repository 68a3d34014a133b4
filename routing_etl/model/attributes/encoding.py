"""What `AttributeEncoder` has learned, and items encoded by it, without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

from routing_etl.frames import MAX_SOURCE, AttributeSpec
from routing_etl.model.attributes.tokens import Tokeniser, TokenTable
from routing_etl.model.base.arrays import Codes, Floats, Ints


@dataclass(frozen=True)
class Block:
    """Target encoding of one level: `table` (values x dims) of the shrunk mean, in the level's own directions."""

    level: str
    attribute: str
    residual: bool
    table: Floats
    gain: float


def drawn_folds(n: int, random_state: int | None) -> Ints:
    """A fold number for each of n items or groups: five folds, ten where there are few, each of as many as the others."""
    rng = np.random.default_rng(random_state)
    return (rng.permutation(n) % min(5 if n >= 200 else 10, n)).astype(np.int64)


class Encodes:
    """Encodes coded items by what was learned; the attributes are those of `AttributeEncoding`."""

    tokeniser_: Tokeniser
    fill_: Floats
    blocks_: list[Block]
    words_: list[tuple[str, str, int]]
    word_places_: dict[str, Codes]
    ridge_places_: dict[str, Codes]
    ridge_width_: int
    ridge_: Floats

    def encode(self, table: TokenTable) -> Floats:
        """Encode an already tokenised table."""
        columns: list[Floats] = [self.filled(table.numbers)]
        for block in self.blocks_:
            codes = table.codes[block.level]
            columns.append(block.table[codes])
        columns.append(self.word_columns(table))
        columns.append(np.asarray(self.ridge_matrix(table) @ self.ridge_, dtype=np.float32))
        return np.ascontiguousarray(np.hstack(columns), dtype=np.float32)

    def filled(self, numbers: Floats) -> Floats:
        """What is missing lies below all that is known; a number beyond what the source can hold counts as missing."""
        return np.where(np.abs(numbers) <= MAX_SOURCE, numbers, self.fill_).astype(np.float32)

    def word_columns(self, table: TokenTable) -> Floats:
        """Items x telling words, 0/1."""
        out = np.zeros((len(table.numbers), len(self.words_)), dtype=np.float32)
        for name, places in self.word_places_.items():
            row, column = table.words[name].placed(places)
            out[row, column] = 1.0
        return out

    def ridge_matrix(self, table: TokenTable) -> sparse.csr_matrix:
        """Items x chosen tokens, 0/1."""
        n = len(table.numbers)
        single = [name for name in self.ridge_places_ if name not in table.words]
        rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        if single:
            places = np.column_stack([self.ridge_places_[name][table.codes[name]] for name in single])
            row, level = np.nonzero(places >= 0)
            rows.append(row)
            columns.append(places[row, level])
        for name, lists in table.words.items():
            if name in self.ridge_places_:
                row, column = lists.placed(self.ridge_places_[name])
                rows.append(row)
                columns.append(column)
        row, column = np.concatenate(rows), np.concatenate(columns)
        order = np.argsort(row, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
        data = np.ones(len(row), dtype=np.float32)
        return sparse.csr_matrix((data, column[order], bounds), shape=(n, self.ridge_width_))


@dataclass(frozen=True)
class AttributeEncoding(Encodes):
    """What was learned.

    Attributes
    ----------
    attributes : tuple of AttributeSpec
        What is read.
    tokeniser_ : Tokeniser
        Codes the attributes.
    feature_names_, feature_attributes_ : list of str
        Name of every column and the attribute behind it, '' for the joint ridge columns.
    base_level_ : str
        The level that tells most, '' for none.
    fill_ : Floats
        Per number what stands for a missing one.
    blocks_ : list of Block
        Target encodings of levels.
    words_, word_places_
        Words that are 0/1 columns: level, word and code of each; per level the column of every code.
    ridge_places_, ridge_width_, ridge_
        Tokens in the ridge regression: per level the row of every code; how many; its coefficients.
    """

    attributes: tuple[AttributeSpec, ...]
    tokeniser_: Tokeniser
    feature_names_: list[str]
    feature_attributes_: list[str]
    base_level_: str
    fill_: Floats
    blocks_: list[Block]
    words_: list[tuple[str, str, int]]
    word_places_: dict[str, Codes]
    ridge_places_: dict[str, Codes]
    ridge_width_: int
    ridge_: Floats


#: The attributes of a fitted `AttributeEncoder` that an encoding takes over.
LEARNED = tuple(f.name for f in fields(AttributeEncoding) if f.name.endswith("_"))
