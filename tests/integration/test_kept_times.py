"""A night that read no new result takes over the time profiles of the last one, and only then."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.testing
import pytest
from homes import home_settings

from routing_etl.pipeline import kept_times, steps, street
from routing_etl.pipeline.context import Context
from routing_etl.runs import list_runs, new_run
from routing_etl.times import profiles

pytestmark = pytest.mark.integration
PROFILES = ("time_by_item_operation", "time_by_job", "time_by_job_resource", "time_samples")


@pytest.fixture
def night(home: Path) -> Context:
    """A night that has read and cleaned what the last one has."""
    [last] = list_runs(home)
    run = new_run(home)
    shutil.copytree(last.clean, run.clean)
    return Context(home_settings(home), run)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one with every time that profiles are made."""
    calls: list[object] = []
    build = profiles.build_profiles
    monkeypatch.setattr(
        "routing_etl.times.profiles.build_profiles", lambda *a, **k: calls.append(a) or build(*a, **k)
    )
    return calls


def hashes(ctx: Context) -> dict[str, str]:
    return {n: hashlib.sha256((ctx.run.times / f"{n}.parquet").read_bytes()).hexdigest() for n in PROFILES}


def last_of(ctx: Context) -> Context:
    return Context(ctx.settings, next(run for run in list_runs(ctx.settings.home) if run.succeeded))


def test_the_same_content_gives_the_profiles_and_the_report_of_the_last_night(
    night: Context, made: list[object]
) -> None:
    taken = steps.aggregate_times(night)
    assert made == []
    assert hashes(night) == hashes(last_of(night))
    assert taken.result == last_of(night).require(street.AGGREGATE_TIMES)
    assert night.run.read(street.AGGREGATE_TIMES.outcomes) is not None  # type: ignore[arg-type]
    assert json.loads((night.run.times / kept_times.RECORD).read_text()) == json.loads(
        (last_of(night).run.times / kept_times.RECORD).read_text()
    )


def test_what_is_taken_over_is_what_would_be_made(night: Context, made: list[object]) -> None:
    steps.aggregate_times(night)
    taken = {name: pl.read_parquet(night.run.times / f"{name}.parquet") for name in PROFILES}
    (last_of(night).run.times / kept_times.RECORD).unlink()
    steps.aggregate_times(night)
    assert len(made) == 1
    for name, before in taken.items():
        now = pl.read_parquet(night.run.times / f"{name}.parquet")
        keys = [c for c, kind in before.schema.items() if not kind.is_float() and not kind.is_nested()]
        pl.testing.assert_frame_equal(before.sort(keys), now.sort(keys), rel_tol=1e-9)


def _new_result(ctx: Context) -> None:
    file = ctx.run.clean / "work_results.parquet"
    results = pl.read_parquet(file)
    pl.concat([results, results.head(1)]).write_parquet(file)


def _changed_profile_file(ctx: Context) -> None:
    file = last_of(ctx).run.times / "time_by_job.parquet"
    pl.read_parquet(file).with_columns(run_p50=pl.lit(1.0)).write_parquet(file)


def _lost(ctx: Context) -> None:
    (last_of(ctx).run.times / "time_samples.parquet").unlink()


def _no_record(ctx: Context) -> None:
    (last_of(ctx).run.times / kept_times.RECORD).write_text("{", encoding="utf-8")


def _other_program(ctx: Context) -> None:
    file = last_of(ctx).run.times / kept_times.RECORD
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"basis": "of another program"}))


@pytest.mark.parametrize(
    "change",
    [_new_result, _changed_profile_file, _lost, _no_record, _other_program],
    ids=lambda f: f.__name__,
)
def test_anything_else_is_made_again(
    night: Context, made: list[object], change: Callable[[Context], None]
) -> None:
    change(night)
    steps.aggregate_times(night)
    assert len(made) == 1
    assert {f.stem for f in night.run.times.glob("time_*.parquet")} == set(PROFILES)
