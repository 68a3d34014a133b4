"""Retries for transient failures only, messages with a remedy, progress in the run's log, the run lock."""

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from walks_met import bound_by_modes

from dagster_defs import failures
from dagster_defs.definitions import build_defs
from dagster_defs.progress import SayProgress, progress_of
from dagster_defs.resources import Street, StreetResource
from routing_etl.errors import (
    DataQualityError,
    LockedError,
    RegistryError,
    RoutingEtlError,
    TransientDatabaseError,
)
from routing_etl.pipeline.street import AGGREGATE_TIMES, CHECK_CANDIDATES, CLEAN, EXTRACT
from routing_etl.runs import RunFolder, new_run, run_lock
from routing_etl.settings import Settings


def _run(raises: list[Exception | None]) -> tuple[dg.ExecuteInProcessResult, int]:
    """Run a job whose one step raises these in turn; returns its result and how often the step was tried."""
    tries = 0

    @dg.op
    def step(context: dg.OpExecutionContext):
        nonlocal tries
        tries += 1
        with failures.as_dagster_failure(context):
            exception = raises[min(tries, len(raises)) - 1]
            if exception is not None:
                raise exception

    @dg.job(executor_def=dg.in_process_executor)
    def job():
        step()

    return job.execute_in_process(raise_on_error=False), tries


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_FIRST_WAIT", 0.001)


BUSY = TransientDatabaseError("The ERP is busy.", remedy="Run again.")


def test_a_transient_failure_is_tried_again_until_it_works() -> None:
    result, tries = _run([BUSY, BUSY, None])
    assert result.success
    assert tries == 3


def test_a_transient_failure_that_stays_is_one_clear_failure_after_three_retries() -> None:
    result, tries = _run([BUSY])
    assert not result.success
    assert tries == 4
    failure = result.get_step_failure_events()[-1].step_failure_data.user_failure_data
    assert failure.description == "The ERP is busy. Run again."


@pytest.mark.parametrize(
    "error",
    [
        RegistryError("No champion.", remedy="Train one."),
        DataQualityError("1 critical check failed.", remedy="Fix it."),
    ],
)
def test_a_permanent_failure_is_never_tried_again_and_says_what_to_do(error: RoutingEtlError) -> None:
    result, tries = _run([error, None])
    assert not result.success
    assert tries == 1
    failure = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert failure.description == str(error)
    shown = {name: value.value for name, value in failure.metadata.items()}
    assert shown["what"] == error.message
    assert shown["remedy"] == error.remedy
    assert shown["kind"] == type(error).__name__
    assert ("publication" in shown) == isinstance(error, DataQualityError)


def test_an_error_that_is_not_ours_fails_once_with_its_trace() -> None:
    result, tries = _run([ValueError("a bug"), None])
    assert not result.success
    assert tries == 1
    assert "a bug" in result.get_step_failure_events()[0].step_failure_data.error.to_string()


def test_waits_double_and_vary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_FIRST_WAIT", 2.0)
    waits = []
    for number in range(3):
        context = _Context(number)
        with pytest.raises(dg.RetryRequested) as caught, failures.as_dagster_failure(context):
            raise BUSY
        waits.append(caught.value.seconds_to_wait)
    for wait, planned in zip(waits, (2.0, 4.0, 8.0), strict=True):
        assert 0.8 * planned <= wait <= 1.2 * planned


class _Context:
    """As much of Dagster's context as a step of ours reads."""

    def __init__(
        self, retry_number: int = 0, run_id: str = "r1", root: str | None = None, job: str = "nightly"
    ) -> None:
        self.retry_number = retry_number
        self.log = logging.getLogger("test")
        self.run = dg.DagsterRun(job, run_id, root_run_id=root, parent_run_id=root)
        self.instance = _Instance()
        self.op_execution_context = self


