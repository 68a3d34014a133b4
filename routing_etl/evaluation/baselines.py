"""The simple methods that a model must beat: nearest copy and majority by part type.

All baselines have the predictor's `fit` and `predict` and return full `Predictions`, so that one evaluation judges all.
Nothing here is published. The replaced system's algorithm is in `baseline_legacy.py`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.evaluation.baseline_frames import BaselineAnswers, RoutedItems, copied_operations
from routing_etl.evaluation.splits import attribute_columns
from routing_etl.frames import (
    ITEMS,
    Predictions,
    TimeEvidence,
)
from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.base.parameters import COUNT, SHARE, Rule, check_parameters
from routing_etl.model.inputs import check_asked, check_columns, check_fitted, evidence_of
from routing_etl.model.machines.resources import resource_alternatives
from routing_etl.progress import SILENT, Progress

#: Cells of a distance matrix held at once.
_CELLS = 6_000_000
_SEPARATOR = "\x1f"


class NearestCopyPredictor:
    """Copies routing and times of the one most similar routed item, as engineers do by hand.

    Every text attribute counts the same and must be equal; numbers are standardised, a missing one is the mean. Times are the
    copied item's own work results, else its standards.

    Parameters
    ----------
    similarity_threshold : float, optional
        Tier HIGH from here on.
    n_numbers_std : float, optional
        Numbers are cut at this many standard deviations from the mean.
    """

    def __init__(self, *, similarity_threshold: float = 0.8, n_numbers_std: float = 3.0) -> None:
        self.similarity_threshold = similarity_threshold
        self.n_numbers_std = n_numbers_std

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> NearestCopyPredictor:
        """Keep the routed items' attributes and routings.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        operations : polars.DataFrame
            OPERATIONS frame.
        times : TimeEvidence, optional
            Time profiles. None: times are the standards.
        progress : Progress, optional
            What shows the progress.

        Returns
        -------
        NearestCopyPredictor
            Itself.

        Raises
        ------
        ModelError
            No item has a routing, or an attribute column is no text or number.
        FrameError
            A frame does not keep its contract.
        """
        check_parameters(self, {"similarity_threshold": SHARE, "n_numbers_std": Rule(0, above=True)})
        evidence = evidence_of(times)
        with progress.task("Baseline: nearest copy", total=1) as task:
            self.training_ = RoutedItems.of(items, operations)
            self.actual_ = evidence.by_item_operation.select(
                "item_key", "job_cd", source_seq="proc_seq", a="setup_p50", b="run_p50", sample_count="run_n"
            )
            self.resources_ = resource_alternatives(operations, evidence, ())
            self._fit_attributes(self.training_.items)
            task.advance()
        return self

    def _fit_attributes(self, items: pl.DataFrame) -> None:
        names = ["part_type", "item_acct", "item_nm", *attribute_columns(items)]
        self.texts_ = [c for c in names if items.schema[c] == pl.String]
        self.numbers_ = [c for c in names if items.schema[c].is_numeric()]
        self.vocabularies_ = {
            c: items.select(value=c).drop_nulls().unique().sort("value").with_row_index("code")
            for c in self.texts_
        }
        numbers = items.select(pl.col(self.numbers_).cast(pl.Float64)).fill_nan(None)
        self.mean_ = (
            [float(v) if isinstance(v, float) else 0.0 for v in numbers.mean().row(0)]
            if self.numbers_
            else []
        )
        spread = numbers.std(ddof=0).row(0) if self.numbers_ else ()
        self.std_ = [float(v) if v else 1.0 for v in spread]
        # items that are equal in every attribute are one point; the first by key stands for it
        _, self.first_ = np.unique(items["attribute_hash"].to_numpy(), return_index=True)
        self.hot_, self.dense_ = self._encode(items[self.first_])
        self.squared_ = (np.diff(self.hot_.indptr) + (self.dense_**2).sum(axis=1)).astype(np.float32)

    def _encode(self, items: pl.DataFrame) -> tuple[sparse.csr_matrix, NDArray[np.float32]]:
        n = items.height
        rows, columns, start = [], [], 0
        for name in self.texts_:
            vocabulary = self.vocabularies_[name]
            codes = items.select(value=name).join(vocabulary, on="value", how="left", maintain_order="left")[
                "code"
            ]
            here = np.flatnonzero(codes.is_not_null().to_numpy())
            rows.append(here)
            columns.append(codes.drop_nulls().to_numpy().astype(np.int64) + start)
            start += vocabulary.height
        row, column = (np.concatenate([np.empty(0, np.int64), *p]) for p in (rows, columns))
        hot = sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(n, max(start, 1)))
        dense = np.zeros((n, len(self.numbers_)), dtype=np.float32)
        for i, name in enumerate(self.numbers_):
            values = items[name].cast(pl.Float64).fill_nan(None).fill_null(self.mean_[i]).to_numpy()
            scaled = (values - self.mean_[i]) / self.std_[i]
            dense[:, i] = np.clip(scaled, -self.n_numbers_std, self.n_numbers_std)
        return hot, dense

    def nearest(self, items: pl.DataFrame) -> tuple[Ints, Floats]:
        """Find the nearest routed item of each item.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.

        Returns
        -------
        label : numpy.ndarray
            Label of the nearest routed item.
        similarity : numpy.ndarray
            From 0 to 1: 1 - squared distance over the sum of both squared lengths.
        """
        hot, dense = self._encode(items)
        size = (np.diff(hot.indptr) + (dense**2).sum(axis=1)).astype(np.float32)
        step = max(1, _CELLS // max(1, self.hot_.shape[0]))
        label = np.zeros(items.height, dtype=np.int64)
        similarity = np.zeros(items.height)
        for start in range(0, items.height, step):
            block = slice(start, start + step)
            common = self.hot_ @ np.asarray(hot[block].todense(), dtype=np.float32).T
            common += self.dense_ @ dense[block].T
            distance = self.squared_[:, None] - 2 * common
            best = distance.argmin(axis=0)
            label[block] = self.first_[best]
            least = np.maximum(distance[best, np.arange(len(best))] + size[block], 0.0)
            whole = self.squared_[best] + size[block]
            similarity[block] = np.where(whole > 0, 1 - np.minimum(least / np.maximum(whole, 1e-9), 1.0), 0.0)
        return label, similarity

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Copy the routing of the most similar item.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame of the items to predict.

        Returns
        -------
        Predictions
            One candidate per item.

        Raises
        ------
        ModelError
            Not fitted, or a column that was learned from is missing or of another type.
        FrameError
            Item codes, keys or hashes are missing.
        """
        check_fitted(self, "texts_")
        check_asked(items)
        check_columns(items, {n: self.training_.items.schema[n] for n in (*self.texts_, *self.numbers_)})
        label, similarity = self.nearest(items)
        copied = self._operations(pl.Series("label", label))
        answers = pl.DataFrame(
            {
                "row": np.arange(items.height, dtype=np.int64),
                "label": label,
                "candidate_rank": np.ones(items.height, dtype=np.int16),
                "similarity_score": similarity,
                "confidence": similarity,
                "reference_item_cd": self.training_.items["item_cd"].gather(label),
                "neighbour_count": np.ones(items.height, dtype=np.int32),
                "support": np.ones(items.height),
            }
        ).with_columns(rout_no=pl.lit(None, dtype=pl.String))
        operations = answers.select("row", "candidate_rank", "label").join(copied, on="label").drop("label")
        return BaselineAnswers(answers, operations, self.resources_).predictions(
            items, threshold=self.similarity_threshold, abstained_reason="No routed item."
        )

    def _operations(self, labels: pl.Series) -> pl.DataFrame:
        """Operations of these labels with the copied item's own times, else its standards."""
        return (
            copied_operations(self.training_, labels)
            .join(self.actual_, on=["item_key", "source_seq", "job_cd"], how="left", maintain_order="left")
            .with_columns(
                setup_time=pl.coalesce("a", "setup_time"), run_time=pl.coalesce("b", "run_time"),
                time_source=pl.when(pl.col("b").is_not_null()).then(pl.lit("actual_similar"))
                .when(pl.col("run_time").is_not_null()).then(pl.lit("standard_similar"))
                .otherwise(pl.lit("none")),
                sample_count=pl.col("sample_count").fill_null(0),
            )
            .drop("a", "b", "item_key", "source_seq")
        )  # fmt: skip


