"""Whatever happens to learning, the night publishes: faults at each place of a training, and what everybody is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from homes import ask, home_settings

from routing_etl.errors import DiskFullError, LockedError, ModelError, RoutingEtlError, WorkerError
from routing_etl.pipeline import cards, learning_faults, steps, street, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning_faults import TRAINING_FAILED, train_or_go_on, warnings_of
from routing_etl.pipeline.night import night
from routing_etl.runs import find_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class PanicException(BaseException):
    """As a Rust library raises it."""


def raises(exc: BaseException):  # type: ignore[no-untyped-def]
    def call(*_: object, **__: object) -> object:
        raise exc

    return call


def context(home: Path) -> Context:
    return Context(home_settings(home), find_run(home, None))


def told(home: Path) -> dict[str, str]:
    """The last line of the file of failures."""
    lines = (home / "logs" / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads(lines[-1])  # type: ignore[no-any-return]


def test_a_night_whose_training_breaks_publishes_with_the_champion_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = context(home).registry.alias("champion")
    monkeypatch.setattr(training, "_learn", raises(KeyError("confidence")))
    run = night(home_settings(home), retrain=True)
    status, message, version, publication = ask(
        home / "warehouse.db",
        "SELECT status, message, model_version, publication_id FROM batch_run_summary WHERE run_id = ?",
        run.run_id,
    )[0]
    assert (status, version) == ("succeeded_with_warnings", champion) and publication
    assert "KeyError: 'confidence'" in message and f"champion {champion} went on predicting" in message
    checks = ask(
        home / "warehouse.db",
        "SELECT check_name, success, severity FROM quality_result WHERE run_id = ? AND frame = 'model'",
        run.run_id,
    )
    names = ("confidence_by_segment", "metrics_computed", "training_ended")
    assert sorted(checks) == [(name, 0, "warning") for name in names]
    assert told(home)["job"] == "training" and "KeyError" in told(home)["message"]
    assert run.succeeded, "the next night reads changes from here"


@pytest.mark.parametrize(
    "exc",
    [
        WorkerError(
            "The process for the evaluation was killed (SIGKILL) and left no result.", remedy="Less."
        ),
        MemoryError(),
        DiskFullError("No space left on the disk.", remedy="Free some."),
        ModelError("Only 1 item.", remedy="More."),
        AttributeError("a bug"),
        PanicException("a library gave up"),
        LockedError("The registry is locked.", remedy="Wait."),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_kind_of_failure_leaves_the_champion_at_work(
    home: Path, exc: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(home)
    monkeypatch.setattr(training, "_learn", raises(exc))
    assert train_or_go_on(ctx, lambda: steps.train(ctx)) is None
    failed = ctx.run.read(TRAINING_FAILED)
    assert failed is not None and failed.champion == ctx.registry.alias("champion")
    assert str(exc).split(".")[0] in failed.cause or "memory" in failed.cause
    assert warnings_of(ctx.run) == (failed.sentence,)
    assert [o.success for o in street.TRAIN.outcomes_of(ctx.run)] == [False] * len(learning_faults.CHECKS)


@pytest.mark.usefixtures("learned_once")
@pytest.mark.parametrize("place", ["save_version", "promote_if_not_worse", "model_card"])
def test_a_failure_behind_the_fit_leaves_the_champion_at_work_too(
    home: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(home)
    learned = _learned(ctx)
    monkeypatch.setattr(training, "_learn", lambda *_, **__: learned)
    monkeypatch.setattr(training, place, raises(ValueError(f"{place} broke")))
    assert train_or_go_on(ctx, lambda: steps.train(ctx)) is None
    failed = ctx.run.read(TRAINING_FAILED)
    assert failed is not None and f"{place} broke" in failed.cause


def _learned(ctx: Context) -> object:
    """One training's fit and evaluation."""
    from routing_etl.pipeline.learning import read_learning_data
    from routing_etl.times.profiles import read_evidence

    options = training._options(ctx.settings, "time", training.TrainingRequest().max_items)
    return training._learn(ctx, read_learning_data(ctx.run), read_evidence(ctx.run.times), options, "auto")


@pytest.mark.usefixtures("learned_once")
def test_a_card_that_cannot_be_written_costs_the_card_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(home)
    learned = _learned(ctx)
    monkeypatch.setattr(training, "_learn", lambda *_, **__: learned)
    monkeypatch.setattr("routing_etl.evaluation.card.verdicts", raises(KeyError("confidence")))
    trained = train_or_go_on(ctx, lambda: steps.train(ctx))
    assert trained is not None and trained.result.version in [v.name for v in ctx.registry.list()]
    assert trained.result.model_card.startswith(cards.NO_CARD)
    assert "KeyError" in "".join(warnings_of(ctx.run))
    success = {o.check: o.success for o in street.TRAIN.outcomes_of(ctx.run)}
    assert success["training_ended"] and not success["metrics_computed"]


def test_without_a_champion_a_failed_training_stops_the_night_in_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "models" / "aliases.json").unlink()
    ctx = context(home)
    monkeypatch.setattr(training, "_learn", raises(KeyError("confidence")))
    with pytest.raises(ModelError, match="no champion to predict with: KeyError") as error:
        train_or_go_on(ctx, lambda: steps.train(ctx))
    assert error.value.remedy and isinstance(error.value.__cause__, KeyError)


def test_an_interrupt_is_no_failure_of_learning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = context(home)
    monkeypatch.setattr(training, "_learn", raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        train_or_go_on(ctx, lambda: steps.train(ctx))
    assert not ctx.run.has(TRAINING_FAILED)


def test_what_will_be_tried_again_passes_through(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = context(home)
    monkeypatch.setattr(training, "_learn", raises(LockedError("The registry is locked.", remedy="Wait.")))
    with pytest.raises(LockedError):
        train_or_go_on(
            ctx,
            lambda: steps.train(ctx),
            tried_again=lambda e: isinstance(e, RoutingEtlError) and e.transient,
        )


def test_a_webhook_that_does_not_answer_does_not_stop_the_night(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = Context(home_settings(home, failure_webhook="no url"), find_run(home, None))
    monkeypatch.setattr(training, "_learn", raises(KeyError("x")))
    assert train_or_go_on(ctx, lambda: steps.train(ctx)) is None
    failed = ctx.run.read(TRAINING_FAILED)
    assert failed is not None and "It could not be sent: ROUTING_ETL_FAILURE_WEBHOOK" in failed.sentence


def test_a_metric_of_the_published_batch_that_raises_is_null_with_its_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(home)
    monkeypatch.setattr("routing_etl.warehouse.outcomes.similarity_drift", raises(IndexError("no bins")))
    measured = steps.measure(ctx).result
    drift = next(r for r in measured.metrics if r.metric == "similarity_drift")
    assert (drift.value, drift.reason) == (None, "COMPUTE_ERROR: IndexError: no bins")
    assert next(r for r in measured.metrics if r.metric == "predicted_share").value is not None
    assert learning_faults.warnings_of(ctx.run) == (
        "similarity_drift of the published batch could not be computed (COMPUTE_ERROR: IndexError: no bins)",
    )
