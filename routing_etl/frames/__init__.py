"""The canonical frames: what travels between the rooms, column by column.

This is the one source of truth for the shape of every Parquet file in a run folder. A frame holds canonical
values only: minutes, millimetres, `in` / `out` for in-house / outsourced, NULL for every spelling of
"missing". ERP column names do not appear here (source profiles map them), nor do database types
(`warehouse/schema.py` has them, tested against this package).

By stage: `source` (the ERP's data, clean), `times` (measured), `predictions`, `findings` (checks and metrics); `contract`
says what a frame is. Everybody imports the names below from here: `from routing_etl.frames import ITEMS`.
"""

from __future__ import annotations

from routing_etl.frames.contract import (
    Column,
    Frame,
)
from routing_etl.frames.findings import (
    METRICS,
    CheckOutcome,
    Severity,
)
from routing_etl.frames.predictions import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    LEAST_PRIMARY,
    MAX_OUTPUT,
    RANK,
    RESOURCE_ALTERNATIVES,
    SIZES_FROM_TEXTS,
    TIME_SOURCES,
    Predictions,
)
from routing_etl.frames.source import (
    CODE_SPELLINGS,
    INHOUSE,
    ITEM_CD,
    ITEM_KEY,
    ITEMS,
    MAX_SOURCE,
    MOST_DROPPED,
    OPERATIONS,
    OUTSOURCED,
    PURCHASE_ORDERS,
    REJECTS,
    SOURCE_COUNTS,
    WORK_CENTRE_GROUPS,
    WORK_RESULTS,
    AttributeKind,
    AttributeSpec,
    key_of,
    read_attributes,
    write_attributes,
)
from routing_etl.frames.times import (
    REVIEW_VERDICTS,
    STANDARD_TIMES,
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    TimeBasis,
    TimeEvidence,
)

__all__ = [
    "ABSTAINED",
    "CANDIDATES",
    "CANDIDATE_EVIDENCE",
    "CANDIDATE_OPERATIONS",
    "CODE_SPELLINGS",
    "FRAMES",
    "INHOUSE",
    "ITEMS",
    "ITEM_CD",
    "ITEM_KEY",
    "LEAST_PRIMARY",
    "MAX_OUTPUT",
    "MAX_SOURCE",
    "METRICS",
    "MOST_DROPPED",
    "OPERATIONS",
    "OUTSOURCED",
    "PURCHASE_ORDERS",
    "RANK",
    "REJECTS",
    "RESOURCE_ALTERNATIVES",
    "REVIEW_VERDICTS",
    "SIZES_FROM_TEXTS",
    "SOURCE_COUNTS",
    "STANDARD_TIMES",
    "TIME_BY_ITEM_OPERATION",
    "TIME_BY_JOB",
    "TIME_BY_JOB_RESOURCE",
    "TIME_SOURCES",
    "WORK_CENTRE_GROUPS",
    "WORK_RESULTS",
    "AttributeKind",
    "AttributeSpec",
    "CheckOutcome",
    "Column",
    "Frame",
    "Predictions",
    "Severity",
    "TimeBasis",
    "TimeEvidence",
    "key_of",
    "read_attributes",
    "write_attributes",
]

#: Frames by name, as their files are called.
FRAMES: dict[str, Frame] = {
    f.name: f
    for f in (
        ITEMS, OPERATIONS, WORK_RESULTS, PURCHASE_ORDERS, REJECTS, TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE,
        TIME_BY_JOB, STANDARD_TIMES, CANDIDATES, CANDIDATE_OPERATIONS, RESOURCE_ALTERNATIVES, CANDIDATE_EVIDENCE, ABSTAINED,
        SIZES_FROM_TEXTS, METRICS,
    )
}  # fmt: skip
