"""The whole evaluation: nothing leaks, what fails is NULL with a reason, alerts, rows and the report people read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest
from evaluation_toy import actual_times, items_of, operations_of, predictions_of, steps
from model_toy import toy_items, toy_operations, toy_rule
from sklearn.base import BaseEstimator
from structlog.testing import capture_logs
from test_card import metric_row

from routing_etl.errors import ConfigurationError, ModelError
from routing_etl.evaluation.alerts import Cycle, Thresholds, alerts_of, on_segments
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.evaluation.evaluate import evaluate
from routing_etl.evaluation.glossary import GLOSSARY, outcome
from routing_etl.evaluation.judged import many_missing
from routing_etl.evaluation.metric_table import MetricTable, metrics_frame
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.report import EvaluationReport, EvaluationTables
from routing_etl.evaluation.verdicts import verdicts
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.frames import METRICS, Predictions, TimeEvidence


class Recorder:
    """A nearest copy that notes what it was given."""

    seen: list[dict]

    def __init__(self, seen: list[dict]) -> None:
        self.seen = seen
        self.inner = NearestCopyPredictor()

    def fit(self, items, operations, *, times=None, progress=None):
        self.seen.append({"items": items, "operations": operations, "times": times})
        self.inner.fit(items, operations, times=times)
        return self

    def predict(self, items) -> Predictions:
        self.seen[-1]["asked"] = items
        return self.inner.predict(items)


@pytest.fixture(scope="module")
def toy() -> tuple[pl.DataFrame, pl.DataFrame]:
    items = toy_items(500)
    known = items.head(400)
    return items, toy_operations(known, toy_rule(known))


def no_evidence(keys: pl.Series) -> TimeEvidence:
    return TimeEvidence.none()


def run(toy, **options) -> EvaluationReport:
    make = options.pop("make", NearestCopyPredictor)
    results = WorkResults(options.pop("evidence", no_evidence), TimeEvidence.none())
    chosen = EvaluationOptions(**{"split": "time", "n_resamples": 50, **options})
    return evaluate(make, *toy, results=results, options=chosen)


@pytest.fixture(scope="module")
def usual(toy) -> EvaluationReport:
    """The evaluation that most tests look at; never changed by them."""
    return run(toy)


# --- no leak ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_routing_that_only_the_item_itself_has_is_never_predicted():
    """Every item has its own job code: whoever predicts one has looked."""
    n = 30
    keys = [f"I{i:02d}" for i in range(n)]
    items = items_of(keys, kind=["k"] * n, part_type=["P"] * n)
    when = {k: datetime(2024, 1, 1) + timedelta(days=i) for i, k in enumerate(keys)}
    main = operations_of({k: steps(f"SECRET_{k}") for k in keys}, when)
    alternate = operations_of(
        {k: steps(f"SECRET_{k}") for k in keys}, {k: datetime(2020, 1, 1) for k in keys}, rank=1
    )
    for split in ("time", "family", "loo"):
        found = evaluate(
            NearestCopyPredictor, items, pl.concat([main, alternate]),
            options=EvaluationOptions(split=split, test_days=9, n_resamples=0),
        )  # fmt: skip
        for method in ("model", "nearest_copy", "majority_part_type", "legacy"):
            assert found.value("exact_at_1", method=method) == 0.0
            assert found.value("exact_at_4", method=method) == 0.0
            assert found.value("operation_recall", method=method) == 0.0


@pytest.mark.parametrize("split", ["time", "family", "loo", "type"])
def test_training_sees_nothing_of_the_judged_items(toy, split):
    seen: list[dict] = []
    asked_for: list[set[str]] = []

    def evidence(keys: pl.Series) -> TimeEvidence:
        asked_for.append(set(keys))
        return TimeEvidence.none()

    run(
        toy,
        make=lambda: Recorder(seen),
        split=split,
        evidence=evidence,
        baselines=False,
        folds=3,
        max_items=50,
    )
    assert seen and len(seen) == len(asked_for)
    for call, keys in zip(seen, asked_for, strict=True):
        judged = set(call["asked"]["item_key"])
        assert judged and not judged & set(call["items"]["item_key"])
        assert not judged & set(call["operations"]["item_key"])
        assert not judged & keys and keys == set(call["operations"]["item_key"])
        copies = call["asked"]["attribute_hash"].implode()
        trained = call["items"].join(
            call["operations"].select("item_key").unique(), on="item_key", how="semi"
        )
        assert not trained["attribute_hash"].is_in(copies).any()


@pytest.mark.slow
def test_unrouted_items_are_never_judged(toy):
    seen: list[dict] = []
    items, operations = toy
    few = items.sort("item_key").gather_every(10)
    operations = operations.join(few.select("item_key"), on="item_key", how="semi")
    run((few, operations), make=lambda: Recorder(seen), split="loo", baselines=False)
    routed = set(operations["item_key"])
    assert len(seen) == len(routed) < few.height
    assert all(set(call["asked"]["item_key"]) <= routed for call in seen)


def test_with_several_folds_an_item_is_judged_by_the_resources_that_its_own_fold_knew():
    """Two folds of ten items; planned is always R, written always S, and only the first fold's model names S.

    A model that has no resource list from its own training must not borrow that of another fold, which has seen it.
    """

    class Fixed:
        def __init__(self, alternatives: list) -> None:
            self.alternatives = alternatives

        def fit(self, items, operations, *, times=None, progress=None):
            return self

        def predict(self, items) -> Predictions:
            answers = {k: [(0.5, steps("A"))] for k in items["item_key"]}
            return predictions_of(answers, alternatives=self.alternatives)

    keys = [f"I{i:02d}" for i in range(20)]
    routings = {k: [{**steps("A")[0], "res_cd": "S"}] for k in keys}
    for first, second in (([("A", "S", 1)], []), ([], [("A", "S", 1)])):
        models = iter([Fixed(first), Fixed(second)])
        found = evaluate(
            lambda models=models: next(models), items_of(keys, kind=keys), operations_of(routings),
            options=EvaluationOptions(split="loo", folds=2, baselines=False, n_resamples=0),
        )  # fmt: skip
        assert found.details.folds == 2
        assert found.value("resource_top1") == 0.0
        assert found.value("resource_top3") == 0.5


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_keep_the_contract_and_hold_model_baselines_and_differences(usual):
    found = usual
    METRICS.validate(found.metrics)
    assert not found.metrics.select(METRICS.key).is_duplicated().any()
    methods = set(found.metrics["method"])
    baselines = {"nearest_copy", "majority_part_type", "legacy"}
    assert methods == {"model"} | baselines | {f"model_minus_{b}" for b in baselines}
    # a value without a reason, or a reason without a value
    assert found.metrics.select((pl.col("value").is_null() == pl.col("reason").is_not_null()).all()).item()
    assert found.metrics.select((pl.col("value").is_finite() | pl.col("value").is_null()).all()).item()
    inside = found.metrics.filter(pl.col("low").is_not_null())
    assert inside.height > 100 and (inside["low"] <= inside["high"]).all()


def test_a_method_compared_with_itself_differs_by_nothing(usual):
    found = usual.metrics.filter(pl.col("method") == "model_minus_nearest_copy").drop_nulls("value")
    assert found.height > 50
    assert found.filter((pl.col("value") != 0) | (pl.col("low") != 0) | (pl.col("high") != 0)).height == 0


def test_differences_are_model_minus_baseline(usual):
    found = usual
    gap = found.value("exact_at_1") - found.value("exact_at_1", method="majority_part_type")
    assert found.value("exact_at_1", method="model_minus_majority_part_type") == pytest.approx(gap)


def test_differences_in_times_are_on_the_operations_that_both_have():
    class Fixed:
        def __init__(self, answers: dict) -> None:
            self.answers = answers

        def fit(self, items, operations, *, times=None, progress=None):
            return self

        def predict(self, items) -> Predictions:
            return predictions_of({k: [(0.5, self.answers[k])] for k in items["item_key"]})

    keys = [f"I{i:02d}" for i in range(60)]
    items = items_of(keys, kind=[f"k{i}" for i in range(60)], part_type=["P"] * 60)
    when = {k: datetime(2024, 1, 1) + timedelta(days=i) for i, k in enumerate(keys)}
    # the baseline's copies are always A, timed 2.0; the model adds B, timed very wrong
    operations = operations_of(
        {k: steps("A B" if i >= 40 else "A", run_min=2.0) for i, k in enumerate(keys)}, when
    )
    times = actual_times({(k, s, j): (None, 2.0) for k in keys for s, j in ((10, "A"), (20, "B"))})
    answer = [*steps("A", run_time=2.0), *steps("B", run_time=90.0)]
    found = evaluate(
        lambda: Fixed(dict.fromkeys(keys, answer)), items, operations,
        results=WorkResults(no_evidence, times),
        options=EvaluationOptions(split="time", test_days=20, n_resamples=20),
    )  # fmt: skip
    assert found.value("run_mae") == pytest.approx(44.0)
    assert found.value("run_mae", method="nearest_copy") == 0.0
    assert found.value("run_mae", method="model_minus_nearest_copy") == 0.0


def test_segments_cover_the_items(usual):
    found = usual.metrics.filter((pl.col("method") == "model") & (pl.col("metric") == "exact_at_1"))
    total = found.filter(pl.col("segment") == "all")["n"].item()
    for kind in ("part_type_band:", "neighbours:", "confidence:"):
        assert found.filter(pl.col("segment").str.starts_with(kind))["n"].sum() == total
    names = set(found["segment"])
    assert names & {"part_type_band:frequent", "part_type_band:rare"}


def test_part_types_with_twenty_judged_items_are_segments(toy):
    items, operations = toy
    known = items.head(180)
    routed = operations.filter(pl.col("item_key").is_in(known["item_key"].implode()))
    found = run((items, routed), split="loo", folds=4, baselines=False).metrics
    wanted = {f"part_type:{name}": n for name, n in known["part_type"].value_counts().iter_rows() if n >= 20}
    rows = found.filter(
        pl.col("segment").str.starts_with("part_type:"), method="model", metric="exact_at_1"
    ).select("segment", "n")
    assert dict(rows.iter_rows()) == wanted and 0 < len(wanted) < known["part_type"].n_unique()


def test_part_type_bands_count_training_items_only():
    keys = [f"I{i:03d}" for i in range(100)]
    kinds = ["MANY"] * 60 + ["FEW"] * 5 + ["MANY"] * 20 + ["FEW"] * 5 + ["NEW"] * 9 + [None]
    items = items_of(keys, part_type=kinds, kind=[f"k{i % 5}" for i in range(100)])
    when = {k: datetime(2024, 1, 1) + timedelta(days=i) for i, k in enumerate(keys)}
    found = evaluate(
        MajorityByPartType, items, operations_of({k: steps("A") for k in keys}, when),
        options=EvaluationOptions(split="time", test_days=35, baselines=False, n_resamples=0),
    ).metrics.filter(pl.col("metric") == "exact_at_1")  # fmt: skip
    counts = dict(found.select("segment", "n").iter_rows())
    assert counts["part_type_band:frequent"] == 20 and counts["part_type_band:rare"] == 5
    assert counts["part_type_band:unseen"] == 9 and counts["part_type_band:none"] == 1


def test_items_that_are_excluded_from_training_are_not_counted_as_learned_from(toy):
    """I000 to I059 are the only ones of part type OLD, and excluded: nobody has learned their type, or their routing."""
    keys = [f"I{i:03d}" for i in range(160)]
    items = items_of(
        keys,
        part_type=["OLD" if i < 60 or i >= 150 else "P" for i in range(160)],
        excluded=["marked DEL" if i < 60 else None for i in range(160)],
        size=[float(i) for i in range(160)],
    )
    when = {key: datetime(2024, 1, 1) + timedelta(days=i) for i, key in enumerate(keys)}
    operations = operations_of(
        {k: steps("Z" if i < 60 or i >= 150 else "A B") for i, k in enumerate(keys)}, when
    )
    report = run((items, operations), test_days=40.5, baselines=False)
    counts = {r.segment: r.n for r in report.table.rows if r.metric == "exact_at_1" and r.method == "model"}
    assert report.details.items_evaluated == 41 and report.details.items_trained == 59
    assert counts["part_type_band:frequent"] == 31 and counts["part_type_band:unseen"] == 10
    assert "part_type_band:rare" not in counts


@pytest.mark.parametrize(
    ("columns", "clusters"),
    [
        # equal in size are five of the judged items, in size and material none
        ({"material": lambda i: f"M{i % 25}", "size": lambda i: float(i % 8)}, 40),
        # equal but for the drawing are always two
        ({"code": lambda i: f"C{i // 2 % 100}"}, 20),
        # four drawings of ten, which differ in size
        ({"draw_no": lambda i: f"D{i if i < 360 else i // 10}", "size": lambda i: float(i)}, 4),
    ],
    ids=["different", "copies", "siblings"],
)
def test_relatives_are_told_by_all_routed_items_as_in_the_split(columns, clusters):
    """Of the 40 judged items most texts look like names: 25 materials are 25 of 40, but 25 of 400. What resamples draw are copies by all."""
    keys = [f"I{i:03d}" for i in range(400)]
    told = {name: [make(i) for i in range(400)] for name, make in columns.items()}
    items = items_of(keys, **{"draw_no": [f"D{i}" for i in range(400)], **told})
    when = {key: datetime(2024, 1, 1) + timedelta(days=i) for i, key in enumerate(keys)}
    report = run(
        (items, operations_of({k: steps("A B") for k in keys}, when)),
        make=MajorityByPartType, test_days=39.5, baselines=False, n_resamples=0,
    )  # fmt: skip
    assert report.held_out.height == 40
    assert report.held_out["cluster"].n_unique() == clusters


def test_the_same_evaluation_twice_is_equal(toy, usual):
    assert run(toy).metrics.equals(usual.metrics)


def test_legacy_metrics_are_rounded_and_equal_the_rows(usual):
    found = usual
    names = ["accuracy", "precision_weighted", "recall_weighted", "f1_weighted"]
    assert list(found.as_dict()["legacy"]) == [*names, "sample_count"]
    for name in names:
        assert getattr(found.legacy, name) == round(found.value(name), 4)
    assert found.legacy.sample_count > 0


# --- what is evaluated -----------------------------------------------------------------------------------------------


class Copying(BaseEstimator):
    """A nearest copy with scikit-learn's parameters; a fitted one refuses to be fitted again."""

    def __init__(self, similarity_threshold: float = 0.8) -> None:
        self.similarity_threshold = similarity_threshold

    def fit(self, items, operations, *, times=None, progress=None):
        assert not hasattr(self, "inner_")
        self.inner_ = NearestCopyPredictor(similarity_threshold=self.similarity_threshold)
        self.inner_.fit(items, operations, times=times)
        return self

    def predict(self, items) -> Predictions:
        return self.inner_.predict(items)


