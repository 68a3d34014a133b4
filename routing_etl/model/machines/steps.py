"""A machine, or a supplier, for every operation of the chosen routings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import pick, ranges
from routing_etl.model.candidates.evidence import Evidence
from routing_etl.model.catalogue.routings import RoutingCatalogue, SequenceBook
from routing_etl.model.machines.line_model import LineModel
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.ranking.choice import Chosen

#: Weight of the line model against the forest's votes in the choice of a machine.
_LINE_SHARE = 0.85
#: A score below this is that of a step out of use, or of one whose codes the output cannot hold.
_OUT_OF_USE = -5.0


@dataclass
class ChosenSteps:
    """The operations of the chosen candidates, in order; one entry per operation.

    Attributes
    ----------
    candidate : Ints
        Index into `Chosen`.
    position : Ints
        Place in the routing, from 0.
    step : Ints
        Index into the catalogue's steps.
    confidence : Floats
        Probability that the item's routing has the operation, given how sure the candidate is.
    support : Floats
        The operation model's probability.
    """

    candidate: Ints
    position: Ints
    step: Ints
    confidence: Floats
    support: Floats


def _share(values: Floats, group: Ints) -> Floats:
    """Values as shares of their group's sum; 0 where the sum is 0."""
    total = np.bincount(group, values, int(group[-1]) + 1 if len(group) else 0)
    return np.asarray(values / np.maximum(total[group], 1e-12))


def _best_of(which: Ints, step: Ints, score: Floats, side: Bools, n: int) -> Ints:
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
    """Chooses a resource (and in-house or outsourced) for every job among the steps that were observed.

    Attributes
    ----------
    usual_only_ : bool
        Whether every job gets its most frequent step, whatever the item is; to be set after `fit` where the models of machines
        turned out to be no better.
    """

    def fit(
        self,
        catalogue: RoutingCatalogue,
        lines: LineModel,
        outside: OutsideModel,
        live: Bools,
        pool: Bools,
    ) -> StepChooser:
        """Prepare the table of steps per job.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        lines : LineModel
            Fitted: which machine of a line.
        outside : OutsideModel
            Fitted: which jobs leave the plant.
        live : Bools
            Per step, whether it may be proposed.
        pool : Bools
            Per step, whether its resource is a waiting pool.
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
        self.usual_only_ = False
        return self

    def steps(self, chosen: Chosen, evidence: Evidence, book: SequenceBook, features: Floats) -> ChosenSteps:
        """The operations of every chosen candidate, for each job the best of the steps it was observed with.

        A step's score is a mean of two shares among the job's steps: what the line model says about its machine, and
        the votes of the item's leaves in the forest, which know the whole routing. Whether the job leaves the plant is
        decided first, by the outside model or, for a job that it has not learned, by the sums of both sides.

        Parameters
        ----------
        chosen : Chosen
            The candidates.
        evidence : Evidence
            What is known of the items.
        book : SequenceBook
            The operations of every candidate.
        features : Floats
            Items x columns, the encoded attributes.
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
        if self.usual_only_:
            best = self.prior_[step]
        score = self.worth_[step] * (best + self.prior_[step]) - self.malus_[step]
        # In-house or outside first: several machines in-house do not lose to one outside.
        total = np.maximum(np.bincount(which, best, len(unique)), 1e-12)
        leaving = (np.bincount(which, best * outside, len(unique)) / total)[back]
        if not self.usual_only_:
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
