"""Checks: they find bad data in the cleaned frames and in the predictions; they mend nothing.

How a rule becomes a check:

1. `source_rules` and `candidate_rules` list `Rule`s: the frame, the name of the check, what must hold, how severe a
   failure is, and the view of the frame on which it is judged. `rules` has the builders for what recurs (a key is
   unique, a value is one of a set, a share stays below a limit) and derives the rules of a frame's contract.
2. `checks` collects the rules of each frame. `list_checks` names every check from the rules alone, so Dagster and the
   tables know all checks without importing Great Expectations, which takes seconds.
3. `adapter` computes each view with Polars, hands it to Great Expectations as a small pandas table, lets `suites`
   translate the rules of that view into expectations, and turns each result into a `frames.CheckOutcome`: success, what
   was observed, what was expected, how many rows, and a few offending rows.
4. `checks.raise_on_critical` stops the night when a check of severity critical failed; warnings are shown and stored.

`health` is for people, before anything is learned: what an integrator looks at first, by planner, family, plant and work
centre, with examples, what it touches and (`health_cost`) how the champion did there; `health_page` shows it as one HTML file. It stops
nothing.

`history` compares the cleaned frames with those of the last run that succeeded: rows, items that lose their routing, codes,
filled attributes, newest dates. `usual` compares the same figures with the median of the last runs, so that a slow slide is told.

`groups` puts checks of one kind together, for screens that cannot show four hundred.

`score` condenses the state of the item master into one number, which stops nothing.

To add a check, add a rule to one of the two lists. What belongs here: finding bad data. What does not: mending it
(`erp`), and how good the predictions are (`evaluation`).
"""

__all__ = ["checks", "groups", "health", "health_cost", "health_page", "history", "score", "usual"]
