"""The few candidates that are proposed for each item, the reference item of each, and the neighbours that voted for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import rank_in_group
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.catalogue.routings import SequenceBook

#: Nearest neighbours among which a candidate that no neighbour has looks for its reference.
_NEAREST = 5


@dataclass(frozen=True)
class Ranked:
    """Candidates of a batch with their calibrated probability; one entry per item and candidate.

    Attributes
    ----------
    row, sequence : Ints
        Row of the item and number of the candidate.
    probability : Floats
        That it is the engineer's routing.
    """

    row: Ints
    sequence: Ints
    probability: Floats

    def at(self, rows: Ints | Bools) -> Ranked:
        """Some of the entries, in this order."""
        return Ranked(self.row[rows], self.sequence[rows], self.probability[rows])


@dataclass(frozen=True)
class Chosen:
    """The candidates that are proposed, sorted by item row and rank; one entry per candidate.

    Attributes
    ----------
    row, rank, sequence : Ints
        Row of the item, place among its candidates (from 1), and number in the book of sequences.
    confidence : Floats
        Probability that it is the engineer's routing.
    similarity : Floats
        Similarity of the reference item.
    reference : Ints
        Training item (label) that supports the candidate most, -1 when there is none.
    copied : Bools
        Whether the reference item has this routing.
    neighbour_count : Ints
        Neighbours that have it.
    support : Floats
        Their share of the neighbours' votes.
    """

    row: Ints
    rank: Ints
    sequence: Ints
    confidence: Floats
    similarity: Floats
    reference: Ints
    copied: Bools
    neighbour_count: Ints
    support: Floats


@dataclass(frozen=True)
class Voters:
    """Neighbours that voted for a candidate; one entry per candidate and neighbour.

    Attributes
    ----------
    row, rank : Ints
        Row of the item and rank of the candidate.
    place : Ints
        Place of the neighbour, from 1; the reference item comes first.
    label : Ints
        The neighbour's number among the training items.
    similarity, weight : Floats
        Its similarity, and its share of the votes for the candidate.
    """

    row: Ints
    rank: Ints
    place: Ints
    label: Ints
    similarity: Floats
    weight: Floats


def choose(
    ranked: Ranked, neighbours: Neighbours, book: SequenceBook, label_sequence: Ints, per_item: int
) -> Chosen:
    """Keep each item's best candidates, best first, with a reference item for each.

    The reference is the most similar neighbour that has the routing. Where none has, it is the one of the nearest
    neighbours whose routing has most in common with it, and its similarity is multiplied by that share of operations
    (Jaccard index).

    Parameters
    ----------
    ranked : Ranked
        The candidates.
    neighbours : Neighbours
        The neighbours of every item.
    book : SequenceBook
        The operations of every candidate.
    label_sequence : Ints
        Sequence of every training item.
    per_item : int
        Most candidates of an item.
    """
    ranked = ranked.at(np.lexsort((ranked.sequence, -ranked.probability, ranked.row)))
    rank = rank_in_group(ranked.row)
    keep = rank < per_item
    ranked, rank = ranked.at(keep), rank[keep]
    sequence = ranked.sequence
    near = neighbours.at(ranked.row)
    same = near.having(sequence, label_sequence)
    similarity = np.where(same, near.similarity, -1.0)
    best = similarity.argmax(axis=1)
    top = np.take_along_axis(similarity, best[:, None], 1)[:, 0]
    reference = np.where(top >= 0, np.take_along_axis(near.label, best[:, None], 1)[:, 0], -1)
    copied = top >= 0
    lone = np.flatnonzero(~copied)
    if len(lone) and near.label.shape[1]:
        nearest = near.label[lone][:, :_NEAREST]
        theirs = np.where(nearest >= 0, label_sequence[np.maximum(nearest, 0)], -1)
        common = _common(book, sequence[lone], theirs)
        worth = np.where(nearest >= 0, near.similarity[lone][:, :_NEAREST] * common, -1.0)
        first = worth.argmax(axis=1)
        top[lone] = np.take_along_axis(worth, first[:, None], 1)[:, 0]
        reference[lone] = np.where(top[lone] >= 0, np.take_along_axis(nearest, first[:, None], 1)[:, 0], -1)
    weight = near.similarity**2 * (near.label >= 0)
    share = (weight * same).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return Chosen(
        row=ranked.row,
        rank=rank + 1,
        sequence=sequence,
        confidence=ranked.probability.astype(np.float32),
        similarity=np.maximum(top, 0.0).astype(np.float32),
        reference=reference.astype(np.int64),
        copied=copied,
        neighbour_count=same.sum(axis=1).astype(np.int64),
        support=share.astype(np.float32),
    )


def voters(chosen: Chosen, neighbours: Neighbours, label_sequence: Ints, per_candidate: int) -> Voters:
    """Neighbours that have the candidate's routing, most similar first.

    Where none has it, the reference item stands alone with weight 0.

    Parameters
    ----------
    chosen : Chosen
        The candidates.
    neighbours : Neighbours
        The neighbours of every item.
    label_sequence : Ints
        Sequence of every training item.
    per_candidate : int
        Most neighbours of a candidate.
    """
    near = neighbours.at(chosen.row)
    same = near.having(chosen.sequence, label_sequence)
    weight = np.where(same, near.similarity**2, 0.0)
    total = np.maximum(weight.sum(axis=1), 1e-9)
    is_reference = (near.label == chosen.reference[:, None]) & (chosen.reference >= 0)[:, None]
    shown = np.where(chosen.copied[:, None], same, is_reference)
    place = np.cumsum(shown, axis=1)
    candidate, column = np.nonzero(shown & (place <= per_candidate))
    return Voters(
        row=chosen.row[candidate],
        rank=chosen.rank[candidate],
        place=place[candidate, column],
        label=near.label[candidate, column],
        similarity=near.similarity[candidate, column].astype(np.float32),
        weight=(weight[candidate, column] / total[candidate]).astype(np.float32),
    )


def _common(book: SequenceBook, sequence: Ints, theirs: Ints) -> Floats:
    """Share of operations that a sequence and each of its row of other sequences have in common, of those either has."""
    asked, place = np.unique(np.concatenate([sequence, np.maximum(theirs, 0).ravel()]), return_inverse=True)
    laid = book.lay_out(asked)
    size = np.bincount(laid.owner, minlength=len(asked))
    matrix = sparse.csr_matrix(
        (np.ones(len(laid.operation), np.float32), laid.operation, np.concatenate([[0], np.cumsum(size)])),
        shape=(len(asked), int(laid.operation.max(initial=0)) + 1),
    )
    mine, other = np.repeat(place[: len(sequence)], theirs.shape[1]), place[len(sequence) :]
    shared = np.asarray(matrix[mine].multiply(matrix[other]).sum(axis=1)).ravel()
    either = size[mine] + size[other] - shared
    return np.asarray((shared / np.maximum(either, 1)).reshape(theirs.shape) * (theirs >= 0))