def test_an_estimator_is_cloned_with_its_parameters_for_every_fold_and_never_fitted_itself(toy):
    asked = {"split": "loo", "folds": 3, "baselines": False, "n_resamples": 0}
    given = Copying(similarity_threshold=0.97)
    made = run(toy, make=lambda: NearestCopyPredictor(similarity_threshold=0.97), **asked).metrics
    assert run(toy, make=given, **asked).metrics.equals(made)
    assert not hasattr(given, "inner_")


def test_what_can_be_neither_called_nor_cloned_is_refused_with_a_remedy(toy):
    with pytest.raises(ConfigurationError, match="NearestCopyPredictor cannot be evaluated") as caught:
        run(toy, make=NearestCopyPredictor())
    assert "callable" in caught.value.remedy


def test_without_options_and_work_results_the_newest_routings_are_judged(toy):
    found = evaluate(NearestCopyPredictor, *toy)
    assert (found.details.split, found.details.folds) == ("time", 1)
    assert found.value("exact_at_1") is not None and found.value("run_mae") is None


# --- failures --------------------------------------------------------------------------------------------------------


class Failing:
    def fit(self, items, operations, *, times=None, progress=None):
        raise ModelError("Only 3 items.", remedy="More items.")

    def predict(self, items):
        raise AssertionError("not fitted")


