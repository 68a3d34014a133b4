"""What killed processes leave behind: the next night finds it, removes it and says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from homes import ask, change, home_settings

from routing_etl.errors import RegistryError, TransientDatabaseError
from routing_etl.pipeline.champion import promote
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import begin, finish
from routing_etl.pipeline.sweep import SWEPT, Swept, sweep
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import find_run, list_runs, new_run, prune_runs
from routing_etl.warehouse.model_records import ModelRecords

pytestmark = pytest.mark.integration


@pytest.fixture
def ctx(home: Path) -> Context:
    """A run that begins in a home in which a night has succeeded."""
    return Context(home_settings(home), new_run(home, "next"))


def tree(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def states(home: Path) -> dict[str, str]:
    return dict(ask(home / "warehouse.db", "SELECT version, status FROM model_version"))


def test_nothing_is_found_and_nothing_removed_after_a_night_that_ended_well(ctx: Context, home: Path) -> None:
    before = tree(home / "runs") | tree(home / "models")
    assert sweep(ctx) == Swept()
    assert tree(home / "runs") | tree(home / "models") == before
    assert ctx.run.read(SWEPT) is None


def test_litter_of_every_kind_is_removed_and_named(ctx: Context, home: Path) -> None:
    before = tree(home / "runs") | tree(home / "models")
    (night,) = [run for run in list_runs(home) if run.run_id != "next"]
    (night.raw / "items.tmp").write_bytes(b"half a file")
    (night.reports / "score.tmp").write_text("{")
    for scratch in (night.times / ".scratch-a1", night.clean / ".scratch-b2"):
        scratch.mkdir()
        (scratch / "shard.parquet").touch()
    for unborn in ("unmarked/reports", ".removing-old/raw"):
        (home / "runs" / unborn).mkdir(parents=True)
    own = home / "runs" / "notes of ours"  # a folder that somebody made there
    own.mkdir()
    (own / "why.tmp").touch()
    before |= {"notes of ours", "notes of ours/why.tmp"}
    for half in (".saving-v9-1234", ".removing-v1-1234"):
        (home / "models" / half).mkdir()
    (home / "models" / ".aliases.json.4711.tmp").touch()

    found = sweep(ctx)
    assert set(found.run_folders) == {"unmarked", ".removing-old"}
    assert set(found.files) == {
        f"{night.run_id}/{name}"
        for name in ("raw/items.tmp", "reports/score.tmp", "times/.scratch-a1", "clean/.scratch-b2")
    }
    assert set(found.model_versions) == {".saving-v9-1234", ".removing-v1-1234", ".aliases.json.4711.tmp"}
    after = tree(home / "runs") | tree(home / "models")
    assert after == before | {"next/reports/swept.json"}
    assert ctx.run.read(SWEPT) == found and len(found.sentences) == 3


def test_while_a_shard_of_another_run_is_at_work_its_files_stay(ctx: Context, home: Path) -> None:
    (home / "runs" / "theirs" / "reports").mkdir(parents=True)
    with FileLock(home / "shard-3.lock"):
        assert sweep(ctx).run_folders == ()
    assert sweep(ctx).run_folders == ("theirs",)


def test_a_run_of_a_container_that_is_gone_is_closed_and_what_was_found_is_on_record(
    ctx: Context, home: Path
) -> None:
    (night,) = [run.run_id for run in list_runs(home) if run.run_id != "next"]
    change(
        home / "warehouse.db",
        f"""UPDATE batch_run SET status = 'running', metadata = '{{"host": "3f2a", "pid": 7}}' WHERE run_id = '{night}'""",
        "INSERT INTO batch_run (run_id, kind, status, attempt, started_at, metadata) SELECT 'elsewhere', kind, 'running', 1, "
        "started_at, metadata FROM batch_run",
    )
    begin(ctx, "nightly")
    finish(ctx, "failed", "stopped here")
    runs = dict(ask(home / "warehouse.db", "SELECT run_id, status FROM batch_run"))
    assert runs == {night: "failed", "elsewhere": "running", "next": "failed"}
    ((metadata,),) = ask(home / "warehouse.db", "SELECT metadata FROM batch_run WHERE run_id = 'next'")
    assert f"{night} ended without closing its record" in metadata


@pytest.mark.parametrize("left", ["retired", "pending"])
def test_the_databases_active_version_follows_the_champion(ctx: Context, home: Path, left: str) -> None:
    (version,) = states(home)
    change(home / "warehouse.db", f"UPDATE model_version SET status = '{left}'")
    found = sweep(ctx).champion
    assert found is not None and version in found
    assert states(home) == {version: "active"}
    assert sweep(ctx).champion is None


def test_no_champion_means_no_active_version(ctx: Context, home: Path) -> None:
    (version,) = states(home)
    (home / "models" / "aliases.json").unlink()
    assert "none" in (sweep(ctx).champion or "")
    assert states(home) == {version: "retired"}


def test_a_champion_that_the_database_does_not_know_changes_nothing(ctx: Context, home: Path) -> None:
    """A warehouse from a backup: loading the champion says what to do."""
    change(home / "warehouse.db", "UPDATE model_version SET version = 'other'")
    assert sweep(ctx).champion is None
    assert states(home) == {"other": "active"}


def test_a_promotion_cut_off_in_the_middle_is_finished_by_the_next_night(
    ctx: Context, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (version,) = states(home)
    change(home / "warehouse.db", "UPDATE model_version SET status = 'retired'")

    def cut(*_: object, **__: object) -> None:
        raise TransientDatabaseError("The connection was cut.")

    with monkeypatch.context() as cutting:
        cutting.setattr(ModelRecords, "activate", cut)
        with pytest.raises(TransientDatabaseError):
            promote(ctx.settings, version, why="test")
    assert ctx.registry.alias("champion") == version and states(home) == {version: "retired"}
    assert sweep(ctx).champion
    assert states(home) == {version: "active"}


def test_a_promotion_decided_before_another_is_refused(ctx: Context, home: Path) -> None:
    """A training that was paused while somebody else promoted compared itself with a champion of yesterday."""
    (version,) = states(home)
    registry = ModelRegistry(ctx.settings.models_dir)
    decided_at = registry.alias_serial()
    promote(ctx.settings, version, why="meanwhile", decided_at=decided_at)
    with pytest.raises(RegistryError, match="changed the aliases while"):
        promote(ctx.settings, version, why="paused", decided_at=decided_at)
    assert registry.alias_history()[-1].why == "meanwhile"


def test_a_clock_that_was_set_back_two_days_does_not_make_a_new_run_old(home: Path) -> None:
    (night,) = list_runs(home)
    future = datetime.now(UTC) + timedelta(days=2)
    (night.path / "created").write_text(future.isoformat(timespec="microseconds"), encoding="utf-8")
    new_run(home, "after")
    assert [r.run_id for r in list_runs(home)] == ["after", night.run_id]
    assert find_run(home, None).run_id == "after"
    run = new_run(home, "again")
    assert prune_runs(home, 1, also={run.run_id}) == ["after"]  # the night is the last that succeeded
    assert [r.run_id for r in list_runs(home)] == ["again", night.run_id]
    (run.path / "created").write_text("", encoding="utf-8")  # killed while it was written
    assert new_run(home, "later").run_id == find_run(home, None).run_id
