"""Engineers reject, accept and take back: what is on record, and what is refused with a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from rich.console import Console
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, warehouse, write_rows

from routing_etl.cli.display.feedback import adoption, marked_candidates
from routing_etl.errors import ConfigurationError, ItemNotFoundError, WarehouseError
from routing_etl.warehouse.feedback import adopt, as_spelt
from routing_etl.warehouse.marks import Marked, reject, undo

ITEM, FIRST, SECOND = CANDIDATE["item_cd"], f"{CANDIDATE['item_cd']}_C01", f"{CANDIDATE['item_cd']}_C02"


@pytest.fixture
def house(tmp_path):
    """A publication with two candidates of one item; gives engine, schema, and what publishes it again with another confidence."""
    publisher, settings = warehouse(tmp_path / "w.db")

    def publish(confidence: float) -> int:
        batch = known_rows()
        second = {"candidate_id": SECOND, "candidate_rank": 2}
        batch["candidates"][0]["confidence"] = confidence
        batch["candidates"].append(CANDIDATE | second | {"routing_code": "A01-2"})
        batch["candidate_operations"].append(OPERATION | second)
        report = publisher.load(
            write_rows(tmp_path / f"p{confidence}", batch), run_id="r", model_version="m1"
        )
        publisher.publish(report.publication_id)
        return report.publication_id

    publish(0.7)
    return publisher._engine, settings.warehouse_schema, publish


def said(show: Callable[[Console], None]) -> str:
    """What a terminal shows, in one line."""
    written = io.StringIO()
    show(Console(file=written, width=200))
    return " ".join(written.getvalue().split())


def marks(engine):
    query = (
        "SELECT candidate_id, mark, reason_code, remark, marked_by, in_force, undone_by, others_accepted FROM routing_marks "
        "ORDER BY publication_id, candidate_rank"
    )
    with engine.connect() as connection:
        return [tuple(r) for r in connection.exec_driver_sql(query)]


def test_all_candidates_of_an_item_are_rejected_with_a_reason(house):
    engine, schema, _ = house
    made = reject(engine, schema, ITEM, "wrong_machine", " kim ", remark="너무 크다")
    assert made == Marked(ITEM, "rejected", (FIRST, SECOND), "kim", "wrong_machine", "너무 크다")
    rejected = ("rejected", "wrong_machine", "너무 크다", "kim", 1, None, 0)
    assert marks(engine) == [(FIRST, *rejected), (SECOND, *rejected)]
    # said again it stays as it was
    reject(engine, schema, ITEM, "other", "lee")
    assert marks(engine) == [(FIRST, *rejected), (SECOND, *rejected)]


def test_what_is_rejected_already_keeps_its_mark_and_is_told(house):
    """The second person's reason is not on record, so it is not said that it is."""
    engine, *_ = house
    reject(engine, "", ITEM, "wrong_machine", "kim", candidate_id=FIRST, remark="too large")
    made = reject(engine, "", ITEM, "wrong_order", "lee")
    assert made.candidates == (SECOND,)
    [kept] = made.kept
    assert (kept.candidate_id, kept.by, kept.reason_code, kept.remark) == (
        FIRST,
        "kim",
        "wrong_machine",
        "too large",
    )
    told = said(lambda screen: marked_candidates(screen, made))
    assert f"{SECOND} rejected (by lee, wrong_order)." in told
    assert f"{FIRST} was rejected before (by kim, wrong_machine: too large); that stays on record." in told
    assert f"routing-etl undo {ITEM}" in told


def test_changes_to_what_is_accepted_as_it_is_are_not_said_to_be_on_record(house):
    engine, *_ = house
    adopt(engine, "", ITEM, FIRST, "kim")
    again = adopt(engine, "", ITEM, FIRST, "lee", edited="second machine")
    assert (again.new, again.accepted_by, again.mark, again.remark) == (False, "kim", "accepted", None)
    told = said(lambda screen: adoption(screen, again))
    assert (
        "was accepted before, as it is, by kim" in told
        and "to say otherwise, first" in told
        and f"routing-etl undo {ITEM}" in told
    )


