"""What every metric means and which direction is better: one entry per name in the metric tables.

Most are of predictions for held-out items, made in this room. Those of a published batch (split `production`) are made by
the step `measure` and in `warehouse/outcomes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down", "target", "none"]
Outcome = Literal["better", "worse", "unclear", "none"]


@dataclass(frozen=True)
class Meaning:
    """One metric.

    Attributes
    ----------
    text : str
        What it says.
    better : {'up', 'down', 'target', 'none'}
        Whether a larger value is better, a smaller one, one nearer to `target`, or neither.
    unit : str
        Unit; '' for a share.
    target : float
        The best value where `better` is 'target'.
    """

    text: str
    better: Direction
    unit: str = ""
    target: float = 0.0


#: Families of metrics and tables. A row of this name has no value and says why the whole family has none.
_FAMILIES = {
    "sequences": "all metrics of job sequences",
    "resources": "all metrics of resources",
    "inside": "all metrics of in-house and outsourced operations",
    "labels": "all metrics of labels per operation",
    "confidence": "all metrics of confidence",
    "times": "all metrics of times",
    "abstention": "the metric of abstentions",
    "calibration_table": "the table of calibration",
    "coverage_table": "the table of accuracy by coverage",
    "time_sample": "the sample of predicted and actual times",
    "held_out_items": "what each item adds to the metrics that decide on a promotion",
}


def _exact() -> dict[str, Meaning]:
    out: dict[str, Meaning] = {}
    for prefix, how in (
        ("exact_at", ""),
        ("expected_exact_at", ", expected over the routings a planner would write"),
    ):
        out |= {
            f"{prefix}_1": Meaning(f"first candidate has exactly the routing's job sequence{how}", "up"),
            f"{prefix}_4": Meaning(f"one of the first four candidates has it{how}", "up"),
            f"{prefix}_1_answered": Meaning(
                f"first candidate exact, among items with a candidate{how}", "up"
            ),
            f"{prefix}_1_surest_half": Meaning(
                f"first candidate exact, among the surest half of all items{how}", "up"
            ),
        }
    for k in (1, 4):
        out[f"expected_exact_at_{k}_share"] = Meaning(f"expected exact match at {k} over the ceiling's", "up")
    return out


def _times(measure: str, word: str, unit: str) -> dict[str, Meaning]:
    lines: dict[str, tuple[str, Direction, str, float]] = {
        "wape": ("sum of absolute errors over sum of actuals", "down", "", 0),
        "mdape": ("median of relative absolute errors", "down", "", 0),
        "mae": ("mean absolute error", "down", unit, 0),
        "trim_mae": ("mean absolute error without 10 % of the errors at each end", "down", unit, 0),
        "rmse": ("root mean square error", "down", unit, 0),
        "bias": ("sum of errors over sum of actuals, above 0 when predicted too long", "target", "", 0),
        "cv": ("root mean square error over mean actual", "down", "", 0),
        "pinball_10": ("pinball loss of P10", "down", unit, 0),
        "pinball_50": ("pinball loss of P50", "down", unit, 0),
        "pinball_90": ("pinball loss of P90", "down", unit, 0),
        "coverage": (
            "operations whose actual time (mean of its reports) lies from P10 to P90",
            "target",
            "",
            0.8,
        ),
        "report_coverage": ("single reports from P10 to P90, each operation weighing 1", "target", "", 0.8),
        "width": ("mean of P90 - P10; to be read with the coverage", "none", unit, 0),
        "width_relative": ("sum of P90 - P10 over sum of actuals", "none", "", 0),
        "filled": ("operations with an actual time that got a predicted one", "up", "", 0),
        "wape_vs_oracle": (
            "sum of absolute errors over the oracle's on the same operations",
            "down",
            "ratio",
            0,
        ),
        "wape_of_median": ("distance to the true medians over their sum", "down", "", 0),
    }
    return {
        f"{measure}_{name}": Meaning(f"{word}: {text}", better, unit, target)
        for name, (text, better, unit, target) in lines.items()
    }


def _of_publications() -> dict[str, Meaning]:
    """Metrics of a published batch, stored under the split `production`."""
    return {
        "predicted_share": Meaning("items without a routing that got a candidate", "none"),
        "mean_confidence": Meaning("mean confidence of the first candidates", "none"),
        "three_candidates_share": Meaning("predicted items with at least three candidates", "none"),
        "operations_with_time_share": Meaning("predicted operations with a time from any source", "up"),
        "operations_with_actuals_share": Meaning(
            "predicted operations whose time comes from work results", "up"
        ),
        "similarity_drift": Meaning(
            "Kullback-Leibler divergence of the first candidates' similarity from that of the version's first publication",
            "down",
            "nats",
        ),
        **_of_drift(),
        "realised_exact_at_1": Meaning(
            "items of the previous publication, routed since by engineers themselves (no copy of a proposal), whose first candidate "
            "was what they wrote",
            "up",
        ),
        "realised_exact_at_any": Meaning("... or any of their candidates", "up"),
    }


def _of_drift() -> dict[str, Meaning]:
    """Metrics of a night beside the training window of the version in force; the segment names attribute, job or machine."""
    return {
        "drift_band": Meaning(
            "worst band: 0 normal, 1 watch, 2 drift, 3 severe; the reason names the causes", "down", "band"
        ),
        "attribute_psi": Meaning("population stability index of an attribute's values", "down", "nats"),
        "unseen_value_share": Meaning("items with a value that no item of the window had", "down"),
        "new_code_share": Meaning(
            "routings written since with a job or machine that none had before", "down"
        ),
        "gone_code_share": Meaning(
            "share of the window's routings with the most frequent job or machine that surely none has any more",
            "down",
        ),
        **{
            f"{measure}_{name}": Meaning(text.format(word), "none", unit)
            for measure, word in (("run", "run times"), ("setup", "set-up times"))
            for name, text, unit in (
                ("time_ratio", "{} of a machine or job now over those before", "ratio"),
                ("times_changed", "machines and jobs whose {} have surely changed", "machines and jobs"),
            )
        },
        **{
            f"{score}_{name}": Meaning(text.format(score), "down", unit)
            for score in ("confidence", "similarity")
            for name, text, unit in (
                (
                    "psi",
                    "population stability index of the first candidates' {} since the version's first publication",
                    "nats",
                ),
                (
                    "far_share",
                    "first candidates below the lowest tenth of the {} in the version's first publication",
                    "",
                ),
            )
        },
    }


GLOSSARY: dict[str, Meaning] = {
    **_exact(),
    **_of_publications(),
    "top_5_hit_rate": Meaning(
        "the routing's job sequence is among the first five candidates (the replaced system's name); not measured where "
        "fewer are shown",
        "up",
    ),
    "operation_precision": Meaning("predicted operations that the routing has, counted with repeats", "up"),
    "operation_recall": Meaning("the routing's operations that are predicted, counted with repeats", "up"),
    "operation_f1": Meaning("harmonic mean of operation precision and recall", "up"),
    "edit_similarity": Meaning(
        "1 - edit distance of the job sequences (insert, delete 1; substitute 2) over both lengths, mean of items",
        "up",
    ),
    "order_agreement": Meaning("pairs of common operations that stand in the same order", "up"),
    "process_match": Meaning("the routing's operations found in order, mean of items", "up"),
    "answered_share": Meaning("items with a candidate", "none"),
    "abstained_share": Meaning("items without a candidate, with a reason", "none"),
    "abstention_justified": Meaning("abstained items whose job sequence no training item has", "up"),
    "candidates_per_item": Meaning("candidates per item, abstained ones included", "none", "candidates"),
    "high_tier_share": Meaning("candidates of tier HIGH", "none"),
    "resource_top1": Meaning("aligned operations planned on the right resource", "up"),
    "resource_top3": Meaning("... or with it among the first three shown", "up"),
    "inside_accuracy": Meaning("aligned operations rightly in-house or outsourced", "up"),
    **{
        f"{side}_{name}": Meaning(f"{name} of {word} operations, aligned by job", "up")
        for side, word in (("outsourced", "outsourced"), ("inhouse", "in-house"))
        for name in ("precision", "recall", "f1")
    },
    "outsourcing_success": Meaning(
        "outsourced operations that are predicted so (the replaced system's name)", "up"
    ),
    "accuracy": Meaning("aligned operations with the right job code", "up"),
    "precision_weighted": Meaning("precision of job codes, weighted by their frequency", "up"),
    "recall_weighted": Meaning("recall of job codes, weighted by their frequency", "up"),
    "f1_weighted": Meaning("F1 of job codes, weighted by their frequency", "up"),
    "ece": Meaning("expected calibration error of the first candidates' confidence, 15 bins", "down"),
    "ece_by_chance": Meaning(
        "the part of it that so few items would show if every confidence were right", "none"
    ),
    "ece_candidates": Meaning("the same over all candidates", "down"),
    "brier": Meaning(
        "mean squared distance of confidence and outcome; small also for who is always wrong and says so",
        "none",
    ),
    "brier_skill": Meaning("1 - Brier score over that of always saying the method's own hit rate", "up"),
    "confidence_mean": Meaning("mean confidence of the first candidates", "none"),
    "auroc_exact": Meaning("chance that an exact answer is surer than a wrong one", "up"),
    "auroc_known_type": Meaning(
        "chance that an item of a known part type is surer than one of a new type", "up"
    ),
    **{
        f"{name}_vs_oracle": Meaning(f"{name} over the oracle's", "up", "ratio")
        for name in ("operation_f1", "edit_similarity", "resource_top1", "outsourced_f1")
    },
    **_times("setup", "set-up", "min/order"),
    **_times("run", "run time", "min/piece"),
    "realised_adopted_share": Meaning(
        "routings written since that are copies of a candidate, which proves nothing about it",
        "none",
    ),
    "ignored_share": Meaning(
        "items whose proposal nobody has taken over, rejected or replaced for weeks, of all items that have one",
        "none",
    ),
    "adopted_run_wape": Meaning(
        "error of run times that engineers took over, over the times that orders have taken since, as a share of these",
        "down",
    ),
    "metric_families_failed": Meaning(
        "families of metrics that could not be computed because of an error, over all families of all methods",
        "down",
    ),
    **{name: Meaning(f"could not be computed: {what}", "none") for name, what in _FAMILIES.items()},
    "standards_held": Meaning(
        "standard times that would have been proposed a year before the newest report and are nearer to the median of the "
        "orders since than the ERP's standard",
        "up",
    ),
}


#: The metrics of drift.
DRIFT = frozenset(_of_drift()) | {"similarity_drift"}


def arrow(metric: str) -> str:
    """The direction as one sign for tables: ↑, ↓, → with the target, or nothing."""
    meaning = GLOSSARY[metric]
    return {"up": " ↑", "down": " ↓", "target": f" →{meaning.target:g}", "none": ""}[meaning.better]


def outcome(metric: str, model: float, low: float, high: float) -> Outcome:
    """Read the 95 % interval of a difference.

    Parameters
    ----------
    metric : str
        Name of the metric.
    model : float
        The model's value.
    low : float
        Lower end of the interval of model minus other.
    high : float
        Upper end.

    Returns
    -------
    {'better', 'worse', 'unclear', 'none'}
        'better' or 'worse' when the interval excludes 0, 'unclear' when it does not, 'none' for a metric without a direction.
        Where a metric has a target, the other's values at both ends of the interval and between them must all be further from
        it (nearer to it) than the model's.
    """
    meaning = GLOSSARY[metric]
    if meaning.better == "none":
        return "none"
    if low <= 0 <= high:
        return "unclear"
    if meaning.better == "target":
        ends = (model - high - meaning.target, model - low - meaning.target)
        own, nearest = abs(model - meaning.target), min(map(abs, ends)) * (ends[0] * ends[1] > 0)
        return "better" if nearest > own else "worse" if max(map(abs, ends)) < own else "unclear"
    return "better" if (low > 0) == (meaning.better == "up") else "worse"
