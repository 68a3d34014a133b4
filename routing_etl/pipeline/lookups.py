"""What a question about one item needs to know of the whole plant: looked up once by the step `clean`, not by every question.

A run's lookups name the cleaned files that they were made of. Where these are others now, or an earlier release has cleaned, the files
themselves are looked through: slower, and the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from routing_etl import frames
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.frames import AttributeSpec
from routing_etl.pipeline.learning import read_attributes
from routing_etl.runs import RunFolder

#: The file, in the folder of cleaned frames: the columns of codes and each of their distinct codes; what it was made of and the
#: attributes that many items share are in its metadata.
LOOKUPS = "lookups.parquet"
#: Columns of codes in the operations, and those of them that work results have too.
_OF_OPERATIONS = ("rout_no", "job_cd", "res_cd", "bp_cd", "cur_cd", "tax_type")
_OF_RESULTS = ("job_cd", "res_cd")
_FILES = tuple(f"{f.name}.parquet" for f in (frames.ITEMS, frames.OPERATIONS, frames.WORK_RESULTS))


def write_lookups(run: RunFolder) -> None:
    """Look up, and store it beside the cleaned frames.

    Parameters
    ----------
    run : RunFolder
        A run whose frames were just cleaned.
    """
    from routing_etl.sheets.content import commonplace

    attributes = read_attributes(run)
    names = {a.name for a in attributes}
    items = pl.scan_parquet(run.clean / f"{frames.ITEMS.name}.parquet")
    shared = commonplace(items.select(n for n in items.collect_schema() if n in names).collect(), attributes)
    codes = [known.to_frame("code").with_columns(column=pl.lit(c)) for c, known in _distinct(run).items()]
    said = {"made_of": json.dumps(_made_of(run)), "commonplace": json.dumps(sorted(shared))}
    temporary = run.clean / (LOOKUPS + TEMPORARY)
    pl.concat(codes).select("column", "code").write_parquet(temporary, metadata=said)
    replace_file(temporary, run.clean / LOOKUPS)


def distinct_codes(run: RunFolder) -> dict[str, pl.Series]:
    """The distinct codes of a run's cleaned frames by code column, items' codes among them.

    Parameters
    ----------
    run : RunFolder
        A run with cleaned frames.
    """
    items = pl.scan_parquet(run.clean / f"{frames.ITEMS.name}.parquet")
    mine = {"item_cd": items.select(pl.col("item_cd").unique()).collect()["item_cd"].drop_nulls()}
    if _said(run) is None:
        return _distinct(run) | mine
    parts = pl.read_parquet(run.clean / LOOKUPS).partition_by("column", as_dict=True)
    found = {str(column): part["code"] for (column,), part in parts.items()}
    none = pl.Series(dtype=pl.String)
    return {c: found.get(c, none).alias(c) for c in _OF_OPERATIONS} | mine


def commonplace_of(run: RunFolder, attributes: tuple[AttributeSpec, ...]) -> frozenset[str]:
    """Attributes in which many items of the run agree (`sheets.content.commonplace`).

    Parameters
    ----------
    run : RunFolder
        A run with cleaned frames.
    attributes : tuple of AttributeSpec
        Those to judge.
    """
    said = _said(run)
    if said is not None:
        return frozenset(json.loads(said["commonplace"])) & {a.name for a in attributes}
    from routing_etl.sheets.content import commonplace

    return commonplace(pl.read_parquet(run.clean / f"{frames.ITEMS.name}.parquet"), attributes)


def _made_of(run: RunFolder) -> dict[str, list[int]]:
    """Size and time of writing of each cleaned file that is looked through."""
    files = (run.clean / name for name in _FILES)
    return {f.name: [f.stat().st_size, f.stat().st_mtime_ns] for f in files if f.is_file()}


def _said(run: RunFolder) -> Mapping[str, str] | None:
    """What the file's metadata says; None when there is none, or it was made of other files than there are now."""
    file: Path = run.clean / LOOKUPS
    if not file.is_file():
        return None
    try:
        said = pl.read_parquet_metadata(file)
        made_of = json.loads(said["made_of"])
    except (PolarsError, OSError, KeyError, ValueError):
        return None
    return said if made_of == _made_of(run) else None


def _distinct(run: RunFolder) -> dict[str, pl.Series]:
    """The distinct codes of operations and work results by column, NULL left out."""
    operations = pl.scan_parquet(run.clean / f"{frames.OPERATIONS.name}.parquet")
    plans = [operations.select(pl.col(c).unique()) for c in _OF_OPERATIONS]
    results = run.clean / f"{frames.WORK_RESULTS.name}.parquet"
    if results.is_file():
        plans += [pl.scan_parquet(results).select(pl.col(c).unique()) for c in _OF_RESULTS]
    known: dict[str, pl.Series] = {}
    for found in pl.collect_all(plans, engine="streaming"):
        codes = found.to_series().drop_nulls()
        known[codes.name] = pl.concat([known[codes.name], codes]).unique() if codes.name in known else codes
    return known
