"""A model that an earlier state of the program made: its objects lack what their classes give by now."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import sparse

from routing_etl.errors import IncompatibleModelError
from routing_etl.model.candidates.guard import _Group
from routing_etl.model.times.effects import ItemSize
from routing_etl.registry import unpickle
from routing_etl.registry.store import ModelRegistry
from routing_etl.registry.unpickle import LacksParts, lacking, load_bytes
from routing_etl.registry.versions import SavedVersion

Save = Callable[..., SavedVersion]


class Later(ItemSize):
    """What `ItemSize` is to become: one argument and one learned value more."""

    def __init__(self, *, random_state: int = 42) -> None:
        super().__init__(random_state=random_state)
        self.method = "mean"

    def learn(self) -> None:
        """Learn the value."""
        self.median_ = 0.0


Later.__module__ = ItemSize.__module__


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on the program is a later one."""

    def install() -> None:
        Later.__name__ = Later.__qualname__ = ItemSize.__name__
        monkeypatch.setattr("routing_etl.model.times.effects.ItemSize", Later)

    return install


def dumped(value: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


def test_a_model_of_an_earlier_state_of_the_program_is_refused_in_a_sentence(
    save: Save, registry: ModelRegistry, later: Callable[[], None]
) -> None:
    save("v1", predictor=ItemSize())
    assert registry.load("v1").random_state == 42
    later()
    with pytest.raises(IncompatibleModelError) as refused:
        registry.load("v1")
    assert refused.value.message == (
        "Model version 'v1' was trained by another version of routing_etl: it has no ItemSize.median_, ItemSize.method."
    )
    assert refused.value.remedy == "Train a new version: routing-etl train"


def test_what_is_not_always_written_is_on_record_and_no_fault(save: Save, registry: ModelRegistry) -> None:
    """`ItemSize` here was never fitted, so that nothing that it learns is there."""
    save("v1", predictor=ItemSize())
    manifest = json.loads((registry.root / "v1" / "manifest.json").read_text(encoding="utf-8"))
    lacks = manifest["artifacts"]["similarity_engine"]["lacks"]
    assert "ItemSize.column_" in lacks and "ItemSize.random_state" not in lacks
    assert isinstance(registry.load("v1"), ItemSize)


def test_fields_of_dataclasses_are_looked_for() -> None:
    group = _Group(np.arange(2), sparse.csr_matrix((2, 2)))
    assert lacking(dumped(group)) == ()
    object.__delattr__(group, "table")
    with pytest.raises(LacksParts, match=r"^_Group\.table$"):
        load_bytes(dumped(group))
    load_bytes(dumped(group), ["_Group.table"])


def test_nothing_is_asked_of_what_others_made() -> None:
    from sklearn.linear_model import LinearRegression

    made: Any = LinearRegression()
    del made.tol
    assert lacking(dumped(made)) == ()
    assert unpickle._given(LinearRegression) == frozenset()
