"""The predictor's parts alone: search, similarity scale, boosted questions, dates, calibration, tokens."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_toy import ATTRIBUTES, toy_items, toy_operations, toy_rule
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)

from routing_etl.evaluation.tiers import confidence_tier
from routing_etl.frames import AttributeSpec
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.answer.resemblance import Resemblance
from routing_etl.model.attributes.tokens import Tokeniser
from routing_etl.model.base.arrays import Bools, Bytes
from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.boosting import QuestionBooster
from routing_etl.model.base.trees import ForestShape, grow_shares
from routing_etl.model.candidates.compose import Composer
from routing_etl.model.candidates.evidence import EvidenceFeatures
from routing_etl.model.candidates.similarity import AttributeSpace, NeighbourIndex
from routing_etl.model.candidates.similarity_scale import SimilarityScale
from routing_etl.model.catalogue.recency import age_in_days, age_weight, retired
from routing_etl.model.catalogue.routings import build_catalogue, occurrences
from routing_etl.model.ranking.novelty import Novelty, novelty_factor
from routing_etl.model.ranking.ranker import STEADY_FEATURES, CandidateRanker, first_choice


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), st.integers(1, 30), st.integers(0, 10_000))
def test_search_is_exact(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 10, (12, 5))
    points = (centres[rng.integers(0, 12, n)] + rng.normal(0, 1, (n, 5))).astype(np.float32)
    queries = (centres[rng.integers(0, 12, 20)] + rng.normal(0, 1, (20, 5))).astype(np.float32)
    distance, found = NeighbourIndex(rows_per_cluster=20).fit(points).search(queries, k)
    everything = np.sqrt(((queries[:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
    expected = np.sort(everything, axis=1)[:, :k]
    take = min(k, n)
    assert np.allclose(distance[:, :take], expected[:, :take], atol=1e-2)
    assert (found[:, take:] == -1).all()
    assert np.isinf(distance[:, take:]).all()
    assert np.allclose(np.take_along_axis(everything, found[:, :take], 1), distance[:, :take], atol=1e-2)


def test_similarity_falls_with_distance_and_means_a_share() -> None:
    rng = np.random.default_rng(0)
    distance = rng.uniform(0, 2, 20_000)
    same = rng.random(20_000) < np.clip(1 - distance / 2, 0, 1)
    scale = SimilarityScale().fit(distance[:, None], same)
    at = scale.transform(np.array([[0.0], [0.5], [1.0], [1.5], [5.0], [np.inf]]))[:, 0]
    assert (np.diff(at) <= 0).all()
    assert at[1] == pytest.approx(0.75, abs=0.05)
    assert at[2] == pytest.approx(0.5, abs=0.05)
    assert 0 <= at[-1] <= at[-2] < 0.05


def test_boosted_questions_learn_rules_of_two_columns() -> None:
    rng = np.random.default_rng(1)
    bins = rng.integers(0, 12, (3000, 10)).astype(np.uint8)
    large, listed = bins[:, 2] > 6, np.isin(bins[:, 7], [1, 4, 5, 9])
    answers = np.column_stack([large & listed, large | listed, np.where(large, listed, bins[:, 0] > 3)])
    ordered = np.arange(10) < 5
    booster = QuestionBooster().fit(bins[:2000], ordered, answers[:2000].astype(np.float32), np.ones(2000))
    told = booster.log_odds(bins[2000:]) > 0
    assert (told == answers[2000:]).mean(axis=0).min() > 0.97


def test_rounds_that_may_ask_a_part_of_the_columns_show_what_one_column_hides() -> None:
    rng = np.random.default_rng(3)
    n = 400
    bins = rng.integers(0, 2, (n, 4)).astype(np.uint8)
    answers = rng.random((n, 1)) < 0.5
    bins[:, 1] = answers[:, 0]
    bins[:, 3] = answers[:, 0] ^ (np.arange(n) % 20 == 0)
    asked = [np.unique(_fitted(bins, answers, share).split_column_).tolist() for share in (1.0, 0.5)]
    assert asked[0] == [1]
    assert {1, 3} <= set(asked[1])
    for share in (1.0, 0.5):
        booster = _fitted(bins, answers, share)
        assert ((booster.log_odds(bins) > 0) == answers).all()
        np.testing.assert_array_equal(
            booster.log_odds(bins[:7]), _fitted(bins, answers, share).log_odds(bins)[:7]
        )


def _fitted(bins: Bytes, answers: Bools, share: float) -> QuestionBooster:
    booster = QuestionBooster(n_rounds=12, depth=1, column_share=share, random_state=1)
    return booster.fit(bins, np.ones(4, bool), answers.astype(np.float32), np.ones(len(bins)))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_log_odds_are_those_of_walking_down_every_tree(depth: int) -> None:
    rng = np.random.default_rng(depth)
    bins = rng.integers(0, 9, (300, 6)).astype(np.uint8)
    answers = np.column_stack([bins[:, 0] + bins[:, 1] > 8, np.isin(bins[:, 4], [2, 5])]).astype(np.float32)
    booster = QuestionBooster(n_rounds=5, depth=depth).fit(bins, np.arange(6) < 3, answers, np.ones(300))

    def walked(item: Bytes, question: int) -> float:
        total = float(booster.start_[question])
        for turn in range(5):
            node = 0
            for level in range(depth):
                at = 2**level - 1 + node
                column = booster.split_column_[question, turn, at]
                left = int(booster.split_bins_[question, turn, at]) >> int(item[column]) & 1
                node = 2 * node + 1 - left
            total += float(booster.leaf_value_[question, turn, node])
        return total

    expected = [[walked(item, question) for question in range(2)] for item in bins]
    found = booster.log_odds(bins)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.unique(found[:, 0]).size > 2, "the trees do divide the items"
    alone = np.vstack([booster.log_odds(bins[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(alone, found[:20])


def test_a_booster_stopped_early_is_the_one_of_its_first_rounds() -> None:
    rng = np.random.default_rng(5)
    bins = rng.integers(0, 9, (300, 6)).astype(np.uint8)
    answers = np.column_stack([bins[:, 0] > 4, np.isin(bins[:, 4], [2, 5])]).astype(np.float32)
    weights = rng.random(300)
    ordered = np.arange(6) < 3

    def fitted(rounds: int) -> QuestionBooster:
        return QuestionBooster(n_rounds=rounds, depth=2, random_state=1).fit(bins, ordered, answers, weights)

    booster = fitted(9)
    stopped = booster.stopped(np.array([4, 0]))
    np.testing.assert_allclose(stopped.log_odds(bins)[:, 0], fitted(4).log_odds(bins)[:, 0], rtol=1e-6)
    np.testing.assert_allclose(stopped.log_odds(bins)[:, 1], booster.start_[1], rtol=1e-6)
    np.testing.assert_array_equal(booster.log_odds(bins), fitted(9).log_odds(bins), "the whole one is kept")
    nothing = booster.stopped(np.zeros(2, np.int64))
    np.testing.assert_allclose(nothing.log_odds(bins), np.tile(booster.start_, (300, 1)), rtol=1e-6)

    losses = booster.losses(bins, answers, weights)
    assert losses.shape == (2, 10)
    for rounds in (0, 1, 6, 9):
        odds = booster.stopped(np.full(2, rounds)).log_odds(bins).astype(np.float64)
        probability = 1 / (1 + np.exp(-odds))
        told = np.where(answers > 0, probability, 1 - probability)
        np.testing.assert_allclose(losses[:, rounds], -weights @ np.log(told), rtol=1e-4)


def test_trees_of_shares_are_those_of_a_random_forest() -> None:
    """Of cases drawn by weight; a machine by size, another answer by chance, and one without weight."""
    rng = np.random.default_rng(4)
    features = rng.normal(size=(2000, 5)).astype(np.float32)
    answer = np.where(features[:, 2] > 0, 2, (rng.random(2000) < 0.3).astype(np.int64))
    weight = np.ones(2000)
    answer[:100], weight[:100] = 3, 0.0
    shape = ForestShape(24, 0.4, min_samples_leaf=40)
    trees = grow_shares(features, answer, 5, weight, shape, 1)
    assert len(trees) == 24
    new = rng.normal(size=(500, 5)).astype(np.float32)
    told = np.mean([tree.value[tree.apply(new), :, 0] for tree in trees], axis=0)
    np.testing.assert_allclose(told.sum(axis=1), 1.0)
    assert (told[:, 3:] == 0.0).all(), "an answer that no case has, or none of weight"
    large = new[:, 2] > 0
    assert told[large, 2].mean() > 0.9
    assert told[~large, 1].mean() == pytest.approx(0.3, abs=0.03)
    forest = RandomForestClassifier(24, max_features=0.4, min_samples_leaf=40, random_state=1)
    theirs = forest.fit(features, answer, sample_weight=weight).predict_proba(new)
    assert np.abs(told[:, :3] - theirs[:, :3]).mean() < 0.03
    assert all((tree.n_node_samples[tree.feature < 0] >= 40).all() for tree in trees), (
        "a leaf has the least of cases"
    )


@pytest.mark.parametrize("bootstrap", [True, False])
def test_trees_of_shares_are_the_same_for_the_same_seed(bootstrap: bool) -> None:
    rng = np.random.default_rng(6)
    features, answer = rng.normal(size=(200, 3)), rng.integers(0, 3, 200)
    shape = ForestShape(4, 0.5, splitter="random", bootstrap=bootstrap)
    cuts = [
        np.concatenate([t.threshold for t in grow_shares(features, answer, 3, np.ones(200), shape, seed)])
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(cuts[0], cuts[1])
    assert len(cuts[0]) != len(cuts[2]) or (cuts[0] != cuts[2]).any()


def test_boosted_questions_find_nothing_in_noise() -> None:
    rng = np.random.default_rng(2)
    bins = rng.integers(0, 4, (2000, 3)).astype(np.uint8)
    answers = (rng.random((2000, 1)) < 0.3).astype(np.float32)
    booster = QuestionBooster(n_rounds=10).fit(bins, np.ones(3, bool), answers, np.ones(2000))
    probability = 1 / (1 + np.exp(-booster.log_odds(bins)))
    assert probability.mean() == pytest.approx(answers.mean(), abs=0.02)
    assert probability.std() < 0.08


def test_occurrences_count_inside_groups() -> None:
    group = np.array([0, 0, 0, 1, 1])
    value = np.array([7, 8, 7, 7, 7])
    assert occurrences(group, value).tolist() == [0, 0, 1, 0, 1]


def test_ages_and_their_weights() -> None:
    dates = pl.Series(["2025-01-11", "2025-01-01", None]).str.to_datetime()
    age = age_in_days(dates)
    assert age[:2].tolist() == [0.0, 10.0]
    assert np.isnan(age[2])
    weight = age_weight(age, 10.0)
    assert weight[:2].tolist() == [1.0, 0.5]
    assert 0.5 < weight[2] < 1.0
    assert np.isnan(age_in_days(pl.Series([None, None], dtype=pl.Datetime("us")))).all()


def test_retired_needs_missed_uses_in_its_own_family() -> None:
    # Family 0: code 0 in every old routing (age 100), in none of 20 young ones. Family 1: code 1, old, no young routing.
    age = np.array([100.0] * 20 + [1.0] * 20 + [100.0] * 20)
    family = np.array([0] * 40 + [1] * 20)
    item = np.concatenate([np.arange(20), np.arange(20, 40), np.arange(40, 60)])
    code = np.concatenate([np.zeros(20), np.full(20, 2), np.ones(20)]).astype(np.int64)
    assert retired(item, code, 3, age, family).tolist() == [True, False, False]
    assert not retired(item, code, 3, np.full(60, np.nan), family).any()


def test_composer_returns_known_sets_and_no_unseen_step() -> None:
    items = toy_items(400, seed=2)
    routings = toy_rule(items)
    catalogue = build_catalogue(items, toy_operations(items, routings, seed=2))
    sequence = catalogue.labels["sequence"].to_numpy()
    family = np.zeros(len(sequence), dtype=np.int64)
    composer = Composer().fit(catalogue, family, sequence, np.ones(catalogue.n_sequences, bool))
    matrix = catalogue.sequence_matrix().toarray()
    known = composer.compose(np.clip(matrix, 0.01, 0.99), np.zeros(len(matrix), np.int64))
    first = {int(r): int(s) for r, s in reversed(list(zip(known.row, known.sequence, strict=True)))}
    assert [first[i] for i in range(len(matrix))] == list(range(len(matrix)))
    pairs = set()
    for code in catalogue.sequence_codes:
        jobs = ["", *code.split(">"), ""]
        pairs |= set(pairwise(jobs))
    unsure = np.full((1, catalogue.n_operations), 0.5) + 0.01 * matrix[:1]
    made = composer.compose(unsure, np.zeros(1, np.int64))
    book = catalogue.book().extended(made.offsets, made.operations, catalogue)
    for code in book.texts(made.sequence)[0]:
        assert set(pairwise(["", *code.split(">"), ""])) <= pairs


def test_composer_puts_together_a_set_that_nobody_has_written() -> None:
    """Large, hard and plated is never together in training, but each step beside the next is."""
    items = toy_items(900, seed=2, n_types=1)
    routings = toy_rule(items)
    wanted = ["A00", "B10", "B20", "H10", "P10", "Z90"]
    kept = [i for i, steps in enumerate(routings) if [s[0] for s in steps] != wanted]
    assert len(kept) < items.height
    items, routings = items[kept], [routings[i] for i in kept]
    catalogue = build_catalogue(items, toy_operations(items, routings, seed=2))
    sequence = catalogue.labels["sequence"].to_numpy()
    live = np.ones(catalogue.n_sequences, bool)
    composer = Composer().fit(catalogue, np.zeros(len(sequence), np.int64), sequence, live)
    jobs = catalogue.jobs[catalogue.operation_job].to_list()
    expected = np.array([[0.98 if job in wanted else 0.02 for job in jobs]])
    made = composer.compose(expected, np.zeros(1, np.int64))
    assert made.n_new > 0
    book = catalogue.book().extended(made.offsets, made.operations, catalogue)
    assert ">".join(wanted) in book.texts(made.sequence)[0].to_list()


@pytest.mark.parametrize("new", [[], [[3, 1, 0]], [[3, 1, 0], [2], [5, 4]]])
def test_a_book_lays_out_known_and_new_sequences_alike(new: list[list[int]]) -> None:
    items = toy_items(200, seed=2)
    catalogue = build_catalogue(items, toy_operations(items, toy_rule(items), seed=2))
    operations = np.array([o for sequence in new for o in sequence], dtype=np.int64)
    offsets = np.cumsum([0, *map(len, new)])
    book = catalogue.book().extended(offsets, operations, catalogue)
    n = catalogue.n_sequences
    asked = np.array([*range(n + len(new) - 1, -1, -1), n - 1, *[n] * bool(new), 0])
    codes, signatures = book.texts(asked)
    laid = book.lay_out(asked)
    for i, number in enumerate(asked):
        here = laid.owner == i
        if number < n:
            expected = catalogue.sequence_codes[int(number)].split(">")
        else:
            expected = catalogue.jobs[catalogue.operation_job[new[number - n]]].to_list()
            assert laid.operation[here].tolist() == new[number - n]
        assert codes[i].split(">") == expected == catalogue.jobs[laid.job[here]].to_list()
        assert signatures[i] == "+".join(catalogue.job_names[laid.job[here][:4]])
        assert laid.position[here].tolist() == list(range(len(expected)))
        assert (catalogue.operation_job[laid.operation[here]] == laid.job[here]).all()


def test_tiers_begin_at_their_limits() -> None:
    asked = [1.0, 0.8, np.nextafter(0.8, 0), 0.5, np.nextafter(0.5, 0), 0.0, np.nan]
    assert confidence_tier(asked).tolist() == ["high", "high", "medium", "medium", "low", "low", ""]
    # the model's confidence is float32, and the ERP reads it with two decimals or more
    assert confidence_tier(np.float32(0.8)) == "high"


def test_first_choice_takes_the_best_and_the_earlier_on_a_tie() -> None:
    row = np.array([0, 0, 1, 1, 1])
    score = np.array([0.2, 0.4, 0.5, 0.5, 0.1])
    assert first_choice(score, row).tolist() == [False, True, True, False, False]
    assert first_choice(np.empty(0), np.empty(0, np.int64)).tolist() == []


def named(values: np.ndarray) -> EvidenceFeatures:
    """Columns of evidence: those that the logistic regression reads come first."""
    more = (f"other {i}" for i in range(values.shape[1] - len(STEADY_FEATURES)))
    return EvidenceFeatures((*STEADY_FEATURES, *more), values)


def test_evidence_is_asked_for_by_name() -> None:
    features = EvidenceFeatures.of({"a": np.array([1.0, 2.0]), "b": np.array([3.0, np.nan])})
    assert features.values.dtype == np.float32
    assert features.column("a").tolist() == [1.0, 2.0]
    assert features.select(("b", "a"))[0].tolist() == [3.0, 1.0]
    both = EvidenceFeatures.joined([features, features.at(np.array([True, False]))])
    assert both.column("a").tolist() == [1.0, 2.0, 1.0]
    with pytest.raises(ValueError, match="tuple"):
        features.column("c")


def undated(row: np.ndarray) -> np.ndarray:
    """The age of routings without a date."""
    return np.full(len(row), np.nan, np.float32)


def test_confidence_is_that_of_recent_routings() -> None:
    """The same evidence was right for a third of the older items, and is for four in five of late: new items are planned as those."""
    rng = np.random.default_rng(9)
    n = 4000
    row = np.repeat(np.arange(n), 2)
    features = rng.random((2 * n, 18)).astype(np.float32)
    features[:, 0] = np.tile([0.7, 0.3], n)
    age = np.arange(n, dtype=np.float32)
    right = rng.random(n) < np.where(age < n / 5, 0.8, 0.33)
    hit = np.column_stack([right, np.zeros(n, bool)]).ravel()
    family = np.full(2 * n, -1)
    ranker = CandidateRanker().fit(named(features), hit, row, row % 5, family, age[row])
    _, probability = ranker.predict(named(features), row, family)
    assert probability.reshape(n, 2).max(axis=1).mean() == pytest.approx(0.8, abs=0.08)
    ranker = CandidateRanker().fit(named(features), hit, row, row % 5, family, undated(row))
    _, probability = ranker.predict(named(features), row, family)
    assert probability.reshape(n, 2).max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)


def test_few_candidates_are_ranked_and_never_certain() -> None:
    rng = np.random.default_rng(3)
    row = np.repeat(np.arange(40), 3)
    features = rng.random((120, 18)).astype(np.float32)
    hit = np.zeros(120, dtype=bool)
    hit[features[:, 0].reshape(40, 3).argmax(axis=1) + 3 * np.arange(40)] = True
    nothing = np.full(120, -1)
    ranker = CandidateRanker().fit(named(features), hit, row, row % 5, nothing, undated(row))
    _, probability = ranker.predict(named(features), row, nothing)
    assert hit[first_choice(probability, row)].mean() > 0.8
    assert probability.min() > 0
    assert probability.max() < 1
    assert np.bincount(row, probability).max() <= 1 + 1e-9


def test_the_best_score_is_the_most_probable_whatever_number_the_candidate_has() -> None:
    """Where the curve of the others is above that of first choices, both had one probability and the lower number came first."""
    n = 30
    features = np.zeros((2 * n, len(STEADY_FEATURES)), dtype=np.float32)
    features[::2, 0], features[1::2, 0] = np.linspace(0.1, 0.8, n), np.linspace(0.5, 0.9, n)
    row, nothing = np.repeat(np.arange(n), 2), np.full(2 * n, -1)
    ranker = CandidateRanker().fit(
        named(features), np.zeros(2 * n, dtype=bool), row, row % 5, nothing, undated(row)
    )
    asked = np.zeros((2, features.shape[1]), dtype=np.float32)
    asked[:, 0] = 0.8, 0.85
    score, probability = ranker.predict(named(asked), np.zeros(2, np.int64), np.full(2, -1))
    assert score.argmax() == 1
    assert probability[0] == pytest.approx(probability[1]), (
        "the others' curve is no reason to be surer of the second"
    )
    assert probability[0] < probability[1]


@pytest.mark.parametrize("known", [0, 3, 80])
def test_families_in_which_planners_agree_are_surer(known: int) -> None:
    """The same evidence, but the planners of every other family take the second candidate in four of ten cases."""
    rng = np.random.default_rng(5)
    n = 4000
    row = np.repeat(np.arange(n), 2)
    features = rng.random((2 * n, 18)).astype(np.float32)
    features[:, 0] = np.tile([0.7, 0.3], n)
    family = rng.integers(0, known, n) if known else np.full(n, -1)
    departs = (family % 2 == 1) & (rng.random(n) < 0.4)
    hit = np.column_stack([~departs, departs]).ravel()
    ranker = CandidateRanker().fit(named(features), hit, row, row % 5, family[row], undated(row))
    asked = np.repeat(np.array([0, 1, -1, 999]), 2)
    _, probability = ranker.predict(named(features[:8]), np.repeat(np.arange(4), 2), asked)
    calm, wild, *strange = probability.reshape(4, 2).max(axis=1)
    assert all(0 < p < 1 for p in strange), "a family that nobody has seen is no error"
    if known:
        assert calm > 0.95
        assert wild == pytest.approx(0.6, abs=0.1)


def test_items_without_the_sizes_that_decide_are_less_sure() -> None:
    """One item in four lacks them, and the model that few right candidates allow does not read how much is known."""
    rng = np.random.default_rng(8)
    n = 2000
    row = np.repeat(np.arange(n), 2)
    evidence = rng.random((2 * n, len(STEADY_FEATURES))).astype(np.float32)
    evidence[:, 0] = np.tile([0.7, 0.3], n)
    blind = np.arange(n) % 4 == 0
    right = rng.random(n) < np.where(blind, 0.05, 0.2)
    hit = np.column_stack([right, np.zeros(n, bool)]).ravel()
    known = np.repeat(np.where(blind, 0.0, 1.0), 2).astype(np.float32)
    features = EvidenceFeatures(("sizes_known", *STEADY_FEATURES), np.column_stack([known, evidence]))
    family = np.full(2 * n, -1)
    ranker = CandidateRanker().fit(features, hit, row, row % 5, family, undated(row))
    _, probability = ranker.predict(features, row, family)
    best = probability.reshape(n, 2).max(axis=1)
    for kind in (blind, ~blind):
        assert best[kind].mean() == pytest.approx(right[kind].mean(), abs=0.04)


def test_a_family_whose_items_are_all_in_one_fold_is_learned_like_any_other() -> None:
    """Of three parts two lack the family then; the numbers of the families after it must not shift for them."""
    rng = np.random.default_rng(6)
    n = 3000
    row = np.repeat(np.arange(n), 2)
    features = rng.random((2 * n, 18)).astype(np.float32)
    family = rng.choice([0, 2], n, p=[0.8, 0.2])
    fold = np.arange(n) % 3
    family[np.flatnonzero(fold == 0)[:60]] = 1
    second = family == 2
    hit = np.column_stack([~second, second]).ravel()
    features[:, 3] = np.tile([0.0, 1.0], n)
    ranker = CandidateRanker().fit(named(features), hit, row, fold[row], family[row], undated(row))
    raw, _ = ranker.predict(named(features), row, family[row])
    assert hit[first_choice(raw, row)].mean() > 0.99


def test_items_of_new_types_are_told_and_doubted_by_what_types_share() -> None:
    known = pl.Series(["A", "B"])
    items = pl.DataFrame({"t": ["A", " b ", "C", None, "C"]})
    novelty = Novelty("t", known, 0.5)
    new = novelty.unseen(items)
    assert new.tolist() == [False, False, True, False, True], "normalised; no type is no new type"
    probability, row = np.array([0.9, 0.3, 0.8, 0.1, 0.6, 0.04]), np.array([0, 1, 2, 2, 3, 4])
    np.testing.assert_allclose(novelty.doubted(probability, row, new), [0.9, 0.3, 0.4, 0.05, 0.6, 0.02])


def test_novelty_is_low_where_types_have_routings_of_their_own() -> None:
    rng = np.random.default_rng(4)
    kind = np.repeat(np.arange(4), 50).astype(np.int32)
    points = (kind[:, None] * 10 + rng.normal(0, 1, (200, 3))).astype(np.float32)
    same = np.ones(200, dtype=bool)
    assert novelty_factor(kind, points, kind.astype(np.int64), same, 0) < 0.05
    assert novelty_factor(kind, points, np.zeros(200, np.int64), same, 0) == pytest.approx(1.0)


def test_training_and_serving_read_values_alike() -> None:
    items = pl.DataFrame(
        {
            "kind_cd": ["A", "a ", "Ａ", None, "", "B", "B"],
            "spec": ["5 U 4 X /KL", "x", None, "5 U 4 X", "q", "7 A 4 X", "7 A 4 X"],
            "outer_mm": [1.0, None, 3.0, 4.0, 5.0, 6.0, 7.0],
        }
    )
    attributes = (
        AttributeSpec("kind_cd", "category"),
        AttributeSpec("spec", "text"),
        AttributeSpec("outer_mm", "number", "mm"),
    )
    tokeniser = Tokeniser(attributes).fit(items)
    many = tokeniser.transform(pl.concat([items] * 20))
    one = tokeniser.transform(items)
    for name, codes in one.codes.items():
        assert many.codes[name][: items.height].tolist() == codes.tolist()
    kind = one.codes["kind_cd|value"]
    assert kind[0] == kind[1] == kind[2]
    assert kind[3] == kind[4] != kind[0]
    run = one.codes["\x00texts|run1"]
    assert run[0] == run[3] != run[5]
    assert np.isnan(one.numbers[1, 0])


def test_toy_attributes_are_all_read() -> None:
    items = toy_items(200)
    tokeniser = Tokeniser(ATTRIBUTES).fit(items)
    read = {level.attribute for level in tokeniser.levels} | set(tokeniser.number_attributes)
    assert {a.name for a in ATTRIBUTES} <= read


@pytest.mark.parametrize("n", [0, 1, 7, 3000])
def test_packed_boosting_answers_like_the_model(n: int) -> None:
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(900, 6)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    value = np.nan_to_num(matrix[:, 0]) + np.isnan(matrix[:, 1])
    asked = np.where(rng.random((n, 6)) < 0.3, np.nan, rng.normal(size=(n, 6))).astype(np.float32)
    regressor = HistGradientBoostingRegressor(max_iter=30, early_stopping=False).fit(matrix, value)
    classifier = HistGradientBoostingClassifier(max_iter=30, early_stopping=False).fit(matrix, value > 0.5)
    for model, expected in (
        (regressor, regressor.predict(asked) if n else []),
        (classifier, classifier.decision_function(asked) if n else []),
    ):
        assert Boosted(model).predict(asked) == pytest.approx(np.asarray(expected), abs=1e-9)


@pytest.mark.parametrize("n", [1, 40, 3000])
@pytest.mark.parametrize("absent", [(), (0, 7, 39)])
def test_packed_boosting_knows_categories(n: int, absent: tuple[int, ...]) -> None:
    """Also where some codes do not occur, as in a part of the items that lacks a small family."""
    rng = np.random.default_rng(4)
    codes = np.setdiff1d(np.arange(40), absent)
    matrix = np.column_stack([rng.choice(codes, 2000), rng.integers(0, 3, 2000), rng.normal(size=(2000, 3))])
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    value = np.sin(5 * np.nan_to_num(matrix[:, 0])) + (matrix[:, 1] == 1) * np.nan_to_num(matrix[:, 2])
    model = HistGradientBoostingRegressor(max_iter=40, categorical_features=[0, 1], early_stopping=False)
    model.fit(matrix, value)
    asked = np.column_stack([rng.integers(-3, 300, n), rng.integers(0, 4, n), rng.normal(size=(n, 3))])
    asked[rng.random(asked.shape) < 0.2] = np.nan
    # scikit-learn itself takes a code that it has not seen for a missing value.
    assert Boosted(model).predict(asked) == pytest.approx(model.predict(asked), abs=1e-9)


def test_packed_boosting_refuses_categories_that_it_would_read_wrongly() -> None:
    rng = np.random.default_rng(4)
    matrix = np.column_stack([rng.normal(size=300), rng.integers(0, 3, 300)])
    for columns, last in (([1], matrix), ([0], matrix[:, ::-1] + [0.5, 0]), ([0], matrix[:, ::-1] - [1, 0])):
        model = HistGradientBoostingRegressor(max_iter=3, categorical_features=columns).fit(
            last, matrix[:, 0]
        )
        with pytest.raises(ValueError, match="first columns"):
            Boosted(model)


@pytest.mark.parametrize("copies", [1, 20])
def test_numbers_are_shown_to_four_figures_and_halves_go_up(copies: int) -> None:
    """Few items and many take different ways; both must write the same."""
    shown = {
        22.225: "22.23", -22.225: "-22.23", 0.00012345: "0.0001235", 123456.0: "123500", 12.0: "12", 0.0: "0",
        99999.0: "100000", 0.1: "0.1", 85.725: "85.73", 1e-9: "1e-9", None: None,
    }  # fmt: skip
    items = pl.DataFrame({"size": list(shown) * copies}, schema={"size": pl.Float64})
    text = AttributeText(Resemblance((AttributeSpec("size", "number"),), (1.0,))).fit(items)
    found = text.shown(items)
    rows = found if isinstance(found, list) else found.rows()
    assert [row[0] for row in rows] == list(shown.values()) * copies


def test_an_item_has_the_same_neighbours_and_distances_alone_and_among_others() -> None:
    rng = np.random.default_rng(8)
    points = (rng.normal(size=(600, 40)) + 50).astype(np.float32)  # far from the origin: products cancel
    index = NeighbourIndex(rows_per_cluster=100).fit(points)
    queries = points[:64] + rng.normal(scale=1e-3, size=(64, 40)).astype(np.float32)
    distance, found = index.search(queries, 5)
    exact = np.sqrt(((points[None].astype(np.float64) - queries[:, None]) ** 2).sum(axis=2))
    assert np.allclose(distance, np.sort(exact, axis=1)[:, :5], rtol=1e-5)
    for i in range(0, 64, 7):
        alone = index.search(queries[i : i + 1], 5)
        assert (alone[0] == distance[i]).all() and (alone[1] == found[i]).all()
    space = AttributeSpace.of(points, np.ones(40, dtype=np.float32))
    assert (space.project(points)[5] == space.project(points[5:6])[0]).all()
