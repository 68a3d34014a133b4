"""What the checks cost as a step of Dagster: counted, not timed. `tests/benchmarks/bench_check_step.py` prints the times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from check_step import checks_alone
from homes import home_settings

from routing_etl.pipeline import steps, street
from routing_etl.pipeline.context import Context
from routing_etl.quality import checks
from routing_etl.quality.adapter import Validator
from routing_etl.runs import find_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@contextmanager
def connections(opened: list[object]) -> Iterator[None]:
    """Notes every connection that SQLAlchemy opens."""

    def note(connection: object, _: object) -> None:
        opened.append(connection)

    sa.event.listen(sa.Engine, "connect", note)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", note)


def test_the_checks_as_a_step_judge_what_the_command_judges_and_open_few_connections(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []
    opened: list[object] = []
    when_judged: list[int] = []
    validate, check_sources = Validator.validate, checks.check_sources

    def counted(self: Validator, *arguments: Any, **named: Any) -> Any:
        judged.append("one")
        return validate(self, *arguments, **named)

    def noted(*arguments: Any, **named: Any) -> Any:
        outcomes = check_sources(*arguments, **named)
        when_judged.append(len(opened))
        return outcomes

    monkeypatch.setattr(Validator, "validate", counted)
    monkeypatch.setattr(checks, "check_sources", noted)
    settings = home_settings(home)
    steps.check_source(Context(settings, find_run(home, None, having=street.CLEAN.report)))
    by_command, judged[:] = len(judged), []

    (tmp_path / "instance").mkdir()
    with connections(opened), dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
        result = checks_alone(home).execute_in_process(instance=instance)
        told = [e for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        kept = instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert result.success and len(judged) == by_command > 100
    assert len(told) == len(kept.records) > 30, "every one is in the event log"
    # one of another storage of Dagster's remains for each check, where the event log alone opened four to five; a few more for a run
    assert len(opened) - when_judged[-1] < 1.5 * len(told), "not several for each check"
