"""The doctor on servers: grants in both directions on a real PostgreSQL, SQL Server's answers faked, no secret ever."""

from __future__ import annotations

import traceback
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from routing_etl.database.engine import make_engine
from routing_etl.doctor import server as d
from routing_etl.doctor.examination import _collations, _writers, examine
from routing_etl.errors import RoutingEtlError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.writer_probe import Probed

pytestmark = pytest.mark.integration

SENTINEL = "S3ntinel-Geheim"


@pytest.fixture(scope="module")
def database(postgres_url, tmp_path_factory):
    """A database with an ERP table, our schema, and a login for each side."""
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in (
            "CREATE DATABASE doctor",
            "CREATE ROLE erp_reader LOGIN",
            "CREATE ROLE etl LOGIN",
        ):
            connection.exec_driver_sql(statement)
    url = make_url(postgres_url).set(database="doctor")
    engine = make_engine(str(url), "warehouse", load_settings(home=tmp_path_factory.mktemp("d")))
    m.migrate(engine, "routing")
    with engine.begin() as connection:
        for statement in (
            'CREATE TABLE "BI_ITEM" (x integer)',
            'GRANT SELECT ON "BI_ITEM" TO erp_reader',
            "GRANT USAGE ON SCHEMA routing TO etl",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA routing TO etl",
        ):
            connection.exec_driver_sql(statement)
    yield url, engine
    engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE doctor WITH (FORCE)")
        connection.exec_driver_sql("DROP ROLE erp_reader")
        connection.exec_driver_sql("DROP ROLE etl")
    admin.dispose()


def looked(url, role, granted, tmp_path):
    engine = make_engine(str(url), role, load_settings(home=tmp_path))
    try:
        return list(d.examine_server(engine, role, [granted]))
    finally:
        engine.dispose()


def worse(findings):
    return [f for f in findings if f.level != "ok" and "encrypted" not in f.message]


def test_the_erp_login_must_read_and_must_not_write(database, tmp_path):
    url, engine = database
    granted = d.Granted([(None, '"BI_ITEM"'.strip('"'))], ("SELECT",), d.WRITES)
    assert worse(looked(url.set(username="erp_reader"), "erp", granted, tmp_path)) == []
    with engine.begin() as connection:
        connection.exec_driver_sql('GRANT UPDATE ON "BI_ITEM" TO erp_reader')
        connection.exec_driver_sql('REVOKE SELECT ON "BI_ITEM" FROM erp_reader')
    found = worse(looked(url.set(username="erp_reader"), "erp", granted, tmp_path))
    assert [f.level for f in found] == ["error", "warning"]
    assert "lacks SELECT on BI_ITEM" in found[0].message
    assert found[0].remedy == 'GRANT SELECT ON "BI_ITEM" TO "erp_reader";'
    assert "may do more than it needs: UPDATE on BI_ITEM" in found[1].message


def test_our_login_must_write_our_schema(database, tmp_path):
    url, engine = database
    settings = load_settings(
        home=tmp_path,
        erp_url=str(url),
        warehouse_url=str(url.set(username="etl")),
        warehouse_schema="routing",
    )
    found = [f for f in examine(settings) if f.area in ("warehouse", "migrations")]
    assert worse(found) == []
    assert any("14 tables" in f.message or "tables or views" in f.message for f in found)
    with engine.begin() as connection:
        connection.exec_driver_sql("REVOKE DELETE ON routing.candidate FROM etl")
    (lacks,) = worse([f for f in examine(settings) if f.area == "warehouse"])
    assert "the login etl of the warehouse lacks DELETE on routing.candidate" in lacks.message
    with engine.begin() as connection:
        connection.exec_driver_sql("GRANT DELETE ON routing.candidate TO etl")


