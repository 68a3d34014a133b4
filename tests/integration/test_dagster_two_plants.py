"""Two plants in one database and one Dagster, as docs/runbooks/adding-a-plant.md says: code servers, daemon, both nights at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dagster_server import ROOT, Server, dagster_dev, quiet_time_zone, wait
from deploy_servers import free_port, running
from homes import NO_REHEARSAL, home_settings
from sqlalchemy.engine import make_url

from routing_etl.errors import RoutingEtlError
from routing_etl.pipeline.night import night
from routing_etl.plant.demo import write_plant
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import migrate

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Plant, seed of its ERP.
PLANTS = {"p100": 41, "p200": 42}
NIGHT_CONFIG = {"ops": {"train_model": {"config": {"only_when_due": True}}}}
SCHEDULES = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename
  ... on PythonError { message }
  ... on RepositoryLocation { repositories {
    schedules { name scheduleState { status } futureTicks(limit: 1) { results { timestamp } } } } }
} } } } }
"""
ASSETS = """
{ assetNodes { assetKey { path } repository { location { name } } assetMaterializations(limit: 5) { runId } } }
"""
HEALTH = '{ instance { daemonHealth { daemonStatus(daemonType: "SCHEDULER") { healthy } } } }'


class World:
    """The two plants: folder with their targets, the database, and the running Dagster."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.server: Server | None = None
        self.runs: dict[str, str] = {}

    def schema(self, plant: str) -> str:
        return f"routing_{plant}"

    def rows(self, query: str) -> list[Any]:
        engine = sa.create_engine(self.url)
        try:
            with engine.connect() as connection:
                return [tuple(r) for r in connection.exec_driver_sql(query)]
        finally:
            engine.dispose()


def targets(world: World) -> None:
    """`routing_etl.toml` as the runbook has it, and the ERP of each plant."""
    lines = []
    for plant, seed in PLANTS.items():
        home = world.folder / plant
        home.mkdir()
        lines += [
            f"[target.{plant}]", f'home = "{home}"', f'warehouse_schema = "{world.schema(plant)}"',
            'company_code = "1000"', f'plant_code = "{plant.upper()}"', f'dagster_prefix = "{plant}"',
        ]  # fmt: skip
        erp = f"sqlite:///{home / 'erp.db'}"
        write_plant(erp, 300, seed, home_settings(home))
        (home / ".env").write_text(f"ROUTING_ETL_ERP_URL={erp}\nROUTING_ETL_WAREHOUSE_URL={world.url}\n")
        (home / ".env").chmod(0o600)
    (world.folder / "routing_etl.toml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def world(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("two_plants")
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE one_dagster")
    admin.dispose()
    url = make_url(postgres_url).set(database="one_dagster").render_as_string(hide_password=False)
    found = World(folder, url)
    targets(found)
    engine = sa.create_engine(url)
    for plant in PLANTS:
        migrate(engine, found.schema(plant))
    engine.dispose()
    ports = {plant: free_port() for plant in PLANTS}
    workspace = folder / "workspace.yaml"
    servers = "".join(
        f"  - grpc_server: {{host: localhost, port: {port}, location_name: {plant}}}\n"
        for plant, port in ports.items()
    )
    workspace.write_text(f"load_from:\n{servers}", encoding="utf-8")
    with ExitStack() as stack:
        for plant, port in ports.items():
            words = [sys.executable, "-m", "dagster", "api", "grpc", "-m", "routing_etl.code_location", "-p", str(port), "-h", "127.0.0.1"]  # fmt: skip
            variables = {
                **NO_REHEARSAL, "ROUTING_ETL_HOME": str(folder), "ROUTING_ETL_TARGET": plant, "PYTHONPATH": str(ROOT),
                "ROUTING_ETL_TIMEZONE": quiet_time_zone(), "ROUTING_ETL_SHEET_ITEMS": "0",
            }  # fmt: skip
            stack.enter_context(running(words, port, folder, **variables))
        found.server = stack.enter_context(dagster_dev(folder, folder, workspace=workspace))
        yield found


def test_both_locations_are_there_with_their_schedules_and_a_healthy_daemon(world: World) -> None:
    server = world.server
    assert server is not None
    entries = server.ask(SCHEDULES)["workspaceOrError"]["locationEntries"]
    assert {e["name"] for e in entries} == set(PLANTS)
    for entry in entries:
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
        [repository] = entry["locationOrLoadError"]["repositories"]
        nightly = next(s for s in repository["schedules"] if s["name"] == "nightly_at_two")
        assert nightly["scheduleState"]["status"] == "RUNNING" and nightly["futureTicks"]["results"]
    wait(
        lambda: server.ask(HEALTH)["instance"]["daemonHealth"]["daemonStatus"]["healthy"], 60, "the scheduler"
    )


def test_both_nights_run_beside_each_other_and_each_schema_has_its_own(world: World) -> None:
    server = world.server
    assert server is not None
    for plant in PLANTS:
        answer = server.launch("nightly", NIGHT_CONFIG, plant)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        world.runs[plant] = answer["run"]["runId"]
    ended = {plant: server.run(run_id) for plant, run_id in world.runs.items()}
    assert {e["status"] for e in ended.values()} == {"SUCCESS"}, ended
    begun, done = zip(*(e["worked"] for e in ended.values()), strict=True)
    assert max(begun) < min(done), "the night of one plant waits for nothing of the other"
    for plant in PLANTS:
        schema, mine = world.schema(plant), load_settings(home=world.folder, target=plant)
        assert mine.plant_code == plant.upper()
        codes = world.rows(f'SELECT DISTINCT "PlantCd" FROM {schema}.bop_proc_master')
        assert codes == [(plant.upper(),)]
        shown = {i for (i,) in world.rows(f"SELECT DISTINCT item_cd FROM {schema}.routing_candidates")}
        engine = sa.create_engine(f"sqlite:///{world.folder / plant / 'erp.db'}")
        with engine.connect() as connection:
            items = {i for (i,) in connection.exec_driver_sql("SELECT ITEM_CD FROM BI_ITEM_INFO_VIEW")}
        engine.dispose()
        assert shown and shown <= items


def test_the_assets_of_one_plant_are_not_those_of_the_other(world: World) -> None:
    """One history for both would let one plant's night hide that the other's has not run, and its metrics ask the other for a training."""
    server = world.server
    assert server is not None
    nodes = server.ask(ASSETS)["assetNodes"]
    made = [n for n in nodes if n["assetMaterializations"]]
    assert {n["repository"]["location"]["name"] for n in made} == set(PLANTS)
    for node in made:
        plant = node["repository"]["location"]["name"]
        assert {m["runId"] for m in node["assetMaterializations"]} == {world.runs[plant]}, node["assetKey"]
        assert node["assetKey"]["path"][0] == plant


def test_a_third_plant_in_a_schema_that_is_owned_is_refused(world: World) -> None:
    home = world.folder / "p300"
    home.mkdir()
    write_plant(f"sqlite:///{home / 'erp.db'}", 300, 43, home_settings(home))
    before = world.rows("SELECT COUNT(*) FROM routing_p100.publication")
    settings = home_settings(
        home, warehouse_url=world.url, warehouse_schema="routing_p100", company_code="1000", plant_code="P300"
    )
    with pytest.raises(RoutingEtlError, match="Schema routing_p100 belongs to company 1000, plant P100"):
        night(settings)
    assert world.rows("SELECT COUNT(*) FROM routing_p100.publication") == before
