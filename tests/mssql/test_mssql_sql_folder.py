"""What DBAs and the ERP team run by hand, on the server: the scripts of `sql/`, taking over a proposal, the fixed table.

The scripts name schema `routing` and their three roles; here both get names of the test's own.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from mssql_server import drop_schema, new_schema
from tsql_on_sqlite import queries
from warehouse_predictions import CANDIDATE, known_rows, many_frames, write_frames, write_rows
from warehouse_stored import publish_review
from watched import fill_in

from routing_etl.errors import ItemNotFoundError, WarehouseError
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.fixed_table import STAMPS
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import FLAT_COLUMNS

FOLDER = Path(__file__).parents[2] / "sql"
ITEM, CANDIDATE_ID = CANDIDATE["item_cd"], CANDIDATE["candidate_id"]


def batches(name: str, schema: str, roles: str = "") -> list[str]:
    """The batches of a script (split at GO), for another schema and with a suffix at the roles' names."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    text = re.sub(r"\brouting(?=\.[a-z])|(?<=SCHEMA::)routing\b", schema, text)
    text = re.sub(r"\b(routing_(?:erp_reader|etl_writer|metrics_reader|etl_migrator))\b", rf"\1{roles}", text)
    return [b.strip() for b in re.split(r"(?im)^\s*GO\s*$", text) if b.strip()]


def statements(name: str, schema: str, roles: str = "") -> list[str]:
    """The statements of a script in which each ends with a semicolon at a line's end, without comments."""
    bare = [re.sub(r"(?m)--.*$", "", b) for b in batches(name, schema, roles)]
    return [s.strip() for b in bare for s in re.split(r";\s*$", b, flags=re.MULTILINE) if s.strip()]


class Refused(Exception):
    """The server does not take a statement."""


def run(engine: sa.Engine, statement: str) -> list[list[tuple]]:
    """Every result set of a batch, outside of a transaction of ours. Raises Refused."""
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        cursor = connection.connection.cursor()
        try:
            cursor.execute(statement)
            results = []
            while True:
                if cursor.description is not None:
                    results.append([tuple(row) for row in cursor.fetchall()])
                if not cursor.nextset():
                    return results
        except engine.dialect.loaded_dbapi.Error as exc:
            raise Refused(str(exc)) from exc
        finally:
            cursor.close()


@pytest.fixture
def published(publisher, tmp_path) -> int:
    """One publication of which every value is known."""
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    return report.publication_id


@pytest.fixture
def feedback(publisher) -> Iterator[sa.Table]:
    """The table of accepted proposals, empty again at the end."""
    table = publisher.tables.routing_feedback
    yield table
    with publisher._engine.begin() as connection:
        connection.execute(sa.delete(table))


def test_a_proposal_is_taken_over_once(publisher, published, schema, feedback):
    first = adopt(publisher._engine, schema, ITEM, CANDIDATE_ID, " kim ")
    assert (first.new, first.accepted_by, first.publication_id) == (True, "kim", published)
    assert [len(r) for r in first.rows.values()][:2] == [1, 2]
    again = adopt(publisher._engine, schema, ITEM, CANDIDATE_ID, "lee")
    assert (again.new, again.accepted_by, again.accepted_at) == (False, "kim", first.accepted_at)
    assert again.rows == first.rows
    with pytest.raises(ItemNotFoundError, match=re.escape(CANDIDATE_ID)):
        adopt(publisher._engine, schema, ITEM, "no such candidate", "kim")


def test_the_procedure_does_the_same(publisher, published, schema, feedback):
    engine = publisher._engine
    roles = f"_{uuid.uuid4().hex[:8]}"
    for batch in batches("adopt_candidate.sql", schema, roles):
        if not batch.lstrip("- ").startswith("The ERP's users") and "GRANT EXECUTE" not in batch:
            run(engine, batch)
    call = (
        f"EXEC {schema}.adopt_candidate @item_cd = N'{ITEM}', @candidate_id = N'{{}}', @accepted_by = N'{{}}'"
    )
    try:
        mark, master, detail, resources = run(engine, call.format(CANDIDATE_ID, "김"))
        wanted = adopt(engine, schema, ITEM, CANDIDATE_ID, "other")
        assert not wanted.new and wanted.accepted_by == "김", "the procedure's mark is the product's"
        assert mark[0][:3] == (ITEM, CANDIDATE_ID, published) and mark[0][4] == "김"
        for rows, view in (
            (master, "bop_proc_master"),
            (detail, "bop_proc_detail"),
            (resources, "bop_proc_res"),
        ):
            assert rows == [tuple(r.values()) for r in wanted.rows[view]], view
        again = run(engine, call.format(CANDIDATE_ID, "lee"))
        assert again[0] == mark
        with pytest.raises(Refused, match="is not in the published batch"):
            run(engine, call.format("none", "lee"))
        with pytest.raises(Refused, match="accepted_by is empty"):
            run(engine, call.format(CANDIDATE_ID, " "))
    finally:
        run(engine, f"DROP PROCEDURE {schema}.adopt_candidate")