def test_a_model_that_cannot_be_fitted_is_null_with_its_message(toy):
    with capture_logs() as logs:
        found = run(toy, make=Failing)
    assert "evaluated_method_failed" in {entry["event"] for entry in logs}
    row = found.metrics.filter((pl.col("method") == "model") & (pl.col("metric") == "exact_at_1")).row(
        0, named=True
    )
    assert row["value"] is None and "Only 3 items." in row["reason"]
    assert (
        found.legacy is None
        and found.as_dict()["legacy"] == {}
        and found.value("exact_at_1", method="nearest_copy") is not None
    )
    assert found.details.cycle.items_evaluated == 0
    assert "METHOD_FAILED" in found.to_markdown()


def test_answers_out_of_contract_are_null_with_the_reason(toy):
    class OutOfContract(NearestCopyPredictor):
        def predict(self, items) -> Predictions:
            found = super().predict(items)
            return Predictions(
                found.candidates,
                found.operations.drop("job_cd"),
                found.resources,
                found.evidence,
                found.abstained,
            )

    with capture_logs() as logs:
        found = run(toy, make=OutOfContract)
    assert "answers_not_comparable" in {entry["event"] for entry in logs}
    row = found.metrics.filter((pl.col("method") == "model") & (pl.col("metric") == "exact_at_1")).row(
        0, named=True
    )
    assert row["value"] is None and row["reason"].startswith("COMPUTE_ERROR") and "job_cd" in row["reason"]
    assert found.value("exact_at_1", method="legacy") is not None


