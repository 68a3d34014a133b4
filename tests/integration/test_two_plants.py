"""Two plants in one database: two processes publish at once, each into its schema, and neither can take the other's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from warehouse_predictions import write_many

from routing_etl.warehouse.migrate import migrate

pytestmark = pytest.mark.integration
WORKER = Path(__file__).resolve().parents[1] / "support" / "plant_worker.py"


def process(url: str, schema: str, plant: str, *folders: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(
        [sys.executable, str(WORKER), url, schema, plant, *map(str, folders)],
        env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_two_plants_one_database(postgres_url: str, tmp_path: Path) -> None:
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE two_plants")
    admin.dispose()
    url = make_url(postgres_url).set(database="two_plants").render_as_string(hide_password=False)
    engine = sa.create_engine(url)
    plants = {"P100": "routing_p100", "P200": "routing_p200"}
    for schema in plants.values():
        migrate(engine, schema)
    folders = {
        plant: [
            write_many(tmp_path / f"{plant}{n}", 30 + 10 * n, seed=n + len(plant) * (plant == "P200"))
            for n in range(3)
        ]
        for plant in plants
    }
    started = {plant: process(url, schema, plant, *folders[plant]) for plant, schema in plants.items()}
    for plant, one in started.items():
        out, err = one.communicate(timeout=300)
        assert (one.returncode, out.split()) == (0, [plant, "shows", "3"]), err
    with engine.connect() as connection:
        for plant, schema in plants.items():
            codes = (
                connection.exec_driver_sql(f'SELECT DISTINCT "PlantCd" FROM {schema}.bop_proc_master')
                .scalars()
                .all()
            )
            versions = (
                connection.exec_driver_sql(f"SELECT DISTINCT model_version FROM {schema}.routing_predictions")
                .scalars()
                .all()
            )
            items = connection.exec_driver_sql(
                f"SELECT COUNT(DISTINCT item_cd) FROM {schema}.routing_candidates"
            ).scalar()
            assert (codes, versions) == ([plant], [plant]) and items and items <= 50
    foreign = process(url, plants["P100"], "P200", folders["P200"][0])
    out, err = foreign.communicate(timeout=300)
    assert foreign.returncode != 0 and out == ""
    assert (
        "Schema routing_p100 belongs to company 1000, plant P100" in err
        and "of company 1000, plant P200" in err
    )
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM routing_p100.publication").scalar() == 3
    engine.dispose()
