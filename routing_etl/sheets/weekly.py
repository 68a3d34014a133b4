"""The weekly report as one HTML file: plots inside, nothing fetched, no script; for the data team, DBAs and planning."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from routing_etl import safe_text
from routing_etl.sheets import weekly_plots
from routing_etl.sheets.pages import page_of

#: Rows of a table.
_ROWS = 14


@dataclass(frozen=True)
class Todo:
    """Something to do.

    Attributes
    ----------
    code, severity : str
        What the alert is called, and how urgent it is.
    message : str
        What was found.
    remedy : str
        What to do.
    since : str
        When it was first seen; '' where it is new.
    """

    code: str
    severity: str
    message: str
    remedy: str
    since: str


@dataclass(frozen=True)
class Weekly:
    """What the report says.

    Attributes
    ----------
    plant : str
        Company and plant code.
    made : datetime
        When (UTC).
    since : date
        The first day of the week that it tells of.
    glance : tuple of (str, str, str)
        Words, figure and what stands behind it.
    todo : tuple of Todo
        What to do, critical first.
    drift_limit : float
        Drift that is told (nats).
    versions, decisions, acceptance, production, nights, families, reasons, rejects, times, changes : polars.DataFrame
        Rows of the views `model_quality_trend` with `model_realised`, `model_decisions`, `acceptance_by_week`, `published_by_night`
        (a row a night), `batch_run_summary`, `families_by_month`, `rejection_reasons`, `rejects_by_rule`, `time_profile_changes` and
        `who_did_what`.
    drift_told : str
        What is known of drift in words.
    """

    plant: str
    made: datetime
    since: date
    glance: tuple[tuple[str, str, str], ...]
    todo: tuple[Todo, ...]
    drift_limit: float
    versions: pl.DataFrame
    decisions: pl.DataFrame
    acceptance: pl.DataFrame
    production: pl.DataFrame
    nights: pl.DataFrame
    families: pl.DataFrame
    reasons: pl.DataFrame
    rejects: pl.DataFrame
    times: pl.DataFrame
    changes: pl.DataFrame
    drift_told: str = ""


def weekly_page(found: Weekly) -> str:
    """The page.

    Parameters
    ----------
    found : Weekly
        What it says.
    """
    pictures = {
        "quality": weekly_plots.quality(found.versions),
        "acceptance": weekly_plots.acceptance(found.acceptance),
        "drift": weekly_plots.drift(found.production, found.drift_limit),
        "nights": weekly_plots.nights(found.nights),
    }
    return page_of(
        "weekly.html",
        found=found,
        plots={name: base64.b64encode(png).decode("ascii") for name, png in pictures.items() if png},
        rows={
            "versions": _rows(found.versions.reverse()),
            "decisions": _rows(found.decisions),
            "acceptance": _rows(found.acceptance.reverse()),
            "nights": _rows(found.nights.reverse()),
            "families": _rows(found.families),
            "reasons": _rows(found.reasons),
            "rejects": _rows(found.rejects),
            "times": _rows(found.times),
            "changes": _rows(found.changes),
        },
        f=_Format(),
    )


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The first rows, with every text in them harmless."""
    return [
        {k: safe_text.one_line(v) if isinstance(v, str) else v for k, v in row.items()}
        for row in frame.head(_ROWS).iter_rows(named=True)
    ]


class _Format:
    """How a page writes values; what is not known is a dash."""

    @staticmethod
    def share(value: float | None, digits: int = 1) -> str:
        return "–" if value is None else f"{value:.{digits}%}"

    @staticmethod
    def count(value: float | None) -> str:
        return "–" if value is None else f"{value:,.0f}"

    @staticmethod
    def minutes(value: float | None) -> str:
        return "–" if value is None else f"{value:,.3g}"

    @staticmethod
    def took(seconds: float | None) -> str:
        if seconds is None:
            return "–"
        return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"

    @staticmethod
    def moment(value: datetime | None) -> str:
        return "–" if value is None else f"{value:%Y-%m-%d %H:%M}"

    @staticmethod
    def unbroken(text: str) -> Markup:
        """A text whose commands and options no line breaks at their hyphens."""
        return Markup(
            re.sub(r"(routing-etl|--[\w-]+)", r'<span class="unbroken">\1</span>', str(escape(text)))
        )

    @staticmethod
    def day(value: object) -> str:
        return "–" if value is None else str(value)[:10]
