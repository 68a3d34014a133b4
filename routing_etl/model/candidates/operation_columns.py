"""The binned columns that the questions about operations are asked of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bytes, Floats, Ints
from routing_etl.model.base.boosting import MAX_BINS
from routing_etl.model.base.ragged import Ragged
from routing_etl.model.candidates.tied_words import TiedWords

#: Most columns per kind of attribute, and most columns of rates per code. They serve dozens of questions: with few, those that
#: tell most about one question crowd out what another hangs on.
_MOST_COLUMNS, _MOST_RATES = 160, 40
#: A number with more values than a column has cuts gets so many columns, their cuts between each other's: an item near a
#: threshold is on the right side of it only if a cut is as near.
_NUMBER_COLUMNS = 2
#: Most items that tell which columns are worth asking.
_MOST_JUDGED = 6000
#: Most words of a text that are looked at, the most frequent first.
_MOST_WORDS = 250
#: Cuts of a column of votes or rates.
_SHARE_CUTS = 14
#: Levels whose many values get a column of rates.
_RATED = ("|value", "|prefix6", "|prefix4")


@dataclass(frozen=True)
class Inputs:
    """What columns are read from.

    Attributes
    ----------
    table : TokenTable
        The coded items.
    votes : Floats
        Items x operations, the forest's shares.
    age : Floats
        Per item the age of its routing in days, NaN unknown. An item without one is asked as of today, with 0.
    """

    table: TokenTable
    votes: Floats
    age: Floats


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
    age : Floats
        Per item the age of its routing in days, NaN unknown: practices change.
    """

    table: TokenTable
    operations: sparse.csr_matrix
    votes: Floats
    family: Ints
    folds: Ints
    n_families: int
    weights: Floats
    tied: TiedWords
    age: Floats

    @property
    def inputs(self) -> Inputs:
        """What columns are read from."""
        return Inputs(self.table, self.votes, self.age)


#: Nothing is known of what all families answer.
_NO_ANSWERS = np.empty((0, 0), dtype=np.float32)


@dataclass
class Column:
    """One binned column of a family.

    `number`: an attribute, `vote`: the forest's share for an operation, `plant`: what all families together answer, `age`: of the
    routing (all four by `edges`); `code`: a level with a bin per code; `word`: 0/1; `rate`: how often items with the same code have
    an operation (codes, rates, edges).
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
        """Whether its bins have an order of their own."""
        return self.kind != "code"

    def cut(self, values: Floats) -> Bytes:
        """Bin numbers of values; 0 for a missing one."""
        found = 1 + np.searchsorted(self.edges, values, side="left")
        return np.where(np.isnan(values), 0, found).astype(np.uint8)


@dataclass(frozen=True)
class Questions:
    """Yes/no questions about some items: their rows and folds, the operations asked for (`number`) and the answers."""

    rows: Ints
    fold: Ints
    number: Ints
    answers: Floats


class ColumnSet:
    """Reads many columns at once: grouped by kind and level, with edges padded to one table per group.

    The columns themselves are not kept: a full plant's model has tens of thousands, and each would be unpickled one by one.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
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
    def _tables(kind: str, columns: list[Column]) -> tuple[Any, ...]:
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

    def bins(self, inputs: Inputs, rows: Ints, plant: Floats = _NO_ANSWERS) -> Bytes:
        """Rows x columns: the bin of each of `rows` in every column; `plant`: rows x questions asked."""
        table = inputs.table
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
            elif kind == "plant":
                out[:, places] = _cut(plant[:, index], edges)
            else:
                read = {"number": table.numbers, "vote": inputs.votes, "age": inputs.age[:, None]}[kind]
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


