"""Which items the ERP has gained or lost since an extract: one column is read, nothing is written.

The item master has no time stamp (ERP_CONTRACT 3.1), so the codes themselves are compared. What does not belong here:
changed attributes of known items; the night finds them by their row hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from routing_etl.database import make_engine, translated
from routing_etl.erp.catalogue import bind
from routing_etl.erp.extract import select_of
from routing_etl.erp.profile import Profile
from routing_etl.erp.reader import open_reader, snapshot, tighten
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
