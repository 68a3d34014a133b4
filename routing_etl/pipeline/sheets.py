"""The worklist and the item sheets of a night's whole batch, into `<home>/sheets/`. Those of single predictions: `item_sheets.py`.

What the pages say and how they look is in the room `sheets`; here is what they are made of, and where they are written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.item_sheets import FOLDER, file_of, own_routings, replace_page
from routing_etl.pipeline.kept_pages import RECORD, KeptPages
from routing_etl.pipeline.learning import read_attributes
from routing_etl.pipeline.results import SheetsWritten
from routing_etl.pipeline.scoring import scan_predictions

if TYPE_CHECKING:
    from routing_etl.sheets.content import Sheet, Source
    from routing_etl.sheets.worklist import Entry, Worklist

log = get_logger(__name__)
#: The names of the worklist in its folder, and the folder of the sheets beside them.
INDEX, WORKBOOK, ITEMS = "index.html", "worklist.xlsx", "items"


@step(street.WRITE_SHEETS)
def write_sheets(ctx: Context) -> SheetsWritten:
    """Write the worklist and the sheets of its items into `<home>/sheets/`.

    Their number is bounded by the setting `sheet_items`. What goes wrong here stops no night: it is logged, told in the
    result and in the night's warnings, and the worklist of the night before stays.
    """
    folder = ctx.settings.home / FOLDER
    if ctx.settings.sheet_items == 0:
        return SheetsWritten(str(folder), 0, 0, 0, "switched off: ROUTING_ETL_SHEET_ITEMS = 0")
    try:
        return _written(ctx, folder)
    except Exception as exc:  # whatever it is: the batch is published, and the pages only show it
        log.warning("sheets_not_written", exc_info=True)
        return SheetsWritten(str(folder), 0, 0, 0, f"not written ({type(exc).__name__}: {exc})", failed=True)


@dataclass(frozen=True)
class _Chosen:
    """The items of the worklist in order, and how many wait in all and are new."""

    items: pl.DataFrame
    waiting: int
    new: int


def _written(ctx: Context, folder: Path) -> SheetsWritten:
    from routing_etl.sheets.content import sheets_of
    from routing_etl.sheets.pages import sheet_page, worklist_page
    from routing_etl.sheets.workbook import write_workbook

    made = datetime.now(UTC)
    language = ctx.settings.sheet_language
    chosen = _chosen(ctx)
    (folder / ITEMS).mkdir(parents=True, exist_ok=True)
    pages = KeptPages(folder / ITEMS, folder / RECORD, language)
    names: set[str] = set()
    entries, again = [], 0
    new = dict(chosen.items.select("item_cd", "new").iter_rows())
    for sheet in sheets_of(_source(ctx, chosen.items)):
        name = file_of(sheet.item_cd)
        key = pages.key(sheet)
        if not pages.keeps(name, key):
            pages.write(name, key, sheet_page(sheet, language=language, made=made, back=f"../{INDEX}"))
            again += 1
        names.add(name)
        entries.append(_entry(sheet, new[sheet.item_cd], f"{ITEMS}/{name}"))
    listed = _worklist(ctx, chosen, _with_groups(ctx, chosen.items, entries), made)
    book = folder / f"{WORKBOOK}{TEMPORARY}"
    write_workbook(book, listed, language=language)
    replace_file(book, folder / WORKBOOK)
    replace_page(folder / INDEX, worklist_page(listed, language=language, workbook=WORKBOOK).encode("utf-8"))
    for old in (folder / ITEMS).iterdir():
        if old.name not in names and (old.suffix == ".html" or old.name.endswith(TEMPORARY)):
            old.unlink()
    pages.close()
    log.info("sheets_written", made=again, kept=len(entries) - again)
    return SheetsWritten(str(folder), len(entries), chosen.waiting, chosen.new, "")


def _chosen(ctx: Context) -> _Chosen:
    """The items that the list shows: those that were scored, new ones first, then the surest."""
    from routing_etl.sheets.worklist import chosen
    from routing_etl.warehouse.publication_changes import new_items

    first = (
        scan_predictions(ctx.run, frames.CANDIDATES)
        .filter(pl.col("candidate_rank") == 1)
        .select("item_key", "confidence")
        .collect()
    )
    abstained = scan_predictions(ctx.run, frames.ABSTAINED).select("item_key").collect()
    asked = pl.concat([first.select("item_key"), abstained])
    items = pl.scan_parquet(ctx.run.clean / f"{frames.ITEMS.name}.parquet")
    waiting = items.join(asked.lazy(), on="item_key", how="semi").collect()
    published = ctx.result(street.PUBLISH)
    new = pl.Series("item_cd", [], dtype=pl.String)
    if published is not None:
        with ctx.warehouse() as engine:
            new = new_items(engine, ctx.settings.warehouse_schema, published.publication_id)
    shown = chosen(waiting, first, new, ctx.settings.sheet_items)
    return _Chosen(shown, waiting.height, waiting.filter(pl.col("item_cd").is_in(new.implode())).height)


def _source(ctx: Context, items: pl.DataFrame) -> Source:
    from routing_etl.sheets.content import Source, commonplace

    keys = items.lazy().select("item_key")

    def of_these(frame: frames.Frame) -> pl.DataFrame:
        return scan_predictions(ctx.run, frame).join(keys, on="item_key", how="semi").collect()

    attributes = read_attributes(ctx.run)
    every = pl.read_parquet(ctx.run.clean / f"{frames.ITEMS.name}.parquet")
    evidence = of_these(frames.CANDIDATE_EVIDENCE)
    return Source(
        items,
        of_these(frames.CANDIDATES),
        of_these(frames.CANDIDATE_OPERATIONS),
        evidence,
        of_these(frames.ABSTAINED),
        own_routings(ctx.run, items),
        known=every.join(evidence.select(item_cd="neighbour_item_cd").unique(), on="item_cd", how="semi"),
        attributes=attributes,
        titles=ctx.profile.titles,
        commonplace=commonplace(every, attributes),
        model_version=ctx.require(street.SCORE).model_version,
    )


def _entry(sheet: Sheet, new: bool, path: str) -> Entry:
    from routing_etl.sheets.worklist import Entry

    first = sheet.candidates[0] if sheet.candidates else None
    return Entry(
        item_cd=sheet.item_cd,
        name=sheet.name,
        family=sheet.part_type,
        planner="",
        new=new,
        confidence=first.confidence if first else None,
        tier=first.tier if first else "",
        candidates=len(sheet.choices),
        operations=" > ".join(o.job_nm or o.job_cd for o in first.operations) if first else "",
        reference_item_cd=first.reference_item_cd if first else "",
        abstained=sheet.abstained,
        sheet=path,
    )


def _with_groups(ctx: Context, items: pl.DataFrame, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries with family and planner, as the profile names their attributes."""
    told = ctx.profile.health
    family, planner = (
        dict(items.select("item_cd", pl.col(name).cast(pl.String).fill_null("")).iter_rows())
        if name is not None and name in items.columns
        else {}
        for name in (told.family, told.planner)
    )
    return tuple(
        replace(e, family=family.get(e.item_cd, e.family), planner=planner.get(e.item_cd, ""))
        for e in entries
    )


def _worklist(ctx: Context, chosen: _Chosen, entries: tuple[Entry, ...], made: datetime) -> Worklist:
    from routing_etl.sheets.worklist import Worklist

    published = ctx.result(street.PUBLISH)
    return Worklist(
        entries=entries,
        waiting=chosen.waiting,
        new=chosen.new,
        run_id=ctx.run.run_id,
        model_version=ctx.require(street.SCORE).model_version,
        publication_id=published.publication_id if published is not None else None,
        made=made,
        plant=ctx.profile.name,
    )
