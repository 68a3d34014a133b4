"""Small frames without a fault, as the quality tests start from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    ITEMS,
    OPERATIONS,
    PURCHASE_ORDERS,
    REJECTS,
    RESOURCE_ALTERNATIVES,
    WORK_RESULTS,
    AttributeSpec,
    CheckOutcome,
    write_attributes,
)
from routing_etl.quality.checks import check_candidates, check_sources

TODAY = date(2026, 1, 31)
Frames = dict[str, pl.DataFrame]


def source_frames() -> Frames:
    codes = [f"A{i}" for i in range(8)]
    items = ITEMS.conform(
        pl.DataFrame(
            {
                "item_cd": codes,
                "item_key": codes,
                "part_type": ["11", "15"] * 4,
                "attribute_hash": pl.Series(range(8), dtype=pl.UInt64),
                "item_hash": ["0" * 64] * 8,
                "material": ["M1"] * 8,
                "outdiameter": [50.0] * 7 + [None],
                "indiameter": [40.0] * 8,
            }
        )
    )
    operations = OPERATIONS.conform(
        pl.DataFrame(
            {
                "item_cd": [c for c in codes[:4] for _ in range(2)],
                "item_key": [c for c in codes[:4] for _ in range(2)],
                "rout_no": "R1",
                "proc_seq": [10, 20] * 4,
                "job_cd": ["C10", "Q30"] * 4,
                "res_cd": ["CNC-01", "INS-WC2"] * 4,
                "inside": ["in", "in"] * 3 + ["in", "out"],
                "setup_min": [10.0, None] * 4,
                "run_min": [5.0, 2.0] * 4,
                "insp_flg": ["N", "Y"] * 4,
                "insrt_dt": [datetime(2025, 1, 1)] * 8,
                "valid_from": [date(2020, 1, 1)] * 8,
                "valid_to": [date(2999, 12, 31)] * 8,
                "rout_class": ["in"] * 6 + ["mixed"] * 2,
                "routing_rank": [0] * 8,
                "decided_by": ["only"] * 8,
                "rout_valid": [True] * 8,
            }
        )
    )
    results = WORK_RESULTS.conform(
        pl.DataFrame(
            {
                "item_key": codes[:4],
                "rout_no": "R1",
                "proc_seq": 10,
                "job_cd": "C10",
                "res_cd": "CNC-01",
                "report_dt": [date(2025, 6, 1)] * 4,
                "machine_time": [1.0, 2.0, 1.5, 1.0],
                "setup_time": [0.5, 0.5, 0.5, None],
                "order_qty": [10.0] * 4,
                "bad_qty": [0.0, 1.0, 0.0, None],
                "match_level": "routing",
            }
        )
    )
    orders = PURCHASE_ORDERS.conform(
        pl.DataFrame(
            {
                "item_key": codes[4:6],
                "po_no": ["P1", "P2"],
                "po_date": [date(2025, 2, 3)] * 2,
                "qty": [1.0, 2.0],
            }
        )
    )
    return {"items": items, "operations": operations, "work_results": results, "purchase_orders": orders}


def prediction_frames() -> Frames:
    base = {"item_cd": [" X1", " X1", "X2"], "item_key": ["X1", "X1", "X2"], "candidate_rank": [1, 2, 1]}
    candidates = CANDIDATES.conform(
        pl.DataFrame(
            {
                **base,
                "candidate_id": [" X1_C01", " X1_C02", "X2_C01"],
                "routing_signature": "turn+inspect",
                "routing_code": ["C10>Q30", "C11", "C10>Q30"],
                "similarity_score": [0.95, 0.9, 0.4],
                "confidence": [0.7, 0.2, 0.3],
                "priority": ["primary", "fallback", "fallback"],
                "similarity_tier": ["HIGH", "HIGH", "LOW"],
                "reference_item_cd": ["A0", "A1", "A2"],
                "rout_no": "R1",
                "routing_source": "similar",
                "process_count": [2, 1, 2],
                "work_order_count": [3, 0, 0],
                "work_order_confidence": [0.6, None, None],
                "neighbour_count": [5, 2, 1],
                "support": [0.8, 0.2, 1.0],
            }
        )
    )
    operations = CANDIDATE_OPERATIONS.conform(
        pl.DataFrame(
            {
                "item_cd": [" X1", " X1", " X1", "X2", "X2"],
                "item_key": ["X1", "X1", "X1", "X2", "X2"],
                "candidate_rank": [1, 1, 2, 1, 1],
                "proc_seq": [10, 20, 10, 10, 20],
                "inside": ["in", "in", "out", "in", "in"],
                "job_cd": ["C10", "Q30", "C11", "C10", "Q30"],
                "res_cd": ["CNC-01", "INS-WC2", None, "CNC-01", "INS-WC2"],
                "rout_order": ["F", "L", "F", "F", "L"],
                "setup_time": [10.0, 0.0, None, 10.0, 0.0],
                "run_time": [5.0, 2.0, None, 5.0, 2.0],
                "run_p10": [4.0, 1.0, None, 4.0, 1.0],
                "run_p50": [5.0, 2.0, None, 5.0, 2.0],
                "run_p90": [6.0, 3.0, None, 6.0, 3.0],
                "optimal_time": [4.5, 1.5, None, 4.5, 1.5],
                "standard_time": [5.0, 2.0, None, 5.0, 2.0],
                "safe_time": [6.0, 3.0, None, 6.0, 3.0],
                "insp_flg": ["N", "Y", "N", "N", "Y"],
                "milestone_flg": "Y",
                "confidence": [0.7] * 5,
                "support": [0.8] * 5,
                "sample_count": [3, 1, 0, 0, 0],
                "time_source": [
                    "actual_similar",
                    "actual_similar",
                    "none",
                    "standard_similar",
                    "standard_similar",
                ],
            }
        )
    )
    resources = RESOURCE_ALTERNATIVES.conform(
        pl.DataFrame(
            {
                "job_cd": ["C10", "C10"],
                "res_cd": ["CNC-01", "CNC-대기"],
                "alternative_rank": [1, 2],
                "is_pool": [False, True],
                "use_count": [9, 1],
                "use_share": [0.9, 0.1],
            }
        )
    )
    evidence = CANDIDATE_EVIDENCE.conform(
        pl.DataFrame(
            {
                **base,
                "evidence_rank": 1,
                "neighbour_item_cd": ["A0", "A1", "A2"],
                "similarity": [0.95, 0.9, 0.4],
                "weight": [0.5, 0.5, 1.0],
            }
        )
    )
    abstained = ABSTAINED.conform(
        pl.DataFrame(
            {
                "item_cd": ["X3"],
                "item_key": ["X3"],
                "reason_code": ["no_similar_item"],
                "reason": ["Nothing alike."],
            }
        )
    )
    return {
        "candidates": candidates,
        "candidate_operations": operations,
        "resource_alternatives": resources,
        "candidate_evidence": evidence,
        "abstained": abstained,
    }


ATTRIBUTES = (
    AttributeSpec("material", "category"),
    AttributeSpec("outdiameter", "number", "mm"),
    AttributeSpec("indiameter", "number", "mm"),
)


@pytest.fixture
def sources() -> Frames:
    """Source frames that pass every critical check."""
    return source_frames()


@pytest.fixture
def predictions() -> Frames:
    """Prediction frames that pass every check."""
    return prediction_frames()


@pytest.fixture(scope="session")
def write_sources_to() -> Callable[..., Path]:
    """Write source frames under a folder as the clean step does; returns the folder `clean`."""

    def write(folder: Path, frames: Frames, rejects: pl.DataFrame | None = None) -> Path:
        clean = folder / "clean"
        clean.mkdir(exist_ok=True)
        for name, frame in frames.items():
            frame.write_parquet(clean / f"{name}.parquet")
        write_attributes(clean / "items.attributes.json", ATTRIBUTES)
        if rejects is not None:
            (folder / "rejects").mkdir(exist_ok=True)
            REJECTS.conform(rejects).write_parquet(folder / "rejects" / "items.parquet")
        return clean

    return write


@pytest.fixture(scope="session")
def write_predictions_to() -> Callable[[Path, Frames], Path]:
    """Write prediction frames under a folder as the score step does, in two part files each; returns the folder."""

    def write(folder: Path, frames: Frames) -> Path:
        for name, frame in frames.items():
            (folder / "predictions" / name).mkdir(parents=True, exist_ok=True)
            half = (frame.height + 1) // 2
            frame.head(half).write_parquet(folder / "predictions" / name / "part-0.parquet")
            frame.slice(half).write_parquet(folder / "predictions" / name / "part-1.parquet")
        return folder / "predictions"

    return write


@pytest.fixture
def write_sources(tmp_path: Path, write_sources_to: Callable[..., Path]) -> Callable[..., Path]:
    """`write_sources_to` the test's own folder."""
    return functools.partial(write_sources_to, tmp_path)


@pytest.fixture
def write_predictions(tmp_path: Path, write_predictions_to: Callable[..., Path]) -> Callable[[Frames], Path]:
    """`write_predictions_to` the test's own folder."""
    return functools.partial(write_predictions_to, tmp_path)


@pytest.fixture(scope="session")
def green(
    tmp_path_factory: pytest.TempPathFactory,
    write_sources_to: Callable[..., Path],
    write_predictions_to: Callable[..., Path],
) -> tuple[list[CheckOutcome], list[CheckOutcome]]:
    """Outcomes of both check steps on files without a fault."""
    folder = tmp_path_factory.mktemp("green")
    clean = write_sources_to(folder, source_frames(), REJECTS.empty())
    predictions = write_predictions_to(folder, prediction_frames())
    return check_sources(clean, today=TODAY), check_candidates(predictions)
