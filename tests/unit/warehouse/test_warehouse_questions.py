"""One view a question, with rows that are known: each answers, and says what a recount says. No shipped query is empty."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tsql_on_sqlite import ask, queries
from watched import NIGHTS, NOW, OUTCOMES, known_warehouse

from routing_etl.database.engine import make_engine
from routing_etl.warehouse.questions import answer
from routing_etl.warehouse.schema_life import VERDICTS

SQL = Path(__file__).resolve().parents[3] / "sql"
FILES = sorted(
    f.relative_to(SQL).as_posix() for f in [*SQL.glob("questions/*.sql"), SQL / "trend_queries.sql"]
)
SHIPPED = [(name, query) for name in FILES for query in queries((SQL / name).read_text(encoding="utf-8"))]
PANELS = [
    (panel["title"], panel["targets"][0]["rawSql"])
    for panel in json.loads((SQL / "monitoring" / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    known_warehouse(folder)
    return folder


@pytest.fixture(scope="module")
def view(home: Path) -> Any:
    """The rows of a view as dicts, in the order given."""
    from routing_etl.settings import load_settings

    settings = load_settings(home=home, warehouse_url=f"sqlite:///{home / 'warehouse.db'}")
    engine = make_engine(settings.warehouse, "warehouse", settings)

    def rows(name: str, *order: str) -> list[dict[str, Any]]:
        found = answer(engine, settings.warehouse_schema, name)
        return found.sort(*order, nulls_last=True).to_dicts() if order else found.to_dicts()

    yield rows
    engine.dispose()


def test_there_are_queries_to_run() -> None:
    assert len(SHIPPED) >= 28 and len(PANELS) >= 15


@pytest.mark.parametrize(("name", "query"), SHIPPED, ids=[f"{n}-{i}" for i, (n, _) in enumerate(SHIPPED)])
def test_a_shipped_query_answers(home: Path, name: str, query: str) -> None:
    assert ask(home / "warehouse.db", query, NOW)


@pytest.mark.parametrize(("title", "query"), PANELS, ids=[t for t, _ in PANELS])
def test_a_panel_of_the_dashboard_answers(home: Path, title: str, query: str) -> None:
    assert ask(home / "warehouse.db", query, NOW)


def test_families_by_month_is_a_recount_of_the_outcomes(view: Any) -> None:
    found = {r["part_type"]: r for r in view("families_by_month")}
    assert set(found) == {"SHAFT", "SEAL", "RING", None}
    for part, row in found.items():
        mine = [o for o in OUTCOMES if o[5] == part]
        itself = [o for o in mine if not o[3]]
        right = sum(o[1] == "first" for o in itself)
        assert str(row["month"]) == "2026-05-01"
        assert (row["items_routed"], row["written_themselves"], row["themselves_as_first"]) == (
            len(mine),
            len(itself),
            right,
        )
        assert row["taken_over"] == len(mine) - len(itself)
        assert row["with_proposal"] == sum(o[2] > 0 for o in mine)
    assert found["SEAL"]["exact_share"] == 0.0 and found["SEAL"]["acceptance_rate"] == 0.0
    assert found["SHAFT"]["exact_share"] == 0.5 and found["SHAFT"]["acceptance_rate"] == 0.5


def test_each_item_has_one_verdict_and_the_erp_goes_before_what_was_said(view: Any) -> None:
    verdicts = {r["item_cd"]: r["verdict"] for r in view("item_outcomes")}
    assert verdicts == {
        "A-1": "accepted", "A-2": "same_by_hand", "A-3": "same_by_hand", "A-4": "rejected", "A-5": "no_proposal", "A-6": "accepted",
        "A-7": "accepted", "A-8": "other_by_hand", "A-9": "same_by_hand", "B-1": "ignored",
    }  # fmt: skip
    assert set(verdicts.values()) <= set(VERDICTS)


def test_every_verdict_by_hand(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.db", tmp_path / "w.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    cases = {
        "A-1": ("adopted = 1, candidate_rank = 2, outcome = 'alternative'", "accepted_alternative"),
        "A-2": ("adopted = 0, mark = 'accepted', outcome = 'other'", "superseded"),
        "A-3": ("adopted = 0, mark = 'accepted', outcome = 'other', copied_by = 'number'", "edited"),
        "A-4": ("adopted = 1, mark = 'rejected', candidate_rank = 1, outcome = 'first'", "accepted"),
        "A-5": ("mark = 'rejected'", "no_proposal"),
        "A-8": ("mark = 'edited'", "edited"),
    }
    with engine.begin() as connection:
        for item, (words, _) in cases.items():
            connection.execute(sa.text(f"UPDATE prediction_outcome SET {words} WHERE item_cd = '{item}'"))
    found = answer(engine, "routing", "item_outcomes")
    verdicts = dict(found.select("item_cd", "verdict").iter_rows())
    assert {item: verdicts[item] for item in cases} == {item: word for item, (_, word) in cases.items()}


def test_the_evidence_marks_a_neighbour_whose_routing_is_a_copy(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.db", tmp_path / "w.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    evidence = answer(engine, "routing", "routing_candidate_evidence")
    assert evidence.height and evidence["neighbour_is_copy"].to_list() == [0] * evidence.height
    neighbour = evidence["neighbour_item_cd"][0]
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE prediction_outcome SET item_cd = :i WHERE item_cd = 'A-1'"), {"i": neighbour}
        )
    marked = answer(engine, "routing", "routing_candidate_evidence").select(
        "neighbour_item_cd", "neighbour_is_copy"
    )
    assert set(marked.rows()) == {(n, int(n == neighbour)) for n in evidence["neighbour_item_cd"]}


def test_edits_by_family_are_a_recount(view: Any) -> None:
    rows = {(r["part_type"], r["nearest_rank"]): r for r in view("edits_by_family")}
    assert set(rows) == {("SHAFT", 1), ("SHAFT", 2), ("SEAL", 1), ("RING", 1), (None, 1)}
    shaft, seal = rows["SHAFT", 1], rows["SEAL", 1]
    assert (
        shaft["items"],
        shaft["same_operations"],
        shaft["same_machines"],
        shaft["mean_edit_distance"],
    ) == (3, 3, 2, 0.0)
    assert (seal["items"], seal["same_operations"], seal["mean_edit_distance"], seal["operations"]) == (
        2,
        0,
        2.0,
        4,
    )


def test_a_mark_stands_beside_what_the_erp_has(view: Any) -> None:
    found = {r["candidate_id"]: (r["mark"], r["erp_has"]) for r in view("routing_marks")}
    assert found["A-9_C01"] == ("accepted", "this routing")
    assert found["A-4_C01"] == ("rejected", "none yet"), (
        "what was observed before the mark says nothing of it"
    )


def test_what_waits_and_since_when(view: Any) -> None:
    [row] = view("open_proposals")
    assert (row["item_cd"], row["state"], row["publication_id"]) == ("3H18091DB", "open", 3)
    assert f"{row['open_since']:%Y-%m-%d}" == "2026-05-11", "the publication that showed it first"


def test_a_night_has_its_duration(view: Any) -> None:
    assert [r["seconds"] for r in view("batch_run_summary", "started_at")] == [n[0] for n in NIGHTS]


def test_rejects_are_counted_by_rule_for_each_run_that_met_them(view: Any) -> None:
    rows = [
        (r["run_id"], r["rule_name"], r["rejected"], r["new"])
        for r in view("rejects_by_rule", "run_id", "rule_name")
    ]
    assert rows[:2] == [("night0", "duplicate_key", 1, 1), ("night0", "missing_key", 30, 30)]
    assert rows[2:4] == [("night1", "duplicate_key", 1, 0), ("night1", "missing_key", 30, 0)]
    assert rows[-2:] == [("night5", "bad_date", 5, 5), ("night5", "missing_key", 30, 0)]


def test_a_time_stands_beside_the_month_before(view: Any) -> None:
    first, second, *_ = view("time_profile_changes", "job_cd", "month")
    assert (first["job_cd"], first["previous_min"], first["ratio"]) == ("GRIND", None, None)
    assert (second["previous_min"], second["standard_min"], second["ratio"]) == (10.0, 16.0, 1.6)
    assert str(second["previous_month"]) == "2026-04-01" and second["samples"] == 52


def test_what_was_visible_when(view: Any) -> None:
    rows = view("publication_shown", "visible_from")
    assert [r["publication_id"] for r in rows] == [1, 2, 3]
    assert [r["visible_until"] for r in rows] == [rows[1]["visible_from"], rows[2]["visible_from"], None]


def test_what_publications_changed(view: Any) -> None:
    second, third = view("publication_changes", "publication_id")
    kinds = ("new", "gone", "lost", "found", "first", "details")
    assert [second[f"items_{k}"] for k in kinds] == [5, 2, 1, 0, 3, 7]
    assert (second["compared_with"], second["items_before"], second["items_shown"]) == (1, 30, 33)
    assert second["taken_away_share"] == 0.1 and third["taken_away_share"] == 0.0


def test_fresh_is_one_row(view: Any) -> None:
    [row] = view("freshness")
    assert (row["publication_id"], row["model_version"], row["last_run_id"], row["last_status"]) == (
        3,
        "m2",
        "night5",
        "succeeded",
    )
    assert (
        row["last_success_at"] == row["last_finished_at"]
        and f"{row['last_success_at']:%d %H:%M:%S}" == "16 02:05:20"
    )


def test_a_failed_night_is_no_success_but_one_with_warnings_is(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.db", tmp_path / "w.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    for state, wanted in (("failed", "15"), ("succeeded_with_warnings", "16"), ("running", "15")):
        with engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE batch_run SET status = :s WHERE run_id = 'night5'"), {"s": state}
            )
        row = answer(engine, "routing", "freshness").to_dicts()[0]
        assert row["last_status"] == state and f"{row['last_success_at']:%d}" == wanted


def test_who_did_what_has_every_kind_of_deed_once(view: Any) -> None:
    rows = view("who_did_what", "happened_at")
    actions = [r["action"] for r in rows]
    assert sorted(actions) == sorted(
        ["models promote", "model trained", "model promoted", *["publication published"] * 3, *["proposal accepted"] * 3,
         "proposal rejected", "proposal mark undone", "standard time accepted"]
    )  # fmt: skip
    [rejected] = [r for r in rows if r["action"] == "proposal rejected"]
    assert (rejected["done_by"], rejected["subject"], rejected["message"]) == (
        "lee",
        "A-4_C01",
        "machine is sold",
    )


def test_what_a_night_measured_has_a_value_or_a_reason(view: Any) -> None:
    rows = view("published_by_night")
    assert len(rows) == 11 and all(r["value"] is not None or r["reason"] for r in rows)
    assert {r["segment"] for r in rows} == {"all", "attribute:MATERIAL"}
