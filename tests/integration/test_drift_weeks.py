"""Eight weeks of a plant as its nights read them: a job code is replaced, then a machine gets slow; each is told in its week."""

from __future__ import annotations

import json
import shutil
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

from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.drift import TRAINING_WINDOW, drift_rows, training_window
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.pipeline.training_facts import Accounts, training_facts
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import new_run

pytestmark = pytest.mark.integration

#: The first week with the new code, the first with the slow machine, and the one at whose end a version has learned both.
REPLACED, SLOW, LEARNED, WEEKS = 3, 5, 7, 8
ROUTINGS, REPORTS = 16, 400


@dataclass
class Weeks:
    """The plant's home, and what each week's night says: band and causes."""

    home: Path
    rng: np.random.Generator
    first: date
    job: str
    machine: str
    waiting: list[tuple[str, str]]
    reports: list[int]
    told: dict[int, tuple[int, str]] = field(default_factory=dict)
    since: dict[str, date] = field(default_factory=dict)

    def day(self, week: int, of_seven: int = 0) -> date:
        return self.first + timedelta(days=7 * (week - 1) + of_seven)

    def happens(self, week: int) -> None:
        """What engineers write and the shop reports in a week."""
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            for n in range(ROUTINGS):
                self._routing(connection, *self.waiting.pop(), self.day(week, n % 7), week >= REPLACED)
            self._reports(connection, week)

    def _routing(
        self, connection: sqlite3.Connection, item: str, jobs: str, day: date, replaced: bool
    ) -> None:
        columns = [r[1] for r in connection.execute("PRAGMA table_info(BI_ROUTING_VIEW)")]
        for number, job in enumerate(jobs.split(">"), start=1):
            like = connection.execute(
                "SELECT * FROM BI_ROUTING_VIEW WHERE JOB_CD = ? ORDER BY rowid LIMIT 1", (job,)
            ).fetchone()
            row = dict(zip(columns, like, strict=True)) | {
                "ITEM_CD": item, "ROUT_NO": "SIM", "PROC_SEQ": number * 10, "INSRT_DT": f"{day} 08:00:00", "VALID_FROM_DT": f"{day}",
                "VALID_TO_DT": "2999-12-31", "VALIDITY": None, "JOB_CD": f"{job}N" if replaced and job == self.job else job,
            }  # fmt: skip
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO BI_ROUTING_VIEW ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )

    def _reports(self, connection: sqlite3.Connection, week: int) -> None:
        """Reports of a week, each as an earlier one of its operation."""
        names = [r[1] for r in connection.execute("PRAGMA table_info(BI_WORK_ORDER_RESULTS)")]
        slow = self.machine if week >= SLOW else ""
        own = {
            "REPORT_DT": "?",
            "MACH_WORKED_HOURS": "MACH_WORKED_HOURS * CASE WHEN RES_CD = ? THEN 1.6 ELSE 1 END",
        }
        picked = self.rng.choice(self.reports, REPORTS)
        connection.executemany(
            f"INSERT INTO BI_WORK_ORDER_RESULTS ({', '.join(names)}) SELECT {', '.join(own.get(n, n) for n in names)} FROM "
            "BI_WORK_ORDER_RESULTS WHERE rowid = ?",
            [(f"{self.day(week, i % 7)}", slow, int(row)) for i, row in enumerate(picked)],
        )

    def night(self, week: int, patch: pytest.MonkeyPatch) -> None:
        """Read what there is and compare it with what the version in force had learned."""
        settings = home_settings(self.home)
        ctx = Context(settings, new_run(self.home))
        for step in (street.EXTRACT, street.CLEAN, street.AGGREGATE_TIMES):
            step.run(ctx)
        champion = ctx.registry.resolve("champion")
        with ctx.warehouse() as engine:
            rows = drift_rows(ctx, engine, champion, 1)
        band = next(r for r in rows if (r.metric, r.segment) == ("drift_band", "all"))
        self.told[week] = (int(band.value or 0), band.reason or "")
        if week == LEARNED:
            self._learn(ctx, patch)

    def _learn(self, ctx: Context, patch: pytest.MonkeyPatch) -> None:
        """A version that has learned until today is in force from now on."""
        data = read_learning_data(ctx.run)
        accounts = Accounts(ctx.require(street.CLEAN), ctx.require(street.AGGREGATE_TIMES))
        facts = training_facts(ctx.run, data.items, data.operations, items_with_times=0, accounts=accounts)
        window = training_window(data, facts, ctx.settings.test_days)
        whole = ModelRegistry.read_json

        def read(registry: ModelRegistry, version: str, name: str, *more: Any, **words: Any) -> Any:
            return window if name == TRAINING_WINDOW else whole(registry, version, name, *more, **words)

        patch.setattr(ModelRegistry, "read_json", read)


@pytest.fixture(scope="module")
def weeks(finished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    home = tmp_path_factory.mktemp("weeks") / "home"
    shutil.copytree(finished_home, home)
    waiting = ask(
        home / "warehouse.db",
        "SELECT item_cd, routing_code FROM routing_candidates WHERE candidate_rank = 1 ORDER BY item_cd",
    )
    jobs = [job for _, code in waiting for job in code.split(">")]
    ((machine,),) = ask(
        home / "erp.db", "SELECT RES_CD FROM BI_WORK_ORDER_RESULTS GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1"
    )
    reports = [r for (r,) in ask(home / "erp.db", "SELECT rowid FROM BI_WORK_ORDER_RESULTS")]
    [window] = home.glob("models/*/training_window.json")
    known = json.loads(window.read_text(encoding="utf-8"))
    until = max(date.fromisoformat(known[name]) for name in ("routings_until", "reports_until"))
    it = Weeks(
        home,
        np.random.default_rng(7),
        until + timedelta(days=1),
        max(sorted(set(jobs)), key=jobs.count),
        machine,
        waiting,
        reports,
    )
    with pytest.MonkeyPatch.context() as patch:
        for week in range(1, WEEKS + 1):
            it.happens(week)
            it.night(week, patch)
    yield it


def test_weeks_as_before_are_normal(weeks: Weeks) -> None:
    assert [weeks.told[w] for w in (1, 2)] == [(0, ""), (0, "")]


def test_a_replaced_code_is_told_in_its_week_with_its_day(weeks: Weeks) -> None:
    band, words = weeks.told[REPLACED]
    assert band >= 2 and f"job {weeks.job}N (" in words
    told = date.fromisoformat(words.split("is new since ")[1][:10])
    assert weeks.day(REPLACED) <= told < weeks.day(REPLACED + 1)
    assert "operations on machine" not in words


def test_a_slow_machine_is_told_in_its_week_with_factor_and_day(weeks: Weeks) -> None:
    assert f"machine {weeks.machine}" not in weeks.told[SLOW - 1][1]
    band, words = weeks.told[SLOW]
    assert band == 3 and f"operations on machine {weeks.machine} take 1.6" in words
    since = date.fromisoformat(words.split(f"machine {weeks.machine} take ")[1].split("since ")[1][:10])
    assert abs((since - weeks.day(SLOW)).days) <= 3


def test_what_a_version_has_learned_is_no_drift(weeks: Weeks) -> None:
    """The new code and the slow machine go on, under a version that knows both."""
    assert weeks.told[LEARNED][0] == 3 and weeks.told[WEEKS] == (0, "")
