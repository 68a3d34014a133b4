"""What the command line shows of the ERP's own data: standard times beside measured ones, and the data's health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.markup import escape as no_markup
from rich.table import Table

from routing_etl import safe_text
from routing_etl.frames import REVIEW_VERDICTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from routing_etl.pipeline.drill import Drill
    from routing_etl.pipeline.results import Healthy, Reviewed, SheetsWritten
    from routing_etl.pipeline.status import Problem, RunStatus, Status
    from routing_etl.warehouse.feedback_time import TimeAdoption
    from routing_etl.warehouse.marks import Marked
    from routing_etl.warehouse.publication_changes import PublicationChanges
    from routing_etl.warehouse.scripts import Script


def _safe(text: object) -> str:
    return no_markup(safe_text.one_line(text))


def _minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def standards_table(console: Console, reviewed: Reviewed, worst: pl.DataFrame) -> None:
    """Counts by verdict, and the sure differences that move most hours."""
    found, published = reviewed.found, reviewed.published
    table = Table(title=f"Standard times beside {found.measured:,} measured ones")
    for name in ("verdict", "times", "meaning"):
        table.add_column(name)
    for verdict, count in found.verdicts.items():
        table.add_row(verdict, f"{count:,}", REVIEW_VERDICTS[verdict])
    console.print(table)
    console.print(
        f"{found.proposals:,} proposals: they move {found.hours_year:,.0f} planned hours a year, and add "
        f"{found.hours_first:,.0f} where there is no standard (12 months up to {found.as_of or 'an unknown day'})."
    )
    if found.unattributed:
        console.print(
            f"{found.unattributed:,} reports name no routing, and several of their item could claim them: left out."
        )
    if found.machine_gone:
        console.print(
            f"{found.machine_gone:,} reports are of machines that are out of use by the machine master: left out."
        )
    if found.other_numbers:
        console.print(
            f"{found.other_numbers:,} operations have a number in the ERP that is a text, is missing or repeats in its routing: "
            "proc_seq is their place, and nothing is proposed for them."
        )
    console.print(
        f"Review {published.review_id}: {published.rows:,} rows in standard_time_review, {published.written:,} new or "
        f"changed, {published.ended:,} ended. Those with few orders stay in the run folder."
    )
    if worst.is_empty():
        return
    shown = Table(title="Sure differences, most planned hours a year first")
    shown.add_column("item / routing / operation", overflow="fold")
    shown.add_column("job, time", overflow="fold")
    for name in ("standard", "measured (95 %), orders", "proposed", "hours"):
        shown.add_column(name, justify="right", overflow="fold")
    for row in worst.iter_rows(named=True):
        low, high = _minutes(row["low_min"]), _minutes(row["high_min"])
        shown.add_row(
            _safe(f"{row['item_cd']} / {row['rout_no']} / {row['proc_seq']}"), _safe(f"{row['job_cd']}, {row['measure']}"),
            _minutes(row["standard_min"]), f"{_minutes(row['measured_min'])} ({low} to {high}), {row['orders']:,}",
            _minutes(row["proposed_min"]), _minutes(row["hours_year"]),
        )  # fmt: skip
    console.print(shown)


def time_adoption(console: Console, taken: TimeAdoption) -> None:
    """Who took over which standard time and when, then the row for the ERP."""
    for mark in taken.marks:
        state = "accepted" if mark.new else "was accepted before"
        console.print(
            _safe(
                f"{mark.measure}: {_minutes(mark.standard_min)} -> {_minutes(mark.proposed_min)} min {state} by "
                f"{mark.accepted_by} at {mark.accepted_at:%Y-%m-%d %H:%M:%S} UTC."
            )
        )
    table = Table(title="bop_proc_detail_time: an empty time stays as it is")
    table.add_column("column")
    table.add_column("value", overflow="fold")
    for name, value in taken.row.items():
        table.add_row(name, "" if value is None else _safe(value))
    console.print(table)


def health_table(console: Console, healthy: Healthy, findings: pl.DataFrame, page: Path) -> None:
    """The findings over the whole plant, then where the page lies."""
    table = Table(title=f"Health of the ERP's data, run {healthy.run_id}")
    for name in ("check", "touched", "of", "share", "unit", "what it costs the predictions"):
        table.add_column(name)
    for row in findings.filter(pl.col("dimension") == "all").iter_rows(named=True):
        told = row["reason"] if row["touched"] is None else row["cost"]
        table.add_row(row["title"], *_counts(row), row["unit"], _safe(told))
    console.print(table)
    console.print(f"By segment, with examples: {page} (one file, to be mailed), and the view data_health.")


def _counts(row: dict[str, Any]) -> tuple[str, str, str]:
    if row["touched"] is None:
        return ("not measured", "", "")
    return (f"{row['touched']:,}", f"{row['whole']:,}", f"{row['share']:.1%}")


def sheets_written(console: Console, written: SheetsWritten) -> None:
    """Where worklist and sheets lie, or why there are none."""
    if written.problem:
        console.print(f"[yellow]Sheets:[/] {_safe(written.warning or written.problem)}", soft_wrap=True)
        return
    console.print(
        f"Worklist of {written.sheets:,} of {written.waiting:,} items without a routing, {written.new:,} of them new, each with "
        f"its sheet: {_safe(written.folder)}/index.html and worklist.xlsx",
        soft_wrap=True,
    )


def changes_table(console: Console, found: PublicationChanges, top: int) -> None:
    """How a publication differs from an earlier one, and the first of the items that do."""
    from routing_etl.warehouse.publication_changes import KINDS

    table = Table(
        title=f"Publication {found.after} ({found.items:,} items) beside {found.before} ({found.items_before:,})"
    )
    for name in ("change", "items", "meaning"):
        table.add_column(name, justify="right" if name == "items" else "left")
    for kind, meaning in KINDS.items():
        table.add_row(kind, f"{found.counts[kind]:,}", meaning)
    console.print(table)
    told = found.changed.filter(pl.col("kind") != "details").head(top)
    if told.is_empty():
        return
    items = Table(title=f"The first {told.height} of those that changed in more than details")
    for name in ("item", "change", "routing before", "routing now"):
        items.add_column(name, overflow="fold")
    for row in told.iter_rows(named=True):
        items.add_row(
            _safe(row["item_cd"]),
            row["kind"],
            _safe(row["routing_before"] or "–"),
            _safe(row["routing"] or "–"),
        )
    console.print(items)


def scripts_table(console: Console, found: Sequence[Script]) -> None:
    """The scripts of `sql/` with what each is for."""
    table = Table(title="Scripts; print one with: routing-etl sql show NAME")
    table.add_column("name", no_wrap=True)
    table.add_column("what it is for")
    for script in found:
        table.add_row(script.name, _safe(script.what))
    console.print(table)


def status_lines(console: Console, found: Status) -> None:
    """How it stands, a line each; what is wrong last."""

    def line(text: str) -> None:
        console.print(_safe(text), soft_wrap=True)

    p, m = found.publication, found.model
    if p is None:
        line("published: nothing")
    else:
        since = f"{p.published_at:%Y-%m-%d %H:%M} UTC" if p.published_at else "an unknown time"
        line(
            f"published: publication {p.publication_id} since {since}, {p.candidates or 0:,} candidates by {p.model_version}"
        )
    if m is None:
        line("champion:  none")
    else:
        good = "not measured"
        if m.exact_match is not None:
            between = "" if m.low is None else f" ({m.low:.3f} to {m.high:.3f})"
            good = f"exact match {m.exact_match:.3f}{between} on {m.held_out:,} held-out items"
        line(
            f"champion:  {m.version}, {m.days_old:.0f} days old, {good}; the next training is due {m.due_at:%Y-%m-%d}"
        )
    for name, run in (("last run:  ", found.last_run), ("succeeded: ", found.last_success)):
        if run is not None:
            line(f"{name}{run.run_id} ({run.kind}), {_state(run)}, {run.hours_ago:.1f} hours ago")
    warned = sum(c.severity == "warning" for c in found.failed_checks)
    line(f"checks:    {len(found.failed_checks) - warned} critical failed, {warned} warnings in the last run")
    for problem in found.problems:
        console.print(f"[red]wrong:[/]     {_safe(problem)}", soft_wrap=True)
    if found.ok:
        console.print("[green]Nothing is wrong.[/]")


def _state(run: RunStatus) -> str:
    """Its state; of a running one also what is known of its process."""
    said = {"gone": ", but its process is gone", "unseen": " (its process cannot be seen from here)"}
    return run.state + said.get(run.process or "", "")


def alert_lines(console: Console, found: Sequence[Problem]) -> None:
    """What is worth telling, each with what to do."""
    for problem in found:
        colour = "red" if problem.severity == "critical" else "yellow"
        console.print(
            f"[{colour}]{problem.severity:9}[/] {_safe(problem.code)}: {_safe(problem.message)}",
            soft_wrap=True,
        )
        console.print(f"          {_safe(problem.remedy)}", soft_wrap=True)
    if not found:
        console.print("[green]Nothing to tell.[/]")


def drill_lines(console: Console, found: Drill) -> None:
    """What a drill found."""
    copied = "the copy was named" if found.seconds_copied is None else f"copied in {found.seconds_copied:g} s"
    rows = sum(t.restored for t in found.tables)
    console.print(
        f"restored:  {rows:,} rows in {len(found.tables)} tables; {copied}, proven in {found.seconds_proven:g} s"
    )
    console.print(
        f"readers:   publication {found.publication_id}, {found.candidates or 0:,} candidates", soft_wrap=True
    )
    console.print(
        f"champion:  {_safe(found.champion)}, files and manifest verified"
        if found.champion
        else "champion:  none verified",
        soft_wrap=True,
    )
    if found.newest is not None:
        console.print(
            f"newest:    {found.newest:%Y-%m-%d %H:%M} UTC; what came after it, {found.hours_lost:g} hours, would be lost"
        )
    behind = [t for t in found.tables if t.restored != t.live]
    for table in behind:
        console.print(f"           {table.table}: {table.restored:,} rows, live {table.live:,}")
    for problem in found.problems:
        console.print(f"[red]wrong:[/]     {_safe(problem)}", soft_wrap=True)
    if found.ok:
        console.print("[green]The copy can be worked with.[/]")


def marked(console: Console, found: Marked) -> None:
    """Candidates that were rejected, or whose marks were taken back."""
    why = "".join(
        (f", {found.reason_code}" if found.reason_code else "", f": {found.remark}" if found.remark else "")
    )
    what = "rejected" if found.mark == "rejected" else "has no mark any more"
    for candidate in found.candidates:
        console.print(_safe(f"{candidate} {what} (by {found.by}{why})."))
