"""The nightly batch: its steps, training, shards, the night, and model versions in operation.

Belongs here: joining the rooms, as plain functions with typed results. Does not: SQL text, frame maths, learning,
anything that shows or prints, Dagster.
"""

__all__ = ["admin", "alerts", "champion", "context", "night", "sharded", "steps"]
