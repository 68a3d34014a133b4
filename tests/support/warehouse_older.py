"""Two nights in one warehouse: the one that began to read the ERP first is suspended, and wakes when the other is in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import write_many

from routing_etl.errors import OvertakenError, WarehouseError
from routing_etl.frames import METRICS, REJECTS, TIME_BY_JOB_RESOURCE, CheckOutcome
from routing_etl.quality.health import Finding, as_frame
from routing_etl.warehouse.decisions import Decision, Decisions
from routing_etl.warehouse.health import store_health
from routing_etl.warehouse.history import store_times
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.outcomes import store_outcomes
from routing_etl.warehouse.publication_changes import publication_changes, store_changes
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.retention import purge_records
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import (
    begin_read,
    of_run,
    on_request,
    put_in_force,
    writing,
)

#: What the refusal of the run `slow` says: both runs with their times, and what to do.
REFUSED = (
    r"Run slow began to read the ERP at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, before run other, which began at \d{4}-.* in force since "
    r"\d{4}-.*An older read does not replace a newer one"
)


def begin(publisher: Publisher, run_id: str) -> int:
    """Let a run begin to read."""
    return begin_read(publisher._engine, publisher.schema, run_id)


def night(publisher: Publisher, folder: Path, run_id: str, model: str = "m", *, again: bool = False) -> int:
    """Load and publish a run's predictions, as its steps do."""
    with of_run(run_id), on_request(again):
        loaded = publisher.load(folder, run_id=run_id, model_version=model, again=again)
        return publisher.publish(loaded.publication_id).publication_id


def overtaken(slow: Publisher, other: Publisher, folder: Path) -> int:
    """The run `slow` begins to read, then `other`, which publishes. Returns its publication."""
    assert begin(slow, "slow") < begin(other, "other")
    return night(other, write_many(folder, 6, seed=2), "other")


def an_older_read_is_refused(slow: Publisher, other: Publisher, folder: Path) -> None:
    """It loads nothing, the newer one stays; it is published only when asked for, and a new night replaces it."""
    newer = overtaken(slow, other, folder / "newer")
    older = write_many(folder / "older", 6, seed=1)
    with pytest.raises(OvertakenError, match=REFUSED) as caught:
        night(slow, older, "slow")
    assert "routing-etl publish --again --run slow" in caught.value.remedy
    assert [p.id for p in other.list()] == [newer] == [other.current()]
    with pytest.raises(OvertakenError):  # with no step around it, as a script calls it
        slow.load(older, run_id="slow", model_version="m")
    asked = night(slow, older, "slow", again=True)
    assert asked == other.current() != newer
    begin(other, "third")
    assert night(other, write_many(folder / "third", 6, seed=3), "third") == other.current() != asked


def a_later_read_replaces_an_earlier_one(slow: Publisher, other: Publisher, folder: Path) -> None:
    """Two nights that overlap: whoever began to read last is right, whoever publishes first."""
    begin(other, "other")
    begin(slow, "slow")
    first = night(other, write_many(folder / "a", 6, seed=1), "other")
    assert night(slow, write_many(folder / "b", 6, seed=2), "slow") == slow.current() > first


def a_loaded_older_read_is_not_published(slow: Publisher, other: Publisher, folder: Path) -> None:
    """The newer one was loaded first and published last but one: its lower number does not let the older one through."""
    begin(slow, "slow")
    begin(other, "other")
    newer = other.load(write_many(folder / "a", 6, seed=1), run_id="other", model_version="m").publication_id
    older = slow.load(write_many(folder / "b", 6, seed=2), run_id="slow", model_version="m").publication_id
    assert newer < older
    other.publish(newer)
    with pytest.raises(OvertakenError, match=REFUSED):
        slow.publish(older)
    assert other.current() == newer


