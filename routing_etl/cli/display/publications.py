"""The batch as a whole: what scoring made, what readers see since when, what changed, and where the worklist lies.

Belongs here: counts and lists over all items. Does not: one item's candidates (`prediction`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from routing_etl.cli.display.parts import new_table, number, safe
from routing_etl.frames import CANDIDATE_OPERATIONS, CANDIDATES

if TYPE_CHECKING:
    from routing_etl.pipeline.results import Published, Scored, SheetsWritten
    from routing_etl.warehouse.publication_changes import PublicationChanges
    from routing_etl.warehouse.publications import Publication


def score_table(console: Console, scored: Scored) -> None:
    """How many items were predicted and how sure the model is."""
    table = new_table("Scoring", "what", "value")
    table.add_row("model", safe(scored.model_version))
    table.add_row("items without a valid routing", number(scored.items))
    if scored.reused:
        table.add_row(
            "unchanged since an earlier run, which scored them by this model", number(scored.reused)
        )
    table.add_row("predicted", number(scored.predicted))
    for reason, count in scored.abstained_by_reason.items():
        table.add_row(f"abstained: {safe(reason)}", number(count))
    table.add_row("candidates", number(scored.rows[CANDIDATES.name]))
    table.add_row("operations", number(scored.rows[CANDIDATE_OPERATIONS.name]))
    table.add_row("share of first candidates with HIGH similarity", number(scored.share_high))
    table.add_row("mean confidence of the first candidate", number(scored.mean_confidence))
    table.add_row(
        "sizes read from a text, of those that are empty and a text can tell",
        f"{number(scored.sizes_read)} of {number(scored.sizes_empty)}",
    )
    if scored.replaced:
        table.add_row("outsourced operations replaced by one in house", number(scored.replaced))
    console.print(table)
    for note in filter(None, (scored.sizes_told, scored.unmapped_told)):
        console.print(f"[yellow]Note:[/] {safe(note)}")
    if scored.missing_attributes:
        console.print(
            f"[yellow]Warning:[/] no item has {safe(', '.join(scored.missing_attributes))} any more, which the model learned from: "
            "its confidence was lowered. Fill the column again, or train: routing-etl train"
        )


#: Kinds of change of an item (`publication_changes.KINDS`) in words that go behind a number.
CHANGED = {
    "new": "new",
    "gone": "gone",
    "lost": "without a proposal now",
    "found": "with a proposal now",
    "first": "with another first candidate",
    "details": "changed in details",
}


def publication_table(console: Console, published: Published) -> None:
    """What became visible to the ERP."""
    if published.notice:
        console.print(f"[yellow]{safe(published.notice)}[/]")
        return
    same = " (unchanged: the same batch was published before)" if published.reused else ""
    console.print(f"Publication [bold]{published.publication_id}[/] is what the ERP reads now{same}.")
    if published.changes is not None:
        told = ", ".join(f"{n:,} {CHANGED[kind]}" for kind, n in published.changes.items() if n)
        console.print(
            f"Items beside the publication before: {told or 'none changed'} (routing-etl publications diff)."
        )
    if published.writer:
        console.print(f"Its rows were sent by {safe(published.writer)}.")
    if published.writer_reason:
        console.print(f"[yellow]Warning:[/] not the fastest way: {safe(published.writer_reason)}")


def publications_table(console: Console, publications: list[Publication]) -> None:
    """Publications, newest first."""
    table = new_table(
        "Publications",
        "id",
        "state",
        "model version",
        "run",
        "published (UTC)",
        "candidates",
        "operations",
        right=5,
    )
    for p in publications:
        published = p.published_at.strftime("%Y-%m-%d %H:%M:%S") if p.published_at else "-"
        state = f"[green]{p.state}[/]" if p.state == "published" else p.state
        state += ", rolled back" if p.withdrawn else ""
        table.add_row(
            str(p.id), state, safe(p.model_version), safe(p.run_id), published,
            number(p.rows.get("candidate")), number(p.rows.get("candidate_operation")),
        )  # fmt: skip
    console.print(table if table.row_count else "Nothing has been published yet. Run: routing-etl run")


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
            safe(row["item_cd"]),
            row["kind"],
            safe(row["routing_before"] or "–"),
            safe(row["routing"] or "–"),
        )
    console.print(items)


def sheets_written(console: Console, written: SheetsWritten) -> None:
    """Where worklist and sheets lie, or why there are none."""
    if written.problem:
        console.print(f"[yellow]Sheets:[/] {safe(written.warning or written.problem)}", soft_wrap=True)
        return
    console.print(
        f"Worklist of {written.sheets:,} of {written.waiting:,} items without a routing, {written.new:,} of them new, each with "
        f"its sheet: {safe(written.folder)}/index.html and worklist.xlsx",
        soft_wrap=True,
    )
