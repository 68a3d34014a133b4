"""The checks of the source frames as a job of their own in Dagster, for what they cost there."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from homes import home_settings

from dagster_defs.definitions import build_defs


def checks_alone(home: Path) -> dg.JobDefinition:
    """A job that does nothing but the step `check_source`, on the newest run of a home.

    Parameters
    ----------
    home : pathlib.Path
        Of an embedded installation.
    """
    urls = {k: getattr(home_settings(home), k) for k in ("home", "models", "erp_url", "warehouse_url")}
    defs = build_defs(**urls)
    checks = [d for d in defs.asset_checks or () if d.node_def.name == "check_source"]
    job = dg.define_asset_job(
        "checks_alone", selection=dg.AssetSelection.checks(*checks), executor_def=dg.in_process_executor
    )
    return dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("checks_alone")