def a_newer_read_that_was_loaded_first_is_published_second(
    slow: Publisher, other: Publisher, folder: Path
) -> None:
    """Its number is the lower one, and its read the later: it replaces the older read, which does not come back."""
    begin(other, "first")
    first = night(other, write_many(folder / "first", 6, seed=9), "first")
    begin(slow, "slow")
    begin(other, "other")
    newer = other.load(write_many(folder / "a", 7, seed=1), run_id="other", model_version="m").publication_id
    shown = write_many(folder / "b", 5, seed=2)
    older = night(slow, shown, "slow")
    assert first < newer < older == slow.current()
    assert slow.purge(1) == (first,), "what a run has loaded and will publish is kept"
    with of_run("other"):
        assert other.publish(newer).previous_id == older
    assert other.current() == newer and items_shown(other) == items_of(folder / "a")
    with pytest.raises(OvertakenError, match=REFUSED):
        night(slow, shown, "slow")
    begin(slow, "third")
    third = night(slow, write_many(folder / "c", 6, seed=3), "third")
    assert third == other.current() > older and items_shown(other) == items_of(folder / "c")


def one_without_a_number_loaded_first_is_not_published_second(
    slow: Publisher, other: Publisher, folder: Path
) -> None:
    """Which of the two reads is older is not known, so what was loaded first stays behind."""
    unknown = other.load(write_many(folder / "a", 6, seed=1), run_id="of before", model_version="m")
    begin(slow, "slow")
    later = night(slow, write_many(folder / "b", 6, seed=2), "slow")
    refused = (
        rf"Publication {unknown.publication_id} was loaded before publication {later}, which readers see"
    )
    with pytest.raises(WarehouseError, match=refused):
        other.publish(unknown.publication_id)
    assert other.current() == later
    assert other.purge(1) == (unknown.publication_id,)


def items_of(folder: Path) -> set[str]:
    """The items of a batch."""
    return set(pl.scan_parquet(folder / "candidates").select("item_cd").collect()["item_cd"])


def items_shown(publisher: Publisher) -> set[str]:
    """The items with candidates that readers see."""
    place = f"{publisher.schema}." if publisher.schema else ""
    with publisher._engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT DISTINCT item_cd FROM {place}routing_candidates")
        return set(rows.scalars())


def the_same_content_counts_as_the_newer_read(slow: Publisher, other: Publisher, folder: Path) -> None:
    """A newer read that finds what is published already overtakes too, although nothing is written."""
    same = write_many(folder / "same", 6, seed=1)
    begin(other, "first")
    first = night(other, same, "first")
    begin(slow, "slow")
    begin(other, "other")
    assert night(other, same, "other") == first
    with pytest.raises(OvertakenError, match=REFUSED):
        night(slow, write_many(folder / "older", 6, seed=2), "slow")
    assert other.current() == first


def rollback_and_the_next_night(slow: Publisher, other: Publisher, folder: Path) -> None:
    """A rollback is no read: it is possible at any time, and the next night publishes over it."""
    begin(other, "first")
    first = night(other, write_many(folder / "a", 6, seed=1), "first")
    begin(other, "second")
    second = night(other, write_many(folder / "b", 6, seed=2), "second")
    assert slow.rollback().publication_id == first == other.current()
    assert slow.rollback(second).publication_id == second
    assert slow.rollback(first).publication_id == first
    begin(other, "third")
    third = write_many(folder / "c", 6, seed=3)
    assert night(other, third, "third") == other.current() > second


def rollback_after_overlapping_nights_goes_to_what_was_seen_before(
    slow: Publisher, other: Publisher, folder: Path
) -> None:
    """Not to the number before: what readers saw until then has the higher one. What was moved back over stays away."""
    begin(other, "first")
    first = night(other, write_many(folder / "first", 6, seed=9), "first")
    begin(slow, "slow")
    begin(other, "other")
    newer = other.load(write_many(folder / "a", 7, seed=1), run_id="other", model_version="m").publication_id
    older = night(slow, write_many(folder / "b", 5, seed=2), "slow")
    with of_run("other"):
        other.publish(newer)
    assert first < newer < older
    assert other.rollback().publication_id == older
    assert [p.id for p in other.list() if p.withdrawn] == [newer]
    begin(other, "third")
    with of_run("third"):
        again = other.load(folder / "a", run_id="third", model_version="m")
    assert (again.publication_id, again.withdrawn) == (newer, True)
    assert other.rollback().publication_id == first
    assert sorted(p.id for p in other.list() if p.withdrawn) == [newer, older]


