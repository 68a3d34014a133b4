"""Checks: rules, expectation suites, and the adapter that turns Great Expectations results into CheckOutcome.

Belongs here: finding bad data. Does not: mending it.
"""

__all__ = ["checks", "score"]
