"""The features that the ranker reads, a few per source of evidence; each function returns its columns by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import pick, ranges
from routing_etl.model.candidates.compose import Composed
from routing_etl.model.candidates.counts import SequenceCounts
from routing_etl.model.candidates.evidence import Said
from routing_etl.model.candidates.similarity import Neighbours

#: Probabilities of operations by the forest's votes are kept this far from 0 and 1, so that one vote decides nothing.
_LEAST_PROBABILITY = 0.004
#: Candidates whose absent operations are compared at once: items x operations of memory.
_BLOCK = 20_000


@dataclass(frozen=True)
class CandidatePairs:
    """Pairs of an item and a candidate, sorted by item and sequence.

    Attributes
    ----------
    row, sequence : Ints
        The item's row and the candidate's number; numbers from `n_sequences` on are composed routings.
    n_items, n_sequences, n_new : int
        Number of items, of known sequences and of composed ones.
    """

    row: Ints
    sequence: Ints
    n_items: int
    n_sequences: int
    n_new: int

    @cached_property
    def new(self) -> Bools:
        """Which candidates are composed."""
        return self.sequence >= self.n_sequences

    @cached_property
    def known(self) -> Ints:
        """The candidates' numbers, 0 for a composed one."""
        return np.where(self.new, 0, self.sequence)

    @cached_property
    def key(self) -> Ints:
        """Keys row * n_sequences + sequence, for look-ups in a matrix of known sequences; -1 for a composed one."""
        return np.where(self.new, -1, self.row * self.n_sequences + self.sequence)

    def best(self, value: Floats, start: float) -> Floats:
        """Per item the highest value among its candidates, `start` at least."""
        out = np.full(self.n_items, start, dtype=np.float32)
        np.maximum.at(out, self.row, value)
        return out


@dataclass(frozen=True)
class CandidateOperations:
    """The operations of the asked candidates: a 0/1 matrix of distinct candidates, and each pair's row in it."""

    matrix: sparse.csr_matrix
    place: Ints

    @classmethod
    def of(
        cls, pairs: CandidatePairs, sequences: sparse.csr_matrix, composed: Composed
    ) -> CandidateOperations:
        """Pick the sequences asked for: there are many times more than a few items have.

        Parameters
        ----------
        pairs : CandidatePairs
            The pairs of items and candidates.
        sequences : scipy.sparse.csr_matrix
            Known sequences x operations, 0/1.
        composed : Composed
            The composed sequences.
        """
        asked, place = np.unique(pairs.sequence, return_inverse=True)
        matrix = sequences[asked[asked < pairs.n_sequences]]
        if pairs.n_new:
            more = sparse.csr_matrix(
                (np.ones(len(composed.operations), np.float32), composed.operations, composed.offsets),
                shape=(pairs.n_new, matrix.shape[1]),
            )
            new = asked[asked >= pairs.n_sequences] - pairs.n_sequences
            matrix = sparse.vstack([matrix, more[new]], format="csr")
        return cls(matrix, place)

    @cached_property
    def size(self) -> Floats:
        """Number of operations of every candidate."""
        return np.asarray(np.diff(self.matrix.indptr)[self.place], dtype=np.float32)

    def mean(self, value: Floats) -> Floats:
        """Mean over each candidate's operations of a value per operation."""
        return np.asarray((self.matrix @ value)[self.place] / np.maximum(self.size, 1))

    def likelihood(self, row: Ints, probability: Floats) -> tuple[Floats, Floats, Floats]:
        """Log-likelihood of a candidate's operations, the least probable one it has, the most probable one it lacks.

        Parameters
        ----------
        row : Ints
            Item of every pair.
        probability : Floats
            Items x operations, each taken as independent of the others.
        """
        log_in, log_out = np.log(probability), np.log1p(-probability)
        base = log_out.sum(axis=1)
        indptr, indices, n = self.matrix.indptr, self.matrix.indices, len(self.place)
        size = (indptr[self.place + 1] - indptr[self.place]).astype(np.int64)
        pair = np.repeat(np.arange(n), size)
        operation = indices[ranges(indptr[self.place], size)]
        item = row[pair]
        likelihood = base[row] + np.bincount(pair, (log_in - log_out)[item, operation], n)
        weakest = np.ones(n, dtype=np.float32)
        np.minimum.at(weakest, pair, probability[item, operation])
        absent = np.empty(n, dtype=np.float32)
        for start in range(0, n, _BLOCK):
            stop = min(start + _BLOCK, n)
            left = probability[row[start:stop]]
            inside = (pair >= start) & (pair < stop)
            left[pair[inside] - start, operation[inside]] = 0.0
            absent[start:stop] = left.max(axis=1, initial=0.0)
        return likelihood.astype(np.float32), weakest, absent


