"""What was wrong, told from held-out routings: kinds, jobs, and columns whose missing values go with it."""

from __future__ import annotations

import polars as pl
from evaluation_toy import items_of, operations_of, predictions_of, steps

from routing_etl.evaluation.losses import losses_of
from routing_etl.evaluation.reference import known_routings
from routing_etl.frames import TimeEvidence

#: Item: what was written, what was proposed first.
CASES = {
    "right": ("A B C", "A B C"),
    "short": ("A B C", "A B"),
    "long": ("A B C", "A B C D"),
    "other": ("A B C", "A B D"),
    "turned": ("A B C", "A C B"),
    "twice": ("A B B", "A B"),
    "silent": ("A B C", None),
}


def test_every_wrong_item_is_in_one_kind_and_jobs_are_counted_once_an_item() -> None:
    keys = sorted(CASES)
    written = operations_of({k: steps(CASES[k][0]) for k in keys})
    proposed = {k: [(0.5, steps(CASES[k][1] or ""))] for k in keys if CASES[k][1]}
    answers = predictions_of(proposed, ["silent"])
    reference = known_routings(written, pl.Series(keys), TimeEvidence.none())
    found = losses_of([answers], reference, items_of(keys), pl.Series(keys))
    kinds = {loss.kind: (loss.items, loss.share) for loss in found if not loss.what}
    assert kinds == {
        "operations missing": (2, 2 / 6),
        "operations too many": (1, 1 / 6),
        "other operations": (1, 1 / 6),
        "order alone": (1, 1 / 6),
        "no proposal": (1, 1 / 6),
    }
    # Fewer items than three are not worth a line.
    assert [loss for loss in found if loss.what] == []


def test_a_job_and_a_column_that_wants_filling_are_named() -> None:
    """Of 40 judged items those without a size are wrong, and three of the four that wait for a routing have none."""
    keys, waiting = [f"I{k:02d}" for k in range(40)], [f"W{k}" for k in range(4)]
    lacks = {k for k in keys if int(k[1:]) % 4 == 0}
    written = operations_of({k: steps("A B C") for k in keys})
    answers = predictions_of({k: [(0.9, steps("A C" if k in lacks else "A B C"))] for k in keys})
    size = [None if k in lacks else 10.0 for k in keys] + [None, None, None, 5.0]
    items = items_of([*keys, *waiting], part_type=["P"] * 44, size=size, turns=[1.0, None] * 22)
    reference = known_routings(written, pl.Series(keys), TimeEvidence.none())
    found = losses_of([answers], reference, items, pl.Series(keys))
    assert [(loss.kind, loss.what, loss.items, loss.share) for loss in found] == [
        ("operations missing", "", 10, 1.0),
        ("missing", "B", 10, 1.0),
        ("not filled", "size", 10, 1.0),
    ]
    assert found[-1].told == (
        "100% wrong without it, 0% with it: fill size for the 3 items that wait for a routing without it"
    )


def test_nothing_wrong_is_nothing_told() -> None:
    written = operations_of({"I": steps("A B")})
    answers = predictions_of({"I": [(0.9, steps("A B"))]})
    reference = known_routings(written, pl.Series(["I"]), TimeEvidence.none())
    assert losses_of([answers], reference, items_of(["I"]), pl.Series(["I"])) == ()
