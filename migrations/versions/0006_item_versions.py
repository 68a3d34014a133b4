"""Items and jobs have versions: a publication is what has changed since the one before it. Rejected rows are stored once."""

from __future__ import annotations

from routing_etl.warehouse.revision_statements import has_page_compression, run

revision = "0006"
down_revision = "0005"
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
