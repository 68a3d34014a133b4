"""Copies of our own proposals are recognised, and prove nothing: rules on known rows, and 350 items whose outcome is known."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, warehouse, write_rows

from routing_etl import frames
from routing_etl.warehouse.copies import proposed_operations, recognise, remembered_copies
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.marks import reject, undo
from routing_etl.warehouse.outcomes import Realised, realised, realised_by_version, store_outcomes


def proposed(*items: str) -> dict[str, list[dict[str, object]]]:
    """One candidate with two operations of broken minutes for each item."""
    rows = {name: [] for name in known_rows()}
    for item in items:
        key = {"item_cd": item, "item_key": item}
        rows["candidates"].append(CANDIDATE | key | {"candidate_id": f"{item}_C01", "routing_code": "A>B"})
        for number, job in enumerate("AB", start=1):
            own = {
                "proc_seq": number * 10,
                "job_cd": job,
                "res_cd": f"M{job}",
                "setup_time": 12.345,
                "standard_time": 3.3,
            }
            rows["candidate_operations"].append(OPERATION | key | own)
    return rows


def routing(item: str, jobs: str, *, rout_no: str = "R1", **own: object) -> pl.DataFrame:
    """What the ERP has: by default other machines and times than those proposed."""
    rows = [
        {"item_cd": item, "item_key": item, "rout_no": rout_no, "proc_seq": n, "job_cd": job, "res_cd": f"X{job}", "inside": "in",
         "run_min": 5.0, "setup_min": 10.0, "rout_class": "in", "routing_rank": 0, "decided_by": "only", "rout_valid": True} | own
        for n, job in enumerate(jobs.split(">"), start=1)
    ]  # fmt: skip
    made = frames.OPERATIONS.conform(pl.DataFrame(rows, infer_schema_length=None))
    if own.get("res_cd") == "ours":
        made = made.with_columns(res_cd=pl.lit("M") + pl.col("job_cd"))
    return made


@pytest.fixture
def published(tmp_path):
    """Publishes items with `proposed` candidates; gives engine, schema and the publication's number."""
    publisher, settings = warehouse(tmp_path / "w.db")

    def go(*items: str, version: str = "m") -> tuple[sa.Engine, str, int]:
        rows = proposed(*items)
        if not items:
            rows["abstained"] = known_rows()["abstained"]
        folder = write_rows(tmp_path / f"p{len(items)}{version}", rows)
        report = publisher.load(folder, run_id="r", model_version=version)
        publisher.publish(report.publication_id)
        return publisher._engine, settings.warehouse_schema, report.publication_id

    return go


OURS = {"res_cd": "ours", "run_min": 3.3, "setup_min": 12.35}


@pytest.mark.parametrize(
    ("written", "copied_by", "exact", "mark"),
    [
        (routing("I", "A>B"), None, None, None),
        (routing("I", "A>B", rout_no="P240429907"), "number", True, None),
        (routing("I", "A>C>B", rout_no="P240429907"), "number", False, "edited"),
        (routing("I", "A>B", **OURS), "times", True, None),
        (routing("I", "A>B", **OURS | {"run_min": 3.4}), None, None, None),
        (routing("I", "A>B", **OURS | {"res_cd": "X"}), None, None, None),
        (routing("OTHER", "A>B", rout_no="P240429907"), None, None, None),
        (routing("I", "A>D", rout_no="P000726571"), "number", True, None),
        (routing("I", "a>B", rout_no="p240429907"), "number", True, None),
        (routing("I", "A>b", **OURS), "times", True, None),
    ],
    ids=[
        "own work", "number", "number, changed", "times", "another time", "another machine", "not proposed", "shown before",
        "number, codes spelt in another way since", "times, codes spelt in another way since",
    ],
)  # fmt: skip
def test_what_is_a_copy(published, written, copied_by, exact, mark):
    found = recognise(*published("I"), written)
    wanted = [] if copied_by is None else [("I", copied_by, exact, mark)]
    assert found.select("item_cd", "copied_by", "exact", "mark").rows() == wanted


