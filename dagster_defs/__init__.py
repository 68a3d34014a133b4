"""Dagster on top of `routing_etl`: assets, checks, jobs, schedules and sensors. The only importer of Dagster."""

import routing_etl  # noqa: F401 - before Polars, for which it sets how freed memory is given back
