"""What training reads from a run folder is checked there, so that an error names the step that wrote it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_plant

from routing_etl.errors import FrameError
from routing_etl.frames import write_attributes
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.runs import RunFolder

ITEMS, OPERATIONS, _ = toy_plant(30)


def run_with(folder: Path, items: pl.DataFrame, operations: pl.DataFrame) -> RunFolder:
    run = RunFolder("r", folder)
    run.clean.mkdir(parents=True, exist_ok=True)
    items.write_parquet(run.clean / "items.parquet")
    operations.write_parquet(run.clean / "operations.parquet")
    write_attributes(run.clean / "items.attributes.json", ATTRIBUTES)
    return run


def test_valid_routings_only_are_learned_from(tmp_path: Path) -> None:
    outdated = OPERATIONS.with_columns(rout_valid=pl.col("item_key") != ITEMS["item_key"][0])
    data = read_learning_data(run_with(tmp_path, ITEMS, outdated))
    assert data.items.equals(ITEMS)
    assert data.attributes == ATTRIBUTES
    assert 0 < data.operations.height < OPERATIONS.height


@pytest.mark.parametrize(("frame", "column"), [("items", "excluded"), ("operations", "inside")])
def test_a_column_that_a_run_folder_lacks_is_not_made_up(tmp_path: Path, frame: str, column: str) -> None:
    """A frame of a caller is completed, a step's is not: without `excluded` nothing would be kept out of training."""
    frames = {"items": ITEMS, "operations": OPERATIONS}
    frames[frame] = frames[frame].drop(column)
    run = run_with(tmp_path, **frames)
    with pytest.raises(FrameError, match=f"Frame {frame} lacks column {column}.*Run the step"):
        read_learning_data(run)
