"""Whatever is handed to `fit` and `predict`, an error names the thing, the value and the remedy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_toy import ATTRIBUTES, toy_plant

from routing_etl.errors import FrameError, ModelError, RoutingEtlError
from routing_etl.evaluation.baseline_legacy import LegacyPredictor
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.frames import AttributeSpec, TimeEvidence
from routing_etl.model.base.parameters import PREDICTOR_RULES
from routing_etl.model.predictor import RoutingPredictor

ITEMS, OPERATIONS, UNKNOWN = toy_plant(120)
NAN, INF = math.nan, math.inf
BASELINES = [NearestCopyPredictor, MajorityByPartType, LegacyPredictor]
ALL = [RoutingPredictor, *BASELINES]


def small(**changed: Any) -> RoutingPredictor:
    quick = {"attributes": ATTRIBUTES, "n_trees": 5, "n_jobs": 1, "rehearsals": 0}
    return RoutingPredictor(**(quick | changed))


def replaced(frame: pl.DataFrame, column: str, value: object) -> pl.DataFrame:
    """The frame with the value in every fifth row of a column."""
    odd = pl.int_range(pl.len()) % 5 == 0
    return frame.with_columns(pl.when(odd).then(pl.lit(value)).otherwise(column).alias(column))


@pytest.fixture(scope="module")
def model() -> RoutingPredictor:
    return small(rehearsals=2).fit(ITEMS, OPERATIONS)


# --- arguments of the constructor ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, v) for name in ("n_neighbors", "candidates_per_item", "n_trees") for v in (0, -1, 1.5, "3", None, True, NAN)],
        ("n_neighbors", 10**9), ("candidates_per_item", 100),
        *[("half_life_days", v) for v in (0, -1.0, NAN, "year", 1e-300)],
        *[("similarity_threshold", v) for v in (-0.1, 1.1, NAN, "high")],
        *[("evidence_per_candidate", v) for v in (-1, 0.5)],
        *[("n_jobs", v) for v in (0, 1.5, "all")],
        *[("random_state", v) for v in (-1, None, "seed", 2**32)],
    ],
)  # fmt: skip
def test_fit_refuses_a_parameter_by_name_and_value(name: str, value: object) -> None:
    with pytest.raises(ModelError) as told:
        small(**{name: value}).fit(ITEMS, OPERATIONS)
    assert f"RoutingPredictor: {name} = {value!r} is not a" in str(told.value)
    assert f"Give {name} as" in told.value.remedy


def test_limits_stand_in_the_message_as_people_write_them() -> None:
    with pytest.raises(ModelError, match="from 0 to 4,294,967,295"):
        small(random_state=-1).fit(ITEMS, OPERATIONS)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(PREDICTOR_RULES)),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([1]), st.just(10**400)),
)  # fmt: skip
def test_a_rule_says_yes_or_no_to_anything(name: str, value: object) -> None:
    rule = PREDICTOR_RULES[name]
    if rule.allows(value):
        assert value is None or rule.low <= value <= rule.high  # type: ignore[operator]
    assert str(rule)


@pytest.mark.parametrize("weight", [NAN, INF, -1, -INF, 1e300, 1e9, "2", None, [1.0]])
def test_a_feature_weight_is_a_number_from_0_to_a_million(weight: object) -> None:
    with pytest.raises(ModelError) as told:
        small(feature_weights={"material": weight}).fit(ITEMS, OPERATIONS)
    assert f"feature_weights['material'] = {weight!r} is not a number from 0 to 1,000,000" in str(told.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"feature_weights": 5}, "feature_weights = 5 is no mapping"),
        ({"feature_weights": {1: 2.0}}, "names 1, which is no attribute"),
        ({"attributes": None}, "attributes = None is no sequence"),
        ({"attributes": "material"}, "attributes = 'material' is no sequence"),
        ({"attributes": ("material",)}, r"'material' is a str.*AttributeSpec"),
        ({"attributes": (ATTRIBUTES[0], ATTRIBUTES[0])}, "kind_cd is given twice"),
        ({"attributes": (AttributeSpec("spec", "odd"),)}, r"spec is of kind 'odd'.*category, code"),  # type: ignore[arg-type]
        ({"pool_words": "대기"}, "'대기' is no list of words"),
        ({"pool_words": None}, "None is no list of words"),
        ({"pool_words": ["대기", 1, " "]}, r"\[1, ' '\] is no list of words"),
    ],
)
def test_fit_refuses_attributes_weights_and_words(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        small(**changed).fit(ITEMS, OPERATIONS)


def test_true_and_false_switch_an_attribute_on_and_off() -> None:
    fitted = small(feature_weights={"material": False, "spec": True}).fit(ITEMS, OPERATIONS)
    names = [a.name for a in fitted.attributes_]
    assert "material" not in names
    assert "spec" in names


# --- frames to learn from --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_fit_refuses_an_item_that_is_there_twice(kind: type[Any]) -> None:
    with pytest.raises(FrameError, match=r"2 rows share their item_key with another, 'X00003'"):
        kind().fit(pl.concat([ITEMS, ITEMS[3:4]]), OPERATIONS)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e300])
def test_fit_refuses_standard_times_that_are_no_times(kind: type[Any], value: float) -> None:
    """Contract: a standard that is not maintained is NULL."""
    for column in ("setup_min", "run_min"):
        with pytest.raises(
            FrameError, match=rf"operations: column {column} holds \d+ value\(s\) that are NaN"
        ):
            kind().fit(ITEMS, replaced(OPERATIONS, column, value))


@pytest.mark.slow
@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e300, 1e38])
def test_fit_refuses_sizes_that_are_no_sizes_and_predict_takes_them_for_missing(
    model: RoutingPredictor, value: float
) -> None:
    with pytest.raises(
        FrameError, match=r"items: column outer_mm holds \d+ value\(s\) that are NaN, infinite"
    ):
        small().fit(replaced(ITEMS, "outer_mm", value), OPERATIONS)
    few = UNKNOWN.head(4)
    for items in (few, many_unknown()):
        found = model.predict(items.with_columns(outer_mm=pl.lit(value)))
        missing = model.predict(items.with_columns(outer_mm=pl.lit(None, pl.Float64)))
        assert found.candidates["reference_item_cd"].equals(missing.candidates["reference_item_cd"])
        assert found.candidates["similarity_score"].equals(missing.candidates["similarity_score"])


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("column", ["item_key", "item_cd", "item_hash", "excluded", "part_type"])
def test_a_baseline_refuses_items_without_a_column_of_the_contract(kind: type[Any], column: str) -> None:
    with pytest.raises(FrameError, match=f"Frame items lacks column {column}"):
        kind().fit(ITEMS.drop(column), OPERATIONS)


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("column", ["item_key", "rout_no", "proc_seq", "inside", "run_min", "rout_date"])
def test_a_baseline_refuses_operations_without_a_column_of_the_contract(kind: type[Any], column: str) -> None:
    with pytest.raises(FrameError, match=f"Frame operations lacks column {column}"):
        kind().fit(ITEMS, OPERATIONS.drop(column))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "given", [None, 5, {}, ITEMS.lazy(), ITEMS.to_pandas()], ids=lambda g: type(g).__name__
)
def test_fit_refuses_what_is_no_frame(kind: type[Any], given: object) -> None:
    with pytest.raises(FrameError, match=rf"items is a .*{type(given).__name__}, must be a Polars DataFrame"):
        kind().fit(given, OPERATIONS)
    with pytest.raises(FrameError, match="operations is a"):
        kind().fit(ITEMS, given)


@pytest.mark.parametrize("kind", ALL)
def test_fit_refuses_what_is_no_evidence(kind: type[Any]) -> None:
    with pytest.raises(FrameError, match="times is a int, must be a TimeEvidence"):
        kind().fit(ITEMS, OPERATIONS, times=5)
    with pytest.raises(FrameError, match="Frame time_by_item_operation lacks column proc_seq"):
        kind().fit(ITEMS, OPERATIONS, times=TimeEvidence(ITEMS, ITEMS, ITEMS))


@pytest.mark.parametrize(
    "odd",
    [
        lambda f: f.with_columns(pl.concat_list("material")),
        lambda f: f.with_columns(material=pl.struct("material")),
        lambda f: f.with_columns(pl.Series("material", [object()] * f.height, dtype=pl.Object)),
        lambda f: f.with_columns(material=pl.lit(b"\xff")),
    ],
    ids=["list", "struct", "object", "binary"],
)
def test_fit_and_predict_refuse_an_attribute_that_is_no_text(
    model: RoutingPredictor, odd: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    for act in (
        lambda: small().fit(odd(ITEMS), OPERATIONS),
        lambda: model.predict(odd(UNKNOWN.head(3))),
        lambda: model.predict(odd(many_unknown())),
    ):
        with pytest.raises(ModelError, match=r"column\(s\) material \(.*\) must be texts"):
            act()


@pytest.mark.slow
def test_a_plant_without_any_resource_code_can_be_learned() -> None:
    """`res_cd` may be NULL, so it may be so everywhere."""
    bare = OPERATIONS.with_columns(res_cd=pl.lit(None, pl.String))
    found = small(rehearsals=2).fit(ITEMS, bare).predict(UNKNOWN.head(5))
    assert found.operations["res_cd"].null_count() == found.operations.height > 0


@pytest.mark.slow
def test_a_model_that_is_fitted_again_forgets_the_first_items() -> None:
    """What told most the first time (the type's attributes) is constant the second time."""
    plain = ITEMS.with_columns(kind_cd=pl.lit("a"), part_type=pl.lit("b"), material=pl.lit("c"))
    again = small(rehearsals=2).fit(ITEMS, OPERATIONS).fit(plain, OPERATIONS)
    fresh = small(rehearsals=2).fit(plain, OPERATIONS)
    assert again.predict(UNKNOWN).candidates.equals(fresh.predict(UNKNOWN).candidates)


# --- items to predict for --------------------------------------------------------------------------------------------


def many_unknown() -> pl.DataFrame:
    """More than the few that are read value by value."""
    return pl.concat([UNKNOWN.with_columns(pl.col("item_key", "item_cd") + str(i)) for i in range(3)])


@pytest.mark.parametrize("items", [UNKNOWN.head(3), many_unknown()], ids=["few", "many"])
@pytest.mark.parametrize("column", ["item_key", "item_cd", "item_hash"])
def test_a_baseline_asks_for_codes_keys_and_hashes(items: pl.DataFrame, column: str) -> None:
    for fitted in [kind().fit(ITEMS, OPERATIONS) for kind in BASELINES]:
        with pytest.raises(FrameError, match=f"Frame items lacks column {column}"):
            fitted.predict(items.drop(column))
        with pytest.raises(FrameError, match=rf"{column} holds {items.height} NULL\(s\) but allows none"):
            fitted.predict(items.with_columns(pl.lit(None, pl.String).alias(column)))
        with pytest.raises(FrameError, match=f"{column} is Int32, must be String"):
            fitted.predict(items.with_columns(pl.lit(7).alias(column)))
        with pytest.raises(FrameError, match="2 rows share their item_key"):
            fitted.predict(pl.concat([items, items.head(1)]))


@pytest.mark.parametrize(
    "given", [None, {}, UNKNOWN.lazy(), UNKNOWN.to_pandas()], ids=lambda g: type(g).__name__
)
def test_predict_refuses_what_is_no_frame(model: RoutingPredictor, given: Any) -> None:
    with pytest.raises(FrameError, match="must be a Polars DataFrame"):
        model.predict(given)
    with pytest.raises(FrameError, match="must be a Polars DataFrame"):
        next(model.iter_predict(given))


@pytest.mark.parametrize("items", [UNKNOWN.head(3), many_unknown()], ids=["few", "many"])
@pytest.mark.parametrize("column", ["item_key", "item_cd", "item_hash"])
def test_predict_asks_for_texts_without_null_in_codes_keys_and_hashes(
    model: RoutingPredictor, items: pl.DataFrame, column: str
) -> None:
    with pytest.raises(FrameError, match=rf"'{column}' is NULL in {items.height} of {items.height} rows"):
        model.predict(items.with_columns(pl.lit(None, pl.String).alias(column)))
    with pytest.raises(FrameError, match=f"'{column}' is Int32, text is expected"):
        model.predict(items.with_columns(pl.lit(7).alias(column)))
    with pytest.raises(FrameError, match="2 rows share their item_key"):
        model.predict(pl.concat([items, items.head(1)]))


@pytest.mark.parametrize("size", [0, -1, 1.5, "8192", None, True, NAN])
def test_iter_predict_refuses_a_batch_size(model: RoutingPredictor, size: Any) -> None:
    with pytest.raises(ModelError, match=r"iter_predict: batch_size = .* is not a whole number of 1 or more"):
        next(model.iter_predict(UNKNOWN, size))


@pytest.mark.parametrize("kind", ALL)
def test_predict_before_fit_says_so(kind: type[Any]) -> None:
    with pytest.raises(ModelError, match="not trained"):
        kind().predict(UNKNOWN)


# --- baselines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        *[(LegacyPredictor, {"n_neighbors": v}, "n_neighbors") for v in (0, -1, 1.5, "a")],
        *[(LegacyPredictor, {"feature_weights": v}, "feature_weights")
          for v in (5, {"material": "a"}, {"material": NAN}, {"material": -1.0})],
        *[(k, {"similarity_threshold": v}, "similarity_threshold")
          for k in (LegacyPredictor, NearestCopyPredictor) for v in (NAN, -1, 2, "a")],
        *[(NearestCopyPredictor, {"n_numbers_std": v}, "n_numbers_std") for v in (0, NAN, "a")],
        *[(MajorityByPartType, {"candidates_per_item": v}, "candidates_per_item") for v in (0, 1.5, "a")],
    ],
)  # fmt: skip
def test_baselines_refuse_parameters(kind: type[Any], changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=f"{kind.__name__}: {told}"):
        kind(**changed).fit(ITEMS, OPERATIONS)


