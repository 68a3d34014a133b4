"""From ranked sequences to proposals: the best few per item, their reference item, and a resource for every job.

What belongs here: choosing among what was observed. What does not: scores, frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.candidates import Evidence, pick, rank_in_group
from routing_etl.model.columns import ranges
from routing_etl.model.labels import RoutingCatalogue, SequenceBook
from routing_etl.model.line_model import LineModel
from routing_etl.model.output import Chosen, ChosenSteps
from routing_etl.model.outside_model import OutsideModel

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]

_NEAREST = 5
#: Weight of the line model against the forest's votes in the choice of a machine.
_LINE_SHARE = 0.85
#: A score below this is that of a step out of use, or of one whose codes the output cannot hold.
_OUT_OF_USE = -5.0


def choose(
    row: IntArray,
    sequence: IntArray,
    probability: NDArray[np.float64],
    evidence: Evidence,
    sequence_of: IntArray,
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


def _common(book: SequenceBook, sequence: IntArray, theirs: IntArray) -> FloatArray:
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


def _share(values: FloatArray, group: IntArray) -> FloatArray:
    """Values as shares of their group's sum; 0 where the sum is 0."""
    total = np.bincount(group, values, int(group[-1]) + 1 if len(group) else 0)
    return np.asarray(values / np.maximum(total[group], 1e-12))


