"""Words that mean the same are tied by what they do in all families, and the questions of each family may ask the tied word."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.candidates.operation_columns import OperationCases
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.tied_words import TiedWords

N, FAMILIES = 2400, 8
#: Phrases 0 to 3 are spellings of one option, 4 and 5 of another; 6 to 8 say nothing. An item has at most one spelling of each.
SPELLINGS, OTHERS, PHRASES = (0, 1, 2, 3), (4, 5), 9
#: The option brings operation 0 in even families and operation 1 in odd ones, the other the other way round.
FIRST, SECOND = 0, 1


def plant(seed: int = 0, *, telling: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items x phrases, items x operations (0/1), and the family of every item."""
    rng = np.random.default_rng(seed)
    family = np.arange(N) % FAMILIES
    option, other = rng.random(N) < 0.25, rng.random(N) < 0.25
    has = np.zeros((N, PHRASES), dtype=bool)
    has[option, rng.choice(SPELLINGS, int(option.sum()))] = True
    has[other, rng.choice(OTHERS, int(other.sum()))] = True
    has[:, 6:] = rng.random((N, 3)) < 0.1
    operations = np.zeros((N, 3), dtype=np.float32)
    even = family % 2 == 0
    operations[:, FIRST] = np.where(even, option, other)
    operations[:, SECOND] = np.where(even, other, option)
    operations[:, 2] = rng.random(N) < 0.3
    return has, operations if telling else rng.permutation(operations), family


def lists(has: np.ndarray) -> PhraseLists:
    matrix = sparse.csr_matrix(has)
    return PhraseLists(matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64), has.shape[1])


def tied(has: np.ndarray, operations: np.ndarray, family: np.ndarray) -> TiedWords:
    return TiedWords.learn(
        lists(has), sparse.csr_matrix(operations), family, family.astype(np.int32), np.arange(N) % 5
    )


def test_spellings_are_tied_by_what_they_do_and_words_that_do_nothing_are_not() -> None:
    words = tied(*plant())
    assert words.n == 2
    assert len(set(words.word[list(SPELLINGS)])) == len(set(words.word[list(OTHERS)])) == 1
    assert words.word[0] != words.word[4]
    assert words.word[6:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("seed", range(4))
def test_words_that_mean_nothing_are_not_tied(seed: int) -> None:
    assert tied(*plant(seed, telling=False)).n == 0


def test_what_only_two_kinds_have_is_not_tied() -> None:
    has, operations, family = plant()
    kind = np.where(has[:, :6].any(axis=1), family % 2, family).astype(np.int32)
    found = TiedWords.learn(lists(has), sparse.csr_matrix(operations), family, kind, np.arange(N) % 5)
    assert found.n == 0


def test_an_item_has_the_word_of_any_of_its_spellings_once() -> None:
    words = tied(*plant())
    has = np.zeros((4, PHRASES), dtype=bool)
    has[0, [0, 2]], has[1, 5], has[2, 7] = True, True, True
    read = words.read(lists(has))
    assert read.n_tokens == 2
    assert np.diff(read.bounds).tolist() == [1, 1, 0, 0]
    assert read.codes.tolist() == [words.word[0], words.word[5]]


def test_items_without_phrases_have_no_words() -> None:
    _, operations, family = plant()
    nothing = tied(np.zeros((N, 0), dtype=bool), operations, family)
    assert nothing.n == 0
    assert nothing.read(PhraseLists.none(3)).bounds.tolist() == [0, 0, 0, 0]


def test_a_family_that_knows_a_spelling_from_its_siblings_answers_it() -> None:
    """The last family has four items with one spelling, too few to ask about it, and the other spellings from the other families."""
    has, operations, family = plant()
    last = family == FAMILIES - 1
    rare = np.flatnonzero(last & has[:, 0])[4:]
    kept = np.setdiff1d(np.arange(N), rare)
    table = TokenTable(
        codes={}, words={}, numbers=np.empty((len(kept), 0), np.float32), phrases=lists(has[kept])
    )
    words = TiedWords.learn(
        table.phrases,
        sparse.csr_matrix(operations[kept]),
        family[kept],
        family[kept].astype(np.int32),
        np.arange(len(kept)) % 5,
    )
    share = np.stack([operations[family == f].mean(axis=0) for f in range(FAMILIES)])[family]
    cases = OperationCases(
        table=table,
        operations=sparse.csr_matrix(operations[kept]),
        votes=share[kept].astype(np.float32),
        family=family[kept],
        folds=np.arange(len(kept)) % 5,
        n_families=FAMILIES,
        weights=np.ones(len(kept)),
        tied=words,
        age=np.zeros(len(kept), dtype=np.float32),
    )
    model = OperationModel()
    model.fit(cases)
    asked = TokenTable(codes={}, words={}, numbers=np.empty((2, 0), np.float32), phrases=lists(np.eye(2, PHRASES, dtype=bool)[[0, 0]] * np.array([[1], [0]], dtype=bool)))  # fmt: skip
    home = np.full(2, FAMILIES - 1)
    probability = model.predict(asked, share[np.flatnonzero(last)[:2]].astype(np.float32), home)
    assert probability[0, SECOND] > 0.9
    assert probability[1, SECOND] < 0.2
