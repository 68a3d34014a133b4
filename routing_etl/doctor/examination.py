"""`routing-etl doctor`: whether everything is in place for tonight. It changes nothing and shows no secrets."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from routing_etl.database.engine import Role, make_engine, safe_url, translated
from routing_etl.doctor.plant_defaults import examine_defaults, examine_owner
from routing_etl.doctor.server import (
    WRITES,
    Finding,
    Granted,
    Level,
    collation,
    collation_consequences,
    examine_server,
)
from routing_etl.errors import RoutingEtlError
from routing_etl.memory_limits import memory_verdict, processes_at_once
from routing_etl.runs import last_succeeded, list_runs
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.erp.catalogue import Catalogue

#: Free disk space that a full-size night needs.
_MIN_FREE_BYTES = 5 * 1024**3

__all__ = ["Finding", "Level", "examine"]


def examine(settings: Settings) -> list[Finding]:
    """Check every area. An error in one does not stop the others."""
    areas: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("start", _start),
        ("settings", _settings),
        ("ERP", _erp),
        ("warehouse", _warehouse),
        ("models", _models),
        ("disk", _disk),
        ("memory", _memory),
    )
    findings: list[Finding] = []
    for area, look in areas:
        try:
            findings.extend(look(settings))
        except RoutingEtlError as exc:
            findings.append(Finding(area, "error", exc.message, exc.remedy))
    return findings


def _is_fresh(settings: Settings) -> bool:
    """Whether nothing has run here yet, so that missing things are not lost but still to be made."""
    from routing_etl.registry.store import ModelRegistry

    return not list_runs(settings.home) and ModelRegistry(settings.models_dir).alias("champion") is None


def _start(settings: Settings) -> Iterator[Finding]:
    if _is_fresh(settings):
        yield Finding(
            "start",
            "warning",
            f"not yet initialised: nothing has run in {settings.home.resolve()}",
            "To try it: routing-etl demo. For a plant: set ROUTING_ETL_ERP_URL and ROUTING_ETL_PROFILE, look again with "
            "routing-etl doctor, then: routing-etl run",
        )


def _settings(settings: Settings) -> Iterator[Finding]:
    files = [str(file) for file in (settings.read_from, settings.configured.file) if file]
    source = " and ".join(["the environment", *files]) + ("" if settings.read_from else "; no .env")
    yield Finding(
        "settings",
        "ok",
        f"home {settings.home.resolve()}, models {settings.models_dir.resolve()}, read from {source}",
    )
    yield from examine_defaults(settings)
    home = settings.home
    places = [home, *(p for p in home.glob("*") if p.is_file()), home / "runs", *(home / "runs").rglob("*")]
    yield from _writable_by_others(
        "settings", home, places, "who writes there chooses what is read, predicted and published"
    )
    profile = Path(settings.profile)
    if profile.suffix == ".toml":
        yield from _writable_by_others(
            "profile", profile, [profile], "who writes it chooses what is read of the ERP"
        )


def _connect(settings: Settings, role: Role, url: str) -> sa.Engine:
    engine = make_engine(url, role, settings)
    with translated(role, url), engine.connect() as connection:
        connection.execute(sa.select(1))
    return engine


def _erp(settings: Settings) -> Iterator[Finding]:
    from routing_etl.doctor.source import examine_source
    from routing_etl.erp.catalogue import bind
    from routing_etl.erp.profile import load_profile

    profile = load_profile(settings.profile)
    yield Finding("profile", "ok", f"{profile.name} is well-formed")
    if profile.unsettled:
        yield Finding("profile", "warning", profile.unsettled, "Settle each and remove its mark.")
    engine = _connect(settings, "erp", settings.erp)
    try:
        yield Finding("ERP", "ok", f"connected to {safe_url(settings.erp)}")
        with translated("erp", settings.erp):
            catalogue = bind(engine, profile)
        grants = [Granted(_names(catalogue), ("SELECT",), WRITES)]
        if _one_database(settings):
            grants.append(Granted(_our_names(settings, engine), (), WRITES))
        yield from examine_server(engine, "erp", grants)
        yield from examine_source(engine, catalogue, profile)
    finally:
        engine.dispose()


def _names(catalogue: Catalogue) -> list[tuple[str | None, str]]:
    """Schema and name of every table or view of the profile that exists."""
    names = {(schema, name) for b in catalogue.bindings.values() for name, schema in b.all_tables}
    return sorted(names, key=str)


def _our_names(settings: Settings, engine: sa.Engine) -> list[tuple[str | None, str]]:
    from routing_etl.warehouse.schema import schema_for, tables

    schema = schema_for(engine, settings.warehouse_schema)
    return [(schema, table.name) for table in tables(schema).metadata.sorted_tables]


def _one_database(settings: Settings) -> bool:
    """Whether ERP and warehouse are one database under two logins. Then neither may write the other's tables."""
    try:
        erp, ours = sa.make_url(settings.erp), sa.make_url(settings.warehouse)
    except sa.exc.ArgumentError:
        return False  # reported by the area of that URL
    place = [(u.get_backend_name(), u.host, u.port, u.database) for u in (erp, ours)]
    return place[0] == place[1] and erp.username != ours.username


