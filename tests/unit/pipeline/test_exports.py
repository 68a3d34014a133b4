"""The published batch as files: the same rows in every format, with checksums that hold; and what is refused in a sentence."""

from __future__ import annotations

import hashlib
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