def test_two_logins_of_one_database_stay_out_of_each_others_tables(database, tmp_path):
    url, engine = database
    settings = load_settings(
        home=tmp_path,
        erp_url=str(url.set(username="erp_reader")),
        warehouse_url=str(url.set(username="etl")),
        profile=str(profile(tmp_path)),
    )
    with engine.begin() as connection:
        connection.exec_driver_sql('GRANT SELECT ON "BI_ITEM" TO erp_reader')
        connection.exec_driver_sql('REVOKE UPDATE ON "BI_ITEM" FROM erp_reader')
    assert not [f for f in examine(settings) if "more than it needs" in f.message]
    with engine.begin() as connection:
        connection.exec_driver_sql('GRANT INSERT ON "BI_ITEM" TO etl')
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA routing TO erp_reader")
        connection.exec_driver_sql("GRANT DELETE ON routing.candidate TO erp_reader")
    found = [f for f in examine(settings) if "more than it needs" in f.message]
    assert [(f.area, f.message.partition(": ")[2]) for f in found] == [
        ("ERP", "DELETE on routing.candidate"),
        ("warehouse", "INSERT on BI_ITEM"),
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql('REVOKE INSERT ON "BI_ITEM" FROM etl')
        connection.exec_driver_sql("REVOKE ALL ON routing.candidate FROM erp_reader")


def profile(folder):
    """A profile whose four sources are all the one table of this database."""
    file = folder / "one.toml"
    sections = ("items", "operations", "results", "purchase_orders")
    file.write_text('extends = "bi_views"\n' + "".join(f'[{s}]\ntable = "BI_ITEM"\n' for s in sections))
    return file


def test_a_superuser_is_warned_about_and_an_absent_table_cannot_be_seen(database, tmp_path):
    url, _ = database
    found = worse(looked(url, "warehouse", d.Granted([("routing", "nowhere")], ("SELECT",)), tmp_path))
    assert any("superuser" in f.message for f in found)
    assert any("cannot be seen" in f.message and "routing.nowhere" in f.message for f in found)


# --- SQL Server's answers -------------------------------------------------------------------------------------------------
GOOD = {
    "ProductVersion": {"version": "16.0", "edition": "Developer"},
    "dm_exec_connections": {"encrypted": "TRUE", "scheme": "SQL"},
    "SUSER_SNAME": {"login": "etl", "name": "etl_user", "db": "PLANT"},
    "IS_SRVROLEMEMBER": {"yes": 0},
    "IS_MEMBER": {"yes": 0},
    "HAS_PERMS_BY_NAME": {"SELECT": 1, "INSERT": 1, "UPDATE": 1, "DELETE": 1},
    "sys.databases": {"rcsi": True, "snapshot": 1, "collation": "Korean_Wansung_CI_AS", "db": "PLANT"},
    "Updateability": {"state": "READ_WRITE"},
    "database_files": {"megabytes": 90_000, "used": 1_000, "growth": 65536},
}
URL = sa.engine.URL.create("mssql+pyodbc", "u", SENTINEL, "h", 1433, "PLANT", {"Encrypt": "yes"})


asked: list[str] = []


def sql_server(monkeypatch, role="warehouse", url=URL, **changes):
    asked.clear()
    answers = GOOD | changes

    def ask(connection, query, parameters=None):
        asked.append(query)
        return next(answer for words, answer in answers.items() if words in query)

    monkeypatch.setattr(d, "_ask", ask)
    raw = SimpleNamespace(getinfo=lambda _: "libmsodbcsql-18.6")
    connection = SimpleNamespace(
        connection=SimpleNamespace(driver_connection=raw),
        engine=SimpleNamespace(url=url),
        dialect=SimpleNamespace(name="mssql"),
    )
    look = d._SqlServer(connection, "x", role)
    must = ("SELECT",) if role == "erp" else ("SELECT", *d.WRITES)
    granted = d.Granted([("dbo", "t")], must, d.WRITES if role == "erp" else ())
    parts = (
        look.server(),
        look.encryption(),
        look.login(),
        look.grants(granted),
        look.isolation(),
        look.space(),
    )
    return [f for part in parts for f in part]


def test_a_well_kept_sql_server_has_no_warning(monkeypatch):
    found = sql_server(monkeypatch)
    assert {f.level for f in found} == {"ok"}
    shown = " ".join(f.message for f in found)
    for words in (
        "libmsodbcsql-18.6",
        "encrypted",
        "etl_user",
        "READ_COMMITTED_SNAPSHOT is on",
        "Korean",
        "89,000 MB",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("role", "changes", "level", "words", "remedy"),
    [
        ("warehouse", {"dm_exec_connections": {"encrypted": "FALSE", "scheme": "SQL"}}, "warning", "is not encrypted", "ROUTING_ETL_ENCRYPT"),
        ("warehouse", {"IS_SRVROLEMEMBER": {"yes": 1}}, "warning", "sysadmin", "sql folder"),
        ("warehouse", {"IS_MEMBER": {"yes": 1}}, "warning", "db_owner", "sql folder"),
        ("warehouse", {"HAS_PERMS_BY_NAME": {"SELECT": 1, "INSERT": 0, "UPDATE": 1, "DELETE": 1}}, "error", "lacks INSERT on dbo.t", "GRANT INSERT ON [dbo].[t] TO [etl_user];"),
        ("erp", {}, "warning", "may do more than it needs: INSERT on dbo.t, UPDATE", "sql folder"),
        ("warehouse", {"HAS_PERMS_BY_NAME": "unknown function"}, "warning", "cannot be seen", "DBA"),
        ("warehouse", {"sys.databases": GOOD["sys.databases"] | {"rcsi": False}}, "warning", "readers may wait", "ALTER DATABASE [PLANT] SET READ_COMMITTED_SNAPSHOT ON"),
        ("erp", {"sys.databases": GOOD["sys.databases"] | {"snapshot": 0}}, "warning", "not as one state", "ALLOW_SNAPSHOT_ISOLATION ON"),
        ("erp", {"Updateability": {"state": "READ_ONLY"}}, "ok", "read from a read-only copy (ApplicationIntent=none)", "ROUTING_ETL_ERP_APPLICATION_INTENT=ReadWrite"),
        ("erp", {}, "ok", "read where it is written", ""),
        ("erp", {"Updateability": "no such function"}, "warning", "read-only copy of the ERP cannot be seen", "DBA"),
        ("warehouse", {"database_files": {"megabytes": 2_000, "used": 1_000, "growth": 0}}, "warning", "1,000 MB free in the data files, which cannot grow", "5 GB"),
        ("warehouse", {"database_files": "no such view"}, "warning", "free space of the database cannot be seen", "DBA"),
    ],
)  # fmt: skip
def test_what_the_doctor_says_about_sql_server(monkeypatch, role, changes, level, words, remedy):
    found = [f for f in sql_server(monkeypatch, role, **changes) if words in f.message]
    assert [f.level for f in found] == [level]
    assert remedy in found[0].remedy


@pytest.mark.parametrize("role", ["erp", "warehouse"])
def test_every_question_to_sql_server_is_t_sql(monkeypatch, role):
    sqlglot = pytest.importorskip("sqlglot")
    sql_server(monkeypatch, role)
    assert len(asked) >= 6
    for query in asked:
        tree = sqlglot.parse_one(query.replace(":name", "@name"), dialect="tsql")
        assert isinstance(tree, sqlglot.exp.Select)
        for alias in tree.find_all(sqlglot.exp.Alias):
            quoted = alias.args["alias"].args.get("quoted")
            assert quoted or alias.alias.upper() not in ("SELECT", *d.WRITES), query


def test_an_unverified_certificate_is_warned_about(monkeypatch):
    url = URL.update_query_dict({"TrustServerCertificate": "yes"})
    assert any("not verified" in f.message for f in sql_server(monkeypatch, url=url))


# --- which writer -----------------------------------------------------------------------------------------------------
BULK, BATCH = "mssql-python bulk copy", "executemany x 20000"


@pytest.mark.parametrize(
    ("probed", "level", "words", "remedy"),
    [
        ([(BULK, True, ""), (BATCH, True, "")], "ok", f"rows are sent by {BULK}, the fastest way", ""),
        ([(BULK, True, "RuntimeError: no"), (BATCH, True, "")], "warning", f"sent by {BATCH}, more slowly: the probe of a faster way failed ({BULK}: RuntimeError: no)", "tries the faster way again"),
        ([(BULK, False, ""), (BATCH, True, "")], "warning", f"sent by {BATCH}, because ROUTING_ETL_BULK_WRITER=batch; {BULK} would work", "at auto"),
        ([(BULK, False, "broken"), (BATCH, True, "")], "ok", "the fastest way that there is", ""),
        ([(BULK, True, "broken"), (BATCH, False, "")], "error", f"no writer that the settings allow can send rows ({BULK}: broken)", "=auto"),
    ],
)  # fmt: skip
def test_the_doctor_says_which_writer_and_why_not_a_faster_one(
    monkeypatch, tmp_path, probed, level, words, remedy
):
    chosen = [w for w, c, _ in probed if c]
    monkeypatch.setattr(
        "routing_etl.warehouse.writer_probe.probe_writers", lambda *_: [Probed(*p) for p in probed]
    )
    setting = {BULK: "bulkcopy", BATCH: "batch"}[chosen[0]] if len(chosen) == 1 else "auto"
    settings = load_settings(_env_file=None, home=tmp_path, bulk_writer=setting)
    engine = SimpleNamespace(dialect=SimpleNamespace(name="mssql"))
    (found,) = _writers(settings, engine)
    assert found.level == level and words in found.message and remedy in found.remedy


# --- collations -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ("Korean_Wansung_CI_AS", "Latin1_General_CI_AS", []),
        ("Korean_Wansung_CI_AS", "Korean_Wansung_CS_AS", ["codes of the ERP that differ only in upper and lower case"]),
        ("Latin1_General_100_CS_AS", "SQL_Latin1_General_CP1_CI_AS", ["a look-up in our views with a code that differs only in upper and lower case"]),
        ("Latin1_General_CI_AI", "Latin1_General_BIN2", ["upper and lower case", "accents", "kana", "full and half width"]),
    ],
)  # fmt: skip
def test_two_collations_are_named_with_their_consequences(ours, theirs, words):
    first, *others = d.collation_consequences(ours, theirs)
    assert "error 468" in first and len(others) == len(words)
    assert all(word in sentence for word, sentence in zip(words, others, strict=True))