def _best_of(which: IntArray, step: IntArray, score: FloatArray, side: NDArray[np.bool_], n: int) -> IntArray:
    """Per group the place of its best step on one side, the smaller step on a tie; -1 where it has none there."""
    here = np.flatnonzero(side)
    order = here[np.lexsort((step[here], -score[here], which[here]))]
    group = which[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = group[1:] != group[:-1]
    out = np.full(n, -1, dtype=np.int64)
    out[group[first]] = order[first]
    return out


class StepChooser:
    """Chooses a resource (and in-house or outsourced) for every job among the steps that were observed."""

    def fit(
        self,
        catalogue: RoutingCatalogue,
        lines: LineModel,
        outside: OutsideModel,
        live: NDArray[np.bool_],
        pool: NDArray[np.bool_],
    ) -> StepChooser:
        """Prepare the table of steps per job.

        Parameters
        ----------
        lines, outside: the fitted models of the machines and of what leaves the plant.
        live: per step, whether it may be proposed. pool: per step, whether its resource is a waiting pool.
        """
        count = catalogue.steps["step_count"].to_numpy().astype(np.float64)
        self.lines_, self.outside_model_ = lines, outside
        self.variant_steps_ = catalogue.variant_matrix()
        self.step_job_ = catalogue.step_job
        self.n_steps_ = len(count)
        job = catalogue.step_job
        order = np.lexsort((np.arange(len(job)), job))
        self.job_steps_ = order
        self.job_bounds_ = np.searchsorted(job[order], np.arange(len(catalogue.jobs) + 1))
        per_job = np.bincount(job, count, len(catalogue.jobs))
        self.prior_ = (count / np.maximum(per_job[job], 1) * 1e-3).astype(np.float32)
        # A step out of use is taken only when the job has no other, one whose codes the output cannot hold never before
        # another; a waiting pool when it clearly beats every machine.
        self.malus_ = (10.0 * ~live + 100.0 * ~catalogue.step_fits).astype(np.float32)
        self.worth_ = np.where(pool, 0.5, 1.0).astype(np.float32)
        self.outside_ = catalogue.steps["outsourced"].to_numpy().astype(bool)
        return self

    def steps(
        self, chosen: Chosen, evidence: Evidence, book: SequenceBook, features: FloatArray
    ) -> ChosenSteps:
        """The operations of every chosen candidate, for each job the best of the steps it was observed with.

        A step's score is a mean of two shares among the job's steps: what the line model says about its machine, and
        the votes of the item's leaves in the forest, which know the whole routing. Whether the job leaves the plant is
        decided first, by the outside model or, for a job that it has not learned, by the sums of both sides.
        """
        expected = (evidence.votes @ self.variant_steps_).tocsr()
        laid = book.lay_out(chosen.sequence)
        candidate, job = laid.owner, laid.job
        row = chosen.row[candidate]
        n_jobs = len(self.job_bounds_) - 1
        unique, back = np.unique(row * n_jobs + job, return_inverse=True)
        u_row, u_job = unique // n_jobs, unique % n_jobs
        options = (self.job_bounds_[u_job + 1] - self.job_bounds_[u_job]).astype(np.int64)
        which = np.repeat(np.arange(len(unique)), options)
        step = self.job_steps_[ranges(self.job_bounds_[u_job], options)]
        votes_for = _share(pick(expected, u_row[which] * self.n_steps_ + step, self.n_steps_), which)
        outside = self.outside_[step]
        # Every outside step of a job has the whole probability of going outside.
        alike = np.where(outside, np.bincount(which, outside, len(unique))[which], 1.0)
        planned = _share(self.lines_.predict(features, u_row[which], step) / alike, which)
        best = _LINE_SHARE * planned + (1.0 - _LINE_SHARE) * votes_for
        score = self.worth_[step] * (best + self.prior_[step]) - self.malus_[step]
        # In-house or outside first: several machines in-house do not lose to one outside.
        total = np.maximum(np.bincount(which, best, len(unique)), 1e-12)
        leaving = (np.bincount(which, best * outside, len(unique)) / total)[back]
        learned, chance = self.outside_model_.predict(features, chosen.row, chosen.sequence, book)
        voted = np.bincount(which, votes_for * outside, len(unique))[back][learned]
        leaving[learned] = _LINE_SHARE * chance + (1.0 - _LINE_SHARE) * voted
        home, away = (_best_of(which, step, score, side, len(unique))[back] for side in (~outside, outside))
        worth = np.where(home >= 0, score[home], -np.inf), np.where(away >= 0, score[away], -np.inf)
        both = (worth[0] > _OUT_OF_USE) & (worth[1] > _OUT_OF_USE)
        goes = np.where(both, leaving > 0.5, worth[1] > worth[0])
        best_step = step[np.where(goes, away, home)]
        probability = evidence.operations[row, laid.operation]
        # The candidate itself is right with its confidence; where it is wrong, the job may still be right.
        sure = chosen.confidence[candidate]
        covered = sure + (1.0 - sure) * np.clip((probability - sure) / np.maximum(1.0 - sure, 1e-6), 0.0, 1.0)
        return ChosenSteps(
            candidate=candidate,
            position=laid.position,
            step=best_step,
            confidence=covered.astype(np.float32),
            support=probability.astype(np.float32),
        )

    def voters(
        self, chosen: Chosen, evidence: Evidence, sequence_of: IntArray, per_candidate: int
    ) -> tuple[IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray]:
        """Neighbours that voted: item row, candidate rank, place, training item, similarity, weight of the vote.

        The reference item comes first. Where none voted, because no neighbour has the routing, it stands alone with weight 0.
        """
        neighbours, near = evidence.neighbours[chosen.row], evidence.similarity[chosen.row]
        same = (neighbours >= 0) & (sequence_of[np.maximum(neighbours, 0)] == chosen.sequence[:, None])
        weight = np.where(same, near**2, 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-9)
        is_reference = (neighbours == chosen.reference[:, None]) & (chosen.reference >= 0)[:, None]
        shown = np.where(chosen.copied[:, None], same, is_reference)
        place = np.cumsum(shown, axis=1)
        candidate, column = np.nonzero(shown & (place <= per_candidate))
        return (
            chosen.row[candidate],
            chosen.rank[candidate],
            place[candidate, column],
            neighbours[candidate, column],
            near[candidate, column].astype(np.float32),
            (weight[candidate, column] / total[candidate]).astype(np.float32),
        )
