"""kill -9 at random moments of load, publish and purge: the last publication is whole, the next run recovers alone."""

from __future__ import annotations

import pytest
from warehouse_crash import kill_at_random

pytestmark = pytest.mark.integration


def test_killed_at_random_moments(tmp_path):
    seen = kill_at_random(tmp_path, 5, items=120, seed=7)
    assert seen.pop("came after the process had failed") == 0
    assert seen["left rows"] + seen["left the lock"] + seen["moved the pointer"] > 0, "no kill hit anything"
