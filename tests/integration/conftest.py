"""What makes nights and trainings of these tests quick where they are about something else."""

from __future__ import annotations

from typing import Any

import pytest
from homes import NO_REHEARSAL

_LEARNED: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _few_sheets(_no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights that a test starts without settings of its own write as few sheets as those of `homes.home_settings`."""
    monkeypatch.setenv("ROUTING_ETL_SHEET_ITEMS", NO_REHEARSAL["ROUTING_ETL_SHEET_ITEMS"])


@pytest.fixture
def learned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what comes behind learning: the same data with the same parameters are learned once in a process.

    The fit and its evaluation are those of the first training that asks for them, and nothing behind them changes them.
    """
    from routing_etl.pipeline import training

    learn = training._learn

    def once(ctx: Any, data: Any, times: Any, options: Any, answers_by: Any) -> Any:
        parameters = training.make_predictor(
            ctx.settings, data.attributes, answers_by=answers_by
        ).get_params()
        worked = times.by_item_operation.hash_rows().sum()
        key = repr((training.data_hash(data), worked, options, parameters))
        if key not in _LEARNED:
            _LEARNED[key] = learn(ctx, data, times, options, answers_by)
        return _LEARNED[key]

    monkeypatch.setattr(training, "_learn", once)
