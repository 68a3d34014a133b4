"""What sensors ask for, once and not twice; the shipped instance configuration."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from results import metric_row

from dagster_defs import metadata, sensors
from dagster_defs.assets import keys
from dagster_defs.definitions import build_defs
from routing_etl.erp.changes import ItemChanges
from routing_etl.errors import LockedError
from routing_etl.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path)


def _tick(settings: Settings, instance: dg.DagsterInstance, cursor: str | None) -> tuple[object, str | None]:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    return sensors.quality_sensor(settings)(context), context.cursor


def _measured(instance: dg.DagsterInstance, drift: float | None) -> None:
    row = metric_row("similarity_drift", drift, n=10, reason=None if drift else "first night")
    instance.report_runless_asset_event(
        dg.AssetMaterialization(keys.MODEL_METRICS, metadata=metadata.metric_rows([row]))
    )


def test_quality_asks_for_one_training_and_then_waits(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result, cursor = _tick(settings, instance, None)
        assert isinstance(result, dg.SkipReason)
        _measured(instance, None)
        result, cursor = _tick(settings, instance, cursor)
        assert isinstance(result, dg.SkipReason)
        _measured(instance, 0.4)
        result, cursor = _tick(settings, instance, cursor)
        assert isinstance(result, dg.SkipReason) and "within limits" in str(result.skip_message)
        _measured(instance, 1.7)
        result, cursor = _tick(settings, instance, cursor)
        assert isinstance(result, dg.RunRequest)
        assert result.run_config["ops"]["train_model"]["config"]["requested_by"] == "retrain_on_quality"
        assert result.tags["routing_etl/reason"] == "similarity drift 1.700 is above 1"
        result, cursor = _tick(settings, instance, cursor)
        assert isinstance(result, dg.SkipReason) and "Nothing new" in str(result.skip_message)
        _measured(instance, 2.5)
        result, cursor = _tick(settings, instance, cursor)
        assert isinstance(result, dg.SkipReason) and "cool-down" in str(result.skip_message)


def test_metrics_of_another_plant_under_the_same_name_ask_for_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    other = Settings(_env_file=None, home=tmp_path / "p200", plant_code="P200")
    with dg.DagsterInstance.ephemeral() as instance:
        row = metadata.metric_rows([metric_row("similarity_drift", 2.5, n=10)])
        for plant in (other, settings):
            made = dg.AssetMaterialization(keys.MODEL_METRICS, metadata=row | metadata.of_plant(plant))
            instance.report_runless_asset_event(made)
            result, _ = _tick(settings, instance, None)
            if plant is other:
                assert isinstance(result, dg.SkipReason)
                assert "1000/P200/bi_views" in str(result.skip_message)
                assert "ROUTING_ETL_DAGSTER_PREFIX" in str(result.skip_message)
            else:
                assert isinstance(result, dg.RunRequest)


def test_after_the_cool_down_a_training_is_asked_for_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        _measured(instance, 1.7)
        first, cursor = _tick(settings, instance, None)
        later = sensors.time.time() + settings.retrain_wait_hours * 3600 + 1
        monkeypatch.setattr(sensors.time, "time", lambda: later)
        _measured(instance, 1.8)
        second, _ = _tick(settings, instance, cursor)
    assert isinstance(first, dg.RunRequest) and isinstance(second, dg.RunRequest)
    assert first.run_key != second.run_key


def test_a_failed_run_becomes_one_line_with_its_message(tmp_path: Path) -> None:
    defs = build_defs(home=tmp_path)

    @dg.op
    def breaks():
        raise dg.Failure("The ERP refused the login. Check ROUTING_ETL_ERP_URL.", allow_retries=False)

    @dg.job
    def nightly_like():
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = nightly_like.execute_in_process(instance=instance, raise_on_error=False)
        run = instance.get_run_by_id(result.run_id)
        event = result.get_run_failure_event()
        sensor = defs.get_repository_def().get_sensor_def("failure_report")
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_event=event, dagster_instance=instance, dagster_run=run
        ).for_run_failure()
        sensor(context)
    lines = (tmp_path / "logs" / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    failure = json.loads(lines[0])
    assert failure["job"] == "nightly_like"
    assert failure["run_id"] == result.run_id
    assert "ROUTING_ETL_ERP_URL" in failure["steps"]["breaks"]


def test_a_refused_run_lock_is_named_and_not_the_resource_that_met_it(settings: Settings) -> None:
    @dg.resource
    def street():
        raise LockedError("Another run is at work: the night.", remedy="Wait.")

    @dg.op(required_resource_keys={"street"})
    def step():
        raise AssertionError("is not reached")

    @dg.job(resource_defs={"street": street}, executor_def=dg.in_process_executor)
    def second_night():
        step()

    sensor = sensors.failure_sensor(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        result = second_night.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_event=result.get_run_failure_event(), dagster_instance=instance,
            dagster_run=instance.get_run_by_id(result.run_id),
        ).for_run_failure()  # fmt: skip
        sensor(context)
    failure = json.loads((settings.home / "logs" / "failures.jsonl").read_text(encoding="utf-8"))
    assert "Another run is at work: the night. Wait." in json.dumps(failure)


def test_the_night_starts_at_two_local_time(tmp_path: Path) -> None:
    schedule = build_defs(home=tmp_path).get_repository_def().get_schedule_def("nightly_at_two")
    seoul = ZoneInfo("Asia/Seoul")
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 2, 2, tzinfo=seoul))
    request = schedule.evaluate_tick(context).run_requests[0]
    assert request.run_config["ops"]["train_model"]["config"]["only_when_due"] is True


def test_the_shipped_instance_configuration_is_valid_and_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "dagster_defs" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False
        assert instance.run_retries_enabled
        assert instance.run_retries_retry_on_asset_or_op_failure is False
        assert instance.run_monitoring_enabled
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "run")


def test_new_items_start_one_night_in_the_read_window_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[ItemChanges | None] = [
        None, ItemChanges(10, 0, 0, ""), ItemChanges(12, 2, 0, "abc"), ItemChanges(12, 2, 0, "abc"),
    ]  # fmt: skip
    monkeypatch.setattr(sensors.upkeep, "item_changes", lambda settings: answers.pop(0))

    def tick(window: str) -> object:
        settings = Settings(_env_file=None, home=tmp_path, timezone="UTC", read_window=window)
        return sensors.new_items_sensor(settings)(dg.build_sensor_context())

    now = datetime.now(UTC)
    closed = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    assert "Outside" in str(tick(closed).skip_message)
    everything = "00:00-23:59" if now.strftime("%H:%M") != "23:59" else "23:00-01:00"
    assert "No night" in str(tick(everything).skip_message)
    assert "has the items" in str(tick(everything).skip_message)
    first, second = tick(everything), tick(everything)
    assert isinstance(first, dg.RunRequest)
    assert first.run_key == second.run_key == "items-abc", "the same difference starts one run"
    assert first.run_config["ops"]["train_model"]["config"]["only_when_due"] is True


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("00:00-06:00", ["00:00", "05:59"], ["06:00", "23:59"]),
        ("22:00-04:00", ["22:00", "03:59"], ["04:00", "21:59"]),
    ],
)
def test_the_read_window_is_local_time_and_may_go_over_midnight(
    tmp_path: Path, window: str, inside: list[str], outside: list[str]
) -> None:
    settings = Settings(_env_file=None, home=tmp_path, timezone="Asia/Seoul", read_window=window)

    def at(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-03-02T{clock}:00+09:00").astimezone(UTC)

    assert all(settings.in_read_window(at(c)) for c in inside)
    assert not any(settings.in_read_window(at(c)) for c in outside)


def test_alerts_are_told_between_nights_once(tmp_path: Path) -> None:
    from watched import known_warehouse

    empty = Settings(_env_file=None, home=tmp_path / "empty")
    empty.home.mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        nothing = sensors.alert_sensor(empty)(dg.build_sensor_context(instance=instance))
        assert isinstance(nothing, dg.SkipReason) and "no tables" in str(nothing.skip_message)
        tell = sensors.alert_sensor(known_warehouse(tmp_path / "home"))
        first, second = (tell(dg.build_sensor_context(instance=instance)) for _ in range(2))
    assert isinstance(first, dg.SkipReason) and str(first.skip_message) == "3 open, 3 new, 0 over."
    assert isinstance(second, dg.SkipReason) and str(second.skip_message) == "3 open, 0 new, 0 over."


def test_the_weekly_report_is_written_by_its_job(tmp_path: Path) -> None:
    from watched import known_warehouse

    settings = known_warehouse(tmp_path / "home")
    job = build_defs(home=settings.home).resolve_job_def("weekly_report")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    [file] = (settings.home / "reports").glob("week-*.html")
    assert "Worst families" in file.read_text(encoding="utf-8")


def test_the_weekly_report_is_mailed_by_its_job_where_somebody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from little_servers import mail_server, serving
    from watched import known_warehouse

    got: list[str] = []
    home = known_warehouse(tmp_path / "home").home
    with serving(mail_server(got)) as port:
        monkeypatch.setenv("ROUTING_ETL_REPORT_EMAIL_TO", "quality@x.example")
        monkeypatch.setenv("ROUTING_ETL_SMTP_URL", f"smtp://127.0.0.1:{port}")
        job = build_defs(home=home).resolve_job_def("weekly_report")
        with dg.DagsterInstance.ephemeral() as instance:
            assert job.execute_in_process(instance=instance).success
    assert "rcpt TO:<quality@x.example>" in got
    assert any("week-" in line and ".html" in line for line in got)
