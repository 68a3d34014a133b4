"""A training from files learns what a training from the ERP's tables learns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from homes import home_settings
from polars.testing import assert_frame_equal

from routing_etl.errors import ConfigurationError, SourceError
from routing_etl.pipeline.from_files import FOLDER, files_cleaned
from routing_etl.runs import list_runs

pytestmark = pytest.mark.integration
TABLES = {"items": "BI_ITEM_INFO_VIEW", "operations": "BI_ROUTING_VIEW", "results": "BI_WORK_ORDER_RESULTS"}


def table(home: Path, name: str) -> pl.DataFrame:
    """A table of the demo plant as the ERP has it, every value as text."""
    with closing(sqlite3.connect(home / "erp.db")) as connection:
        found = connection.execute(f"SELECT * FROM {TABLES[name]}")
        names = [d[0] for d in found.description]
        rows = [tuple(None if v is None else str(v) for v in row) for row in found]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


@pytest.mark.slow
def test_files_are_read_and_cleaned_as_the_tables_are(home: Path, tmp_path: Path) -> None:
    [night] = list_runs(home)
    files = {name: tmp_path / f"{name}.csv" for name in TABLES}
    files["operations"] = files["operations"].with_suffix(".parquet")
    for name, file in files.items():
        rows = table(home, name)
        rows.write_csv(file) if file.suffix == ".csv" else rows.write_parquet(file)
    with files_cleaned(home_settings(home), files) as ctx:
        for frame in ("items", "operations", "work_results"):
            theirs, ours = (pl.read_parquet(run.clean / f"{frame}.parquet") for run in (night, ctx.run))
            assert_frame_equal(ours.select(theirs.columns), theirs, check_row_order=False, abs_tol=1e-9)
        assert (ctx.run.times / "time_by_job.parquet").is_file()
        assert ctx.settings.models_dir == home / "models"
    assert not (home / FOLDER / "files.db").exists()
    assert [run.run_id for run in list_runs(home)] == [night.run_id], "no night looks at the files' run"


@pytest.mark.slow
def test_without_results_there_are_none(home: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.csv" for name in ("items", "operations")}
    for name, file in files.items():
        table(home, name).write_csv(file)
    with files_cleaned(home_settings(home), files) as ctx:
        assert ctx.profile.results is None
        assert pl.read_parquet(ctx.run.clean / "work_results.parquet").height == 0


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("items.csv", None, ConfigurationError, "There is no file"),
        ("items.xlsx", b"x", ConfigurationError, "neither CSV nor Parquet"),
        ("items.parquet", b"no parquet", SourceError, "cannot be read"),
        ("items.csv", b"A,B\n1,2\n", SourceError, "has no column"),
    ],
)
def test_a_file_that_is_none_is_named(
    home: Path, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    table(home, "operations").write_csv(tmp_path / "operations.csv")
    files = {"items": tmp_path / name, "operations": tmp_path / "operations.csv"}
    with pytest.raises(error, match=said), files_cleaned(home_settings(home), files):
        pass
