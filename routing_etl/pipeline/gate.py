"""Whether a new version becomes the champion: by its recipe, by both recipes on the same window, by what engineers wrote.

The rules are docs/decisions/0012-promotion-on-record.md and 0017-judged-as-deployed.md; why a version must beat the plain answers,
and why the variance between fits counts, is docs/decisions/0015-small-plants.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.evaluation.intervals import score_interval
from routing_etl.evaluation.metric_table import ALL, RIVAL, MetricRow, MetricTable
from routing_etl.pipeline.champion import PINNED, make_champion, pin_in_force
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.persons import Actor
from routing_etl.pipeline.recipe import Recipe, recipe_of
from routing_etl.pipeline.results import metric_rows
from routing_etl.pipeline.versions import HELD_OUT, Saved, Sides, headline, metrics_of
from routing_etl.warehouse import decisions
from routing_etl.warehouse.decisions import Decisions, Figure

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


HEADLINE = "exact_at_1"
_NORMAL = NormalDist()
#: Standard deviations from the value to either end of a 95 % interval.
_SIDES = _NORMAL.inv_cdf(0.975)
#: Chance of calling a version worse that is not, over all metrics and all looks at its recipe (the levels of the looks are
#: 6 / (pi k)^2 of it, which sum up to 1).
LEVEL = 0.05
#: Least items of a segment whose loss counts, and least realised outcomes of either recipe that decide.
LEAST_IN_SEGMENT, ENOUGH_REALISED = 100, 30

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
    best = _with_an_interval(best)
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


def _with_an_interval(row: MetricRow) -> MetricRow:
    """The row; that of a plain answer that was always right, of which all resamples are right too, with the score interval."""
    if row.value is None or row.low is None or row.low != row.high or not row.n:
        return row
    low, high = score_interval(row.value, row.n)
    return replace(row, low=low, high=high)


class Decision(NamedTuple):
    """Whether a version was promoted, and why or why not."""

    promoted: bool
    reason: str


@dataclass(frozen=True)
class Challenger:
    """A new version before it is judged.

    Attributes
    ----------
    version : str
        Its name.
    actor : Actor
        Who asked for the training, and through what.
    recipe : Recipe
        How it was made.
    data_hash : str
        Of what it learned from.
    items_trained : int
        Routed items that it learned from.
    """

    version: str
    actor: Actor
    recipe: Recipe
    data_hash: str
    items_trained: int


class _Verdict(NamedTuple):
    """What a comparison says: why the version must not replace the champion (empty: nothing), in words, with the figures."""

    objection: str
    words: str
    figures: tuple[Figure, ...] = ()


def record_trained(ctx: Context, challenger: Challenger, why: str) -> None:
    """Put a training on record.

    Parameters
    ----------
    ctx : Context
        Run, registry and warehouse.
    challenger : Challenger
        The saved version.
    why : str
        Why it was trained.
    """
    _record(ctx, challenger, "trained", why)


def promote_if_not_worse(
    ctx: Context,
    challenger: Challenger,
    metrics: pl.DataFrame,
    held_out: pl.DataFrame | None = None,
    since: pl.DataFrame | None = None,
    saved: Saved | None = None,
) -> Decision:
    """Promote the first version; a later one unless something speaks against it. Either way the decision is on record.

    Against it speaks, in this order: it could not be measured; a person has pinned the champion; and, where that can be read, it cannot
    measure what the
    champion measured; it is worse (`docs/decisions/0017-judged-as-deployed.md`). A version of the champion's own recipe differs in
    its data alone: it is refused when it is worse on what was written since the champion had learned, or when its figures collapse
    (`docs/decisions/0020-what-is-recent.md`).

    Parameters
    ----------
    ctx : Context
        Registry, warehouse and settings.
    challenger : Challenger
        The new version, saved.
    metrics : polars.DataFrame
        Its METRICS rows; where its recipe is another one, with those of the champion's recipe on the same window.
    held_out : polars.DataFrame, optional
        What each held-out item adds to its metrics (`paired.HELD_OUT`), for versions whose recipe cannot be fitted here.
    since : polars.DataFrame, optional
        METRICS rows of both, the champion as it is, on what was written since it had learned (`evaluation.deployed`). None: too
        little was.
    saved : Saved, optional
        On what both were judged and how much they had learned from, for the record. None: not known.

    Returns
    -------
    Decision
        Whether it was promoted, with the reason.
    """
    rows = metric_rows(metrics.to_dicts())
    decided_at, champion = ctx.registry.alias_serial(), ctx.registry.alias("champion")
    own = headline(rows)
    if own is None or not ctx.registry.show(challenger.version).info.measured:
        return _refused(ctx, challenger, "its metrics could not be measured, so it cannot be the champion")
    reason = f"exact match {own.value:.3f} on {own.n} held-out items"
    figures: tuple[Figure, ...] = ()
    if champion is None:
        reason = f"first version: {reason}"
    else:
        with ctx.warehouse() as engine:
            pin = pin_in_force(engine, ctx.settings)
        if pin is not None:
            return _refused(
                ctx,
                challenger,
                f"{PINNED}: {champion} by {pin.made.by} since {pin.decided_at:%Y-%m-%d} ({pin.made.reason})",
            )
        problem = ctx.registry.unreadable(champion)
        if problem:  # one that cannot predict loses to any that can
            made = _decision(
                ctx,
                challenger,
                "promoted",
                f"{reason}; champion {champion} cannot be read: {problem}",
                figures,
            )
            make_champion(ctx.settings, made, decided_at=decided_at)
            return Decision(True, made.reason)
        beside = MetricTable(()) if since is None else MetricTable.of(since)
        verdict = _judge(
            ctx,
            challenger,
            champion,
            _Measured(MetricTable(rows), beside, held_out, saved or Saved(challenger.version)),
        )
        if verdict.objection:
            return _refused(ctx, challenger, verdict.objection, verdict.figures)
        reason, figures = f"{reason}; {verdict.words}", verdict.figures
    made = _decision(ctx, challenger, "promoted", reason, figures)
    make_champion(ctx.settings, made, decided_at=decided_at)
    return Decision(True, reason)


def _refused(ctx: Context, challenger: Challenger, reason: str, figures: tuple[Figure, ...] = ()) -> Decision:
    _record(ctx, challenger, "refused", reason, figures)
    return Decision(False, reason)


def _record(
    ctx: Context, challenger: Challenger, kind: str, reason: str, figures: tuple[Figure, ...] = ()
) -> None:
    with ctx.warehouse() as engine:
        Decisions(engine, ctx.settings.warehouse_schema).record(
            _decision(ctx, challenger, kind, reason, figures)
        )


def _decision(
    ctx: Context, challenger: Challenger, kind: str, reason: str, figures: tuple[Figure, ...]
) -> decisions.Decision:
    return decisions.Decision(
        kind,
        challenger.version,
        ctx.registry.alias("champion"),
        challenger.actor.by,
        challenger.actor.via,
        reason,
        run_id=ctx.run.run_id,
        data_hash=challenger.data_hash,
        recipe_hash=challenger.recipe.hash,
        items_trained=challenger.items_trained,
        figures=figures,
    )


# --- the comparison ----------------------------------------------------------------------------------------------------


class _Ground(NamedTuple):
    """On what both were judged and in what they differ, in words and for the record; and what the new version must gain."""

    where: str
    said: str
    sides: Sides
    least_gain: float = 0.0


class _Measured(NamedTuple):
    """What an evaluation found: on its window, beside the champion on what was written since, and per held-out item."""

    found: MetricTable
    since: MetricTable
    held_out: pl.DataFrame | None
    saved: Saved


def _judge(ctx: Context, challenger: Challenger, champion: str, measured: _Measured) -> _Verdict:
    """The challenger beside the champion, by what is comparable of them."""
    details, found = ctx.registry.show(champion), measured.found
    before = metrics_of(details)
    lost = _lost(found.rows, before, champion)
    if lost:
        return _Verdict(lost, "")
    changed = challenger.recipe.differences(recipe_of(details))
    since = f"on what was written since champion {champion} had learned"
    beside = measured.since if measured.since.difference(HEADLINE, RIVAL) is not None else None
    if not changed:
        own = _same_recipe(challenger, champion, measured, before, details.metrics.get("training_samples"))
        if own.objection or beside is None:
            return own
        return _on_the_window(
            ctx, challenger, champion, beside, _Ground(since, own.words, measured.saved.since)
        )
    said, least = f"another recipe ({', '.join(changed)})", ctx.settings.promote_least_gain
    realised = _realised(ctx, challenger, recipe_of(details))
    if realised is not None:
        return realised
    if found.difference(HEADLINE, RIVAL) is not None:
        return _on_the_window(
            ctx,
            challenger,
            champion,
            found,
            _Ground("both recipes on the same window", said, measured.saved.window, least),
        )
    if beside is not None:
        return _on_the_window(
            ctx, challenger, champion, beside, _Ground(since, said, measured.saved.since, least)
        )
    return _apart(ctx, challenger, champion, found, before, measured.held_out, changed)


def _same_recipe(
    challenger: Challenger,
    champion: str,
    measured: _Measured,
    before: tuple[MetricRow, ...],
    trained: int | None,
) -> _Verdict:
    """Only a collapse counts: what both show was measured with other data, by models that are thrown away."""
    found = measured.found
    mine, theirs = found.get(HEADLINE), headline(before)
    figures = tuple(
        replace(
            _own_figure(name, found.get(name), headline(before, name), "the same recipe: not compared"),
            items_trained=measured.saved.window.items_trained,
        )
        for name in _JUDGED
        if found.get(name) is not None
    )
    if _collapsed(mine, theirs):
        assert mine is not None and theirs is not None
        why = (
            f"exact match fell from {_interval(theirs)} to {_interval(mine)}, below half of champion {champion}'s, by the same "
            "recipe: something has happened to the data; look at the routings, or promote by hand if that is meant"
        )
        return _Verdict(why, "", figures)
    words = f"the recipe of champion {champion}, learned from {challenger.items_trained:,} routed items instead of {trained or 0:,}"
    return _Verdict("", words, figures)


def _collapsed(mine: MetricRow | None, theirs: MetricRow | None) -> bool:
    """Whether a metric that should be high is below half of the other's, with intervals that do not meet."""
    if mine is None or theirs is None or mine.value is None or theirs.value is None:
        return False
    apart = mine.high is None or theirs.low is None or mine.high < theirs.low
    return apart and mine.value < theirs.value / 2


