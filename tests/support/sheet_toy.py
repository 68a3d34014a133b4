"""A small plant for item sheets: two items to predict, their predictions as frames, and what is known of their neighbours."""

from __future__ import annotations

from typing import Any

import polars as pl

from routing_etl import frames
from routing_etl.frames import AttributeSpec
from routing_etl.sheets.content import Source

ATTRIBUTES = (
    AttributeSpec("part_type", "category", "", "PART_TYPE"),
    AttributeSpec("outdiameter", "number", "mm", "OUTDIAMETER"),
    AttributeSpec("item_unit", "category", "", "ITEM_UNIT"),
    AttributeSpec("draw_no", "code", "", "DRAW_NO"),
)
#: What somebody may type into an ERP.
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m=cmd|\u202e"


def item(code: str, name: str, **values: Any) -> dict[str, Any]:
    return {
        "item_cd": code, "item_key": code.upper(), "item_nm": name, "part_type": "BUSH", "attribute_hash": 1,
        "item_hash": "x", "outdiameter": 50.0, "item_unit": "EA", "draw_no": "D-1", **values,
    }  # fmt: skip


def items(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {
        **frames.ITEMS.schema,
        "outdiameter": pl.Float64(),
        "item_unit": pl.String(),
        "draw_no": pl.String(),
    }
    return pl.DataFrame([{n: row.get(n) for n in schema} for row in rows], schema=schema)


def _filled(frame: frames.Frame, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with something in each column that must not be NULL."""
    blanks: dict[type, Any] = {pl.String: "", pl.Boolean: False, pl.UInt64: 0}
    full = []
    for row in rows:
        base = {c.name: None if c.nullable else blanks.get(type(c.dtype), 0) for c in frame.columns}
        full.append({**base, **row})
    return frame.conform(pl.DataFrame(full, schema=frame.schema))


def candidate(code: str, rank: int, confidence: float, **more: Any) -> dict[str, Any]:
    return {
        "item_cd": code, "item_key": code.upper(), "candidate_rank": rank, "candidate_id": f"{code}_C0{rank}",
        "confidence": confidence, "similarity_score": 0.9, "neighbour_count": 2, "support": 0.6,
        "reference_item_cd": "B-1", "rout_no": "R1", **more,
    }  # fmt: skip


def operation(code: str, rank: int, seq: int, job: str, machine: str | None, **more: Any) -> dict[str, Any]:
    return {
        "item_cd": code, "item_key": code.upper(), "candidate_rank": rank, "proc_seq": seq, "job_cd": job,
        "job_nm": f"{job.title()}ing", "res_cd": machine, "inside": "in", "setup_time": 20.0, "setup_p10": 10.0,
        "setup_p90": 30.0, "run_time": 2.0, "run_p10": 1.25, "run_p90": 3.0, "lot_size": 23.7312, "confidence": 0.97,
        "time_source": "actual_similar", "sample_count": 9, **more,
    }  # fmt: skip


def source(name: str = "Bush", **changes: Any) -> Source:
    """Item A-1 with three candidates (the second on another machine, the third remote), item A-2 without one."""
    asked = items(item("A-1", name), item("A-2", "Odd part", part_type="?", outdiameter=None))
    known = items(item("B-1", "Bush 52", outdiameter=52.0, draw_no=None), item("B-2", "Bush 50"))
    content: dict[str, Any] = {
        "items": asked,
        "candidates": _filled(
            frames.CANDIDATES,
            [candidate("A-1", 1, 0.86), candidate("A-1", 2, 0.12), candidate("A-1", 3, 0.02, neighbour_count=0)],
        ),
        "operations": _filled(
            frames.CANDIDATE_OPERATIONS,
            [
                operation("A-1", 1, 10, "SAW", "S1"), operation("A-1", 1, 20, "TURN", "T1"),
                operation("A-1", 2, 10, "SAW", "S1"), operation("A-1", 2, 20, "TURN", "T2"),
                operation("A-1", 3, 10, "SAW", "S1"),
            ],
        ),
        "evidence": _filled(
            frames.CANDIDATE_EVIDENCE,
            [
                {
                    "item_cd": "A-1", "item_key": "A-1", "candidate_rank": 1, "evidence_rank": n,
                    "neighbour_item_cd": f"B-{n}", "neighbour_rout_no": "R1", "similarity": 0.9, "weight": 0.4,
                }
                for n in (1, 2)
            ],
        ),
        "abstained": _filled(
            frames.ABSTAINED,
            [{"item_cd": "A-2", "item_key": "A-2", "reason_code": "unseen_part_type", "reason": "Nobody routed a '?'."}],
        ),
        "own": _filled(
            frames.OPERATIONS,
            [
                {
                    "item_cd": "A-1", "item_key": "A-1", "rout_no": "OLD", "proc_seq": 10, "job_cd": "SAW", "res_cd": "S1",
                    "inside": "in", "run_min": 1.5, "rout_valid": False,
                }
            ],
        ),
        "known": known,
        "attributes": ATTRIBUTES,
        "titles": {"outdiameter": "Outer diameter"},
        "commonplace": frozenset({"item_unit"}),
        "model_version": "v1",
    }  # fmt: skip
    return Source(**{**content, **changes})
