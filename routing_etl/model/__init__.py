"""Estimators, evaluation and metrics. No files, databases or Dagster."""
