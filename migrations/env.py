"""Alembic's entry: runs the versions on a given connection, or writes them as SQL text.

`routing_etl.warehouse.migrate` is the only caller; it passes the connection (or a dialect name for `--sql`) and the
schema in `config.attributes`. The version table lies in our schema. Nothing here knows today's tables: a revision runs its
own frozen statements (`statements.py`).
"""

from __future__ import annotations

from typing import Any

from alembic import context

from routing_etl.warehouse.migrate import VERSION_TABLE, create_schema_sql, script_header

attributes: dict[str, Any] = context.config.attributes
schema: str | None = attributes["schema"]


options: dict[str, Any] = {
    "version_table": VERSION_TABLE,
    "version_table_schema": schema,
    "version_table_pk": True,
    "transactional_ddl": True,
}

if context.is_offline_mode():
    context.configure(dialect_name=attributes["dialect"], output_buffer=attributes["buffer"], **options)
    for line in script_header(attributes["dialect"]):
        context.get_context().impl.static_output(line)
    if schema is not None and attributes["from_base"]:
        context.get_context().impl.static_output(create_schema_sql(attributes["dialect"], schema))
    with context.begin_transaction():
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
