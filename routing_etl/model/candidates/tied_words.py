"""Words that mean the same, told by what they do: `SPLINE`, `DIN5480` and their Korean word ask for the same operations.

An option, a tolerance or a coating has several spellings, abbreviations and languages in the texts of a plant. In one family of parts
each has a handful of items, too few to learn from. But what it does differs from family to family, and its spellings do it alike in
all of them. So each phrase has a profile: for every family and operation, by how many standard deviations its items have the operation more often
than family and kind let expect. Phrases whose profiles agree are tied to one word, which the questions of the families may ask
(`operations_model`).

Profiles are compared where both phrases have items. Two sums of squares say how much of each profile is more than noise, which has one unit per
entry; the product of the profiles, beside the geometric mean of these, is their correlation without the noise. Phrases are joined by average linkage
(Sokal and Michener 1958).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists
from routing_etl.model.attributes.tokens import TokenLists
from routing_etl.model.base.arrays import Codes, Floats, Ints
from routing_etl.model.candidates.word_screen import BLOCK, expected_of_groups

#: Items of a phrase that are enough to look at it, and of a family with it.
_LEAST_ITEMS, _LEAST_OF_FAMILY = 8, 2
#: Kinds of items that must have a phrase: what one kind alone has tells no more than the kind.
_LEAST_KINDS = 3
#: Items of a family that have an operation, and that lack it, for its entry in the profiles.
_LEAST_EITHER = 4
#: Standard deviations by which a profile must be more than noise, and the product of two.
_TELLING, _ALIKE = 4.0, 5.0
#: Least mean correlation of phrases that are tied.
_TIED = 0.5
#: Most phrases that are compared, those that tell most.
_MOST_PHRASES = 3_000
#: Phrases of families x operations of memory that are looked at together.
_MOST_CELLS = 8_000_000
#: Added to the variance of a sum, in items: few items show no spread at all.
_SPREAD = 0.25


@dataclass(frozen=True)
class TiedWords:
    """Which phrases are tied. `word`: per phrase the number of its word, -1 for none; `n`: number of words."""

    word: Ints
    n: int

    @classmethod
    def none(cls, n_phrases: int = 0) -> TiedWords:
        """No phrase is tied."""
        return cls(np.full(n_phrases, -1, dtype=np.int64), 0)

    @classmethod
    def learn(
        cls, phrases: PhraseLists, operations: sparse.csr_matrix, family: Ints, kind: Codes, folds: Ints
    ) -> TiedWords:
        """Tie the phrases of training items.

        Parameters
        ----------
        phrases : PhraseLists
            Of every item.
        operations : scipy.sparse.csr_matrix
            Items x operations: 0/1, or a share.
        family : Ints
            Per item.
        kind : Codes
            Per item the value of the attribute that tells most about routings, -1 unknown.
        folds : Ints
            Per item: what is expected of one comes from the others.
        """
        n = len(family)
        if not phrases.n or n < 2:
            return cls.none(phrases.n)
        profiles = _profiles(phrases, operations, family, kind, folds)
        entries = np.diff(profiles.indptr)
        square = np.asarray(profiles.multiply(profiles).sum(axis=1)).ravel()
        beyond = (square - entries) / np.sqrt(2.0 * np.maximum(entries, 1))
        size = np.bincount(phrases.codes, minlength=phrases.n)
        wide = _kinds_of(phrases, kind) >= _LEAST_KINDS
        telling = np.flatnonzero(wide & (size >= _LEAST_ITEMS) & (beyond > _TELLING))
        telling = np.sort(telling[np.argsort(-beyond[telling], kind="stable")][:_MOST_PHRASES])
        if len(telling) < 2:
            return cls.none(phrases.n)
        group = _groups(_correlation(profiles[telling]))
        several = np.flatnonzero(np.bincount(group) > 1)
        number = np.full(int(group.max()) + 1, -1, dtype=np.int64)
        number[several] = np.arange(len(several))
        word = cls.none(phrases.n).word
        word[telling] = number[group]
        return cls(word, len(several))

    def read(self, phrases: PhraseLists) -> TokenLists:
        """The words of items, by their phrases."""
        kept = np.flatnonzero(self.word >= 0)
        shape = (self.n, max(phrases.n, len(self.word)))
        tie = sparse.csc_matrix((np.ones(len(kept), np.float32), (self.word[kept], kept)), shape)
        said = sparse.csr_matrix(phrases.matrix() @ tie[:, : phrases.n].T)
        said.sort_indices()
        return TokenLists(said.indices.astype(np.int32), said.indptr.astype(np.int64), self.n)


def _kinds_of(phrases: PhraseLists, kind: Codes) -> Ints:
    """Per phrase the number of kinds whose items have it; an item of no kind is one of its own."""
    width = int(kind.max()) + 2
    pairs = np.unique(phrases.codes * width + kind[phrases.of_rows()] + 1)
    lone = np.bincount(phrases.codes[kind[phrases.of_rows()] < 0], minlength=phrases.n)
    found = np.bincount(pairs[pairs % width > 0] // width, minlength=phrases.n)
    return found + lone


def _profiles(
    phrases: PhraseLists, operations: sparse.csr_matrix, family: Ints, kind: Codes, folds: Ints
) -> sparse.csr_matrix:
    """Phrases x (family, operation): how many standard deviations more often than expected; nothing where too few items show it."""
    n, n_operations = operations.shape
    n_families = int(family.max()) + 1
    of, code = phrases.of_rows(), phrases.codes
    cells, place = np.unique(code * n_families + family[of], return_inverse=True)
    member = sparse.csr_matrix((np.ones(len(place), np.float32), (place, of)), (len(cells), n))
    items = np.bincount(place, minlength=len(cells))
    enough = items >= _LEAST_OF_FAMILY
    member, cells = member[enough], cells[enough]
    count = items[enough].astype(np.float32)[:, None]
    phrase, home = cells // n_families, cells % n_families
    families = sparse.csr_matrix((np.ones(n, np.float32), (family, np.arange(n))), (n_families, n))
    size = np.maximum(np.bincount(family, minlength=n_families), 1).astype(np.float32)[:, None]
    rows, columns, values = [], [], []
    block = int(np.clip(_MOST_CELLS // max(len(cells), 1), 1, BLOCK))
    for start in range(0, n_operations, block):
        actual = operations[:, start : start + block].toarray().astype(np.float32)
        left = actual - expected_of_groups(actual, family, kind, folds)
        yes = np.asarray(families @ actual)
        mean = np.asarray(families @ left) / size
        variance = np.asarray(families @ left**2) / size - mean**2
        shown = (yes >= _LEAST_EITHER) & (size - yes >= _LEAST_EITHER)
        more = np.asarray(member @ left) - count * mean[home]
        more /= np.sqrt(count * np.maximum(variance[home], 0.0) + _SPREAD)
        row, column = np.nonzero(shown[home])
        rows.append(phrase[row].astype(np.int32))
        columns.append((home[row] * n_operations + start + column).astype(np.int32))
        values.append(more[row, column])
    every = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(every, (phrases.n, n_families * n_operations))


def _correlation(profiles: sparse.csr_matrix) -> Floats:
    """Phrases x phrases: how far two profiles agree but for noise; 0 where their product is within chance."""
    there = sparse.csr_matrix(
        (np.ones_like(profiles.data), profiles.indices, profiles.indptr), profiles.shape
    )
    product = (profiles @ profiles.T).toarray()
    entries = (there @ there.T).toarray()
    # How much of the profile of the row is more than noise, in the entries that the column has too.
    own = (profiles.multiply(profiles).tocsr() @ there.T).toarray() - entries
    sure = (product > _ALIKE * np.sqrt(np.maximum(entries, 1))) & (own > 0) & (own.T > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(sure, product / np.sqrt(own * own.T), 0.0)
    return np.asarray(np.minimum(found, 1.0), dtype=np.float32)


def _groups(correlation: Floats) -> Ints:
    """Per phrase the number of its group."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distance = 1.0 - np.maximum(correlation, correlation.T)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average")
    return np.asarray(fcluster(tree, 1.0 - _TIED, "distance"), dtype=np.int64)
