"""The benchmarks that are run by name: their arguments and that what they replace in the model is still there."""

from __future__ import annotations

import argparse
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_a_plant_is_named_by_items_seed_and_grammar(benchmark) -> None:  # type: ignore[no-untyped-def]
    asked = benchmark("accuracy").Asked
    assert asked.parse("20000,7") == asked(20000, 7, {})
    assert asked.parse('800,8,{"families": 12, "noise": 0.25}').grammar == {"families": 12, "noise": 0.25}
    assert asked.parse('800,8,{"families": 12}').name == "800/8 families=12"


@pytest.mark.parametrize("text", ["20000", "many,7", "20000,7,[1]", "20000,7,{families: 1}", ""])
def test_what_is_no_plant_is_refused_with_an_example(benchmark, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(argparse.ArgumentTypeError, match="for example 20000,7"):
        benchmark("accuracy").Asked.parse(text)


def test_what_an_ablation_replaces_is_a_part_of_the_model(benchmark) -> None:  # type: ignore[no-untyped-def]
    ablation = benchmark("ablation")
    for found in ablation.ABLATIONS:
        assert found.part is not None or found.off
        if found.part is not None:
            where, stand_in = found.part
            module, name = where.rsplit(".", 1)
            part = getattr(importlib.import_module(f"routing_etl.model.{module}"), name)
            assert issubclass(stand_in, part)
            own = {n for n in vars(stand_in) if not n.startswith("__")}
            assert own and all(hasattr(part, n) for n in own), f"{found.name} overrides what {name} has not"


def test_an_ablation_replaces_arguments_by_name_and_says_when_there_is_none(benchmark) -> None:  # type: ignore[no-untyped-def]
    ablation = benchmark("ablation")

    class Part:
        def fit(self, x: int, votes: int = 0) -> tuple[int, int]:
            return x, votes

    assert ablation.with_arguments(Part.fit, Part(), (1,), {"votes": 2}, votes=5) == (1, 5)
    assert ablation.argument(Part.fit, Part(), (1, 2), {}, "votes") == 2
    with pytest.raises(TypeError, match=r"was not given family"):
        ablation.with_arguments(Part.fit, Part(), (1, 2), {}, family=5)
    for part, names in (
        (ablation.OperationTimes.fit, {"training"}),
        (ablation.OperationModel.fit, {"cases"}),
        (ablation.OperationModel.predict, {"votes"}),
        (ablation.LineModel.predict, {"step"}),
    ):
        assert names <= set(inspect.signature(part).parameters)
