"""The weekly report: what our views say, put together for people, as a page in the home and by e-mail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.pipeline.alerts import send_page
from routing_etl.pipeline.conditions import cause
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.telling import open_alerts
from routing_etl.pipeline.watch import Watched, watched
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.settings import Settings
    from routing_etl.sheets.weekly import Weekly

#: Folder of the reports, under the home.
FOLDER = "reports"
#: Ratio between two months from which a time has moved.
_MOVED = 1.15


def write_report(
    settings: Settings, out: Path | None = None, *, now: datetime | None = None, mail: bool = False
) -> Path:
    """Write the report of the last seven days, and send it where asked.

    Parameters
    ----------
    settings : Settings
        Of the installation; `report_email_to` names who gets it.
    out : pathlib.Path, optional
        The file. None: `<home>/reports/week-<year>-W<week>.html`.
    now : datetime, optional
        The end of the week. None: now.
    mail : bool
        Send it too.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ConfigurationError
        The file cannot be written, or it is to be sent and nobody is named.
    AlertError
        The mail server did not take it; the file is written all the same.
    """
    from routing_etl.sheets.weekly import weekly_page

    if mail and not settings.report_email_to:
        raise ConfigurationError(
            "Nobody is named to send the report to.",
            remedy="Set ROUTING_ETL_REPORT_EMAIL_TO and ROUTING_ETL_SMTP_URL.",
        )
    at = now or datetime.now(UTC)
    year, week, _ = at.isocalendar()
    file = out or settings.home / FOLDER / f"week-{year}-W{week:02}.html"
    page = weekly_page(weekly(settings, at))
    temporary = file.with_name(file.name + TEMPORARY)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        replace_file(temporary, file)
    except OSError as exc:
        raise ConfigurationError(
            f"The report cannot be written to {file}: {exc.strerror or exc}.",
            remedy="Name a file in a folder that this user may write.",
        ) from exc
    if mail and settings.report_email_to:
        subject = (
            f"routing_etl: weekly report of {settings.company_code} {settings.plant_code}, {at:%Y-%m-%d}"
        )
        send_page(settings, settings.report_email_to, subject, page, file.name)
    return file


def weekly(settings: Settings, at: datetime) -> Weekly:
    """What the report says.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    at : datetime
        The end of the week.

    Raises
    ------
    WarehouseError
        Our tables cannot be read.
    """
    from routing_etl.sheets.weekly import Todo, Weekly
    from routing_etl.warehouse.questions import answer

    found = watched(settings, at)
    since = (at - timedelta(days=7)).date()
    known = {one.cause: one.since for one in open_alerts(settings)}
    ctx = Context(settings, RunFolder("status", settings.home))
    with ctx.warehouse() as engine:

        def view(name: str, newest: str | None = None, limit: int | None = None) -> pl.DataFrame:
            return answer(engine, settings.warehouse_schema, name, newest=newest, limit=limit)

        production = _by_night(view("published_by_night", "computed_at"))
        weeks = _weeks(view("acceptance_by_week"))
        last = found.nights.head(1)["run_id"].to_list() if found.nights.height else []
        rejects = view("rejects_by_rule")
        times = _moved(view("time_profile_changes"))
        return Weekly(
            plant=f"{settings.company_code} {settings.plant_code}",
            made=at,
            since=since,
            glance=_glance(found, weeks),
            todo=tuple(
                Todo(p.code, p.severity, p.message, p.remedy, known.get(cause(p), "")) for p in found.open
            ),
            drift_limit=settings.alert_drift,
            versions=_versions(engine, settings),
            decisions=_since(view("model_decisions", "id", 60), "decided_at", at - timedelta(days=28)),
            acceptance=weeks,
            production=production,
            nights=found.nights.filter(pl.col("kind") != "train").reverse()
            if found.nights.height
            else found.nights,
            families=_worst(view("families_by_month"), at.date()),
            reasons=_since(view("rejection_reasons", "week", 200), "week", at - timedelta(days=35)),
            rejects=rejects.filter(pl.col("run_id").is_in(last)).sort("rejected", descending=True)
            if rejects.height
            else rejects,
            times=times,
            changes=_since(view("who_did_what", "happened_at", 200), "happened_at", at - timedelta(days=7)),
            drift_told=drift_told(found),
        )


def _glance(found: Watched, weeks: pl.DataFrame) -> tuple[tuple[str, str, str], ...]:
    """The few figures that everybody asks for."""
    status, facts = found.status, found.facts
    shown, model, success = status.publication, status.model, status.last_success
    decided = facts.with_proposal
    exact = "not measured"
    if model is not None and model.exact_match is not None:
        exact = f"{model.exact_match:.1%}"
    return (
        (
            "The ERP reads",
            f"publication {shown.publication_id}" if shown else "nothing",
            f"{shown.candidates or 0:,} candidates by {shown.model_version}" if shown else "nothing is published",
        ),
        (
            "Last success",
            _ago(success.hours_ago) if success else "never",
            f"{success.finished_at:%Y-%m-%d %H:%M} UTC" if success and success.finished_at else "no run has succeeded",
        ),
        (
            "Exact match, held-out items",
            exact,
            f"{model.held_out:,} items, champion {model.version}" if model else "there is no champion",
        ),
        (
            "Proposals taken over",
            f"{facts.taken_over / decided:.0%}" if decided else "not measured",
            f"{facts.taken_over:,} of {decided:,} items in four weeks" if decided else "no item with a proposal was routed",
        ),
        (
            "Items without a proposal",
            "not measured" if facts.abstained is None else f"{facts.abstained:.1%}",
            "of the published batch",
        ),
        ("Open alerts", f"{len(found.open)}", f"{sum(p.severity == 'critical' for p in found.open)} critical"),
    )  # fmt: skip


def _ago(hours: float | None) -> str:
    if hours is None:
        return "in the future: a clock was set back"
    return "less than an hour ago" if hours < 1 else f"{hours:.0f} h ago"


def _versions(engine: Engine, settings: Settings) -> pl.DataFrame:
    """Exact match of each version on held-out items, beside the one before, and what engineers wrote since; the oldest first."""
    from routing_etl.warehouse.publications import HELD_OUT_SPLITS
    from routing_etl.warehouse.questions import answer

    schema = settings.warehouse_schema
    trend = answer(
        engine,
        schema,
        "model_quality_trend",
        where=[("method", "model"), ("segment", "all"), ("metric", "exact_at_1")],
    )
    realised = answer(engine, schema, "model_realised")
    empty = pl.DataFrame(
        schema={
            "model_version": pl.String,
            "realised": pl.Float64,
            "realised_n": pl.Int64,
            "adopted": pl.Int64,
        }
    )
    beside = empty if realised.is_empty() else realised.select(
        "model_version", pl.col("exact_share").alias("realised"), pl.col("written_themselves").alias("realised_n"), "adopted"
    )  # fmt: skip
    more = ("since_difference", "since_n", "realised", "realised_n", "adopted")
    if trend.is_empty():
        return trend.with_columns(pl.lit(None).alias(n) for n in more)
    ordered = trend.sort("computed_at")
    held_out = ordered.filter(pl.col("split").is_in(HELD_OUT_SPLITS))
    newest = held_out.group_by("model_version", maintain_order=True).last()
    since = (
        ordered.filter(pl.col("split") == "since", pl.col("difference").is_not_null())
        .group_by("model_version")
        .agg(since_difference=pl.col("difference").last(), since_n=pl.col("n").last())
    )
    return (
        newest.sort("computed_at", "model_version")
        .join(since, on="model_version", how="left")
        .join(beside, on="model_version", how="left")
    )


def _by_night(production: pl.DataFrame) -> pl.DataFrame:
    """A row a night with its drift and share of abstained items, the oldest first."""
    metrics = ("similarity_drift", "abstained_share")
    if not production.is_empty():
        production = production.filter(pl.col("segment") == "all")
    if production.is_empty():
        return pl.DataFrame(
            schema={
                "computed_at": pl.Datetime,
                "model_version": pl.String,
                **dict.fromkeys(metrics, pl.Float64),
            }
        )
    return (
        production.group_by("run_id")
        .agg(
            pl.col("computed_at").max(),
            pl.col("model_version").last(),
            *(
                pl.col("value").cast(pl.Float64).filter(pl.col("metric") == m).first().alias(m)
                for m in metrics
            ),
        )
        .sort("computed_at")
    )


def _weeks(weeks: pl.DataFrame) -> pl.DataFrame:
    """Acceptance of all versions together, week by week."""
    if weeks.is_empty():
        return weeks
    counts = (
        "items_routed",
        "taken_over",
        "edited",
        "themselves_as_first",
        "themselves_as_another",
        "otherwise",
    )
    return (
        weeks.group_by("week")
        .agg(pl.col(*counts).sum())
        .with_columns(acceptance_rate=pl.col("taken_over") / pl.col("items_routed"))
        .sort("week")
    )


def _worst(families: pl.DataFrame, day: date) -> pl.DataFrame:
    """The month's families that engineers routed themselves, the worst first, more items before fewer."""
    if families.is_empty():
        return families
    mine = families.filter(pl.col("month").cast(pl.String).str.head(7) == day.isoformat()[:7])
    return mine.sort("exact_share", "written_themselves", descending=[False, True], nulls_last=True)


