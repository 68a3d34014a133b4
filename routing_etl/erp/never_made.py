"""Items that by a word of theirs nobody makes: hardly one has a routing, where the others mostly do.

Bought parts and raw material stand in the same item master as what is made. A profile without a filter on them has routings predicted
for screws and sheets, and nothing in the rows shows it: an item without a routing looks like one that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from routing_etl.erp.beside import PREFIX, beside_file
from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF

#: Fewest items of a word, the most of them that have a routing, and the least share of the others that have one.
_ITEMS, _MOST, _OTHERS = 50, 0.1, 0.4
#: Least share of all items that such words have together: a new line of products, which waits for its first routings, has fewer.
_SHARE = 0.02
#: Of a column that is not read: the most of the other items that may have a routing, and the most words.
_ALL, _WORDS = 0.99, 60
#: Words that are named.
_SHOWN = 4


def never_made(
    operations: pl.LazyFrame, profile: Profile, items: pl.DataFrame, unread: pl.DataFrame
) -> Iterator[str]:
    """Say of which items hardly one has a routing, by the attribute, or the column that is not read, by which most of them are.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile; an attribute whose column is in `items.ignore` is not looked at.
    items : polars.DataFrame
        `item_key` and the items' attributes of few words.
    unread : polars.DataFrame
        `item_key` of a part of the items and columns that the profile leaves unread, by their names in the ERP.
    """
    routed = operations.select("item_key").unique().with_columns(routed=True).collect(engine="streaming")
    ignored = {n.lower() for n in profile.items.ignore}
    found: list[tuple[float, str, str, pl.DataFrame]] = []
    for frame, is_read in ((items, True), (unread, False)):
        known = frame.join(routed, on="item_key", how="left").with_columns(pl.col("routed").fill_null(False))
        for name in (c for c in frame.columns if c != "item_key"):
            column = _column(name, profile) if is_read else name
            if column.rpartition(".")[2].lower() in ignored:
                continue
            bare = _bare(known.select("routed", word=name), waiting=not is_read)
            if bare is not None:
                shown = name if is_read else f"{name} (which is not read)"
                found.append((int(bare["n"].sum()) / known.height, shown, column, bare))
    if not found:
        return
    _, name, column, bare = max(found, key=lambda f: f[0])
    count = int(bare["n"].sum())
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


def words_beside(raw: Path, keys: ItemKeys) -> pl.DataFrame:
    """The words that a part of the items has in columns that the profile leaves unread: `item_key` and a text for each column.

    Parameters
    ----------
    raw : pathlib.Path
        Folder of the raw frames.
    keys : ItemKeys
        The key of each item code.
    """
    path = beside_file(raw, FRAME_OF["items"]).rows
    if not path.is_file():
        return pl.DataFrame(schema={"item_key": pl.String()})
    frame = pl.read_parquet(path)
    words = [
        pl.col(c).cast(pl.String).str.strip_chars().alias(c.removeprefix(PREFIX))
        for c in frame.columns
        if c.startswith(PREFIX)
    ]
    return frame.select(keys.of(frame["item_cd"]), *words).drop_nulls("item_key").unique("item_key")


def _bare(known: pl.DataFrame, *, waiting: bool) -> pl.DataFrame | None:
    """The words of which hardly an item has a routing; None where they are few, or of the others not many have one.

    `waiting`: of the others some must have none, or the column only says which items have a routing.
    """
    words = known.drop_nulls("word").group_by("word").agg(n=pl.len(), made=pl.col("routed").sum())
    bare = words.filter(pl.col("n") >= _ITEMS, pl.col("made") <= _MOST * pl.col("n"))
    bought = int(bare["n"].sum())
    others, made = known.height - bought, int(known["routed"].sum()) - int(bare["made"].sum())
    if bought < max(_SHARE * known.height, 1) or not made >= _OTHERS * others > 0:
        return None
    if waiting and (made > _ALL * others or words.height > _WORDS):
        return None
    return bare.sort("n", "word", descending=[True, False])


def _column(name: str, profile: Profile) -> str:
    """The ERP's column behind an attribute."""
    return "/".join(profile.items.attributes[name].names) or name
