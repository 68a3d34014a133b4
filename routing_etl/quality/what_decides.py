"""Which items lack what decides about their routing: by what the champion learned, among items of the same kind.

What an attribute is worth is known of the whole plant. A diameter decides about seals and is empty for every plate, so what an item
lacks is judged beside the items of its kind (its family): an attribute belongs to a kind if most of its items have it, and decides
within the kind if they differ in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from routing_etl.frames import AttributeSpec

__all__ = ["lacking", "worth_of"]

#: Share of what decides within its kind that an item must lack to be told.
LACKING = 0.1
#: Share of a kind's items that have an attribute which belongs to it: an empty number is a gap, an empty word may mean "none".
_NUMBER, _WORD = 0.5, 0.9
#: Fewest items of a kind; those of smaller kinds are judged by what nearly all items of the plant have.
_LEAST = 20
#: Attributes that an example names.
_NAMED = 5


def worth_of(
    items: pl.LazyFrame, attributes: tuple[AttributeSpec, ...], importance: Mapping[str, float]
) -> dict[AttributeSpec, float]:
    """The attributes that decide and can be filled in, the most important first; a text can always say more.

    Parameters
    ----------
    items : polars.LazyFrame
        ITEMS frame with its attributes.
    attributes : tuple of AttributeSpec
        The attributes.
    importance : mapping of str to float
        Attribute to its share of what was learned.
    """
    known = items.collect_schema()
    found = {
        a: importance[a.name]
        for a in attributes
        if a.name in known and a.kind != "text" and importance.get(a.name, 0.0) > 0
    }
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0].name)))


def lacking(items: pl.LazyFrame, worth: Mapping[AttributeSpec, float], kind: str | None) -> pl.DataFrame:
    """Per item whether it lacks what decides.

    Parameters
    ----------
    items : polars.LazyFrame
        ITEMS frame with its attributes.
    worth : mapping of AttributeSpec to float
        As `worth_of` returns it; at least one.
    kind : str, optional
        Attribute that says what kind an item is of. None: all are of one.

    Returns
    -------
    polars.DataFrame
        `item_key`, `touched`, and `gaps`: the attributes that it lacks, the most important first.
    """
    names = [a.name for a in worth]
    own = pl.col(kind).cast(pl.String) if kind is not None else pl.lit(None, pl.String)
    rows = items.select("item_key", *names, own.alias("_kind"))
    of_kind = _shares(rows.filter(pl.col("_kind").is_not_null()), worth).filter(pl.col("_n") >= _LEAST)
    of_all = _shares(rows.with_columns(pl.lit(None, pl.String).alias("_kind")), worth)
    large = pl.col("_kind").is_in(of_kind["_kind"].implode())
    judged = rows.with_columns(pl.when(large).then("_kind").alias("_kind")).join(
        pl.concat([of_kind, of_all]).lazy(), on="_kind", how="left", nulls_equal=True
    )
    gaps = [pl.when(pl.col(n).is_null() & (pl.col(_weight(n)) > 0)).then(pl.lit(n)) for n in names]
    lacks = pl.sum_horizontal(pl.when(pl.col(n).is_null()).then(_weight(n)) for n in names)
    return judged.select(
        "item_key",
        touched=lacks >= LACKING,
        gaps=pl.concat_list(gaps).list.drop_nulls().list.head(_NAMED).list.join(", "),
    ).collect()


def _weight(name: str) -> str:
    return f"_worth of {name}"


def _shares(rows: pl.LazyFrame, worth: Mapping[AttributeSpec, float]) -> pl.DataFrame:
    """Per kind the share of what decides of each attribute that belongs to it, 0 for the others; `_n`, its items."""
    deciding = {
        a: pl.col(a.name).is_not_null().mean().ge(_NUMBER if a.kind == "number" else _WORD)
        & (pl.col(a.name).min() != pl.col(a.name).max())
        for a in worth
    }
    weights = {
        _weight(a.name): pl.when(decides).then(worth[a]).otherwise(0.0) for a, decides in deciding.items()
    }
    found = rows.group_by("_kind").agg(pl.len().alias("_n"), **weights).collect()
    whole = pl.sum_horizontal(*weights)
    return found.with_columns(
        pl.when(whole > 0).then(pl.col(w) / whole).otherwise(0.0).alias(w) for w in weights
    )
