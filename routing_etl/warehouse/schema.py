"""Our tables as SQLAlchemy Core metadata: the source of truth for tables, keys, constraints and indexes.

The `migrations` folder brings them into a database, and is tested to give the same. Rows of predictions have
the id of the publication that wrote them; `item_version` and `job_version` say which of them a publication
shows (`versions.py`). The clustered key of a table of predictions begins with `publication_id`, then item,
rank and sequence, because a night loads and a purge deletes in that order; that of `item_version` begins with
the item, because the ERP looks up by item. Item codes are stored exactly as the ERP has them,
including a leading blank. Comparison follows the database's collation; SQL Server usually ignores case and
trailing blanks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.frames import REVIEW_VERDICTS, TIME_SOURCES
from routing_etl.warehouse import schema_life, schema_watch
from routing_etl.warehouse import types as t

#: States of a publication. While `loading` its rows are invisible and may be incomplete; from `loaded` on
#: they are complete.
STATES = ("loading", "loaded", "published", "retired", "failed", "purged")

#: States of a model version. In the registry's words the champion is active, a challenger pending.
MODEL_STATES = ("pending", "active", "retired", "unmeasured")

RUN_STATES = ("running", "succeeded", "succeeded_with_warnings", "failed", "cancelled")

#: States of a review of standard times. Its rows are visible from `current` on, when the pointer has moved.
REVIEW_STATES = ("loading", "current", "retired", "failed")

#: `review_to` of a row that no later review has replaced.
OPEN_END = 2_147_483_647

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

#: Columns in minutes or days, up to 99,999,999.9999. The ERP-shaped views show two decimals.
TIME_COLUMNS = (
    "setup_time", "run_time", "setup_p10", "setup_p90", "run_p10", "run_p50", "run_p90",
    "optimal_time", "standard_time", "safe_time", "act_setup_time", "act_run_time",
    "queue_time", "wait_time", "move_time", "mfg_lt",
)  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Columns of the fixed table: the 52 of docs/erp-contract.md 6.4 in their order, then ten more of `routing_flat`.
FLAT_COLUMNS = _names(
    "ITEM_CD CANDIDATE_ID ROUTING_SIGNATURE PRIORITY SIMILARITY_TIER PROC_SEQ INSIDE_FLAG "
    "dbo_BI_ROUTING_VIEW_JOB_CD JOB_NM RES_CD RES_DIS TIME_UNIT MFG_LT QUEUE_TIME SETUP_TIME "
    "MACH_WORKED_HOURS ACT_SETUP_TIME ACT_RUN_TIME WAIT_TIME MOVE_TIME RUN_TIME_QTY RUN_TIME_UNIT "
    "BATCH_OPER BP_CD dbo_BI_ROUTING_VIEW_CUST_NM CUR_CD SUBCONTRACT_PRC TAX_TYPE MILESTONE_FLG INSP_FLG "
    "ROUT_ORDER VALID_FROM_DT VALID_TO_DT dbo_BI_ROUTING_VIEW_REMARK ROUT_DOC DOC_INSIDE DOC_NO "
    "NC_PROGRAM NC_PROGRAM_WRITER NC_WRITER_NM NC_WRITE_DATE NC_REVIEWER NC_REVIEWER_NM NC_REVIEW_DT "
    "RAW_MATL_SIZE JAW_SIZE VALIDITY PROGRAM_REMARK OP_DRAW_NO MTMG_NUMB REFERENCE_ITEM_CD "
    "SIMILARITY_SCORE RUN_TIME OPTIMAL_TIME STANDARD_TIME SAFE_TIME TIME_SOURCE CONFIDENCE CANDIDATE_RANK "
    "ROUT_NO MODEL_VERSION PUBLICATION_ID"
)

#: Key of the fixed table.
FLAT_KEY = ("ITEM_CD", "CANDIDATE_ID", "PROC_SEQ")


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{v}'" for v in values)


def _share(*names: str) -> str:
    return " AND ".join(f"{n} >= 0 AND {n} <= 1" for n in names)


def _publication(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "publication",
        md,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("model_version", t.text(128), nullable=False),
        sa.Column("state", t.ascii_text(16), nullable=False),
        sa.Column("content_hash", t.ascii_text(64), nullable=False),
        sa.Column("rows_candidate", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rows_operation", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rows_evidence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rows_resource", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rows_abstained", sa.Integer, nullable=False, server_default="0"),
        sa.Column("checksums", t.long_text()),
        sa.Column("writer", t.text(200)),
        sa.Column("created_at", t.UtcDateTime, nullable=False),
        sa.Column("loaded_at", t.UtcDateTime),
        sa.Column("published_at", t.UtcDateTime),
        sa.Column("published_by", t.text(128)),
        sa.Column("retired_at", t.UtcDateTime),
        sa.Column("purged_at", t.UtcDateTime),
        sa.Column("message", t.text(2000)),
        sa.Column("word_inhouse", t.text(16), nullable=False),
        sa.Column("word_outsourced", t.text(16), nullable=False),
        sa.Column("time_unit", t.text(16), nullable=False),
        sa.Column("run_time_unit", t.text(16), nullable=False),
        sa.Column("service_user", t.text(32), nullable=False),
        sa.Column("company_code", t.text(20), nullable=False),
        sa.Column("plant_code", t.text(20), nullable=False),
        sa.Column("valid_from", t.date(), nullable=False),
        sa.Column("valid_to", t.date(), nullable=False),
        sa.Column("writer_reason", t.text(1000)),
        sa.Column("items_changed", sa.Integer),
        sa.Column("rows_written", sa.Integer),
        sa.Column("withdrawn_at", t.UtcDateTime),
        sa.Column("model_quality", t.decimal(5, 4)),
        sa.CheckConstraint(f"state IN ({_words(STATES)})", name="state"),
        sa.Index(None, "content_hash"),
        sqlite_autoincrement=True,
    )


def _current(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "current_publication",
        md,
        sa.Column("slot", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("publication_id", sa.Integer, sa.ForeignKey("publication.id"), nullable=False),
        sa.Column("moved_at", t.UtcDateTime, nullable=False),
        sa.Column("moved_by", t.text(128), nullable=False),
        sa.CheckConstraint("slot = 1", name="slot"),
    )


def _publication_event(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "publication_event",
        md,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("publication_id", sa.Integer, sa.ForeignKey("publication.id"), nullable=False),
        sa.Column("event", t.ascii_text(16), nullable=False),
        sa.Column("happened_at", t.UtcDateTime, nullable=False),
        sa.Column("done_by", t.text(128), nullable=False),
        sa.Column("message", t.text(2000)),
        sa.Index(None, "publication_id"),
    )


def _publication_id() -> sa.Column[int]:
    return sa.Column("publication_id", sa.Integer, nullable=False)


def _item_cd() -> sa.Column[str]:
    return sa.Column("item_cd", t.text(100), nullable=False)


def _rank() -> sa.Column[int]:
    return sa.Column("candidate_rank", sa.SmallInteger, nullable=False)


def _to_candidate() -> sa.ForeignKeyConstraint:
    keys = ("publication_id", "item_cd", "candidate_rank")
    return sa.ForeignKeyConstraint(keys, [f"candidate.{k}" for k in keys], ondelete="CASCADE")


def _candidate(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "candidate",
        md,
        _publication_id(),
        _item_cd(),
        _rank(),
        sa.Column("candidate_id", t.text(110), nullable=False),
        sa.Column("routing_signature", t.text(200), nullable=False),
        sa.Column("routing_code", t.text(1000), nullable=False),
        sa.Column("similarity_score", t.decimal(5, 4), nullable=False),
        sa.Column("confidence", t.decimal(5, 4), nullable=False),
        sa.Column("priority", t.text(16), nullable=False),
        sa.Column("similarity_tier", t.text(8), nullable=False),
        sa.Column("reference_item_cd", t.text(100)),
        sa.Column("rout_no", t.text(50)),
        sa.Column("predicted_rout_no", t.text(50), nullable=False),
        sa.Column("routing_source", t.text(16), nullable=False),
        sa.Column("process_count", sa.Integer, nullable=False),
        sa.Column("work_order_count", sa.Integer, nullable=False),
        sa.Column("work_order_confidence", t.decimal(5, 4)),
        sa.Column("neighbour_count", sa.Integer, nullable=False),
        sa.Column("support", t.decimal(5, 4), nullable=False),
        sa.Column("matched_attributes", t.text(1000)),
        sa.Column("item_hash", t.ascii_text(64)),
        sa.Column("replaced_operations", sa.Integer),
        sa.PrimaryKeyConstraint("publication_id", "item_cd", "candidate_rank", mssql_clustered=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publication.id"]),
        sa.CheckConstraint("candidate_rank > 0", name="rank"),
        sa.CheckConstraint("priority IN ('primary', 'fallback')", name="priority"),
        sa.CheckConstraint("similarity_tier IN ('HIGH', 'LOW')", name="similarity_tier"),
        sa.CheckConstraint("routing_source IN ('similar', 'self')", name="routing_source"),
        sa.CheckConstraint(
            _share("similarity_score", "confidence", "support", "work_order_confidence"), name="shares"
        ),
        sa.CheckConstraint(
            "process_count > 0 AND work_order_count >= 0 AND neighbour_count >= 0", name="counts"
        ),
        sqlite_with_rowid=False,
    )


def _candidate_operation(md: sa.MetaData) -> sa.Table:
    def minutes(name: str) -> sa.Column[float]:
        return sa.Column(name, t.decimal(12, 4))

    return sa.Table(
        "candidate_operation",
        md,
        _publication_id(),
        _item_cd(),
        _rank(),
        sa.Column("proc_seq", sa.SmallInteger, nullable=False),
        sa.Column("inside", t.ascii_text(3), nullable=False),
        sa.Column("job_cd", t.text(32), nullable=False),
        sa.Column("job_nm", t.text(64)),
        sa.Column("res_cd", t.text(32)),
        sa.Column("res_nm", t.text(64)),
        sa.Column("rout_order", t.text(32), nullable=False),
        *(minutes(n) for n in TIME_COLUMNS[:10]),
        sa.Column("time_cv", t.decimal(12, 4)),
        *(minutes(n) for n in TIME_COLUMNS[10:]),
        sa.Column("batch_oper", t.text(8)),
        sa.Column("bp_cd", t.text(16)),
        sa.Column("cust_nm", t.text(64)),
        sa.Column("cur_cd", t.text(8)),
        sa.Column("subcontract_prc", t.decimal(14, 2)),
        sa.Column("tax_type", t.text(8)),
        sa.Column("insp_flg", t.text(1), nullable=False),
        sa.Column("milestone_flg", t.text(1), nullable=False),
        sa.Column("confidence", t.decimal(5, 4), nullable=False),
        sa.Column("support", t.decimal(5, 4), nullable=False),
        sa.Column("sample_count", sa.Integer, nullable=False),
        sa.Column("time_source", t.ascii_text(20), nullable=False),
        sa.Column("time_confidence", t.decimal(5, 4)),
        sa.Column("source_items", t.text(200)),
        sa.Column("source_similarity", t.decimal(5, 4)),
        sa.Column("source_rout_no", t.text(50)),
        sa.Column("lot_size", t.decimal(18, 4)),
        sa.Column("lot_exponent", t.decimal(5, 4)),
        sa.Column("replaced_job", t.text(32)),
        sa.PrimaryKeyConstraint(
            "publication_id", "item_cd", "candidate_rank", "proc_seq", mssql_clustered=True
        ),
        _to_candidate(),
        sa.CheckConstraint("proc_seq > 0", name="proc_seq"),
        sa.CheckConstraint("inside IN ('in', 'out')", name="inside"),
        sa.CheckConstraint("insp_flg IN ('Y', 'N') AND milestone_flg IN ('Y', 'N')", name="flags"),
        sa.CheckConstraint(f"time_source IN ({_words(TIME_SOURCES)})", name="time_source"),
        sa.CheckConstraint(" AND ".join(f"{n} >= 0" for n in TIME_COLUMNS), name="times_not_negative"),
        sa.CheckConstraint(
            "optimal_time <= standard_time AND standard_time <= safe_time AND optimal_time <= safe_time",
            name="opt_std_safe",
        ),
        sa.CheckConstraint(
            _share("confidence", "support", "time_confidence", "source_similarity"), name="shares"
        ),
        sa.CheckConstraint(
            "sample_count >= 0 AND time_cv >= 0 AND subcontract_prc >= 0", name="not_negative"
        ),
        sqlite_with_rowid=False,
    )


def _candidate_evidence(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "candidate_evidence",
        md,
        _publication_id(),
        _item_cd(),
        _rank(),
        sa.Column("evidence_rank", sa.SmallInteger, nullable=False),
        sa.Column("neighbour_item_cd", t.text(100), nullable=False),
        sa.Column("neighbour_rout_no", t.text(50)),
        sa.Column("similarity", t.decimal(5, 4), nullable=False),
        sa.Column("weight", t.decimal(5, 4), nullable=False),
        sa.Column("matching", t.text(1000)),
        sa.Column("differing", t.text(1000)),
        sa.PrimaryKeyConstraint(
            "publication_id", "item_cd", "candidate_rank", "evidence_rank", mssql_clustered=True
        ),
        _to_candidate(),
        sa.CheckConstraint("evidence_rank > 0", name="rank"),
        sa.CheckConstraint(_share("similarity", "weight"), name="shares"),
        sqlite_with_rowid=False,
    )


def _resource_alternative(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "resource_alternative",
        md,
        _publication_id(),
        sa.Column("job_cd", t.text(32), nullable=False),
        sa.Column("res_cd", t.text(32), nullable=False),
        sa.Column("res_nm", t.text(64)),
        sa.Column("alternative_rank", sa.SmallInteger, nullable=False),
        sa.Column("is_pool", sa.Boolean, nullable=False),
        sa.Column("use_count", sa.Integer, nullable=False),
        sa.Column("use_share", t.decimal(5, 4), nullable=False),
        sa.Column("last_used", t.date()),
        sa.PrimaryKeyConstraint("publication_id", "job_cd", "res_cd", mssql_clustered=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publication.id"]),
        sa.CheckConstraint("alternative_rank > 0 AND use_count >= 0", name="counts"),
        sa.CheckConstraint(_share("use_share"), name="shares"),
        sqlite_with_rowid=False,
    )


def _abstained_item(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "abstained_item",
        md,
        _publication_id(),
        _item_cd(),
        sa.Column("reason_code", t.text(40), nullable=False),
        sa.Column("reason", t.text(400), nullable=False),
        sa.Column("best_similarity", t.decimal(5, 4)),
        sa.PrimaryKeyConstraint("publication_id", "item_cd", mssql_clustered=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publication.id"]),
        sa.CheckConstraint(_share("best_similarity"), name="shares"),
        sqlite_with_rowid=False,
    )


def _version(md: sa.MetaData, name: str, key: sa.Column[str]) -> sa.Table:
    """From which publication on an item or a job has the rows that this publication wrote, or none (`shown`).

    It counts until the next version of the same key. The hashes are of these rows; NULL: not known.
    """
    return sa.Table(
        name,
        md,
        key,
        sa.Column("from_publication", sa.Integer, nullable=False),
        sa.Column("shown", sa.Boolean, nullable=False),
        sa.Column("hash_a", sa.BigInteger),
        sa.Column("hash_b", sa.BigInteger),
        sa.PrimaryKeyConstraint(key.name, "from_publication", mssql_clustered=True),
        sa.ForeignKeyConstraint(["from_publication"], ["publication.id"]),
        sa.Index(None, "from_publication"),
        sqlite_with_rowid=False,
    )


def _item_version(md: sa.MetaData) -> sa.Table:
    return _version(md, "item_version", _item_cd())


def _job_version(md: sa.MetaData) -> sa.Table:
    return _version(md, "job_version", sa.Column("job_cd", t.text(32), nullable=False))


def _model_version(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "model_version",
        md,
        sa.Column("version", t.text(128), nullable=False),
        sa.Column("status", t.ascii_text(16), nullable=False),
        sa.Column("requested_by", t.text(128)),
        sa.Column("run_id", t.text(64)),
        sa.Column("created_at", t.UtcDateTime, nullable=False),
        sa.Column("trained_at", t.UtcDateTime),
        sa.Column("activated_at", t.UtcDateTime),
        sa.Column("activated_by", t.text(128)),
        sa.Column("updated_at", t.UtcDateTime, nullable=False),
        sa.Column("manifest_sha256", t.ascii_text(64), nullable=False),
        sa.Column("training_samples", sa.Integer),
        sa.Column("unique_items", sa.Integer),
        sa.Column("unique_processes", sa.Integer),
        sa.Column("training_duration_sec", t.double()),
        sa.Column("hyperparameters", t.long_text()),
        sa.Column("metadata", t.long_text()),
        sa.PrimaryKeyConstraint("version", mssql_clustered=True),
        sa.CheckConstraint(f"status IN ({_words(MODEL_STATES)})", name="status"),
    )


def _model_metric(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "model_metric",
        md,
        sa.Column(
            "model_version",
            t.text(128),
            sa.ForeignKey("model_version.version", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("method", t.text(40), nullable=False),
        sa.Column("split", t.text(40), nullable=False),
        sa.Column("segment", t.text(100), nullable=False),
        sa.Column("metric", t.text(64), nullable=False),
        sa.Column("value", t.double()),
        sa.Column("low", t.double()),
        sa.Column("high", t.double()),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("reason", t.text(400)),
        sa.Column("computed_at", t.UtcDateTime, nullable=False),
        sa.Column("window_id", t.ascii_text(64)),
        sa.Column("items_trained", sa.Integer),
        sa.PrimaryKeyConstraint(
            "model_version", "run_id", "method", "split", "segment", "metric", mssql_clustered=True
        ),
        sa.CheckConstraint("value IS NOT NULL OR reason IS NOT NULL", name="null_has_reason"),
        sqlite_with_rowid=False,
    )


def _batch_run(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "batch_run",
        md,
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("kind", t.text(40), nullable=False),
        sa.Column("started_at", t.UtcDateTime, nullable=False),
        sa.Column("finished_at", t.UtcDateTime),
        sa.Column("status", t.ascii_text(32), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
        sa.Column("rows_read", sa.BigInteger),
        sa.Column("rows_written", sa.BigInteger),
        sa.Column("rows_rejected", sa.BigInteger),
        sa.Column("config_hash", t.ascii_text(64)),
        sa.Column("profile", t.text(128)),
        sa.Column("model_version", t.text(128)),
        sa.Column("publication_id", sa.Integer),
        sa.Column("message", t.text(2000)),
        sa.Column("metadata", t.long_text()),
        sa.Column("rejects_no", sa.Integer),
        sa.PrimaryKeyConstraint("run_id", mssql_clustered=True),
        sa.CheckConstraint(f"status IN ({_words(RUN_STATES)})", name="status"),
        sa.Index(None, "started_at"),
    )


def _run_id() -> sa.Column[str]:
    return sa.Column(
        "run_id", t.text(64), sa.ForeignKey("batch_run.run_id", ondelete="CASCADE"), nullable=False
    )


def _quality_result(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "quality_result",
        md,
        _run_id(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("frame", t.text(64), nullable=False),
        sa.Column("check_name", t.text(200), nullable=False),
        sa.Column("expectation", t.text(200), nullable=False),
        sa.Column("column_name", t.text(128)),
        sa.Column("severity", t.ascii_text(16), nullable=False),
        sa.Column("success", sa.Boolean, nullable=False),
        sa.Column("observed", t.text(2000), nullable=False),
        sa.Column("expected", t.text(2000), nullable=False),
        sa.Column("rows_checked", sa.BigInteger, nullable=False),
        sa.Column("rows_unexpected", sa.BigInteger, nullable=False),
        sa.Column("sample", t.text(2000)),
        sa.Column("exception", t.text(2000)),
        sa.Column("checked_at", t.UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", mssql_clustered=True),
        sa.CheckConstraint("severity IN ('critical', 'warning')", name="severity"),
    )


def _rejected_row(md: sa.MetaData) -> sa.Table:
    """Rejected source rows, each stored by the run that met it first.

    It was rejected in every run from `from_no` on to before `until_no` (`batch_run.rejects_no`; NULL: to this day),
    `copies` times each (NULL: once). A row without `from_no` is of an older release, which stored all rows with each run.
    """
    return sa.Table(
        "rejected_row",
        md,
        _run_id(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("source_table", t.text(40), nullable=False),
        sa.Column("row_key", t.text(300), nullable=False),
        sa.Column("rule_name", t.text(60), nullable=False),
        sa.Column("reason", t.text(400), nullable=False),
        sa.Column("raw_values", t.text(4000), nullable=False),
        sa.Column("copies", sa.Integer),
        sa.Column("from_no", sa.Integer),
        sa.Column("until_no", sa.Integer),
        sa.Column("hash_a", sa.BigInteger),
        sa.Column("hash_b", sa.BigInteger),
        sa.PrimaryKeyConstraint("run_id", "seq", mssql_clustered=True),
        sqlite_with_rowid=False,
    )


def _writer_lock(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "writer_lock",
        md,
        sa.Column("name", t.ascii_text(32), nullable=False),
        sa.Column("owner", t.ascii_text(36)),
        sa.Column("what", t.text(200)),
        sa.Column("host", t.text(255)),
        sa.Column("pid", sa.Integer),
        sa.Column("process", t.text(100)),
        sa.Column("acquired_at", t.UtcDateTime),
        sa.Column("heartbeat_at", t.UtcDateTime),
        sa.PrimaryKeyConstraint("name", mssql_clustered=True),
    )


def _routing_feedback(md: sa.MetaData) -> sa.Table:
    """What engineers said of proposals: one row for each marked candidate, with the mark that it was given last.

    `accepted_by` and `accepted_at` tell who gave the mark, and when. An empty `mark` means accepted: that was the only one
    before revision 0009. A mark with `undone_at` counts no more.
    """
    return sa.Table(
        "routing_feedback",
        md,
        _item_cd(),
        _publication_id(),
        sa.Column("candidate_id", t.text(110), nullable=False),
        _rank(),
        sa.Column("predicted_rout_no", t.text(50), nullable=False),
        sa.Column("routing_code", t.text(1000), nullable=False),
        sa.Column("accepted_by", t.text(128), nullable=False),
        sa.Column("accepted_at", t.UtcDateTime, nullable=False),
        sa.Column("mark", t.ascii_text(16)),
        sa.Column("reason_code", t.ascii_text(32)),
        sa.Column("remark", t.text(1000)),
        sa.Column("undone_by", t.text(128)),
        sa.Column("undone_at", t.UtcDateTime),
        sa.PrimaryKeyConstraint("item_cd", "publication_id", "candidate_rank", mssql_clustered=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publication.id"]),
        sa.CheckConstraint("candidate_rank > 0", name="rank"),
        sa.CheckConstraint("accepted_by <> ''", name="accepted_by"),
        sa.Index(None, "accepted_at"),
        sqlite_with_rowid=False,
    )


def _flat_columns() -> list[sa.Column[Any]]:
    """The 52 columns of docs/erp-contract.md 6.4 in their order, then those that help a user to judge a proposal."""
    texts: dict[str, int] = {
        "ITEM_CD": 100, "CANDIDATE_ID": 110, "ROUTING_SIGNATURE": 200, "PRIORITY": 16, "SIMILARITY_TIER": 8,
        "INSIDE_FLAG": 16, "dbo_BI_ROUTING_VIEW_JOB_CD": 32, "JOB_NM": 64, "RES_CD": 32, "RES_DIS": 64,
        "TIME_UNIT": 16, "RUN_TIME_UNIT": 16, "BATCH_OPER": 8, "BP_CD": 16, "dbo_BI_ROUTING_VIEW_CUST_NM": 64,
        "CUR_CD": 8, "TAX_TYPE": 8, "MILESTONE_FLG": 1, "INSP_FLG": 1, "ROUT_ORDER": 32,
        "dbo_BI_ROUTING_VIEW_REMARK": 200, "ROUT_DOC": 64, "DOC_INSIDE": 8, "DOC_NO": 64, "NC_PROGRAM": 64,
        "NC_PROGRAM_WRITER": 32, "NC_WRITER_NM": 32, "NC_REVIEWER": 32, "NC_REVIEWER_NM": 32, "RAW_MATL_SIZE": 32,
        "JAW_SIZE": 32, "VALIDITY": 32, "PROGRAM_REMARK": 200, "OP_DRAW_NO": 64, "MTMG_NUMB": 32,
        "REFERENCE_ITEM_CD": 100, "TIME_SOURCE": 20, "ROUT_NO": 50, "MODEL_VERSION": 128,
    }  # fmt: skip
    others: dict[str, Any] = {
        "PROC_SEQ": sa.SmallInteger(), "CANDIDATE_RANK": sa.SmallInteger(), "PUBLICATION_ID": sa.Integer(),
        "VALID_FROM_DT": t.date(), "VALID_TO_DT": t.date(), "NC_WRITE_DATE": t.date(), "NC_REVIEW_DT": t.date(),
        "SUBCONTRACT_PRC": t.decimal(14, 2), "SIMILARITY_SCORE": t.decimal(5, 4), "CONFIDENCE": t.decimal(5, 4),
    }  # fmt: skip
    return [
        sa.Column(
            name,
            t.text(texts[name]) if name in texts else others.get(name, t.decimal(10, 2)),
            nullable=name not in FLAT_KEY,
        )
        for name in FLAT_COLUMNS
    ]


def _routing_flat_table(md: sa.MetaData) -> sa.Table:
    """A copy of the published batch in one fixed table, for an ERP that can read nothing else (mode `table`)."""
    return sa.Table(
        "routing_flat_table",
        md,
        *_flat_columns(),
        sa.PrimaryKeyConstraint(*FLAT_KEY, mssql_clustered=True),
        sqlite_with_rowid=False,
    )


def _standard_review(md: sa.MetaData) -> sa.Table:
    """The reviews of standard times: by which rules, from which reports, and how many rows of each kind."""
    return sa.Table(
        "standard_review",
        md,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("state", t.ascii_text(16), nullable=False),
        sa.Column("as_of", t.date()),
        sa.Column("operations", sa.Integer, nullable=False),
        sa.Column("measured", sa.Integer, nullable=False),
        sa.Column("few_orders", sa.Integer, nullable=False),
        sa.Column("posted", sa.Integer, nullable=False),
        sa.Column("differing", sa.Integer, nullable=False),
        sa.Column("proposals", sa.Integer, nullable=False),
        sa.Column("unattributed", sa.Integer, nullable=False),
        sa.Column("hours_year", t.double(), nullable=False),
        sa.Column("rows_written", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rows_closed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tolerance", t.double(), nullable=False),
        sa.Column("false_share", t.double(), nullable=False),
        sa.Column("min_orders", sa.Integer, nullable=False),
        sa.Column("largest_step", t.double(), nullable=False),
        sa.Column("company_code", t.text(20), nullable=False),
        sa.Column("plant_code", t.text(20), nullable=False),
        sa.Column("service_user", t.text(32), nullable=False),
        sa.Column("created_at", t.UtcDateTime, nullable=False),
        sa.Column("published_at", t.UtcDateTime),
        sa.CheckConstraint(f"state IN ({_words(REVIEW_STATES)})", name="state"),
        sqlite_autoincrement=True,
    )


def _current_standard_review(md: sa.MetaData) -> sa.Table:
    return sa.Table(
        "current_standard_review",
        md,
        sa.Column("slot", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("review_id", sa.Integer, sa.ForeignKey("standard_review.id"), nullable=False),
        sa.Column("moved_at", t.UtcDateTime, nullable=False),
        sa.CheckConstraint("slot = 1", name="slot"),
    )


def _standard_time_proposal(md: sa.MetaData) -> sa.Table:
    """Standard times beside measured ones. A row counts from review `review_from` up to, and not in, `review_to`."""

    def minutes(name: str, *, nullable: bool = True) -> sa.Column[float]:
        return sa.Column(name, t.decimal(18, 4), nullable=nullable)

    return sa.Table(
        "standard_time_proposal",
        md,
        sa.Column("review_from", sa.Integer, nullable=False),
        _item_cd(),
        sa.Column("rout_no", t.text(50), nullable=False),
        sa.Column("proc_seq", sa.Integer, nullable=False),
        sa.Column("measure", t.ascii_text(5), nullable=False),
        sa.Column("review_to", sa.Integer, nullable=False, server_default=str(OPEN_END)),
        sa.Column("content_hash", sa.BigInteger, nullable=False),
        sa.Column("job_cd", t.text(50), nullable=False),
        sa.Column("job_nm", t.text(255)),
        sa.Column("res_cd", t.text(50)),
        minutes("standard_min"),
        sa.Column("standard_date", t.date()),
        minutes("measured_min", nullable=False),
        minutes("low_min"),
        minutes("high_min"),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("orders_all", sa.Integer, nullable=False),
        sa.Column("first_report", t.date()),
        sa.Column("last_report", t.date()),
        sa.Column("lot_size", t.decimal(18, 4)),
        sa.Column("lot_exponent", t.decimal(5, 4)),
        minutes("difference_min"),
        sa.Column("ratio", t.decimal(18, 4)),
        sa.Column("verdict", t.ascii_text(12), nullable=False),
        sa.Column("sure", sa.Boolean, nullable=False),
        sa.Column("p_value", t.double()),
        sa.Column("changed_on", t.date()),
        sa.Column("differs_since", t.date()),
        sa.Column("since_basis", t.text(100)),
        minutes("proposed_min"),
        sa.Column("no_proposal", t.text(200)),
        sa.Column("orders_year", sa.Integer, nullable=False),
        sa.Column("pieces_year", t.double()),
        sa.Column("hours_year", t.double()),
        sa.PrimaryKeyConstraint(
            "review_from", "item_cd", "rout_no", "proc_seq", "measure", mssql_clustered=True
        ),
        sa.ForeignKeyConstraint(["review_from"], ["standard_review.id"]),
        sa.CheckConstraint("measure IN ('run', 'setup')", name="measure"),
        sa.CheckConstraint(f"verdict IN ({_words(tuple(REVIEW_VERDICTS))})", name="verdict"),
        sa.CheckConstraint("review_from < review_to", name="counts_some_time"),
        sa.CheckConstraint("standard_min >= 0 AND measured_min >= 0 AND proposed_min > 0", name="times"),
        sa.CheckConstraint("proposed_min IS NULL OR no_proposal IS NULL", name="proposal_or_reason"),
        sa.Index(None, "item_cd", "rout_no", "proc_seq", "measure"),
        sa.Index(None, "review_to"),
        sqlite_with_rowid=False,
    )


def _routing_feedback_time(md: sa.MetaData) -> sa.Table:
    """Which proposed standards were taken over: one row each, however often it is reported."""
    return sa.Table(
        "routing_feedback_time",
        md,
        _item_cd(),
        sa.Column("rout_no", t.text(50), nullable=False),
        sa.Column("proc_seq", sa.Integer, nullable=False),
        sa.Column("measure", t.ascii_text(5), nullable=False),
        sa.Column("review_id", sa.Integer, nullable=False),
        sa.Column("job_cd", t.text(50), nullable=False),
        sa.Column("standard_min", t.decimal(18, 4)),
        sa.Column("proposed_min", t.decimal(18, 4), nullable=False),
        sa.Column("measured_min", t.decimal(18, 4), nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("accepted_by", t.text(128), nullable=False),
        sa.Column("accepted_at", t.UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint(
            "item_cd", "rout_no", "proc_seq", "measure", "review_id", mssql_clustered=True
        ),
        sa.CheckConstraint("measure IN ('run', 'setup')", name="measure"),
        sa.CheckConstraint("accepted_by <> ''", name="accepted_by"),
        sa.Index(None, "accepted_at"),
        sqlite_with_rowid=False,
    )


def _health_finding(md: sa.MetaData) -> sa.Table:
    """The newest findings of data health, all of one run."""
    return sa.Table(
        "health_finding",
        md,
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("check_name", t.ascii_text(60), nullable=False),
        sa.Column("dimension", t.ascii_text(20), nullable=False),
        sa.Column("segment", t.text(255), nullable=False),
        sa.Column("unit", t.ascii_text(20), nullable=False),
        sa.Column("touched", sa.BigInteger),
        sa.Column("whole", sa.BigInteger),
        sa.Column("share", t.double()),
        sa.Column("cost", t.text(400), nullable=False),
        sa.Column("examples", t.text(4000)),
        sa.Column("reason", t.text(400)),
        sa.Column("meaning", t.text(400), nullable=False),
        sa.Column("remedy", t.text(400), nullable=False),
        sa.Column("checked_at", t.UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", mssql_clustered=True),
        sa.CheckConstraint("touched IS NOT NULL OR reason IS NOT NULL", name="null_has_reason"),
    )


@dataclass(frozen=True)
class Versioned:
    """What has versions: the table of versions, the column that names an item or job, the tables of its rows.

    The tables stand parents before children.
    """

    versions: sa.Table
    key: str
    contents: tuple[sa.Table, ...]


@dataclass(frozen=True)
class Tables:
    """All our tables in one schema."""

    metadata: sa.MetaData
    publication: sa.Table
    current_publication: sa.Table
    publication_event: sa.Table
    candidate: sa.Table
    candidate_operation: sa.Table
    candidate_evidence: sa.Table
    resource_alternative: sa.Table
    abstained_item: sa.Table
    item_version: sa.Table
    job_version: sa.Table
    model_version: sa.Table
    model_metric: sa.Table
    batch_run: sa.Table
    quality_result: sa.Table
    rejected_row: sa.Table
    writer_lock: sa.Table
    routing_feedback: sa.Table
    routing_flat_table: sa.Table
    standard_review: sa.Table
    current_standard_review: sa.Table
    standard_time_proposal: sa.Table
    routing_feedback_time: sa.Table
    health_finding: sa.Table
    model_decision: sa.Table
    model_decision_metric: sa.Table
    prediction_outcome: sa.Table
    audit_log: sa.Table
    time_profile_month: sa.Table
    publication_change: sa.Table
    erp_read: sa.Table

    @property
    def published(self) -> tuple[sa.Table, ...]:
        """The tables that hold rows of a publication, parents before children."""
        return (
            self.candidate,
            self.candidate_operation,
            self.candidate_evidence,
            self.resource_alternative,
            self.abstained_item,
        )

    @property
    def versioned(self) -> tuple[Versioned, Versioned]:
        """What a publication consists of: items, and the jobs' further machines."""
        by_item = (self.candidate, self.candidate_operation, self.candidate_evidence, self.abstained_item)
        return (
            Versioned(self.item_version, "item_cd", by_item),
            Versioned(self.job_version, "job_cd", (self.resource_alternative,)),
        )


