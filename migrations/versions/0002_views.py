"""The views that the ERP, analysts and DBAs read."""

from __future__ import annotations

from alembic import context, op

from routing_etl.warehouse.views import FIRST_VIEWS, CreateView, DropView, view_selects

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    selects = view_selects(schema, op.get_context().dialect.name)
    for name in FIRST_VIEWS:
        op.execute(CreateView(name, schema, selects[name]))


def downgrade() -> None:
    schema = context.config.attributes["schema"]
    for name in reversed(FIRST_VIEWS):
        op.execute(DropView(name, schema))