@pytest.mark.parametrize(
    ("ours", "theirs", "level", "words"),
    [
        ("Korean_Wansung_CI_AS", "Korean_Wansung_CI_AS", "ok", "have one collation, Korean_Wansung_CI_AS"),
        (
            "Korean_Wansung_CI_AS",
            "Latin1_General_BIN2",
            "warning",
            "the ERP's has Latin1_General_BIN2: a query",
        ),
        ("Korean_Wansung_CI_AS", None, "warning", "cannot be seen (the ERP's is not told)"),
    ],
)
def test_the_doctor_compares_our_collation_with_the_erps(monkeypatch, tmp_path, ours, theirs, level, words):
    found = {"ours": ours, "theirs": theirs}
    erp = SimpleNamespace(dispose=lambda: None, side="theirs")
    engine = SimpleNamespace(dialect=SimpleNamespace(name="mssql"), side="ours")
    monkeypatch.setattr("routing_etl.doctor.examination.make_engine", lambda *_: erp)
    monkeypatch.setattr("routing_etl.doctor.examination.collation", lambda e: found[e.side])
    settings = load_settings(
        _env_file=None, home=tmp_path, erp_server="e", erp_database="d", warehouse_url="mssql+pyodbc://h/d"
    )
    (finding,) = _collations(settings, engine)
    assert finding.level == level and words in finding.message


