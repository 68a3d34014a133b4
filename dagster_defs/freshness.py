"""How old the publication and the model may be before the UI says so."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from routing_etl.settings import Settings

#: A model is replaced monthly; a week's grace, then a warning, after two months a failure.
MODEL_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=62), warn_window=timedelta(days=38)
)


def publication_freshness(settings: Settings) -> dg.FreshnessPolicy:
    """The night's publication must be there by 06:00, four hours after the night begins."""
    return dg.FreshnessPolicy.cron(
        deadline_cron="0 6 * * *", lower_bound_delta=timedelta(hours=4), timezone=settings.timezone
    )
