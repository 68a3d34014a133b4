"""A small plant over some months, by the command line with a clock that is moved: what engineers do, what nights say and learn of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from homes import ask, change, home_settings
from typer.testing import CliRunner

from routing_etl.cli.app import app
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.pipeline import night, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_valid_operations
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import find_run
from routing_etl.warehouse import decisions
from routing_etl.warehouse.types import now

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ENVIRONMENT = {"ROUTING_ETL_REHEARSALS": "0", "ROUTING_ETL_VARIANCE_FITS": "0", "ROUTING_ETL_USER": "lee"}


@dataclass
class Months:
    """The plant's home, and what was seen on the way."""

    home: Path
    champions: list[str] = field(default_factory=list)
    decisions: list[list[tuple[Any, ...]]] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)

    def ours(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return ask(self.home / "warehouse.db", query, *values)

    def command(self, *words: str) -> str:
        places = {"ROUTING_ETL_HOME": str(self.home), "ROUTING_ETL_MODELS": str(self.home / "models")}
        result = CliRunner().invoke(app, list(words), env=places | ENVIRONMENT)
        assert result.exit_code == 0, result.output
        return result.output

    def clock(self, patch: pytest.MonkeyPatch, days: int) -> None:
        """Move the clock of the nights to so many days from now."""

        class Moved(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(days=days)

        patch.setattr(night, "datetime", Moved)
        patch.setattr(decisions, "now", lambda: now() + timedelta(days=days))

    def night(self, patch: pytest.MonkeyPatch, days: int) -> None:
        """The night so many days after the first."""
        self.clock(patch, days)
        known = self.ours("SELECT COUNT(*) FROM model_decision")[0][0]
        self.command("run")
        self.champions.append(self.ours("SELECT version FROM model_version WHERE status = 'active'")[0][0])
        query = "SELECT decision, model_version, reason, items_trained FROM model_decision WHERE id > ? ORDER BY id"
        self.decisions.append(self.ours(query, known))

    def due(self) -> str | None:
        """Why the next night would train."""
        settings = home_settings(self.home)
        return night.training_due(Context(settings, find_run(self.home, None)))

    def metric(self, name: str, split: str = "production", version: str | None = None) -> tuple[Any, ...]:
        return self.ours(
            "SELECT value, n, reason FROM model_metric WHERE metric = ? AND split = ? AND model_version = ? ORDER BY computed_at "
            "DESC LIMIT 1", name, split, version or self.champions[-1],
        )[0]  # fmt: skip

    def write(self, item: str, jobs: str, rout_no: str, machines: str | None = None) -> None:
        """An engineer writes a routing: rows of another valid one with these jobs."""
        columns = [r[1] for r in ask(self.home / "erp.db", "PRAGMA table_info(BI_ROUTING_VIEW)")]
        like = "SELECT * FROM BI_ROUTING_VIEW WHERE VALID_TO_DT > '2090' AND VALIDITY IS NULL AND INSIDE_FLAG = '사내' LIMIT 1"
        template = dict(zip(columns, ask(self.home / "erp.db", like)[0], strict=True))
        for number, job in enumerate(jobs.split(">"), start=1):
            own = {
                "ITEM_CD": item,
                "ROUT_NO": rout_no,
                "PROC_SEQ": number * 10,
                "JOB_CD": job,
                "RES_CD": machines or "CNC-01",
            }
            row = {k: v for k, v in (template | own).items() if v is not None}
            values = ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in row.values())
            change(self.home / "erp.db", f"INSERT INTO BI_ROUTING_VIEW ({', '.join(row)}) VALUES ({values})")

    def order(self, item: str, rout_no: str) -> None:
        """An order is made by an item's routing."""
        change(
            self.home / "erp.db",
            "INSERT INTO BI_WORK_ORDER_RESULTS (ITEM_CD, PROC_SEQ, RES_CD, JOB_CD, REPORT_DT, MACH_WORKED_HOURS, SETUP_HOURS, ORDER_QTY, "
            "BAD_QTY, ROUT_NO) SELECT ITEM_CD, PROC_SEQ, RES_CD, JOB_CD, '2025-10-20', 1.0, 0.2, 10, 0, ROUT_NO FROM BI_ROUTING_VIEW "
            f"WHERE ITEM_CD = '{item}' AND ROUT_NO = '{rout_no}'",
        )

    def exchange_items(self) -> None:
        """The item master is joined wrongly: each routed item has the attributes of another."""
        change(
            self.home / "erp.db",
            "CREATE TABLE place AS SELECT ITEM_CD, ROW_NUMBER() OVER (ORDER BY ITEM_CD) AS n FROM (SELECT DISTINCT ITEM_CD FROM "
            "BI_ROUTING_VIEW)",
            "CREATE TABLE other AS SELECT a.ITEM_CD AS was, b.ITEM_CD AS now FROM place AS a JOIN place AS b ON b.n = (a.n + 40) % "
            "(SELECT MAX(n) FROM place) + 1",
            "UPDATE BI_ITEM_INFO_VIEW SET ITEM_CD = (SELECT now FROM other WHERE was = ITEM_CD) WHERE ITEM_CD IN (SELECT was FROM other)",
        )


@pytest.fixture(scope="module")
def months(finished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Months]:
    """Two nights after a first one, over two months, with what engineers did in between.

    A training takes over the champion's model instead of fitting another, so that what is judged is a real model on real items.
    """
    home = tmp_path_factory.mktemp("months") / "home"
    shutil.copytree(finished_home, home)
    it = Months(home)
    champion = it.ours("SELECT version, manifest_sha256 FROM model_version WHERE status = 'active'")[0]
    model = ModelRegistry(home / "models").load(champion[0], expected_manifest_sha256=champion[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "make_predictor", lambda *_, **__: model)
        patch.setattr(RoutingPredictor, "fit", lambda self, *_, **__: self)
        shown = it.ours(
            "SELECT item_cd, routing_code, predicted_rout_no FROM routing_candidates WHERE candidate_rank = 1 ORDER BY 1"
        )
        for item, code, number in shown[:6]:  # taken over unseen
            it.write(item, code, number)
        for item, code, _ in shown[6:9]:  # written as proposed
            it.write(item, code, "E1")
        for item, code, _ in shown[9:13]:  # written otherwise, with a job that is new
            it.write(item, f"{code}>NEW-1", "E2")
        it.seen["first"] = champion[0]
        it.seen["copied"] = [item for item, *_ in shown[:6]]
        it.order(shown[0][0], shown[0][2])
        it.night(patch, 8)
        it.seen["realised"] = it.metric("realised_exact_at_1", "realised", version=champion[0])
        it.seen["batch"] = it.metric("realised_exact_at_1")
        it.seen["drift after a promotion"] = it.metric("similarity_drift")
        it.seen["met by the first"] = json.loads(
            (home / "models" / champion[0] / "training_window.json").read_text(encoding="utf-8")
        )
        it.seen["band after a promotion"] = it.metric("drift_band")
        run = find_run(home, None)
        it.seen["copies"] = pl.read_parquet(run.clean / "copies.parquet")
        it.seen["routed"] = read_valid_operations(run).select(pl.col("item_key").n_unique()).collect().item()
        it.write(shown[13][0], shown[13][1], "E3")
        it.exchange_items()
        it.night(patch, 60)
        it.seen["drift"] = it.metric("similarity_drift")
        it.clock(patch, 61)
        it.seen["due next night"] = it.due()
        it.clock(patch, 68)
        it.seen["due a week later"] = it.due()
        it.command("models", "rollback", "--why", "known to be good")
        it.clock(patch, 300)
        it.seen["due after the rollback"] = it.due()
    yield it


def test_what_was_taken_over_is_no_outcome(months: Months) -> None:
    """Three of seven routings that engineers wrote themselves were proposed; with the six copies it would be nine of thirteen."""
    assert months.seen["realised"][:2] == (pytest.approx(3 / 7), 7)
    assert months.seen["batch"][:2] == (pytest.approx(3 / 7), 7)
    found = months.ours("SELECT copied_by, COUNT(*) FROM prediction_outcome WHERE adopted = 1 GROUP BY 1")
    assert found == [("number", 6)]
    weekly = months.ours(
        "SELECT items_routed, taken_over, themselves_as_first, otherwise FROM acceptance_by_week ORDER BY items_routed DESC"
    )
    assert weekly == [(13, 6, 3, 4), (1, 0, 1, 0)], "by the version that had predicted"


def test_nothing_is_learned_from_a_copy_before_an_order(months: Months) -> None:
    assert months.seen["copies"].sort("item_cd").select("item_cd", "ordered").rows() == sorted(
        (item, n == 0) for n, item in enumerate(months.seen["copied"])
    )
    assert months.decisions[0][0][3] == months.seen["routed"] - 5


def test_a_new_job_counts_within_a_week(months: Months) -> None:
    assert [d for d, *_ in months.decisions[0]] == ["trained", "promoted", "retired"]
    assert months.decisions[0][0][2] == f"champion {months.seen['first']} has not learned job NEW-1 (4 items)"
    _, version, reason, _ = months.decisions[0][1]
    assert version == months.champions[0] and "the recipe of champion" in reason
    learned = json.loads((months.home / "models" / version / "learned_jobs.json").read_text(encoding="utf-8"))
    assert "NEW-1" in learned


def test_a_promotion_is_no_drift(months: Months) -> None:
    value, n, reason = months.seen["drift"]
    assert reason is None and n > 200 and 0 <= value < 0.3
    value, n, reason = months.seen["drift after a promotion"]
    assert value is None and n > 200 and "of this version" in reason


def test_each_version_is_measured_from_its_own_window(months: Months) -> None:
    """Thirteen routings were written after the first window; the second version learned from them, and nothing was written since."""
    window = months.seen["met by the first"]
    assert window["days"] == 180 and len(window["items"]) > 300 and "outdiameter" in window["attributes"]
    value, n, reason = months.seen["band after a promotion"]
    assert value == 0 and n > 20 and reason is None
    stored = dict(
        months.ours(
            "SELECT segment, reason FROM model_metric WHERE metric = 'new_code_share' AND model_version = ?",
            months.champions[0],
        )
    )
    assert stored["job:all"] == "no routing was written since the training"


def test_a_bad_version_is_refused_and_remembered(months: Months) -> None:
    """Each routed item had got the attributes of another one."""
    assert [d for d, *_ in months.decisions[1]] == ["trained", "refused"]
    assert "below half of champion" in months.decisions[1][1][2]
    assert months.champions[1] == months.champions[0]
    shown = months.ours("SELECT DISTINCT model_version FROM routing_predictions")
    assert shown == [(months.champions[0],)], "the night publishes all the same"
    assert months.seen["due next night"] is None and "days old" in months.seen["due a week later"]


def test_a_rollback_holds(months: Months) -> None:
    kinds = months.ours(
        "SELECT decision, model_version, decided_by FROM model_decision ORDER BY id DESC LIMIT 3"
    )
    former, left = months.seen["first"], months.champions[-1]
    assert kinds == [("pinned", former, "lee"), ("retired", left, "lee"), ("rolled_back", former, "lee")]
    assert months.seen["due after the rollback"] is None
