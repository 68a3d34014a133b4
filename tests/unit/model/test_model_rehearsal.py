"""Few routed items: what the predictor finds out about itself before it says anything."""

from __future__ import annotations

import io
from copy import copy
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_items, toy_operations

from routing_etl.frames import TimeEvidence
from routing_etl.model.answer import output
from routing_etl.model.candidates.plain import PlainAnswer
from routing_etl.model.catalogue.routings import build_catalogue
from routing_etl.model.inputs import evidence_of
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.model.ranking.modest import Pool
from routing_etl.model.rehearsal import Modesty, Script, rehearse
from routing_etl.model.times.timed import TimedOperations
from routing_etl.registry.unpickle import lacking, load_bytes


@pytest.fixture(scope="module")
def lottery() -> tuple[pl.DataFrame, RoutingPredictor]:
    """40 routed items whose routing no attribute tells: 21 have the same one, the others one of nine."""
    items = toy_items(80, seed=3)
    rng = np.random.default_rng(4)
    usual = [("A00", "SAW-0", "in"), ("Z90", "PACK-1", "in")]
    others = [[("A00", "SAW-0", "in"), (f"B{k}", f"M{k}", "in"), ("Z90", "PACK-1", "in")] for k in range(9)]
    routings = [usual if rng.random() < 0.66 else others[int(rng.integers(9))] for _ in range(40)]
    operations = toy_operations(items.head(40), routings)
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=5, rehearsals=2, random_state=1)
    return items, model.fit(items, operations)


@pytest.mark.slow
def test_no_confidence_is_above_what_so_few_items_support(lottery) -> None:  # type: ignore[no-untyped-def]
    items, model = lottery
    found = model.predict(items.tail(40)).candidates
    first = found.filter(pl.col("candidate_rank") == 1)
    assert first.height == 40
    assert first["confidence"].max() < 0.85
    assert first["confidence"].mean() == pytest.approx(21 / 40, abs=0.1)
    assert found.group_by("item_key").agg(pl.col("confidence").sum())["confidence"].max() <= 1 + 1e-6


def test_the_card_is_told_what_was_rehearsed(lottery) -> None:  # type: ignore[no-untyped-def]
    _, model = lottery
    assert "Rehearsed on 40 routed items" in model.notes_[0]
    assert "no confidence is above 0.976" in model.notes_[0]  # 41 / 42


def test_a_copy_is_shown_as_a_fallback_with_the_copied_item(lottery) -> None:  # type: ignore[no-untyped-def]
    items, _ = lottery
    operations = toy_operations(
        items.head(40), [[("A00", "SAW-0", "in")]] * 20 + [[("B10", "CNC", "in")]] * 20
    )
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=5, rehearsals=0, answers_by="nearest")
    found = model.fit(items, operations).predict(items.tail(40))
    first = found.candidates.filter(pl.col("candidate_rank") == 1)
    assert first["priority"].unique().to_list() == ["fallback"]
    copied = first.join(
        operations.select(reference_item_cd="item_cd", job="job_cd"), on="reference_item_cd", how="left"
    )
    assert (copied["routing_code"] == copied["job"]).all()
    assert model.notes_[0].startswith(
        "The first candidate comes from copying the routing of the most similar item"
    )
    assert found.evidence["item_key"].n_unique() == 40


