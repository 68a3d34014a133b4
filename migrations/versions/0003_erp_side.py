"""Feedback of engineers, the fixed flat table, the BOP staging views, and page compression where the server has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from routing_etl.warehouse import types as t
from routing_etl.warehouse.compression import COMPRESSED, compress_sql, compression_refused
from routing_etl.warehouse.views import BOP_VIEWS, CreateView, DropView, view_selects

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    prefix = f"{schema}." if schema else ""
    op.create_table(
        "routing_feedback",
        sa.Column("item_cd", t.text(100), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", t.text(110), nullable=False),
        sa.Column("candidate_rank", sa.SmallInteger(), nullable=False),
        sa.Column("predicted_rout_no", t.text(50), nullable=False),
        sa.Column("routing_code", t.text(1000), nullable=False),
        sa.Column("accepted_by", t.text(128), nullable=False),
        sa.Column("accepted_at", t.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "item_cd",
            "publication_id",
            "candidate_rank",
            name=op.f("pk_routing_feedback"),
            mssql_clustered=True,
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], [f"{prefix}publication.id"], name=op.f("fk_routing_feedback_publication")
        ),
        sa.CheckConstraint("candidate_rank > 0", name=op.f("ck_routing_feedback_rank")),
        sa.CheckConstraint("accepted_by <> ''", name=op.f("ck_routing_feedback_accepted_by")),
        schema=schema,
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_routing_feedback_accepted_at"), "routing_feedback", ["accepted_at"], schema=schema
    )
    op.create_table(
        "routing_flat_table",
        sa.Column("ITEM_CD", t.text(100), nullable=False),
        sa.Column("CANDIDATE_ID", t.text(110), nullable=False),
        sa.Column("ROUTING_SIGNATURE", t.text(200), nullable=True),
        sa.Column("PRIORITY", t.text(16), nullable=True),
        sa.Column("SIMILARITY_TIER", t.text(8), nullable=True),
        sa.Column("PROC_SEQ", sa.SmallInteger(), nullable=False),
        sa.Column("INSIDE_FLAG", t.text(16), nullable=True),
        sa.Column("dbo_BI_ROUTING_VIEW_JOB_CD", t.text(32), nullable=True),
        sa.Column("JOB_NM", t.text(64), nullable=True),
        sa.Column("RES_CD", t.text(32), nullable=True),
        sa.Column("RES_DIS", t.text(64), nullable=True),
        sa.Column("TIME_UNIT", t.text(16), nullable=True),
        sa.Column("MFG_LT", t.decimal(10, 2), nullable=True),
        sa.Column("QUEUE_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("SETUP_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("MACH_WORKED_HOURS", t.decimal(10, 2), nullable=True),
        sa.Column("ACT_SETUP_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("ACT_RUN_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("WAIT_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("MOVE_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("RUN_TIME_QTY", t.decimal(10, 2), nullable=True),
        sa.Column("RUN_TIME_UNIT", t.text(16), nullable=True),
        sa.Column("BATCH_OPER", t.text(8), nullable=True),
        sa.Column("BP_CD", t.text(16), nullable=True),
        sa.Column("dbo_BI_ROUTING_VIEW_CUST_NM", t.text(64), nullable=True),
        sa.Column("CUR_CD", t.text(8), nullable=True),
        sa.Column("SUBCONTRACT_PRC", t.decimal(14, 2), nullable=True),
        sa.Column("TAX_TYPE", t.text(8), nullable=True),
        sa.Column("MILESTONE_FLG", t.text(1), nullable=True),
        sa.Column("INSP_FLG", t.text(1), nullable=True),
        sa.Column("ROUT_ORDER", t.text(32), nullable=True),
        sa.Column("VALID_FROM_DT", t.date(), nullable=True),
        sa.Column("VALID_TO_DT", t.date(), nullable=True),
        sa.Column("dbo_BI_ROUTING_VIEW_REMARK", t.text(200), nullable=True),
        sa.Column("ROUT_DOC", t.text(64), nullable=True),
        sa.Column("DOC_INSIDE", t.text(8), nullable=True),
        sa.Column("DOC_NO", t.text(64), nullable=True),
        sa.Column("NC_PROGRAM", t.text(64), nullable=True),
        sa.Column("NC_PROGRAM_WRITER", t.text(32), nullable=True),
        sa.Column("NC_WRITER_NM", t.text(32), nullable=True),
        sa.Column("NC_WRITE_DATE", t.date(), nullable=True),
        sa.Column("NC_REVIEWER", t.text(32), nullable=True),
        sa.Column("NC_REVIEWER_NM", t.text(32), nullable=True),
        sa.Column("NC_REVIEW_DT", t.date(), nullable=True),
        sa.Column("RAW_MATL_SIZE", t.text(32), nullable=True),
        sa.Column("JAW_SIZE", t.text(32), nullable=True),
        sa.Column("VALIDITY", t.text(32), nullable=True),
        sa.Column("PROGRAM_REMARK", t.text(200), nullable=True),
        sa.Column("OP_DRAW_NO", t.text(64), nullable=True),
        sa.Column("MTMG_NUMB", t.text(32), nullable=True),
        sa.Column("REFERENCE_ITEM_CD", t.text(100), nullable=True),
        sa.Column("SIMILARITY_SCORE", t.decimal(5, 4), nullable=True),
        sa.Column("RUN_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("OPTIMAL_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("STANDARD_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("SAFE_TIME", t.decimal(10, 2), nullable=True),
        sa.Column("TIME_SOURCE", t.text(20), nullable=True),
        sa.Column("CONFIDENCE", t.decimal(5, 4), nullable=True),
        sa.Column("CANDIDATE_RANK", sa.SmallInteger(), nullable=True),
        sa.Column("ROUT_NO", t.text(50), nullable=True),
        sa.Column("MODEL_VERSION", t.text(128), nullable=True),
        sa.Column("PUBLICATION_ID", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint(
            "ITEM_CD", "CANDIDATE_ID", "PROC_SEQ", name=op.f("pk_routing_flat_table"), mssql_clustered=True
        ),
        schema=schema,
        sqlite_with_rowid=False,
    )
    dialect = op.get_context().dialect.name
    selects = view_selects(schema, dialect)
    for name in BOP_VIEWS:
        op.execute(CreateView(name, schema, selects[name]))
    _compress("PAGE", schema)


def downgrade() -> None:
    schema = context.config.attributes["schema"]
    _compress("NONE", schema)
    for name in reversed(BOP_VIEWS):
        op.execute(DropView(name, schema))
    op.drop_table("routing_flat_table", schema=schema)
    op.drop_index(op.f("ix_routing_feedback_accepted_at"), table_name="routing_feedback", schema=schema)
    op.drop_table("routing_feedback", schema=schema)


def _compress(kind: str, schema: str | None) -> None:
    """Rebuild the large tables with a compression; a server without it keeps them as they are, with a logged reason."""
    if op.get_context().dialect.name != "mssql":
        return
    if not context.is_offline_mode() and compression_refused(op.get_bind()):
        return
    for name in COMPRESSED:
        op.execute(compress_sql(name, schema, kind))
