"""Settings that hold in every night and that nobody may have meant: a cutoff, the codes and words of one plant, another plant's schema."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine

from routing_etl.doctor.server import Finding
from routing_etl.errors import ConfigurationError, ProfileError
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


def examine_owner(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Tell whose schema it is, before a night refuses it.

    Parameters
    ----------
    settings : Settings
        The installation.
    engine : Engine
        The warehouse, at head.
    """
    from routing_etl.erp.profile import load_profile
    from routing_etl.warehouse.owner import owner_of, require_owner
    from routing_etl.warehouse.schema import schema_for, tables

    ours = tables(schema_for(engine, settings.warehouse_schema))
    try:
        require_owner(engine, ours, settings, load_profile(settings.profile).name)
    except ProfileError:
        return  # reported with the ERP
    except ConfigurationError as exc:
        yield Finding("warehouse", "error", exc.message, exc.remedy)
        return
    owner = owner_of(engine, ours)
    if owner is not None:
        yield Finding(
            "warehouse", "ok", f"our schema belongs to company {owner.company}, plant {owner.plant}"
        )


def _cutoff(settings: Settings) -> Finding:
    """A day that was meant for one look at the past, or is mistyped, would hold in every night."""
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    if date.fromisoformat(str(settings.cutoff)) > today:
        what = f"ROUTING_ETL_CUTOFF = {settings.cutoff} lies in the future: it leaves nothing out"
    else:
        what = f"ROUTING_ETL_CUTOFF = {settings.cutoff}: what is newer is left out, in every night"
    return Finding("settings", "warning", what, "Remove it, unless you mean to look at the past.")
