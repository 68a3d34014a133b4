"""Readers during loads, publishes, rollbacks and purges see one whole publication each time."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import many_frames, warehouse, write_frames
from warehouse_readers import Readers

pytestmark = pytest.mark.integration


@pytest.mark.slow
def test_readers_never_see_a_mixture_a_gap_or_a_duplicate(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db", load_rows=200)
    folders, totals = [], []
    for number in range(3):
        frames = many_frames(15 + 5 * number, seed=number)
        folders.append(write_frames(tmp_path / f"p{number}", frames))
        operations = frames["candidate_operations"]
        totals.append((operations.height, operations.select(pl.col("sample_count").sum()).item()))
    url = f"sqlite:///{(tmp_path / 'w.db').as_posix()}"
    readers = Readers(lambda: sa.create_engine(url), 3, "0H10000DB", 21, whole_every=3)
    report = publisher.load(folders[0], run_id="r", model_version="m")
    readers.expected[report.publication_id] = totals[0]
    publisher.publish(report.publication_id)
    with readers:
        for number in range(7):
            report = publisher.load(folders[number % 3], run_id=f"r{number}", model_version="m", again=True)
            readers.expected[report.publication_id] = totals[number % 3]
            publisher.publish(report.publication_id)
            if number % 4 == 3:
                publisher.rollback()
            publisher.purge(2)
    seen = readers.total()
    assert seen.errors == []
    assert (seen.mixed, seen.empty, seen.wrong) == (0, 0, 0)
    assert seen.reads > 10 and len(seen.publications) > 2
