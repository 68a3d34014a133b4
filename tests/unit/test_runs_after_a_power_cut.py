"""A run that ended well, and whose files a power cut took away: later runs build on the one before it, and nobody removes anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from structlog.testing import capture_logs

from routing_etl.runs import RunFolder, last_succeeded, new_run

pytestmark = pytest.mark.unit


def ended_well(home: Path, run_id: str) -> RunFolder:
    run = new_run(home, run_id)
    for folder in (run.raw, run.clean):
        folder.mkdir()
        pl.DataFrame({"item_cd": ["A", "B"]}).write_parquet(folder / "items.parquet")
    run.mark_succeeded(True)
    return run


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def zeroed(file: Path) -> None:
    """As file systems leave what was named before it was written."""
    file.write_bytes(bytes(file.stat().st_size))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


@pytest.mark.parametrize("harm", [emptied, zeroed, cut])
@pytest.mark.parametrize("folder", ["raw", "clean"])
def test_a_run_whose_files_a_power_cut_took_away_is_no_base(
    tmp_path: Path, harm: Callable[[Path], None], folder: str
) -> None:
    ended_well(tmp_path, "one")
    two = ended_well(tmp_path, "two")
    assert last_succeeded(tmp_path) == two
    harm(two.path / folder / "items.parquet")
    with capture_logs() as logged:
        assert last_succeeded(tmp_path) == RunFolder("one", tmp_path / "runs" / "one")
    [told] = [line for line in logged if line["event"] == "damaged_run_left_out"]
    assert (told["run"], told["file"]) == ("two", f"{folder}/items.parquet")


def test_without_another_run_there_is_no_base(tmp_path: Path) -> None:
    emptied(ended_well(tmp_path, "one").clean / "items.parquet")
    assert last_succeeded(tmp_path) is None
