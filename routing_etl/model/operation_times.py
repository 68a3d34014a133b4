"""Times of predicted operations: set-up per order, run per piece, with quantiles, source and sample size.

What belongs here: from evidence to the time columns of an operation. What does not: work results (room `times`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.frames import TimeEvidence
from routing_etl.model.labels import RoutingCatalogue

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass
class TimeRequest:
    """Operations that need times. `row`: item of each operation; `step`: what it is; the rest is per item."""

    row: IntArray
    step: IntArray
    features: FloatArray
    neighbours: IntArray
    similarity: FloatArray


class OperationTimes:
    """Learns times of steps from standards and work results."""

    def fit(self, catalogue: RoutingCatalogue, evidence: TimeEvidence) -> OperationTimes:
        """Collect the profiles per step."""
        pooled = catalogue.steps.select("step", "job_cd", "res_cd", "setup_min", "run_min")
        pair = evidence.by_job_resource.select(
            "job_cd", "res_cd", "run_n", "run_p10", "run_p50", "run_p90", "run_trim_mean", "run_optimal",
            "run_standard", "run_safe", "run_cv", "setup_p10", "setup_p50", "setup_p90", "setup_n",
        )  # fmt: skip
        self.profile_ = pooled.join(pair, on=["job_cd", "res_cd"], how="left", maintain_order="left").sort(
            "step"
        )
        self.steps_ = catalogue.steps.select("step", "queue_min", "wait_min", "move_min").sort("step")
        return self

    def predict(self, request: TimeRequest) -> pl.DataFrame:
        """One row per operation with the time columns of CANDIDATE_OPERATIONS."""
        profile = self.profile_[request.step]
        other = self.steps_[request.step]
        out = profile.select(
            setup_time=pl.coalesce("setup_p50", "setup_min"),
            run_time=pl.coalesce("run_p50", "run_min"),
            setup_p10="setup_p10",
            setup_p90="setup_p90",
            run_p10="run_p10",
            run_p50=pl.coalesce("run_p50", "run_min"),
            run_p90="run_p90",
            optimal_time="run_optimal",
            standard_time="run_standard",
            safe_time="run_safe",
            time_cv="run_cv",
            sample_count=pl.col("run_n").fill_null(0),
            time_source=pl.when(pl.col("run_p50").is_not_null())
            .then(pl.lit("actual_similar"))
            .when(pl.col("run_min").is_not_null())
            .then(pl.lit("standard_similar"))
            .otherwise(pl.lit("none")),
        ).with_columns(
            act_setup_time=pl.lit(None, dtype=pl.Float64),
            act_run_time=pl.lit(None, dtype=pl.Float64),
            time_confidence=pl.when(pl.col("sample_count") > 0).then(
                pl.col("sample_count") / (pl.col("sample_count") + 2)
            ),
            source_items=pl.lit(None, dtype=pl.String),
            source_similarity=pl.lit(None, dtype=pl.Float64),
        )
        return out.hstack(
            other.select(
                pl.col("queue_min").alias("queue_time"),
                pl.col("wait_min").alias("wait_time"),
                pl.col("move_min").alias("move_time"),
            )
        )