def _erp_names(settings: Settings) -> list[tuple[str | None, str]]:
    from routing_etl.erp.catalogue import bind
    from routing_etl.erp.profile import load_profile

    engine = make_engine(settings.erp, "erp", settings)
    try:
        return _names(bind(engine, load_profile(settings.profile)))
    finally:
        engine.dispose()


def _warehouse(settings: Settings) -> Iterator[Finding]:
    from routing_etl.warehouse.migrate import check_head, current_revision
    from routing_etl.warehouse.schema import schema_for

    if settings.warehouse == settings.erp:
        yield Finding(
            "warehouse", "warning", "ERP and warehouse are the same database under the same login",
            "Use two logins: one that only reads the ERP, one that only writes our schema.",
        )  # fmt: skip
    file = _sqlite_file(settings.warehouse)
    if file is not None and not file.exists():  # connecting would create it
        yield _no_tables(settings, f"the warehouse {file} does not exist")
        return
    engine = _connect(settings, "warehouse", settings.warehouse)
    try:
        yield Finding("warehouse", "ok", f"connected to {safe_url(settings.warehouse)}")
        ours = _our_names(settings, engine)
        schema = schema_for(engine, settings.warehouse_schema)
        if current_revision(engine, schema) is None:
            where = f"schema {schema!r}" if schema else "the database"
            yield _no_tables(settings, f"the warehouse has none of our tables in {where}")
            ours = []
        else:
            try:
                check_head(engine, schema)
                yield Finding("migrations", "ok", "our tables are at head")
                yield from examine_owner(settings, engine)
            except RoutingEtlError as exc:
                yield Finding("migrations", "error", exc.message, exc.remedy)
                ours = []
        grants = [Granted(ours, ("SELECT", *WRITES))]
        if _one_database(settings):
            grants.append(Granted(_erp_names(settings), (), WRITES))
        yield from examine_server(engine, "warehouse", grants)
        yield from _writers(settings, engine)
        yield from _collations(settings, engine)
    finally:
        engine.dispose()


