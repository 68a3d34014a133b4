"""The published batch as files: the same rows in every format, with checksums that hold; and what is refused in a sentence."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import polars as pl
import pytest
from homes import home_settings
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.pipeline import exports
from routing_etl.pipeline.exports import SUMS, export
from routing_etl.settings import Settings
from routing_etl.warehouse.schema import FLAT_COLUMNS

pytestmark = pytest.mark.unit


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    publisher, _ = warehouse(home / "warehouse.db")
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    publisher._engine.dispose()
    return home_settings(home)


def test_the_same_rows_in_every_format(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_CHUNK", 1)
    found = export(settings, tmp_path / "out", ["csv", "parquet", "jsonl", "xlsx"])
    assert found.publication_id == 1 and [f.rows for f in found.files] == [2, 2, 2, 2]
    csv, parquet, lines, book = (Path(f.path) for f in found.files)
    whole = pl.read_parquet(parquet)
    assert whole.columns == list(FLAT_COLUMNS[:52]) and whole["PROC_SEQ"].to_list() == [10, 20]
    assert whole["INSIDE_FLAG"].to_list() == ["사내", "외주"] and whole["SETUP_TIME"][0] == 12.35
    assert csv.read_bytes().startswith(b"\xef\xbb\xbf"), "Excel reads Korean only with the mark"
    texts = {name: pl.String for name, kind in whole.schema.items() if kind == pl.String}
    again = pl.read_csv(csv, schema_overrides=texts, try_parse_dates=True)
    assert again["ITEM_CD"].to_list() == whole["ITEM_CD"].to_list() and again["SETUP_TIME"][0] == 12.35
    assert pl.read_ndjson(lines)["RES_CD"].to_list() == whole["RES_CD"].to_list()
    assert book.stat().st_size > 5_000
    for line in (tmp_path / "out" / SUMS).read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        [SUMS, *(Path(f.path).name for f in found.files)]
    ), "nothing unfinished is left"


def test_a_code_is_no_formula_in_csv_and_itself_elsewhere(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: an item called `=HYPERLINK(...)` runs in whoever opens the file that Excel is meant to open."""
    codes = {"A1": "=HYPERLINK(1)", "N1": "-12.5", "N2": "사내", "B1": " @cmd"}
    real = exports._read

    def renamed(chosen: Settings, parts: Path) -> tuple[int, int]:
        number, _ = real(chosen, parts)
        row = pl.read_parquet(next(parts.glob("*.parquet"))).head(1)
        rows = pl.concat([row.with_columns(ITEM_CD=pl.lit(code), JOB_NM=None) for code in codes.values()])
        for old in parts.iterdir():
            old.unlink()
        rows.write_parquet(parts / "000000.parquet")
        return number, rows.height

    monkeypatch.setattr(exports, "_read", renamed)
    csv, parquet, lines = (
        Path(f.path) for f in export(settings, tmp_path / "out", ["csv", "parquet", "jsonl"]).files
    )
    shown = pl.read_csv(csv, infer_schema=False)["ITEM_CD"].to_list()
    assert shown == ["'=HYPERLINK(1)", "-12.5", "사내", "' @cmd"]
    for exact in (pl.read_parquet(parquet), pl.read_ndjson(lines)):
        assert exact["ITEM_CD"].to_list() == list(codes.values())


def test_working_files_of_a_killed_export_go_and_those_of_one_at_work_stay(
    settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killed, at_work = out / ".scratch-killed", out / ".scratch-now"
    for folder in (killed, at_work):
        folder.mkdir(parents=True)
        (folder / "000000.parquet").touch()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(killed, (two_days_ago, two_days_ago))
    export(settings, out, ["csv"])
    assert not killed.exists() and at_work.exists()


def test_what_cannot_be_exported(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"no file format 'xml'.*Use one of csv"):
        export(settings, tmp_path / "out", ["xml"])
    monkeypatch.setattr(exports, "_SHEET_ROWS", 1)
    with pytest.raises(ConfigurationError, match="A sheet holds 1 rows, and 2 are published"):
        export(settings, tmp_path / "out", ["xlsx"])
    home = tmp_path / "new"
    home.mkdir()
    warehouse(home / "warehouse.db")
    with pytest.raises(WarehouseError, match="Nothing is published"):
        export(home_settings(home), tmp_path / "out", ["csv"])
    assert list((tmp_path / "out").iterdir()) == []
