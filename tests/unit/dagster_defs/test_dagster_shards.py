"""Shards of items as partitions: the wiring with several shards, and what starts a night of one run per shard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_defs import jobs, not_public, partitions, resources
from dagster_defs.assets import keys
from dagster_defs.definitions import build_defs
from routing_etl.settings import Settings

SHARDS = ["000", "001", "002"]
#: What the shards put between: asset, group, what it is made from. Everything else is as with one shard.
BETWEEN = {
    "checked_source": ("quality", ["items", "operations", "purchase_orders", "rejects", "work_results"]),
    "time_shards": ("times", ["checked_source", "work_results"]),
    "time_profiles": ("times", ["operations", "time_shards"]),
    "prediction_shards": ("model", ["champion", "items", "operations", "time_profiles"]),
    **{
        name: ("model", ["prediction_shards"])
        for name in (
            "candidates", "candidate_operations", "resource_alternatives", "candidate_evidence", "abstained",
        )
    },
    "checked_candidates": (
        "quality",
        ["abstained", "candidate_evidence", "candidate_operations", "candidates", "resource_alternatives"],
    ),
    "loaded_shards": (
        "publish",
        [
            "abstained", "candidate_evidence", "candidate_operations", "candidates", "checked_candidates",
            "resource_alternatives",
        ],
    ),
    "loaded_publication": ("publish", ["loaded_shards"]),
}  # fmt: skip


def repository_of(home: Path, **settings: object) -> dg.RepositoryDefinition:
    return build_defs(home=home, **settings).get_repository_def()


def wiring(repository: dg.RepositoryDefinition) -> dict[str, tuple[str, list[str]]]:
    graph = repository.asset_graph
    return {
        key.to_user_string(): (
            graph.get(key).group_name, sorted(p.to_user_string() for p in graph.get(key).parent_keys)
        )
        for key in graph.get_all_asset_keys()
    }  # fmt: skip


def partitioned(repository: dg.RepositoryDefinition) -> dict[str, list[str]]:
    graph = repository.asset_graph
    found = {k.to_user_string(): graph.get(k).partitions_def for k in graph.get_all_asset_keys()}
    return {name: list(p.get_partition_keys()) for name, p in found.items() if p is not None}


def test_one_shard_has_no_partition_and_several_have_three_partitioned_assets(tmp_path: Path) -> None:
    one, three = repository_of(tmp_path), repository_of(tmp_path, shards=3)
    assert partitioned(one) == {}
    assert partitioned(three) == dict.fromkeys(("time_shards", "prediction_shards", "loaded_shards"), SHARDS)
    assert wiring(three) == {**wiring(one), **BETWEEN}
    assert three.asset_graph.asset_check_keys == one.asset_graph.asset_check_keys
    dg.Definitions.validate_loadable(build_defs(home=tmp_path, shards=3))


def test_on_one_machine_the_night_is_one_run_over_all_shards(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, shards=3)
    job = repository.get_job("nightly")
    selected = set(job.asset_layer.executable_asset_keys)
    assert selected == {*keys.NIGHTLY, *keys.GATES, *keys.TRAINED, *keys.SHARDED}
    assert job.run_tags["dagster/asset_partition_range_start"] == "000"
    assert job.run_tags["dagster/asset_partition_range_end"] == "002"
    before = {
        (invocation.alias or invocation.name): {
            upstream.node for dependency in inputs.values() for upstream in dependency.get_node_dependencies()
        }
        for invocation, inputs in job.dependencies.items()
    }
    assert "check_source" in before["checked_source"] and "checked_source" in before["time_shards"]
    assert "check_candidates" in before["checked_candidates"]
    assert "checked_candidates" in before["loaded_shards"]
    for key in keys.SHARDED:
        node = repository.asset_graph.get(key)
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert node.pools == {"routing_etl"}
    assert repository_of(tmp_path).get_job("nightly").run_tags == {}


def test_on_many_machines_each_shard_is_a_run_and_only_loading_waits_in_the_pool(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, shards=3, shard_runs="many")
    for key in keys.SHARDED:
        node = repository.asset_graph.get(key)
        assert node.backfill_policy == dg.BackfillPolicy.multi_run()
        assert node.pools == ({"routing_etl"} if key == keys.LOADED_SHARDS else set())
    assert wiring(repository) == wiring(repository_of(tmp_path, shards=3))
    assert partitions.spread(Settings(_env_file=None, shards=1, shard_runs="many")) is False
    schedule = repository.get_schedule_def("nightly_at_two")
    assert (schedule.job_name, schedule.cron_schedule) == ("nightly", "0 2 * * *")


@pytest.mark.parametrize("due", [None, "there is no champion yet"])
def test_the_nightly_job_of_many_machines_requests_one_backfill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, due: str | None
) -> None:
    monkeypatch.setattr(jobs.night, "training_due", lambda ctx: due)
    definitions = build_defs(home=tmp_path, shards=3, shard_runs="many")
    repository = definitions.get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        schedule = repository.get_schedule_def("nightly_at_two")
        [request] = schedule.evaluate_tick(dg.build_schedule_context()).run_requests
        result = repository.get_job("nightly").execute_in_process(request.run_config, instance=instance)
        [backfill] = instance.get_backfills()
        assert result.output_for_node("start_night") == backfill.backfill_id
    asked = backfill.get_asset_backfill_data(repository.asset_graph).target_subset
    assert set(asked.asset_keys) == {
        *keys.NIGHTLY,
        *keys.GATES,
        *keys.SHARDED,
        *(keys.TRAINED if due else ()),
    }
    for key in keys.SHARDED:
        assert sorted(asked.get_partitions_subset(key).get_partition_keys()) == SHARDS
    assert backfill.tags["routing_etl/night_of"] == result.run_id
    assert backfill.run_config["ops"]["train_model"]["config"]["only_when_due"] is True


class _Context:
    def __init__(self, run_id: str, **tags: str) -> None:
        named = {
            "first": not_public.RANGE_START_TAG,
            "last": not_public.RANGE_END_TAG,
            "backfill": not_public.BACKFILL_TAG,
            "root": not_public.ROOT_BACKFILL_TAG,
            "shard": not_public.PARTITION_TAG,
        }
        self.run: Any = dg.DagsterRun("nightly", run_id, tags={named[k]: v for k, v in tags.items()})


def test_the_runs_of_a_backfill_and_of_its_repetition_share_one_folder() -> None:
    assert resources._folder_name(_Context("r1", backfill="b1")) == "dagster_b1"
    assert resources._folder_name(_Context("r2", backfill="b1", shard="001")) == "dagster_b1"
    assert resources._folder_name(_Context("r3", backfill="b2", root="b1")) == "dagster_b1"
    assert resources._folder_name(_Context("r4")) == "dagster_r4"


@pytest.mark.parametrize(
    ("mode", "tags", "lock"),
    [
        ("single", {"shard": "001"}, "run"),
        ("many", {"shard": "001"}, "shard-001"),
        ("many", {"first": "002", "last": "002"}, "shard-002"),
        ("many", {"first": "000", "last": "002"}, "run"),
        ("many", {"backfill": "b1"}, "run"),
    ],
)
def test_shards_beside_one_another_hold_a_lock_each(mode: Any, tags: dict[str, str], lock: str) -> None:
    settings = Settings(_env_file=None, shards=3, shard_runs=mode)
    assert resources._lock_name(_Context("r1", **tags).run, settings) == lock
