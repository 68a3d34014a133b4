"""Makes the plant and writes its ERP, four views as tables, and its truth into one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from hydraulics import item_master, reports, routings, truth
from hydraulics.items import calibrate, draw_items
from hydraulics.knobs import Knobs
from hydraulics.machining import plan_machines
from hydraulics.plant import Plant

#: Parts of the seed of what is drawn for the items, and for the calibration.
ITEM_STREAM, CALIBRATION_STREAM = 5, 9
#: With fewer a plant may have no routed item, or no other one.
FEWEST_ITEMS = 50
TEXT, NUMBER = "NVARCHAR(255)", "DECIMAL(18,4)"
ITEM_TYPES = {
    "ITEM_CD": "NVARCHAR(100)",
    "ITEM_NM": "NVARCHAR(500)",
    "ITEM_SPEC": "NVARCHAR(1000)",
    "ADDITIONAL_SPEC": "NVARCHAR(1000)",
    "OUTDIAMETER": NUMBER,
    "INDIAMETER": NUMBER,
    "OUTTHICKNESS": NUMBER,
    "IN_SEALSIZE": NUMBER,
    "MID_SEALSIZE": NUMBER,
    "OUT_SEALSIZE": NUMBER,
}
ROUTING_NUMBERS = ("PROC_SEQ", "RUN_TIME_QTY", "MFG_LT", "SUBCONTRACT_PRC")
ROUTING_TYPES = {
    **{name: NUMBER for name in routings.COLUMNS if name in ROUTING_NUMBERS or name.endswith("_TIME")},
    "VALID_FROM_DT": "DATE",
    "VALID_TO_DT": "DATE",
    "INSRT_DT": "DATETIME",
}
RESULT_TYPES = {
    "PROC_SEQ": NUMBER,
    "MACH_WORKED_HOURS": NUMBER,
    "SETUP_HOURS": NUMBER,
    "ORDER_QTY": NUMBER,
    "BAD_QTY": NUMBER,
    "REPORT_DT": "DATE",
    "idx": "INTEGER",
}
PURCHASE_TYPES = {"PO_DATE": "DATE", "QTY": NUMBER}
INDEXED = (
    "BI_ITEM_INFO_VIEW", "BI_ROUTING_VIEW", "DEMO_TRUTH_ROUTING", "DEMO_TRUTH_TIME", "DEMO_TRUTH_ITEM",
)  # fmt: skip


def write_erp(database: Path, items: int, seed: int, knobs: Knobs | None = None) -> dict[str, float]:
    """Write a plant into a new file, in place of what is there.

    Parameters
    ----------
    database : Path
        The SQLite file.
    items : int
        Number of items.
    seed : int
        The same seed and number of items give the same rows; another number gives the same plant with other items.
    knobs : Knobs, optional
        How difficult the plant is.

    Returns
    -------
    dict of str to float
        What DEMO_TRUTH_SUMMARY holds, unrounded.

    Raises
    ------
    ValueError
        Fewer than 50 items are asked for.
    """
    if items < FEWEST_ITEMS:
        raise ValueError(f"a plant needs {FEWEST_ITEMS} items or more, not {items}")
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        summary = _write(connection, items, seed, knobs or Knobs())
        for name in INDEXED:
            connection.execute(f'CREATE INDEX "IX_{name}" ON "{name}" (ITEM_CD)')
        connection.commit()
    return summary


def _write(connection: sqlite3.Connection, count: int, seed: int, knobs: Knobs) -> dict[str, float]:
    """Draw everything from the seed, in one order, and fill all tables."""
    plant = Plant(seed, knobs)
    rng = np.random.default_rng([seed, ITEM_STREAM, count])
    items = draw_items(plant, count, rng)
    calibrate(plant, items, np.random.default_rng([seed, CALIBRATION_STREAM]))
    known = truth.reckon(plant, seed, items)
    planned = plan_machines(plant, items)
    codes, rows = item_master.ItemMaster(plant, items, rng).rows()
    _fill(connection, "BI_ITEM_INFO_VIEW", _types(item_master.COLUMNS, ITEM_TYPES), _shuffled(rows, rng))
    variants, times = truth.routing_and_time_rows(plant, items, known, planned, codes)
    _fill(connection, "DEMO_TRUTH_ROUTING", truth.ROUTING_COLUMNS, variants)
    _fill(connection, "DEMO_TRUTH_TIME", truth.TIME_COLUMNS, times)

    written = routings.write_routings(plant, items, planned, known.distributions, rng)
    standards = routings.write_standards(plant, items, written, rng)
    rows = _shuffled(routings.routing_rows(plant, codes, written, standards, rng), rng)
    _fill(connection, "BI_ROUTING_VIEW", _types(routings.COLUMNS, ROUTING_TYPES), rows)
    results = reports.draw_reports(plant, seed, items, planned, written, rng)
    rows = _shuffled(reports.report_rows(plant, codes, written, results), rng)
    _fill(connection, "BI_WORK_ORDER_RESULTS", _types(reports.COLUMNS, RESULT_TYPES), rows)
    bought = reports.purchase_rows(items, codes, rng)
    _fill(connection, "BI_PUR_PO_VIEW", _types(reports.PURCHASE_COLUMNS, PURCHASE_TYPES), bought)

    found = truth.difficulties(plant, items, known)
    _fill(
        connection, "DEMO_TRUTH_ITEM", truth.ITEM_COLUMNS, truth.item_rows(plant, items, known, found, codes)
    )
    _fill(connection, "DEMO_TRUTH_GRAMMAR", truth.GRAMMAR_COLUMNS, truth.grammar_rows(plant))
    summary = truth.summarise(plant, seed, items, known, found, written, results, len(rows))
    figures = [(name, round(float(value), 6)) for name, value in summary.items()]
    _fill(connection, "DEMO_TRUTH_SUMMARY", truth.SUMMARY_COLUMNS, figures)
    return summary


def _types(columns: Sequence[str], types: dict[str, str]) -> dict[str, str]:
    """Type of every column, text where none is named."""
    return {name: types.get(name, TEXT) for name in columns}


def _shuffled(rows: list[tuple[Any, ...]], rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """The rows in another order, as no view has one."""
    return [rows[i] for i in rng.permutation(len(rows))]


def _fill(
    connection: sqlite3.Connection, table: str, columns: dict[str, str], rows: list[tuple[Any, ...]]
) -> None:
    """Create a table with columns of these types and insert the rows."""
    definition = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
    connection.execute(f'CREATE TABLE "{table}" ({definition})')
    places = ",".join("?" * len(columns))
    connection.executemany(f'INSERT INTO "{table}" VALUES ({places})', rows)
