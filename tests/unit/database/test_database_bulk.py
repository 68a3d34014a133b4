"""The bulk-copy driver's sessions: named as ours, told our rules before anything else, and refused where they cannot be."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest
import sqlalchemy as sa
from tds_ear import listening

from routing_etl.database import bulk, sqlserver
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings

RULES = ["SET XACT_ABORT ON", "SET NOCOUNT ON", "SET LOCK_TIMEOUT 7000", "SET DEADLOCK_PRIORITY LOW"]


def engine_for(port: int, tmp_path, **settings) -> sa.Engine:
    """An engine for a server on this port, as `make_engine` makes it; it opens no connection."""
    pytest.importorskip(
        "pyodbc", reason="pyodbc needs the ODBC driver manager (unixodbc)", exc_type=ImportError
    )
    made = load_settings(
        home=tmp_path, _env_file=None, odbc_driver="D", lock_timeout=7, encrypt="optional", **settings
    )
    url = sa.make_url(f"mssql+pyodbc://etl:geheim@127.0.0.1:{port}/RETL")
    engine = sa.create_engine(sqlserver.complete_url(url, "warehouse", made))
    sqlserver.prepare_sessions(engine, made)
    return engine


def test_a_session_has_our_name_and_our_rules_before_it_copies(tmp_path):
    pytest.importorskip("mssql_py_core", reason="mssql-python is not installed")
    with listening() as heard:
        session = bulk.BulkCopy(engine_for(heard.port, tmp_path), 5, 60).open()
        session.close()
    (login,) = heard.logins
    assert (login["program"], login["user"], login["database"]) == ("routing_etl warehouse", "etl", "RETL")
    assert heard.batches == RULES


def test_a_copy_asks_for_small_inserts_and_nothing_that_blocks(tmp_path, monkeypatch):
    calls = []

    class Core:
        """Stands for the driver's core: a session that is its own cursor."""

        def __init__(self, context):
            self.context = dict(context)
            calls.append(("connect", self.context))

        def cursor(self):
            return self

        def execute(self, statement):
            calls.append(("execute", statement))
            if "DEADLOCK" in statement:
                raise RuntimeError("not known here")

        def bulkcopy_arrow(self, table, source, **options):
            rows = sum(batch.num_rows for batch in source)
            calls.append(("copy", table, options))
            return {"rows_copied": rows}

        def close(self):
            calls.append(("close",))

    module = type(sys)("mssql_py_core")
    module.PyCoreConnection = Core
    monkeypatch.setitem(sys.modules, "mssql_py_core", module)
    table = pa.table({"item_cd": ["누설", "b"]})
    source = pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches()))
    copy = bulk.BulkCopy(engine_for(1433, tmp_path), 5, 60)
    assert copy.copy("routing.candidate", source, ["item_cd"]) == 2
    (context,) = (c[1] for c in calls if c[0] == "connect")
    assert context["application_name"] == "routing_etl warehouse" and context["connect_timeout"] == 5
    assert context["password"] == "geheim" and context["encryption"] == "optional"
    assert [c[1] for c in calls if c[0] == "execute"] == RULES, "a rule that is refused stops nothing"
    (options,) = (c[2] for c in calls if c[0] == "copy")
    assert options["batch_size"] < 5_000 and options["table_lock"] is False
    assert (
        options["check_constraints"] and options["keep_nulls"] and options["column_mappings"] == ["item_cd"]
    )
    assert calls[-1] == ("close",)


@pytest.mark.parametrize("missing", ["mssql_py_core", "mssql_python.helpers"])
def test_a_driver_that_cannot_be_prepared_is_named_with_the_remedy(tmp_path, monkeypatch, missing):
    pytest.importorskip("mssql_py_core", reason="mssql-python is not installed")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"mssql-python.*ROUTING_ETL_BULK_WRITER=batch"):
        bulk.BulkCopy(engine_for(1433, tmp_path), 5, 60).open()


def test_rules_are_those_of_every_other_session(tmp_path):
    assert list(sqlserver.house_rules(engine_for(1433, tmp_path))) == RULES
    assert sqlserver.house_rules(sa.create_engine("sqlite://")) == ()
