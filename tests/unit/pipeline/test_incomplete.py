"""A model that lacks attributes is less sure by what they were worth, and does not predict without most of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from routing_etl.errors import IncompatibleModelError
from routing_etl.frames import AttributeSpec, Predictions
from routing_etl.pipeline.incomplete import Incomplete, require_enough

SIZE, KIND, NOTE = (
    AttributeSpec("size", "number"),
    AttributeSpec("kind", "category"),
    AttributeSpec("note", "text"),
)


class Model:
    """Is 0.8 sure, and keeps what it was asked with."""

    importance_ = {"size": 0.25, "kind": 0.6, "note": 0.0}  # noqa: RUF012
    asked: pl.DataFrame

    def predict(self, items: pl.DataFrame) -> Any:
        self.asked = items
        sure = pl.DataFrame({"confidence": [0.8]})
        return Predictions(sure, sure, pl.DataFrame(), pl.DataFrame(), pl.DataFrame())

    def iter_predict(self, items: pl.DataFrame, batch_size: int, progress: object) -> Any:
        yield self.predict(items)


@pytest.mark.parametrize(("missing", "sure"), [((SIZE,), 0.6), ((NOTE,), 0.8), ((SIZE, NOTE), 0.6)])
def test_the_confidence_falls_by_the_importance_that_is_gone(
    missing: tuple[AttributeSpec, ...], sure: float
) -> None:
    model = Model()
    found = Incomplete(model, missing)  # type: ignore[arg-type]
    items = pl.DataFrame({"item_key": ["A"], "kind": ["bush"]})
    [batch] = found.iter_predict(items)
    assert batch.candidates["confidence"].to_list() == pytest.approx([sure])
    assert batch.operations["confidence"].to_list() == pytest.approx([sure])
    assert [model.asked.schema[a.name] for a in missing] == [
        pl.Float64() if a is SIZE else pl.String() for a in missing
    ]
    require_enough("v1", found)


def test_without_most_of_what_it_decides_by_it_does_not_predict() -> None:
    with pytest.raises(
        IncompatibleModelError, match=r"v1 lacks kind, .*60% of what it decides by.* routing-etl train"
    ):
        require_enough("v1", Incomplete(SimpleNamespace(importance_=Model.importance_), (KIND,)))  # type: ignore[arg-type]
