"""Views whose look-up by item stays a seek, moments without an offset, which writer loaded, and an index nobody used away."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(__file__, "upgrade")


def downgrade() -> None:
    run(__file__, "downgrade")
