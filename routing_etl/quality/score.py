"""One number for the state of the item master, 0 to 100. It stops nothing; that is what checks are for.

The replaced system reported such a number (docs/legacy-system.md 2.9); its formula had version 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from routing_etl.errors import FrameError
from routing_etl.frames import ITEMS, REJECTS, read_attributes
from routing_etl.quality.source_rules import possible_sizes

#: Version of the formula in `quality_score`, stored beside the score: scores of two versions cannot be compared.
FORMULA_VERSION = "2"


@dataclass(frozen=True)
class QualityScore:
    """The score and its four parts, each a share from 0 to 1; all None when there is no item to judge."""

    score: float | None
    completeness: float | None
    duplicate_rate: float | None
    outlier_rate: float | None
    invalid_rate: float | None
    items: int
    formula: str = FORMULA_VERSION


def quality_score(clean: Path, rejects: Path, *, required: Sequence[str] = ("part_type",)) -> QualityScore:
    """Score the item master of one run.

    Score = 40 x completeness + 20 x (1 - duplicate rate) + 20 x (1 - outlier rate) + 20 x (1 - invalid rate), where

    * completeness is the share of items with a value in every column of `required`;
    * the duplicate rate is the share of item rows read that were rejected because their key was there already (version 1
      counted shared drawing numbers, which are legitimate);
    * the outlier rate is the share of items with an impossible size, after conversion to millimetres;
    * the invalid rate is the share of item rows read that were rejected for other reasons.

    Parameters
    ----------
    clean : pathlib.Path
        Folder with the cleaned items and `items.attributes.json`.
    rejects : pathlib.Path
        Folder with the rejected rows; when it does not exist, nothing was rejected.
    required : sequence of str, optional
        Columns that a complete item has.

    Returns
    -------
    QualityScore
        The score and its parts.

    Raises
    ------
    FrameError
        The cleaned items are missing, or lack a column of `required`.
    """
    path = clean / f"{ITEMS.name}.parquet"
    if not path.is_file():
        raise FrameError(f"No cleaned frame at {path}.", remedy="Extract first: routing-etl extract")
    items = pl.scan_parquet(path)
    lacking = [c for c in required if c not in items.collect_schema()]
    if lacking:
        raise FrameError(
            f"Items have no column {', '.join(lacking)}.", remedy="Name columns that the profile maps."
        )
    numbers = [a for a in read_attributes(clean / "items.attributes.json") if a.kind == "number"]
    impossible = pl.any_horizontal(
        pl.lit(False), *(~pl.col(a.name).is_between(*possible_sizes(a)).fill_null(True) for a in numbers)
    )
    complete, outliers, kept = (
        items.select(
            pl.all_horizontal(pl.col(c).is_not_null() for c in required).mean().alias("complete"),
            impossible.mean().alias("outliers"),
            pl.len().alias("kept"),
        )
        .collect()
        .row(0)
    )
    if kept == 0:
        return QualityScore(None, None, None, None, None, 0)
    duplicates, invalid = _rejected(rejects)
    read = kept + duplicates + invalid
    parts = (complete, duplicates / read, outliers, invalid / read)
    score = 40 * parts[0] + 20 * sum(1 - p for p in parts[1:])
    return QualityScore(round(score, 2), *parts, items=kept)


def _rejected(rejects: Path) -> tuple[int, int]:
    """Item rows rejected as duplicates, and for other reasons."""
    files = sorted(rejects.glob("*.parquet")) if rejects.is_dir() else []
    if not files:
        return 0, 0
    rows = pl.scan_parquet(files, schema=REJECTS.schema).filter(pl.col("source_table") == ITEMS.name)
    duplicate = pl.col("rule").str.contains("duplicate") | pl.col("rule").str.contains("collision")
    found = rows.select(duplicate.sum().alias("duplicates"), (~duplicate).sum().alias("invalid")).collect()
    return int(found["duplicates"][0]), int(found["invalid"][0])
