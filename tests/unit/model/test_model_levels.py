"""Every way to read an attribute gives one text what it gives a column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.levels import (
    MISSING,
    Level,
    normalise,
    normalised,
    numbers_in,
    read_numbers,
)
from routing_etl.model.attributes.tokens import Tokeniser, TokenLists

#: Letters that this Python does not know yet may have a capital or be a digit for a newer library.
ANY = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), max_size=40)
CODED = st.text(st.sampled_from('A9x5U/-|,; ."#()<\t\x1c\xa0\u3000ßé½１외주'), max_size=30)
TEXTS = st.one_of(st.none(), ANY, CODED)
SINGLE = (
    Level("t", "value"),
    *(Level("t", "prefix", w) for w in (1, 3, 6)),
    Level("t", "suffix", 2),
    Level("t", "shape"),
    *(Level("t", "place", k) for k in (0, 1, 4, -1, -2)),
    *(Level("t", "run", k) for k in (0, 2, 5)),
)
MANY = (Level("t", "word"), Level("t", "letter"))


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=8))
@example(
    ["5 U 4 X", " 5 u  4\u3000x ", "A-B|C", "ring 12.5/KLZ", "RING 9KL |X", "", "   ", None, "3.2.1", "٣٤ 5"]
)
def test_a_text_alone_is_read_like_a_column(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)}).select(normalise("t"))
    plain = [normalised(text) for text in texts]
    assert plain == frame["t"].to_list()
    columns = frame.select([level.tokens() for level in (*SINGLE, *MANY)])
    for level in SINGLE:
        assert [level.read(text) for text in plain] == columns[level.name].to_list(), level.name
    for level in MANY:
        read = [level.read_all(text) for text in plain]
        assert read == [set(tokens or ()) for tokens in columns[level.name].to_list()], level.name
    numbers = frame.select(numbers_in("t")).fill_null(float("nan")).to_numpy().astype(np.float32)
    with np.errstate(over="ignore"):
        alone = np.array([read_numbers(text) for text in plain]).astype(np.float32)
    np.testing.assert_allclose(alone, numbers, rtol=2e-7)


@pytest.mark.parametrize(
    ("text", "level", "token"),
    [
        (" ab-１２ ", Level("t", "value"), "AB-12"),
        ("AB12", Level("t", "prefix", 3), "AB1"),
        ("AB1", Level("t", "prefix", 3), MISSING),
        ("AB-12X", Level("t", "shape"), "A-9A"),
        ("SEAL 5 U 4 X END", Level("t", "run", 1), "U"),
        ("SEAL RING; 12", Level("t", "place", -1), "12"),
        ("SEAL", Level("t", "place", 3), MISSING),
        (None, Level("t", "value"), MISSING),
        ("  ", Level("t", "value"), MISSING),
    ],
)
def test_tokens_by_hand(text: str | None, level: Level, token: str) -> None:
    assert level.read(normalised(text)) == token


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("9 U K X /KZ", {"/K", "/Z"}),
        ("9 U K X /KZ NACE | Ø87x42.5", {"/K", "/Z"}),
        ("| /H Ø59x62.1", {"/H"}),
        ("2PL -AB", {"9P", "9L", "-A", "-B"}),
        ("/NOTLETTERS K", set()),
        ("A/K8", set()),
        (None, set()),
    ],
)
def test_option_letters_are_read_wherever_they_stand(text: str | None, letters: set[str]) -> None:
    level = Level("t", "letter")
    assert level.read_all(normalised(text)) == letters
    column = (
        pl.DataFrame({"t": [text]}, schema={"t": pl.String}).select(normalise("t")).select(level.tokens())
    )
    assert set(column.item(0, 0) if text is not None else ()) == letters


def items(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    words = np.array(["SEAL", "Ring 12", "5 U 4 X", "9/KL", "Ø 7.5", "외주", "", "a-b"])
    text = [None if rng.random() < 0.1 else " ".join(rng.choice(words, 3)) for _ in range(n)]
    size = [None if rng.random() < 0.2 else float(v) for v in np.round(rng.uniform(0, 9, n), 1)]
    return pl.DataFrame(
        {
            "spec": text,
            "name": text[::-1],
            "code": [f"C{v:03d}" for v in rng.integers(0, 30, n)],
            "kind": rng.integers(0, 4, n),
            "outer": size,
            "inner": [0 if v is None else int(v) for v in size],
        }
    )


def test_a_few_items_are_coded_like_many() -> None:
    attributes = (
        AttributeSpec("spec", "text"),
        AttributeSpec("name", "text"),
        AttributeSpec("code", "code"),
        AttributeSpec("kind", "category"),
        AttributeSpec("outer", "number", "mm"),
        AttributeSpec("inner", "number", "mm"),
    )
    tokeniser = Tokeniser(attributes).fit(items(400))
    asked = items(200, seed=1)
    whole = tokeniser.transform(asked)
    assert len(whole.codes) > 20 and len(whole.words) > 3 and whole.numbers.shape[1] == 7
    for start, size in ((0, 1), (1, 1), (2, 40), (42, 64)):
        few = tokeniser.transform(asked[start : start + size])
        here = slice(start, start + size)
        assert few.codes.keys() == whole.codes.keys() and few.words.keys() == whole.words.keys()
        for name, codes in few.codes.items():
            assert codes.tolist() == whole.codes[name][here].tolist(), name
        for name, lists in few.words.items():
            assert (lists.matrix() != whole.words[name].matrix()[here]).nnz == 0, name
        np.testing.assert_array_equal(few.numbers, whole.numbers[here])


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=4), min_size=1, max_size=6), st.data())
def test_placed_tokens_are_those_of_the_matrix(tokens: list[list[int]], data: st.DataObject) -> None:
    codes = np.array([c for row in tokens for c in row], dtype=np.int32)
    lists = TokenLists(codes, np.cumsum([0, *map(len, tokens)]), 10)
    places = np.array(data.draw(st.permutations([*range(5), *[-1] * 5])))
    rows = np.array(data.draw(st.lists(st.integers(0, len(tokens) - 1), max_size=5)), dtype=np.int64)
    dense = lists.matrix().toarray()
    for asked, of in ((None, dense), (rows, dense[rows])):
        row, place = lists.placed(places, asked)
        expected = [(i, places[c]) for i, c in zip(*np.nonzero(of), strict=True) if places[c] >= 0]
        assert sorted(zip(row.tolist(), place.tolist(), strict=True)) == sorted(expected)
