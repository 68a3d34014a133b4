"""How it stands in figures, for whoever is told and whoever looks: collected once, written and told after every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl.errors import RoutingEtlError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline.conditions import Facts, conditions
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.exposition import exposition
from routing_etl.pipeline.status import Problem, Status, examine, write_status
from routing_etl.pipeline.telling import tell
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from routing_etl.evaluation.alerts import Cycle
    from routing_etl.settings import Settings

log = get_logger(__name__)

#: The file for the textfile collector of Prometheus' node exporter, under the home.
TEXTFILE = "metrics/routing_etl.prom"
#: How far back acceptance is counted.
_WEEKS = timedelta(weeks=4)


@dataclass(frozen=True)
class Watched:
    """What is known.

    Attributes
    ----------
    status : Status
        What is published, and what failed.
    facts : Facts
        What the rules look at.
    open : tuple of Problem
        What is worth telling now.
    nights : polars.DataFrame
        View `batch_run_summary`, the newest first.
    production : polars.DataFrame
        View `published_by_night` of the newest run that measured.
    """

    status: Status
    facts: Facts
    open: tuple[Problem, ...]
    nights: pl.DataFrame
    production: pl.DataFrame


def watched(settings: Settings, now: datetime | None = None) -> Watched:
    """Ask the warehouse and the registry. Changes nothing.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    now : datetime, optional
        The moment that ages are counted to. None: now.

    Raises
    ------
    WarehouseError
        Our tables cannot be read, or are not at the newest migration.
    RegistryError
        The champion cannot be read.
    """
    from routing_etl.warehouse.questions import answer

    at = now or datetime.now(UTC)
    status, problems = examine(settings, at)
    ctx = Context(settings, RunFolder("status", settings.home))
    schema = settings.warehouse_schema
    with ctx.warehouse() as engine:
        nights = answer(engine, schema, "batch_run_summary", newest="started_at", limit=40)
        production = _newest_production(engine, schema)
        acceptance = _accepted(engine, schema, at)
    cycle, failed = _evaluation(ctx)
    measured = dict(production.select("metric", "value").iter_rows()) if production.height else {}
    counted = dict(production.select("metric", "n").iter_rows()) if production.height else {}
    last = nights.filter(pl.col("kind") != "train").head(1).to_dicts() if nights.height else []
    facts = Facts(
        problems=problems,
        version=status.model.version if status.model else None,
        cycle=cycle,
        failed_metrics=failed,
        abstained=measured.get("abstained_share"),
        drift=measured.get("similarity_drift"),
        drift_band=measured.get("drift_band"),
        drift_words=_reason(production, "drift_band"),
        realised=measured.get("realised_exact_at_1"),
        realised_items=counted.get("realised_exact_at_1") or 0,
        with_proposal=acceptance[0],
        taken_over=acceptance[1],
        rows_read=last[0]["rows_read"] if last else None,
        rows_rejected=last[0]["rows_rejected"] if last else None,
    )
    return Watched(status, facts, conditions(settings, facts), nights, production)


def known(settings: Settings) -> bool:
    """Whether our tables are there at all.

    Parameters
    ----------
    settings : Settings
        Of the installation.

    Raises
    ------
    WarehouseError
        The database does not answer.
    """
    from routing_etl.database.engine import make_engine, translated
    from routing_etl.warehouse.migrate import current_revision
    from routing_etl.warehouse.schema import schema_for

    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        with translated("warehouse", settings.warehouse):
            return current_revision(engine, schema_for(engine, settings.warehouse_schema)) is not None
    finally:
        engine.dispose()


def after_run(settings: Settings) -> None:
    """Write the status and the metrics, and tell what is new. What goes wrong is logged: no night fails by it."""
    write_status(settings)
    try:
        found = watched(settings)
        write_metrics(settings, found)
        tell(settings, found.open)
    except RoutingEtlError as exc:
        log.error("not_told", error=str(exc))
    except Exception:  # the night has ended as it has ended
        log.warning("not_watched", exc_info=True)


def write_metrics(settings: Settings, found: Watched) -> Path:
    """Write the metrics for Prometheus into `<home>/metrics/routing_etl.prom`, whole or not at all.

    Parameters
    ----------
    settings : Settings
        Names the home.
    found : Watched
        What is known.

    Returns
    -------
    pathlib.Path
        The file.
    """
    file = settings.home / TEXTFILE
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(file.name + TEMPORARY)
    temporary.write_text(metrics_text(found), encoding="utf-8")
    replace_file(temporary, file)
    return file


def metrics_text(found: Watched) -> str:
    """The metrics in Prometheus' text format.

    Parameters
    ----------
    found : Watched
        What is known.
    """
    return exposition(found.status, found.facts, found.open, found.nights, found.production)


def _newest_production(engine: Engine, schema: str) -> pl.DataFrame:
    from routing_etl.warehouse.questions import answer

    whole = ("segment", "all")
    newest = answer(engine, schema, "published_by_night", where=[whole], newest="computed_at", limit=1)
    if newest.is_empty():
        return newest
    return answer(engine, schema, "published_by_night", where=[whole, ("run_id", newest["run_id"][0])])


def _reason(production: pl.DataFrame, metric: str) -> str:
    """What a metric says in words; '' where it says nothing."""
    if production.is_empty():
        return ""
    said = production.filter(pl.col("metric") == metric)["reason"].drop_nulls()
    return str(said[0]) if said.len() else ""


def _accepted(engine: Engine, schema: str, at: datetime) -> tuple[int, int]:
    """Items with a proposal that were routed in the last weeks, and how many took it over."""
    from routing_etl.warehouse.questions import answer

    weeks = answer(engine, schema, "acceptance_by_week")
    if weeks.is_empty():
        return 0, 0
    since = (at - _WEEKS).date().isoformat()
    recent = weeks.filter(pl.col("week").cast(pl.String) >= since)
    return int(recent["items_routed"].sum()), int(recent["taken_over"].sum())


def _evaluation(ctx: Context) -> tuple[Cycle | None, int]:
    """The champion's evaluation under the replaced system's names, and how many of its metrics raised."""
    from routing_etl.evaluation.alerts import Cycle
    from routing_etl.evaluation.reasons import COMPUTE_ERROR
    from routing_etl.pipeline.recipe import metrics_of

    champion = ctx.registry.alias("champion")
    if champion is None:
        return None, 0
    details = ctx.registry.show(champion)
    told: dict[str, Any] = (details.metrics.get("evaluation") or {}).get("cycle") or {}
    failed = [m for m in metrics_of(details) if (m.reason or "").startswith(COMPUTE_ERROR)]
    cycle = Cycle(**{**told, "alerts": tuple(told.get("alerts", ()))}) if told else None
    return cycle, len(failed)
