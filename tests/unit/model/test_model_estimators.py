"""What claims to be a scikit-learn estimator is one, and the product's own use of it is what it was."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_items, toy_plant
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

import routing_etl
from routing_etl.errors import ModelError
from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.features import AttributeEncoder, drawn_folds
from routing_etl.model.candidates.forest import RoutingForest
from routing_etl.model.candidates.similarity_scale import SimilarityScale
from routing_etl.model.predictor import RoutingPredictor

#: Arguments that keep a check short; everything else is the default.
SMALL: dict[str, dict[str, Any]] = {"RoutingForest": {"n_trees": 12}}


def estimator_classes() -> list[type[BaseEstimator]]:
    """Every class of the package that derives from scikit-learn's base class."""
    found = set()
    for module in pkgutil.walk_packages(routing_etl.__path__, "routing_etl."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, BaseEstimator) and kind.__module__.startswith("routing_etl."):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__qualname__)


@parametrize_with_checks([kind(**SMALL.get(kind.__name__, {})) for kind in estimator_classes()])
def test_every_estimator_keeps_the_contract_of_scikit_learn(
    estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it scikit-learn skips what other arrays than NumPy's must do; only its own checks read it after the import.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def test_the_walk_finds_the_estimators() -> None:
    assert {AttributeEncoder, SimilarityScale, RoutingForest} <= set(estimator_classes())


@pytest.mark.slow
def test_what_takes_no_matrix_does_not_claim_to_be_an_estimator() -> None:
    """A predictor of routings is fitted on two frames; it is copied and recorded like an estimator all the same."""
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=7)
    assert not isinstance(model, BaseEstimator)
    copy = clone(model)
    assert copy is not model
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    items, operations, _ = toy_plant(200)
    check_is_fitted(copy.set_params(n_trees=4).fit(items, operations))
    assert not hasattr(model, "catalogue_")
    with pytest.raises(ModelError, match="no parameter n_tree"):
        model.set_params(n_tree=7)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert "n_trees=7" in repr(copy)


# --- the encoder -----------------------------------------------------------------------------------------------------


def target_of(items: pl.DataFrame) -> np.ndarray:
    """A description that the part type and the material decide."""
    kinds = items.select(pl.col("part_type").rank("dense"), hard=pl.col("material").str.starts_with("H"))
    return kinds.cast(pl.Float32).to_numpy()


def test_the_encoder_reads_a_frame_by_its_attributes() -> None:
    items = toy_items(300)
    target, folds = target_of(items), drawn_folds(300, 42)
    encoder = AttributeEncoder(attributes=ATTRIBUTES)
    learned = encoder.fit_transform(items, target, folds)
    names = encoder.get_feature_names_out()
    assert learned.dtype == np.float32
    assert learned.shape == (300, len(names))
    assert encoder.feature_names_in_.tolist() == [a.name for a in ATTRIBUTES]
    assert encoder.n_features_in_ == len(ATTRIBUTES)
    drawn = AttributeEncoder(attributes=ATTRIBUTES).fit(items, target)
    assert np.array_equal(drawn.transform(items), encoder.transform(items))
    assert np.array_equal(encoder.transform(items), encoder.encode(encoder.tokeniser_.transform(items)))
    assert np.array_equal(AttributeEncoder(attributes=ATTRIBUTES).fit_transform(items, target), learned)


def test_codes_of_training_items_are_told_by_the_other_folds() -> None:
    """Both items with code c are in one fold: out of fold nothing is known of c, afterwards its mean is."""
    items = pl.DataFrame({"code": ["a", "b"] * 20 + ["c", "c"]})
    folds = np.array([0, 0, 1, 1] * 10 + [0, 0])
    target = np.array([1.0, 0.0] * 20 + [1.0, 1.0])
    encoder = AttributeEncoder(attributes=(AttributeSpec("code", "category"),))
    out = encoder.fit_transform(items, target, folds)
    column = encoder.feature_names_.index("code|value alone 0")
    assert out[-2:, column].tolist() == [0.0, 0.0]
    assert abs(encoder.transform(items)[-1, column]) > 0.1
    assert abs(out[0, column]) > 0.1


def test_the_encoder_reads_a_matrix_of_numbers() -> None:
    """Two columns of one unit are shown with their difference and ratio; NaN is below all that is known."""
    matrix = np.array([[2.0, 1.0], [4.0, 1.5], [np.nan, 2.0]])
    encoder = AttributeEncoder().fit(matrix, [0.0, 1.0, 2.0])
    shown = encoder.transform(matrix)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x0 - x1", "x0 / x1", "tokens 0"]
    assert shown[:2, :4].tolist() == [[2.0, 1.0, 1.0, 2.0], [4.0, 1.5, 2.5, pytest.approx(4 / 1.5)]]
    assert shown[2, 0] == pytest.approx(2.0 - 0.1 * 2.0 - 1.0)
    named = AttributeEncoder().set_output(transform="polars")
    frame = pl.DataFrame(matrix, schema=["outer", "inner"], nan_to_null=False)
    assert named.fit(frame, [0.0, 1.0, 2.0]).transform(frame).columns == [
        "outer", "inner", "outer - inner", "outer / inner", "tokens 0",
    ]  # fmt: skip


