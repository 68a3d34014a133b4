"""What people do around the night: migrations, SQL text, verification, publications, adoption, clean-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from routing_etl.database.engine import make_engine, safe_url, translated
from routing_etl.erp.changes import ItemChanges
from routing_etl.errors import ConfigurationError, RegistryError
from routing_etl.pipeline import street
from routing_etl.pipeline.champion import note_pruned
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import ensure_warehouse
from routing_etl.pipeline.persons import Actor, person
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder, list_runs, prune_runs
from routing_etl.settings import Settings
from routing_etl.warehouse.feedback import Adoption
from routing_etl.warehouse.feedback_time import Operation, TimeAdoption
from routing_etl.warehouse.marks import Marked
from routing_etl.warehouse.publications import Publication

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from routing_etl.warehouse.publication_changes import PublicationChanges


@dataclass(frozen=True)
class Removal:
    """A table, or a column as `table.column`, that a step back to an earlier revision drops, and the rows lost with it."""

    what: str
    rows: int


def migrate(settings: Settings, revision: str = "head", *, remove: bool = False) -> str:
    """Bring our tables to a revision, up or down; returns the revision they are at.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    revision : str, default 'head'
        Where to go; `base` removes all our tables.
    remove : bool, default False
        Whether a step back may remove what `removed_by_migration` lists.

    Raises
    ------
    ConfigurationError
        It is a step back, and `remove` was not given.
    WarehouseError
        The revision is unknown, or the database refuses.
    """
    from routing_etl.warehouse import migrate as migrations

    lost = None if remove else removed_by_migration(settings, revision)
    if lost is not None:
        filled = ", ".join(f"{r.what} {r.rows:,}" for r in lost if r.rows) or "none of them with rows"
        raise ConfigurationError(
            f"Going back to revision {revision!r} removes {len(lost)} tables and columns for good (rows: {filled}); nothing "
            "was changed.",
            remedy="Back up the database, then give --yes.",
        )
    with _our_tables(settings) as (engine, schema):
        down = _goes_down(revision, migrations.current_revision(engine, schema))
        (migrations.downgrade if down else migrations.migrate)(engine, schema, revision)
        return migrations.current_revision(engine, schema) or "base"


def removed_by_migration(settings: Settings, revision: str) -> tuple[Removal, ...] | None:
    """What going to a revision would remove, with row counts; None when it is no step back."""
    from routing_etl.warehouse import migrate as migrations

    with _our_tables(settings) as (engine, schema):
        current = migrations.current_revision(engine, schema)
        if current not in migrations.revisions() or not _goes_down(revision, current):
            return None
        with engine.connect() as connection:
            return tuple(
                Removal(what, _filled(connection, schema, what))
                for what in migrations.dropped_by(engine.dialect.name, schema, current, revision)
            )


@contextmanager
def _our_tables(settings: Settings) -> Iterator[tuple[Engine, str | None]]:
    """The warehouse's engine and our schema in it, for as long as the block lasts."""
    from routing_etl.warehouse.schema import schema_for

    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        with translated("warehouse", settings.warehouse):
            yield engine, schema_for(engine, settings.warehouse_schema)
    finally:
        engine.dispose()


def _goes_down(revision: str, current: str | None) -> bool:
    from routing_etl.warehouse import migrate as migrations

    known = migrations.revisions()
    return revision == "base" or (
        revision in known and current in known and known.index(revision) < known.index(current)
    )


def _filled(connection: Connection, schema: str | None, what: str) -> int:
    """Rows of a table, or those in which a column `table.column` is not NULL."""
    import sqlalchemy as sa

    table, _, column = what.partition(".")
    counted = sa.func.count(sa.column(column)) if column else sa.func.count()
    return int(
        connection.execute(sa.select(counted).select_from(sa.table(table, schema=schema))).scalar_one()
    )


