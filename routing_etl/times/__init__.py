"""Work results to minutes, time profiles, OPT / STD / SAFE and lead-time totals.

What belongs here: what the reported times say. What does not: database access, prediction.

A *measure* in this room is `setup` (minutes per order) or `run` (minutes per piece); a *profile* is a time profile: the
statistics of one group's times.
"""

__all__ = [
    "lead_time", "lot_size", "plausibility", "pooled", "profiles", "shifts", "standard_backtest", "standard_review", "suspects",
]  # fmt: skip
