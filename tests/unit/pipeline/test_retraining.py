"""Which metrics of a batch call for a new model."""

from __future__ import annotations

from pathlib import Path

import pytest
from results import metric_row

from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.pipeline.night import retraining_reasons
from routing_etl.settings import Settings


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([], []),
        (
            [
                metric_row("similarity_drift", None),
                metric_row("abstained_share", 0.8),
                metric_row("realised_exact_at_1", 0.2),
            ],
            [],
        ),
        ([metric_row("similarity_drift", 1.0)], []),
        ([metric_row("similarity_drift", 1.25)], ["similarity drift 1.250 is above 1"]),
        ([metric_row("abstained_share", 0.9)], ["abstained share 0.900 is above 0.8"]),
        ([metric_row("realised_exact_at_1", 0.1)], ["realised exact match 0.100 is below 0.2"]),
        ([metric_row("realised_exact_at_1", 0.1, n=29)], []),
        (
            [
                metric_row("drift_band", 3.0, reason="severe: attribute x has other values"),
                metric_row("drift_band", 1.0, segment="learnable", reason="watch: job B is new"),
            ],
            [],
        ),
        (
            [metric_row("drift_band", 2.0, segment="learnable", reason="drift: job B is new")],
            ["drift that a training would learn: drift: job B is new"],
        ),
    ],
)
def test_limits_are_exclusive_and_the_unmeasured_says_nothing(
    tmp_path: Path, rows: list[MetricRow], reasons: list[str]
) -> None:
    assert retraining_reasons(Settings(_env_file=None, home=tmp_path), rows) == reasons
