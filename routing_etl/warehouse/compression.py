"""Page compression of the large tables on SQL Server: whether the server has it, and the statement.

What belongs here: a feature that not every server or edition has. What does not: when it is applied (`migrations`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl.log import get_logger

#: The tables that a night fills.
COMPRESSED = (
    "candidate",
    "candidate_operation",
    "candidate_evidence",
    "resource_alternative",
    "abstained_item",
    "routing_flat_table",
)

#: True where ALTER TABLE ... REBUILD WITH (DATA_COMPRESSION = ...) works: Microsoft's server (one that is based on
#: PostgreSQL says so in property 'Babelfish'), every edition from 2017 on, before that Enterprise.
_HAS_IT = (
    "SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) "
    "OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14)"
)
PROBE = f"SELECT CASE WHEN {_HAS_IT} THEN 1 ELSE 0 END"

_log = get_logger(__name__)


def compression_refused(connection: Connection) -> bool:
    """Whether this SQL Server has no page compression; the reason is logged then."""
    if connection.exec_driver_sql(PROBE).scalar_one() == 1:
        return False
    _log.warning("compression_skipped", reason="this server or edition has no page compression")
    return True


def compress_sql(table: str, schema: str | None, kind: str) -> sa.TextClause:
    """The guarded statement that rebuilds a table (PAGE or NONE): nothing where the server lacks it.

    The inner statement is a text of its own, so that a server which cannot even parse it never sees it.
    """
    name = f"[{schema}].[{table}]" if schema else f"[{table}]"
    statement = f"ALTER TABLE {name} REBUILD WITH (DATA_COMPRESSION = {kind});"
    return sa.text(f"IF {_HAS_IT} EXEC(N'{statement}')")
