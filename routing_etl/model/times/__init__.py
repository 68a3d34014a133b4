"""Set-up and run time of every operation, with intervals.

Belongs here: predicting times. Does not: aggregating work results (`routing_etl.times`).
"""
