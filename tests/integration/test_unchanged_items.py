"""A night asks the model only for items that are new or have changed; what comes out is what scoring all of them gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from homes import change, home_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from routing_etl import frames
from routing_etl.pipeline import night, scoring, street, unchanged
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import Scored
from routing_etl.runs import RunFolder, list_runs, new_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(finished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("unchanged") / "home"
    shutil.copytree(finished_home, copy)
    return copy


def another_run(home: Path, items: pl.DataFrame) -> Context:
    """A run that cleaned the same frames as the first, but these items."""
    first = list_runs(home)[-1]
    run = new_run(home)
    shutil.copytree(first.clean, run.clean)
    shutil.copytree(first.times, run.times)
    items.write_parquet(run.clean / "items.parquet")
    for step in (street.CLEAN, street.AGGREGATE_TIMES):
        report = first.read(step.report)
        assert report is not None
        run.write(step.report, report)
    return Context(home_settings(home), run)


def cleaned_items(home: Path) -> pl.DataFrame:
    return pl.read_parquet(list_runs(home)[-1].clean / "items.parquet")


def unrouted(home: Path, items: pl.DataFrame) -> pl.Series:
    routed = pl.read_parquet(list_runs(home)[-1].clean / "operations.parquet").filter("rout_valid")
    return items.filter(~pl.col("item_key").is_in(routed["item_key"].implode()))["item_key"].sort()


def predicted(run: RunFolder, frame: frames.Frame) -> pl.DataFrame:
    return scoring.scan_predictions(run, frame).collect().sort(frame.key)


def same_predictions(one: RunFolder, other: RunFolder) -> None:
    """Every row of every frame; similarities and confidences may differ in the sixth place by the batch that an item was in."""
    for frame in (*scoring.PREDICTED, frames.SIZES_FROM_TEXTS):
        a, b = predicted(one, frame), predicted(other, frame)
        if (
            frame is frames.CANDIDATE_EVIDENCE
        ):  # of items that are equally near, rounding chooses which is named
            assert a.select(frame.key).equals(b.select(frame.key))
            continue
        assert_frame_equal(a, b, rel_tol=1e-5, abs_tol=1e-6)


def score(ctx: Context, *, full: bool = False) -> Scored:
    return scoring.score(ctx, full=full).result


def remove(ctx: Context) -> None:
    shutil.rmtree(ctx.run.path)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_items_scored_alone_give_what_scoring_all_gives(home: Path, data: st.DataObject) -> None:
    items = cleaned_items(home)
    todo = unrouted(home, items)
    altered = data.draw(st.sets(st.sampled_from(todo.to_list()), max_size=12), "altered")
    gone = data.draw(st.sets(st.sampled_from(todo.to_list()), max_size=5), "gone") - altered
    added = data.draw(st.sets(st.sampled_from(todo.to_list()), max_size=5), "copied under a new code")
    number = next(c for c, t in items.schema.items() if t == pl.Float64)
    new = items.filter(pl.col("item_key").is_in(list(added))).with_columns(
        item_key=pl.lit("~") + pl.col("item_key"), item_cd=pl.lit("~") + pl.col("item_cd")
    )
    tonight = pl.concat([items.filter(~pl.col("item_key").is_in(list(gone))), new]).with_columns(
        pl.when(pl.col("item_key").is_in(list(altered)))
        .then(pl.col(number).fill_null(0.0) + 7.5)
        .otherwise(pl.col(number))
        .alias(number)
    )
    ctx, whole = another_run(home, tonight), another_run(home, tonight)
    try:
        told = score(ctx)
        assert told.reused == todo.len() - len(altered) - len(gone)
        assert told.items == todo.len() - len(gone) + len(added)
        all_told = score(whole, full=True)
        assert all_told.reused == 0
        same_predictions(ctx.run, whole.run)
        assert told.rows == all_told.rows
        assert told.abstained_by_reason == all_told.abstained_by_reason
        assert told.sizes_read <= told.sizes_empty
        assert (told.sizes_read, told.sizes_empty, told.sizes_contradicted) == (
            all_told.sizes_read,
            all_told.sizes_empty,
            all_told.sizes_contradicted,
        )
        assert told.share_high == all_told.share_high
        assert told.mean_confidence == pytest.approx(all_told.mean_confidence, abs=2e-4)
    finally:
        remove(ctx)
        remove(whole)


def test_a_night_in_which_nothing_has_changed_asks_for_no_item_and_publishes_nothing_new(
    home: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    first = list_runs(copy)[0]
    run = night.night(home_settings(copy))
    told, published = run.read(street.SCORE.report), run.read(street.PUBLISH.report)
    assert told is not None and published is not None
    assert told.result.reused == told.result.items > 0
    assert published.result.reused and not published.result.changed
    same_predictions(run, first)
    again = night.night(home_settings(copy), full=True).read(street.SCORE.report)
    assert again is not None and again.result.reused == 0


def test_an_item_that_an_engineer_touched_in_the_erp_is_scored_anew(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    todo = unrouted(copy, cleaned_items(copy))
    code = cleaned_items(copy).filter(item_key=todo[0])["item_cd"].item()
    change(
        copy / "erp.db", f"UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = ITEM_NM || ' X' WHERE ITEM_CD = '{code}'"
    )
    told = night.night(home_settings(copy)).read(street.SCORE.report)
    assert told is not None and told.result.reused == told.result.items - 1


@pytest.mark.parametrize("what", ["manifest", "program", "missing", "profile"])
def test_another_model_program_or_lack_of_attributes_keeps_nothing(what: str) -> None:
    same = unchanged.scoring_basis("v1", "aa", ("DIA",), "p")
    assert same == unchanged.scoring_basis("v1", "aa", ("DIA",), "p")
    other = {
        "manifest": lambda: unchanged.scoring_basis("v1", "ab", ("DIA",), "p"),
        "profile": lambda: unchanged.scoring_basis("v1", "aa", ("DIA",), "q"),
        "program": lambda: _with_other_program(),
        "missing": lambda: unchanged.scoring_basis("v1", "aa", (), "p"),
    }[what]()
    assert other != same


def _with_other_program() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unchanged, "program", lambda: "mended")
        return unchanged.scoring_basis("v1", "aa", ("DIA",), "p")


@pytest.mark.parametrize("fault", ["a part is gone", "a part is broken", "rows are missing", "no items"])
def test_files_of_an_earlier_run_that_are_not_whole_are_not_used(
    home: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = another_run(home, cleaned_items(home))
    before = another_run(home, cleaned_items(home))
    try:
        score(before, full=True)
        part = before.run.predictions / "candidate_operations" / "part-00000.parquet"
        match fault:
            case "a part is gone":
                part.unlink()
            case "a part is broken":
                part.write_bytes(b"PAR1 and no more")
            case "rows are missing":
                pl.read_parquet(part).head(10).write_parquet(part)
            case "no items":
                (before.run.clean / "items.parquet").unlink()
        told = score(ctx)
        assert told.reused == 0 and told.items > 0
    finally:
        remove(before)
        remove(ctx)


def test_rows_that_the_model_does_not_say_any_more_are_not_kept(home: Path) -> None:
    ctx, before = another_run(home, cleaned_items(home)), another_run(home, cleaned_items(home))
    try:
        score(before, full=True)
        part = before.run.predictions / "candidates" / "part-00000.parquet"
        pl.read_parquet(part).with_columns(confidence=pl.col("confidence") / 2).write_parquet(part)
        told = score(ctx)
        assert told.reused == 0
        now, right = (predicted(r, frames.CANDIDATES)["confidence"] for r in (ctx.run, list_runs(home)[-1]))
        assert (now - right).abs().max() < 1e-5
    finally:
        remove(before)
        remove(ctx)
