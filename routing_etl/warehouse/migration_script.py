"""The steps of a migration as a script that somebody else runs: guarded, all or nothing, stopped by the first error.

Every step runs only while the version table stands at the revision that the step starts from. A script that is run twice
changes nothing the second time; one that does not begin where the database is says so and changes nothing. (SQLite has no
conditions between statements: there a script that does not begin where the database is stops.)

What belongs here: the text around the statements, by dialect. What does not: the statements (`migrations/versions`), and
how they are collected (`migrate.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from routing_etl.warehouse.view_again import made_again, parts

#: Where a warehouse without our tables is said to be.
BASE = "base"


@dataclass(frozen=True)
class Step:
    """One revision, up or down: where the database is before and after it, and what runs between."""

    before: str
    after: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Our schema and version table, as the text of a script names them."""

    dialect: str
    schema: str | None
    quoted_schema: str
    version_table: str

    @property
    def versions(self) -> str:
        """The version table with its schema."""
        return f"{self.quoted_schema}.{self.version_table}" if self.schema else self.version_table

    @property
    def words(self) -> str:
        """How a message names it."""
        return f"Schema {self.schema}" if self.schema else "The warehouse"


def script(place: Place, steps: Sequence[Step]) -> str:
    """The whole text.

    Parameters
    ----------
    place : Place
        Dialect and schema.
    steps : sequence of Step
        Revisions in the order in which they run; at least one.
    """
    make = {"mssql": _sql_server, "postgresql": _postgresql, "sqlite": _sqlite}[place.dialect]
    return "\n\n".join(make(place, steps))


def _header(place: Place, steps: Sequence[Step], how: str) -> str:
    ends = [f"from revision {steps[0].before} to {steps[-1].after}"]
    if steps[0].before == BASE:
        ends = [f"from nothing (or any revision up to {steps[-1].after}) to revision {steps[-1].after}"]
    return "\n".join(
        (
            f"-- routing_etl: {place.words[0].lower()}{place.words[1:]} {ends[0]}.",
            f"-- {how}",
            "-- All of it takes place or nothing. A step runs only while schema_version is at the revision before it.",
        )
    )


def _moved(place: Place, step: Step) -> str:
    """The statement that notes in the version table that a step has taken place."""
    if step.before == BASE:
        return f"INSERT INTO {place.versions} (version_num) VALUES ('{step.after}')"
    if step.after == BASE:
        return f"DELETE FROM {place.versions} WHERE version_num = '{step.before}'"
    return f"UPDATE {place.versions} SET version_num = '{step.after}' WHERE version_num = '{step.before}'"


def _version_table(place: Place) -> str:
    return (
        f"CREATE TABLE {place.versions} (\n    version_num VARCHAR(32) NOT NULL,\n"
        f"    CONSTRAINT {place.version_table}_pkc PRIMARY KEY (version_num)\n)"
    )


def _known(steps: Sequence[Step]) -> str:
    return ", ".join(f"'{revision}'" for revision in (steps[0].before, *(s.after for s in steps)))


def _again(steps: Sequence[Step]) -> str:
    """What to run when a script does not begin where the database is."""
    return f"routing-etl migrate --sql --from REVISION --to {steps[-1].after}"


def _spelt_out(statement: str, dialect: str) -> list[str]:
    """The statement, or those for which `REPLACE VIEW` stands."""
    form = parts(statement)
    return [statement] if form is None else made_again(*form, dialect)


# --- SQL Server -------------------------------------------------------------------------------------------------------
def _sql_server(place: Place, steps: Sequence[Step]) -> Iterator[str]:
    for batch in _sql_server_batches(place, steps):
        yield f"{batch}\n\nGO"


def _sql_server_batches(place: Place, steps: Sequence[Step]) -> Iterator[str]:
    header = _header(
        place,
        steps,
        "Run with sqlcmd -b, or in SSMS as it is. Rights that the login needs: sql/migrating_login.sql.",
    )
    # A view that readers hold open must not make everybody behind it wait for us.
    yield (
        f"{header}\n\nSET XACT_ABORT ON;\nSET NOCOUNT ON;\nSET ANSI_NULLS ON;\nSET QUOTED_IDENTIFIER ON;\n"
        "SET LOCK_TIMEOUT 60000;"
    )
    yield "BEGIN TRANSACTION;"
    there = f"OBJECT_ID(N'{place.versions}', N'U') IS NULL"
    if steps[0].before == BASE:
        yield f"IF SCHEMA_ID(N'{place.schema}') IS NULL EXEC(N'CREATE SCHEMA [{place.schema}]');"
        yield f"IF @@TRANCOUNT > 0 AND {there} \nEXEC(N'{_version_table(place)}');"
    else:
        yield (
            f"IF {there}\nBEGIN\n    ROLLBACK TRANSACTION;\n    THROW 50010, N'{place.words} has none of our tables. "
            f"Nothing was changed. Write the script with: routing-etl migrate --sql', 1;\nEND;"
        )
    yield (
        "DECLARE @rows int;\nDECLARE @at nvarchar(32);\nDECLARE @message nvarchar(400);\n"
        f"SELECT @rows = COUNT(*), @at = MIN(version_num) FROM {place.versions} WITH (UPDLOCK, HOLDLOCK);\n"
        f"IF @@TRANCOUNT > 0 AND (@rows > 1 OR ISNULL(@at, N'{BASE}') NOT IN ({_known(steps)}))\nBEGIN\n"
        "    ROLLBACK TRANSACTION;\n"
        f"    SET @message = N'{place.words} is at revision ' + ISNULL(@at, N'{BASE}')"
        " + CASE WHEN @rows > 1 THEN N' and another one' ELSE N'' END\n"
        f"        + N'; this script begins at {steps[0].before}. Nothing was changed. See routing-etl doctor, or write the "
        f"script with: {_again(steps)}';\n    THROW 50011, @message, 1;\nEND;"
    )
    for step in steps:
        guard = f"@@TRANCOUNT > 0 AND {_at(place, step)}"
        for number, statement in enumerate((*step.statements, _moved(place, step))):
            text = _guarded(statement, guard)
            yield text if number else f"-- {step.before} -> {step.after}\n{text}"
    yield "IF @@TRANCOUNT = 0\nBEGIN\n    THROW 50012, N'Nothing was changed: see the first error above.', 1;\nEND;"
    yield "IF @@TRANCOUNT > 0 COMMIT TRANSACTION;"


