"""The machine master: which machines are out of use, what took their place, and what can stand in (the profile's `[resources]`).

A machine that is out of use must be proposed to nobody, so it leaves the canonical frames before anything learns from them:
its routing rows name the machine that replaced it, else a further machine of the operation, or none. Work results made on it
stay, without a machine (`machine_gone`): their times are true of the work, and not of another machine.

Machines of one group, and those that the master names as alternates, stand in for each other: they join the further machines of
an operation (`further_res`), behind those that its routing names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from routing_etl.erp.clean_codes import MACHINES, Spellings
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile_model import ResourceSource
from routing_etl.erp.text import Counter, TextRule, clean_text
from routing_etl.frames import WORK_CENTRE_GROUPS, key_of

#: Rules under which rows are counted: machine out of use, replaced by another, by a further one of its operation, not in the
#: master.
INACTIVE, REPLACED, STOOD_IN, UNKNOWN = (
    "inactive_resource", "replaced_resource", "stood_in_resource", "unknown_resource",
)  # fmt: skip
#: Longest chain of replacements that is followed.
_CHAIN = 10
#: Largest group whose machines stand in for each other; a larger one is a department or a plant.
LARGEST_GROUP = 50
_TEXTS = ("res_cd", "res_nm", "active", "replaced_by", "res_group", "alternate")


def _no_master() -> pl.DataFrame:
    text = dict.fromkeys(
        ("_key", "successor", "successor_nm", "code", "name", "alternates", "stand_ins"), pl.String()
    )
    return pl.DataFrame(schema={**text, "usable": pl.Boolean()})


@dataclass(frozen=True)
class WorkCentres:
    """The machines of the master.

    Parameters
    ----------
    master : polars.DataFrame
        A row per machine: `_key`, `code`, `name`, `usable`; code and name of the usable machine that took its place
        (`successor`, `successor_nm`); and the usable machines that can stand in for it, one a line: those that it names
        (`alternates`), and with those of its group (`stand_ins`).
    warnings : tuple of str
        Sentences about what people should look at.
    known : bool
        Whether the profile names a master.
    groups : polars.DataFrame
        WORK_CENTRE_GROUPS frame.
    """

    master: pl.DataFrame = field(default_factory=_no_master)
    warnings: tuple[str, ...] = ()
    known: bool = False
    groups: pl.DataFrame = field(default_factory=WORK_CENTRE_GROUPS.empty)

    def out_of_operations(self, operations: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        """Give routing rows of machines out of use another machine, or none, and all rows their further machines; count them.

        Parameters
        ----------
        operations : polars.DataFrame
            OPERATIONS frame.
        counter : Counter
            Takes the counts, by rule.
        """
        if not self.known or operations.is_empty():
            return operations
        frame = self._looked_up(operations, counter)
        beside = self._machines(frame, "further_res", "alternates").str.split("\n").list.first()
        frame = frame.with_columns(beside.alias("_beside"))
        moved = pl.col("_out") & pl.col("successor").is_not_null()
        stood_in = pl.col("_out") & ~moved & pl.col("_beside").is_not_null()
        counter.add_words(REPLACED, "res_cd", frame.filter(moved)["res_cd"])
        counter.add_words(STOOD_IN, "res_cd", frame.filter(stood_in)["res_cd"])
        counter.add_words(INACTIVE, "res_cd", frame.filter(pl.col("_out") & ~moved & ~stood_in)["res_cd"])
        names = self.master.select(pl.col("code").alias("_beside"), pl.col("name").alias("_beside_nm"))
        frame = frame.join(names, on="_beside", how="left", maintain_order="left")
        frame = frame.with_columns(
            pl.when("_out").then("res_cd").alias("res_was"),
            pl.when(moved).then("successor").when("_out").then("_beside").otherwise("res_cd").alias("res_cd"),
            pl.when(moved).then("successor_nm").when("_out").then("_beside_nm").otherwise("res_nm").alias("res_nm"),
        )  # fmt: skip
        frame = frame.with_columns(self._machines(frame, "further_res", "stand_ins").alias("further_res"))
        return frame.select(operations.columns)

    def _machines(self, frame: pl.DataFrame, *columns: str) -> pl.Series:
        """The usable machines named in the columns, one a line, by today's codes and without the row's own; NULL: none."""
        keys = ["res_cd", *columns]
        lines = frame.select(keys).unique()
        lines = lines.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in columns))
        if lines.is_empty():
            return pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        together = pl.concat_str(columns, separator="\n", ignore_nulls=True)
        lines = lines.with_columns(together.str.split("\n").alias("_code")).explode("_code")
        lines = lines.with_columns(key_of(pl.col("_code")).alias("_key"))
        known = self.master.select("_key", "usable", "successor")
        lines = lines.join(known, on="_key", how="left", maintain_order="left")
        todays = pl.when(pl.col("usable").fill_null(True)).then("_code").otherwise("successor")
        lines = lines.with_columns(todays.alias("_code")).filter(
            pl.col("_code").is_not_null() & pl.col("_code").ne_missing(pl.col("res_cd"))
        )
        joined = lines.group_by(keys, maintain_order=True).agg(
            pl.col("_code").unique(maintain_order=True).str.join("\n")
        )
        found = frame.select(keys).join(joined, on=keys, how="left", nulls_equal=True, maintain_order="left")
        return found["_code"]

    def out_of_results(self, results: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        """Take the machine from work results that were made on one out of use, and mark them; count them and the unknown."""
        if not self.known or results.is_empty():
            return results
        frame = self._looked_up(results, counter)
        counter.add_words(INACTIVE, "res_cd", frame.filter("_out")["res_cd"])
        frame = frame.with_columns(
            pl.when(~pl.col("_out")).then(pl.col("res_cd")).alias("res_cd"),
            pl.when("_out").then(True).alias("machine_gone"),
        )
        return frame.select(results.columns)

    def _looked_up(self, frame: pl.DataFrame, counter: Counter) -> pl.DataFrame:
        frame = frame.with_columns(key_of(pl.col("res_cd")).alias("_key"))
        frame = frame.join(self.master, on="_key", how="left", maintain_order="left")
        unknown = pl.col("res_cd").is_not_null() & pl.col("usable").is_null()
        counter.add_words(UNKNOWN, "res_cd", frame.filter(unknown)["res_cd"])
        return frame.with_columns((~pl.col("usable")).fill_null(False).alias("_out"))


def work_centres(
    raw: pl.DataFrame, section: ResourceSource, spellings: Spellings, as_of: date
) -> WorkCentres:
    """Read the machine master.

    A machine is out of use when each of its rows says so: by a word of `inactive_words`, or by validity dates that do not
    hold `as_of`.

    Parameters
    ----------
    raw : polars.DataFrame
        The raw frame `resources`.
    section : ResourceSource
        The profile's words.
    spellings : Spellings
        The spelling that is kept of each machine, which the routings have too.
    as_of : datetime.date
        Day on which validity is asked.
    """
    counter = Counter()
    texts = {n: clean_text(raw[n], TextRule(), n, counter).values for n in _TEXTS}
    texts |= {n: spellings.machines(texts[n]) for n in MACHINES}
    texts["res_group"] = texts["res_group"].to_frame().select(key_of(pl.col("res_group"))).to_series()
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
    stand_ins, large = _stand_ins(frame, master)
    if large:
        warnings.append(
            f"resources: the group {large[0]!r} has more than {LARGEST_GROUP} machines"
            + (f", and so have {len(large) - 1} others" if len(large) > 1 else "")
            + "; it is taken for a department, and its machines do not stand in for each other: map another column as res_group."
        )
    found = _with_successors(master).join(stand_ins, on="_key", how="left", maintain_order="left")
    codes = master.select("_key", pl.col("res_cd").alias("code"), pl.col("res_nm").alias("name"))
    master = found.join(codes, on="_key", how="left", maintain_order="left")
    return WorkCentres(master, tuple(warnings), known=True, groups=_groups(frame, codes))


def _groups(frame: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """The group of each machine that has one and no other."""
    named = frame.drop_nulls("res_group").group_by("_key", maintain_order=True)
    one = named.agg(pl.col("res_group").first(), n=pl.col("res_group").n_unique()).filter(pl.col("n") == 1)
    found = one.join(codes, on="_key", maintain_order="left").select(
        pl.col("code").alias("res_cd"), "res_group"
    )
    return WORK_CENTRE_GROUPS.conform(found.drop_nulls())


def _stand_ins(frame: pl.DataFrame, master: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Per `_key` the usable machines that can stand in, alternates first; and the groups that are too large to mean that."""
    usable = master.filter("usable").select(pl.col("_key").alias("_other"), pl.col("res_cd").alias("_code"))
    alternates = frame.drop_nulls("alternate").select(
        "_key", key_of(pl.col("alternate")).alias("_other"), pl.lit(0).alias("_place")
    )
    groups = frame.drop_nulls("res_group").select("_key", "res_group").unique(maintain_order=True)
    sizes = groups.group_by("res_group", maintain_order=True).len()
    large = sizes.filter(pl.col("len") > LARGEST_GROUP)["res_group"].sort().to_list()
    groups = groups.filter(~pl.col("res_group").is_in(large))
    members = groups.rename({"_key": "_other"}).sort("_other")
    grouped = groups.join(members, on="res_group", maintain_order="left_right").select(
        "_key", "_other", pl.lit(1).alias("_place")
    )
    pairs = pl.concat([alternates, grouped]).filter(pl.col("_key") != pl.col("_other"))
    pairs = pairs.join(usable, on="_other", maintain_order="left").sort("_key", "_place", maintain_order=True)
    named = pl.col("_code").filter(pl.col("_place") == 0).unique(maintain_order=True)
    joined = pairs.group_by("_key", maintain_order=True).agg(
        pl.when(named.len() > 0).then(named.str.join("\n")).alias("alternates"),
        pl.col("_code").unique(maintain_order=True).str.join("\n").alias("stand_ins"),
    )
    return joined, large


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
