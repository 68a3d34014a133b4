"""Reviews of standard times in the database: only changes are written, readers see one review whole, proposals are marked once."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import warehouse

from routing_etl.errors import (
    ConfigurationError,
    FrameError,
    ItemNotFoundError,
    ReconcileError,
)
from routing_etl.frames import STANDARD_TIMES
from routing_etl.quality.health import Finding, as_frame
from routing_etl.warehouse.feedback_time import Operation, adopt_time
from routing_etl.warehouse.health import store_health
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import OPEN_END, tables
from routing_etl.warehouse.standard_times import ReviewFacts, ReviewPublished, StandardTimes

ROW: dict[str, Any] = {
    "item_cd": " 4H69065ZZ", "item_key": "4H69065ZZ", "rout_no": "C1M3", "proc_seq": 10, "measure": "run", "job_cd": "A01-2",
    "job_nm": "CNC황삭", "res_cd": "CNC-01", "standard_min": 10.0, "standard_date": date(2020, 1, 1), "measured_min": 15.01234567,
    "low_min": 13.9, "high_min": 16.1, "orders": 8, "orders_all": 9, "first_report": date(2024, 1, 1),
    "last_report": date(2025, 1, 1), "lot_size": 6.0, "lot_exponent": -0.1, "difference_min": 5.01234567, "ratio": 1.501,
    "verdict": "differs", "sure": True, "p_value": 0.004, "since_basis": "not determinable: fewer than 15 dated orders",
    "proposed_min": 15.0, "orders_year": 8, "pieces_year": 48.0, "hours_year": 4.0,
}  # fmt: skip
SETUP = {"measure": "setup", "lot_size": None, "lot_exponent": None, "standard_min": None, "proposed_min": 7.5, "verdict": "no_standard", "sure": False}  # fmt: skip
OP = Operation(" 4H69065ZZ", "C1M3", 10)


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    rows = [{**dict.fromkeys(STANDARD_TIMES.schema), **ROW, **c} for c in changes]
    return pl.DataFrame(rows, schema=STANDARD_TIMES.schema)


def facts(run_id: str = "r1", **changes: Any) -> ReviewFacts:
    base: dict[str, Any] = {
        "as_of": date(2025, 1, 1), "operations": 3, "measured": 2, "few_orders": 0, "posted": 0, "differing": 1, "proposals": 1,
        "unattributed": 0, "hours_year": 4.0, "tolerance": 0.1, "false_share": 0.05, "min_orders": 6, "largest_step": 3.0,
    }  # fmt: skip
    return ReviewFacts(run_id, **{**base, **changes})


class House:
    """A warehouse on SQLite with what the tests ask of it."""

    def __init__(self, path: Path, **settings: Any) -> None:
        publisher, self.settings = warehouse(path / "w.db", **settings)
        assert isinstance(publisher, Publisher)
        self.engine = publisher._engine

    def publish(self, *changes: dict[str, Any], run_id: str = "r1") -> ReviewPublished:
        return StandardTimes(self.engine, self.settings).publish(frame(*changes), facts(run_id))

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(r) for r in connection.exec_driver_sql(query).mappings()]

    def shown(self) -> list[tuple[Any, ...]]:
        query = "SELECT item_cd, proc_seq, measure, proposed_min FROM standard_time_review ORDER BY proc_seq, measure"
        return [tuple(r.values()) for r in self.rows(query)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, plant_code="P200")


def test_a_review_is_shown_as_it_was_found(house: House) -> None:
    done = house.publish({}, {"proc_seq": 20, "verdict": "few_orders", "low_min": None, "high_min": None})
    assert (done.rows, done.written, done.ended, done.purged) == (1, 1, 0, 0)
    [row] = house.rows("SELECT * FROM standard_time_review")
    assert (row["item_cd"], row["measured_min"], row["hours_moved"]) == (" 4H69065ZZ", 15.0123, 4.0)
    assert (row["verdict"], row["sure"], row["run_id"], row["as_of"]) == ("differs", 1, "r1", "2025-01-01")
    [review] = house.rows("SELECT * FROM standard_review")
    assert (review["state"], review["rows_written"], review["plant_code"]) == ("current", 1, "P200")


def test_only_what_changed_is_written_and_what_is_gone_ends(house: House) -> None:
    house.publish({}, {"proc_seq": 20}, {"proc_seq": 30})
    done = house.publish({}, {"proc_seq": 20, "proposed_min": 16.0}, {"proc_seq": 40}, run_id="r2")
    assert (done.rows, done.written, done.ended) == (3, 2, 2)
    assert [(seq, value) for _, seq, _, value in house.shown()] == [(10, 15.0), (20, 16.0), (40, 15.0)]
    kept = house.rows("SELECT proc_seq, review_from, review_to FROM standard_time_proposal ORDER BY 1, 2")
    assert [tuple(r.values()) for r in kept] == [
        (10, 1, OPEN_END), (20, 1, 2), (20, 2, OPEN_END), (30, 1, 2), (40, 2, OPEN_END),
    ]  # fmt: skip
    again = house.publish({}, {"proc_seq": 20, "proposed_min": 16.0}, {"proc_seq": 40}, run_id="r3")
    assert (again.written, again.ended) == (0, 0)


def test_noise_below_what_a_column_holds_is_no_change(house: House) -> None:
    house.publish({})
    assert house.publish({"measured_min": ROW["measured_min"] + 1e-9}, run_id="r2").written == 0


def test_what_a_writer_that_died_left_is_invisible_and_undone(house: House) -> None:
    house.publish({}, {"proc_seq": 20})
    tb = tables(None)
    with house.engine.begin() as connection:
        values = {**facts("dead").__dict__, "state": "loading", "created_at": None}
        connection.execute(
            sa.insert(tb.standard_review).values(
                **{**values, "created_at": _moment()}, company_code="1", plant_code="1", service_user="x"
            )
        )
        connection.execute(
            sa.update(tb.standard_time_proposal)
            .where(tb.standard_time_proposal.c.proc_seq == 20)
            .values(review_to=2)
        )
        connection.exec_driver_sql(
            "INSERT INTO standard_time_proposal (review_from, item_cd, rout_no, proc_seq, measure, content_hash, job_cd, "
            "measured_min, orders, orders_all, verdict, sure, orders_year) "
            "VALUES (2, 'X', 'R', 10, 'run', 0, 'J', 1, 6, 6, 'open', 0, 0)"
        )
    assert [seq for _, seq, _, _ in house.shown()] == [10, 20]
    done = house.publish({}, {"proc_seq": 20}, run_id="r3")
    assert (done.written, done.ended, done.review_id) == (0, 0, 3)
    assert [seq for _, seq, _, _ in house.shown()] == [10, 20]
    states = house.rows("SELECT id, state FROM standard_review ORDER BY id")
    assert [r["state"] for r in states] == ["retired", "failed", "current"]


def _moment() -> Any:
    from routing_etl.warehouse.types import now

    return now()


def test_a_failed_write_leaves_the_last_review_and_the_next_one_repairs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.publish({}, {"proc_seq": 20})
    with monkeypatch.context() as patch:
        patch.setattr(StandardTimes, "_end", lambda *_: None)
        with pytest.raises(
            ReconcileError, match="Review 2 of standard times would show 3 rows, its frame has 2"
        ):
            house.publish({"proposed_min": 14.0}, {"proc_seq": 20}, run_id="r2")
    assert [value for *_, value in house.shown()] == [15.0, 15.0]
    house.publish({"proposed_min": 14.0}, {"proc_seq": 20}, run_id="r3")
    assert [value for *_, value in house.shown()] == [14.0, 15.0]


def test_a_value_that_does_not_fit_is_refused_with_its_column(house: House) -> None:
    with pytest.raises(FrameError, match=r"standard_time_proposal.*rout_no"):
        house.publish({"rout_no": "R" * 51})
    assert house.shown() == []


def test_ended_rows_are_kept_for_as_many_reviews_as_publications(tmp_path: Path) -> None:
    house = House(tmp_path, keep_publications=2)
    for number, value in enumerate((1.0, 2.0, 3.0, 4.0)):
        done = house.publish({"proposed_min": value}, run_id=f"r{number}")
    assert done.purged == 1
    kept = house.rows("SELECT proposed_min FROM standard_time_proposal ORDER BY review_from")
    assert [r["proposed_min"] for r in kept] == [3.0, 4.0]


def test_an_empty_review_shows_nothing(house: House) -> None:
    house.publish({})
    done = house.publish(run_id="r2")
    assert (done.rows, done.ended, house.shown()) == (0, 1, [])


# --- taking over -------------------------------------------------------------------------------------------------------


def test_the_shape_for_the_erp_has_both_times_of_an_operation(house: House) -> None:
    house.publish({}, SETUP, {"proc_seq": 20}, {"proc_seq": 30, "proposed_min": None, "no_proposal": "open"})
    shown = house.rows("SELECT * FROM bop_proc_detail_time ORDER BY PROC_SEQ")
    assert shown[0] == {
        "CoCd": "1000", "PlantCd": "P200", "ITEM_CD": " 4H69065ZZ", "ROUT_NO": "C1M3", "PROC_SEQ": 10, "JOB_CD": "A01-2",
        "TIME_UNIT": "M", "RUN_TIME": 15.0, "RUN_TIME_QTY": 1, "SETUP_TIME": 7.5, "UPDT_USER_ID": "routing_etl", "REVIEW_ID": 1,
    }  # fmt: skip
    assert [(r["PROC_SEQ"], r["SETUP_TIME"]) for r in shown] == [(10, 7.5), (20, None)]


def test_a_proposal_is_marked_once_however_often_it_is_accepted(house: House) -> None:
    house.publish({}, SETUP)
    first = adopt_time(house.engine, "routing", OP, " kim ")
    again = adopt_time(house.engine, "routing", OP, "lee")
    assert [(m.measure, m.new, m.accepted_by) for m in first.marks] == [
        ("run", True, "kim"),
        ("setup", True, "kim"),
    ]
    assert [(m.new, m.accepted_by) for m in again.marks] == [(False, "kim"), (False, "kim")]
    assert (first.row["RUN_TIME"], first.row["SETUP_TIME"]) == (15.0, 7.5)
    house.publish({"hours_year": 5.0}, SETUP, run_id="r2")
    assert not any(m.new for m in adopt_time(house.engine, "routing", OP, "lee").marks)
    house.publish({"proposed_min": 16.0}, SETUP, run_id="r3")
    assert [m.new for m in adopt_time(house.engine, "routing", OP, "lee").marks] == [True, False]
    assert len(house.rows("SELECT * FROM routing_feedback_time")) == 3


def test_what_is_not_proposed_cannot_be_accepted(house: House) -> None:
    with pytest.raises(ItemNotFoundError, match="no proposed standard time"):
        adopt_time(house.engine, "routing", OP, "kim")
    house.publish(
        {"proposed_min": None, "no_proposal": "the orders so far decide neither", "verdict": "open"}
    )
    with pytest.raises(ItemNotFoundError, match="run: the orders so far decide neither"):
        adopt_time(house.engine, "routing", OP, "kim")
    with pytest.raises(ConfigurationError, match="User name"):
        adopt_time(house.engine, "routing", OP, "  ")
    assert house.rows("SELECT * FROM routing_feedback_time") == []


# --- health ------------------------------------------------------------------------------------------------------------


def finding(**changes: Any) -> Finding:
    base: dict[str, Any] = {
        "check": "missing_run_time", "title": "no run time", "unit": "operations", "meaning": "m", "remedy": "r",
        "dimension": "all", "segment": "all", "touched": 1, "whole": 4, "share": 0.25, "cost": "c",
        "examples": ("A / R / 10", "<b>|B"),
    }  # fmt: skip
    return Finding(**{**base, **changes})


def test_findings_replace_those_of_before_and_long_texts_say_that_they_were_cut(house: House) -> None:
    store_health(house.engine, house.settings, "r1", as_frame([finding(), finding(segment="X")]))
    unknown = finding(touched=None, whole=None, share=None, examples=(), reason="no work result has a date")
    long = finding(segment="K" * 300)
    assert store_health(house.engine, house.settings, "r2", as_frame([unknown, long])) == 2
    first, second = house.rows("SELECT * FROM data_health ORDER BY seq")
    assert (first["run_id"], first["touched"], first["reason"]) == ("r2", None, "no work result has a date")
    assert second["segment"].endswith("[cut, 300 characters]") and second["examples"] == "A / R / 10 | <b>|B"
