"""Rules of the whole plant, called by a word: found over all families, in any text, in several spellings, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from routing_etl import RoutingPredictor
from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.levels import normalise, normalised
from routing_etl.model.attributes.phrases import PhraseLists, Phrases
from routing_etl.model.candidates import word_rules, word_screen
from routing_etl.model.candidates.word_rules import WordRules
from routing_etl.model.candidates.word_screen import WordCases


def phrases_of(*texts: list[str | None], fitted: Phrases | None = None) -> list[set[str]]:
    """The phrases of every item, of a vocabulary that holds all of them."""
    frame = pl.DataFrame({f"t{k}": pl.Series(column, dtype=pl.String) for k, column in enumerate(texts)})
    frame = frame.select(normalise(name) for name in frame.columns)
    if fitted is None:
        filler = pl.DataFrame(
            {name: pl.Series([None] * 99 * frame.height, dtype=pl.String) for name in frame.columns}
        )
        fitted = Phrases().fit(pl.concat([*[frame] * 8, filler]))
    read = fitted.read(frame)
    words = fitted.vocabulary.to_list()
    few = fitted.read_few([[normalised(t) for t in column] for column in texts])
    assert few.codes.tolist() == read.codes.tolist() and few.bounds.tolist() == read.bounds.tolist()
    return [{words[c] for c in read.codes[a:b]} for a, b in zip(read.bounds, read.bounds[1:], strict=False)]


def test_spellings_of_two_words_share_a_phrase() -> None:
    found = phrases_of(["API 682", "api-682 4th", "API682", "Ａｐｉ／６８２"])
    assert all("API682" in each for each in found)
    assert found[0] == {"API", "682", "API682"}


def test_words_of_two_texts_are_no_pair_and_accents_do_not_count() -> None:
    assert phrases_of(["OXY"], ["CLEAN"]) == [{"OXY", "CLEAN"}]
    assert phrases_of(["Oberfläche säubern"], [None]) == [{"OBERFLACHE", "SAUBERN", "OBERFLACHESAUBERN"}]
    assert phrases_of(["산소세정"], ["ガス"]) == [{"산소세정", "ガス"}]


def test_a_text_that_all_have_and_one_that_few_have_is_no_phrase() -> None:
    made = Phrases().fit(pl.DataFrame({"t": ["STD"] * 90 + ["STD ONE"] * 2}))
    assert made.vocabulary.to_list() == []
    assert made.read(pl.DataFrame({"t": ["STD"]})).codes.tolist() == []
    assert Phrases().fit(pl.DataFrame()).read(pl.DataFrame()).bounds.tolist() == [0]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(max_size=12))] * 2), min_size=1, max_size=5))
def test_one_item_is_read_as_in_a_column(rows: list[tuple[str | None, str | None]]) -> None:
    phrases_of([a for a, _ in rows], [b for _, b in rows])


N, FAMILIES = 1200, 6
#: Operations 0 to 5 are the families' own, 6 is added by phrase 0, 7 takes the place of 0 or 1 for phrase 1 or 2.
ADDED, INSTEAD = 6, 7


def cases(seed: int = 0, *, telling: bool = True) -> WordCases:
    """Items whose questions know the family only; no item of the last family has a phrase that says anything."""
    rng = np.random.default_rng(seed)
    family = np.arange(N) % FAMILIES
    has = rng.random((N, 4)) < np.array([0.06, 0.04, 0.04, 0.5])
    has[family == FAMILIES - 1, :3] = False
    operations = np.zeros((N, 8))
    operations[np.arange(N), family] = 1
    if telling:
        operations[has[:, 0], ADDED] = 1
        swapped = (has[:, 1] | has[:, 2]) & (family < 2)
        operations[swapped, family[swapped]], operations[swapped, INSTEAD] = 0, 1
    share = np.stack([operations[family == f].mean(axis=0) for f in range(FAMILIES)])[family]
    lists = PhraseLists(np.nonzero(has)[1], np.concatenate([[0], np.cumsum(has.sum(axis=1))]), 4)
    return WordCases(
        lists, sparse.csr_matrix(operations), share, np.clip(share, 0.001, 0.999), family, np.arange(N) % 5,
        family.astype(np.int32),
    )  # fmt: skip


def said_of(rules: WordRules, known: WordCases, family: int, *phrases: int) -> dict[int, float]:
    """What is said of an item of the family with these phrases."""
    at = np.flatnonzero(known.family == family)[:1]
    said = rules.say(
        PhraseLists(np.array(phrases), np.array([0, len(phrases)]), known.phrases.n),
        known.votes[at],
        known.expected[at],
        known.family[at],
    )
    return dict(zip(said.operation.tolist(), said.probability.tolist(), strict=True))


def test_a_word_adds_an_operation_in_a_family_that_never_had_it() -> None:
    known, rules = cases(), WordRules()
    honest = rules.fit(known)
    assert rules.operations_.tolist() == [ADDED, INSTEAD]
    assert said_of(rules, known, FAMILIES - 1, 0)[ADDED] > 0.8
    assert said_of(rules, known, FAMILIES - 1, 3) == {}
    actual = np.asarray(known.operations[honest.row, honest.operation]).ravel()
    assert np.abs(actual - honest.probability).mean() < 0.1


def test_a_note_of_eight_items_in_six_families_is_a_rule() -> None:
    """Two of them in two families, one in each of the others: no family shows it thrice, and chance would have brought none."""
    known, rules = cases(), WordRules()
    family = np.arange(N) % FAMILIES
    noted = np.concatenate([np.flatnonzero(family == f)[: 2 if f < 2 else 1] + 60 for f in range(FAMILIES)])
    operations = known.operations.toarray()
    operations[:, ADDED], operations[noted, ADDED] = 0, 1
    lists = PhraseLists(np.zeros(8, np.int64), np.searchsorted(np.sort(noted), np.arange(N + 1)), 4)
    votes = known.votes.copy()
    votes[:, ADDED] = 8 / N
    rules.fit(
        WordCases(
            lists, sparse.csr_matrix(operations), votes, np.clip(votes, 0.001, 0.999), family, known.folds, known.kind,
        )
    )  # fmt: skip
    assert rules.operations_.tolist() == [ADDED]
    for f in range(FAMILIES):
        assert said_of(rules, known, f, 0)[ADDED] > 0.5


def noted(items: np.ndarray, having: np.ndarray, share: float, phrases: int) -> WordCases:
    """Items with one of so many phrases, and those that have the operation which a share of all others has too."""
    rng = np.random.default_rng(1)
    known = cases()
    operations = known.operations.toarray()
    operations[:, ADDED] = rng.random(N) < share
    operations[items, ADDED] = np.isin(items, having)
    votes = known.votes.copy()
    votes[:, ADDED] = operations[:, ADDED].mean()
    lists = PhraseLists(
        np.zeros(len(items), np.int64), np.searchsorted(np.sort(items), np.arange(N + 1)), phrases
    )
    return WordCases(
        lists, sparse.csr_matrix(operations), votes, np.clip(votes, 0.001, 0.999), known.family, known.folds, known.kind
    )  # fmt: skip


@pytest.mark.parametrize(("having", "found"), [(14, True), (9, False)])
def test_a_note_that_always_brings_what_a_quarter_of_all_items_have_is_no_chance(
    having: int, found: bool
) -> None:
    """Fourteen of fourteen; nine of fourteen are one in 450 by chance, which does not do for one of 5,000 phrases."""
    items = np.arange(60, 60 + 14 * 7, 7)
    told = word_screen.screen(noted(items, items[:having], 0.25, 5000))
    assert told.operation[told.brings].tolist() == ([ADDED] if found else [])


def test_four_items_of_four_families_are_a_note_of_an_operation_that_hardly_any_other_has() -> None:
    items = np.array([60, 61, 62, 63])
    told = word_screen.screen(noted(items, items, 0.0, 500))
    assert told.operation[told.brings].tolist() == [ADDED]


def test_a_word_that_one_family_has_is_no_rule_of_the_plant() -> None:
    """It brings what the note brings everywhere, but its own family's questions learn it."""
    known, rules = cases(), WordRules()
    has = known.phrases.matrix().toarray() > 0
    own = (known.family == 0) & (np.arange(N) // FAMILIES % 3 == 0)
    operations = known.operations.toarray()
    operations[own, ADDED] = 1
    lists = sparse.csr_matrix(np.hstack([has, own[:, None]]))
    phrases = PhraseLists(lists.indices.astype(np.int64), lists.indptr.astype(np.int64), 5)
    known = replace(known, phrases=phrases, operations=sparse.csr_matrix(operations))
    rules.fit(known)
    assert said_of(rules, known, 1, 0)[ADDED] > 0.8
    assert said_of(rules, known, 1, 4) == {}


def test_a_word_of_one_family_that_brings_the_same_operation_says_nothing_against_a_note() -> None:
    """In the first family "heavy" brings what the note brings in all; in the others it brings nothing."""
    known, rules = cases(), WordRules()
    has = known.phrases.matrix().toarray() > 0
    number, family = np.arange(N) // FAMILIES, known.family
    heavy = np.where(family == 0, number % 2 == 0, number % 20 == 0)
    operations = known.operations.toarray()
    operations[heavy & (family == 0), ADDED] = 1
    lists = sparse.csr_matrix(np.hstack([has, heavy[:, None]]))
    phrases = PhraseLists(lists.indices.astype(np.int64), lists.indptr.astype(np.int64), 5)
    share = np.stack([operations[family == f].mean(axis=0) for f in range(FAMILIES)])[family]
    known = WordCases(phrases, sparse.csr_matrix(operations), share, np.clip(share, 0.001, 0.999), family, known.folds, known.kind)  # fmt: skip
    rules.fit(known)
    assert ADDED in rules.operations_.tolist()
    assert said_of(rules, known, FAMILIES - 1, 0)[ADDED] > 0.8
    assert said_of(rules, known, 1, 4) == {}


@pytest.mark.parametrize("spelling", [1, 2])
def test_a_word_that_replaces_says_so_only_where_there_is_something_to_replace(spelling: int) -> None:
    known, rules = cases(), WordRules()
    rules.fit(known)
    here = said_of(rules, known, 0, spelling)
    assert here[INSTEAD] > 0.8
    assert here[0] < 0.2
    assert said_of(rules, known, 4, spelling)[INSTEAD] < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_words_that_mean_nothing_say_nothing(seed: int) -> None:
    known, rules = cases(seed, telling=False), WordRules()
    assert len(rules.fit(known).row) == 0
    assert said_of(rules, known, 0, 0, 1, 2, 3) == {}


def plant(rng: np.random.Generator, n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Plain items and operations: five types with a job of their own, and three jobs that a diameter, a length and a material
    ask for; "oxygen clean" washes before packing. No item of type E has the note.
    """
    kinds = rng.choice(list("ABCDE"), n)
    noted = (rng.random(n) < 0.15) & (kinds != "E")
    spelt = rng.choice(["OXYGEN CLEAN", "oxygen-clean", "SAUERSTOFFREIN", "Oxygen Clean LOT"], n)
    where = rng.integers(0, 2, n)
    other = rng.choice(["", "LOT"], n)  # the word stands with and without the note
    texts = [
        [(s if y else o) if w == k else "" for s, o, y, w in zip(spelt, other, noted, where, strict=True)]
        for k in range(2)
    ]
    od, length, steel = rng.uniform(10, 90, n), rng.uniform(10, 90, n), rng.random(n) < 0.5
    items = pl.DataFrame({
        "item_cd": [f"I{i:04}" for i in range(n)], "part_type": kinds, "spec": texts[0], "remark": texts[1],
        "od": od, "length": length, "material": np.where(steel, "STEEL", "BRASS"),
    })  # fmt: skip
    asked = [*zip(kinds, *(np.array([od > 50, length > 50, steel, noted]).astype(int).tolist()), strict=True)]
    rows = [
        (f"I{i:04}", 10 * (k + 1), job, f"M-{job}")
        for i, (kind, wide, long, hard, note) in enumerate(asked)
        for k, job in enumerate(
            [f"TURN{kind}", *["MILL"] * wide, *["DRILL"] * long, *["HARDEN"] * hard, *["WASH"] * note, "PACK"]
        )
    ]
    return items, pl.DataFrame(rows, schema=["item_cd", "proc_seq", "job_cd", "res_cd"], orient="row")


ATTRIBUTES = (
    AttributeSpec("spec", "text"), AttributeSpec("remark", "category"), AttributeSpec("od", "number"),
    AttributeSpec("length", "number"), AttributeSpec("material", "category"),
)  # fmt: skip


def test_a_word_in_another_column_and_spelling_changes_a_routing_of_a_type_that_never_had_it() -> None:
    items, operations = plant(np.random.default_rng(5), 700)
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=20, rehearsals=0).fit(items, operations)
    asked = pl.DataFrame({
        "item_cd": ["a", "b", "c", "d"], "part_type": ["E"] * 4, "spec": ["", "Oxygen Clean", "", "LOT"],
        "remark": ["", "", "sauerstoffrein", ""], "od": [80.0, 80.0, 20.0, 20.0], "length": [20.0, 20.0, 80.0, 80.0],
        "material": ["STEEL"] * 4,
    })  # fmt: skip
    first = model.predict(asked).candidates.filter(candidate_rank=1)
    wide, long = "TURNE>MILL>HARDEN", "TURNE>DRILL>HARDEN"
    assert dict(first.select("item_cd", "routing_code").iter_rows()) == {
        "a": f"{wide}>PACK", "b": f"{wide}>WASH>PACK", "c": f"{long}>WASH>PACK", "d": f"{long}>PACK",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["unique", "none"])
def test_texts_that_are_all_unique_or_missing_say_nothing(text: str) -> None:
    items, operations = plant(np.random.default_rng(6), 120)
    empty = pl.lit(None, pl.String)
    items = items.with_columns(
        spec=pl.format("N{}", pl.int_range(pl.len())) if text == "unique" else empty,
        remark=empty,
        part_type=pl.lit("A"),
    )
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=10, rehearsals=0).fit(items, operations)
    assert len(model.word_rules_.operations_) == 0
    assert model.predict(items.head(5)).candidates["confidence"].is_between(0, 1).all()


def test_what_is_said_does_not_depend_on_how_many_items_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = cases(3)
    whole = WordRules().fit(known)
    monkeypatch.setattr(word_rules, "_MOST_PAIRS", 50)
    monkeypatch.setattr(word_rules, "_BLOCK_ROWS", 70)
    monkeypatch.setattr(word_rules, "BLOCK", 3)
    monkeypatch.setattr(word_screen, "BLOCK", 3)
    parts = WordRules().fit(known)
    assert len(whole.row) > 50
    np.testing.assert_array_equal(parts.row, whole.row)
    np.testing.assert_array_equal(parts.operation, whole.operation)
    np.testing.assert_allclose(parts.probability, whole.probability, rtol=1e-6)
