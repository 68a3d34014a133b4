"""Which machine of a line an item goes to.

Jobs that are planned on the same machines form a *line* (turning, milling, washing ...); an item that visits a line with
several jobs visits it with the same machine, as a rule, and which one depends on its size, material and family. So the
machine is learned per line from all its jobs together, and a job takes the line's answer among its own machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import ranges
from routing_etl.model.base.trees import ForestShape, PackedTrees, grow_shares
from routing_etl.model.catalogue.routings import RoutingCatalogue

#: A line with fewer cases gets the shares of its machines, the same for every item.
_LEAST_ROWS = 12
#: Size of the forest of random cuts that finds the columns worth asking, and how many those are.
_PILOT_ROWS, _MOST_COLUMNS = 3000, 32
_PILOT = ForestShape(8, 0.5, splitter="random", bootstrap=False)
#: As in scikit-learn's forest.
_MAX_FEATURES = 0.3
#: Least cases in a leaf of a line's forest, from the finest on. Where attributes decide, the finest is best; where the load
#: of the day decides between two machines of a size class, a coarse one is.
_LEAVES = (1, 40)
#: Parts that a line's items are left out by, to judge a forest.
_PARTS = 3
#: Most cases that grow a line's forest.
MOST_ROWS = 12_000
#: Jobs are one line up to this cosine distance of their machines' (square rooted) shares.
_ALIKE = 0.5


@dataclass
class Shares:
    """Which of a few answers (a line's machines) an item gets: leaves x answers, one leaf for all without trees.

    `answers`: ascending. `trees`: the `tree_` of fitted trees, `columns`: the features that they ask.
    """

    answers: Ints
    shares: Floats
    trees: Sequence[Any] = ()
    columns: Ints = field(default_factory=lambda: np.empty(0, np.int64))


class SharesBook:
    """Many `Shares` with their trees in one: an item is asked by all that it concerns in one walk."""

    def __init__(self, parts: Sequence[Shares]) -> None:
        self.answers = [part.answers for part in parts]
        grown = [(tree, part.columns) for part in parts for tree in part.trees]
        self.trees = PackedTrees([t for t, _ in grown], [c for _, c in grown]) if grown else None
        self.n_trees = np.array([len(part.trees) for part in parts], dtype=np.int64)
        self.first_tree = np.cumsum(self.n_trees) - self.n_trees
        # A leaf's shares begin at `start`; those of parts without trees are its first row.
        self.shares = np.concatenate([np.empty(0), *(part.shares.ravel() for part in parts)]).astype(
            np.float32
        )
        size = np.array([part.shares.size for part in parts], dtype=np.int64)
        self.begin = np.cumsum(size) - size
        starts = [
            begin + np.arange(len(part.shares)) * len(part.answers)
            for begin, part in zip(self.begin, parts, strict=True)
            if part.trees
        ]
        self.start = np.concatenate([np.empty(0, np.int64), *starts])

    def predict(self, features: Floats, row: Ints, part: Ints, answer: Ints) -> Floats:
        """Probability of `answer[i]` under part `part[i]` for item `row[i]`; 0 for an answer that the part has not."""
        out = np.zeros(len(row), dtype=np.float32)
        place = np.zeros(len(row), dtype=np.int64)
        known = np.zeros(len(row), dtype=bool)
        for number in np.unique(part):
            here, answers = np.flatnonzero(part == number), self.answers[number]
            place[here] = np.minimum(np.searchsorted(answers, answer[here]), len(answers) - 1)
            known[here] = answers[place[here]] == answer[here]
        plain = np.flatnonzero(known & (self.n_trees[part] == 0))
        out[plain] = self.shares[self.begin[part[plain]] + place[plain]]
        asked = np.flatnonzero(known & (self.n_trees[part] > 0))
        if self.trees is None or not len(asked):
            return out
        pair, back = np.unique(part[asked] * len(features) + row[asked], return_inverse=True)
        number, item = pair // len(features), pair % len(features)
        n = self.n_trees[number]
        tree = ranges(self.first_tree[number], n)
        start = self.start[self.trees.reached(features, np.repeat(item, n), tree)]
        each = n[back]
        walked = ranges((np.cumsum(n) - n)[back], each)
        found = self.shares[start[walked] + np.repeat(place[asked], each)]
        out[asked] = np.add.reduceat(found, np.cumsum(each) - each) / each
        return out


def _more(one: Bools, other: Bools, weight: Floats) -> bool:
    """Whether `one` is right on more weight than `other`, by more than a standard deviation of the difference."""
    difference = weight * (one.astype(np.float64) - other)
    return bool(difference.sum() > np.sqrt((difference**2).sum()))


def _groups(truth: Ints, said: Ints, weight: Floats, n: int) -> Ints:
    """Per machine the number of its group: machines between which attributes do not choose better than the more frequent one is.

    Two machines are told apart when, of the cases of either that are said to be of either, more are right than would be with the more
    frequent of both, by more than a standard deviation of the difference; or when none is taken for the other. A group holds no two
    machines that are told apart.

    Parameters
    ----------
    truth, said : Ints
        Per case the machine, and what a forest says that has not seen its item.
    weight : Floats
        Per case.
    n : int
        Number of machines.
    """
    total = np.bincount(truth, weight, n)
    wrong = truth != said
    confused = np.unique(np.sort(np.stack([truth[wrong], said[wrong]], axis=1), axis=1), axis=0)
    alike = np.zeros((n, n), dtype=bool)
    for one, other in confused:
        here = np.flatnonzero(((truth == one) | (truth == other)) & ((said == one) | (said == other)))
        usual = one if total[one] >= total[other] else other
        known = truth[here]
        alike[one, other] = alike[other, one] = not _more(said[here] == known, known == usual, weight[here])
    group = np.arange(n)
    for one, other in sorted(
        confused[alike[confused[:, 0], confused[:, 1]]].tolist(), key=lambda p: -total[p].sum()
    ):
        first, second = np.flatnonzero(group == group[one]), np.flatnonzero(group == group[other])
        if group[one] != group[other] and alike[np.ix_(first, second)].all():
            group[second] = group[one]
    return np.asarray(np.unique(group, return_inverse=True)[1])


class LineModel:
    """Probability of every machine of a line for items.

    Parameters
    ----------
    n_trees : int, optional
        Trees of the forest of a line.
    n_jobs : int, optional
        Lines learned at once, in threads.
    random_state : int, optional
        Seed.

    Attributes
    ----------
    line_of_job_ : Ints
        Line of every job, -1 for a job without uses.
    """

    def __init__(self, *, n_trees: int = 24, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_trees = n_trees
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self, catalogue: RoutingCatalogue, features: Floats, live: Bools, weights: Floats, pool: Bools
    ) -> LineModel:
        """Learn.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        features : Floats
            Labels x columns, the encoded attributes.
        live : Bools
            Per step, whether it may be proposed; steps out of use teach nothing.
        weights : Floats
            Per label, how much it counts.
        pool : Bools
            Per step, whether its resource is a waiting pool.
        """
        # Work sent outside is one answer, whatever its resource is called there or whether it is filled in at all.
        machine = catalogue.steps.select(
            pl.when("outsourced")
            .then(pl.lit("\x1f"))
            .otherwise(pl.concat_str("res_cd", "inside", separator="\x1f", ignore_nulls=True))
        )
        self.machine_of_step_ = machine.to_series().rank("dense").cast(pl.Int64).to_numpy() - 1
        n_machines = int(self.machine_of_step_.max()) + 1
        self.step_job_ = catalogue.step_job
        label, step = catalogue.label_steps()
        label, step = label[live[step]], step[live[step]]
        job, machine_used = catalogue.step_job[step], self.machine_of_step_[step]
        self.line_of_job_ = self._lines(job, machine_used, len(catalogue.jobs), n_machines)
        line = self.line_of_job_[job]
        n_lines = int(self.line_of_job_.max()) + 1
        key = np.unique((line * len(features) + label) * n_machines + machine_used)
        line, rest = key // (len(features) * n_machines), key % (len(features) * n_machines)
        label, machine_used = rest // n_machines, rest % n_machines
        bounds = np.searchsorted(line, np.arange(n_lines + 1))
        learn, pools = delayed(self.learn), np.unique(self.machine_of_step_[pool])
        lines = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            learn(features, label[a:b], machine_used[a:b], weights, pools) for a, b in pairwise(bounds)
        )
        self.lines_ = SharesBook(lines)
        return self

    def _lines(self, job: Ints, machine: Ints, n_jobs: int, n_machines: int) -> Ints:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import pdist

        table = sparse.csr_matrix((np.ones(len(job)), (job, machine)), shape=(n_jobs, n_machines)).toarray()
        seen = np.flatnonzero(table.sum(axis=1) > 0)
        out = np.full(n_jobs, -1, dtype=np.int64)
        if len(seen) > 1:
            share = np.sqrt(table[seen] / table[seen].sum(axis=1, keepdims=True))
            out[seen] = fcluster(linkage(pdist(share, "cosine"), "average"), _ALIKE, "distance") - 1
        else:
            out[seen] = 0
        return out

    def learn(
        self, features: Floats, label: Ints, machine: Ints, weights: Floats, pools: Sequence[int] | Ints = ()
    ) -> Shares:
        """Shares of the machines.

        Parameters
        ----------
        features : Floats
            Labels x columns.
        label : Ints
            Label of every case.
        machine : Ints
            Machine of every case.
        weights : Floats
            Per label.
        pools : sequence of int, optional
            Machines that are waiting pools.
        """
        machines, answer = np.unique(machine, return_inverse=True)
        weight = weights[label].astype(np.float64)
        shares = np.bincount(answer, weight, len(machines)) / max(float(weight.sum()), 1e-12)
        if len(machines) < 2 or len(label) < _LEAST_ROWS:
            return Shares(machines, shares[None, :])
        rows = self._some(len(label), MOST_ROWS)
        label, answer, weight = label[rows], answer[rows], weight[rows]
        told = self._told(features, label, answer, weight, np.isin(machines, pools))
        if told is None:
            return Shares(machines, shares[None, :])
        leaf, group = told
        columns = self._telling(features, label, group[answer])
        n_groups = int(group.max()) + 1
        trees = self._grown(features[np.ix_(label, columns)], group[answer], n_groups, weight, leaf)
        values = np.concatenate([tree.value[tree.feature < 0, :, 0] for tree in trees])
        own = shares / np.maximum(np.bincount(group, shares, n_groups), 1e-12)[group]
        return Shares(machines, (values[:, group] * own).astype(np.float32), trees, columns)

    def _told(
        self, features: Floats, label: Ints, answer: Ints, weight: Floats, pool: Bools
    ) -> tuple[int, Ints] | None:
        """Least cases in a leaf of a line's forest, and the group of each machine; None when the plain shares of the machines do as well.

        Attributes speak only where unseen cases say that they should: a coarser forest is taken when it is right on more
        cases of items left out than a finer one, and a forest at all when it is right on more than the plain shares, by more than a
        standard deviation of the difference (McNemar's comparison). A choice that no attribute explains, such as the load of the day, would otherwise seem to
        follow some attribute, and the second machine would be proposed in place of the first. So would it where attributes tell some
        machines of a line apart and not others: those that they do not tell apart are one group (`_groups`), whose machines have their plain
        shares. Work that is planned on a waiting pool is no choice of a machine and is not judged.
        """
        judged = np.flatnonzero(~pool[answer])
        some = judged[self._some(len(judged), _PILOT_ROWS)]
        label, truth, counts = label[some], answer[some], weight[some]
        plain = int(np.bincount(truth, counts, len(pool)).argmax())
        right = np.zeros(len(truth), dtype=bool)
        best = None
        for leaf, said in self._left_out(features, label, truth, counts, plain).items():
            if _more(said == truth, right, counts):
                best, right = (leaf, said), said == truth
        if best is None or not _more(right, truth == plain, counts):
            return None
        return best[0], _groups(truth, best[1], counts, len(pool))

    def _left_out(
        self, features: Floats, label: Ints, truth: Ints, counts: Floats, plain: int
    ) -> dict[int, Ints]:
        """Per size of leaves, what a forest says of every case that has seen no case of its item.

        Its columns are chosen without them too: of hundreds that tell nothing, the few that go most with some cases seem to tell of
        these. `plain`: the answer where nothing is left to learn from.
        """
        item = np.unique(label, return_inverse=True)[1]
        drawn = np.random.default_rng(self.random_state).permutation(int(item.max(initial=-1)) + 1)
        part = drawn[item] % _PARTS
        n_answers = int(truth.max(initial=0)) + 1
        said = {leaf: np.full(len(truth), plain) for leaf in _LEAVES if leaf <= len(truth) // 4}
        for number in range(_PARTS):
            asked, known = np.flatnonzero(part == number), np.flatnonzero(part != number)
            if not len(asked) or not len(known):
                continue
            columns = self._telling(features, label[known], truth[known])
            seen, new = features[np.ix_(label[known], columns)], features[np.ix_(label[asked], columns)]
            for leaf, answers in said.items():
                trees = self._grown(seen, truth[known], n_answers, counts[known], leaf)
                answers[asked] = np.sum([tree.value[tree.apply(new), :, 0] for tree in trees], axis=0).argmax(
                    axis=1
                )
        return said

    def _grown(self, known: Floats, answer: Ints, n_answers: int, weight: Floats, leaf: int) -> list[Any]:
        """The trees of a forest."""
        shape = ForestShape(self.n_trees, _MAX_FEATURES, leaf)
        return grow_shares(known, answer, n_answers, weight, shape, self.random_state)

    def _some(self, rows: int, most: int) -> Ints:
        """At most so many rows, in order."""
        if rows <= most:
            return np.arange(rows)
        return np.sort(np.random.default_rng(self.random_state).choice(rows, most, replace=False))

    def _telling(self, features: Floats, label: Ints, answer: Ints) -> Ints:
        """The columns that a small forest of random cuts asks most: few decide on a machine, the others are noise."""
        if features.shape[1] <= _MOST_COLUMNS:
            return np.arange(features.shape[1])
        some = self._some(len(label), _PILOT_ROWS)
        label, answer = label[some], answer[some]
        alike = np.ones(len(label))
        n_answers = int(answer.max(initial=0)) + 1
        trees = grow_shares(features[label], answer, n_answers, alike, _PILOT, self.random_state)
        asked = np.mean([tree.compute_feature_importances() for tree in trees], axis=0)
        order = np.argsort(-asked, kind="stable")
        return np.sort(order[:_MOST_COLUMNS])

    def predict(self, features: Floats, row: Ints, step: Ints) -> Floats:
        """Probability that item `row[i]`, when it visits the line of `step[i]`'s job, does so with that step's machine.

        Parameters
        ----------
        features : Floats
            Items x columns.
        row : Ints
            Item of every case.
        step : Ints
            Step of every case, an index into the catalogue's steps.
        """
        out = np.zeros(len(row), dtype=np.float32)
        line = self.line_of_job_[self.step_job_[step]]
        here = np.flatnonzero(line >= 0)
        out[here] = self.lines_.predict(features, row[here], line[here], self.machine_of_step_[step[here]])
        return out
