"""A grown forest that votes for routings: what `RoutingForest` has learned, without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.trees import PackedTrees


@dataclass(frozen=True)
class GrownForest:
    """Trees whose leaves vote.

    Attributes
    ----------
    columns : Ints
        The features in use.
    trees : PackedTrees
        The trees, which ask these.
    votes : scipy.sparse.csr_matrix
        Leaves x variants, rows sum to 1.
    n_jobs : int or None
        Parts of many items asked at once, in threads. None: as joblib says, else one.
    """

    columns: Ints
    trees: PackedTrees
    votes: sparse.csr_matrix
    n_jobs: int | None = None

    def vote(self, features: Floats) -> sparse.csr_matrix:
        """Items x variants: each item's share of votes for every routing, from all trees; rows sum to 1."""
        return self.of_leaves(self.leaves(features), None)

    def leaves(self, features: Floats) -> Codes:
        """Items x trees: number of the leaf that each item falls into."""
        features = features[:, self.columns]
        n = len(features)
        jobs = effective_n_jobs(self.n_jobs)
        if n <= 2048 or jobs == 1:
            return self.trees.leaves(features)
        bounds = np.linspace(0, n, jobs * 2 + 1).astype(int)
        parts = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self.trees.leaves)(features[a:b]) for a, b in pairwise(bounds)
        )
        return np.vstack(parts)

    def of_leaves(self, leaves: Codes, unseen: Bools | None) -> sparse.csr_matrix:
        """The votes of items for which their leaves are known, of all trees or of those that are `unseen` (items x trees)."""
        n, n_trees = leaves.shape
        if unseen is None:
            data = np.full(n * n_trees, 1.0 / n_trees, dtype=np.float32)
            cols = leaves.ravel()
            indptr = np.arange(0, n * n_trees + 1, n_trees)
        else:
            counts = unseen.sum(axis=1)
            data = np.repeat(1.0 / np.maximum(counts, 1), counts).astype(np.float32)
            cols = leaves[unseen]
            indptr = np.concatenate([[0], np.cumsum(counts)])
        member = sparse.csr_matrix((data, cols, indptr), shape=(n, self.votes.shape[0]))
        return (member @ self.votes).tocsr()
