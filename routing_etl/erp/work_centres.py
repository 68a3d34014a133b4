"""The machine master: which machines are out of use, and what took their place (the profile's `[resources]`).

A machine that is out of use must be proposed to nobody, so it leaves the canonical frames before anything learns from them:
its routing rows name the machine that replaced it, or none. Work results made on it stay, without a machine: their times are
true of the work, and not of another machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile_model import ResourceSource
from routing_etl.erp.text import Counter, TextRule, clean_text
from routing_etl.frames import key_of

#: Rules under which rows are counted: machine out of use, replaced by another, not in the master.
INACTIVE, REPLACED, UNKNOWN = "inactive_resource", "replaced_resource", "unknown_resource"
#: Value of `active` that is neither among the active nor the inactive words.
UNKNOWN_WORD = "active_unknown_word"
#: Longest chain of replacements that is followed.
_CHAIN = 10


def _no_master() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "_key": pl.String(),
            "usable": pl.Boolean(),
            "successor": pl.String(),
            "successor_nm": pl.String(),
        }
    )


@dataclass(frozen=True)
class WorkCentres:
    """The machines of the master.

    Parameters
    ----------
    master : polars.DataFrame
        A row per machine: `_key`, `usable`, and code and name of the usable machine that took its place.
    warnings : tuple of str
        Sentences about what people should look at.
    known : bool
        Whether the profile names a master.
    """

    master: pl.DataFrame = field(default_factory=_no_master)
    warnings: tuple[str, ...] = ()
    known: bool = False

    def out_of_operations(self, operations: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        """Give routing rows of machines out of use the machine that replaced it, or none; count them and the unknown."""
        if not self.known or operations.is_empty():
            return operations
        frame = self._looked_up(operations, counter)
        moved = pl.col("_out") & pl.col("successor").is_not_null()
        counter.add(REPLACED, "res_cd", frame.select(moved.sum()).item())
        counter.add(INACTIVE, "res_cd", frame.select((pl.col("_out") & ~moved).sum()).item())
        frame = frame.with_columns(
            pl.when("_out").then("successor").otherwise("res_cd").alias("res_cd"),
            pl.when("_out").then("successor_nm").otherwise("res_nm").alias("res_nm"),
        )
        return frame.select(operations.columns)

    def out_of_results(self, results: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        """Take the machine from work results that were made on one out of use; count them and the unknown."""
        if not self.known or results.is_empty():
            return results
        frame = self._looked_up(results, counter)
        counter.add(INACTIVE, "res_cd", frame["_out"].sum())
        frame = frame.with_columns(pl.when(~pl.col("_out")).then(pl.col("res_cd")).alias("res_cd"))
        return frame.select(results.columns)

    def _looked_up(self, frame: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        frame = frame.with_columns(key_of(pl.col("res_cd")).alias("_key"))
        frame = frame.join(self.master, on="_key", how="left", maintain_order="left")
        unknown = pl.col("res_cd").is_not_null() & pl.col("usable").is_null()
        counter.add(UNKNOWN, "res_cd", frame.select(unknown.sum()).item())
        return frame.with_columns((~pl.col("usable")).fill_null(False).alias("_out"))


def work_centres(raw: pl.DataFrame, section: ResourceSource, as_of: date) -> WorkCentres:
    """Read the machine master.

    A machine is out of use when each of its rows says so: by a word of `inactive_words`, or by validity dates that do not
    hold `as_of`.

    Parameters
    ----------
    raw : polars.DataFrame
        The raw frame `resources`.
    section : ResourceSource
        The profile's words.
    as_of : datetime.date
        Day on which validity is asked.
    """
    counter = Counter()
    texts = {
        n: clean_text(raw[n], TextRule(), n, counter).values
        for n in ("res_cd", "res_nm", "active", "replaced_by")
    }
    days = {n: parse_dates(raw[n])[0].cast(pl.Date) for n in ("valid_from", "valid_to")}
    frame = pl.DataFrame([*texts.values(), *(v.alias(n) for n, v in days.items())]).drop_nulls("res_cd")
    word = pl.col("active").str.to_uppercase()
    inactive = word.is_in([w.upper() for w in section.inactive_words]).fill_null(False)
    active = word.is_in([w.upper() for w in section.active_words]).fill_null(False)
    strange = frame.filter(pl.col("active").is_not_null() & ~inactive & ~active)
    ended = (pl.col("valid_to") < as_of) | (pl.col("valid_from") > as_of)
    frame = frame.with_columns(
        key_of(pl.col("res_cd")).alias("_key"),
        key_of(pl.col("replaced_by")).alias("_next"),
        (~inactive & ~ended.fill_null(False)).alias("usable"),
    )
    master = frame.group_by("_key", maintain_order=True).agg(
        pl.col("usable").any(), pl.col("_next").drop_nulls().first(), pl.col("res_cd", "res_nm").first()
    )
    warnings = []
    if strange.height:
        words = ", ".join(map(repr, strange["active"].unique().sort().head(5)))
        warnings.append(
            f"resources: {strange.height} machine(s) have a word in active that the profile does not know ({words}); they are "
            "taken as in use: add the words to resources.active_words or inactive_words."
        )
    return WorkCentres(_with_successors(master), tuple(warnings), known=True)


def _with_successors(master: pl.DataFrame) -> pl.DataFrame:
    """For each machine out of use the first usable one in its chain of replacements."""
    look = master.select(
        pl.col("_key").alias("_next"), pl.col("usable").alias("_usable"), pl.col("_next").alias("_after"),
        pl.col("res_cd").alias("_code"), pl.col("res_nm").alias("_name"),
    )  # fmt: skip
    none = pl.lit(None, dtype=pl.String)
    chain = master.select("_key", "usable", "_next", none.alias("successor"), none.alias("successor_nm"))
    for _ in range(_CHAIN):
        chain = chain.join(look, on="_next", how="left", maintain_order="left")
        found = pl.col("successor").is_null() & pl.col("_usable").fill_null(False) & ~pl.col("usable")
        chain = chain.select(
            "_key",
            "usable",
            pl.when(~found).then(pl.col("_after")).alias("_next"),
            pl.when(found).then("_code").otherwise("successor").alias("successor"),
            pl.when(found).then("_name").otherwise("successor_nm").alias("successor_nm"),
        )
    return chain.drop("_next")
