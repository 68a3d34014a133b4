"""The replaced system's algorithm, re-implemented with its defects (docs/legacy-system.md 1, 2.8 and 4).

The defects are kept on purpose, numbered as in docs/legacy-system.md 4: weights are multiplied before the scaler, which
cancels them (1); categories are arbitrary ordinal codes under a cosine, and a missing size is a real 0 (5); the newest
routing by date counts whatever its class, outsourced included (17); operations are merged by their number, with job,
resource and in-house flag chosen apart, and an operation of a single neighbour is included (15); an outlier in run time
removes the operation with its set-up (16); actual times are never used, and 0 counts as a standard (11, 13); OPT lies
above STD (14); there is one candidate (27).

Two things differ from the original. The padding to 128 columns does not change a cosine and is left out. Defect 3, a
missing value coded differently in training and in prediction, is off unless `serving_skew` is set: with it hardly any
query finds a neighbour, and every metric would be measured against nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.evaluation.baseline_frames import BaselineAnswers, RoutedItems
from routing_etl.evaluation.splits import attribute_columns
from routing_etl.frames import Predictions, TimeEvidence
from routing_etl.model.base.arrays import Floats
from routing_etl.model.base.parameters import COUNT, SHARE, check_parameters
from routing_etl.model.inputs import (
    check_asked,
    check_columns,
    check_fitted,
    checked_weights,
    evidence_of,
)
from routing_etl.model.machines.resources import resource_alternatives
from routing_etl.progress import SILENT, Progress
from routing_etl.scenarios import OPT_SIGMA, operation_confidence, safe_time

#: Cells of a similarity matrix held at once.
_CELLS = 6_000_000
#: Largest SMALLINT, the type of the output's operation numbers.
_MOST_NUMBER = 32_767
#: Features of a smaller variance are dropped.
VARIANCE_CUT = 0.001
#: An operation whose run time is further from the mean, in standard deviations, is an outlier.
OUTLIER_Z = 2.5
#: Quantiles of the weight between which operations enter the mean time.
TRIM = (0.05, 0.95)


class LegacyPredictor:
    """Cosine neighbours over ordinal codes, merged operation by operation.

    Parameters
    ----------
    n_neighbors : int, optional
        Neighbours of a query.
    similarity_threshold : float, optional
        Neighbours below this cosine count only where none reaches it.
    feature_weights : mapping of str to float, optional
        Hand-set weight by attribute; without effect, as in the original (defect 1).
    serving_skew : bool, optional
        Whether a missing value is a category in training and -1 in prediction (defect 3).
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 10,
        similarity_threshold: float = 0.8,
        feature_weights: Mapping[str, float] | None = None,
        serving_skew: bool = False,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.similarity_threshold = similarity_threshold
        self.feature_weights = feature_weights
        self.serving_skew = serving_skew

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> LegacyPredictor:
        """Build the index over item attributes.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        operations : polars.DataFrame
            OPERATIONS frame.
        times : TimeEvidence, optional
            Only for the alternatives of resources: this algorithm takes its times from standards.
        progress : Progress, optional
            What shows the progress.

        Returns
        -------
        LegacyPredictor
            Itself.

        Raises
        ------
        ModelError
            No item has a routing, or an attribute column is no text or number.
        FrameError
            A frame does not keep its contract.
        """
        check_parameters(self, {"n_neighbors": COUNT, "similarity_threshold": SHARE})
        checked_weights(type(self).__name__, self.feature_weights)
        evidence = evidence_of(times)
        with progress.task("Baseline: legacy algorithm", total=1) as task:
            training = RoutedItems.of(items, operations, rank=pl.lit(True))
            newest = (
                training.rows.group_by("label", "rout_no")
                .agg(pl.col("insrt_dt").max())
                .collect()
                .sort("label", "insrt_dt", "rout_no", descending=[False, True, True], nulls_last=True)
                .group_by("label", maintain_order=True)
                .first()
            )
            self.operations_ = (
                training.operations(
                    "rout_no", "proc_seq", "job_cd", "job_nm", "res_cd", "res_nm", "inside", "setup_min", "run_min"
                )
                .join(newest.select("label", "rout_no"), on=["label", "rout_no"], how="semi", maintain_order="left")
                .drop("rout_no")
            )  # fmt: skip
            self.items_ = training.items
            self.resources_ = resource_alternatives(operations, evidence, ())
            self._fit_vectors(training.items)
            task.advance()
        return self

    def _fit_vectors(self, items: pl.DataFrame) -> None:
        self.features_ = ["part_type", "item_acct", "item_nm", *attribute_columns(items)]
        self.codes_ = {
            c: items.select(value=pl.col(c).fill_null("nan")).unique().sort("value").with_row_index("code")
            for c in self.features_
            if items.schema[c] == pl.String
        }
        raw = self._ordinal(items, missing="nan")
        self.kept_ = raw.var(axis=0) > VARIANCE_CUT
        raw = raw[:, self.kept_]
        self.mean_ = raw.mean(axis=0)
        self.std_ = np.where(raw.std(axis=0) > 0, raw.std(axis=0), 1.0)
        self.vectors_ = self._unit((raw - self.mean_) / self.std_)

    def _ordinal(self, items: pl.DataFrame, missing: str) -> Floats:
        """Ordinal codes and raw numbers, 0 for no number, times the weights."""
        weights = dict(self.feature_weights or {})
        columns = []
        for name in self.features_:
            if name in self.codes_:
                coded = items.select(value=pl.col(name).fill_null(missing)).join(
                    self.codes_[name], on="value", how="left", maintain_order="left"
                )
                values = coded["code"].cast(pl.Float64).fill_null(-1.0)
            else:
                values = items[name].cast(pl.Float64).fill_nan(None).fill_null(0.0)
            columns.append(values.to_numpy() * weights.get(name, 1.0))
        return np.column_stack(columns)

    @staticmethod
    def _unit(vectors: Floats) -> NDArray[np.float32]:
        length = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
        return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)

    def neighbours(self, items: pl.DataFrame) -> pl.DataFrame:
        """Find at most `n_neighbors` neighbours of each item.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.

        Returns
        -------
        polars.DataFrame
            row, label, similarity of the neighbours at or above the threshold; where none reaches it, of all of them (the
            candidate is then a `fallback`).
        """
        raw = self._ordinal(items, missing="missing" if self.serving_skew else "nan")[:, self.kept_]
        query = self._unit((raw - self.mean_) / self.std_)
        k = min(self.n_neighbors, len(self.vectors_))
        step = max(1, _CELLS // len(self.vectors_))
        parts = []
        for start in range(0, len(query), step):
            cosine = query[start : start + step] @ self.vectors_.T
            best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            parts.append(
                pl.DataFrame(
                    {
                        "row": np.repeat(np.arange(start, start + len(cosine)), k),
                        "label": best.ravel(),
                        "similarity": np.take_along_axis(cosine, best, axis=1).ravel().astype(np.float64),
                    }
                )
            )
        empty = pl.DataFrame(schema={"row": pl.Int64, "label": pl.Int64, "similarity": pl.Float64})
        above = pl.col("similarity") >= self.similarity_threshold
        return (
            pl.concat([empty, *parts])
            .filter(above | ~above.any().over("row"))
            .sort("row", "similarity", "label", descending=[False, True, False])
        )

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Merge the neighbours' operations into one candidate per item.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame of the items to predict.

        Returns
        -------
        Predictions
            One candidate per item with neighbours; the others are abstained.

        Raises
        ------
        ModelError
            Not fitted, or a column that was learned from is missing or of another type.
        FrameError
            Item codes, keys or hashes are missing.
        """
        check_fitted(self, "vectors_")
        check_asked(items)
        check_columns(items, {n: self.items_.schema[n] for n in self.features_})
        found = self.neighbours(items)
        merged = self._merge(found)
        answers = (
            found.group_by("row", maintain_order=True)
            .agg(
                similarity_score=pl.col("similarity").max().clip(0.0, 1.0),
                mean_similarity=pl.col("similarity").mean(),
                neighbour_count=pl.len().cast(pl.Int32),
                label=pl.col("label").first(),
            )
            .join(merged.select("row").unique(), on="row", how="semi", maintain_order="left")
            .join(
                merged.group_by("row").agg(pl.col("own_confidence").mean()),
                on="row",
                how="left",
                maintain_order="left",
            )
            .with_columns(
                candidate_rank=pl.lit(1, pl.Int16),
                confidence=pl.col("own_confidence").clip(0.0, 1.0),
                support=pl.lit(1.0),
                rout_no=pl.lit(None, dtype=pl.String),
            )
        )
        answers = answers.with_columns(reference_item_cd=self.items_["item_cd"].gather(answers["label"]))
        return BaselineAnswers(answers, merged, self.resources_).predictions(
            items,
            threshold=self.similarity_threshold,
            abstained_reason="The neighbours' operations were all removed as outliers.",
        )

    def _merge(self, found: pl.DataFrame) -> pl.DataFrame:
        """Operations of the neighbours, merged per operation number (docs/legacy-system.md 2.8).

        Confidence: docs/erp-contract.md 6.5.
        """
        key = ["row", "proc_seq"]
        rows = found.join(self.operations_, on="label").with_columns(
            pl.col("setup_min", "run_min").fill_null(0.0), weight=pl.col("similarity") ** 2
        )
        run = pl.col("run_min")
        spread = run.std(ddof=0).over(key)
        score = pl.when(spread > 0).then((run - run.mean().over(key)).abs() / spread).otherwise(0.0)
        rows = rows.filter(~((pl.len().over(key) >= 3) & (score > OUTLIER_Z)))
        rows = rows.sort(*key, "run_min", "label")
        mid = (pl.col("weight").cum_sum().over(key) - pl.col("weight") / 2) / pl.col("weight").sum().over(key)
        rows = rows.with_columns(
            inner=(mid >= TRIM[0]) & (mid <= TRIM[1]) | (pl.len().over(key) < 3)
        ).with_columns(trimmed=pl.col("weight") * pl.col("inner"))

        def mean(column: str) -> pl.Expr:
            return (pl.col(column) * pl.col("trimmed")).sum() / pl.col("trimmed").sum()

        def mode(column: str) -> pl.Expr:
            return pl.col(column).drop_nulls().mode().sort().first()

        merged = rows.group_by(key).agg(
            job_cd=mode("job_cd"), job_nm=mode("job_nm"), res_cd=mode("res_cd"), res_nm=mode("res_nm"),
            inside=mode("inside"), setup_time=mean("setup_min"), run_time=mean("run_min"),
            sigma=run.std(ddof=0), n=pl.len(), similarity=pl.col("similarity").mean(),
        )  # fmt: skip
        cv = pl.when(pl.col("run_time") > 0).then(pl.col("sigma") / pl.col("run_time")).otherwise(0.0)
        return (
            merged.with_columns(
                candidate_rank=pl.lit(1, pl.Int16),
                time_cv=cv,
                own_confidence=operation_confidence(pl.col("n"), pl.col("similarity"), cv),
                optimal_time=pl.col("run_time") + OPT_SIGMA * pl.col("sigma"),
                standard_time=pl.col("run_time"),
                safe_time=safe_time(pl.col("run_time"), pl.col("sigma")),
            )
            .drop("sigma", "n", "similarity")
            .sort(key)
            .with_columns(proc_seq=_written("proc_seq", "row"))
        )


def _written(number: str, candidate: str) -> pl.Expr:
    """Operation numbers as the output holds them (SMALLINT); 10, 20 ... in order for a candidate that has larger ones."""
    fits = pl.col(number).is_between(1, _MOST_NUMBER).all().over(candidate)
    place = 10 * (pl.int_range(pl.len()).over(candidate) + 1)
    return pl.when(fits).then(number).otherwise(place).cast(pl.Int16)
