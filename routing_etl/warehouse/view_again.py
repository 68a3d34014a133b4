"""How a view is made again without losing the rights that were granted on it, as text for three dialects.

SQL Server keeps them with ALTER VIEW. Servers that only look like it may not have that statement; there the view is
dropped and created, and `sql/roles_and_grants.sql` grants the rights again. PostgreSQL keeps them with CREATE OR REPLACE
VIEW, which cannot change or remove a column; where it must, the rights are read before the view is dropped and granted
again after. SQLite has no rights.
"""

from __future__ import annotations

import re

#: How a frozen statement begins that makes a view or makes it again; a form of ours, in all dialects.
REPLACE = "REPLACE VIEW "

_FORM = re.compile(rf"{REPLACE}(\S+) AS\n(.*)", re.S)

#: T-SQL condition under which the server has ALTER VIEW: it is not one that is based on PostgreSQL.
HAS_ALTER_VIEW = "SERVERPROPERTY(N'Babelfish') IS NULL"

_POSTGRESQL = """DO {again}
DECLARE
    was regclass := to_regclass('{name}');
    owner_name text;
    granted text[];
    statement text;
    body text := {quote}
{select}
{quote};
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW {name} AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON {name} TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
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
        EXECUTE 'ALTER VIEW {name} OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
{again}"""

_MSSQL = """DECLARE @verb nvarchar(6) = N'CREATE';
IF {there} AND {has_alter_view} SET @verb = N'ALTER';
IF {guard}@verb = N'CREATE' AND {there}
EXEC(N'DROP VIEW {name}');
{if_guard}EXEC(@verb + N' VIEW {name} AS
{select}')"""


def parts(statement: str) -> tuple[str, str] | None:
    """Name and select of a statement `REPLACE VIEW name AS`, line break, select; None if it is another one."""
    form = _FORM.fullmatch(statement)
    return (form[1], form[2]) if form else None


def made_again(name: str, select: str, dialect: str, guard: str = "") -> list[str]:
    """The statements, without a semicolon at the end, that make a view or make it again.

    Parameters
    ----------
    name : str
        The view with its schema, quoted where the dialect needs it.
    select : str
        What it shows.
    dialect : str
        One of `migrate.DIALECTS`.
    guard : str, default ''
        T-SQL condition that must hold too.
    """
    if dialect == "postgresql":
        again, quote = _tag("again", select), _tag("select", select)
        text = _POSTGRESQL.replace("{again}", again).replace("{quote}", quote).replace("{name}", name)
        return [text.replace("{select}", select)]
    if dialect == "mssql":
        words = {
            "{if_guard}": f"IF {guard}\n" if guard else "",
            "{guard}": f"{guard} AND " if guard else "",
            "{there}": f"OBJECT_ID(N'{name}', N'V') IS NOT NULL",
            "{has_alter_view}": HAS_ALTER_VIEW,
            "{name}": name,
            "{select}": select.replace("'", "''"),
        }
        text = _MSSQL
        for mark, value in words.items():
            text = text.replace(mark, value)
        return [text]
    return [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{select}"]


def _tag(word: str, text: str) -> str:
    """A dollar quote of PostgreSQL that the text does not hold."""
    while f"${word}$" in text:
        word += "_"
    return f"${word}$"
