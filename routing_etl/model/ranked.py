"""The stage that learns what similarity means, which candidate is right, and how sure an item of a new type may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from routing_etl.model.attributes.levels import normalise
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.candidates.counts import KnownRoutings
from routing_etl.model.candidates.evidence import Evidence, EvidenceFeatures
from routing_etl.model.candidates.maker import CandidateMaker
from routing_etl.model.candidates.similarity import (
    NeighbourIndex,
    Neighbours,
    SimilarityCurve,
)
from routing_etl.model.inputs import types_of
from routing_etl.model.learned import (
    Basis,
    Options,
    Ranking,
    Training,
)
from routing_etl.model.ranking.novelty import (
    TYPE_ATTRIBUTE,
    Novelty,
    novelty_factor,
)
from routing_etl.model.ranking.ranker import CandidateRanker

#: Most training items whose candidates train the ranker.
_MOST_RANKED = 40_000
#: Most siblings that are looked past among an item's neighbours.
_MOST_PASSED = 20
#: With fewer items, or a lesser share of them, whose routing could be written today, all teach the ranker.
_LEAST_OF_TODAY = (200, 0.1)
#: Nearest neighbours that teach the scale of similarity.
_SCALE_NEIGHBOURS = 10


def rank(basis: Basis, known: KnownRoutings, maker: CandidateMaker, options: Options) -> Ranking:
    """Learn what similarity means, which candidate is right, and how sure an item of a new type may be.

    Parameters
    ----------
    basis : Basis
        The training items.
    known : KnownRoutings
        What the maker was fitted on.
    maker : CandidateMaker
        Collects candidates.
    options : Options
        The predictor's parameters.
    """
    n = basis.training.catalogue.labels.height
    asked = np.arange(n)
    if n > _MOST_RANKED:
        asked = np.sort(np.random.default_rng(options.seed).choice(n, _MOST_RANKED, replace=False))
    searched = _search(basis, asked, options.n_neighbors)
    taught = searched.at(_of_today(known, asked))
    features, hit, row = _candidates(basis, known, maker, taught)
    item = taught.asked[row]
    ranker = CandidateRanker(n_jobs=options.n_jobs, random_state=options.seed)
    ranker.fit(features, hit, row, known.folds[item], known.family[item], basis.training.age[item])
    label = np.full((n, searched.neighbours.label.shape[1]), -1, dtype=np.int64)
    similarity = np.zeros(label.shape, dtype=np.float32)
    label[asked], similarity[asked] = searched.neighbours.label, searched.neighbours.similarity
    was_asked = np.zeros(n, dtype=bool)
    was_asked[asked] = True
    return Ranking(
        searched.scale,
        ranker,
        _novelty(basis.training, known, searched, options),
        Neighbours(label, similarity),
        was_asked,
    )


def _of_today(known: KnownRoutings, asked: Ints) -> Ints:
    """Places of the asked training items whose routing has no job that is out of use.

    The routing of another item is never among the candidates: it would teach that none of them is right, where today's items are
    planned otherwise. All items where those of today are too few to learn from (`_LEAST_OF_TODAY`).
    """
    passed = known.catalogue.sequence_fits & ~known.live
    today = np.flatnonzero(~passed[known.catalogue.label_sequence[asked]])
    least, share = _LEAST_OF_TODAY
    return today if len(today) >= max(least, share * len(asked)) else np.arange(len(asked))


@dataclass(frozen=True)
class _Searched:
    """The training items that were `asked`: their coordinates, neighbours, and whether the nearest has their routing."""

    asked: Ints
    expected: Floats
    points: Floats
    scale: SimilarityCurve
    neighbours: Neighbours
    nearest_same: Bools

    def at(self, places: Ints) -> _Searched:
        """Some of the asked items, by their places."""
        return replace(
            self,
            asked=self.asked[places],
            expected=self.expected[places],
            points=self.points[places],
            neighbours=self.neighbours.at(places),
            nearest_same=self.nearest_same[places],
        )


def _search(basis: Basis, asked: Ints, k: int) -> _Searched:
    """Find the neighbours of training items, by their out-of-bag votes, and learn the scale of similarity from them."""
    sequence, space = basis.training.catalogue.label_sequence, basis.space
    expected = space.expected(basis.grown.votes[asked])
    points = space.place(expected, basis.encoded.features[asked])
    distance, found = _nearest(basis, points, asked, k)
    same = (found >= 0) & (sequence[np.maximum(found, 0)] == sequence[asked][:, None])
    from routing_etl.model.candidates.similarity_scale import SimilarityScale

    scale = SimilarityScale().fit(distance[:, :_SCALE_NEIGHBOURS], same[:, :_SCALE_NEIGHBOURS]).curve
    neighbours = Neighbours(found, scale.of(distance))
    return _Searched(asked, expected, points, scale, neighbours, same[:, 0])


def _nearest(basis: Basis, points: Floats, asked: Ints, k: int) -> tuple[Floats, Ints]:
    """Distance and number of the nearest training items, without the item itself, its siblings, or its fold where kinds are left out."""
    training, index = basis.training, basis.space.index
    if training.groups is None:
        return _nearest_strangers(index, points, asked, k, training.siblings)
    distance = np.full((len(asked), k), np.inf, np.float32)
    found = np.full((len(asked), k), -1, np.int64)
    folds = training.folds[asked]
    for fold in np.unique(folds):
        here, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if not len(others):
            continue
        part = NeighbourIndex(random_state=index.random_state).fit(points[others])
        distance[here], near = part.search(points[here], k)
        found[here] = np.where(near >= 0, asked[others][near], -1)
    return distance, found


def _nearest_strangers(
    index: NeighbourIndex, points: Floats, asked: Ints, k: int, siblings: Ints | None
) -> tuple[Floats, Ints]:
    """The nearest items beside the item itself and its siblings; some more are looked for in their stead."""
    if siblings is None:
        return index.search(points, k, asked)
    most = int(min(np.bincount(siblings).max(), _MOST_PASSED))
    distance, found = index.search(points, k + most, asked)
    akin = (found >= 0) & (siblings[found] == siblings[asked][:, None])
    order = np.argsort(akin, axis=1, kind="stable")[:, :k]
    distance, found, akin = (np.take_along_axis(each, order, 1) for each in (distance, found, akin))
    return np.where(akin, np.float32(np.inf), distance), np.where(akin, -1, found)


def _candidates(
    basis: Basis, known: KnownRoutings, maker: CandidateMaker, searched: _Searched
) -> tuple[EvidenceFeatures, Bools, Ints]:
    """Candidates of the asked items, fold by fold: evidence, whether right, and the item's place among the asked."""
    sequence, folds = known.catalogue.label_sequence, known.folds[searched.asked]
    sizes = basis.expected.sizes.share(basis.encoded.table.known, known.family)
    features, hits, rows = [], [], []
    for fold in np.unique(folds):
        here = np.flatnonzero(folds == fold)
        at = searched.asked[here]
        evidence = Evidence(
            votes=basis.grown.votes[at],
            neighbours=searched.neighbours.at(here),
            expected=searched.expected[here],
            operations=basis.expected.probabilities[at],
            said=basis.expected.said.at(at),
            sizes_known=None if sizes is None else sizes[at],
            family=known.family[at],
            codes={name: code[at] for name, code in known.codes.items()},
        )
        pairs = maker.without_fold(known, int(fold)).make(evidence)
        features.append(pairs.features)
        hits.append(pairs.sequence == sequence[at][pairs.row])
        rows.append(here[pairs.row])
    return EvidenceFeatures.joined(features), np.concatenate(hits), np.concatenate(rows)


def _novelty(training: Training, known: KnownRoutings, searched: _Searched, options: Options) -> Novelty:
    """What tells kinds of items apart, and how much less sure an item of a new kind is."""
    level = known.kind
    attribute = level.split("|")[0]
    types = types_of(training.items)
    if types.n_unique() == 1 and not types.null_count() and options.feature_weights.get(TYPE_ATTRIBUTE, 1.0):
        # The only type tells no items apart and is no attribute, but another one is as new as anywhere.
        return Novelty(TYPE_ATTRIBUTE, types.unique(), 1.0)
    if not level:
        return Novelty(attribute, pl.Series([], dtype=pl.String), 1.0)
    values = training.items.select(normalise(attribute)).to_series().drop_nulls().unique().sort()
    factor = novelty_factor(
        known.codes[level][searched.asked],
        searched.points,
        known.catalogue.label_sequence[searched.asked],
        searched.nearest_same,
        options.seed,
    )
    return Novelty(attribute, values, factor)
