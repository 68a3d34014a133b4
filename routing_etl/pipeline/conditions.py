"""What is worth telling somebody: rules over what the warehouse and the registry say, with their limits in the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from routing_etl.pipeline.status import Problem

if TYPE_CHECKING:
    from routing_etl.evaluation.alerts import Cycle, Thresholds
    from routing_etl.settings import Settings

#: Every code with what it says and what to do; the first six are the replaced system's (docs/legacy-system.md 2.10).
CODES: dict[str, tuple[str, str]] = {
    "HIGH_MAE": (
        "Run times on held-out items are off by more than ROUTING_ETL_ALERT_MAE.",
        "See which jobs in the champion's card (routing-etl models card) and in standard_time_review.",
    ),
    "LOW_PROCESS_MATCH": (
        "Too few operations of held-out items are found.",
        "Compare versions (model_quality_trend); retrain if the plant's rules have changed: routing-etl run --retrain",
    ),
    "NO_ACTUAL_DATA": (
        "Nothing was judged, or no work results were there to judge times.",
        "Check that the profile's [results] reads rows: routing-etl doctor",
    ),
    "LOW_SAMPLES": (
        "A version was judged on too few items or operations.",
        "Wait for more routed items, or lengthen ROUTING_ETL_TEST_DAYS.",
    ),
    "HIGH_CV": (
        "Errors of run times vary widely.",
        "Look for wrong reports in time_profiles and data_health.",
    ),
    "METRICS_FAILED": (
        "A metric raised an error.",
        "The trace is in the log; the version counts as unmeasured in it.",
    ),
    "LOW_ACCEPTANCE": (
        "Engineers take over few proposals.",
        "Ask them: rejection_reasons and families_by_month say where.",
    ),
    "LOW_REALISED": (
        "What engineers wrote themselves is seldom the first candidate.",
        "See families_by_month; retrain: routing-etl run --retrain",
    ),
    "DRIFT": (
        "The similarity of the published candidates has moved.",
        "Look for new items, codes or units in the ERP; retrain when they are right.",
    ),
    "MANY_ABSTAINED": (
        "Many items have no proposal.",
        "routing_abstained says why; a new part type needs a few routings first.",
    ),
    "MANY_REJECTS": (
        "Cleaning rejects many source rows.",
        "rejects_by_rule says which rule since when; mend the ERP or the profile.",
    ),
    "RUN_FAILED": ("The last run failed.", "docs/runbooks/failed-night.md"),
    "RUN_DIED": ("The last run was killed: its process is gone.", "routing-etl run"),
    "RUN_WARNED": (
        "The last run published, but something beside it failed.",
        "docs/runbooks/failed-night.md",
    ),
    "NO_SUCCESS": ("No run has succeeded yet.", "routing-etl doctor"),
    "STALE": (
        "The last success is longer ago than ROUTING_ETL_STATUS_HOURS.",
        "Is the scheduler up? docs/runbooks/failed-night.md",
    ),
    "CLOCK": (
        "The last success lies in the future: a clock was set back, so how long ago it was cannot be told.",
        "Set the clocks right; the next run that succeeds ends this.",
    ),
    "NOT_PUBLISHED": ("Nothing is published.", "routing-etl run"),
    "NO_CHAMPION": ("There is no champion.", "routing-etl train"),
    "CHECK_FAILED": (
        "A critical check of the last run failed.",
        "quality_result has sample rows; docs/runbooks/erp-schema-change.md",
    ),
    "PLANT_DEFAULTS": (
        "Codes, words or the time zone of another plant stand in the views that the ERP reads.",
        "Set what your ERP calls them, in .env or the environment; the default too, where it is right: routing-etl settings",
    ),
    "NOTHING_RUN": ("Nothing has run yet.", "routing-etl run"),
}

#: Place of `drift` among the bands.
_DRIFTED = 2
#: Least number of realised outcomes for their exact share to count.
_OUTCOMES = 30


@dataclass(frozen=True)
class Facts:
    """What the rules look at. None: not measured.

    Attributes
    ----------
    problems : tuple of Problem
        Of the status.
    version : str or None
        The champion.
    cycle : Cycle or None
        Its evaluation under the replaced system's field names.
    failed_metrics : int
        Metrics of its evaluation that raised.
    abstained, drift, realised : float or None
        Share of abstained items, drift of similarity (nats) and exact share of realised outcomes of the published batch.
    drift_band : float or None
        The worst band beside the version's training window: 0 normal, 1 watch, 2 drift, 3 severe.
    drift_words : str
        Its causes in words.
    realised_items : int
        Items behind the last.
    with_proposal, taken_over : int
        Items with a proposal that engineers routed in the last four weeks, and how many took one over.
    rows_read, rows_rejected : int or None
        Of the last run.
    """

    problems: tuple[Problem, ...] = ()
    version: str | None = None
    cycle: Cycle | None = None
    failed_metrics: int = 0
    abstained: float | None = None
    drift: float | None = None
    drift_band: float | None = None
    drift_words: str = ""
    realised: float | None = None
    realised_items: int = 0
    with_proposal: int = 0
    taken_over: int = 0
    rows_read: int | None = None
    rows_rejected: int | None = None


def limits_of(settings: Settings) -> Thresholds:
    """The limits of an evaluation's alerts.

    Parameters
    ----------
    settings : Settings
        `alert_mae` and the others.
    """
    from routing_etl.evaluation.alerts import Thresholds

    return Thresholds(
        mae=settings.alert_mae,
        trim_mae=settings.alert_trim_mae,
        critical_mae=settings.alert_critical_mae,
        process_match=settings.alert_process_match,
        cv=settings.alert_cv,
        samples=settings.alert_samples,
    )


def conditions(settings: Settings, facts: Facts) -> tuple[Problem, ...]:
    """Everything that is worth telling, critical first, with its remedy.

    Parameters
    ----------
    settings : Settings
        The limits.
    facts : Facts
        What is known.
    """
    found = [
        *facts.problems,
        *_of_settings(settings),
        *_of_version(settings, facts),
        *_of_batch(settings, facts),
    ]
    told = [
        p if p.remedy else Problem(p.code, p.severity, p.message, CODES[p.code][1], p.about) for p in found
    ]
    return tuple(sorted(told, key=lambda p: p.severity != "critical"))


def cause(problem: Problem) -> str:
    """What two alerts about the same thing have in common: the code and what it is about, without names and numbers of runs."""
    subject = re.sub(r"\d+", "#", problem.about)[:160].strip()
    return f"{problem.code}: {subject}" if subject else problem.code


def _of_settings(settings: Settings) -> Iterator[Problem]:
    """Defaults of one plant under another plant's profile."""
    left = settings.of_another_plant
    if left:
        shown = ", ".join(f"ROUTING_ETL_{name.upper()} = {getattr(settings, name)}" for name in left)
        yield Problem(
            "PLANT_DEFAULTS", "warning", f"Not set, and the defaults are of another plant: {shown}."
        )


