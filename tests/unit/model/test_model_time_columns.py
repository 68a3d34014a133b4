"""The columns that the trees of a time may ask: those that go with it, of few items too."""

from __future__ import annotations

import numpy as np
import pytest

from routing_etl.model.times.telling import telling_columns

N = 2_000


@pytest.mark.parametrize("share", [0.03, 0.09, 0.3, 1.0])
@pytest.mark.parametrize("missing", [-1.0, 0.0])
def test_a_number_that_a_few_items_alone_have_is_among_them(share: float, missing: float) -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(N, 200)).astype(np.float32)
    has = np.arange(N) < share * N
    modules = np.where(has, rng.integers(1, 21, N), missing)
    features[:, 150] = modules
    rest = np.where(has, np.log(np.maximum(modules, 1)) - 2.1, 0.0) + rng.normal(0, 0.2, N)
    assert 150 in telling_columns(features, np.arange(N), rest, seed=1)


def test_a_number_that_tells_nothing_is_not_among_them_for_being_rare() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(N, 164)).astype(np.float32)
    features[:, 100:] += 0.3 * rng.normal(size=(N, 1))
    rest = features[:, 100:].mean(axis=1) + rng.normal(0, 0.1, N)
    rare = np.arange(N) < 0.05 * N
    features[:, :100] = np.where(rare[:, None], rng.integers(1, 21, (N, 100)), -1.0)
    assert telling_columns(features, np.arange(N), rest, seed=1).tolist() == list(range(100, 164))


def test_all_columns_are_asked_where_there_are_few() -> None:
    features = np.column_stack([np.arange(50.0), np.ones(50), np.arange(50.0) % 2])
    assert telling_columns(features, np.arange(50), np.zeros(50), seed=1).tolist() == [0, 2]
