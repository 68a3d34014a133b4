"""A night in a world that is not as the last one left it: the clock went back, an optional table of the ERP is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homes import ask, change, home_settings

from routing_etl.pipeline.night import night
from routing_etl.pipeline.status import status
from routing_etl.runs import list_runs

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def two_days_ahead(home: Path) -> None:
    """All that the last night stored, as if its clock had been two days ahead; and the lock of a loader that died then."""
    (run,) = list_runs(home)
    ahead = datetime.now(UTC) + timedelta(days=2)
    (run.path / "created").write_text(ahead.isoformat(timespec="microseconds"), encoding="utf-8")
    moment = f"'{ahead:%Y-%m-%d %H:%M:%S.000000}'"
    change(
        home / "warehouse.db",
        f"UPDATE batch_run SET started_at = {moment}, finished_at = {moment}",
        f"UPDATE publication SET created_at = {moment}, loaded_at = {moment}, published_at = {moment}",
        f"UPDATE model_metric SET computed_at = {moment}",
        f"UPDATE erp_read SET began_at = {moment}",
        f"UPDATE writer_lock SET owner = 'dead', what = 'load', host = 'another', pid = 1, process = 'x', heartbeat_at = {moment}",
    )


def test_a_clock_that_went_back_two_days(home: Path) -> None:
    two_days_ahead(home)
    settings = home_settings(home, service_user="another")
    night(settings, run_id="today")
    now = status(settings)
    assert now.last_run is not None and (now.last_run.run_id, now.last_run.state) == ("today", "succeeded")
    assert now.last_success is not None and now.last_success.run_id == "today"
    [(publication, run_id)] = ask(
        home / "warehouse.db",
        "SELECT p.id, p.run_id FROM current_publication AS c JOIN publication AS p ON p.id = c.publication_id",
    )
    assert run_id == "today" and now.publication is not None and now.publication.publication_id == publication
    assert list_runs(home)[0].run_id == "today"


def test_a_purchase_order_table_that_is_gone(home: Path) -> None:
    change(home / "erp.db", "DROP TABLE BI_PUR_PO_VIEW")
    settings = home_settings(home)
    night(settings, run_id="without")
    [(status_, message)] = ask(
        home / "warehouse.db", "SELECT status, message FROM batch_run WHERE run_id = 'without'"
    )
    assert status_ == "succeeded", message