# --- secrets ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "make",
    [
        lambda tmp: {"erp_url": f"postgresql+psycopg://u:{SENTINEL}@127.0.0.1:1/d"},
        lambda tmp: {"erp_url": f"mssql+pyodbc://u:{SENTINEL}@127.0.0.1:1/d"},
        lambda tmp: {"erp_server": "127.0.0.1", "erp_port": 1, "erp_database": "d", "erp_user": "u", "erp_password": SENTINEL},
        lambda tmp: {"erp_url": f"mssql+pyodbc:///?odbc_connect=Driver%3D%7BNone%7D%3BServer%3Dx%3BPWD%3D{SENTINEL}"},
        lambda tmp: {"erp_url": f"nonsense//{SENTINEL}"},
    ],
)  # fmt: skip
def test_no_secret_is_shown_logged_or_traced(tmp_path, make):
    settings = load_settings(_env_file=None, home=tmp_path, connect_timeout=1, **make(tmp_path))
    with capture_logs() as logs:
        findings = examine(settings)
    assert any(f.level == "error" for f in findings)
    engine_error = ""
    try:
        engine = make_engine(settings.erp, "erp", settings)
        with engine.connect():
            pass
    except (sa.exc.SQLAlchemyError, RoutingEtlError) as exc:
        engine_error = "".join(traceback.format_exception(exc))
    assert engine_error
    for text in (str(findings), str(logs), repr(settings), str(settings), engine_error):
        assert SENTINEL not in text
