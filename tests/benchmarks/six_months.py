"""Six simulated months: what trend, gate and outcomes say of each version, and what the plant's truth says.

    python tests/benchmarks/six_months.py --items 1000 --nights 30
    python tests/benchmarks/six_months.py --items 3000 --nights 30 --routed 40

A demo plant, and a night every six days. After each night engineers route some of the items that it had predicted: most by the
plant's truth, some by taking over the first candidate unseen. Twice in the time a training is due. On the way the ERP cannot be read
for two nights, the most used job code is replaced by another, and work orders take 60 % longer at one machine.

The truth of a version is the mean probability that an engineer writes its first candidate, over the items that are still without a
routing on the night in which it first predicts. Not part of the default test run: it prints a table and asserts nothing.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.markdown import number, table
from routing_etl.log import configure
from routing_etl.pipeline.night import night
from routing_etl.plant.demo import write_plant
from routing_etl.settings import Settings, load_settings

#: Days between two nights, and nights between two trainings.
EVERY, TRAINED = 6, 5
#: Share of decisions that take over the first candidate without a look.
UNSEEN = 0.25


@dataclass
class Plant:
    """The ERP of the simulation, changed as time goes by."""

    home: Path
    rng: np.random.Generator
    today: datetime
    #: The old code of a replaced job, and the new one.
    replaced: tuple[str, str] | None = None
    truth: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    def ask(self, file: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query on one of the two databases."""
        with closing(sqlite3.connect(self.home / file)) as connection:
            return connection.execute(query, values).fetchall()

    def written(self, jobs: str) -> str:
        """A job sequence in the codes that are used today."""
        if self.replaced is None:
            return jobs
        old, new = self.replaced
        return ">".join(new if job == old else job for job in jobs.split(">"))

    def read_truth(self) -> None:
        """What engineers would write for each item, with probabilities."""
        for item, jobs, p in self.ask(
            "erp.db", "SELECT ITEM_CD, JOB_SEQ, SUM(PROBABILITY) FROM DEMO_TRUTH_ROUTING GROUP BY 1, 2"
        ):
            self.truth.setdefault(item, []).append((jobs, float(p)))

    def decide(self, how_many: int) -> None:
        """Engineers route items that were predicted."""
        shown = self.ask(
            "warehouse.db", "SELECT item_cd, routing_code FROM routing_candidates WHERE candidate_rank = 1"
        )
        known = [(item, code) for item, code in shown if item in self.truth]
        picked = self.rng.choice(len(known), min(how_many, len(known)), replace=False)
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            for item, code in (known[i] for i in picked):
                jobs, p = zip(*self.truth[item], strict=True)
                drawn = self.written(str(self.rng.choice(jobs, p=np.array(p) / sum(p))))
                self._write(connection, item, code if self.rng.random() < UNSEEN else drawn)

    def _write(self, connection: sqlite3.Connection, item: str, jobs: str) -> None:
        columns = [r[1] for r in connection.execute("PRAGMA table_info(BI_ROUTING_VIEW)")]
        for number_, job in enumerate(jobs.split(">"), start=1):
            source = self.replaced[0] if self.replaced and job == self.replaced[1] else job
            like = connection.execute(
                "SELECT * FROM BI_ROUTING_VIEW WHERE JOB_CD = ? LIMIT 1", (source,)
            ).fetchone()
            if like is None:
                continue
            row = dict(zip(columns, like, strict=True)) | {
                "ITEM_CD": item, "ROUT_NO": "SIM", "PROC_SEQ": number_ * 10, "JOB_CD": job, "INSRT_DT": f"{self.today:%Y-%m-%d %H:%M:%S}",
            }  # fmt: skip
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO BI_ROUTING_VIEW ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )

    def replace_a_job(self) -> None:
        """From today on engineers write another code for the job that is used most."""
        ((old,),) = self.ask(
            "erp.db", "SELECT JOB_CD FROM BI_ROUTING_VIEW GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1"
        )
        self.replaced = (old, f"{old}N")

    def slow_down(self) -> None:
        """Newer work orders at the busiest machine take 1.6 times as long."""
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            connection.execute(
                "UPDATE BI_WORK_ORDER_RESULTS SET MACH_WORKED_HOURS = MACH_WORKED_HOURS * 1.6 WHERE RES_CD = (SELECT RES_CD FROM "
                "BI_WORK_ORDER_RESULTS GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1) AND REPORT_DT > (SELECT DATE(MAX(REPORT_DT), "
                "'-180 days') FROM BI_WORK_ORDER_RESULTS)"
            )

    def score(self) -> tuple[float, int]:
        """Mean probability that an engineer writes the published first candidate, and the number of items."""
        shown = self.ask(
            "warehouse.db", "SELECT item_cd, routing_code FROM routing_candidates WHERE candidate_rank = 1"
        )
        found = [
            sum(p for jobs, p in self.truth[item] if self.written(jobs) == code)
            for item, code in shown
            if item in self.truth
        ]
        return float(np.mean(found)), len(found)


