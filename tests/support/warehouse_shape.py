"""The shape of a warehouse, piece by piece under names: what the migrations make beside what the code of today renders.

A shape maps the name of a piece (`column candidate.item_cd`, `view routing_flat`) to its text. It is read from a database
(SQLite, PostgreSQL) or from a script (every dialect, SQL Server for want of one to read from).
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable
from warehouse_scripts import inner

from routing_etl.warehouse.migrate import VERSION_TABLE
from routing_etl.warehouse.schema import Tables, tables
from routing_etl.warehouse.views import CreateView, view_selects

Shape = dict[str, str]


def differences(made: Shape, wanted: Shape) -> list[str]:
    """What the migrations make and the code does not say, or the reverse, one line a piece."""
    lines = []
    for name in sorted(made.keys() | wanted.keys()):
        if name not in wanted:
            lines.append(f"{name}: only in the migrations")
        elif name not in made:
            lines.append(f"{name}: no revision makes it")
        elif made[name] != wanted[name]:
            lines.append(f"{name}: the migrations make {made[name]!r}, the code says {wanted[name]!r}")
    return lines


# --- from the code ------------------------------------------------------------------------------------------------------
def _code_ddl(schema: str | None, dialect: str, tb: Tables | None) -> list[Any]:
    found = (tb or tables(schema)).metadata.sorted_tables
    return [
        *(CreateTable(t) for t in found),
        *(CreateIndex(i) for t in found for i in sorted(t.indexes, key=lambda i: str(i.name))),
        *(CreateView(name, schema, select) for name, select in view_selects(schema, dialect).items()),
    ]


def build_from_code(engine: sa.Engine, schema: str | None, tb: Tables | None = None) -> None:
    """Make the tables and views that the code of today renders, without a migration."""
    with engine.begin() as connection:
        if schema is not None:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        for statement in _code_ddl(schema, engine.dialect.name, tb):
            connection.execute(statement)


def shape_of_code(dialect: str, schema: str | None, tb: Tables | None = None) -> Shape:
    """The shape of what the code of today renders, as text."""
    place = sa.make_url(f"{dialect}://").get_dialect()()
    return shape_of_statements([str(s.compile(dialect=place)) for s in _code_ddl(schema, dialect, tb)])


# --- from a script ------------------------------------------------------------------------------------------------------
_NAME = r"(?:\S+\.)?\[?\"?(\w+)\]?\"?"
#: A statement for Microsoft's server alone, whose shape counts; those for others, and compression, leave it as it is.
_GUARDED = re.compile(r"IF SERVERPROPERTY\(N'Babelfish'\) IS NULL EXEC\(N'(.*);'\)", re.S)
_IGNORED = re.compile(r"PRAGMA foreign_keys|IF SERVERPROPERTY|INSERT INTO |UPDATE |DELETE FROM ")


def shape_of_script(text: str, dialect: str) -> Shape:
    """The shape that a script of `migrate --sql` leaves."""
    return shape_of_statements(inner(text, dialect))


def shape_of_statements(statements: list[str]) -> Shape:
    """The shape that DDL statements leave, one after the other.

    Raises
    ------
    AssertionError
        A statement is of a form that is not known here: teach it.
    """
    shape: Shape = {}
    for statement in filter(None, (_GUARDED.sub(r"\1", _plain(s)) for s in statements)):
        if not _IGNORED.match(statement) and not any(form(statement, shape) for form in _FORMS):
            raise AssertionError(f"warehouse_shape cannot read this statement, teach it: {statement}")
    positions: dict[str, int] = {}
    for name in [n for n in shape if n.startswith("column ")]:
        table = name.split(".")[0]
        positions[table] = positions.get(table, 0) + 1
        shape[name] = f"{positions[table]}: {shape[name]}"
    return shape


def _plain(text: str) -> str:
    return "\n".join(line.replace("\t", "    ").rstrip() for line in text.strip().splitlines())


def _table_line(table: str, line: str, shape: Shape) -> None:
    constraint = re.match(r"CONSTRAINT \[?\"?(\w+)\]?\"? (.*)", line, re.S)
    column = re.match(r"\[?\"?(\w+)\]?\"? (.*)", line, re.S)
    assert column is not None, line
    if constraint:
        shape[f"constraint {table}.{constraint[1]}"] = constraint[2]
    else:
        shape[f"column {table}.{column[1]}"] = column[2]


def _create_table(statement: str, shape: Shape) -> bool:
    found = re.fullmatch(rf"CREATE TABLE {_NAME} \(\n(.*)\n\)(.*)", statement, re.S)
    if found:
        shape[f"table {found[1]}"] = found[3].strip()
        for line in found[2].split(",\n"):
            _table_line(found[1], line.strip(), shape)
    return found is not None


def _alter_table(statement: str, shape: Shape) -> bool:
    found = re.fullmatch(rf"ALTER TABLE {_NAME} (ADD|DROP|ALTER COLUMN) (.*)", statement, re.S)
    if not found:
        return False
    table, verb, rest = found.groups()
    if verb == "DROP":
        kind, name = rest.split()
        del shape[f"{kind.lower()} {table}.{name}"]
    else:
        typed = re.match(r"(\w+) TYPE (\S+)$", rest) if verb == "ALTER COLUMN" else None
        if typed:
            name = f"column {table}.{typed[1]}"
            shape[name] = re.sub(r"^\S+", typed[2], shape[name])
            return True
        if verb == "ALTER COLUMN" and not re.match(r"\S+ [A-Z]+(\(.*\))? (NOT )?NULL$", rest):
            return False
        _table_line(table, rest.removeprefix("COLUMN "), shape)
    return True


def _rename_table(statement: str, shape: Shape) -> bool:
    found = re.fullmatch(rf"ALTER TABLE {_NAME} RENAME TO (\w+)", statement)
    if found:
        for name in [n for n in shape if re.match(rf"(table|column|constraint) {found[1]}(\.|$)", n)]:
            shape[name.replace(f" {found[1]}", f" {found[2]}", 1)] = shape.pop(name)
    return found is not None


def _index(statement: str, shape: Shape) -> bool:
    found = re.fullmatch(rf"(CREATE|DROP)(?: UNIQUE)? INDEX {_NAME}( ON .*)?", statement, re.S)
    if found and found[1] == "CREATE":
        shape[f"index {found[2]}"] = statement
    elif found:
        del shape[f"index {found[2]}"]
    return found is not None


def _view(statement: str, shape: Shape) -> bool:
    found = re.match(rf"(CREATE|REPLACE|DROP) VIEW (?:IF EXISTS )?{_NAME}(?= AS\n|$)", statement)
    if found and found[1] != "DROP":
        assert found[1] == "REPLACE" or f"view {found[2]}" not in shape, f"{found[2]} is made twice"
        shape[f"view {found[2]}"] = statement.replace("REPLACE VIEW", "CREATE VIEW", 1)
    elif found and "IF EXISTS" in statement:
        shape.pop(f"view {found[2]}", None)
    elif found:
        del shape[f"view {found[2]}"]
    return found is not None


def _drop_table(statement: str, shape: Shape) -> bool:
    found = re.fullmatch(rf"DROP TABLE {_NAME}", statement)
    if found:
        for name in [n for n in shape if re.match(rf"(table|column|constraint) {found[1]}(\.|$)", n)]:
            del shape[name]
    return found is not None


_FORMS = (_create_table, _rename_table, _alter_table, _index, _view, _drop_table)


# --- from a database ----------------------------------------------------------------------------------------------------
def shape_of_database(engine: sa.Engine, schema: str | None) -> Shape:
    """The shape of the database's own catalogue, without Alembic's version table."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return _sqlite(connection)
        return _postgresql(connection, schema)


