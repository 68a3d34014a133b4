"""Evidence pooled over families, practices that changed with time, and the boosters both rest on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from routing_etl.model.attributes.tokens import TokenLists, TokenTable
from routing_etl.model.base.boosting import QuestionBooster
from routing_etl.model.candidates.operation_columns import OperationCases
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.tied_words import TiedWords

FAMILIES, OF_FAMILY = 24, 60


def words(has: np.ndarray) -> TokenLists:
    matrix = sparse.csr_matrix(has)
    return TokenLists(matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64), has.shape[1])


def cases(
    operations: np.ndarray, family: np.ndarray, table: TokenTable, age: np.ndarray | None = None
) -> OperationCases:
    n = len(family)
    share = np.stack([operations[family == f].mean(axis=0) for f in range(int(family.max()) + 1)])
    return OperationCases(
        table=table,
        operations=sparse.csr_matrix(operations.astype(np.float32)),
        votes=share[family].astype(np.float32),
        family=family,
        folds=np.random.default_rng(3).integers(0, 5, n),
        n_families=int(family.max()) + 1,
        weights=np.ones(n),
        tied=TiedWords.none(),
        age=np.zeros(n, np.float32) if age is None else age.astype(np.float32),
    )


def nothing_but(words_of: np.ndarray) -> TokenTable:
    return TokenTable(
        codes={}, words={"note|word": words(words_of)}, numbers=np.empty((len(words_of), 0), np.float32)
    )


def test_a_note_that_three_items_of_each_family_have_is_learned_from_the_plant() -> None:
    """No family can ask for a word of three items; the plant has 72 of them. The operation has another cause as well."""
    rng = np.random.default_rng(1)
    n = FAMILIES * OF_FAMILY
    family = np.arange(n) % FAMILIES
    noted = np.arange(n) < 3 * FAMILIES
    other = rng.random(n) < 0.1
    has = np.column_stack([noted, rng.random((n, 4)) < 0.2])
    operations = np.column_stack([noted | other, rng.random(n) < 0.4])
    model = OperationModel()
    left_out = model.fit(cases(operations, family, nothing_but(has)))
    assert left_out[noted, 0].mean() > 0.75
    assert left_out[~noted & ~other, 0].mean() < 0.2
    asked = nothing_but(np.array([[True, False, False, False, False], [False] * 5]))
    votes = np.full((2, 2), operations.mean(), np.float32)
    told, quiet = model.predict(asked, votes, np.array([0, 0]))[:, 0]
    assert told > 0.6
    assert quiet < 0.25


def test_what_a_family_has_too_few_cases_to_ask_for_the_plant_answers() -> None:
    """Eleven families have 50 noted items each, the last has one, and eleven items in all."""
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(12), [100] * 11 + [11])
    noted = np.where(family < 11, rng.random(len(family)) < 0.5, np.arange(len(family)) == 1100)
    has = np.column_stack([noted, rng.random((len(family), 4)) < 0.2])
    model = OperationModel()
    model.fit(cases(np.column_stack([noted, family >= 0]), family, nothing_but(has)))
    asked = nothing_but(np.array([[True, False, False, False, False], [False] * 5]))
    votes = np.array([[0.1, 1.0]] * 2, np.float32)
    told, quiet = model.predict(asked, votes, np.array([11, 11]))[:, 0]
    assert told > 0.9
    assert quiet < 0.1


def test_a_word_that_means_nothing_is_no_question_of_the_plant() -> None:
    rng = np.random.default_rng(2)
    n = FAMILIES * OF_FAMILY
    model = OperationModel()
    model.fit(
        cases(rng.random((n, 3)) < 0.3, np.arange(n) % FAMILIES, nothing_but(rng.random((n, 40)) < 0.1))
    )
    assert (model.plant_.place_ == -1).all()


@pytest.mark.parametrize("dated", [True, False])
def test_a_new_item_is_asked_as_of_today(dated: bool) -> None:
    """Until 1,000 days ago every item was deburred by hand, since then by the machine: operations 0 and 1."""
    age = np.linspace(5, 3000, 300)
    old = age > 1000
    operations = np.column_stack([old, ~old])
    table = TokenTable(codes={}, words={}, numbers=np.empty((300, 0), np.float32))
    known = age if dated else np.full(300, np.nan)
    model = OperationModel()
    model.fit(cases(operations, np.zeros(300, np.int64), table, known))
    new = TokenTable(codes={}, words={}, numbers=np.empty((1, 0), np.float32))
    probability = model.predict(new, np.array([[2 / 3, 1 / 3]], np.float32), np.array([0]))[0]
    if dated:
        assert probability[0] < 0.05
        assert probability[1] > 0.95
    else:
        assert probability == pytest.approx([2 / 3, 1 / 3], abs=0.05)


def test_a_leaf_moves_the_log_odds_by_no_more_than_the_largest_step() -> None:
    """Half a dozen of seven thousand have it, some of them where nearly nobody does: the curvature of such a leaf is all but nothing."""
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 30, (7000, 6)).astype(np.uint8)
    answers = (rng.random((7000, 1)) < 0.001).astype(np.float32)
    booster = QuestionBooster(n_rounds=40, learning_rate=0.25, depth=2).fit(
        bins, np.ones(6, bool), answers, np.ones(7000, np.float32)
    )
    assert np.abs(booster.leaf_value_).max() <= 0.25 * 4.0 + 1e-6


def test_the_booster_of_some_questions_answers_them_as_the_whole_does() -> None:
    rng = np.random.default_rng(4)
    bins = rng.integers(0, 5, (400, 3)).astype(np.uint8)
    answers = (bins[:, :1] > np.arange(4)).astype(np.float32)
    booster = QuestionBooster(n_rounds=10).fit(bins, np.ones(3, bool), answers, np.ones(400, np.float32))
    asked = np.array([3, 1])
    assert np.array_equal(booster.of(asked).log_odds(bins), booster.log_odds(bins)[:, asked])
