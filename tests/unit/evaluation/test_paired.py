"""Two versions on the same held-out items: paired by hand, and only what was judged by the same truth."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from evaluation_toy import actual_times, items_of, operations_of, predictions_of, steps

from routing_etl.evaluation.evaluate import evaluate
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.paired import HELD_OUT, PAIRED, as_json, from_json, paired_differences
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.frames import Predictions, TimeEvidence

KEYS = [f"I{i:03d}" for i in range(100)]
WHEN = {k: datetime(2024, 1, 1) + timedelta(days=i) for i, k in enumerate(KEYS)}


class Answering:
    """Job 'A' for the named items and 'B' for the others; run times as given."""

    def __init__(self, right: set[str], minutes: float) -> None:
        self.right, self.minutes = right, minutes

    def fit(self, items, operations, *, times=None, progress=None):
        return self

    def predict(self, items) -> Predictions:
        jobs = {k: "A" if k in self.right else "B" for k in items["item_key"]}
        return predictions_of({k: [(0.5, steps(j, run_time=self.minutes))] for k, j in jobs.items()})


def judged(
    right: set[str], *, keys: list[str] = KEYS, minutes: float = 2.0, actual: float = 2.0, res: str = "R"
):
    """An evaluation of the newer half of `keys`; every item's routing is A on `res`, its actual run time `actual`."""
    routings = {k: [{**steps("A")[0], "res_cd": res}] for k in keys}
    return evaluate(
        lambda: Answering(right, minutes), items_of(keys, kind=[f"k{int(k[1:]) % 7}" for k in keys]),
        operations_of(routings, WHEN),
        results=WorkResults(
            lambda _: TimeEvidence.none(), actual_times({(k, 10, "A"): (None, actual) for k in keys})
        ),
        options=EvaluationOptions(split="time", test_days=len(keys) // 2, baselines=False, n_resamples=0),
    )  # fmt: skip


def test_held_out_items_add_up_to_the_reports_values():
    report = judged(set(KEYS[:80]), minutes=3.0)
    found = report.held_out
    assert dict(found.schema) == HELD_OUT
    assert sorted(found["item_key"]) == KEYS[50:]
    for name, (width, combine) in PAIRED.items():
        sums = found.select(f"{name}_{i}" for i in range(width)).sum().to_numpy()
        expected = report.value(name)
        assert combine(sums)[0] == pytest.approx(np.nan if expected is None else expected, nan_ok=True), name
    assert report.value("exact_at_1") == 0.6
    assert report.value("run_wape") == 0.5


def test_the_difference_is_of_the_common_items_alone():
    """Old judged I040 to I079, new I050 to I099; of the 30 common items old has 10 right and new 25."""
    old = judged({*KEYS[:50], *KEYS[50:60]}, keys=KEYS[:80]).held_out
    new = judged({*KEYS[50:75]}).held_out
    common = set(old["item_key"]) & set(new["item_key"])
    assert common == set(KEYS[50:80])
    found = paired_differences(new, old)["exact_at_1"]
    assert (found.n, found.value) == (30, pytest.approx(15 / 30))
    assert found.low is not None and 0 < found.low < 0.5 < found.high < 1
    other = paired_differences(old, new)["exact_at_1"]
    assert other.value == pytest.approx(-0.5)


def test_the_same_answers_differ_by_nothing():
    one = judged(set(KEYS[:70])).held_out
    for name, found in paired_differences(one, one).items():
        if name != "setup_wape":  # there is no set-up time
            assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0), name
    assert paired_differences(one, one)["setup_wape"].value is None


def test_a_difference_in_every_item_is_sure_where_two_intervals_would_touch():
    """25 against 20 of 50 right, the 20 among the 25: the intervals of the two overlap widely, that of the difference not 0."""
    more, fewer = judged(set(KEYS[50:75])).held_out, judged(set(KEYS[50:70])).held_out
    found = paired_differences(fewer, more)["exact_at_1"]
    assert found.value == pytest.approx(-0.1) and found.high < 0


def test_items_whose_routing_or_time_has_changed_since_are_not_paired():
    old = judged(set(KEYS)).held_out
    moved = paired_differences(judged(set(KEYS), res="S").held_out, old)
    assert {e.n for e in moved.values()} == {0} and {e.value for e in moved.values()} == {None}
    slower = paired_differences(judged(set(KEYS), actual=2.5).held_out, old)
    assert (slower["exact_at_1"].n, slower["exact_at_1"].value) == (50, 0.0)
    assert (slower["run_wape"].n, slower["run_wape"].value) == (0, None)


def test_times_that_a_new_exponent_of_the_lot_moved_a_little_are_still_paired():
    old = judged(set(KEYS)).held_out
    moved = paired_differences(judged(set(KEYS), actual=2.005).held_out, old)["run_wape"]
    assert moved.n == 50 and moved.value == pytest.approx(0.005 / 2.005)


def test_few_common_items_are_no_comparison():
    one = judged(set(KEYS)).held_out
    found = paired_differences(one, one.head(29))["exact_at_1"]
    assert (found.value, found.n, found.reason) == (None, 29, "FEWER_THAN_30_COMMON_ITEMS")


def test_it_is_kept_as_json_without_loss():
    one = judged(set(KEYS[:70]), minutes=2.7).held_out
    again = from_json(as_json(one))
    assert again.schema == one.schema
    assert paired_differences(again, one)["run_wape"].value == pytest.approx(0.0, abs=1e-8)
    assert from_json({}).height == 0