def _writers(settings: Settings, engine: sa.Engine) -> Iterator[Finding]:
    """Which writer will send the rows of a night, and why not a faster one."""
    if engine.dialect.name != "mssql":
        return
    from routing_etl.warehouse.writer_probe import probe_writers

    with translated("warehouse", settings.warehouse):
        probed = probe_writers(engine, settings)
    used = next((p for p in probed if p.chosen and not p.problem), None)
    if used is None:
        reasons = "; ".join(f"{p.writer}: {p.problem}" for p in probed if p.chosen)
        yield Finding(
            "warehouse", "error", f"no writer that the settings allow can send rows ({reasons})",
            "Set ROUTING_ETL_BULK_WRITER=auto.",
        )  # fmt: skip
        return
    faster = probed[: probed.index(used)]
    failed = [p for p in faster if p.chosen]
    unused = [p for p in faster if not p.chosen and not p.problem]
    message = f"rows are sent by {used.writer}"
    if failed:
        reasons = "; ".join(f"{p.writer}: {p.problem}" for p in failed)
        yield Finding(
            "warehouse", "warning", f"{message}, more slowly: the probe of a faster way failed ({reasons})",
            "Nothing needs to be done if the night is fast enough; a load tries the faster way again.",
        )  # fmt: skip
    elif unused:
        yield Finding(
            "warehouse", "warning", f"{message}, because ROUTING_ETL_BULK_WRITER={settings.bulk_writer}; "
            f"{unused[0].writer} would work and is faster", "Leave ROUTING_ETL_BULK_WRITER at auto.",
        )  # fmt: skip
    else:
        yield Finding("warehouse", "ok", f"{message}, the fastest way that there is")


def _sqlite_file(url: str) -> Path | None:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None  # reported when connecting
    named = parsed.database if parsed.get_backend_name() == "sqlite" else None
    return None if named in (None, "", ":memory:") or str(named).startswith("file:") else Path(str(named))


def _no_tables(settings: Settings, found: str) -> Finding:
    """The finding that our tables are missing: normal before the first night, an error later."""
    if not _is_fresh(settings):
        return Finding(
            "migrations",
            "error",
            f"{found}, though runs were made with it",
            "Check ROUTING_ETL_WAREHOUSE_URL or restore a backup; for new, empty tables: routing-etl migrate",
        )
    if sa.make_url(settings.warehouse).get_backend_name() == "sqlite":
        remedy = "The first night makes them (routing-etl run, or routing-etl demo); to make them now: routing-etl migrate"
        return Finding("migrations", "warning", f"not yet initialised: {found}", remedy)
    remedy = (
        "Before the first night, with a login that may create tables: routing-etl migrate (the DDL for the DBA: "
        "routing-etl migrate --sql)"
    )
    return Finding("migrations", "error", f"not yet initialised: {found}", remedy)


def _collations(settings: Settings, engine: sa.Engine) -> Iterator[Finding]:
    """Whether the collations of two SQL Servers agree, because item codes are compared with the ERP's."""
    if engine.dialect.name != "mssql" or not settings.erp.startswith("mssql"):
        return
    erp = make_engine(settings.erp, "erp", settings)
    try:
        with translated("erp", settings.erp):
            theirs = collation(erp)
    finally:
        erp.dispose()
    with translated("warehouse", settings.warehouse):
        ours = collation(engine)
    if theirs and ours and theirs != ours:
        yield Finding(
            "warehouse",
            "warning",
            f"our database has collation {ours}, the ERP's has {theirs}: {'; '.join(collation_consequences(ours, theirs))}",
            "Create our database with the ERP's collation, or our schema inside the ERP's database.",
        )
    elif theirs and ours:
        yield Finding("warehouse", "ok", f"our database and the ERP's have one collation, {ours}")
    else:
        unseen = " and ".join(n for n, found in (("ours", ours), ("the ERP's", theirs)) if not found)
        yield Finding(
            "warehouse", "warning", f"whether our database and the ERP's have one collation cannot be seen ({unseen} is not told)",
            "Ask the DBA to compare them: SELECT DATABASEPROPERTYEX(DB_NAME(), 'Collation')",
        )  # fmt: skip


