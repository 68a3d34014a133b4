"""Predictions folders for the warehouse's tests and benchmarks: any size, columnar, deterministic."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_etl import frames as fr
from routing_etl.database.engine import make_engine
from routing_etl.settings import Settings, load_settings
from routing_etl.warehouse.migrate import migrate
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import schema_for

#: One item's candidate with two operations and known values; tests override single fields.
CANDIDATE: dict[str, Any] = {
    "item_cd": "3H18091DB",
    "item_key": "3H18091DB",
    "candidate_rank": 1,
    "candidate_id": "3H18091DB_C01",
    "routing_signature": "CNC황삭 1차+MTM 3차",
    "routing_code": "A01-2>C10-1",
    "similarity_score": 0.912345,
    "confidence": 0.7,
    "priority": "primary",
    "similarity_tier": "HIGH",
    "reference_item_cd": "3H18090DB",
    "rout_no": "C1M3002000",
    "routing_source": "similar",
    "process_count": 2,
    "work_order_count": 9,
    "work_order_confidence": 0.75,
    "neighbour_count": 5,
    "support": 0.8,
    "matched_attributes": "part_type, material",
    "item_hash": "ab" * 32,
}
OPERATION: dict[str, Any] = {
    "item_cd": "3H18091DB",
    "item_key": "3H18091DB",
    "candidate_rank": 1,
    "proc_seq": 10,
    "inside": "in",
    "job_cd": "A01-2",
    "job_nm": "CNC황삭 1차",
    "res_cd": "CNC-01",
    "res_nm": 'LB번 (8" C-AXIS TURN MILL)',
    "rout_order": "F",
    "setup_time": 12.345678,
    "run_time": 3.21987,
    "run_p10": 2.0,
    "run_p50": 3.21987,
    "run_p90": 5.5,
    "optimal_time": 2.5,
    "standard_time": 3.3,
    "safe_time": 4.4,
    "time_cv": 0.2,
    "act_run_time": 3.4,
    "wait_time": 200.0,
    "move_time": 200.0,
    "insp_flg": "N",
    "milestone_flg": "Y",
    "confidence": 0.9,
    "support": 0.95,
    "sample_count": 9,
    "time_source": "actual_similar",
    "time_confidence": 0.6,
    "source_items": "3H18090DB",
    "source_similarity": 0.9,
    "source_rout_no": "C1M3002000",
    "lot_size": 12.5,
    "lot_exponent": -0.2,
}
EVIDENCE: dict[str, Any] = {
    "item_cd": "3H18091DB",
    "item_key": "3H18091DB",
    "candidate_rank": 1,
    "evidence_rank": 1,
    "neighbour_item_cd": "3H18090DB",
    "neighbour_rout_no": "C1M3002000",
    "similarity": 0.912345,
    "weight": 0.5,
    "matching": "part_type, material",
    "differing": "out_mm: 40 -> 42",
}
RESOURCE: dict[str, Any] = {
    "job_cd": "A01-2",
    "res_cd": "CNC-01",
    "res_nm": 'LB번 (8" C-AXIS TURN MILL)',
    "alternative_rank": 1,
    "is_pool": False,
    "use_count": 7,
    "use_share": 0.7,
    "last_used": "2025-06-18",
}
ABSTAINED: dict[str, Any] = {
    "item_cd": " 4H69065ZZ",
    "item_key": "4H69065ZZ",
    "reason_code": "no_similar_item",
    "reason": "No item is similar enough.",
    "best_similarity": 0.123456,
}

Rows = dict[str, list[dict[str, Any]]]


def known_rows() -> Rows:
    """A batch whose every value is known: one item with one candidate of two operations, one abstained item."""
    second = OPERATION | {
        "proc_seq": 20,
        "inside": "out",
        "job_cd": "C10-1",
        "job_nm": "MTM 3차",
        "res_cd": None,
        "res_nm": None,
        "rout_order": "L",
        "bp_cd": "B100",
        "cust_nm": "외주처",
        "subcontract_prc": 1500.5,
        "time_source": "none",
        "sample_count": 0,
        "time_confidence": None,
        "source_items": None,
        "source_similarity": None,
        "lot_size": None,
        "lot_exponent": None,
        **dict.fromkeys(
            ("setup_time", "run_time", "run_p10", "run_p50", "run_p90", "optimal_time", "standard_time")
        ),
        **dict.fromkeys(("safe_time", "time_cv", "act_run_time", "wait_time", "move_time")),
    }
    return {
        "candidates": [dict(CANDIDATE)],
        "candidate_operations": [dict(OPERATION), second],
        "resource_alternatives": [
            dict(RESOURCE),
            RESOURCE | {"res_cd": "CNC-02", "alternative_rank": 2},
            RESOURCE | {"res_cd": "CNC-대기", "alternative_rank": 3, "is_pool": True},
            RESOURCE | {"job_cd": "Z99", "res_cd": "XXX"},
        ],
        "candidate_evidence": [dict(EVIDENCE)],
        "abstained": [dict(ABSTAINED)],
    }


def write_rows(folder: Path, rows: Rows) -> Path:
    """Write rows of dicts as predictions frames, one part file each."""
    frames = {}
    for name, values in rows.items():
        frame = pl.DataFrame(values, infer_schema_length=None) if values else fr.FRAMES[name].empty()
        if "last_used" in frame.columns and frame.schema["last_used"] == pl.String:
            frame = frame.with_columns(pl.col("last_used").str.to_date())
        frames[name] = frame
    return write_frames(folder, frames)


def write_frames(folder: Path, frames: dict[str, pl.DataFrame], parts: int = 1) -> Path:
    """Write frames as part files after bringing them to their contracts."""
    for name, frame in frames.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        whole = fr.FRAMES[name].conform(frame)
        step = max(1, -(-whole.height // parts))
        for number, start in enumerate(range(0, max(whole.height, 1), step)):
            whole.slice(start, step).write_parquet(target / f"part-{number:05d}.parquet")
    return folder


def many_frames(
    items: int, *, candidates: int = 3, operations: int = 7, evidence: int = 4, seed: int = 0
) -> dict[str, pl.DataFrame]:
    """Predictions frames for `items` items, random by seed; every text and share plausible."""
    rng = np.random.default_rng(seed)
    number = pl.int_range(0, items, eager=True).alias("i").to_frame()
    item = number.select(item_cd=pl.format("{}H{}DB", pl.col("i") % 7, pl.col("i") + 10_000)).with_columns(
        item_key=pl.col("item_cd")
    )

    def ranks(name: str, values: range) -> pl.DataFrame:
        return pl.DataFrame({name: list(values)}, schema={name: pl.Int16})

    head = item.join(ranks("candidate_rank", range(1, candidates + 1)), how="cross")
    similarity = pl.Series(rng.uniform(0.5, 1, head.height))
    whole = head.with_columns(
        candidate_id=pl.format("{}_C{}", "item_cd", pl.col("candidate_rank").cast(pl.String).str.zfill(2)),
        routing_signature=pl.lit("CNC황삭 1차+MTM+ASY_B+누설 시험(LEAK)"),
        routing_code=pl.lit("A01-2>C10-1>F61-1>Q30-1"),
        similarity_score=similarity,
        confidence=pl.Series(rng.uniform(0, 1, head.height)),
        priority=pl.lit("primary"),
        similarity_tier=pl.when(similarity >= 0.8).then(pl.lit("HIGH")).otherwise(pl.lit("LOW")),
        reference_item_cd=pl.lit("3H18091DB"),
        rout_no=pl.lit("C1M3002000"),
        routing_source=pl.lit("similar"),
        process_count=pl.lit(operations),
        work_order_count=pl.lit(12),
        work_order_confidence=pl.lit(0.5),
        neighbour_count=pl.lit(9),
        support=pl.Series(rng.uniform(0, 1, head.height)),
        matched_attributes=pl.lit("part_type, item_material, out_mm"),
        item_hash=pl.lit("a" * 64),
    )
    op = head.join(ranks("proc_seq", range(10, 10 * operations + 1, 10)), how="cross")
    run = pl.Series(rng.lognormal(2, 1, op.height))
    job = pl.Series(rng.integers(0, 60, op.height))

    def share() -> pl.Series:
        return pl.Series(rng.uniform(0, 1, op.height))

    op = op.with_columns(
        inside=pl.lit("in"),
        job_cd=pl.format("A{}-1", job),
        job_nm=pl.format("CNC황삭 {}차", job),
        res_cd=pl.format("CNC-{}", job % 12),
        res_nm=pl.format('LB번 ({}" C-AXIS TURN MILL)', job % 12),
        rout_order=pl.lit("I"),
        setup_time=pl.Series(rng.uniform(5, 40, op.height)),
        run_time=run,
        setup_p10=run * 0.3,
        setup_p90=run * 3,
        run_p10=run * 0.5,
        run_p50=run,
        run_p90=run * 2,
        optimal_time=run * 0.8,
        standard_time=run,
        safe_time=run * 1.5,
        time_cv=share(),
        queue_time=pl.lit(0.0),
        wait_time=pl.lit(200.0),
        move_time=pl.lit(200.0),
        insp_flg=pl.lit("N"),
        milestone_flg=pl.lit("Y"),
        confidence=share(),
        support=share(),
        sample_count=pl.Series(rng.integers(0, 50, op.height)),
        time_source=pl.lit("actual_similar"),
        time_confidence=pl.lit(0.7),
        source_items=pl.lit("3H18091DB,3H18092DB"),
        source_similarity=pl.lit(0.91),
        source_rout_no=pl.lit("C1M3002000"),
        lot_size=pl.lit(25.0),
        lot_exponent=pl.lit(-0.1),
    )
    proof = head.join(ranks("evidence_rank", range(1, evidence + 1)), how="cross")
    proof = proof.with_columns(
        neighbour_item_cd=pl.lit("3H18091DB"),
        neighbour_rout_no=pl.lit("C1M3002000"),
        similarity=pl.Series(rng.uniform(0.5, 1, proof.height)),
        weight=pl.Series(rng.uniform(0, 1, proof.height)),
        matching=pl.lit("part_type, item_material, group1, raw_matl_kind"),
        differing=pl.lit("out_mm: 40.0 -> 42.0; spec: A -> B"),
    )
    machines = ranks("j", range(60)).join(ranks("r", range(6)), how="cross")
    resources = machines.select(
        job_cd=pl.format("A{}-1", "j"),
        res_cd=pl.format("CNC-{}", (pl.col("j") + pl.col("r")) % 12),
        res_nm=pl.lit("LB번"),
        alternative_rank=pl.col("r") + 1,
        is_pool=pl.col("r") == 5,
        use_count=pl.lit(5),
        use_share=pl.lit(1 / 6),
        last_used=pl.lit("2025-06-01").str.to_date(),
    )
    return {
        "candidates": whole,
        "candidate_operations": op,
        "candidate_evidence": proof,
        "resource_alternatives": resources,
        "abstained": pl.DataFrame([ABSTAINED]),
    }


def write_many(folder: Path, items: int, *, parts: int = 3, seed: int = 0, **shape: int) -> Path:
    """`many_frames` as part files."""
    return write_frames(folder, many_frames(items, seed=seed, **shape), parts)


@lru_cache(maxsize=1)
def _migrated() -> bytes:
    """A migrated empty SQLite file, made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        engine = make_engine(f"sqlite:///{path.as_posix()}", "warehouse", load_settings(home=path.parent))
        migrate(engine, None)
        engine.dispose()
        return path.read_bytes()


def warehouse(path: Path, **overrides: Any) -> tuple[Publisher, Settings]:
    """A migrated SQLite warehouse and a publisher on it."""
    settings = load_settings(home=path.parent, warehouse_url=f"sqlite:///{path.as_posix()}", **overrides)
    if not path.exists():
        path.write_bytes(_migrated())
    engine = make_engine(settings.warehouse, "warehouse", settings)
    migrate(engine, schema_for(engine, settings.warehouse_schema))
    return Publisher(engine, settings), settings
