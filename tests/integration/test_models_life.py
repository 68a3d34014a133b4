"""The life of model versions: decisions on record, pins, refusals that are remembered, and what became of predictions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from homes import NO_REHEARSAL, ask, change, home_settings
from results import metric_row
from typer.testing import CliRunner

from routing_etl.cli.app import app
from routing_etl.errors import RegistryError
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.pipeline import champion, gate, night, steps, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.persons import Actor
from routing_etl.pipeline.recipe import recipe_of
from routing_etl.runs import find_run
from routing_etl.warehouse.decisions import Decision, Decisions

pytestmark = [pytest.mark.integration, pytest.mark.slow]
KIM = Actor("kim", "cli")


def context(home: Path, **changed: object) -> Context:
    return Context(home_settings(home, **changed), find_run(home, None))


def decided(home: Path) -> list[tuple[str, str, str]]:
    """Decision, version and who, oldest first."""
    return ask(
        home / "warehouse.db", "SELECT decision, model_version, decided_by FROM model_decisions ORDER BY id"
    )  # type: ignore[return-value]


def age_champion(home: Path, ctx: Context, days: int = 400) -> str:
    """Let the champion look so many days old to the night; returns its name."""
    name = ctx.registry.resolve("champion")
    info = ctx.registry.show(name).info
    old = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    shown = ctx.registry.show
    object.__setattr__(
        ctx.registry,
        "show",
        lambda v: replace(shown(v), info=replace(info, created_at=old)) if v == name else shown(v),
    )
    return name


def refuse(ctx: Context, version: str, why: str = "significantly worse", **changed: object) -> None:
    made = recipe_of(ctx.registry.show(version))
    made = replace(made, parameters={**made.parameters, **changed})
    with ctx.warehouse() as engine:
        Decisions(engine, ctx.settings.warehouse_schema).record(
            Decision(
                "refused", "late", version, "kim", "train", why, recipe_hash=made.hash,
                items_trained=champion_items(ctx),
            )
        )  # fmt: skip


def champion_items(ctx: Context) -> int:
    from routing_etl.pipeline.recipe import routed_items

    found = routed_items(ctx)
    assert found is not None
    return found


def test_the_first_night_puts_its_training_and_promotion_on_record(home: Path) -> None:
    (version,) = [v for _, v, _ in decided(home)][:1]
    assert decided(home) == [("trained", version, "routing_etl"), ("promoted", version, "routing_etl")]
    reason, via, data, recipe, items = ask(
        home / "warehouse.db",
        "SELECT reason, decided_via, data_hash, recipe_hash, items_trained FROM model_decision WHERE decision = 'promoted'",
    )[0]
    assert reason.startswith("first version: exact match") and via == "night"
    assert night.training_due(context(home)) is None
    (home / "models" / version / "manifest.json").write_text("{ spoilt", encoding="utf-8")
    due = night.training_due(context(home))
    assert due is not None and due.startswith(f"champion {version} cannot be read: The manifest")
    assert len(data) == len(recipe) == 64 and items > 100


def test_a_choice_by_hand_is_pinned_until_it_is_unpinned(home: Path) -> None:
    ctx = context(home)
    version = age_champion(home, ctx)
    assert night.training_due(ctx) == f"champion {version} is 400 days old"
    champion.promote(ctx.settings, version, why="known from the shop", actor=KIM)
    assert decided(home)[2:] == [("promoted", version, "kim"), ("pinned", version, "kim")]
    assert night.training_due(ctx) is None
    with pytest.raises(RegistryError, match=f"{version} is pinned already, by kim"):
        champion.pin(ctx.settings, why="again", actor=KIM)
    drifted = [metric_row("similarity_drift", 1.7)]
    reasons, held = night.retraining_asked(ctx.settings, drifted)
    assert reasons == "similarity drift 1.700 is above 1" and held.startswith("it is pinned by kim since ")
    assert night.retraining_asked(ctx.settings, [metric_row("similarity_drift", 0.1)]) == ("", "")
    assert champion.unpin(ctx.settings, why="the new data are in", actor=KIM) == version
    assert night.retraining_asked(ctx.settings, drifted) == (reasons, "")
    assert night.training_due(ctx) == f"champion {version} is 400 days old"
    with pytest.raises(RegistryError, match="No champion is pinned"):
        champion.unpin(ctx.settings, why="again", actor=KIM)


def test_a_pinned_champion_is_not_replaced_by_a_training(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = context(home)
    version = ctx.registry.resolve("champion")
    champion.pin(ctx.settings, why="audit week", actor=KIM)
    rows = pl.DataFrame(ctx.registry.show(version).metrics["metrics"], infer_schema_length=None)
    late = gate.Challenger(version, KIM, recipe_of(ctx.registry.show(version)), "d" * 64, 100)
    promoted, why = gate.promote_if_not_worse(ctx, late, rows)
    assert not promoted and why.startswith(f"{champion.PINNED}: {version} by kim since ")
    assert decided(home)[-1] == ("refused", version, "kim")


def test_a_refusal_is_remembered_until_data_settings_or_the_time_have_changed(home: Path) -> None:
    ctx = context(home)
    version = age_champion(home, ctx)
    refuse(ctx, version)
    assert night.training_due(ctx) is None
    # the time
    patient = context(home, retrain_after=0)
    age_champion(home, patient)
    assert night.training_due(patient)
    # the settings
    other = context(home, trees=7)
    age_champion(home, other)
    assert night.training_due(other)
    # the data: a tenth more routed items
    file = ctx.run.clean / "operations.parquet"
    known = pl.read_parquet(file)
    more = known.with_columns(item_key=pl.col("item_key") + "-new").filter(pl.col("item_key").hash() % 8 == 0)
    pl.concat([known, more]).write_parquet(file)
    assert night.training_due(ctx)


@pytest.mark.usefixtures("learned_once")
def test_a_refused_version_is_promoted_by_force_alone(home: Path) -> None:
    ctx = context(home)
    version = ctx.registry.resolve("champion")
    saved = steps.train(ctx, training.TrainingRequest("late", promote=False)).result.version
    assert saved == "late"
    refuse(ctx, version, "significantly worse: exact match -0.100")
    with pytest.raises(
        RegistryError, match=f"refused against champion {version} .*exact match -0.100"
    ) as error:
        champion.promote(ctx.settings, "late", why="I know better", actor=KIM)
    assert "--force" in error.value.remedy and ctx.registry.alias("champion") == version
    champion.promote(ctx.settings, "late", why="I know better", actor=KIM, force=True)
    assert decided(home)[-3:] == [
        ("forced", "late", "kim"),
        ("retired", version, "kim"),
        ("pinned", "late", "kim"),
    ]
    assert champion.rollback_champion(ctx.settings, why="no, I did not", actor=KIM) == version
    assert [d for d, *_ in decided(home)][-3:] == ["rolled_back", "retired", "pinned"]
    card = CliRunner().invoke(app, ["models", "card", "late"], env=env(home))
    assert "## Decisions" in card.output and "I know better" in card.output


def env(home: Path) -> dict[str, str]:
    return {
        "ROUTING_ETL_HOME": str(home), "ROUTING_ETL_MODELS": str(home / "models"),
        **NO_REHEARSAL, "ROUTING_ETL_USER": "lee",
    }  # fmt: skip


@pytest.mark.usefixtures("learned_once")
def test_the_command_line_names_the_person_and_a_training_alone_has_its_own_record(home: Path) -> None:
    night_row = ask(home / "warehouse.db", "SELECT run_id, status, message FROM batch_run")
    run = CliRunner()
    assert run.invoke(app, ["train", "--version", "mine"], env=env(home)).exit_code == 0
    rows = ask(
        home / "warehouse.db",
        "SELECT kind, status, model_version, message FROM batch_run WHERE run_id LIKE 'train-%'",
    )
    assert rows[0][:3] == ("train", "succeeded", "mine")
    assert (
        ask(home / "warehouse.db", "SELECT run_id, status, message FROM batch_run WHERE kind <> 'train'")
        == night_row
    )
    # the same recipe on the same data: no verdict of better or worse
    assert "the recipe of champion" in rows[0][3] and "significantly" not in rows[0][3]
    pinned = run.invoke(app, ["models", "pin", "--why", "stocktaking", "--user", "park"], env=env(home))
    assert pinned.exit_code == 0, pinned.output
    assert [who for *_, who in decided(home)][-4:] == ["lee", "lee", "lee", "park"]
    listed = run.invoke(app, ["models", "list"], env=env(home) | {"COLUMNS": "200"})
    assert "Pinned: mine by park" in listed.output
    versions = [v for d, v, _ in decided(home) if d == "promoted"]
    beside = run.invoke(app, ["models", "diff", *reversed(versions)], env=env(home) | {"COLUMNS": "200"})
    assert beside.exit_code == 0 and "retired" in beside.output and beside.output.count("promoted") >= 2


def test_the_same_data_with_another_window_give_no_verdict(home: Path) -> None:
    """The models that predict are the same; only those that are thrown away differ."""
    before = context(home).registry.resolve("champion")
    ctx = context(home, test_days=365)
    trained = steps.train(ctx, training.TrainingRequest("wide")).result
    assert trained.promoted and f"the recipe of champion {before}" in trained.promotion_reason
    figures = ask(
        home / "warehouse.db",
        "SELECT DISTINCT f.verdict, f.basis FROM model_decision_metric AS f JOIN model_decision AS d ON d.id = f.decision_id "
        "WHERE d.model_version = 'wide'",
    )
    assert figures == [("not compared", "own")]


def test_six_trainings_of_the_same_data_with_other_seeds_give_no_verdict(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed is no part of the recipe, and no routing was written since: each differs from the last by chance alone.

    A training takes over the champion's model and its figures: what is looked at is the gate (the figures: `test_retrainings.py`).
    """
    _, spelled = training.load_model(context(home), None)
    monkeypatch.setattr(training, "make_predictor", lambda *_, **__: spelled.predictor)
    monkeypatch.setattr(RoutingPredictor, "fit", lambda self, *_, **__: self)
    learned: list[object] = []
    learn = training._learn

    def once(*asked: object) -> object:
        learned.append(learned[0] if learned else learn(*asked))  # type: ignore[arg-type]
        return learned[-1]

    monkeypatch.setattr(training, "_learn", once)
    for seed in range(6):
        before = context(home).registry.resolve("champion")
        trained = steps.train(
            context(home, random_state=seed), training.TrainingRequest(f"seed{seed}")
        ).result
        assert trained.promoted and f"the recipe of champion {before}" in trained.promotion_reason
    verdicts = ask(
        home / "warehouse.db",
        "SELECT DISTINCT f.verdict, f.basis FROM model_decision_metric AS f JOIN model_decision AS d ON d.id = f.decision_id "
        "WHERE d.model_version LIKE 'seed%'",
    )
    assert verdicts == [("not compared", "own")]


