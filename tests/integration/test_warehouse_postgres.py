"""The warehouse on a second real server: schema, views, load, publish, locks and readers under READ COMMITTED."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
import sqlalchemy as sa
import warehouse_older
from sqlalchemy.engine import make_url
from view_lint import views_by_item
from warehouse_crash import check_current, leftovers
from warehouse_fence import wakes_fenced
from warehouse_predictions import (
    CANDIDATE,
    OPERATION,
    known_rows,
    many_frames,
    write_frames,
    write_many,
    write_rows,
)
from warehouse_readers import Readers
from warehouse_records import stored_runs

from routing_etl.database.engine import make_engine
from routing_etl.errors import LockedError, ReconcileError, TransientDatabaseError, WarehouseError
from routing_etl.frames import CheckOutcome
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.load import BatchWriter
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.output_profiles import load_output_profile, render
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.views import VIEW_NAMES, view_selects
from routing_etl.warehouse.writing import begin_read, of_run, put_in_force, require_newest

pytestmark = pytest.mark.integration


def create_database(server, name, template="template1"):
    """An engine's URL of a new database."""
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    admin.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def migrated(postgres_url):
    """A database migrated into schema `plan` beside a table that is not ours, to be copied."""
    engine = sa.create_engine(create_database(postgres_url, "migrated"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.theirs (x integer)")
    m.migrate(engine, "plan")
    engine.dispose()
    return "migrated"


@pytest.fixture
def house(postgres_url, migrated, tmp_path, request):
    """A migrated database of its own for each test."""
    url = create_database(postgres_url, f"t_{abs(hash(request.node.name)) % 10**8}", migrated)
    settings = load_settings(
        home=tmp_path, warehouse_url=url, warehouse_schema="plan", load_rows=300, pool_size=8
    )
    engine = make_engine(url, "warehouse", settings)
    yield Publisher(engine, settings), settings
    engine.dispose()


def rows(publisher, sql, *parameters):
    with publisher._engine.connect() as connection:
        return connection.exec_driver_sql(sql, tuple(parameters)).all()


def test_migrations_there_and_back_touch_only_our_schema(house):
    publisher, _ = house
    engine = publisher._engine
    m.check_head(engine, "plan")
    inspector = sa.inspect(engine)
    assert set(inspector.get_view_names("plan")) == set(VIEW_NAMES)
    assert inspector.get_table_names("public") == ["theirs"]
    assert set(inspector.get_table_names("plan")) == {
        t.name for t in tables("plan").metadata.sorted_tables
    } | {m.VERSION_TABLE}
    m.downgrade(engine, "plan", "base")
    inspector = sa.inspect(engine)
    assert inspector.get_table_names("plan") == [m.VERSION_TABLE] and inspector.get_view_names("plan") == []
    assert inspector.get_table_names("public") == ["theirs"]
    with pytest.raises(WarehouseError, match=r"schema 'plan'.*routing-etl migrate"):
        m.check_head(engine, "plan")


def test_load_publish_and_what_the_views_show(house, tmp_path):
    publisher, _ = house
    batch = known_rows()
    blank = {"item_cd": " 4H69065ZZ", "item_key": "4H69065ZZ"}
    batch["candidates"].append(CANDIDATE | blank | {"candidate_id": " 4H69065ZZ_C01"})
    batch["candidate_operations"].append(OPERATION | blank | {"job_nm": "𠀀 누설"})
    batch["abstained"] = [batch["abstained"][0] | {"item_cd": "Z", "item_key": "Z"}]
    report = publisher.load(write_rows(tmp_path / "p", batch), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    assert check_current(publisher) == report.publication_id
    flat = rows(
        publisher,
        'SELECT "PROC_SEQ", "INSIDE_FLAG", "SETUP_TIME", "MACH_WORKED_HOURS", "VALID_TO_DT" FROM plan.routing_flat '
        'WHERE "ITEM_CD" = %s ORDER BY "PROC_SEQ"',
        "3H18091DB",
    )
    assert [(r[0], r[1], float(r[2]), float(r[3]), str(r[4])) for r in flat] == [
        (10, "사내", 12.35, 3.22, "2999-12-31"),
        (20, "외주", 0.0, 0.0, "2999-12-31"),
    ]
    plain = rows(
        publisher,
        "SELECT setup_time, run_time, job_nm FROM plan.routing_predictions WHERE item_cd = %s",
        " 4H69065ZZ",
    )
    assert [(float(r[0]), float(r[1]), r[2]) for r in plain] == [(12.3457, 3.2199, "𠀀 누설")]
    alternatives = rows(
        publisher,
        'SELECT "JOB_CD", "RES_CD" FROM plan.routing_candidate_resources WHERE "ITEM_CD" = %s ORDER BY "ID"',
        "3H18091DB",
    )
    assert [tuple(r) for r in alternatives] == [("A01-2", "CNC-02"), ("A01-2", "CNC-대기")]
    assert rows(publisher, "SELECT generated_at FROM plan.routing_candidates")[0][0].utcoffset() is None
    assert publisher.load(tmp_path / "p", run_id="r2", model_version="m").reused


def test_reconcile_rollback_and_purge(house, tmp_path):
    publisher, settings = house

    class Loses(BatchWriter):
        def write(self, connection, table, frame):
            return super().write(
                connection, table, frame.head(frame.height - (table.name == "candidate_evidence"))
            )

    first = publisher.load(write_many(tmp_path / "a", 40), run_id="r", model_version="m").publication_id
    publisher.publish(first)
    bad = Publisher(publisher._engine, settings, writer=Loses(100))
    with pytest.raises(ReconcileError, match="candidate_evidence"):
        bad.load(write_many(tmp_path / "b", 20, seed=1), run_id="r", model_version="m")
    second = publisher.load(
        write_many(tmp_path / "b", 20, seed=1), run_id="r", model_version="m"
    ).publication_id
    publisher.publish(second)
    assert publisher.rollback().publication_id == first == check_current(publisher)
    assert publisher.purge(1) == (second,)
    assert leftovers(publisher) == 0 and check_current(publisher) == first


def test_constraints_are_named(house, tmp_path):
    publisher, _ = house
    batch = known_rows()
    batch["candidate_operations"][0]["optimal_time"] = 9.0
    with pytest.raises(WarehouseError, match="ck_candidate_operation_opt_std_safe"):
        publisher.load(write_rows(tmp_path / "p", batch), run_id="r", model_version="m")
    assert publisher.list()[0].state == "failed"


def test_a_second_writer_is_refused(house):
    publisher, _ = house
    with (
        WriterLock(publisher._engine, publisher.tables, "load of run other"),
        pytest.raises(LockedError, match="load of run other"),
    ):
        publisher.purge(1)


def test_a_writer_that_wakes_after_another_has_published_is_fenced(house, tmp_path):
    slow, settings = house
    other = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    wakes_fenced(slow, other, write_many(tmp_path / "a", 6, seed=1), write_many(tmp_path / "b", 6, seed=2))
    other._engine.dispose()


@pytest.mark.parametrize("case", warehouse_older.CASES, ids=lambda case: case.__name__)
def test_an_older_read(house, case, tmp_path):
    slow, settings = house
    other = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    case(slow, other, tmp_path)
    other._engine.dispose()


def test_no_later_read_comes_into_force_between_the_last_look_and_the_commit(house):
    slow, _ = house
    for run_id in ("slow", "other"):
        begin_read(slow._engine, slow.schema, run_id)
    with slow._engine.connect() as writes, of_run("slow"):
        require_newest(writes, slow.schema, until_commit=True)
        with slow._engine.begin() as later, pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            later.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            put_in_force(later, slow.schema, "other")


def test_the_lock_cannot_be_taken_over_within_a_write_transaction(house):
    """Nor does the transaction hide from others who works."""
    slow, _ = house
    row = slow.tables.writer_lock
    with WriterLock(slow._engine, slow.tables, "load of run slow") as lock, slow._engine.connect() as writes:
        lock.fence(writes)
        with slow._engine.begin() as other, pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            other.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            other.execute(sa.update(row).values(owner="thief"))
        with pytest.raises(LockedError, match="load of run slow"):
            WriterLock(slow._engine, slow.tables, "b").__enter__()


def test_readers_under_read_committed_see_one_whole_publication(house, tmp_path):
    publisher, settings = house
    folders, totals = [], []
    for number in range(2):
        frames = many_frames(20 + 10 * number, seed=number)
        folders.append(write_frames(tmp_path / f"p{number}", frames))
        operations = frames["candidate_operations"]
        totals.append((operations.height, operations.select(pl.col("sample_count").sum()).item()))
    ids = [publisher.load(f, run_id="r", model_version="m").publication_id for f in folders]
    url = settings.warehouse

    def reading_engine():
        engine = sa.create_engine(url)

        @sa.event.listens_for(engine, "connect")
        def _path(connection, _record):
            connection.execute("SET search_path TO plan")
            connection.commit()

        return engine

    readers = Readers(reading_engine, 3, "0H10000DB", 21, whole_every=3, marker="%s")
    readers.expected.update(zip(ids, totals, strict=True))
    publisher.publish(ids[0])
    with readers:
        for number in range(40):
            publisher.publish(ids[number % 2])
    seen = readers.total()
    assert seen.errors == []
    assert (seen.mixed, seen.empty, seen.wrong) == (0, 0, 0)
    assert len(seen.publications) == 2


def test_records(house):
    publisher, settings = house
    records = RunRecords(publisher._engine, settings)
    records.start_run("r1", "night", metadata={"씨앗": 42})
    outcome = CheckOutcome("items", "c", "e", None, "warning", False, "1", "0", 10, 1, ("가",))
    assert records.store_checks("r1", [outcome]) == 1
    records.finish_run("r1", RunEnd("succeeded", rows_read=5))
    assert stored_runs(records)[0]["metadata"]["씨앗"] == 42
    models = ModelRecords(publisher._engine, settings)
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    metric = {"method": "model", "split": "time", "segment": "all", "metric": "mae", "value": 1.5, "n": 3}
    assert models.store_metrics("v1", pl.DataFrame([metric]), run_id="r1") == 1
    assert rows(publisher, "SELECT value FROM plan.model_quality_trend")[0][0] == 1.5
    assert rows(publisher, "SELECT warnings_failed FROM plan.batch_run_summary")[0][0] == 1


def index_conditions(connection, sql):
    """The condition on the index for each table of items in the plan of a prepared look-up; None: no index."""
    connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE look_up(text) AS {sql}")
    (found,) = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) EXECUTE look_up('1H10001DB')").one()
    connection.exec_driver_sql("DEALLOCATE look_up")
    nodes, conditions = [found[0]["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name", "") in {
            "candidate",
            "candidate_operation",
            "candidate_evidence",
            "abstained_item",
            "item_version",
            "standard_time_proposal",
            "routing_feedback",
            "prediction_outcome",
        }:
            conditions.append(node.get("Index Cond"))
    return conditions


def test_a_look_up_by_item_reaches_the_index_through_every_view(house, tmp_path):
    """With a plan for any item, as a screen's prepared statement gets it."""
    publisher, _ = house
    publisher.publish(
        publisher.load(write_many(tmp_path / "p", 60), run_id="r", model_version="m").publication_id
    )
    selects = view_selects("plan", "postgresql")
    with publisher._engine.connect() as connection:
        # Sixty items fit into a few pages, which would be read whole.
        connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for view in views_by_item():
            name = next(c.name for c in selects[view].selected_columns if c.name.lower() == "item_cd")
            sought = index_conditions(connection, f'SELECT * FROM plan.{view} WHERE "{name}" = $1')
            assert sought and all("item_cd" in str(condition) for condition in sought), view
        hidden = index_conditions(connection, 'SELECT * FROM plan.routing_flat WHERE upper("ITEM_CD") = $1')
        assert not all("item_cd = $1" in str(condition) for condition in hidden)


def test_a_server_that_is_gone_is_one_clear_sentence(house):
    _, settings = house
    url = make_url(settings.warehouse).set(port=1).render_as_string(hide_password=False)
    engine = make_engine(url, "warehouse", settings)
    with pytest.raises(TransientDatabaseError, match="ROUTING_ETL_WAREHOUSE_URL"):
        Publisher(engine, settings).list()


def test_the_fixed_table_changes_only_what_differs_and_whole(house, tmp_path):
    """`xmin` is the transaction that wrote a row: it stays on rows that a publication does not touch."""
    publisher, settings = house
    fixed = Publisher(publisher._engine, settings.model_copy(update={"publish_mode": "table"}))

    def batch(*items):
        made = {name: [] for name in known_rows()}
        for item, minutes in items:
            key = {"item_cd": item, "item_key": item}
            made["candidates"].append(CANDIDATE | key | {"candidate_id": f"{item}_C01"})
            made["candidate_operations"].append(OPERATION | key | {"setup_time": minutes})
        return made

    def load(name, *items):
        folder = write_rows(tmp_path / name, batch(*items))
        return fixed.load(folder, run_id="r", model_version="m").publication_id

    held = 'SELECT "ITEM_CD", "SETUP_TIME", xmin::text FROM plan.routing_flat_table ORDER BY 1'
    fixed.publish(load("a", ("A", 1.0), ("B", 2.0), ("C", 3.0)))
    before = rows(publisher, held)
    fixed.publish(load("b", ("A", 1.0), ("B", 9.0), ("D", 4.0)))
    after = rows(publisher, held)
    assert [(r[0], float(r[1])) for r in after] == [("A", 1.0), ("B", 9.0), ("D", 4.0)]
    assert [a[2] == b[2] for a, b in zip(before[:2], after[:2], strict=True)] == [True, False]
    shown = rows(publisher, 'SELECT "ITEM_CD", "SETUP_TIME" FROM plan.routing_flat ORDER BY 1')
    assert [tuple(r) for r in shown] == [tuple(r[:2]) for r in after]
    # A failure leaves pointer and table as they were.
    current = fixed.current()
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE plan.routing_flat_table ADD CONSTRAINT no_e CHECK (\"ITEM_CD\" <> 'E')"
        )
    other = load("c", ("A", 5.0), ("E", 1.0))
    with pytest.raises(WarehouseError, match="no_e"):
        fixed.publish(other)
    assert fixed.current() == current and rows(publisher, held) == after


def test_an_engineer_accepts_a_candidate(house, tmp_path):
    publisher, settings = house
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    item, candidate = CANDIDATE["item_cd"], CANDIDATE["candidate_id"]
    first = adopt(publisher._engine, settings.warehouse_schema, item, candidate, "kim")
    again = adopt(publisher._engine, settings.warehouse_schema, item, candidate, "lee")
    assert (first.new, again.new, again.accepted_by) == (True, False, "kim")
    shapes = {name: (len(found), len(found[0])) for name, found in first.rows.items()}
    assert shapes == {"bop_proc_master": (1, 28), "bop_proc_detail": (2, 93), "bop_proc_res": (2, 39)}
    assert rows(publisher, "SELECT count(*) FROM plan.routing_feedback")[0][0] == 1


def test_the_profiles_view_can_be_made_and_made_again(house, tmp_path):
    publisher, _ = house
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    for _ in range(2):
        with publisher._engine.begin() as connection:
            connection.exec_driver_sql(
                render(load_output_profile(), "postgresql", "plan").replace("\\set ON_ERROR_STOP on", "")
            )
    found = rows(publisher, "SELECT * FROM plan.routing_flat_52")
    assert len(found) == 2 and len(found[0]) == 52
    publisher._engine.dispose()


def test_views_for_those_who_watch_say_on_postgresql_what_they_say_on_sqlite(house, tmp_path):
    from watched import NOW, fill_in, known_warehouse

    from routing_etl.pipeline.watch import metrics_text, watched
    from routing_etl.pipeline.weekly import weekly
    from routing_etl.sheets.weekly import weekly_page
    from routing_etl.warehouse.questions import answer, newest_on_record, rows_by_table

    publisher, settings = house
    loaded = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="night0", model_version="m1")
    publisher.publish(loaded.publication_id)
    engine, schema = publisher._engine, settings.warehouse_schema
    with engine.begin() as connection:
        fill_in(connection, tables(schema))
    embedded = known_warehouse(tmp_path / "embedded", load_rows=300)
    other = make_engine(embedded.warehouse, "warehouse", embedded)
    for view in (
        "families_by_month", "rejects_by_rule", "time_profile_changes", "published_by_night", "publication_shown", "freshness",
        "who_did_what", "batch_run_summary", "publication_changes",
    ):  # fmt: skip
        here, there = answer(engine, schema, view), answer(other, schema, view)
        assert here.columns == there.columns and here.height == there.height > 0, view
        for name in here.columns:
            assert sorted(_plain(v) for v in here[name]) == sorted(_plain(v) for v in there[name]), (
                view,
                name,
            )
    theirs, ours = (weekly(of, NOW) for of in (embedded, settings))
    assert ours.glance == theirs.glance and [t.code for t in ours.todo] == [t.code for t in theirs.todo]
    assert weekly_page(ours).count("data:image/png") == weekly_page(theirs).count("data:image/png") == 4
    assert metrics_text(watched(settings, NOW)) == metrics_text(watched(embedded, NOW))
    assert newest_on_record(engine, schema) is not None
    assert dict(rows_by_table(engine, schema))["batch_run"] == 6
    other.dispose()


def _plain(value):
    """Dates and numbers as both databases write them."""
    return str(round(float(value), 6)) if isinstance(value, int | float | Decimal) else str(value)
