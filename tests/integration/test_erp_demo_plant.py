"""Extract and clean on the demo plant: the accounts hold, the truth stays unread, and every dirt is seen."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from routing_etl import frames
from routing_etl.erp.catalogue import bind
from routing_etl.erp.clean import clean
from routing_etl.erp.clean_report import CleanReport
from routing_etl.erp.extract import ExtractReport, extract
from routing_etl.erp.profile import load_profile
from routing_etl.plant.demo import write_plant
from routing_etl.settings import load_settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExtractReport, CleanReport]:
    home = tmp_path_factory.mktemp("plant")
    url = f"sqlite:///{(home / 'erp.db').as_posix()}"
    settings, profile = load_settings(home=home), load_profile("bi_views")
    write_plant(url, 3000, 11, settings)
    assert not [f for f in bind(sa.create_engine(url), profile).worst_first if f.severity != "info"]
    read = extract(url, profile, home / "raw", settings)
    return home, read, clean(home / "raw", home / "clean", home / "rejects", profile, cutoff=None)


def test_no_row_is_lost_between_table_and_frame(night: tuple[Path, ExtractReport, CleanReport]) -> None:
    home, read, report = night
    for name, frame in report.frames.items():
        assert frame.rows_in == read.frames[name].rows > 0
        assert frame.rows_kept == pl.read_parquet(home / "clean" / f"{name}.parquet").height
        assert frame.rows_rejected == pl.read_parquet(home / "rejects" / f"{name}.parquet").height
        assert frame.rows_in == frame.rows_kept + frame.rows_rejected + frame.rows_filtered


def test_the_truth_is_never_read(night: tuple[Path, ExtractReport, CleanReport]) -> None:
    _, read, _ = night
    assert {f.table for f in read.frames.values()} == {
        "BI_ITEM_INFO_VIEW", "BI_ROUTING_VIEW", "BI_WORK_ORDER_RESULTS", "BI_PUR_PO_VIEW",
    }  # fmt: skip


def test_the_catalogues_dirt_is_found_and_counted(night: tuple[Path, ExtractReport, CleanReport]) -> None:
    _, _, report = night
    found = set(report.repairs)
    assert {
        "items.blank_to_null", "items.null", "items.null_word", "items.placeholder", "items.odd_blanks",
        "items.zero_is_missing", "items.unit_converted", "items.unit_unknown", "items.mark_removed",
        "operations.zero_is_missing", "operations.two_digit_year", "operations.unreadable_date",
        "work_results.matched_without_routing",
    } <= found  # fmt: skip
    assert {"items.duplicate_key", "operations.duplicate_key", "work_results.orphan_operation"} <= set(
        report.rejects
    )
    assert report.frames["work_results"].filtered["too_old"] > 0


def test_clean_frames_hold_what_the_next_rooms_rely_on(
    night: tuple[Path, ExtractReport, CleanReport],
) -> None:
    home, _, report = night
    items = pl.read_parquet(home / "clean" / "items.parquet")
    operations = pl.read_parquet(home / "clean" / "operations.parquet")
    results = pl.read_parquet(home / "clean" / "work_results.parquet")
    for frame, content in (
        (frames.ITEMS, items),
        (frames.OPERATIONS, operations),
        (frames.WORK_RESULTS, results),
    ):
        frame.validate(content)
        if frame.key:
            assert not content.select(pl.struct(frame.key).is_duplicated().any()).item()
    assert set(operations["item_key"]) <= set(items["item_key"])
    assert set(results["item_key"]) <= set(operations["item_key"])
    first = operations.filter(pl.col("routing_rank") == 0)
    assert first.group_by("item_key").agg(pl.col("rout_no").n_unique())["rout_no"].max() == 1
    listed = frames.read_attributes(home / "clean" / "items.attributes.json")
    assert tuple(a.name for a in listed) == report.attributes
    sizes = [a.name for a in listed if a.kind == "number"]
    assert items.select(pl.min_horizontal(pl.col(sizes).min())).item() > 0


def test_cleaning_twice_gives_the_same_files(night: tuple[Path, ExtractReport, CleanReport]) -> None:
    home, _, _ = night
    before = {
        n: pl.read_parquet(home / "clean" / f"{n}.parquet") for n in ("items", "operations", "work_results")
    }
    clean(home / "raw", home / "clean", home / "rejects", load_profile("bi_views"), cutoff=None)
    for name, frame in before.items():
        assert pl.read_parquet(home / "clean" / f"{name}.parquet").equals(frame)
