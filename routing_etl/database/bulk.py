"""Sessions of the bulk-copy driver, under the same rules as every session of ours.

mssql-python copies over a connection of its native core that it opens for each call, without our session settings and
under a program name of its own. Here the same core is opened with our name and told our rules before it copies.

What belongs here: that session. What does not: when to copy, and what to do if it fails (`warehouse/writers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from routing_etl.database.sqlserver import (
    house_rules,
    keep_rules,
    mssql_python_connection_string,
    odbc_connection_string,
    parse_connection_string,
)
from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger

#: Rows that the server takes as one INSERT. It escalates to a lock on the whole table when one statement holds about
#: 5,000 locks, and readers of what is published would wait for it.
ROWS_PER_INSERT = 4_000

_REMEDY = "pip install 'mssql-python>=1.16', or set ROUTING_ETL_BULK_WRITER=batch"

_log = get_logger(__name__)


@dataclass(frozen=True)
class BulkCopy:
    """Copies Arrow columns into tables of one server.

    Parameters
    ----------
    engine : sqlalchemy.engine.Engine
        The warehouse; its URL and its session rules are used.
    connect_timeout : int
        Seconds to wait for a connection.
    statement_timeout : int
        Seconds that one copy may take.
    """

    engine: Engine
    connect_timeout: int
    statement_timeout: int

    def copy(self, table: str, source: Any, columns: list[str]) -> int:
        """Copy all rows over a session of their own; returns how many the server took.

        Rows are committed by `ROWS_PER_INSERT` as they arrive. Constraints are checked, NULL stays NULL, triggers do not
        fire, and no lock on the whole table is asked for.

        Parameters
        ----------
        table : str
            Its name, quoted.
        source : pyarrow.RecordBatchReader
            The rows.
        columns : list of str
            Names of the source's columns, which are those of the table.

        Raises
        ------
        ConfigurationError
            The driver cannot be loaded, or has no core that takes our rules. Other exceptions, the driver's panic
            included, as the driver raises them: rows may be there in part.
        """
        session = self.open()
        try:
            return self.copy_over(session, table, source, columns)
        finally:
            _close(session)

    def copy_over(self, session: Any, table: str, source: Any, columns: list[str]) -> int:
        """As `copy`, over a session that `open` gave."""
        cursor = session.cursor()
        try:
            result = cursor.bulkcopy_arrow(
                table,
                source,
                batch_size=ROWS_PER_INSERT,
                timeout=self.statement_timeout,
                column_mappings=columns,
                check_constraints=True,
                keep_nulls=True,
                table_lock=False,
            )
        finally:
            _close(cursor)
        return int(result.get("rows_copied", -1))

    def open(self) -> Any:
        """A session of the driver's core, named as ours and with our rules.

        Raises
        ------
        ConfigurationError
            As `copy`.
        """
        try:
            import mssql_py_core
        except (ImportError, OSError) as exc:
            raise ConfigurationError(f"mssql-python cannot be loaded ({exc}).", remedy=_REMEDY) from exc
        context = self._context()
        name = {
            k.lower(): v for k, v in parse_connection_string(odbc_connection_string(self.engine)).items()
        }.get("app")
        if name:
            context["application_name"] = name
        try:
            session = mssql_py_core.PyCoreConnection(context)
        finally:
            context.clear()  # it holds the password
        cursor = session.cursor()
        try:
            keep_rules(cursor.execute, house_rules(self.engine))
        except BaseException:
            _close(session)
            raise
        finally:
            _close(cursor)
        return session

    def _context(self) -> dict[str, Any]:
        """What the core wants to know of server and login."""
        text = mssql_python_connection_string(self.engine)
        given = {key.lower(): value for key, value in parse_connection_string(text).items()}
        try:
            if "authentication" in given:
                context = self._context_of_entra(text)
            else:
                from mssql_python.helpers import connstr_to_pycore_params

                context = connstr_to_pycore_params(given)
        except (ImportError, AttributeError) as exc:
            raise ConfigurationError(
                f"This version of mssql-python does not let a session be prepared ({exc}).", remedy=_REMEDY
            ) from exc
        context["connect_timeout"] = self.connect_timeout
        return dict(context)

    def _context_of_entra(self, text: str) -> dict[str, Any]:
        """The same for a login by Microsoft Entra, whose token the driver's own connection acquires."""
        import mssql_python

        # The driver's own pool would keep the session open for ten minutes.
        mssql_python.pooling(enabled=False)
        opened = mssql_python.connect(text, autocommit=True, timeout=self.connect_timeout)
        try:
            context: dict[str, Any] = opened.cursor()._build_pycore_context()
        finally:
            _close(opened)
        return context


def _close(resource: Any) -> None:
    if resource is None or not hasattr(resource, "close"):
        return
    try:
        resource.close()
    except Exception as exc:  # noqa: BLE001 - the first error is the one to report
        _log.debug("close_failed", error=str(exc)[:200])
