"""How long records are kept: what is bulky for days, what is small for years.

Belongs here: which records of runs, versions, outcomes, commands and monthly times go, and when. Does not: publications
(`purge`), and the files of versions (`registry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse import rejects
from routing_etl.warehouse.changes import delete_all, rows_left
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import Tables, schema_for
from routing_etl.warehouse.schema import tables as tables_of
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import place_of, writing

_log = get_logger(__name__)


def purge_records(
    engine: Engine, settings: Settings, *, keep_days: int | None = None, keep_models: int | None = None
) -> dict[str, int]:
    """Remove what is bulky after days, and what is small after years (`keep_history_years`).

    After `keep_days` the check results and rejected rows of a run go; the run itself, a row, stays for years. Of versions
    beyond the newest `keep_models` the figures of baselines and differences go; the version and its own figures stay. Outcomes,
    commands and monthly times stay for years, decisions for ever. Each run or version is handled in a transaction of its own.
    The newest run, the active version and rejected rows that a kept run shows always stay.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.
    settings : Settings
        Our schema, and what is kept where it is not said.
    keep_days : int, optional
        Check results and rejected rows of runs that started within this many days stay. None: as in the settings.
    keep_models : int, optional
        All metrics of this many of the newest versions stay besides the active one. None: as in the settings.

    Returns
    -------
    dict[str, int]
        Rows removed, by table.

    Raises
    ------
    WarehouseError
        The database is not at head.
    """
    schema = schema_for(engine, settings.warehouse_schema)
    check_head(engine, schema)
    tables = tables_of(schema)
    days = keep_days if keep_days is not None else settings.keep_days
    models = keep_models if keep_models is not None else settings.keep_models
    limit = now() - timedelta(days=days)
    years = min(limit, now() - timedelta(days=365 * settings.keep_history_years))
    removed = dict.fromkeys(
        ("batch_run", "quality_result", "rejected_row", "model_version", "model_metric"), 0
    )
    for part in (
        _purge_runs(engine, tables, limit, years),
        _purge_versions(engine, tables, models, years),
        _purge_history(engine, tables, years),
    ):
        for name, count in part:
            removed[name] = removed.get(name, 0) + count
    _log.info("records_purged", **removed)
    return removed


def _purge_runs(
    engine: Engine, tables: Tables, limit: datetime, years: datetime
) -> Iterator[tuple[str, int]]:
    run, reject, check = tables.batch_run, tables.rejected_row, tables.quality_result
    with translated("warehouse", engine.url), engine.connect() as connection:
        newest = connection.execute(
            sa.select(run.c.run_id)
            .order_by(
                place_of(tables.metadata.schema, run.c.run_id, run.c.started_at).desc(),
                run.c.started_at.desc(),
            )
            .limit(1)
        ).scalar_one_or_none()
    needed = rejects.oldest_needed(engine, tables, limit, newest)
    bulky = sa.or_(
        run.c.rejects_no.is_not(None),
        _any(check, check.c.run_id == run.c.run_id),
        _any(reject, (reject.c.run_id == run.c.run_id) & rejects.not_needed(reject, needed)),
    )
    query = sa.select(run.c.run_id, run.c.started_at).where(
        run.c.started_at < limit, run.c.run_id != (newest or ""), sa.or_(run.c.started_at < years, bulky)
    )
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = connection.execute(query).all()
    for run_id, started_at in found:
        yield from _strip_run(engine, tables, run_id, needed, remove=started_at < years).items()


def _strip_run(
    engine: Engine, tables: Tables, run_id: str, needed: int | None, *, remove: bool
) -> dict[str, int]:
    """Remove the bulky rows of an old run, but for rejected rows that a newer run still shows; of a very old one all.

    A run whose rejected rows went shows none, instead of those that later runs share with it. The last number stays.
    """
    run, reject, check = tables.batch_run, tables.rejected_row, tables.quality_result
    done = {}
    with writing(engine, tables.metadata.schema) as connection:
        mine = reject.c.run_id == run_id
        for child, where in (
            (check, check.c.run_id == run_id),
            (reject, mine & rejects.not_needed(reject, needed)),
        ):
            done[child.name] = delete_all(connection, child, where, child.c.run_id)
        last = connection.execute(sa.select(sa.func.max(run.c.rejects_no))).scalar()
        connection.execute(
            sa.update(run)
            .where(run.c.run_id == run_id, run.c.rejects_no < (last or 0))
            .values(rejects_no=None)
        )
        if remove and connection.execute(rows_left(reject, mine)).first() is None:
            done[run.name] = delete_all(connection, run, run.c.run_id == run_id, run.c.run_id)
    return done


def _purge_versions(
    engine: Engine, tables: Tables, models: int, years: datetime
) -> Iterator[tuple[str, int]]:
    model, metric = tables.model_version, tables.model_metric
    others = sa.select(model.c.version, model.c.created_at).where(model.c.status != "active")
    with translated("warehouse", engine.url), engine.connect() as connection:
        retired = connection.execute(others.order_by(model.c.created_at.desc())).all()[models:]
    for version, created_at in retired:
        of_it = metric.c.model_version == version
        with writing(engine, tables.metadata.schema) as connection:
            if created_at < years:
                yield metric.name, delete_all(connection, metric, of_it, metric.c.model_version)
                yield (
                    model.name,
                    delete_all(connection, model, model.c.version == version, model.c.version),
                )
            else:
                bulky = of_it & (metric.c.method != "model")
                yield metric.name, delete_all(connection, metric, bulky, metric.c.model_version)


def _purge_history(engine: Engine, tables: Tables, years: datetime) -> Iterator[tuple[str, int]]:
    outcome, command, month = tables.prediction_outcome, tables.audit_log, tables.time_profile_month
    read = tables.erp_read
    for table, old in (
        (outcome, outcome.c.observed_at < years),
        (command, command.c.happened_at < years),
        (month, month.c.month < years.date()),
        (read, (read.c.began_at < years) & read.c.overtaken_no.is_not(None)),
    ):
        key = next(iter(table.primary_key.columns))
        with writing(engine, tables.metadata.schema) as connection:
            if connection.execute(rows_left(table, old)).first() is not None:
                yield table.name, delete_all(connection, table, old, key)


def _any(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists(sa.select(sa.literal_column("1")).select_from(table).where(where))