def simulate(settings: Settings, plant: Plant, nights: int, decisions: int) -> pl.DataFrame:
    """Run the months; one row per version that has predicted."""
    truths: dict[str, tuple[float, int]] = {}
    for number_ in range(nights):
        plant.today += timedelta(days=EVERY)
        if number_ == nights // 2:
            plant.replace_a_job()
        if number_ == 2 * nights // 3:
            plant.slow_down()
        if number_ in (nights // 3, nights // 3 + 1):
            broken = settings.model_copy(update={"profile": "no_such_profile"})
            try:
                night(broken)
            except RoutingEtlError as exc:
                print(f"night {number_}: {exc}")
            continue
        night(settings, retrain=number_ % TRAINED == 0)
        ((version,),) = plant.ask("warehouse.db", "SELECT version FROM model_version WHERE status = 'active'")
        if version not in truths:
            truths[version] = plant.score()
        plant.decide(decisions)
    return _table(plant, truths)


def _table(plant: Plant, truths: dict[str, tuple[float, int]]) -> pl.DataFrame:
    trend = dict(
        plant.ask(
            "warehouse.db",
            "SELECT model_version, value FROM model_quality_trend WHERE metric = 'exact_at_1' AND method = 'model' AND segment = 'all' "
            "AND split NOT IN ('production', 'realised') ORDER BY computed_at DESC",
        )
    )
    realised = {
        version: (value, n)
        for version, value, n in plant.ask(
            "warehouse.db",
            "SELECT model_version, value, n FROM model_metric WHERE metric = 'realised_exact_at_1' AND split = 'realised' ORDER BY "
            "computed_at",
        )
    }
    decided = plant.ask(
        "warehouse.db",
        "SELECT model_version, decision, reason, items_trained FROM model_decision WHERE decision IN ('promoted', 'refused', 'forced') "
        "ORDER BY id",
    )
    return pl.DataFrame(
        [
            {
                "version": version,
                "decision": decision,
                "learned from": trained,
                "held out": trend.get(version),
                "realised": realised.get(version, (None, 0))[0],
                "outcomes": realised.get(version, (None, 0))[1],
                "truth": truths.get(version, (None, 0))[0],
                "why": reason[:70],
            }
            for version, decision, reason, trained in decided
        ],
        infer_schema_length=None,
    )


def _correlation(found: pl.DataFrame, name: str) -> str:
    known = found.drop_nulls([name, "truth"])
    if known.height < 3:
        return f"{name}: fewer than 3 versions"
    return f"{name}: rank correlation with the truth {spearmanr(known[name], known['truth']).statistic:+.2f} over {known.height} versions"


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--routed", type=int, default=15, help="items that engineers route after each night")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        configure(home / "logs", "WARNING")
        urls = {
            "erp_url": f"sqlite:///{home / 'erp.db'}",
            "warehouse_url": f"sqlite:///{home / 'warehouse.db'}",
        }
        settings = load_settings(
            _env_file=None,
            home=home,
            models=home / "models",
            rehearsals=0,
            variance_fits=0,
            keep_models=50,
            **urls,
        )
        write_plant(str(settings.erp_url.get_secret_value()), asked.items, asked.seed, settings)  # type: ignore[union-attr]
        plant = Plant(home, np.random.default_rng(asked.seed), datetime(2025, 10, 1))
        plant.read_truth()
        found = simulate(settings, plant, asked.nights, asked.routed)
    body = [[str(v) if isinstance(v, (str, int)) else number(v) for v in row] for row in found.iter_rows()]
    print("\n".join(table(found.columns, body)))
    for name in ("held out", "realised"):
        print(_correlation(found, name))


if __name__ == "__main__":
    main()
