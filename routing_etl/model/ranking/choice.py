"""The few candidates that are proposed for each item, and the reference item of each.

What belongs here: choosing among ranked routings. What does not: scores, machines, frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.candidates.maker import Evidence, rank_in_group
from routing_etl.model.catalogue.routings import SequenceBook

#: Nearest neighbours among which a candidate that no neighbour has looks for its reference.
_NEAREST = 5


@dataclass
class Chosen:
    """The candidates of a batch after ranking, sorted by item row and rank; one entry per candidate.

    `reference`: training item (label index) that supports it most, -1 when there is none; `copied`: it has this routing.
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


def choose(
    row: Ints,
    sequence: Ints,
    probability: Floats,
    evidence: Evidence,
    sequence_of: Ints,
    per_item: int,
    book: SequenceBook,
) -> Chosen:
    """Keep each item's best candidates, best first, with a reference item for each.

    The reference is the most similar neighbour that has the routing. Where none has, it is the one of the nearest
    neighbours whose routing has most in common with it, and the similarity counts by that share of operations (Jaccard).
    """
    order = np.lexsort((sequence, -probability, row))
    row, sequence, probability = row[order], sequence[order], probability[order]
    rank = rank_in_group(row)
    keep = rank < per_item
    row, sequence, probability, rank = row[keep], sequence[keep], probability[keep], rank[keep]
    neighbours = evidence.neighbours[row]
    same = (neighbours >= 0) & (sequence_of[np.maximum(neighbours, 0)] == sequence[:, None])
    similarity = np.where(same, evidence.similarity[row], -1.0)
    best = similarity.argmax(axis=1)
    top = np.take_along_axis(similarity, best[:, None], 1)[:, 0]
    reference = np.where(top >= 0, np.take_along_axis(neighbours, best[:, None], 1)[:, 0], -1)
    copied = top >= 0
    lone = np.flatnonzero(~copied)
    if len(lone) and neighbours.shape[1]:
        nearest = neighbours[lone][:, :_NEAREST]
        common = _common(
            book, sequence[lone], np.where(nearest >= 0, sequence_of[np.maximum(nearest, 0)], -1)
        )
        worth = np.where(nearest >= 0, evidence.similarity[row[lone]][:, :_NEAREST] * common, -1.0)
        first = worth.argmax(axis=1)
        top[lone] = np.take_along_axis(worth, first[:, None], 1)[:, 0]
        reference[lone] = np.where(top[lone] >= 0, np.take_along_axis(nearest, first[:, None], 1)[:, 0], -1)
    weight = evidence.similarity[row] ** 2 * (neighbours >= 0)
    share = (weight * same).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return Chosen(
        row=row,
        rank=rank + 1,
        sequence=sequence,
        confidence=probability.astype(np.float32),
        similarity=np.maximum(top, 0.0).astype(np.float32),
        reference=reference.astype(np.int64),
        copied=copied,
        neighbour_count=same.sum(axis=1).astype(np.int64),
        support=share.astype(np.float32),
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
