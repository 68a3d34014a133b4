"""Columns that the profile leaves unread, read beside a part of the rows, to see whether reported times follow them.

A column that multiplies or divides a time, or says in which unit it is, and is not read leaves no trace in the rows that are read, and its
name may say nothing (`FAKTOR3`, `KX7`). But then actual / standard follows its values. So a part of the operations and reports is read a second
time with what the profile leaves unread. `extract` reads; `followed` judges when the frames are clean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from routing_etl.erp.catalogue import Binding, Catalogue, FoundColumn, ReadColumn, qualified
from routing_etl.erp.files import FrameSink, RawFrame, frame_sink
from routing_etl.erp.profile_model import FRAME_OF, Family, Where
from routing_etl.erp.unread_flags import unread_columns

#: Rows of a frame from which a part of its items is read, those whose codes end so, and the rows that are enough.
_MANY, _ENDS, _ENOUGH = 50_000, ("7", "3", "5", "1", "0", "A"), 2_000
#: Most columns of a frame that are tried, numbers first, and the longest texts.
_MOST, _LONGEST = 40, 60
#: Longest text that may be a word for what an item is.
_LONGEST_WORD = 30
#: Prefix of such a column in the files.
PREFIX = "beside:"


def beside_file(raw: Path, frame: str) -> RawFrame:
    """The files with a part of a frame's rows and the columns that the profile leaves unread.

    Parameters
    ----------
    raw : pathlib.Path
        Folder of the raw frames.
    frame : str
        Name of the frame.
    """
    return RawFrame(raw, f"{frame}.beside")


def read_beside(
    out: Path,
    catalogue: Catalogue,
    count: Callable[[Binding], int],
    stream: Callable[[Binding, FrameSink], None],
) -> None:
    """Read a part of operations and reports a second time; nothing where no column is unread or no run time is reported.

    Parameters
    ----------
    out : pathlib.Path
        Folder of the raw frames.
    catalogue : Catalogue
        The resolved profile.
    count : callable
        Counts the rows of a source.
    stream : callable
        Reads a source into a sink.
    """
    families: tuple[Family, ...] = ("operations", "results")
    for family in families:
        beside_file(out, FRAME_OF[family]).remove()
    bindings = {f: catalogue.bindings[f] for f in families if f in catalogue.bindings}
    unread = {f: _unread(b) for f, b in bindings.items()}
    whole = len(bindings) == len(families) and all(_has(b, _NEEDED[f]) for f, b in bindings.items())
    if not whole or not any(unread.values()):
        return
    many = count(bindings["results"]) > _MANY
    ends = _ends_of_both(*bindings.values()) if many else []
    if many and not ends:
        return
    part = _part(bindings["results"], [mine[-1] for mine in ends], count) if many else None
    for n, (family, binding) in enumerate(bindings.items()):
        whole = part is None or (family == "operations" and count(binding) <= _MANY)
        mine = binding if whole or part is None else _only(binding, ends[part.place][n], part.end)
        source, names = _with(mine, unread[family])
        files = beside_file(out, FRAME_OF[family])
        with frame_sink(files, source.columns, (), lambda rows: None) as sink:
            stream(source, sink)
        pl.read_parquet(files.rows).rename(names).write_parquet(files.rows)


def read_items_beside(
    out: Path,
    binding: Binding,
    count: Callable[[Binding], int],
    stream: Callable[[Binding, FrameSink], None],
) -> None:
    """Read the codes of a part of the items with the columns of words that the profile leaves unread; nothing where there are none.

    Parameters
    ----------
    out : pathlib.Path
        Folder of the raw frames.
    binding : Binding
        The source of items.
    count : callable
        Counts the rows of a source.
    stream : callable
        Reads a source into a sink.
    """
    files = beside_file(out, FRAME_OF["items"])
    files.remove()
    found = unread_columns(binding, ("text", "boolean", "integer"))
    unread = [c for c in found if (c.length or 0) <= _LONGEST_WORD][:_MOST]
    if not unread:
        return
    codes = tuple(c for c in binding.columns if c.name == "item_cd")
    source, names = _with(replace(part_of(binding, count), columns=codes), unread)
    with frame_sink(files, source.columns, (), lambda rows: None) as sink:
        stream(source, sink)
    pl.read_parquet(files.rows).rename(names).write_parquet(files.rows)


def part_of(binding: Binding, count: Callable[[Binding], int]) -> Binding:
    """A source as it is, or of many rows those of a part of its items, whose codes end alike.

    Parameters
    ----------
    binding : Binding
        The source, with the item code.
    count : callable
        Counts the rows of a source.
    """
    if count(binding) <= _MANY or not (ends := _ends(binding)):
        return binding
    part = _part(binding, ends, count)
    return _only(binding, ends[part.place], part.end)


_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "operations": (("item_cd",), ("job_cd",), ("run_time",)),
    "results": (("item_cd",), ("job_cd",), ("machine_time",), ("order_qty", "yield_qty")),
}


def _has(binding: Binding, needed: tuple[tuple[str, ...], ...]) -> bool:
    there = {c.name for c in binding.columns if not c.is_absent}
    return all(there & set(names) for names in needed)


@dataclass(frozen=True)
class _Part:
    """A part of the items: which of the columns of their codes, and how it ends."""

    place: int
    end: str


def _part(source: Binding, ends: Sequence[FoundColumn], count: Callable[[Binding], int]) -> _Part:
    """The end of the item codes that are read: of several columns of a code the one that leaves the fewest rows, if they are enough."""
    found: list[tuple[int, _Part]] = []
    for place, column in enumerate(ends):
        for end in _ENDS:
            rows = count(_only(source, column, end))
            if rows >= _ENOUGH:
                found.append((rows, _Part(place, end)))
                break
    return min(found, key=lambda f: f[0])[1] if found else _Part(len(ends) - 1, _ENDS[0])


def _ends(binding: Binding) -> list[FoundColumn]:
    """The columns of an item's code whose end a database can compare: texts and whole numbers."""
    item = next(c for c in binding.columns if c.name == "item_cd")
    parts = item.recipe.parts if item.recipe is not None and item.recipe.how == "concat" else (item,)
    found = [p.found for p in parts]
    return [c for c in found if c is not None and c.type in ("text", "integer")]


