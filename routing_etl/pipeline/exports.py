"""The published batch as files beside the tables, in the ERP's layout, with a checksum of each."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from routing_etl import safe_text
from routing_etl.database.engine import translated
from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.files import SCRATCH, TEMPORARY, replace_file
from routing_etl.pipeline.context import Context
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings
from routing_etl.warehouse.schema import FLAT_COLUMNS, schema_for, tables
from routing_etl.warehouse.views import view_selects

#: Rows of a sheet, without its head.
_SHEET_ROWS = 1_048_575
_CHUNK = 50_000
#: Seconds after which the working files of another export are those of one that was killed.
_LITTER_SECONDS = 86_400
#: Text that no spreadsheet takes for a formula: it begins with a letter or a digit.
_PLAIN = r"^[\p{L}\p{N}]"
#: File with the checksums, as `sha256sum -c` reads it.
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written: its path, rows, bytes and SHA-256."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Exported:
    """What was exported: the publication, and the files."""

    publication_id: int
    files: tuple[ExportedFile, ...]


def _excel(rows: pl.LazyFrame, path: Path) -> None:
    """One sheet. Texts stay texts: no formulas, no links, no leading zeros lost."""
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        rows.collect(engine="streaming").write_excel(book, worksheet="operations", table_style=None)


def _csv(rows: pl.LazyFrame, path: Path) -> None:
    """A text that a spreadsheet would take for a formula gets an apostrophe, as in all our CSV; the other forms keep it."""
    rows.with_columns(pl.col(pl.String).map_batches(_cells, pl.String)).sink_csv(path, include_bom=True)


def _cells(texts: pl.Series) -> pl.Series:
    odd = texts.filter(~texts.str.contains(_PLAIN)).unique().drop_nulls().to_list()
    return texts.replace(dict(zip(odd, map(safe_text.spreadsheet, odd), strict=True))) if odd else texts


#: By ending, how a frame is written.
KINDS: dict[str, Callable[[pl.LazyFrame, Path], Any]] = {
    "csv": _csv,
    "parquet": lambda rows, path: rows.sink_parquet(path),
    "jsonl": lambda rows, path: rows.sink_ndjson(path),
    "xlsx": _excel,
}


def export(settings: Settings, folder: Path, kinds: Sequence[str]) -> Exported:
    """Write what the ERP reads into files: one row an operation, the 52 columns of the layout.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    folder : pathlib.Path
        Made when it is missing. Files of an earlier export are replaced, each whole or not at all.
    kinds : sequence of str
        Of `KINDS`.

    Raises
    ------
    ConfigurationError
        There is no such kind, or the rows do not fit into a sheet.
    WarehouseError
        Nothing is published, or the batch was replaced while it was read.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ConfigurationError(
            f"There is no file format {', '.join(map(repr, unknown)) or 'named'}.",
            remedy=f"Use one of {', '.join(KINDS)}.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as parts:
        number, count = _read(settings, Path(parts))
        if "xlsx" in kinds and count > _SHEET_ROWS:
            raise ConfigurationError(
                f"A sheet holds {_SHEET_ROWS:,} rows, and {count:,} are published.",
                remedy="Export csv or parquet.",
            )
        rows = pl.scan_parquet(sorted(Path(parts).glob("*.parquet")))
        files = tuple(_written(rows, folder / f"routing_flat_52.{kind}", kind, count) for kind in kinds)
    sums = "".join(f"{file.sha256}  {Path(file.path).name}\n" for file in files)
    (folder / SUMS).write_text(sums, encoding="ascii")
    return Exported(number, files)


def _sweep(folder: Path) -> None:
    """Remove the working files of exports that were killed."""
    for left in folder.glob(f"{SCRATCH}*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _LITTER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _read(settings: Settings, parts: Path) -> tuple[int, int]:
    """The rows of the published batch as part files; returns the publication and how many they are."""
    ctx = Context(settings, RunFolder("export", settings.home))
    with ctx.warehouse() as engine:
        place = schema_for(engine, settings.warehouse_schema)
        flat = view_selects(place, engine.dialect.name)["routing_flat"].subquery("flat")
        names = FLAT_COLUMNS[:52]
        dtypes = {name: _dtype(tables(place).routing_flat_table.c[name].type) for name in names}
        query = sa.select(*(flat.c[n] for n in names)).order_by(
            *(flat.c[n] for n in ("ITEM_CD", "CANDIDATE_ID", "PROC_SEQ"))
        )
        pointer = sa.select(tables(place).current_publication.c.publication_id)
        with translated("warehouse", engine.url), engine.connect() as connection:
            number = connection.execute(pointer).scalar()
            if number is None:
                raise WarehouseError("Nothing is published.", remedy="Run: routing-etl run")
            count = 0
            found = connection.execution_options(stream_results=True).execute(query)
            for place_, chunk in enumerate(found.partitions(_CHUNK)):
                frame = pl.DataFrame([tuple(row) for row in chunk], schema=dtypes, orient="row", strict=False)
                frame.write_parquet(parts / f"{place_:06}.parquet")
                count += frame.height
            if not count:
                pl.DataFrame(schema=dtypes).write_parquet(parts / "000000.parquet")
        with translated("warehouse", engine.url), engine.connect() as connection:
            if connection.execute(pointer).scalar() != number:
                raise WarehouseError(
                    f"Another batch than {number} was published meanwhile; nothing was exported.",
                    remedy="Export again.",
                )
    return int(number), count


def _dtype(kind: Any) -> Any:
    if isinstance(kind, sa.Integer):
        return pl.Int64
    if isinstance(kind, sa.Numeric):
        return pl.Float64
    return pl.Date if isinstance(kind, sa.Date) else pl.String


def _written(rows: pl.LazyFrame, path: Path, kind: str, count: int) -> ExportedFile:
    temporary = path.with_name(path.name + TEMPORARY)
    KINDS[kind](rows, temporary)
    with temporary.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size = temporary.stat().st_size
    replace_file(temporary, path)
    return ExportedFile(str(path), count, size, digest)
