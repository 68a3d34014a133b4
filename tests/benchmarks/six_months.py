"""Six simulated months: what trend, gate and outcomes say of each version, and what the plant's truth says.

    python tests/benchmarks/six_months.py
    python tests/benchmarks/six_months.py --items 3000 --nights 26 --every 7 --trained 4 --routed 40

A demo plant, and a night every so many days. After each night engineers route some of the items that it had predicted: most by the
plant's truth, some by taking over the first candidate unseen, with its number, machines and times. Some nights train. Two of
these trainings try another recipe, a poor one (one neighbour, two trees) and a better grown one (four times the trees). On the way the
ERP cannot be read for a night, the most used job code is replaced by another, and work orders take 60 % longer at one machine. What a
night says of drift is printed night by night.

A part of the items is kept back: nobody routes them. The truth of a version is the mean probability that an engineer writes its first
candidate **for these**, by the practice of the night, so that all versions are judged on the same items, whatever has been routed
meanwhile. What the product says is set beside what it speaks of:

* the difference of two versions (trend: the one before as it is, on what was written since it had learned; gate: both recipes on the
  window) beside the difference of their truths on the night of the training;
* the share that a version had right of what engineers wrote themselves while it predicted, beside its mean truth over the same nights.

The values on held-out items are printed too; they are of other items for each version, and the trend says that they are not compared.
With `--shared` a training fits once instead of twice: deployed is the model that was judged, which has not learned the judged items. A
version then knows a little less than it would, and as the same items are judged whenever it trains, the trend compares two versions on more of
them than a plant of this size writes between two trainings. (One with 30 new items a day has some 450 a month.)

Not part of the default test run: it prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.markdown import number, table
from routing_etl.log import configure
from routing_etl.pipeline import street, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.pipeline.loading import load_model
from routing_etl.pipeline.night import night, retraining_reasons
from routing_etl.plant.demo import write_plant
from routing_etl.settings import Settings, load_settings

#: Share of decisions that take over the first candidate without a look.
UNSEEN = 0.25
#: Other recipes, by the number of the training that tries them.
RECIPES: dict[int, dict[str, int]] = {2: {"trees": 2, "neighbours": 1}, 4: {"trees": 40}}


@dataclass
class Plant:
    """The ERP of the simulation, changed as time goes by."""

    home: Path
    rng: np.random.Generator
    today: datetime
    #: The old code of a replaced job, and the new one.
    replaced: tuple[str, str] | None = None
    #: The machine that has become slow, and the reports that there were before the first night.
    slow: str | None = None
    reports: int = 0
    truth: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    #: Items that nobody routes.
    kept: set[str] = field(default_factory=set)
    #: What was written of items that had been shown: as the first candidate without having been taken over, and otherwise.
    as_first: int = 0
    otherwise: int = 0
    taken_over: int = 0

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

    def shown(self) -> list[tuple[str, str]]:
        """The first candidates that readers see."""
        return self.ask(
            "warehouse.db",
            "SELECT item_cd, routing_code FROM routing_candidates WHERE candidate_rank = 1 ORDER BY item_cd",
        )

    def keep_back(self, share: float) -> None:
        """Of the items that are predicted now a share that nobody routes."""
        known = [item for item, _ in self.shown() if item in self.truth]
        self.kept = set(self.rng.choice(known, int(share * len(known)), replace=False).tolist())

    def decide(self, how_many: int) -> None:
        """Engineers route items that were predicted."""
        known = [(item, code) for item, code in self.shown() if item in self.truth and item not in self.kept]
        picked = self.rng.choice(len(known), min(how_many, len(known)), replace=False)
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            for item, code in (known[i] for i in picked):
                jobs, p = zip(*self.truth[item], strict=True)
                drawn = self.written(str(self.rng.choice(jobs, p=np.array(p) / sum(p))))
                if self.rng.random() < UNSEEN:
                    self._write(connection, item, code, self._proposed(item))
                    self.taken_over += 1
                else:
                    written = self._write(connection, item, drawn, [])
                    self.as_first += written == code
                    self.otherwise += written not in (code, "")

    def _proposed(self, item: str) -> list[dict[str, Any]]:
        """The operations of an item's first candidate as the ERP's tables would take them over."""
        names = ("ROUT_NO", "PROC_SEQ", "RES_CD", "SETUP_TIME", "RUN_TIME")
        rows = self.ask(
            "warehouse.db",
            f"SELECT {', '.join(f'd.{n}' for n in names)} FROM bop_proc_detail AS d JOIN bop_proc_master AS m ON m.ITEM_CD = d.ITEM_CD "
            "AND m.ROUT_NO = d.ROUT_NO WHERE m.MAJOR_FLG = 'Y' AND d.ITEM_CD = ? ORDER BY d.PROC_SEQ",
            item,
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _write(
        self, connection: sqlite3.Connection, item: str, jobs: str, taken_over: list[dict[str, Any]]
    ) -> str:
        """Write a routing; gives its job codes as they stand there."""
        done = []
        columns = [r[1] for r in connection.execute("PRAGMA table_info(BI_ROUTING_VIEW)")]
        for number_, job in enumerate(jobs.split(">"), start=1):
            source = self.replaced[0] if self.replaced and job == self.replaced[1] else job
            others = connection.execute(
                "SELECT * FROM BI_ROUTING_VIEW WHERE JOB_CD = ?", (source,)
            ).fetchall()
            if not others:
                continue
            done.append(job)
            like = others[self.rng.integers(len(others))]  # with its machine
            row = dict(zip(columns, like, strict=True)) | {
                "ITEM_CD": item, "ROUT_NO": "SIM", "PROC_SEQ": number_ * 10, "JOB_CD": job, "INSRT_DT": f"{self.today:%Y-%m-%d %H:%M:%S}",
                "VALID_FROM_DT": f"{self.today:%Y-%m-%d}", "VALID_TO_DT": "2999-12-31", "VALIDITY": None,
            }  # fmt: skip
            row |= taken_over[number_ - 1] if taken_over else {}
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO BI_ROUTING_VIEW ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )
        return ">".join(done)

    def replace_a_job(self) -> None:
        """From today on engineers write another code for the job that is used most."""
        ((old,),) = self.ask(
            "erp.db", "SELECT JOB_CD FROM BI_ROUTING_VIEW GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1"
        )
        self.replaced = (old, f"{old}N")

    def slow_down(self) -> None:
        """From today on work orders at the busiest machine take 1.6 times as long."""
        ((self.slow,),) = self.ask(
            "erp.db", "SELECT RES_CD FROM BI_WORK_ORDER_RESULTS GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1"
        )

    def work(self, days: int) -> None:
        """Orders are made: a thousandth of all reports a day come in, like earlier ones of the same operations."""
        with closing(sqlite3.connect(self.home / "erp.db")) as connection, connection:
            names = [r[1] for r in connection.execute("PRAGMA table_info(BI_WORK_ORDER_RESULTS)")]
            ((rows,),) = connection.execute("SELECT MAX(rowid) FROM BI_WORK_ORDER_RESULTS")
            self.reports = self.reports or rows
            values = ", ".join(
                {
                    "REPORT_DT": "?",
                    "MACH_WORKED_HOURS": "MACH_WORKED_HOURS * CASE WHEN RES_CD = ? THEN 1.6 ELSE 1 END",
                }.get(name, name)
                for name in names
            )
            connection.executemany(
                f"INSERT INTO BI_WORK_ORDER_RESULTS ({', '.join(names)}) SELECT {values} FROM BI_WORK_ORDER_RESULTS WHERE rowid = ?",
                [
                    (f"{self.today:%Y-%m-%d}", self.slow, int(row))
                    for row in self.rng.integers(1, self.reports + 1, days * self.reports // 1000)
                ],
            )

    def chances(self, shown: list[tuple[str, str]]) -> dict[str, float]:
        """Of each item that was kept back the probability that an engineer writes this first candidate; 0 without one."""
        said = dict(shown)
        return {
            item: sum(p for jobs, p in self.truth[item] if self.written(jobs) == said.get(item))
            for item in sorted(self.kept)
        }


def first_candidates(ctx: Context, version: str, items: set[str]) -> list[tuple[str, str]]:
    """What a version proposes first for items that have no routing."""
    _, predictor = load_model(ctx, version)
    todo = read_learning_data(ctx.run).unrouted_items.filter(pl.col("item_cd").is_in(sorted(items)))
    made = [p.frames()["candidates"] for p in predictor.iter_predict(todo, ctx.settings.score_batch)]
    return pl.concat(made).filter(pl.col("candidate_rank") == 1).select("item_cd", "routing_code").rows()


@dataclass
class Life:
    """What was seen on the way: the truth of each version, what it is more than its champion's, and what asked for a training."""

    truths: dict[str, float] = field(default_factory=dict)
    gains: dict[str, tuple[float, float]] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    #: Of each version the truth of the nights whose proposals were seen.
    in_force: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Months:
    """How long, and how dense: nights, days between two of them, nights between two trainings, items routed after each."""

    nights: int
    every: int
    trained: int
    routed: int
    kept: float


