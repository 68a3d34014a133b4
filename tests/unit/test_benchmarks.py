"""The benchmarks that are run by name: their arguments and that what they replace in the model is still there."""

from __future__ import annotations

import argparse
import importlib
import inspect
from pathlib import Path
from types import ModuleType, SimpleNamespace

import polars as pl
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
    assert asked.parse("800,8,drawn:5") == asked(800, 8, {}, "drawn:5")
    assert asked.parse("800,8,wide").name == "800/8 wide"
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


def test_what_is_lost_goes_to_the_first_cause_that_holds(benchmark) -> None:  # type: ignore[no-untyped-def]
    losses = benchmark("losses")
    # item: the routings that planners write, what was proposed, and what the generator knows of the item
    cases = {
        "right": ({"A>B": 0.9, "A": 0.1}, "A>B", {}),
        "note": ({"A>N": 1.0}, "A>B", {"NOTE_JOBS": "N>B"}),
        "false note": ({"A>B": 0.8, "A": 0.2}, "A>B>N", {}),
        "type": ({"A>T": 1.0}, "A", {"TYPE_JOB": "T"}),
        "option": ({"A>B": 0.6, "A": 0.4}, "A", {}),
        "text": ({"A>B": 1.0}, "A", {"SIZE": "text", "SIZE_DECIDES": 1}),
        "missing": ({"A>B": 1.0}, "A", {"SIZE": "missing", "SIZE_DECIDES": 1}),
        "near": ({"A>B": 1.0}, "A", {"SIZE": "filled", "NEAR_THRESHOLD": 1}),
        "order": ({"A>B": 1.0}, "B>A", {"SIZE": "missing"}),
        "other": ({"A>B": 1.0}, "A>C", {}),
        "new": ({"A>B": 1.0}, "A", {"KIND": "new", "NOTE_JOBS": "B"}),
        "strange": ({"A>B": 1.0}, None, {"KIND": "strange"}),
        "silent": ({"A>B": 1.0}, None, {}),
    }
    usual = {
        "KIND": "known",
        "NOTE_JOBS": "",
        "TYPE_JOB": "",
        "SIZE": "filled",
        "SIZE_DECIDES": 0,
        "NEAR_THRESHOLD": 0,
    }
    facts = pl.DataFrame([{"item_key": k, **usual, **own} for k, (_, _, own) in cases.items()])
    truth = benchmark("accuracy").Truth(
        pl.DataFrame(
            [
                {"item_key": k, "jobs": s.split(">"), "probability": p}
                for k, (t, _, _) in cases.items()
                for s, p in t.items()
            ]
        ),
        pl.DataFrame(),
        {"note_jobs": "N"},
    )
    operations = [
        {"item_key": k, "candidate_rank": 1, "proc_seq": i, "job_cd": job, "res_cd": "M"}
        for k, (_, proposed, _) in cases.items()
        for i, job in enumerate((proposed or "").split(">"))
        if proposed
    ]
    answers = SimpleNamespace(operations=pl.DataFrame(operations))
    found = losses.losses_by_cause(answers, truth, facts, facts["item_key"])
    assert {r["cause"]: (r["items"], round(r["lost"], 6)) for r in found.to_dicts()} == {
        "rule called by a note": (2, 1.8),
        "operation of one type": (1, 1.0),
        "option or planner's choice": (1, 0.2),
        "size in a text only": (1, 1.0),
        "size not known": (1, 1.0),
        "size near a threshold": (1, 1.0),
        "order alone": (1, 1.0),
        "other attributes": (1, 1.0),
        "new type of a family": (1, 1.0),
        "truly new type": (1, 1.0),
        "no proposal": (1, 1.0),
    }


def test_a_plant_by_another_hand_is_asked_for_the_causes_that_it_tells(benchmark) -> None:  # type: ignore[no-untyped-def]
    losses = benchmark("losses")
    facts = pl.DataFrame(
        {
            "item_key": ["known", "new", "strange", "near"],
            "PART_TYPE_BAND": ["rare", "new_known", "new_truly", "frequent"],
            "SIZE_STATE": ["column", "text", "other", "nowhere"],
            "NEAR_THRESHOLD": [0, 0, 0, 1],
        }
    )
    truth = benchmark("accuracy").Truth(
        facts.select("item_key", jobs=pl.lit(["A", "B"]), probability=pl.lit(1.0)), pl.DataFrame(), {}
    )
    answers = SimpleNamespace(
        operations=facts.select(
            "item_key", candidate_rank=1, proc_seq=1, job_cd=pl.lit("A"), res_cd=pl.lit("M")
        )
    )
    found = losses.losses_by_cause(answers, truth, facts, facts["item_key"])
    assert dict(found.select("cause", "lost").rows()) == {
        "other attributes": 1.0,
        "new type of a family": 1.0,
        "truly new type": 1.0,
        "size near a threshold": 1.0,
    }
    unasked = losses.causes_not_asked(facts, truth.summary)
    assert unasked == [
        "rule called by a note",
        "operation of one type",
        "size in a text only",
        "size not known",
        "chosen by load",
        "replaced by a date",
    ]
    machines = pl.DataFrame({"cause": ["right"], "operations": [1]})
    assert "does not say it: rule called by a note; operation" in losses.losses_table(
        found, machines, 4, unasked
    )
    assert "does not say it" not in losses.losses_table(found, machines, 4)
    with pytest.raises(pl.exceptions.InvalidOperationError, match="replace"):
        losses.in_our_words(facts.with_columns(SIZE_STATE=pl.lit("elsewhere")))


def test_wrong_machines_go_to_load_date_and_size(benchmark) -> None:  # type: ignore[no-untyped-def]
    losses = benchmark("losses")
    planned = {
        "load": ("L1", "L2"),
        "date": ("D1", "X"),
        "size": ("S1", "S2"),
        "other": ("S1", "S2"),
        "right": ("S1", "S1"),
    }
    facts = pl.DataFrame(
        {"item_key": list(planned), "SIZE": ["filled", "filled", "missing", "filled", "text"]}
    )
    truth = benchmark("accuracy").Truth(
        pl.DataFrame(
            [
                {"item_key": k, "jobs": ["A"], "resources": [m], "insides": ["in"]}
                for k, (m, _) in planned.items()
            ]
        ),
        pl.DataFrame(),
        {"machines_by_load": "L1 / L2", "replaced_machines": "D1"},
    )
    operations = [
        {"item_key": k, "candidate_rank": 1, "proc_seq": 1, "job_cd": "A", "res_cd": named}
        for k, (_, named) in planned.items()
    ]
    found = losses.machines_by_cause(SimpleNamespace(operations=pl.DataFrame(operations)), truth, facts)
    assert dict(found.rows()) == {
        "chosen by load": 1,
        "replaced by a date": 1,
        "size class, size not filled": 1,
        "size class or family": 1,
        "right": 1,
    }
