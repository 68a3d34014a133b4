"""Great Expectations suites and the adapter that turns their results into CheckOutcome."""
