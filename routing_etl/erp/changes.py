"""What changed in a frame that has no time stamp, such as the item master (docs/erp-contract.md 3.1).

Between two nights only the item codes are compared (`item_changes`: one column is read, nothing is written); the night
reads all items and compares every row by its hash (`row_changes`). What does not belong here: frames that have a change
column (`incremental.py`).
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
from routing_etl.erp.statements import select_of
from routing_etl.frames import ITEMS
from routing_etl.settings import Settings

_CODE = "item_cd"


@dataclass(frozen=True)
class ItemChanges:
    """Numbers of item codes; `fingerprint` is the same for the same difference and '' when there is none."""

    items: int
    new: int
    gone: int
    fingerprint: str


def item_changes(url: str, profile: Profile, raw: Path, settings: Settings) -> ItemChanges:
    """Compare the ERP's item codes with those of the extract in `raw`.

    Raises
    ------
    SourceError: the item master cannot be read. TransientDatabaseError: the ERP is busy or not reachable.
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
                    for loose in reader.chunks(statement, binding.columns, settings.fetch_rows)
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


def row_changes(before: Path, now: Path, key: str) -> dict[str, int]:
    """Keys added, changed and removed between two raw frames, by the hash of all columns; {} when these differ.

    Rows that share a key are compared together, whatever their order; rows without one are not compared.
    """
    if not before.is_file() or pl.read_parquet_schema(before) != pl.read_parquet_schema(now):
        return {}

    def hashed(path: Path, name: str) -> pl.LazyFrame:
        scan = pl.scan_parquet(path).filter(pl.col(key).is_not_null())
        row = scan.select(key, pl.struct(pl.all()).hash(seed=5).alias(name))
        return row.group_by(key).agg(pl.col(name).sum(), pl.len().alias(f"{name}_rows"))

    both = hashed(before, "old").join(hashed(now, "new"), on=key, how="full", coalesce=True)
    same = (pl.col("old") == pl.col("new")) & (pl.col("old_rows") == pl.col("new_rows"))
    return (
        both.select(
            pl.col("old").is_null().sum().alias("added"),
            (~same).sum().alias("changed"),
            pl.col("new").is_null().sum().alias("removed"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
