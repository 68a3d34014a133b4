"""Item sheets and the worklist: of one prediction, and of a night's whole batch into `<home>/sheets/`.

What the pages say and how they look is in the room `sheets`; here is what they are made of, and where they are written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.errors import ConfigurationError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.learning import read_attributes
from routing_etl.pipeline.results import SheetsWritten
from routing_etl.pipeline.scoring import scan_predictions
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.pipeline.one_item import Prediction
    from routing_etl.sheets.content import Sheet, Source
    from routing_etl.sheets.worklist import Entry, Worklist

log = get_logger(__name__)
#: Folder in the home, the names of the worklist in it, and the folder of the sheets beside them.
FOLDER, INDEX, WORKBOOK, ITEMS = "sheets", "index.html", "worklist.xlsx", "items"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH = 60


def sheet_of(prediction: Prediction, settings: Settings) -> Sheet:
    """The sheet of one item's prediction.

    Parameters
    ----------
    prediction : Prediction
        As `predict_item` returns it.
    settings : Settings
        Of the installation; the source profile that they name has the plant's words.
    """
    from routing_etl.sheets.content import Source, commonplace, sheets_of

    run, p = prediction.run, prediction.predictions
    items = pl.read_parquet(run.clean / f"{frames.ITEMS.name}.parquet")
    item = pl.DataFrame([prediction.item], schema=items.schema)
    own = prediction.own_routing
    source = Source(
        item, p.candidates, p.operations, p.evidence, p.abstained,
        own if own.height else _own_routings(run, item),
        known=items.join(p.evidence.select(item_cd="neighbour_item_cd").unique(), on="item_cd", how="semi"),
        attributes=prediction.attributes,
        titles=Context(settings, run).profile.titles,
        commonplace=commonplace(items, prediction.attributes),
        model_version=prediction.model_version,
    )  # fmt: skip
    [sheet] = sheets_of(source)
    return replace(sheet, changed=dict(prediction.overrides), notes=prediction.notes)


def save_sheets(settings: Settings, sheets: Sequence[Sheet], where: Path | None) -> tuple[Path, ...]:
    """Write sheets as HTML; returns their files.

    Parameters
    ----------
    settings : Settings
        Their language.
    sheets : sequence of Sheet
        What they say.
    where : pathlib.Path or None
        A file for one sheet; a folder for several, or one that is there. None: `<home>/sheets/predicted`.

    Raises
    ------
    ConfigurationError
        Several sheets are to go into one file.
    """
    from routing_etl.sheets.pages import sheet_page

    folder = where or settings.home / FOLDER / "predicted"
    one = len(sheets) == 1 and where is not None and not where.is_dir()
    if not one and folder.suffix == ".html":
        raise ConfigurationError(
            f"--html {folder} is one file, and there are {len(sheets)} items.", remedy="Name a folder."
        )
    files = []
    for sheet in sheets:
        file = folder if one else folder / file_of(sheet.item_cd)
        file.parent.mkdir(parents=True, exist_ok=True)
        page = sheet_page(sheet, language=settings.sheet_language, made=datetime.now(UTC))
        _replace(file, page.encode("utf-8"))
        files.append(file)
    return tuple(files)


def file_of(item_cd: str) -> str:
    """Name of an item's sheet: its code as far as every file system takes it, and a hash that keeps codes apart."""
    told = _UNSAFE.sub("_", item_cd).strip("._")[:_NAME_LENGTH]
    return f"{told or 'item'}-{hashlib.sha256(item_cd.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


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
    kept: set[str] = set()
    entries = []
    new = dict(chosen.items.select("item_cd", "new").iter_rows())
    for sheet in sheets_of(_source(ctx, chosen.items)):
        name = file_of(sheet.item_cd)
        page = sheet_page(sheet, language=language, made=made, back=f"../{INDEX}")
        _replace(folder / ITEMS / name, page.encode("utf-8"))
        kept.add(name)
        entries.append(_entry(sheet, new[sheet.item_cd], f"{ITEMS}/{name}"))
    listed = _worklist(ctx, chosen, _with_groups(ctx, chosen.items, entries), made)
    book = folder / f"{WORKBOOK}{TEMPORARY}"
    write_workbook(book, listed, language=language)
    replace_file(book, folder / WORKBOOK)
    _replace(folder / INDEX, worklist_page(listed, language=language, workbook=WORKBOOK).encode("utf-8"))
    for old in (folder / ITEMS).iterdir():
        if old.name not in kept and (old.suffix == ".html" or old.name.endswith(TEMPORARY)):
            old.unlink()
    return SheetsWritten(str(folder), len(entries), chosen.waiting, chosen.new, "")


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(content)
    replace_file(temporary, path)


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
        _own_routings(ctx.run, items),
        known=every.join(evidence.select(item_cd="neighbour_item_cd").unique(), on="item_cd", how="semi"),
        attributes=attributes,
        titles=ctx.profile.titles,
        commonplace=commonplace(every, attributes),
        model_version=ctx.require(street.SCORE).model_version,
    )


def _own_routings(run: RunFolder, items: pl.DataFrame) -> pl.DataFrame:
    """The routing that each item has in the ERP, valid or not: the one that counts among those of its item."""
    operations = pl.scan_parquet(run.clean / f"{frames.OPERATIONS.name}.parquet").join(
        items.lazy().select("item_key"), on="item_key", how="semi"
    )
    best = pl.struct("routing_rank", "rout_no").rank("dense").over("item_key") == 1
    return operations.sort("item_key", "routing_rank", "rout_no", "proc_seq").filter(best).collect()


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