def test_a_family_of_metrics_that_raises_is_null_counted_and_told(toy, monkeypatch):
    """Whatever is raised: the other families are measured, the texts for people can still be written."""

    def broken(*_):
        raise KeyError("confidence")

    monkeypatch.setattr("routing_etl.evaluation.assembly.confidence_metrics", broken)
    monkeypatch.setattr("routing_etl.evaluation.assembly.calibration_table", broken)
    with capture_logs() as logs:
        found = run(toy)
    assert [e["exc_info"] for e in logs if e["event"] == "metric_family_failed"], "the trace is in the log"
    row = found.table.get("confidence")
    assert (row.value, row.reason) == (None, "COMPUTE_ERROR: KeyError: 'confidence'")
    share = found.table.get("metric_families_failed")
    # the family of four methods and one table
    assert share.value == pytest.approx(5 / share.n) and share.n == 28
    assert found.value("exact_at_1") is not None and found.calibration.is_empty()
    assert [a.code for a in found.alerts if a.code == "METRICS_FAILED"] == ["METRICS_FAILED"]
    assert "KeyError" in found.to_markdown() and verdicts(found.table)


def test_without_a_failure_the_share_of_failed_families_is_nought(usual):
    assert usual.table.get("metric_families_failed").value == 0
    assert not [a for a in usual.alerts if a.code == "METRICS_FAILED"]


