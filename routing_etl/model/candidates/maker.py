"""Candidate routings for items, and the evidence for each.

A candidate is a routing that an engineer wrote for some item - found in the item's leaves of the forest, at its
neighbours, often among items with the same value of a telling attribute, likely under the operation model - or one
composed of steps that have been seen together (`compose`). For a training item every count leaves the item's own fold
out, and a routing that only it has is a candidate only if it would have been composed, so the ranker learns from
evidence as a new item would have it. A near-duplicate stays: a new item may have one too, and how much it is worth is
for the ranker to learn. A routing without an inspection that all items of the kind have is no candidate (`guard`).

What belongs here: collecting candidates and computing their evidence features. What does not: deciding between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import dense_product, ranges
from routing_etl.model.candidates.compose import Composed, Composer
from routing_etl.model.candidates.guard import Demand, InspectionGuard
from routing_etl.model.catalogue.routings import RoutingCatalogue

_TYPICAL = 6
_LIKELY = 6

FEATURES = (
    "forest_share",
    "forest_to_best",
    "forest_rank",
    "forest_entropy",
    "neighbour_share",
    "neighbour_max",
    "neighbour_mean",
    "neighbour_count",
    "nearest",
    "gap",
    "expected_distance",
    "log_likelihood",
    "weakest",
    "strongest_absent",
    "model_likelihood",
    "model_weakest",
    "model_strongest_absent",
    "model_gap",
    "model_rank",
    "length",
    "length_to_expected",
    "count",
    "age_newest",
    "young_share",
    "outsourced",
    "family_size",
)


@dataclass
class Evidence:
    """What is known about a batch of items before candidates: votes, neighbours and level codes.

    `votes`: items x variants. `distance`, `neighbours`, `similarity`: items x k (-1 where there is none).
    `expected`: items x d, expected routing description. `operations`: items x operations, probabilities of the
    operation model; `family`: its family per item. `codes`: per telling level the coded value (-1 unknown).
    """

    votes: sparse.csr_matrix
    distance: Floats
    neighbours: Ints
    similarity: Floats
    expected: Floats
    operations: Floats
    family: Ints
    codes: dict[str, Codes]


@dataclass
class Pairs:
    """Item x candidate pairs, sorted by item: row of the item, sequence, evidence features (pairs x FEATURES).

    Sequence numbers beyond the catalogue's are new: `composed` holds their operations.
    """

    row: Ints
    sequence: Ints
    features: Floats
    composed: Composed


@dataclass
class _Counts:
    """How often training items have each sequence: in all, per value of every telling level; and when last.

    `of_value`: per level, keys value * sequences + sequence (sorted) and counts. `of_level`: per level, items per value.
    """

    n: float
    total: Floats
    of_value: dict[str, tuple[Ints, Floats]]
    of_level: dict[str, Floats]
    age_newest: Floats
    young_share: Floats


def _count(
    rows: Ints,
    sequence: Ints,
    n_sequences: int,
    codes: dict[str, Codes],
    age_days: Floats,
) -> _Counts:
    """Count the labels in `rows`."""
    own, age = sequence[rows], age_days[rows]
    total = np.bincount(own, minlength=n_sequences).astype(np.float32)
    of_value, of_level = {}, {}
    for name, code in codes.items():
        value = code[rows].astype(np.int64)
        keep = value >= 0
        keys, numbers = np.unique(value[keep] * n_sequences + own[keep], return_counts=True)
        of_value[name] = (keys, numbers.astype(np.float32))
        width = int(code.max()) + 1 if len(code) else 0
        of_level[name] = np.bincount(value[keep], minlength=max(width, 1)).astype(np.float32)
    known = np.isfinite(age)
    newest = np.full(n_sequences, np.nan, dtype=np.float32)
    np.fmin.at(newest, own[known], age[known].astype(np.float32))
    young = known & (age < np.median(age[known]) / 2) if known.any() else known
    share = np.bincount(own, young, n_sequences) / np.maximum(total, 1)
    return _Counts(float(len(rows)), total, of_value, of_level, newest, share.astype(np.float32))


class CandidateMaker:
    """Holds what candidates need from training; `make` is pure.

    Parameters
    ----------
    max_candidates: most candidates per item before ranking.
    """

    def __init__(self, *, max_candidates: int = 12) -> None:
        self.max_candidates = max_candidates

    def fit(
        self,
        catalogue: RoutingCatalogue,
        described: Floats,
        codes: dict[str, Codes],
        age_days: Floats,
        live: Bools,
        family: Ints,
        folds: Ints,
        kind: str,
    ) -> CandidateMaker:
        """Count routings per telling value.

        Parameters
        ----------
        described: sequences x d, mean routing description of every sequence.
        codes: telling level -> coded value per label. age_days: per label, NaN when unknown.
        live: per sequence, whether it may be proposed. family, folds: per label. kind: the level of `codes` that tells
        kinds of items apart, '' when none does.
        """
        labels = catalogue.labels
        sequence = labels["sequence"].to_numpy().astype(np.int64)
        n_sequences = catalogue.n_sequences
        self.variant_to_sequence_ = sparse.csr_matrix(
            (
                np.ones(catalogue.n_variants, np.float32),
                catalogue.variant_sequence,
                np.arange(catalogue.n_variants + 1),
            ),
            shape=(catalogue.n_variants, n_sequences),
        )
        self.sequence_jobs_ = catalogue.sequence_matrix()
        self.described_ = described
        self.live_ = live
        self.length_ = np.diff(catalogue.sequence_offsets).astype(np.float32)
        uses = catalogue.steps["step_count"].to_numpy().astype(np.float64)
        outside = np.bincount(
            catalogue.step_job, uses * catalogue.steps["outsourced"].to_numpy(), len(catalogue.jobs)
        )
        per_job = outside / np.maximum(np.bincount(catalogue.step_job, uses, len(catalogue.jobs)), 1)
        self.outsourced_ = per_job[catalogue.operation_job].astype(np.float32)
        self.composer_ = Composer().fit(catalogue, family, sequence, live)
        self.kind_ = kind
        self.guard_ = InspectionGuard().fit(catalogue, codes.get(kind), family, live, folds)

        self.levels_ = list(codes)
        self.counts_ = _count(np.arange(len(sequence)), sequence, n_sequences, codes, age_days)
        self.without_ = [
            _count(np.flatnonzero(folds != f), sequence, n_sequences, codes, age_days)
            for f in range(int(folds.max()) + 1)
        ]
        self.typical_ = self._typical(n_sequences)
        self.family_sequences_ = [
            np.flatnonzero(live & (np.bincount(sequence[family == f], minlength=n_sequences) > 0))
            for f in range(int(family.max()) + 1)
        ]
        self.family_operations_ = [self._operations_of(known) for known in self.family_sequences_]
        self.names_ = [*FEATURES, *[f"share given {name}" for name in self.levels_]]
        return self

    def forget_folds(self) -> None:
        """Drop the counts without a fold: only the ranker's training asks for them."""
        self.without_ = []
        self.guard_.without_ = []

    def _typical(self, n_sequences: int) -> sparse.csr_matrix | None:
        """Values of the first telling level x sequences: the most frequent sequences of each value."""
        if not self.levels_:
            return None
        key, data = self.counts_.of_value[self.levels_[0]]
        row, col = key // n_sequences, key % n_sequences
        order = np.lexsort((col, -data, row))
        row, col, data = row[order], col[order], data[order]
        keep = rank_in_group(row) < _TYPICAL
        totals = self.counts_.of_level[self.levels_[0]]
        share = data[keep] / np.maximum(totals[row[keep]], 1)
        return sparse.csr_matrix((share, (row[keep], col[keep])), shape=(len(totals), n_sequences))

    def _operations_of(self, sequences: Ints) -> tuple[Ints, sparse.csr_matrix]:
        """The operations that these sequences have, and the matrix of those operations x sequences."""
        matrix = self.sequence_jobs_[sequences].T.tocsr()
        used = np.flatnonzero(np.diff(matrix.indptr))
        return used, matrix[used]

    def make(
        self,
        evidence: Evidence,
        sequence_of: Ints,
        *,
        own: Ints | None = None,
        without: int | None = None,
    ) -> Pairs:
        """Collect candidates and compute their features.

        Parameters
        ----------
        sequence_of: sequence of every training item, to read the neighbours' votes. own: per item its number among the
        training items, -1 for none: what only the item itself has is no candidate. without: fold of the items, when
        they are training items: all counts leave the whole fold out. (Leaving out each item alone would give its
        routing away: its count would be one lower than for all others.)
        """
        n, n_sequences = evidence.votes.shape[0], len(self.length_)
        votes = (evidence.votes @ self.variant_to_sequence_).tocsr()
        near = self._neighbour_votes(evidence, sequence_of, n_sequences)
        pool = votes + near
        if self.typical_ is not None:
            code = evidence.codes[self.levels_[0]]
            known = np.flatnonzero(code >= 0)
            member = sparse.csr_matrix(
                (np.full(len(known), 0.05, np.float32), (known, code[known])),
                shape=(n, self.typical_.shape[0]),
            )
            pool = pool + member @ self.typical_
        pool = pool + self._most_likely(evidence, n_sequences)
        composed = self.composer_.compose(evidence.operations, evidence.family)
        demand = self.guard_.demand(evidence.codes.get(self.kind_), evidence.family, without)
        counts = self.counts_ if without is None else self.without_[without]
        total = n_sequences + composed.n_new
        mine = np.full(n, -1) if own is None else np.where(own >= 0, sequence_of[np.maximum(own, 0)], -1)
        key = self._guarded(pool.tocsr(), composed, demand, counts, mine)
        row, sequence = key // total, key % total
        features = self._features(counts, evidence, votes, near, row, sequence, composed, sequence_of)
        return Pairs(row, sequence, features, composed)

    def _most_likely(self, evidence: Evidence, n_sequences: int) -> sparse.csr_matrix:
        """The family's routings that the operation model finds most likely, with a share of the vote by likelihood."""
        n = len(evidence.family)
        rows, cols, data = [], [], []
        log_in = np.log(evidence.operations) - np.log1p(-evidence.operations)
        for f in np.unique(evidence.family):
            if f < 0 or not len(self.family_sequences_[f]):
                continue
            here = np.flatnonzero(evidence.family == f)
            known = self.family_sequences_[f]
            take = min(_LIKELY, len(known))
            used, among = self.family_operations_[f]
            dense = among.toarray()
            for start in range(0, len(here), 2048):
                part = here[start : start + 2048]
                score = log_in[np.ix_(part, used)] @ dense
                best = np.argpartition(-score, take - 1, axis=1)[:, :take]
                top = np.take_along_axis(score, best, axis=1)
                weight = np.exp(top - top.max(axis=1, keepdims=True))
                weight /= weight.sum(axis=1, keepdims=True)
                rows.append(np.repeat(part, take))
                cols.append(known[best].ravel())
                data.append(weight.ravel())
        if not rows:
            return sparse.csr_matrix((n, n_sequences), dtype=np.float32)
        return sparse.csr_matrix(
            (np.concatenate(data).astype(np.float32), (np.concatenate(rows), np.concatenate(cols))),
            shape=(n, n_sequences),
        )

    def _neighbour_votes(self, evidence: Evidence, sequence_of: Ints, n_sequences: int) -> sparse.csr_matrix:
        n, k = evidence.neighbours.shape
        weight = np.where(evidence.neighbours >= 0, evidence.similarity**2, 0.0)
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        weight = (weight / total).astype(np.float32).ravel()
        col = sequence_of[np.maximum(evidence.neighbours, 0)].ravel()
        row = np.repeat(np.arange(n), k)
        keep = weight > 0
        out = sparse.csr_matrix((weight[keep], (row[keep], col[keep])), shape=(n, n_sequences))
        out.sum_duplicates()
        return out

    def _guarded(
        self, pool: sparse.csr_matrix, composed: Composed, demand: Demand, counts: _Counts, mine: Ints
    ) -> Ints:
        """Keys row * (known + new sequences) + sequence of the pairs, sorted: the best of the pool and the composed ones.

        `mine`: per item its own sequence, which does not count for it; -1 for none. None lacks a mandatory inspection; an item that has nothing else left gets its stand-in.
        """
        row = np.repeat(np.arange(pool.shape[0]), np.diff(pool.indptr))
        col, data = pool.indices.astype(np.int64), pool.data
        keep = self.live_[col]
        row, col, data = row[keep], col[keep], data[keep]
        whole = ~demand.lacks(row, self.guard_.has(col))
        made_whole = ~demand.lacks(
            composed.row, self.guard_.has(composed.sequence, composed.offsets, composed.operations)
        )
        lost = np.zeros(pool.shape[0], dtype=bool)
        lost[row[~whole]] = lost[composed.row[~made_whole]] = True
        row, col = self._best(row[whole], col[whole], data[whole])
        known = counts.total[col] > (mine[row] == col)
        total = pool.shape[1] + composed.n_new
        key = np.union1d(
            row[known] * total + col[known],
            composed.row[made_whole] * total + composed.sequence[made_whole],
        )
        lost[key // total] = False
        bare = np.flatnonzero(lost & (demand.stand_in >= 0))
        return np.union1d(key, bare * total + demand.stand_in[bare])

    def _best(self, row: Ints, col: Ints, data: Floats) -> tuple[Ints, Ints]:
        """Of the pairs the ones with most votes per item, sorted."""
        order = np.lexsort((col, -data, row))
        row, col = row[order], col[order]
        top = rank_in_group(row) < self.max_candidates
        row, col = row[top], col[top]
        order = np.lexsort((col, row))
        return row[order].astype(np.int64), col[order]

    def _features(
        self,
        counts: _Counts,
        evidence: Evidence,
        votes: sparse.csr_matrix,
        near: sparse.csr_matrix,
        row: Ints,
        sequence: Ints,
        composed: Composed,
        sequence_of: Ints,
    ) -> Floats:
        n, n_sequences = votes.shape
        new = sequence >= n_sequences
        # Known sequences keep their number; new ones ask for column -1, which no table stores.
        key = row * n_sequences + sequence
        key[new] = -1
        known = np.where(new, 0, sequence)
        pair_key = row * (n_sequences + composed.n_new) + sequence
        forest = pick(votes, key, n_sequences)
        best = np.zeros(n, dtype=np.float32)
        np.maximum.at(best, row, forest)
        rank = np.empty(len(row), dtype=np.float32)
        order = np.lexsort((-forest, row))
        rank[order] = rank_in_group(row[order])
        p = np.clip(votes.data, 1e-9, 1.0)
        entropy = np.bincount(np.repeat(np.arange(n), np.diff(votes.indptr)), -p * np.log(p), n)
        near_share = pick(near, key, n_sequences)
        near_max, near_mean, near_count = self._neighbour_stats(
            evidence, sequence_of, pair_key, n_sequences + composed.n_new
        )
        nearest = evidence.similarity.max(axis=1, initial=0.0)
        expected = np.clip(dense_product(votes, self.sequence_jobs_), 0.004, 0.996)
        # Only the sequences asked for: there are many times more than a few items have.
        asked, place = np.unique(sequence, return_inverse=True)
        matrix = self.sequence_jobs_[asked[asked < n_sequences]]
        if composed.n_new:
            more = sparse.csr_matrix(
                (np.ones(len(composed.operations), np.float32), composed.operations, composed.offsets),
                shape=(composed.n_new, matrix.shape[1]),
            )
            matrix = sparse.vstack([matrix, more[asked[asked >= n_sequences] - n_sequences]], format="csr")
        size = np.diff(matrix.indptr)[place].astype(np.float32)
        outsourced = (matrix @ self.outsourced_)[place] / np.maximum(size, 1)
        likelihood, weakest, absent = self._fit_of(matrix, expected, row, place)
        model, model_weakest, model_absent = self._fit_of(matrix, evidence.operations, row, place)
        best_model = np.full(n, -np.inf, dtype=np.float32)
        np.maximum.at(best_model, row, model)
        model_rank = np.empty(len(row), dtype=np.float32)
        order = np.lexsort((-model, row))
        model_rank[order] = rank_in_group(row[order])
        expected_length = np.asarray(votes @ self.length_)
        count = np.where(new, 0.0, counts.total[known])
        alone = count <= 0
        away = np.sqrt(((self.described_[known] - evidence.expected[row]) ** 2).sum(axis=1))
        away[alone] = np.nan
        columns = [
            forest,
            forest / np.maximum(best[row], 1e-6),
            rank,
            entropy[row],
            near_share,
            near_max,
            near_mean,
            near_count,
            nearest[row],
            nearest[row] - near_max,
            away,
            likelihood,
            weakest,
            absent,
            model,
            model_weakest,
            model_absent,
            best_model[row] - model,
            model_rank,
            size,
            size - expected_length[row],
            np.log1p(count),
            np.where(alone, np.nan, counts.age_newest[known]),
            np.where(alone, np.nan, counts.young_share[known]),
            outsourced,
        ]
        shares = []
        sizes = np.zeros(n, dtype=np.float32)
        for i, name in enumerate(self.levels_):
            code = evidence.codes[name]
            given = code[row] >= 0
            value = np.maximum(code[row], 0).astype(np.int64)
            with_value = lookup(*counts.of_value[name], value * n_sequences + known)
            with_value = np.where(given & ~new, with_value, 0.0)
            total = np.where(given, counts.of_level[name][value], 0.0)
            shares.append((with_value + count / max(counts.n, 1.0)) / (total + 1.0))
            if i == 0:
                sizes[row] = total
        columns.append(np.log1p(sizes)[row])
        return np.column_stack([*columns, *shares]).astype(np.float32)

    def _neighbour_stats(
        self,
        evidence: Evidence,
        sequence_of: Ints,
        key: Ints,
        n_sequences: int,
    ) -> tuple[Floats, Floats, Floats]:
        n, k = evidence.neighbours.shape
        theirs = (
            np.repeat(np.arange(n), k) * n_sequences + sequence_of[np.maximum(evidence.neighbours, 0)].ravel()
        )
        place = np.minimum(np.searchsorted(key, theirs), max(len(key) - 1, 0))
        hit = (
            (evidence.neighbours.ravel() >= 0) & (key[place] == theirs) if len(key) else np.zeros(n * k, bool)
        )
        similarity = evidence.similarity.ravel()[hit]
        place = place[hit]
        top = np.zeros(len(key), dtype=np.float32)
        np.maximum.at(top, place, similarity)
        count = np.bincount(place, minlength=len(key)).astype(np.float32)
        mean = np.bincount(place, similarity, len(key)) / np.maximum(count, 1)
        return top, mean.astype(np.float32), count

    def _fit_of(
        self, matrix: sparse.csr_matrix, expected: Floats, row: Ints, sequence: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Log-likelihood of a sequence's operations, its least expected operation, the most expected absent one."""
        log_in, log_out = np.log(expected), np.log1p(-expected)
        base = log_out.sum(axis=1)
        indptr, indices = matrix.indptr, matrix.indices
        size = (indptr[sequence + 1] - indptr[sequence]).astype(np.int64)
        pair = np.repeat(np.arange(len(sequence)), size)
        job = indices[ranges(indptr[sequence], size)]
        item = row[pair]
        likelihood = base[row] + np.bincount(pair, (log_in - log_out)[item, job], len(sequence))
        weakest = np.ones(len(sequence), dtype=np.float32)
        np.minimum.at(weakest, pair, expected[item, job])
        absent = np.empty(len(sequence), dtype=np.float32)
        for start in range(0, len(sequence), 20_000):
            stop = min(start + 20_000, len(sequence))
            left = expected[row[start:stop]]
            inside = (pair >= start) & (pair < stop)
            left[pair[inside] - start, job[inside]] = 0.0
            absent[start:stop] = left.max(axis=1, initial=0.0)
        return likelihood.astype(np.float32), weakest, absent


def rank_in_group(group: Ints) -> Ints:
    """0, 1, 2 ... inside each run of equal values."""
    position = np.arange(len(group))
    if not len(group):
        return position
    start = np.ones(len(group), dtype=bool)
    start[1:] = group[1:] != group[:-1]
    return position - np.maximum.accumulate(np.where(start, position, 0))


def pick(matrix: sparse.csr_matrix, key: Ints, width: int) -> Floats:
    """Values of a CSR matrix at row * width + column keys (0 where it stores nothing)."""
    if not matrix.has_sorted_indices:
        matrix.sort_indices()
    stored = (
        np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * width + matrix.indices
    )
    return lookup(stored, matrix.data, key)


def lookup(stored: Ints, data: Floats, key: Ints) -> Floats:
    """The value stored under each key, 0 for a key that is not stored; `stored` is sorted."""
    if not len(stored):
        return np.zeros(len(key), dtype=np.float32)
    place = np.minimum(np.searchsorted(stored, key), len(stored) - 1)
    found: Floats = np.where(stored[place] == key, data[place], 0.0).astype(np.float32)
    return found