def forest_features(pairs: CandidatePairs, votes: sparse.csr_matrix) -> dict[str, Floats]:
    """The forest's votes for the candidate, and how far the votes of the item are spread over routings.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    votes : scipy.sparse.csr_matrix
        Items x known sequences, shares of the forest's votes.
    """
    share = pick(votes, pairs.key, pairs.n_sequences)
    best = pairs.best(share, 0.0)
    p = np.clip(votes.data, 1e-9, 1.0)
    entropy = np.bincount(
        np.repeat(np.arange(pairs.n_items), np.diff(votes.indptr)), -p * np.log(p), pairs.n_items
    )
    return {
        "forest_share": share,
        "forest_to_best": share / np.maximum(best[pairs.row], 1e-6),
        "forest_entropy": np.asarray(entropy[pairs.row], dtype=np.float64),
    }


def neighbour_features(
    pairs: CandidatePairs, near: sparse.csr_matrix, neighbours: Neighbours, label_sequence: Ints
) -> dict[str, Floats]:
    """The neighbours that have the candidate's routing: their share of the votes, number and similarity.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    near : scipy.sparse.csr_matrix
        Items x known sequences, shares of the neighbours' votes.
    neighbours : Neighbours
        The neighbours of the items.
    label_sequence : Ints
        Sequence of every training item.
    """
    width = pairs.n_sequences + pairs.n_new
    key = pairs.row * width + pairs.sequence
    n, k = neighbours.label.shape
    theirs = np.repeat(np.arange(n), k) * width + label_sequence[np.maximum(neighbours.label, 0)].ravel()
    place = np.minimum(np.searchsorted(key, theirs), max(len(key) - 1, 0))
    hit = (neighbours.label.ravel() >= 0) & (key[place] == theirs) if len(key) else np.zeros(n * k, bool)
    similarity, place = neighbours.similarity.ravel()[hit], place[hit]
    top = np.zeros(len(key), dtype=np.float32)
    np.maximum.at(top, place, similarity)
    count = np.bincount(place, minlength=len(key)).astype(np.float32)
    mean = np.bincount(place, similarity, len(key)) / np.maximum(count, 1)
    nearest = neighbours.similarity.max(axis=1, initial=0.0)[pairs.row]
    return {
        "neighbour_share": pick(near, pairs.key, pairs.n_sequences),
        "neighbour_max": top,
        "neighbour_mean": mean.astype(np.float32),
        "neighbour_count": count,
        "nearest": nearest,
        "gap": nearest - top,
    }


