"""Page compression on SQL Server: whether the server has it.

What belongs here: a feature that not every server or edition has. What does not: the tables that have it, and the guarded
statements (`migrations/versions`).
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from routing_etl.log import get_logger

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
