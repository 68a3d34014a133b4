"""What is made past the libraries' engines for a few rows must be what the engines make."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from routing_etl.model.base.columns import FEW, dense_product, ranges


def test_ranges_are_laid_end_to_end() -> None:
    assert ranges(np.array([5, 0, 9, 2]), np.array([2, 3, 0, 1])).tolist() == [5, 6, 0, 1, 2, 2]
    assert ranges(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("n", [1, 5, FEW, FEW + 1])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_product_of_few_rows_is_that_of_a_batch_to_the_last_bit(n: int, kind: type) -> None:
    rng = np.random.default_rng(n)
    filled = sparse.random(200, 40, 0.3, "csr", dtype=np.float32, random_state=rng).toarray()
    filled[2:4] = 0.0
    left = sparse.csr_matrix(filled)
    right = sparse.random(40, 30, 0.2, "csr", dtype=kind, random_state=rng)
    whole = np.asarray((left @ right).todense(), dtype=np.float32)
    for start in (0, 2, 90):
        found = dense_product(left[start : start + n], right)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, whole[start : start + n])
