"""The T-SQL for DBAs and the ERP team: it parses, and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import sqlglot
from sqlglot import exp
from warehouse_predictions import warehouse

from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.output_profiles import load_output_profile
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.schema_life import REJECTIONS
from routing_etl.warehouse.views import VIEW_NAMES, view_selects

SQL = Path(__file__).resolve().parents[3] / "sql"
FILES = sorted(p.name for p in SQL.glob("*.sql"))
SCHEMA = tables("routing")
COLUMNS = {
    **{t.name: {c.name.lower() for c in t.c} for t in SCHEMA.metadata.sorted_tables},
    **{n: {c.name.lower() for c in s.selected_columns} for n, s in view_selects("routing", "mssql").items()},
}

#: A view that is made or made again: its text, whose quotation marks are doubled.
MADE_AGAIN = re.compile(r"EXEC\(@verb \+ N' VIEW ((?:[^']|'')*)'\);")


def batches(name: str) -> list[str]:
    """The file's batches, comments removed."""
    text = re.sub(r"--.*$", "", (SQL / name).read_text(encoding="utf-8"), flags=re.M)
    return [b for b in re.split(r"^GO\s*$", text, flags=re.M) if b.strip()]


def trees(name: str) -> list[exp.Expression]:
    """Every statement, parsed."""
    parsed = []
    for batch in batches(name):
        # The parser does not know THROW; everything around it is parsed.
        batch = re.sub(r"\bTHROW( \d+, [^;]+)?;", "SELECT 1;", batch)
        batch = MADE_AGAIN.sub(lambda m: "CREATE VIEW " + m[1].replace("''", "'") + ";", batch)
        parsed += sqlglot.parse(batch, read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    return [t for t in parsed if t is not None]


def test_the_files_are_there():
    wanted = (
        "migrating_login roles_and_grants trend_queries retention shown_on_a_day screen_view_example adopt_candidate adopt_time "
        "mark_candidate agent_job backup_notes"
    )
    assert {f"{name}.sql" for name in wanted.split()} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_parses_as_t_sql(name):
    assert trees(name)


#: What no text of ours may do on a server that others use, by the words it would take.
FORBIDDEN = {
    "dirty reads": r"\bNOLOCK\b|READ\s+UNCOMMITTED|READUNCOMMITTED",
    "MERGE": r"\bMERGE\b",
    "all columns, whichever they are": r"SELECT\s+(TOP\s*\(\d+\)\s+)?(\w+\.)?\*",
    "what old servers and look-alikes lack": r"CREATE\s+OR\s+ALTER|ALTER\s+VIEW|ALTER\s+INDEX|##\w+",
    "DDL on what readers read": r"\bTRUNCATE\b|\bSWITCH\b|sp_rename",
    "rights beyond ours": r"xp_cmdshell|\bsysadmin\b|db_owner|WITH\s+GRANT\s+OPTION|GRANT\s+CONTROL",
}


@pytest.mark.parametrize("name", [*FILES, "ddl/mssql.sql"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_uses_nothing_that_hurts(name, what):
    for batch in batches(name):
        assert not re.search(FORBIDDEN[what], batch, re.I), what


def test_the_lint_finds_what_it_forbids():
    bad = {
        "dirty reads": "SELECT a FROM t WITH (NOLOCK)",
        "MERGE": "MERGE t USING s",
        "all columns, whichever they are": "SELECT TOP (5) t.* FROM t",
        "what old servers and look-alikes lack": "CREATE OR ALTER VIEW v",
        "DDL on what readers read": "TRUNCATE TABLE t",
        "rights beyond ours": "GRANT CONTROL ON SCHEMA::x TO y",
    }
    assert bad.keys() == FORBIDDEN.keys()
    assert all(re.search(FORBIDDEN[what], text, re.I) for what, text in bad.items())


@pytest.mark.parametrize("name", [*FILES, "ddl/mssql.sql"])
def test_literals_beyond_ascii_are_unicode(name):
    for batch in batches(name):
        for prefix, literal in re.findall(r"(N?)'((?:[^']|'')*)'", batch):
            assert literal.isascii() or prefix == "N", literal


@pytest.mark.parametrize("name", [*FILES, "ddl/mssql.sql"])
def test_every_batch_ends_its_last_statement(name):
    for batch in batches(name):
        assert batch.rstrip().endswith((";", "GO")), batch[-80:]


def test_the_backup_notes_count_what_people_did():
    """Predictions can be made again; a row that names a person cannot."""
    text = "\n".join(batches("backup_notes.sql"))
    counted = set(re.findall(r"N'(\w+)'", re.search(r"t\.name IN \(([^)]*)\)", text)[1]))
    people = {t.name for t in SCHEMA.metadata.sorted_tables if any(c.name.endswith("_by") for c in t.c)}
    assert people <= counted <= {t.name for t in SCHEMA.metadata.sorted_tables}
    assert "audit_log" in people


def test_no_prediction_is_deleted_by_hand():
    """Rows of a publication that is given up may be what a kept one shows; the product knows which."""
    deleted = [re.findall(r"DELETE\b.*?FROM routing\.(\w+)", b) for b in batches("retention.sql")]
    assert deleted == [["rejected_row", "quality_result", "batch_run"]]


def test_what_is_deleted_by_hand_locks_no_whole_table():
    """From 5,000 rows of a statement on the server locks the table; a run is one row, but its rejects may be 200,000."""
    (script,) = batches("retention.sql")
    cascading = {
        t.name for t in SCHEMA.metadata.sorted_tables for f in t.foreign_keys
        if f.ondelete == "CASCADE" and f.column.table.name == "batch_run"
    }  # fmt: skip
    stepwise = re.findall(
        r"WHILE @rows > 0\nBEGIN\n    DELETE TOP \(4000\) FROM routing\.(\w+) WHERE run_id = @run;", script
    )
    assert set(stepwise) == cascading
    assert script.index("DELETE FROM routing.batch_run") > max(
        script.index(f"routing.{name} WHERE") for name in cascading
    )


def test_the_procedure_returns_the_whole_base_tables_shapes():
    text = (SQL / "adopt_candidate.sql").read_text(encoding="utf-8")
    for view, alias in (("bop_proc_master", "m"), ("bop_proc_detail", "d"), ("bop_proc_res", "r")):
        listed = re.search(rf"\bSELECT\s((?:(?!\bSELECT\s).)*?)FROM routing\.{view} AS {alias}\b", text, re.S)
        names = [name.split(".")[1] for name in re.split(r",\s*", listed[1].strip())]
        assert [n.lower() for n in names] == [
            c.name.lower() for c in view_selects("routing", "mssql")[view].selected_columns
        ]


@pytest.mark.parametrize("name", ["adopt_candidate.sql", "mark_candidate.sql"])
def test_the_procedure_marks_every_column_of_the_feedback(name):
    text = (SQL / name).read_text(encoding="utf-8")
    listed = re.search(r"INSERT INTO routing\.routing_feedback\s*\(([^)]*)\)", text)
    assert set(re.split(r",\s*", listed[1].strip())) == set(SCHEMA.routing_feedback.c.keys())


def test_the_procedure_takes_the_reasons_of_the_command_line():
    text = "\n".join(batches("mark_candidate.sql"))
    listed = re.search(r"@reason_code NOT IN \(([^)]*)\)", text)
    assert re.findall(r"'(\w+)'", listed[1]) == list(REJECTIONS)


def test_the_procedure_for_times_returns_the_whole_view_and_marks_every_column():
    text = (SQL / "adopt_time.sql").read_text(encoding="utf-8")
    listed = re.search(
        r"\bSELECT\s((?:(?!\bSELECT\s).)*?)FROM routing\.bop_proc_detail_time AS d\b", text, re.S
    )
    names = [name.split(".")[1] for name in re.split(r",\s*", listed[1].strip())]
    assert names == list(view_selects("routing", "mssql")["bop_proc_detail_time"].selected_columns.keys())
    marked = re.search(r"INSERT INTO routing\.routing_feedback_time\s*\(([^)]*)\)", text)
    assert set(re.split(r",\s*", marked[1].strip())) == set(SCHEMA.routing_feedback_time.c.keys())


#: The column that keeps a text of a procedure, where it is not called as the parameter is.
KEPT_IN = {"edited": "remark", "rejected_by": "accepted_by"}


@pytest.mark.parametrize(
    ("name", "feedback"),
    [
        ("adopt_candidate.sql", SCHEMA.routing_feedback),
        ("mark_candidate.sql", SCHEMA.routing_feedback),
        ("adopt_time.sql", SCHEMA.routing_feedback_time),
    ],
)
def test_a_procedure_takes_longer_texts_than_it_keeps_and_refuses_them(name, feedback):
    """T-SQL cuts what is longer than a parameter without a word, so only a wider parameter shows that a text is too long."""
    procedures = [b for b in batches(name) if "ALTER PROCEDURE" in b]
    assert procedures
    for procedure in procedures:
        texts = dict(re.findall(r"^ {4}@(\w+) n?varchar\((\w+)\)", procedure.split("\nAS\n")[0], re.M))
        assert texts and set(texts.values()) <= {"4000", "max"}
        most = dict(re.findall(r"\(N'@(\w+)', LEN\(.*\), (\d+)\)", procedure))
        columns = {parameter: feedback.c[KEPT_IN.get(parameter, parameter)].type for parameter in texts}
        # A reason is one of a list, so that none is too long.
        assert {p: int(n) for p, n in most.items()} == {
            p: type_.length for p, type_ in columns.items() if p != "reason_code"
        }
        assert procedure.index("THROW 50005") < procedure.index("BEGIN TRANSACTION")


@pytest.mark.parametrize("name", FILES)
def test_names_only_tables_and_views_of_ours(name):
    text = "\n".join(batches(name))
    named = set(re.findall(r"\brouting\.(\w+)", text))
    assert named or re.search(r"s\.name = N'routing'|SCHEMA::routing", text)
    procedures = {"adopt_candidate", "adopt_time", "reject_candidates", "undo_marks"}
    ours = set(COLUMNS) | procedures | {load_output_profile().view}
    assert named <= ours, named - ours


@pytest.mark.parametrize("name", ["trend_queries.sql", "screen_view_example.sql", "shown_on_a_day.sql"])
def test_queries_name_only_columns_that_exist(name):
    for tree in trees(name):
        for select in tree.find_all(exp.Select):
            sources = [t for t in select.find_all(exp.Table) if t.db == "routing"]
            others = [t for t in select.find_all(exp.Table) if t.db != "routing"]
            if others or not sources:
                continue
            known = set().union(*(COLUMNS[t.name] for t in sources))
            known |= {a.alias.lower() for a in select.find_all(exp.Alias)}
            used = {c.name.lower() for c in select.find_all(exp.Column)} - {"second", "year"}
            assert used <= known, used - known


def test_what_every_night_measures_is_shown_once(tmp_path):
    """Two nights of one version, as SQLite understands the queries."""
    publisher, settings = warehouse(tmp_path / "w.db")
    records = ModelRecords(publisher._engine, settings)
    records.store_model_version(TrainedVersion("v1", "a" * 64))
    records.activate("v1", who="kim")
    metrics = [
        {
            "method": method,
            "split": "time",
            "segment": segment,
            "metric": metric,
            "value": value,
            "n": 60,
            "reason": reason,
        }
        for method, segment, metric, value, reason in (
            ("model", "all", "mae", 1.5, None),
            ("majority", "all", "mae", 2.5, None),
            ("model", "part_type:O-RING", "exact_at_1", 0.5, None),
            ("model", "part_type:GLAND", "exact_at_1", 0.25, None),
            ("model", "part_type:GLAND", "mae", 0.1, None),
            ("model", "part_type:SEAL", "exact_at_1", None, "too few items"),
        )
    ]
    for run in ("r1", "r2"):
        records.store_metrics("v1", pl.DataFrame(metrics), run_id=run)
    shown = {}
    text = "\n".join(batches("trend_queries.sql"))
    with publisher._engine.connect() as connection:
        for query in (q for q in text.split(";") if "model_quality_trend" in q):
            (plain,) = sqlglot.transpile(re.sub(r"\bN'", "'", query), read="tsql", write="sqlite")
            rows = (
                connection.exec_driver_sql(plain.replace("routing.", "").replace("%", "%%")).mappings().all()
            )
            shown[len(shown)] = [tuple(row.values()) for row in rows]
    quality, beside, weakest, unmeasured, realised = shown.values()
    assert len(quality) == 1 and [r[2] for r in beside] == ["majority", "model"]
    assert [r[:2] for r in weakest] == [("part_type:GLAND", 0.25), ("part_type:O-RING", 0.5)]
    assert [(r[2], r[4]) for r in unmeasured] == [("part_type:SEAL", "too few items")]
    assert realised == []  # nothing was predicted yet


def test_every_view_is_granted_to_someone():
    granted = set(re.findall(r"GRANT SELECT ON routing\.(\w+)", "\n".join(batches("roles_and_grants.sql"))))
    assert set(VIEW_NAMES) <= granted


def test_the_erp_reader_gets_no_table_and_no_write():
    text = "\n".join(batches("roles_and_grants.sql"))
    lines = re.findall(r"\bGRANT .* TO routing_erp_reader\b", text)
    of_runs = {
        "model_quality_trend", "model_decisions", "model_realised", "batch_run_summary", "batch_run_rejects", "acceptance_by_week",
        "rejection_reasons", "families_by_month", "rejects_by_rule", "time_profile_changes", "published_by_night",
        "publication_shown", "freshness", "who_did_what", "publication_changes", "item_outcomes", "edits_by_family",
    }  # fmt: skip
    readable = {*VIEW_NAMES, "routing_flat_table", load_output_profile().view} - of_runs
    assert {re.match(r"GRANT SELECT ON routing\.(\w+) TO", line)[1] for line in lines} == readable
    assert not any(" ON SCHEMA::" in line for line in lines)


def test_the_metrics_reader_sees_no_prediction_and_writes_nothing():
    text = "\n".join(batches("roles_and_grants.sql"))
    lines = [line for line in text.splitlines() if "TO routing_metrics_reader" in line]
    seen = {re.match(r"GRANT SELECT ON routing\.(\w+) TO", line)[1] for line in lines}
    assert seen and not seen & {"candidate", "candidate_operation", "routing_flat", "routing_predictions"}


def test_only_the_three_roles_get_rights():
    text = "\n".join(
        batches("roles_and_grants.sql")
        + batches("adopt_candidate.sql")
        + batches("mark_candidate.sql")
        + batches("adopt_time.sql")
    )
    roles = set(re.findall(r"EXEC\(N'CREATE ROLE (\w+)'\);$", text, re.M))
    assert roles == {"routing_erp_reader", "routing_etl_writer", "routing_metrics_reader"}
    assert set(re.findall(r"^GRANT .* TO (\w+);", text, re.M)) == roles


#: Statements that change something, outside of a procedure's body.
CHANGES = re.compile(r"^\s*(IF .*)?\b(CREATE|ALTER|DROP|GRANT|DELETE|UPDATE|INSERT|EXEC)\b", re.M)
CHANGING = sorted(name for name in FILES if any(CHANGES.search(b) for b in batches(name)))


def test_the_scripts_that_change_something_are_known():
    assert CHANGING == [
        "adopt_candidate.sql", "adopt_time.sql", "agent_job.sql", "mark_candidate.sql", "migrating_login.sql",
        "retention.sql", "roles_and_grants.sql", "screen_view_example.sql",
    ]  # fmt: skip


@pytest.mark.parametrize("name", CHANGING)
def test_a_script_that_changes_something_stops_at_the_first_error(name):
    """Without XACT_ABORT a batch goes on after most errors. What changes more than one thing is one transaction, or steps that count alone."""
    changing = [b for b in batches(name) if CHANGES.search(b)]
    for batch in changing:
        first = CHANGES.search(batch).start()
        alone = len(CHANGES.findall(batch)) == 1 or "PROCEDURE" in batch or "GRANT EXECUTE" in batch
        assert alone or "SET XACT_ABORT ON;" in batch[:first], batch
    assert any("sqlcmd -b" in line for line in (SQL / name).read_text(encoding="utf-8").splitlines()), name


@pytest.mark.parametrize("name", CHANGING)
def test_a_script_can_be_run_twice(name):
    """What is made is asked for first: what is there is changed, so that rights, schedules and history stay; nothing is dropped."""
    for batch in batches(name):
        assert not re.search(r"\bDROP (PROCEDURE|VIEW|ROLE|SCHEMA|TABLE)\b|sp_delete_", batch), name
        for found in re.finditer(r"CREATE (?:PROCEDURE|ROLE|SCHEMA|VIEW|TABLE)\b(?! TO )|sp_add_\w+", batch):
            before = re.split(r";|\bELSE\b", batch[: found.start()].replace("''", ""))[-1]
            assert re.search(r"\bIF\b[\s\S]*(NOT EXISTS|IS NULL)", before), found[0]


@pytest.mark.parametrize("name", ["roles_and_grants.sql", "migrating_login.sql"])
def test_rights_are_given_all_or_none(name):
    """A role, a schema and what a site may not have are asked for; a GRANT may be repeated. One that fails takes back all."""
    first, *rest = batches(name)
    lines = [line for line in first.splitlines() if line.strip()]
    assert lines[:4] == [
        "SET XACT_ABORT ON;",
        "SET NOCOUNT ON;",
        "SET LOCK_TIMEOUT 15000;",
        "BEGIN TRANSACTION;",
    ]
    assert lines[-1] == "COMMIT TRANSACTION;"
    for line in lines[4:-1]:
        assert re.match(r"GRANT |IF (NOT EXISTS|SCHEMA_ID|OBJECT_ID)\b.* EXEC\(N'", line), line
    assert [b.strip() for b in rest] in (
        [],
        ["GRANT VIEW DEFINITION ON SCHEMA::routing TO routing_etl_writer;"],
    )


@pytest.mark.parametrize("name", ["adopt_candidate.sql", "adopt_time.sql", "mark_candidate.sql"])
def test_a_procedure_is_changed_in_place_and_half_a_script_leaves_one_that_refuses(name):
    """DROP and CREATE would lose the rights that a site gave, and a failed CREATE the procedure."""
    found = batches(name)
    assert re.split(r";\s*", found[0].strip()) == ["SET QUOTED_IDENTIFIER ON", "SET ANSI_NULLS ON", ""]
    changed = re.findall(r"^ALTER PROCEDURE routing\.(\w+)$", "\n".join(found), re.M)
    made = re.findall(
        r"EXEC\(N'CREATE PROCEDURE routing\.(\w+) AS THROW 50009, N''(\w+) was not made whole: run (\S+) again",
        "\n".join(found),
    )
    assert made == [(proc, proc, name) for proc in changed] != []


#: What a statement of a migration takes on SQL Server, by its first words; ALTER is on the schema.
TAKES = {
    "CREATE TABLE": {"CREATE TABLE", "ALTER"},
    "CREATE VIEW": {"CREATE VIEW", "ALTER", "SELECT"},
    "REPLACE VIEW": {"CREATE VIEW", "ALTER", "SELECT", "VIEW DEFINITION"},
    "CREATE INDEX": {"ALTER"},
    "ALTER TABLE": {"ALTER"},
    "DROP": {"ALTER"},
    "INSERT INTO": {"INSERT", "SELECT"},
    "UPDATE": {"UPDATE", "SELECT"},
    "DELETE FROM": {"DELETE", "SELECT"},
    "IF SERVERPROPERTY": {"ALTER"},
}


def test_the_migrating_role_has_what_every_revision_takes_and_nothing_outside_the_schema():
    text = "\n".join(batches("migrating_login.sql"))
    given = re.findall(r"^GRANT (.*?)( ON SCHEMA::routing)? TO routing_etl_migrator;$", text, re.M)
    in_schema = {right for rights, place in given if place for right in rights.split(", ")}
    anywhere = {right for rights, place in given if not place for right in rights.split(", ")}
    assert anywhere == {"CREATE TABLE", "CREATE VIEW"} and "CONTROL" not in in_schema
    ways = (("base", "head"), ("head", "base"))
    needed = {"SELECT", "INSERT", "UPDATE", "DELETE"}  # schema_version
    for start, end in ways:
        for step in m.steps("mssql", "routing", start, end):
            for statement in step.statements:
                needed |= next(rights for words, rights in TAKES.items() if statement.startswith(words))
                needed |= {"REFERENCES"} if "REFERENCES" in statement else set()
    assert needed == in_schema | anywhere


def test_the_agent_job_takes_its_settings_from_the_folder_of_the_etl():
    """Agent starts a step elsewhere: without the folder, no .env is read and the home is made in the system's folder."""
    (job, *_) = batches("agent_job.sql")
    values = dict(re.findall(r"DECLARE @(\w+) nvarchar\(\d+\) = N'([^']*)';", job))
    (made,) = re.findall(r"DECLARE @command nvarchar\(max\) = (.*?);", job, re.S)
    command = "".join(
        word[2:-1] if word.startswith("N'") else values[word.removeprefix("@")]
        for word in re.findall(r"N'[^']*'|@\w+", made)
    )
    assert command == (
        r'cmd.exe /d /s /c "cd /d "C:\routing_etl" && if exist .env (set PYTHONUTF8=1&& '
        r'set "ROUTING_ETL_ENV_FILE=C:\routing_etl\.env"&& '
        r'"C:\routing_etl\.venv\Scripts\routing-etl.exe" run) else (echo There is no .env in C:\routing_etl & exit 2)"'
    )
    assert job.count("@command = @command") == 2, "made, or made anew"


def test_the_readme_names_every_file_and_view():
    readme = (SQL / "README.md").read_text(encoding="utf-8")
    for name in FILES:
        assert name in readme
    for name in VIEW_NAMES:
        assert name in readme
