"""What training reads from a run folder is checked there, so that an error names the step that wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_plant

from routing_etl.errors import FrameError
from routing_etl.frames import write_attributes
from routing_etl.pipeline.learning import COPIES, read_learning_data
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


def test_copies_of_proposals_are_neither_predicted_nor_learned_from_before_an_order(tmp_path: Path) -> None:
    run = run_with(tmp_path, ITEMS, OPERATIONS)
    routed = OPERATIONS["item_key"].unique().sort()
    waiting, ordered = routed[0], routed[1]
    copies = pl.DataFrame({"item_key": [waiting, ordered], "ordered": [False, True], "copied_by": "number"})
    copies.write_parquet(run.clean / COPIES)
    data = read_learning_data(run)
    assert set(routed) - set(data.learned["item_key"]) == {waiting}
    assert set(routed) - set(data.independent.operations["item_key"]) == {waiting, ordered}
    assert not set(data.unrouted_items["item_key"]) & set(routed)
    assert not {waiting, ordered} & set(data.independent.items["item_key"]), "they wait for no routing"


def test_a_sample_is_drawn_by_keys_and_is_the_same_again(tmp_path: Path) -> None:
    items, operations, _ = toy_plant(60)
    waiting = operations["item_key"].unique().sort().head(20)
    known = operations.filter(~pl.col("item_key").is_in(waiting.implode()))
    data = read_learning_data(run_with(tmp_path, items, known))
    drawn, again = data.drawn(10), replace(data, items=items.reverse(), operations=known.reverse()).drawn(10)
    assert data.whole and not drawn.whole
    assert drawn.routed.len() == 10 and drawn.unrouted_items.height == 10
    assert set(drawn.routed) == set(again.routed) and set(drawn.items["item_key"]) == set(
        again.items["item_key"]
    )
    assert set(data.drawn(5).routed) < set(drawn.routed), "more asked for takes none back"
    assert data.drawn(data.routed.len()) is data


@pytest.mark.parametrize(("frame", "column"), [("items", "excluded"), ("operations", "inside")])
def test_a_column_that_a_run_folder_lacks_is_not_made_up(tmp_path: Path, frame: str, column: str) -> None:
    """A frame of a caller is completed, a step's is not: without `excluded` nothing would be kept out of training."""
    frames = {"items": ITEMS, "operations": OPERATIONS}
    frames[frame] = frames[frame].drop(column)
    run = run_with(tmp_path, **frames)
    with pytest.raises(FrameError, match=f"Frame {frame} lacks column {column}.*routing-etl run"):
        read_learning_data(run)
