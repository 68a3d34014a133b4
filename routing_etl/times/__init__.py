"""Work results to minutes, time profiles, OPT / STD / SAFE and lead-time totals.

Belongs here: aggregating what was reported. Does not: database access, prediction.
"""

__all__ = ["lead_time", "lot_size", "plausibility", "profiles"]