def migration_sql(settings: Settings, dialect: str, revision: str = "head", start: str | None = None) -> str:
    """The DDL as a script for somebody else to run, from where the database is (None: no tables yet) to a revision."""
    from routing_etl.warehouse.migrate import migrate_sql

    return migrate_sql(dialect, settings.warehouse_schema, revision, start or "base")


def render_view(settings: Settings, dialect: str, profile: Path | None = None) -> tuple[str, str]:
    """Name and DDL of the flat view that an output column profile describes."""
    from routing_etl.warehouse import output_profiles

    found = output_profiles.load_output_profile(profile)
    return found.view, output_profiles.render(found, dialect, settings.warehouse_schema)


def verify_models(settings: Settings, version: str | None = None) -> list[str]:
    """Check versions against their manifests and the database; returns the verified names.

    Raises
    ------
    RegistryError
        There is none, or one differs or is unknown to the database; names the version and each problem.
    TamperedArtifactError
        A manifest is not the one that the database knows.
    """
    from routing_etl.warehouse.model_records import ModelRecords

    ctx = Context(settings, RunFolder("verify", settings.home))
    names = [version] if version else [v.name for v in ctx.registry.list()]
    if not names:
        raise RegistryError(
            f"There is no model in {settings.models_dir}.", remedy="Train one: routing-etl train"
        )
    with ctx.warehouse() as engine:
        for name in names:
            expected = ModelRecords(engine, settings).manifest_sha256(name)
            if expected is None:
                raise RegistryError(
                    f"Model version {name} is not in the table model_version of {safe_url(settings.warehouse)}: no night predicts "
                    "with it.",
                    remedy="Use the warehouse it was trained with; or train a new version (routing-etl train) and check that one: "
                    "routing-etl models verify NAME",
                )
            report = ctx.registry.verify(name, expected_manifest_sha256=expected)
            if not report.ok:
                problems = [f"{c.path}: {c.problem}" for c in report.checks if c.problem]
                raise RegistryError(
                    f"Model version {name}: {'; '.join([*problems, report.incompatible or '']).strip('; ')}.",
                    remedy="Restore it from a backup; or train a new version (routing-etl train) and check that one: "
                    "routing-etl models verify NAME",
                )
    return names


def publications(settings: Settings) -> list[Publication]:
    """Publications, newest first."""
    from routing_etl.warehouse.publish import Publisher

    ensure_warehouse(settings)
    with Context(settings, RunFolder("publications", settings.home)).warehouse() as engine:
        return list(Publisher(engine, settings).list())


def rollback(settings: Settings, to: int | None = None) -> int:
    """Move the pointer back to an earlier publication; returns the current id."""
    from routing_etl.warehouse.publish import Publisher

    with Context(settings, RunFolder("rollback", settings.home)).warehouse() as engine:
        return Publisher(engine, settings).rollback(to).publication_id


def changes(settings: Settings, after: int | None = None, before: int | None = None) -> PublicationChanges:
    """What a publication changed.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    after : int, optional
        The publication. None: what readers see.
    before : int, optional
        What it is compared with. None: the one before it.

    Raises
    ------
    WarehouseError
        There is no such publication, or its rows were removed by retention.
    """
    from routing_etl.errors import WarehouseError
    from routing_etl.warehouse.publication_changes import previous_publication, publication_changes
    from routing_etl.warehouse.publish import Publisher

    with Context(settings, RunFolder("diff", settings.home)).warehouse() as engine:
        schema = settings.warehouse_schema
        number = after if after is not None else Publisher(engine, settings).current()
        if number is None:
            raise WarehouseError("Nothing has been published yet.", remedy="Run: routing-etl run")
        other = before if before is not None else previous_publication(engine, schema, number)
        if other is None:
            raise WarehouseError(
                f"There is no publication before {number} whose rows are there.",
                remedy="Compare after the next night.",
            )
        return publication_changes(engine, schema, other, number)


def adopt(
    settings: Settings, item_cd: str, candidate_id: str, user: str, *, edited: str | None = None
) -> Adoption:
    """Mark a published candidate as accepted by `user`, as it is or `edited`, and return it in BOP shape."""
    from routing_etl.warehouse import feedback

    with Context(settings, RunFolder("adopt", settings.home)).warehouse() as engine:
        return feedback.adopt(engine, settings.warehouse_schema, item_cd, candidate_id, user, edited=edited)


