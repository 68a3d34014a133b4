"""Times of predicted operations: set-up per order, run per piece, with quantiles, source and sample size.

A time is a product: the job's usual time x what the item's size, material and family make of it. So everything is
learned in logarithms: the job's mean, shrunk towards all jobs; what the family and its own part types add to that job,
shrunk likewise; what neighbours' work results for the same job say; the rest by boosted trees over the attributes.
Where the plant has no work results, the routings' standard times take their place, and the source says so.

The spread of a single order's time has two parts: orders of one operation differ, and the operation's typical time is
not known exactly. Both are measured on items the model has not seen, by job where there are enough, and scaled so that
P10 to P90 hold 80 % of the orders.

What belongs here: from evidence to the time columns of an operation. What does not: work results (room `times`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.ensemble import HistGradientBoostingRegressor

from routing_etl.frames import TimeEvidence
from routing_etl.model.labels import RoutingCatalogue
from routing_etl.model.threads import one_thread

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]

_Z = 1.2815515655446004
_FEW = 60
_LEAST_ACTUALS = 100
_SOURCES = 5
#: Columns that the trees of one measure may ask.
_COLUMNS = 64
#: Lines that the trees tell apart (they take no more categories than bins); jobs of further lines share the last.
_MOST_LINES = 60
MEASURES = ("setup", "run")
#: Trees and their leaves: a run time depends on size, material and machine together, a set-up time on less.
_TREES = {"setup": (80, 24), "run": (200, 31)}
#: Operations that all the trees need; fewer operations get fewer, a third of them at least.
_ENOUGH = 60_000


@dataclass
class TimeRequest:
    """Operations that need times. `row`: item of each operation; `step`: what it is; the rest is per item."""

    row: IntArray
    step: IntArray
    item_key: pl.Series
    features: FloatArray
    family: IntArray
    neighbours: IntArray
    similarity: FloatArray


@dataclass
class _Measure:
    """What is learned for one measure; `basis` is 'actual' or 'standard'."""

    basis: str
    columns: IntArray
    job_mean: FloatArray
    job_known: NDArray[np.bool_]
    effects: list[tuple[IntArray, FloatArray]]
    model: Any
    key: IntArray
    value: FloatArray
    samples: FloatArray
    spread: FloatArray


class OperationTimes:
    """Learns times of jobs on items.

    Parameters
    ----------
    max_rows: most operations that train the trees.
    """

    def __init__(
        self,
        *,
        max_rows: int = 60_000,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.max_rows = max_rows
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        catalogue: RoutingCatalogue,
        operations: pl.DataFrame,
        evidence: TimeEvidence,
        features: FloatArray,
        family: IntArray,
        folds: IntArray,
        searched: IntArray,
        neighbours: IntArray,
        similarity: FloatArray,
        line_of_job: IntArray,
    ) -> OperationTimes:
        """Learn from work results, or from standards where there are none.

        Parameters
        ----------
        operations: OPERATIONS frame. features, family, folds: per label. searched: labels whose neighbours are
        known. neighbours, similarity: searched x k, the label itself left out. line_of_job: the line
        of machines of every job, -1 for none.
        """
        self.n_jobs_known_ = len(catalogue.jobs)
        self.line_of_job_ = np.minimum(line_of_job + 1, _MOST_LINES).astype(np.int64)
        self.step_job_ = catalogue.step_job
        self.job_codes_ = catalogue.jobs
        self.label_codes_ = catalogue.labels["item_cd"]
        self.steps_ = catalogue.steps.select(
            pl.col("queue_min").alias("queue_time"),
            pl.col("wait_min").alias("wait_time"),
            pl.col("move_min").alias("move_time"),
        )
        actual = _rows(
            catalogue,
            evidence.by_item_operation.rename({"run_n": "run_samples", "setup_n": "setup_samples"}),
            "trim_mean",
        )
        standard = _rows(
            catalogue,
            operations.filter(pl.col("routing_rank") == 0).with_columns(
                run_trim_mean="run_min",
                setup_trim_mean="setup_min",
                run_samples=pl.lit(1),
                setup_samples=pl.lit(1),
            ),
            "trim_mean",
        )
        self.within_ = {m: _within(catalogue, evidence.by_item_operation, m) for m in MEASURES}
        self.own_ = evidence.by_item_operation.join(
            catalogue.labels.select("item_key"), on="item_key", how="anti"
        ).unique(["item_key", "job_cd"], keep="first", maintain_order=True)
        self.measures_ = {}
        for measure in MEASURES:
            table = actual[measure] if len(actual[measure][0]) >= _LEAST_ACTUALS else standard[measure]
            basis = "actual" if table is actual[measure] else "standard"
            self.measures_[measure] = self._fit_measure(
                measure,
                basis,
                table,
                standard[measure],
                features,
                family,
                folds,
                searched,
                neighbours,
                similarity,
            )
        return self

    def _fit_measure(
        self,
        measure: str,
        basis: str,
        table: tuple[IntArray, IntArray, FloatArray, FloatArray],
        standard: tuple[IntArray, IntArray, FloatArray, FloatArray],
        features: FloatArray,
        family: IntArray,
        folds: IntArray,
        searched: IntArray,
        neighbours: IntArray,
        similarity: FloatArray,
    ) -> _Measure | None:
        label, job, value, samples = table
        if not len(label):
            return None
        weight = np.minimum(samples, 10.0) / (np.minimum(samples, 10.0) + 2.0)
        n_jobs = self.n_jobs_known_
        job_mean, job_known = _job_means(job, value, weight, n_jobs, standard)
        key = label * n_jobs + job
        order = np.argsort(key, kind="stable")
        rest = value - job_mean[job]
        learned = _Measure(
            basis, np.empty(0, np.int64), job_mean, job_known, [], None, key[order], rest[order].astype(np.float32),
            samples[order].astype(np.float32), np.full(n_jobs, 0.4, np.float32),
        )  # fmt: skip
        effect = np.zeros(len(rest), dtype=np.float32)
        for groups in self._groups(family[label], job):
            left = rest - effect
            learned.effects.append(_shrunk(groups, left, weight, 3.0))
            own = np.zeros(len(rest), dtype=np.float32)
            for f in range(int(folds.max()) + 1):
                here = folds[label] == f
                own[here] = _look(*_shrunk(groups[~here], left[~here], weight[~here], 3.0), groups[here])
            effect = effect + own
        learned.columns = _telling_columns(features, label, rest - effect)
        place = np.full(len(family), -1, dtype=np.int64)
        place[searched] = np.arange(len(searched))
        used = place[label] >= 0
        label, job, samples = label[used], job[used], samples[used]
        rest, effect = rest[used], effect[used]
        near, near_weight, _ = self._near(learned, job, neighbours[place[label]], similarity[place[label]])
        matrix = self._matrix(learned, features, label, job, effect, near, near_weight)
        residual = rest - effect
        rng = np.random.default_rng(self.random_state)
        held = folds[label] == 0
        if len(rest) >= 4 * _FEW and held.any() and (~held).any():
            taught = [np.flatnonzero(~held), np.arange(len(rest))]
            taught = [
                t if len(t) <= self.max_rows else np.sort(rng.choice(t, self.max_rows, replace=False))
                for t in taught
            ]
            honest, learned.model = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._learn)(measure, matrix[t], residual[t]) for t in taught
            )
            error = rest[held] - effect[held] - _predict(honest, matrix[held])
        else:
            held = np.ones(len(rest), dtype=bool)
            error = residual
        learned.spread = self._spread(measure, job[held], error, samples[held])
        return learned

    def _groups(self, family: IntArray, job: IntArray) -> tuple[IntArray, IntArray]:
        """Numbers of the pairs of family and line, and of family and job."""
        return family * (_MOST_LINES + 1) + self.line_of_job_[job], family * self.n_jobs_known_ + job

    def _matrix(
        self,
        learned: _Measure,
        features: FloatArray,
        row: IntArray,
        job: IntArray,
        effect: FloatArray,
        near: FloatArray,
        near_weight: FloatArray,
    ) -> FloatArray:
        """What the trees are asked; the last column is a category, the line: size and material act by machine."""
        known = [features[np.ix_(row, learned.columns)], learned.job_mean[job], effect, near, near_weight]
        return np.column_stack([*known, self.line_of_job_[job]]).astype(np.float32)

    def _learn(self, measure: str, matrix: FloatArray, residual: FloatArray) -> Any:
        most, leaves = _TREES[measure]
        iterations = int(most * np.clip(len(matrix) / _ENOUGH, 0.35, 1.0))
        # Without sample weights: scikit-learn bins weighted columns by a slow quantile, column by column.
        boosted = HistGradientBoostingRegressor(
            max_iter=iterations,
            learning_rate=0.1,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            max_bins=63,
            l2_regularization=1.0,
            categorical_features=[matrix.shape[1] - 1],
            early_stopping=False,
            random_state=self.random_state,
        )
        # With a category scikit-learn codes the columns through joblib, which would start processes for that.
        with one_thread("openmp"), parallel_config(backend="sequential"):
            return boosted.fit(matrix, residual)

    def _near(
        self, learned: _Measure, job: IntArray, neighbours: IntArray, similarity: FloatArray
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Weighted mean deviation from the job's mean at the neighbours, the weight, and which neighbours had one."""
        asked = np.maximum(neighbours, 0) * self.n_jobs_known_ + job[:, None]
        place = np.minimum(np.searchsorted(learned.key, asked), len(learned.key) - 1)
        hit = (learned.key[place] == asked) & (neighbours >= 0)
        weight = np.where(hit, similarity**2 * np.minimum(learned.samples[place], 10.0) / 3.0, 0.0)
        total = weight.sum(axis=1)
        mean = (weight * learned.value[place]).sum(axis=1) / np.maximum(total, 1e-9)
        return (
            np.where(total > 0, mean * total / (total + 0.5), 0.0).astype(np.float32),
            total.astype(np.float32),
            hit,
        )

    def _spread(self, measure: str, job: IntArray, error: FloatArray, samples: FloatArray) -> FloatArray:
        """Standard deviation of ln(time of one order) per job, scaled so that P10 to P90 hold 80 % of the orders."""
        within = self.within_[measure]
        clipped = np.clip(error, *np.quantile(error, [0.01, 0.99])) if len(error) > _FEW else error
        sampling = within[job] ** 2 / np.maximum(samples, 1.0)
        whole = max(float(np.mean(clipped**2 - sampling)), 1e-4)
        count = np.bincount(job, minlength=self.n_jobs_known_)
        each = np.bincount(job, clipped**2 - sampling, self.n_jobs_known_)
        between = np.maximum((each + 20 * whole) / (count + 20), 0.25 * whole)
        spread = np.sqrt(between + within**2)
        # What a mean of few reports adds to the error is no part of how far the next report may lie.
        error = error * np.sqrt(between[job] / (between[job] + sampling))
        # Coverage of single orders of operation i: N(error_i, within) inside +-1.28 x scale x spread.
        scales = np.linspace(0.5, 2.0, 61)
        inner = np.maximum(within[job], 1e-3)
        width = _Z * spread[job]
        cover = np.array(
            [np.mean(ndtr((s * width - error) / inner) - ndtr((-s * width - error) / inner)) for s in scales]
        )
        scale = float(np.interp(0.8, cover, scales)) if cover[-1] > 0.8 else 2.0
        return np.asarray(scale * spread, dtype=np.float32)

    def predict(self, request: TimeRequest) -> pl.DataFrame:
        """One row per operation with the time columns of CANDIDATE_OPERATIONS."""
        job = self.step_job_[request.step]
        unique, back = np.unique(request.row * self.n_jobs_known_ + job, return_inverse=True)
        row, asked = unique // self.n_jobs_known_, unique % self.n_jobs_known_
        frames = {m: self._measure(m, row, asked, request) for m in MEASURES}
        run, setup = frames["run"], frames["setup"]
        middle, spread, source = run["middle"], run["spread"], run["source"]
        mean = middle * np.exp(spread**2 / 2 * 0.5)
        variation = np.sqrt(np.expm1(np.minimum(spread**2, 4.0)))
        out = pl.DataFrame(
            {
                "setup_time": setup["middle"],
                "run_time": middle,
                "setup_p10": setup["middle"] * np.exp(-_Z * setup["spread"]),
                "setup_p90": setup["middle"] * np.exp(_Z * setup["spread"]),
                "run_p10": middle * np.exp(-_Z * spread),
                "run_p50": middle,
                "run_p90": middle * np.exp(_Z * spread),
                "optimal_time": np.maximum(mean * (1 - 0.67 * variation), 0.0),
                "standard_time": mean,
                "safe_time": mean * (1 + 1.28 * variation),
                "time_cv": variation,
                "act_setup_time": setup["actual"],
                "act_run_time": run["actual"],
                "sample_count": run["samples"],
                "time_source": source,
                "source_similarity": run["similarity"],
                "source_items": run["items"],
            }
        ).with_columns(pl.col(pl.Float64, pl.Float32).cast(pl.Float64).fill_nan(None))
        n = pl.col("sample_count")
        out = out.with_columns(
            time_confidence=pl.when(n > 0).then(0.5 * n / (n + 2) + 0.5 * pl.col("source_similarity"))
        )
        out = self._own(out, row, asked, request)
        frame: pl.DataFrame = out[back].hstack(self.steps_[request.step])
        return frame

    def _measure(self, measure: str, row: IntArray, job: IntArray, request: TimeRequest) -> dict[str, Any]:
        n = len(row)
        learned = self.measures_[measure]
        if learned is None or n == 0:
            nothing = np.full(n, np.nan)
            return {
                "middle": nothing, "spread": nothing, "source": pl.Series(["none"] * n, dtype=pl.String),
                "samples": np.zeros(n, np.int64), "actual": nothing, "similarity": nothing,
                "items": pl.Series([None] * n, dtype=pl.String),
            }  # fmt: skip
        neighbours, similarity = request.neighbours[row], request.similarity[row]
        near, near_weight, hit = self._near(learned, job, neighbours, similarity)
        family = np.maximum(request.family[row], 0)
        groups = self._groups(family, job)
        effect = sum(
            (_look(*e, g) for e, g in zip(learned.effects, groups, strict=True)), np.zeros(n, np.float32)
        )
        log_time = learned.job_mean[job] + effect
        if learned.model is not None:
            matrix = self._matrix(learned, request.features, row, job, effect, near, near_weight)
            log_time = log_time + _predict(learned.model, matrix)
        else:
            log_time = log_time + near
        middle = np.where(learned.job_known[job], np.exp(log_time), np.nan)
        first = hit & (np.cumsum(hit, axis=1) <= _SOURCES)
        asked = np.maximum(neighbours, 0) * self.n_jobs_known_ + job[:, None]
        place = np.minimum(np.searchsorted(learned.key, asked), len(learned.key) - 1)
        weight = np.where(first, similarity**2 * learned.samples[place], 0.0)
        total = weight.sum(axis=1)
        actual = np.exp(
            learned.job_mean[job] + (weight * learned.value[place]).sum(axis=1) / np.maximum(total, 1e-9)
        )
        count = first.sum(axis=1)
        has = count > 0
        source = np.where(
            ~learned.job_known[job],
            "none",
            np.where(has, "actual_similar" if learned.basis == "actual" else "standard_similar", "model"),
        )
        is_actual = has & (learned.basis == "actual")
        samples = np.where(is_actual, np.where(first, learned.samples[place], 0).sum(axis=1), 0).astype(
            np.int64
        )
        shown, column = np.nonzero(first)
        codes = pl.DataFrame({"code": self.label_codes_.gather(neighbours[shown, column])})
        lists = pa.LargeListArray.from_arrays(
            np.concatenate([[0], np.cumsum(count)]),
            codes["code"].to_arrow(compat_level=pl.CompatLevel.oldest()),
        )
        joined = pl.DataFrame({"codes": pl.Series(lists, dtype=pl.List(pl.String))}).select(
            pl.when(pl.Series(has)).then(pl.col("codes").list.join(","))
        )
        items = joined.to_series()
        return {
            "middle": middle,
            "spread": learned.spread[job].astype(np.float64),
            "source": pl.Series(source, dtype=pl.String),
            "samples": samples,
            "actual": np.where(is_actual, actual, np.nan),
            "similarity": np.where(
                has, np.where(first, similarity, 0).sum(axis=1) / np.maximum(count, 1), np.nan
            ),
            "items": items,
        }

    def _own(self, out: pl.DataFrame, row: IntArray, job: IntArray, request: TimeRequest) -> pl.DataFrame:
        """Where the item itself has work results for the job, they are the time."""
        if not self.own_.height:
            return out
        asked = pl.DataFrame(
            {"item_key": request.item_key.gather(row), "job_cd": self.job_codes_.gather(job)}
        )
        own = asked.join(self.own_, on=["item_key", "job_cd"], how="left", maintain_order="left")
        has = own["run_n"].fill_null(0) > 0
        if not has.any():
            return out
        replaced = {
            "run_time": "run_p50", "run_p10": "run_p10", "run_p50": "run_p50", "run_p90": "run_p90",
            "optimal_time": "run_optimal", "standard_time": "run_standard", "safe_time": "run_safe",
            "time_cv": "run_cv", "act_run_time": "run_trim_mean", "setup_time": "setup_p50",
            "setup_p10": "setup_p10", "setup_p90": "setup_p90", "act_setup_time": "setup_trim_mean",
        }  # fmt: skip
        return out.with_columns(
            [
                pl.when(has & own[theirs].is_not_null()).then(own[theirs]).otherwise(pl.col(ours)).alias(ours)
                for ours, theirs in replaced.items()
            ]
            + [
                pl.when(has).then(own["run_n"]).otherwise(pl.col("sample_count")).alias("sample_count"),
                pl.when(has).then(pl.lit("actual_own")).otherwise(pl.col("time_source")).alias("time_source"),
                pl.when(has).then(own["item_key"]).otherwise(pl.col("source_items")).alias("source_items"),
                pl.when(has).then(1.0).otherwise(pl.col("source_similarity")).alias("source_similarity"),
                pl.when(has)
                .then(0.5 * own["run_n"] / (own["run_n"] + 2) + 0.5)
                .otherwise(pl.col("time_confidence"))
                .alias("time_confidence"),
            ]
        )


