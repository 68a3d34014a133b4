"""The nightly batch: its steps, training, shards, the night, and model versions in operation.

What belongs here: joining the rooms, as plain functions with typed results; `street.py` is the table of steps. What does
not: SQL text, frame maths, learning, anything that shows or prints, Dagster.
"""

__all__ = [
    "ahead", "alerts", "audit", "cards", "champion", "context", "demo", "drill", "exports", "finished",
    "from_files", "initial", "item_sheets", "learning_faults", "night", "one_item", "persons",
    "recipe", "results", "review", "sharded", "sheets", "status", "steps", "street", "sweep", "telling",
    "training", "upkeep", "versions", "watch", "weekly",
]  # fmt: skip
