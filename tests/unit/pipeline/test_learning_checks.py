"""The checks of a training: each fails for its own reason, and none is silent when the training failed."""

from __future__ import annotations

from datetime import UTC, datetime

from routing_etl.pipeline.learning_faults import CHECKS, TrainingFailed, check_outcomes


def test_a_segment_that_is_not_calibrated_fails_its_check_as_a_warning() -> None:
    found = {o.check: o for o in check_outcomes(None, (), ("Segment part_type_band:rare is off",))}
    assert list(found) == list(CHECKS)
    told = found.pop("confidence_by_segment")
    assert (told.success, told.severity, told.observed) == (
        False,
        "warning",
        "Segment part_type_band:rare is off",
    )
    assert all(o.success for o in found.values())


def test_after_a_failed_training_no_check_has_passed() -> None:
    failed = TrainingFailed("out of memory", "v1", datetime(2026, 1, 1, tzinfo=UTC))
    found = check_outcomes(failed, ())
    assert not any(o.success for o in found)
    assert all("out of memory" in (o.observed or "") for o in found)
