"""Alembic migrations of our own tables. Run them with `routing-etl migrate`; see README.md."""
