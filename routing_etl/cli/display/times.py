"""Times of operations: what became of the work results, and the ERP's standard times beside measured ones.

Belongs here: times of items that have a routing. Does not: the times of a prediction (`prediction`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from routing_etl.cli.display.parts import minutes, new_table, number, safe
from routing_etl.frames import REVIEW_VERDICTS

if TYPE_CHECKING:
    from routing_etl.pipeline.results import Reviewed
    from routing_etl.times.profiles import TimesReport


def times_table(console: Console, report: TimesReport) -> None:
    """What became of the work results, per kind of time."""
    from routing_etl.times.suspects import sentences

    table = new_table(
        "Work results to times", "measure", "samples", "minutes typed as hours", "order typed as piece", "outliers", "set aside",
        "actual / standard",
    )  # fmt: skip
    for measure, row in report.measures.items():
        plausibility = report.plausibility.get(measure)
        counts = (row.samples, row.minutes_as_hours, row.order_as_piece, row.outliers, row.set_aside)
        table.add_row(
            {"setup": "set-up per order", "run": "run per piece"}.get(measure, measure),
            *(number(n) for n in counts),
            number(plausibility.ratio if plausibility else None, 2),
        )
    console.print(table)
    console.print("Profiles: " + ", ".join(f"{name} {rows:,}" for name, rows in report.groups.items()))
    for text in sentences(report.findings):
        console.print(f"[yellow]warning[/] {safe(text)}")


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
        low, high = minutes(row["low_min"]), minutes(row["high_min"])
        shown.add_row(
            safe(f"{row['item_cd']} / {row['rout_no']} / {row['proc_seq']}"), safe(f"{row['job_cd']}, {row['measure']}"),
            minutes(row["standard_min"]), f"{minutes(row['measured_min'])} ({low} to {high}), {row['orders']:,}",
            minutes(row["proposed_min"]), minutes(row["hours_year"]),
        )  # fmt: skip
    console.print(shown)
