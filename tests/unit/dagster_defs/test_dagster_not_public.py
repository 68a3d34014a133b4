"""What `dagster_defs` uses of Dagster without a public call: each part still does what is asked of it.

Dagster reads the type of a `context` argument from the function itself, so annotations here are no strings.
"""

import ast
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage import tags

from dagster_defs import not_public
from dagster_defs.definitions import build_defs

SOURCES = sorted((Path(__file__).resolve().parents[3] / "dagster_defs").rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return named | {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}


def test_only_one_module_imports_what_dagster_does_not_offer() -> None:
    inner = {p.name: {m for m in imported_modules(p) if m.startswith("dagster.")} for p in SOURCES}
    assert {name for name, modules in inner.items() if modules} == {"not_public.py"}
    private = [
        f"{p.name}:{n.lineno}"
        for p in SOURCES
        for n in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(n, ast.Attribute) and n.attr.startswith("_") and getattr(n.value, "id", "") == "dg"
    ]
    assert not private


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (not_public.PARTITION_TAG, "PARTITION_NAME_TAG"),
        (not_public.RANGE_START_TAG, "ASSET_PARTITION_RANGE_START_TAG"),
        (not_public.RANGE_END_TAG, "ASSET_PARTITION_RANGE_END_TAG"),
        (not_public.BACKFILL_TAG, "BACKFILL_ID_TAG"),
        (not_public.ROOT_BACKFILL_TAG, "ROOT_BACKFILL_ID_TAG"),
        (not_public.MAX_RETRIES_TAG, "MAX_RETRIES_TAG"),
    ],
)
def test_tags_are_those_of_dagster(ours: str, name: str) -> None:
    assert ours == getattr(tags, name)


class _Config(dg.Config):
    wheels: int = 4


def _job_with_checked_config() -> tuple[dg.JobDefinition, list[Any]]:
    seen: list[Any] = []

    @dg.op
    def build(config: _Config):
        seen.append(("ran", config.wheels))

    def problem(values: Any) -> str | None:
        seen.append(("checked", dict(values)))
        return "build: too few wheels" if values["wheels"] < 3 else None

    not_public.check_config_at_launch(build, problem)

    @dg.job(executor_def=dg.in_process_executor)
    def plant():
        build()

    return plant, seen


def test_a_refused_configuration_makes_no_run_and_its_message_is_the_given_one() -> None:
    job, seen = _job_with_checked_config()
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError) as caught:
            job.execute_in_process({"ops": {"build": {"config": {"wheels": 2}}}}, instance=instance)
        assert instance.get_runs_count() == 0
    assert str(caught.value) == "build: too few wheels"
    assert not [s for s in seen if s[0] == "ran"]


def test_a_configuration_is_checked_with_its_defaults_and_passes_unchanged() -> None:
    job, seen = _job_with_checked_config()
    assert job.execute_in_process().success
    assert seen[0] == ("checked", {"wheels": 4})
    assert ("ran", 4) in seen


@pytest.mark.parametrize("shards", [1, 3])
def test_no_two_configured_steps_share_the_type_that_carries_their_check(tmp_path: Path, shards: int) -> None:
    repository = build_defs(home=tmp_path, shards=shards).get_repository_def()
    jobs = [repository.get_job(name) for name in repository.job_names]
    ops = {node.name: node.definition for job in jobs for node in job.nodes}
    types = {
        name: op.config_schema.config_type
        for name, op in ops.items()
        if "post_process" in vars(op.config_schema.config_type)
    }
    steps = {"train_model", "model_evaluation", "rollback", "promote", "remove_old"}
    assert set(types) == steps | {"score" if shards == 1 else "prediction_shards"}
    assert len({id(t) for t in types.values()}) == len(types)


def test_progress_is_an_event_of_the_running_step_with_its_metadata() -> None:
    @dg.op
    def step(context: dg.OpExecutionContext):
        not_public.report_progress(context, "half of it", {"phase": "fit", "percent": 50})

    @dg.job(executor_def=dg.in_process_executor)
    def job():
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = job.execute_in_process(instance=instance).run_id
        [event] = [
            e.dagster_event
            for e in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if e.dagster_event.message == "half of it"
        ]
    assert event.step_key == "step"
    shown = {name: value.value for name, value in event.engine_event_data.metadata.items()}
    assert shown == {"phase": "fit", "percent": 50}


def test_progress_has_a_step_in_assets_and_checks_too() -> None:
    told: list[str] = []

    @dg.asset
    def part(context: dg.AssetExecutionContext) -> None:
        told.append(str(context.op_execution_context.op_handle))

    @dg.asset_check(asset=part)
    def round_enough(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        told.append(str(context.op_execution_context.op_handle))
        return dg.AssetCheckResult(passed=True)

    assert dg.materialize([part, round_enough]).success
    assert told == ["part", "part_round_enough"]


def test_a_backfill_is_requested_for_all_partitions_and_for_assets_without() -> None:
    shards = dg.StaticPartitionsDefinition(["0", "1"])

    @dg.asset(partitions_def=shards)
    def parts() -> None: ...

    @dg.asset(deps=[parts])
    def whole() -> None: ...

    graph = dg.Definitions(assets=[parts, whole]).get_repository_def().asset_graph
    with dg.DagsterInstance.ephemeral() as instance:
        found = [
            not_public.add_backfill(
                instance,
                {parts.key: shards, whole.key: None},
                title="all of it",
                run_config={"ops": {}},
                tags={"team": "data"},
            )
            for _ in range(2)
        ]
        assert {b.backfill_id for b in instance.get_backfills()} == set(found) and len(set(found)) == 2
        backfill = instance.get_backfill(found[0])
    assert (backfill.status.value, backfill.title, backfill.tags, backfill.run_config) == (
        "REQUESTED",
        "all of it",
        {"team": "data"},
        {"ops": {}},
    )
    asked = backfill.get_asset_backfill_data(graph).target_subset
    assert set(asked.asset_keys) == {parts.key, whole.key}
    assert set(asked.get_partitions_subset(parts.key).get_partition_keys()) == {"0", "1"}