def reject(
    settings: Settings,
    item_cd: str,
    reason: str,
    user: str,
    *,
    candidate_id: str | None = None,
    remark: str | None = None,
) -> Marked:
    """Mark what is published for an item, or one candidate of it, as rejected by `user`."""
    from routing_etl.warehouse import marks

    with Context(settings, RunFolder("reject", settings.home)).warehouse() as engine:
        return marks.reject(
            engine, settings.warehouse_schema, item_cd, reason, user, candidate_id=candidate_id, remark=remark
        )


def undo(settings: Settings, item_cd: str, user: str, *, candidate_id: str | None = None) -> Marked:
    """Take back the marks in force of an item, or of one candidate of it."""
    from routing_etl.warehouse import marks

    with Context(settings, RunFolder("undo", settings.home)).warehouse() as engine:
        return marks.undo(engine, settings.warehouse_schema, item_cd, user, candidate_id=candidate_id)


def adopt_time(settings: Settings, operation: Operation, user: str) -> TimeAdoption:
    """Mark the proposed standard times of an operation as accepted by `user` and return them in BOP shape."""
    from routing_etl.warehouse import feedback_time

    with Context(settings, RunFolder("adopt-time", settings.home)).warehouse() as engine:
        return feedback_time.adopt_time(engine, settings.warehouse_schema, operation, user)


@dataclass(frozen=True)
class Keep:
    """How much a clean-up keeps: publications, model versions besides the champion, run folders; None: the setting."""

    publications: int | None = None
    models: int | None = None
    runs: int | None = None


@dataclass(frozen=True)
class Removed:
    """What a clean-up removed: ids of publications, rows by table, model versions, run folders."""

    publications: tuple[int, ...]
    rows: dict[str, int]
    models: tuple[str, ...]
    run_folders: tuple[str, ...]


def purge(settings: Settings, keep: Keep | None = None, *, progress: Progress = SILENT) -> Removed:
    """Remove what retention no longer keeps: publications' rows, old run records, model versions, run folders.

    What the current publication, an alias or a rollback needs stays.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    keep : Keep, optional
        Numbers of things kept. None: the settings' own.
    progress : Progress
        What shows the progress.
    """
    from routing_etl.warehouse.publish import Publisher
    from routing_etl.warehouse.retention import purge_records

    keep = keep or Keep()
    ctx = Context(settings, RunFolder("purge", settings.home), progress)
    models = settings.keep_models if keep.models is None else keep.models
    with ctx.warehouse() as engine:
        publisher = Publisher(engine, settings)
        if keep.publications is None:
            batches, days = settings.keep_publications, settings.keep_publications_days
        else:
            batches, days = keep.publications, 0
        purged = publisher.purge(batches, days=days, progress=progress)
        in_use = {p.model_version for p in publisher.list() if p.rows_present}
        rows = purge_records(engine, settings, keep_models=models)
    removed = ctx.registry.prune(models, protect=in_use)
    note_pruned(settings, removed, Actor(person(settings), "cli"), f"clean-up: the newest {models} are kept")
    runs = prune_runs(settings.home, settings.keep_runs if keep.runs is None else keep.runs)
    return Removed(tuple(purged), rows, tuple(removed), tuple(runs))


def item_changes(settings: Settings) -> ItemChanges | None:
    """Items that the ERP gained or lost since the newest extract; None before the first.

    Raises
    ------
    SourceError
        A table or column is missing.
    TransientDatabaseError
        The ERP cannot be read at the moment.
    """
    from routing_etl.erp.changes import item_changes as compare

    extracted = [run for run in list_runs(settings.home) if run.has(street.EXTRACT.report)]
    if not extracted:
        return None
    return compare(settings.erp, Context(settings, extracted[0]).profile, extracted[0].raw, settings)
