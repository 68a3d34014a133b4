"""What was lost since last night stops the night, and can be let through; what a publication changed can be seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from homes import ask, change, home_settings

from routing_etl.cli import app
from routing_etl.errors import DataQualityError, WarehouseError
from routing_etl.pipeline import scoring, steps, street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import night
from routing_etl.pipeline.upkeep import changes
from routing_etl.runs import new_run, prune_runs

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_routings_that_were_deleted_stop_the_night_until_somebody_says_that_it_is_right(
    home: Path,
) -> None:
    pointer = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")
    change(
        home / "erp.db",
        "DELETE FROM BI_ROUTING_VIEW WHERE ITEM_CD IN (SELECT ITEM_CD FROM BI_ITEM_INFO_VIEW WHERE rowid % 5 < 2)",
    )
    with pytest.raises(DataQualityError, match="lost their routing"):
        night(home_settings(home), run_id="stopped")
    assert ask(home / "warehouse.db", "SELECT publication_id FROM current_publication") == pointer
    prune_runs(home, 1)
    with pytest.raises(DataQualityError, match="lost their routing"):
        night(home_settings(home), run_id="again")  # the last good run is still there to compare with
    run = night(home_settings(home, change_stop=1), run_id="meant")
    warned = {f"{o.frame}.{o.check}" for o in street.CHECK_SOURCE.outcomes_of(run) if not o.success}
    assert "operations.items_keep_their_routing" in warned
    published = run.read(street.PUBLISH.report)
    assert published is not None and published.result.changes is not None
    assert published.result.changes["new"] > 50 and published.result.changes["gone"] == 0
    found = changes(home_settings(home))
    assert found.counts == published.result.changes
    assert (
        found.changed.filter(found.changed["kind"] == "new")["routing_before"].null_count()
        == found.counts["new"]
    )
    sheets = run.read(street.WRITE_SHEETS.report)
    assert sheets is not None and sheets.result.new == found.counts["new"]


def test_a_batch_that_would_show_few_of_the_items_is_not_published(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = home_settings(home, change_warn=1, change_stop=0.3)
    before = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")[0][0]
    ctx = Context(settings, new_run(home, "few"))
    steps.extract(ctx)
    steps.clean(ctx)
    from routing_etl.pipeline.learning import LearningData, read_learning_data

    def few(run: object) -> LearningData:
        data = read_learning_data(run)  # type: ignore[arg-type]
        routed = data.operations["item_key"].unique()
        return LearningData(data.items.filter(data.items["item_key"].is_in(routed.implode()) | (data.items["item_key"] < "4")),
                            data.operations, data.attributes)  # fmt: skip

    monkeypatch.setattr(scoring, "read_learning_data", few)
    steps.aggregate_times(ctx)
    steps.score(ctx)
    steps.check_candidates(ctx)
    loaded = steps.load(ctx).result.publication_id
    with pytest.raises(DataQualityError, match="ROUTING_ETL_CHANGE_STOP"):
        steps.publish(ctx)
    assert ask(home / "warehouse.db", "SELECT publication_id FROM current_publication") == [(before,)]
    monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
    with pytest.raises(SystemExit) as end:
        app.main(["publications", "diff", str(loaded), "--with", str(before), "--json"])
    result = json.loads(capsys.readouterr().out)["result"]
    assert not end.value.code and result["counts"]["gone"] > 0 and result["after"] == loaded
    assert len(result["changed"]) == sum(result["counts"].values())
    steps.publish(Context(home_settings(home, change_warn=1, change_stop=1), ctx.run))  # as the sentence says
    assert ask(home / "warehouse.db", "SELECT publication_id FROM current_publication") == [(loaded,)]
    [counted] = ask(home / "warehouse.db", "SELECT items_gone FROM publication_changes")
    assert counted[0] == result["counts"]["gone"]


def test_a_publication_that_is_not_there_is_one_sentence(home: Path) -> None:
    with pytest.raises(WarehouseError, match="There is no publication before"):
        changes(home_settings(home))
    with pytest.raises(WarehouseError, match="There is no loaded publication 99"):
        changes(home_settings(home), 99, 1)


def test_a_column_that_became_empty_lowers_the_confidence_and_stops_no_night(home: Path) -> None:
    before = ask(
        home / "warehouse.db", "SELECT AVG(confidence) FROM routing_candidates WHERE candidate_rank = 1"
    )[0][0]
    change(home / "erp.db", 'UPDATE BI_ITEM_INFO_VIEW SET "OUTDIAMETER" = NULL')
    run = night(home_settings(home))
    scored = run.read(street.SCORE.report)
    assert scored is not None and scored.result.missing_attributes == ("outdiameter",)
    after = ask(
        home / "warehouse.db", "SELECT AVG(confidence) FROM routing_candidates WHERE candidate_rank = 1"
    )[0][0]
    assert float(after) < float(before)
    [emptied] = [o for o in street.CHECK_SOURCE.outcomes_of(run) if o.check == "filled_as_before"]
    past = run.read(street.FIGURES)
    assert past is not None and [len(r.figures) > 20 for r in past.runs] == [True, True]
    assert not emptied.success and "outdiameter is filled in 0.0% of the items" in emptied.observed
