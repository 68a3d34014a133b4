"""A batch that was rolled back: the next run with the same predictions says so, and publishes it only when asked to."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import ask, home_settings
from rich.console import Console

from routing_etl.cli.display.publications import publication_table
from routing_etl.pipeline import night, steps, upkeep
from routing_etl.pipeline.context import Context
from routing_etl.runs import list_runs

pytestmark = pytest.mark.integration


@pytest.mark.slow
def test_it_returns_only_when_asked_for(home: Path) -> None:
    settings = home_settings(home, service_user="another")
    [run] = list_runs(home)
    ctx = Context(settings, run)
    [(first,)] = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")
    steps.load(ctx)
    moved = steps.publish(ctx).result
    assert (moved.changed, moved.rows_written, moved.notice) == (True, 0, None)
    assert upkeep.rollback(settings) == first

    steps.load(ctx)
    held = steps.publish(ctx).result
    assert (held.publication_id, held.changed, held.withheld) == (first, False, moved.publication_id)
    notice = f"publication {moved.publication_id}, which was rolled back: publication {first} stays what the ERP reads"
    assert held.notice is not None and notice in held.notice
    night.finish(ctx, "succeeded", "")
    [(message,)] = ask(home / "warehouse.db", "SELECT message FROM batch_run WHERE run_id = ?", run.run_id)
    assert message == held.notice
    console = Console(record=True, width=400)
    publication_table(console, held)
    assert "routing-etl publish --again" in console.export_text()

    asked = steps.publish_run(ctx, again=True)
    assert (asked.publication_id, asked.changed, asked.notice) == (moved.publication_id, True, None)
