"""Which candidate is the engineer's routing, as a calibrated probability, and which few are proposed.

Belongs here: scores, calibration, novelty, choice. Does not: machines, times, frames.
"""
