"""Records of runs (with checks and rejects) and of model versions (with metrics), and how long they are kept."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import warehouse
from warehouse_records import stored_runs, stored_versions

from routing_etl.database.engine import make_engine
from routing_etl.errors import FrameError, WarehouseError
from routing_etl.frames import METRICS, REJECTS, CheckOutcome
from routing_etl.settings import load_settings
from routing_etl.warehouse.column_values import cut
from routing_etl.warehouse.lock import process_identity
from routing_etl.warehouse.model_records import MeasuredOn, ModelRecords, TrainedVersion
from routing_etl.warehouse.retention import purge_records
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.types import now


@pytest.fixture
def place(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db", keep_models=2, keep_days=90)
    return publisher._engine, settings


@pytest.fixture
def engine(place):
    return place[0]


@pytest.fixture
def settings(place):
    return place[1]


@pytest.fixture
def runs(engine, settings):
    return RunRecords(engine, settings)


@pytest.fixture
def models(engine, settings):
    return ModelRecords(engine, settings)


@pytest.fixture
def query(engine):
    def run(sql):
        with engine.connect() as connection:
            return [dict(r) for r in connection.exec_driver_sql(sql).mappings()]

    return run


def outcome(**changes):
    values = {
        "frame": "items",
        "check": "item_cd not null",
        "expectation": "expect_column_values_to_not_be_null",
        "column": "item_cd",
        "severity": "critical",
        "success": True,
        "observed": "0",
        "expected": "0",
        "rows_checked": 10,
        "rows_unexpected": 0,
    }
    return CheckOutcome(**(values | changes))


def metric(**changes):
    values = {
        "method": "model",
        "split": "time",
        "segment": "all",
        "metric": "accuracy",
        "value": 0.9,
        "low": 0.88,
        "high": 0.92,
        "n": 100,
        "reason": None,
    }
    return values | changes


def frame(*rows):
    return pl.DataFrame(list(rows), infer_schema_length=None)


def test_a_run_from_start_to_end(runs):
    runs.start_run("r1", "night", profile="bi_views", config_hash="c" * 64, metadata={"seed": 42})
    assert stored_runs(runs)[0]["status"] == "running"
    runs.finish_run(
        "r1", RunEnd("succeeded", rows_read=10, rows_written=8, rows_rejected=2, metadata={"단계": 1})
    )
    run = stored_runs(runs)[0]
    assert (run["status"], run["rows_read"], run["rows_written"], run["rows_rejected"]) == (
        "succeeded",
        10,
        8,
        2,
    )
    assert run["metadata"] == {"단계": 1} and run["profile"] == "bi_views"
    assert run["finished_at"] >= run["started_at"] > datetime(2020, 1, 1, tzinfo=UTC)


def test_a_run_started_again_counts_its_attempts(runs):
    runs.start_run("r1", "night", profile="bi_views")
    runs.finish_run("r1", RunEnd("failed", message="no space"))
    runs.start_run("r1", "night")
    run = stored_runs(runs)[0]
    assert (run["attempt"], run["status"], run["message"], run["profile"]) == (2, "running", None, "bi_views")


def test_a_run_whose_process_died_is_closed(engine, runs):
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    runs.start_run("mine", "night")
    runs.start_run("theirs", "night")
    run = runs.tables.batch_run
    process = {"host": socket.gethostname(), "pid": gone.pid, "process": process_identity(gone.pid)}
    with engine.begin() as connection:
        connection.execute(
            sa.update(run).where(run.c.run_id == "theirs").values(metadata=json.dumps(process))
        )
    assert runs.close_dead_runs() == []
    gone.communicate(b"\n")
    assert runs.close_dead_runs() == ["theirs"]
    states = {r["run_id"]: (r["status"], r["message"]) for r in stored_runs(runs)}
    assert states["mine"] == ("running", None)
    assert states["theirs"][0] == "failed" and "died" in states["theirs"][1]


def test_the_manifest_of_a_version(models):
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    assert models.manifest_sha256("v1") == "a" * 64 and models.manifest_sha256("v2") is None


def test_a_run_that_was_never_started_is_refused(runs, tmp_path):
    for call in (
        lambda: runs.finish_run("r9", RunEnd("failed")),
        lambda: runs.store_checks("r9", [outcome()]),
        lambda: runs.store_rejects("r9", tmp_path),
    ):
        with pytest.raises(WarehouseError, match=r"'r9' was never started"):
            call()
    with pytest.raises(WarehouseError, match="cannot end as 'done'"):
        runs.finish_run("r9", RunEnd("done"))
    with pytest.raises(WarehouseError, match="1 to 64"):
        runs.start_run("r" * 65, "night")


def test_checks_are_stored_and_replaced_by_frame(runs, query):
    runs.start_run("r1", "night")
    assert (
        runs.store_checks("r1", [outcome(), outcome(frame="operations", success=False, sample=("가", "나"))])
        == 2
    )
    assert runs.store_checks("r1", [outcome(observed="1")]) == 1
    rows = query("SELECT frame, observed, success, sample FROM quality_result ORDER BY seq")
    assert rows == [
        {"frame": "operations", "observed": "0", "success": 0, "sample": '["가", "나"]'},
        {"frame": "items", "observed": "1", "success": 1, "sample": None},
    ]
    summary = query("SELECT checks, critical_failed, warnings_failed FROM batch_run_summary")
    assert summary == [{"checks": 2, "critical_failed": 1, "warnings_failed": 0}]


def test_a_long_text_is_cut_visibly(runs, query):
    runs.start_run("r1", "night")
    runs.store_checks("r1", [outcome(exception="x" * 5000)])
    stored = query("SELECT exception FROM quality_result")[0]["exception"]
    assert len(stored) == 2000 and stored.endswith("... [cut, 5000 characters]")
    assert cut("abc", 3) == "abc"


def rejects(folder, name, *rows):
    folder.mkdir(exist_ok=True)
    REJECTS.conform(pl.DataFrame(list(rows))).write_parquet(folder / f"{name}.parquet")


def reject(number=0, **changes):
    values = {
        "source_table": "items",
        "row_key": f"K{number}",
        "rule": "duplicate_key",
        "reason": "The key is there already.",
        "raw_values": '{"ITEM_CD": "한"}',
    }
    return values | changes


def test_every_reject_is_stored_once(runs, query, tmp_path):
    runs.start_run("r1", "night")
    rejects(tmp_path / "x", "items", *(reject(i) for i in range(250)))
    rejects(tmp_path / "x", "operations", reject(raw_values="y" * 6000))
    assert runs.store_rejects("r1", tmp_path / "x") == 251
    assert runs.store_rejects("r1", tmp_path / "x") == 251
    rows = query("SELECT seq, row_key, rule_name, raw_values FROM rejected_row ORDER BY seq")
    assert [r["seq"] for r in rows] == list(range(1, 252))
    assert {r["row_key"] for r in rows} == {f"K{i}" for i in range(250)}
    assert {r["rule_name"] for r in rows} == {"duplicate_key"}
    [long] = [r["raw_values"] for r in rows if "y" in r["raw_values"]]
    assert len(long) == 4000 and long.endswith("[cut, 6000 characters]")


def of_run(query, run_id):
    """What a run rejected: key and number of each row."""
    found = query(f"SELECT row_key, copies FROM batch_run_rejects WHERE run_id = '{run_id}' ORDER BY row_key")
    return [(r["row_key"], r["copies"]) for r in found]


def test_a_row_that_is_rejected_every_night_is_stored_once(runs, query, tmp_path):
    nights = {"r1": (1, 2, 2), "r2": (1, 2, 2), "r3": (2, 2, 3), "r4": (1, 2), "r5": (), "r6": (2,)}
    for run_id, numbers in nights.items():
        runs.start_run(run_id, "night")
        rejects(tmp_path / run_id, "items", *(reject(n) for n in numbers)) if numbers else None
        assert runs.store_rejects(run_id, tmp_path / run_id) == len(numbers)
    for run_id, numbers in nights.items():
        assert of_run(query, run_id) == [(f"K{n}", numbers.count(n)) for n in sorted(set(numbers))], run_id
    stored = query("SELECT run_id, row_key FROM rejected_row ORDER BY run_id, row_key")
    assert [(r["run_id"], r["row_key"]) for r in stored] == [
        ("r1", "K1"), ("r1", "K2"), ("r3", "K3"), ("r4", "K1"), ("r4", "K2"), ("r6", "K2")
    ]  # fmt: skip
    since = query("SELECT since_run_id FROM batch_run_rejects WHERE run_id = 'r3' AND row_key = 'K2'")
    assert [r["since_run_id"] for r in since] == ["r1"]


def test_a_run_that_stores_again_is_shown_with_what_it_stored_last(runs, query, tmp_path):
    for run_id, attempt, numbers in (("r1", 1, (1, 2)), ("r2", 1, (2, 3)), ("r1", 2, (3, 4))):
        runs.start_run(run_id, "night")
        rejects(tmp_path / f"{run_id}{attempt}", "items", *(reject(n) for n in numbers))
        runs.store_rejects(run_id, tmp_path / f"{run_id}{attempt}")
    assert of_run(query, "r1") == [("K3", 1), ("K4", 1)]
    assert of_run(query, "r2") == [("K2", 1), ("K3", 1)]


def test_rows_of_an_older_release_are_shown_with_their_own_run(engine, runs, query, tmp_path):
    old = (
        "INSERT INTO rejected_row (run_id, seq, source_table, row_key, rule_name, reason, raw_values) VALUES "
    )
    for run_id in ("r1", "r2"):
        runs.start_run(run_id, "night")
    with engine.begin() as connection:
        for run_id in ("r1", "r2"):
            connection.exec_driver_sql(f"{old} ('{run_id}', 1, 'items', 'K1', 'duplicate_key', 'r', 'v')")
    rejects(tmp_path / "x", "items", reject(7))
    runs.store_rejects("r2", tmp_path / "x")
    assert of_run(query, "r1") == [("K1", 1)] and of_run(query, "r2") == [("K7", 1)]


def test_a_purge_keeps_rejected_rows_that_a_kept_run_shows(engine, settings, runs, query, tmp_path):
    for run_id, numbers in (("r1", (1, 2)), ("r2", (1, 3)), ("r3", (1, 3)), ("r4", (1,))):
        runs.start_run(run_id, "night")
        rejects(tmp_path / run_id, "items", *(reject(n) for n in numbers))
        runs.store_rejects(run_id, tmp_path / run_id)
    run = runs.tables.batch_run
    with engine.begin() as connection:
        connection.execute(
            run.update()
            .where(run.c.run_id.in_(["r1", "r2"]))
            .values(started_at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    removed = purge_records(engine, settings, keep_days=30)
    assert (removed["batch_run"], removed["rejected_row"]) == (0, 1), "K2 is of the first run only"
    assert of_run(query, "r3") == [("K1", 1), ("K3", 1)] and of_run(query, "r4") == [("K1", 1)]
    with engine.begin() as connection:
        connection.execute(
            run.update().where(run.c.run_id == "r3").values(started_at=datetime(2020, 1, 2, tzinfo=UTC))
        )
    removed = purge_records(engine, settings, keep_days=30)
    assert (removed["batch_run"], removed["rejected_row"]) == (2, 1), "the first run has a row of the last"
    assert of_run(query, "r4") == [("K1", 1)]


def test_no_rejects_is_no_error(runs, tmp_path):
    runs.start_run("r1", "night")
    assert runs.store_rejects("r1", tmp_path / "none") == 0


def test_a_file_that_is_no_rejects_frame_is_refused(runs, tmp_path):
    runs.start_run("r1", "night")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(FrameError, match="rejects"):
        runs.store_rejects("r1", tmp_path)


def test_a_version_is_recorded_once_and_never_changes(models):
    trained = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    models.store_model_version(
        TrainedVersion("v1", "a" * 64, trained_at=trained, training_samples=5, hyperparameters={"k": [1]})
    )
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    with pytest.raises(WarehouseError, match="never change"):
        models.store_model_version(TrainedVersion("v1", "b" * 64))
    version = stored_versions(models)[0]
    assert (version.version, version.status, version.trained_at) == ("v1", "pending", trained)
    assert version.hyperparameters == {"k": [1]} and version.metadata == {} and version.training_samples == 5
    with pytest.raises(WarehouseError, match="'active'"):
        models.store_model_version(TrainedVersion("v2", "a" * 64, status="active"))


def test_exactly_one_version_is_active(models):
    for name in ("v1", "v2"):
        models.store_model_version(TrainedVersion(name, "a" * 64))
        models.activate(name, who="kim")
    models.activate("v2", who="lee")
    states = {v.version: (v.status, v.activated_by) for v in stored_versions(models)}
    assert states == {"v1": ("retired", "kim"), "v2": ("active", "kim")}
    models.store_model_version(TrainedVersion("v3", "a" * 64, status="unmeasured"))
    with pytest.raises(WarehouseError, match="never measured"):
        models.activate("v3", who="kim")
    with pytest.raises(WarehouseError, match="not recorded"):
        models.activate("v4", who="kim")


def test_metrics_are_stored_replaced_and_compared(models, query):
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    models.store_model_version(TrainedVersion("v2", "b" * 64))
    gone = metric(metric="mae", value=None, low=None, high=None, n=0, reason="no actuals")
    same = {"window": MeasuredOn("w" * 64, 120)}
    assert models.store_metrics("v1", frame(metric(), gone), run_id="r1", **same) == 2
    assert models.store_metrics("v1", frame(metric(value=0.8), gone), run_id="r1", **same) == 2
    models.store_metrics(
        "v2", frame(metric(value=0.85), metric(metric="mae", value=3.0)), run_id="r2", **same
    )
    trend = query(
        "SELECT model_version, metric, value, previous_version, previous_value, round(difference, 9) AS difference "
        "FROM model_quality_trend ORDER BY metric, model_version"
    )
    assert [tuple(r.values()) for r in trend] == [
        ("v1", "accuracy", 0.8, None, None, None),
        ("v2", "accuracy", 0.85, "v1", 0.8, 0.05),
        ("v1", "mae", None, None, None, None),
        ("v2", "mae", 3.0, "v1", None, None),
    ]


def test_the_trend_compares_only_what_was_measured_on_the_same_window(models, query):
    for name, window in (("v1", "w1"), ("v2", "w2"), ("v3", "w2"), ("v4", None)):
        models.store_model_version(TrainedVersion(name, name * 32))
        value = metric(value={"v1": 0.5, "v2": 0.4, "v3": 0.45, "v4": 0.9}[name])
        models.store_metrics(name, frame(value), run_id=name, window=MeasuredOn(window, 100))
    trend = query(
        "SELECT model_version, previous_version, round(difference, 9) AS difference, not_compared, items_trained "
        "FROM model_quality_trend ORDER BY model_version"
    )
    assert [tuple(r.values()) for r in trend] == [
        ("v1", None, None, "no earlier version", 100),
        ("v2", None, None, "earlier versions: another window", 100),
        ("v3", "v2", 0.05, None, 100),
        ("v4", None, None, "no window is on record", 100),
    ]


def test_the_trend_shows_the_newest_measurement_of_a_version(models, query):
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    models.store_metrics("v1", frame(metric(value=0.8)), run_id="r1")
    models.store_metrics("v1", frame(metric(value=0.7)), run_id="r2")
    assert query("SELECT value, run_id FROM model_quality_trend") == [{"value": 0.7, "run_id": "r2"}]
    assert len(query("SELECT 1 FROM model_metric")) == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (metric(value=float("nan")), "accuracy.*nan"),
        (metric(high=float("inf")), "high.*inf"),
        (metric(value=None), "neither value nor reason"),
        (metric(n=None), "n holds 1 NULL"),
    ],
)
def test_a_metric_that_is_no_number_is_refused(models, row, words):
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    with pytest.raises(FrameError, match=words):
        models.store_metrics("v1", pl.DataFrame([row], schema=METRICS.schema), run_id="r1")


def test_metrics_of_an_unknown_version_are_refused(models):
    with pytest.raises(WarehouseError, match="'v9' is not recorded"):
        models.store_metrics("v9", frame(metric()), run_id="r1")


def test_retention_takes_bulk_after_days_and_rows_after_years(engine, settings, runs, models, query):
    run, model = runs.tables.batch_run, runs.tables.model_version
    for number, age in enumerate((365 * 5 + 1, 200, 1)):
        runs.start_run(f"r{number}", "night")
        runs.store_checks(f"r{number}", [outcome()])
        with engine.begin() as connection:
            started = now() - timedelta(days=age)
            connection.execute(sa.update(run).where(run.c.run_id == f"r{number}").values(started_at=started))
    for number, age in enumerate((1, 2000, 200, 100, 50, 1)):
        models.store_model_version(TrainedVersion(f"v{number}", "a" * 64))
        models.store_metrics(f"v{number}", frame(metric(), metric(method="legacy")), run_id="r")
        with engine.begin() as connection:
            made = now() - timedelta(days=age)
            connection.execute(
                sa.update(model).where(model.c.version == f"v{number}").values(created_at=made)
            )
    models.activate("v0", who="kim")
    removed = purge_records(engine, settings)
    assert (removed["batch_run"], removed["quality_result"]) == (1, 2)
    assert [r["run_id"] for r in stored_runs(runs)] == ["r2", "r1"], (
        "a run of last year stays without its checks"
    )
    assert {v.version for v in stored_versions(models)} == {"v0", "v2", "v3", "v4", "v5"}
    kept = {
        (r["model_version"], r["method"]) for r in query("SELECT model_version, method FROM model_metric")
    }
    both = {(v, m) for v in ("v0", "v4", "v5") for m in ("model", "legacy")}
    assert kept == both | {("v2", "model"), ("v3", "model")}, "old versions keep their own figures"
    assert (removed["model_version"], removed["model_metric"]) == (1, 4)
    assert not any(purge_records(engine, settings).values()), "a second purge finds nothing"


def test_outcomes_commands_and_times_stay_for_years(tmp_path):
    from watched import known_warehouse

    settings = known_warehouse(tmp_path, keep_history_years=1)
    engine = make_engine(settings.warehouse, "warehouse", settings)
    tb = tables(None)
    small = (tb.prediction_outcome, tb.audit_log, tb.time_profile_month)

    def counts():
        with engine.connect() as connection:
            return [connection.execute(sa.select(sa.func.count()).select_from(t)).scalar() for t in small]

    with engine.begin() as connection:
        recent = now() - timedelta(days=360)
        connection.execute(sa.update(tb.prediction_outcome).values(observed_at=recent))
        old = now() - timedelta(days=370)
        connection.execute(sa.update(tb.audit_log).values(happened_at=old))
        connection.execute(
            sa.update(tb.time_profile_month)
            .where(tb.time_profile_month.c.month < date(2026, 5, 1))
            .values(month=old.date())
        )
        connection.execute(
            sa.update(tb.time_profile_month)
            .where(tb.time_profile_month.c.month == date(2026, 5, 1))
            .values(month=recent.date())
        )
    assert counts() == [10, 1, 4]
    purge_records(engine, settings)
    assert counts() == [10, 0, 2]


def test_the_newest_run_stays_however_old(engine, settings, runs):
    runs.start_run("r1", "night")
    with engine.begin() as connection:
        connection.execute(sa.update(runs.tables.batch_run).values(started_at=now() - timedelta(days=999)))
    assert purge_records(engine, settings)["batch_run"] == 0


def test_an_unmigrated_database_is_refused(tmp_path):
    settings = load_settings(home=tmp_path)
    engine = make_engine(settings.warehouse, "warehouse", settings)
    for use in (RunRecords, ModelRecords, purge_records):
        with pytest.raises(WarehouseError, match="routing-etl migrate"):
            use(engine, settings)
