"""Publishing for an ERP that can read one fixed table only: `routing_flat_table` follows the pointer.

The table is made equal to the view `routing_flat` in the transaction that moves the pointer. Rows that are
the same in the new batch are not touched. Their VALID_FROM_DT, MODEL_VERSION and PUBLICATION_ID therefore
stay those of the batch that last changed them; these columns differ in every batch, and updating them would
touch every row.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.errors import ReconcileError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.warehouse.schema import FLAT_COLUMNS, FLAT_KEY, Tables

#: State of READ_COMMITTED_SNAPSHOT, row versions for readers; `not needed` on servers that always have them.
Rcsi = Literal["on", "off", "not needed", "unknown"]

#: Columns that differ in every batch, so that a difference in them alone does not count as a change.
STAMPS = ("VALID_FROM_DT", "MODEL_VERSION", "PUBLICATION_ID")

_ALWAYS_VERSIONED = sa.text("SELECT CAST(SERVERPROPERTY(N'Babelfish') AS int)")
_RCSI = sa.text("SELECT CAST(is_read_committed_snapshot_on AS int) FROM sys.databases WHERE name = DB_NAME()")

_log = get_logger(__name__)


def delta(tb: Tables) -> tuple[sa.Delete, sa.Update, sa.Insert]:
    """Statements for removed, changed and new rows, to be run in this order after the pointer has moved."""
    table = tb.routing_flat_table
    shown = sa.table(
        "routing_flat", *(sa.column(n, table.c[n].type) for n in FLAT_COLUMNS), schema=table.schema
    ).alias("f")
    same = sa.and_(*(table.c[k] == shown.c[k] for k in FLAT_KEY))
    one: Any = sa.literal_column("1")
    gone = sa.delete(table).where(~sa.exists(sa.select(one).select_from(shown).where(same).correlate(table)))
    judged = [n for n in FLAT_COLUMNS if n not in FLAT_KEY and n not in STAMPS]
    changed = (
        sa.update(table)
        .where(same, sa.or_(*(table.c[n].is_distinct_from(shown.c[n]) for n in judged)))
        .values({n: shown.c[n] for n in FLAT_COLUMNS if n not in FLAT_KEY})
    )
    new = sa.insert(table).from_select(
        FLAT_COLUMNS,
        sa.select(*(shown.c[n] for n in FLAT_COLUMNS)).where(
            ~sa.exists(sa.select(one).select_from(table).where(same).correlate(shown))
        ),
    )
    return gone, changed, new


def refresh(connection: Connection, tb: Tables) -> None:
    """Make the fixed table equal to the published batch, inside the caller's transaction.

    Raises
    ------
    ReconcileError
        The table would hold another number of rows than the view; the caller must roll back.
    """
    for statement in delta(tb):
        connection.execute(statement)
    table = tb.routing_flat_table
    view = sa.table("routing_flat", schema=table.schema)
    held, wanted = (
        int(connection.execute(sa.select(sa.func.count()).select_from(s)).scalar_one()) for s in (table, view)
    )
    if held != wanted:
        raise ReconcileError(
            f"routing_flat_table would hold {held:,} rows, the published batch has {wanted:,}.",
            remedy="Nothing was published. Two codes that the database's collation takes for one are the usual cause.",
        )


def rcsi_state(engine: Engine) -> Rcsi:
    """Whether readers of a table that is being changed see its last committed state instead of waiting.

    `off`: Microsoft's server without READ_COMMITTED_SNAPSHOT. `unknown`: the server does not say, which is logged.
    """
    if engine.dialect.name != "mssql":
        return "not needed"
    try:
        with engine.connect() as connection:
            if connection.execute(_ALWAYS_VERSIONED).scalar() == 1:
                return "not needed"
            return "on" if connection.execute(_RCSI).scalar_one() == 1 else "off"
    except sa.exc.SQLAlchemyError as exc:
        _log.warning("rcsi_unknown", error=str(exc)[:300])
        return "unknown"


def require_rcsi(engine: Engine) -> None:
    """Refuse to change the fixed table if readers would wait for it or see it half changed.

    Raises
    ------
    WarehouseError
        The database has READ_COMMITTED_SNAPSHOT off.
    """
    if rcsi_state(engine) == "off":
        raise WarehouseError(
            "ROUTING_ETL_PUBLISH_MODE = 'table' needs READ_COMMITTED_SNAPSHOT, which is off in this database.",
            remedy="Let a DBA run ALTER DATABASE ... SET READ_COMMITTED_SNAPSHOT ON, or use mode 'pointer'.",
        )
