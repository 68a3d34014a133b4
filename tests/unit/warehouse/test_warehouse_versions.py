"""Publications by item versions: whatever happened before, a publication shows what a full rewrite would show."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from collations import give_collation
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from warehouse_nights import (
    ITEMS,
    JOBS,
    STATES,
    Life,
    Night,
    alone,
    left_behind,
    rows_of,
    shown,
    stamps,
    write_night,
)
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, warehouse, write_rows

from routing_etl.database.engine import make_engine
from routing_etl.errors import WarehouseError
from routing_etl.frames import FRAMES
from routing_etl.settings import load_settings
from routing_etl.warehouse.load_shards import ShardLoader
from routing_etl.warehouse.migrate import downgrade, migrate
from routing_etl.warehouse.output_profiles import load_output_profile, render
from routing_etl.warehouse.own_readers import reads_by_number
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import tables

NIGHTS = st.tuples(
    st.tuples(*[st.sampled_from(STATES)] * len(ITEMS)), st.tuples(*[st.integers(0, 2)] * len(JOBS))
)
EVENTS = st.one_of(
    st.tuples(st.just("night"), NIGHTS),
    st.tuples(st.just("night"), NIGHTS),
    st.tuples(st.just("load"), NIGHTS),
    st.tuples(st.just("dead_load"), NIGHTS, st.integers(0, 60)),
    st.tuples(st.just("rollback"), st.integers(0, 5)),
    st.tuples(st.just("purge"), st.integers(1, 3)),
)


# Without shrinking: each try is a life of many loads.
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(events=st.lists(EVENTS, min_size=2, max_size=10))
# killed after its last row: the load is whole, and its lock is left
@example(
    events=[
        ("dead_load", (("absent", "other machine", "other machine", "one"), (2, 1)), 40),
        ("load", (("absent", "abstained", "abstained", "two"), (0, 2))),
        ("night", (("one", "abstained", "other machine", "one"), (0, 0))),
    ]
)
def test_whatever_happened_every_publication_shows_what_a_full_rewrite_shows(tmp_path_factory, events):
    life = Life(tmp_path_factory.mktemp("life"))
    for name, *given_ in events:
        getattr(life, name)(*given_)
        life.check()
    life.check_all()
    life.purge(1)
    life.check_all()
    life.publisher._engine.dispose()


# --- what is written ----------------------------------------------------------------------------------------------------
FIRST: Night = (("one", "abstained", "two", "absent"), (1, 1))


@pytest.fixture
def life(tmp_path):
    made = Life(tmp_path)
    yield made
    made.publisher._engine.dispose()


def rows_with(life, publication_id):
    """Rows by the publication that wrote them, by table; tables without any are not named."""
    with life.publisher._engine.connect() as connection:
        found = {
            table.name: connection.execute(
                sa.select(sa.func.count()).select_from(table).where(number == publication_id)
            ).scalar()
            for versioned in life.publisher.tables.versioned
            for table, number in Publisher._by_number(versioned)
        }
    return {table: n for table, n in found.items() if n}


def test_only_what_has_changed_is_written(life):
    first = life.night(FIRST)
    assert (first.items_changed, first.rows["candidate"]) == (5, 4), "three of them and two of every night"
    changed = life.night((("two", "abstained", "absent", "absent"), (1, 2)))
    assert rows_with(life, changed.publication_id) == {
        "candidate": 2,
        "candidate_operation": 4,
        "candidate_evidence": 2,
        "item_version": 2,
        "resource_alternative": 1,
        "job_version": 1,
    }
    assert (changed.items_changed, changed.rows_written) == (2, 12)
    assert changed.rows["candidate"] == 3, "what it shows is whole"
    assert rows_with(life, first.publication_id)["candidate"] == 4, "nothing of the first was touched"


def test_another_model_with_the_same_answers_writes_no_row(life):
    life.night(FIRST)
    files = write_night(life.folder / "again", FIRST)
    report = life.publisher.load(files, run_id="r", model_version="another")
    assert (report.reused, report.items_changed, report.rows_written) == (False, 0, 0)
    life.publisher.publish(report.publication_id)
    assert stamps(life.publisher._engine) == {report.publication_id}
    with life.publisher._engine.connect() as connection:
        models = connection.exec_driver_sql("SELECT DISTINCT MODEL_VERSION FROM routing_flat").all()
    assert [m[0] for m in models] == ["another"]


def test_an_item_that_is_gone_comes_back_as_it_was(life):
    assert life.night(FIRST).writer
    gone = life.night((("absent", "abstained", "two", "absent"), (0, 1)))
    assert (gone.writer, gone.rows_written) == ("", 2), "closing versions sends no rows"
    third = life.night((("one", "abstained", "two", "one"), (1, 1)))
    assert third.items_changed == 2
    life.check_all()


def test_what_was_shown_on_a_day_is_a_query(life):
    """The T-SQL of sql/shown_on_a_day.sql, as SQLite takes it."""
    for state in ("one", "two", "absent", "other machine"):
        life.night(((state, "abstained", "absent", "absent"), (0, 0)))
    life.publisher.rollback(to=2)
    at = (
        "SELECT e.publication_id FROM publication_event AS e WHERE e.event IN ('published', 'rolled_back') "
        "AND e.happened_at <= ? ORDER BY e.id DESC LIMIT 1"
    )
    shown_then = (
        "SELECT c.candidate_rank FROM routing_item_versions AS v JOIN candidate AS c "
        "ON c.publication_id = v.from_publication AND c.item_cd = v.item_cd WHERE v.item_cd = 'A1' "
        "AND v.from_publication <= ? AND (v.to_publication IS NULL OR v.to_publication > ?) ORDER BY 1"
    )
    with life.publisher._engine.connect() as connection:
        moves = connection.exec_driver_sql(
            "SELECT happened_at, publication_id FROM publication_event WHERE event IN ('published', 'rolled_back') "
            "ORDER BY id"
        ).all()
        answers = []
        for moment, publication in moves:
            found = connection.exec_driver_sql(at, (moment,)).scalar()
            assert found == publication
            rows = connection.exec_driver_sql(shown_then, (found, found)).all()
            answers.append([r[0] for r in rows])
        spans = connection.exec_driver_sql(
            "SELECT from_publication, to_publication, shown FROM routing_item_versions WHERE item_cd = 'A1' ORDER BY 1"
        ).all()
    assert answers == [[1], [1, 2], [], [1], [1, 2]], "the last is the rollback"
    assert [tuple(s) for s in spans] == [(1, 2, 1), (2, 3, 1), (3, 4, 0), (4, None, 1)]


# --- what was rolled back -------------------------------------------------------------------------------------------------
BAD: Night = (("other machine", "one", "two", "one"), (2, 2))


def test_what_was_rolled_back_does_not_come_back_by_itself(life):
    good, bad = life.night(FIRST), life.night(BAD)
    life.publisher.rollback()
    again = life.load(BAD)
    assert (again.publication_id, again.reused, again.withdrawn) == (bad.publication_id, True, True)
    assert life.publisher.current() == good.publication_id
    other = life.night((("one", "one", "one", "one"), (1, 1)))
    assert not other.withdrawn and life.publisher.current() == other.publication_id
    assert life.load(BAD).withdrawn, "a good night between does not make it better"
    life.publisher.publish(bad.publication_id)
    assert not life.load(BAD).withdrawn, "somebody wanted it"


def test_it_is_remembered_when_its_rows_are_gone_and_loaded_when_asked_for(life):
    life.night(FIRST)
    bad = life.night(BAD)
    life.publisher.rollback()
    life.purge(1)
    assert rows_with(life, bad.publication_id) == {}
    refused = life.load(BAD)
    assert (refused.withdrawn, refused.state) == (True, "purged")
    asked = life.load(BAD, again=True)
    assert not asked.reused and asked.publication_id > bad.publication_id
    life.publisher.publish(asked.publication_id)
    life.check()
    assert not life.load(BAD).withdrawn


def test_all_that_a_rollback_goes_back_over_is_withdrawn(life):
    nights = [FIRST, BAD, (("two",) * 4, (1, 1))]
    first, *_ = [life.night(night).publication_id for night in nights]
    life.publisher.rollback(to=first)
    assert [life.load(night).withdrawn for night in nights] == [False, True, True]


# --- a database that takes two spellings for one code ----------------------------------------------------------------------
def test_an_item_in_another_spelling_is_the_same_item(tmp_path):
    settings = load_settings(home=tmp_path, warehouse_url=f"sqlite:///{(tmp_path / 'w.db').as_posix()}")
    engine = make_engine(settings.warehouse, "warehouse", settings)
    give_collation(engine, None, "NOCASE")
    publisher = Publisher(engine, settings)
    for number, item in enumerate(("a1", "A1", "A1", "a1", None)):
        rows = known_rows()
        if item:
            rows["candidates"].append(CANDIDATE | {"item_cd": item, "item_key": "A1", "candidate_id": "C"})
            rows["candidate_operations"].append(OPERATION | {"item_cd": item, "item_key": "A1"})
        rows["candidates"][0]["support"] = number / 10
        loaded = publisher.load(write_rows(tmp_path / f"p{number}", rows), run_id="r", model_version="m")
        publisher.publish(loaded.publication_id)
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT item_cd FROM routing_candidates WHERE item_cd = 'a1'"
            ).all()
        assert [f[0] for f in found] == ([item] if item else [])
    publisher.purge(1)
    assert left_behind(publisher) == {}
    engine.dispose()


# --- earlier releases ---------------------------------------------------------------------------------------------------------
def test_a_warehouse_goes_back_to_whole_batches_and_forward_again(life):
    """Down: each kept publication is written out whole. Up: each gets versions. Every one shows what it did."""
    engine = life.publisher._engine
    for night in (
        FIRST,
        BAD,
        (("one", "absent", "two", "one"), (1, 0)),
        (("one", "one", "two", "one"), (1, 1)),
    ):
        life.night(night)
    life.purge(3)
    kept = [p.id for p in life.publisher.list() if p.rows_present]
    assert kept == [4, 3, 2]

    def check_kept():
        for number in kept:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE current_publication SET publication_id = {number}")
            assert shown(engine) == alone(life.nights[number])

    def check_as_of_then():
        """Views of an earlier revision lack the columns that later ones have added, which stand last."""
        for number in kept:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE current_publication SET publication_id = {number}")
            whole = alone(life.nights[number])
            for view, found in shown(engine).items():
                width = len(found[0]) if found else None
                assert found == sorted((row[:width] for row in whole[view]), key=str), view

    downgrade(engine, None, "0005")
    check_as_of_then()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT publication_id FROM candidate ORDER BY 1").all() == [
            (2,), (3,), (4,)
        ]  # fmt: skip
    migrate(engine, None)
    check_kept()
    report = life.night((("one", "one", "two", "two"), (1, 1)))
    assert report.items_changed == 6, "what a release before wrote has no hash: it is written once more"
    assert life.night((("one", "one", "two", "one"), (0, 1))).items_changed == 1
    life.check_all()
    life.purge(1)
    life.check()


OLD_VIEW = (
    "CREATE VIEW mine AS SELECT c.item_cd, c.candidate_rank FROM current_publication AS p "
    "JOIN candidate AS c ON c.publication_id = p.publication_id"
)


def test_a_view_that_an_earlier_release_rendered_stops_the_load_before_it_shows_wrong_rows(life):
    life.night(FIRST)
    engine = life.publisher._engine
    with engine.begin() as connection:
        connection.exec_driver_sql(OLD_VIEW)
        before = connection.exec_driver_sql("SELECT COUNT(*) FROM mine").scalar()
    with pytest.raises(WarehouseError, match=r"mine would show wrong rows.*routing-etl sql render"):
        life.load(BAD)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM mine").scalar() == before == 4
        connection.exec_driver_sql("DROP VIEW mine")
        script = render(load_output_profile(), "sqlite", None).replace(".bail on", "")
        connection.connection.driver_connection.executescript(script)
    life.night(BAD)
    with engine.connect() as connection:
        shown_there, ours = (
            connection.exec_driver_sql(f"SELECT COUNT(*) FROM {view}").scalar()
            for view in (load_output_profile().view, "routing_flat")
        )
    assert shown_there == ours > 0


def procedures():
    """Name and text of the procedures that `sql/` makes today."""
    found = {}
    for path in (Path(__file__).parents[3] / "sql").glob("*.sql"):
        for batch in re.split(r"(?m)^GO$", path.read_text(encoding="utf-8")):
            made = re.search(r"^ALTER PROCEDURE (\S+)", batch, re.M)
            if made:
                found[made[1]] = batch
    return found


OLD_PROCEDURE = """CREATE PROCEDURE routing.adopt_candidate AS
SELECT @rank = c.candidate_rank FROM routing.current_publication AS p
JOIN [routing].[candidate] AS c ON c.publication_id = p.publication_id"""


def test_only_what_reads_our_tables_by_number_is_refused():
    """The procedures of today speak of candidates in messages and comments and read our views; a night must go on beside them."""
    ours = procedures()
    assert {"routing.adopt_candidate", "routing.reject_candidates", "routing.adopt_time"} <= set(ours)
    assert [name for name, text in ours.items() if reads_by_number(text, tables("routing"))] == []
    for old in (
        OLD_VIEW,
        OLD_PROCEDURE,
        OLD_VIEW.replace(" AS p JOIN candidate AS c ON", " p, candidate c WHERE"),
    ):
        assert reads_by_number(old, tables("routing"))
    assert not reads_by_number(OLD_VIEW + " JOIN item_version AS v ON 1 = 1", tables("routing"))


# --- shard by shard -----------------------------------------------------------------------------------------------------------
SHARDS = ("part-000of002-", "part-001of002-")


def write_shards(folder, night):
    """A night's predictions in the part files of two shards; the second has one item."""
    rows = rows_of(night)
    for name, values in rows.items():
        (folder / name).mkdir(parents=True)
        frame = FRAMES[name].conform(typed(name, values))
        if "item_cd" not in frame.columns:
            frame.write_parquet(folder / name / "part-00000.parquet")
            continue
        second = pl.col("item_cd") == "C3"
        for prefix, part in zip(SHARDS, (frame.filter(~second), frame.filter(second)), strict=True):
            part.write_parquet(folder / name / f"{prefix}00000.parquet")
    return folder


