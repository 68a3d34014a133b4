"""The night run by Dagster, in process, on a real embedded installation; the database is asked what came of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from homes import ask, change, finished, home_settings
from results import evaluated

from dagster_defs import failures
from dagster_defs.definitions import build_defs
from routing_etl.errors import TransientDatabaseError
from routing_etl.pipeline import steps, street
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.results import Evaluated, Scored, Trained
from routing_etl.pipeline.training import TrainingRequest
from routing_etl.runs import list_runs, run_lock

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Changes what is predicted, so that the next night has something to publish.
RENAME_UNROUTED = (
    "UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = 'RENAMED ' || ITEM_NM "
    "WHERE ITEM_CD NOT IN (SELECT ITEM_CD FROM BI_ROUTING_VIEW)"
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def job_of(home: Path, job: str) -> dg.JobDefinition:
    """A job of the definitions for this home."""
    urls = {k: getattr(home_settings(home), k) for k in ("home", "models", "erp_url", "warehouse_url")}
    return build_defs(**urls).resolve_job_def(job)


def run(
    home: Path, job: str, instance: dg.DagsterInstance, **ops: dict[str, Any]
) -> dg.ExecuteInProcessResult:
    """Run a job of the definitions for this home; keyword arguments are the configuration of its ops."""
    config = {"ops": {name: {"config": values} for name, values in ops.items()}} if ops else None
    return job_of(home, job).execute_in_process(run_config=config, instance=instance, raise_on_error=False)


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Metadata of each materialized asset."""
    events = [e for e in result.all_events if e.is_step_materialization]
    return {e.materialization.asset_key.to_user_string(): dict(e.materialization.metadata) for e in events}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Check evaluations by asset and check name."""
    found = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    frame_of = {"time_profiles": "time_by_item_operation"}
    named = [(c.asset_key.to_user_string(), c) for c in found]
    return {(frame_of.get(asset, asset), c.check_name): c for asset, c in named}


def each_check(evaluated: dict[tuple[str, str], dg.AssetCheckEvaluation]) -> dict[tuple[str, str], str]:
    """Result of every expectation by frame and name, as the tables of the checks have it; of times each check is one."""
    found = {}
    for (frame, name), evaluation in evaluated.items():
        if "each_check" in evaluation.metadata:
            rows = [record.data for record in evaluation.metadata["each_check"].records]
            found |= {(frame, str(row["check"])): str(row["result"]) for row in rows}
        else:
            found[frame, name] = "passed" if evaluation.passed else "failed"
    return found


def current_publication(home: Path) -> int | None:
    rows = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")
    return rows[0][0] if rows else None


def test_the_night_from_dagster_publishes_what_its_metadata_says(
    home: Path, instance: dg.DagsterInstance
) -> None:
    before = current_publication(home)
    change(home / "erp.db", RENAME_UNROUTED)
    result = run(home, "nightly", instance)
    assert result.success
    shown = materialized(result)
    assert set(shown) >= {
        "raw/items", "items", "operations", "work_results", "purchase_orders", "rejects", "time_profiles", "champion",
        "candidates", "candidate_operations", "loaded_publication", "publication", "model_metrics", "drift",
    }  # fmt: skip
    assert "routing_model" not in shown, "the champion is young, so the night trains nothing"
    after = current_publication(home)
    assert after == shown["publication"]["publication_id"].value != before
    published = ask(home / "warehouse.db", "SELECT COUNT(*) FROM routing_candidates")[0][0]
    assert published == shown["candidates"]["dagster/row_count"].value > 0
    rejected = ask(
        home / "warehouse.db",
        "SELECT SUM(copies) FROM batch_run_rejects WHERE run_id = ?",
        f"dagster_{result.run_id}",
    )[0][0]
    assert rejected == shown["rejects"]["dagster/row_count"].value
    row = ask(
        home / "warehouse.db",
        "SELECT kind, status, publication_id FROM batch_run WHERE run_id = ?",
        f"dagster_{result.run_id}",
    )
    assert row == [("nightly", "succeeded", after)]
    evaluated = each_check(checks(result))
    assert len(evaluated) > 200
    stored = dict(ask(
        home / "warehouse.db",
        "SELECT frame || '.' || check_name, success FROM quality_result WHERE run_id = ?", f"dagster_{result.run_id}",
    ))  # fmt: skip
    in_both = {k: v for k, v in evaluated.items() if ".".join(k) in stored}
    assert len(in_both) == len(stored)
    assert all(bool(stored[".".join(k)]) == (v == "passed") for k, v in in_both.items())

    last_steps = [dg.AssetKey("loaded_publication"), dg.AssetKey("publication")]
    again = job_of(home, "nightly").execute_in_process(instance=instance, asset_selection=last_steps)
    assert again.success
    assert materialized(again)["loaded_publication"]["reused"].value is True
    assert current_publication(home) == after, "the same inputs twice are a no-op"


def test_a_failed_critical_check_is_red_and_leaves_the_publication(
    home: Path, instance: dg.DagsterInstance
) -> None:
    before = current_publication(home)
    change(
        home / "erp.db", "UPDATE BI_WORK_ORDER_RESULTS SET ITEM_CD = 'GONE-' || ITEM_CD WHERE rowid % 3 > 0"
    )
    result = run(home, "nightly", instance)
    assert not result.success
    evaluated = checks(result)
    failed = {
        key for key, c in evaluated.items() if not c.passed and c.severity == dg.AssetCheckSeverity.ERROR
    }
    assert failed == {("rejects", "critical_shares"), ("work_results", "critical_changes")}
    red = evaluated["rejects", "critical_shares"]
    assert red.description is not None and red.description.startswith(
        "work_results_rejected_share_critical: "
    )
    assert "expected" in red.description
    first = red.metadata["each_check"].records[0].data
    assert first["check"] == "work_results_rejected_share_critical" and first["result"] == "failed (critical)"
    assert first["rows_unexpected"] > 0
    assert "items" in materialized(result)
    behind = {"time_profiles", "champion", "candidates", "loaded_publication", "publication"}
    assert not behind & set(materialized(result))
    assert current_publication(home) == before
    status, message = ask(
        home / "warehouse.db",
        "SELECT status, message FROM batch_run WHERE run_id = ?",
        f"dagster_{result.run_id}",
    )[0]
    assert status == "failed"
    assert "work_results_rejected_share_critical" in message


def nightly_of_the_environment() -> dg.JobDefinition:
    """The nightly job of the installation that ROUTING_ETL_HOME names."""
    return build_defs().resolve_job_def("nightly")


def test_a_permanent_failure_is_recorded_and_the_re_run_goes_on_where_it_stopped(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
    champion = json.loads((home / "models" / "aliases.json").read_text(encoding="utf-8"))["aliases"][
        "champion"
    ]
    engine = home / "models" / champion / "similarity_engine.joblib"
    good = engine.read_bytes()
    engine.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    job = dg.reconstructable(nightly_of_the_environment)
    with dg.DagsterInstance.ephemeral() as instance:
        with dg.execute_job(job, instance) as result:
            assert not result.success
            [event] = [e for e in result.all_events if e.is_step_failure]
        assert event.step_key == "score"
        description = event.step_failure_data.user_failure_data.description
        assert "similarity_engine.joblib" in description and "routing-etl train" in description
        run_id = f"dagster_{result.run_id}"
        recorded = ask(
            home / "warehouse.db", "SELECT status, message FROM batch_run WHERE run_id = ?", run_id
        )
        assert recorded[0][0] == "failed" and "similarity_engine.joblib" in recorded[0][1]

        engine.write_bytes(good)
        clean = home / "runs" / run_id / "clean" / "items.parquet"
        written = clean.stat().st_mtime_ns
        options = dg.ReexecutionOptions.from_failure(result.run_id, instance)
        with dg.execute_job(job, instance, reexecution_options=options) as repeated:
            assert repeated.success
            done = {e.step_key for e in repeated.all_events if e.is_step_success}
    assert "extract" not in done and "score" in done and "publication" in done
    assert clean.stat().st_mtime_ns == written
    assert ask(home / "warehouse.db", "SELECT status FROM batch_run WHERE run_id = ?", run_id) == [
        ("succeeded",)
    ]


def first_training(home: Path) -> Finished[Trained]:
    """The report of the training in the installation's first night."""
    [found] = [t for run in list_runs(home) if (t := run.read(street.TRAIN.report)) is not None]
    return found


