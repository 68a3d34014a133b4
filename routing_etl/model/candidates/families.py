"""Families: groups of items that attributes tell apart and whose routings draw on the same jobs. They are found, not given.

A regression tree over the encoded attributes cuts the items into cells; cells whose mean routings are alike are joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.base.columns import dense_product

#: Cells of the tree: one per so many items, within these limits.
_ITEMS_PER_CELL, _LEAST_CELLS, _MOST_CELLS = 30, 2, 96
#: Most items that grow the tree.
_MOST_ROWS = 25_000
#: Cells are one family up to this cosine distance of their mean routings.
_ALIKE = 0.45


@dataclass(frozen=True)
class Families:
    """The families of a plant.

    Attributes
    ----------
    n : int
        Number of families.
    of_variant : scipy.sparse.csr_matrix
        Routing variants x families: share of the variant's training items in each family.
    """

    n: int
    of_variant: sparse.csr_matrix

    @classmethod
    def counted(cls, family: Ints, variant: Ints, n_variants: int) -> Families:
        """From the family and the variant of every training item."""
        n = int(family.max()) + 1
        table = sparse.csr_matrix(
            (np.ones(len(family), np.float32), (variant, family)), shape=(n_variants, n)
        )
        table.sum_duplicates()
        total = np.maximum(np.asarray(table.sum(axis=1)), 1.0)
        return cls(n, sparse.csr_matrix(table.multiply(1.0 / total)))

    def likeliest(self, votes: sparse.csr_matrix) -> Ints:
        """Most likely family of every item by the votes for its routing (items x variants); -1 without votes."""
        shares = dense_product(votes, self.of_variant)
        best = shares.argmax(axis=1)
        return np.where(shares.max(axis=1) > 0, best, -1)


def find_families(features: Floats, target: Floats, operations: sparse.csr_matrix, seed: int) -> Ints:
    """The family of every training item.

    Parameters
    ----------
    features : Floats
        Items x columns, the encoded attributes.
    target : Floats
        Items x d, the description of each item's routing, by which the tree cuts.
    operations : scipy.sparse.csr_matrix
        Items x operations, 0/1, by which cells are joined.
    seed : int
        Seed of the tree and of the sample that grows it.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from sklearn.tree import DecisionTreeRegressor

    n = len(features)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=int(np.clip(n // _ITEMS_PER_CELL, _LEAST_CELLS, _MOST_CELLS)),
        min_samples_leaf=max(5, min(25, n // 40)),
        max_features=0.5,
        random_state=seed,
    )
    rows = np.arange(n)
    if n > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(n, _MOST_ROWS, replace=False))
    tree.fit(features[rows], target[rows])
    cell = np.unique(tree.apply(features), return_inverse=True)[1]
    n_cells = int(cell.max()) + 1
    hot = sparse.csr_matrix((np.ones(n, np.float32), (cell, np.arange(n))), shape=(n_cells, n))
    counts = np.asarray(hot.sum(axis=1))
    mean = np.asarray((hot @ operations).todense()) / counts
    # An operation that few cells have tells them apart better: the inverse document frequency of information retrieval.
    mean = mean * (np.log((1 + n_cells) / (1 + (mean > 0.1).sum(axis=0))) + 0.3)
    if n_cells == 1:
        return np.zeros(n, dtype=np.int64)
    tied = linkage(mean + 1e-9, method="average", metric="cosine")
    joined = fcluster(tied, _ALIKE, criterion="distance") - 1
    return np.asarray(joined[cell], dtype=np.int64)
