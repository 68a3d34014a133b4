"""A backup is worth what its restore is: a copy is made or named, opened like the real thing, and compared with it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from routing_etl.errors import ConfigurationError, RoutingEtlError
from routing_etl.pipeline.context import Context
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from routing_etl.settings import Settings


@dataclass(frozen=True)
class TableCounted:
    """Rows of a table: live, and in the restored copy."""

    table: str
    live: int
    restored: int


@dataclass(frozen=True)
class Drill:
    """What a drill found.

    Attributes
    ----------
    ok : bool
        Nothing is missing and the copy can be worked with.
    seconds_copied : float or None
        How long copying took. None: the copy was named.
    seconds_proven : float
        How long opening, verifying and counting took: together with the copying what a restore takes at least (RTO).
    newest : datetime or None
        The newest thing on record in the copy (UTC): what came after it would be lost (RPO).
    hours_lost : float or None
        From then to now.
    champion : str or None
        The version whose files were verified against its manifest, and its manifest against the database.
    publication_id, candidates : int or None
        What readers of the copy see.
    tables : tuple of TableCounted
        Every table of ours.
    problems : tuple of str
        What is wrong.
    """

    ok: bool
    seconds_copied: float | None
    seconds_proven: float
    newest: datetime | None
    hours_lost: float | None
    champion: str | None
    publication_id: int | None
    candidates: int | None
    tables: tuple[TableCounted, ...]
    problems: tuple[str, ...]


def drill(settings: Settings, restored_url: str | None = None, restored_models: Path | None = None) -> Drill:
    """Prove a restored copy, or one that is made for it and removed again. The installation itself is only read.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    restored_url : str, optional
        Where a backup of our tables was restored. None: a copy of the embedded database is made.
    restored_models : pathlib.Path, optional
        Where a backup of the registry was restored. None: a copy is made.

    Raises
    ------
    ConfigurationError
        The warehouse is on a server and no restored copy is named.
    """
    if restored_url is None and not settings.warehouse.startswith("sqlite"):
        raise ConfigurationError(
            "The warehouse is on a server, whose backups the DBA makes.",
            remedy="Restore one under another name, and name it: routing-etl drill --restored-url URL",
        )
    with tempfile.TemporaryDirectory(prefix="routing_etl_drill_") as name:
        folder, copied = Path(name), None
        begun = time.perf_counter()
        models = restored_models or _copied_models(settings, folder / "models")
        url = restored_url or _copied_database(settings, folder / "warehouse.db")
        if restored_url is None or restored_models is None:
            copied = time.perf_counter() - begun
        changed = {"home": folder, "models": models, "warehouse_url": SecretStr(url)}
        copy = settings.model_copy(update=changed)
        return _proven(settings, copy, copied)


def _copied_database(settings: Settings, to: Path) -> str:
    """SQLite's own backup: whole and consistent, even while a night writes."""
    source = settings.warehouse.split("///", 1)[1].split("?", 1)[0]
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(to)) as made,
    ):
        live.backup(made)
    return f"sqlite:///{to.as_posix()}"


def _copied_models(settings: Settings, to: Path) -> Path:
    if settings.models_dir.is_dir():
        shutil.copytree(settings.models_dir, to)
    return to


def _proven(settings: Settings, copy: Settings, copied: float | None) -> Drill:
    from routing_etl.pipeline.upkeep import verify_models

    begun, problems = time.perf_counter(), []
    tables = tuple(
        TableCounted(name, live, found)
        for (name, live), found in zip(_counts(settings), (n for _, n in _counts(copy)), strict=True)
    )
    short = [t for t in tables if t.restored < t.live]
    if short and copied is not None:
        problems += [f"{t.table} has {t.restored:,} of {t.live:,} rows." for t in short]
    champion = None
    try:
        named = Context(copy, RunFolder("drill", copy.home)).registry.alias("champion")
        if named is None:
            problems.append("The copy has no champion.")
        else:
            verify_models(copy, named)
            champion = named
    except RoutingEtlError as exc:
        problems.append(str(exc))
    publication, candidates, newest = _readable(copy)
    if publication is None:
        problems.append("Readers of the copy would see nothing: no publication is current.")
    now = datetime.now(UTC)
    return Drill(
        ok=not problems,
        seconds_copied=None if copied is None else round(copied, 2),
        seconds_proven=round(time.perf_counter() - begun, 2),
        newest=newest,
        hours_lost=None if newest is None else round((now - newest).total_seconds() / 3600, 2),
        champion=champion,
        publication_id=publication,
        candidates=candidates,
        tables=tables,
        problems=tuple(problems),
    )


def _counts(settings: Settings) -> list[tuple[str, int]]:
    from routing_etl.warehouse.questions import rows_by_table

    with Context(settings, RunFolder("drill", settings.home)).warehouse() as engine:
        return rows_by_table(engine, settings.warehouse_schema)


def _readable(copy: Settings) -> tuple[int | None, int | None, datetime | None]:
    """The publication that readers see with its candidates, read through the views, and the newest thing on record."""
    from routing_etl.warehouse.questions import answer, newest_on_record, rows_of_view

    with Context(copy, RunFolder("drill", copy.home)).warehouse() as engine:
        fresh = answer(engine, copy.warehouse_schema, "freshness").to_dicts()
        newest = newest_on_record(engine, copy.warehouse_schema)
        shown = fresh[0]["publication_id"] if fresh else None
        candidates = (
            None if shown is None else rows_of_view(engine, copy.warehouse_schema, "routing_candidates")
        )
    return shown, candidates, newest