def test_blocks_words_and_tokens_can_be_left_out() -> None:
    items = toy_items(300)
    bare = AttributeEncoder(attributes=ATTRIBUTES, max_blocks=0, n_words=0, max_ridge=0)
    learned = bare.fit_transform(items, target_of(items))
    numbers = len(bare.tokeniser_.number_names)
    assert [n for n in bare.feature_names_[numbers:] if not n.startswith("tokens ")] == []
    assert not learned[:, numbers:].any()
    assert np.array_equal(bare.transform(items), learned)


def test_the_encoder_refuses_what_it_cannot_read_by_name() -> None:
    items = toy_items(60)
    encoder = AttributeEncoder(attributes=ATTRIBUTES)
    with pytest.raises(ModelError, match=r"X is a ndarray.*Polars frame"):
        encoder.fit(np.zeros((60, 6)), np.zeros(60))
    with pytest.raises(ModelError, match=r"lack the attribute column.*material"):
        encoder.fit(items.drop("material"), target_of(items))
    with pytest.raises(ValueError, match="60 rows, y has 59"):
        encoder.fit(items, np.zeros(59))
    with pytest.raises(ModelError, match=r"folds .*\(59,\).*each of the 60 items"):
        encoder.fit(items, np.zeros(60), np.zeros(59, int))
    with pytest.raises(ModelError, match="AttributeEncoder: n_ridge = 0 is not a whole number of 1 or more"):
        AttributeEncoder(attributes=ATTRIBUTES, n_ridge=0).fit(items, np.zeros(60))


@pytest.mark.slow
def test_a_global_output_setting_of_scikit_learn_does_not_reach_the_predictor() -> None:
    items, operations, unknown = toy_plant(400)
    plain = RoutingPredictor(attributes=ATTRIBUTES, n_trees=8).fit(items, operations).predict(unknown)
    with config_context(transform_output="pandas"):
        under = RoutingPredictor(attributes=ATTRIBUTES, n_trees=8).fit(items, operations).predict(unknown)
    assert under.candidates.equals(plain.candidates)


# --- the forest and the scale ----------------------------------------------------------------------------------------


def test_the_forest_is_asked_for_votes_or_for_probabilities() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 5)).astype(np.float32)
    variant = (features[:, 1] > 0).astype(np.int64) + 2 * (features[:, 3] > 0)
    names = np.array(["A", "B", "C", "D"])[variant]
    forest = RoutingForest(n_trees=20).fit(features, names)
    share = forest.predict_proba(features)
    assert forest.classes_.tolist() == ["A", "B", "C", "D"]
    assert np.allclose(share, forest.grown.vote(features).toarray())
    assert np.allclose(share.sum(axis=1), 1.0)
    assert (forest.predict(features) == names).mean() > 0.95
    described = np.eye(4, dtype=np.float32)[variant]
    same = RoutingForest(n_trees=20).fit(features, variant, target=described, weights=np.ones(400))
    assert np.array_equal(same.predict_proba(features), share)


def test_out_of_bag_votes_come_from_trees_that_have_not_seen_the_item() -> None:
    """Each item has a variant of its own: only a tree that has seen it could vote for it."""
    features = np.arange(20.0)[:, None]
    forest = RoutingForest(n_trees=4)
    votes = forest.fit_out_of_bag(features, np.arange(20))
    assert votes.shape == (20, 20)
    assert not votes.diagonal().any()
    assert votes.sum() > 0
    assert forest.grown.vote(features).diagonal().any()
    again = RoutingForest(n_trees=4).fit(features, np.arange(20))
    assert np.array_equal(again.predict_proba(features), forest.predict_proba(features))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"target": np.zeros((3, 2))}, r"for 8 items target is \(3, 2\)"),
        ({"weights": np.ones(7)}, r"weights \(7,\)"),
        ({"weights": np.full(8, -1.0)}, "no weight may be below 0"),
        ({"weights": np.full(8, np.nan)}, "Input weights contains NaN"),
    ],
)
def test_the_forest_refuses_targets_and_weights_that_do_not_fit(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RoutingForest(n_trees=2).fit(np.zeros((8, 1)), [0, 1] * 4, **wrong)


def test_the_scale_is_one_for_all_columns_and_takes_absent_neighbours() -> None:
    distance = np.array([[0.0, 1.0], [0.5, 2.0], [0.25, np.inf]])
    same = np.array([[1, 0], [1, 0], [1, 0]])
    scale = SimilarityScale().fit(distance, same)
    found = scale.transform(distance)
    assert found[:, 0].min() > 0.9
    assert found[:2, 1].max() < 0.1
    assert found[2, 1] < 1e-3
    assert np.array_equal(scale.curve.of(distance[1]), found[1])
    assert scale.get_feature_names_out(["near", "far"]).tolist() == ["near", "far"]
    with pytest.raises(ValueError, match="a distance is 0 or more"):
        scale.transform(-distance)
    with pytest.raises(ValueError, match="give a y for every cell"):
        SimilarityScale().fit(distance, same[:2])
