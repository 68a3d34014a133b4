"""What the words in the names of part types do to operations, asked from type to type.

Two words, HOLLOW and WELDED, bring an operation each (1 and 2) in every family; LIGHT and LONG do nothing. Operation 0 is everybody's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists, Phrases
from routing_etl.model.candidates.type_names import TypeCases, TypeNames

WORDS = ("HOLLOW", "WELDED", "LIGHT", "LONG")
FAMILIES = ("SPOOL", "SLEEVE", "FLANGE", "PIN", "ROTOR", "PLUG")
PER_TYPE = 6


def names(seed: int = 0) -> list[tuple[int, tuple[str, ...]]]:
    """Family and words of 48 types."""
    rng = np.random.default_rng(seed)
    return [(t % len(FAMILIES), tuple(w for w in WORDS if rng.random() < 0.4)) for t in range(48)]


def texts(types: list[tuple[int, tuple[str, ...]]], notes: list[str] | None = None) -> pl.DataFrame:
    """One text per item: the type's name, and a note."""
    of_items = [" ".join((FAMILIES[f], *words)) for f, words in types for _ in range(PER_TYPE)]
    said = notes if notes is not None else [""] * len(of_items)
    return pl.DataFrame({"name": of_items, "note": said}, schema={"name": pl.String, "note": pl.String})


def cases(
    types: list[tuple[int, tuple[str, ...]]], phrases: PhraseLists, has: np.ndarray | None = None
) -> TypeCases:
    """Items of which the questions and votes know nothing but the share of the plant. `has`: types x operations."""
    if has is None:
        has = np.array([[1, "HOLLOW" in w, "WELDED" in w] for _, w in types], dtype=float)
    kind = np.repeat(np.arange(len(types)), PER_TYPE)
    share = np.repeat(has.mean(axis=0, keepdims=True), len(kind), axis=0).astype(np.float32)
    return TypeCases(
        phrases=phrases,
        operations=sparse.csr_matrix(has[kind]),
        votes=share,
        expected=share,
        family=np.array([f for f, _ in types])[kind],
        types=kind,
        folds=kind % 5,
        n_families=len(FAMILIES),
    )


@pytest.fixture(scope="module")
def reader() -> Phrases:
    return Phrases().fit(texts(names()))


def test_a_word_does_in_a_family_that_never_had_it_what_it_does_elsewhere(reader: Phrases) -> None:
    types = [(f, tuple(w for w in words if f != 5 or w != "HOLLOW")) for f, words in names()]
    learned = TypeNames()
    learned.fit(cases(types, reader.read(texts(types))))
    asked = [(5, ("HOLLOW",)), (5, ("LIGHT",))]
    known = np.full((2 * PER_TYPE, 3), 0.4, np.float32)
    found = learned.read(reader.read(texts(asked)), np.full(2 * PER_TYPE, 5), known, known)
    hollow, light = found[:PER_TYPE], found[PER_TYPE:]
    assert (hollow[:, 1] > 0.8).all()
    assert (hollow[:, 2] < 0.2).all()
    assert (light[:, 1:] < 0.2).all()
    assert (found[:, 0] > 0.95).all()


def test_left_out_types_are_told_by_the_words_of_others(reader: Phrases) -> None:
    types = names()
    asked = cases(types, reader.read(texts(types)))
    said = TypeNames().fit(asked)
    actual = asked.operations.toarray()
    assert ((said > 0.5) == (actual > 0.5)).mean() > 0.95


@pytest.mark.parametrize("kind", [0, 7, 23, 40])
def test_what_is_said_of_a_type_hardly_changes_with_its_own_operations(reader: Phrases, kind: int) -> None:
    """Only the weights of questions, votes and names, common to all types and operations, know of it."""
    types = names()
    asked = cases(types, reader.read(texts(types)))
    own = asked.types == kind
    other = asked.operations.toarray()
    other[own] = 1 - other[own]
    before = TypeNames().fit(asked)[own]
    after = TypeNames().fit(replace(asked, operations=sparse.csr_matrix(other)))[own]
    np.testing.assert_allclose(before, after, atol=0.1)
    assert ((before > 0.5) == (after > 0.5)).all()


def test_words_without_meaning_leave_the_share_of_the_plant(reader: Phrases) -> None:
    """Operations drawn for each type: names cannot tell them, and nobody is surer than one in two."""
    types = names()
    drawn = np.random.default_rng(3).random((len(types), 3)) < 0.5
    asked = cases(types, reader.read(texts(types)), drawn.astype(float))
    said = np.asarray(TypeNames().fit(asked), dtype=float)
    actual = asked.operations.toarray()
    share = np.asarray(asked.expected, dtype=float)

    def loss(p: np.ndarray) -> float:
        return float(-(actual * np.log(p) + (1 - actual) * np.log(1 - p)).mean())

    assert loss(said) < loss(share) + 0.15


def test_notes_are_what_does_not_name_types() -> None:
    types = names()
    notes = ["" if i % 4 else "oxygen clean" for i in range(len(types) * PER_TYPE)]
    told = texts(types, notes)
    reader = Phrases().fit(told)
    phrases = reader.read(told)
    learned = TypeNames()
    learned.fit(cases(types, phrases))
    left = learned.notes(phrases)
    noted = np.array([n != "" for n in notes])
    assert (np.diff(left.bounds)[noted] > 0).all()
    assert (np.diff(left.bounds)[~noted] == 0).all()


def test_an_item_of_no_known_family_and_without_words_has_the_share_of_the_plant(reader: Phrases) -> None:
    types = names()
    learned = TypeNames()
    asked = cases(types, reader.read(texts(types)))
    learned.fit(asked)
    share = np.asarray(asked.expected[:1])
    nothing = PhraseLists(np.empty(0, np.int64), np.zeros(2, np.int64), asked.phrases.n)
    found = learned.read(nothing, np.array([-1]), share, share)
    assert found.shape == (1, 3)
    assert np.isfinite(found).all()


def test_one_item_is_answered_as_in_a_batch(reader: Phrases) -> None:
    types = names()
    asked = cases(types, reader.read(texts(types)))
    learned = TypeNames()
    learned.fit(asked)
    together = learned.read(asked.phrases, asked.family, asked.expected, asked.votes)
    alone = learned.read(asked.phrases.part(7, 8), asked.family[7:8], asked.expected[7:8], asked.votes[7:8])
    np.testing.assert_array_equal(together[7:8], alone)


def test_items_without_any_text_are_told_by_their_families() -> None:
    """Operation 3 is that of families 0 to 2."""
    types = names()
    has = np.array([[1, 0, 0, f < 3] for f, _ in types], dtype=float)
    asked = cases(types, PhraseLists.none(len(types) * PER_TYPE), has)
    said = TypeNames().fit(asked)
    assert ((said > 0.5) == (asked.operations.toarray() > 0.5)).all()


def test_as_many_types_as_items_are_compared_in_part(reader: Phrases) -> None:
    types = [(f, words) for seed in range(70) for f, words in names(seed)]
    has = np.array([[1, "HOLLOW" in w, "WELDED" in w] for _, w in types], dtype=float)
    asked = cases(types, reader.read(texts(types)), has)
    said = TypeNames().fit(asked)
    assert ((said > 0.5) == (asked.operations.toarray() > 0.5)).all()
