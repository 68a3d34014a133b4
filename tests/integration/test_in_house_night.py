"""The map of outsourced jobs in a profile, from the scoring to the checks and the ERP's view."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from homes import ask, home_settings

import routing_etl.erp
from routing_etl.frames import CANDIDATE_OPERATIONS
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.runs import find_run

SHIPPED = Path(routing_etl.erp.__file__).parent / "profiles" / "bi_views.toml"


@pytest.mark.slow
def test_what_the_map_replaces_is_checked_loaded_and_marked(home: Path, tmp_path: Path) -> None:
    """The outsourced job that is proposed most, as the job in house that is used most; and a pair that nobody knows."""
    warehouse, erp = home / "warehouse.db", home / "erp.db"
    ((old, proposed),) = ask(
        warehouse,
        "SELECT job_cd, COUNT(*) FROM routing_predictions WHERE inside_flag = '외주' GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
    )
    ((new,),) = ask(
        erp,
        "SELECT JOB_CD FROM BI_ROUTING_VIEW WHERE INSIDE_FLAG = '사내' GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1",
    )
    profile = tmp_path / "mapped.toml"
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count("outsourced_map = {}") == 1
    pairs = f'outsourced_map = {{ "{old}" = "{new}", "NO-1" = "NO-2" }}'
    profile.write_text(text.replace("outsourced_map = {}", pairs), encoding="utf-8")
    ctx = Context(home_settings(home, profile=str(profile)), find_run(home, None))

    scored = steps.score(ctx).result
    assert 0 < scored.replaced <= proposed, "fewer where two candidates have become one"
    assert scored.unmapped == ("NO-1 -> NO-2",)
    assert (
        scored.unmapped_told and "NO-1 -> NO-2: no valid routing has the second job" in scored.unmapped_told
    )
    rows = pl.read_parquet(ctx.run.predictions / CANDIDATE_OPERATIONS.name / "*.parquet")
    made = rows.filter(pl.col("replaced_job").is_not_null())
    assert (
        set(made["job_cd"]) == {new} and set(made["replaced_job"]) == {old} and set(made["inside"]) == {"in"}
    )
    assert rows.filter((pl.col("job_cd") == old) & (pl.col("inside") == "out")).is_empty()

    assert steps.check_candidates(ctx).result.failed == 0
    steps.load(ctx)
    steps.publish(ctx)
    marked = ask(
        warehouse,
        "SELECT COUNT(*), COUNT(DISTINCT REPLACED_JOB_CD) FROM routing_candidate_operations WHERE OUTSOURCING_REPLACED = 'Y'",
    )
    assert marked == [(scored.replaced, 1)]
    heads = ask(
        warehouse,
        "SELECT DISTINCT priority, rout_no FROM routing_candidates WHERE outsourcing_replaced = 'Y'",
    )
    assert heads == [("fallback", None)]
    graded = ask(
        warehouse,
        "SELECT COUNT(*) FROM routing_candidates WHERE quality_grade IS NULL OR model_quality IS NULL",
    )
    assert graded == [(0,)], "the version was measured when it was trained"
