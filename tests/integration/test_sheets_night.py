"""The night writes worklist and sheets, and is not stopped by them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest
from homes import ask, home_settings
from rich.console import Console

from routing_etl.cli.display.night import night_result
from routing_etl.cli.shown import night_of
from routing_etl.pipeline import learning_faults, night, sheets, street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.status import status
from routing_etl.runs import find_run
from routing_etl.sheets import pages

pytestmark = pytest.mark.integration


def context(home: Path, **settings: object) -> Context:
    return Context(home_settings(home, **settings), find_run(home, None, having=street.PUBLISH.report))


def test_a_night_leaves_a_worklist_whose_rows_lead_to_sheets(home: Path) -> None:
    folder = home / "sheets"
    written = context(home).require(street.WRITE_SHEETS)
    files = {p.name for p in (folder / "items").iterdir()}
    index = (folder / "index.html").read_text(encoding="utf-8")
    [[waiting]] = ask(
        home / "warehouse.db",
        "SELECT (SELECT COUNT(DISTINCT item_cd) FROM routing_candidates) + (SELECT COUNT(*) FROM routing_abstained)",
    )
    assert written.problem == "" and written.sheets == written.waiting == waiting == len(files)
    assert all(f'href="items/{name}"' in index for name in files)
    assert (folder / "worklist.xlsx").stat().st_size > 5000
    first = ask(
        home / "warehouse.db",
        "SELECT item_cd, confidence FROM routing_candidates WHERE candidate_rank = 1 ORDER BY confidence DESC LIMIT 1",
    )[0][0]
    assert first in (folder / "items" / sheets.file_of(first)).read_text(encoding="utf-8")


def test_their_number_is_bounded_and_old_ones_go(home: Path) -> None:
    few = sheets.write_sheets(context(home, sheet_items=5, sheet_language="ko")).result
    assert few.sheets == 5 and few.waiting > 5 and len(list((home / "sheets" / "items").iterdir())) == 5
    assert '<html lang="ko">' in (home / "sheets" / "index.html").read_text(encoding="utf-8")
    off = sheets.write_sheets(context(home, sheet_items=0)).result
    assert off.sheets == 0 and "ROUTING_ETL_SHEET_ITEMS = 0" in off.problem
    assert len(list((home / "sheets" / "items").iterdir())) == 5, "those of before stay"


def test_pages_that_cannot_be_written_stop_nothing_and_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = (home / "sheets" / "index.html").read_bytes()
    monkeypatch.setattr("routing_etl.sheets.workbook.write_workbook", full)
    ctx = context(home)
    told = sheets.write_sheets(ctx).result
    assert "No space left on device" in told.problem and told.sheets == 0
    assert ctx.require(street.WRITE_SHEETS) == told
    assert (home / "sheets" / "index.html").read_bytes() == before


def test_a_night_without_its_sheets_says_so_in_its_record_and_status(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    ctx = context(home)
    sheets.write_sheets(ctx)
    night.finish(ctx, "succeeded", "")
    [[state, message, published]] = ask(
        home / "warehouse.db",
        "SELECT status, message, publication_id FROM batch_run WHERE run_id = ?",
        ctx.run.run_id,
    )
    assert state == "succeeded_with_warnings" and published is not None
    assert "xlsxwriter" in message and "routing-etl worklist" in message
    now = status(ctx.settings)
    assert not now.ok and any("xlsxwriter" in p for p in now.problems)
    assert night_of(ctx.run).warnings == learning_faults.warnings_of(ctx.run)
    night_result(Console(width=80), ctx.run)
    assert "xlsxwriter" in capsys.readouterr().out


def test_sheets_that_were_switched_off_are_no_warning(home: Path) -> None:
    ctx = context(home, sheet_items=0)
    sheets.write_sheets(ctx)
    assert learning_faults.warnings_of(ctx.run) == ()


def test_a_plant_without_open_items_has_an_empty_worklist(home: Path) -> None:
    ctx = context(home)
    for folder in ctx.run.predictions.iterdir():
        shutil.rmtree(folder)
    ctx.run.forget(street.PUBLISH.report)
    told = sheets.write_sheets(ctx).result
    assert (told.problem, told.sheets, told.waiting) == ("", 0, 0)
    assert "Every item has a valid routing." in (home / "sheets" / "index.html").read_text(encoding="utf-8")
    assert not list((home / "sheets" / "items").iterdir())


def test_a_night_in_which_nothing_changed_makes_no_sheet_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is made again when its sheet, the language or the page itself is another, and never differs but in its time."""
    ctx, items = context(home, sheet_items=1000), home / "sheets" / "items"
    made, page = [], pages.sheet_page
    monkeypatch.setattr(
        pages, "sheet_page", lambda sheet, **said: made.append(sheet.item_cd) or page(sheet, **said)
    )

    def again(ctx: Context = ctx) -> list[str]:
        made.clear()
        assert sheets.write_sheets(ctx).result.problem == ""
        return sorted(made)

    (home / "sheets" / ".pages.json").unlink()
    every = again()
    before = {file.name: file.read_bytes() for file in items.iterdir()}
    assert len(every) == len(before) > 3
    assert again() == []
    assert {file.name: file.read_bytes() for file in items.iterdir()} == before

    proposed = set(pl.read_parquet(ctx.run.predictions / "candidates" / "*.parquet")["item_cd"])
    third = next(code for code in every if code in proposed)
    first, second = [code for code in every if code != third][:2]
    (items / sheets.file_of(first)).unlink()
    (items / sheets.file_of(second)).write_bytes(before[sheets.file_of(second)] + b"<p>added by somebody</p>")
    for part in (ctx.run.predictions / "candidates").iterdir():
        changed = pl.read_parquet(part).with_columns(
            pl.when(pl.col("item_cd") == third).then(0.123).otherwise("confidence").alias("confidence")
        )
        changed.write_parquet(part)
    assert again() == sorted([first, second, third])
    after = {file.name: file.read_bytes() for file in items.iterdir()}
    told = {name for name in before if _timeless(after[name]) != _timeless(before[name])}
    assert told == {sheets.file_of(third)}
    assert again(context(home, sheet_items=1000, sheet_language="ko")) == every
    (home / "sheets" / ".pages.json").write_text("{", encoding="utf-8")
    assert again() == every


def _timeless(page: bytes) -> str:
    return re.sub(r"made [0-9: -]{16} UTC", "", page.decode("utf-8"))