def test_a_programming_error_is_not_hidden(toy):
    class Broken(Failing):
        def fit(self, items, operations, *, times=None, progress=None):
            raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        run(toy, make=Broken)


@pytest.mark.parametrize(
    "wrong", [{"n_resamples": -1}, {"n_resamples": 1.5}, {"max_items": 0}, {"split": "nonsense"}, {"test_days": math.nan}], ids=str
)  # fmt: skip
def test_wrong_options_are_errors_before_anything_is_fitted(toy, wrong):
    seen: list[dict] = []
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigurationError) as caught:
        run(toy, make=lambda: Recorder(seen), **wrong)
    assert f"{name} = {value!r}" in caught.value.message and caught.value.remedy
    assert not seen


def test_nothing_to_judge_is_null_and_critical_never_perfect(toy):
    items, operations = toy
    found = run((items, operations.head(0)))
    assert found.value("exact_at_1") is None and found.value("run_mae") is None and found.legacy is None
    assert [(a.code, a.severity) for a in found.alerts] == [("NO_ACTUAL_DATA", "critical")]
    assert found.details.items_evaluated == 0
    assert found.metrics["reason"].str.starts_with("NO_ACTUAL_DATA").all()
    METRICS.validate(found.metrics)


def test_without_work_results_times_are_null_and_an_alert_says_so(usual):
    found = usual
    row = found.metrics.filter((pl.col("method") == "model") & (pl.col("metric") == "run_mae"))
    assert row["value"].to_list() == [None] and row["reason"].to_list() == ["NO_ACTUAL_DATA"]
    assert ("NO_ACTUAL_DATA", "warning") in [(a.code, a.severity) for a in found.alerts]


