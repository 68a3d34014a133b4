"""The 0 to 100 score of the item master."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from routing_etl.errors import FrameError
from routing_etl.frames import AttributeSpec, read_attributes, write_attributes
from routing_etl.quality.score import FORMULA_VERSION, QualityScore, quality_score

Frames = dict[str, pl.DataFrame]


def rejects(*rules: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"source_table": "items", "row_key": "X", "rule": list(rules), "reason": "Why.", "raw_values": "{}"}
    )


def test_a_faultless_item_master_scores_100(sources: Frames, write_sources: Callable[..., Path]) -> None:
    clean = write_sources(sources)
    assert quality_score(clean, clean.parent / "rejects") == QualityScore(
        100.0, 1.0, 0.0, 0.0, 0.0, 8, FORMULA_VERSION
    )


def test_each_part_costs_its_share(sources: Frames, write_sources: Callable[..., Path]) -> None:
    at = pl.int_range(pl.len())
    sources["items"] = sources["items"].with_columns(
        part_type=pl.when(at < 2).then(None).otherwise("part_type"),
        outdiameter=pl.when(at == 3).then(0.0).otherwise("outdiameter"),
    )
    clean = write_sources(sources, rejects("duplicate_key", "missing_key"))
    found = quality_score(clean, clean.parent / "rejects")
    assert (found.completeness, found.outlier_rate) == (0.75, 0.125)
    assert (found.duplicate_rate, found.invalid_rate) == (0.1, 0.1)
    assert found.score == 40 * 0.75 + 20 * 0.9 + 20 * 0.875 + 20 * 0.9


def test_a_count_of_0_is_possible_where_the_profile_says_so(
    sources: Frames, write_sources: Callable[..., Path]
) -> None:
    """Of holes, bends or colours there can be none; nothing is below it."""
    at = pl.int_range(pl.len())
    holes = pl.when(at == 0).then(-1.0).when(at < 4).then(0.0).otherwise(2.0).alias("holes")
    sources["items"] = sources["items"].with_columns(holes)
    clean = write_sources(sources)
    listed = read_attributes(clean / "items.attributes.json")
    for zero, outliers in ((True, 0.125), (False, 0.5)):
        write_attributes(
            clean / "items.attributes.json", [*listed, AttributeSpec("holes", "number", zero=zero)]
        )
        assert quality_score(clean, clean.parent / "rejects").outlier_rate == outliers


def test_required_columns_are_the_sites_choice(sources: Frames, write_sources: Callable[..., Path]) -> None:
    clean = write_sources(sources)
    found = quality_score(clean, clean.parent / "rejects", required=("part_type", "outdiameter"))
    assert found.completeness == 0.875
    with pytest.raises(FrameError, match="no column weight"):
        quality_score(clean, clean.parent / "rejects", required=("weight",))


def test_no_items_no_score(sources: Frames, write_sources: Callable[..., Path], tmp_path: Path) -> None:
    sources["items"] = sources["items"].clear()
    clean = write_sources(sources)
    assert quality_score(clean, clean.parent / "rejects").score is None
    with pytest.raises(FrameError, match=r"items\.parquet"):
        quality_score(tmp_path / "nowhere", tmp_path)