def test_what_comes_first_only_as_a_copy_is_shown_as_one(lottery, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """The copy of the most similar item is made to win everywhere: where that changes the first candidate it is a fallback, and
    its reference is an item that has this routing; elsewhere nothing is said to be copied."""
    items, model = lottery
    monkeypatch.setattr(output, "LEAST_PRIMARY", 0.0)  # copies alone make a fallback here

    def first(copied: float) -> pl.DataFrame:
        other = copy(model).set_params(similarity_threshold=0.0)
        other.modesty_ = replace(model.modesty_, answers_by="model", pool=Pool(1.0, copied))
        found = other.predict(items.tail(40)).candidates.filter(pl.col("candidate_rank") == 1)
        return found.select("item_key", "routing_code", "priority", "reference_item_cd", "rout_no")

    both = first(0.0).join(first(100.0), on="item_key", suffix="_copied")
    changed = both.filter(pl.col("routing_code") != pl.col("routing_code_copied"))
    same = both.filter(pl.col("routing_code") == pl.col("routing_code_copied"))
    assert changed.height > 3 and same.height > 3
    assert changed["priority_copied"].unique().to_list() == ["fallback"]
    assert changed["rout_no_copied"].null_count() == 0
    assert same["priority_copied"].unique().to_list() == ["primary"]
    assert both["priority"].unique().to_list() == ["primary"]


def test_what_was_found_out_is_saved_with_the_model(lottery) -> None:  # type: ignore[no-untyped-def]
    items, model = lottery
    content = io.BytesIO()
    joblib.dump(model, content)
    again = load_bytes(content.getvalue(), lacking(content.getvalue()))
    assert again.predict(items.tail(40)).candidates.equals(model.predict(items.tail(40)).candidates)


# --- rehearsals of a predictor whose answers are given ----------------------------------------------------------------

N = 24


@dataclass
class Given:
    """A predictor that finds the routing of the items in `model`, its plain answers of those in `nearest` and `majority`.

    Its times are 10 minutes for every operation.
    """

    catalogue_: Any
    model: set[int]
    nearest: set[int] = field(default_factory=set)
    majority: set[int] = field(default_factory=set)
    machine: str = "M1"
    today: int = N
    modesty_: Modesty = field(default_factory=Modesty)

    def __post_init__(self) -> None:
        self.book_ = self.catalogue_.book()
        self.novelty_ = SimpleNamespace(unseen=lambda items: np.zeros(items.height, dtype=bool))
        codes = self.book_.texts(np.arange(self.catalogue_.n_sequences))[0].to_list()
        self.number = {code: number for number, code in enumerate(codes)}

    @property
    def of_today(self) -> np.ndarray:
        """The first `today` items."""
        return np.arange(N) < self.today

    def _codes(self, items: pl.DataFrame, right: set[int]) -> list[str]:
        """The right job for some items, the wrong one for the others."""
        places = [int(key[1:]) for key in items["item_key"]]
        return [("JA", "JB")[(i + (i not in right)) % 2] for i in places]

    def plain_answers(self, items: pl.DataFrame) -> Any:
        def answer(right: set[int]) -> Any:
            def of(asked: pl.DataFrame, own: np.ndarray) -> PlainAnswer:
                sequence = np.array([self.number[c] for c in self._codes(asked, right)])
                return PlainAnswer(sequence, np.full(asked.height, 0.5), np.zeros(asked.height, dtype=int))

            return of

        return SimpleNamespace(nearest=answer(self.nearest), majority=answer(self.majority))

    def predict(self, items: pl.DataFrame) -> Any:
        first = pl.DataFrame({"item_key": items["item_key"]}).with_columns(candidate_rank=pl.lit(1))
        code = pl.Series(self._codes(items, self.model))
        return SimpleNamespace(
            candidates=first.with_columns(routing_code=code, confidence=pl.lit(0.5)),
            operations=first.with_columns(
                job_cd=code, res_cd=pl.lit(self.machine), setup_time=pl.lit(10.0), run_time=pl.lit(10.0)
            ),
        )


def rehearsed(error: float = 0.3, spread: float = 0.3, **given: Any) -> Modesty:
    """What is found of a predictor whose answers are given; times deviate by `error` up and down in turn.

    Items have equal attributes by `copies` in turn, 1 unless given.
    """
    items = toy_items(N, seed=5).sort("item_key")
    items = items.with_columns(
        item_key=pl.Series([f"X{i:05d}" for i in range(N)]),
        item_cd=pl.Series([f"X{i:05d}" for i in range(N)]),
    )
    machines = given.pop("written", ["M1"] * N)
    copies = given.pop("copies", 1)
    items = items.with_columns(attribute_hash=pl.Series(np.arange(N) // copies, dtype=pl.UInt64))
    operations = toy_operations(items, [[(("JA", "JB")[i % 2], machines[i], "in")] for i in range(N)])
    catalogue = build_catalogue(items, operations)
    trained = Given(catalogue, **given)
    place = {code: number for number, code in enumerate(catalogue.jobs.to_list())}
    label = np.arange(N)
    job = np.array([place[("JA", "JB")[i % 2]] for i in range(N)])
    value = np.log(10.0) + error * np.where(label // 2 % 2 == 0, 1.0, -1.0)
    times = TimedOperations(label, job, value, np.full(N, 1e6))
    narrow, wide = np.full(2, 1e-3), np.full(2, spread)
    evidence: TimeEvidence = evidence_of(None)
    return rehearse(
        Script(
            items=items, operations=operations, evidence=evidence, trained=trained, times={"setup": times, "run": times},
            within={"setup": narrow, "run": narrow}, spread={"setup": wide, "run": wide},
            learn=lambda known, told: trained, folds=4, seed=0,
        )
    )  # fmt: skip


def test_a_plain_answer_answers_when_better_by_more_than_a_standard_error() -> None:
    """It finds items 0 to 7, of which the model finds 0 to 3: 4 more, with a standard error of the square root of 4."""
    found = rehearsed(model=set(range(4)), nearest=set(range(8)))
    assert found.answers_by == "nearest"
    assert "So the first candidate comes from copying the routing of the most similar item" in found.told[0]


def test_the_model_answers_when_a_plain_answer_may_be_better_by_chance() -> None:
    """One item more is one standard error; six won and four lost are 2 more, with a standard error of the square root of 10."""
    assert rehearsed(model=set(range(4)), nearest=set(range(5))).answers_by == "model"
    assert rehearsed(model=set(range(4)), nearest=set(range(4, 10))).answers_by == "model"


def test_copies_of_one_item_are_one_case_of_a_plain_answer() -> None:
    """Four items more are four groups of one, 4 with a standard error of 2; as one group of four they are 1 with one of 1."""
    assert rehearsed(model=set(range(4)), nearest=set(range(8))).answers_by == "nearest"
    assert rehearsed(model=set(range(4)), nearest=set(range(8)), copies=4).answers_by == "model"
    assert rehearsed(model=set(range(4)), nearest=set(range(12)), copies=4).answers_by == "nearest"


def test_confidence_is_the_share_that_was_right() -> None:
    """With equal scores there is one confidence: 12 of 24 right is one half, none of 24 is below 1 in 10."""
    half = rehearsed(model=set(range(12))).curve
    none = rehearsed(model=set()).curve
    assert half is not None and none is not None
    assert half(np.array([0.5]))[0] == pytest.approx(0.5, abs=0.02)
    assert none(np.array([0.5]))[0] < 0.1


def test_what_nobody_plans_any_more_is_neither_right_nor_wrong() -> None:
    """Twelve items have a job that is out of use, which is never proposed; the other twelve are all found."""
    found = rehearsed(model=set(range(12)), nearest=set(range(12, 24)), today=12)
    assert found.answers_by == "model"
    assert found.curve is not None
    assert found.curve(np.array([0.5]))[0] > 0.8
    assert found.told[0].startswith("Rehearsed on 12 routed items")


def test_too_few_of_today_support_no_confidence() -> None:
    """Four items of today are no rehearsal, whatever the twenty others would say."""
    found = rehearsed(model=set(range(24)), today=4)
    assert found.told[0].startswith("The routed items are too few")
    assert found.curve is not None
    assert found.curve(np.array([0.99]))[0] <= 0.5


def test_machines_are_the_most_frequent_ones_when_these_were_right_more_often() -> None:
    """The predictor says M1 throughout; 18 of 24 items are made on M2."""
    written = ["M1"] * 6 + ["M2"] * 18
    everything = set(range(N))
    assert rehearsed(model=everything, machine="M1", written=written).usual_machines
    assert not rehearsed(model=everything, machine="M2", written=written).usual_machines


def test_intervals_are_those_that_the_errors_of_items_left_out_need() -> None:
    """All errors are 0.5, so P90 has to lie exp(0.5) above: 0.5 = factor x 1.2816 x 0.3. Errors of 0.25 narrow it."""
    found = rehearsed(model=set(range(N)), error=0.5, spread=0.3).widening
    assert found["run"] == found["setup"] == pytest.approx(0.5 / (1.2816 * 0.3), abs=0.03)
    assert rehearsed(model=set(range(N)), error=0.25, spread=0.3).widening["run"] == pytest.approx(
        0.65, abs=0.03
    )
