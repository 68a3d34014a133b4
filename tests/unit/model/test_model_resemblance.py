"""How much two items are alike, known by hand: the weighted share of the attributes in which they agree."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.frames import AttributeSpec
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.answer.resemblance import Resemblance
from routing_etl.model.base.columns import FEW

pytestmark = pytest.mark.unit
ATTRIBUTES = (
    AttributeSpec("kind", "category"), AttributeSpec("name", "text"), AttributeSpec("size", "number", "mm"),
)  # fmt: skip
SCHEMA = {"kind": pl.String, "name": pl.String, "size": pl.Float64}
KNOWN = ("A", "SEAL RING X", 100.0)


def alike(item: tuple[object, ...], weights: tuple[float, ...] = (2.0, 1.0, 1.0)) -> float:
    """Resemblance of an item with `KNOWN`, which must be the same for one item and for many."""
    text = AttributeText(Resemblance(ATTRIBUTES, weights)).fit(pl.DataFrame([KNOWN], SCHEMA, orient="row"))
    found = set()
    for copies in (1, FEW + 1):
        items = pl.DataFrame([item] * copies, SCHEMA, orient="row")
        rows = np.arange(copies)
        found |= set(text.compare(text.shown(items), rows, np.zeros(copies, dtype=np.int64)).resemblance)
    [one] = found
    return float(one)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (KNOWN, 1.0),
        (("B", "SEAL RING X", 100.0), 0.5),  # the kind weighs 2 of 4
        (("A", "SEAL RING X", 90.0), 0.975),  # 1 - 10 / 100 of one in four
        (("A", "SEAL RING X", -100.0), 0.75),
        (("A", "RING Y SEAL", 100.0), 0.9167),  # two of three words: 2 * 2 / 6
        (("A", "SEAL SEAL RING X", 100.0), 1.0),
        (("A", None, 100.0), 0.75),  # one of them has it: a difference
        ((None, None, None), 0.0),
        (("B", "PUMP", 0.0), 0.0),
    ],
)
def test_the_share_of_what_agrees(item: tuple[object, ...], expected: float) -> None:
    assert alike(item) == expected


@pytest.mark.parametrize("copies", [1, FEW + 1])
def test_what_most_items_have_is_no_agreement_worth_telling(copies: int) -> None:
    """Three of four items are of kind A: to be A too says nothing, to be B as well does. Of a few items and of many."""
    text = AttributeText(Resemblance(ATTRIBUTES, (1.0, 1.0, 1.0)))
    rows = [("A", "SEAL", 50.0), ("A", "PUMP", 60.0), ("A", "RING", 70.0), ("B", "VALVE", 50.0)]
    text.fit(pl.DataFrame(rows, SCHEMA, orient="row"))
    asked = pl.DataFrame([("A", "SEAL", 50.0), ("B", "SEAL", 50.0)] * copies, SCHEMA, orient="row")
    pairs = text.compare(text.shown(asked), np.array([0, 1, 0, 1]), np.array([0, 0, 3, 3]))
    kind, name, size = (a.name for a in ATTRIBUTES)
    assert pairs.matching.to_list() == [f"{name}, {size}", f"{name}, {size}", size, f"{kind}, {size}"]
    assert pairs.differing.to_list()[0] == "" and pairs.differing.to_list()[1] == f"{kind}: B -> A"
    assert pairs.resemblance[0] == 1.0, "it counts as before, it is only not told"


@pytest.mark.parametrize("copies", [1, FEW + 1])
def test_one_of_a_few_common_values_is_no_agreement_worth_telling_either(copies: int) -> None:
    """Two accounts of about half of the items each, as in a plant that makes and buys; a third that few have tells something."""
    text = AttributeText(Resemblance(ATTRIBUTES, (1.0, 1.0, 1.0)))
    rows = [(kind, f"N{i}", float(i)) for i, kind in enumerate("AAAABBBBC")]
    text.fit(pl.DataFrame(rows, SCHEMA, orient="row"))
    asked = pl.DataFrame([("A", "N0", None), ("C", "N8", None)] * copies, SCHEMA, orient="row")
    pairs = text.compare(text.shown(asked), np.array([0, 1]), np.array([0, 8]))
    assert pairs.matching.to_list() == ["name", "kind, name"]


def test_what_neither_has_and_what_tells_nothing_does_not_count() -> None:
    text = AttributeText(Resemblance(ATTRIBUTES, (1.0, 1.0, 1.0)))
    text.fit(pl.DataFrame([("A", None, 50.0)], SCHEMA, orient="row"))
    items = pl.DataFrame([("A", None, 50.0), ("B", None, 50.0)], SCHEMA, orient="row")
    both = text.compare(text.shown(items), np.array([0, 1, 0]), np.array([0, 0, -1]))
    assert both.resemblance.tolist() == [1.0, 0.5, 0.0] and both.matching.to_list()[2] is None
    assert alike(("A", "PUMP", 100.0), (1.0, 0.0, 1.0)) == 1.0


def test_weights_are_importance_times_what_the_user_asked_for_and_unique_codes_weigh_nothing() -> None:
    attributes = (*ATTRIBUTES, AttributeSpec("drawing", "code"))
    items = pl.DataFrame({
        "kind": ["A", "A", "B", None], "name": list("PQRS"), "size": [1.0, 2.0, 3.0, 4.0], "drawing": list("WXYZ"),
    })  # fmt: skip
    importance = {"kind": 0.6, "name": 0.1, "size": 0.1, "drawing": 0.2}
    found = Resemblance.of(attributes, items, importance, {"size": 3.0}).weights
    assert found == pytest.approx((0.6 * 2 / 3, 0.1, 0.3, 0.0))
    assert Resemblance.of(attributes, items, dict.fromkeys(importance, 0.0), {}).weights == (1.0,) * 4
    assert Resemblance.of((), items, {}, {}).weights == ()


ITEM = st.tuples(
    st.none() | st.sampled_from("ABC"),
    st.none() | st.sampled_from(["RING", "RING SEAL", "SEAL RING X", "X"]),
    st.none() | st.floats(-1e6, 1e6),
)


@given(ITEM, ITEM, st.tuples(*[st.floats(0, 5)] * 3))
def test_one_and_many_agree_and_it_is_symmetric(
    mine: tuple[object, ...], theirs: tuple[object, ...], weights: tuple[float, ...]
) -> None:
    found = []
    for known, asked in ((theirs, mine), (mine, theirs)):
        text = AttributeText(Resemblance(ATTRIBUTES, weights)).fit(
            pl.DataFrame([known], SCHEMA, orient="row")
        )
        for copies in (1, FEW + 1):
            items = pl.DataFrame([asked] * copies, SCHEMA, orient="row")
            label = np.zeros(copies, dtype=np.int64)
            found.append(text.compare(text.shown(items), np.arange(copies), label).resemblance[0])
    assert min(found) >= 0 and max(found) <= 1 and max(found) - min(found) <= 1.1e-4