@contextmanager
def one_fit() -> Iterator[None]:
    """Within it the model that an evaluation has judged is the one that is deployed."""
    make = training.make_predictor

    def learn(ctx: Context, data: Any, times: Any, options: Any, answers_by: Any) -> Any:
        made: list[Any] = []

        def noted(*args: Any, **kwargs: Any) -> Any:
            made.append(make(*args, **kwargs))
            return made[-1]

        with patch.object(training, "make_predictor", noted):
            started = time.perf_counter()
            report = training._evaluate(ctx, data, options, answers_by)
        seconds = time.perf_counter() - started
        return training._Learned(made[0], report, seconds, seconds, 0.0)

    with patch.object(training, "_learn", learn):
        yield


def simulate(settings: Settings, plant: Plant, months: Months) -> pl.DataFrame:
    """Run the months; one row per version that was trained."""
    life, trainings, nights = Life(), 0, months.nights
    for number_ in range(nights):
        plant.today += timedelta(days=months.every)
        if number_ == nights // 2:
            plant.replace_a_job()
            print(f"night {number_}: {plant.replaced} from now on", flush=True)
        if number_ == 2 * nights // 3:
            plant.slow_down()
            print(f"night {number_}: {plant.slow} slower after it", flush=True)
        if number_ == nights // 3:
            try:
                night(settings.model_copy(update={"profile": "no_such_profile"}))
            except RoutingEtlError as exc:
                print(f"night {number_}: {str(exc)[:90]} ...")
            continue
        trains = number_ % months.trained == 0
        tried = settings.model_copy(update=RECIPES.get(trainings, {}) if trains else {})
        trainings += trains
        run = night(tried, retrain=trains)
        if not plant.kept:
            plant.keep_back(months.kept)
        _look(Context(settings, run), plant, life, number_)
        plant.decide(months.routed)
        plant.work(months.every)
    _recount(plant)
    return _table(plant, life)


