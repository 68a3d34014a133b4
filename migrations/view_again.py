"""How a view is made again without losing the rights that were granted on it: one form of our texts, three dialects.

SQL Server keeps them with ALTER VIEW. Servers that only look like it may not have that statement; there the view is
dropped and created, and the rights are granted again by `sql/roles_and_grants.sql`. PostgreSQL keeps them with CREATE OR
REPLACE VIEW, which cannot change or remove a column; where it must, the rights are read before the view is dropped and
granted again after. SQLite has no rights.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import context, op

from routing_etl.log import get_logger

#: How a statement of this form begins.
REPLACE = "REPLACE VIEW "

_FORM = re.compile(rf"{REPLACE}(\S+) AS\n(.*)", re.S)

_log = get_logger(__name__)

_POSTGRESQL = """DO $again$
DECLARE
    was regclass := to_regclass('{name}');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
{select}
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW {name} AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg(format('GRANT %s%s ON {name} TO %s%s', right_name, column_list, grantee, option))
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, format(' (%I)', t.attname), a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW {name};
    EXECUTE 'CREATE VIEW {name} AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE format('ALTER VIEW {name} OWNER TO %I', owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$"""

_MSSQL = """DECLARE @verb nvarchar(6);
SET @verb = N'CREATE';
IF OBJECT_ID(N'{name}', N'V') IS NOT NULL
BEGIN
    -- ALTER keeps the rights granted on a view. Where there is none, run sql/roles_and_grants.sql again afterwards.
    IF SERVERPROPERTY(N'Babelfish') IS NULL SET @verb = N'ALTER';
    ELSE EXEC(N'DROP VIEW {name}');
END;
EXEC(@verb + N' VIEW {name} AS
{select}')"""


def replaced(statement: str) -> list[str]:
    """The statements that make a view or make it again, for the dialect that Alembic runs on.

    Parameters
    ----------
    statement : str
        `REPLACE VIEW name AS`, and the select from the next line on.

    Raises
    ------
    ValueError
        The statement is not of this form.
    """
    form = _FORM.fullmatch(statement)
    if form is None:
        raise ValueError(f"Not of the form {REPLACE!r}name AS, line break, select: {statement[:80]!r}")
    name, select = form.groups()
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        return [_POSTGRESQL.replace("{name}", name).replace("{select}", select)]
    if dialect == "mssql" and context.is_offline_mode():
        return [_MSSQL.replace("{name}", name).replace("{select}", select.replace("'", "''"))]
    if dialect == "mssql":
        return _on_sql_server(name, select)
    return [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{select}"]


def _on_sql_server(name: str, select: str) -> list[str]:
    """The same as the text for a DBA, asked of the server at hand."""
    bind = op.get_bind()
    if bind.execute(sa.select(sa.func.object_id(name, "V"))).scalar() is None:
        return [f"CREATE VIEW {name} AS\n{select}"]
    if bind.exec_driver_sql("SELECT CAST(SERVERPROPERTY('Babelfish') AS int)").scalar() is None:
        return [f"ALTER VIEW {name} AS\n{select}"]
    _log.warning(
        "view_made_again",
        view=name,
        remedy="Run sql/roles_and_grants.sql again: this server has no ALTER VIEW.",
    )
    return [f"DROP VIEW {name}", f"CREATE VIEW {name} AS\n{select}"]