def what_was_rolled_back_is_not_published_as_unchanged(
    slow: Publisher, other: Publisher, folder: Path
) -> None:
    """The next night with that content leaves the pointer, as its step does, and is the newest read all the same."""
    begin(other, "first")
    first = night(other, write_many(folder / "a", 6, seed=1), "first")
    begin(other, "second")
    second = night(other, write_many(folder / "b", 6, seed=2), "second")
    other.rollback()
    begin(slow, "slow")
    begin(other, "other")
    with of_run("other"):
        again = other.load(folder / "b", run_id="other", model_version="m")
        assert (again.publication_id, again.reused, again.withdrawn, again.rows_written) == (
            second,
            True,
            True,
            0,
        )
        assert not other.publish(first).changed
    with pytest.raises(OvertakenError, match=REFUSED):
        night(slow, write_many(folder / "c", 6, seed=3), "slow")
    assert other.current() == first


def runs_without_a_number_are_not_refused(slow: Publisher, other: Publisher, folder: Path) -> None:
    """A run that an earlier release began, beside one of this release: nothing is known of its read."""
    begin(other, "other")
    first = night(other, write_many(folder / "a", 6, seed=1), "other")
    assert night(slow, write_many(folder / "b", 6, seed=2), "of before") == slow.current() > first


def the_next_read_of_a_run_counts(slow: Publisher, other: Publisher, folder: Path) -> None:
    """A run that reads again, as Dagster repeats its first step, is as new as that read."""
    newer = overtaken(slow, other, folder / "newer")
    begin(slow, "slow")
    assert night(slow, write_many(folder / "again", 6, seed=1), "slow") == slow.current() > newer


# --- what is stored beside the publication -------------------------------------------------------------------------------


FOUND = Finding(
    check="c", title="t", unit="rows", meaning="m", remedy="r", dimension="all", segment="all", touched=1, whole=2, share=0.5, cost="none"
)  # fmt: skip


def _metrics() -> pl.DataFrame:
    row = {
        "method": "model",
        "split": "production",
        "segment": "all",
        "metric": "exact_at_1",
        "value": 0.5,
        "n": 9,
    }
    return METRICS.conform(pl.DataFrame([{**dict.fromkeys(METRICS.schema), **row}], schema=METRICS.schema))


def _times() -> pl.DataFrame:
    known = {
        "job_cd": "A01", "res_cd": "M1", "run_n": 5, "run_optimal": 1.0, "run_standard": 2.0, "run_safe": 3.0, "setup_n": 0,
        "last_report_dt": date(2026, 1, 5),
    }  # fmt: skip
    schema = TIME_BY_JOB_RESOURCE.schema
    return pl.DataFrame([{**dict.fromkeys(schema), **known}], schema=schema)


def record_writes(
    publisher: Publisher, folder: Path, pair: tuple[int, int]
) -> Mapping[str, Callable[[], object]]:
    """Every write of a run `slow` to the records of the warehouse, by name. `pair`: two publications."""
    engine, settings, schema = publisher._engine, publisher._settings, publisher._settings.warehouse_schema
    runs, models = RunRecords(engine, settings), ModelRecords(engine, settings)
    check = CheckOutcome("items", "rows", "expect_rows", None, "warning", True, "1", "1", 1, 0, (), None)
    rejects = folder / "rejects"
    rejects.mkdir(parents=True, exist_ok=True)
    rejected = dict(zip(REJECTS.empty().columns, "abcdefgh", strict=False))
    pl.DataFrame([rejected], schema=REJECTS.schema).write_parquet(rejects / "items.parquet")
    routed = pl.DataFrame({"item_cd": ["I1"], "rout_no": ["1"], "routing_code": ["A"], "part_type": ["P"]})
    copies = pl.DataFrame(
        schema={
            "item_cd": pl.String,
            "copied_by": pl.String,
            "exact": pl.Boolean,
            "mark": pl.String,
            "reason_code": pl.String,
        }
    )
    changes = publication_changes(engine, schema, *pair)
    return {
        "checks": lambda: runs.store_checks("slow", [check]),
        "rejected rows": lambda: runs.store_rejects("slow", rejects),
        "version": lambda: models.store_model_version(TrainedVersion("m9", "9" * 64)),
        "metrics": lambda: models.store_metrics("m", _metrics(), run_id="slow"),
        "active version": lambda: models.activate("m", who="night"),
        "whether a version may be activated": lambda: models.require_activatable("m"),
        "no active version": lambda: models.follow_champion(None, who="night"),
        "decisions": lambda: Decisions(engine, schema).record(
            Decision("refused", "m", None, "night", "night", "worse")
        ),
        "times of the month": lambda: store_times(engine, settings, "slow", date(2026, 1, 5), _times()),
        "health": lambda: store_health(engine, settings, "slow", as_frame([FOUND])),
        "outcomes": lambda: store_outcomes(engine, schema, pair, routed, copies, run_id="slow"),
        "changes": lambda: store_changes(engine, schema, changes),
        "retention": lambda: purge_records(engine, settings, keep_days=0),
        "publications": lambda: publisher.purge(1),
    }