def _look(ctx: Context, plant: Plant, life: Life, number_: int) -> None:
    """The truth of what was trained this night, and whether the night asks for another training."""
    measured, trained = ctx.require(street.MEASURE), ctx.result(street.TRAIN)
    champion = ctx.registry.resolve("champion")
    life.asked.setdefault(champion, []).extend(
        f"night {number_}: {reason}" for reason in retraining_reasons(ctx.settings, measured.metrics)
    )
    band = next((r for r in measured.metrics if (r.metric, r.segment) == ("drift_band", "all")), None)
    seen = plant.chances(plant.shown())
    life.in_force.setdefault(champion, []).append(float(np.mean(list(seen.values()))))
    print(
        f"night {number_}, {plant.today:%Y-%m-%d}: truth {life.in_force[champion][-1]:.3f}; drift "
        f"{(band.reason or 'normal') if band else 'not measured'}",
        flush=True,
    )
    if trained is None or trained.version is None:
        return
    mine = plant.chances(first_candidates(ctx, trained.version, plant.kept))
    life.truths[trained.version] = float(np.mean(list(mine.values())))
    before = champion if champion != trained.version else _former(plant, trained.version)
    if before is not None:
        theirs = plant.chances(first_candidates(ctx, before, plant.kept))
        gain = np.array([p - theirs[item] for item, p in mine.items()])
        half = 1.96 * gain.std() / np.sqrt(len(gain))
        life.gains[trained.version] = (float(gain.mean()), float(half))
    print(
        f"night {number_}: {'promoted' if trained.promoted else 'refused'}, truth {life.truths[trained.version]:.3f}, less the "
        f"champion's {_gain(life.gains.get(trained.version))}: {trained.promotion_reason[:150]}",
        flush=True,
    )


def _recount(plant: Plant) -> None:
    """Outcomes on record beside those that the simulation has counted itself; the last night's are not seen yet."""
    counted = plant.ask(
        "warehouse.db",
        "SELECT SUM(taken_over), SUM(themselves_as_first), SUM(items_routed) FROM acceptance_by_week",
    )[0]
    print(
        f"taken over, as the first candidate, all: on record {counted}, written over all nights "
        f"{(plant.taken_over, plant.as_first, plant.taken_over + plant.as_first + plant.otherwise)}"
    )


