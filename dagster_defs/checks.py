"""Asset checks: the expectations of `routing_etl.quality` by frame, severity and kind; a critical one blocks what follows.

A plant has about 400 expectations. Each is stored by itself in `quality_result`; here those of a kind are one check whose
table has them all, the failed ones first (why: `docs/decisions/0026-checks-in-groups.md`). The names come from the light rule
lists, so that loading the definitions imports neither Great Expectations nor pandas.
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
from routing_etl.quality.groups import CheckGroup, grouped
from routing_etl.times.suspects import check_names

from . import metadata, not_public
from .assets import keys
from .failures import NOT_MOVED, UNPUBLISHED
from .partitions import POOL
from .resources import Street

#: Failed checks of a group that its description names.
_SAID = 3
_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def groups(profile: Profile) -> list[CheckGroup]:
    """The checks of all frames, as the profile's attributes make them."""
    listed = list_checks(profile.attributes, absent=profile.absent_frames)
    compared = list_comparisons(absent=profile.absent_frames)
    return grouped(info for by_frame in (listed, compared) for infos in by_frame.values() for info in infos)


def specs(profile: Profile, assets: Mapping[str, dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    """Check specs of these frames."""
    return [_spec(group, assets[group.frame]) for group in groups(profile) if group.frame in assets]


def _spec(group: CheckGroup, asset: dg.AssetKey) -> dg.AssetCheckSpec:
    listed = "\n".join(
        f"* `{info.check}`: {info.meaning.rstrip('.')}. Expected: {info.expected}." for info in group.checks
    )
    return dg.AssetCheckSpec(
        group.name,
        asset=asset,
        description=f"{group.meaning}.\n\n{listed}",
        blocking=group.severity == "critical",
        metadata={"severity": group.severity, "checks": len(group.checks)},
    )


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
    sources = {**keys.CLEAN, "rejects": keys.REJECTS}
    declared = groups(profile)

    @dg.multi_asset_check(name="check_source", specs=specs(profile, sources), can_subset=True, pool=POOL)
    def check_source(
        context: dg.AssetCheckExecutionContext, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.AssetCheckResult]:
        """Check the cleaned frames; a failed critical check stops the night before anything is learned."""
        with street.step(context, CHECK_SOURCE) as ctx:
            outcomes = _outcomes(context, street, ctx, CHECK_SOURCE)
        with unhurried_sqlite(), not_public.kept_connections():
            yield from _results(context, outcomes, declared, sources)

    @dg.multi_asset_check(
        name="check_candidates", specs=specs(profile, keys.PREDICTIONS), can_subset=True, pool=POOL
    )
    def check_candidates(
        context: dg.AssetCheckExecutionContext, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.AssetCheckResult]:
        """Check the predictions; a failed critical check keeps them from being loaded."""
        with street.step(context, CHECK_CANDIDATES) as ctx:
            outcomes = _outcomes(context, street, ctx, CHECK_CANDIDATES)
        with unhurried_sqlite(), not_public.kept_connections():
            yield from _results(context, outcomes, declared, keys.PREDICTIONS)

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
    declared: Sequence[CheckGroup],
    assets: Mapping[str, dg.AssetKey],
) -> Iterator[dg.AssetCheckResult]:
    """One result per selected group. A check that did not run is a failure that says so; none passes unseen."""
    found = {(o.frame, o.check): o for o in outcomes}
    checked = {o.frame for o in outcomes}
    for group in declared:
        if group.frame not in assets:
            continue
        ran = [found.pop((group.frame, i.check), None) for i in group.checks]
        key = dg.AssetCheckKey(assets[group.frame], group.name)
        if key not in context.selected_asset_check_keys:
            continue
        if group.frame in checked or not outcomes:
            told = _told(group, [o for o in ran if o is not None])
            yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, **told)
        else:
            yield _no_table(key)
    for frame, check in found:
        context.log.warning(
            f"Check {check} of {frame} ran but is not declared; reload the definitions to see it."
        )


