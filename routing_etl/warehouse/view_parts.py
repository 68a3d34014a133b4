"""What the selects of several views share: the tables under short names, the joins, and what dialects write differently.

What belongs here: pieces that `views.py` and `views_bop.py` both use. What does not: a view.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.versions import newest_up_to

Column = sa.ColumnElement[Any]


class Words:
    """The few expressions that dialects write differently."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def two(self, value: Column) -> Column:
        """Two decimals, 0 for NULL: a time column of an ERP-shaped view."""
        return self.money(sa.func.coalesce(value, 0))

    def money(self, value: Column) -> Column:
        """Two decimals, NULL stays."""
        if self.dialect == "sqlite":
            return sa.func.round(value, 2)
        return sa.cast(value, sa.Numeric(10, 2))

    def zero(self, value: float) -> Column:
        """A constant with two decimals."""
        return (
            sa.literal(value, sa.Float())
            if self.dialect == "sqlite"
            else sa.cast(sa.literal(int(value), sa.Integer()), sa.Numeric(10, 2))
        )

    def null(self, kind: Any) -> Column:
        """A typed NULL."""
        return sa.null() if self.dialect == "sqlite" else sa.cast(sa.null(), kind)

    def word(self, value: str, length: int) -> Column:
        """A text constant of a declared length."""
        literal = sa.literal(value, t.text(length))
        return literal if self.dialect == "sqlite" else sa.cast(literal, t.text(length))

    def week(self, moment: Column) -> Column:
        """The Monday of the week that a moment lies in, as a date."""
        if self.dialect == "sqlite":
            return sa.func.date(moment, sa.literal("weekday 0"), sa.literal("-6 days"))
        if self.dialect == "postgresql":
            return sa.cast(sa.func.date_trunc(sa.literal("week"), moment), sa.Date())
        # Day 0 of SQL Server, 1 January 1900, was a Monday.
        since = sa.func.datediff(sa.text("day"), sa.literal("19000101"), moment)
        return sa.func.dateadd(sa.text("day"), -(since % 7), sa.cast(moment, t.date()))

    def month(self, moment: Column) -> Column:
        """The first day of the month that a moment lies in, as a date."""
        if self.dialect == "sqlite":
            return sa.func.date(moment, sa.literal("start of month"))
        if self.dialect == "postgresql":
            return sa.cast(sa.func.date_trunc(sa.literal("month"), moment), sa.Date())
        return sa.func.dateadd(sa.text("day"), 1 - sa.func.day(moment), sa.cast(moment, t.date()))

    def seconds(self, start: Column, end: Column) -> Column:
        """Whole seconds from one moment to another; NULL where either is."""
        if self.dialect == "sqlite":
            text = sa.literal("%s")
            return sa.cast(sa.func.strftime(text, end), sa.Integer()) - sa.cast(
                sa.func.strftime(text, start), sa.Integer()
            )
        if self.dialect == "postgresql":
            return sa.cast(sa.func.date_part(sa.literal("epoch"), end - start), sa.Integer())
        return sa.func.datediff(sa.text("second"), start, end)

    def share(self, part: Column, whole: Column) -> Column:
        """A share with its denominator; NULL where that is 0."""
        return sa.cast(part, sa.Float()).op("/")(sa.func.nullif(whole, 0))