def _at(place: Place, step: Step) -> str:
    """T-SQL condition that the version table stands where a step starts."""
    if step.before == BASE:
        return f"NOT EXISTS (SELECT 1 FROM {place.versions})"
    return f"EXISTS (SELECT 1 FROM {place.versions} WHERE version_num = '{step.before}')"


def _guarded(statement: str, guard: str) -> str:
    """A statement of its own batch that runs under a condition.

    It is inside EXEC, because CREATE VIEW has to be alone in its batch, and because a batch that names a column which does
    not exist yet is refused whole, condition or not. XACT_ABORT does not end the transaction when EXEC cannot compile.
    """
    form = parts(statement)
    if form:
        (text,) = made_again(*form, "mssql", guard)
    else:
        quoted = statement.replace("'", "''")
        text = f"IF {guard}\nEXEC(N'{quoted}')"
    return f"{text};\nIF @@ERROR <> 0 AND @@TRANCOUNT > 0 ROLLBACK TRANSACTION;"


# --- PostgreSQL -------------------------------------------------------------------------------------------------------
def _postgresql(place: Place, steps: Sequence[Step]) -> Iterator[str]:
    yield _header(place, steps, "Run with psql -f, as the role that owns the schema (migrations/README.md).")
    yield "\\set ON_ERROR_STOP on"
    yield "BEGIN;"
    yield "SET LOCAL lock_timeout = '60s';"
    first = (
        (
            f"    IF to_regnamespace('{place.quoted_schema}') IS NULL THEN\n"
            f'        CREATE SCHEMA "{place.schema}";\n    END IF;\n'
            f"    IF to_regclass('{place.versions}') IS NULL THEN\n{_version_table(place)};\n    END IF;\n"
        )
        if steps[0].before == BASE
        else (
            f"    IF to_regclass('{place.versions}') IS NULL THEN\n"
            f"        RAISE EXCEPTION '{place.words} has none of our tables. Nothing was changed.'\n"
            "            USING HINT = 'Write the script with: routing-etl migrate --sql --dialect postgresql';\n"
            "    END IF;\n"
        )
    )
    yield (
        f"DO $check$\nDECLARE\n    held text;\nBEGIN\n{first}"
        f"    LOCK TABLE {place.versions} IN SHARE ROW EXCLUSIVE MODE;\n"
        f"    SELECT coalesce(string_agg(version_num, ' and ' ORDER BY version_num), '{BASE}') INTO held "
        f"FROM {place.versions};\n"
        f"    IF held NOT IN ({_known(steps)}) THEN\n"
        f"        RAISE EXCEPTION '{place.words} is at revision %; this script begins at {steps[0].before}. "
        "Nothing was changed.', held\n"
        f"            USING HINT = 'See routing-etl doctor, or write the script with: {_again(steps)} --dialect postgresql';\n"
        "    END IF;\nEND\n$check$;"
    )
    for step in steps:
        at = f"(SELECT coalesce(min(version_num), '{BASE}') FROM {place.versions}) <> '{step.before}'"
        inner = [
            text
            for statement in (*step.statements, _moved(place, step))
            for text in _spelt_out(statement, "postgresql")
        ]
        body = "\n\n".join(f"EXECUTE $statement$\n{text}\n$statement$;" for text in inner)
        yield (
            f"-- {step.before} -> {step.after}\nDO $revision$\nBEGIN\nIF {at} THEN\n    RETURN;\nEND IF;\n\n"
            f"{body}\n\nEND\n$revision$;"
        )
    yield "COMMIT;"


# --- SQLite -----------------------------------------------------------------------------------------------------------
#: Name of a constraint, which SQLite's message shows when a script does not begin where the database is.
_NOT_THERE = "the warehouse is not at the revision that this script begins at, nothing was changed"


def _sqlite(place: Place, steps: Sequence[Step]) -> Iterator[str]:
    yield _header(
        place, steps, "Run with the program sqlite3. Another one: without the lines that begin with a point, and it must "
        "stop at the first error."
    )  # fmt: skip
    yield ".bail on"
    # a table that is written again would take the rows with it that point at it
    yield "PRAGMA foreign_keys = OFF;"
    yield "BEGIN IMMEDIATE;"
    if steps[0].before == BASE:
        yield _version_table(place).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1) + ";"
    yield f'CREATE TEMP TABLE routing_etl_guard (here INTEGER, CONSTRAINT "{_NOT_THERE}" CHECK (here = 1));'
    for step in steps:
        at = f"COUNT(*) = 1 AND MAX(version_num) = '{step.before}'"
        at = "COUNT(*) = 0" if step.before == BASE else at
        yield f"-- {step.before} -> {step.after}\nINSERT INTO routing_etl_guard SELECT {at} FROM {place.versions};"
        for statement in (*step.statements, _moved(place, step)):
            for text in _spelt_out(statement, "sqlite"):
                yield f"{text};"
    yield "DROP TABLE temp.routing_etl_guard;"
    yield "COMMIT;"