def _sqlite(connection: sa.Connection) -> Shape:
    shape: Shape = {}
    inspector = sa.inspect(connection)
    for name in inspector.get_table_names():
        if name == VERSION_TABLE:
            continue
        (kind,) = connection.exec_driver_sql(f"SELECT wr, strict FROM pragma_table_list('{name}')").all()
        text = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{name}'").scalar_one()
        shape[f"table {name}"] = (
            f"without rowid {kind.wr}, strict {kind.strict}, autoincrement {'AUTOINCREMENT' in text}"
        )
        columns = connection.exec_driver_sql(
            f"SELECT cid, name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo('{name}')"
        )
        for c in columns.mappings():
            shape[f"column {name}.{c['name']}"] = str({k: v for k, v in c.items() if k != "name"})
        for constraint in (
            inspector.get_pk_constraint(name),
            *inspector.get_check_constraints(name),
            *inspector.get_foreign_keys(name),
            *inspector.get_unique_constraints(name),
        ):
            shape[f"constraint {name}.{constraint['name']}"] = str(sorted(constraint.items(), key=str))
    others = "SELECT type, name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL"
    for kind, name, text in connection.exec_driver_sql(others):
        shape[f"{kind} {name}"] = _plain(text)
    return shape


_POSTGRESQL = {
    "column": """
        SELECT c.relname || '.' || a.attname,
               row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) || ': ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || ' ' || CAST(a.attidentity AS text) || CAST(a.attgenerated AS text)
               || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relkind IN ('r', 'v') AND c.relname <> :version""",
    "constraint": """
        SELECT c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND k.contype <> 'n' AND c.relname <> :version""",
    "index": """
        SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = :schema AND tablename <> :version""",
    "view": """
        SELECT relname, pg_get_viewdef(oid) FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind = 'v' AND relname <> :version""",
    "table": """
        SELECT relname, CAST(relkind AS text) || CAST(relpersistence AS text) FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind IN ('r', 'p', 'm', 'S') AND relname <> :version""",
    "trigger": """
        SELECT event_object_table || '.' || trigger_name, action_statement FROM information_schema.triggers
        WHERE trigger_schema = :schema AND event_object_table <> :version""",
}


def _postgresql(connection: sa.Connection, schema: str | None) -> Shape:
    # Without the schema's name, so that two schemas of one database can be compared.
    return {
        f"{kind} {name}": str(text).replace(f"{schema}.", "")
        for kind, query in _POSTGRESQL.items()
        for name, text in connection.execute(sa.text(query), {"schema": schema, "version": VERSION_TABLE})
    }
