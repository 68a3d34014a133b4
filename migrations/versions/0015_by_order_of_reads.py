"""By order of reads."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
