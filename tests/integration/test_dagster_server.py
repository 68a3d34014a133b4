"""`dagster dev` as a data engineer uses it, in a browser: look, run the night, find the red check, train, see the plots.

One webserver, daemon and home for all; the tests go on in one another's house, so their order is that of a working day.
After each the database is asked and must agree with the page.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from browser import Browser, NoBrowserError, chromium
from dagster_server import JOBS, Server, dagster_dev, quiet_time_zone, wait
from homes import ask, change
from network import closed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Runs that failed on purpose, and what their reports must say.
FAILED: dict[str, list[str]] = {}
GROUPS = {"erp", "quality", "times", "model", "publish", "monitoring"}
INSTIGATORS = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename
  ... on PythonError { message }
  ... on RepositoryLocation { repositories {
      schedules { name scheduleState { status } futureTicks(limit: 1) { results { timestamp } } executionTimezone }
      sensors { name sensorState { status } }
      assetGroups { groupName }
  } }
} } } } }
"""
CHECKS = """
query Checks($asset: [String!]!) { assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status runId evaluation { success severity description } }
  } } }
} } }
"""


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("dagster")

    def fill() -> None:
        shutil.copytree(request.getfixturevalue("finished_home"), folder / "home", dirs_exist_ok=True)

    with dagster_dev(folder / "home", folder, meanwhile=fill, **closed(folder / "network.log")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    try:
        with chromium(server.url) as window:
            yield window
    except NoBrowserError as exc:
        pytest.skip(str(exc))


# --- runs that people start from the page: each is begun while the one before it still works, and waits for it ----------


@dataclass(frozen=True)
class Started:
    """A run begun from the page, and what the database said before."""

    run_id: str
    publication: int
    versions: list[tuple[object, ...]]
    files: list[str]


def start(server: Server, click: Callable[[], None]) -> Started:
    """The run that a click starts."""
    publication_id, versions = publication(server), known_versions(server)
    files = sorted(p.name for p in (server.home / "models").iterdir())
    before = server.newest_run()
    click()
    run_id = wait(lambda: new if (new := server.newest_run()) != before else None, 60, "the new run")
    return Started(str(run_id), publication_id, versions, files)


def start_night(server: Server, browser: Browser) -> Started:
    browser.open(f"{JOBS}/nightly", "Materialize all")
    return start(server, lambda: browser.click("Materialize all"))


def in_launchpad(browser: Browser, config: str) -> None:
    """Type the configuration of a training, as lines of YAML, into its Launchpad."""
    browser.forget()
    browser.open(f"{JOBS}/train/playground", "Launch Run")
    wait(lambda: "version_name" in browser.text() or None, 60, "the defaults in the Launchpad")
    time.sleep(1)
    browser.shot("launchpad")
    browser.set_config(f"ops:\n  train_model:\n    config:\n{config}")
    time.sleep(2)  # the Launchpad checks what was typed a moment later


def start_training(server: Server, browser: Browser, name: str, dry_run: bool) -> Started:
    config = f"      version_name: {name}\n      dry_run: {str(dry_run).lower()}\n      max_items: 20\n"
    in_launchpad(browser, config)
    return start(server, lambda: browser.click("Launch Run"))


@pytest.fixture(scope="module")
def night(server: Server, browser: Browser) -> Started:
    """A night with something new to predict."""
    change(
        server.home / "erp.db",
        "UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = 'RENAMED ' || ITEM_NM "
        "WHERE ITEM_CD NOT IN (SELECT ITEM_CD FROM BI_ROUTING_VIEW)",
    )
    return start_night(server, browser)


@pytest.fixture(scope="module")
def dry_training(server: Server, browser: Browser, night: Started) -> Started:
    """A dry run, begun when the night has ended."""
    server.run(night.run_id)
    return start_training(server, browser, "only-a-try", True)


@pytest.fixture(scope="module")
def bad_night(server: Server, browser: Browser, dry_training: Started) -> Started:
    """A night on an ERP with one bad row."""
    change(
        server.home / "erp.db",
        "CREATE TABLE kept AS SELECT rowid AS id, QTY FROM BI_PUR_PO_VIEW ORDER BY rowid LIMIT 1",
        "UPDATE BI_PUR_PO_VIEW SET QTY = -7 WHERE rowid = (SELECT id FROM kept)",
    )
    return start_night(server, browser)


@pytest.fixture(scope="module")
def named_training(server: Server, browser: Browser, bad_night: Started) -> Started:
    """A training with a name, behind the bad night."""
    return start_training(server, browser, "seals-2026", False)


def publication(server: Server) -> int:
    return int(ask(server.home / "warehouse.db", "SELECT publication_id FROM current_publication")[0][0])


def recorded(server: Server, run_id: str) -> tuple[str, str, str]:
    query = "SELECT kind, status, coalesce(message, '') FROM batch_run WHERE run_id = ?"
    [row] = ask(server.home / "warehouse.db", query, f"dagster_{run_id}")
    return row


def known_versions(server: Server) -> list[tuple[object, ...]]:
    return ask(server.home / "warehouse.db", "SELECT version FROM model_version ORDER BY version")


def test_schedules_and_sensors_are_on(server: Server, night: Started) -> None:
    [location] = server.ask(INSTIGATORS)["workspaceOrError"]["locationEntries"]
    assert location["name"] == "routing_etl"
    assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation", location
    [repository] = location["locationOrLoadError"]["repositories"]
    assert {g["groupName"] for g in repository["assetGroups"]} == GROUPS
    for schedule in repository["schedules"]:
        assert schedule["scheduleState"]["status"] == "RUNNING", schedule
        assert schedule["executionTimezone"] == quiet_time_zone()
        assert schedule["futureTicks"]["results"][0]["timestamp"] > time.time()
    assert {s["sensorState"]["status"] for s in repository["sensors"]} == {"RUNNING"}


def test_the_graph_shows_the_groups(browser: Browser, night: Started) -> None:
    browser.open("/asset-groups", "monitoring")
    names = browser.driver.execute_script(
        "return [...document.querySelectorAll('svg foreignObject')].map(e => e.textContent.trim())"
    )
    assert {g for g in GROUPS if any(n.startswith(g) for n in names)} == GROUPS
    time.sleep(1)
    browser.shot("lineage")


def test_a_schedule_is_on_with_its_next_tick(browser: Browser, night: Started) -> None:
    shown = browser.open("/locations/routing_etl/schedules/nightly_at_two", "Next tick")
    assert "Running" in shown and "2:00:00" in shown.split("Next tick")[1][:80]
    assert quiet_time_zone() in shown.split("Execution timezone")[1][:40]
    browser.shot("schedule")


def test_wrong_configuration_is_refused_with_its_bound_and_nothing_runs(
    server: Server, browser: Browser, night: Started
) -> None:
    wrong = server.launch("train", {"ops": {"train_model": {"config": {"dry_runn": True}}}})
    assert wrong["__typename"] == "RunConfigValidationInvalid"
    assert "dry_runn" in wrong["errors"][0]["message"]
    out = server.launch("nightly", {"ops": {"train_model": {"config": {"max_items": 1}}}})
    assert out["__typename"] != "LaunchRunSuccess"
    assert all(words in json.dumps(out) for words in ("train_model: max_items = 1", "10", "nothing has run"))
    in_launchpad(browser, "      test_days: 9999\n")
    browser.click("Launch Run")
    shown = browser.see("nothing has run")
    assert "train_model: test_days = 9999: Input should be less than or equal to 3650" in shown
    assert server.newest_run() == night.run_id, "there is no run of it"


def test_the_night_from_the_page(server: Server, browser: Browser, night: Started) -> None:
    run_id, before = night.run_id, night.publication
    run = server.run(run_id)
    assert run["status"] == "SUCCESS"
    browser.open(f"/runs/{run_id}", "RUN_SUCCESS")
    browser.see("Success")
    browser.shot("run")
    after = publication(server)
    assert after != before
    assert recorded(server, run_id)[:2] == ("nightly", "succeeded")
    assert f"publication {after}" in run["tags"]["routing_etl/publication"]
    shown = browser.open("/assets/publication", "publication_id")
    assert f"\n{after}\n" in shown.split("publication_id")[1][:80]


@pytest.mark.parametrize("asset", ["time_profiles", "candidates", "champion"])
def test_plots_are_visible_images(browser: Browser, dry_training: Started, asset: str) -> None:
    browser.open(f"/assets/{asset}", "Show Markdown")
    browser.click("Show Markdown", "*")
    [size] = wait(lambda: browser.images() or None, 30, "the plot")
    assert size == (680, 420)
    if asset == "time_profiles":
        time.sleep(1)
        browser.shot("plot")


def test_a_dry_run_from_the_launchpad_saves_nothing(
    server: Server, browser: Browser, dry_training: Started, bad_night: Started
) -> None:
    assert server.run(dry_training.run_id)["status"] == "SUCCESS"
    assert known_versions(server) == dry_training.versions
    assert sorted(p.name for p in (server.home / "models").iterdir()) == dry_training.files
    browser.open("/assets/routing_model?view=events", "only-a-try")
    browser.see("dry_run")


def test_one_bad_row_turns_exactly_its_check_red(
    server: Server, browser: Browser, bad_night: Started, named_training: Started
) -> None:
    run_id, before = bad_night.run_id, bad_night.publication
    run = server.run(run_id)
    assert run["status"] == "FAILURE"
    assert publication(server) == before
    kind, status, message = recorded(server, run_id)
    assert (kind, status) == ("nightly", "failed") and "purchase_orders.qty_range" in message
    assert "the last publication stays" in run["tags"]["routing_etl/publication"]
    assert "qty_range" in run["tags"]["routing_etl/publication"]

    red = {}
    for asset in ("items", "operations", "work_results", "purchase_orders", "rejects"):
        checks = server.ask(CHECKS, asset=[asset])["assetNodeOrError"]["assetChecksOrError"]["checks"]
        assert checks
        for check in checks:
            ran = check["executionForLatestMaterialization"]
            assert ran is not None and ran["runId"] == run_id, check["name"]
            if not ran["evaluation"]["success"] and ran["evaluation"]["severity"] == "ERROR":
                red[asset, check["name"]] = ran["evaluation"]["description"]
    assert list(red) == [("purchase_orders", "critical_ranges")]
    assert red["purchase_orders", "critical_ranges"].startswith("qty_range: ")

    # Parts of a page arrive one after the other: each is waited for.
    browser.open(f"/runs/{run_id}", "Failure")
    browser.see("check_source")
    browser.open("/assets/purchase_orders?view=checks&checkDetail=critical_ranges", "blocking")
    for words in ("Nothing of this run was published", "-7", "ERP users keep reading the last publication"):
        browser.see(words)
    browser.shot("check")
    query = "SELECT frame || '.' || check_name FROM quality_result WHERE run_id = ? AND NOT success AND severity = 'critical'"
    assert ask(server.home / "warehouse.db", query, f"dagster_{run_id}") == [("purchase_orders.qty_range",)]
    FAILED[run_id] = ["check_source"]


def test_a_training_with_a_name_from_the_launchpad(
    server: Server, browser: Browser, named_training: Started
) -> None:
    assert server.run(named_training.run_id)["status"] == "SUCCESS"
    assert known_versions(server) == sorted([*named_training.versions, ("seals-2026",)])
    assert (server.home / "models" / "seals-2026").is_dir()
    browser.open("/assets/routing_model", "seals-2026")
    browser.click("Show Markdown", "*")
    browser.see("Model card: seals-2026")
    browser.open(f"/runs/{named_training.run_id}", "RUN_SUCCESS")


def test_the_runs_waited_for_one_another(
    server: Server, night: Started, dry_training: Started, bad_night: Started, named_training: Started
) -> None:
    """Each but the first was asked for while the one before it still worked."""
    worked = [server.run(r.run_id)["worked"] for r in (night, dry_training, bad_night, named_training)]
    assert all(before[1] <= after[0] for before, after in pairwise(worked)), worked


def test_every_failure_was_reported_once(server: Server) -> None:
    path = server.home / "logs" / "failures.jsonl"

    def reported() -> list[dict[str, object]] | None:
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        return [json.loads(x) for x in lines] if len(lines) >= len(FAILED) else None

    failures = wait(reported, 120, "the failure sensor")
    assert sorted(str(f["run_id"]) for f in failures) == sorted(FAILED), "and none was repeated"
    for failure in failures:
        assert all(words in json.dumps(failure) for words in FAILED[str(failure["run_id"])])


def test_in_all_this_no_process_of_dagster_called_out(server: Server) -> None:
    """Webserver, daemon, code server and runs: no telemetry, no look for a newer version."""
    assert (server.home.parent / "network.log").read_text(encoding="utf-8") == ""
