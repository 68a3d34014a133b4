"""Is the model better than every baseline on every metric, and where is that not sure?

One verdict per metric with a direction and baseline, from the paired intervals in the METRICS rows; nothing is measured
here. What does not belong here: which metrics exist (`glossary.py`), intervals (`bootstrap.py`), how verdicts are shown
beyond the compact table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from routing_etl.evaluation.glossary import GLOSSARY, compared
from routing_etl.evaluation.markdown import MARKS, number, table
from routing_etl.evaluation.report import CEILING, MINUS, MODEL, ORACLE, sections_of

Answer = Literal["better", "worse", "unclear", "not comparable"]

#: Which figures of a baseline mean something else than the model's, and which it cannot have.
BASELINE_NOTES: dict[str, str] = {
    "nearest_copy": "nearest_copy copies one item's times and so has no P10 and P90; what it shows as confidence is the "
    "similarity of the copied item, and the confidence metrics take it for a probability as its reader would.",
    "majority_part_type": "majority_part_type's confidence is the share of the part type's items that have the routing.",
    "legacy": "legacy gives no P10 and P90; its confidence is the earlier system's score, read as a probability as its "
    "users did.",
}
#: How to read comparisons that are no plain "more is better".
READING = (
    "order_agreement, auroc_exact and the metrics ending in _answered are over what each method itself found or answered, "
    "so that one which gets only the easy items right can look good; ece is small also for who is always wrong and says "
    "so (brier_skill is not). Metrics with a target (bias, coverage) are better when surely nearer to it."
)


@dataclass(frozen=True)
class Verdict:
    """Model against one baseline on one metric.

    Attributes
    ----------
    section: heading of the metric's family. model, other: values on each side's own items and operations, None when not
        measured. difference, low, high: model minus baseline and its paired 95 % interval, resources and times on the
        operations that both have. reason: why nothing can be compared.
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


def baselines_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Methods in METRICS rows that are neither the model, nor oracle or ceiling, nor a difference."""
    names = {str(r["method"]) for r in rows}
    return sorted(n for n in names if n not in (MODEL, ORACLE, CEILING) and not n.startswith(MINUS))


def verdicts(rows: Iterable[Mapping[str, Any]], *, segment: str = "all") -> list[Verdict]:
    """Every metric with a direction that the model has in a segment, against every baseline, in the reports' order.

    `rows`: METRICS rows as dictionaries.
    """
    rows = [r for r in rows if r["segment"] == segment]
    by_name = {(r["method"], r["metric"]): r for r in rows}
    others = baselines_of(rows)
    measured = [metric for method, metric in by_name if method == MODEL and GLOSSARY[metric].better != "none"]
    # A figure that only the model has (its share of the oracle's, say) is no comparison that failed.
    shared = [m for m in measured if any((other, m) in by_name for other in others)]
    return [
        _verdict(section, metric, other, by_name[MODEL, metric], by_name)
        for section, names in sections_of(shared)
        for metric in names
        for other in others
    ]


def _verdict(
    section: str,
    metric: str,
    baseline: str,
    mine: Mapping[str, Any],
    by_name: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Verdict:
    theirs, delta = by_name.get((baseline, metric)), by_name.get((MINUS + baseline, metric))
    value, other = mine["value"], theirs["value"] if theirs else None
    if delta is None or delta["low"] is None or delta["high"] is None or value is None:
        reason = next(
            (r["reason"] for r in (mine, theirs, delta) if r is not None and r["value"] is None), None
        )
        if reason is None:
            reason = "the baseline has no such figure" if theirs is None else "no interval of the difference"
        return Verdict(
            section, metric, baseline, value, other, None, None, None, "not comparable", str(reason)
        )
    answer = compared(metric, value, delta["low"], delta["high"])
    assert answer != "none"  # metrics without a direction were left out
    return Verdict(
        section, metric, baseline, value, other, delta["value"], delta["low"], delta["high"], answer
    )


def not_better(found: Iterable[Verdict]) -> list[Verdict]:
    """Comparisons that could be made and in which the model is not surely better."""
    return [v for v in found if v.answer in ("unclear", "worse")]


def verdict_table(found: list[Verdict]) -> str:
    """Compact Markdown: one line per metric with the model's value and, per baseline, difference, interval and sign.

    Ends with which pairs cannot be compared and why, and one line with exactly those (metric, baseline) pairs whose
    interval does not say that the model is better.
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
    """How many comparisons the model surely wins, and every (metric, baseline) pair that it does not."""
    made = [v for v in found if v.answer != "not comparable"]
    open_ = not_better(made)
    head = f"Surely better (paired 95 % interval) in {len(made) - len(open_)} of {len(made)} comparisons"
    if not open_:
        return f"{head}; no pair is open."
    named = [f"({v.metric}, {v.baseline}){_remark(v)}" for v in open_]
    return f"{head}; not in {len(open_)}: {', '.join(named)}."


def _remark(v: Verdict) -> str:
    if v.answer == "worse":
        return " worse"
    return " equal" if v.low == v.high == 0 else ""
