"""Whether the model is better than every baseline on every metric.

One verdict per metric with a direction and baseline, from the paired intervals in the METRICS rows; nothing is measured
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from routing_etl.evaluation.glossary import GLOSSARY, outcome
from routing_etl.evaluation.markdown import MARKS, number, table
from routing_etl.evaluation.metric_table import ALL, MODEL, MetricRow, MetricTable
from routing_etl.evaluation.sections import sections_of

Answer = Literal["better", "worse", "unclear", "not comparable"]

#: Which figures of a baseline do not mean what the model's do, and which it cannot have.
BASELINE_NOTES: dict[str, str] = {
    "nearest_copy": "nearest_copy copies one item's times and so has no P10 and P90; what it shows as confidence is the "
    "similarity of the copied item, and the confidence metrics take it for a probability as its reader would.",
    "majority_part_type": "majority_part_type's confidence is the share of the part type's items that have the routing.",
    "legacy": "legacy gives no P10 and P90; its confidence is the replaced system's score, read as a probability as its "
    "users did.",
}
#: How to read metrics for which "more is better" is too simple.
READING = (
    "order_agreement, auroc_exact and the metrics ending in _answered are over what each method itself found or answered, "
    "so that one which gets only the easy items right can look good; ece is small also for who is always wrong and says "
    "so (brier_skill is not). Metrics with a target (bias, coverage) are better when significantly nearer to it."
)


@dataclass(frozen=True)
class Verdict:
    """Model against one baseline on one metric.

    Attributes
    ----------
    section : str
        Heading of the metric's family.
    metric, baseline : str
        What is judged, and against which method.
    model, other : float or None
        Values on each side's own items and operations. None when not measured.
    difference, low, high : float or None
        Model minus baseline and its paired 95 % interval, resources and times on the operations that both have.
    answer : {'better', 'worse', 'unclear', 'not comparable'}
        'better' and 'worse' when the interval excludes 0.
    reason : str or None
        Why the two are not comparable.
    """

    section: str
    metric: str
    baseline: str
    model: float | None
    other: float | None
    difference: float | None
    low: float | None
    high: float | None
    answer: Answer
    reason: str | None = None


def verdicts(found: MetricTable, *, segment: str = ALL) -> list[Verdict]:
    """Every metric with a direction that the model has in a segment, against every baseline.

    Parameters
    ----------
    found : MetricTable
        The rows of one evaluation.
    segment : str, optional
        Which segment.

    Returns
    -------
    list of Verdict
        In the order of the reports.
    """
    others = found.baselines(segment=segment)
    shared = [
        metric
        for metric in found.metrics_of(MODEL, segment=segment)
        if GLOSSARY[metric].better != "none"
        # a figure that only the model has (its share of the oracle's, say) is no verdict that could not be reached
        and any(found.get(metric, method=other, segment=segment) for other in others)
    ]
    return [
        _verdict(section, row, other, found)
        for section, names in sections_of(shared)
        for row in filter(None, (found.get(metric, segment=segment) for metric in names))
        for other in others
    ]


def _verdict(section: str, mine: MetricRow, baseline: str, found: MetricTable) -> Verdict:
    theirs = found.get(mine.metric, method=baseline, segment=mine.segment)
    delta = found.difference(mine.metric, baseline, segment=mine.segment)
    value, other = mine.value, theirs.value if theirs else None
    if delta is None or delta.low is None or delta.high is None or value is None:
        reason = next((r.reason for r in (mine, theirs, delta) if r is not None and r.value is None), None)
        if reason is None:
            reason = "the baseline has no such figure" if theirs is None else "no interval of the difference"
        return Verdict(
            section, mine.metric, baseline, value, other, None, None, None, "not comparable", reason
        )
    answer = outcome(mine.metric, value, delta.low, delta.high)
    assert answer != "none"  # metrics without a direction were left out
    return Verdict(section, mine.metric, baseline, value, other, delta.value, delta.low, delta.high, answer)


def not_better(found: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts that could be reached and in which the model is not significantly better."""
    return [v for v in found if v.answer in ("unclear", "worse")]


def verdict_table(found: list[Verdict]) -> str:
    """Compact Markdown: one line per metric with the model's value and, per baseline, difference, interval and sign.

    Ends with the pairs that are not comparable, with the reason, and one line with exactly those (metric, baseline) pairs
    in which the model is not significantly better.
    """
    others = sorted({v.baseline for v in found})
    if not others:
        return "No baseline was measured.\n"
    cells: dict[tuple[str, str], dict[str, Verdict]] = {}
    for v in found:
        cells.setdefault((v.section, v.metric), {})[v.baseline] = v
    lines: list[str] = []
    for section in dict.fromkeys(s for s, _ in cells):
        body = []
        for (own, metric), by in cells.items():
            if own == section:
                value = next(iter(by.values())).model
                body.append([metric, number(value), *(_cell(by.get(o)) for o in others)])
        lines += table([section, "model", *(f"minus {o}" for o in others)], body)
    lines += [
        *_left_out(found),
        "",
        READING,
        *[BASELINE_NOTES[o] for o in others if o in BASELINE_NOTES],
        "",
        conclusion(found),
    ]
    return "\n".join(lines) + "\n"


def _cell(v: Verdict | None) -> str:
    if v is None or v.answer == "not comparable":
        return "–"
    return f"{v.difference:+.3f} [{v.low:+.3f}, {v.high:+.3f}]" + MARKS[v.answer].replace("**", "")


def _left_out(found: list[Verdict]) -> list[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for v in found:
        if v.answer == "not comparable":
            reasons.setdefault((v.baseline, str(v.reason)), []).append(v.metric)
    return [f"Not comparable with {b} ({why}): {', '.join(names)}." for (b, why), names in reasons.items()]


def conclusion(found: list[Verdict]) -> str:
    """In how many pairs the model is significantly better, and every (metric, baseline) pair in which it is not."""
    made = [v for v in found if v.answer != "not comparable"]
    open_ = not_better(made)
    head = f"Significantly better (paired 95 % interval excludes 0) in {len(made) - len(open_)} of {len(made)} comparisons"
    if not open_:
        return f"{head}; no pair is open."
    named = [f"({v.metric}, {v.baseline}){_remark(v)}" for v in open_]
    return f"{head}; not in {len(open_)}: {', '.join(named)}."


def _remark(v: Verdict) -> str:
    if v.answer == "worse":
        return " worse"
    return " equal" if v.low == v.high == 0 else ""