@lru_cache(maxsize=8)
def tables(schema: str | None) -> Tables:
    """Our tables in `schema` (None: no schema, as on SQLite)."""
    md = sa.MetaData(schema=schema, naming_convention=NAMING)
    return Tables(
        md,
        publication=_publication(md),
        current_publication=_current(md),
        publication_event=_publication_event(md),
        candidate=_candidate(md),
        candidate_operation=_candidate_operation(md),
        candidate_evidence=_candidate_evidence(md),
        resource_alternative=_resource_alternative(md),
        abstained_item=_abstained_item(md),
        item_version=_item_version(md),
        job_version=_job_version(md),
        model_version=_model_version(md),
        model_metric=_model_metric(md),
        batch_run=_batch_run(md),
        quality_result=_quality_result(md),
        rejected_row=_rejected_row(md),
        writer_lock=_writer_lock(md),
        routing_feedback=_routing_feedback(md),
        routing_flat_table=_routing_flat_table(md),
        standard_review=_standard_review(md),
        current_standard_review=_current_standard_review(md),
        standard_time_proposal=_standard_time_proposal(md),
        routing_feedback_time=_routing_feedback_time(md),
        health_finding=_health_finding(md),
        model_decision=schema_life.model_decision(md),
        model_decision_metric=schema_life.model_decision_metric(md),
        prediction_outcome=schema_life.prediction_outcome(md),
        audit_log=schema_watch.audit_log(md),
        time_profile_month=schema_watch.time_profile_month(md),
        publication_change=schema_watch.publication_change(md),
        erp_read=schema_watch.erp_read(md),
    )


def schema_for(engine: Engine, configured: str) -> str | None:
    """The schema of our tables: the configured one, none on SQLite."""
    return None if engine.dialect.name == "sqlite" else configured
