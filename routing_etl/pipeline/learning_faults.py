"""The night publishes whatever happens to learning: a training that fails leaves the champion at work, and everybody is told.

A failed training is logged with its trace, kept in the run folder, stored as a failed check, sent like a failed run, and the run
ends as `succeeded_with_warnings` with the cause in its message. Metrics that could not be computed are told in the same way.
Without a champion there is nothing to predict with, and the night fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from routing_etl.errors import AlertError, ModelError, OvertakenError, RoutingEtlError
from routing_etl.evaluation.reasons import COMPUTE_ERROR
from routing_etl.frames import CheckOutcome
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.alerts import Failure, report_failure
from routing_etl.pipeline.cards import NO_CARD
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import CheckOutcomes
from routing_etl.runs import Report, RunFolder

if TYPE_CHECKING:
    from routing_etl.evaluation.metric_table import MetricRow
    from routing_etl.pipeline.finished import Finished
    from routing_etl.pipeline.results import Trained

log = get_logger(__name__)

#: What a run is called that published although something of its learning failed.
SUCCEEDED, WITH_WARNINGS = "succeeded", "succeeded_with_warnings"
#: The checks of learning, with their meanings. None of them stops a night.
CHECKS = {
    "training_ended": "A training that was due ended with a new version.",
    "metrics_computed": "Less than 1 % of the families of metrics failed by an error, and the model card could be written.",
    "confidence_by_segment": "In no segment of 200 judged items and more the confidence is off by more than 0.05, nor by more "
    "than chance makes it.",
}
#: Share of failed families of metrics from which on the check fails.
MOST_FAILED = 0.01
_FRAME = "model"
#: The panic of a Rust library is no `Exception`.
_PANIC = "PanicException"


@dataclass(frozen=True)
class TrainingFailed:
    """A training of a night that failed while the night went on.

    Attributes
    ----------
    cause : str
        What was raised, as a sentence.
    champion : str
        The version that predicts.
    failed_at : datetime
        When, UTC.
    untold : str
        Why it could not be sent to the webhook or by e-mail; empty if it was, or if none is set.
    """

    cause: str
    champion: str
    failed_at: datetime
    untold: str = ""

    @property
    def sentence(self) -> str:
        """What happened and what was done, for people."""
        told = f" It could not be sent: {self.untold}" if self.untold else ""
        return f"The training failed, and champion {self.champion} went on predicting: {self.cause}{told}"


#: Kept in the run folder from the failure until the run trains again.
TRAINING_FAILED = Report("training_failed", lambda: TrainingFailed, "train")


def train_or_go_on(
    ctx: Context,
    train: Callable[[], Finished[Trained]],
    *,
    tried_again: Callable[[BaseException], bool] = lambda _: False,
) -> Finished[Trained] | None:
    """Train within a night; when that fails, say so and let the night go on with the champion.

    Parameters
    ----------
    ctx : Context
        The night's settings and run folder.
    train : callable
        The step.
    tried_again : callable, optional
        Whether the caller tries again after this error, so that it passes through. By default nothing is tried again.

    Returns
    -------
    Finished of Trained or None
        The training; None when it failed.

    Raises
    ------
    RoutingEtlError
        It failed and there is no champion to go on with, or a run that read the ERP later is in force.
    """
    ctx.run.forget(TRAINING_FAILED)
    try:
        trained = train()
    except BaseException as exc:
        if isinstance(exc, OvertakenError):
            raise
        if not (isinstance(exc, Exception) or type(exc).__name__ == _PANIC) or tried_again(exc):
            raise
        _go_on(ctx, exc)
        return None
    note_metrics(ctx, trained.result)
    return trained


def note_metrics(ctx: Context, trained: Trained) -> None:
    """Keep the outcomes of the checks of a training that ended.

    Parameters
    ----------
    ctx : Context
        The run.
    trained : Trained
        What the training found.
    """
    _write_checks(ctx, None, metric_problems(trained), segment_problems(trained))


def _go_on(ctx: Context, exc: BaseException) -> None:
    """Put the failure on record in every place, or raise it when nothing can predict."""
    cause = str(exc) if isinstance(exc, RoutingEtlError) else f"{type(exc).__name__}: {exc}"
    champion = ctx.registry.alias("champion")
    log.error("training_failed", champion=champion, error=cause, exc_info=exc)
    if champion is None:
        if isinstance(exc, RoutingEtlError):
            raise exc
        raise ModelError(
            f"The training failed, and there is no champion to predict with: {cause}.",
            remedy="The trace is in the log. Train again when the cause is removed: routing-etl train",
        ) from exc
    failed = TrainingFailed(cause, champion, datetime.now(UTC).replace(microsecond=0))
    failed = TrainingFailed(cause, champion, failed.failed_at, _told(ctx, failed))
    ctx.run.write(TRAINING_FAILED, failed)
    _write_checks(ctx, failed, (), ())


def _told(ctx: Context, failed: TrainingFailed) -> str:
    """Send it like a failed run; what could not be sent is returned, and never stops the night."""
    failure = Failure(
        at=failed.failed_at.isoformat(timespec="seconds"),
        job="training",
        run_id=ctx.run.run_id,
        message=failed.sentence,
        steps={street.TRAIN.name: failed.cause},
    )
    try:
        report_failure(ctx.settings, failure)
    except AlertError as exc:
        return exc.message
    return ""


def _write_checks(
    ctx: Context, failed: TrainingFailed | None, problems: tuple[str, ...], uncalibrated: tuple[str, ...]
) -> None:
    assert street.TRAIN.outcomes is not None
    ctx.run.write(street.TRAIN.outcomes, CheckOutcomes(check_outcomes(failed, problems, uncalibrated)))


def check_outcomes(
    failed: TrainingFailed | None, problems: tuple[str, ...], uncalibrated: tuple[str, ...] = ()
) -> tuple[CheckOutcome, ...]:
    """The outcomes of `CHECKS`.

    Parameters
    ----------
    failed : TrainingFailed or None
        The training's failure. Nothing was measured then, and the other checks say so.
    problems : tuple of str
        What `metric_problems` found.
    uncalibrated : tuple of str, optional
        What `segment_problems` found.

    Returns
    -------
    tuple of CheckOutcome
        In the order of `CHECKS`.
    """
    if failed:
        observed = (failed.sentence,) * len(CHECKS)
    else:
        observed = ("", "; ".join(problems), "; ".join(uncalibrated))
    return tuple(
        CheckOutcome(_FRAME, name, name, None, "warning", not seen, seen or "as expected", meaning, 1, int(bool(seen)))
        for (name, meaning), seen in zip(CHECKS.items(), observed, strict=True)
    )  # fmt: skip


def metric_problems(trained: Trained) -> tuple[str, ...]:
    """What of a training's figures could not be computed because of an error, a sentence each; empty when all could.

    Parameters
    ----------
    trained : Trained
        What the training found.
    """
    from routing_etl.evaluation.alerts import METRICS_FAILED
    from routing_etl.evaluation.assembly import FAILED_SHARE

    share = next((r.value for r in trained.metrics if r.of_model and r.metric == FAILED_SHARE), None)
    told = [a.message for a in trained.alerts if a.code == METRICS_FAILED]
    found = told if told and (share is None or share >= MOST_FAILED) else []
    if trained.model_card.startswith(NO_CARD):
        found = [*found, trained.model_card.splitlines()[0]]
    return tuple(found)


def segment_problems(trained: Trained) -> tuple[str, ...]:
    """Segments in which the confidence is not how often the first candidate is right, a sentence each.

    Parameters
    ----------
    trained : Trained
        What the training found.
    """
    from routing_etl.evaluation.alerts import UNCALIBRATED

    return tuple(a.message for a in trained.alerts if a.code == UNCALIBRATED)


def uncomputed(metrics: Iterable[MetricRow]) -> tuple[str, ...]:
    """Metrics of a published batch that could not be computed because of an error, a sentence each.

    Parameters
    ----------
    metrics : iterable of MetricRow
        As the step `measure` reports them.
    """
    failed = [r for r in metrics if (r.reason or "").startswith(COMPUTE_ERROR)]
    return tuple(f"{r.metric} of the published batch could not be computed ({r.reason})" for r in failed)


def warnings_of(run: RunFolder) -> tuple[str, ...]:
    """What went wrong with learning, measuring and the sheets in a run, a sentence each, as its record tells it.

    Parameters
    ----------
    run : RunFolder
        The run.
    """
    failed, trained = run.read(TRAINING_FAILED), run.read(street.TRAIN.report)
    measured, sheets = run.read(street.MEASURE.report), run.read(street.WRITE_SHEETS.report)
    return (
        *((failed.sentence,) if failed else ()),
        *(metric_problems(trained.result) if trained else ()),
        *(uncomputed(measured.result.metrics) if measured else ()),
        *((sheets.result.warning,) if sheets and sheets.result.failed else ()),
    )
