"""Whether a job is done in-house or outside.

Which machine of a line an item goes to depends on the line (`line_model`); whether it leaves the plant depends on the job:
on the item's attributes (too large, a material that only a partner treats) and on the routing around it (a part that is
made outside comes back with an inspection that is booked outside too). So it is learned per job, from all the items that
have the job, and knows how often the routing's other jobs leave.
"""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed

from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.catalogue.routings import RoutingCatalogue, SequenceBook
from routing_etl.model.machines.line_model import MOST_ROWS, LineModel, Shares, SharesBook

#: A job is learned from so many uses on either side; one that left less often is left to the line model.
_LEAST_USES = 4


class OutsideModel:
    """Probability that a job of an item's routing is done outside.

    Parameters
    ----------
    n_jobs : int, optional
        Jobs learned at once, in threads.
    random_state : int, optional
        Seed.
    """

    def __init__(self, *, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, catalogue: RoutingCatalogue, features: Floats, weights: Floats) -> OutsideModel:
        """Learn from every operation.

        Those whose resource is out of use or not filled in count too: whether they left is known all the same.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        features : Floats
            Labels x columns, the encoded attributes.
        weights : Floats
            Per label, how much it counts.
        """
        outsourced = catalogue.steps["outsourced"].to_numpy().astype(bool)
        label, step = catalogue.label_steps()
        job, leaves = catalogue.step_job[step], outsourced[step]
        n_jobs = len(catalogue.jobs)
        uses, left = np.bincount(job, minlength=n_jobs), np.bincount(job, leaves, n_jobs)
        self.rate_ = (left / np.maximum(uses, 1)).astype(np.float32)
        others = self._others(label, job, len(features))
        learned = np.flatnonzero((left >= _LEAST_USES) & (uses - left >= _LEAST_USES))
        forest = LineModel(random_state=self.random_state)
        order = np.argsort(job, kind="stable")
        bounds = np.searchsorted(job[order], np.arange(n_jobs + 1))

        def one(number: int) -> Shares:
            here = order[bounds[number] : bounds[number + 1]]
            if len(here) > MOST_ROWS:
                rng = np.random.default_rng(self.random_state)
                here = np.sort(rng.choice(here, MOST_ROWS, replace=False))
            known = np.column_stack([features[label[here]], others[here]])
            return forest.learn(
                known, np.arange(len(here)), leaves[here].astype(np.int64), weights[label[here]]
            )

        found = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(one)(int(n)) for n in learned)
        self.part_ = np.full(n_jobs, -1, dtype=np.int64)
        self.part_[learned] = np.arange(len(learned))
        self.jobs_ = SharesBook(found) if found else None
        return self

    def _others(self, group: Ints, job: Ints, n_groups: int) -> Floats:
        """Mean rate at which the other jobs of the same routing leave, per case; 0 for a job that stands alone."""
        rate = self.rate_[job]
        total, count = np.bincount(group, rate, n_groups), np.bincount(group, minlength=n_groups)
        return np.asarray((total[group] - rate) / np.maximum(count[group] - 1, 1), dtype=np.float32)

    def predict(self, features: Floats, row: Ints, sequence: Ints, book: SequenceBook) -> tuple[Ints, Floats]:
        """The jobs of every candidate in order that are learned here, and the probability that each leaves.

        Parameters
        ----------
        features : Floats
            Items x columns.
        row : Ints
            Item of every candidate.
        sequence : Ints
            Number of every candidate in `book`.
        book : SequenceBook
            The operations of every candidate.

        Returns
        -------
        place : Ints
            Indices into the candidates' jobs laid end to end.
        probability : Floats
            That each of these jobs is done outside.
        """
        laid = book.lay_out(sequence)
        candidate, job = laid.owner, laid.job
        others = self._others(candidate, job, len(row))
        place = np.flatnonzero(self.part_[job] >= 0)
        if self.jobs_ is None or not len(place):
            return place, np.empty(0, np.float32)
        known = np.column_stack([features[row[candidate[place]]], others[place]])
        case = np.arange(len(place))
        return place, self.jobs_.predict(known, case, self.part_[job[place]], np.ones(len(place), np.int64))