def _telling_columns(features: FloatArray, label: IntArray, rest: FloatArray) -> IntArray:
    """The columns that go most with what is left of ln(time): by the spread of its means over tenths of the column."""
    varied = np.flatnonzero(features.std(axis=0) > 1e-9)
    if len(varied) <= _COLUMNS or not len(rest):
        return varied
    told = np.empty(len(varied))
    for i, column in enumerate(varied):
        values = features[:, column]
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)[1:-1]))
        part = np.searchsorted(edges, values, side="right")[label]
        count = np.bincount(part, minlength=1)
        told[i] = (np.bincount(part, rest) ** 2 / np.maximum(count, 1)).sum() - rest.sum() ** 2 / len(rest)
    return np.sort(varied[np.argsort(-told, kind="stable")[:_COLUMNS]])


def _rows(
    catalogue: RoutingCatalogue, frame: pl.DataFrame, statistic: str
) -> dict[str, tuple[IntArray, IntArray, FloatArray, FloatArray]]:
    """Per measure: label, job, ln(time) and samples of every operation of a training item with a positive time."""
    jobs = pl.DataFrame({"job_cd": catalogue.jobs, "job": np.arange(len(catalogue.jobs))})
    labels = catalogue.labels.select("item_key").with_row_index("label")
    coded = (
        frame.with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
        .join(jobs, on="job_cd")
        .join(labels, on="item_key")
    )
    out = {}
    for measure in MEASURES:
        used = coded.filter((pl.col(f"{measure}_{statistic}") > 0) & (pl.col(f"{measure}_samples") > 0))
        used = used.group_by("label", "job").agg(
            value=(pl.col(f"{measure}_{statistic}").log() * pl.col(f"{measure}_samples")).sum()
            / pl.col(f"{measure}_samples").sum(),
            samples=pl.col(f"{measure}_samples").sum(),
        )
        used = used.sort("label", "job")
        out[measure] = (
            used["label"].to_numpy().astype(np.int64),
            used["job"].to_numpy().astype(np.int64),
            used["value"].to_numpy().astype(np.float64),
            used["samples"].to_numpy().astype(np.float64),
        )
    return out


