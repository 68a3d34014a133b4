"""The parametric part of times: plants whose exponents, materials and families are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.times.effects import ItemSize, TimedOperations, TimeEffects

N = 600
#: Attributes other than numbers, where a test has none.
NOTHING = np.zeros((N, 1))


def drawn(seed: int = 0) -> dict[str, np.ndarray]:
    """Two families: the first is sized by its diameter, the second by a length; a third number is noise."""
    rng = np.random.default_rng(seed)
    family = rng.integers(0, 2, N)
    diameter, length, noise = (np.exp(rng.uniform(3, 6, N)) for _ in range(3))
    return {
        "family": family,
        "numbers": np.column_stack([noise, diameter, length]),
        "true": np.log(np.where(family == 0, diameter, length)),
        "material": rng.integers(0, 3, N),
        "noise_cd": rng.integers(0, 30, N),
        "folds": np.arange(N) % 5,
    }


def size_of(
    plant: dict[str, np.ndarray],
    numbers: np.ndarray,
    exponent: float = 0.5,
    others: np.ndarray | None = None,
) -> ItemSize:
    value = exponent * (plant["true"] - plant["true"].mean())
    return ItemSize().fit(numbers, NOTHING if others is None else others, plant["family"], value, np.ones(N))


def test_the_size_of_a_family_is_the_number_that_its_times_go_with() -> None:
    plant = drawn()
    size = size_of(plant, plant["numbers"])
    assert size.column_.tolist() == [1, 2]
    found = size.of(plant["numbers"], NOTHING, plant["family"])
    for family in (0, 1):
        here = plant["family"] == family
        expected = 0.5 * (plant["true"][here] - plant["true"][here].mean())
        assert found[here] == pytest.approx(expected, abs=0.03)


def test_a_family_whose_times_go_with_no_number_has_no_size() -> None:
    plant = drawn()
    for seed in range(20):
        value = np.random.default_rng(seed).normal(0, 1, N)
        size = ItemSize().fit(plant["numbers"], NOTHING, plant["family"], value, np.ones(N))
        assert size.column_.tolist() == [-1, -1]


def test_a_missing_size_is_told_by_what_is_left_and_not_by_what_is_missing_with_it() -> None:
    plant = drawn()
    rng = np.random.default_rng(1)
    # Half the size is computed from it and missing with it; a coarse class of size is known of every item.
    numbers = np.column_stack([plant["numbers"], plant["numbers"][:, 1:] / 2])
    gone = np.arange(N) % 8 == 0
    numbers[gone, 1:] = np.nan
    others = np.round(plant["true"] * 0.7 + rng.normal(0, 0.3, N))[:, None]
    size = size_of(plant, numbers, others=others)
    found = size.of(numbers, others, plant["family"])
    expected = 0.5 * (plant["true"] - plant["true"].mean())
    assert np.abs(found - expected)[~gone].max() < 0.05
    # A model that was shown the half does no better here than the family's mean.
    assert np.sqrt(np.mean((found - expected)[gone] ** 2)) < 0.6 * expected[gone].std()


def test_an_entry_error_is_not_stretched_and_no_size_is_not_a_number() -> None:
    plant = drawn()
    size = size_of(plant, plant["numbers"])
    largest = size.of(plant["numbers"], NOTHING, plant["family"]).max()
    wrong = plant["numbers"][:5].copy()
    wrong[:, 1:] = 1e9
    assert (size.of(wrong, NOTHING[:5], plant["family"][:5]) <= largest + 1e-9).all()
    for nothing in (np.nan, 0.0, -3.0):
        wrong[:, 1:] = nothing
        assert np.isfinite(size.of(wrong, NOTHING[:5], plant["family"][:5])).all()


@pytest.mark.parametrize("numbers", [np.empty((N, 0)), np.full((N, 2), np.nan), np.full((N, 2), 7.0)])
def test_without_a_number_that_varies_there_is_no_size(numbers: np.ndarray) -> None:
    plant = drawn()
    size = size_of(plant, numbers)
    assert size.column_.tolist() == [-1, -1]
    assert (size.of(numbers, NOTHING, plant["family"]) == 0).all()


#: Jobs 0, 1, 2 on line 1 (exponents 1.5, 0.5, 1), job 3 on line 2 (exponent 0): lines differ in what a material costs.
LINE_OF_JOB = np.array([1, 1, 1, 2])
EXPONENT = np.array([1.5, 0.5, 1.0, 0.0])
HARD = np.array([[0, 0, 0], [0.0, 0.4, -0.4], [0.0, -0.2, 0.2]])
SLOW = np.array([[0, 0], [0.15, -0.15], [0.0, 0.0]])


def operations(
    plant: dict[str, np.ndarray], size: np.ndarray, spread: float = 0.0, jobs: int = 4
) -> TimedOperations:
    """Every item has the first `jobs` jobs; ln(time) is an exact sum, each report off by `spread`."""
    label, job = np.repeat(np.arange(N), jobs), np.tile(np.arange(jobs), N)
    line = LINE_OF_JOB[job]
    value = (
        EXPONENT[job] * size[label]
        + HARD[line, plant["material"][label]]
        + SLOW[line, plant["family"][label]]
    )
    value = value + np.random.default_rng(3).normal(0, spread, len(value)) if spread else value
    return TimedOperations(label, job, value, np.full(len(value), 8.0))


def table_of(plant: dict[str, np.ndarray]) -> TokenTable:
    codes = {name: plant[name].astype(np.int32) for name in ("noise_cd", "material")}
    return TokenTable(codes, {}, plant["numbers"])


def test_exponents_and_effects_by_line_are_found_and_noise_is_not() -> None:
    plant = drawn()
    size = plant["true"] - plant["true"].mean()
    known = operations(plant, size, spread=0.1)
    effects = TimeEffects(LINE_OF_JOB)
    honest = effects.fit(known, table_of(plant), size, plant["family"], plant["folds"])
    assert effects.levels_ == ("material",)
    assert effects.exponent_ == pytest.approx(EXPONENT, abs=0.03)
    scaled, effect = effects.predict(known.job, known.label, table_of(plant), size, plant["family"])
    truth = operations(plant, size)
    assert np.abs(scaled + effect - truth.value).mean() < 0.02
    assert np.abs(honest - effect).mean() < 0.02


def test_what_an_operation_says_of_itself_is_not_in_its_own_honest_effect() -> None:
    plant = drawn()
    size = np.zeros(N)
    known = operations(plant, size)
    alone = TimedOperations(known.label, known.job, np.where(known.label == 0, 9.0, 0.0), known.samples)
    family = np.where(np.arange(N) == 0, 1, 0)
    effects = TimeEffects(LINE_OF_JOB)
    honest = effects.fit(alone, table_of(plant), size, family, plant["folds"])
    _, effect = effects.predict(alone.job, alone.label, table_of(plant), size, family)
    # The first item is its family's only one: the effect learns from it, what the trees are taught beside does not.
    assert (effect[alone.label == 0] > 0.5).all()
    assert (honest[alone.label == 0] <= 0.0).all()


def test_a_job_with_few_reports_has_the_exponent_of_its_line() -> None:
    plant = drawn()
    size = plant["true"] - plant["true"].mean()
    known = operations(plant, size)
    rare = (known.job == 2) & (known.label > 0)
    left = TimedOperations(*(a[~rare] for a in (known.label, known.job, known.value, known.samples)))
    effects = TimeEffects(LINE_OF_JOB)
    effects.fit(left, table_of(plant), size, plant["family"], plant["folds"])
    # One report of eight orders at an item of size s has weight 0.8 s^2 beside the line's 2; jobs 0 and 1 mean 1.
    assert effects.exponent_[2] == pytest.approx(1.0, abs=0.15)


def test_tokens_and_families_never_seen_have_no_effect() -> None:
    plant = drawn()
    size = plant["true"] - plant["true"].mean()
    known = operations(plant, size)
    effects = TimeEffects(LINE_OF_JOB)
    effects.fit(known, table_of(plant), size, plant["family"], plant["folds"])
    strange = TokenTable(
        {n: np.array([25_000], np.int32) for n in ("noise_cd", "material")}, {}, np.ones((1, 3))
    )
    for job in range(4):
        _, effect = effects.predict(np.array([job]), np.array([0]), strange, np.zeros(1), np.array([40]))
        assert effect.tolist() == [0.0]


@settings(deadline=None, max_examples=25)
@given(st.floats(-1.5, 2.0), st.integers(0, 50), st.floats(0.2, 5.0))
def test_twice_the_exponent_is_twice_the_effect_of_size_whatever_the_unit(
    exponent: float, seed: int, unit: float
) -> None:
    """Sizes in inch or mm give the same times: a power law has no unit."""
    plant = drawn(seed)
    found = []
    for factor in (1.0, unit):
        numbers = plant["numbers"] * factor
        size = size_of({**plant, "numbers": numbers}, numbers, exponent)
        found.append(size.of(numbers, NOTHING, plant["family"]))
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_a_family_that_no_training_item_has_has_no_size() -> None:
    """A family of the operation model can lose all its items to others, and a new item can still be told to be in it."""
    plant = drawn()
    size = size_of(plant, plant["numbers"])
    strange = np.array([0, 1, 2, 7])
    found = size.of(plant["numbers"][:4], NOTHING[:4], strange)
    assert found[2:].tolist() == [0.0, 0.0]
    same = size.of(plant["numbers"][:2], NOTHING[:2], strange[:2])
    assert found[:2].tolist() == same.tolist() and same.any()