def _models(settings: Settings) -> Iterator[Finding]:
    from routing_etl.registry.manifest import RESTORE
    from routing_etl.registry.store import ModelRegistry

    registry = ModelRegistry(settings.models_dir)
    yield from _writable_by_others(
        "models",
        registry.root,
        [registry.root, *registry.root.rglob("*")],
        "who writes there chooses what is predicted",
    )
    champion = registry.alias("champion")
    if champion is None:
        yield Finding("models", "warning", "there is no champion; the next night trains one")
        return
    try:
        recorded = _recorded_hash(settings, champion)
        report = registry.verify(champion, expected_manifest_sha256=recorded)
    except RoutingEtlError as exc:
        yield Finding("models", "error", f"champion {champion}: {exc.message}", exc.remedy)
        return
    damaged = [f"{c.path}: {c.problem}" for c in report.checks if c.problem]
    problems = [*damaged, *([report.incompatible] if report.incompatible else [])]
    if problems:
        remedy = f"{RESTORE}." if damaged else "Run: routing-etl train"
        yield Finding("models", "error", f"champion {champion}: {'; '.join(problems)}", remedy)
    else:
        yield Finding("models", "ok", f"champion {champion} is intact and fits this installation")
    if report.unlisted:
        yield Finding(
            "models",
            "warning",
            f"champion {champion} holds files that its manifest does not list: {', '.join(report.unlisted)}",
            "They are never read; remove them, or find out who put them there.",
        )


def _recorded_hash(settings: Settings, champion: str) -> str | None:
    """The hash of the champion's manifest in our tables; None where there are none, which the examination of the warehouse says.

    Raises
    ------
    RegistryError
        The tables do not know the version: every night would refuse it.
    """
    from routing_etl.errors import RegistryError
    from routing_etl.warehouse.migrate import current_revision
    from routing_etl.warehouse.model_records import ModelRecords
    from routing_etl.warehouse.schema import schema_for

    file = _sqlite_file(settings.warehouse)
    if file is not None and not file.exists():
        return None
    try:
        engine = _connect(settings, "warehouse", settings.warehouse)
    except RoutingEtlError:
        return None
    try:
        if current_revision(engine, schema_for(engine, settings.warehouse_schema)) is None:
            return None
        found = ModelRecords(engine, settings).manifest_sha256(champion)
    finally:
        engine.dispose()
    if found is None:
        raise RegistryError(
            f"it is not in the table model_version of {safe_url(settings.warehouse)}, so that no night predicts with it",
            remedy="Use the warehouse it was trained with, or train again: routing-etl train",
        )
    return found


def _writable_by_others(area: str, root: Path, places: list[Path], so: str) -> Iterator[Finding]:
    """Those of these folders and files that others may write to, where the system tells (POSIX)."""
    if os.name != "posix" or not root.exists():
        return
    found = (p for p in places if p.exists() and not p.is_symlink())
    open_to_others = [p for p in found if p.lstat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]
    if open_to_others:
        first = open_to_others[0]
        others = f" and {len(open_to_others) - 1:,} more" if len(open_to_others) > 1 else ""
        yield Finding(
            area,
            "warning",
            f"others may write to {first}{others}: {so}",
            f"If only this user works with it: chmod -R go-w {root}",
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.home.resolve()
    while not folder.exists() and folder != Path(folder.anchor):
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    level: Level = "ok" if free >= _MIN_FREE_BYTES else "warning"
    remedy = "" if level == "ok" else "A full-size night needs about 5 GB for its run folder and tables."
    yield Finding("disk", level, f"{free / 1024**3:.1f} GiB free for {settings.home}", remedy)


def _memory(settings: Settings) -> Iterator[Finding]:
    """Whether memory suffices for a night of the size of the last one."""
    import pyarrow.parquet as pq

    newest = last_succeeded(settings.home)
    files = newest.raw / "items.parquet" if newest is not None else None
    items = pq.read_metadata(files).num_rows if files is not None and files.exists() else 0
    found = memory_verdict(items, processes=processes_at_once(items, settings.side_by_side_items))
    yield Finding("memory", found.level, found.message, found.remedy)