def _former(plant: Plant, version: str) -> str | None:
    found = plant.ask(
        "warehouse.db",
        "SELECT champion FROM model_decision WHERE model_version = ? AND decision = 'promoted'",
        version,
    )
    return found[0][0] if found else None


def _table(plant: Plant, life: Life) -> pl.DataFrame:
    trend = dict(
        plant.ask(
            "warehouse.db",
            "SELECT model_version, value FROM model_quality_trend WHERE metric = 'exact_at_1' AND method = 'model' AND segment = 'all' "
            "AND split NOT IN ('production', 'realised', 'since') ORDER BY computed_at DESC",
        )
    )
    since = {
        version: (value, difference)
        for version, value, difference in plant.ask(
            "warehouse.db",
            "SELECT model_version, n, difference FROM model_quality_trend WHERE metric = 'exact_at_1' AND method = 'model' AND "
            "segment = 'all' AND split = 'since' AND difference IS NOT NULL",
        )
    }
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
        "SELECT model_version, decision, reason, items_trained, difference FROM model_decisions WHERE decision IN ('promoted', "
        "'refused', 'forced') ORDER BY id",
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
                "truth while in force": float(np.mean(life.in_force[version]))
                if version in life.in_force
                else None,
                "truth": life.truths.get(version),
                "truth less the champion's": _gain(life.gains.get(version)),
                "trend: less the version before": since.get(version, (0, None))[1],
                "on items": since.get(version, (0, None))[0],
                "gate: less the champion's": difference,
                "gain": life.gains.get(version, (None, None))[0],
                "half": life.gains.get(version, (None, None))[1],
                "asks for training": "; ".join(life.asked.get(version, [])) or "never",
                "why": reason[:110],
            }
            for version, decision, reason, trained, difference in decided
        ],
        infer_schema_length=None,
    )


def _gain(found: tuple[float, float] | None) -> str:
    return "–" if found is None else f"{found[0]:+.3f} ± {found[1]:.3f}"


def _correlation(found: pl.DataFrame, name: str, truth: str = "truth") -> str:
    known = found.drop_nulls([name, truth])
    if known.height < 3:
        return f"{name}: fewer than 3 versions"
    return f"{name}: rank correlation with the truth {spearmanr(known[name], known[truth]).statistic:+.2f} over {known.height} versions"


def _judged_by_truth(found: pl.DataFrame) -> str:
    """Whether a decision was wrong beyond chance."""
    ends = found.filter(pl.col("half").is_not_null())
    better = ends.filter((pl.col("decision") == "refused") & (pl.col("gain") - pl.col("half") > 0))
    worse = ends.filter((pl.col("decision") == "promoted") & (pl.col("gain") + pl.col("half") < 0))
    return (
        f"refused and better than the champion beyond chance: {better['version'].to_list()}; promoted and worse beyond chance: "
        f"{worse['version'].to_list()}"
    )


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--nights", type=int, default=13)
    parser.add_argument("--every", type=int, default=14, help="days between two nights")
    parser.add_argument("--trained", type=int, default=2, help="nights from one training to the next")
    parser.add_argument("--routed", type=int, default=40, help="items that engineers route after each night")
    parser.add_argument("--kept", type=float, default=0.25, help="share of the items that nobody routes")
    parser.add_argument("--trees", type=int, default=10)
    parser.add_argument("--shared", action="store_true", help="deploy the judged model: one fit a training")
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
            trees=asked.trees,
            sheet_items=0,
            side_by_side_items=0,
            keep_models=50,
            **urls,
        )
        write_plant(str(settings.erp_url.get_secret_value()), asked.items, asked.seed, settings)  # type: ignore[union-attr]
        plant = Plant(home, np.random.default_rng(asked.seed), datetime(2025, 10, 20))
        plant.read_truth()
        months = Months(asked.nights, asked.every, asked.trained, asked.routed, asked.kept)
        # pictures say nothing of learning
        with patch("routing_etl.plots.png", return_value=b""), one_fit() if asked.shared else nullcontext():
            found = simulate(settings, plant, months)
    shown = found.drop("gain", "half")
    body = [[str(v) if isinstance(v, (str, int)) else number(v) for v in row] for row in shown.iter_rows()]
    print("\n".join(table(shown.columns, body)))
    print(_judged_by_truth(found))
    print(_correlation(found, "trend: less the version before", "gain"))
    print(_correlation(found, "gate: less the champion's", "gain"))
    print(_correlation(found, "realised", "truth while in force"))
    print(_correlation(found, "held out"))


if __name__ == "__main__":
    main()
