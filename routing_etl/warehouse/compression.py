"""Whether a SQL Server has page compression. The guarded statements that use it are in `migrations/versions`."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from routing_etl.log import get_logger

#: Condition under which ALTER TABLE ... REBUILD WITH (DATA_COMPRESSION = ...) works: every edition of
#: Microsoft's server from 2017 on, before that Enterprise only. A server based on PostgreSQL has the property
#: 'Babelfish'.
_HAS_IT = (
    "SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) "
    "OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14)"
)
PROBE = f"SELECT CASE WHEN {_HAS_IT} THEN 1 ELSE 0 END"

_log = get_logger(__name__)


def compression_refused(connection: Connection) -> bool:
    """Whether this SQL Server lacks page compression; if so, that is logged."""
    if connection.exec_driver_sql(PROBE).scalar_one() == 1:
        return False
    _log.warning("compression_skipped", reason="this server or edition has no page compression")
    return True