class Sources:
    """The tables under the short names that a DBA reads in the view text."""

    def __init__(self, tb: Tables) -> None:
        self.current_publication = tb.current_publication.alias("p")
        self.publication = tb.publication.alias("b")
        self.candidate = tb.candidate.alias("c")
        self.candidate_operation = tb.candidate_operation.alias("o")
        self.candidate_evidence = tb.candidate_evidence.alias("e")
        self.resource_alternative = tb.resource_alternative.alias("r")
        self.abstained_item = tb.abstained_item.alias("a")
        self.item_version = tb.item_version.alias("i")
        self.later_item = tb.item_version.alias("later")
        self.job_version = tb.job_version.alias("j")
        self.later_job = tb.job_version.alias("later_job")
        self.model_version = tb.model_version.alias("v")
        self.model_metric = tb.model_metric.alias("m")
        self.batch_run = tb.batch_run.alias("n")
        self.quality_result = tb.quality_result.alias("q")
        self.rejected_row = tb.rejected_row.alias("x")
        self.earlier = tb.candidate_operation.alias("earlier")
        self.main = tb.candidate_operation.alias("main")
        self.current_standard_review = tb.current_standard_review.alias("p")
        self.standard_review = tb.standard_review.alias("w")
        self.standard_time_proposal = tb.standard_time_proposal.alias("s")
        self.other_time = tb.standard_time_proposal.alias("o")
        self.health_finding = tb.health_finding.alias("h")
        self.model_decision = tb.model_decision.alias("d")
        self.model_decision_metric = tb.model_decision_metric.alias("f")
        self.prediction_outcome = tb.prediction_outcome.alias("o")
        self.routing_feedback = tb.routing_feedback.alias("f")
        self.routing_feedback_time = tb.routing_feedback_time.alias("g")
        self.publication_event = tb.publication_event.alias("e")
        self.later_event = tb.publication_event.alias("following")
        self.ended_run = tb.batch_run.alias("ended")
        self.erp_read = tb.erp_read.alias("k")
        self.audit_log = tb.audit_log.alias("a")
        self.time_profile_month = tb.time_profile_month.alias("s")
        self.other_mark = tb.routing_feedback.alias("other")
        self.publication_change = tb.publication_change.alias("d")
        self.compared = tb.publication.alias("w")
        self.item_before = tb.item_version.alias("was")
        self.item_between = tb.item_version.alias("between_two")
        self.first = tb.candidate.alias("c1")
        self.first_before = tb.candidate.alias("c0")
        self.earlier_item = tb.item_version.alias("earlier")
        self.closing_item = tb.item_version.alias("closing")
        self.earlier_publication = tb.publication.alias("since")
        self.earlier_candidate = tb.candidate.alias("shown_then")
        self.other_candidate = tb.candidate.alias("beside")


def from_pointer(tb: Sources, detail: Any) -> sa.Join:
    """The published batch, its items, and their rows of one table.

    The item comes from its version, so a look-up by item seeks there and from there in the table.
    """
    pointer, batch, item = tb.current_publication, tb.publication, tb.item_version
    # `slot = 1` tells every planner that the pointer is one row: it starts there and seeks from it.
    return (
        pointer.join(batch, sa.and_(pointer.c.slot == 1, batch.c.id == pointer.c.publication_id))
        .join(item, newest_up_to(item, tb.later_item, "item_cd", pointer.c.publication_id))
        .join(
            detail,
            sa.and_(detail.c.publication_id == item.c.from_publication, detail.c.item_cd == item.c.item_cd),
        )
    )


def machines_of(tb: Sources, operation: Any) -> sa.ColumnElement[bool]:
    """The version of an operation's job that the published batch shows."""
    job, pointer = tb.job_version, tb.current_publication
    return sa.and_(
        job.c.job_cd == operation.c.job_cd,
        newest_up_to(job, tb.later_job, "job_cd", pointer.c.publication_id),
    )


def same_candidate(left: Any, right: Any) -> sa.ColumnElement[bool]:
    """Both rows are of one candidate of one publication."""
    return sa.and_(
        left.c.publication_id == right.c.publication_id,
        left.c.item_cd == right.c.item_cd,
        left.c.candidate_rank == right.c.candidate_rank,
    )


def operations_from(tb: Sources) -> sa.Join:
    """The published candidates with their operations."""
    return from_pointer(tb, tb.candidate).join(
        tb.candidate_operation, same_candidate(tb.candidate_operation, tb.candidate)
    )
