"""What is told before an evaluation that takes long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from model_toy import toy_plant

from routing_etl.errors import RegistryError
from routing_etl.pipeline import ahead


def told(monkeypatch: pytest.MonkeyPatch, registry: Any) -> str:
    items, operations, _ = toy_plant(40)
    data = SimpleNamespace(independent=SimpleNamespace(items=items, operations=operations))
    monkeypatch.setattr(ahead, "read_learning_data", lambda run: data)
    ctx = SimpleNamespace(run=None, settings=SimpleNamespace(random_state=42), registry=registry)
    return ahead.leave_one_out_ahead(ctx, 5000)  # type: ignore[arg-type]


def champion(seconds: float) -> Any:
    return SimpleNamespace(alias=lambda name: "v1", read_text=lambda *names: f'{{"duration_sec": {seconds}}}')


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1.5, "36 seconds, as the champion took 1.5 seconds"), (30.0, "12 minutes"), (300.0, "2.0 hours")],
)
def test_leaving_out_each_of_the_routed_items_takes_as_many_times_as_long_as_the_champion(
    seconds: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, champion(seconds)).startswith("24 models are fitted")
    assert words in told(monkeypatch, champion(seconds))


def test_without_a_champion_that_can_be_read_the_number_of_fits_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*names: str) -> str:
        raise RegistryError("no such artifact", remedy="none")

    for registry in (
        SimpleNamespace(alias=lambda name: None),
        SimpleNamespace(alias=lambda name: "v1", read_text=gone),
    ):
        assert told(monkeypatch, registry).endswith("no champion tells how long one takes.")
