"""A night split by shards of items gives what a night in one piece gives, and each shard can be repeated alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from homes import ask, change, home_settings, passed
from polars.testing import assert_frame_equal

from routing_etl.errors import ConfigurationError, LockedError, ReconcileError, WarehouseError
from routing_etl.pipeline import scoring, sharded, steps, street
from routing_etl.pipeline.context import Context
from routing_etl.runs import list_runs
from routing_etl.warehouse import publish
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.schema import tables

pytestmark = pytest.mark.integration

SHARDS = 3
TABLES = {
    "candidate": "item_cd, candidate_rank",
    "candidate_operation": "item_cd, candidate_rank, proc_seq",
    "candidate_evidence": "item_cd, candidate_rank, evidence_rank",
    "resource_alternative": "job_cd, alternative_rank",
    "abstained_item": "item_cd",
}


#: What no batch boundary may change. Of items that are equally near, rounding in the last digit chooses which is named
#: as evidence, so similarities and counts of evidence may differ a little; routings, machines and times may not.
FIRM = {
    "candidates": ["routing_code", "routing_signature", "priority", "similarity_tier", "process_count"],
    "candidate_operations": [
        "job_cd",
        "res_cd",
        "setup_time",
        "run_time",
        "run_p10",
        "run_p90",
        "time_source",
    ],
    "abstained": ["reason_code"],
}


def context(home: Path, shards: int = SHARDS, who: str = "shards") -> Context:
    """The home's one run; another service user makes the same predictions another publication."""
    [run] = list_runs(home)
    return Context(home_settings(home, shards=shards, service_user=who), run)