# --- alerts ----------------------------------------------------------------------------------------------------------

GOOD = Cycle(
    cycle_id="time-1", timestamp="", strategy="", sample_size=100, items_evaluated=100, items_failed=0, sample_count=100,
    mae=1.0, trim_mae=1.0, rmse=1.0, cv=0.2, process_match=0.95, outsourcing_success=1.0, duration_seconds=0.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "items", "operations", "expected"),
    [
        ({}, 100, 100, []),
        ({"mae": 5.1}, 100, 100, [("HIGH_MAE", "warning")]),
        ({"mae": 10.1}, 100, 100, [("HIGH_MAE", "critical")]),
        ({"trim_mae": 3.6}, 100, 100, [("HIGH_MAE", "warning")]),
        ({"process_match": 0.79}, 100, 100, [("LOW_PROCESS_MATCH", "warning")]),
        ({"cv": 0.51}, 100, 100, [("HIGH_CV", "warning")]),
        ({}, 2, 100, [("LOW_SAMPLES", "warning")]),
        ({}, 100, 2, [("LOW_SAMPLES", "warning")]),
        ({"mae": None, "trim_mae": None, "cv": None}, 100, 0, [("NO_ACTUAL_DATA", "warning")]),
        ({}, 0, 0, [("NO_ACTUAL_DATA", "critical")]),
    ],
)
def test_alerts_at_the_earlier_systems_limits(values, items, operations, expected):
    found = alerts_of(replace(GOOD, sample_size=items, sample_count=operations, **values), Thresholds())
    assert [(a.code, a.severity) for a in found] == expected


@pytest.mark.parametrize(
    ("value", "inside", "beyond"),
    [
        ({"mae": 8.0}, {"mae_low": 4.9}, {"mae_low": 5.1}),
        ({"trim_mae": 8.0}, {"trim_mae_low": 3.4}, {"trim_mae_low": 3.6}),
        ({"cv": 0.9}, {"cv_low": 0.49}, {"cv_low": 0.51}),
        ({"process_match": 0.7}, {"process_match_high": 0.81}, {"process_match_high": 0.79}),
    ],
)
def test_a_figure_is_beyond_its_limit_when_its_whole_interval_is(value, inside, beyond):
    """0.70 of a dozen items may well be 0.81 of all; of a thousand it is not."""
    assert alerts_of(replace(GOOD, **value, **inside), Thresholds()) == ()
    (alert,) = alerts_of(replace(GOOD, **value, **beyond), Thresholds())
    assert alert.severity == "warning" and ("at most" in alert.message or "at least" in alert.message)


def test_an_evaluation_is_judged_with_its_intervals(usual):
    cycle, row = (
        usual.details.cycle,
        usual.metrics.filter(method="model", metric="process_match", segment="all"),
    )
    assert cycle.process_match_high == row["high"][0] > cycle.process_match