def _of_version(settings: Settings, facts: Facts) -> Iterator[Problem]:
    """How good the champion was on held-out items."""
    from routing_etl.evaluation.alerts import alerts_of

    if facts.cycle is None:
        return
    for alert in alerts_of(facts.cycle, limits_of(settings)):
        about = "results" if alert.code == "NO_ACTUAL_DATA" and facts.cycle.sample_size else ""
        yield Problem(alert.code, alert.severity, f"Champion {facts.version}: {alert.message}", about=about)
    if facts.failed_metrics:
        yield Problem(
            "METRICS_FAILED",
            "warning",
            f"Champion {facts.version}: {facts.failed_metrics} metric(s) could not be computed.",
        )


def _of_batch(settings: Settings, facts: Facts) -> Iterable[Problem]:
    """How the published batch looks, and what became of the batches before it.

    A share of few outcomes is below its limit when its whole 95 % interval is.
    """
    from routing_etl.evaluation.intervals import score_interval

    found = []
    if facts.drift_band is not None and facts.drift_band >= _DRIFTED:
        severe = "severe drift" if facts.drift_band > _DRIFTED else "drift"
        found.append(
            ("DRIFT", f"{severe} beside the training window: {facts.drift_words or 'no cause is named'}")
        )
    elif facts.drift is not None and facts.drift > settings.alert_drift:
        found.append(
            (
                "DRIFT",
                f"The similarity scores drifted by {facts.drift:.2f} nats; the limit is {settings.alert_drift:g}.",
            )
        )
    if facts.abstained is not None and facts.abstained > settings.retrain_abstained:
        found.append(
            (
                "MANY_ABSTAINED",
                f"{facts.abstained:.1%} of the items have no proposal; the limit is {settings.retrain_abstained:.0%}.",
            )
        )
    if facts.realised is not None and facts.realised_items >= _OUTCOMES:
        most = score_interval(facts.realised, facts.realised_items)[1]
        if most < settings.retrain_realised:
            found.append(
                (
                    "LOW_REALISED",
                    f"{facts.realised:.1%} of {facts.realised_items} items that engineers routed themselves got the first candidate (at "
                    f"most {most:.1%}); the limit is {settings.retrain_realised:.0%}.",
                )
            )
    if facts.with_proposal >= max(settings.alert_acceptance_items, 1):
        share = facts.taken_over / facts.with_proposal
        most = score_interval(share, facts.with_proposal)[1]
        if most < settings.alert_acceptance:
            found.append(
                (
                    "LOW_ACCEPTANCE",
                    f"{facts.taken_over} of {facts.with_proposal} proposals ({share:.1%}, at most {most:.1%}) were taken over in the last "
                    f"four weeks; the limit is {settings.alert_acceptance:.0%}.",
                )
            )
    if facts.rows_read and facts.rows_rejected is not None:
        share = facts.rows_rejected / facts.rows_read
        if share > settings.alert_rejects:
            found.append(
                (
                    "MANY_REJECTS",
                    f"{facts.rows_rejected:,} of {facts.rows_read:,} rows ({share:.1%}) were rejected; the limit is "
                    f"{settings.alert_rejects:.0%}.",
                )
            )
    return [Problem(code, "warning", message) for code, message in found]
