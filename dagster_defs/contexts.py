"""The contexts that Dagster gives to bodies of assets, checks and ops."""

from __future__ import annotations

import dagster as dg

#: What all three offer: `run`, `instance`, `log`, `retry_number` and `op_execution_context`.
StepContext = dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext
