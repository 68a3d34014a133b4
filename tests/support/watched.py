"""A warehouse of a few nights whose rows are known, for views, dashboards, alerts and the report.

Two versions (m1, then m2), six nights in May 2026 of which one failed and one ended with warnings, three publications, ten items
that engineers routed, marks, decisions, rejects, times of two months.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.settings import Settings
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.schema_watch import CHANGED

#: The first night, and the moment at which it is asked.
START, NOW = datetime(2026, 5, 11, 2, tzinfo=UTC), datetime(2026, 5, 16, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x1b[31m"

#: Seconds, status, rows read, rejected, publication of each night, one day apart.
NIGHTS: tuple[tuple[int, str, int, int, int | None], ...] = (
    (600, "succeeded", 10_000, 30, 1),
    (300, "succeeded", 10_100, 31, 1),
    (20, "failed", 10_150, 2_000, None),
    (310, "succeeded", 10_200, 31, 2),
    (900, "succeeded_with_warnings", 10_300, 35, 2),
    (320, "succeeded", 10_400, 35, 3),
)

#: Item, outcome, candidates, adopted, mark, part type, days after the first night.
OUTCOMES: tuple[tuple[str, str, int, bool, str | None, str | None, int], ...] = (
    ("A-1", "first", 3, True, "accepted", "SHAFT", -6),
    ("A-2", "first", 3, False, None, "SHAFT", -5),
    ("A-3", "alternative", 3, False, None, "SHAFT", -5),
    ("A-4", "other", 2, False, "rejected", "SEAL", -4),
    ("A-5", "abstained", 0, False, None, "SEAL", -4),
    ("A-6", "first", 3, True, "edited", "SHAFT", 0),
    ("A-7", "first", 3, True, "accepted", "RING", 1),
    ("A-8", "other", 3, False, None, "SEAL", 2),
    ("A-9", "first", 1, False, None, "RING", 3),
    ("B-1", "other", 2, False, None, None, 3),
)


def run_id(number: int) -> str:
    """The night's id."""
    return f"night{number}"


def known_warehouse(folder: Path, **overrides: Any) -> Settings:
    """Make it, as a SQLite file in a home; returns the settings."""
    folder.mkdir(parents=True, exist_ok=True)
    publisher, settings = warehouse(folder / "warehouse.db", **overrides)
    load = publisher.load(write_rows(folder / "p", known_rows()), run_id=run_id(0), model_version="m1")
    publisher.publish(load.publication_id)
    engine, tb = publisher._engine, tables(None)
    with engine.begin() as connection:
        fill_in(connection, tb)
    engine.dispose()
    return settings


def fill_in(connection: sa.Connection, tb: Any) -> None:
    """The rows of a schema that holds publication 1."""

    def put(table: sa.Table, *rows: dict[str, Any]) -> None:
        connection.execute(sa.insert(table), list(rows))

    at = [START + timedelta(days=n) for n in range(len(NIGHTS))]
    put(
        tb.model_version,
        *(
            {"version": v, "status": s, "created_at": when, "updated_at": when, "manifest_sha256": v * 32}
            for v, s, when in (("m1", "retired", at[0]), ("m2", "active", at[3]))
        ),
    )
    _publications(connection, tb, at)
    put(
        tb.batch_run,
        *(
            {
                "run_id": run_id(n), "kind": "nightly", "started_at": at[n], "finished_at": at[n] + timedelta(seconds=seconds),
                "status": status, "rows_read": read, "rows_rejected": rejected, "rows_written": 100 * (n + 1),
                "model_version": "m1" if n < 3 else "m2", "publication_id": shown, "rejects_no": 1 if n < 2 else 2,
                "message": {"failed": f"items.csv: 2,000 rows {HOSTILE}", "succeeded_with_warnings": "training failed"}.get(status),
            }
            for n, (seconds, status, read, rejected, shown) in enumerate(NIGHTS)
        ),
    )  # fmt: skip
    _metrics(put, tb, at)
    put(
        tb.prediction_outcome,
        *(
            {
                "item_cd": item, "publication_id": 1, "model_version": "m1" if day < 0 else "m2", "outcome": outcome,
                "candidates": candidates, "adopted": adopted, "mark": mark, "part_type": part, "written_code": "T>G",
                "predicted_operations": 2, "written_operations": 2, "common_operations": 0 if item == "B-1" else 1,
                "candidate_rank": {"first": 1, "alternative": 2}.get(outcome),
                "nearest_rank": {"alternative": 2, "abstained": None}.get(outcome, 1),
                "edit_distance": {"other": 2, "abstained": None}.get(outcome, 0),
                "machines_changed": None if outcome == "abstained" else int(item == "A-2"),
                "times_changed": None if outcome == "abstained" else 1,
                "observed_at": START + timedelta(days=day), "observed_run": run_id(0),
            }
            for item, outcome, candidates, adopted, mark, part, day in OUTCOMES
        ),
    )  # fmt: skip
    _people(put, tb, at)
    check = {
        "seq": 1, "frame": "items", "check_name": "qty_range", "expectation": "e", "success": False, "observed": "2", "expected": "0",
        "rows_checked": 10, "rows_unexpected": 2, "checked_at": at[2],
    }  # fmt: skip
    put(
        tb.quality_result,
        {**check, "run_id": run_id(2), "severity": "critical"},
        {**check, "run_id": run_id(5), "severity": "warning"},
    )
    reject = {"source_table": "items", "reason": "r", "raw_values": "{}", "hash_a": 1, "hash_b": 1}
    put(
        tb.rejected_row,
        {**reject, "run_id": run_id(0), "seq": 1, "row_key": "K1", "rule_name": "missing_key", "copies": 30, "from_no": 1, "until_no": None},
        {**reject, "run_id": run_id(0), "seq": 2, "row_key": "K2", "rule_name": "duplicate_key", "copies": 1, "from_no": 1, "until_no": 2},
        {**reject, "run_id": run_id(5), "seq": 1, "row_key": "K3", "rule_name": "bad_date", "copies": 5, "from_no": 2, "until_no": None},
    )  # fmt: skip
    put(
        tb.time_profile_month,
        *(
            {
                "month": date(2026, month, 1), "job_cd": job, "res_cd": "M-1", "measure": "run", "samples": samples,
                "optimal_min": minutes * 0.8, "standard_min": minutes, "safe_min": minutes * 1.3, "last_report": date(2026, month, 9),
                "run_id": run_id(0),
            }
            for month, job, samples, minutes in ((4, "GRIND", 40, 10.0), (5, "GRIND", 52, 16.0), (4, "TURN", 80, 5.0), (5, "TURN", 90, 5.1))
        ),
    )  # fmt: skip


def _publications(connection: sa.Connection, tb: Any, at: list[datetime]) -> None:
    """Publications 2 and 3 beside the loaded 1, and the moves of the pointer."""
    one = dict(connection.execute(sa.select(tb.publication)).mappings().one())
    connection.execute(sa.delete(tb.publication_event))
    connection.execute(
        sa.update(tb.publication).values(state="retired", published_at=at[0], retired_at=at[3])
    )
    for number, moment, state in ((2, at[3], "retired"), (3, at[5], "published")):
        values = {
            **one,
            "id": number,
            "run_id": run_id(3 if number == 2 else 5),
            "model_version": "m2",
            "state": state,
        }
        connection.execute(
            sa.insert(tb.publication),
            [{**values, "published_at": moment, "loaded_at": moment, "created_at": moment}],
        )
    for number, moment in ((1, at[0]), (2, at[3]), (3, at[5])):
        row = {"publication_id": number, "event": "published", "happened_at": moment, "done_by": "etl@host"}
        connection.execute(sa.insert(tb.publication_event), [row])
    for number, counts in ((2, (5, 2, 1, 0, 3, 7)), (3, (1, 0, 0, 1, 0, 0))):
        row = {"publication_id": number, "compared_with": number - 1, "items_before": 30, "items_shown": 33}
        connection.execute(
            sa.insert(tb.publication_change),
            [{**row, "kind": kind, "items": n} for kind, n in zip(CHANGED, counts, strict=True)],
        )
    connection.execute(sa.update(tb.current_publication).values(publication_id=3, moved_at=at[5]))


