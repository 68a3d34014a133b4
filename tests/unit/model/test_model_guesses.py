"""Missing sizes are guessed from other attributes where these tell them, for the learner alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.tokens import Tokeniser, TokenTable

ATTRIBUTES = (
    AttributeSpec("drawing", "code"),
    AttributeSpec("note", "text"),
    AttributeSpec("od", "number", "mm"),
    AttributeSpec("bore", "number", "mm"),
)
FOLDS = 5


def plant(n: int = 900, told: bool = True) -> tuple[pl.DataFrame, np.ndarray]:
    """Items of 30 drawings, each of one diameter but for 4 %; every fifth item has neither diameter nor bore."""
    rng = np.random.default_rng(5)
    drawing = rng.integers(0, 30, n)
    usual = np.exp(np.linspace(3.0, 6.0, 30))[drawing] if told else np.exp(rng.uniform(3.0, 6.0, n))
    od = usual * np.exp(rng.normal(0, 0.04, n))
    gone = np.arange(n) % 5 == 0
    sizes = pl.DataFrame({"od": od, "bore": od * 0.6}).with_columns(
        pl.when(pl.Series(~gone)).then(pl.all()).name.keep()
    )
    items = pl.DataFrame(
        {"drawing": [f"D{d:04d}" for d in drawing], "note": [f"RING {d % 4}" for d in drawing]}
    )
    return items.hstack(sizes), od


@pytest.fixture(scope="module")
def learned() -> tuple[Tokeniser, TokenTable]:
    return coded(plant()[0])


def coded(items: pl.DataFrame, others: pl.DataFrame | None = None) -> tuple[Tokeniser, TokenTable]:
    tokeniser = Tokeniser(ATTRIBUTES).fit(items)
    folds = np.arange(items.height) // 5 % FOLDS
    return tokeniser, tokeniser.guess_sizes(items, tokeniser.transform(items), folds, seed=1, others=others)


def test_a_missing_size_is_guessed_from_its_drawing_and_a_known_one_is_kept(
    learned: tuple[Tokeniser, TokenTable],
) -> None:
    items, od = plant()
    tokeniser, table = learned
    assert tokeniser.guesses.measures == ["od", "bore"]
    column = table.numbers[:, tokeniser.number_names.index("od or a guess")]
    missing = items["od"].is_null().to_numpy()
    np.testing.assert_allclose(column[~missing], od[~missing], rtol=1e-6)
    assert np.quantile(np.abs(np.log(column[missing] / od[missing])), 0.9) < 0.1
    assert np.isnan(table.numbers[missing, tokeniser.number_names.index("od")]).all()
    assert tokeniser.number_attributes[-2:] == ["od", "bore"]


def test_the_notes_say_how_far_off_guesses_are(learned: tuple[Tokeniser, TokenTable]) -> None:
    (told,) = learned[0].guesses.told()
    assert "od 3 %" in told and "not published" in told


def test_a_few_items_get_the_guesses_of_many(learned: tuple[Tokeniser, TokenTable]) -> None:
    items, _ = plant()
    tokeniser, table = learned
    for start, size in ((0, 1), (5, 40)):
        few = tokeniser.transform(items[start : start + size])
        np.testing.assert_allclose(few.numbers, table.numbers[start : start + size], rtol=1e-6)


def test_a_drawing_never_seen_is_guessed_too(learned: tuple[Tokeniser, TokenTable]) -> None:
    tokeniser, table = learned
    new = pl.DataFrame(
        {"drawing": ["X1"], "note": [None], "od": [None], "bore": [None]},
        schema={"drawing": pl.String, "note": pl.String, "od": pl.Float64, "bore": pl.Float64},
    )
    guess = tokeniser.transform(new).numbers[0, tokeniser.number_names.index("od or a guess")]
    known = table.numbers[:, tokeniser.number_names.index("od")]
    assert np.nanmin(known) <= guess <= np.nanmax(known)


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (plant(told=False)[0], "nothing tells the size"),
        (plant(240)[0], "fewer than 200 items have a size"),
        (plant()[0].drop_nulls("od"), "no size is missing"),
        (plant()[0].with_columns(od=pl.lit(None, pl.Float64), bore=pl.lit(None, pl.Float64)), "no size is known"),
    ],
)  # fmt: skip
def test_what_cannot_be_guessed_is_not(items: pl.DataFrame, why: str) -> None:
    tokeniser, table = coded(items)
    assert not tokeniser.guesses.guesses, why
    assert tokeniser.guesses.told() == []
    assert table.numbers.shape[1] == len(tokeniser.number_names)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_size_of_one_kind_of_part_alone_is_not_guessed_where_kinds_are_left_out_whole(fold: int) -> None:
    items, _ = plant()
    known = items["od"].is_not_null().to_numpy()
    tokeniser = Tokeniser(ATTRIBUTES).fit(items)
    table = tokeniser.guess_sizes(items, tokeniser.transform(items), np.where(known, fold, 1 - fold), seed=1)
    assert not tokeniser.guesses.guesses
    assert table.numbers.shape[1] == len(tokeniser.number_names)


def test_a_size_that_can_be_negative_is_guessed_in_its_own_unit() -> None:
    items, _ = plant()
    moved = items.with_columns(pl.col("od") - 100.0)
    tokeniser, table = coded(moved)
    guess = next(g for g in tokeniser.guesses.guesses if g.measure == "od")
    assert not guess.in_logs
    column = table.numbers[:, tokeniser.number_names.index("od or a guess")]
    assert np.isfinite(column).all() and column.min() < 0


def designs(alike: bool = True) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
    """400 routed items of 400 drawings, every fifth without sizes, and a sibling of each that waits for a routing."""
    rng = np.random.default_rng(7)
    od = np.exp(rng.uniform(3.0, 6.0, 800))
    if alike:
        od[400:] = od[:400]
    gone = np.arange(800) % 5 == 0
    gone[400:] = False
    items = pl.DataFrame(
        {
            "drawing": [f"D{i % 400:04d}" for i in range(800)],
            "note": ["RING"] * 800,
            "od": np.where(gone, np.nan, od),
            "bore": np.where(gone, np.nan, od / 2),
        },
        nan_to_null=True,
    )
    return items[:400], items[400:], od


def test_a_sibling_without_a_routing_tells_the_size_of_its_design() -> None:
    items, others, od = designs()
    tokeniser, table = coded(items, others)
    assert tokeniser.guesses.designs == ["drawing"]
    column = table.numbers[:, tokeniser.number_names.index("od or a guess")]
    np.testing.assert_allclose(column, od[:400], rtol=1e-6)
    for part in (items[:1], items[:45]):
        np.testing.assert_allclose(tokeniser.transform(part).numbers, table.numbers[: part.height], rtol=1e-6)
    (told,) = tokeniser.guesses.told()
    assert "same drawing" in told and "not published" in told


def test_siblings_of_other_sizes_tell_none() -> None:
    items, others, _ = designs(alike=False)
    tokeniser, _ = coded(items, others)
    assert not tokeniser.guesses.guesses
    assert not any(name.endswith("|design") for name in tokeniser.vocabularies)


def test_without_siblings_nothing_shows_that_designs_have_one_size() -> None:
    items, _, _ = designs()
    assert not coded(items)[0].guesses.guesses


def test_an_item_with_a_size_tells_that_of_a_new_item_of_its_design() -> None:
    """The new item was not there when the model was made, nor had its sibling one."""
    items, others, od = designs()
    tokeniser, _ = coded(items.filter(pl.col("drawing") != "D0007"), others)
    new = (
        items.filter(pl.col("drawing") == "D0007")
        .with_columns(od=None, bore=None)
        .cast({"od": pl.Float64, "bore": pl.Float64})
    )
    table = tokeniser.transform(new)
    column = tokeniser.number_names.index("od or a guess")
    np.testing.assert_allclose(table.numbers[:, column], od[7], rtol=1e-6)
    assert table.known.tolist() == [[True, True]]


def test_a_drawing_whose_own_items_differ_tells_nothing() -> None:
    """Twelve items have the drawing TBD: most designs have one size, this one has twelve."""
    items, others, od = designs()
    odd = pl.int_range(pl.len()) < 6
    tokeniser, table = coded(
        *(
            f.with_columns(drawing=pl.when(odd).then(pl.lit("TBD")).otherwise("drawing"))
            for f in (items, others)
        )
    )
    assert tokeniser.guesses.designs == ["drawing"]
    column = table.numbers[:, tokeniser.number_names.index("od or a guess")]
    missing = items["od"].is_null().to_numpy()
    assert not table.known[:6][missing[:6]].any() and np.isnan(column[:6][missing[:6]]).all()
    assert table.known[6:].all()
    np.testing.assert_allclose(column[6:], od[6:400], rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_where_nearly_all_sizes_are_alike_no_text_tells_them(share: float) -> None:
    """An order number says nothing of a diameter that is 10 whatever the order."""
    rng = np.random.default_rng(3)
    od = np.where(rng.random(900) < share, rng.uniform(20, 300, 900), 10.0)
    od[::9] = np.nan
    items = pl.DataFrame(
        {"drawing": [f"O{i % 400}" for i in range(900)], "note": ["RING"] * 900, "od": od, "bore": od / 2},
        nan_to_null=True,
    )
    assert coded(items)[0].guesses.designs == []


def test_a_few_designs_do_not_speak_for_the_plant() -> None:
    """Four drawings of sixteen items each agree; no other has two items."""
    rng = np.random.default_rng(4)
    sizes = rng.uniform(20, 300, 404)
    drawing = [f"S{i // 16}" for i in range(64)] + [f"D{i}" for i in range(400)]
    od = np.concatenate([np.repeat(sizes[:4], 16), sizes[4:]])
    od[::9] = np.nan
    items = pl.DataFrame(
        {"drawing": drawing, "note": ["RING"] * 464, "od": od, "bore": od / 2}, nan_to_null=True
    )
    assert coded(items)[0].guesses.designs == []


def test_a_size_of_zero_is_none() -> None:
    items, others, od = designs()
    zero = others.with_columns(od=pl.when(pl.col("drawing") == "D0000").then(0.0).otherwise("od"))
    tokeniser, table = coded(items, zero)
    column = table.numbers[:, tokeniser.number_names.index("od or a guess")]
    assert np.isnan(column[0]) and not table.known[0, 0]
    np.testing.assert_allclose(column[1:], od[1:400], rtol=1e-6)


def test_the_error_that_is_told_is_that_of_the_items_that_are_guessed() -> None:
    """Of half of the items siblings tell the diameter; of the others the note does, to a third."""
    rng = np.random.default_rng(8)
    kind = rng.integers(0, 12, 1200)
    od = np.exp(3 + kind / 4) * np.exp(rng.normal(0, 0.4, 1200))
    od[600:1200:2] = od[601:1200:2]
    drawing = [f"S{i}" for i in range(600)] + [f"D{i // 2}" for i in range(600, 1200)]
    shown = od.copy()
    shown[::5] = np.nan
    items = pl.DataFrame(
        {"drawing": drawing, "note": [f"KIND {k}" for k in kind], "od": shown, "bore": np.full(1200, np.nan)},
        nan_to_null=True,
    )
    guess = next(g for g in coded(items)[0].guesses.guesses if g.measure == "od")
    assert list(guess.designs) == ["drawing"]
    assert guess.boosting is not None
    assert guess.boosting.off > 0.2
