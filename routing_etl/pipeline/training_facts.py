"""What a model is trained on, as counts and dates of a run folder: the model card's section on data.

Belongs here: counting what the steps before training left in the run folder. Does not: learning, metrics, Markdown.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from routing_etl.runs import RunFolder


def training_facts(
    run: RunFolder, items: pl.DataFrame, operations: pl.DataFrame, *, items_with_times: int
) -> dict[str, Any]:
    """Counts, time windows, and what was left out and why.

    Parameters
    ----------
    items: ITEMS frame of the run. operations: OPERATIONS frame of its valid routings, all ranks. items_with_times: items
        whose work results gave a time.

    Returns
    -------
    A JSON-able dictionary. `as_of`, `cutoff`, `rows` (per frame: in, kept, rejected, filtered, by rule) and `times` (reports
    kept out, by measure) come from the reports of the steps `clean` and `aggregate_times`; they are None when the run
    has no such report. Dates are ISO days, None when there is none.
    """
    cleaned, aggregated = run.report("clean"), run.report("aggregate_times")
    label = operations.select("routing_rank", "item_key", "rout_date").filter(pl.col("routing_rank") == 0)
    routed = items.join(operations.select("item_key").unique(), on="item_key", how="semi")
    dated = label.group_by("item_key").agg(pl.col("rout_date").max())
    results = pl.scan_parquet(run.clean / "work_results.parquet").select(
        pl.len().alias("rows"),
        pl.col("report_dt").min().alias("oldest"),
        pl.col("report_dt").max().alias("newest"),
    )
    reported = results.collect().row(0, named=True)
    return {
        "as_of": (cleaned or {}).get("as_of"),
        "cutoff": (cleaned or {}).get("cutoff"),
        "items": {
            "all": items.height,
            "routed": routed.height,
            "to_predict": items.height - routed.height,
            "with_work_results": items_with_times,
        },
        "excluded_items": _by_reason(items, "excluded"),
        "excluded_routed_items": _by_reason(routed, "excluded"),
        "routings": operations.select("item_key", "rout_no").unique().height,
        "operations": operations.height,
        "operations_learned": label.height,
        "work_results": reported["rows"],
        "routing_dates": {
            "oldest": _day(dated["rout_date"].min()),
            "newest": _day(dated["rout_date"].max()),
            "items_without_date": dated["rout_date"].null_count(),
        },
        "result_dates": {"oldest": _day(reported["oldest"]), "newest": _day(reported["newest"])},
        "rows": None if cleaned is None else {n: _account(f) for n, f in cleaned["frames"].items()},
        "times": None if aggregated is None else {m: _kept_out(r) for m, r in aggregated["measures"].items()},
    }  # fmt: skip


def _by_reason(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.filter(pl.col(column).is_not_null()).group_by(column).len()
    return dict(counted.sort("len", column, descending=[True, False]).iter_rows())


def _day(moment: Any) -> str | None:
    return None if moment is None else str(moment)[:10]


def _account(frame: dict[str, Any]) -> dict[str, Any]:
    return {
        "in": frame["rows_in"],
        "kept": frame["rows_kept"],
        "rejected": frame["rows_rejected"],
        "filtered": frame["rows_filtered"],
        "rejected_by_rule": frame["rejects"],
        "filtered_by_rule": frame["filtered"],
    }


def _kept_out(measure: dict[str, Any]) -> dict[str, int]:
    flagged = {f"flagged_{name}": n for name, n in measure["flagged"].items()}
    errors = {n: measure[n] for n in ("minutes_as_hours", "order_as_piece", "outliers")}
    return {"samples": measure["samples"], **flagged, **errors}
