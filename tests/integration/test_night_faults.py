"""What goes wrong at 02:00: a clear error, the last publication untouched, and a re-run that just works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from homes import ask, change, home_settings

from routing_etl.errors import (
    ConfigurationError,
    DataQualityError,
    DiskFullError,
    IncompatibleModelError,
    LockedError,
    ProfileError,
    RegistryError,
    RoutingEtlError,
    SourceError,
    TamperedArtifactError,
    TransientDatabaseError,
    WarehouseError,
)
from routing_etl.pipeline import context, steps, street
from routing_etl.pipeline.night import night
from routing_etl.pipeline.status import status
from routing_etl.runs import RunFolder, find_run, new_run, run_lock

pytestmark = pytest.mark.integration

ITEMS, ROUTINGS, RESULTS = "BI_ITEM_INFO_VIEW", "BI_ROUTING_VIEW", "BI_WORK_ORDER_RESULTS"


def published(home: Path) -> tuple[int, int]:
    """Publication that readers see and its number of rows."""
    return ask(home / "warehouse.db", "SELECT publication_id, COUNT(*) FROM routing_predictions GROUP BY 1")[
        0
    ]  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "mend_it", "says"),
    [
        pytest.param(
            [f"ALTER TABLE {ROUTINGS} RENAME TO V_ROUTES"], [f"ALTER TABLE V_ROUTES RENAME TO {ROUTINGS}"],
            ROUTINGS, id="table-missing",
        ),
        pytest.param(
            [f"ALTER TABLE {ROUTINGS} RENAME COLUMN JOB_CD TO JOBCODE"],
            [f"ALTER TABLE {ROUTINGS} RENAME COLUMN JOBCODE TO JOB_CD"],
            "JOB_CD.*JOBCODE", id="column-renamed",
        ),
        pytest.param(
            [f"CREATE TABLE KEPT AS SELECT * FROM {ITEMS}", f"DELETE FROM {ITEMS}"],
            [f"INSERT INTO {ITEMS} SELECT * FROM KEPT"],
            f"{ITEMS}.*(no rows|empty)", id="table-empty",
        ),
    ],
)  # fmt: skip
def test_a_broken_source_stops_the_night_and_a_mended_one_runs(
    home: Path, break_it: list[str], mend_it: list[str], says: str
) -> None:
    before = published(home)
    change(home / "erp.db", *break_it)
    with pytest.raises(SourceError, match=f"(?is){says}") as error:
        night(home_settings(home))
    assert error.value.remedy
    assert published(home) == before
    status, message = ask(
        home / "warehouse.db", "SELECT status, message FROM batch_run ORDER BY started_at DESC LIMIT 1"
    )[0]
    assert status == "failed" and message
    change(home / "erp.db", *mend_it)
    night(home_settings(home))
    assert published(home) == before


def test_numbers_that_are_text_are_repaired_or_rejected_with_a_count_not_lost(home: Path) -> None:
    """SQLite holds any type anywhere: a text in a numeric column must neither crash nor pass as a number."""
    change(home / "erp.db", f"UPDATE {ITEMS} SET OUTDIAMETER = 'wide' WHERE rowid <= 5")
    ctx = context.Context(home_settings(home), new_run(home))
    steps.extract(ctx)
    items = steps.clean(ctx).result.frames["items"]
    assert items.rows_in == items.rows_kept + items.rows_rejected
    assert "outdiameter" in json.dumps(items.repairs)


@pytest.mark.slow
def test_a_critical_check_stops_the_night_before_anything_is_published(home: Path) -> None:
    """Machine times in minutes instead of hours: the ratio to the standards gives it away."""
    before = published(home)
    change(
        home / "erp.db",
        f"UPDATE {RESULTS} SET MACH_WORKED_HOURS = MACH_WORKED_HOURS * 60, SETUP_HOURS = SETUP_HOURS * 60",
    )
    with pytest.raises(DataQualityError) as error:
        night(home_settings(home))
    assert "ratio" in str(error.value) and error.value.remedy
    assert published(home) == before
    change(
        home / "erp.db",
        f"UPDATE {RESULTS} SET MACH_WORKED_HOURS = MACH_WORKED_HOURS / 60, SETUP_HOURS = SETUP_HOURS / 60",
    )
    assert night(home_settings(home)) is not None, "the remedy: corrected in the ERP, and run again"
    assert published(home) == before


def test_a_feature_without_any_value_is_named_and_left_out(home: Path) -> None:
    change(home / "erp.db", f"UPDATE {ITEMS} SET GROUP2 = NULL, ITEM_TYPE = ''")
    ctx = context.Context(home_settings(home), new_run(home))
    steps.extract(ctx)
    cleaned = steps.clean(ctx).result
    assert {"group2", "item_type"}.isdisjoint(cleaned.attributes)
    assert any("group2" in w for w in cleaned.warnings) and any("item_type" in w for w in cleaned.warnings)


def test_a_model_of_another_library_version_does_not_score(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routing_etl.registry import manifest

    versions = manifest.runtime_versions()
    monkeypatch.setattr(manifest, "runtime_versions", lambda: {**versions, "scikit_learn": "9.9.9"})
    ctx = context.Context(home_settings(home), find_run(home, None))
    with pytest.raises(IncompatibleModelError, match=r"9\.9\.9"):
        steps.score(ctx)


@pytest.mark.slow
def test_a_tampered_artifact_is_never_unpickled(home: Path) -> None:
    before = published(home)
    engine = next((home / "models").glob("*/similarity_engine.joblib"))
    content = bytearray(engine.read_bytes())
    content[len(content) // 2] ^= 1
    engine.write_bytes(content)
    with pytest.raises(TamperedArtifactError, match="similarity_engine"):
        night(home_settings(home))
    assert published(home) == before


def test_a_manifest_that_differs_from_the_database_is_refused(home: Path) -> None:
    change(
        home / "warehouse.db", "UPDATE model_version SET manifest_sha256 = REPLACE(manifest_sha256, 'a', 'b')"
    )
    ctx = context.Context(home_settings(home), find_run(home, None))
    with pytest.raises(TamperedArtifactError, match="manifest"):
        steps.score(ctx)


def test_no_model_is_an_error_not_a_fallback(home: Path) -> None:
    settings = home_settings(home, models=home / "none")
    with pytest.raises(RegistryError, match="no champion") as error:
        steps.score(context.Context(settings, find_run(home, None)))
    assert "routing-etl train" in error.value.remedy


@pytest.mark.slow
def test_a_second_run_in_parallel_is_refused_and_named(home: Path) -> None:
    with run_lock(home, "the nightly run"), pytest.raises(LockedError, match=r"the nightly run, process \d+"):
        night(home_settings(home))
    night(home_settings(home))


def test_a_full_disk_is_one_sentence_and_the_next_run_works(home: Path) -> None:
    """/dev/full gives the real error of a full disk."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    run = new_run(home)
    (run.reports / "clean.tmp").symlink_to("/dev/full")
    ctx = context.Context(home_settings(home), run)
    steps.extract(ctx)
    with pytest.raises(DiskFullError, match="No space left"):
        steps.clean(ctx)
    (run.reports / "clean.tmp").unlink()
    assert steps.clean(ctx).result.frames["items"].rows_kept > 0