def test_a_mark_is_taken_back_and_another_given(house):
    engine, schema, _ = house
    reject(engine, schema, ITEM, "wrong_times", "kim", candidate_id=FIRST)
    with pytest.raises(WarehouseError, match=f"{FIRST} .* is rejected, by kim") as error:
        adopt(engine, schema, ITEM, FIRST, "lee")
    assert f"routing-etl undo {ITEM}" in error.value.remedy
    assert undo(engine, schema, ITEM, "park").candidates == (FIRST,)
    assert marks(engine) == [(FIRST, "rejected", "wrong_times", None, "kim", 0, "park", 0)]
    assert adopt(engine, schema, ITEM, FIRST, "lee", edited="one machine").new
    assert marks(engine) == [(FIRST, "edited", None, "one machine", "lee", 1, None, 0)]
    with pytest.raises(WarehouseError, match="is edited, by lee"):
        reject(engine, schema, ITEM, "other", "kim")
    assert marks(engine) == [(FIRST, "edited", None, "one machine", "lee", 1, None, 0)], "nothing was changed"


def test_two_accepted_routings_of_one_item_are_told(house):
    engine, schema, publish = house
    assert adopt(engine, schema, ITEM, FIRST, "kim").others_accepted == ()
    number = publish(0.6)
    # the same routing of a later publication is no other one
    assert adopt(engine, schema, ITEM, FIRST, "kim").others_accepted == ()
    both = adopt(engine, schema, ITEM, SECOND, "lee").others_accepted
    assert both == (f"{FIRST} of publication 1", f"{FIRST} of publication {number}")
    assert [m[-1] for m in marks(engine)] == [1, 1, 2]
    assert undo(engine, schema, ITEM, "kim", candidate_id=FIRST).candidates == (FIRST,)
    assert [(m[0], m[5], m[-1]) for m in marks(engine)] == [(FIRST, 0, 1), (FIRST, 0, 1), (SECOND, 1, 0)]


def test_what_an_earlier_release_accepted_counts_as_accepted(house):
    engine, schema, _ = house
    adopt(engine, schema, ITEM, FIRST, "kim")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE routing_feedback SET mark = NULL")
    assert marks(engine) == [(FIRST, "accepted", None, None, "kim", 1, None, 0)]
    with pytest.raises(WarehouseError, match="is accepted, by kim"):
        reject(engine, schema, ITEM, "other", "lee")


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ({"reason_code": "ugly"}, ConfigurationError, "no reason 'ugly'"),
        ({"user": " "}, ConfigurationError, "1 to 128 characters"),
        ({"remark": "x" * 1001}, ConfigurationError, "1001 characters"),
        (
            {"remark": "\U0001f529" * 501},
            ConfigurationError,
            "has 1002 characters, counting those beyond U+FFFF",
        ),
        ({"remark": "zu gro\udcdf"}, ConfigurationError, "The remark 'zu gro\\udcdf' is no text"),
        ({"user": "\udcff"}, ConfigurationError, "The user's name '\\udcff' is no text"),
        ({"item_cd": "\udcff"}, ConfigurationError, "Item '\\udcff' is no text"),
        ({"candidate_id": "\udcff"}, ConfigurationError, "Candidate '\\udcff' is no text"),
        ({"item_cd": "NONE"}, ItemNotFoundError, "published for it: none"),
        ({"candidate_id": "NONE"}, ItemNotFoundError, f"published for it: {FIRST}, {SECOND}"),
    ],
)
def test_what_cannot_be_rejected(house, words, error, told):
    engine, schema, _ = house
    asked = {"item_cd": ITEM, "reason_code": "other", "user": "kim"} | words
    with pytest.raises(error) as raised:
        reject(engine, schema, **asked)
    assert told in str(raised.value)
    assert marks(engine) == []


def test_nothing_to_take_back_is_told(house):
    engine, schema, _ = house
    with pytest.raises(ItemNotFoundError, match="has a mark in force"):
        undo(engine, schema, ITEM, "kim")


def test_an_item_is_found_as_it_is_typed(house):
    engine, schema, _ = house
    typed = f" {ITEM.lower()} "
    assert reject(engine, schema, typed, "other", "kim").item_cd == ITEM
    assert undo(engine, schema, typed, "kim").item_cd == ITEM
    assert adopt(engine, schema, typed, FIRST, "kim").item_cd == ITEM
    with pytest.raises(ItemNotFoundError, match="'XX' has no published candidate"):
        adopt(engine, schema, "XX", FIRST, "kim")


def test_a_code_with_a_leading_blank_is_found_and_of_two_that_differ_in_case_none_is_guessed():
    engine = sa.create_engine("sqlite://")
    codes = sa.table("codes", sa.column("code"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE codes AS SELECT ' A-1' AS code UNION SELECT 'b2' UNION SELECT 'B2 '"
        )
        found = [
            as_spelt(connection, codes.c.code, sa.true(), typed)
            for typed in ("A-1", " A-1", "b2", "B2", "C3")
        ]
    assert found == [" A-1", " A-1", "b2", "B2", "C3"]