def test_the_launchpad_reaches_the_training_and_its_report_the_page(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training itself is slow and tested elsewhere; here its report is that of the installation's first night."""
    first = first_training(home)
    calls: list[dict[str, Any]] = []

    def train(ctx: Any, asked: TrainingRequest) -> Finished[Trained]:
        calls.append({**asdict(asked), "test_days": ctx.settings.test_days})
        return replace(first, result=replace(first.result, version=asked.name, dry_run=asked.dry_run))

    monkeypatch.setattr(steps, "train", train)
    asked = {"version_name": "seals-2026", "dry_run": True, "split": "TIME", "test_days": 30, "max_items": 50}
    dry = run(home, "train", instance, train_model={**asked, "promote": False, "requested_by": "kim"})
    assert dry.success
    assert calls == [
        {
            "name": "seals-2026", "dry_run": True, "dry_run_items": 5000, "promote": False, "split": "time", "max_items": 50,
            "requested_by": "kim", "test_days": 30, "via": "train", "reason": "asked for",
        }
    ]  # fmt: skip
    assert "routing_model" not in materialized(dry)
    [observed] = [e for e in dry.all_events if e.event_type_value == "ASSET_OBSERVATION"]
    assert observed.event_specific_data.asset_observation.metadata["dry_run"].value is True

    saved = run(home, "train", instance, train_model={"version_name": "seals-2026"})
    shown = materialized(saved)["routing_model"]
    assert shown["version"].value == "seals-2026"
    assert 0 <= shown["exact_at_1"].value <= 1
    methods = {c.name for c in shown["all_methods"].schema.columns}
    assert {"model", "nearest_copy", "majority_part_type", "legacy"} <= methods


def test_a_plant_where_every_item_is_routed_publishes_nothing_and_succeeds(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_publication(home)
    real = steps.score

    def score_nothing(ctx: Any, **arguments: Any) -> Finished[Scored]:
        scored = real(ctx, **arguments)
        nothing = replace(scored, result=replace(scored.result, items=0))
        ctx.run.write(street.SCORE.report, nothing)
        return nothing

    monkeypatch.setattr(steps, "score", score_nothing)
    result = run(home, "nightly", instance)
    assert result.success
    assert not {"candidates", "loaded_publication", "publication", "model_metrics"} & set(
        materialized(result)
    )
    assert current_publication(home) == before
    recorded = ask(
        home / "warehouse.db",
        "SELECT status, message FROM batch_run WHERE run_id = ?",
        f"dagster_{result.run_id}",
    )
    assert recorded[0][0] == "succeeded"
    assert "nothing was published" in recorded[0][1]


def test_the_evaluation_shows_all_methods(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_training(home).result
    calls: list[dict[str, Any]] = []

    def evaluate(ctx: Any, **arguments: Any) -> Finished[Evaluated]:
        calls.append({**arguments, "test_days": ctx.settings.test_days})
        found = evaluated(split=arguments["split"], metrics=first.metrics, legacy=first.legacy)
        made: Finished[Evaluated] = finished(street.EVALUATE, found)
        return made

    monkeypatch.setattr(steps, "evaluate", evaluate)
    result = run(
        home, "evaluate", instance, model_evaluation={"split": "TIME", "test_days": 90, "max_items": 40}
    )
    assert result.success
    assert calls == [{"split": "time", "max_items": 40, "test_days": 90}]
    shown = materialized(result)["model_evaluation"]
    assert {"metric", "model", "legacy"} <= {c.name for c in shown["all_methods"].schema.columns}


def test_a_taken_version_name_and_a_promotion(home: Path, instance: dg.DagsterInstance) -> None:
    def champion() -> str:
        text = (home / "models" / "aliases.json").read_text(encoding="utf-8")
        return str(json.loads(text)["aliases"]["champion"])

    taken = run(home, "train", instance, train_model={"version_name": champion()})
    assert not taken.success
    assert (
        "exists already" in taken.get_step_failure_events()[0].step_failure_data.user_failure_data.description
    )
    unknown = run(
        home,
        "promote_model",
        instance,
        promote={"version": "v9", "why": "no such version", "requested_by": "kim"},
    )
    assert not unknown.success
    assert champion() in unknown.get_step_failure_events()[0].step_failure_data.user_failure_data.description
    again = run(
        home,
        "promote_model",
        instance,
        promote={"version": champion(), "why": "checked in the shop", "requested_by": "kim"},
    )
    assert again.success
    last = (home / "models" / "aliases.audit.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert (json.loads(last)["why"], json.loads(last)["who"]) == ("checked in the shop", "kim")
    assert ask(home / "warehouse.db", "SELECT version FROM model_version WHERE status = 'active'") == [
        (champion(),)
    ]


def test_a_transient_failure_is_retried_then_rollback_and_purge(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_FIRST_WAIT", 0.01)
    real, tries = steps.load, []

    def busy_once(ctx: Any) -> Any:
        tries.append(ctx.run.run_id)
        if len(tries) == 1:
            raise TransientDatabaseError("Our tables are busy.", remedy="Run again.")
        return real(ctx)

    monkeypatch.setattr(steps, "load", busy_once)
    assert not run(home, "rollback_publication", instance).success, "there is no earlier publication yet"
    first = current_publication(home)
    change(home / "erp.db", RENAME_UNROUTED)
    night = run(home, "nightly", instance)
    assert night.success
    assert tries == [f"dagster_{night.run_id}"] * 2
    assert ask(home / "warehouse.db", "SELECT status FROM batch_run WHERE run_id = ?", tries[0]) == [
        ("succeeded",)
    ]
    assert current_publication(home) != first

    assert run(home, "rollback_publication", instance).success
    assert current_publication(home) == first
    assert run(home, "purge", instance, remove_old={"keep_publications": 1, "keep_runs": 1}).success
    assert current_publication(home) == first
    assert ask(home / "warehouse.db", "SELECT DISTINCT publication_id FROM candidate") == [(first,)]
    assert len([p for p in (home / "runs").iterdir() if p.is_dir()]) == 1


def test_an_erp_that_is_down_is_tried_again_then_one_failure_and_the_next_night_is_not_touched(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_FIRST_WAIT", 0.01)
    real, before, tries = steps.extract, current_publication(home), []

    def down(ctx: Any, **asked: object) -> Any:
        tries.append(ctx.run.run_id)
        raise TransientDatabaseError("The ERP at erp-sql does not answer.", remedy="Check the server.")

    monkeypatch.setattr(steps, "extract", down)
    result = run(home, "nightly", instance)
    assert not result.success
    assert len(tries) == 1 + failures.MAX_RETRIES
    [event] = result.get_step_failure_events()
    assert event.step_key == "extract"
    assert event.step_failure_data.user_failure_data.description == (
        "The ERP at erp-sql does not answer. Check the server."
    )
    assert current_publication(home) == before
    query = "SELECT status, message FROM batch_run WHERE run_id = ?"
    [(status, message)] = ask(home / "warehouse.db", query, tries[0])
    assert status == "failed" and "does not answer" in message
    tags = instance.get_run_by_id(result.run_id).tags
    assert "last publication stays" in tags["routing_etl/publication"]

    monkeypatch.setattr(steps, "extract", real)
    job = job_of(home, "nightly")
    first_steps = [
        dg.AssetKey(["raw", name]) for name in ("items", "operations", "work_results", "purchase_orders")
    ]
    assert job.execute_in_process(instance=instance, asset_selection=first_steps).success


def test_a_cancelled_run_is_recorded_as_such_and_leaves_no_lock(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(ctx: Any, **asked: object) -> Any:
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(steps, "extract", cancelled)
    assert not run(home, "nightly", instance).success
    newest = "SELECT status, message FROM batch_run ORDER BY started_at DESC LIMIT 1"
    assert ask(home / "warehouse.db", newest) == [
        ("cancelled", "stopped by the user or by the end of its process")
    ]
    with run_lock(home, "the next run"):
        pass


def test_a_plant_without_data_yet_says_what_to_run_first(
    tmp_path: Path, plant_db: Path, instance: dg.DagsterInstance
) -> None:
    home = tmp_path / "new"
    home.mkdir()
    shutil.copy(plant_db, home / "erp.db")
    result = run(home, "train", instance)
    assert not result.success
    assert (
        "aggregate_times"
        in result.get_step_failure_events()[0].step_failure_data.user_failure_data.description
    )
