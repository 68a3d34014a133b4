"""Connections to SQL Server as settings make them: URLs, secrets, drivers, sessions. No server is needed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from routing_etl.database import sqlserver as mssql
from routing_etl.database.engine import make_engine
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings

pytestmark = pytest.mark.unit

SERVER = {
    "erp_server": "erp-db.plant.local",
    "erp_database": "PLANT",
    "erp_user": "etl_read",
    "odbc_driver": "ODBC Driver 18 for SQL Server",
}


def made(**overrides):
    return load_settings(**{"_env_file": None, **SERVER, **overrides})


def odbc(settings, role="erp"):
    """Keyword to value of the connection string that pyodbc gets."""
    from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

    url = mssql.complete_url(make_url(getattr(settings, role)), role, settings)
    arguments, _ = MSDialect_pyodbc().create_connect_args(url)
    return {k.lower(): v for k, v in mssql.parse_connection_string(arguments[0]).items()}


def test_a_connection_from_settings_is_encrypted_and_verified():
    pairs = odbc(made(erp_password="p;a}s{s=w@rd/"))
    assert pairs["server"] == "erp-db.plant.local,1433"
    assert pairs["database"] == "PLANT"
    assert (pairs["uid"], pairs["pwd"]) == ("etl_read", "p;a}s{s=w@rd/")
    assert (pairs["encrypt"], pairs["trustservercertificate"]) == ("yes", "no")
    assert pairs["applicationintent"] == "ReadOnly"
    assert pairs["app"] == "routing_etl erp"
    assert "trusted_connection" not in pairs


def test_the_warehouse_has_a_login_of_its_own_and_no_read_only_intent():
    settings = made(
        warehouse_server="w", warehouse_database="D", warehouse_user="etl_write", warehouse_password="x",
        trust_server_certificate=True, encrypt="strict", warehouse_port=14330,
    )  # fmt: skip
    pairs = odbc(settings, "warehouse")
    assert pairs["uid"] == "etl_write" and pairs["server"] == "w,14330"
    assert (pairs["encrypt"], pairs["trustservercertificate"]) == ("strict", "yes")
    assert "applicationintent" not in pairs


def test_without_a_login_the_connection_is_trusted():
    pairs = odbc(made(erp_user=None))
    assert pairs["trusted_connection"].lower() == "yes"
    assert "uid" not in pairs


@pytest.mark.parametrize("user", [None, "app-id"])
def test_entra_is_passed_on_and_never_beside_a_trusted_connection(user):
    pairs = odbc(made(erp_user=user, erp_authentication="ActiveDirectoryServicePrincipal"))
    assert pairs["authentication"] == "ActiveDirectoryServicePrincipal"
    assert "trusted_connection" not in pairs


def test_a_named_instance_keeps_its_own_port():
    assert odbc(made(erp_server="host\\PROD", erp_password="x"))["server"] == "host\\PROD"


def test_a_whole_url_keeps_what_it_says(monkeypatch):
    url = "mssql+pyodbc://u:p@h:1433/D?driver=Mine&Encrypt=no&APP=x&Authentication=ActiveDirectoryMsi"
    pairs = odbc(load_settings(_env_file=None, erp_url=url))
    assert (pairs["driver"], pairs["encrypt"], pairs["app"]) == ("Mine", "no", "x")
    assert pairs["authentication"] == "ActiveDirectoryMsi"


def test_the_password_comes_from_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("가; 비밀\n", encoding="utf-8")
    assert odbc(made(erp_password_file=secret))["pwd"] == "가; 비밀", "only the line end is taken off"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"erp_password_file": "nowhere/secret"}, "ERP_PASSWORD_FILE = 'nowhere/secret' cannot be read"),
        ({"erp_password": "a", "erp_password_file": "b"}, "both set"),
        ({"erp_url": "sqlite:///x.db"}, "ERP_URL and ROUTING_ETL_ERP_SERVER"),
        ({"erp_database": None}, "ERP_DATABASE is not set"),
    ],
)
def test_contradictions_are_refused(overrides, words):
    with pytest.raises(ConfigurationError, match=words):
        _ = made(**overrides).erp


def test_an_empty_secret_file_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is empty"):
        _ = made(erp_password_file=secret).erp


def test_wrong_settings_do_not_show_secrets():
    with pytest.raises(ConfigurationError) as caught:
        load_settings(_env_file=None, erp_password=["Sentinel"], erp_authentication="Kerberos?")
    assert "Sentinel" not in str(caught.value)
    assert "ERP_AUTHENTICATION = 'Kerberos?'" in str(caught.value)


# --- drivers ------------------------------------------------------------------------------------------------------------
def test_a_configured_driver_comes_first_and_must_exist(tmp_path):
    file = tmp_path / "driver.so"
    file.write_bytes(b"")
    assert mssql.find_odbc_driver(str(file)) == str(file)
    assert mssql.find_odbc_driver("My Driver") == "My Driver"
    with pytest.raises(ConfigurationError, match="ROUTING_ETL_ODBC_DRIVER"):
        mssql.find_odbc_driver("no/such/driver.so")


def test_installed_drivers_come_before_the_wheels(monkeypatch, tmp_path):
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    names = ["FreeTDS", "ODBC Driver 17 for SQL Server", "ODBC Driver 18 for SQL Server"]
    monkeypatch.setattr(pyodbc, "drivers", lambda: names)
    assert mssql.find_odbc_driver(None) == "ODBC Driver 18 for SQL Server"
    names.remove("ODBC Driver 18 for SQL Server")
    assert mssql.find_odbc_driver(None) == "ODBC Driver 17 for SQL Server"
    monkeypatch.setattr(pyodbc, "drivers", lambda: ["FreeTDS"])
    monkeypatch.setattr(mssql, "_bundled_driver", lambda: tmp_path / "libmsodbcsql.so")
    assert mssql.find_odbc_driver(None) == str(tmp_path / "libmsodbcsql.so")
    monkeypatch.setattr(mssql, "_bundled_driver", lambda: None)
    with pytest.raises(ConfigurationError, match=r"installed: FreeTDS.*routing_etl\[odbc\]"):
        mssql.find_odbc_driver(None)


def test_the_wheels_driver_for_this_system_is_taken(monkeypatch, tmp_path):
    for family in ("alpine", "debian_ubuntu", "rhel", "suse"):
        for machine in ("arm64", "x86_64"):
            folder = tmp_path / "libs" / "linux" / family / machine / "lib"
            folder.mkdir(parents=True)
            (folder / "libmsodbcsql-18.6.so.2.1").write_bytes(b"")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(mssql.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(mssql.platform, "machine", lambda: "aarch64")
    for family in ("debian_ubuntu", "rhel"):
        monkeypatch.setattr(mssql, "_family", lambda family=family: family)
        found = mssql._bundled_driver()
        assert found is not None
        assert found.parts[-4:-1] == (family, "arm64", "lib")


# --- connection strings -------------------------------------------------------------------------------------------------
@given(
    st.dictionaries(
        st.sampled_from(["Server", "UID", "PWD", "Database"]),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
    )
)
def test_connection_strings_survive_any_password(pairs):
    pairs = {k: v for k, v in pairs.items() if v == v.strip()}
    assert mssql.parse_connection_string(mssql.join_connection_string(pairs)) == pairs


def test_mssql_python_gets_the_same_connection_without_what_it_refuses():
    pytest.importorskip("pyodbc", reason="needs the ODBC driver manager (unixodbc)", exc_type=ImportError)
    settings = made(erp_password="p}w;d")
    url = mssql.complete_url(make_url(settings.erp), "erp", settings)
    engine = sa.create_engine(url)
    pairs = mssql.parse_connection_string(mssql.mssql_python_connection_string(engine))
    assert pairs["Server"] == "erp-db.plant.local,1433"
    assert pairs["PWD"] == "p}w;d" and pairs["Encrypt"] == "yes"
    assert not {"driver", "app"} & {k.lower() for k in pairs}
    assert pairs["PacketSize"] == "8192", "left alone the driver's bulk copy panics on some servers"
    own = sa.create_engine(url.update_query_dict({"PacketSize": "16000"}))
    assert mssql.parse_connection_string(mssql.mssql_python_connection_string(own))["PacketSize"] == "16000"


# --- sessions -----------------------------------------------------------------------------------------------------------
class FakeConnection:
    """A DBAPI connection that refuses some statements and remembers what it was asked."""

    def __init__(self, refuse=()):
        self.refuse, self.executed, self.autocommit, self.timeout = refuse, [], False, 0

    def cursor(self):
        return self

    def execute(self, statement):
        assert self.autocommit, "a setting that is refused must not cost a transaction"
        if any(r in statement for r in self.refuse):
            raise RuntimeError("unknown setting")
        self.executed.append(statement)

    def nextset(self):
        return False

    def close(self):
        pass


def session(refuse, refused):
    connection = FakeConnection(refuse)
    statements = mssql.session_statements(made(lock_timeout=7))
    mssql.set_up_session(connection, 99, statements, refused)
    return connection


def test_every_session_is_prepared_in_one_round_trip():
    connection = session((), set())
    assert connection.executed == [
        "SET XACT_ABORT ON; SET NOCOUNT ON; SET LOCK_TIMEOUT 7000; SET DEADLOCK_PRIORITY LOW"
    ]
    assert connection.timeout == 99 and connection.autocommit is False


def test_a_setting_that_the_server_lacks_is_left_out_and_not_asked_again():
    refused: set[str] = set()
    connection = session(("DEADLOCK_PRIORITY",), refused)
    assert connection.executed == ["SET XACT_ABORT ON", "SET NOCOUNT ON", "SET LOCK_TIMEOUT 7000"]
    again = session(("DEADLOCK_PRIORITY",), refused)
    assert again.executed == ["SET XACT_ABORT ON; SET NOCOUNT ON; SET LOCK_TIMEOUT 7000"]


def test_a_rollback_that_finds_no_transaction_is_no_error():
    pytest.importorskip("pyodbc", reason="needs the ODBC driver manager (unixodbc)", exc_type=ImportError)
    engine = sa.create_engine("mssql+pyodbc://u:p@h/d?driver=x")
    mssql.prepare_sessions(engine, made())

    class Raw:
        def __init__(self, number):
            self.number = number

        def rollback(self):
            raise RuntimeError(f"[42000] something ({self.number}) (SQLEndTran)")

    engine.dialect.do_rollback(Raw(3903))
    with pytest.raises(RuntimeError, match="1205"):
        engine.dialect.do_rollback(Raw(1205))


def test_a_null_in_an_update_is_text_and_no_parameter():
    table = sa.table("t", sa.column("a"), sa.column("b"), sa.column("c"))
    update = sa.update(table).where(table.c.a == 1).values(b=None, c=2)
    written, _, _ = mssql.write_nulls(None, update, (), {}, {})
    compiled = written.compile()
    assert "b=NULL" in str(compiled) and compiled.params == {"a_1": 1, "c": 2}
    plain = sa.update(table).values(b=sa.bindparam("later"))
    assert mssql.write_nulls(None, plain, (), {"later": None}, {})[0] is plain
    insert = sa.insert(table).values(b=None)
    assert mssql.write_nulls(None, insert, (), {}, {})[0] is insert


def test_access_without_its_dialect_says_where_it_can_be_had(tmp_path):
    with pytest.raises(ConfigurationError, match=r"ROUTING_ETL_ERP_URL.*routing_etl\[access\].*Windows only"):
        make_engine("access+nodriver:///plant", "erp", load_settings(_env_file=None, home=tmp_path))


def test_any_dialect_gets_a_bounded_pool(tmp_path, monkeypatch):
    """Some dialects (Access) choose a pool that takes no bounds; ours is named."""
    pytest.importorskip("psycopg")
    from sqlalchemy.dialects.postgresql import psycopg as dialect

    monkeypatch.setattr(
        dialect.dialect, "get_pool_class", classmethod(lambda cls, url: sa.pool.SingletonThreadPool)
    )
    settings = load_settings(_env_file=None, home=tmp_path, pool_size=3)
    engine = make_engine("postgresql+psycopg://u@h/d", "erp", settings)
    assert isinstance(engine.pool, sa.pool.QueuePool) and engine.pool.size() == 3
