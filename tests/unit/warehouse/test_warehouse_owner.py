"""A schema is one plant's: another is refused in a sentence and changes nothing, and the same one under a new name takes over once."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.errors import ConfigurationError
from routing_etl.settings import Settings
from routing_etl.warehouse.owner import owner_of, require_owner
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.run_records import RunRecords

pytestmark = pytest.mark.unit


def plant(publisher: Publisher, settings: Settings, **words: str | None) -> tuple[Publisher, Settings]:
    """The same warehouse seen by another plant's settings."""
    theirs = settings.model_copy(update=words)
    return Publisher(publisher._engine, theirs), theirs


def publish(publisher: Publisher, folder: Path, run_id: str = "r") -> int:
    report = publisher.load(folder, run_id=run_id, model_version="m")
    publisher.publish(report.publication_id)
    return report.publication_id


def everything(publisher: Publisher) -> list[int]:
    with publisher._engine.connect() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(t)).scalar_one()
            for t in publisher.tables.metadata.sorted_tables
        ]


def test_a_new_schema_belongs_to_nobody(tmp_path: Path) -> None:
    publisher, settings = warehouse(tmp_path / "w.db")
    assert owner_of(publisher._engine, publisher.tables) is None
    require_owner(publisher._engine, publisher.tables, settings, "bi_views")


def test_another_plant_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    publisher, settings = warehouse(tmp_path / "w.db")
    folder = write_rows(tmp_path / "p", known_rows())
    number = publish(publisher, folder)
    other, _ = plant(publisher, settings, plant_code="P200")
    before = everything(publisher)
    for deed in (lambda: other.load(folder, run_id="x", model_version="m"), lambda: other.publish(number)):
        with pytest.raises(
            ConfigurationError, match=r"belongs to company 1000, plant P100.* are of company 1000, plant P200"
        ) as caught:
            deed()
        assert "a schema of its own" in str(caught.value) and "nothing was changed" in str(caught.value)
    assert everything(publisher) == before and publisher.current() == number


def test_the_one_that_published_first_is_the_owner(tmp_path: Path) -> None:
    """Both load into a new schema; only one can publish."""
    publisher, settings = warehouse(tmp_path / "w.db")
    other, _ = plant(publisher, settings, company_code="2000")
    folder = write_rows(tmp_path / "p", known_rows())
    theirs = other.load(folder, run_id="x", model_version="m")
    mine = publish(publisher, folder)
    with pytest.raises(ConfigurationError, match="belongs to company 1000"):
        other.publish(theirs.publication_id)
    assert publisher.current() == mine


def test_the_same_plant_under_another_name_takes_over_once(tmp_path: Path) -> None:
    publisher, settings = warehouse(tmp_path / "w.db")
    RunRecords(publisher._engine, settings).start_run("r", "night", profile="bi_views")
    folder = write_rows(tmp_path / "p", known_rows())
    publish(publisher, folder)
    engine, tables = publisher._engine, publisher.tables
    with pytest.raises(ConfigurationError, match=r"profile bi_views .* profile own"):
        require_owner(engine, tables, settings, "own")
    renamed, theirs = plant(publisher, settings, plant_code="P101", take_over="1000/P100/bi_views")
    require_owner(engine, tables, theirs, "own")
    publish(renamed, folder)
    owner = owner_of(engine, tables)
    assert owner is not None and owner.plant == "P101"
    require_owner(engine, tables, theirs)
    with pytest.raises(ConfigurationError, match="belongs to company 1000, plant P101"):
        publisher.load(folder, run_id="y", model_version="m")