def test_a_segment_whose_confidence_is_no_probability_is_told_unless_chance_explains_it():
    def segment(name, error, chance, n):
        values = {"ece": error, "ece_by_chance": chance, "confidence_mean": 0.7}
        return [metric_row("model", m, v, n=n, segment=name) for m, v in values.items()]

    rows = [
        *segment("all", 0.02, 0.01, 5000),
        *segment("part_type_band:unseen", 0.12, 0.03, 300),
        *segment("part_type:T1", 0.06, 0.05, 210),  # so much shows by chance
        *segment("part_type_band:rare", 0.07, 0.02, 900),
        *segment("item_acct:A", 0.5, 0.1, 199),  # too few
        *segment("confidence:high", 0.2, 0.01, 900),  # chosen by the confidence
        metric_row("legacy", "ece", 0.4, n=900, segment="part_type_band:frequent"),
    ]
    found = on_segments(MetricTable.of(metrics_frame(rows)), Thresholds())
    assert [(a.code, a.severity) for a in found] == [("UNCALIBRATED_SEGMENT", "warning")] * 2
    assert "part_type_band:unseen (300 items" in found[0].message and "0.120" in found[0].message
    assert "part_type_band:rare" in found[1].message


def test_items_that_lack_more_than_half_of_what_most_have():
    keys = ["A", "B", "C", "D"]
    columns = {"one": ["x", None, "x", "x"], "two": ["x", None, "x", "x"], "three": ["x", "x", "x", None]}
    items = items_of(keys, **columns, seldom=[None, None, None, "x"])
    assert many_missing(items).tolist() == [False, True, False, False]


# --- the report ------------------------------------------------------------------------------------------------------


def test_direction_of_metrics():
    assert outcome("exact_at_1", 0.9, 0.1, 0.2) == "better"
    assert outcome("exact_at_1", 0.9, -0.2, -0.1) == "worse"
    assert outcome("run_wape", 0.2, -0.2, -0.1) == "better"
    assert outcome("ece", 0.2, 0.1, 0.2) == "worse"
    assert outcome("ece", 0.2, -0.1, 0.2) == outcome("ece", 0.2, 0.0, 0.0) == "unclear"
    assert outcome("abstained_share", 0.5, 0.4, 0.5) == "none"


@pytest.mark.parametrize(
    ("metric", "model", "low", "high", "answer"),
    [
        ("run_report_coverage", 0.8, -0.12, -0.08, "better"),  # the other covers 0.88 to 0.92
        (
            "run_report_coverage",
            0.95,
            0.1,
            0.2,
            "worse",
        ),  # ... 0.75 to 0.85: the target lies inside, all nearer
        (
            "run_report_coverage",
            0.83,
            0.05,
            0.08,
            "unclear",
        ),  # ... 0.75 to 0.78: as far below as the model above, or nearer
        ("setup_bias", -0.05, 0.15, 0.25, "better"),  # ... -0.3 to -0.2
        ("setup_bias", -0.05, -0.2, -0.02, "unclear"),  # ... -0.03 to 0.15: at 0 or far above it
    ],
)
def test_a_metric_with_a_target_is_better_when_significantly_nearer_to_it(metric, model, low, high, answer):
    assert outcome(metric, model, low, high) == answer


def test_every_metric_that_is_written_has_a_meaning(usual):
    assert set(usual.metrics["metric"]) <= set(GLOSSARY)
    assert all(m.text for m in GLOSSARY.values())


def test_markdown_shows_every_method_interval_and_reason(usual):
    text = usual.to_markdown()
    for word in (
        "nearest_copy",
        "majority_part_type",
        "legacy",
        "exact_at_1",
        "NO_ACTUAL_DATA",
        "part_type_band:",
        "[0.",
    ):
        assert word in text
    assert "nan" not in text.lower().replace("nan_", "")
    lines = [line for line in text.splitlines() if line.startswith("| exact_at_1 ")]
    assert len(lines) == 1


