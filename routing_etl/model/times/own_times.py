"""Times of items that have no routing but work results of their own: these are the time, whatever others took.

The median of the item's own reports is the time, their trimmed mean the standard time. Few reports know
little of their own spread: the variance of ln(minutes) between orders is pooled with the job's, and one more order lies
around the median of n with the (1 + 1/n)-fold of it. So one report does not pretend to be certain.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from routing_etl.model.base.arrays import Floats
from routing_etl.model.catalogue.routings import RoutingCatalogue
from routing_etl.model.times.timed import MEASURES, NORMAL_P90, codes_of
from routing_etl.scenarios import OPT_SIGMA, SAFE_SIGMA, actuals_confidence

#: Degrees of freedom with which the job's spread counts beside the item's own.
_PRIOR = 10.0
SIMILARITY = 1.0


class OwnTimes:
    """What items outside the training took themselves.

    Attributes
    ----------
    table_ : polars.DataFrame
        item_key, job_cd (today's code), run_lot, and per measure n, p50, mean (trimmed), spread (of ln minutes for one more
        order).
    """

    def fit(
        self, catalogue: RoutingCatalogue, profile: pl.DataFrame, within: Mapping[str, Floats]
    ) -> OwnTimes:
        """Keep the results of items that are no training items.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        profile : polars.DataFrame
            TIME_BY_ITEM_OPERATION frame; rows of one job at several operation numbers become one.
        within : mapping of str to Floats
            Per measure the standard deviation of ln(minutes) between orders, per job.
        """
        others = (
            profile.lazy()
            .join(catalogue.labels.lazy().select("item_key"), on="item_key", how="anti")
            .with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
            .join(codes_of(catalogue).lazy(), on="job_cd")
        )
        aggregated = [pl.col("run_lot").log().mean().exp()]
        for m in MEASURES:
            reports = pl.col(f"{m}_n")
            square = (pl.col(f"{m}_cv") ** 2).log1p() * reports
            aggregated += [
                reports.sum(),
                *(
                    ((pl.col(f"{m}_{of}").log() * reports).sum() / reports.sum()).exp().alias(f"{m}_{name}")
                    for name, of in (("p50", "p50"), ("mean", "trim_mean"))
                ),
                square.sum().alias(f"{m}_squares"),
                (reports - 1).clip(0).sum().alias(f"{m}_degrees"),
            ]
        found = others.group_by("item_key", "job_cd", "job").agg(aggregated).sort("item_key", "job").collect()
        job = found["job"].to_numpy()
        for m in MEASURES:
            squares, degrees, n = (
                found[f"{m}_{c}"].to_numpy().astype(np.float64) for c in ("squares", "degrees", "n")
            )
            variance = (np.where(degrees > 0, squares, 0.0) + _PRIOR * within[m][job] ** 2) / (
                degrees + _PRIOR
            )
            found = found.with_columns(
                pl.Series(f"{m}_spread", np.sqrt(variance * (1 + 1 / np.maximum(n, 1))))
            )
        self.table_ = found.drop("job", *(f"{m}_{c}" for m in MEASURES for c in ("squares", "degrees")))
        self._keys = set(self.table_["item_key"].to_list())
        return self

    def any_of(self, item_keys: pl.Series) -> bool:
        """Whether one of the items has results of its own."""
        return not self._keys.isdisjoint(item_keys.to_list())

    def applied(self, times: pl.DataFrame, item_key: pl.Series, job_cd: pl.Series) -> pl.DataFrame:
        """The time columns of operations, with own times where the operation's item has results for its job.

        A measure without own results keeps what it has. Source, sample size and confidence follow the run time, and the
        set-up time where no run time is known at all.

        Parameters
        ----------
        times : polars.DataFrame
            The time columns, a row per operation.
        item_key : polars.Series
            The operations' items.
        job_cd : polars.Series
            The operations' jobs.
        """
        asked = pl.DataFrame([item_key.alias("item_key"), job_cd.alias("job_cd")])
        own = asked.join(self.table_, on=["item_key", "job_cd"], how="left", maintain_order="left")
        both = times.hstack(own.rename({c: f"own_{c}" for c in own.columns}))
        has = {m: pl.col(f"own_{m}_n").fill_null(0) > 0 for m in MEASURES}

        def ends(measure: str) -> dict[str, pl.Expr]:
            middle, spread = pl.col(f"own_{measure}_p50"), pl.col(f"own_{measure}_spread")
            return {"p10": middle * (-NORMAL_P90 * spread).exp(), "p90": middle * (NORMAL_P90 * spread).exp()}

        mean, middle = pl.col("own_run_mean"), pl.col("own_run_p50")
        variation = ((pl.col("own_run_spread") ** 2).exp() - 1.0).sqrt()
        replaced = {
            "setup": {
                "setup_time": pl.col("own_setup_p50"),
                "setup_p10": ends("setup")["p10"],
                "setup_p90": ends("setup")["p90"],
                "act_setup_time": pl.col("own_setup_mean"),
            },
            "run": {
                "run_time": middle,
                "run_p10": ends("run")["p10"],
                "run_p50": middle,
                "run_p90": ends("run")["p90"],
                "standard_time": mean,
                "optimal_time": (mean * (1 - OPT_SIGMA * variation)).clip(0.0),
                "safe_time": mean * (1 + SAFE_SIGMA * variation),
                "time_cv": variation,
                "act_run_time": mean,
                "lot_size": pl.coalesce("own_run_lot", "lot_size"),
            },
        }
        out = both.with_columns(
            pl.when(has[m]).then(value).otherwise(pl.col(name)).alias(name)
            for m, values in replaced.items()
            for name, value in values.items()
        )
        says = has["run"] | (has["setup"] & pl.col("run_time").is_null())
        n = pl.when(has["run"]).then(pl.col("own_run_n")).otherwise(pl.col("own_setup_n"))
        told = {
            "sample_count": n,
            "time_source": pl.lit("actual_own"),
            "source_items": pl.col("own_item_key"),
            "source_similarity": pl.lit(SIMILARITY),
            "time_confidence": actuals_confidence(n, SIMILARITY),
        }
        return out.select(
            pl.when(says).then(told[name]).otherwise(pl.col(name)).alias(name)
            if name in told
            else pl.col(name)
            for name in times.columns
        )
