"""Which operations an item needs, asked one by one within its family of parts.

Within a family (`families`) every job that some items have and others have not is a yes/no question; `QuestionBooster`
answers all of them from the columns that matter there. A combination of operations that no item had before gets a
proper probability this way, which votes of similar items cannot give. Some questions follow an attribute to the last item, others are a matter
of chance: each is learned for as many rounds as items gain by that were left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bytes, Floats, Ints
from routing_etl.model.base.boosting import MAX_BINS, QuestionBooster
from routing_etl.model.base.ragged import Ragged
from routing_etl.model.base.threads import one_thread
from routing_etl.model.candidates.tied_words import TiedWords
from routing_etl.progress import SILENT, Progress

#: A family with fewer items is asked nothing; its shares of operations are its probabilities.
_LEAST_ROWS = 40
#: A question needs so many items with the operation and so many without.
_LEAST_CASES = 4
#: Probabilities are kept this far from 0 and 1.
_FLOOR = 5e-4
#: Most columns per kind of attribute, and most columns of rates per code. They serve dozens of questions: with few, those that
#: tell most about one question crowd out what another hangs on.
_MOST_COLUMNS, _MOST_RATES = 160, 40
#: Most items of a family that train a booster.
_MOST_ROWS = 3000
#: Most boosting rounds, learning rate, depth of the trees, and share of the columns that a round may ask. How many rounds a question gets
#: is told by the items of the folds that were left out (docs/decisions/0027-rounds-by-left-out-items.md).
_ROUNDS, _LEARNING_RATE, _DEPTH, _COLUMN_SHARE = 80, 0.14, 2, 0.33
#: A number with more values than a column has cuts gets so many columns, their cuts between each other's: an item near a
#: threshold is on the right side of it only if a cut is as near.
_NUMBER_COLUMNS = 2
#: Cuts of a column of votes or rates.
_SHARE_CUTS = 14
#: Levels whose many values get a column of rates.
_RATED = ("|value", "|prefix6", "|prefix4")


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
    """Reads many columns at once: grouped by kind and level, with edges padded to one table per group.

    The columns themselves are not kept: a full plant's model has tens of thousands, and each would be unpickled one by one.
    """

    def __init__(self, columns: Sequence[_Column]) -> None:
        self.n_columns = len(columns)
        groups: dict[tuple[str, str], list[int]] = {}
        for place, column in enumerate(columns):
            groups.setdefault((column.kind, column.name), []).append(place)
        self.groups_ = [
            (
                kind,
                name,
                places[0] if kind == "code" else np.array(places),
                *self._tables(kind, [columns[p] for p in places]),
            )
            for (kind, name), places in groups.items()
        ]

    def __getstate__(self) -> dict[str, Any]:
        """What is stored: the groups' few thousand small arrays end to end."""
        heads = [(kind, name, places if kind == "code" else -1) for kind, name, places, *_ in self.groups_]
        arrays = [
            part
            for kind, _, places, *tables in self.groups_
            for part in (None if kind == "code" else places, *tables)
        ]
        return {"n_columns": self.n_columns, "heads": heads, "tables": Ragged.of(arrays)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` gave."""
        self.n_columns = state["n_columns"]
        parts = state["tables"].arrays()
        self.groups_ = [
            (kind, name, place if kind == "code" else parts[4 * i], *parts[4 * i + 1 : 4 * i + 4])
            for i, (kind, name, place) in enumerate(state["heads"])
        ]

    @staticmethod
    def _tables(kind: str, columns: list[_Column]) -> tuple[Any, ...]:
        if kind == "code":  # a level has one
            return (None, columns[0].bin_of_code, None)
        index = np.array([c.index for c in columns])
        if kind == "word":
            return (index, None, None)
        most = max(len(c.edges) for c in columns)
        edges = np.full((len(columns), most), np.inf, dtype=np.float32)
        for i, column in enumerate(columns):
            edges[i, : len(column.edges)] = column.edges
        if kind == "rate":
            return (columns[0].codes, np.column_stack([c.rates for c in columns]), edges)
        return (index, None, edges)

    def bins(self, table: TokenTable, votes: Floats, rows: Ints) -> Bytes:
        """Rows x columns: the bin of each of `rows` in every column."""
        out = np.empty((len(rows), self.n_columns), dtype=np.uint8)
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


#: Level of the words that phrases are tied to.
_TIED_WORDS = "|tied"


@dataclass
class _Family:
    """What is learned for one family: the columns, the boosters (one per fold) and the shares of constant jobs."""

    columns: _ColumnSet
    boosters: list[QuestionBooster]
    questions: Ints
    share: Floats

    @classmethod
    def without_questions(cls, share: Floats) -> _Family:
        """A family with too few items or nothing to ask: its shares are its probabilities."""
        return cls(_ColumnSet([]), [], np.empty(0, np.int64), share)


@dataclass(frozen=True)
class OperationCases:
    """Training items and the operations of their routings.

    Attributes
    ----------
    table : TokenTable
        The coded attributes.
    operations : scipy.sparse.csr_matrix
        Items x operations: 0/1, or a share where several routings of an item differ.
    votes : Floats
        The forest's out-of-bag shares for the same.
    family, folds : Ints
        Per item.
    n_families : int
        Number of families, those without training items among them.
    weights : Floats
        Per item, how much it counts.
    tied : TiedWords
        Which phrases mean the same.
    """

    table: TokenTable
    operations: sparse.csr_matrix
    votes: Floats
    family: Ints
    folds: Ints
    n_families: int
    weights: Floats
    tied: TiedWords


class OperationModel:
    """Probability of every operation (job and occurrence) for items.

    Parameters
    ----------
    n_folds : int, optional
        Boosters per family, each trained without one fold; new items get their mean log-odds.
    n_jobs : int, optional
        Families learned at once, in threads.
    random_state : int, optional
        Seed of the rows that are drawn.

    Attributes
    ----------
    overall_ : Floats
        Share of all items that have each operation.
    families_ : list
        What is learned for each family.
    tied_ : TiedWords
        Phrases that mean the same.
    """

    #: A model that was learned before phrases were tied has none.
    tied_: TiedWords = TiedWords.none()

    def __init__(self, *, n_folds: int = 5, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, cases: OperationCases, progress: Progress = SILENT) -> Floats:
        """Learn the questions of every family.

        Parameters
        ----------
        cases : OperationCases
            The training items.
        progress : Progress, optional
            Told of every family.

        Returns
        -------
        Floats
            Items x operations: probabilities by boosters, or shares, that have not seen the item's fold.
        """
        operations = cases.operations
        n = operations.shape[0]
        self.tied_ = cases.tied
        cases = replace(cases, table=self._with_words(cases.table))
        overall = (np.asarray(operations.sum(axis=0)).ravel() / n).astype(np.float32)
        self.overall_ = np.clip(overall, _FLOOR / 10, 1 - _FLOOR)
        folds = cases.folds % self.n_folds
        without = self._without_folds(operations, folds)
        out = without[folds]
        rows_of = [np.flatnonzero(cases.family == f) for f in range(cases.n_families)]
        with progress.task("learning operations", len(rows_of)) as task:

            def one(rows: Ints) -> tuple[_Family, Floats]:
                found = self._fit_family(cases, rows, without)
                task.advance()
                return found

            # The families run side by side; BLAS threads inside each would only wait for each other.
            with one_thread("blas"):
                done = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(one)(rows) for rows in rows_of)
        self.families_ = [d[0] for d in done]
        for rows, (_, probability) in zip(rows_of, done, strict=True):
            out[rows] = probability
        return out

    def _without_folds(self, operations: sparse.csr_matrix, folds: Ints) -> Floats:
        """Folds x operations: share of the other folds' items that have each operation."""
        yes, n = np.asarray(operations.sum(axis=0)).ravel(), operations.shape[0]
        inside = [np.flatnonzero(folds == f) for f in range(self.n_folds)]
        others = [
            (yes - np.asarray(operations[rows].sum(axis=0)).ravel()) / max(n - len(rows), 1)
            for rows in inside
        ]
        return np.asarray(np.clip(np.stack(others), _FLOOR / 10, 1 - _FLOOR), dtype=np.float32)

    def _fit_family(self, cases: OperationCases, rows: Ints, without: Floats) -> tuple[_Family, Floats]:
        """What is learned for the family of these items, and their probabilities out of fold.

        `without`: folds x operations, the share of all items of other folds.
        """
        n = len(rows)
        answers = np.asarray(cases.operations[rows].todense(), dtype=np.float32)
        yes = answers.sum(axis=0)
        share = _share(yes, self.overall_, n)
        open_ = (yes >= _LEAST_CASES) & (n - yes >= _LEAST_CASES) & (share > 0.004) & (share < 0.996)
        fold = cases.folds[rows] % self.n_folds
        # What is not asked has the family's share, which an item of one's own fold has no part in either.
        out = np.empty(answers.shape, dtype=np.float32)
        for f in np.unique(fold):
            inside = fold == f
            out[inside] = _share(yes - answers[inside].sum(axis=0), without[f], n - int(inside.sum()))
        asked = _Questions(rows, fold, np.flatnonzero(open_), answers[:, open_])
        if n < _LEAST_ROWS or not len(asked.number):
            return _Family.without_questions(share), out
        columns, bins = _telling_columns(cases, asked)
        if not columns:
            return _Family.without_questions(share), out
        ordered = np.array([c.ordered for c in columns])
        weights = cases.weights[rows]
        boosters, tests, losses = [], [], []
        rng = np.random.default_rng(self.random_state + n)
        for f in range(self.n_folds):
            train, test = np.flatnonzero(asked.fold != f), np.flatnonzero(asked.fold == f)
            if not len(train):
                continue
            train = _drawn(train, _MOST_ROWS, rng)
            booster = QuestionBooster(
                n_rounds=_ROUNDS,
                learning_rate=_LEARNING_RATE,
                depth=_DEPTH,
                column_share=_COLUMN_SHARE,
                random_state=self.random_state + f,
            ).fit(bins[train], ordered, asked.answers[train], weights[train])
            judged = _drawn(test, _MOST_ROWS, rng)
            losses.append(booster.losses(bins[judged], asked.answers[judged], weights[judged]))
            boosters.append(booster)
            tests.append(test)
        # A question that attributes answer gains by many rounds; one that chance answers would follow the noise.
        lost = np.sum(losses, axis=0)
        for booster, test, own in zip(boosters, tests, losses, strict=True):
            # How many were enough is not asked of the fold's own items either.
            odds = booster.stopped((lost - own).argmin(axis=1)).log_odds(bins[test])
            out[test[:, None], asked.number] = _probability(odds)
        boosters = [booster.stopped(lost.argmin(axis=1)) for booster in boosters]
        return _Family(_ColumnSet(columns), boosters, asked.number, share), out

    def _with_words(self, table: TokenTable) -> TokenTable:
        """The items with the words that their phrases are tied to."""
        if not self.tied_.n:
            return table
        return replace(table, words=table.words | {_TIED_WORDS: self.tied_.read(table.phrases)})

    def predict(self, table: TokenTable, votes: Floats, family: Ints) -> Floats:
        """Items x operations: probability that the item's routing has the operation.

        Parameters
        ----------
        table : TokenTable
            The coded items.
        votes : Floats
            Items x operations, the forest's shares.
        family : Ints
            Per item, -1 unknown.
        """
        n = len(family)
        table = self._with_words(table)
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


@dataclass(frozen=True)
class _Questions:
    """The yes/no questions of a family: its items' rows and folds, the operations asked for (`number`) and the answers."""

    rows: Ints
    fold: Ints
    number: Ints
    answers: Floats


def _drawn(rows: Ints, most: int, rng: np.random.Generator) -> Ints:
    """At most so many of the rows, in order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _share(yes: Floats, usual: Floats, n: int) -> Floats:
    """Share of "yes" among n items, shrunk by one item towards half of what is usual."""
    return np.asarray(np.clip((yes + 0.5 * usual) / (n + 1.0), _FLOOR, 1 - _FLOOR), dtype=np.float32)


def _telling_columns(cases: OperationCases, asked: _Questions) -> tuple[list[_Column], Bytes]:
    """The columns that tell most about the family's questions, and their bins for its items."""
    columns = _possible_columns(cases.table, asked.rows)
    parts = [_ColumnSet(columns).bins(cases.table, cases.votes, asked.rows)]
    for column, bins in (*_vote_columns(cases.votes, asked), *_rate_columns(cases.table, asked)):
        columns.append(column)
        parts.append(bins[:, None])
    bins = np.hstack(parts)
    worth = _worth(bins, asked.answers)
    order = sorted(range(len(columns)), key=lambda i: (-worth[i], columns[i].name, columns[i].index))
    # Rates and votes know more each than any attribute, and there are many: they must not crowd attributes out.
    limit = {"rate": _MOST_RATES, "vote": len(asked.number)}
    left = dict.fromkeys(("number", "code", "word"), _MOST_COLUMNS)
    kept = []
    for i in order:
        kind = columns[i].kind
        pool = limit if kind in limit else left
        if worth[i] > 1.0 and pool[kind] > 0:
            kept.append(i)
            pool[kind] -= 1
    return [columns[i] for i in kept], np.ascontiguousarray(bins[:, kept])


def _vote_columns(votes: Floats, asked: _Questions) -> list[tuple[_Column, Bytes]]:
    """The forest's share for each question, as a column."""
    out = []
    for question in asked.number:
        share = votes[asked.rows, question]
        edges = _edges(share, _SHARE_CUTS)
        if edges is not None and len(edges):
            column = _Column("vote", "", int(question), edges=edges)
            out.append((column, column.cut(share)))
    return out


def _rate_columns(table: TokenTable, asked: _Questions) -> list[tuple[_Column, Bytes]]:
    """For levels with more values than bins: how often items with the same value have the operation.

    Out of fold for the training items; a value seen by no other fold counts as missing.
    """
    out = []
    for name, codes in table.codes.items():
        known, back = np.unique(codes[asked.rows], return_inverse=True)
        if len(known) <= MAX_BINS or not name.endswith(_RATED):
            continue
        rate, whole = _rates(asked, back, len(known))
        whole[known < 0] = np.nan
        for q, question in enumerate(asked.number):
            edges = _edges(rate[:, q], _SHARE_CUTS)
            if edges is not None and len(edges):
                column = _Column(
                    "rate", name, int(question), edges=edges, codes=known.astype(np.int64), rates=whole[:, q]
                )
                out.append((column, column.cut(rate[:, q])))
    return out


def _rates(asked: _Questions, value: Ints, n_values: int) -> tuple[Floats, Floats]:
    """Share of "yes" per item and question among the other folds' items with its value, and per value among all.

    Each is shrunk by one item towards the family's share.
    """
    n = len(asked.rows)
    sums, counts, within = [], [], []
    for f in np.unique(asked.fold):
        at = np.flatnonzero(asked.fold == f)
        hot = sparse.csr_matrix((np.ones(len(at), np.float32), (value[at], at)), shape=(n_values, n))
        sums.append(np.asarray(hot @ asked.answers))
        counts.append(np.asarray(hot.sum(axis=1)).ravel())
        within.append(at)
    total, number = np.sum(sums, axis=0), np.sum(counts, axis=0)
    mean = asked.answers.mean(axis=0)
    rate = np.full((n, len(asked.number)), np.nan, dtype=np.float32)
    for f in range(len(within)):
        left = number - counts[f]
        other = (total - sums[f] + mean) / (left + 1.0)[:, None]
        other[left == 0] = np.nan
        rate[within[f]] = other[value[within[f]]]
    return rate, ((total + mean) / (number + 1.0)[:, None]).astype(np.float32)


def _possible_columns(table: TokenTable, rows: Ints) -> list[_Column]:
    """A column for every number, single-valued level and frequent word that fills at least two bins."""
    n = len(rows)
    most = int(np.clip(n // 12, 6, MAX_BINS - 2))
    out: list[_Column] = []
    for j in range(table.numbers.shape[1]):
        for turn in range(_NUMBER_COLUMNS):
            edges = _edges(table.numbers[rows, j], most, turn / _NUMBER_COLUMNS)
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


def _edges(values: Floats, most: int, shift: float = 0.0) -> Floats | None:
    """Cuts half-way between neighbouring values, at most `most`, at equal shares; None without any value.

    `shift`: by how much of a share the cuts are moved; None where all cuts are there without.
    """
    present = np.sort(values[np.isfinite(values)])
    if not len(present):
        return None
    unique = np.unique(present)
    middle = (unique[1:] + unique[:-1]) / 2
    if len(middle) > most:
        aims = np.quantile(present, (np.arange(1, most + 1) + shift) / (most + 1))
        middle = np.unique(middle[np.minimum(np.searchsorted(middle, aims), len(middle) - 1)])
    elif shift:
        return None
    return np.asarray(middle, dtype=np.float32)


def _probability(odds: Any) -> Floats:
    return np.asarray(np.clip(1.0 / (1.0 + np.exp(-odds)), _FLOOR, 1 - _FLOOR), dtype=np.float32)
