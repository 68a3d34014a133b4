"""Changes of overlapping nights."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