def _within(catalogue: RoutingCatalogue, evidence: pl.DataFrame, measure: str) -> FloatArray:
    """Standard deviation of ln(time) between the orders of one operation, per job, shrunk to the plant's."""
    jobs = pl.DataFrame({"job_cd": catalogue.jobs, "job": np.arange(len(catalogue.jobs))})
    used = (
        evidence.with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
        .filter((pl.col(f"{measure}_n") >= 3) & (pl.col(f"{measure}_cv") > 0))
        .join(jobs, on="job_cd")
    )
    n = used[f"{measure}_n"].to_numpy().astype(np.float64)
    square = np.log1p(used[f"{measure}_cv"].to_numpy().astype(np.float64) ** 2) * n / np.maximum(n - 1, 1)
    degrees = n - 1
    whole = float((square * degrees).sum() / degrees.sum()) if degrees.sum() else 0.25**2
    job = used["job"].to_numpy().astype(np.int64)
    total = np.bincount(job, square * degrees, len(catalogue.jobs))
    count = np.bincount(job, degrees, len(catalogue.jobs))
    return np.sqrt((total + 30 * whole) / (count + 30))


def _job_means(
    job: IntArray,
    value: FloatArray,
    weight: FloatArray,
    n_jobs: int,
    standard: tuple[IntArray, IntArray, FloatArray, FloatArray],
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Mean ln(time) per job, shrunk towards the job's standard times (corrected to the level of the results)."""
    total, count = np.bincount(job, value * weight, n_jobs), np.bincount(job, weight, n_jobs)
    planned = np.bincount(standard[1], standard[2], n_jobs)
    planned_count = np.bincount(standard[1], minlength=n_jobs)
    both = (count > 0) & (planned_count > 0)
    mean = np.divide(total, count, out=np.zeros(n_jobs), where=count > 0)
    level = np.divide(planned, planned_count, out=np.zeros(n_jobs), where=planned_count > 0)
    shift = float(np.average((mean - level)[both], weights=count[both])) if both.any() else 0.0
    whole = float((value * weight).sum() / max(weight.sum(), 1e-9))
    prior = np.where(planned_count > 0, level + shift, whole)
    return (total + 1.0 * prior) / (count + 1.0), (count > 0) | (planned_count > 0)


def _shrunk(
    key: IntArray, value: FloatArray, weight: FloatArray, strength: float
) -> tuple[IntArray, FloatArray]:
    keys, back = np.unique(key, return_inverse=True)
    total, count = np.bincount(back, value * weight), np.bincount(back, weight)
    return keys, (total / (count + strength)).astype(np.float32)


def _look(keys: IntArray, means: FloatArray, key: IntArray) -> FloatArray:
    if not len(keys):
        return np.zeros(len(key), dtype=np.float32)
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where(keys[place] == key, means[place], 0.0).astype(np.float32)


def _predict(model: Any, matrix: FloatArray) -> FloatArray:
    if not len(matrix):
        return np.zeros(0)
    with one_thread("openmp"), parallel_config(backend="sequential"):
        return np.asarray(model.predict(matrix))
