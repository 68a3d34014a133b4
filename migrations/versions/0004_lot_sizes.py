"""For which lot a predicted run time is, and how it goes with the lot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from routing_etl.warehouse import types as t
from routing_etl.warehouse.views import LOT_VIEWS, CreateView, DropView, view_selects

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ADDED = ("lot_size", "lot_exponent")


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    for name, kind in zip(_ADDED, (t.decimal(18, 4), t.decimal(5, 4)), strict=True):
        op.add_column("candidate_operation", sa.Column(name, kind, nullable=True), schema=schema)
    selects = view_selects(schema, op.get_context().dialect.name)
    for name in LOT_VIEWS:
        op.execute(CreateView(name, schema, selects[name]))


def downgrade() -> None:
    schema = context.config.attributes["schema"]
    for name in reversed(LOT_VIEWS):
        op.execute(DropView(name, schema))
    for name in reversed(_ADDED):
        op.drop_column("candidate_operation", name, schema=schema)
