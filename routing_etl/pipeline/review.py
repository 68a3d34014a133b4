"""The steps that look at what the ERP has already: standard times beside measured ones, and the health of its data.

`steps.py` shows them beside the others.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.learning import read_attributes
from routing_etl.pipeline.results import Healthy, Reviewed, Trained
from routing_etl.pipeline.versions import HELD_OUT
from routing_etl.runs import RunFolder
from routing_etl.times.standard_review import ReviewReport

if TYPE_CHECKING:
    from routing_etl.evaluation.metric_table import MetricRow
    from routing_etl.quality.health import HealthRules, Source
    from routing_etl.quality.health_cost import Judged
    from routing_etl.times.standard_review import Evidence, ReviewRules
    from routing_etl.warehouse.standard_times import ReviewFacts

#: Name of the metric that says how often proposed standards held on later orders.
HELD = "standards_held"


@step(street.REVIEW_STANDARDS)
def review_standards(ctx: Context) -> Reviewed:
    """Compare the ERP's standard times with what orders took, and publish what changed.

    Raises
    ------
    LockedError
        Another writer is at work.
    ReconcileError
        The database would show something else; the last review stays.
    """
    from routing_etl.times.standard_review import review_standards as review
    from routing_etl.warehouse.standard_times import StandardTimes

    rules = review_rules(ctx)
    found, report = review(review_evidence(ctx), rules)
    found.write_parquet(ctx.run.times / f"{frames.STANDARD_TIMES.name}.parquet")
    with ctx.warehouse() as engine:
        published = StandardTimes(engine, ctx.settings).publish(
            found, _facts(ctx, report, rules), progress=ctx.progress
        )
    return Reviewed(report, published)


def worst_standards(run: RunFolder, top: int) -> pl.DataFrame:
    """The sure differences of a run that move most planned hours a year, worst first (a STANDARD_TIMES frame).

    Parameters
    ----------
    run : RunFolder
        A run whose standard times were reviewed.
    top : int
        How many.
    """
    found = pl.scan_parquet(run.times / f"{frames.STANDARD_TIMES.name}.parquet").filter("sure")
    hours = pl.col("hours_year").abs()
    return found.sort(hours, "item_key", descending=[True, False], nulls_last=True).head(top).collect()


def review_rules(ctx: Context) -> ReviewRules:
    """The rules of the review, from the settings and the source profile."""
    from routing_etl.times.standard_review import ReviewRules

    return ReviewRules(
        tolerance=ctx.settings.standard_tolerance,
        false_share=ctx.settings.standard_false_share,
        min_orders=ctx.settings.standard_min_orders,
        largest_step=ctx.settings.standard_largest_step,
        half_life_days=ctx.profile.time_basis.half_life_days,
    )


def review_evidence(ctx: Context) -> Evidence:
    """The reports and standards of a run."""
    from routing_etl.times.profiles import SAMPLES
    from routing_etl.times.standard_review import Evidence

    return Evidence(
        pl.scan_parquet(ctx.run.times / SAMPLES),
        pl.scan_parquet(ctx.run.clean / f"{frames.OPERATIONS.name}.parquet"),
        pl.scan_parquet(ctx.run.times / f"{frames.TIME_BY_ITEM_OPERATION.name}.parquet"),
        renumbered=ctx.profile.renumbers,
    )


def _facts(ctx: Context, report: ReviewReport, rules: ReviewRules) -> ReviewFacts:
    from routing_etl.warehouse.standard_times import ReviewFacts

    return ReviewFacts(
        run_id=ctx.run.run_id,
        as_of=report.as_of,
        operations=report.operations,
        measured=report.measured,
        few_orders=report.verdicts["few_orders"],
        posted=report.verdicts["posted"],
        differing=report.verdicts["differs"],
        proposals=report.proposals,
        unattributed=report.unattributed,
        hours_year=report.hours_year,
        tolerance=rules.tolerance,
        false_share=rules.false_share,
        min_orders=rules.min_orders,
        largest_step=rules.largest_step,
    )


def standards_held(ctx: Context, split: str) -> MetricRow:
    """How often proposals from the orders before a year ago held in the orders since, for the model card.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with time profiles.
    split : str
        Split of the evaluation that it is stored beside.
    """
    from routing_etl.evaluation.metric_table import ALL, MODEL, MetricRow
    from routing_etl.times.standard_backtest import proposals_held

    held = proposals_held(review_evidence(ctx), review_rules(ctx))
    return MetricRow(MODEL, split, ALL, HELD, held.share, held.low, held.high, held.n, held.reason)


# --- health ------------------------------------------------------------------------------------------------------------

#: Name of the file of a version that says what its attributes are worth.
_IMPORTANCE = "feature_importance"
_FINDINGS, _PAGE = "findings.parquet", "health.html"


@step(street.CHECK_HEALTH)
def check_health(ctx: Context) -> Healthy:
    """Examine the ERP's data: a table and a page in `health/`, and rows for the view `data_health`.

    Raises
    ------
    WarehouseError
        The findings cannot be stored.
    """
    from routing_etl.quality.health import as_frame, examine
    from routing_etl.quality.health_page import PageFacts, health_page
    from routing_etl.warehouse.health import store_health

    rules = _health_rules(ctx)
    findings = examine(_health_source(ctx), rules)
    table = as_frame(findings)
    ctx.run.health.mkdir(exist_ok=True)
    table.write_parquet(ctx.run.health / _FINDINGS)
    reviewed = ctx.require(street.REVIEW_STANDARDS)
    unnamed = tuple(d for d in ("planner", "family", "plant") if d not in rules.dimensions)
    facts = PageFacts(ctx.run.run_id, ctx.profile.name, reviewed.found.as_of, datetime.now(UTC), unnamed)
    page = ctx.run.health / _PAGE
    page.write_text(health_page(findings, facts), encoding="utf-8")
    with ctx.warehouse() as engine:
        stored = store_health(engine, ctx.settings, ctx.run.run_id, table)
    touched = {f.check: f.touched for f in findings if f.dimension == "all"}
    return Healthy(ctx.run.run_id, touched, stored, str(page))


def examine_again(ctx: Context, trained: Trained) -> Finished[Healthy] | None:
    """Examine the run's data again after a training that made a new champion, which knows what decides and what findings cost.

    Parameters
    ----------
    ctx : Context
        The run that was trained on.
    trained : Trained
        What the training found.

    Returns
    -------
    Finished of Healthy or None
        What is stored now; None where the champion stays, or what is stored is of another run.

    Raises
    ------
    WarehouseError
        The findings cannot be stored.
    """
    from routing_etl.warehouse.health import examined_run

    if trained.dry_run or not trained.promoted or not ctx.run.has(street.CHECK_HEALTH.report):
        return None
    with ctx.warehouse() as engine:
        stored = examined_run(engine, ctx.settings)
    return check_health(ctx) if stored == ctx.run.run_id else None


def read_findings(run: RunFolder) -> pl.DataFrame:
    """The findings of a run, as `quality.health.as_frame` made them."""
    return pl.read_parquet(run.health / _FINDINGS)


def _health_source(ctx: Context) -> Source:
    from routing_etl.quality.health import Source

    def clean(frame: frames.Frame) -> pl.LazyFrame:
        return pl.scan_parquet(ctx.run.clean / f"{frame.name}.parquet")

    rejected = ctx.run.rejects / f"{frames.OPERATIONS.name}.parquet"
    return Source(
        items=clean(frames.ITEMS),
        operations=clean(frames.OPERATIONS),
        results=clean(frames.WORK_RESULTS),
        rejected=pl.scan_parquet(rejected) if rejected.is_file() else frames.REJECTS.empty().lazy(),
        judged=_judged(ctx),
        standard_times=pl.scan_parquet(ctx.run.times / f"{frames.STANDARD_TIMES.name}.parquet"),
        attributes=read_attributes(ctx.run),
    )


def _health_rules(ctx: Context) -> HealthRules:
    """What the profile names, and what the champion learned from; a part type stands in for an unnamed family."""
    from routing_etl.quality.health import HealthRules

    told = ctx.profile.health
    family = told.family or ("part_type" if "part_type" in ctx.profile.items.attributes else None)
    named = {"planner": told.planner, "family": family, "plant": told.plant}
    return HealthRules(
        dimensions={dimension: name for dimension, name in named.items() if name is not None},
        old_years=told.old_years,
        idle_years=told.idle_years,
        pool_words=ctx.profile.routing.waiting_pool_words,
        importance=_importance(ctx),
    )


def _judged(ctx: Context) -> Judged:
    """The items that the champion was judged on; none where there is no champion yet, or none that can be read."""
    from routing_etl.evaluation.paired import from_json
    from routing_etl.quality.health_cost import Judged

    champion = ctx.registry.alias("champion")
    if champion is None or ctx.registry.unreadable(champion):
        return Judged()
    if HELD_OUT not in {a.name for a in ctx.registry.show(champion).artifacts}:
        return Judged(champion)
    return Judged(champion, from_json(ctx.registry.read_json(champion, HELD_OUT)))


def _importance(ctx: Context) -> dict[str, float] | None:
    """What the champion's attributes are worth; None where there is no champion yet, or none that can be read."""
    champion = ctx.registry.alias("champion")
    if (
        champion is None
        or ctx.registry.unreadable(champion)
        or _IMPORTANCE not in {a.name for a in ctx.registry.show(champion).artifacts}
    ):
        return None
    found: dict[str, float] = json.loads(ctx.registry.read_text(champion, _IMPORTANCE))
    return found
