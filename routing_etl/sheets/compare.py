"""Candidates side by side: operations aligned in rows, and what sets a candidate apart from the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: How an operation stands to the first candidate's: there too, there on another machine, not there, at another place.
SAME, OTHER_MACHINE, ONLY_HERE, MOVED = "same", "other_machine", "only_here", "moved"


@dataclass(frozen=True)
class Span:
    """A time in minutes: the value to plan with, and the range that holds it in four of five cases; None: not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Operation:
    """One operation as a sheet shows it.

    Attributes
    ----------
    number : int
        Operation number.
    job_cd, job_nm : str
        Job code and name ('' where there is none).
    res_cd, res_nm : str
        Machine, line or waiting pool; '' where none is proposed.
    outside : bool
        Whether a supplier does it.
    supplier : str
        Its name or code.
    setup, run : Span
        Minutes per order, minutes per piece.
    time_source : str
        One of `frames.TIME_SOURCES`, or 'standard' for a routing of the ERP.
    results : int
        Work results behind the times.
    confidence : float or None
        Probability that the engineer's routing has this job here; None for a routing of the ERP.
    mark : str
        `SAME`, `OTHER_MACHINE`, `ONLY_HERE` or `MOVED`, beside the first candidate.
    """

    number: int
    job_cd: str
    job_nm: str
    res_cd: str
    res_nm: str
    outside: bool
    supplier: str
    setup: Span
    run: Span
    time_source: str
    results: int = 0
    confidence: float | None = None
    mark: str = SAME

    @property
    def machine(self) -> tuple[bool, str]:
        """Where it is done: outside or in-house, and on what."""
        return self.outside, (self.supplier if self.outside else self.res_cd)


@dataclass(frozen=True)
class Row:
    """An operation in every column of the comparison; None where the column lacks it."""

    cells: tuple[Operation | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the columns do not agree."""
        return any(cell is None or cell.mark != SAME for cell in self.cells)


@dataclass(frozen=True)
class Apart:
    """What sets a sequence of operations apart from the first candidate's.

    Attributes
    ----------
    same_sequence : bool
        The same jobs in the same order.
    added, missing, moved : tuple of str
        Names of jobs that only this one has, that only the first has, and that both have at different places.
    machines : tuple of tuple of str
        Job, its machine in the first candidate, and its machine here.
    """

    same_sequence: bool
    added: tuple[str, ...]
    missing: tuple[str, ...]
    moved: tuple[str, ...]
    machines: tuple[tuple[str, str, str], ...]


def aligned(columns: Sequence[Sequence[Operation]]) -> tuple[Row, ...]:
    """Operations of several routings in rows: equal jobs beside each other where their order allows it.

    Parameters
    ----------
    columns : sequence of sequence of Operation
        Routings, the one that the others are compared with first.
    """
    jobs: list[str] = []
    cells: list[list[Operation | None]] = []
    for number, column in enumerate(columns):
        found = SequenceMatcher(None, jobs, [o.job_cd for o in column], autojunk=False).get_opcodes()
        merged_jobs: list[str] = []
        merged: list[list[Operation | None]] = []
        for kind, low, high, first, last in found:
            for i in range(low, high):
                other = column[first + i - low] if kind == "equal" else None
                merged_jobs.append(jobs[i])
                merged.append([*cells[i], other])
            if kind in ("insert", "replace"):
                for operation in column[first:last]:
                    merged_jobs.append(operation.job_cd)
                    merged.append([*([None] * number), operation])
        jobs, cells = merged_jobs, merged
    return tuple(Row(tuple(row)) for row in cells)


def marked(first: Sequence[Operation], other: Sequence[Operation]) -> tuple[tuple[str, ...], Apart]:
    """How each operation of another routing stands to the first candidate, and what sets the two apart.

    Parameters
    ----------
    first : sequence of Operation
        The first candidate's.
    other : sequence of Operation
        Those of the routing to be told apart.
    """
    marks: list[str] = []
    added: list[Operation] = []
    missing: list[Operation] = []
    machines = []
    for here, there in ((row.cells[0], row.cells[1]) for row in aligned([first, other])):
        if there is None:
            assert here is not None
            missing.append(here)
        elif here is None:
            marks.append(ONLY_HERE)
            added.append(there)
        elif here.machine != there.machine:
            marks.append(OTHER_MACHINE)
            machines.append((_name(there), _place(here), _place(there)))
        else:
            marks.append(SAME)
    moved = _both(added, missing)
    at_number = {o.number for o in moved}
    marks = [
        MOVED if mark == ONLY_HERE and o.number in at_number else mark
        for mark, o in zip(marks, other, strict=True)
    ]
    same = not added and not missing
    return tuple(marks), Apart(
        same,
        tuple(_name(o) for o in added if o not in moved),
        _left(missing, moved),
        tuple(_name(o) for o in moved),
        tuple(machines),
    )


def _both(added: Sequence[Operation], missing: Sequence[Operation]) -> list[Operation]:
    """Added operations whose job is missing elsewhere: each missing one explains one."""
    left = [o.job_cd for o in missing]
    moved = []
    for operation in added:
        if operation.job_cd in left:
            left.remove(operation.job_cd)
            moved.append(operation)
    return moved


def _left(missing: Sequence[Operation], moved: Sequence[Operation]) -> tuple[str, ...]:
    """Names of the missing operations that are not at another place."""
    explained = [o.job_cd for o in moved]
    names = []
    for operation in missing:
        if operation.job_cd in explained:
            explained.remove(operation.job_cd)
        else:
            names.append(_name(operation))
    return tuple(names)


def _name(operation: Operation) -> str:
    return operation.job_nm or operation.job_cd


def _place(operation: Operation) -> str:
    return operation.supplier if operation.outside else operation.res_nm or operation.res_cd
