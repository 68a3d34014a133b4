"""For which lot a predicted run time is, and how it goes with the lot."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