@contextmanager
def procedures(engine: sa.Engine, script: str, schema: str) -> Iterator[None]:
    """The procedures of a script, without the grants on them."""
    made: list[str] = []
    try:
        for batch in batches(script, schema):
            if "GRANT EXECUTE" not in batch:
                run(engine, batch)
                made += re.findall(r"^ALTER PROCEDURE (\S+)", batch, re.M)
        yield
    finally:
        for name in made:
            run(engine, f"DROP PROCEDURE {name}")


def test_marks_by_procedure_and_a_load_beside_them(publisher, published, schema, feedback, tmp_path):
    engine = publisher._engine
    reject_it = f"EXEC {schema}.reject_candidates @item_cd = N'{ITEM}', @reason_code = '{{}}', @rejected_by = N'박', @remark = N'zu groß'"
    undo_it = f"EXEC {schema}.undo_marks @item_cd = N'{ITEM}', @undone_by = N'lee'"
    with procedures(engine, "adopt_candidate.sql", schema), procedures(engine, "mark_candidate.sql", schema):
        (marks,) = run(engine, reject_it.format("wrong_machine"))
        assert [m[:2] + m[3:7] for m in marks] == [
            (ITEM, CANDIDATE_ID, "rejected", "wrong_machine", "zu groß", "박")
        ]
        with pytest.raises(Refused, match="is not one of the reasons"):
            run(engine, reject_it.format("nonsense"))
        with pytest.raises(WarehouseError, match="is rejected, by 박"):
            adopt(engine, schema, ITEM, CANDIDATE_ID, "kim")
        (undone,) = run(engine, undo_it)
        assert [u[4] for u in undone] == ["lee"]
        with pytest.raises(Refused, match="has a mark in force"):
            run(engine, undo_it)
        adopt(engine, schema, ITEM, CANDIDATE_ID, "kim")
        with pytest.raises(Refused, match="is accepted"):
            run(engine, reject_it.format("other"))
        later = publisher.load(
            write_frames(tmp_path / "b", many_frames(3, seed=3)), run_id="r2", model_version="m"
        )
        assert publisher.publish(later.publication_id).changed


#: Texts that a procedure refuses, by parameter: how long they are and how long they may be.
TOO_LONG = {
    "item_cd": (101, 100),
    "candidate_id": (4000, 110),
    "accepted_by": (129, 128),
    "rejected_by": (129, 128),
    "undone_by": (129, 128),
    "edited": (5001, 1000),
    "remark": (1001, 1000),
    "rout_no": (51, 50),
}


def test_the_procedures_refuse_what_they_cannot_keep_whole(publisher, published, schema, feedback):
    engine = publisher._engine
    item, candidate = {"item_cd": ITEM}, {"candidate_id": CANDIDATE_ID}
    calls = {
        "adopt_candidate": item | candidate | {"accepted_by": "kim", "edited": "e"},
        "reject_candidates": item | {"reason_code": "other", "rejected_by": "kim", "remark": "r"} | candidate,
        "undo_marks": item | {"undone_by": "kim"} | candidate,
        "adopt_time": item | {"rout_no": "R1", "proc_seq": "10", "accepted_by": "kim"},
    }

    def call(name: str, values: dict[str, str]) -> list[list[tuple]]:
        return run(engine, f"EXEC {schema}.{name} " + ", ".join(f"@{p} = N'{v}'" for p, v in values.items()))

    with (
        procedures(engine, "adopt_candidate.sql", schema),
        procedures(engine, "mark_candidate.sql", schema),
        procedures(engine, "adopt_time.sql", schema),
    ):
        for name, values in calls.items():
            for parameter in values.keys() & TOO_LONG.keys():
                length, most = TOO_LONG[parameter]
                said = f"@{parameter} has {length} characters; at most {most} fit"
                with pytest.raises(Refused, match=said):
                    call(name, values | {parameter: "나" * length})
        with pytest.raises(Refused, match="is not one of the reasons"):
            call("reject_candidates", calls["reject_candidates"] | {"reason_code": f"{'other':32}x"})
        (marks,) = call(
            "reject_candidates",
            calls["reject_candidates"] | {"rejected_by": "김" * 128, "remark": "나" * 1000},
        )
        assert [(m[5], m[6]) for m in marks] == [("나" * 1000, "김" * 128)]


