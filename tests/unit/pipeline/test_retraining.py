"""Which metrics of a batch call for a new model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from routing_etl.pipeline.night import retraining_reasons
from routing_etl.settings import Settings


def row(metric: str, value: float | None, n: int = 100) -> dict[str, Any]:
    return {"metric": metric, "value": value, "n": n}


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([], []),
        ([row("similarity_drift", None), row("abstained_share", 0.8), row("realised_exact_at_1", 0.2)], []),
        ([row("similarity_drift", 1.0)], []),
        ([row("similarity_drift", 1.25)], ["similarity drift 1.250 is above 1"]),
        ([row("abstained_share", 0.9)], ["abstained share 0.900 is above 0.8"]),
        ([row("realised_exact_at_1", 0.1)], ["realised exact match 0.100 is below 0.2"]),
        ([row("realised_exact_at_1", 0.1, n=29)], []),
    ],
)
def test_limits_are_exclusive_and_the_unmeasured_says_nothing(
    tmp_path: Path, rows: list[dict[str, Any]], reasons: list[str]
) -> None:
    assert retraining_reasons(Settings(_env_file=None, home=tmp_path), rows) == reasons
