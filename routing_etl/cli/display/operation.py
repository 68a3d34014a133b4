"""The installation in operation: how it stands, what is wrong with it, its settings, its schema and its scripts.

Belongs here: what an operator looks at. Does not: the results of a night (`night`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from routing_etl.cli.display.parts import new_table, number, safe

if TYPE_CHECKING:
    from routing_etl.doctor.examination import Finding
    from routing_etl.doctor.settings_table import SettingRow
    from routing_etl.pipeline.drill import Drill
    from routing_etl.pipeline.status import Problem, RunStatus, Status
    from routing_etl.pipeline.upkeep import Removal
    from routing_etl.warehouse.scripts import Script


def status_lines(console: Console, found: Status) -> None:
    """How it stands, a line each; what is wrong last."""

    def line(text: str) -> None:
        console.print(safe(text), soft_wrap=True)

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
        old = "made in the future by this clock" if m.days_old is None else f"{m.days_old:.0f} days old"
        line(f"champion:  {m.version}, {old}, {good}; the next training is due {m.due_at:%Y-%m-%d}")
    for name, run in (("last run:  ", found.last_run), ("succeeded: ", found.last_success)):
        if run is not None:
            ago = "in the future by this clock" if run.hours_ago is None else f"{run.hours_ago:.1f} hours ago"
            line(f"{name}{run.run_id} ({run.kind}), {_state(run)}, {ago}")
    warned = sum(c.severity == "warning" for c in found.failed_checks)
    line(f"checks:    {len(found.failed_checks) - warned} critical failed, {warned} warnings in the last run")
    for problem in found.problems:
        console.print(f"[red]wrong:[/]     {safe(problem)}", soft_wrap=True)
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
            f"[{colour}]{problem.severity:9}[/] {safe(problem.code)}: {safe(problem.message)}",
            soft_wrap=True,
        )
        console.print(f"          {safe(problem.remedy)}", soft_wrap=True)
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
        f"champion:  {safe(found.champion)}, files and manifest verified"
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
        console.print(f"[red]wrong:[/]     {safe(problem)}", soft_wrap=True)
    if found.ok:
        console.print("[green]The copy can be worked with.[/]")


def doctor_table(console: Console, findings: Iterable[Finding]) -> None:
    """Findings with their remedies."""
    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    table = new_table("Doctor", "area", "state", "finding", "what to do", right=9)
    for f in findings:
        table.add_row(f.area, f"[{colours[f.level]}]{f.level}[/]", safe(f.message), safe(f.remedy))
    console.print(table)


def removals(console: Console, lost: Iterable[Removal], revision: str) -> None:
    """Tables and columns that a step back removes, with their rows."""
    table = new_table(f"Removed by going back to {revision}", "table or column", "rows")
    for removal in lost:
        table.add_row(removal.what, number(removal.rows))
    console.print(table if table.row_count else f"Going back to {revision} removes views only.")


def settings_list(console: Console, rows: Iterable[SettingRow]) -> None:
    """Settings in force, one below the other; those that were set in bold."""
    for row in rows:
        line = f"{row.variable} = {row.value}".rstrip()
        if row.source == "default":
            console.print(f"{line} (default)", markup=False, soft_wrap=True)
        else:
            default = f"; default: {row.default}" if row.default else ""
            console.print(f"[bold]{safe(line)}[/] ({safe(row.source + default)})", soft_wrap=True)
        console.print(f"    {row.meaning} [{row.bounds}]", markup=False, soft_wrap=True)


def scripts_table(console: Console, found: Sequence[Script]) -> None:
    """The scripts of `sql/` with what each is for."""
    table = Table(title="Scripts; print one with: routing-etl sql show NAME")
    table.add_column("name", no_wrap=True)
    table.add_column("what it is for")
    for script in found:
        table.add_row(script.name, safe(script.what))
    console.print(table)