def test_a_standard_time_is_taken_over_by_procedure(publisher, published, schema, mssql_settings):
    engine, settings = publisher._engine, mssql_settings(warehouse_schema=schema)
    publish_review(engine, settings)
    call = f"EXEC {schema}.adopt_time @item_cd = N'{ITEM}', @rout_no = N'R1', @proc_seq = {{}}, @accepted_by = N'{{}}'"
    tb = publisher.tables
    try:
        with procedures(engine, "adopt_time.sql", schema):
            marks, times = run(engine, call.format(10, "김"))
            assert [(m[3], float(m[4]), float(m[5]), m[7]) for m in marks] == [("run", 10.0, 15.0, "김")]
            assert [(t[2], t[4], float(t[7])) for t in times] == [(ITEM, 10, 15.0)]
            assert run(engine, call.format(10, "lee"))[0] == marks, "marked once"
            with pytest.raises(Refused, match="There is no proposed standard time for operation 20"):
                run(engine, call.format(20, "kim"))
    finally:
        with engine.begin() as connection:
            for table in (
                tb.routing_feedback_time,
                tb.current_standard_review,
                tb.standard_time_proposal,
                tb.standard_review,
            ):
                connection.execute(sa.delete(table))


def test_roles_and_grants(publisher, schema):
    """Every role gets what the script says, also when it is run again. VIEW DEFINITION, the last, is not known to every server."""
    engine, suffix = publisher._engine, f"_{uuid.uuid4().hex[:8]}"
    granting, definition = batches("roles_and_grants.sql", schema, suffix)[:2]
    made = re.findall(r"CREATE ROLE (\w+)", granting)
    grants = re.findall(r"^GRANT .*(?=;$)", granting, re.M)
    query = (
        "SELECT o.name FROM sys.database_permissions p JOIN sys.objects o ON o.object_id = p.major_id "
        f"JOIN sys.database_principals u ON u.principal_id = p.grantee_principal_id WHERE u.name = '{made[0]}'"
    )
    try:
        run(engine, granting)
        seen = {row[0] for row in run(engine, query)[0]}
        run(engine, granting)
        assert {row[0] for row in run(engine, query)[0]} == seen
        try:
            run(engine, definition)
        except Refused:
            assert "VIEW DEFINITION" in definition
        if not seen:
            pytest.skip(
                "every grant was taken, but this server does not show them in sys.database_permissions"
            )
        assert "routing_flat" in seen and "candidate" not in seen
    finally:
        for grant in grants:
            run(engine, re.sub(r"^GRANT(.*) TO ", r"REVOKE\1 FROM ", grant))
        for role in made:
            run(engine, f"DROP ROLE {role}")


def test_a_script_of_rights_that_fails_grants_nothing(publisher, schema):
    engine, suffix = publisher._engine, f"_{uuid.uuid4().hex[:8]}"
    granting = batches("roles_and_grants.sql", schema, suffix)[0]
    last = re.findall(r"^GRANT .*;$", granting, re.M)[-1]
    with pytest.raises(Refused, match="not_there"):
        run(
            engine,
            granting.replace(last, f"GRANT SELECT ON {schema}.not_there TO routing_metrics_reader{suffix};"),
        )
    (roles,) = run(engine, f"SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE '%{suffix}'")
    assert roles == [(0,)]


