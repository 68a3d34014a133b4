"""Two machines, one warehouse: a night that was suspended wakes when another, which read the ERP later, is in force."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from homes import ask, home_settings

from routing_etl.errors import OvertakenError
from routing_etl.pipeline import night as nights
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import night
from routing_etl.runs import list_runs
from routing_etl.settings import Settings
from routing_etl.warehouse.writing import begin_read, put_in_force, writing

pytestmark = pytest.mark.integration


def current(home: Path) -> int:
    [(number,)] = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")
    return int(number)


def row_of(home: Path, run_id: str) -> tuple[object, ...]:
    """Status, message and number of rejects of a run, and how many checks it has stored."""
    query = (
        "SELECT status, message, rejects_no, (SELECT COUNT(*) FROM quality_result AS q WHERE q.run_id = b.run_id)"
        " FROM batch_run AS b WHERE b.run_id = ?"
    )
    [row] = ask(home / "warehouse.db", query, run_id)
    return row


def put_another_in_force(settings: Settings) -> None:
    """A run `elsewhere` begins to read and comes into force."""
    with Context(settings, list_runs(settings.home)[0]).warehouse() as engine:
        begin_read(engine, None, "elsewhere")
        with writing(engine, None) as connection:
            put_in_force(connection, None, "elsewhere")


@pytest.mark.slow
def test_a_night_that_slept_before_its_load_publishes_nothing_and_says_why(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home_settings(home)
    shutil.copytree(home, tmp_path / "other")
    other = home_settings(tmp_path / "other", warehouse_url=settings.warehouse, service_user="another")
    check, before = steps.check_candidates, current(home)

    def asleep(ctx: Context) -> object:
        monkeypatch.setattr(steps, "check_candidates", check)
        night(other, run_id="newer")
        return check(ctx)

    monkeypatch.setattr(steps, "check_candidates", asleep)
    with pytest.raises(OvertakenError, match=r"Run older began .* before run newer, .*: routing-etl run"):
        night(settings, run_id="older")
    newer = current(home)
    assert newer > before
    status, message, rejects, checks = row_of(home, "older")
    assert (status, rejects, checks) == ("failed", None, 0)
    assert str(message).startswith("Run older began to read the ERP at")
    assert str(message).count("An older read does not replace a newer one") == 1
    assert ask(home / "warehouse.db", "SELECT DISTINCT run_id FROM time_profile_month") == [("newer",)]
    night(settings, run_id="next")
    assert current(home) != newer and row_of(home, "next")[0] == "succeeded"


def test_what_a_step_writes_beside_the_publication_is_refused_until_a_person_asks(home: Path) -> None:
    settings = home_settings(home)
    [run] = list_runs(home)
    ctx, was = Context(settings, run), current(home)
    put_another_in_force(settings)
    tables = ("health_finding", "standard_review", "model_metric", "publication_event")
    counts = [ask(home / "warehouse.db", f"SELECT COUNT(*) FROM {t}") for t in tables]
    for step in (steps.check_health, steps.review_standards, steps.measure, steps.publish_run):
        with pytest.raises(OvertakenError, match="before run elsewhere"):
            step(ctx)
    assert [ask(home / "warehouse.db", f"SELECT COUNT(*) FROM {t}") for t in tables] == counts
    assert steps.publish_run(ctx, again=True).publication_id == was


def test_a_night_overtaken_after_its_publication_ends_as_failed_with_the_sentence(home: Path) -> None:
    settings = home_settings(home)
    [run] = list_runs(home)
    put_another_in_force(settings)
    with pytest.raises(OvertakenError, match="before run elsewhere"):
        nights.finish(Context(settings, run), "succeeded", "")
    status, message, *_ = row_of(home, run.run_id)
    assert status == "failed" and "before run elsewhere" in str(message)