def contents(publisher: Publisher) -> dict[str, list[Any]]:
    """All rows of all tables but those of the lock and of the runs, to be compared."""
    found = {}
    with publisher._engine.connect() as connection:
        for table in publisher.tables.metadata.sorted_tables:
            if table.name not in ("writer_lock", "batch_run"):
                found[table.name] = sorted(map(repr, connection.execute(sa.select(table))))
    return found


def records_of_an_overtaken_run_are_refused(slow: Publisher, other: Publisher, folder: Path) -> None:
    """No record is written, run by run, but the run's own row, which says so; asked for by a person, each is written."""
    runs, models = RunRecords(slow._engine, slow._settings), ModelRecords(slow._engine, slow._settings)
    runs.start_run("slow", "night")
    models.store_model_version(TrainedVersion("m", "0" * 64))
    models.activate("m", who="trainer")
    begin(slow, "before")
    before = night(slow, write_many(folder / "before", 6, seed=7), "before")
    newer = overtaken(slow, other, folder / "newer")
    writes, was = record_writes(slow, folder, (before, newer)), contents(slow)
    for name, write in writes.items():
        with of_run("slow"), pytest.raises(OvertakenError, match=REFUSED):
            write()
        assert contents(slow) == was, name
    with of_run("slow"):
        runs.finish_run("slow", RunEnd("failed", message="overtaken"))
    run = slow.tables.batch_run
    with slow._engine.connect() as connection:
        assert connection.execute(sa.select(run.c.status, run.c.message)).all() == [("failed", "overtaken")]
    for name, write in writes.items():
        with of_run("slow"), on_request():
            write()
        if name == "changes":  # what comes after only removes
            changed = {table for table, rows in contents(slow).items() if rows != was[table]}
            assert changed == {
                "health_finding", "model_decision", "model_metric", "model_version", "publication_change", "quality_result",
                "rejected_row", "time_profile_month",
            }  # fmt: skip
    assert [p.id for p in other.list() if p.rows_present] == [newer]


def a_run_overtaken_within_its_transaction_writes_nothing(
    slow: Publisher, other: Publisher, folder: Path
) -> None:
    """The second look: what comes into force after the first one is not overwritten either."""
    begin(slow, "slow")
    begin(other, "other")
    tb = slow.tables
    row = {"happened_at": now(), "command": "c", "done_by": "p", "done_via": "cli", "outcome": "succeeded"}
    with (
        pytest.raises(OvertakenError, match=REFUSED),
        of_run("slow"),
        writing(slow._engine, slow.schema) as connection,
    ):
        with of_run("other"), writing(other._engine, other.schema) as later:
            put_in_force(later, other.schema, "other")
        connection.execute(sa.insert(tb.audit_log).values(row))
    with other._engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tb.audit_log)).scalar() == 0


CASES = (
    an_older_read_is_refused,
    a_later_read_replaces_an_earlier_one,
    a_loaded_older_read_is_not_published,
    a_newer_read_that_was_loaded_first_is_published_second,
    one_without_a_number_loaded_first_is_not_published_second,
    the_same_content_counts_as_the_newer_read,
    rollback_and_the_next_night,
    rollback_after_overlapping_nights_goes_to_what_was_seen_before,
    what_was_rolled_back_is_not_published_as_unchanged,
    runs_without_a_number_are_not_refused,
    the_next_read_of_a_run_counts,
    records_of_an_overtaken_run_are_refused,
    a_run_overtaken_within_its_transaction_writes_nothing,
)
