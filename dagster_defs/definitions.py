"""The one place where everything is put together: production, the command line and tests call `build_defs`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import dagster as dg

from routing_etl.erp.profile import load_profile
from routing_etl.settings import load_settings

from . import checks, jobs, schedules, sensors
from .assets import erp, external, model, monitoring, publish, quality, sheets, times
from .resources import StreetResource


def build_defs(**overrides: object) -> dg.Definitions:
    """All definitions, from the environment's settings with `overrides` on top.

    Parameters
    ----------
    **overrides
        Settings that replace those of the environment.

    Returns
    -------
    dagster.Definitions
        What the UI and the daemon load.

    Raises
    ------
    ConfigurationError
        A setting or the source profile is wrong. The UI shows the message in place of the graph.
    """
    settings = load_settings(**overrides)
    profile = load_profile(settings.profile)
    return dg.Definitions(
        assets=[
            *external.erp_tables(profile),
            *_with_their_source(
                *erp.build(profile),
                *quality.gates(settings),
                quality.data_health,
                *times.build(settings),
                model.train_model,
                model.model_evaluation,
                *model.predictions(settings),
                *publish.build(settings),
                monitoring.measure,
                sheets.item_sheets,
            ),
            *external.erp_views(),
        ],
        asset_checks=checks.build(profile),
        jobs=[*jobs.asset_jobs(settings), *jobs.OP_JOBS],
        schedules=schedules.build(settings),
        sensors=sensors.build(settings),
        resources={"settings": settings, "street": StreetResource(settings=settings)},
        executor=dg.in_process_executor,
    )


def _with_their_source(*assets: dg.AssetsDefinition) -> Iterable[object]:
    """The assets, whose pages name the file and the line that makes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.with_source_code_references(assets)


defs = build_defs()
