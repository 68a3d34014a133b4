"""Publications, predicted routings, model metrics, runs and locks."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
