"""Asset checks, one per expectation of `routing_etl.quality`, with its severity; a critical one blocks what follows.

The names come from the light rule lists, so that loading the definitions imports neither Great Expectations nor
pandas.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from routing_etl.database.engine import unhurried_sqlite
from routing_etl.erp.profile import Profile
from routing_etl.errors import DataQualityError
from routing_etl.frames import CheckOutcome
from routing_etl.pipeline import learning_faults, night
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import Checked
from routing_etl.pipeline.street import CHECK_CANDIDATES, CHECK_SOURCE, Step
from routing_etl.quality.checks import CheckInfo, list_checks, list_comparisons
from routing_etl.times.suspects import check_names

from . import metadata, not_public
from .assets import keys
from .failures import NOT_MOVED, UNPUBLISHED
from .partitions import POOL
from .resources import Street

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def specs(profile: Profile, assets: Mapping[str, dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    """Check specs of these frames, as the profile's attributes make them."""
    by_frame: dict[str, list[CheckInfo]] = list_checks(profile.attributes, absent=profile.absent_frames)
    for frame, compared in list_comparisons(absent=profile.absent_frames).items():
        by_frame[frame] = [*by_frame.get(frame, ()), *compared]
    return [
        dg.AssetCheckSpec(
            info.check,
            asset=key,
            description=f"{info.meaning} Expected: {info.expected}.",
            blocking=info.severity == "critical",
            metadata={"severity": info.severity, "expected": info.expected, "column": info.column or ""},
        )
        for frame, key in assets.items()
        for info in by_frame.get(frame, ())
    ]


def time_specs() -> list[dg.AssetCheckSpec]:
    """Check specs of the reported times; none of them blocks."""
    return [
        dg.AssetCheckSpec(
            name, asset=keys.TIME_PROFILES, description=meaning, metadata={"severity": "warning"}
        )
        for name, meaning in check_names().items()
    ]


def time_results(outcomes: Sequence[CheckOutcome]) -> list[dg.AssetCheckResult]:
    """What was looked for in the reported times, one result per spec of `time_specs`."""
    found = {o.check: o for o in outcomes}
    return [_result(found[spec.name], spec) for spec in time_specs()]


def learning_specs() -> list[dg.AssetCheckSpec]:
    """Check specs of the training; none of them blocks, because the champion goes on predicting."""
    return [
        dg.AssetCheckSpec(name, asset=keys.CHAMPION, description=meaning, metadata={"severity": "warning"})
        for name, meaning in learning_faults.CHECKS.items()
    ]


def learning_results(outcomes: Sequence[CheckOutcome]) -> list[dg.AssetCheckResult]:
    """How the training went, one result per spec of `learning_specs`; without a training there was nothing to fail."""
    found = {o.check: o for o in outcomes}
    return [
        _result(found[spec.name], spec)
        if spec.name in found
        else dg.AssetCheckResult(
            passed=True,
            asset_key=spec.asset_key,
            check_name=spec.name,
            description="No training was due.",
        )
        for spec in learning_specs()
    ]


def build(profile: Profile) -> list[dg.AssetChecksDefinition]:
    """Checks of the cleaned frames, and checks of the predictions."""
    source = specs(profile, {**keys.CLEAN, "rejects": keys.REJECTS})
    predicted = specs(profile, keys.PREDICTIONS)

    @dg.multi_asset_check(name="check_source", specs=source, can_subset=True, pool=POOL)
    def check_source(
        context: dg.AssetCheckExecutionContext, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.AssetCheckResult]:
        """Check the cleaned frames; a failed critical check stops the night before anything is learned."""
        with street.step(context, CHECK_SOURCE) as ctx:
            outcomes = _outcomes(context, street, ctx, CHECK_SOURCE)
        with unhurried_sqlite(), not_public.kept_connections():
            yield from _results(context, outcomes, source)

    @dg.multi_asset_check(name="check_candidates", specs=predicted, can_subset=True, pool=POOL)
    def check_candidates(
        context: dg.AssetCheckExecutionContext, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.AssetCheckResult]:
        """Check the predictions; a failed critical check keeps them from being loaded."""
        with street.step(context, CHECK_CANDIDATES) as ctx:
            outcomes = _outcomes(context, street, ctx, CHECK_CANDIDATES)
        with unhurried_sqlite(), not_public.kept_connections():
            yield from _results(context, outcomes, predicted)

    return [check_source, check_candidates]


def _outcomes(
    context: dg.AssetCheckExecutionContext, street: Street, ctx: Context, checks: Step[Checked]
) -> tuple[CheckOutcome, ...]:
    """Outcomes of a check step; a failed critical check is an outcome here, and closes the night as failed."""
    try:
        checks.run(ctx)
    except DataQualityError as exc:
        context.log.error(f"{exc} {UNPUBLISHED}")
        street.tell(context, NOT_MOVED.format(why=exc))
        night.finish(ctx, "failed", str(exc))
    return checks.outcomes_of(ctx.run)


def _results(
    context: dg.AssetCheckExecutionContext,
    outcomes: Sequence[CheckOutcome],
    declared: Sequence[dg.AssetCheckSpec],
) -> Iterator[dg.AssetCheckResult]:
    """One result per selected check. One that did not run is a failure that says so; none passes unseen."""
    found = {(o.frame, o.check): o for o in outcomes}
    checked = {o.frame for o in outcomes}
    for spec in declared:
        frame = spec.asset_key.path[-1]
        outcome = found.pop((frame, spec.name), None)
        if spec.key not in context.selected_asset_check_keys:
            continue
        if outcome is not None:
            yield _result(outcome, spec)
        else:
            yield _not_run(spec) if frame in checked or not outcomes else _no_table(spec)
    for frame, check in found:
        context.log.warning(
            f"Check {check} of {frame} ran but is not declared; reload the definitions to see it."
        )


def _result(outcome: CheckOutcome, spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=outcome.success,
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=_SEVERITY[outcome.severity],
        description=None if outcome.success else _why(outcome),
        metadata=_shown(outcome),
    )


def _shown(outcome: CheckOutcome) -> dict[str, Any]:
    return metadata.plain(
        {
            "observed": outcome.observed,
            "expected": outcome.expected,
            "rows_checked": outcome.rows_checked,
            "rows_unexpected": outcome.rows_unexpected,
            "exception": outcome.exception,
            "offending_rows": [{"row": text} for text in outcome.sample],
        }
    )


def evaluation(outcome: CheckOutcome, asset: dg.AssetKey) -> dg.AssetCheckEvaluation:
    """The outcome of a check that ran outside Dagster."""
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=outcome.check,
        passed=outcome.success,
        severity=_SEVERITY[outcome.severity],
        description=None if outcome.success else _why(outcome),
        blocking=outcome.severity == "critical",
        metadata=_shown(outcome),
    )


def _why(outcome: CheckOutcome) -> str:
    what = outcome.exception or f"{outcome.observed}; expected {outcome.expected}"
    return f"{what}. {UNPUBLISHED}" if outcome.severity == "critical" else what


def _no_table(spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    """The ERP does not have the optional table of this frame, so there is nothing to check."""
    return dg.AssetCheckResult(
        passed=True,
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN,
        description="This ERP has no such table: nothing to check.",
    )


def _not_run(spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    column = spec.metadata["column"] or "the frame"
    reason = f"Nothing was checked: {column} has no value in any row of this run."
    return dg.AssetCheckResult(
        passed=False,
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN,
        description=reason,
    )
