"""The ERP's data: rows read, cleaned and rejected, what the checks found, and the data's health.

Belongs here: what is known of the data before anything is learned from them. Does not: times (`times`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Table

from routing_etl.cli.display.parts import new_table, number, safe
from routing_etl.frames import CheckOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from routing_etl.erp.clean_report import CleanReport
    from routing_etl.pipeline.results import Extracted, Healthy
    from routing_etl.plant.demo import PlantReport
    from routing_etl.quality.score import QualityScore


def plant_table(console: Console, report: PlantReport) -> None:
    """Rows per table of a written plant and its known ceiling."""
    table = new_table("Demo plant", "table", "rows")
    for name, rows in report.rows.items():
        table.add_row(name, number(rows))
    console.print(table)
    console.print(
        "Best exact match that any method can be expected to reach on the items without a routing (known from the plant's "
        f"rules): {report.ceiling:.3f}"
    )


def source_table(console: Console, extracted: Extracted, cleaned: CleanReport) -> None:
    """Rows read, kept, merged, filtered and rejected per table, with reasons and repairs, and how incremental frames were read."""
    read = extracted.read.frames
    merged = any(frame.rows_merged for frame in cleaned.frames.values())
    kinds = ("read", "kept", *(("merged",) if merged else ()), "filtered", "rejected")
    table = new_table("Rows per ERP table", "frame", "table", *kinds, right=2)
    for name, frame in cleaned.frames.items():
        counts = {
            "read": frame.rows_in, "kept": frame.rows_kept, "merged": frame.rows_merged,
            "filtered": frame.rows_filtered - frame.rows_merged, "rejected": frame.rows_rejected,
        }  # fmt: skip
        source = read[name].table if name in read else "-"
        table.add_row(name, safe(source), *(number(counts[kind]) for kind in kinds))
    table.pad_edge = console.width > 80  # two columns more for the names of the tables
    console.print(table)
    if merged:
        console.print(
            "Merged rows are counted within another row: reports of one order, machines of one operation."
        )
    for name, source_frame in read.items():
        if source_frame.watermark_to is not None:
            console.print(
                f"{name}: {source_frame.mode} read ({safe(source_frame.why)}), {number(source_frame.rows_read)} rows read, "
                f"{number(source_frame.rows_reused)} reused; watermark {safe(source_frame.watermark_from or 'none')} -> "
                f"{safe(source_frame.watermark_to)}"
            )
    reasons = new_table("Rejected rows by reason", "frame", "rule", "rows", right=2)
    for name, frame in cleaned.frames.items():
        for rule, rows in sorted(frame.rejects.items(), key=lambda kv: -kv[1]):
            reasons.add_row(name, rule, number(rows))
    if reasons.row_count:
        console.print(reasons)
    for count in extracted.read.counts:
        if count.rows and not count.warns and count.rule != "table_rows":
            console.print(f"{count.frame}: {safe(count.told)}")
    for warning in (*extracted.read.warnings, *cleaned.warnings):
        console.print(f"[yellow]warning[/] {safe(warning)}")


def check_table(console: Console, outcomes: Iterable[CheckOutcome]) -> None:
    """Counts per frame, then each failed check with what was observed and expected."""
    found = tuple(outcomes)
    counts: dict[str, list[int]] = {}
    for o in found:
        row = counts.setdefault(o.frame, [0, 0, 0])
        row[0 if o.success else 1 if o.severity == "warning" else 2] += 1
    table = new_table("Checks", "frame", "passed", "warnings", "failed")
    for frame, (passed, warned, failed) in counts.items():
        table.add_row(frame, number(passed), number(warned), f"[red]{failed}[/]" if failed else "0")
    console.print(table)
    bad = [o for o in found if not o.success]
    if bad:
        details = new_table(
            "Checks that did not pass", "check", "severity", "observed", "expected", "rows", right=4
        )
        for o in bad:
            colour = "red" if o.severity == "critical" else "yellow"
            details.add_row(
                safe(f"{o.frame}.{o.check}"), f"[{colour}]{o.severity}[/]", safe(_observed(o)),
                safe(o.expected[:80]), number(o.rows_unexpected),
            )  # fmt: skip
        console.print(details)
        if any(o.severity == "warning" for o in bad):
            console.print("Warnings do not stop the night.")


def _observed(outcome: CheckOutcome) -> str:
    """What was observed; where it was counted in the ERP, the sentence that says where."""
    first = outcome.sample[0] if outcome.sample else ""
    return first.removeprefix("counted=") if first.startswith("counted=") else outcome.observed[:80]


def quality_score(console: Console, found: QualityScore | None) -> None:
    """The score of the item master with the shares that it is made of."""
    if found is None or found.score is None:
        return
    shares = {
        "complete": found.completeness,
        "duplicates": found.duplicate_rate,
        "impossible sizes": found.outlier_rate,
        "otherwise rejected": found.invalid_rate,
    }
    parts = ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if share is not None)
    console.print(
        f"Quality score of the item master: {found.score:.1f} of 100 ({parts}; {found.items:,} items)"
    )


def health_table(console: Console, healthy: Healthy, findings: pl.DataFrame, page: Path) -> None:
    """The findings over the whole plant, then where the page lies."""
    table = Table(title=f"Health of the ERP's data, run {healthy.run_id}")
    for name in ("check", "touched", "of", "share", "unit", "what it costs the predictions"):
        table.add_column(name)
    for row in findings.filter(pl.col("dimension") == "all").iter_rows(named=True):
        told = row["reason"] if row["touched"] is None else row["cost"]
        table.add_row(row["title"], *_counts(row), row["unit"], safe(told))
    console.print(table)
    console.print(f"By segment, with examples: {page} (one file, to be mailed), and the view data_health.")


def _counts(row: dict[str, Any]) -> tuple[str, str, str]:
    if row["touched"] is None:
        return ("not measured", "", "")
    return (f"{row['touched']:,}", f"{row['whole']:,}", f"{row['share']:.1%}")
