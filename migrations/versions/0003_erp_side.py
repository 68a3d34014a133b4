"""Feedback of engineers, the fixed flat table, the BOP staging views, and page compression where the server has it."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import has_page_compression, run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")
    if has_page_compression():
        run(__file__, "compress")


def downgrade() -> None:
    if has_page_compression():
        run(__file__, "decompress")
    run(__file__, "downgrade")