def test_an_item_that_is_spelt_in_another_way_since_is_the_same_item(published):
    """Else its copied routing would be learned from as an engineer's own, and what became of it would be counted nowhere."""
    engine, schema, before = published("I", "J", "K")
    adopt(engine, schema, "J", "J_C01", "kim")
    *_, after = published(version="m2")
    operations = pl.concat(
        [routing("i", "a>b", **OURS | {"rout_no": "p240429907"}), routing("j ", "a>b"), routing("K", "b>c")]
    )
    copies = recognise(engine, schema, before, operations)
    assert copies.select("item_cd", "routing_code", "copied_by", "exact").rows() == [
        ("i", "a>b", "number", True), ("j ", "a>b", "mark", True),
    ]  # fmt: skip
    written = operations.group_by("item_cd").agg(
        pl.col("rout_no").first(), routing_code=pl.col("job_cd").str.join(">"), part_type=pl.lit("축")
    )
    assert store_outcomes(engine, schema, (before, after), written, copies, run_id="n") == 3
    assert store_outcomes(engine, schema, (before, after), written, copies, run_id="n") == 0
    counted = realised_by_version(engine, schema)["m"]
    assert counted == Realised(3, 2, 2, 2, itself=1, itself_first=0, itself_any=0)
    (first, _) = realised(engine, schema, after, written)
    assert (first.value, first.n) == (pytest.approx(2 / 3), 3)
    proposals = proposed_operations(engine, schema, before, written)
    assert set(proposals["item_cd"]) == {"i", "j ", "K"}


def test_whole_minutes_that_agree_are_no_copy(tmp_path):
    """Planners write whole minutes: two of them agree by chance."""
    publisher, settings = warehouse(tmp_path / "w.db")
    rows = proposed("I")
    for row in rows["candidate_operations"]:
        row |= {"setup_time": 10.0, "standard_time": 5.0, "optimal_time": 4.0, "safe_time": 6.0}
    report = publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    written = routing("I", "A>B", res_cd="ours")
    assert recognise(publisher._engine, settings.warehouse_schema, report.publication_id, written).is_empty()


def test_a_mark_makes_a_copy_until_it_is_undone(published):
    engine, schema, number = published("I")
    adopt(engine, schema, "I", "I_C01", "kim")
    found = recognise(engine, schema, number, routing("I", "A>B"))
    assert found.select("copied_by", "exact", "mark").rows() == [("mark", True, "accepted")]
    # accepted, and something else written: the ERP decides
    other = recognise(engine, schema, number, routing("I", "B>A"))
    assert other.select("copied_by", "exact", "mark").rows() == [(None, False, "accepted")]
    undo(engine, schema, "I", "kim")
    assert recognise(engine, schema, number, routing("I", "A>B")).is_empty()
    reject(engine, schema, "I", "wrong_order", "lee")
    found = recognise(engine, schema, number, routing("I", "A>B"))
    assert found.select("copied_by", "exact", "mark", "reason_code").rows() == [
        (None, False, "rejected", "wrong_order")
    ]


def test_proposals_that_are_rubber_stamped_are_not_right_by_that(published):
    """300 copies and 50 routings that engineers wrote themselves, 29 of these as proposed: the share is .58, not .94."""
    copied, themselves = [f"C{i:03}" for i in range(300)], [f"E{i:02}" for i in range(50)]
    engine, schema, before = published(*copied, *themselves)
    *_, after = published(version="m2")
    operations = pl.concat(
        [routing(item, "A>B", rout_no="P240429907") for item in copied]
        + [routing(item, "A>B" if i < 29 else "A>C") for i, item in enumerate(themselves)]
    )
    written = operations.group_by("item_cd").agg(
        pl.col("rout_no").first(), routing_code=pl.col("job_cd").str.join(">"), part_type=pl.lit("축")
    )
    copies = recognise(engine, schema, before, operations)
    assert store_outcomes(engine, schema, (before, after), written, copies, run_id="n") == 350
    assert store_outcomes(engine, schema, (before, after), written, copies, run_id="n") == 0
    counted = realised_by_version(engine, schema)["m"]
    assert counted == Realised(350, 329, 329, 300, itself=50, itself_first=29, itself_any=29)
    assert remembered_copies(engine, schema)["item_cd"].sort().to_list() == copied
    with engine.connect() as connection:
        share, weekly = (
            connection.exec_driver_sql(q).all()
            for q in (
                "SELECT written_themselves, themselves_as_first, exact_share, adopted FROM model_realised",
                "SELECT items_routed, taken_over, edited, themselves_as_first, otherwise, acceptance_rate FROM acceptance_by_week",
            )
        )
    assert share == [(50, 29, 0.58, 300)]
    assert [tuple(r) for r in weekly] == [(350, 300, 0, 29, 21, pytest.approx(300 / 350))]


def test_the_week_begins_on_monday(published):
    engine, schema, _ = published("I", "J", "K")
    days = {
        "I": "2026-11-23 00:00:00.000000",
        "J": "2026-11-29 23:59:59.000000",
        "K": "2026-11-30 08:00:00.000000",
    }
    for item, day in days.items():
        reject(engine, schema, item, "wrong_times", "kim")
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE routing_feedback SET accepted_at = ? WHERE item_cd = ?", (day, item)
            )
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT week, reason_code, candidates FROM rejection_reasons ORDER BY week"
        ).all()
    assert [tuple(r) for r in found] == [("2026-11-23", "wrong_times", 2), ("2026-11-30", "wrong_times", 1)]