class MajorityByPartType:
    """The most frequent routings of the item's part type, or of the plant for a part type without routings.

    Confidence is the routing's share. Times are the job's work results, else the job's median standards.

    Parameters
    ----------
    candidates_per_item : int, optional
        Most candidates of an item.
    """

    def __init__(self, *, candidates_per_item: int = 4) -> None:
        self.candidates_per_item = candidates_per_item

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> MajorityByPartType:
        """Count routings per part type.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        operations : polars.DataFrame
            OPERATIONS frame.
        times : TimeEvidence, optional
            Time profiles. None: times are the standards.
        progress : Progress, optional
            What shows the progress.

        Returns
        -------
        MajorityByPartType
            Itself.

        Raises
        ------
        ModelError
            No item has a routing, or an attribute column is no text or number.
        FrameError
            A frame does not keep its contract.
        """
        check_parameters(self, {"candidates_per_item": COUNT})
        evidence = evidence_of(times)
        with progress.task("Baseline: majority by part type", total=1) as task:
            training = RoutedItems.of(items, operations)
            routed = self._routed(training)
            self.by_type_ = self._rank(routed, ["part_type"])
            self.overall_ = self._rank(routed, [])
            self.operations_ = self._operations(training, evidence)
            self.resources_ = resource_alternatives(operations, evidence, ())
            task.advance()
        return self

    @staticmethod
    def _routed(training: RoutedItems) -> pl.DataFrame:
        """Per routed item: label, job sequence, its variant with resources, part type and code."""
        step = pl.concat_str("job_cd", pl.col("res_cd").fill_null(""), "inside", separator=_SEPARATOR)
        known = training.items.select("part_type", "item_cd").with_row_index("label")
        return (
            training.operations("job_cd", "res_cd", "inside")
            .group_by("label", maintain_order=True)
            .agg(jobs=pl.col("job_cd").str.join(_SEPARATOR), variant=step.str.join("\n"))
            .join(known.with_columns(pl.col("label").cast(pl.Int64)), on="label", maintain_order="left")
        )

    def _operations(self, training: RoutedItems, evidence: TimeEvidence) -> pl.DataFrame:
        """Operations of the routings that may be proposed, with the job's own times, else the job's median standards."""
        quantiles = [f"{measure}_{p}" for measure in ("setup", "run") for p in ("p10", "p50", "p90")]
        jobs = evidence.by_job.select("job_cd", *quantiles, sample_count="run_n")
        standards = training.rows.group_by("job_cd").agg(pl.col("setup_min", "run_min").median()).collect()
        return (
            copied_operations(training, pl.concat([self.by_type_["label"], self.overall_["label"]]))
            .join(standards, on="job_cd", how="left", maintain_order="left")
            .join(jobs, on="job_cd", how="left", maintain_order="left")
            .with_columns(
                setup_time=pl.coalesce("setup_p50", "setup_min"), run_time=pl.coalesce("run_p50", "run_min"),
                time_source=pl.when(pl.col("run_p50").is_not_null()).then(pl.lit("actual_similar"))
                .when(pl.col("run_min").is_not_null()).then(pl.lit("standard_similar")).otherwise(pl.lit("none")),
                sample_count=pl.col("sample_count").fill_null(0),
            )
            .drop("item_key", "source_seq", "setup_min", "run_min", "setup_p50")
        )  # fmt: skip

    def _rank(self, routed: pl.DataFrame, by: list[str]) -> pl.DataFrame:
        """Per group the most frequent job sequences, each with its most frequent variant's first item as `label`."""
        variants = routed.group_by(*by, "jobs", "variant").agg(
            n=pl.len(),
            label=pl.col("label").min(),
            reference_item_cd=pl.col("item_cd").sort_by("label").first(),
        )
        variants = variants.sort(
            [*by, "jobs", "n", "label"], descending=[*[False] * len(by), False, True, False]
        )
        sequences = variants.group_by(*by, "jobs", maintain_order=True).agg(
            pl.col("n").sum(), pl.col("label", "reference_item_cd").first()
        )
        whole = pl.col("n").sum().over(by) if by else pl.col("n").sum()
        sequences = sequences.with_columns(
            share=pl.col("n") / whole, neighbour_count=pl.col("n").cast(pl.Int32)
        ).sort([*by, "n", "label"], descending=[*[False] * len(by), True, False])
        place = pl.int_range(pl.len()).over(by) if by else pl.int_range(pl.len())
        return sequences.with_columns(candidate_rank=(place + 1).cast(pl.Int16)).filter(
            pl.col("candidate_rank") <= self.candidates_per_item
        )

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose the most frequent routings of the part type.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame of the items to predict.

        Returns
        -------
        Predictions
            Up to `candidates_per_item` candidates per item.

        Raises
        ------
        ModelError
            Not fitted, or a column that was learned from is missing or of another type.
        FrameError
            Item codes, keys or hashes are missing.
        """
        check_fitted(self, "by_type_")
        check_asked(items)
        check_columns(items, {"part_type": ITEMS["part_type"].dtype})
        asked = items.select("part_type").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        columns = ["row", "candidate_rank", "label", "share", "neighbour_count", "reference_item_cd"]
        typed = asked.join(self.by_type_, on="part_type").select(columns)
        rest = asked.join(typed.select("row").unique(), on="row", how="anti")
        answers = (
            pl.concat([typed, rest.join(self.overall_, how="cross").select(columns)])
            .sort("row", "candidate_rank")
            .with_columns(
                similarity_score=pl.col("share"), confidence=pl.col("share"), support=pl.col("share"),
                rout_no=pl.lit(None, dtype=pl.String),
            )
        )  # fmt: skip
        operations = (
            answers.select("row", "candidate_rank", "label").join(self.operations_, on="label").drop("label")
        )
        return BaselineAnswers(answers, operations, self.resources_).predictions(
            items, threshold=0.8, abstained_reason="No routed item."
        )