@pytest.mark.parametrize("name", ["adopt_candidate.sql", "mark_candidate.sql", "adopt_time.sql"])
def test_a_script_of_procedures_is_run_twice_and_one_broken_off_refuses(publisher, schema, name):
    engine = publisher._engine
    making = next(b for b in batches(name, schema) if "EXEC(N'CREATE PROCEDURE" in b)
    procedure = re.search(r"CREATE PROCEDURE (\S+)", making)[1]
    run(engine, making)
    try:
        with pytest.raises(Refused, match=rf"was not made whole: run {re.escape(name)} again"):
            run(engine, f"EXEC {procedure}")
    finally:
        run(engine, f"DROP PROCEDURE {procedure}")
    for _ in range(2):
        for batch in (b for b in batches(name, schema) if "GRANT EXECUTE" not in b):
            run(engine, batch)
    for procedure in re.findall(r"^ALTER PROCEDURE (\S+)", "\n".join(batches(name, schema)), re.M):
        with pytest.raises(Refused, match=r"is empty: pass the name of the ERP user|item_cd"):
            run(engine, f"EXEC {procedure}")
        run(engine, f"DROP PROCEDURE {procedure}")


def test_retention_by_hand_removes_one_old_run_each_time(publisher, published, schema):
    engine, tb = publisher._engine, publisher.tables
    old = datetime(2020, 1, 1, tzinfo=UTC)
    row = {"kind": "night", "status": "succeeded", "finished_at": old}
    with engine.begin() as connection:
        for number, run_id in enumerate(("old1", "old2")):
            connection.execute(
                sa.insert(tb.batch_run).values(**row, run_id=run_id, started_at=old + timedelta(days=number))
            )
            check = dict.fromkeys(("frame", "check_name", "expectation", "observed", "expected"), "x") | {
                "seq": 1, "severity": "warning", "success": True, "rows_checked": 1, "rows_unexpected": 0, "checked_at": old
            }  # fmt: skip
            connection.execute(sa.insert(tb.quality_result).values(run_id=run_id, **check))
    (script,) = batches("retention.sql", schema)
    left = []
    for _ in range(3):
        run(engine, script)
        with engine.connect() as connection:
            left.append(
                [
                    *connection.execute(
                        sa.select(tb.batch_run.c.run_id).where(
                            tb.batch_run.c.started_at < datetime(2021, 1, 1, tzinfo=UTC)
                        )
                    ).scalars()
                ]
            )
    assert left == [["old2"], [], []]
    assert publisher.current() == published


def test_every_question_and_panel_has_an_answer(publisher, mssql_settings, tmp_path):
    """On a warehouse of a few nights whose rows are known: that of the unit tests, where SQLite answers."""
    engine, own = publisher._engine, new_schema()
    m.migrate(engine, own)
    try:
        first = Publisher(engine, mssql_settings(warehouse_schema=own))
        load = first.load(write_rows(tmp_path / "p", known_rows()), run_id="night0", model_version="m1")
        first.publish(load.publication_id)
        with engine.begin() as connection:
            fill_in(connection, first.tables)
        dashboard = json.loads((FOLDER / "monitoring" / "grafana-dashboard.json").read_text(encoding="utf-8"))
        asked = [panel["targets"][0]["rawSql"] for panel in dashboard["panels"]]
        for file in [*sorted(FOLDER.glob("questions/*.sql")), FOLDER / "trend_queries.sql"]:
            asked += queries(file.read_text(encoding="utf-8"))
        assert len(asked) >= 43
        silent = []
        for query in asked:
            (rows,) = run(
                engine, re.sub(r"\brouting\.", f"{own}.", re.sub(r"\$__timeFilter\([^)]*\)", "1 = 1", query))
            )
            if not rows:
                silent.append(query)
        assert silent == []
    finally:
        drop_schema(engine, own)


def test_trend_and_retention_queries_run(publisher, published, schema):
    for statement in statements("trend_queries.sql", schema):
        assert len(run(publisher._engine, statement)) == 1, statement
    (script,) = batches("retention.sql", schema)
    results = run(publisher._engine, script)
    assert [row[0] for row in results[0]] == [published] == [row[0] for row in results[1]]
    assert publisher.current() == published, "publication 0 is purged by hand, ours is not"


