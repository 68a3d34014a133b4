"""Work results to minutes, time profiles, OPT/STD/SAFE and lead-time totals. No database access."""
