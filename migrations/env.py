"""Alembic's entry: runs the versions on a given connection, or collects their statements for a script.

`routing_etl.warehouse.migrate` is the only caller; it passes the connection (or, for `--sql`, a dialect's name and where
the statements go) and the schema in `config.attributes`. The version table lies in our schema. Nothing here knows today's
tables: a revision runs its own frozen statements (`routing_etl/warehouse/revision_statements.py`).
"""

from __future__ import annotations

from typing import Any

from alembic import context

from routing_etl.warehouse.migrate import VERSION_TABLE

attributes: dict[str, Any] = context.config.attributes
schema: str | None = attributes["schema"]


options: dict[str, Any] = {
    "version_table": VERSION_TABLE,
    "version_table_schema": schema,
    "version_table_pk": True,
    "transactional_ddl": True,
}

if context.is_offline_mode():
    # The script has a transaction of its own around all steps.
    options["transactional_ddl"] = False
    context.configure(dialect_name=attributes["dialect"], output_buffer=attributes["buffer"], **options)
    context.run_migrations()
else:
    connection = attributes["connection"]
    if connection.dialect.name == "mssql":
        # Our sessions do not count rows; Alembic checks the count of its own statement on the version table.
        connection.exec_driver_sql("SET NOCOUNT OFF")
    context.configure(connection=connection, **options)
    context.run_migrations()
    if connection.dialect.name == "mssql":
        connection.exec_driver_sql("SET NOCOUNT ON")
