"""How the run time of a piece falls with the size of the lot.

Work that is done once per order but reported as machine time (first piece, warming up, handling) is spread
over the pieces, so a piece of a large lot takes less. With r minutes per piece and q pieces, r is
proportional to q to the power of an exponent: 0 if a piece always takes the same time, -1 if an order does.
It is estimated per job from reports of the same operation of the same item, by least squares of ln r on ln q,
each centred on its group. A job's exponent is shrunk towards the plant's and the plant's towards 0, the more
the fewer reports there are (partial pooling: Gelman and Hill 2007, "Data Analysis Using Regression and
Multilevel/Hierarchical Models").

Reports that may be entry errors are left out. In a job whose orders take the same time whatever their size that would be every
order of another size than usual, and the exponent of what is left would be near 0. So where the lot tells much of how
reports of one operation differ (`slopes`, `told_by_lot`), entry errors are looked for beside what it tells.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.times.samples import LIMIT
from routing_etl.times.statistics import FloatArray

#: Strength of the shrinkage: the variance of a report (0.25 ** 2 in ln r) over the variance of exponents
#: between jobs (0.08 ** 2). If the sum of squares of the centred ln q is this large, a job's own slope and
#: the plant's count half each.
PRIOR = 10.0
#: Limits of the exponent. Anything beyond is not an effect of the lot.
LOWEST, HIGHEST = -1.0, 1.0
#: Least share of the squared deviations from the groups' medians that the lot must explain for a job to be looked at again,
#: and then of the absolute ones, which single entry errors hardly move (the R1 of Koenker and Machado 1999).
_LEAST_SQUARES, _LEAST_ABSOLUTE = 0.25, 0.3


def slopes(parts: pl.LazyFrame) -> pl.DataFrame:
    """`job` and `level`, the least squares slope over all reports, of the jobs whose run times may follow the lot.

    Parameters
    ----------
    parts : polars.LazyFrame
        As in `exponents`.
    """
    lot, gap = (pl.col(c).cast(pl.Float64) for c in ("lot", "gap"))
    sums = (
        parts.filter(pl.col("lot").is_finite())
        .group_by("job")
        .agg(square=(lot**2).sum(), product=(lot * gap).sum(), whole=(gap**2).sum())
        .collect(engine="streaming")
    )
    told = pl.col("product") ** 2 / (pl.col("square") + PRIOR)
    return sums.filter((pl.col("whole") > 0) & (told >= _LEAST_SQUARES * pl.col("whole"))).select(
        "job",
        level=(pl.col("product") / (pl.col("square") + PRIOR)).clip(LOWEST, HIGHEST).round(6),
    )


def told_by_lot(parts: pl.LazyFrame, levelled: pl.LazyFrame) -> pl.DataFrame:
    """`job` of the jobs whose reports differ much less once each is converted to its group's lot.

    Parameters
    ----------
    parts : polars.LazyFrame
        `job` and `dev` (see `samples.deviations`) of the reports as they are.
    levelled : polars.LazyFrame
        The same, converted by `slopes`.
    """
    left, whole = (
        frame.group_by("job").agg(pl.col("dev").cast(pl.Float64).sum()).collect(engine="streaming")
        for frame in (levelled, parts)
    )
    both = left.join(whole, on="job", suffix="_whole")
    return both.filter(pl.col("dev") < (1.0 - _LEAST_ABSOLUTE) * pl.col("dev_whole")).select("job")


def exponents(parts: pl.LazyFrame, job_scales: pl.DataFrame) -> pl.DataFrame:
    """Exponent of the lot size per `job`, of all jobs in `job_scales`.

    Parameters
    ----------
    parts : polars.LazyFrame
        Per report of groups with two and more `job`, `gap` (ln r less its group's median) and `lot`
        (ln q less its group's mean; NULL without a quantity).
    job_scales : polars.DataFrame
        `job` and `within`, as `samples.scales`; a report farther than `LIMIT` of these from its group
        is left out, it may be an entry error. `level`: by which exponent the reports in `parts` were converted to their
        group's lot.

    Returns
    -------
    job, exponent (Float64).
    """
    sums = (
        parts.filter(pl.col("lot").is_finite())
        .join(job_scales.lazy().select("job", "within", "level"), on="job")
        .filter(pl.col("gap").abs() <= LIMIT * pl.col("within"))
        .group_by("job")
        .agg(
            square=(pl.col("lot").cast(pl.Float64) ** 2).sum(),
            product=(
                pl.col("lot").cast(pl.Float64) * (pl.col("gap") + pl.col("level") * pl.col("lot"))
            ).sum(),
        )
        .collect(engine="streaming")
    )
    plant = float(sums["product"].sum()) / (float(sums["square"].sum()) + PRIOR)
    return job_scales.select("job").join(sums, on="job", how="left", maintain_order="left").select(
        "job",
        exponent=(
            (pl.col("product").fill_null(0.0) + PRIOR * plant) / (pl.col("square").fill_null(0.0) + PRIOR)
        )
        .clip(LOWEST, HIGHEST)
        .round(6),  # sums depend on the order of the rows; the same reports must give the same times
    )  # fmt: skip


def at_lot(minutes: FloatArray, pieces: FloatArray, lot: FloatArray, exponent: FloatArray) -> FloatArray:
    """Convert run minutes per piece from orders of `pieces` to orders of `lot` pieces.

    A time whose pieces, lot or exponent are unknown (NaN) stays as it is.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = (lot / pieces) ** exponent
    return np.asarray(minutes * np.where(np.isfinite(factor) & (factor > 0), factor, 1.0))


#: Columns of CANDIDATE_OPERATIONS that depend on the lot.
_RUN_TIMES = (
    "run_time", "run_p10", "run_p50", "run_p90", "optimal_time", "standard_time", "safe_time", "act_run_time",
)  # fmt: skip


def operations_at_lot(operations: pl.DataFrame, lot: float) -> pl.DataFrame:
    """Predicted operations with their run times for a lot of `lot` pieces instead of the usual one.

    An operation whose usual lot or exponent is unknown keeps its times; its `lot_size` becomes NULL.

    Parameters
    ----------
    operations : polars.DataFrame
        CANDIDATE_OPERATIONS frame.
    lot : float
        Pieces of the order.

    Raises
    ------
    ConfigurationError
        `lot` is not a finite number above 0.
    """
    if not (np.isfinite(lot) and lot > 0):
        raise ConfigurationError(
            f"A lot of {lot!r} pieces: must be above 0.", remedy="Name the pieces of the order."
        )
    known = pl.col("lot_size").is_not_null() & pl.col("lot_exponent").is_not_null()
    factor = pl.when(known).then((lot / pl.col("lot_size")) ** pl.col("lot_exponent")).otherwise(1.0)
    return operations.with_columns(
        *(pl.col(name) * factor for name in _RUN_TIMES),
        lot_size=pl.when(known).then(pl.lit(float(lot))),
    )
