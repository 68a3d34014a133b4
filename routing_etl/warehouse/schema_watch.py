"""The tables of who did what, of how times moved, of what publications changed and in which order runs read: small, kept for years.

What belongs here: tables that no night needs and that people ask. What does not: the other tables (`schema.py`, which puts all
of them together).
"""

from __future__ import annotations

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse.schema_life import words

#: Kinds of change of an item between two publications (`publication_changes.KINDS` says what they mean).
CHANGED = ("new", "gone", "lost", "found", "first", "details")
#: How a command ended.
ENDED = ("succeeded", "failed", "stopped")


def audit_log(md: sa.MetaData) -> sa.Table:
    """Every command that changes something: who called it, on what, and how it ended. No row is ever changed."""
    return sa.Table(
        "audit_log",
        md,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("happened_at", t.UtcDateTime, nullable=False),
        sa.Column("command", t.ascii_text(64), nullable=False),
        sa.Column("subject", t.text(400)),
        sa.Column("done_by", t.text(128), nullable=False),
        sa.Column("done_via", t.ascii_text(16), nullable=False),
        sa.Column("database_login", t.text(128)),
        sa.Column("host", t.text(128)),
        sa.Column("outcome", t.ascii_text(16), nullable=False),
        sa.Column("message", t.text(2000)),
        sa.CheckConstraint(f"outcome IN ({words(ENDED)})", name="outcome"),
        sa.CheckConstraint("done_by <> '' AND command <> ''", name="who_and_what"),
        sa.Index(None, "happened_at"),
        sqlite_autoincrement=True,
    )


def time_profile_month(md: sa.MetaData) -> sa.Table:
    """What an operation takes on a machine, as the last night of each month knew it: minutes per piece or per order."""
    return sa.Table(
        "time_profile_month",
        md,
        sa.Column("month", t.date(), nullable=False),
        sa.Column("job_cd", t.text(50), nullable=False),
        sa.Column("res_cd", t.text(50), nullable=False),
        sa.Column("measure", t.ascii_text(5), nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("optimal_min", t.decimal(18, 4)),
        sa.Column("standard_min", t.decimal(18, 4), nullable=False),
        sa.Column("safe_min", t.decimal(18, 4)),
        sa.Column("last_report", t.date()),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.PrimaryKeyConstraint("month", "job_cd", "res_cd", "measure", mssql_clustered=True),
        sa.CheckConstraint("measure IN ('run', 'setup')", name="measure"),
        sa.CheckConstraint("samples > 0 AND standard_min >= 0", name="measured"),
        sqlite_with_rowid=False,
    )


def publication_change(md: sa.MetaData) -> sa.Table:
    """Items by kind of change that a publication brought, against the one that readers saw when it was published.

    Kept when the rows of both are long removed. The first publication has no row: there was nothing to compare with.
    """
    return sa.Table(
        "publication_change",
        md,
        sa.Column("publication_id", sa.Integer, nullable=False),
        sa.Column("kind", t.ascii_text(8), nullable=False),
        sa.Column("compared_with", sa.Integer, nullable=False),
        sa.Column("items_before", sa.Integer, nullable=False),
        sa.Column("items_shown", sa.Integer, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("publication_id", "kind", mssql_clustered=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publication.id"]),
        sa.CheckConstraint(f"kind IN ({words(CHANGED)})", name="kind"),
        sa.CheckConstraint("items_before >= 0 AND items_shown >= 0 AND items >= 0", name="counts"),
        sqlite_with_rowid=False,
    )


def erp_read(md: sa.MetaData) -> sa.Table:
    """The order in which runs have begun to read the ERP: the database counts, so that no clock decides which read is older.

    `overtaken_no` is the later read whose result is in force since `overtaken_at`; the run of this one writes nothing more.
    """
    return sa.Table(
        "erp_read",
        md,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("began_at", t.UtcDateTime, nullable=False),
        sa.Column("overtaken_no", sa.Integer),
        sa.Column("overtaken_at", t.UtcDateTime),
        sa.CheckConstraint("overtaken_no > number", name="overtaken_no"),
        sa.Index(None, "run_id"),
        sqlite_autoincrement=True,
    )
