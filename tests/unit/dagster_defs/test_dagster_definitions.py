"""The wiring of the Dagster definitions: what there is, what depends on what, and that loading them stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dagster_defs.assets import keys
from dagster_defs.definitions import build_defs
from routing_etl.erp.profile import load_profile
from routing_etl.errors import ConfigurationError, ProfileError
from routing_etl.pipeline import street
from routing_etl.pipeline.learning_faults import CHECKS
from routing_etl.quality.checks import list_checks, list_comparisons
from routing_etl.quality.groups import kind_of
from routing_etl.times.suspects import check_names

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "dagster_defs").rglob("*.py"))

#: Asset: group and what it is made from. External assets at both ends included.
WIRING = {
    "erp/BI_ITEM_INFO_VIEW": ("erp", []),
    "erp/BI_ROUTING_VIEW": ("erp", []),
    "erp/BI_WORK_ORDER_RESULTS": ("erp", []),
    "erp/BI_PUR_PO_VIEW": ("erp", []),
    "raw/items": ("erp", ["erp/BI_ITEM_INFO_VIEW"]),
    "raw/operations": ("erp", ["erp/BI_ROUTING_VIEW"]),
    "raw/work_results": ("erp", ["erp/BI_WORK_ORDER_RESULTS"]),
    "raw/purchase_orders": ("erp", ["erp/BI_PUR_PO_VIEW"]),
    **{
        name: (group, ["raw/items", "raw/operations", "raw/purchase_orders", "raw/work_results"])
        for name, group in (
            ("items", "erp"), ("operations", "erp"), ("work_results", "erp"), ("purchase_orders", "erp"),
            ("rejects", "quality"),
        )
    },
    "time_profiles": ("times", ["operations", "work_results"]),
    "standard_times": ("times", ["operations", "time_profiles"]),
    "data_health": (
        "quality", ["items", "operations", "purchase_orders", "rejects", "standard_times", "work_results"],
    ),
    "routing_model": ("model", ["items", "operations", "time_profiles"]),
    "champion": ("model", ["items", "operations", "time_profiles"]),
    "model_evaluation": ("model", ["items", "operations", "time_profiles"]),
    **{
        name: ("model", ["champion", "items", "operations", "time_profiles"])
        for name in (
            "candidates", "candidate_operations", "resource_alternatives", "candidate_evidence", "abstained",
        )
    },
    "loaded_publication": (
        "publish",
        ["abstained", "candidate_evidence", "candidate_operations", "candidates", "resource_alternatives"],
    ),
    "publication": ("publish", ["loaded_publication"]),
    "model_metrics": ("monitoring", ["operations", "publication"]),
    "drift": ("monitoring", ["publication"]),
    "item_sheets": (
        "publish",
        [
            "abstained", "candidate_evidence", "candidate_operations", "candidates", "items", "operations", "publication",
            "resource_alternatives",
        ],
    ),
}  # fmt: skip

ERP_VIEWS = {
    "routing_candidates", "routing_candidate_operations", "routing_candidate_resources", "routing_candidate_evidence",
    "routing_flat", "routing_abstained", "routing_predictions", "routing_lot_times",
}  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    return build_defs(home=tmp_path_factory.mktemp("home")).get_repository_def()


def test_the_definitions_are_loadable(tmp_path: Path) -> None:
    definitions = build_defs(home=tmp_path)
    dg.Definitions.validate_loadable(definitions)  # raises what is wrong
    assert definitions.get_repository_def().get_all_jobs()


def test_asset_graph_is_the_data_street(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    found = {
        key.to_user_string(): (
            graph.get(key).group_name, sorted(p.to_user_string() for p in graph.get(key).parent_keys)
        )
        for key in graph.get_all_asset_keys() if key.path[0] != "erp_screen"
    }  # fmt: skip
    assert found == WIRING
    assert {graph.get(k).group_name for k in graph.get_all_asset_keys()} == set(keys.GROUPS)


def test_every_erp_view_hangs_on_the_publication(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    views = {k.path[-1]: graph.get(k) for k in graph.get_all_asset_keys() if k.path[0] == "erp_screen"}
    assert set(views) >= ERP_VIEWS
    for name in ERP_VIEWS:
        assert views[name].parent_keys == {keys.PUBLICATION}
        assert not views[name].is_materializable


def test_the_views_over_the_erps_own_data_hang_on_what_fills_them(
    repository: dg.RepositoryDefinition,
) -> None:
    graph = repository.asset_graph
    parents = {"standard_time_review": keys.STANDARD_TIMES, "bop_proc_detail_time": keys.STANDARD_TIMES}
    for name, parent in (parents | {"data_health": keys.DATA_HEALTH}).items():
        assert graph.get(keys.erp_view(name)).parent_keys == {parent}


def test_every_asset_of_ours_is_described_owned_and_versioned(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    ours = [graph.get(k) for k in graph.materializable_asset_keys]
    assert len(ours) == 25
    for node in ours:
        assert node.description, node.key
        assert node.owners == ["team:data"], node.key
        assert node.code_version, node.key
        assert node.kinds, node.key
        assert node.pools == {"routing_etl"}, node.key


def test_frames_show_their_columns_with_units(repository: dg.RepositoryDefinition) -> None:
    schema = repository.asset_graph.get(dg.AssetKey("operations")).metadata["dagster/column_schema"]
    columns = {c.name: c for c in schema.columns}
    assert columns["setup_min"].description.endswith("[min/order]")
    assert not columns["item_key"].constraints.nullable


def test_every_expectation_is_in_one_check_which_blocks_when_it_is_critical(
    repository: dg.RepositoryDefinition,
) -> None:
    infos = [
        info
        for listed in (list_checks(load_profile("bi_views").attributes), list_comparisons())
        for of_frame in listed.values()
        for info in of_frame
    ]
    graph = repository.asset_graph
    alone = {*check_names(), *CHECKS}
    found = {
        (key.asset_key.path[-1], key.name): graph.get_check_spec(key)
        for key in graph.asset_check_keys
        if key.name not in alone
    }
    assert len(infos) > 300 and len(found) < 100, "a screen of checks for each frame"
    for info in infos:
        spec = found[info.frame, f"{info.severity}_{kind_of(info.check)}"]
        assert f"* `{info.check}`: {info.meaning}" in (spec.description or "")
    assert sum(spec.metadata["checks"] for spec in found.values()) == len(infos)
    assert {name.split("_")[0]: spec.blocking for (_, name), spec in found.items()} == {
        "critical": True, "warning": False,
    }  # fmt: skip
    times, training = (
        {k.name for k in graph.asset_check_keys if k.asset_key.path[-1] == n}
        for n in ("time_profiles", "champion")
    )
    assert times == set(check_names()) and training == set(CHECKS)


def test_jobs_and_their_assets(repository: dg.RepositoryDefinition) -> None:
    assert {n for n in repository.job_names if not n.startswith("__")} == {
        "nightly", "train", "evaluate", "rollback_publication", "promote_model", "purge", "weekly_report",
    }  # fmt: skip
    selected = {
        name: {k.to_user_string() for k in repository.get_job(name).asset_layer.executable_asset_keys}
        for name in ("nightly", "train", "evaluate")
    }
    materializable = {k.to_user_string() for k in repository.asset_graph.materializable_asset_keys}
    assert selected["nightly"] == materializable - {"model_evaluation"}
    assert selected["train"] == {"routing_model", "champion"}
    assert selected["evaluate"] == {"model_evaluation"}


def test_every_job_runs_in_one_process(repository: dg.RepositoryDefinition) -> None:
    for name in repository.job_names:
        assert repository.get_job(name).executor_def.name == "in_process", name


def test_loading_and_publishing_stand_behind_the_candidate_checks(
    repository: dg.RepositoryDefinition,
) -> None:
    job = repository.get_job("nightly")
    before = {
        (invocation.alias or invocation.name): {
            upstream.node for dependency in inputs.values() for upstream in dependency.get_node_dependencies()
        }
        for invocation, inputs in job.dependencies.items()
    }
    assert "check_candidates" in before["loaded_publication"]
    assert "loaded_publication" in before["publication"]
    assert "check_source" in before["time_profiles"]
    assert "check_source" in before["train_model"]


#: Which node of the nightly job does which step; with several shards those that put the shards together.
NODES = {
    "extract": "extract", "clean": "clean", "check_source": "check_source", "aggregate_times": "time_profiles",
    "review_standards": "standard_times", "check_health": "data_health",
    "train": "train_model", "score": "score", "check_candidates": "check_candidates", "load": "loaded_publication",
    "publish": "publication", "measure": "measure", "write_sheets": "item_sheets",
}  # fmt: skip


def upstream(job: dg.JobDefinition) -> dict[str, set[str]]:
    """Every node of a job with all nodes that run before it."""
    direct = {
        (invocation.alias or invocation.name): {
            before.node for dependency in inputs.values() for before in dependency.get_node_dependencies()
        }
        for invocation, inputs in job.dependencies.items()
    }
    found = {name: direct.get(name, set()) for name in (node.name for node in job.nodes)}
    for _ in found:
        found = {n: before.union(*(found[b] for b in before)) for n, before in found.items()}
    return found


@pytest.mark.parametrize("shards", [1, 3])
def test_the_asset_graph_has_the_order_of_the_table_of_steps(tmp_path: Path, shards: int) -> None:
    repository = build_defs(home=tmp_path, shards=shards).get_repository_def()
    nodes = NODES if shards == 1 else {**NODES, "score": "merge_scores"}
    before = upstream(repository.get_job("nightly"))
    of_the_night = [step for step in street.STEPS if step.nightly]
    assert set(nodes) == {step.name for step in of_the_night}
    for step in of_the_night:
        for need in step.needs:
            assert nodes[need.name] in before[nodes[step.name]], f"{step.name} does not wait for {need.name}"
        for behind in step.invalidates:
            if behind.nightly:
                assert nodes[behind.name] not in before[nodes[step.name]], (
                    f"{step.name} waits for {behind.name}"
                )
    places = [list(nodes).index(step.name) for step in of_the_night]
    assert places == sorted(places)
    assert repository.get_job("evaluate").asset_layer.executable_asset_keys == {keys.MODEL_EVALUATION}


def test_the_nights_description_is_the_table_of_steps(repository: dg.RepositoryDefinition) -> None:
    assert street.in_words() in (repository.get_job("nightly").description or "")


def test_schedules_have_the_settings_time_zone_and_are_on(tmp_path: Path) -> None:
    schedules = build_defs(home=tmp_path, timezone="Europe/Berlin").get_repository_def().schedule_defs
    assert {(s.name, s.cron_schedule, s.execution_timezone, s.job_name) for s in schedules} == {
        ("nightly_at_two", "0 2 * * *", "Europe/Berlin", "nightly"),
        ("retrain_monthly", "0 4 1 * *", "Europe/Berlin", "train"),
        ("report_on_mondays", "0 6 * * 1", "Europe/Berlin", "weekly_report"),
    }
    assert all(s.default_status == dg.DefaultScheduleStatus.RUNNING for s in schedules)


def test_sensors_are_on(repository: dg.RepositoryDefinition) -> None:
    assert {s.name: s.default_status for s in repository.sensor_defs} == {
        "night_on_new_items": dg.DefaultSensorStatus.RUNNING,
        "retrain_on_quality": dg.DefaultSensorStatus.RUNNING,
        "failure_report": dg.DefaultSensorStatus.RUNNING,
        "tell_alerts": dg.DefaultSensorStatus.RUNNING,
    }


def test_publication_and_model_have_a_freshness_policy_and_no_other(
    repository: dg.RepositoryDefinition,
) -> None:
    graph = repository.asset_graph
    fresh = {k.to_user_string() for k in graph.materializable_asset_keys if graph.get(k).freshness_policy}
    assert fresh == {"publication", "routing_model"}


def test_sensors_target_their_jobs_and_nothing_else_starts_by_itself(
    repository: dg.RepositoryDefinition,
) -> None:
    targets = {s.name: [t.job_name for t in s.targets] for s in repository.sensor_defs}
    assert targets["night_on_new_items"] == ["nightly"]
    assert targets["retrain_on_quality"] == ["train"]
    conditions = [
        repository.asset_graph.get(k).automation_condition
        for k in repository.asset_graph.get_all_asset_keys()
    ]
    assert not any(conditions)


def test_another_profile_gives_other_tables_and_the_same_street(tmp_path: Path) -> None:
    repository = build_defs(home=tmp_path, profile="adventureworks").get_repository_def()
    names = {k.to_user_string() for k in repository.asset_graph.get_all_asset_keys()}
    assert not any(n.startswith("erp/BI_") for n in names)
    assert any(n.startswith("erp/") for n in names)
    assert {n for n in WIRING if not n.startswith("erp/")} <= names


def test_a_wrong_setting_or_profile_is_a_sentence_not_a_trace_of_dagster(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ROUTING_ETL_TIMEZONE"):
        build_defs(home=tmp_path, timezone="Mars/Olympus")
    with pytest.raises(ProfileError, match="no_such_profile"):
        build_defs(home=tmp_path, profile="no_such_profile")


def test_loading_imports_nothing_heavy_and_stays_small() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dagster_defs.definitions import defs\n"
        "defs.get_repository_def()\n"
        "heavy = [m for m in ('great_expectations', 'sklearn', 'pandas', 'scipy', 'pyodbc', 'matplotlib') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
        "status = Path('/proc/self/status')\n"
        "peak = [l for l in status.read_text().splitlines() if 'VmHWM' in l] if status.exists() else []\n"
        "assert all(int(l.split()[1]) < 300 * 1024 for l in peak), peak\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def _decorator(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else ""


def test_bodies_of_assets_checks_and_ops_are_thin() -> None:
    decorated = {
        "asset",
        "multi_asset",
        "multi_asset_check",
        "asset_check",
        "op",
        "sensor",
        "run_failure_sensor",
    }
    seen = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and decorated & {_decorator(d) for d in node.decorator_list}:
                seen += 1
                statements = [n for n in ast.walk(node) if isinstance(n, ast.stmt)][1:]
                assert len(statements) - 1 <= 15, (
                    f"{path.name}: {node.name} has {len(statements) - 1} statements"
                )
    assert seen >= 14


def test_no_sql_and_no_frame_maths_in_dagster_defs() -> None:
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        modules = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        rooms = {"sqlalchemy", "sklearn", "great_expectations", "pandas"}
        if path.name == "not_public.py":
            rooms -= {"sqlalchemy"}  # the engine of Dagster's own event log
        assert not rooms & {m.split(".")[0] for m in modules}, path
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert not any(
            t.lstrip().upper().startswith(("SELECT ", "INSERT ", "UPDATE ", "DELETE ")) for t in texts
        ), path
        assert not any(word in source for word in (".group_by(", ".with_columns(", ".join_asof(")), path


def test_each_asset_names_the_file_and_the_line_that_makes_it() -> None:
    nodes = {n.key.to_user_string(): n for n in build_defs().resolve_asset_graph().asset_nodes}
    assert {"raw/items", "items", "champion", "candidates", "publication", "item_sheets"} <= set(nodes)
    for name, node in nodes.items():
        told = node.metadata.get("dagster/code_references")
        if not node.is_executable:
            assert told is None, name
            continue
        [reference] = told.code_references
        lines = Path(reference.file_path).read_text(encoding="utf-8").splitlines()
        assert ROOT in Path(reference.file_path).parents, name
        assert lines[reference.line_number - 1].lstrip().startswith(("@dg.", "def ")), name