def _worth(bins: Bytes, asked: Questions) -> Floats:
    """Per column: how far the bins' shares of "yes" differ beyond chance, for the question they tell most about.

    A chi-squared statistic in units of its own spread, (x - f) / sqrt(2 f) with f bins less one; -inf for one bin. Of many items
    every second, third ... is looked at.
    """
    step = -(-len(bins) // _MOST_JUDGED)
    bins, answers = bins[::step], asked.answers[::step]
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


def telling_columns(
    inputs: Inputs, asked: Questions, plant: Floats = _NO_ANSWERS
) -> tuple[list[Column], Bytes]:
    """The columns that tell most about some items' questions, and their bins for these items.

    Parameters
    ----------
    inputs : Inputs
        The training items.
    asked : Questions
        The questions, and which items they are asked of.
    plant : Floats, optional
        What all families answer: rows asked x questions, NaN for what they are not asked.
    """
    columns = [*_possible_columns(inputs.table, asked.rows), *_further_columns(inputs, asked, plant)]
    parts = [ColumnSet(columns).bins(inputs, asked.rows, plant)]
    for column, bins in _rate_columns(inputs.table, asked):
        columns.append(column)
        parts.append(bins[:, None])
    bins = np.hstack(parts)
    if not columns:
        return [], bins
    worth = _worth(bins, asked)
    order = sorted(range(len(columns)), key=lambda i: (-worth[i], columns[i].name, columns[i].index))
    # Rates and votes know more each than any attribute, and there are many: they must not crowd attributes out.
    n = len(asked.number)
    left = {"rate": _MOST_RATES, "vote": n, "plant": n, "age": 1}
    left |= dict.fromkeys(("number", "code", "word"), _MOST_COLUMNS)
    kept = []
    for i in order:
        kind = columns[i].kind
        if worth[i] > 1.0 and left[kind] > 0:
            kept.append(i)
            left[kind] -= 1
    return [columns[i] for i in kept], np.ascontiguousarray(bins[:, kept])


def _further_columns(inputs: Inputs, asked: Questions, plant: Floats) -> list[Column]:
    """The age of routings, and for each question the forest's share and what all families answer."""
    age = inputs.age[asked.rows]
    found = [
        ("age", 0, _edges(age, MAX_BINS - 2)),
        *(("vote", int(q), _edges(inputs.votes[asked.rows, q], _SHARE_CUTS)) for q in asked.number),
        *(("plant", j, _edges(plant[:, j], _SHARE_CUTS)) for j in range(plant.shape[1])),
    ]
    return [Column(kind, "", i, edges=edges) for kind, i, edges in found if edges is not None and len(edges)]


def _rate_columns(table: TokenTable, asked: Questions) -> list[tuple[Column, Bytes]]:
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
                column = Column(
                    "rate", name, int(question), edges=edges, codes=known.astype(np.int64), rates=whole[:, q]
                )
                out.append((column, column.cut(rate[:, q])))
    return out


def _rates(asked: Questions, value: Ints, n_values: int) -> tuple[Floats, Floats]:
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


def _possible_columns(table: TokenTable, rows: Ints) -> list[Column]:
    """A column for every number, single-valued level and frequent word that fills at least two bins."""
    n = len(rows)
    most = int(np.clip(n // 12, 6, MAX_BINS - 2))
    out: list[Column] = []
    for j in range(table.numbers.shape[1]):
        for turn in range(_NUMBER_COLUMNS):
            edges = _edges(table.numbers[rows, j], most, turn / _NUMBER_COLUMNS)
            if edges is not None:
                out.append(Column("number", "", j, edges=edges))
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
        out.append(Column("code", name, 0, bin_of_code=bin_of_code))
    return out + word_columns(table, rows)


def word_columns(table: TokenTable, rows: Ints) -> list[Column]:
    """A column for every frequent word of these items.

    Parameters
    ----------
    table : TokenTable
        The coded items.
    rows : Ints
        Which of them.
    """
    n = len(rows)
    out: list[Column] = []
    for name, lists in table.words.items():
        _, code = lists.placed(np.arange(lists.n_tokens), rows)
        counts = np.bincount(code, minlength=lists.n_tokens)
        often = np.flatnonzero((counts >= 5) & (counts <= n - 5))
        often = often[np.argsort(-np.minimum(counts[often], n - counts[often]), kind="stable")][:_MOST_WORDS]
        out += [Column("word", name, int(i)) for i in often]
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
