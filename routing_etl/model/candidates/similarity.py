"""Exact nearest neighbours in the learned space, and what a distance there means.

The space is the routing description that the forest expects of an item, beside a smaller share of the attributes
themselves (each weighted by its importance and the user's weight), so that among items with equal expectations those
that look alike come first. `SimilarityCurve` turns a distance into a share: how often items at this distance have
the same routing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints

#: Distances computed at once.
_BLOCK_CELLS = 24_000_000
#: Differences of coordinates computed at once.
_PAIR_CELLS = 4_000_000
#: Rows looked at beyond those asked for, because the first look at their distances is rough.
_SPARE = 4
#: Items projected at once.
_ROWS = 16_384


@dataclass(frozen=True)
class Neighbours:
    """The nearest training items of every item, nearest first.

    Attributes
    ----------
    label : Ints
        Items x k: number of the training item, -1 where there are fewer than k.
    similarity : Floats
        Items x k: 0 .. 1, see `SimilarityCurve`.
    """

    label: Ints
    similarity: Floats

    def at(self, rows: Ints) -> Neighbours:
        """The neighbours of some of the items, by their rows."""
        return Neighbours(self.label[rows], self.similarity[rows])

    def nearest(self, rows: Ints) -> Ints:
        """The nearest training item of some of the items, by their rows; -1 where there is none."""
        return self.label[rows, 0] if self.label.shape[1] else np.full(len(rows), -1, dtype=np.int64)

    def having(self, sequence: Ints, label_sequence: Ints) -> Bools:
        """Items x k, whether the neighbour has the item's `sequence`.

        Parameters
        ----------
        sequence : Ints
            One sequence per item.
        label_sequence : Ints
            Sequence of every training item.
        """
        theirs = label_sequence[np.maximum(self.label, 0)]
        return np.asarray((self.label >= 0) & (theirs == sequence[:, None]))


class NeighbourIndex:
    """Exact k nearest rows by Euclidean distance in float32, pruned by the triangle inequality over clusters.

    Parameters
    ----------
    rows_per_cluster : int, optional
        Aimed cluster size; with fewer than four clusters the search is one plain block.
    random_state : int, optional
        Seed of the clustering.
    """

    def __init__(self, *, rows_per_cluster: int = 700, random_state: int = 42) -> None:
        self.rows_per_cluster = rows_per_cluster
        self.random_state = random_state

    def fit(self, points: Floats) -> NeighbourIndex:
        """Store the points, sorted by cluster."""
        from sklearn.cluster import MiniBatchKMeans

        n = len(points)
        n_clusters = n // self.rows_per_cluster
        if n_clusters < 4:
            cluster = np.zeros(n, dtype=np.int64)
            centres = points.mean(axis=0, keepdims=True)
        else:
            rng = np.random.default_rng(self.random_state)
            sample = points if n <= 20_000 else points[np.sort(rng.choice(n, 20_000, replace=False))]
            means = MiniBatchKMeans(
                n_clusters, random_state=self.random_state, n_init=1, max_iter=8, batch_size=4096
            ).fit(sample)
            centres = means.cluster_centers_.astype(np.float32)
            cluster = _nearest_centre(points, centres)
        self.order_ = np.argsort(cluster, kind="stable")
        self.points_ = np.ascontiguousarray(points[self.order_])
        self.squares_ = np.einsum("ij,ij->i", self.points_, self.points_)
        self.bounds_ = np.searchsorted(cluster[self.order_], np.arange(len(centres) + 1))
        self.centres_ = centres
        away = np.sqrt(((self.points_ - centres[cluster[self.order_]]) ** 2).sum(axis=1))
        self.radius_ = np.array(
            [
                away[a:b].max() if b > a else -1.0
                for a, b in zip(self.bounds_[:-1], self.bounds_[1:], strict=True)
            ],
            dtype=np.float32,
        )
        return self

    def search(self, queries: Floats, k: int, without: Ints | None = None) -> tuple[Floats, Ints]:
        """Distances and row numbers (as given to `fit`) of the k nearest rows, nearest first, ties by row number.

        A query gets the same distances alone and among others. With fewer than k rows in the index the rest has distance inf and row -1.

        Parameters
        ----------
        queries : Floats
            Queries x dimensions.
        k : int
            How many.
        without : Ints, optional
            Per query a row that is not to be found, -1 for none.
        """
        if without is not None and (without >= 0).any():
            distance, found = self.search(queries, k + 1)
            order = np.argsort(found == without[:, None], axis=1, kind="stable")[:, :k]
            return np.take_along_axis(distance, order, 1), np.take_along_axis(found, order, 1)
        best = _Nearest.none(queries, k + _SPARE)
        to_centre = _distances(queries, self.centres_)
        home = to_centre.argmin(axis=1)
        order = np.argsort(home, kind="stable")
        edges = np.flatnonzero(np.diff(home[order], prepend=-1, append=-1))
        for a, b in pairwise(edges):
            rows = order[a:b]
            self._search_group(best, rows, to_centre[rows], int(home[rows[0]]))
        return self._exact(queries, best, k)

    def _exact(self, queries: Floats, best: _Nearest, k: int) -> tuple[Floats, Ints]:
        """The k nearest of what was found, by the differences of their coordinates.

        What `merge` takes from the product of many rows is good to some 1e-5, depends on the other rows, and moves similarities in
        their fourth digit.
        """
        distance = np.full((len(queries), k), np.inf, dtype=np.float32)
        found = np.full((len(queries), k), -1, dtype=np.int64)
        place = np.empty_like(self.order_)
        place[self.order_] = np.arange(len(self.order_))
        rows = max(1, _PAIR_CELLS // max(best.k * queries.shape[1], 1))
        for start in range(0, len(queries), rows):
            part = slice(start, start + rows)
            label = best.found[part]
            away = self.points_[place[np.maximum(label, 0)]] - queries[part, None, :]
            near = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
            near[label < 0] = np.inf
            order = np.lexsort((label, near), axis=1)[:, :k]
            distance[part, : order.shape[1]] = np.take_along_axis(near, order, axis=1)
            found[part, : order.shape[1]] = np.take_along_axis(label, order, axis=1)
        return distance, found

    def _search_group(self, best: _Nearest, rows: Ints, to_centre: Floats, home: int) -> None:
        """Search for queries of one home cluster, nearest clusters first, until no other can hold a nearer row."""
        by_nearness = np.argsort(to_centre.min(axis=0) - self.radius_, kind="stable")
        clusters = [home, *[int(c) for c in by_nearness if c != home and self.radius_[c] >= 0]]
        sizes = self.bounds_[1:] - self.bounds_[:-1]
        pending = np.asarray(clusters)
        # First as many clusters as hold k rows, then so many at once that a block of distances is worth its start.
        take = 1
        while take < len(pending) and sizes[pending[:take]].sum() < best.k:
            take += 1
        while pending.size:
            chosen, pending = pending[:take], pending[take:]
            members = np.concatenate([np.arange(self.bounds_[c], self.bounds_[c + 1]) for c in chosen])
            if members.size:
                best.merge(rows, self.points_[members], self.squares_[members], self.order_[members])
            worst = best.distance[rows, -1]
            lower = to_centre[:, pending] - self.radius_[pending][None, :]
            pending = pending[(lower <= worst[:, None] * 1.00001 + 1e-4).any(axis=0)]
            total = np.cumsum(sizes[pending])
            step = max(2000, _BLOCK_CELLS // 64 // max(len(rows), 1))
            take = max(1, int(np.searchsorted(total, step)))


@dataclass(frozen=True)
class _Nearest:
    """The k nearest rows found so far for every query: queries x k, nearest first, ties by row number."""

    queries: Floats
    distance: Floats
    found: Ints

    @classmethod
    def none(cls, queries: Floats, k: int) -> _Nearest:
        n = len(queries)
        return cls(queries, np.full((n, k), np.inf, np.float32), np.full((n, k), -1, np.int64))

    @property
    def k(self) -> int:
        return int(self.distance.shape[1])

    def merge(self, rows: Ints, points: Floats, squares: Floats, ids: Ints) -> None:
        """Compare the queries in `rows` with more points, given with their squared lengths and row numbers."""
        chunk = max(1, _BLOCK_CELLS // max(len(points), 1))
        for start in range(0, len(rows), chunk):
            part = rows[start : start + chunk]
            block = self.queries[part]
            squared = squares[None, :] - 2.0 * (block @ points.T)
            squared += np.einsum("ij,ij->i", block, block)[:, None]
            np.maximum(squared, 0.0, out=squared)
            take = min(self.k, squared.shape[1])
            best = (
                np.argpartition(squared, take - 1, axis=1)[:, :take]
                if take < squared.shape[1]
                else np.broadcast_to(np.arange(take), (len(part), take))
            )
            near = np.sqrt(np.take_along_axis(squared, best, axis=1))
            all_distance = np.hstack([self.distance[part], near])
            all_found = np.hstack([self.found[part], ids[best]])
            order = np.lexsort((all_found, all_distance), axis=1)[:, : self.k]
            self.distance[part] = np.take_along_axis(all_distance, order, axis=1)
            self.found[part] = np.take_along_axis(all_found, order, axis=1)


def _distances(a: Floats, b: Floats) -> Floats:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)), dtype=np.float32)


def _nearest_centre(points: Floats, centres: Floats) -> Ints:
    out = np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), 16384):
        out[start : start + 16384] = _distances(points[start : start + 16384], centres).argmin(axis=1)
    return out


@dataclass(frozen=True)
class SimilarityCurve:
    """Distance to similarity, as `SimilarityScale` has learned it.

    Attributes
    ----------
    grid, values : Floats
        Distances, ascending, and the similarity at each.
    reach : float
        The farthest distance seen.
    """

    grid: Floats
    values: Floats
    reach: float

    def of(self, distance: Floats) -> Floats:
        """Similarity, 0..1, of any number of distances, unchecked; beyond the farthest pair seen like 1 / distance."""
        finite = np.where(np.isfinite(distance), distance, self.reach * 1e6)
        inside = np.interp(finite, self.grid, self.values)
        beyond = np.where(finite > self.reach, self.reach / np.maximum(finite, 1e-12), 1.0)
        return np.asarray(inside * beyond, dtype=np.float32)


@dataclass(frozen=True)
class AttributeSpace:
    """The attributes' part of the space: standardised columns x sqrt(importance) x the user's weight of the attribute.

    Attributes
    ----------
    mean : Floats
        Mean of every feature column.
    axes : Floats
        Feature columns x dimensions: the principal directions, scaled.
    """

    mean: Floats
    axes: Floats

    @classmethod
    def of(cls, features: Floats, scale: Floats, dims: int = 16) -> AttributeSpace:
        """Span the space by the principal directions of the training items.

        Parameters
        ----------
        features : Floats
            Training items x columns.
        scale : Floats
            How much each column counts, beside its spread.
        dims : int, optional
            Number of directions.
        """
        mean = features.mean(axis=0)
        spread = features.std(axis=0)
        scale = np.where(spread > 1e-9, scale / np.maximum(spread, 1e-9), 0.0)
        scaled = (features - mean) * scale
        gram = scaled.T @ scaled / max(len(features), 1)
        values, vectors = np.linalg.eigh(gram.astype(np.float64))
        top = np.argsort(-values)[:dims]
        axes = (scale[:, None] * vectors[:, top]).astype(np.float32)
        return cls(mean.astype(np.float32), np.ascontiguousarray(axes))

    def project(self, features: Floats) -> Floats:
        """Items x dimensions.

        In double precision, because the last bits of a product of single precision hang on how many items are asked for at once.
        """
        out = np.empty((len(features), self.axes.shape[1]), dtype=np.float32)
        axes = self.axes.astype(np.float64)
        for start in range(0, len(features), _ROWS):
            part = features[start : start + _ROWS].astype(np.float64)
            part -= self.mean
            out[start : start + _ROWS] = part @ axes
        return out


@dataclass(frozen=True)
class ItemSpace:
    """Where items lie: the routing description that the forest expects of them, beside a share of their attributes.

    Attributes
    ----------
    described : Floats
        Routing variants x d: low-rank description of every routing.
    attributes : AttributeSpace
        The attributes' part.
    share : float
        Factor of the attributes' part.
    index : NeighbourIndex
        The training items.
    """

    described: Floats
    attributes: AttributeSpace
    share: float
    index: NeighbourIndex

    def expected(self, votes: sparse.csr_matrix) -> Floats:
        """Items x d: the routing description that the forest's votes expect."""
        return np.asarray(votes @ self.described, dtype=np.float32)

    def place(self, expected: Floats, features: Floats) -> Floats:
        """Coordinates of items with these expected descriptions and features."""
        return np.hstack([expected, self.attributes.project(features) * self.share]).astype(np.float32)