def _own_figure(name: str, mine: MetricRow | None, theirs: MetricRow | None, why: str) -> Figure:
    return Figure(
        name,
        mine.value if mine else None,
        theirs.value if theirs else None,
        None,
        None,
        None,
        None,
        mine.n if mine else 0,
        "not compared",
        why,
        basis="own",
    )


def _on_the_window(
    ctx: Context,
    challenger: Challenger,
    champion: str,
    found: MetricTable,
    ground: _Ground,
) -> _Verdict:
    """Both asked for the same items, corrected for several metrics and repeated looks.

    Parameters
    ----------
    ctx : Context
        Settings and decisions.
    challenger : Challenger
        The new version.
    champion : str
        The version that predicts now.
    found : MetricTable
        Metrics of both on the same items.
    ground : _Ground
        On which, and in what the new version differs.
    """
    looks = _looks(ctx, challenger, champion)
    compared = [f for name in _JUDGED if (f := _window_figure(name, found, ALL)) is not None]
    bad = worse_by_holm(compared, LEVEL * 6 / (math.pi * looks) ** 2)
    told = (
        *(replace(f, verdict="worse" if f.metric in bad else _clear(f)) for f in compared),
        *_segment_figures(found),
    )
    figures = tuple(replace(f, **asdict(ground.sides)) for f in told)
    texts = [f"{_JUDGED[f.metric]} {_told(f)}" for f in figures if f.metric in bad and f.segment == ALL]
    limit = ctx.settings.promote_segment_loss
    texts += [
        f"exact match of {f.segment} {_told(f)}, more than {limit:g}"
        for f in figures
        if f.segment != ALL and f.n >= LEAST_IN_SEGMENT and f.high is not None and f.high < -limit
    ]
    if texts:
        return _Verdict(
            f"significantly worse than champion {champion}: {'; '.join(texts)}; {ground.where}; {ground.said}",
            "",
            figures,
        )
    gain = next((f.difference for f in compared if f.metric == HEADLINE), None)
    least = ground.least_gain
    if least > 0 and (gain is None or gain < least):
        return _Verdict(
            f"it gains {gain or 0:+.3f} exact match over champion {champion}, less than {least:g}; {ground.said}",
            "",
            figures,
        )
    gained = next((_told(f) for f in compared if f.metric == HEADLINE), "not measured")
    return _Verdict("", f"{ground.said}; {ground.where}: {gained}", figures)


