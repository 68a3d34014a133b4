"""Routings side by side: what is beside what, and what sets them apart, on routings whose answers are known by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routing_etl.sheets.compare import (
    MOVED,
    ONLY_HERE,
    OTHER_MACHINE,
    SAME,
    Operation,
    Span,
    aligned,
    marked,
)


def routing(*steps: str) -> tuple[Operation, ...]:
    """`JOB@MACHINE` each; a machine that begins with `!` is a supplier."""
    made = []
    for number, step in enumerate(steps, start=1):
        job, _, machine = step.partition("@")
        outside = machine.startswith("!")
        made.append(
            Operation(
                number * 10, job, "", "" if outside else machine, "", outside, machine[1:] if outside else "",
                Span(None), Span(None), "none",
            )
        )  # fmt: skip
    return tuple(made)


def cells(*columns: tuple[Operation, ...]) -> list[str]:
    return [" ".join(o.job_cd if o else "-" for o in row.cells) for row in aligned(columns)]


def test_equal_jobs_stand_beside_each_other() -> None:
    assert cells(routing("SAW", "TURN", "PAINT"), routing("SAW", "MILL", "TURN"), routing("TURN", "PAINT")) == [
        "SAW SAW -", "- MILL -", "TURN TURN TURN", "PAINT - PAINT",
    ]  # fmt: skip


def test_a_routing_that_only_uses_another_machine_is_the_same_sequence() -> None:
    marks, apart = marked(routing("SAW@S1", "TURN@T1"), routing("SAW@S1", "TURN@T2"))
    assert marks == (SAME, OTHER_MACHINE)
    assert apart.same_sequence and apart.machines == (("TURN", "T1", "T2"),)
    assert not apart.added and not apart.missing


def test_a_step_that_moved_is_neither_added_nor_missing() -> None:
    marks, apart = marked(routing("SAW", "WASH", "TURN", "PAINT"), routing("SAW", "TURN", "PAINT", "WASH"))
    assert marks == (SAME, SAME, SAME, MOVED)
    assert (apart.moved, apart.added, apart.missing) == (("WASH",), (), ())
    assert not apart.same_sequence


def test_a_second_occurrence_is_added_though_the_job_is_known() -> None:
    marks, apart = marked(routing("SAW", "WASH"), routing("SAW", "WASH", "WASH"))
    assert sorted(marks) == sorted((SAME, SAME, ONLY_HERE)) and apart.added == ("WASH",)


def test_outside_work_differs_from_work_in_the_plant() -> None:
    marks, apart = marked(routing("COAT@C1"), routing("COAT@!Smith"))
    assert marks == (OTHER_MACHINE,) and apart.machines == (("COAT", "C1", "Smith"),)


jobs = st.lists(st.sampled_from("ABCD"), max_size=7)


@given(st.lists(jobs, min_size=1, max_size=4))
def test_every_operation_of_every_routing_is_shown_once_and_in_order(columns: list[list[str]]) -> None:
    rows = aligned([routing(*column) for column in columns])
    for number, column in enumerate(columns):
        assert [c.job_cd for row in rows if (c := row.cells[number]) is not None] == column
    assert all(any(row.cells) and len(row.cells) == len(columns) for row in rows)


@given(jobs, jobs)
def test_what_sets_two_routings_apart_balances(first: list[str], other: list[str]) -> None:
    marks, apart = marked(routing(*first), routing(*other))
    assert len(marks) == len(other)
    assert sorted([*first, *apart.added]) == sorted([*other, *apart.missing])