@pytest.mark.parametrize(
    ("overrides", "error", "says"),
    [
        ({"erp_url": "sqlite:////no/such/folder/erp.db"}, ConfigurationError, "does not exist"),
        ({"erp_url": "nonsense"}, ConfigurationError, "not a database URL"),
        ({"erp_url": "postgresql+psycopg://u:s3cret@127.0.0.1:9/erp"}, RoutingEtlError, "127.0.0.1"),
        ({"profile": "no_such_profile"}, RoutingEtlError, "no_such_profile.*bi_views"),
        ({"cutoff": "yesterday"}, ConfigurationError, "yesterday"),
    ],
)
def test_wrong_settings_are_named_with_their_value(
    home: Path, overrides: dict[str, object], error: type[Exception], says: str
) -> None:
    if "postgresql" in str(overrides.get("erp_url")):
        pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(error, match=f"(?s){says}") as caught:
        night(home_settings(home, connect_timeout=2, **overrides))
    assert isinstance(caught.value, RoutingEtlError) and caught.value.remedy
    assert "s3cret" not in str(caught.value)


def test_a_warehouse_that_is_not_migrated_is_refused(home: Path) -> None:
    change(home / "warehouse.db", "UPDATE schema_version SET version_num = '0000'")
    with pytest.raises(WarehouseError, match="revision"):
        night(home_settings(home))


def start_night(home: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ROUTING_ETL_")}
    return subprocess.Popen(
        [sys.executable, "-m", "routing_etl", "run"],
        env={**environment, "ROUTING_ETL_HOME": str(home)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_step(home: Path, known: set[str], step: str) -> None:
    """Until a run that is not `known` has finished a step."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in (home / "runs").glob(f"*/reports/{step}.json"):
            if path.parent.parent.name not in known:
                return
        time.sleep(0.02)
    raise AssertionError(f"step {step} was not reached")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "how"), [("extract", signal.SIGINT), ("clean", signal.SIGKILL), ("score", signal.SIGKILL)]
)
def test_a_night_stopped_in_the_middle_leaves_the_publication_and_the_next_one_works(
    home: Path, step: str, how: signal.Signals
) -> None:
    before = published(home)
    known = {p.name for p in (home / "runs").iterdir()}
    process = start_night(home)
    wait_for_step(home, known, step)
    process.send_signal(how)
    _, errors = process.communicate(timeout=120)
    if how is signal.SIGINT:
        assert process.returncode == 130, errors
        assert "Stopped" in errors and "Traceback" not in errors
    assert published(home) == before
    stands = status(home_settings(home))
    assert not stands.ok and stands.last_run is not None
    if how is signal.SIGKILL:
        assert (stands.last_run.state, stands.last_run.process) == ("running", "gone")
        assert f"its process {process.pid} on {socket.gethostname()} is gone" in stands.problems[0]
        assert "Run again: routing-etl run" in stands.problems[0]
    night(home_settings(home))
    assert published(home) == before
    after = status(home_settings(home))
    assert after.ok and after.last_run is not None and after.last_run.process is None, after.problems
    states = ask(home / "warehouse.db", "SELECT status FROM batch_run ORDER BY started_at")
    assert states == [("succeeded",), ("cancelled" if how is signal.SIGINT else "failed",), ("succeeded",)]


def test_profile_errors_name_file_key_value_and_remedy(home: Path, tmp_path: Path) -> None:
    profile = tmp_path / "site.toml"
    profile.write_text('name = "site"\nextends = "bi_views"\n[items]\ntabel = "V_ITEM"\n', encoding="utf-8")
    with pytest.raises(ProfileError) as error:
        night(home_settings(home, profile=str(profile)))
    assert "site.toml" in str(error.value) and "tabel" in str(error.value) and error.value.remedy


def test_steps_say_which_step_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="extract"):
        find_run(tmp_path, None, having=street.CLEAN.report)
    ctx = context.Context(home_settings(tmp_path), RunFolder("r", tmp_path / "runs" / "r"))
    with pytest.raises(ConfigurationError, match="not passed their checks"):
        steps.load(ctx)


def test_transient_errors_say_so() -> None:
    assert (
        TransientDatabaseError("x").transient
        and LockedError("x").transient
        and not SourceError("x").transient
    )
