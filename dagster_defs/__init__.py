"""Dagster on top of `routing_etl`: assets, checks, jobs, schedules and sensors. The only importer of Dagster."""
