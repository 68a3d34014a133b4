"""The ERP's side: BOP-shaped views, a proposal that is taken over, and the fixed table that follows the pointer."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, warehouse, write_many, write_rows

from routing_etl.errors import ConfigurationError, ItemNotFoundError, ReconcileError, WarehouseError
from routing_etl.warehouse import fixed_table
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import FLAT_COLUMNS, tables
from routing_etl.warehouse.views import view_selects
from routing_etl.warehouse.views_bop import CHILD, DETAIL, MASTER

ITEM, CANDIDATE_ID = CANDIDATE["item_cd"], CANDIDATE["candidate_id"]


@pytest.fixture
def house(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db", plant_code="P200")
    return publisher, settings, tmp_path


def publish(publisher, folder, **words):
    loaded = publisher.load(folder, run_id="r", model_version="m1", **words)
    publisher.publish(loaded.publication_id)
    return loaded.publication_id


def rows(publisher, sql, *parameters):
    with publisher._engine.connect() as connection:
        return [dict(r) for r in connection.exec_driver_sql(sql, tuple(parameters)).mappings()]


# --- BOP views --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dialect", ["sqlite", "mssql", "postgresql"])
def test_bop_views_have_the_base_tables_columns(dialect):
    names = {n: list(s.selected_columns.keys()) for n, s in view_selects("routing", dialect).items()}
    assert (len(MASTER), len(DETAIL), len(CHILD)) == (28, 93, 21)
    assert (names["bop_proc_master"], names["bop_proc_detail"]) == (MASTER, DETAIL)
    assert names["bop_proc_child"] == CHILD
    assert names["bop_proc_res"] == names["routing_candidate_resources"][:39]
    # Spelling of docs/erp-contract.md 6.6: RES has its own, and positions known from the samples.
    assert names["bop_proc_res"][1:3] == ["COCD", "PLANTCD"] and MASTER[1:3] == ["CoCd", "PlantCd"]
    assert (DETAIL[45], DETAIL[64], DETAIL[76], DETAIL[92]) == (
        "OPR_SEQ",
        "VALID_FROM_DT",
        "FIX_RUN_TIME",
        "GROSS_WEIGHT",
    )


def test_bop_views_say_what_the_contract_says(house):
    publisher, _, folder = house
    batch = known_rows()
    second = {"candidate_id": f"{ITEM}_C02", "candidate_rank": 2}
    batch["candidates"].append(CANDIDATE | second)
    batch["candidate_operations"].append(
        OPERATION | second | {"optimal_time": 2.0, "standard_time": 2.5, "safe_time": 3.0}
    )
    publish(publisher, write_rows(folder / "p", batch), valid_from=date(2026, 2, 3))
    first, other = rows(publisher, "SELECT * FROM bop_proc_master ORDER BY ID")
    assert {k: v for k, v in first.items() if v is not None and not k.endswith("DT")} == {
        "ID": 1,
        "CoCd": "1000",
        "PlantCd": "P200",
        "ITEM_CD": ITEM,
        "ROUT_NO": "P396871044",
        "BOM_NO": 1,
        "DESCRIPTION": CANDIDATE["routing_signature"],
        "MAJOR_FLG": "Y",
        "ROU_DEV_USER_ID": "",
        "ROU_MFG_USER_ID": "",
        "ROU_QUR_USER_ID": "",
        "ROU_APP_USER_ID": "",
        "REV_NO": 0,
        "INSRT_USER_ID": "routing_etl",
        "UPDT_USER_ID": "routing_etl",
    }
    assert (first["VALID_FROM_DT"], first["VALID_TO_DT"]) == ("2026-02-03", "2999-12-31")
    assert (other["ROUT_NO"], other["MAJOR_FLG"]) == ("P396871045", "N")
    inside = rows(publisher, "SELECT * FROM bop_proc_detail ORDER BY ID")
    assert [(r["PROC_SEQ"], r["INSIDE_FLG"], r["TIME_UNIT"]) for r in inside] == [
        (10, "Y", "M"),
        (20, "N", "M"),
        (10, "Y", "M"),
    ]
    assert inside[2]["RUN_TIME"] == 2.5, "RUN_TIME is the standard time"
    assert all(r["RUN_TIME_QTY"] == 1 and r["RUN_TIME_UNIT"] == "NA" and r["WC_CD"] is None for r in inside)
    assert rows(publisher, "SELECT * FROM bop_proc_child") == []
    assert rows(publisher, "SELECT DISTINCT PLANTCD, MAIN_YN, TASK_ID, FOLD_MTHD FROM bop_proc_res") == [
        {"PLANTCD": "P200", "MAIN_YN": "N", "TASK_ID": 1, "FOLD_MTHD": "ES"}
    ]


# --- adoption ---------------------------------------------------------------------------------------------------------
def test_an_accepted_candidate_comes_back_in_bop_shape_and_is_marked_once(house):
    publisher, settings, folder = house
    number = publish(publisher, write_rows(folder / "p", known_rows()))
    engine = publisher._engine
    first = adopt(engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, " kim ")
    assert (first.new, first.accepted_by, first.rout_no, first.publication_id) == (
        True,
        "kim",
        "P396871044",
        number,
    )
    assert [list(r) for r in first.rows["bop_proc_master"]] == [MASTER]
    assert [r["PROC_SEQ"] for r in first.rows["bop_proc_detail"]] == [10, 20]
    assert {r["ROUT_NO"] for r in first.rows["bop_proc_res"]} == {"P396871044"}
    again = adopt(engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, "lee")
    assert (again.new, again.accepted_by, again.accepted_at) == (False, "kim", first.accepted_at)
    assert again.rows == first.rows
    marked = rows(publisher, "SELECT item_cd, candidate_id, accepted_by FROM routing_feedback")
    assert marked == [{"item_cd": ITEM, "candidate_id": CANDIDATE_ID, "accepted_by": "kim"}]


def test_feedback_outlives_the_rows_of_its_publication(house):
    publisher, settings, folder = house
    publish(publisher, write_rows(folder / "p", known_rows()))
    adopt(publisher._engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, "kim")
    publish(publisher, write_many(folder / "q", 10))
    publisher.purge(1)
    kept = rows(publisher, "SELECT routing_code FROM routing_feedback")
    assert kept == [{"routing_code": CANDIDATE["routing_code"]}]
    with pytest.raises(ItemNotFoundError, match=rf"{CANDIDATE_ID}.*published for it: none"):
        adopt(publisher._engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, "kim")


def test_an_unknown_candidate_names_those_the_item_has(house):
    publisher, settings, folder = house
    with pytest.raises(ItemNotFoundError, match="none"):
        adopt(publisher._engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, "kim")
    publish(publisher, write_rows(folder / "p", known_rows()))
    with pytest.raises(ItemNotFoundError, match=rf"{ITEM}_C09.*{CANDIDATE_ID}"):
        adopt(publisher._engine, settings.warehouse_schema, ITEM, f"{ITEM}_C09", "kim")
    assert rows(publisher, "SELECT * FROM routing_feedback") == []


@pytest.mark.parametrize("user", ["", "   ", "x" * 129])
def test_a_user_must_have_a_name(house, user):
    publisher, settings, _ = house
    with pytest.raises(ConfigurationError, match="1 to 128 characters"):
        adopt(publisher._engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, user)


def test_what_will_be_changed_fits_its_column(house):
    publisher, settings, _ = house
    with pytest.raises(ConfigurationError, match="1001 characters"):
        adopt(publisher._engine, settings.warehouse_schema, ITEM, CANDIDATE_ID, "kim", edited="x" * 1001)


# --- fixed table ------------------------------------------------------------------------------------------------------
@pytest.fixture
def fixed(tmp_path):
    """A publisher in mode `table`, and triggers that count what touches the table."""
    publisher, settings = warehouse(tmp_path / "w.db", publish_mode="table")
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE touched (what TEXT, item TEXT)")
        for what, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            connection.exec_driver_sql(
                f"CREATE TRIGGER t_{what} AFTER {what} ON routing_flat_table "
                f"BEGIN INSERT INTO touched VALUES ('{what}', {row}.ITEM_CD); END"
            )
    return publisher, settings, tmp_path


def touched(publisher):
    found = rows(publisher, "SELECT what, item, COUNT(*) AS n FROM touched GROUP BY what, item ORDER BY 1, 2")
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM touched")
    return [tuple(r.values()) for r in found]


def batch_of(*items, run_time=3.21987):
    made = {name: [] for name in known_rows()}
    for item in items:
        key = {"item_cd": item, "item_key": item, "candidate_id": f"{item}_C01"}
        made["candidates"].append(CANDIDATE | key)
        made["candidate_operations"].append(
            OPERATION | {k: v for k, v in key.items() if k in OPERATION} | {"run_time": run_time}
        )
    return made


def same_as_the_view(publisher):
    names = ", ".join(n for n in FLAT_COLUMNS if n not in fixed_table.STAMPS)
    view, table = (
        rows(publisher, f"SELECT {names} FROM {s} ORDER BY ITEM_CD, CANDIDATE_ID, PROC_SEQ")
        for s in ("routing_flat", "routing_flat_table")
    )
    return view == table


def test_only_rows_that_differ_are_touched(fixed):
    publisher, _, folder = fixed
    one = publish(publisher, write_rows(folder / "a", batch_of("A", "B")), valid_from=date(2026, 1, 1))
    assert touched(publisher) == [("INSERT", "A", 1), ("INSERT", "B", 1)]
    second = batch_of("A", "C")
    second["candidate_operations"][0]["setup_time"] = 77.0
    changed = batch_of("B")
    second = {name: second[name] + changed[name] for name in second}
    two = publish(publisher, write_rows(folder / "b", second), valid_from=date(2026, 1, 2))
    assert touched(publisher) == [("INSERT", "C", 1), ("UPDATE", "A", 1)]
    assert same_as_the_view(publisher)
    stamps = rows(
        publisher, "SELECT ITEM_CD, VALID_FROM_DT, PUBLICATION_ID FROM routing_flat_table ORDER BY 1"
    )
    assert [tuple(r.values()) for r in stamps] == [
        ("A", "2026-01-02", two),
        ("B", "2026-01-01", one),
        ("C", "2026-01-02", two),
    ]
    publisher.publish(two)
    assert touched(publisher) == [], "the same batch again touches nothing"
    publisher.rollback()
    assert touched(publisher) == [("DELETE", "C", 1), ("UPDATE", "A", 1)]
    assert same_as_the_view(publisher)


def test_pointer_and_table_move_together_or_not_at_all(fixed):
    publisher, _, folder = fixed
    one = publish(publisher, write_rows(folder / "a", batch_of("A", "B")))
    before = rows(publisher, "SELECT * FROM routing_flat_table")
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no BEFORE INSERT ON routing_flat_table WHEN NEW.ITEM_CD = 'C' "
            "BEGIN SELECT RAISE(ABORT, 'no C here'); END"
        )
    loaded = publisher.load(write_rows(folder / "b", batch_of("A", "C")), run_id="r", model_version="m1")
    with pytest.raises(WarehouseError, match="no C here"):
        publisher.publish(loaded.publication_id)
    assert publisher.current() == one and rows(publisher, "SELECT * FROM routing_flat_table") == before
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER no")
    publisher.publish(loaded.publication_id)
    assert publisher.current() == loaded.publication_id and same_as_the_view(publisher)


def test_a_table_that_would_lose_rows_stops_the_publication(fixed):
    publisher, _, folder = fixed
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER lost BEFORE INSERT ON routing_flat_table WHEN NEW.ITEM_CD = 'B' "
            "BEGIN SELECT RAISE(IGNORE); END"
        )
    loaded = publisher.load(write_rows(folder / "a", batch_of("A", "B")), run_id="r", model_version="m1")
    with pytest.raises(ReconcileError, match=r"would hold 1 rows, the published batch has 2"):
        publisher.publish(loaded.publication_id)
    assert publisher.current() is None and rows(publisher, "SELECT * FROM routing_flat_table") == []


def test_a_change_of_mode_fills_the_table_from_the_published_batch(house):
    publisher, settings, folder = house
    number = publish(publisher, write_rows(folder / "p", known_rows()))
    assert rows(publisher, "SELECT * FROM routing_flat_table") == []
    later = Publisher(publisher._engine, settings.model_copy(update={"publish_mode": "table"}))
    assert not later.publish(number).changed
    assert len(rows(publisher, "SELECT * FROM routing_flat_table")) == 2 and same_as_the_view(publisher)


def test_row_versions_are_needed_only_where_the_server_can_lack_them(house, monkeypatch):
    publisher, settings, folder = house
    assert fixed_table.rcsi_state(publisher._engine) == "not needed"
    loaded = publisher.load(write_rows(folder / "p", known_rows()), run_id="r", model_version="m1")
    monkeypatch.setattr(fixed_table, "rcsi_state", lambda engine: "off")
    later = Publisher(publisher._engine, settings.model_copy(update={"publish_mode": "table"}))
    with pytest.raises(WarehouseError, match=r"READ_COMMITTED_SNAPSHOT.*ALTER DATABASE"):
        later.publish(loaded.publication_id)
    assert publisher.current() is None


@pytest.mark.parametrize(
    ("babelfish", "on", "state"),
    [(1, 0, "not needed"), (None, 1, "on"), (None, 0, "off"), (None, None, "unknown")],
)
def test_what_sql_server_answers_about_row_versions(babelfish, on, state, monkeypatch):
    engine = sa.create_engine("sqlite://")
    monkeypatch.setattr(engine.dialect, "name", "mssql")
    literal = "NULL" if babelfish is None else babelfish
    monkeypatch.setattr(fixed_table, "_ALWAYS_VERSIONED", sa.text(f"SELECT {literal}"))
    answer = sa.text("SELECT 1 FROM sys_databases" if on is None else f"SELECT {on}")
    monkeypatch.setattr(fixed_table, "_RCSI", answer)
    assert fixed_table.rcsi_state(engine) == state


def test_the_fixed_tables_columns_are_those_of_the_view_in_its_order():
    view = list(view_selects("routing", "mssql")["routing_flat"].selected_columns.keys())
    assert list(FLAT_COLUMNS[:52]) == view[:52]
    assert [c.name for c in tables("routing").routing_flat_table.c] == list(FLAT_COLUMNS)
    assert set(FLAT_COLUMNS) <= set(view)
