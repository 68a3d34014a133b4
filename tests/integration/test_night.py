"""The whole night on a small plant: what the ERP and the DBA find afterwards, and that a second night is safe."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from cards import numbers_in, unknown_numbers
from homes import ask, change, home_settings

from routing_etl import frames
from routing_etl.errors import ConfigurationError, ItemNotFoundError
from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.evaluation.paired import from_json
from routing_etl.pipeline import steps, street, training, upkeep
from routing_etl.pipeline.cards import CARD, model_card
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.gate import Challenger, Decision, promote_if_not_worse, record_trained
from routing_etl.pipeline.night import night
from routing_etl.pipeline.one_item import WhatIf, predict_item
from routing_etl.pipeline.persons import Actor
from routing_etl.pipeline.recipe import recipe_of
from routing_etl.pipeline.versions import HELD_OUT, Saved, Sides
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import find_run

pytestmark = pytest.mark.integration

PREDICTIONS_COLUMNS = [
    "publication_id", "model_version", "item_cd", "candidate_rank", "candidate_id", "confidence", "similarity_score",
    "reference_item_cd", "rout_no", "proc_seq", "job_cd", "job_nm", "res_cd", "inside_flag", "setup_time", "run_time",
    "run_p10", "run_p50", "run_p90", "optimal_time", "standard_time", "safe_time", "time_source", "sample_count",
]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(finished_home: Path) -> Path:
    return finished_home / "warehouse.db"


@pytest.fixture(scope="module")
def erp(finished_home: Path) -> Path:
    return finished_home / "erp.db"


def test_every_item_without_a_valid_routing_is_predicted_or_abstained_and_no_other(
    finished_home: Path,
) -> None:
    run = find_run(finished_home, None)
    items = pl.read_parquet(run.clean / "items.parquet")
    routed = (
        pl.read_parquet(run.clean / "operations.parquet").filter("rout_valid")["item_cd"].unique().to_list()
    )
    database = finished_home / "warehouse.db"
    predicted = {r[0] for r in ask(database, "SELECT DISTINCT item_cd FROM routing_predictions")}
    abstained = {r[0] for r in ask(database, "SELECT item_cd FROM routing_abstained")}
    assert predicted.isdisjoint(abstained)
    assert predicted | abstained == set(items["item_cd"].to_list()) - set(routed)
    assert len(predicted) > 100


def test_predictions_view_has_the_documented_columns(warehouse: Path) -> None:
    assert [r[1] for r in ask(warehouse, "PRAGMA table_info(routing_predictions)")] == PREDICTIONS_COLUMNS


def test_flat_layout_starts_with_the_52_columns(warehouse: Path) -> None:
    names = [r[1] for r in ask(warehouse, "PRAGMA table_info(routing_flat)")]
    assert names[:6] == [
        "ITEM_CD",
        "CANDIDATE_ID",
        "ROUTING_SIGNATURE",
        "PRIORITY",
        "SIMILARITY_TIER",
        "PROC_SEQ",
    ]
    assert names[50:52] == ["REFERENCE_ITEM_CD", "SIMILARITY_SCORE"]
    rows, items = ask(warehouse, "SELECT COUNT(*), COUNT(DISTINCT ITEM_CD) FROM routing_flat")[0]
    assert rows == ask(warehouse, "SELECT COUNT(*) FROM routing_predictions")[0][0] and items > 100


def test_what_the_erp_reads_keeps_the_contracts_rules(warehouse: Path) -> None:
    broken = {
        "candidate id": "SELECT COUNT(*) FROM routing_candidates WHERE candidate_id <> item_cd || '_C' || printf('%02d', candidate_rank)",
        "opt std safe": "SELECT COUNT(*) FROM routing_predictions WHERE optimal_time > standard_time OR standard_time > safe_time",
        "quantiles": "SELECT COUNT(*) FROM routing_predictions WHERE run_p10 > run_p50 OR run_p50 > run_p90",
        "negative": "SELECT COUNT(*) FROM routing_predictions WHERE setup_time < 0 OR run_time < 0",
        "tens": "SELECT COUNT(*) FROM routing_predictions WHERE proc_seq % 10 <> 0 OR proc_seq <= 0",
        "time without source": "SELECT COUNT(*) FROM routing_predictions WHERE (run_time IS NOT NULL OR setup_time IS NOT NULL) AND time_source = 'none'",
        "outsourced but primary": (
            "SELECT COUNT(*) FROM routing_predictions p JOIN routing_candidates c USING (item_cd, candidate_id) "
            "WHERE p.inside_flag NOT IN ('사내', 'in') AND c.priority <> 'fallback'"
        ),
        "share": "SELECT COUNT(*) FROM routing_predictions WHERE confidence NOT BETWEEN 0 AND 1 OR similarity_score NOT BETWEEN 0 AND 1",
    }
    for rule, query in broken.items():
        assert ask(warehouse, query) == [(0,)], rule


def test_candidates_of_an_item_are_different_routings(warehouse: Path) -> None:
    rows = ask(
        warehouse,
        "SELECT item_cd, candidate_rank, GROUP_CONCAT(job_cd, '>') FROM "
        "(SELECT * FROM routing_predictions ORDER BY item_cd, candidate_rank, proc_seq) GROUP BY item_cd, candidate_rank",
    )
    sequences = [(item, jobs) for item, _, jobs in rows]
    assert len(sequences) == len(set(sequences))
    assert len(rows) / len({r[0] for r in rows}) >= 3


def test_job_and_machine_of_every_operation_have_been_seen_together(
    finished_home: Path, warehouse: Path
) -> None:
    run = find_run(finished_home, None)
    routed = pl.scan_parquet(run.clean / "operations.parquet").select("job_cd", "res_cd")
    used = pl.scan_parquet(run.clean / "work_results.parquet").select("job_cd", "res_cd")
    known = set(pl.concat([routed, used]).unique().collect().iter_rows())
    predicted = set(ask(warehouse, "SELECT DISTINCT job_cd, res_cd FROM routing_predictions"))
    assert {(job, res) for job, res in predicted if res is not None} <= known


def test_the_truth_tables_are_not_read(finished_home: Path) -> None:
    names = {p.stem for p in find_run(finished_home, None).path.rglob("*.parquet")}
    assert names and not any("truth" in n.lower() for n in names)


def test_rows_in_are_rows_kept_filtered_or_rejected(finished_home: Path, erp: Path) -> None:
    cleaned = find_run(finished_home, None).read(street.CLEAN.report)
    assert cleaned is not None
    for frame, table in (("items", "BI_ITEM_INFO_VIEW"), ("work_results", "BI_WORK_ORDER_RESULTS")):
        account = cleaned.result.frames[frame]
        assert account.rows_in == ask(erp, f"SELECT COUNT(*) FROM {table}")[0][0]
        assert account.rows_in == account.rows_kept + account.rows_rejected + account.rows_filtered
        assert account.rows_rejected > 0


def test_rejected_rows_are_in_the_database_with_rule_and_raw_values(
    finished_home: Path, warehouse: Path
) -> None:
    cleaned = find_run(finished_home, None).read(street.CLEAN.report)
    assert cleaned is not None
    stored = dict(
        ask(warehouse, "SELECT source_table, SUM(copies) FROM batch_run_rejects GROUP BY source_table")
    )
    assert stored == {n: f.rows_rejected for n, f in cleaned.result.frames.items() if f.rows_rejected}
    raw, reason = ask(
        warehouse, "SELECT raw_values, reason FROM rejected_row WHERE source_table = 'items' LIMIT 1"
    )[0]
    assert "item_cd" in json.loads(raw) and reason


def test_the_run_is_on_record(finished_home: Path, warehouse: Path) -> None:
    status, read, written, version, publication, meta = ask(
        warehouse,
        "SELECT status, rows_read, rows_written, model_version, publication_id, metadata FROM batch_run",
    )[0]
    assert status == "succeeded" and read > 10_000 and written > 1_000 and publication == 1
    assert version == ask(warehouse, "SELECT version FROM model_version WHERE status = 'active'")[0][0]
    assert set(json.loads(meta)) == {step.name for step in street.NIGHT}


def test_metrics_are_of_held_out_items_with_baselines_and_reasons(warehouse: Path) -> None:
    rows = ask(warehouse, "SELECT method, metric, value, reason, n FROM model_metric WHERE segment = 'all'")
    by_key = {(m, k): (v, n) for m, k, v, _, n in rows}
    for metric in ("exact_at_1", "exact_at_4", "accuracy", "f1_weighted"):
        for method in ("model", "nearest_copy", "majority_part_type", "legacy"):
            value, n = by_key[(method, metric)]
            assert value is not None and 0 <= value <= 1 and n > 0, (method, metric)
    assert all(value is not None or reason for _, _, value, reason, _ in rows)
    assert by_key[("model", "exact_at_1")][0] > by_key[("legacy", "exact_at_1")][0]
    assert ask(warehouse, "SELECT COUNT(*) FROM model_quality_trend")[0][0] > 0


def test_checks_are_on_record(warehouse: Path) -> None:
    checked = dict(ask(warehouse, "SELECT frame, COUNT(*) FROM quality_result GROUP BY frame"))
    expected = {
        "items",
        "operations",
        "work_results",
        "purchase_orders",
        "candidates",
        "candidate_operations",
    }
    assert expected <= set(checked)


def test_a_second_night_on_the_same_data_publishes_nothing_new(home: Path) -> None:
    before = ask(home / "warehouse.db", "SELECT * FROM routing_predictions ORDER BY candidate_id, proc_seq")
    run = night(home_settings(home))
    published = run.read(street.PUBLISH.report)
    assert published is not None and published.result.reused and published.result.publication_id == 1
    assert not run.has(street.TRAIN.report)
    assert (
        ask(home / "warehouse.db", "SELECT * FROM routing_predictions ORDER BY candidate_id, proc_seq")
        == before
    )


def test_an_item_routed_since_leaves_the_batch_and_is_measured_and_rollback_brings_it_back(
    home: Path,
) -> None:
    """The engineer writes exactly what was predicted: the realised match of one item is 1."""
    warehouse, erp = home / "warehouse.db", home / "erp.db"
    item, candidate = ask(
        warehouse,
        "SELECT item_cd, candidate_id FROM routing_candidates WHERE candidate_rank = 1 ORDER BY confidence DESC",
    )[0]
    operations = ask(
        warehouse,
        "SELECT proc_seq, job_cd, job_nm, res_cd FROM routing_predictions WHERE candidate_id = ? ORDER BY proc_seq", candidate,
    )  # fmt: skip
    with closing(sqlite3.connect(erp)) as connection, connection:
        connection.executemany(
            "INSERT INTO BI_ROUTING_VIEW (ROUT_NO, ITEM_CD, PROC_SEQ, INSIDE_FLAG, JOB_CD, JOB_NM, RES_CD, SETUP_TIME, "
            "RUN_TIME, RUN_TIME_QTY, INSRT_DT) VALUES ('NEW1', ?, ?, '사내', ?, ?, ?, 5, 10, 1, '2026-01-05 00:00:00')",
            [(item, *o) for o in operations],
        )
    run = night(home_settings(home))
    found = run.read(street.MEASURE.report)
    assert found is not None
    measured = {m.metric: m for m in found.result.metrics}
    assert (measured["realised_exact_at_1"].value, measured["realised_exact_at_1"].n) == (1.0, 1)
    assert measured["similarity_drift"].value is not None
    assert set(measured) <= set(GLOSSARY)
    assert ask(warehouse, "SELECT COUNT(*) FROM routing_predictions WHERE item_cd = ?", item) == [(0,)]
    assert upkeep.rollback(home_settings(home)) == 1
    assert ask(warehouse, "SELECT COUNT(*) FROM routing_predictions WHERE candidate_id = ?", candidate)[0][
        0
    ] == len(operations)


def test_predict_one_item_equals_what_was_published(finished_home: Path, warehouse: Path) -> None:
    item, jobs = ask(
        warehouse,
        "SELECT item_cd, GROUP_CONCAT(job_cd, '>') FROM (SELECT * FROM routing_predictions WHERE candidate_rank = 1 "
        "ORDER BY item_cd, proc_seq) GROUP BY item_cd LIMIT 1",
    )[0]
    prediction = predict_item(home_settings(finished_home), item)
    first = prediction.predictions.operations.filter(pl.col("candidate_rank") == 1).sort("proc_seq")
    assert ">".join(first["job_cd"]) == jobs
    assert prediction.predictions.evidence.height > 0
    frames.CANDIDATE_OPERATIONS.validate(prediction.predictions.operations)


def test_predict_takes_erp_names_in_a_what_if(finished_home: Path, warehouse: Path) -> None:
    item = ask(warehouse, "SELECT item_cd FROM routing_candidates LIMIT 1")[0][0]
    prediction = predict_item(home_settings(finished_home), item, WhatIf({"OUTDIAMETER": "123.5"}))
    assert prediction.item["outdiameter"] == 123.5
    with pytest.raises(
        ConfigurationError, match=r"'1,200' is not a number .*decimal mark or group thousands"
    ):
        predict_item(home_settings(finished_home), item, WhatIf({"OUTDIAMETER": "1,200"}))


def test_a_what_if_keeps_the_rule_that_an_inner_size_is_not_above_the_outer(
    finished_home: Path, warehouse: Path
) -> None:
    item = ask(warehouse, "SELECT item_cd FROM routing_candidates LIMIT 1")[0][0]
    sizes = {"OUTDIAMETER": "100", "INDIAMETER": "250"}
    wrong = predict_item(home_settings(finished_home), item, WhatIf(sizes))
    assert (wrong.item["indiameter"], wrong.item["outdiameter"]) == (None, 100.0)
    assert wrong.notes == (
        "indiameter = 250 is above outdiameter = 100, which the profile does not allow (items.not_above): indiameter is "
        'taken as unknown (items.on_not_above = "null_first"), as in the nightly run.',
    )
    unknown = predict_item(
        home_settings(finished_home), item, WhatIf({"OUTDIAMETER": "100", "INDIAMETER": ""})
    )
    assert unknown.notes == ()
    assert wrong.predictions.candidates.equals(unknown.predictions.candidates)


@pytest.mark.parametrize(
    ("item", "overrides", "error", "says"),
    [
        ("NO-SUCH-ITEM", {}, ItemNotFoundError, "'NO-SUCH-ITEM' is not in the extracted item master"),
        (None, {"NOPE": "1"}, ConfigurationError, "NOPE: no such attribute"),
        (None, {"OUTDIAMETER": "wide"}, ConfigurationError, "'wide' is not a number"),
        (None, {"OUTDIAMETER": "nan"}, ConfigurationError, "'nan' is not a number that an item can have"),
        (None, {"OUTDIAMETER": "-5"}, ConfigurationError, "'-5' is not a number that an item can have"),
        (None, {"OUTDIAMETER": "1e300"}, ConfigurationError, "'1e300' is not a number that an item can have"),
    ],
)
def test_predict_refuses_what_it_cannot_do(
    finished_home: Path,
    warehouse: Path,
    item: str | None,
    overrides: dict[str, str],
    error: type[Exception],
    says: str,
) -> None:
    code = item or ask(warehouse, "SELECT item_cd FROM routing_candidates LIMIT 1")[0][0]
    with pytest.raises(error, match=says):
        predict_item(home_settings(finished_home), code, WhatIf(overrides))


@pytest.mark.slow
def test_a_plant_in_which_every_item_is_routed_ends_well_and_keeps_the_publication(home: Path) -> None:
    todo = {r[0] for r in ask(home / "warehouse.db", "SELECT DISTINCT item_cd FROM routing_predictions")}
    todo |= {r[0] for r in ask(home / "warehouse.db", "SELECT item_cd FROM routing_abstained")}
    with closing(sqlite3.connect(home / "erp.db")) as connection, connection:
        connection.executemany("DELETE FROM BI_ITEM_INFO_VIEW WHERE ITEM_CD = ?", [(i,) for i in todo])
    run = night(home_settings(home, change_stop=1))
    scored = run.read(street.SCORE.report)
    assert scored is not None and scored.result.items == 0 and not run.has(street.PUBLISH.report)
    assert ask(
        home / "warehouse.db", "SELECT status, message FROM batch_run ORDER BY started_at DESC LIMIT 1"
    ) == [("succeeded", "Every item has a valid routing: nothing was published.")]
    assert ask(home / "warehouse.db", "SELECT DISTINCT publication_id FROM routing_predictions") == [(1,)]


def test_the_champions_card_shows_no_number_that_its_files_lack(finished_home: Path) -> None:
    registry = ModelRegistry(finished_home / "models")
    name = registry.resolve("champion")
    files = {n: registry.read_json(name, n) for n in ("metrics", "training_metadata", "feature_importance")}
    stored = registry.read_text(name, CARD)
    measured = stored[stored.index("## How it was measured") : stored.index("## Limits")]
    assert len(numbers_in(measured)) > 500
    assert unknown_numbers(measured, files["metrics"]) == []
    assert unknown_numbers(stored, *files.values()) == []
    assert "first version: exact match" in model_card(registry, name)


def challenger(ctx: Context, version: str, **changed: object) -> Challenger:
    """A version as the gate sees it; with changed parameters its recipe is not the champion's."""
    recipe = recipe_of(ctx.registry.show(version))
    return Challenger(
        version,
        Actor("kim", "train"),
        replace(recipe, parameters={**recipe.parameters, **changed}),
        "d" * 64,
        100,
    )


