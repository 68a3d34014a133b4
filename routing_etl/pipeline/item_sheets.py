"""Sheets of single predictions, and what they have in common with those of a night (`sheets.py`): names, folder, own routings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.errors import ConfigurationError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_items
from routing_etl.pipeline.lookups import commonplace_of
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.pipeline.one_item import Prediction
    from routing_etl.sheets.content import Sheet

#: Folder in the home.
FOLDER = "sheets"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH = 60


def sheets_of_predictions(predictions: Sequence[Prediction], settings: Settings) -> list[Sheet]:
    """The sheets of predictions of one run, in their order.

    Parameters
    ----------
    predictions : sequence of Prediction
        As `predict_items` returns them.
    settings : Settings
        Of the installation; the source profile that they name has the plant's words.
    """
    from routing_etl.sheets.content import Source, sheets_of

    if not predictions:
        return []
    first = predictions[0]
    run, every = first.run, read_items(first.run)
    # an item that is asked twice has one sheet
    asked = {p.item["item_key"]: p for p in predictions}
    items = pl.DataFrame([p.item for p in asked.values()], schema=every.collect_schema())
    without = items.filter(pl.Series([p.own_routing.is_empty() for p in asked.values()]))
    own = [p.own_routing for p in asked.values() if p.own_routing.height]
    if without.height:
        own.append(own_routings(run, without))
    found = [p.predictions for p in asked.values()]
    evidence = pl.concat([p.evidence for p in found])
    neighbours = evidence["neighbour_item_cd"].unique()
    source = Source(
        items,
        pl.concat([p.candidates for p in found]),
        pl.concat([p.operations for p in found]),
        evidence,
        pl.concat([p.abstained for p in found]),
        pl.concat(own),
        known=every.filter(pl.col("item_cd").is_in(neighbours.implode())).collect(),
        attributes=first.attributes,
        titles=Context(settings, run).profile.titles,
        commonplace=commonplace_of(run, first.attributes),
        model_version=first.model_version,
    )  # fmt: skip
    sheets = dict(zip(asked, sheets_of(source), strict=True))
    return [
        replace(sheets[p.item["item_key"]], changed=dict(p.overrides), notes=p.notes) for p in predictions
    ]


def sheet_of(prediction: Prediction, settings: Settings) -> Sheet:
    """The sheet of one prediction; parameters as `sheets_of_predictions`."""
    return sheets_of_predictions((prediction,), settings)[0]


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
        replace_page(file, page.encode("utf-8"))
        files.append(file)
    return tuple(files)


def file_of(item_cd: str) -> str:
    """Name of an item's sheet: its code as far as every file system takes it, and a hash that keeps codes apart."""
    told = _UNSAFE.sub("_", item_cd).strip("._")[:_NAME_LENGTH]
    return f"{told or 'item'}-{hashlib.sha256(item_cd.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


def own_routings(run: RunFolder, items: pl.DataFrame) -> pl.DataFrame:
    """The routing that each item has in the ERP, valid or not: the one that counts among those of its item."""
    operations = pl.scan_parquet(run.clean / f"{frames.OPERATIONS.name}.parquet").join(
        items.lazy().select("item_key"), on="item_key", how="semi"
    )
    best = pl.struct("routing_rank", "rout_no").rank("dense").over("item_key") == 1
    return operations.sort("item_key", "routing_rank", "rout_no", "proc_seq").filter(best).collect()


def replace_page(path: Path, content: bytes) -> None:
    """Write a page whole or not at all."""
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(content)
    replace_file(temporary, path)