def typed(name, values):
    frame = pl.DataFrame(values, infer_schema_length=None) if values else FRAMES[name].empty()
    if frame.schema.get("last_used") == pl.String:
        frame = frame.with_columns(pl.col("last_used").str.to_date())
    return frame


def test_nights_in_shards_show_what_nights_in_one_piece_show(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db")
    loader = ShardLoader(publisher._engine, settings)
    nights: list[Night] = [
        FIRST,
        (("two", "abstained", "two", "one"), (1, 2)),
        (("two", "one", "absent", "one"), (0, 2)),
        (("absent", "one", "abstained", "one"), (0, 2)),
    ]
    for number, night in enumerate(nights):
        files = write_shards(tmp_path / f"p{number}", night)
        opened = loader.open(files, run_id="r", model_version="m")
        for shard in SHARDS:
            loader.load_shard(opened.publication_id, files, shard, again=False)
        loader.load_shard(opened.publication_id, files, SHARDS[1], again=True)
        closed = loader.close(opened.publication_id, files, model_version="m")
        publisher.publish(closed.publication_id)
        assert shown(publisher._engine) == alone(night)
    assert closed.items_changed == 2, "one is gone and one came back without a proposal"
    publisher.rollback(to=1)
    assert shown(publisher._engine) == alone(FIRST)
    opened = loader.open(files, run_id="r", model_version="m")
    assert opened.reused and loader.load_shard(opened.publication_id, files, SHARDS[0], again=False) == 0
    assert loader.close(opened.publication_id, files, model_version="m").withdrawn
    publisher.purge(1)
    assert left_behind(publisher) == {}
    assert loader.takes_shards(opened.publication_id), "it is remembered when its rows are gone"
    assert loader.close(opened.publication_id, files, model_version="m").withdrawn
    publisher._engine.dispose()
