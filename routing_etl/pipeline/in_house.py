"""Outsourced operations of proposals as operations in house, by the map of the source profile (`routing.outsourced_map`).

Some plants want no outsourced operation in a proposal where the same work can be done inside. Which job stands for which only they know:
the map names it, exactly and code by code, and is empty in a shipped profile. What is replaced says so (`replaced_job`), and its
candidate stays a fallback: nobody has run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from routing_etl import frames
from routing_etl.frames import (
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    INHOUSE,
    OUTSOURCED,
    Predictions,
)
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_valid_operations
from routing_etl.warehouse.todays_codes import todays

_CANDIDATE = ("item_key", "candidate_rank")
#: Column of an operation -> column of the time profile of its job and machine.
_TIMES = {
    "setup_time": "setup_p50",
    "setup_p10": "setup_p10",
    "setup_p90": "setup_p90",
    "run_time": "run_p50",
    "run_p10": "run_p10",
    "run_p50": "run_p50",
    "run_p90": "run_p90",
    "optimal_time": "run_optimal",
    "standard_time": "run_standard",
    "safe_time": "run_safe",
    "time_cv": "run_cv",
}
#: What was known of the work outside, or of the item's own orders there, and says nothing of the work inside.
_UNKNOWN = (
    "act_setup_time", "act_run_time", "queue_time", "wait_time", "move_time", "mfg_lt", "batch_oper", "bp_cd", "cust_nm", "cur_cd",
    "subcontract_prc", "tax_type", "time_confidence", "source_items", "source_similarity", "source_rout_no", "lot_size",
    "lot_exponent",
)  # fmt: skip


@dataclass(frozen=True)
class InHouse:
    """The operations that stand in for outsourced ones.

    Attributes
    ----------
    steps : polars.DataFrame
        One row per outsourced job: `replaced_job`, and columns of CANDIDATE_OPERATIONS.
    unknown : tuple of str
        Pairs of the map, as "OLD -> NEW", of which no routing has the new job in house, so that nothing is replaced by them.
    """

    steps: pl.DataFrame = field(default_factory=pl.DataFrame)
    unknown: tuple[str, ...] = ()

    def applied(self, found: Predictions) -> Predictions:
        """Predictions with outsourced operations replaced, and candidates that became equal taken together.

        Parameters
        ----------
        found : Predictions
            As the model made them.

        Returns
        -------
        Predictions
            The same where nothing is to be replaced. Of an item's candidates that have become the same routing one stays, with their
            confidence together: one that was in house from the start, else the surest. All are ranked anew by it.
        """
        if self.steps.is_empty() or not found.operations.height:
            return found
        operations = self._replaced(found.operations)
        touched = (
            operations.filter(pl.col("replaced_job").is_not_null())
            .group_by(_CANDIDATE)
            .agg(replaced_operations=pl.len().cast(pl.Int32))
        )
        if touched.is_empty():
            return found
        candidates = _described(found.candidates, operations, touched)
        places = _places(candidates)
        moved = {
            "candidates": _together(candidates, places),
            "operations": _moved(operations, places),
            "evidence": _moved(found.evidence, places),
        }
        contracts = {
            "candidates": CANDIDATES,
            "operations": CANDIDATE_OPERATIONS,
            "evidence": CANDIDATE_EVIDENCE,
        }
        return replace(found, **{name: contracts[name].conform(frame) for name, frame in moved.items()})

    def _replaced(self, operations: pl.DataFrame) -> pl.DataFrame:
        """The operations, each outsourced one that the map names as the one in house."""
        named = {c: f"{c}_in_house" for c in self.steps.columns if c != "replaced_job"}
        steps = self.steps.rename({"replaced_job": "outsourced", **named})
        beside = operations.with_columns(
            outsourced=pl.when(pl.col("inside") == OUTSOURCED).then(pl.col("job_cd"))
        ).join(steps, on="outsourced", how="left", maintain_order="left")
        hit = pl.col("job_cd_in_house").is_not_null()
        made = beside.with_columns(
            *(pl.when(hit).then(pl.col(new)).otherwise(pl.col(old)).alias(old) for old, new in named.items()),
            *(pl.when(~hit).then(pl.col(c)).alias(c) for c in _UNKNOWN),
            inside=pl.when(hit).then(pl.lit(INHOUSE)).otherwise(pl.col("inside")),
            replaced_job=pl.when(hit).then(pl.col("outsourced")).otherwise(pl.col("replaced_job")),
        )
        return made.select(operations.columns)


def in_house_of(ctx: Context, resources: pl.DataFrame) -> InHouse:
    """What the map of a run's profile makes of outsourced jobs; nothing is read where it is empty.

    Parameters
    ----------
    ctx : Context
        Profile and run folder.
    resources : polars.DataFrame
        RESOURCE_ALTERNATIVES frame of the model.
    """
    mapping = ctx.profile.routing.outsourced_map
    if not mapping:
        return InHouse()
    from routing_etl.times.profiles import read_evidence

    return in_house(mapping, read_valid_operations(ctx.run), resources, read_evidence(ctx.run.times))


def in_house(
    mapping: Mapping[str, str], operations: pl.LazyFrame, resources: pl.DataFrame, times: frames.TimeEvidence
) -> InHouse:
    """What the map of the profile makes of outsourced jobs, with the machine and the times that a job has in house.

    Parameters
    ----------
    mapping : mapping of str to str
        Outsourced job code -> job code in house.
    operations : polars.LazyFrame
        The operations of valid routings.
    resources : polars.DataFrame
        RESOURCE_ALTERNATIVES frame: the machine of a job is the most used one that is no waiting pool.
    times : TimeEvidence
        Time profiles of the run; of a job and machine, else of the job. Without reports the times are NULL.
    """
    jobs = operations.select(pl.col("job_cd").drop_nulls().unique()).collect()["job_cd"]
    asked = pl.DataFrame({"replaced_job": list(mapping), "job_cd": list(mapping.values())})
    asked = todays(
        asked, {"replaced_job": jobs, "job_cd": jobs}
    )  # a profile may spell a code in another way than the ERP
    inside = operations.filter(pl.col("inside") == INHOUSE).select("job_cd", "job_nm")
    names = inside.group_by("job_cd").agg(pl.col("job_nm").drop_nulls().mode().sort().first()).collect()
    known = asked.join(names, on="job_cd", how="inner", maintain_order="left")
    missing = asked.join(names, on="job_cd", how="anti", maintain_order="left")
    machines = (
        resources.filter(~pl.col("is_pool"))
        .sort("job_cd", "alternative_rank")
        .group_by("job_cd", maintain_order=True)
        .first()
    ).select("job_cd", "res_cd", "res_nm")
    steps = known.join(machines, on="job_cd", how="left", maintain_order="left")
    measured = {*_TIMES.values(), "run_n", "setup_n"}
    exact = times.by_job_resource.select("job_cd", "res_cd", *sorted(measured))
    coarse = times.by_job.select("job_cd", *(pl.col(c).alias(f"{c}_of_job") for c in sorted(measured)))
    both = steps.join(exact, on=["job_cd", "res_cd"], how="left", maintain_order="left").join(
        coarse, on="job_cd", how="left", maintain_order="left"
    )
    of_machine = (pl.col("run_n") > 0).fill_null(False)

    def value(name: str) -> pl.Expr:
        return pl.when(of_machine).then(pl.col(name)).otherwise(pl.col(f"{name}_of_job"))

    reports = pl.max_horizontal(value("run_n").fill_null(0), value("setup_n").fill_null(0))
    made = both.select(
        "replaced_job",
        "job_cd",
        pl.col("job_nm").str.slice(0, 64),
        "res_cd",
        "res_nm",
        *(value(name).alias(column) for column, name in _TIMES.items()),
        sample_count=reports.cast(pl.Int64),
        time_source=pl.when(reports > 0).then(pl.lit("actual_similar")).otherwise(pl.lit("none")),
    )
    return InHouse(
        made, tuple(f"{old} -> {new}" for old, new in missing.select("replaced_job", "job_cd").iter_rows())
    )


def _described(candidates: pl.DataFrame, operations: pl.DataFrame, touched: pl.DataFrame) -> pl.DataFrame:
    """Candidates with what their operations now say: jobs, signature, reports, how many were replaced."""
    trust = pl.col("time_confidence").mean()
    said = (
        operations.join(touched, on=_CANDIDATE, how="semi")
        .sort(*_CANDIDATE, "proc_seq")
        .group_by(_CANDIDATE, maintain_order=True)
        .agg(
            routing_code=pl.col("job_cd").str.join(">"),
            routing_signature=pl.col("job_nm")
            .fill_null(pl.col("job_cd"))
            .head(4)
            .str.join("+")
            .str.slice(0, 200),
            work_order_count=pl.col("sample_count").sum(),
            work_order_confidence=trust,
        )
        .join(touched, on=_CANDIDATE)
    )
    columns = (
        "routing_code",
        "routing_signature",
        "work_order_count",
        "work_order_confidence",
        "replaced_operations",
    )
    beside = candidates.join(said, on=_CANDIDATE, how="left", maintain_order="left", suffix="_now")
    hit = pl.col("routing_code_now").is_not_null()
    return beside.with_columns(
        *(pl.when(hit).then(pl.col(f"{c}_now")).otherwise(pl.col(c)).alias(c) for c in columns),
        # nobody has run it, and it is no copy of anyone's routing
        priority=pl.when(hit).then(pl.lit("fallback")).otherwise(pl.col("priority")),
        rout_no=pl.when(~hit).then(pl.col("rout_no")),
    ).select(candidates.columns)


def _places(candidates: pl.DataFrame) -> pl.DataFrame:
    """Of each candidate that stays its new rank and confidence; columns item_key, candidate_rank, place, together."""
    # one that somebody has planned goes before one that was made here
    order = ("item_key", "replaced_operations", "candidate_rank")
    alike = candidates.sort(*order).group_by("item_key", "routing_code", maintain_order=True)
    kept = alike.agg(pl.col("candidate_rank").first(), together=pl.col("confidence").sum().clip(0.0, 1.0))
    ranked = kept.sort(["item_key", "together", "candidate_rank"], descending=[False, True, False])
    return ranked.with_columns(place=pl.int_range(1, pl.len() + 1).over("item_key").cast(pl.Int16)).drop(
        "routing_code"
    )


def _moved(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """The rows of the candidates that stay, under their new ranks."""
    kept = rows.join(places.drop("together"), on=_CANDIDATE, how="inner", maintain_order="left")
    return kept.with_columns(candidate_rank=pl.col("place")).select(rows.columns)


def _together(candidates: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    kept = candidates.join(places, on=_CANDIDATE, how="inner", maintain_order="left")
    number = pl.col("place").cast(pl.String).str.zfill(2)
    return (
        kept.with_columns(
            candidate_rank=pl.col("place"),
            confidence=pl.col("together"),
            candidate_id=pl.concat_str("item_cd", pl.lit("_C"), number),
        )
        .select(candidates.columns)
        .sort("item_key", "candidate_rank")
    )
