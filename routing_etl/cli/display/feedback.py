"""What engineers decided about proposals: candidates and standard times taken over, candidates rejected, marks taken back.

Belongs here: what `adopt`, `adopt-time`, `reject` and `undo` show. Does not: the proposals themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from routing_etl.cli.display.parts import minutes, safe

if TYPE_CHECKING:
    from routing_etl.warehouse.feedback import Adoption
    from routing_etl.warehouse.feedback_time import TimeAdoption
    from routing_etl.warehouse.marks import Marked


def adoption(console: Console, taken: Adoption) -> None:
    """A candidate that was taken over: who and when, then its BOP rows without the columns that are NULL in all."""
    since = f"{taken.accepted_at:%Y-%m-%d %H:%M:%S} UTC"
    how = "as it is" if taken.mark == "accepted" else f"with changes ({taken.remark or 'not named'})"
    state = "accepted" if taken.new else f"was accepted before, {how},"
    console.print(
        safe(
            f"{taken.candidate_id} {state} by {taken.accepted_by} at {since}, routing number {taken.rout_no}."
        )
    )
    if not taken.new:
        console.print(
            safe(
                f"That stays on record; to say otherwise, first: routing-etl undo {taken.item_cd} --candidate {taken.candidate_id} "
                "--user NAME"
            )
        )
    if taken.others_accepted:
        others = ", ".join(taken.others_accepted)
        console.print(
            safe(
                f"Accepted for this item as well: {others}. Take back what is not meant: routing-etl undo {taken.item_cd} "
                "--candidate ID --user NAME"
            ),
            style="yellow",
        )
    for view, rows in taken.rows.items():
        for part in _shape_tables(view, rows):
            console.print(part)
    console.print("Columns that are empty are not shown; --out FILE.xlsx, .csv or .json writes all of them.")


#: Rows of a BOP view that stand beside each other.
_BESIDE = 4


def _shape_tables(view: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """The filled columns of a view's rows, downwards: they are too many for a line. What all rows have alike stands first."""
    filled = [name for name in (rows[0] if rows else {}) if any(r[name] not in (None, "") for r in rows)]
    alike = [name for name in filled if len({str(r[name]) for r in rows}) == 1]
    table = Table(title=f"{view}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}")
    table.add_column("column")
    table.add_column("value in each row" if len(rows) > 1 else "value", overflow="fold")
    for name in alike:
        table.add_row(name, safe(rows[0][name]))
    yield table
    differing = [name for name in filled if name not in alike]
    for first in range(0, len(rows) if differing else 0, _BESIDE):
        few = rows[first : first + _BESIDE]
        part = Table(title=f"{view}, rows {first + 1} to {first + len(few)} of {len(rows)}: what differs")
        part.add_column("column")
        for number, _ in enumerate(few, first + 1):
            part.add_column(str(number), overflow="fold")
        for name in differing:
            part.add_row(name, *("" if r[name] is None else safe(r[name]) for r in few))
        yield part


def time_adoption(console: Console, taken: TimeAdoption) -> None:
    """Who took over which standard time and when, then the row for the ERP."""
    for mark in taken.marks:
        state = "accepted" if mark.new else "was accepted before"
        console.print(
            safe(
                f"{mark.measure}: {minutes(mark.standard_min)} -> {minutes(mark.proposed_min)} min {state} by "
                f"{mark.accepted_by} at {mark.accepted_at:%Y-%m-%d %H:%M:%S} UTC."
            )
        )
    table = Table(title="bop_proc_detail_time: an empty time stays as it is")
    table.add_column("column")
    table.add_column("value", overflow="fold")
    for name, value in taken.row.items():
        table.add_row(name, "" if value is None else safe(value))
    console.print(table)


def marked_candidates(console: Console, found: Marked) -> None:
    """Candidates that were rejected, or whose marks were taken back."""
    why = "".join(
        (f", {found.reason_code}" if found.reason_code else "", f": {found.remark}" if found.remark else "")
    )
    what = "rejected" if found.mark == "rejected" else "has no mark any more"
    for candidate in found.candidates:
        console.print(safe(f"{candidate} {what} (by {found.by}{why})."))
    for mark in found.kept:
        because = f", {mark.reason_code or 'no reason'}{f': {mark.remark}' if mark.remark else ''}"
        console.print(
            safe(f"{mark.candidate_id} was rejected before (by {mark.by}{because}); that stays on record.")
        )
    if found.kept:
        console.print(safe(f"To say otherwise, first: routing-etl undo {found.item_cd} --user NAME"))