def test_a_version_that_lost_the_sight_of_times_does_not_replace_the_champion(home: Path) -> None:
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    is_time = (pl.col("metric") == "run_wape") & (pl.col("method") == "model")
    blind = seen.with_columns(value=pl.when(~is_time).then("value"))
    promoted, reason = promote_if_not_worse(ctx, challenger(ctx, champion), blind)
    assert not promoted
    assert reason.startswith(f"error of run times: measured for champion {champion} and not any more")
    assert promote_if_not_worse(ctx, challenger(ctx, champion), seen)[0]


@pytest.mark.parametrize(
    ("metric", "words", "change"),
    [("exact_at_1", "exact match", -0.9), ("resource_top1", "right resources", -0.9), ("setup_wape", "error of set-up times", 0.9)],
)  # fmt: skip
def test_a_version_that_is_significantly_worse_in_one_thing_does_not_replace_the_champion(
    home: Path, metric: str, words: str, change: float
) -> None:
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    here = (pl.col("metric") == metric) & (pl.col("method") == "model") & (pl.col("segment") == "all")
    moved = [
        pl.when(here).then(pl.col(c) + change).otherwise(pl.col(c)).alias(c) for c in ("value", "low", "high")
    ]
    promoted, reason = promote_if_not_worse(
        ctx, challenger(ctx, champion, n_trees=1), seen.with_columns(moved)
    )
    assert not promoted
    assert reason.startswith(f"significantly worse than champion {champion}: {words} ")
    # by a little, both intervals touch
    little = [
        pl.when(here).then(pl.col(c) + change / 1e4).otherwise(pl.col(c)).alias(c)
        for c in ("value", "low", "high")
    ]
    assert promote_if_not_worse(ctx, challenger(ctx, champion, n_trees=1), seen.with_columns(little))[0]