def _metrics(put: Any, tb: Any, at: list[datetime]) -> None:
    """Exact match of both versions on one window, a part type of each, and what the nights measured."""
    base = {
        "method": "model",
        "split": "time",
        "segment": "all",
        "metric": "exact_at_1",
        "n": 200,
        "reason": None,
    }
    rows = [
        {**base, "model_version": v, "run_id": run_id(n), "value": x, "low": x - 0.06, "high": x + 0.06, "computed_at": at[n], "window_id": "w"}
        for v, n, x in (("m1", 0, 0.5), ("m2", 3, 0.56))
    ]  # fmt: skip
    other = {"low": None, "high": None, "window_id": None}
    rows += [
        {**base, **other, "model_version": "m2", "run_id": run_id(3), "segment": "part_type:SEAL", "value": 0.21, "n": 60, "computed_at": at[3]},
        {**base, **other, "model_version": "m2", "run_id": run_id(3), "metric": "run_mae", "value": None, "n": 0, "reason": "no results", "computed_at": at[3]},
        {**base, **other, "model_version": "m2", "run_id": run_id(5), "split": "realised", "metric": "realised_exact_at_1", "value": 0.4, "n": 5, "computed_at": at[5]},
    ]  # fmt: skip
    nights = ((0, None, 0.20), (1, 0.10, 0.21), (3, None, 0.22), (4, 0.15, 0.22), (5, 0.60, 0.24))
    for n, drift, abstained in nights:
        night = {
            **base,
            **other,
            "split": "production",
            "model_version": "m1" if n < 3 else "m2",
            "run_id": run_id(n),
            "computed_at": at[n],
        }
        reason = None if drift else "there is no earlier publication of this version to compare with"
        rows.append({**night, "metric": "similarity_drift", "value": drift, "reason": reason})
        rows.append({**night, "metric": "abstained_share", "value": abstained})
    moved = {
        "split": "production",
        "segment": "attribute:MATERIAL",
        "metric": "attribute_psi",
        "value": 0.31,
        "n": 40,
    }
    rows.append({**base, **other, **moved, "model_version": "m2", "run_id": run_id(5), "computed_at": at[5]})
    put(tb.model_metric, *rows)


def _people(put: Any, tb: Any, at: list[datetime]) -> None:
    """Decisions, marks and commands."""
    put(
        tb.model_decision,
        *(
            {
                "decided_at": when, "decision": decision, "model_version": "m2", "champion": "m1", "decided_by": by, "decided_via": via,
                "reason": reason,
            }
            for when, decision, by, via, reason in (
                (at[3], "trained", "routing_etl", "night", "champion m1 is 31 days old"),
                (at[3] + timedelta(minutes=1), "promoted", "kim", "cli", f"better on the same items {HOSTILE}"),
            )
        ),
    )  # fmt: skip
    mark = {
        "publication_id": 1,
        "predicted_rout_no": "P1",
        "routing_code": "T>G",
        "remark": None,
        "reason_code": None,
        "undone_by": None,
        "undone_at": None,
    }
    put(
        tb.routing_feedback,
        {**mark, "item_cd": "A-1", "candidate_id": "A-1_C01", "candidate_rank": 1, "accepted_by": "kim", "accepted_at": at[0], "mark": "accepted"},
        {**mark, "item_cd": "A-1", "candidate_id": "A-1_C02", "candidate_rank": 2, "accepted_by": "lee", "accepted_at": at[1], "mark": "accepted", "routing_code": "T>D"},
        {
            **mark, "item_cd": "A-4", "candidate_id": "A-4_C01", "candidate_rank": 1, "accepted_by": "lee", "accepted_at": at[1], "mark": "rejected",
            "reason_code": "wrong_machine", "remark": "machine is sold",
        },
        {
            **mark, "item_cd": "A-9", "candidate_id": "A-9_C01", "candidate_rank": 1, "accepted_by": "lee", "accepted_at": at[2], "mark": "accepted",
            "undone_by": "kim", "undone_at": at[3],
        },
    )  # fmt: skip
    put(
        tb.routing_feedback_time,
        {
            "item_cd": "A-1", "rout_no": "R1", "proc_seq": 10, "measure": "run", "review_id": 1, "job_cd": "TURN", "standard_min": 5.0,
            "proposed_min": 6.0, "measured_min": 6.1, "orders": 9, "accepted_by": "park", "accepted_at": at[4],
        },
    )  # fmt: skip
    put(
        tb.audit_log,
        {
            "happened_at": at[4], "command": "models promote", "subject": "m2", "done_by": "kim", "done_via": "cli", "outcome": "succeeded",
            "message": None,
        },
    )  # fmt: skip
