"""What a fitted model is stored as, so that one item need not wait: few arrays, no scikit-learn, and the same answers to the bit."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.ragged import Ragged
from routing_etl.model.candidates.operation_columns import Column, ColumnSet
from routing_etl.model.ranking.linear import Linear

SHAPES = st.lists(
    st.none() | st.tuples(st.sampled_from(["<f4", "<i8", "|u1"]), st.lists(st.integers(0, 3), max_size=3)),
    max_size=8,
)


@given(SHAPES, st.integers(0, 9))
def test_arrays_end_to_end_come_back_as_they_were(told: list[Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = [None if t is None else rng.integers(0, 200, t[1]).astype(t[0]) for t in told]
    back = pickle.loads(pickle.dumps(Ragged.of(arrays))).arrays()
    assert len(back) == len(arrays)
    for one, other in zip(arrays, back, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.dtype == other.dtype and one.shape == other.shape and (one == other).all()


def test_a_family_s_columns_are_stored_as_one_array_of_each_type() -> None:
    columns = [
        Column("number", "size", index=i, edges=np.array([1.0, 2.0 + i], dtype=np.float32)) for i in range(40)
    ]
    columns += [Column("vote", "votes", index=i, edges=np.array([0.5], dtype=np.float32)) for i in range(30)]
    made = ColumnSet(columns)
    state = made.__getstate__()
    assert set(state["tables"].flat) == {"<i8", "<f4"}
    back = pickle.loads(pickle.dumps(made))
    assert [g[:2] for g in back.groups_] == [g[:2] for g in made.groups_]
    for one, other in zip(made.groups_, back.groups_, strict=True):
        for a, b in zip(one[2:], other[2:], strict=True):
            assert np.array_equal(a, b) if a is not None else b is None


@pytest.mark.parametrize("categories", [None, [0]])
@pytest.mark.parametrize("kind", [HistGradientBoostingRegressor, HistGradientBoostingClassifier])
def test_many_rows_get_what_the_library_s_model_gives_to_the_bit(
    kind: Any, categories: list[int] | None
) -> None:
    rng = np.random.default_rng(7)
    matrix = np.column_stack([rng.integers(0, 12, 2000), rng.normal(size=(2000, 4))])
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    value = np.nan_to_num(matrix[:, 1]) + (matrix[:, 0] == 3)
    target = value > 0.3 if kind is HistGradientBoostingClassifier else value
    model = kind(max_iter=25, categorical_features=categories, early_stopping=False).fit(matrix, target)
    asked = np.column_stack([rng.integers(-1, 14, 3000), rng.normal(size=(3000, 4))])
    asked[rng.random(asked.shape) < 0.2] = np.nan
    ours = pickle.loads(pickle.dumps(Boosted(model)))
    assert len(asked) * 25 > Boosted.MOST_CELLS
    theirs = getattr(model, "decision_function", model.predict)(asked)
    assert np.array_equal(ours.predict(asked), theirs)
    few = ours.predict(asked[:20])
    assert few == pytest.approx(theirs[:20], abs=1e-9)
    assert np.array_equal(few, Boosted(model).predict(asked[:20])), "stored and loaded again"


def test_boosted_trees_are_stored_without_the_library_and_without_what_can_be_derived() -> None:
    rng = np.random.default_rng(7)
    matrix = rng.normal(size=(500, 3))
    made = Boosted(HistGradientBoostingRegressor(max_iter=5, early_stopping=False).fit(matrix, matrix[:, 0]))
    fresh = pickle.dumps(made)
    made.predict(matrix[:3])
    made.predict(np.tile(matrix, (50, 1)))
    assert pickle.dumps(made) == fresh
    assert b"sklearn" not in fresh


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_regression_kept_as_its_numbers_gives_the_library_s_probabilities_to_the_bit(kind: Any) -> None:
    rng = np.random.default_rng(5)
    matrix = rng.normal(3.0, [1.0, 9.0, 0.1], size=(300, 3)).astype(kind)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(matrix, matrix[:, 0] > 3.2)
    ours = pickle.loads(pickle.dumps(Linear(model[0], model[1])))
    for asked in (matrix, np.asfortranarray(matrix), matrix[:1]):
        assert np.array_equal(ours.predict(asked), model.predict_proba(asked)[:, 1])


def test_the_predictor_is_imported_without_what_only_learning_needs() -> None:
    """scikit-learn takes a second to import, and brings pandas and scipy.stats."""
    code = (
        "import sys, routing_etl.model.predictor\n"
        "heavy = {'sklearn', 'pandas', 'scipy.stats', 'scipy.optimize', 'scipy.cluster', 'scipy.spatial'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