def likelihood_features(
    pairs: CandidatePairs, operations: CandidateOperations, voted: Floats, predicted: Floats
) -> dict[str, Floats]:
    """How well the candidate's operations agree with those that the votes and the operation model expect.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    operations : CandidateOperations
        The candidates' operations.
    voted : Floats
        Items x operations: share of the votes for routings with the operation.
    predicted : Floats
        Items x operations: the operation model's probability.
    """
    inside = np.clip(voted, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    likelihood, weakest, absent = operations.likelihood(pairs.row, inside)
    model, model_weakest, model_absent = operations.likelihood(pairs.row, predicted)
    return {
        "log_likelihood": likelihood,
        "weakest": weakest,
        "strongest_absent": absent,
        "model_likelihood": model,
        "model_weakest": model_weakest,
        "model_strongest_absent": model_absent,
        "model_gap": pairs.best(model, -np.inf)[pairs.row] - model,
    }


def word_features(pairs: CandidatePairs, operations: CandidateOperations, said: Said) -> dict[str, Floats]:
    """How well the candidate agrees with what words say; 0 for an item of which they say nothing.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    operations : CandidateOperations
        The candidates' operations.
    said : Said
        What words say of the items.
    """
    likelihood = np.zeros(len(pairs.row), dtype=np.float32)
    gap = likelihood.copy()
    spoken = np.zeros(pairs.n_items, dtype=bool)
    spoken[said.row] = True
    here = np.flatnonzero(spoken[pairs.row])
    if len(here):
        base = np.bincount(said.row, np.log1p(-said.probability), pairs.n_items)
        odds = said.odds(pairs.n_items, operations.matrix.shape[1])
        row = pairs.row[here]
        inside = odds[row].multiply(operations.matrix[operations.place[here]]).sum(axis=1)
        likelihood[here] = base[row] + np.asarray(inside).ravel()
        best = np.full(pairs.n_items, -np.inf, dtype=np.float32)
        np.maximum.at(best, row, likelihood[here])
        gap[here] = best[row] - likelihood[here]
    return {"words_likelihood": likelihood, "words_gap": gap}


def distance_features(pairs: CandidatePairs, counts: SequenceCounts, distance: Floats) -> dict[str, Floats]:
    """How far the candidate's mean description is from the expected one; NaN for a routing that no item has.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    counts : SequenceCounts
        Counts of the training items.
    distance : Floats
        Euclidean distance, pair by pair.
    """
    return {"expected_distance": np.where(_count(pairs, counts) <= 0, np.nan, distance)}


def count_features(
    pairs: CandidatePairs, counts: SequenceCounts, length: Floats, expected_length: Floats
) -> dict[str, Floats]:
    """How long the candidate is, and how many training items have its routing and since when.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    counts : SequenceCounts
        Counts of the training items.
    length : Floats
        Number of the candidate's operations.
    expected_length : Floats
        Per item, the number of operations that the votes expect.
    """
    count = _count(pairs, counts)
    alone = count <= 0
    return {
        "length": length,
        "length_to_expected": length - expected_length[pairs.row],
        "count": np.log1p(count),
        "age_newest": np.where(alone, np.nan, counts.age_newest[pairs.known]),
        "young_share": np.where(alone, np.nan, counts.young_share[pairs.known]),
    }


def level_features(
    pairs: CandidatePairs, counts: SequenceCounts, codes: Mapping[str, Codes]
) -> dict[str, Floats]:
    """Share of the training items with the item's value of a telling level that have the candidate's routing.

    The share is shrunk by one item towards the share among all items. `family_size` is the number of items with the
    item's value of the most telling level.

    Parameters
    ----------
    pairs : CandidatePairs
        The pairs of items and candidates.
    counts : SequenceCounts
        Counts of the training items.
    codes : mapping of str to Codes
        Telling level -> value of every item, -1 unknown; the most telling level first.
    """
    count = _count(pairs, counts)
    shares = {}
    sizes = np.zeros(pairs.n_items, dtype=np.float32)
    for i, (name, code) in enumerate(codes.items()):
        given = code[pairs.row] >= 0
        value = np.maximum(code[pairs.row], 0).astype(np.int64)
        found = np.where(given & ~pairs.new, counts.with_value(name, value, pairs.known), 0.0)
        total = np.where(given, counts.of_level[name][value], 0.0)
        shares[f"share given {name}"] = (found + count / max(counts.n, 1.0)) / (total + 1.0)
        if i == 0:
            sizes[pairs.row] = total
    return {"family_size": np.log1p(sizes)[pairs.row], **shares}


def _count(pairs: CandidatePairs, counts: SequenceCounts) -> Floats:
    """How many training items have each candidate's routing."""
    return np.where(pairs.new, 0.0, counts.total[pairs.known])
