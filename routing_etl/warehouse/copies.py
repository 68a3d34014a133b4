"""Routings of the ERP that are copies of our own proposals: recognised by an engineer's mark, our routing number, or machines and times.

A copy proves nothing about the proposal that it was made from, and a model that learned from it would learn its own words. So what
is recognised here is counted apart from what engineers wrote themselves, and not learned from before an order was made by it.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.routing_numbers import routing_numbers
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.schema_life import COPIED_BY
from routing_etl.warehouse.todays_codes import todays
from routing_etl.warehouse.versions import KEYS_PER_STATEMENT, rows_at

#: Minutes by which a time may differ from ours, which is published with two decimals.
_ROUNDING = 0.006
#: Operations with a time of broken minutes that equal machines and times must have, so that they are no coincidence: planners
#: write whole minutes.
_LEAST_BROKEN = 2

#: The columns of OPERATIONS that are compared with proposals.
COMPARED = ("item_cd", "rout_no", "proc_seq", "job_cd", "res_cd", "run_min", "setup_min")
#: What is known of a copy.
SCHEMA = pl.Schema(
    {
        "item_cd": pl.String, "rout_no": pl.String, "routing_code": pl.String, "copied_by": pl.String, "exact": pl.Boolean,
        "mark": pl.String, "reason_code": pl.String,
    }
)  # fmt: skip


def remembered_copies(engine: Engine, schema: str) -> pl.DataFrame:
    """The copies that earlier nights have recognised: item_cd, rout_no (NULL: not known), routing_code, copied_by.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    """
    o = tables(schema_for(engine, schema)).prediction_outcome.c
    query = sa.select(o.item_cd, o.written_rout_no, o.written_code, o.copied_by).where(o.adopted == sa.true())
    with translated("warehouse", engine.url), engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(
        rows,
        schema={
            "item_cd": pl.String,
            "rout_no": pl.String,
            "routing_code": pl.String,
            "copied_by": pl.String,
        },
        orient="row",
    )


def recognise(engine: Engine, schema: str, publication_id: int, operations: pl.DataFrame) -> pl.DataFrame:
    """What of the items that a publication proposed routings for is written after a proposal.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication that readers saw while the routings were written.
    operations : polars.DataFrame
        The columns `COMPARED` of OPERATIONS, of the routing that counts of each item.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`, a row per item that is a copy (`exact`), was taken over with changes, or has a mark.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        routed, items = _routed(connection, tb, publication_id, operations)
        proposed = _proposed(connection, tb, publication_id, items)
        marks = _marks(connection, tb, sorted({*items, *routed["item_cd"]}))
    code = operations.get_column
    proposed = todays(
        proposed,
        {"item_cd": code("item_cd"), "our_rout_no": code("rout_no"), "our_job": code("job_cd"), "our_res": code("res_cd")},
        {"routing_code": code("job_cd")},
    )  # fmt: skip
    marks = todays(marks, {"item_cd": code("item_cd")}, {"routing_code": code("job_cd")})
    marks = marks.sort("at").unique(["item_cd", "routing_code"], keep="last", maintain_order=True)
    return _recognised(routed, proposed, marks)


def _routed(
    connection: Connection, tb: Tables, publication_id: int, operations: pl.DataFrame
) -> tuple[pl.DataFrame, list[str]]:
    """The rows of items that the publication had proposals for, and the codes of these as it has them."""
    stored = _shown_items(connection, tb, publication_id)
    shown = todays(stored, {"item_cd": operations["item_cd"]}).with_columns(stored=stored["item_cd"])
    routed = operations.join(shown, on="item_cd", how="semi")
    items = shown.join(routed, on="item_cd", how="semi")["stored"]
    return routed, items.unique().sort().to_list()


def proposed_operations(
    engine: Engine, schema: str, publication_id: int, operations: pl.DataFrame
) -> pl.DataFrame:
    """The operations of the candidates that a publication showed for the items of some routings.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication.
    operations : polars.DataFrame
        With item_cd of the items.

    Returns
    -------
    polars.DataFrame
        item_cd as in `operations`, rank, routing_code, our_rout_no, proc_seq, our_job, our_res, and in minutes our_run and our_setup.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        _, items = _routed(connection, tb, publication_id, operations)
        proposed = _proposed(connection, tb, publication_id, items)
    return todays(proposed, {"item_cd": operations["item_cd"]})


def _shown_items(connection: Connection, tb: Tables, publication_id: int) -> pl.DataFrame:
    c = tb.candidate.c
    query = (
        sa.select(c.item_cd)
        .select_from(rows_at(tb.versioned[0], tb.candidate, publication_id))
        .where(c.candidate_rank == 1)
    )
    items = list(connection.execute(query).scalars())
    return pl.DataFrame({"item_cd": items}, schema={"item_cd": pl.String})


def _in_chunks(
    connection: Connection, query: sa.Select[Any], key: sa.ColumnElement[str], items: list[str]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(items), KEYS_PER_STATEMENT):
        asked = query.where(key.in_(items[start : start + KEYS_PER_STATEMENT]))
        rows += [tuple(row) for row in connection.execute(asked)]
    return rows


def _proposed(connection: Connection, tb: Tables, publication_id: int, items: list[str]) -> pl.DataFrame:
    """The operations of all candidates of items, with the times that the ERP's tables would have taken over."""
    c, o = tb.candidate.c, tb.candidate_operation.c
    both = rows_at(tb.versioned[0], tb.candidate, publication_id).join(
        tb.candidate_operation,
        sa.and_(
            o.publication_id == c.publication_id,
            o.item_cd == c.item_cd,
            o.candidate_rank == c.candidate_rank,
        ),
    )
    query = sa.select(
        c.item_cd, c.candidate_rank, c.routing_code, c.predicted_rout_no, o.proc_seq, o.job_cd, o.res_cd,
        sa.cast(sa.func.coalesce(o.standard_time, o.run_time), sa.Float()), sa.cast(o.setup_time, sa.Float()),
    ).select_from(both)  # fmt: skip
    return pl.DataFrame(
        _in_chunks(connection, query, c.item_cd, items),
        schema={
            "item_cd": pl.String, "rank": pl.Int64, "routing_code": pl.String, "our_rout_no": pl.String, "proc_seq": pl.Int64,
            "our_job": pl.String, "our_res": pl.String, "our_run": pl.Float64, "our_setup": pl.Float64,
        },
        orient="row",
    )  # fmt: skip


def _marks(connection: Connection, tb: Tables, items: list[str]) -> pl.DataFrame:
    """The marks in force of items' candidates."""
    f = tb.routing_feedback.c
    query = sa.select(
        f.item_cd, f.routing_code, sa.func.coalesce(f.mark, sa.literal("accepted", sa.String())), f.reason_code, f.accepted_at
    ).where(f.undone_at.is_(None))  # fmt: skip
    return pl.DataFrame(
        _in_chunks(connection, query, f.item_cd, items),
        schema={
            "item_cd": pl.String, "routing_code": pl.String, "mark": pl.String, "reason_code": pl.String, "at": pl.Datetime("us"),
        },
        orient="row",
    )  # fmt: skip


def _recognised(routed: pl.DataFrame, proposed: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """The rules, on the routings of items, the candidates that these were shown, and the marks about them."""
    written = (
        routed.sort("item_cd", "proc_seq")
        .group_by("item_cd", maintain_order=True)
        .agg(pl.col("rout_no").first(), routing_code=pl.col("job_cd").str.join(">").str.slice(0, 1000))
    )
    of_candidate = proposed.unique(["item_cd", "rank"]).select("item_cd", "routing_code", "our_rout_no")
    numbered = written.join(of_candidate, on="item_cd", suffix="_ours").filter(
        pl.col("rout_no") == pl.col("our_rout_no")
    )
    by_number = numbered.select(
        "item_cd", copied_by=pl.lit("number"), exact=pl.col("routing_code") == pl.col("routing_code_ours")
    )
    # what an earlier publication showed has its number too, whatever is shown now
    own = routing_numbers(written.lazy().with_columns(candidate_rank=pl.lit(1))).collect()
    by_own_number = own.filter(pl.col("rout_no") == pl.col("predicted_rout_no")).select(
        "item_cd", copied_by=pl.lit("number"), exact=pl.lit(True)
    )
    by_mark = (
        written.join(marks.filter(pl.col("mark") != "rejected"), on=["item_cd", "routing_code"])
        .filter(pl.col("mark") == "accepted")
        .select("item_cd", copied_by=pl.lit("mark"), exact=pl.lit(True))
    )
    by_times = _same_times(routed, proposed, written).select(
        "item_cd", copied_by=pl.lit("times"), exact=pl.lit(True)
    )
    order = pl.col("copied_by").replace_strict(dict(zip(COPIED_BY, range(len(COPIED_BY)), strict=True)))
    found = (
        pl.concat([by_mark, by_number, by_own_number, by_times])
        .sort("item_cd", ~pl.col("exact"), order)
        .unique("item_cd", keep="first", maintain_order=True)
    )
    said = (
        marks.sort("at")
        .group_by("item_cd", maintain_order=True)
        .agg(pl.col("mark").last(), pl.col("reason_code").last())
    )
    return (
        written.join(found, on="item_cd", how="left")
        .join(said, on="item_cd", how="left")
        .with_columns(
            exact=pl.col("exact").fill_null(False),
            # what the ERP shows goes before what was said
            mark=pl.when(pl.col("copied_by").is_not_null() & ~pl.col("exact"))
            .then(pl.lit("edited"))
            .otherwise(pl.col("mark")),
        )
        .filter(pl.col("copied_by").is_not_null() | pl.col("mark").is_not_null())
        .select(SCHEMA.names())
        .cast(dict(SCHEMA))  # type: ignore[arg-type]
        .sort("item_cd")
    )


def _same_times(routed: pl.DataFrame, proposed: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """Items whose routing has the jobs, machines and times of a candidate, with broken minutes in some operations."""
    place = pl.int_range(pl.len()).over("item_cd")
    theirs = routed.sort("item_cd", "proc_seq").select(
        "item_cd", "res_cd", run=pl.col("run_min").fill_null(0.0), setup=pl.col("setup_min").fill_null(0.0), place=place
    )  # fmt: skip
    ours = (
        proposed.join(written.select("item_cd", "routing_code"), on=["item_cd", "routing_code"])
        .sort("item_cd", "rank", "proc_seq")
        .with_columns(
            place=pl.int_range(pl.len()).over("item_cd", "rank"),
            run_ours=pl.col("our_run").fill_null(0.0),
            setup_ours=pl.col("our_setup").fill_null(0.0),
        )
    )

    def equal(name: str) -> pl.Expr:
        return (pl.col(name) - pl.col(f"{name}_ours")).abs() <= _ROUNDING

    def broken(name: str) -> pl.Expr:
        return (pl.col(name) - pl.col(name).round()).abs() > _ROUNDING

    return (
        ours.join(theirs, on=["item_cd", "place"], how="left")
        .group_by("item_cd", "rank")
        .agg(
            same=(equal("run") & equal("setup") & pl.col("res_cd").eq_missing(pl.col("our_res")))
            .fill_null(False)
            .all(),
            broken=(broken("run_ours") | broken("setup_ours")).sum(),
        )
        .filter("same", pl.col("broken") >= _LEAST_BROKEN)
        .unique("item_cd")
    )