def _window_figure(name: str, found: MetricTable, segment: str) -> Figure | None:
    """The metric of both recipes on the same window; None where it was not compared."""
    mine, theirs = found.get(name, segment=segment), found.get(name, method=RIVAL, segment=segment)
    delta = found.difference(name, RIVAL, segment=segment)
    if mine is None or theirs is None or delta is None or delta.value is None:
        return None
    p = None
    if delta.low is not None and delta.high is not None:
        p = p_worse(delta.value, delta.low, delta.high, up=GLOSSARY[name].better == "up")
    return Figure(
        name, mine.value, theirs.value, delta.value, delta.low, delta.high, p, delta.n, "unclear", segment=segment
    )  # fmt: skip


def _segment_figures(found: MetricTable) -> Iterator[Figure]:
    for segment in found.segments():
        figure = _window_figure(HEADLINE, found, segment) if segment != ALL else None
        if figure is not None:
            yield replace(figure, verdict=_clear(figure))


def _clear(figure: Figure) -> str:
    """What the interval alone says, for readers; a refusal needs more."""
    if figure.low is None or figure.high is None or figure.low <= 0 <= figure.high:
        return "unclear"
    better = (figure.low > 0) == (GLOSSARY[figure.metric].better == "up")
    return "better" if better else "lower"


