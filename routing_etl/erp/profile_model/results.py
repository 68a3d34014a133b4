"""Work results: what their rows, times and quantities mean."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from routing_etl.erp.profile_model.section import KeyProblem, Section
from routing_etl.erp.profile_model.tables import Source


class Correction(Section):
    """A rule that puts right what was reported wrongly: rows that meet all its conditions are multiplied by its factors.

    Parameters
    ----------
    machine : str, optional
        Resource of the rows, in any case; None: all.
    job : str, optional
        Their job.
    item : str, optional
        Their item.
    since : datetime.date, optional
        First day of the reports.
    before : datetime.date, optional
        Day before which the reports lie.
    factor : float
        What their times are multiplied by: 60 where hours were typed and minutes are due.
    run_factor : float
        The same for their run times alone (machine and hold time).
    setup_factor : float
        The same for their set-up times alone.
    qty_factor : float
        What their quantities are multiplied by: 10 where boxes of ten were counted.
    """

    machine: str | None = None
    job: str | None = None
    item: str | None = None
    since: date | None = None
    before: date | None = None
    factor: float = Field(1.0, gt=0)
    run_factor: float = Field(1.0, gt=0)
    setup_factor: float = Field(1.0, gt=0)
    qty_factor: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _says_something(self) -> Correction:
        if {self.factor, self.run_factor, self.setup_factor, self.qty_factor} == {1.0}:
            raise ValueError("corrects nothing: give factor, run_factor, setup_factor or qty_factor")
        if not any((self.machine, self.job, self.item, self.since, self.before)):
            raise ValueError(
                "names no rows: give machine, job, item, since or before; for all rows there is time_factor_min"
            )
        return self


class ResultSource(Source):
    """Work results, their age filter, and what their times mean.

    Parameters
    ----------
    max_age_years : float, optional
        Older results are filtered; counted back from the cut-off date, or from the newest date in the data.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    time_factor_min : float
        Minutes per reported unit: 60 for hours.
    run_basis : {"order", "lot", "piece"}
        What one reported machine time covers.
    setup_basis : {"order", "lot", "piece"}
        What one reported set-up time covers.
    qty : {"ordered", "good"}
        Pieces that a time is divided by: those ordered, or those without the rejected ones.
    lot_size : float, optional
        Pieces of a lot, for the basis "lot".
    half_life_days : float
        A result counts half as much as one that is so many days newer; inf: all count alike.
    hold_columns : tuple of str
        Columns that may hold the time an order was on hold, tried in this order; none need exist.
    order_quantity : {"sum", "largest", "last", "order"}, optional
        How the quantity of several rows of one order and operation is found. Needed with `order_no`, unless `yield_qty`
        is mapped: then the yields are summed.
    order_time : {"sum", "largest"}
        How the times of several rows of one order and operation go together: each row has its own, or they are counted up from
        the first row.
    setup_within_run : {"reported", "standard"}, optional
        Reported run times include the set-up of their order, which is taken out: the one that the report states, or the
        standard one of the operation. None: they do not include it.
    kinds : dict of {"setup", "run", "ignore"} to tuple of str
        What the words of `record_kind` mean: the row's machine time is set-up, run, or neither.
    time_units : dict of str to float
        Unit of a row's times, in any case, to minutes.
    blank_time_unit : float, optional
        Minutes of a blank unit; None: such times are NULL.
    qty_units : dict of str to float
        Unit of a row's quantities, in any case, to pieces.
    blank_qty_unit : float, optional
        Pieces of a blank unit; None: such quantities are NULL.
    rework : {"exclude", "include"}
        Whether rows that are flagged as rework count.
    yes_words : tuple of str
        Words for "yes" in the flags `reversed`, `rework` and `finished`.
    no_words : tuple of str
        Words for "no"; a blank means no as well.
    time_zone : str, optional
        Time zone of `start_at` and `end_at`, for days on which clocks change.
    correct : tuple of Correction
        Rules for reports that are known to be wrong.
    """

    max_age_years: float | None = Field(None, gt=0)
    null_words: tuple[str, ...] = ()
    time_factor_min: float = Field(60.0, gt=0)
    run_basis: Literal["order", "lot", "piece"] = "order"
    setup_basis: Literal["order", "lot", "piece"] = "order"
    qty: Literal["ordered", "good"] = "ordered"
    lot_size: float | None = Field(None, gt=0)
    half_life_days: float = Field(1500.0, gt=0)
    hold_columns: tuple[str, ...] = ()
    order_quantity: Literal["sum", "largest", "last", "order"] | None = None
    order_time: Literal["sum", "largest"] = "sum"
    setup_within_run: Literal["reported", "standard"] | None = None
    kinds: dict[Literal["setup", "run", "ignore"], tuple[str, ...]] = Field(default_factory=dict)
    time_units: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    blank_time_unit: float | None = Field(None, gt=0)
    qty_units: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    blank_qty_unit: float | None = Field(None, gt=0)
    rework: Literal["exclude", "include"] = "exclude"
    yes_words: tuple[str, ...] = ("Y", "YES", "X", "1", "TRUE", "T", "J")
    no_words: tuple[str, ...] = ("N", "NO", "0", "FALSE", "F")
    time_zone: str | None = None
    correct: tuple[Correction, ...] = ()

    def _check_set_up(self) -> None:
        """Refuse a set-up in the run time that nothing states, or that is not one of an order."""
        if self.setup_within_run is None:
            return
        if self.setup_within_run == "reported" and "setup_time" not in self.columns:
            raise KeyProblem(
                "results.setup_within_run", self.setup_within_run, "needs setup_time, the set-up that is in the run time",
                'Map setup_time in [results.columns], or write "standard" for the standard set-up of the operation.',
            )  # fmt: skip
        if (self.run_basis, self.setup_basis) != ("order", "order"):
            raise KeyProblem(
                "results.setup_within_run", self.setup_within_run,
                f"is for times of an order, and run_basis is {self.run_basis!r}, setup_basis {self.setup_basis!r}",
                'Write run_basis = "order" and setup_basis = "order", or remove the key.',
            )  # fmt: skip

    def check(self) -> None:
        """Refuse keys that need another one.

        Raises
        ------
        KeyProblem
            A column is mapped whose meaning no key says, or a key stands for a column that is not mapped.
        """
        for column, key, said, remedy in (
            ("order_no", "order_quantity", bool(self.order_quantity) or "yield_qty" in self.columns,
             'Write order_quantity = "order" where the order\'s quantity stands on each of its rows, "sum" where each row has '
             'its own, "largest" or "last" where rows count up; or map yield_qty, the good pieces of each row.'),
            ("time_unit", "time_units", bool(self.time_units), 'Write time_units = { "H" = 60, "MIN" = 1 }.'),
            ("setup_time_unit", "time_units", bool(self.time_units), 'Write time_units = { "H" = 60, "MIN" = 1 }.'),
            ("qty_unit", "qty_units", bool(self.qty_units), 'Write qty_units = { "PCS" = 1, "BOX" = 10 }.'),
            ("record_kind", "kinds", bool(self.kinds), 'Write kinds = { setup = ["S"], run = ["P"] }.'),
        ):  # fmt: skip
            if column in self.columns and not said:
                raise KeyProblem(
                    f"results.{key}", None, f"{column} is mapped, but nothing says how it is meant", remedy
                )
        for key, value, column in (
            ("order_quantity", self.order_quantity, "order_no"), ("kinds", self.kinds, "record_kind"),
            ("time_units", self.time_units, "time_unit"), ("qty_units", self.qty_units, "qty_unit"),
        ):  # fmt: skip
            if value and column not in self.columns and f"setup_{column}" not in self.columns:
                raise KeyProblem(
                    f"results.{key}", value, f"needs {column}",
                    f"Map {column} in [results.columns], or remove the key.",
                )  # fmt: skip
        self._check_set_up()
        if "reverses" in self.columns and "confirmation_no" not in self.columns:
            raise KeyProblem(
                "results.columns.reverses", self.columns["reverses"].source,
                "refers to confirmation numbers, which are not mapped", "Map confirmation_no as well.",
            )  # fmt: skip
        if ("start_at" in self.columns) != ("end_at" in self.columns):
            raise KeyProblem(
                "results.columns", None, "start_at and end_at go together", "Map both, or neither."
            )
        words = [w.strip().upper() for kind in self.kinds.values() for w in kind]
        doubled = sorted({w for w in words if words.count(w) > 1})
        if doubled:
            raise KeyProblem("results.kinds", doubled, "a word has two meanings", "Name each word once.")
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise KeyProblem(
                "results.time_zone", self.time_zone, "no such time zone", 'Write it as "Europe/Berlin".'
            )
