"""The partitioned steps run by Dagster in process: all shards in one run, one shard alone, one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from homes import ask, home_settings, passed

from dagster_defs.assets import keys
from dagster_defs.definitions import build_defs
from routing_etl.errors import ModelError
from routing_etl.pipeline import sharded, street
from routing_etl.runs import list_runs

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SCORING = [keys.PREDICTION_SHARDS, *keys.PREDICTIONS.values()]
LOADING = [keys.LOADED_SHARDS, keys.LOADED_PUBLICATION]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    home: Path, instance: dg.DagsterInstance, assets: list[dg.AssetKey], *, named: bool = True, **options: Any
) -> dg.ExecuteInProcessResult:
    """Assets of the night of two shards, without checks, on the home's newest run folder. `named`: with the job's tags,
    which name the shards."""
    urls = {k: getattr(home_settings(home), k) for k in ("home", "models", "erp_url", "warehouse_url")}
    defs = build_defs(**urls, shards=2, service_user="shards")
    job = defs.resolve_job_def("nightly") if named else defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, asset_selection=assets, raise_on_error=False, **options)


def shards_of(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, dict[str, Any]]:
    """Metadata of the partitions of an asset that a run has materialized."""
    found = [e.materialization for e in result.all_events if e.is_step_materialization and e.asset_key == key]
    return {str(m.partition): {k: v.value for k, v in m.metadata.items()} for m in found}


def publications(home: Path) -> list[tuple[Any, ...]]:
    return ask(home / "warehouse.db", "SELECT id, state FROM publication ORDER BY id")


def test_one_run_goes_through_all_shards_and_one_shard_can_be_repeated(
    home: Path, instance: dg.DagsterInstance
) -> None:
    [folder] = list_runs(home)
    before = folder.read(street.SCORE.report).result
    times = run(home, instance, [keys.TIME_SHARDS, keys.TIME_PROFILES])
    assert times.success
    parts = shards_of(times, keys.TIME_SHARDS)
    assert set(parts) == {"000", "001"}
    assert (
        sum(p["results"] for p in parts.values()) == folder.read(street.AGGREGATE_TIMES.report).result.results
    )

    scored = run(home, instance, SCORING)
    assert scored.success
    parts = shards_of(scored, keys.PREDICTION_SHARDS)
    assert set(parts) == {"000", "001"}
    assert sum(p["items"] for p in parts.values()) == before.items
    assert folder.read(street.SCORE.report).result.rows == before.rows
    assert instance.get_materialized_partitions(keys.PREDICTION_SHARDS) == {"000", "001"}

    passed(folder, street.CHECK_CANDIDATES)
    loaded = run(home, instance, LOADING, named=False)
    assert loaded.success
    assert {"000", "001"} <= set(shards_of(loaded, keys.LOADED_SHARDS)), "no shards named: all of them"
    assert publications(home) == [(1, "published"), (2, "loaded")]
    rows = folder.read(street.LOAD.report).result.rows

    one = {"dagster/asset_partition_range_start": "001", "dagster/asset_partition_range_end": "001"}
    again = run(home, instance, [keys.LOADED_SHARDS], tags=one)
    assert again.success
    assert {k: p["rows_written"] for k, p in shards_of(again, keys.LOADED_SHARDS).items()} == {"001": 0}
    assert run(home, instance, [keys.LOADED_PUBLICATION]).success
    assert publications(home) == [(1, "published"), (2, "loaded")]
    assert {
        t: ask(home / "warehouse.db", f"SELECT count(*) FROM {t} WHERE publication_id = 2")[0][0]
        for t in rows
    } == dict.fromkeys(rows, 0), "nothing changed, so the second publication shows the rows of the first"


def test_a_failing_shard_is_one_clear_failure_and_the_publication_stays(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sharded.score_shard

    def breaks(ctx: Any, *, shard: int, **asked: Any) -> Any:
        if shard == 1:
            raise ModelError("Shard 001 holds an item of no type.", remedy="Correct it.")
        return real(ctx, shard=shard, **asked)

    monkeypatch.setattr(sharded, "score_shard", breaks)
    failed = run(home, instance, [*SCORING, *LOADING])
    assert not failed.success
    [event] = failed.get_step_failure_events()
    assert event.step_key == "prediction_shards"
    assert "Shard 001 holds" in event.step_failure_data.user_failure_data.description
    assert publications(home) == [(1, "published")]
    assert ask(home / "warehouse.db", "SELECT publication_id FROM current_publication") == [(1,)]
    monkeypatch.undo()
    early = run(home, instance, [keys.PREDICTIONS["candidates"], *list(keys.PREDICTIONS.values())[1:]])
    description = early.get_step_failure_events()[0].step_failure_data.user_failure_data.description
    assert "1 of 2 shards are missing (001)" in description


def test_a_gate_is_not_there_before_its_checks_have_passed(home: Path, instance: dg.DagsterInstance) -> None:
    [folder] = list_runs(home)
    assert run(home, instance, [keys.CHECKED_SOURCE]).success
    folder.forget(street.CHECK_SOURCE.report)
    closed = run(home, instance, [keys.CHECKED_SOURCE, keys.TIME_SHARDS])
    [event] = closed.get_step_failure_events()
    assert event.step_key == "checked_source"
    assert "has finished the step 'check_source'" in event.step_failure_data.user_failure_data.description
    assert not shards_of(closed, keys.TIME_SHARDS)
