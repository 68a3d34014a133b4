"""Weeks of a plant, from the ERP's rows to the sentence: when a machine becomes slower, in which week it is told, and by which version no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from homes import ask, home_settings

from routing_etl.model.predictor import RoutingPredictor
from routing_etl.pipeline import steps, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.drift import drift_rows
from routing_etl.pipeline.training import TrainingRequest
from routing_etl.runs import new_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Orders of the machine, and of others, a week.
OWN, OTHERS = 90, 150
#: Weeks as before, weeks in which the machine is slower, and the factor.
QUIET, SLOW, FACTOR = 2, 2, 1.6


@dataclass
class Plant:
    """A home after one night, whose shop floor goes on."""

    home: Path
    rng: np.random.Generator
    day: date
    machine: str
    #: Rows of the first night's reports: those of the machine, and all others.
    rows: tuple[list[int], list[int]]
    told: list[dict[tuple[str, str], tuple[float | None, str | None]]] = field(default_factory=list)

    @classmethod
    def of(cls, home: Path) -> Plant:
        """The plant of a home; its busiest machine is the one that changes."""
        erp = home / "erp.db"
        ((machine, _),) = ask(
            erp, "SELECT RES_CD, COUNT(*) FROM BI_WORK_ORDER_RESULTS GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        newest = ask(erp, "SELECT MAX(REPORT_DT) FROM BI_WORK_ORDER_RESULTS")[0][0]
        recent = "SELECT rowid FROM BI_WORK_ORDER_RESULTS WHERE REPORT_DT > '2024-06' AND RES_CD"
        own, others = (
            [row for (row,) in ask(erp, f"{recent} {sign} ?", machine)] for sign in ("=", "<>")
        )  # fmt: skip
        return cls(home, np.random.default_rng(3), date.fromisoformat(newest[:10]), machine, (own, others))

    def week(self, factor: float) -> None:
        """A week of orders like earlier ones of the same operations; those of the machine take `factor` times as long."""
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            names = [r[1] for r in connection.execute("PRAGMA table_info(BI_WORK_ORDER_RESULTS)")]
            for rows, n, slower in ((self.rows[0], OWN, factor), (self.rows[1], OTHERS, 1.0)):
                own = {"REPORT_DT": "?", "MACH_WORKED_HOURS": f"MACH_WORKED_HOURS * {slower}"}
                values = ", ".join(own.get(name, name) for name in names)
                connection.executemany(
                    f"INSERT INTO BI_WORK_ORDER_RESULTS ({', '.join(names)}) SELECT {values} FROM BI_WORK_ORDER_RESULTS "
                    "WHERE rowid = ?",
                    [
                        (f"{self.day + timedelta(days=int(d))}", int(row))
                        for d, row in zip(self.rng.integers(1, 8, n), self.rng.choice(rows, n), strict=True)
                    ],
                )
        self.day += timedelta(days=7)

    def read(self) -> Context:
        """The steps of a night up to the times."""
        settings = home_settings(self.home)
        ctx = Context(settings, new_run(settings.home))
        steps.extract(ctx)
        steps.clean(ctx)
        steps.aggregate_times(ctx)
        return ctx

    def look(self, ctx: Context) -> None:
        """What the night says of drift beside the champion's training window."""
        version = ctx.registry.resolve("champion")
        with ctx.warehouse() as engine:
            found = drift_rows(ctx, engine, version, 1)
        self.told.append({(row.metric, row.segment): (row.value, row.reason) for row in found})

    def train(self, patch: pytest.MonkeyPatch) -> str | None:
        """Train on what was read last: the champion's model once more, with the window of today. Gives the version if it is promoted."""
        ctx = self.read()
        champion = ctx.registry.resolve("champion")
        _, spelled = training.load_model(ctx, champion)
        patch.setattr(training, "make_predictor", lambda *_, **__: spelled.predictor)
        patch.setattr(RoutingPredictor, "fit", lambda self, *_, **__: self)
        trained = steps.train(ctx, TrainingRequest()).result
        self.look(ctx)
        return trained.version if trained.promoted else None


@pytest.fixture(scope="module")
def weeks(
    finished_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Plant, str | None]]:
    """Quiet weeks, slow ones, a training, and one more slow week."""
    import shutil

    home = tmp_path_factory.mktemp("weeks") / "home"
    shutil.copytree(finished_home, home)
    plant = Plant.of(home)
    with pytest.MonkeyPatch.context() as patch:
        for number in range(QUIET + SLOW):
            plant.week(1.0 if number < QUIET else FACTOR)
            plant.look(plant.read())
        promoted = plant.train(patch)
        plant.week(FACTOR)
        plant.look(plant.read())
    yield plant, promoted


def times(told: dict[tuple[str, str], tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Of one night how many machines and jobs have other times, and the factor of each."""
    return {
        segment: found
        for (metric, segment), found in told.items()
        if metric in ("run_times_changed", "run_time_ratio")
    }


def test_no_alarm_before_anything_has_changed(weeks: tuple[Plant, str | None]) -> None:
    plant, _ = weeks
    for night in plant.told[:QUIET]:
        assert not any(value for value, _ in times(night).values()), times(night)
        assert "their profile" not in (night[("drift_band", "all")][1] or "")


def test_it_is_told_in_the_week_in_which_it_began_by_machine_factor_day_and_orders(
    weeks: tuple[Plant, str | None],
) -> None:
    plant, _ = weeks
    value, words = plant.told[QUIET][("drift_band", "all")]
    began = plant.day - timedelta(days=7 * (SLOW + 1) - 1)
    assert value is not None and value >= 2, "drift or severe"
    assert f"operations on machine {plant.machine} take 1." in words
    sentence = words[words.index("operations on machine") :].split(";")[0]
    factor = float(sentence.split(" take ")[1].split(" times")[0])
    since = date.fromisoformat(sentence.split("since ")[1][:10])
    orders = int(sentence.split(", ")[1].split(" orders")[0])
    assert 1.45 < factor < 1.75
    assert abs((since - began).days) <= 2
    assert 0.6 * OWN <= orders <= OWN, (
        "an operation with fewer than three reports before is compared with nothing"
    )
    assert not any(machine != plant.machine and found for machine, found in machines_told(words).items())


def machines_told(words: str) -> dict[str, bool]:
    """The machines that a sentence names."""
    return {part.split(" ")[0]: True for part in words.split("operations on machine ")[1:]}


def test_it_goes_on_being_told_and_asks_for_one_training(weeks: tuple[Plant, str | None]) -> None:
    plant, _ = weeks
    last = plant.told[QUIET + SLOW - 1]
    assert f"machine {plant.machine} take" in last[("drift_band", "all")][1]
    assert last[("drift_band", "learnable")][0] >= 2


def test_a_promotion_is_no_drift_and_what_was_learned_asks_for_nothing(
    weeks: tuple[Plant, str | None],
) -> None:
    """A week after it the machine still takes longer than in the two years of its profile, which is told with its day, and as known."""
    plant, promoted = weeks
    assert promoted is not None
    at_once, later = plant.told[QUIET + SLOW :]
    assert times(at_once) == {"all": (None, "no order was reported since the training")}
    assert at_once[("drift_band", "all")][0] == 0
    assert later[("drift_band", "learnable")][0] == 0
    words = later[("run_time_ratio", f"machine:{plant.machine}")][1]
    assert f"machine {plant.machine} take 1." in words and "(known to the training" in words
    began = plant.day - timedelta(days=7 * (SLOW + 1) - 1)
    since = date.fromisoformat(words.split("since ")[1].removeprefix("about ")[:10])
    assert abs((since - began).days) <= 3
