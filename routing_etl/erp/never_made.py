"""Items that by a word of theirs nobody makes: hardly one has a routing, where the others mostly do.

Bought parts and raw material stand in the same item master as what is made. A profile without a filter on them has routings predicted
for screws and sheets, and nothing in the rows shows it: an item without a routing looks like one that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from routing_etl.erp.profile import Profile

#: Fewest items of a word, the most of them that have a routing, and the least share of the others that have one.
_ITEMS, _MOST, _OTHERS = 50, 0.1, 0.4
#: Least share of all items that such words have together: a new line of products, which waits for its first routings, has fewer.
_SHARE = 0.02
#: Words that are named.
_SHOWN = 4


def never_made(operations: pl.LazyFrame, profile: Profile, items: pl.DataFrame) -> Iterator[str]:
    """Say of which items hardly one has a routing, by the attribute by which most of them are.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile; an attribute whose column is in `items.ignore` is not looked at.
    items : polars.DataFrame
        `item_key` and the items' attributes of few words.
    """
    routed = operations.select("item_key").unique().with_columns(routed=True).collect(engine="streaming")
    known = items.join(routed, on="item_key", how="left").with_columns(pl.col("routed").fill_null(False))
    ignored = {n.lower() for n in profile.items.ignore}
    found: list[tuple[int, str, pl.DataFrame]] = []
    for name in (c for c in items.columns if c != "item_key"):
        if _column(name, profile).rpartition(".")[2].lower() in ignored:
            continue
        words = known.drop_nulls(name).group_by(word=name).agg(n=pl.len(), made=pl.col("routed").sum())
        bare = words.filter(pl.col("n") >= _ITEMS, pl.col("made") <= _MOST * pl.col("n"))
        bought = int(bare["n"].sum())
        others, made = known.height - bought, int(known["routed"].sum()) - int(bare["made"].sum())
        if bought >= max(_SHARE * known.height, 1) and made >= _OTHERS * others > 0:
            found.append((bought, name, bare.sort("n", "word", descending=[True, False])))
    if not found:
        return
    count, name, bare = max(found, key=lambda f: f[0])
    column = _column(name, profile)
    shown = ", ".join(
        f"{row['word']} ({row['n']:,} items, {row['made']:,} with a routing)"
        for row in bare.head(_SHOWN).iter_rows(named=True)
    )
    more = f" and {bare.height - _SHOWN} further words" if bare.height > _SHOWN else ""
    yield (
        f"items: hardly one of the items whose {name} is {shown}{more} has a routing, and most of the others have: are these bought? Routings "
        f"are predicted for all {count - int(bare['made'].sum()):,} that have none. If nobody is to make them, filter in [items] (where) by {column}; "
        f"else add {column} to items.ignore."
    )


def _column(name: str, profile: Profile) -> str:
    """The ERP's column behind an attribute."""
    return "/".join(profile.items.attributes[name].names) or name
