"""Dagster's code location, by the same name in a checkout and in an installed package: what `workspace.yaml` names."""

from routing_etl.dagster_part import dagster_part

defs = dagster_part("definitions").defs
