"""The version that predicts now beside a new one: on which items, and what is kept of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from evaluation_toy import items_of, operations_of, steps

from routing_etl.evaluation.deployed import written_since
from routing_etl.evaluation.splits import Fold

pytestmark = pytest.mark.unit
KEYS = [f"I{i:02d}" for i in range(60)]


def plant(copies: dict[int, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """60 items; `copies` gives items the attributes of others."""
    items = items_of(
        KEYS, attribute_hash=[copies.get(i, i) for i in range(60)], kind=[f"k{i % 7}" for i in range(60)]
    )
    when = {k: datetime(2025, 1, 1) + timedelta(days=i) for i, k in enumerate(KEYS)}
    return items, operations_of({k: steps("A B") for k in KEYS}, when)


def asked(copies: dict[int, int], learned: int, judged: list[int]) -> list[str]:
    """The items asked when the deployed version has learned the first so many, and the judged ones and their copies are held out."""
    items, operations = plant(copies)
    test = [KEYS[i] for i in judged]
    groups = {copies.get(i, i) for i in judged}
    known = [k for i, k in enumerate(KEYS) if copies.get(i, i) not in groups and k not in test]
    fold = Fold(
        pl.Series("item_key", test), operations.filter(pl.col("item_key").is_in(pl.Series(known).implode()))
    )
    return written_since(fold, items, operations, pl.Series("item_key", KEYS[:learned])).to_list()


def test_only_what_the_deployed_version_has_not_learned_is_asked() -> None:
    assert asked({}, 50, [10, 49, 50, 55]) == ["I50", "I55"]
    assert asked({}, 60, [10, 49, 50, 55]) == [], "learned from the same data, the two cannot be compared"


def test_an_item_whose_copy_only_the_deployed_version_has_learned_is_not_asked() -> None:
    assert asked({50: 5}, 50, [50, 55]) == ["I55"]
    assert asked({50: 55}, 50, [50, 55]) == ["I50", "I55"], "two new ones of a kind are new to both"
