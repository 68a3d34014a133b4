"""Candidate routings for items, and the evidence for each.

A candidate is a routing that an engineer wrote for some item - found in the item's leaves of the forest, at its
neighbours, often among items with the same value of a telling attribute, likely under the operation model - or one
composed of steps that have been seen together (`compose`). For a training item every count leaves the item's own fold
out, and a routing that only it has is a candidate only if it would have been composed, so that the ranker learns from
the evidence that a new item would have. A near-duplicate stays: a new item may have one too, and the ranker learns how
much it is worth. A routing without an inspection that all items of the kind have is no candidate (`guard`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import dense_product, rank_in_group
from routing_etl.model.candidates.compose import Composed, Composer
from routing_etl.model.candidates.counts import KnownRoutings, SequenceCounts
from routing_etl.model.candidates.evidence import Evidence, EvidenceFeatures
from routing_etl.model.candidates.evidence_features import (
    CandidateOperations,
    CandidatePairs,
    count_features,
    distance_features,
    forest_features,
    level_features,
    likelihood_features,
    neighbour_features,
    word_features,
)
from routing_etl.model.candidates.guard import Demand, InspectionGuard
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.catalogue.routings import RoutingCatalogue

#: Most known routings per item that are ranked. The composed ones come on top.
_MOST_CANDIDATES = 12
#: Most frequent routings per value of the most telling level that are candidates, and their weight beside a whole vote.
_TYPICAL, _TYPICAL_WEIGHT = 6, 0.05
#: Routings of the family that are candidates because the operation model finds them most likely.
_LIKELY = 6
#: Items whose likelihoods are computed at once: items x routings of memory.
_BLOCK = 2048


@dataclass(frozen=True)
class Pairs:
    """Item x candidate pairs, sorted by item.

    Attributes
    ----------
    row, sequence : Ints
        Row of the item and number of the candidate; numbers beyond the catalogue's are those of `composed`.
    features : EvidenceFeatures
        The evidence for every pair.
    composed : Composed
        The new routings.
    """

    row: Ints
    sequence: Ints
    features: EvidenceFeatures
    composed: Composed


@dataclass(frozen=True)
class _FamilyRoutings:
    """The routings of a family that may be proposed, and a matrix of the operations that they have x these routings."""

    sequences: Ints
    operations: Ints
    matrix: sparse.csr_matrix

    @classmethod
    def of(cls, sequences: Ints, sequence_operations: sparse.csr_matrix) -> _FamilyRoutings:
        matrix = sequence_operations[sequences].T.tocsr()
        used = np.flatnonzero(np.diff(matrix.indptr))
        return cls(sequences, used, matrix[used])


class CandidateMaker:
    """Collects candidates for items; what it needs of the training items is learned in `fit`.

    Attributes
    ----------
    counts_ : SequenceCounts
        How often training items have each sequence.
    guard_ : InspectionGuard
        Which inspections are mandatory.
    composer_ : Composer
        Composes new routings.
    """

    def fit(self, known: KnownRoutings) -> CandidateMaker:
        """Learn from all training items.

        Parameters
        ----------
        known : KnownRoutings
            The routings of the training items.
        """
        catalogue = known.catalogue
        sequence, n_sequences = catalogue.label_sequence, catalogue.n_sequences
        self.label_sequence_ = sequence
        self.variant_to_sequence_ = sparse.csr_matrix(
            (
                np.ones(catalogue.n_variants, np.float32),
                catalogue.variant_sequence,
                np.arange(catalogue.n_variants + 1),
            ),
            shape=(catalogue.n_variants, n_sequences),
        )
        self.sequence_operations_ = catalogue.sequence_matrix()
        self.described_, self.live_ = known.described, known.live
        self.length_ = np.diff(catalogue.sequence_offsets).astype(np.float32)
        self.outsourced_ = _outsourced_share(catalogue, np.ones(len(sequence), dtype=bool))
        self.kind_ = known.kind
        self.composer_ = Composer().fit(
            catalogue, known.family, sequence, known.live, known.called, kind=known.codes.get(known.kind)
        )
        self.guard_ = InspectionGuard().fit(catalogue, known.codes.get(known.kind), known.family, known.live)
        self.levels_ = list(known.codes)
        self.counts_ = SequenceCounts.of(known, np.arange(len(sequence)))
        self.typical_ = self._typical(n_sequences)
        self.families_ = self._family_routings(known, known.live, np.ones(len(sequence), dtype=bool))
        return self

    def without_fold(self, known: KnownRoutings, fold: int) -> CandidateMaker:
        """The same maker for the training items of a fold: it counts, guards and composes as if it had not seen the fold.

        Leaving out each item alone would give its routing away: its count would be one lower than all others. So would the composer,
        which knows the order of a set that somebody has written, and each pair of neighbours: where nearly every routing is written
        once, only the item's own would come out right.

        Parameters
        ----------
        known : KnownRoutings
            What this maker was fitted on.
        fold : int
            Number of the fold.
        """
        others = known.folds != fold
        out = copy(self)
        out.counts_ = SequenceCounts.of(known, np.flatnonzero(others))
        out.live_ = known.live & (out.counts_.total > 0)
        out.typical_ = out._typical(len(out.live_))
        out.families_ = self._family_routings(known, out.live_, others)
        out.outsourced_ = _outsourced_share(known.catalogue, others)
        out.composer_ = Composer().fit(
            known.catalogue, known.family, self.label_sequence_, known.live, known.called,
            kind=known.codes.get(known.kind), rows=others,
        )  # fmt: skip
        out.guard_ = InspectionGuard().fit(
            known.catalogue, known.codes.get(known.kind), known.family, known.live, rows=others
        )
        return out

    def _family_routings(self, known: KnownRoutings, live: Bools, rows: Bools) -> list[_FamilyRoutings]:
        """Per family its routings among those that may be proposed, by the labels under the mask `rows`."""
        sequence, n_sequences = known.catalogue.label_sequence, known.catalogue.n_sequences
        own = [
            np.flatnonzero(
                live & (np.bincount(sequence[rows & (known.family == f)], minlength=n_sequences) > 0)
            )
            for f in range(int(known.family.max()) + 1)
        ]
        return [_FamilyRoutings.of(each, self.sequence_operations_) for each in own]

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

    def make(self, evidence: Evidence, *, own: Ints | None = None) -> Pairs:
        """Collect candidates and compute their features.

        Parameters
        ----------
        evidence : Evidence
            What is known of the items.
        own : Ints, optional
            Per item its number among the training items, -1 for none: a routing that only the item itself has is no
            candidate for it.
        """
        votes = (evidence.votes @ self.variant_to_sequence_).tocsr()
        # Sums of single precision depend on their order: the same for one item and for many.
        votes.sort_indices()
        near = self._neighbour_votes(evidence.neighbours)
        pool = votes + near
        if self.typical_ is not None:
            pool = pool + self._typical_votes(evidence, self.typical_)
        pool = pool + self._likely_votes(evidence)
        composed = self.composer_.compose(
            evidence.operations, evidence.family, evidence.codes.get(self.kind_)
        )
        demand = self.guard_.demand(evidence.codes.get(self.kind_), evidence.family)
        n, n_sequences = votes.shape
        mine = (
            np.full(n, -1)
            if own is None
            else np.where(own >= 0, self.label_sequence_[np.maximum(own, 0)], -1)
        )
        key = self._guarded(pool.tocsr(), composed, demand, mine)
        total = n_sequences + composed.n_new
        pairs = CandidatePairs(key // total, key % total, n, n_sequences, composed.n_new)
        features = self._features(pairs, evidence, votes, near, composed)
        return Pairs(pairs.row, pairs.sequence, features, composed)

    def _typical_votes(self, evidence: Evidence, typical: sparse.csr_matrix) -> sparse.csr_matrix:
        """Items x sequences: the usual routings of the item's value of the first telling level, with little weight."""
        code = evidence.codes[self.levels_[0]]
        known = np.flatnonzero(code >= 0)
        member = sparse.csr_matrix(
            (np.full(len(known), _TYPICAL_WEIGHT, np.float32), (known, code[known])),
            shape=(len(code), typical.shape[0]),
        )
        return member @ typical

    def _likely_votes(self, evidence: Evidence) -> sparse.csr_matrix:
        """Items x sequences: the family's most likely routings under the operation model, a share of one vote each."""
        n = len(evidence.family)
        rows, cols, data = [], [], []
        log_in = np.log(evidence.operations) - np.log1p(-evidence.operations)
        for f in np.unique(evidence.family):
            if not 0 <= f < len(self.families_) or not len(self.families_[f].sequences):
                continue
            family = self.families_[f]
            here = np.flatnonzero(evidence.family == f)
            take = min(_LIKELY, len(family.sequences))
            dense = family.matrix.toarray()
            for start in range(0, len(here), _BLOCK):
                part = here[start : start + _BLOCK]
                score = log_in[np.ix_(part, family.operations)] @ dense
                best = np.argpartition(-score, take - 1, axis=1)[:, :take]
                top = np.take_along_axis(score, best, axis=1)
                weight = np.exp(top - top.max(axis=1, keepdims=True))
                weight /= weight.sum(axis=1, keepdims=True)
                rows.append(np.repeat(part, take))
                cols.append(family.sequences[best].ravel())
                data.append(weight.ravel())
        shape = (n, len(self.length_))
        if not rows:
            return sparse.csr_matrix(shape, dtype=np.float32)
        return sparse.csr_matrix(
            (np.concatenate(data).astype(np.float32), (np.concatenate(rows), np.concatenate(cols))),
            shape=shape,
        )

    def _neighbour_votes(self, neighbours: Neighbours) -> sparse.csr_matrix:
        """Items x sequences: shares of the neighbours' votes, each weighted by the square of its similarity."""
        n, k = neighbours.label.shape
        weight = np.where(neighbours.label >= 0, neighbours.similarity**2, 0.0)
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        weight = (weight / total).astype(np.float32).ravel()
        col = self.label_sequence_[np.maximum(neighbours.label, 0)].ravel()
        row = np.repeat(np.arange(n), k)
        keep = weight > 0
        out = sparse.csr_matrix((weight[keep], (row[keep], col[keep])), shape=(n, len(self.length_)))
        out.sum_duplicates()
        return out

    def _guarded(self, pool: sparse.csr_matrix, composed: Composed, demand: Demand, mine: Ints) -> Ints:
        """Keys row * (known + new sequences) + sequence of the pairs, sorted: the best of the pool and the composed ones.

        `mine`: per item its own sequence, which does not count for it; -1 for none. No candidate lacks a mandatory
        inspection; an item that has nothing else left gets its stand-in.
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
        row, col = _best(row[whole], col[whole], data[whole])
        known = self.counts_.total[col] > (mine[row] == col)
        total = pool.shape[1] + composed.n_new
        key = np.union1d(
            row[known] * total + col[known],
            composed.row[made_whole] * total + composed.sequence[made_whole],
        )
        lost[key // total] = False
        bare = np.flatnonzero(lost & (demand.stand_in >= 0))
        return np.union1d(key, bare * total + demand.stand_in[bare])

    def _features(
        self,
        pairs: CandidatePairs,
        evidence: Evidence,
        votes: sparse.csr_matrix,
        near: sparse.csr_matrix,
        composed: Composed,
    ) -> EvidenceFeatures:
        """The named evidence for every pair."""
        counts = self.counts_
        operations = CandidateOperations.of(pairs, self.sequence_operations_, composed)
        voted = dense_product(votes, self.sequence_operations_)
        apart = self.described_[pairs.known] - evidence.expected[pairs.row]
        levels = {name: evidence.codes[name] for name in self.levels_}
        sizes = {} if evidence.sizes_known is None else {"sizes_known": evidence.sizes_known[pairs.row]}
        return EvidenceFeatures.of(
            {
                **sizes,
                **forest_features(pairs, votes),
                **neighbour_features(pairs, near, evidence.neighbours, self.label_sequence_),
                **distance_features(pairs, counts, np.sqrt((apart**2).sum(axis=1))),
                **likelihood_features(pairs, operations, voted, evidence.operations),
                **word_features(pairs, operations, evidence.said),
                **count_features(pairs, counts, operations.size, np.asarray(votes @ self.length_)),
                "outsourced": operations.mean(self.outsourced_),
                **level_features(pairs, counts, levels),
            }
        )


def _outsourced_share(catalogue: RoutingCatalogue, rows: Bools) -> Floats:
    """Per operation, how often its job is done outside in the routings of the labels under the mask `rows`."""
    written = np.bincount(catalogue.label_variant[rows], minlength=catalogue.n_variants)
    uses = np.repeat(written, np.diff(catalogue.variant_offsets)).astype(np.float64)
    step, n_jobs = catalogue.variant_steps, len(catalogue.jobs)
    job, outsourced = catalogue.step_job[step], catalogue.steps["outsourced"].to_numpy()[step]
    per_job = np.bincount(job, uses * outsourced, n_jobs) / np.maximum(np.bincount(job, uses, n_jobs), 1)
    return np.asarray(per_job[catalogue.operation_job], dtype=np.float32)


def _best(row: Ints, col: Ints, data: Floats) -> tuple[Ints, Ints]:
    """The pairs with most votes per item, sorted by item and candidate."""
    order = np.lexsort((col, -data, row))
    row, col = row[order], col[order]
    top = rank_in_group(row) < _MOST_CANDIDATES
    row, col = row[top], col[top]
    order = np.lexsort((col, row))
    return row[order].astype(np.int64), col[order]
