"""What changed in a frame without a change column, such as the item master.

Between two nights only the item codes are compared (`item_changes`: one column is read, nothing is written). The night
reads all items and compares every row by its hash (`row_changes`). Frames with a change column: `incremental.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from routing_etl.database.engine import make_engine, translated
from routing_etl.erp.catalogue import bind
from routing_etl.erp.profile import Profile
from routing_etl.erp.reader import open_reader, snapshot, tighten
from routing_etl.erp.statements import columns_read, select_of
from routing_etl.frames import ITEMS
from routing_etl.settings import Settings

#: Raw column of the item code.
_CODE = "item_cd"


@dataclass(frozen=True)
class ItemChanges:
    """How the ERP's item codes differ from those of the last extract.

    Parameters
    ----------
    items : int
        Item codes in the ERP now.
    new : int
        Those that the extract does not have.
    gone : int
        Those of the extract that the ERP no longer has.
    fingerprint : str
        The same for the same difference, '' when there is none.
    """

    items: int
    new: int
    gone: int
    fingerprint: str


def item_changes(url: str, profile: Profile, raw: Path, settings: Settings) -> ItemChanges:
    """Compare the ERP's item codes with those of the extract in `raw`.

    Raises
    ------
    SourceError
        The item master cannot be read.
    TransientDatabaseError
        The ERP is busy or not reachable.
    """
    engine = make_engine(url, "erp", settings)
    try:
        with translated("erp", url):
            catalogue = bind(engine, profile)
            catalogue.raise_errors()
            whole = catalogue.bindings["items"]
            binding = dataclasses.replace(whole, columns=tuple(c for c in whole.columns if c.name == _CODE))
            with snapshot(engine) as (connection, isolation):
                reader = open_reader(
                    connection,
                    isolation,
                    connect_timeout=settings.connect_timeout,
                    statement_timeout=settings.statement_timeout,
                )
                statement = select_of(binding, engine.dialect.name)
                chunks = [
                    tighten(loose, binding.columns, 0)[0].select(_CODE)
                    for loose in reader.chunks(
                        statement, columns_read(binding, engine.dialect.name), settings.fetch_rows
                    )
                ]
    finally:
        engine.dispose()
    empty = pl.DataFrame(schema={_CODE: pl.String})
    now = pl.concat([empty, *chunks]).drop_nulls().unique()
    before = pl.read_parquet(raw / f"{ITEMS.name}.parquet", columns=[_CODE]).drop_nulls().unique()
    new, gone = now.join(before, on=_CODE, how="anti"), before.join(now, on=_CODE, how="anti")
    difference = sorted([f"+{c}" for c in new[_CODE]] + [f"-{c}" for c in gone[_CODE]])
    fingerprint = hashlib.sha256("\n".join(difference).encode()).hexdigest() if difference else ""
    return ItemChanges(now.height, new.height, gone.height, fingerprint)


@dataclass(frozen=True)
class RowChanges:
    """Numbers of keys."""

    added: int
    changed: int
    removed: int


def row_changes(before: Path, now: Path, key: str) -> RowChanges | None:
    """Count the keys added, changed and removed between two raw frames, by the hash of all columns.

    Rows that share a key are compared together, in any order; rows without a key are not compared.

    Parameters
    ----------
    before : pathlib.Path
        Rows of the earlier frame.
    now : pathlib.Path
        Rows of the later one.
    key : str
        Column of the key.

    Returns
    -------
    RowChanges or None
        None when the earlier frame is gone or has other columns.
    """
    if not before.is_file() or pl.read_parquet_schema(before) != pl.read_parquet_schema(now):
        return None

    def hashed(path: Path, name: str) -> pl.LazyFrame:
        scan = pl.scan_parquet(path).filter(pl.col(key).is_not_null())
        row = scan.select(key, pl.struct(pl.all()).hash(seed=5).alias(name))
        return row.group_by(key).agg(pl.col(name).sum(), pl.len().alias(f"{name}_rows"))

    both = hashed(before, "old").join(hashed(now, "new"), on=key, how="full", coalesce=True)
    same = (pl.col("old") == pl.col("new")) & (pl.col("old_rows") == pl.col("new_rows"))
    counts = both.select(
        pl.col("old").is_null().sum().alias("added"),
        (~same).sum().alias("changed"),
        pl.col("new").is_null().sum().alias("removed"),
    ).collect(engine="streaming")
    return RowChanges(**counts.row(0, named=True))