@pytest.mark.parametrize("kind", [NearestCopyPredictor, LegacyPredictor])
def test_baselines_refuse_other_attributes_than_in_training(kind: type[Any]) -> None:
    fitted = kind().fit(ITEMS, OPERATIONS)
    with pytest.raises(ModelError, match=r"material \(missing\) are not as in training"):
        fitted.predict(UNKNOWN.drop("material"))
    with pytest.raises(ModelError, match=r"material \(List\(String\)\) are not as in training"):
        fitted.predict(UNKNOWN.with_columns(pl.concat_list("material")))
    with pytest.raises(ModelError, match=r"material \(List\(String\)\) are no text or number"):
        kind().fit(ITEMS.with_columns(pl.concat_list("material")), OPERATIONS)


def test_the_legacy_algorithm_takes_operation_numbers_beyond_a_smallint() -> None:
    """Its operations keep the routing's numbers; where those do not fit the output they are numbered in their order."""
    large = OPERATIONS.with_columns(proc_seq=(pl.col("proc_seq") * 10_000).cast(pl.Int32))
    plain = LegacyPredictor().fit(ITEMS, OPERATIONS).predict(UNKNOWN).operations
    found = LegacyPredictor().fit(ITEMS, large).predict(UNKNOWN).operations
    # All toy routings are numbered 10, 20 ... without a gap.
    assert found.equals(plain)
    at_most = LegacyPredictor().fit(ITEMS, replaced_number(32_767)).predict(UNKNOWN).operations
    assert at_most["proc_seq"].max() == 32_767


def replaced_number(last: int) -> pl.DataFrame:
    """The operations with `last` for the number of the packing, the last job of every routing."""
    number = pl.when(pl.col("job_cd") == "Z90").then(last).otherwise("proc_seq")
    return OPERATIONS.with_columns(proc_seq=number.cast(pl.Int32))


# --- anything else ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_odd_item_is_answered_or_refused_by_name(model: RoutingPredictor, data: st.DataObject) -> None:
    """Any text, number or type in any column gives predictions or an error of the product."""
    name = data.draw(st.sampled_from(UNKNOWN.columns))
    value = data.draw(
        st.one_of(
            st.none(), st.text(max_size=20), st.floats(), st.integers(-(2**62), 2**62), st.booleans(),
            st.dates(), st.lists(st.text(max_size=3), max_size=2), st.binary(max_size=4),
        )
    )  # fmt: skip
    odd = UNKNOWN.head(2).with_columns(pl.Series(name, [value, value], strict=False))
    try:
        found = model.predict(odd)
    except RoutingEtlError as error:
        assert error.remedy
    else:
        assert found.candidates["item_key"].n_unique() + found.abstained.height == 2
