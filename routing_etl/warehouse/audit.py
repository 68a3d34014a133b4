"""Who called which command that changes something, on what, and how it ended: a row each in `audit_log`."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.settings import Settings
from routing_etl.warehouse.column_values import cut
from routing_etl.warehouse.decisions import login_of
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import unfenced


@dataclass(frozen=True)
class Deed:
    """A call of a command.

    Attributes
    ----------
    command : str
        Its name, as it is typed.
    by, via : str
        Who called it, and through what (`cli`, `dagster`).
    outcome : str
        `succeeded`, `failed` or `stopped`.
    subject : str
        On what: an item, a version, a publication; '' where the command has none.
    message : str
        Why it failed, or the reason that was given.
    """

    command: str
    by: str
    via: str
    outcome: str = "succeeded"
    subject: str = ""
    message: str = ""


def record_deed(engine: Engine, settings: Settings, deed: Deed) -> None:
    """Write a call down.

    Parameters
    ----------
    engine : Engine
        The warehouse, migrated to head.
    settings : Settings
        Names the schema.
    deed : Deed
        The call. Texts that are too long are cut, and say so.

    Raises
    ------
    WarehouseError
        The database is not at head, or refuses.
    """
    schema = schema_for(engine, settings.warehouse_schema)
    check_head(engine, schema)
    table = tables(schema).audit_log
    with unfenced(engine, "who called what is on record however it ended") as connection:
        row = {
            "happened_at": now(),
            "command": deed.command,
            "subject": cut(deed.subject, 400) or None,
            "done_by": cut(deed.by, 128),
            "done_via": deed.via,
            "database_login": login_of(connection),
            "host": cut(socket.gethostname(), 128),
            "outcome": deed.outcome,
            "message": cut(deed.message, 2000) or None,
        }
        connection.execute(sa.insert(table), [row])
