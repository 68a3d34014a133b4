"""What a model answers, in the spelling that the ERP has today.

A model knows jobs, machines, subcontractors and items in the spelling that it was learned with. When the ERP spells them in another way
since, they are the same (docs/decisions/0013-one-identity-for-a-code.md), and what is shown must be found in the ERP's own tables, which may tell
cases apart. Nothing of an answer hangs on a spelling.

What belongs here: which columns of an answer hold which codes. What does not: the comparison (`warehouse/todays_codes.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.frames import Frame, Predictions
from routing_etl.pipeline.lookups import distinct_codes
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder
from routing_etl.warehouse.todays_codes import Equality, respelled, todays

if TYPE_CHECKING:
    from routing_etl.model.predictor import RoutingPredictor

#: Columns of codes by predicted frame, each with the code that it holds.
CODES: Mapping[str, Mapping[str, str]] = {
    frames.CANDIDATES.name: {"reference_item_cd": "item_cd", "rout_no": "rout_no"},
    frames.CANDIDATE_OPERATIONS.name: {
        "job_cd": "job_cd",
        "res_cd": "res_cd",
        "bp_cd": "bp_cd",
        "cur_cd": "cur_cd",
        "tax_type": "tax_type",
        "source_rout_no": "rout_no",
        "replaced_job": "job_cd",
    },
    frames.CANDIDATE_EVIDENCE.name: {"neighbour_item_cd": "item_cd", "neighbour_rout_no": "rout_no"},
    frames.RESOURCE_ALTERNATIVES.name: {"job_cd": "job_cd", "res_cd": "res_cd"},
}
#: Columns of joined codes: the code, and what joins it.
JOINED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    frames.CANDIDATES.name: {"routing_code": ("job_cd", ">")},
    frames.CANDIDATE_OPERATIONS.name: {"source_items": ("item_cd", ",")},
}


@dataclass(frozen=True)
class TodaysCodes:
    """The codes of a run's cleaned frames.

    Attributes
    ----------
    known : dict of str to polars.Series
        Distinct codes by code column.
    equal : callable, optional
        What the database says of codes that differ by our own rule (`of_model`). None: our rule alone counts.
    """

    known: Mapping[str, pl.Series]
    equal: Equality | None = None

    def of(self, rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
        """Rows of a predicted frame in today's spelling.

        Parameters
        ----------
        rows : polars.DataFrame
            The rows.
        frame : Frame
            A predicted frame. One without codes comes back as it is.
        """
        if rows.is_empty():
            return rows
        rows = todays(
            rows, {c: self.known[code] for c, code in CODES.get(frame.name, {}).items()}, equal=self.equal
        )
        for column, (code, between) in JOINED.get(frame.name, {}).items():
            rows = todays(rows, {}, {column: self.known[code]}, between=between, equal=self.equal)
        return rows

    def later(self, rows: pl.LazyFrame, frame: Frame) -> pl.LazyFrame:
        """The same of rows that are not read yet: only their distinct codes are.

        Parameters
        ----------
        rows : polars.LazyFrame
            The rows.
        frame : Frame
            A predicted frame.
        """
        plain, joined = CODES.get(frame.name, {}), JOINED.get(frame.name, {})
        asked = [
            *((column, code, None) for column, code in plain.items()),
            *((column, code, between) for column, (code, between) in joined.items()),
        ]
        distinct = pl.collect_all(
            [rows.select(pl.col(column).unique()) for column, _, _ in asked], engine="streaming"
        )
        changed = []
        for (column, code, between), found in zip(asked, distinct, strict=True):
            values = found.to_series()
            if between is None:
                old, new = respelled(values, self.known[code], self.equal)
            else:
                now = todays(found, {}, {column: self.known[code]}, between=between, equal=self.equal)[column]
                differs = values.ne_missing(now)
                old, new = values.filter(differs), now.filter(differs)
            if old.len():
                changed.append(pl.col(column).replace(old, new))
        return rows.with_columns(changed) if changed else rows

    def predictions(self, found: Predictions) -> Predictions:
        """An answer in today's spelling."""
        return replace(
            found,
            candidates=self.of(found.candidates, frames.CANDIDATES),
            operations=self.of(found.operations, frames.CANDIDATE_OPERATIONS),
            resources=self.of(found.resources, frames.RESOURCE_ALTERNATIVES),
            evidence=self.of(found.evidence, frames.CANDIDATE_EVIDENCE),
        )


def codes_of_today(run: RunFolder) -> TodaysCodes:
    """The codes of a run's cleaned frames, in the spelling that its step `clean` has kept.

    Parameters
    ----------
    run : RunFolder
        A run with cleaned frames.
    """
    return TodaysCodes(distinct_codes(run))


def of_model(codes: TodaysCodes, resources: pl.DataFrame, equal: Equality) -> TodaysCodes:
    """Today's codes, with what the database says of a model's jobs and machines that are unknown today by our own rule.

    It is asked once, and not at all where there are none. Item codes and routing numbers go by the rule alone.

    Parameters
    ----------
    codes : TodaysCodes
        Of the run.
    resources : polars.DataFrame
        RESOURCE_ALTERNATIVES frame of the model.
    equal : callable
        Asks the database which codes of a column it calls equal.
    """
    said: dict[str, tuple[pl.Series, pl.Series]] = {}
    for column in ("job_cd", "res_cd"):
        known, mine = codes.known[column], resources[column].unique()
        by_rule, _ = respelled(mine, known)
        unknown = mine.filter(~mine.is_in(pl.concat([known, by_rule]).implode()))
        every = pl.concat([unknown, known])
        numbers = equal(column, every) if unknown.len() and known.len() else None
        if numbers is not None:
            said[column] = every, numbers

    def answered(column: str, asked: pl.Series) -> pl.Series | None:
        if column not in said:
            return None
        every, numbers = said[column]
        return asked.replace_strict(every, numbers, default=None, return_dtype=pl.Int64)

    return replace(codes, equal=answered)


@dataclass(frozen=True)
class Spelled:
    """A predictor whose answers are in today's spelling.

    Attributes
    ----------
    predictor : RoutingPredictor
        As it was trained.
    codes : TodaysCodes
        Today's codes.
    """

    predictor: RoutingPredictor
    codes: TodaysCodes

    @property
    def importance_(self) -> Mapping[str, float]:
        """Share of every attribute in what the model decides by."""
        return self.predictor.importance_

    @property
    def resource_alternatives_(self) -> pl.DataFrame:
        """The resources of each job."""
        return self.codes.of(self.predictor.resource_alternatives_, frames.RESOURCE_ALTERNATIVES)

    @property
    def learned_items(self) -> pl.Series:
        """Keys of the items that it learned from."""
        return self.predictor.learned_items

    @property
    def sizes_in_texts(self) -> tuple[str, ...]:
        """The sizes that a text can tell."""
        return self.predictor.sizes_in_texts

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        """
        return self.codes.predictions(self.predictor.predict(items))

    def iter_predict(
        self, items: pl.DataFrame, batch_size: int = 8192, progress: Progress = SILENT
    ) -> Iterator[Predictions]:
        """`predict` in batches.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        batch_size : int, optional
            Items per batch.
        progress : Progress, optional
            Told of every batch.

        Yields
        ------
        Predictions
            Of one batch.
        """
        for found in self.predictor.iter_predict(items, batch_size, progress=progress):
            yield self.codes.predictions(found)

    def sizes_from_texts(self, items: pl.DataFrame) -> pl.DataFrame:
        """The sizes that the items' texts tell.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame.
        """
        return self.predictor.sizes_from_texts(items)