def _ends_of_both(operations: Binding, results: Binding) -> list[tuple[FoundColumn, FoundColumn]]:
    """The columns of the code in both frames, of operations first, that end alike; of codes put together in two ways the last."""
    mine, theirs = _ends(operations), _ends(results)
    if not mine or not theirs:
        return []
    return list(zip(mine, theirs, strict=True)) if len(mine) == len(theirs) else [(mine[-1], theirs[-1])]


def _only(binding: Binding, column: FoundColumn, end: str) -> Binding:
    """The items in whose codes this column ends so."""
    mine = Where(column=qualified(column.alias, column.name), op="like", value=f"%{end}")
    section = binding.section.model_copy(update={"where": (*binding.section.where, mine)})
    return replace(binding, section=section)


def _unread(binding: Binding) -> list[FoundColumn]:
    """Columns that the profile leaves unread: numbers, then texts that may be words."""
    numbers, texts = (
        unread_columns(binding, types) for types in (("integer", "number"), ("text", "boolean"))
    )
    return [*numbers, *(c for c in texts if (c.length or _LONGEST) <= _LONGEST)][:_MOST]


def _with(binding: Binding, unread: Sequence[FoundColumn]) -> tuple[Binding, dict[str, str]]:
    """The source with these columns, and their names in the ERP."""
    read = [
        ReadColumn(f"beside_{i}", "number" if c.type in ("integer", "number") else "text", _LONGEST, False, c)
        for i, c in enumerate(unread)
    ]
    names = {
        r.name: f"{PREFIX}{c.name if c.alias == binding.section.alias else f'{c.alias}.{c.name}'}"
        for r, c in zip(read, unread, strict=True)
    }
    return replace(binding, columns=(*binding.columns, *read), marks=None), names