@pytest.fixture(scope="module")
def scored_home(finished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose run was aggregated and scored again in shards, and passes for checked; nothing of that is loaded."""
    home = tmp_path_factory.mktemp("shards") / "home"
    shutil.copytree(finished_home, home)
    ctx = context(home)
    for shard in (2, 0, 1):
        sharded.aggregate_times_shard(ctx, shard=shard)
    sharded.merge_times(ctx)
    for shard in (1, 2, 0):
        sharded.score_shard(ctx, shard=shard)
    sharded.merge_scores(ctx)
    passed(ctx.run, street.CHECK_CANDIDATES)
    return home


@pytest.fixture
def home(scored_home: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "home"
    shutil.copytree(scored_home, copy)
    forget_hashes(copy)
    yield copy


def report(home: Path, step: str) -> dict[str, Any]:
    [run] = list_runs(home)
    found = json.loads((run.path / "reports" / f"{step}.json").read_text("utf-8"))
    return {"step": found["step"], **found["result"]}


def published(home: Path, table: str, publication_id: int) -> list[tuple[Any, ...]]:
    columns = [r[1] for r in ask(home / "warehouse.db", f"PRAGMA table_info({table})")]
    shown = ", ".join(f"t.{c}" for c in columns if c != "publication_id")
    versions, key = (
        ("job_version", "job_cd") if table == "resource_alternative" else ("item_version", "item_cd")
    )
    query = (
        f"SELECT {shown} FROM {table} AS t WHERE t.publication_id = (SELECT MAX(v.from_publication) FROM {versions} AS v "
        f"WHERE v.{key} = t.{key} AND v.from_publication <= ?) ORDER BY {TABLES[table]}"
    )
    return ask(home / "warehouse.db", query, publication_id)


def forget_hashes(home: Path) -> None:
    """As if nobody knew what is stored: the next load writes every item."""
    for versions in ("item_version", "job_version"):
        change(home / "warehouse.db", f"UPDATE {versions} SET hash_a = NULL")


def in_one_piece(home: Path) -> int:
    """The same files loaded as one, and all of them: a publication to compare with."""
    forget_hashes(home)
    return steps.load(context(home, who="whole")).result.publication_id


def current(home: Path) -> int:
    return int(ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")[0][0])


def test_profiles_and_predictions_do_not_depend_on_the_shards(scored_home: Path, finished_home: Path) -> None:
    for step in ("aggregate_times", "score"):
        one_piece, in_shards = report(finished_home, step), report(scored_home, step)
        assert one_piece.pop("mean_confidence", 0) == pytest.approx(
            in_shards.pop("mean_confidence", 0), abs=1e-3
        )
        for measure, told in one_piece.pop("plausibility", {}).items():
            assert told == pytest.approx(in_shards["plausibility"].pop(measure)), measure
        assert not in_shards.pop("plausibility", {})
        assert one_piece == in_shards
    [one], [many] = list_runs(finished_home), list_runs(scored_home)
    for path in sorted(one.times.glob("time_by_*.parquet")):
        a, b = pl.read_parquet(path), pl.read_parquet(many.times / path.name)
        keys = [c for c in ("item_key", "proc_seq", "job_cd", "res_cd") if c in a.columns]
        assert_frame_equal(a.sort(keys), b.sort(keys))
    for frame in scoring.PREDICTED:
        parts = sorted((many.predictions / frame.name).glob("*.parquet"))
        assert (len(parts) == SHARDS) == (frame.name != "resource_alternatives"), "no part of before is left"
        a, b = (
            pl.read_parquet(sorted((run.predictions / frame.name).glob("*.parquet"))).sort(frame.key)
            for run in (one, many)
        )
        assert a.select(frame.key).equals(b.select(frame.key)), "every row once"
        firm = FIRM.get(frame.name, [])
        assert_frame_equal(a.select(firm), b.select(firm), rel_tol=1e-6)


def test_the_shards_fill_one_publication_like_that_in_one_piece(home: Path) -> None:
    ctx, before = context(home), current(home)
    done = [sharded.load_shard(ctx, shard=k).result for k in (1, 0, 2)]
    new = done[0].publication_id
    assert {d.publication_id for d in done} == {new} != {before}
    assert current(home) == before
    assert ask(home / "warehouse.db", "SELECT state FROM publication WHERE id = ?", new) == [("loading",)]
    closed = sharded.close_load(ctx).result
    assert (closed.publication_id, closed.state, closed.reused) == (new, "loaded", False)
    by_item = {t: n for t, n in closed.rows.items() if t != "resource_alternative"}
    versions = ask(home / "warehouse.db", "SELECT COUNT(*) FROM item_version WHERE from_publication = ?", new)
    assert sum(d.rows_written for d in done) == sum(by_item.values()) + versions[0][0]
    assert closed.items_changed == versions[0][0]
    for table in TABLES:
        rows = published(home, table, new)
        assert len(rows) == closed.rows[table]
    assert current(home) == before, "loaded is not published"
    assert steps.publish(ctx).result.publication_id == new == current(home)

    again = sharded.load_shard(ctx, shard=1).result
    assert (again.publication_id, again.rows_written) == (new, 0), "it is whole: nothing is written twice"
    assert sharded.close_load(ctx).result.publication_id == new
    whole = in_one_piece(home)
    assert all(published(home, t, new) == published(home, t, whole) for t in TABLES)


def test_a_shard_that_failed_is_repeated_alone_and_doubles_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx, before = context(home), current(home)
    sharded.load_shard(ctx, shard=0)
    real = publish.Publisher._transaction

    def breaks(self: Any, work: Any, **options: Any) -> Any:
        if work.__qualname__.startswith("Publisher._write"):
            real(self, work, **options)
            raise WarehouseError("The line was cut.", remedy="Run again.")
        return real(self, work, **options)

    monkeypatch.setattr(publish.Publisher, "_transaction", breaks)
    with pytest.raises(WarehouseError, match="The line was cut"):
        sharded.load_shard(ctx, shard=1)
    monkeypatch.undo()
    assert current(home) == before
    with pytest.raises(ConfigurationError, match=r"2 of 3 shards are missing \(001, 002\)"):
        sharded.close_load(ctx)
    for shard in (0, 1, 2):
        sharded.load_shard(ctx, shard=shard)
    closed = sharded.close_load(ctx).result
    whole = in_one_piece(home)
    assert all(published(home, t, closed.publication_id) == published(home, t, whole) for t in TABLES)


def test_a_repeated_score_of_one_shard_replaces_its_files_and_withdraws_what_came_of_them(home: Path) -> None:
    ctx = context(home)
    whole = report(home, "score")
    sharded.load_shard(ctx, shard=0)
    sharded.score_shard(ctx, shard=1)
    for step in (street.SCORE, street.CHECK_CANDIDATES):
        assert not ctx.run.has(step.report)
    with pytest.raises(ConfigurationError, match="have not passed their checks"):
        sharded.load_shard(ctx, shard=1)
    sharded.merge_scores(ctx)
    assert report(home, "score") == whole
    with pytest.raises(ConfigurationError, match="have not passed their checks"):
        sharded.close_load(ctx)
    steps.check_candidates(ctx)  # as the sentence says
    for shard in range(SHARDS):
        sharded.load_shard(ctx, shard=shard)
    sharded.close_load(ctx)


def test_shards_of_two_model_versions_or_numbers_are_not_put_together(home: Path) -> None:
    ctx = context(home)
    scored = ctx.run.read(street.SCORE_SHARD.report, shard=1)
    assert scored is not None
    other = replace(scored, result=replace(scored.result, model_version="another"))
    ctx.run.write(street.SCORE_SHARD.report, other, shard=1)
    with pytest.raises(ConfigurationError, match=r"different model versions.*another: 001"):
        sharded.merge_scores(ctx)
    sharded.score_shard(ctx, shard=1)  # as the sentence says
    sharded.merge_scores(ctx)
    four = context(home, shards=4)
    with pytest.raises(ConfigurationError, match="4 of 4 shards are missing"):
        sharded.merge_times(four)
    with pytest.raises(ConfigurationError, match="no shard 3: ROUTING_ETL_SHARDS = 3"):
        sharded.score_shard(ctx, shard=3)


def test_times_of_a_run_whose_source_checks_failed_are_not_read(home: Path) -> None:
    ctx = context(home)
    ctx.run.forget(street.CHECK_SOURCE.report)
    with pytest.raises(ConfigurationError, match=r"cleaned frames .* have not passed their checks"):
        sharded.aggregate_times_shard(ctx, shard=0)


def test_a_load_given_up_meanwhile_is_begun_anew_and_says_which_shards_to_repeat(home: Path) -> None:
    ctx = context(home)
    first = sharded.load_shard(ctx, shard=0).result.publication_id
    with ctx.warehouse() as engine:
        publish.Publisher(engine, ctx.settings).purge(2)
    assert ask(home / "warehouse.db", "SELECT state FROM publication WHERE id = ?", first) == [("failed",)]
    second = sharded.load_shard(ctx, shard=1).result.publication_id
    sharded.load_shard(ctx, shard=2)
    assert second != first
    with pytest.raises(ConfigurationError, match=rf"Shards 000 .* the run's is {second}"):
        sharded.close_load(ctx)
    sharded.load_shard(ctx, shard=0)
    assert sharded.close_load(ctx).result.publication_id == second


def test_rows_that_are_not_in_the_files_stop_the_close_and_are_removed(home: Path) -> None:
    ctx, before = context(home), current(home)
    for shard in range(SHARDS):
        new = sharded.load_shard(ctx, shard=shard).result.publication_id
    change(home / "warehouse.db", f"UPDATE candidate SET confidence = 0.5 WHERE publication_id = {new}")
    with pytest.raises(ReconcileError, match=r"candidate\.confidence"):
        sharded.close_load(ctx)
    assert ask(home / "warehouse.db", "SELECT COUNT(*) FROM candidate WHERE publication_id = ?", new) == [
        (0,)
    ]
    assert current(home) == before


def test_two_shards_never_write_at_once(home: Path) -> None:
    ctx = context(home)
    sharded.load_shard(ctx, shard=0)
    with (
        ctx.warehouse() as engine,
        WriterLock(engine, tables(None), "load of publication 9, shard 1"),
        pytest.raises(LockedError, match="load of publication 9, shard 1"),
    ):
        sharded.load_shard(ctx, shard=2)
