"""Which operations an item needs, asked one by one within its family of parts.

A *family* is a group of items that attributes tell apart and whose routings draw on the same jobs; it is found, not
given: a regression tree over the encoded attributes cuts the items into cells, and cells whose mean routings are alike
are joined. Within a family every job that some items have and others have not is a yes/no question; `QuestionBooster`
answers all of them from the columns that matter there. A combination of operations that no item had before gets a
proper probability this way, which votes of similar items cannot give.

What belongs here: families, columns of a family, questions, probabilities. What does not: routings as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.tree import DecisionTreeRegressor

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bytes, Floats, Ints
from routing_etl.model.base.boosting import MAX_BINS, QuestionBooster
from routing_etl.model.base.columns import dense_product
from routing_etl.model.base.threads import one_thread
from routing_etl.progress import SILENT, Progress

_LEAST_ROWS = 40
_LEAST_CASES = 4
_FLOOR = 5e-4


@dataclass
class _Column:
    """One binned column of a family.

    `number`: an attribute, `vote`: the forest's share for an operation (both by `edges`); `code`: a level with a bin per
    code; `word`: 0/1; `rate`: how often items with the same code have an operation (codes, rates, edges).
    """

    kind: str
    name: str
    index: int
    edges: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    bin_of_code: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    codes: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    rates: Floats = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def ordered(self) -> bool:
        return self.kind != "code"

    def cut(self, values: Floats) -> Bytes:
        """Bin numbers of values; 0 for a missing one."""
        found = 1 + np.searchsorted(self.edges, values, side="left")
        return np.where(np.isnan(values), 0, found).astype(np.uint8)


class _ColumnSet:
    """Reads many columns at once: grouped by kind and level, with edges padded to one table per group."""

    def __init__(self, columns: Sequence[_Column]) -> None:
        self.columns = list(columns)
        groups: dict[tuple[str, str], list[int]] = {}
        for place, column in enumerate(self.columns):
            groups.setdefault((column.kind, column.name), []).append(place)
        self.groups_ = [
            (kind, name, np.array(places), *self._tables(kind, [self.columns[p] for p in places]))
            for (kind, name), places in groups.items()
        ]

    @staticmethod
    def _tables(kind: str, columns: list[_Column]) -> tuple[Any, ...]:
        index = np.array([c.index for c in columns])
        if kind == "word":
            return (index, None, None)
        if kind == "code":
            return (index, np.column_stack([c.bin_of_code for c in columns]), None)
        most = max(len(c.edges) for c in columns)
        edges = np.full((len(columns), most), np.inf, dtype=np.float32)
        for i, column in enumerate(columns):
            edges[i, : len(column.edges)] = column.edges
        if kind == "rate":
            return (columns[0].codes, np.column_stack([c.rates for c in columns]), edges)
        return (index, None, edges)

    def bins(self, table: TokenTable, votes: Floats, rows: Ints) -> Bytes:
        """Rows x columns: the bin of each of `rows` in every column."""
        out = np.empty((len(rows), len(self.columns)), dtype=np.uint8)
        for kind, name, places, index, values, edges in self.groups_:
            if kind == "word":
                words = table.words[name]
                column_of = np.full(words.n_tokens, -1, dtype=np.int64)
                column_of[index] = places
                row, column = words.placed(column_of, rows)
                out[:, places] = 0
                out[row, column] = 1
            elif kind == "code":
                out[:, places] = values[table.codes[name][rows]]
            elif kind == "rate":
                code = table.codes[name][rows]
                at = np.minimum(np.searchsorted(index, code), len(index) - 1)
                out[:, places] = _cut(np.where((index[at] == code)[:, None], values[at], np.nan), edges)
            else:
                read = table.numbers if kind == "number" else votes
                out[:, places] = _cut(read[np.ix_(rows, index)], edges)
        return out


def _cut(values: Floats, edges: Floats) -> Bytes:
    """Bin numbers of rows x columns of values by columns x edges; 0 for a missing value."""
    out = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), 512):
        part = values[start : start + 512]
        found = 1 + (edges[None, :, :] < part[:, :, None]).sum(axis=2)
        out[start : start + 512] = np.where(np.isnan(part), 0, found)
    return out


def _worth(bins: Bytes, answers: Floats) -> Floats:
    """Per column: how far the bins' shares of "yes" differ beyond chance, for the question they tell most about.

    A chi-squared statistic in units of its own spread, (x - f) / sqrt(2 f) with f bins less one; -inf for one bin.
    """
    n, n_columns = bins.shape
    mean = answers.mean(axis=0)
    noise = np.maximum(mean * (1 - mean), 1e-4)
    cell = (np.arange(n_columns) * MAX_BINS)[None, :] + bins
    hot = sparse.csr_matrix(
        (np.ones(cell.size, np.float32), cell.ravel(), np.arange(n + 1) * n_columns),
        shape=(n, n_columns * MAX_BINS),
    )
    sums = np.asarray(hot.T @ (answers - mean))
    count = np.bincount(cell.ravel(), minlength=n_columns * MAX_BINS)
    between = (sums**2 / np.maximum(count, 1)[:, None] / noise).reshape(n_columns, MAX_BINS, -1).sum(axis=1)
    free = (count.reshape(n_columns, MAX_BINS) > 0).sum(axis=1) - 1
    worth = ((between - free[:, None]) / np.sqrt(2.0 * np.maximum(free, 1))[:, None]).max(axis=1)
    return np.where(free > 0, worth, -np.inf)


@dataclass
class _Family:
    """What is learned for one family: the columns, the boosters (one per fold) and the shares of constant jobs."""

    columns: _ColumnSet
    boosters: list[QuestionBooster]
    questions: Ints
    share: Floats


class OperationModel:
    """Probability of every operation (job and occurrence) for items.

    Parameters
    ----------
    n_folds: boosters per family, each trained without one fold; new items get their mean log-odds.
    max_columns: attribute columns per family, max_rates: of rates per code. max_rows: rows per family and fold. alike: cells are one family up to this cosine
        distance of their mean routings.
    """

    def __init__(
        self,
        *,
        n_folds: int = 5,
        max_columns: int = 32,
        max_rates: int = 10,
        max_rows: int = 3000,
        n_rounds: int = 20,
        learning_rate: float = 0.28,
        depth: int = 3,
        alike: float = 0.45,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.n_folds = n_folds
        self.max_columns = max_columns
        self.max_rates = max_rates
        self.max_rows = max_rows
        self.n_rounds = n_rounds
        self.learning_rate = learning_rate
        self.depth = depth
        self.alike = alike
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit_families(
        self,
        features: Floats,
        target: Floats,
        operations: sparse.csr_matrix,
        variants: Ints,
        n_variants: int,
    ) -> Ints:
        """Find the families; returns the family per training item and keeps the share of families per variant.

        Parameters
        ----------
        operations: items x operations, 0/1.
        """
        n = len(features)
        cells = int(np.clip(n // 30, 2, 96))
        tree = DecisionTreeRegressor(
            max_leaf_nodes=cells,
            min_samples_leaf=max(5, min(25, n // 40)),
            max_features=0.5,
            random_state=self.random_state,
        )
        rows = np.arange(n)
        if n > 40_000:
            rows = np.sort(np.random.default_rng(self.random_state).choice(n, 40_000, replace=False))
        tree.fit(features[rows], target[rows])
        cell = np.unique(tree.apply(features), return_inverse=True)[1]
        n_cells = int(cell.max()) + 1
        hot = sparse.csr_matrix((np.ones(n, np.float32), (cell, np.arange(n))), shape=(n_cells, n))
        counts = np.asarray(hot.sum(axis=1))
        mean = np.asarray((hot @ operations).todense()) / counts
        spread = np.log((1 + n_cells) / (1 + (mean > 0.1).sum(axis=0))) + 0.3
        mean = mean * spread
        if n_cells > 1:
            tied = linkage(mean + 1e-9, method="average", metric="cosine")
            joined = fcluster(tied, self.alike, criterion="distance") - 1
        else:
            joined = np.zeros(1, dtype=np.int64)
        family = np.asarray(joined[cell], dtype=np.int64)
        self.n_families_ = int(family.max()) + 1
        table = sparse.csr_matrix(
            (np.ones(n, np.float32), (variants, family)), shape=(n_variants, self.n_families_)
        )
        table.sum_duplicates()
        total = np.maximum(np.asarray(table.sum(axis=1)), 1.0)
        self.family_of_variant_ = sparse.csr_matrix(table.multiply(1.0 / total))
        return family

    def family(self, votes: sparse.csr_matrix) -> Ints:
        """Most likely family of items, by the votes for their routings; -1 without votes."""
        shares = dense_product(votes, self.family_of_variant_)
        best = shares.argmax(axis=1)
        return np.where(shares.max(axis=1) > 0, best, -1)

    def fit(
        self,
        table: TokenTable,
        operations: sparse.csr_matrix,
        votes: Floats,
        family: Ints,
        folds: Ints,
        weights: Floats,
        progress: Progress = SILENT,
    ) -> Floats:
        """Learn the questions of every family; returns out-of-fold probabilities, items x operations.

        Parameters
        ----------
        operations: items x operations, 0/1, or a share where several routings of an item differ. votes: the forest's
        out-of-bag shares for the same. family, folds, weights: per item.
        """
        n = operations.shape[0]
        overall = (np.asarray(operations.sum(axis=0)).ravel() / n).astype(np.float32)
        self.overall_ = np.clip(overall, _FLOOR / 10, 1 - _FLOOR)
        out = np.repeat(self.overall_[None, :], n, axis=0)
        part = folds % self.n_folds
        rows_of = [np.flatnonzero(family == f) for f in range(self.n_families_)]
        with progress.task("learning operations", self.n_families_) as task:

            def one(rows: Ints) -> tuple[_Family, Floats]:
                found = self._fit_family(table, operations[rows], votes, rows, part[rows], weights[rows])
                task.advance()
                return found

            # The families run side by side; BLAS threads inside each would only wait for each other.
            with one_thread("blas"):
                done = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(one)(rows) for rows in rows_of)
        self.families_ = [d[0] for d in done]
        for rows, (_, probability) in zip(rows_of, done, strict=True):
            out[rows] = probability
        return out

    def _fit_family(
        self,
        table: TokenTable,
        operations: sparse.csr_matrix,
        votes: Floats,
        rows: Ints,
        part: Ints,
        weights: Floats,
    ) -> tuple[_Family, Floats]:
        n = len(rows)
        answers = np.asarray(operations.todense(), dtype=np.float32)
        yes = answers.sum(axis=0)
        share = np.clip((yes + 0.5 * self.overall_) / (n + 1.0), _FLOOR, 1 - _FLOOR).astype(np.float32)
        open_ = (yes >= _LEAST_CASES) & (n - yes >= _LEAST_CASES) & (share > 0.004) & (share < 0.996)
        questions = np.flatnonzero(open_)
        out = np.repeat(share[None, :], n, axis=0)
        if n < _LEAST_ROWS or not len(questions):
            return _Family(_ColumnSet([]), [], np.empty(0, np.int64), share), out
        answers = answers[:, questions]
        columns, bins = self._columns(table, votes, rows, answers, questions, part)
        if not columns:
            return _Family(_ColumnSet([]), [], np.empty(0, np.int64), share), out
        ordered = np.array([c.ordered for c in columns])
        boosters = []
        rng = np.random.default_rng(self.random_state + n)
        for f in range(self.n_folds):
            train, test = np.flatnonzero(part != f), np.flatnonzero(part == f)
            if len(train) > self.max_rows:
                train = np.sort(rng.choice(train, self.max_rows, replace=False))
            if not len(train):
                continue
            booster = QuestionBooster(
                n_rounds=self.n_rounds, learning_rate=self.learning_rate, depth=self.depth
            ).fit(bins[train], ordered, answers[train], weights[train])
            boosters.append(booster)
            out[test[:, None], questions] = _probability(booster.log_odds(bins[test]))
        return _Family(_ColumnSet(columns), boosters, questions, share), out

    def _columns(
        self,
        table: TokenTable,
        votes: Floats,
        rows: Ints,
        answers: Floats,
        questions: Ints,
        part: Ints,
    ) -> tuple[list[_Column], Bytes]:
        """The columns that tell most about the family's questions, and their bins for `rows`."""
        columns = self._possible(table, rows)
        parts = [_ColumnSet(columns).bins(table, votes, rows)]
        for column, bins in (
            *self._voted(votes, rows, questions),
            *self._rated(table, rows, answers, questions, part),
        ):
            columns.append(column)
            parts.append(bins[:, None])
        bins = np.hstack(parts)
        worth = _worth(bins, answers)
        order = sorted(range(len(columns)), key=lambda i: (-worth[i], columns[i].name, columns[i].index))
        # Rates and votes know more each than any attribute, and there are many: they must not crowd attributes out.
        limit = {"rate": self.max_rates, "vote": len(questions)}
        left = dict.fromkeys(("number", "code", "word"), self.max_columns)
        kept = []
        for i in order:
            kind = columns[i].kind
            pool = limit if kind in limit else left
            if worth[i] > 1.0 and pool[kind] > 0:
                kept.append(i)
                pool[kind] -= 1
        return [columns[i] for i in kept], np.ascontiguousarray(bins[:, kept])

    def _voted(self, votes: Floats, rows: Ints, questions: Ints) -> list[tuple[_Column, Bytes]]:
        """The forest's share for each question, as a column."""
        out = []
        for question in questions:
            edges = _edges(votes[rows, question], 14)
            if edges is not None and len(edges):
                column = _Column("vote", "", int(question), edges=edges)
                out.append((column, column.cut(votes[rows, question])))
        return out

    def _rated(
        self, table: TokenTable, rows: Ints, answers: Floats, questions: Ints, part: Ints
    ) -> list[tuple[_Column, Bytes]]:
        """For levels with more values than bins: how often items with the same value have the operation.

        Out of fold for the training items; a value seen by no other fold counts as missing.
        """
        out = []
        for name, codes in table.codes.items():
            here = codes[rows]
            known, back = np.unique(here, return_inverse=True)
            if len(known) <= MAX_BINS or not name.endswith(("|value", "|prefix6", "|prefix4")):
                continue
            n, n_codes = len(rows), len(known)
            sums, counts, within, size = [], [], [], []
            for f in range(self.n_folds):
                at = np.flatnonzero(part == f)
                hot = sparse.csr_matrix((np.ones(len(at), np.float32), (back[at], at)), shape=(n_codes, n))
                sums.append(np.asarray(hot @ answers))
                counts.append(np.asarray(hot.sum(axis=1)).ravel())
                within.append(at)
                size.append(len(at))
            total, number = np.sum(sums, axis=0), np.sum(counts, axis=0)
            mean = answers.mean(axis=0)
            rate = np.full((n, len(questions)), np.nan, dtype=np.float32)
            for f in range(self.n_folds):
                left = number - counts[f]
                other = (total - sums[f] + mean) / (left + 1.0)[:, None]
                other[left == 0] = np.nan
                rate[within[f]] = other[back[within[f]]]
            whole = ((total + mean) / (number + 1.0)[:, None]).astype(np.float32)
            whole[known < 0] = np.nan
            for q, question in enumerate(questions):
                edges = _edges(rate[:, q], 14)
                if edges is not None and len(edges):
                    column = _Column(
                        "rate",
                        name,
                        int(question),
                        edges=edges,
                        codes=known.astype(np.int64),
                        rates=whole[:, q],
                    )
                    out.append((column, column.cut(rate[:, q])))
        return out

    def _possible(self, table: TokenTable, rows: Ints) -> list[_Column]:
        n = len(rows)
        most = int(np.clip(n // 12, 6, MAX_BINS - 2))
        out: list[_Column] = []
        for j in range(table.numbers.shape[1]):
            edges = _edges(table.numbers[rows, j], most)
            if edges is not None:
                out.append(_Column("number", "", j, edges=edges))
        for name, codes in table.codes.items():
            here = codes[rows]
            counts = np.bincount(here + 1)
            counts[0] = 0
            top = np.argsort(-counts, kind="stable")[: MAX_BINS - 1]
            top = top[counts[top] >= 3] - 1
            if len(top) < 1:
                continue
            size = int(codes.max()) + 2
            bin_of_code = np.zeros(size, dtype=np.uint8)
            bin_of_code[top] = np.arange(1, len(top) + 1)
            out.append(_Column("code", name, 0, bin_of_code=bin_of_code))
        for name, lists in table.words.items():
            _, code = lists.placed(np.arange(lists.n_tokens), rows)
            counts = np.bincount(code, minlength=lists.n_tokens)
            often = np.flatnonzero((counts >= 5) & (counts <= n - 5))
            often = often[np.argsort(-np.minimum(counts[often], n - counts[often]), kind="stable")][:60]
            out += [_Column("word", name, int(i)) for i in often]
        return out

    def predict(self, table: TokenTable, votes: Floats, family: Ints) -> Floats:
        """Items x operations: probability that the item's routing has the operation."""
        n = len(family)
        out = np.repeat(self.overall_[None, :], n, axis=0)
        for f in np.unique(family):
            if f < 0:
                continue
            learned = self.families_[f]
            rows = np.flatnonzero(family == f)
            out[rows] = learned.share[None, :]
            if learned.boosters:
                bins = learned.columns.bins(table, votes, rows)
                odds = np.mean([b.log_odds(bins) for b in learned.boosters], axis=0)
                out[rows[:, None], learned.questions] = _probability(odds)
        return out


def _edges(values: Floats, most: int) -> Floats | None:
    """Cuts half-way between neighbouring values, at most `most`, at equal shares; None without any value."""
    present = np.sort(values[np.isfinite(values)])
    if not len(present):
        return None
    unique = np.unique(present)
    middle = (unique[1:] + unique[:-1]) / 2
    if len(middle) > most:
        aims = np.quantile(present, np.linspace(0, 1, most + 2)[1:-1])
        middle = np.unique(middle[np.minimum(np.searchsorted(middle, aims), len(middle) - 1)])
    return np.asarray(middle, dtype=np.float32)


def _probability(odds: Any) -> Floats:
    return np.asarray(np.clip(1.0 / (1.0 + np.exp(-odds)), _FLOOR, 1 - _FLOOR), dtype=np.float32)