def test_retention_by_hand_removes_one_retired_publication(publisher, published, schema, tmp_path):
    frames = many_frames(5, seed=3)
    later = publisher.load(write_frames(tmp_path / "b", frames), run_id="r2", model_version="m")
    publisher.publish(later.publication_id)
    (script,) = batches("retention.sql", schema)
    run(publisher._engine, script.replace("@publication int = 0", f"@publication int = {published}"))
    assert publisher.purge(5) == (), "the mark of the script is enough"
    states = {p.id: (p.state, p.rows_present) for p in publisher.list()}
    assert states == {published: ("purged", False), later.publication_id: ("published", True)}
    table = publisher.tables.candidate
    with publisher._engine.connect() as connection:
        left = connection.execute(sa.select(table.c.publication_id).distinct()).scalars().all()
    assert left == [later.publication_id]


def test_what_was_shown_on_a_day(publisher, published, schema):
    (script,) = batches("shown_on_a_day.sql", schema)
    moves, shown, spans, changed = run(publisher._engine, script)
    assert [(row[0], row[1], row[3]) for row in moves] == [(published, "published", None)]
    assert [(row[0], row[1], row[6]) for row in shown] == [
        (published, published, 10),
        (published, published, 20),
    ]
    assert [(row[0], row[1], bool(row[2])) for row in spans] == [(published, None, True)]
    assert {row[0] for row in changed} == {ITEM, " 4H69065ZZ"}


def test_agent_job_is_made_and_removed(publisher, schema):
    try:
        there = run(publisher._engine, "SELECT OBJECT_ID(N'msdb.dbo.sp_add_job')") != [[(None,)]]
    except Refused as exc:
        pytest.skip(f"this server does not tell whether it has SQL Server Agent: {exc}")
    if not there:
        pytest.skip("this server has no SQL Server Agent (msdb.dbo.sp_add_job)")
    job, look = batches("agent_job.sql", schema)[:2]
    # The operator and the proxy are the site's own.
    job = re.sub(r"(?m)^\s*@(?:notify_\w+|proxy_name) = [^,;\n]*,?", "", job)
    job = re.sub(r",(\s*;)", r"\1", job)
    made = (
        "SELECT (SELECT COUNT(*) FROM msdb.dbo.sysjobsteps s WHERE s.job_id = j.job_id), "
        "(SELECT COUNT(*) FROM msdb.dbo.sysjobschedules k WHERE k.job_id = j.job_id) "
        "FROM msdb.dbo.sysjobs j WHERE j.name = N'routing_etl night'"
    )
    try:
        for _ in range(2):
            run(publisher._engine, job)
            assert run(publisher._engine, made) == [[(1, 1)]]
        assert len(run(publisher._engine, look)) == 1
    finally:
        run(publisher._engine, "EXEC msdb.dbo.sp_delete_job @job_name = N'routing_etl night'")


def test_the_fixed_table_follows_the_pointer_and_leaves_equal_rows_alone(
    publisher, mssql_settings, schema, tmp_path
):
    settings = mssql_settings(warehouse_schema=schema, publish_mode="table")
    fixed = Publisher(publisher._engine, settings)
    first = fixed.load(write_rows(tmp_path / "a", known_rows()), run_id="r", model_version="m").publication_id
    batch = known_rows()
    batch["candidate_operations"][1]["job_nm"] = "다른 공정"
    second = fixed.load(write_rows(tmp_path / "b", batch), run_id="r", model_version="m").publication_id
    names = ", ".join(n for n in FLAT_COLUMNS if n not in STAMPS)
    table = publisher.tables.routing_flat_table

    def held(name: str) -> list[tuple]:
        return run(fixed._engine, f"SELECT {names} FROM {schema}.{name} ORDER BY ITEM_CD, PROC_SEQ")[0]

    try:
        for publication_id, stamps in ((first, [first, first]), (second, [first, second])):
            fixed.publish(publication_id)
            assert held("routing_flat_table") == held("routing_flat") != []
            stamped = run(
                fixed._engine, f"SELECT PUBLICATION_ID FROM {schema}.routing_flat_table ORDER BY PROC_SEQ"
            )
            assert [row[0] for row in stamped[0]] == stamps
        assert fixed.rollback().publication_id == first
        assert held("routing_flat_table") == held("routing_flat")
    finally:
        with fixed._engine.begin() as connection:
            connection.execute(sa.delete(table))