def moved_down(seen: pl.DataFrame, by: float) -> pl.DataFrame:
    """The model's exact match over all items, with its interval, lower by so much."""
    here = (pl.col("metric") == "exact_at_1") & (pl.col("method") == "model") & (pl.col("segment") == "all")
    return seen.with_columns(
        pl.when(here).then(pl.col(c) - by).otherwise(pl.col(c)).alias(c) for c in ("value", "low", "high")
    )


def test_versions_are_compared_on_the_items_that_both_were_judged_on(home: Path) -> None:
    """A few items worse on the same ones is sure, where two intervals overlap; a harder window alone is no worse version."""
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    same = from_json(ctx.registry.read_json(champion, HELD_OUT))
    judged = seen.filter(
        pl.col("method") == "model", pl.col("segment") == "all", pl.col("metric") == "exact_at_1"
    )
    assert same.height == judged["n"].item()
    assert same["exact_at_1_0"].sum() == pytest.approx(judged["value"].item() * same.height)
    hits = (same["exact_at_1_0"] > 0).arg_true()
    lost = hits[: max(12, len(hits) // 8)]
    worse = same.with_columns(
        exact_at_1_0=pl.when(pl.int_range(pl.len()).is_in(lost.implode())).then(0.0).otherwise("exact_at_1_0")
    )
    promoted, reason = promote_if_not_worse(ctx, challenger(ctx, champion, n_trees=1), seen, worse)
    assert not promoted
    assert reason.startswith(f"significantly worse than champion {champion}: exact match on the same items -")
    assert f"{same.height} items, 95 % interval excludes 0)" in reason
    promoted, reason = promote_if_not_worse(
        ctx, challenger(ctx, champion, n_trees=1), moved_down(seen, 0.9), same
    )
    assert promoted and "on the same items +0.000 (+0.000 to +0.000" in reason
    # held out by another kind of split, items are not compared
    other = moved_down(seen, 0.9).with_columns(split=pl.lit("family"))
    promoted, reason = promote_if_not_worse(ctx, challenger(ctx, champion, n_trees=1), other, same)
    assert not promoted and "same items" not in reason


def beside(difference: float, half: float, *, segment: str = "all", n: int = 100) -> pl.DataFrame:
    """Exact match of the champion and a new version on items that were written since the champion had learned."""
    values = {
        "model": (0.6 + difference, 0.1),
        "champion": (0.6, 0.1),
        "model_minus_champion": (difference, half),
    }
    return pl.DataFrame(
        [
            {
                "method": method, "split": "since", "segment": segment, "metric": "exact_at_1", "value": value,
                "low": value - wide, "high": value + wide, "n": n, "reason": None,
            }
            for method, (value, wide) in values.items()
        ],
        schema=frames.METRICS.schema,
    )  # fmt: skip


def test_a_version_of_the_same_recipe_is_judged_on_what_was_written_since_the_champion_had_learned(
    home: Path,
) -> None:
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    late = challenger(ctx, champion)
    saved = Saved(late.version, since=Sides("judged items", 300, 280))
    promoted, reason = promote_if_not_worse(ctx, late, seen, since=beside(-0.3, 0.1), saved=saved)
    assert not promoted
    assert reason.startswith(
        f"significantly worse than champion {champion}: exact match -0.300 (-0.400 to -0.200, 100 items); on what was written since "
        f"champion {champion} had learned; the recipe of champion {champion}"
    )
    # within chance, and less than other recipes must gain
    careful = Context(home_settings(home, promote_least_gain=0.1), find_run(home, None))
    promoted, reason = promote_if_not_worse(careful, late, seen, since=beside(-0.05, 0.1))
    assert promoted and "-0.050 (-0.150 to +0.050, 100 items)" in reason
    rows = ask(
        home / "warehouse.db",
        "SELECT decision, champion_exact_match, difference, verdict FROM model_decisions ORDER BY id DESC LIMIT 2",
    )
    assert rows == [
        ("promoted", 0.6, pytest.approx(-0.05), "unclear"),
        ("refused", 0.6, pytest.approx(-0.3), "worse"),
    ]
    sides = ask(
        home / "warehouse.db",
        "SELECT f.items_trained, f.champion_items_trained, f.window_id FROM model_decision_metric AS f JOIN model_decision AS d "
        "ON d.id = f.decision_id WHERE d.decision = 'refused' ORDER BY d.id DESC LIMIT 1",
    )
    assert sides == [(300, 280, "judged items")]


@pytest.mark.parametrize(
    ("setting", "band", "promoted", "said"),
    [
        ({"promote_least_gain": 0.1}, None, False, "it gains +0.050 exact match over champion {champion}, less than 0.1; "),
        ({"promote_least_gain": 0.05}, None, True, ""),
        ({}, (-0.2, 120), False, "exact match of part_type_band:rare -0.200 (-0.300 to -0.100, 120 items), more than 0.05; "),
        ({"promote_segment_loss": 0.1}, (-0.2, 120), True, ""),  # it may be 0.1
        ({}, (-0.2, 99), True, ""),  # too few items
        ({}, (-0.12, 120), True, ""),  # within chance
    ],
)  # fmt: skip
def test_another_recipe_must_gain_and_may_not_lose_in_a_band_of_part_types(
    home: Path, setting: dict[str, float], band: tuple[float, int] | None, promoted: bool, said: str
) -> None:
    ctx = Context(home_settings(home, **setting), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    rows = [beside(0.05, 0.1)]
    if band is not None:
        rows.append(beside(band[0], 0.1, segment="part_type_band:rare", n=band[1]))
    found, reason = promote_if_not_worse(
        ctx, challenger(ctx, champion, n_trees=1), seen, since=pl.concat(rows)
    )
    assert found is promoted, reason
    assert said.format(champion=champion) in reason


@pytest.mark.parametrize(("hits", "promoted"), [((10, 30), False), ((25, 26), True)])
def test_what_engineers_wrote_goes_before_the_window(
    home: Path, hits: tuple[int, int], promoted: bool
) -> None:
    """An earlier version of the new recipe, and the champion, had 40 items each; the window says the opposite."""
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    late = challenger(ctx, champion, n_trees=1)
    earlier = replace(late, version="earlier")
    record_trained(ctx, earlier, "tried before")
    columns = "publication_id, item_cd, outcome, candidates, adopted, predicted_operations, written_operations, common_operations, written_code,"
    for version, right in zip(("earlier", champion), hits, strict=True):
        change(
            home / "warehouse.db",
            *(
                f"INSERT INTO prediction_outcome ({columns} model_version, observed_at, observed_run) VALUES (1, '{version}{n}', "
                f"'{'first' if n < right else 'other'}', 4, 0, 5, 5, 4, 'A>B', '{version}', '2026-01-01', 'r')"
                for n in range(40)
            ),
        )
    seen = pl.DataFrame(ctx.registry.show(champion).metrics["metrics"], infer_schema_length=None)
    window = beside(0.3, 0.1) if not promoted else beside(-0.3, 0.1)
    found, reason = promote_if_not_worse(ctx, late, seen, since=window)
    said = f"of what engineers wrote themselves, this recipe had {hits[0]} of 40 items right and the champion's {hits[1]} of 40"
    assert found is promoted and said in reason


@pytest.mark.slow
@pytest.mark.usefixtures("learned_once")
def test_a_version_that_was_to_be_promoted_and_was_not_is_the_challenger(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = Context(home_settings(home), find_run(home, None))
    champion = ctx.registry.resolve("champion")
    monkeypatch.setattr(training, "promote_if_not_worse", lambda *_: Decision(False, "significantly worse"))
    trained = steps.train(ctx, training.TrainingRequest("late")).result
    assert (trained.version, trained.promoted, trained.promotion_reason) == (
        "late",
        False,
        "significantly worse",
    )
    assert ctx.registry.alias("challenger") == "late" and ctx.registry.alias("champion") == champion
    assert "| challenger | " in trained.model_card and "significantly worse" in trained.model_card
    [listed] = [v for v in ctx.registry.list() if v.name == "late"]
    assert listed.aliases == ("challenger",)
    measured = ctx.registry.read_json("late", "metrics")
    assert set(measured) == set(ctx.registry.read_json(champion, "metrics"))
    assert ctx.run.read(street.TRAIN.report).result == trained  # type: ignore[union-attr]


_NAMED = ("method", "split", "segment", "metric")


@pytest.mark.slow
def test_evaluating_beside_the_fit_gives_what_one_after_the_other_gives(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home_settings(home)
    ctx = Context(settings, find_run(settings.home, None))
    asked = training.TrainingRequest(dry_run=True, max_items=60)
    after = steps.train(ctx, asked).result
    monkeypatch.setattr(training, "SIDE_BY_SIDE_FROM", 1)
    beside = steps.train(ctx, asked).result
    assert (after.worker_memory_mb, beside.worker_memory_mb > 1) == (0.0, True)
    assert beside.split == after.split
    for one, other in zip(after.metrics, beside.metrics, strict=True):
        assert [getattr(one, k) for k in _NAMED] == [getattr(other, k) for k in _NAMED]
        if one.method != "model":
            assert one.value == pytest.approx(other.value, abs=1e-9), one
        elif one.metric == "exact_at_1" and one.segment == "all":
            # Linear algebra with another number of threads adds up in another order, which may turn a tie.
            assert one.value == pytest.approx(other.value, abs=0.1)
