"""Dagster's own storage in a real PostgreSQL, by the shipped production configuration and its one variable."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from homes import ask, home_settings
from postgres_cluster import NoPostgresError, cluster

from dagster_defs.definitions import build_defs

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).resolve().parents[2] / "dagster_defs" / "deploy"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("dagster_postgres", reason="dagster-postgres is not installed: pip install '.[test]'")
    try:
        with cluster() as url:
            yield url
    except NoPostgresError as exc:
        pytest.skip(str(exc))


@pytest.mark.slow
def test_runs_and_events_are_in_postgresql_and_another_host_sees_them(
    server: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", server.replace("postgresql+psycopg://", "postgresql+psycopg2://"))
    hosts = [tmp_path / name for name in ("one", "two")]
    for host in hosts:
        host.mkdir()
        shutil.copy(DEPLOY / "dagster.yaml", host)
    urls = {k: getattr(home_settings(home), k) for k in ("home", "models", "erp_url", "warehouse_url")}
    job = build_defs(**urls).resolve_job_def("purge")
    monkeypatch.setenv("DAGSTER_HOME", str(hosts[0]))
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            run_config={"ops": {"remove_old": {"config": {"keep_runs": 1}}}}, instance=instance
        )
        assert result.success
    engine = sa.create_engine(server)
    try:
        with engine.connect() as connection:
            runs = connection.execute(sa.text("SELECT run_id, pipeline_name, status FROM runs")).all()
            events = connection.execute(sa.text("SELECT count(*) FROM event_logs")).scalar_one()
    finally:
        engine.dispose()
    assert [tuple(r) for r in runs] == [(result.run_id, "purge", "SUCCESS")]
    assert events >= 5
    monkeypatch.setenv("DAGSTER_HOME", str(hosts[1]))
    with dg.DagsterInstance.get() as other:
        seen = other.get_run_by_id(result.run_id)
        assert seen is not None and seen.job_name == "purge"
    assert not [f for host in hosts for f in host.rglob("*.db")], "nothing of Dagster's is in SQLite"
    assert ask(home / "warehouse.db", "SELECT count(*) FROM current_publication") == [(1,)]