def test_another_recipe_is_fitted_beside_on_the_same_window(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = context(home).registry.resolve("champion")
    # as if all had been written since the champion had learned: it is asked as it is, too
    monkeypatch.setattr(
        RoutingPredictor, "learned_items", property(lambda _: pl.Series("item_key", [], dtype=pl.String))
    )
    ctx = context(home, trees=2, neighbours=1)
    trained = steps.train(ctx, training.TrainingRequest("poor")).result
    figures = ask(
        home / "warehouse.db",
        "SELECT f.metric, f.value, f.champion_value, f.difference FROM model_decision_metric AS f JOIN model_decision AS d "
        "ON d.id = f.decision_id WHERE d.model_version = 'poor' AND f.basis = 'window' AND f.segment = 'all'",
    )
    assert {m for m, *_ in figures} >= {"exact_at_1", "operation_f1", "resource_top1"}
    for _, mine, theirs, difference in figures:
        assert difference == pytest.approx(mine - theirs, abs=0.05)
    # on what, and from how many items, is on record: as many for both, on the window that the metrics of the version name
    assert trained.evaluation.items_trained > 0
    sides = ask(
        home / "warehouse.db",
        "SELECT DISTINCT f.items_trained, f.champion_items_trained, f.window_id FROM model_decision_metric AS f JOIN model_decision AS d "
        "ON d.id = f.decision_id WHERE d.model_version = 'poor' AND f.basis = 'window'",
    )
    measured = ask(
        home / "warehouse.db",
        "SELECT DISTINCT window_id FROM model_metric WHERE model_version = 'poor' AND split = 'recent'",
    )
    assert sides == [(trained.evaluation.items_trained, trained.evaluation.items_trained, measured[0][0])]
    assert "n_neighbors 1 instead of 24" in trained.promotion_reason
    # the champion's recipe on this window is the champion's in the trend, so that the two can be compared
    trend = ask(
        home / "warehouse.db",
        "SELECT model_version, previous_version, difference FROM model_quality_trend WHERE metric = 'exact_at_1' AND "
        "method = 'model' AND segment = 'all' AND split = 'recent' AND window_id = (SELECT window_id FROM model_metric WHERE "
        "model_version = 'poor' AND split = 'recent' LIMIT 1) ORDER BY difference",
    )
    assert {v for v, *_ in trend} == {before, "poor"} and trend[-1][2] is not None
    since = ask(
        home / "warehouse.db",
        "SELECT model_version, previous_version, value - previous_value - difference, items_trained FROM model_quality_trend WHERE "
        "metric = 'exact_at_1' AND segment = 'all' AND split = 'since' AND difference IS NOT NULL",
    )
    assert [(v, p, d) for v, p, d, _ in since] == [("poor", before, 0.0)]
    assert 0 < since[0][3] < champion_items(ctx), "without the judged items"


def test_routings_written_after_a_night_are_outcomes_of_the_version_that_predicted_them(home: Path) -> None:
    """Three items get a routing: the first candidate's, another candidate's, and one of the engineer's own."""
    version = context(home).registry.resolve("champion")
    shown = ask(
        home / "warehouse.db",
        "SELECT item_cd, routing_code, publication_id FROM routing_candidates WHERE candidate_rank = 1 ORDER BY item_cd",
    )
    seconds = ask(
        home / "warehouse.db",
        "SELECT item_cd, routing_code FROM routing_candidates WHERE candidate_rank = 2 ORDER BY item_cd DESC",
    )
    (first, code, publication), (second, other) = shown[0], seconds[0]
    assert first != second
    write_routing(home, first, code.split(">"))
    write_routing(home, second, other.split(">"))
    assert night.night(home_settings(home)).succeeded
    rows = ask(
        home / "warehouse.db",
        "SELECT item_cd, outcome, candidate_rank, model_version, publication_id, adopted, written_operations, common_operations "
        "FROM prediction_outcome ORDER BY item_cd",
    )
    n = len(code.split(">"))
    assert (first, "first", 1, version, publication, 0, n, n) in rows
    assert [r[1:3] for r in rows if r[0] == second] == [("alternative", 2)]
    assert len(rows) == 2
    metrics = ask(
        home / "warehouse.db",
        "SELECT metric, value, n FROM model_metric WHERE split = 'realised' AND model_version = ? ORDER BY metric",
        version,
    )
    assert metrics == [
        ("realised_adopted_share", 0.0, 2), ("realised_exact_at_1", 0.5, 2), ("realised_exact_at_any", 1.0, 2),
    ]  # fmt: skip
    counted = ask(
        home / "warehouse.db", "SELECT items_routed, as_first_candidate, otherwise FROM model_realised"
    )
    assert counted == [(2, 1, 0)]


def write_routing(home: Path, item_cd: str, jobs: list[str]) -> None:
    """An engineer writes a routing into the ERP: the rows of another one with these jobs."""
    columns = [r[1] for r in ask(home / "erp.db", "PRAGMA table_info(BI_ROUTING_VIEW)")]
    template = ask(
        home / "erp.db",
        "SELECT * FROM BI_ROUTING_VIEW WHERE VALID_TO_DT > '2090' OR VALID_TO_DT IS NULL LIMIT 1",
    )
    if not template:
        template = ask(home / "erp.db", "SELECT * FROM BI_ROUTING_VIEW LIMIT 1")
    for number, job in enumerate(jobs, start=1):
        row = dict(zip(columns, template[0], strict=True)) | {
            "ITEM_CD": item_cd, "ROUT_NO": "E-NEW", "PROC_SEQ": number * 10, "JOB_CD": job,
        }  # fmt: skip
        values = ", ".join(
            "NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v) for v in row.values()
        )
        change(home / "erp.db", f"INSERT INTO BI_ROUTING_VIEW ({', '.join(row)}) VALUES ({values})")
