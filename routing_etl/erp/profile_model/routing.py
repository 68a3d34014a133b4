"""How routing rows are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from routing_etl.erp.profile_model.section import Section

RunBasis = Literal[
    "base_qty", "piece", "per_10", "per_100", "per_1000", "per_10000", "order", "seconds_per_piece", "minutes_per_piece",
    "hours_per_piece", "minutes_per_10", "minutes_per_100", "minutes_per_1000", "hours_per_10", "hours_per_100", "hours_per_1000",
    "hours_per_10000", "minutes_per_order", "hours_per_order", "pieces_per_minute", "pieces_per_hour",
    "pieces_per_time_unit",
]  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """What a word of `RunBasis` means.

    Parameters
    ----------
    minutes : float or None
        Minutes of the time that it names; None: those of the row's unit.
    pieces : float or None
        Pieces that the time is for; None: `run_time_qty`.
    per : {"piece", "order", "rate"}
        A time for pieces, a time for the order whatever its size, or pieces in a time.
    """

    minutes: float | None = None
    pieces: float | None = 1.0
    per: Literal["piece", "order", "rate"] = "piece"


#: A unit of time for one piece, which a set-up or a queue cannot have.
PER_PIECE = re.compile(
    r"(/|per|pro)\s*(parts?|pcs?|pieces?|ea|each|units?|st|stk|stueck|stück)\.?\s*$", re.IGNORECASE
)


#: What the run time of a row is, by the word that a profile has for it.
RUN_BASES: dict[str, Rate] = {
    "base_qty": Rate(pieces=None),
    "piece": Rate(),
    "per_10": Rate(pieces=10.0),
    "per_100": Rate(pieces=100.0),
    "per_1000": Rate(pieces=1000.0),
    "per_10000": Rate(pieces=10_000.0),
    "order": Rate(per="order"),
    "seconds_per_piece": Rate(1 / 60),
    "minutes_per_piece": Rate(1.0),
    "hours_per_piece": Rate(60.0),
    "minutes_per_10": Rate(1.0, 10.0),
    "minutes_per_100": Rate(1.0, 100.0),
    "minutes_per_1000": Rate(1.0, 1000.0),
    "hours_per_10": Rate(60.0, 10.0),
    "hours_per_100": Rate(60.0, 100.0),
    "hours_per_1000": Rate(60.0, 1000.0),
    "hours_per_10000": Rate(60.0, 10_000.0),
    "minutes_per_order": Rate(1.0, per="order"),
    "hours_per_order": Rate(60.0, per="order"),
    "pieces_per_minute": Rate(1.0, per="rate"),
    "pieces_per_hour": Rate(60.0, per="rate"),
    "pieces_per_time_unit": Rate(per="rate"),
}


class Routing(Section):
    """How routing rows are read, and which routing of an item counts (docs/erp-contract.md 4.3 and 9).

    Parameters
    ----------
    run_basis : str
        What the run time says, where no row says it: a word of `RUN_BASES`. "base_qty": it is for `run_time_qty` pieces (1 when
        that is NULL or 0); "piece": for one piece.
    run_basis_words : dict of str to str
        Value of `run_basis` in a row, in any case, to a word of `RUN_BASES`.
    qty_units : dict of str to float
        Unit of `run_time_qty`, in any case, to pieces.
    efficiency_unit : {"percent", "fraction"}
        Whether full efficiency is 100 or 1.
    mfg_lt_unit : {"day", "hour", "minute"}
        Unit of `mfg_lt`.
    time_units : dict of str to float
        Unit of time, in any case, to minutes.
    blank_time_unit : float, optional
        Minutes of a blank unit; None: such times are NULL.
    inside_words : tuple of str
        Words for "in-house".
    outside_words : tuple of str
        Words for "outsourced".
    inside_default : {"in", "out"}
        What a blank or unknown word means; each case is counted.
    outsourced_rout_no : tuple of str
        Routing numbers that mean "outsourced" whatever the words say.
    yes_words : tuple of str
        Words for "yes" in flags.
    no_words : tuple of str
        Words for "no"; a word in neither list is counted, and means no.
    major_flag_source : str
        Column that marks the main routing, or "none".
    invalid_validity : tuple of str
        Values of `validity` that make a routing invalid.
    in_force : {"routing", "operation"}
        What `valid_from`, `valid_to` and `validity` are of. "routing": a routing is in force when all its rows are. "operation":
        operations begin and end one by one, and rows that are not in force are left out.
    outsourced_map : dict of str to str
        Outsourced job code to the job code that does the same work in house, exactly as the ERP writes them: proposals then have the
        second one. Empty: nothing is replaced.
    waiting_pool_words : tuple of str
        Words in a resource's code or name that mark a pool where work waits, which is no machine.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    zero_time_is_missing : bool
        Set-up and run times of 0 are not maintained.
    fill_job_cd_from_name : bool
        Take a missing job code from its name where the name goes with one code only.
    """

    run_basis: RunBasis = "base_qty"
    run_basis_words: dict[str, RunBasis] = Field(default_factory=dict)
    qty_units: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    efficiency_unit: Literal["percent", "fraction"] = "percent"
    mfg_lt_unit: Literal["day", "hour", "minute"] = "day"
    time_units: dict[str, float] = Field(default_factory=dict)
    blank_time_unit: float | None = 1.0
    inside_words: tuple[str, ...] = ()
    outside_words: tuple[str, ...] = ()
    inside_default: Literal["in", "out"] = "in"
    outsourced_rout_no: tuple[str, ...] = ()
    yes_words: tuple[str, ...] = ("Y", "YES", "J", "JA", "T", "TRUE", "X", "1")
    no_words: tuple[str, ...] = ("N", "NO", "NEIN", "F", "FALSE", "0")
    major_flag_source: str = "none"
    invalid_validity: tuple[str, ...] = ("N",)
    in_force: Literal["routing", "operation"] = "routing"
    outsourced_map: dict[str, str] = Field(default_factory=dict)
    waiting_pool_words: tuple[str, ...] = ()
    null_words: tuple[str, ...] = ()
    zero_time_is_missing: bool = True
    fill_job_cd_from_name: bool = True