class _Instance:
    def add_run_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Tags of runs are not looked at here."""


def test_progress_tells_every_tenth_once() -> None:
    said: list[tuple[str, str, int | None]] = []
    with SayProgress(lambda *what: said.append(what)).task("Reading items", 1000) as task:
        for _ in range(1000):
            task.advance()
        task.describe("Writing items")
    assert said[0] == ("Reading items: started", "Reading items", 0)
    assert said[1:10] == [(f"Reading items: {n}0 %", "Reading items", 10 * n) for n in range(1, 10)]
    assert said[10] == ("Writing items", "Writing items", 100)
    assert said[11][0].startswith("Writing items: done in ") and said[11][1:] == ("Writing items", 100)
    assert len(said) == 12


def test_progress_without_a_total_says_little_and_a_failure_is_not_done() -> None:
    said: list[tuple[str, str, int | None]] = []
    with pytest.raises(KeyError), SayProgress(lambda *what: said.append(what)).task("Waiting") as task:
        for _ in range(5000):
            task.advance()
        raise KeyError
    assert said == [("Waiting: started", "Waiting", 0)]


def test_progress_is_an_event_of_the_run_with_phase_and_percent() -> None:
    @dg.op
    def step(context: dg.OpExecutionContext):
        with progress_of(context).task("Train: fit", 2) as task:
            task.advance()

    @dg.job(executor_def=dg.in_process_executor)
    def job():
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = job.execute_in_process(instance=instance).run_id
        events = [
            e.dagster_event for e in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if e.dagster_event.step_key == "step" and "phase" in e.dagster_event.engine_event_data.metadata
        ]  # fmt: skip
    shown = [{k: v.value for k, v in e.engine_event_data.metadata.items()} for e in events]
    assert shown == [{"phase": "Train: fit", "percent": n} for n in (0, 50, 100)]
    assert events[1].message == "Train: fit: 50 %"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path / "home")


def finish_clean(run: RunFolder) -> None:
    """A report is there; what it says does not matter."""
    (run.reports / f"{CLEAN.report.name}.json").write_text("{}", encoding="utf-8")


def test_a_run_has_one_folder_and_its_repetition_the_same(settings: Settings) -> None:
    street = Street(settings)
    with street.step(_Context(run_id="a1"), EXTRACT) as first:
        assert first.run.run_id == "dagster_a1"
    with street.step(_Context(run_id="a1"), CLEAN) as second:
        assert second.run.path == first.run.path
    with street.step(_Context(run_id="b2", root="a1"), CLEAN) as repeated:
        assert repeated.run.path == first.run.path
    with street.step(_Context(run_id="c3"), EXTRACT) as other:
        assert other.run.path != first.run.path


def test_a_step_alone_works_on_the_newest_run_that_has_what_it_needs(settings: Settings) -> None:
    street = Street(settings)
    older, newer = new_run(settings.home, "older"), new_run(settings.home, "newer")
    finish_clean(older)
    with street.step(_Context(run_id="x"), AGGREGATE_TIMES) as ctx:
        assert ctx.run.run_id == "older"
    finish_clean(newer)
    with street.step(_Context(run_id="x"), AGGREGATE_TIMES) as ctx:
        assert ctx.run.run_id == "newer"
    with (
        pytest.raises(dg.Failure, match="has finished the step 'score'"),
        street.step(_Context(), CHECK_CANDIDATES),
    ):
        pass


def test_a_config_changes_the_settings_of_its_step_only(settings: Settings) -> None:
    street = Street(settings)
    with street.step(_Context(run_id="a"), EXTRACT, test_days=7) as ctx:
        assert ctx.settings.test_days == 7
    with street.step(_Context(run_id="a"), EXTRACT) as ctx:
        assert ctx.settings.test_days == settings.test_days


def test_a_second_run_on_the_same_home_stops_and_names_the_first(settings: Settings) -> None:
    @dg.op
    def step(street: dg.ResourceParam[Any]):
        assert isinstance(street, Street)

    @dg.job(resource_defs={"street": StreetResource(settings=settings)}, executor_def=dg.in_process_executor)
    def job():
        step()

    with run_lock(settings.home, "the night of the command line"), pytest.raises(Exception) as caught:
        job.execute_in_process()
    causes = [str(caught.value.__cause__), str(caught.value)]
    assert any("the night of the command line" in c for c in causes)
    assert isinstance(caught.value.__cause__, LockedError)
    assert job.execute_in_process().success


def test_the_run_lock_is_held_until_the_last_step_has_ended(settings: Settings) -> None:
    refused = []

    @dg.op
    def step(street: dg.ResourceParam[Any]):
        assert street.settings is settings
        with pytest.raises(LockedError) as caught, run_lock(settings.home, "the command line"):
            pass
        refused.append(str(caught.value))

    @dg.job(resource_defs={"street": StreetResource(settings=settings)}, executor_def=dg.in_process_executor)
    def job():
        step.alias("first")()
        step.alias("last")()

    run_id = job.execute_in_process().run_id
    assert len(refused) == 2 and all(run_id in said for said in refused)
    with run_lock(settings.home, "the next run"):
        pass


def test_a_run_stopped_before_its_first_step_is_not_repeated(settings: Settings) -> None:
    """Run retries repeat what fails outside of steps, as if the worker had died; ours say that they must not."""
    began = []

    @dg.op
    def step(street: dg.ResourceParam[Any]):
        began.append(street)

    @dg.job(resource_defs={"street": StreetResource(settings=settings)}, executor_def=dg.in_process_executor)
    def job():
        step()

    with (
        dg.DagsterInstance.ephemeral() as instance,
        run_lock(settings.home, "the night of the command line"),
    ):
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        tags = instance.get_run_by_id(result.run_id).tags
    assert not result.success and not began
    assert tags["dagster/max_retries"] == "0"


def test_a_home_that_may_not_be_written_stops_the_run_in_a_sentence(settings: Settings) -> None:
    @dg.op
    def step(street: dg.ResourceParam[Any]):
        assert isinstance(street, Street)

    @dg.job(resource_defs={"street": StreetResource(settings=settings)}, executor_def=dg.in_process_executor)
    def job():
        step()

    settings.home.mkdir(exist_ok=True)
    settings.home.chmod(0o500)
    with dg.DagsterInstance.ephemeral() as instance, bound_by_modes():
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        tags = instance.get_run_by_id(result.run_id).tags
    settings.home.chmod(0o700)
    [failed] = [e for e in result.all_events if e.event_type_value == "PIPELINE_FAILURE"]
    said = failed.event_specific_data.error.cause.message
    assert said.startswith(
        f"routing_etl.errors.ConfigurationError: The home {settings.home} cannot be written"
    )
    assert "this user may write there" in said and tags["dagster/max_retries"] == "0"
    assert job.execute_in_process().success


@pytest.mark.parametrize(
    ("job", "step", "values", "said"),
    [
        (
            "nightly",
            "train_model",
            {"max_items": 1},
            "max_items = 1: Input should be greater than or equal to 10",
        ),
        ("train", "train_model", {"test_days": 9999, "split": "FAMILY"}, "test_days = 9999: .* to 3650"),
        ("train", "train_model", {"version_name": "v" * 129}, "version_name = .* at most 128 characters"),
        ("nightly", "score", {"model_version": "v" * 129}, "model_version = .* at most 128 characters"),
        ("evaluate", "model_evaluation", {"max_items": 0}, "max_items = 0: .* to 10"),
        ("rollback_publication", "rollback", {"to_publication": -1}, "to_publication = -1: .* to 0"),
        (
            "promote_model",
            "promote",
            {"version": "v1", "why": "?", "requested_by": "kim"},
            "why = .* at least 3 characters",
        ),
        ("purge", "remove_old", {"keep_runs": 1001}, "keep_runs = 1001: .* to 1000"),
    ],
)
def test_a_value_out_of_bounds_is_named_with_its_bound_and_there_is_no_run(
    settings: Settings, job: str, step: str, values: dict[str, Any], said: str
) -> None:
    definition = build_defs(home=settings.home).resolve_job_def(job)
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError, match=rf"{step}: {said}.*nothing has run"):
            definition.execute_in_process({"ops": {step: {"config": values}}}, instance=instance)
        assert instance.get_runs_count() == 0


def test_values_within_bounds_pass_and_enumerations_go_by_name(settings: Settings) -> None:
    definition = build_defs(home=settings.home).resolve_job_def("train")
    config = {
        "split": "LEAVE_ONE_OUT",
        "max_items": 10,
        "test_days": 3650,
        "version_name": "v1",
        "promote": False,
    }
    found = dg.validate_run_config(definition, {"ops": {"train_model": {"config": config}}})
    assert {k: v for k, v in found["ops"]["train_model"]["config"].items() if k in config} == {
        **config,
        "split": "loo",
    }
