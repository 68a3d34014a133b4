"""The tables of a model's life: what was decided about its versions, and what became of what they predicted.

What belongs here: tables that are kept for years and that no publication replaces. What does not: the other tables
(`schema.py`, which puts all of them together).
"""

from __future__ import annotations

import sqlalchemy as sa

from routing_etl.warehouse import types as t

#: What can be decided about a model version. `retired`: it is the champion no longer; `pruned`: its files were removed.
DECISIONS = (
    "trained", "promoted", "forced", "refused", "rolled_back", "pinned", "unpinned", "retired", "pruned",
)  # fmt: skip
#: Through what it was decided; `repair`: found undone after a crash, and written down then.
VIA = ("night", "train", "cli", "dagster", "library", "repair")
#: On what a figure of a decision was measured: the same held-out items, items that engineers routed later, or each version's own.
BASES = ("window", "realised", "own")
#: Splits of an evaluation whose judged items stand for those to come; `since`, `realised` and `production` are of other items.
HELD_OUT_SPLITS = ("recent", "time", "family", "loo", "type")
#: How an item was routed after it had been predicted: as the first candidate, as another one, otherwise, or without a candidate.
OUTCOMES = ("first", "alternative", "other", "abstained")
#: The same in one word an item, what the ERP shows before what was said (`views_outcomes.py`). `superseded`: accepted, and the ERP
#: has another routing; `ignored`: written by hand, with no operation of ours; `same_by_hand`: as proposed, without taking it over.
VERDICTS = (
    "accepted", "accepted_alternative", "edited", "superseded", "rejected", "same_by_hand", "ignored", "other_by_hand", "no_proposal",
)  # fmt: skip
#: What an engineer can say of a proposal. `edited`: taken over with changes.
MARKS = ("accepted", "edited", "rejected")
#: Why a proposal was rejected.
REJECTIONS = (
    "wrong_operations", "missing_operation", "wrong_order", "wrong_machine", "wrong_times", "wrong_similar_item", "item_not_made",
    "other",
)  # fmt: skip
#: By what a routing is known to be a copy of a proposal, the surest first: an engineer's mark, our routing number, or equal
#: machines and times.
COPIED_BY = ("mark", "number", "times")


def words(values: tuple[str, ...]) -> str:
    """The values as a list of SQL."""
    return ", ".join(f"'{v}'" for v in values)


def model_decision(md: sa.MetaData) -> sa.Table:
    """Every decision about a model version, with who, when and why. No row is ever changed or removed."""
    return sa.Table(
        "model_decision",
        md,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("decided_at", t.UtcDateTime, nullable=False),
        sa.Column("decision", t.ascii_text(16), nullable=False),
        sa.Column("model_version", t.text(128), nullable=False),
        sa.Column("champion", t.text(128)),
        sa.Column("decided_by", t.text(128), nullable=False),
        sa.Column("decided_via", t.ascii_text(16), nullable=False),
        sa.Column("database_login", t.text(128)),
        sa.Column("run_id", t.text(64)),
        sa.Column("reason", t.text(2000), nullable=False),
        sa.Column("data_hash", t.ascii_text(64)),
        sa.Column("recipe_hash", t.ascii_text(64)),
        sa.Column("items_trained", sa.Integer),
        sa.CheckConstraint(f"decision IN ({words(DECISIONS)})", name="decision"),
        sa.CheckConstraint(f"decided_via IN ({words(VIA)})", name="decided_via"),
        sa.CheckConstraint("decided_by <> '' AND reason <> ''", name="who_and_why"),
        sa.Index(None, "model_version"),
        sa.Index(None, "decided_at"),
        sqlite_autoincrement=True,
    )


def model_decision_metric(md: sa.MetaData) -> sa.Table:
    """The figures of both sides behind a decision. NULL with a reason where nothing was compared."""
    return sa.Table(
        "model_decision_metric",
        md,
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("model_decision.id"), nullable=False),
        sa.Column("basis", t.ascii_text(16), nullable=False),
        sa.Column("segment", t.text(100), nullable=False),
        sa.Column("metric", t.text(64), nullable=False),
        sa.Column("value", t.double()),
        sa.Column("champion_value", t.double()),
        sa.Column("difference", t.double()),
        sa.Column("low", t.double()),
        sa.Column("high", t.double()),
        sa.Column("p_value", t.double()),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("items_trained", sa.Integer),
        sa.Column("champion_items_trained", sa.Integer),
        sa.Column("window_id", t.ascii_text(64)),
        sa.Column("verdict", t.ascii_text(16), nullable=False),
        sa.Column("reason", t.text(400)),
        sa.PrimaryKeyConstraint("decision_id", "basis", "segment", "metric", mssql_clustered=True),
        sa.CheckConstraint(f"basis IN ({words(BASES)})", name="basis"),
        sa.CheckConstraint("difference IS NOT NULL OR reason IS NOT NULL", name="null_has_reason"),
        sqlite_with_rowid=False,
    )


def prediction_outcome(md: sa.MetaData) -> sa.Table:
    """What became of predictions: one row for each item that engineers routed after a publication had shown it."""
    return sa.Table(
        "prediction_outcome",
        md,
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("publication_id", sa.Integer, nullable=False),
        sa.Column("model_version", t.text(128), nullable=False),
        sa.Column("outcome", t.ascii_text(16), nullable=False),
        sa.Column("candidate_rank", sa.SmallInteger),
        sa.Column("candidates", sa.SmallInteger, nullable=False),
        sa.Column("confidence", t.decimal(5, 4)),
        sa.Column("part_type", t.text(255)),
        sa.Column("predicted_code", t.text(1000)),
        sa.Column("written_code", t.text(1000), nullable=False),
        sa.Column("predicted_operations", sa.Integer, nullable=False),
        sa.Column("written_operations", sa.Integer, nullable=False),
        sa.Column("common_operations", sa.Integer, nullable=False),
        sa.Column("adopted", sa.Boolean, nullable=False),
        sa.Column("observed_at", t.UtcDateTime, nullable=False),
        sa.Column("observed_run", t.text(64), nullable=False),
        sa.Column("written_rout_no", t.text(50)),
        sa.Column("copied_by", t.ascii_text(16)),
        sa.Column("mark", t.ascii_text(16)),
        sa.Column("reason_code", t.ascii_text(32)),
        sa.Column("nearest_rank", sa.SmallInteger),
        sa.Column("edit_distance", sa.Integer),
        sa.Column("machines_changed", sa.Integer),
        sa.Column("times_changed", sa.Integer),
        sa.PrimaryKeyConstraint("item_cd", "publication_id", mssql_clustered=True),
        sa.CheckConstraint(f"outcome IN ({words(OUTCOMES)})", name="outcome"),
        sa.CheckConstraint(
            "predicted_operations >= 0 AND written_operations >= 0 AND common_operations >= 0", name="counts"
        ),
        sa.Index(None, "model_version"),
        sa.Index(None, "observed_at"),
        sqlite_with_rowid=False,
    )
