"""Whether a new version becomes the champion: a comparison on the same held-out items, metric by metric.

The rule is docs/decisions/0012-promotion-on-record.md; why a version must beat the plain answers, and why the variance between
fits counts, is docs/decisions/0015-small-plants.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.evaluation.metric_table import MetricRow, MetricTable
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import metric_rows
from routing_etl.pipeline.versions import HELD_OUT, headline, metrics_of, promote

if TYPE_CHECKING:
    from routing_etl.evaluation.bootstrap import Estimate
    from routing_etl.registry.store import ModelRegistry

#: Metrics in which a new version must not be significantly worse than the champion, and which it must measure when the
#: champion did. Each has a 95 % interval.
_JUDGED = {
    "exact_at_1": "exact match",
    "operation_f1": "operation-set F1",
    "resource_top1": "right resources",
    "run_wape": "error of run times",
    "setup_wape": "error of set-up times",
}


#: The baselines that can answer instead of the model, by the predictor's name for them.
PLAIN: dict[str, Literal["nearest", "majority"]] = {
    "nearest_copy": "nearest",
    "majority_part_type": "majority",
}


class Floor(NamedTuple):
    """The plain answer that the model does not reach, and the sentence that says so."""

    answers_by: Literal["nearest", "majority"]
    reason: str


def floor_missed(found: MetricTable) -> Floor | None:
    """The better of the plain answers when the model's exact match is below the lower end of its interval.

    Parameters
    ----------
    found : MetricTable
        The rows of an evaluation with baselines.

    Returns
    -------
    Floor or None
        None when the model reaches it, or when one of the two was not measured.
    """
    mine = found.get("exact_at_1")
    plain = [
        (name, row)
        for name in PLAIN
        if (row := found.get("exact_at_1", method=name)) and row.value is not None
    ]
    if mine is None or mine.value is None or not plain:
        return None
    name, best = max(plain, key=lambda one: one[1].value or 0.0)
    if best.low is None or mine.value >= best.low:
        return None
    copied = (
        "copied from similar items"
        if PLAIN[name] == "nearest"
        else "the most frequent routing of the item's kind"
    )
    return Floor(
        PLAIN[name],
        f"the model found {mine.value:.3f} of {mine.n} held-out items, below the {_interval(best)} of {name}, so candidates are "
        f"{copied}",
    )


class Decision(NamedTuple):
    """Whether a version was promoted, and why or why not."""

    promoted: bool
    reason: str


def promote_if_not_worse(
    ctx: Context, version: str, metrics: pl.DataFrame, held_out: pl.DataFrame | None = None
) -> Decision:
    """Promote the first version; a later one unless it is significantly worse than the champion or measures less.

    Significantly worse: in one of the judged metrics the 95 % interval of the paired difference on the items that both
    were judged on, which holds the variance between fits of either version, excludes 0. Where they have too few items in
    common (`paired.LEAST_PAIRS`), or were held out by another kind of split, the 95 % intervals of the two on their own
    items do not overlap. A metric that the champion measured and the new version cannot measure points to a source that
    went blind, so the champion stays.

    Parameters
    ----------
    ctx : Context
        Registry, warehouse and settings.
    version : str
        The new version, saved.
    metrics : polars.DataFrame
        Its METRICS rows.
    held_out : polars.DataFrame, optional
        What each held-out item adds to its metrics (`paired.HELD_OUT`). None: intervals alone are compared.

    Returns
    -------
    Decision
        Whether it was promoted, with the reason.
    """
    rows = metric_rows(metrics.to_dicts())
    own = headline(rows)
    if own is None or not ctx.registry.show(version).info.measured:
        return Decision(False, "its metrics could not be measured, so it cannot be the champion")
    reason = f"exact match {own.value:.3f} on {own.n} held-out items"
    decided_at, champion = ctx.registry.alias_serial(), ctx.registry.alias("champion")
    if champion is None:
        reason = f"first version: {reason}"
    else:
        before = metrics_of(ctx.registry.show(champion))
        former = headline(before)
        alike = former is not None and former.split == own.split
        paired = _paired(ctx.registry, version, champion, held_out) if alike else {}
        objection = _lost(rows, before, champion) or _worse(rows, before, paired, champion)
        if objection:
            return Decision(False, objection)
        shown = "not measured" if former is None else f"{former.value:.3f}"
        reason += f", champion {champion} had {shown}"
        if "exact_at_1" in paired:
            reason += f"; on the same items {_difference(paired['exact_at_1'])})"
    promote(ctx.settings, version, why=reason, decided_at=decided_at)
    return Decision(True, reason)


def _paired(
    registry: ModelRegistry, version: str, champion: str, held_out: pl.DataFrame | None
) -> dict[str, Estimate]:
    """Differences to the champion on the items that both were judged on, where there are enough for an interval."""
    from routing_etl.evaluation.paired import from_json, paired_differences

    if held_out is None or HELD_OUT not in {a.name for a in registry.show(champion).artifacts}:
        return {}
    theirs = from_json(registry.read_json(champion, HELD_OUT))
    spread = _fit_variances(registry, version, champion)
    found = paired_differences(held_out, theirs, fit_variances=spread)
    return {n: e for n, e in found.items() if e.low is not None}


def _fit_variances(registry: ModelRegistry, *versions: str) -> dict[str, float]:
    """Per metric the variance between fits, summed over the versions, times the judged items."""
    total: dict[str, float] = {}
    for version in versions:
        found = registry.show(version).metrics.get("evaluation") or {}
        for metric, sd in (found.get("fit_sd") or {}).items():
            total[metric] = total.get(metric, 0.0) + sd**2 * int(found.get("items_evaluated") or 0)
    return total


def _lost(rows: tuple[MetricRow, ...], before: tuple[MetricRow, ...], champion: str) -> str:
    """Which judged metrics the champion measured and the new version does not; empty when there is none."""
    lost = [words for n, words in _JUDGED.items() if headline(before, n) and headline(rows, n) is None]
    if not lost:
        return ""
    return (
        f"{', '.join(lost)}: measured for champion {champion} and not any more; check the source, or promote by hand if "
        "that is meant"
    )


def _worse(
    rows: tuple[MetricRow, ...],
    before: tuple[MetricRow, ...],
    paired: dict[str, Estimate],
    champion: str,
) -> str:
    """In which judged metrics the new version is significantly worse, and by how much; empty when in none."""
    texts = []
    for name in _JUDGED:
        mine, theirs = headline(rows, name), headline(before, name)
        if mine is None or theirs is None:
            continue
        difference = paired.get(name)
        texts.append(_worse_apart(mine, theirs) if difference is None else _worse_paired(name, difference))
    found = [text for text in texts if text]
    return f"significantly worse than champion {champion}: {'; '.join(found)}" if found else ""


def _worse_paired(metric: str, paired: Estimate) -> str:
    assert paired.low is not None and paired.high is not None
    worse = paired.high < 0 if GLOSSARY[metric].better == "up" else paired.low > 0
    return (
        f"{_JUDGED[metric]} on the same items {_difference(paired)}, 95 % interval excludes 0)"
        if worse
        else ""
    )


def _worse_apart(mine: MetricRow, theirs: MetricRow) -> str:
    if mine.low is None or mine.high is None or theirs.low is None or theirs.high is None:
        return ""
    up = GLOSSARY[mine.metric].better == "up"
    apart = mine.high < theirs.low if up else mine.low > theirs.high
    if not apart:
        return ""
    return (
        f"{_JUDGED[mine.metric]} {_interval(mine)} against {_interval(theirs)}, 95 % intervals do not overlap"
    )


def _difference(paired: Estimate) -> str:
    """The difference with its interval and items; the bracket is left open for what the caller adds."""
    return f"{paired.value:+.3f} ({paired.low:+.3f} to {paired.high:+.3f}, {paired.n} items"


def _interval(row: MetricRow) -> str:
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