def test_the_json_form_keeps_its_keys_and_order(usual):
    content = json.loads(json.dumps(usual.as_dict(), ensure_ascii=False))
    assert list(content) == [
        "split", "metrics", "legacy", "calibration", "coverage", "time_sample", "alerts", "evaluation", "losses",
    ]  # fmt: skip
    assert all(list(row) == METRICS.names for row in content["metrics"])
    assert {tuple(alert) for alert in content["alerts"]} == {("code", "severity", "message")}
    assert {tuple(row) for row in content["calibration"]} == {
        ("bin_low", "bin_high", "n", "confidence", "observed")
    }
    assert {tuple(row) for row in content["coverage"]} == {("coverage", "threshold", "accuracy")}
    assert {tuple(loss) for loss in content["losses"]} == {("kind", "what", "items", "share", "told")}
    details = content["evaluation"]
    assert set(details) == {
        "split", "split_asked", "strategy", "notes", "folds", "items_evaluated", "items_trained", "items_failed", "seconds",
        "duration_seconds", "cycle",
    }  # fmt: skip
    assert set(details["cycle"]) == {
        "cycle_id", "sample_size", "strategy", "mae", "trim_mae", "rmse", "process_match", "outsourcing_success", "cv",
        "sample_count", "alerts", "timestamp", "duration_seconds", "items_evaluated", "items_failed", "mae_low", "trim_mae_low",
        "cv_low", "process_match_high",
    }  # fmt: skip
    assert details["items_trained"] > details["items_evaluated"] > 0
    assert math.isfinite(details["duration_seconds"])
    assert details["cycle"]["alerts"] == [alert["code"] for alert in content["alerts"]]


def test_what_does_not_apply_is_left_out_of_the_json_form(toy):
    items, operations = toy
    details = run((items, operations.head(0))).as_dict()["evaluation"]
    assert not {"split_asked", "folds", "seconds"} & set(details)
    assert details["cycle"]["mae"] is None


def test_the_tables_are_read_back_from_json_as_they_were(usual):
    again = EvaluationTables.from_json(json.loads(json.dumps(usual.as_dict(), ensure_ascii=False)))
    for name in ("metrics", "calibration", "coverage", "time_sample"):
        assert getattr(again, name).equals(getattr(usual, name)), name
        assert getattr(again, name).schema == getattr(usual, name).schema, name
    assert again.value("exact_at_1") == usual.value("exact_at_1")
    assert all(
        getattr(EvaluationTables.from_json({}), name).is_empty() for name in ("metrics", "time_sample")
    )


def test_rows_are_looked_up_by_metric_method_and_segment(usual):
    table = usual.table
    assert table.baselines() == ["legacy", "majority_part_type", "nearest_copy"]
    assert [tuple(getattr(row, name) for name in METRICS.names) for row in table] == usual.metrics.rows()
    row = table.get("exact_at_1", method="legacy", segment="part_type_band:rare")
    assert (row.method, row.metric, row.segment) == ("legacy", "exact_at_1", "part_type_band:rare")
    gap = table.difference("exact_at_1", "legacy")
    assert gap.is_difference and gap.value == usual.value("exact_at_1", method="model_minus_legacy")
    assert table.get("exact_at_1").of_model and not row.of_model and not gap.of_model
    assert table.get("no_such_metric") is None


def test_a_family_of_metrics_that_fails_is_null_and_the_others_are_measured(toy, monkeypatch):
    from routing_etl.evaluation import assembly

    def broken(*args: object) -> list:
        raise FloatingPointError("no times today")

    monkeypatch.setattr(assembly, "inside_metrics", broken)
    with capture_logs() as logs:
        found = run(toy)
    assert {entry["event"] for entry in logs if entry["log_level"] == "error"} == {"metric_family_failed"}
    row = found.metrics.filter((pl.col("method") == "model") & (pl.col("metric") == "inside")).row(
        0, named=True
    )
    assert (row["value"], row["reason"]) == (None, "COMPUTE_ERROR: no times today")
    assert found.value("exact_at_1") is not None and found.value("outsourced_f1") is None
