"""Walks of remedies about what others do at the same time, and about nights that have published nothing yet; each after a night."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager

from homes import home_settings
from walks import Case, House
from walks_home import without
from walks_settings import given, removed

from routing_etl.database.engine import make_engine
from routing_etl.runs import run_lock
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.schema import tables


def held(lock: Callable[[House], AbstractContextManager[object]], command: str) -> Callable[[House], str]:
    """A lock that somebody else holds."""

    def arrange(house: House) -> str:
        house.held.enter_context(lock(house))
        return command

    return arrange


def _ends(house: House, said: str) -> None:
    """The other one ends."""
    house.held.close()


def _run(house: House) -> AbstractContextManager[object]:
    return run_lock(house.home, "night")


def _writer(house: House) -> AbstractContextManager[object]:
    settings = home_settings(house.home)
    engine = make_engine(settings.warehouse, "warehouse", settings)
    house.held.callback(engine.dispose)
    return WriterLock(engine, tables(None), "load of another run")


def _nothing_published(command: str) -> Callable[[House], str]:
    """Our tables are there, and nothing is in them."""

    def arrange(house: House) -> str:
        house.warehouse.unlink()
        shutil.rmtree(house.home / "models")
        code, said = house.call("migrate --quiet")
        assert not code, said
        return command

    return arrange


def _foreign_writer(house: House) -> str:
    given(BULK_WRITER="bulkcopy")(house)
    return "publish --quiet"


CASES = (
    Case("Another run is at work in …", held(_run, "extract --quiet"), _ends),
    Case("Another writer is at work: …", held(_writer, "publish --quiet"), _ends),
    Case("Nothing is published.", _nothing_published("publications export --out files --quiet")),
    Case("Nothing has been published yet.", _nothing_published("publications diff --quiet"), lambda house, said: house.obey(said) or "publications list --quiet"),
    Case("ROUTING_ETL_BULK_WRITER = … is for SQL Server", _foreign_writer, removed("BULK_WRITER")),
    Case("No cleaned frame at …", without("runs/*/clean/items.parquet", "check --quiet")),
    Case("No attribute list at …", without("runs/*/clean/items.attributes.json", "check --quiet")),
)  # fmt: skip
