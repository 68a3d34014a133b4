"""Publications, predicted routings, model metrics, runs and locks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from routing_etl.warehouse import types as t

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    prefix = f"{schema}." if schema else ""
    op.create_table(
        "batch_run",
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("kind", t.text(40), nullable=False),
        sa.Column("started_at", t.UtcDateTime(), nullable=False),
        sa.Column("finished_at", t.UtcDateTime(), nullable=True),
        sa.Column("status", t.ascii_text(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("rows_read", sa.BigInteger(), nullable=True),
        sa.Column("rows_written", sa.BigInteger(), nullable=True),
        sa.Column("rows_rejected", sa.BigInteger(), nullable=True),
        sa.Column("config_hash", t.ascii_text(64), nullable=True),
        sa.Column("profile", t.text(128), nullable=True),
        sa.Column("model_version", t.text(128), nullable=True),
        sa.Column("publication_id", sa.Integer(), nullable=True),
        sa.Column("message", t.text(2000), nullable=True),
        sa.Column("metadata", t.long_text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_batch_run"), mssql_clustered=True),
        sa.CheckConstraint(
            "status IN ('running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_batch_run_status")
        ),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_index(op.f("ix_batch_run_started_at"), "batch_run", ["started_at"], schema=schema)
    op.create_table(
        "model_version",
        sa.Column("version", t.text(128), nullable=False),
        sa.Column("status", t.ascii_text(16), nullable=False),
        sa.Column("requested_by", t.text(128), nullable=True),
        sa.Column("run_id", t.text(64), nullable=True),
        sa.Column("created_at", t.UtcDateTime(), nullable=False),
        sa.Column("trained_at", t.UtcDateTime(), nullable=True),
        sa.Column("activated_at", t.UtcDateTime(), nullable=True),
        sa.Column("activated_by", t.text(128), nullable=True),
        sa.Column("updated_at", t.UtcDateTime(), nullable=False),
        sa.Column("manifest_sha256", t.ascii_text(64), nullable=False),
        sa.Column("training_samples", sa.Integer(), nullable=True),
        sa.Column("unique_items", sa.Integer(), nullable=True),
        sa.Column("unique_processes", sa.Integer(), nullable=True),
        sa.Column("training_duration_sec", t.double(), nullable=True),
        sa.Column("hyperparameters", t.long_text(), nullable=True),
        sa.Column("metadata", t.long_text(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_version"), mssql_clustered=True),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'retired', 'unmeasured')", name=op.f("ck_model_version_status")
        ),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "publication",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("model_version", t.text(128), nullable=False),
        sa.Column("state", t.ascii_text(16), nullable=False),
        sa.Column("content_hash", t.ascii_text(64), nullable=False),
        sa.Column("rows_candidate", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("rows_operation", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("rows_evidence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("rows_resource", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("rows_abstained", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("checksums", t.long_text(), nullable=True),
        sa.Column("writer", t.text(200), nullable=True),
        sa.Column("created_at", t.UtcDateTime(), nullable=False),
        sa.Column("loaded_at", t.UtcDateTime(), nullable=True),
        sa.Column("published_at", t.UtcDateTime(), nullable=True),
        sa.Column("published_by", t.text(128), nullable=True),
        sa.Column("retired_at", t.UtcDateTime(), nullable=True),
        sa.Column("purged_at", t.UtcDateTime(), nullable=True),
        sa.Column("message", t.text(2000), nullable=True),
        sa.Column("word_inhouse", t.text(16), nullable=False),
        sa.Column("word_outsourced", t.text(16), nullable=False),
        sa.Column("time_unit", t.text(16), nullable=False),
        sa.Column("run_time_unit", t.text(16), nullable=False),
        sa.Column("service_user", t.text(32), nullable=False),
        sa.Column("company_code", t.text(20), nullable=False),
        sa.Column("plant_code", t.text(20), nullable=False),
        sa.Column("valid_from", t.date(), nullable=False),
        sa.Column("valid_to", t.date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
        sa.CheckConstraint(
            "state IN ('loading', 'loaded', 'published', 'retired', 'failed', 'purged')",
            name=op.f("ck_publication_state"),
        ),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_publication_content_hash"), "publication", ["content_hash"], schema=schema)
    op.create_table(
        "writer_lock",
        sa.Column("name", t.ascii_text(32), nullable=False),
        sa.Column("owner", t.ascii_text(36), nullable=True),
        sa.Column("what", t.text(200), nullable=True),
        sa.Column("host", t.text(255), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process", t.text(100), nullable=True),
        sa.Column("acquired_at", t.UtcDateTime(), nullable=True),
        sa.Column("heartbeat_at", t.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_writer_lock"), mssql_clustered=True),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "abstained_item",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("reason_code", t.text(40), nullable=False),
        sa.Column("reason", t.text(400), nullable=False),
        sa.Column("best_similarity", t.decimal(5, 4), nullable=True),
        sa.PrimaryKeyConstraint(
            "publication_id", "item_cd", name=op.f("pk_abstained_item"), mssql_clustered=True
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_abstained_item_publication")
        ),
        sa.CheckConstraint(
            "best_similarity >= 0 AND best_similarity <= 1", name=op.f("ck_abstained_item_shares")
        ),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "candidate",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("candidate_rank", sa.SmallInteger(), nullable=False),
        sa.Column("candidate_id", t.text(110), nullable=False),
        sa.Column("routing_signature", t.text(200), nullable=False),
        sa.Column("routing_code", t.text(1000), nullable=False),
        sa.Column("similarity_score", t.decimal(5, 4), nullable=False),
        sa.Column("confidence", t.decimal(5, 4), nullable=False),
        sa.Column("priority", t.text(16), nullable=False),
        sa.Column("similarity_tier", t.text(8), nullable=False),
        sa.Column("reference_item_cd", t.text(100), nullable=True),
        sa.Column("rout_no", t.text(50), nullable=True),
        sa.Column("predicted_rout_no", t.text(50), nullable=False),
        sa.Column("routing_source", t.text(16), nullable=False),
        sa.Column("process_count", sa.Integer(), nullable=False),
        sa.Column("work_order_count", sa.Integer(), nullable=False),
        sa.Column("work_order_confidence", t.decimal(5, 4), nullable=True),
        sa.Column("neighbour_count", sa.Integer(), nullable=False),
        sa.Column("support", t.decimal(5, 4), nullable=False),
        sa.Column("matched_attributes", t.text(1000), nullable=True),
        sa.Column("item_hash", t.ascii_text(64), nullable=True),
        sa.PrimaryKeyConstraint(
            "publication_id", "item_cd", "candidate_rank", name=op.f("pk_candidate"), mssql_clustered=True
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_candidate_publication")
        ),
        sa.CheckConstraint(
            "process_count > 0 AND work_order_count >= 0 AND neighbour_count >= 0",
            name=op.f("ck_candidate_counts"),
        ),
        sa.CheckConstraint("priority IN ('primary', 'fallback')", name=op.f("ck_candidate_priority")),
        sa.CheckConstraint("candidate_rank > 0", name=op.f("ck_candidate_rank")),
        sa.CheckConstraint("routing_source IN ('similar', 'self')", name=op.f("ck_candidate_routing_source")),
        sa.CheckConstraint(
            "similarity_score >= 0 AND similarity_score <= 1 AND confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND work_order_confidence >= 0 AND work_order_confidence <= 1",
            name=op.f("ck_candidate_shares"),
        ),
        sa.CheckConstraint("similarity_tier IN ('HIGH', 'LOW')", name=op.f("ck_candidate_similarity_tier")),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_index(
        op.f("ix_candidate_publication_id_priority"),
        "candidate",
        ["publication_id", "priority"],
        schema=schema,
    )
    op.create_table(
        "current_publication",
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("moved_at", t.UtcDateTime(), nullable=False),
        sa.Column("moved_by", t.text(128), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_current_publication")),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_current_publication_publication")
        ),
        sa.CheckConstraint("slot = 1", name=op.f("ck_current_publication_slot")),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "model_metric",
        sa.Column("model_version", t.text(128), nullable=False),
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("method", t.text(40), nullable=False),
        sa.Column("split", t.text(40), nullable=False),
        sa.Column("segment", t.text(100), nullable=False),
        sa.Column("metric", t.text(64), nullable=False),
        sa.Column("value", t.double(), nullable=True),
        sa.Column("low", t.double(), nullable=True),
        sa.Column("high", t.double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("reason", t.text(400), nullable=True),
        sa.Column("computed_at", t.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "model_version",
            "run_id",
            "method",
            "split",
            "segment",
            "metric",
            name=op.f("pk_model_metric"),
            mssql_clustered=True,
        ),
        sa.ForeignKeyConstraint(
            ["model_version"],
            [f"{prefix}model_version.version"],
            name=op.f("fk_model_metric_model_version"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "value IS NOT NULL OR reason IS NOT NULL", name=op.f("ck_model_metric_null_has_reason")
        ),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "publication_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("event", t.ascii_text(16), nullable=False),
        sa.Column("happened_at", t.UtcDateTime(), nullable=False),
        sa.Column("done_by", t.text(128), nullable=False),
        sa.Column("message", t.text(2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication_event")),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_publication_event_publication")
        ),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_index(
        op.f("ix_publication_event_publication_id"), "publication_event", ["publication_id"], schema=schema
    )
    op.create_table(
        "quality_result",
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("frame", t.text(64), nullable=False),
        sa.Column("check_name", t.text(200), nullable=False),
        sa.Column("expectation", t.text(200), nullable=False),
        sa.Column("column_name", t.text(128), nullable=True),
        sa.Column("severity", t.ascii_text(16), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("observed", t.text(2000), nullable=False),
        sa.Column("expected", t.text(2000), nullable=False),
        sa.Column("rows_checked", sa.BigInteger(), nullable=False),
        sa.Column("rows_unexpected", sa.BigInteger(), nullable=False),
        sa.Column("sample", t.text(2000), nullable=True),
        sa.Column("exception", t.text(2000), nullable=True),
        sa.Column("checked_at", t.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_quality_result"), mssql_clustered=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            [f"{prefix}batch_run.run_id"],
            name=op.f("fk_quality_result_batch_run"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("severity IN ('critical', 'warning')", name=op.f("ck_quality_result_severity")),
        schema=schema,
        sqlite_with_rowid=True,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "rejected_row",
        sa.Column("run_id", t.text(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("source_table", t.text(40), nullable=False),
        sa.Column("row_key", t.text(300), nullable=False),
        sa.Column("rule_name", t.text(60), nullable=False),
        sa.Column("reason", t.text(400), nullable=False),
        sa.Column("raw_values", t.text(4000), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_rejected_row"), mssql_clustered=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            [f"{prefix}batch_run.run_id"],
            name=op.f("fk_rejected_row_batch_run"),
            ondelete="CASCADE",
        ),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "resource_alternative",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("job_cd", t.text(32), nullable=False),
        sa.Column("res_cd", t.text(32), nullable=False),
        sa.Column("res_nm", t.text(64), nullable=True),
        sa.Column("alternative_rank", sa.SmallInteger(), nullable=False),
        sa.Column("is_pool", sa.Boolean(), nullable=False),
        sa.Column("use_count", sa.Integer(), nullable=False),
        sa.Column("use_share", t.decimal(5, 4), nullable=False),
        sa.Column("last_used", t.date(), nullable=True),
        sa.PrimaryKeyConstraint(
            "publication_id", "job_cd", "res_cd", name=op.f("pk_resource_alternative"), mssql_clustered=True
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_resource_alternative_publication")
        ),
        sa.CheckConstraint(
            "alternative_rank > 0 AND use_count >= 0", name=op.f("ck_resource_alternative_counts")
        ),
        sa.CheckConstraint("use_share >= 0 AND use_share <= 1", name=op.f("ck_resource_alternative_shares")),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "candidate_evidence",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("candidate_rank", sa.SmallInteger(), nullable=False),
        sa.Column("evidence_rank", sa.SmallInteger(), nullable=False),
        sa.Column("neighbour_item_cd", t.text(100), nullable=False),
        sa.Column("neighbour_rout_no", t.text(50), nullable=True),
        sa.Column("similarity", t.decimal(5, 4), nullable=False),
        sa.Column("weight", t.decimal(5, 4), nullable=False),
        sa.Column("matching", t.text(1000), nullable=True),
        sa.Column("differing", t.text(1000), nullable=True),
        sa.PrimaryKeyConstraint(
            "publication_id",
            "item_cd",
            "candidate_rank",
            "evidence_rank",
            name=op.f("pk_candidate_evidence"),
            mssql_clustered=True,
        ),
        sa.ForeignKeyConstraint(
            ["publication_id", "item_cd", "candidate_rank"],
            [
                f"{prefix}candidate.publication_id",
                f"{prefix}candidate.item_cd",
                f"{prefix}candidate.candidate_rank",
            ],
            name=op.f("fk_candidate_evidence_candidate"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("evidence_rank > 0", name=op.f("ck_candidate_evidence_rank")),
        sa.CheckConstraint(
            "similarity >= 0 AND similarity <= 1 AND weight >= 0 AND weight <= 1",
            name=op.f("ck_candidate_evidence_shares"),
        ),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )
    op.create_table(
        "candidate_operation",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("candidate_rank", sa.SmallInteger(), nullable=False),
        sa.Column("proc_seq", sa.SmallInteger(), nullable=False),
        sa.Column("inside", t.ascii_text(3), nullable=False),
        sa.Column("job_cd", t.text(32), nullable=False),
        sa.Column("job_nm", t.text(64), nullable=True),
        sa.Column("res_cd", t.text(32), nullable=True),
        sa.Column("res_nm", t.text(64), nullable=True),
        sa.Column("rout_order", t.text(32), nullable=False),
        sa.Column("setup_time", t.decimal(12, 4), nullable=True),
        sa.Column("run_time", t.decimal(12, 4), nullable=True),
        sa.Column("setup_p10", t.decimal(12, 4), nullable=True),
        sa.Column("setup_p90", t.decimal(12, 4), nullable=True),
        sa.Column("run_p10", t.decimal(12, 4), nullable=True),
        sa.Column("run_p50", t.decimal(12, 4), nullable=True),
        sa.Column("run_p90", t.decimal(12, 4), nullable=True),
        sa.Column("optimal_time", t.decimal(12, 4), nullable=True),
        sa.Column("standard_time", t.decimal(12, 4), nullable=True),
        sa.Column("safe_time", t.decimal(12, 4), nullable=True),
        sa.Column("time_cv", t.decimal(12, 4), nullable=True),
        sa.Column("act_setup_time", t.decimal(12, 4), nullable=True),
        sa.Column("act_run_time", t.decimal(12, 4), nullable=True),
        sa.Column("queue_time", t.decimal(12, 4), nullable=True),
        sa.Column("wait_time", t.decimal(12, 4), nullable=True),
        sa.Column("move_time", t.decimal(12, 4), nullable=True),
        sa.Column("mfg_lt", t.decimal(12, 4), nullable=True),
        sa.Column("batch_oper", t.text(8), nullable=True),
        sa.Column("bp_cd", t.text(16), nullable=True),
        sa.Column("cust_nm", t.text(64), nullable=True),
        sa.Column("cur_cd", t.text(8), nullable=True),
        sa.Column("subcontract_prc", t.decimal(14, 2), nullable=True),
        sa.Column("tax_type", t.text(8), nullable=True),
        sa.Column("insp_flg", t.text(1), nullable=False),
        sa.Column("milestone_flg", t.text(1), nullable=False),
        sa.Column("confidence", t.decimal(5, 4), nullable=False),
        sa.Column("support", t.decimal(5, 4), nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("time_source", t.ascii_text(20), nullable=False),
        sa.Column("time_confidence", t.decimal(5, 4), nullable=True),
        sa.Column("source_items", t.text(200), nullable=True),
        sa.Column("source_similarity", t.decimal(5, 4), nullable=True),
        sa.Column("source_rout_no", t.text(50), nullable=True),
        sa.PrimaryKeyConstraint(
            "publication_id",
            "item_cd",
            "candidate_rank",
            "proc_seq",
            name=op.f("pk_candidate_operation"),
            mssql_clustered=True,
        ),
        sa.ForeignKeyConstraint(
            ["publication_id", "item_cd", "candidate_rank"],
            [
                f"{prefix}candidate.publication_id",
                f"{prefix}candidate.item_cd",
                f"{prefix}candidate.candidate_rank",
            ],
            name=op.f("fk_candidate_operation_candidate"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "insp_flg IN ('Y', 'N') AND milestone_flg IN ('Y', 'N')",
            name=op.f("ck_candidate_operation_flags"),
        ),
        sa.CheckConstraint("inside IN ('in', 'out')", name=op.f("ck_candidate_operation_inside")),
        sa.CheckConstraint(
            "sample_count >= 0 AND time_cv >= 0 AND subcontract_prc >= 0",
            name=op.f("ck_candidate_operation_not_negative"),
        ),
        sa.CheckConstraint(
            "optimal_time <= standard_time AND standard_time <= safe_time AND optimal_time <= safe_time",
            name=op.f("ck_candidate_operation_opt_std_safe"),
        ),
        sa.CheckConstraint("proc_seq > 0", name=op.f("ck_candidate_operation_proc_seq")),
        sa.CheckConstraint(
            "confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND time_confidence >= 0 AND time_confidence <= 1 AND source_similarity >= 0 AND source_similarity <= 1",
            name=op.f("ck_candidate_operation_shares"),
        ),
        sa.CheckConstraint(
            "time_source IN ('actual_own', 'actual_similar', 'standard_similar', 'model', 'none')",
            name=op.f("ck_candidate_operation_time_source"),
        ),
        sa.CheckConstraint(
            "setup_time >= 0 AND run_time >= 0 AND setup_p10 >= 0 AND setup_p90 >= 0 AND run_p10 >= 0 AND run_p50 >= 0 AND run_p90 >= 0 AND optimal_time >= 0 AND standard_time >= 0 AND safe_time >= 0 AND act_setup_time >= 0 AND act_run_time >= 0 AND queue_time >= 0 AND wait_time >= 0 AND move_time >= 0 AND mfg_lt >= 0",
            name=op.f("ck_candidate_operation_times_not_negative"),
        ),
        schema=schema,
        sqlite_with_rowid=False,
        sqlite_autoincrement=False,
    )


def downgrade() -> None:
    schema = context.config.attributes["schema"]
    op.drop_table("candidate_operation", schema=schema)
    op.drop_table("candidate_evidence", schema=schema)
    op.drop_table("resource_alternative", schema=schema)
    op.drop_table("rejected_row", schema=schema)
    op.drop_table("quality_result", schema=schema)
    op.drop_index(op.f("ix_publication_event_publication_id"), table_name="publication_event", schema=schema)
    op.drop_table("publication_event", schema=schema)
    op.drop_table("model_metric", schema=schema)
    op.drop_table("current_publication", schema=schema)
    op.drop_index(op.f("ix_candidate_publication_id_priority"), table_name="candidate", schema=schema)
    op.drop_table("candidate", schema=schema)
    op.drop_table("abstained_item", schema=schema)
    op.drop_table("writer_lock", schema=schema)
    op.drop_index(op.f("ix_publication_content_hash"), table_name="publication", schema=schema)
    op.drop_table("publication", schema=schema)
    op.drop_table("model_version", schema=schema)
    op.drop_index(op.f("ix_batch_run_started_at"), table_name="batch_run", schema=schema)
    op.drop_table("batch_run", schema=schema)
