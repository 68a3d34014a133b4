"""Which training items are left out together: as often as the items that are asked about have no routed sibling."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from routing_etl.frames import AttributeSpec
from routing_etl.model.siblings import siblings

ATTRIBUTES = (
    AttributeSpec("draw_no", "code"),
    AttributeSpec("kind", "category"),
    AttributeSpec("size", "number", "mm"),
)


def plant(routed: list[str | None], asked: list[str | None]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items that wait for a routing and the routed ones, by their drawings."""
    items = pl.DataFrame({"draw_no": pl.Series([*routed, *asked], dtype=pl.String)}).with_columns(
        kind=pl.lit("K"), size=pl.lit(1.0)
    )
    return items.tail(len(asked)), items.head(len(routed))


def drawings(n: int, each: int, name: str = "D") -> list[str | None]:
    """`each` items of each of n drawings."""
    return [f"{name}{i}" for i in range(n) for _ in range(each)]


def test_all_siblings_are_left_out_where_no_item_asked_has_one() -> None:
    found = siblings(
        *plant([*drawings(100, 2), *drawings(50, 1, "S"), None, None], drawings(300, 1, "N")), ATTRIBUTES, 1
    )
    assert found is not None
    groups, told = found
    assert [groups[2 * i] for i in range(100)] == [groups[2 * i + 1] for i in range(100)]
    assert len(np.unique(groups)) == 152 and groups.max() == 151
    assert "80% of the routed items share their draw_no" in told and "without a routing 0%" in told


def test_as_many_as_makes_left_out_items_like_the_items_asked() -> None:
    """Half of the items asked have a routed sibling. Of siblings that are left out alone one pair in five shares a fold all the same, so
    five of eight pairs are left out alone and three together."""
    asked = [*drawings(400, 1), *drawings(400, 1, "N")]
    found = siblings(*plant(drawings(800, 2), asked), ATTRIBUTES, 1)
    assert found is not None
    pairs = found[0].reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).mean() == pytest.approx(0.375, abs=0.08)


@pytest.mark.parametrize(
    ("routed", "asked"),
    [
        (drawings(300, 2), drawings(300, 1)),
        (drawings(300, 2), drawings(199, 1, "N")),
        (drawings(10, 60), drawings(300, 1, "N")),
        ([None] * 600, [None] * 300),
    ],
    ids=["the items asked have as many", "too few are asked", "kinds, no designs", "no drawings"],
)
def test_nothing_is_left_out_together(routed: list[str | None], asked: list[str | None]) -> None:
    assert siblings(*plant(routed, asked), ATTRIBUTES, 1) is None
