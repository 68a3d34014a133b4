"""What the baselines share: the routed items that they learn from, and the building of their output frames."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.errors import ModelError
from routing_etl.evaluation.splits import attribute_columns
from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    OUTSOURCED,
    Predictions,
)
from routing_etl.model.inputs import check_training

#: Columns of a routing's operation that a copy takes over, and their names in the output.
_COPIED = {
    "inside": "inside", "job_cd": "job_cd", "job_nm": "job_nm", "res_cd": "res_cd", "res_nm": "res_nm",
    "queue_min": "queue_time", "wait_min": "wait_time", "move_min": "move_time", "mfg_lt_days": "mfg_lt",
    "batch_oper": "batch_oper", "bp_cd": "bp_cd", "cust_nm": "cust_nm", "cur_cd": "cur_cd",
    "subcontract_prc": "subcontract_prc", "tax_type": "tax_type",
}  # fmt: skip


@dataclass(frozen=True)
class RoutedItems:
    """The routed items and, on demand, the operations of the routing that counts.

    Attributes
    ----------
    items : polars.DataFrame
        One row per routed item, sorted by key; the row number is its label.
    rows : polars.LazyFrame
        The columns of OPERATIONS and `label`. Lazy, so that no baseline holds a copy of a plant's operations when it needs a
        few columns or a few items.
    """

    items: pl.DataFrame
    rows: pl.LazyFrame

    @classmethod
    def of(cls, items: pl.DataFrame, operations: pl.DataFrame, *, rank: pl.Expr | None = None) -> RoutedItems:
        """Join items with their routings.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        operations : polars.DataFrame
            OPERATIONS frame.
        rank : polars.Expr, optional
            Which routings are learned from. None: those of rank 0.

        Returns
        -------
        RoutedItems
            Items that are not excluded and have such a routing.

        Raises
        ------
        ModelError
            No item has a routing, or an attribute column is no text or number.
        FrameError
            A frame does not keep its contract.
        """
        check_training(items, operations)
        nested = [n for n in attribute_columns(items) if items.schema[n].is_nested()]
        if nested:
            raise ModelError(
                f"Attribute column(s) {', '.join(f'{n} ({items.schema[n]})' for n in nested)} are no text or number.",
                remedy="Map columns of texts, codes or numbers in the profile.",
            )
        wanted = pl.col("routing_rank") == 0 if rank is None else rank
        rows = operations.lazy().filter(wanted & pl.col("job_cd").is_not_null())
        known = (
            items.lazy()
            .filter(pl.col("excluded").is_null())
            .join(rows.select("item_key").unique(), on="item_key", how="semi")
            .sort("item_key")
            .collect()
        )
        if not known.height:
            raise ModelError("No item has a routing to learn from.", remedy="Check the routing source.")
        labels = known.select("item_key").with_row_index("label").with_columns(pl.col("label").cast(pl.Int64))
        return cls(known, rows.join(labels.lazy(), on="item_key"))

    def operations(self, *columns: str, labels: pl.Series | None = None) -> pl.DataFrame:
        """Read `label` and these columns, sorted by label, rout_no, proc_seq; of these labels only, when given."""
        rows = self.rows
        if labels is not None:
            rows = rows.filter(pl.col("label").is_in(labels.unique().implode()))
        order = ("label", "rout_no", "proc_seq")
        return (
            rows.select(*dict.fromkeys((*order, *columns))).sort(*order).select("label", *columns).collect()
        )


def copied_operations(training: RoutedItems, labels: pl.Series) -> pl.DataFrame:
    """Operations of routed items under output names, with standard times.

    Parameters
    ----------
    training : RoutedItems
        The routed items.
    labels : polars.Series
        Which of them.

    Returns
    -------
    polars.DataFrame
        label, item_key, source_seq, proc_seq (10, 20, ...), setup_time, run_time and the copied columns.
    """
    columns = ("item_key", "proc_seq", "setup_min", "run_min", *_COPIED)
    return training.operations(*columns, labels=labels).select(
        "label", "item_key", source_seq="proc_seq",
        proc_seq=(10 * (pl.int_range(pl.len()).over("label") + 1)).cast(pl.Int16),
        setup_time="setup_min", run_time="run_min", **{new: pl.col(old) for old, new in _COPIED.items()},
    )  # fmt: skip


@dataclass(frozen=True)
class BaselineAnswers:
    """What a baseline found for the items that it was asked for.

    Attributes
    ----------
    candidates : polars.DataFrame
        row (number of the item asked for), candidate_rank, similarity_score, confidence, reference_item_cd, rout_no,
        neighbour_count, support; one row per candidate.
    operations : polars.DataFrame
        row, candidate_rank, proc_seq, job_cd, inside and any other columns of CANDIDATE_OPERATIONS.
    resources : polars.DataFrame
        RESOURCE_ALTERNATIVES frame.
    """

    candidates: pl.DataFrame
    operations: pl.DataFrame
    resources: pl.DataFrame

    def predictions(self, items: pl.DataFrame, *, threshold: float, abstained_reason: str) -> Predictions:
        """Build the output frames.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame that was asked for.
        threshold : float
            Similarity from which a candidate is of tier HIGH.
        abstained_reason : str
            Sentence for items without a candidate.

        Returns
        -------
        Predictions
            Frames as the predictor gives them, without evidence.
        """
        keys = (
            items.select("item_cd", "item_key", "item_hash")
            .with_row_index("row")
            .with_columns(pl.col("row").cast(pl.Int64))
        )
        rows = self._operation_rows(keys)
        missing = keys.join(self.candidates.select("row"), on="row", how="anti").sort("row").with_columns(
            reason_code=pl.lit("no_similar_item"), reason=pl.lit(abstained_reason)
        )  # fmt: skip
        return Predictions(
            CANDIDATES.conform(self._candidate_rows(keys, rows, threshold)),
            CANDIDATE_OPERATIONS.conform(rows),
            self.resources,
            CANDIDATE_EVIDENCE.empty(),
            ABSTAINED.conform(missing),
        )

    def _operation_rows(self, keys: pl.DataFrame) -> pl.DataFrame:
        key = ["row", "candidate_rank"]
        place = pl.int_range(pl.len()).over(key)
        own = self.candidates.select(*key, "confidence", "support", source_rout_no="rout_no")
        rows = (
            self.operations.sort(*key, "proc_seq")
            .join(keys.drop("item_hash"), on="row", maintain_order="left")
            .join(own, on=key, maintain_order="left")
            .with_columns(
                rout_order=pl.when(place == 0).then(pl.lit("F")).when(place == pl.len().over(key) - 1)
                .then(pl.lit("L")).otherwise(pl.lit("I")),
                insp_flg=pl.lit("N"), milestone_flg=pl.lit("N"),
            )
        )  # fmt: skip
        defaults = {"sample_count": pl.lit(0, pl.Int64), "time_source": pl.lit("standard_similar")}
        return rows.with_columns([v.alias(k) for k, v in defaults.items() if k not in rows.columns])

    def _candidate_rows(self, keys: pl.DataFrame, rows: pl.DataFrame, threshold: float) -> pl.DataFrame:
        key = ["row", "candidate_rank"]
        per_candidate = rows.group_by(key).agg(
            routing_code=pl.col("job_cd").str.join(">"),
            routing_signature=pl.coalesce("job_nm", "job_cd").head(4).str.join("+"),
            process_count=pl.len().cast(pl.Int32),
            work_order_count=pl.col("sample_count").sum(),
            out=(pl.col("inside") == OUTSOURCED).any(),
        )
        low = pl.col("similarity_score") < threshold
        return (
            self.candidates.join(per_candidate, on=key)
            .join(keys, on="row")
            .sort(key)
            .with_columns(
                candidate_id=pl.format(
                    "{}_C{}", "item_cd", pl.col("candidate_rank").cast(pl.String).str.zfill(2)
                ),
                similarity_tier=pl.when(low).then(pl.lit("LOW")).otherwise(pl.lit("HIGH")),
                priority=pl.when(low | pl.col("out")).then(pl.lit("fallback")).otherwise(pl.lit("primary")),
                routing_source=pl.lit("similar"),
            )
        )
