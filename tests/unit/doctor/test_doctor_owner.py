"""The doctor says whose schema it is before a night refuses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.doctor.plant_defaults import examine_owner

pytestmark = pytest.mark.unit


def test_a_schema_of_another_plant_is_an_error(tmp_path: Path) -> None:
    publisher, settings = warehouse(tmp_path / "w.db")
    assert list(examine_owner(settings, publisher._engine)) == [], "nobody's yet"
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(report.publication_id)
    [found] = examine_owner(settings, publisher._engine)
    assert (found.level, found.message) == ("ok", "our schema belongs to company 1000, plant P100")
    [found] = examine_owner(settings.model_copy(update={"plant_code": "P200"}), publisher._engine)
    assert found.level == "error" and "a schema of its own" in (found.remedy or "")
