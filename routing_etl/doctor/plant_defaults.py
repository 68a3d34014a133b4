"""Settings that hold in every night and that nobody may have meant: a cutoff, and the codes and words of one plant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from routing_etl.doctor.server import Finding
from routing_etl.settings import Settings


def examine_defaults(settings: Settings) -> Iterator[Finding]:
    """Tell a cutoff, and defaults of one plant that would stand in another plant's views.

    Parameters
    ----------
    settings : Settings
        The installation.
    """
    if settings.cutoff is not None:
        yield _cutoff(settings)
    left = settings.of_another_plant
    if left:
        shown = ", ".join(f"ROUTING_ETL_{name.upper()} = {getattr(settings, name)}" for name in left)
        yield Finding(
            "settings",
            "warning",
            f"not set, and the defaults are of another plant: {shown}",
            "Set what your ERP calls them: they stand in the views that it reads. The time zone is that of its dates.",
        )


def _cutoff(settings: Settings) -> Finding:
    """A day that was meant for one look at the past, or is mistyped, would hold in every night."""
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    if date.fromisoformat(str(settings.cutoff)) > today:
        what = f"ROUTING_ETL_CUTOFF = {settings.cutoff} lies in the future: it leaves nothing out"
    else:
        what = f"ROUTING_ETL_CUTOFF = {settings.cutoff}: what is newer is left out, in every night"
    return Finding("settings", "warning", what, "Remove it, unless you mean to look at the past.")
