"""Codes that count as equal get one spelling in all frames (docs/decisions/0013-one-identity-for-a-code.md).

Two codes are equal when `frames.key_of` gives both the same key, or when the database that they are published in calls them
equal. The work is done on distinct values: their number hardly grows with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from routing_etl.erp.profile import Profile
from routing_etl.erp.text import Counter, TextRule, clean_text
from routing_etl.frames import CODE_SPELLINGS, key_of

#: Tells which codes a database calls equal. It takes the name of a code column and distinct codes, and returns a number
#: per code: equal codes have equal numbers. None: the database compares the codes of this column by their characters.
Equality = Callable[[str, pl.Series], pl.Series | None]

#: The codes of each raw frame that get one spelling. Item codes are not among them: their key joins the frames.
CODES: Mapping[str, tuple[str, ...]] = {
    "operations": ("rout_no", "job_cd", "res_cd", "bp_cd", "cur_cd", "tax_type"),
    "work_results": ("rout_no", "job_cd", "res_cd"),
    "purchase_orders": ("po_no",),
}
#: Columns of the machine master that name machines: codes of the column `res_cd` like those of the routings.
MACHINES = ("res_cd", "replaced_by", "alternate")
#: A spelling that was kept the last time counts for so many times its rows.
_STAYS = 2
#: What is known of the last time where there was none.
NOTHING_BEFORE = CODE_SPELLINGS.empty()
#: Rule under which values that got another spelling are counted.
RESPELLED = "respelled"


def by_characters(column: str, codes: pl.Series) -> pl.Series | None:
    """Compare codes by their characters: the `Equality` of a database without a collation of its own."""
    del column, codes
    return None


@dataclass(frozen=True)
class Spellings:
    """The spelling that is kept of each code.

    Parameters
    ----------
    changed : polars.DataFrame
        The spellings that are not kept (`frames.CODE_SPELLINGS`).
    outsourced : tuple of str
        The routing numbers, as they are kept, that the profile calls outsourced.
    """

    changed: pl.DataFrame = field(default_factory=CODE_SPELLINGS.empty)
    outsourced: tuple[str, ...] = ()

    def fold(self, values: pl.Series, counter: Counter) -> pl.Series:
        """Give every code of a column the spelling that is kept, and count the rows that change."""
        changed = self.changed.filter(pl.col("code_column") == values.name)
        if changed.is_empty():
            return values
        folded = values.replace(changed["spelling"], changed["kept"])
        counter.add(RESPELLED, values.name, folded.ne_missing(values).sum())
        return folded

    def machines(self, values: pl.Series) -> pl.Series:
        """Give a column of the machine master (`MACHINES`) the spellings that are kept of `res_cd`."""
        return self.fold(values.alias("res_cd"), Counter()).alias(values.name)


def survey(
    raw: Mapping[str, pl.LazyFrame],
    profile: Profile,
    equal: Equality,
    before: pl.DataFrame = NOTHING_BEFORE,
) -> Spellings:
    """Find the spelling to keep of every code in `CODES`, from the rows of all frames: see `one_spelling`.

    Parameters
    ----------
    raw : mapping of str to polars.LazyFrame
        The raw frames by name; `resources`, the machine master, where the profile names one.
    profile : Profile
        The source profile.
    equal : Equality
        Which codes the database calls equal.
    before : polars.DataFrame, optional
        The spellings that were not kept the last time (`frames.CODE_SPELLINGS`), with those that were.
    """
    counts: dict[str, list[pl.DataFrame]] = {}
    surveyed = {**CODES, "resources": MACHINES} if "resources" in raw else CODES
    for name, columns in surveyed.items():
        plans = [raw[name].group_by(pl.col(c).alias("raw")).agg(pl.len().alias("rows")) for c in columns]
        rule = TextRule(null_words=_null_words(name, profile))
        for column, found in zip(columns, pl.collect_all(plans, engine="streaming"), strict=True):
            clean = clean_text(found["raw"], rule, "spelling", Counter()).values
            code = "res_cd" if column in MACHINES else column
            counts.setdefault(code, []).append(pl.DataFrame([clean, found["rows"]]).drop_nulls())
    grouped = {c: one_spelling(c, pl.concat(found), equal, before) for c, found in counts.items()}
    changed = [frame.filter(pl.col("spelling") != pl.col("kept")) for frame in grouped.values()]
    outsourced = _named(grouped["rout_no"], profile.routing.outsourced_rout_no)
    return Spellings(CODE_SPELLINGS.conform(pl.concat(changed)), outsourced)


def _null_words(frame: str, profile: Profile) -> tuple[str, ...]:
    if frame == "operations":
        return profile.routing.null_words
    if frame == "work_results" and profile.results is not None:
        return profile.results.null_words
    return ()


def _named(routings: pl.DataFrame, words: Iterable[str]) -> tuple[str, ...]:
    """The kept routing numbers that equal one of the words."""
    wanted = pl.Series(list(words), dtype=pl.String).to_frame("w").select(key_of(pl.col("w"))).to_series()
    hit = routings.filter(key_of(pl.col("spelling")).is_in(wanted.implode()))
    return tuple(hit["kept"].unique().sort())


def one_spelling(
    column: str, counts: pl.DataFrame, equal: Equality, before: pl.DataFrame = NOTHING_BEFORE
) -> pl.DataFrame:
    """Find the spelling to keep of each code of one column.

    The spelling that most rows have is kept; of two with as many rows, the one that sorts first by its characters. One that
    was kept the last time stays until another has more than twice its rows: a model knows a code in the spelling that it was
    learned with, and two spellings about as frequent would change places from night to night.

    Parameters
    ----------
    column : str
        Name of the code column.
    counts : polars.DataFrame
        `spelling` and `rows`; a spelling may occur more than once.
    equal : Equality
        Which codes the database calls equal.
    before : polars.DataFrame, optional
        The spellings that were not kept the last time, with those that were.

    Returns
    -------
    polars.DataFrame
        `code_column`, `spelling`, `rows`, `kept` and `kept_rows`, one row a spelling, sorted.
    """
    distinct = counts.group_by("spelling").agg(pl.col("rows").sum().cast(pl.Int64)).sort("spelling")
    distinct = distinct.with_columns(same_codes(column, distinct["spelling"], equal))
    kept = before.filter(pl.col("code_column") == column)["kept"].unique()
    weight = pl.col("rows") * pl.when(pl.col("spelling").is_in(kept.implode())).then(_STAYS).otherwise(1)
    order = distinct.with_columns(
        weight.alias("weight"), pl.col("spelling").is_in(kept.implode()).alias("was")
    )
    order = order.sort("group", "weight", "was", "spelling", descending=[False, True, True, False])
    order = order.drop("weight", "was")
    first = (
        order.group_by("group", maintain_order=True).first().rename({"spelling": "kept", "rows": "kept_rows"})
    )
    joined = distinct.join(first, on="group", how="left", maintain_order="left")
    return joined.select(pl.lit(column).alias("code_column"), "spelling", "rows", "kept", "kept_rows")


def same_codes(column: str, codes: pl.Series, equal: Equality) -> pl.Series:
    """Number the codes so that equal ones have the same number, in a series `group`.

    Equal are codes with one key and codes that the database calls equal, and what follows from both: where A equals B by
    key and B equals C by the database, all three are one.

    Parameters
    ----------
    column : str
        Name of the code column.
    codes : polars.Series
        Distinct codes.
    equal : Equality
        Which codes the database calls equal.
    """
    frame = codes.alias("code").to_frame().with_columns(key_of(pl.col("code")).alias("key"))
    frame = frame.with_columns(pl.col("key").rank("dense").cast(pl.Int64).alias("group"))
    found = equal(column, codes)
    if found is None:
        return frame["group"]
    frame = frame.with_columns(found.cast(pl.Int64).alias("theirs"))
    before = -1
    while (groups := frame["group"].n_unique()) != before:
        before = groups
        frame = frame.with_columns(pl.col("group").min().over("theirs"))
        frame = frame.with_columns(pl.col("group").min().over("key"))
    return frame["group"]


@dataclass(frozen=True)
class ItemKeys:
    """The key of an item code, and the codes of the master's rows that were rejected for another item with their key.

    Parameters
    ----------
    merged : polars.DataFrame
        `key` and `kept_key`, for keys that the database calls equal to another one. Seldom has it any rows.
    refused : polars.Series
        Codes, without trailing blanks, of items that were rejected because another item has their key and the database
        calls the two codes different. Rows of other frames with exactly such a code belong to the rejected item.
    """

    merged: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"key": pl.String(), "kept_key": pl.String()})
    )
    refused: pl.Series = field(default_factory=lambda: pl.Series("refused", [], dtype=pl.String))

    def of(self, codes: pl.Series) -> pl.Series:
        """Compute the keys of raw codes, once per distinct code, in a series `item_key`."""
        distinct = codes.alias("code").unique().to_frame().with_columns(self.key(pl.col("code")).alias("key"))
        if (distinct["code"] == distinct["key"]).fill_null(True).all():
            return codes.alias("item_key")
        joined = codes.alias("code").to_frame().join(distinct, on="code", how="left", maintain_order="left")
        return joined["key"].alias("item_key")

    def key(self, code: pl.Expr) -> pl.Expr:
        """The key of a raw code."""
        key = key_of(code)
        return key if self.merged.is_empty() else key.replace(self.merged["key"], self.merged["kept_key"])

    def belongs_to_refused(self) -> pl.Expr:
        """Whether a raw `item_cd` is exactly the code of an item that was rejected for another one."""
        if self.refused.is_empty():
            return pl.lit(False)
        return pl.col("item_cd").str.strip_chars_end().is_in(self.refused.implode())


def item_keys(raw: Mapping[str, pl.LazyFrame], equal: Equality) -> ItemKeys:
    """Find the item keys that the database calls equal, over all frames.

    The key that is kept is one of an item in the master, where there is any.

    Parameters
    ----------
    raw : mapping of str to polars.LazyFrame
        The raw frames by name.
    equal : Equality
        Which codes the database calls equal.
    """
    if equal("item_cd", pl.Series("code", [], dtype=pl.String)) is None:
        return ItemKeys()
    plans = [frame.select(pl.col("item_cd").unique()) for frame in raw.values()]
    found = zip(raw, pl.collect_all(plans, engine="streaming"), strict=True)
    codes = pl.concat(
        [f.select(pl.col("item_cd"), pl.lit(name != "items").alias("other")) for name, f in found]
    )
    codes = codes.drop_nulls().group_by("item_cd").agg(pl.col("other").min()).sort("item_cd")
    codes = codes.with_columns(
        same_codes("item_cd", codes["item_cd"], equal), key_of(pl.col("item_cd")).alias("key")
    )
    keys = codes.group_by("group", "key").agg(pl.col("other").min()).sort("group", "other", "key")
    kept = keys.with_columns(pl.col("key").first().over("group").alias("kept_key"))
    return ItemKeys(kept.filter(pl.col("key") != pl.col("kept_key")).select("key", "kept_key"))