def _told(group: CheckGroup, ran: Sequence[CheckOutcome]) -> dict[str, Any]:
    """Whether a group passed, why not, and all its checks: what a result of a check and an evaluation have in common."""
    unseen = [info for info in group.checks if info.check not in {o.check for o in ran}]
    failed = sorted((o for o in ran if not o.success), key=lambda o: o.severity != "critical")
    fine = [o for o in ran if o.success]
    critical = any(o.severity == "critical" for o in failed) or not (
        failed or unseen or group.severity == "warning"
    )
    said = [f"{o.check}: {_why(o)}" for o in failed] + [f"{i.check}: {_not_run(i)}" for i in unseen]
    if len(said) > _SAID:
        said = [*said[:_SAID], f"and {len(said) - _SAID} more, in the table"]
    if any(o.blocks for o in failed):
        said.append(UNPUBLISHED)
    rows = [
        {
            "check": o.check,
            "result": "passed" if o.success else f"failed ({o.severity})",
            "observed": o.observed,
            "expected": o.expected,
            "rows_checked": o.rows_checked,
            "rows_unexpected": o.rows_unexpected,
            "exception": o.exception or "",
        }
        for o in (*failed, *fine)
    ]
    rows[len(failed) : len(failed)] = [
        {
            "check": i.check, "result": "did not run", "observed": "", "expected": i.expected,
            "rows_checked": 0, "rows_unexpected": 0, "exception": "",
        }
        for i in unseen
    ]  # fmt: skip
    return {
        "passed": not failed and not unseen,
        "severity": _SEVERITY["critical" if critical else "warning"],
        "description": " ".join(said) or None,
        "metadata": metadata.plain(
            {
                "checks": len(rows),
                "failed": len(failed),
                "did_not_run": len(unseen) or None,
                "each_check": rows,
                "offending_rows": [{"check": o.check, "row": text} for o in failed for text in o.sample],
            }
        ),
    }


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


def evaluations(
    profile: Profile, outcomes: Sequence[CheckOutcome], assets: Mapping[str, dg.AssetKey]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The outcomes of checks that ran outside Dagster, of the frames that these assets are of; a frame without any has no page.

    Parameters
    ----------
    profile : Profile
        The plant's profile.
    outcomes : sequence of CheckOutcome
        What was found.
    assets : mapping of str to dagster.AssetKey
        Frame -> its asset.
    """
    found = {(o.frame, o.check): o for o in outcomes}
    checked = {o.frame for o in outcomes}
    for group in groups(profile):
        if group.frame in checked and group.frame in assets:
            ran = [found[group.frame, i.check] for i in group.checks if (group.frame, i.check) in found]
            yield dg.AssetCheckEvaluation(
                asset_key=assets[group.frame],
                check_name=group.name,
                blocking=group.severity == "critical",
                **_told(group, ran),
            )


def evaluation(outcome: CheckOutcome, asset: dg.AssetKey) -> dg.AssetCheckEvaluation:
    """The outcome of a check of times or of the training that ran outside Dagster."""
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=outcome.check,
        passed=outcome.success,
        severity=_SEVERITY[outcome.severity],
        description=None if outcome.success else _why(outcome),
        metadata=_shown(outcome),
    )


def _why(outcome: CheckOutcome) -> str:
    return outcome.exception or f"{outcome.observed}; expected {outcome.expected}."


def _no_table(key: dg.AssetCheckKey) -> dg.AssetCheckResult:
    """The ERP does not have the optional table of this frame, so there is nothing to check."""
    return dg.AssetCheckResult(
        passed=True,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.WARN,
        description="This ERP has no such table: nothing to check.",
    )


def _not_run(info: CheckInfo) -> str:
    return f"nothing was checked, because {info.column or 'the frame'} has no value in any row of this run."