def p_worse(value: float, low: float, high: float, *, up: bool) -> float:
    """One-sided p-value of being worse, from a difference with its 95 % interval, taken as normal.

    Parameters
    ----------
    value : float
        The difference, version minus champion.
    low : float
        Lower end of its interval.
    high : float
        Upper end of its interval.
    up : bool
        Whether more is better.
    """
    if high <= low:
        return 1.0 if (value >= 0) == up or value == 0 else 0.0
    score = value / ((high - low) / (2 * _SIDES))
    return _NORMAL.cdf(score if up else -score)


def worse_by_holm(figures: Sequence[Figure], level: float) -> set[str]:
    """Metrics that are worse when all of them are tested at once (Holm 1979).

    Parameters
    ----------
    figures : sequence of Figure
        One per metric, with its p-value.
    level : float
        Chance of calling any of them worse that is not.

    Returns
    -------
    set of str
        Their names.
    """
    tested = sorted((f.p_value, f.metric) for f in figures if f.p_value is not None)
    found: set[str] = set()
    for number, (p, metric) in enumerate(tested):
        if p > level / (len(tested) - number):
            break
        found.add(metric)
    return found


def _looks(ctx: Context, challenger: Challenger, champion: str) -> int:
    """How often this recipe has been compared with this champion, this time included."""
    with ctx.warehouse() as engine:
        refused = Decisions(engine, ctx.settings.warehouse_schema).refusals(champion)
    return 1 + sum(r.made.recipe_hash == challenger.recipe.hash for r in refused)


def _told(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.difference:+.3f} ({figure.n} items)"
    return f"{figure.difference:+.3f} ({figure.low:+.3f} to {figure.high:+.3f}, {figure.n} items)"


def _realised(ctx: Context, challenger: Challenger, theirs: Recipe) -> _Verdict | None:
    """What engineers wrote decides where both recipes have predicted enough items that were routed since."""
    from routing_etl.warehouse.outcomes import realised_by_version

    with ctx.warehouse() as engine:
        counted = realised_by_version(engine, ctx.settings.warehouse_schema)
        trained = Decisions(engine, ctx.settings.warehouse_schema).of(kinds=("trained",))
    hashes = {r.made.version: r.made.recipe_hash for r in trained}
    sides = []
    for recipe in (challenger.recipe, theirs):
        own = [counted[v] for v in counted if hashes.get(v) == recipe.hash]
        sides.append((sum(one.itself_first for one in own), sum(one.itself for one in own)))
    (hits, n), (their_hits, their_n) = sides
    if min(n, their_n) < ENOUGH_REALISED:
        return None
    gap = hits / n - their_hits / their_n
    half = _SIDES * math.sqrt(_variance(hits, n) + _variance(their_hits, their_n))
    figure = Figure(
        HEADLINE, hits / n, their_hits / their_n, gap, gap - half, gap + half,
        p_worse(gap, gap - half, gap + half, up=True), n, "worse" if gap + half < 0 else "unclear", basis="realised",
    )  # fmt: skip
    words = f"of what engineers wrote themselves, this recipe had {hits} of {n} items right and the champion's {their_hits} of {their_n}"
    return _Verdict(words if figure.verdict == "worse" else "", words, (figure,))


def _variance(hits: int, n: int) -> float:
    """Variance of a share, with half a hit and half a miss added so that it is never 0."""
    share = (hits + 0.5) / (n + 1)
    return share * (1 - share) / n


def _apart(
    ctx: Context,
    challenger: Challenger,
    champion: str,
    found: MetricTable,
    before: tuple[MetricRow, ...],
    held_out: pl.DataFrame | None,
    changed: Sequence[str],
) -> _Verdict:
    """The champion's recipe cannot be fitted here: what both measured in their day, on the same items where they have them."""
    mine, theirs = found.get(HEADLINE), headline(before)
    alike = mine is not None and theirs is not None and mine.split == theirs.split
    paired = _paired(ctx.registry, challenger.version, champion, held_out) if alike else {}
    objection = _worse(found.rows, before, paired, champion)
    figures = tuple(
        Figure(
            name, _value(found.get(name)), _value(headline(before, name)), d.value, d.low, d.high,
            p_worse(d.value, d.low, d.high, up=GLOSSARY[name].better == "up"), d.n, "unclear", basis="own",
        )
        for name, d in paired.items()
        if d.value is not None and d.low is not None and d.high is not None
    )  # fmt: skip
    shown = f"another recipe ({', '.join(changed)}) that champion {champion}'s could not be fitted beside"
    if HEADLINE in paired:
        shown += f"; on the same items {_difference(paired[HEADLINE])})"
    return _Verdict(objection, shown, figures)


def _value(row: MetricRow | None) -> float | None:
    return None if row is None else row.value


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