def _moved(times: pl.DataFrame) -> pl.DataFrame:
    """Times of the newest month that moved against the month before, the largest factor first."""
    if times.is_empty() or times["ratio"].is_null().all():
        return times.clear()
    newest = times.filter(pl.col("month") == pl.col("month").max(), pl.col("ratio").is_not_null())
    factor = pl.col("ratio").log().abs()
    return newest.filter(factor > pl.lit(_MOVED).log()).sort(factor, descending=True)


def _since(frame: pl.DataFrame, column: str, moment: datetime) -> pl.DataFrame:
    """Rows from a moment on, in whatever form the database gives moments."""
    if frame.is_empty():
        return frame
    if isinstance(frame.schema[column], pl.Datetime):
        return frame.filter(pl.col(column).dt.replace_time_zone("UTC") >= moment)
    return frame.filter(pl.col(column).cast(pl.String) >= moment.date().isoformat())


def drift_told(found: Watched) -> str:
    """What is known of drift in words.

    Parameters
    ----------
    found : Watched
        What is known.
    """
    if found.production.is_empty():
        return "Nothing has been measured of a published batch yet."
    if found.facts.drift_band is not None:
        band = ("normal", "to be watched", "drift", "severe drift")[min(int(found.facts.drift_band), 3)]
        causes = f": {found.facts.drift_words}" if found.facts.drift_words else "."
        return f"Beside the version's training window: {band}{causes}"
    row = found.production.filter(pl.col("metric") == "similarity_drift").to_dicts()
    if row and row[0]["value"] is None:
        return f"Drift of the last batch: not measured, {row[0]['reason']}."
    return ""
