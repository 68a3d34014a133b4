"""Standard times beside measured ones, who took proposals over, and the health of the ERP's data."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
