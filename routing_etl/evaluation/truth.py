"""What a simulated plant knows about itself, and the answers of an oracle that knows it.

Read by benchmarks and tests only; no step of the night has a truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    RESOURCE_ALTERNATIVES,
    Predictions,
    key_of,
)
from routing_etl.model.base.arrays import Floats

#: Joins the job codes of a sequence to one string inside our frames: no code contains it.
SEPARATOR = "\x1f"
#: Joins codes in the truth tables of a simulated plant.
TRUTH_SEPARATOR = ">"


@dataclass(frozen=True)
class Truth:
    """What a simulated plant knows about itself; real plants have none.

    Attributes
    ----------
    routings : polars.DataFrame
        item_key, variant, probability, jobs, resources, insides (lists): the routings that a planner would write for an item
        and how probable each is.
    times : polars.DataFrame
        item_key, job_cd, setup_min (per order), run_min (per piece): medians that the attributes determine.
    summary : dict of str to str
        Facts by name, as the plant wrote them.
    """

    routings: pl.DataFrame
    times: pl.DataFrame
    summary: dict[str, str]

    @classmethod
    def from_tables(
        cls, routing: pl.DataFrame, time: pl.DataFrame, summary: pl.DataFrame | None = None
    ) -> Truth:
        """Read the truth tables of a plant; the case of the column names does not matter.

        Parameters
        ----------
        routing : polars.DataFrame
            DEMO_TRUTH_ROUTING.
        time : polars.DataFrame
            DEMO_TRUTH_TIME.
        summary : polars.DataFrame, optional
            DEMO_TRUTH_SUMMARY.

        Returns
        -------
        Truth
            Routings of a probability above 0, and times.
        """
        routing, time = (f.rename({c: c.lower() for c in f.columns}) for f in (routing, time))
        names: dict[str, str] = {}
        if summary is not None and summary.height:
            summary = summary.rename({c: c.lower() for c in summary.columns})
            names = dict(
                zip(summary["name"].to_list(), summary["value"].cast(pl.String).to_list(), strict=True)
            )
        lists = {"jobs": "job_seq", "resources": "res_seq", "insides": "inside_seq"}
        return cls(
            routing.select(
                item_key=key_of(pl.col("item_cd")),
                variant=pl.col("variant").cast(pl.Int64),
                probability=pl.col("probability").cast(pl.Float64),
                **{new: pl.col(old).str.split(TRUTH_SEPARATOR) for new, old in lists.items()},
            ).filter(pl.col("probability") > 0),
            time.select(
                "job_cd",
                item_key=key_of(pl.col("item_cd")),
                setup_min=pl.col("setup_min").cast(pl.Float64),
                run_min=pl.col("run_min").cast(pl.Float64),
            ).unique(["item_key", "job_cd"], keep="first", maintain_order=True),
            names,
        )

    def time_sigma(self, measure: str) -> float | None:
        """Standard deviation of ln(time of one order / median), from the plant's own summary.

        The item's own deviation acts on the set-up time by its square root.

        Parameters
        ----------
        measure : {'setup', 'run'}
            Which time.

        Returns
        -------
        float or None
            None when the summary does not say.
        """
        parts = [self.summary.get(f"grammar.{name}") for name in ("time_noise", "item_time_noise")]
        if any(part is None for part in parts):
            return None
        order, item = (float(str(part)) for part in parts)
        return float(np.hypot(order, 0.5 * item if measure == "setup" else item))

    def ceiling(self, item_keys: pl.Series, k: int) -> Floats:
        """The highest expected exact match that `k` candidates can reach.

        Parameters
        ----------
        item_keys : polars.Series
            Keys of the items.
        k : int
            Number of candidates.

        Returns
        -------
        numpy.ndarray
            Per item the summed probability of its k most probable job sequences; NaN for items without truth.
        """
        best = (
            self.routings.group_by("item_key", pl.col("jobs").list.join(SEPARATOR))
            .agg(p=pl.col("probability").sum())
            .group_by("item_key")
            .agg(p=pl.col("p").top_k(k).sum())
        )
        joined = (
            item_keys.alias("item_key")
            .to_frame()
            .join(best, on="item_key", how="left", maintain_order="left")
        )
        return joined["p"].to_numpy().astype(np.float64)


def truth_predictions(truth: Truth, items: pl.DataFrame, k: int = 4) -> Predictions:
    """The answers of an oracle: the most probable job sequences of each item with the truth's median times.

    Parameters
    ----------
    truth : Truth
        A simulated plant's truth.
    items : polars.DataFrame
        ITEMS frame. Items of which the truth knows nothing get no answer.
    k : int, optional
        Most candidates of an item.

    Returns
    -------
    Predictions
        Candidates and operations alone.
    """
    keys = items.select("item_cd", "item_key", "item_hash")
    best = _most_probable(truth, keys, k)
    return Predictions(
        CANDIDATES.conform(_oracle_candidates(best, keys)),
        CANDIDATE_OPERATIONS.conform(_oracle_operations(best, keys, truth.times)),
        RESOURCE_ALTERNATIVES.empty(),
        CANDIDATE_EVIDENCE.empty(),
        ABSTAINED.empty(),
    )


def _most_probable(truth: Truth, keys: pl.DataFrame, k: int) -> pl.DataFrame:
    """The `k` most probable job sequences of each item, with their most probable resources."""
    asked = truth.routings.join(keys, on="item_key", how="semi").with_columns(
        sequence=pl.col("jobs").list.join(SEPARATOR)
    )
    return (
        asked.sort("item_key", "sequence", "probability", "variant", descending=[False, False, True, False])
        .group_by("item_key", "sequence", maintain_order=True)
        .agg(
            confidence=pl.col("probability").sum(),
            **{c: pl.col(c).first() for c in ("jobs", "resources", "insides")},
        )
        .sort("item_key", "confidence", "sequence", descending=[False, True, False])
        .with_columns(candidate_rank=(pl.int_range(pl.len()).over("item_key") + 1).cast(pl.Int16))
        .filter(pl.col("candidate_rank") <= k)
        .with_columns(pl.col("confidence").clip(0.0, 1.0))
    )


def _oracle_candidates(best: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    return best.join(keys, on="item_key", maintain_order="left").with_columns(
        candidate_id=pl.format("{}_C{}", "item_cd", pl.col("candidate_rank").cast(pl.String).str.zfill(2)),
        routing_signature=pl.col("jobs").list.head(4).list.join("+"),
        routing_code=pl.col("jobs").list.join(TRUTH_SEPARATOR),
        similarity_score=pl.lit(1.0),
        priority=pl.lit("primary"),
        similarity_tier=pl.lit("HIGH"),
        routing_source=pl.lit("similar"),
        process_count=pl.col("jobs").list.len().cast(pl.Int32),
        work_order_count=pl.lit(0, pl.Int64),
        neighbour_count=pl.lit(0, pl.Int32),
        support=pl.lit(1.0),
    )


def _oracle_operations(best: pl.DataFrame, keys: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    return (
        best.select("item_key", "candidate_rank", "confidence", "jobs", "resources", "insides")
        .with_columns(proc_seq=(10 * (pl.int_ranges(pl.col("jobs").list.len()) + 1)))
        .explode("jobs", "resources", "insides", "proc_seq")
        .rename({"jobs": "job_cd", "resources": "res_cd", "insides": "inside"})
        .join(keys.select("item_key", "item_cd"), on="item_key", maintain_order="left")
        .join(
            times.select("item_key", "job_cd", setup_time="setup_min", run_time="run_min"),
            on=["item_key", "job_cd"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            res_cd=pl.when(pl.col("res_cd") != "").then("res_cd"),
            rout_order=pl.lit("I"),
            insp_flg=pl.lit("N"),
            milestone_flg=pl.lit("N"),
            support=pl.lit(1.0),
            sample_count=pl.lit(0, pl.Int64),
            time_source=pl.lit("model"),
        )
    )
