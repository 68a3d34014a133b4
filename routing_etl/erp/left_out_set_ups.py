"""Reports that the profile's own filter, or a kind to be ignored, leaves out and that may be the set-ups, where none is read.

A plant that reports set-up as rows of its own loses all of them by a filter on the run, and nothing in the rows that are read shows it.
Such rows have a time and no pieces, and others of their operation are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from routing_etl.erp.catalogue import Binding, ReadColumn
from routing_etl.erp.profile_model import ResultSource, Where
from routing_etl.erp.unread_units import Clash
from routing_etl.erp.unread_words import Look

#: What one operator keeps the other leaves out.
_OPPOSITE = {
    "=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in", "like": "not like",
    "not like": "like", "is null": "is not null", "is not null": "is null",
}  # fmt: skip
#: Fewest rows of a word; the most of them that may have pieces, and the fewest with a time and beside rows that are read.
_SOME, _FEW, _MANY = 10, 0.05, 0.5
#: Most words that are named, and the longest.
_NAMED, _LONGEST = 4, 30
_PIECES = ("yield_qty", "bad_qty", "order_qty")
#: What a report is of: an operation of an order, or where no order is read, of a day.
_OF_ORDER, _OF_DAY = (("item_cd", "proc_seq", "oper_no", last) for last in ("order_no", "report_dt"))


def left_out_set_ups(binding: Binding, look: Look) -> Iterator[Clash]:
    """Look for reports with a time and no pieces that are left out, where no set-up is read.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    look : callable
        Reads the rows of a source.

    Yields
    ------
    Clash
        One for each filter, and one for the ignored kinds, that leaves such rows out; never refused.
    """
    section = binding.section
    columns = {c.name: c for c in binding.columns if not c.is_absent}
    pieces = [c for c in _PIECES if c in columns]
    if not isinstance(section, ResultSource) or not pieces or "machine_time" not in columns:
        return
    ignored = {n.lower() for n in section.ignore}
    places = [
        i for i, w in enumerate(section.where) if not {w.column.lower(), _own(w.column).lower()} & ignored
    ]
    words = [w.strip().upper() for w in section.kinds.get("ignore", ())]
    if "setup_time" in columns or section.kinds.get("setup") or not (places or words):
        return
    of = [c for c in (_OF_ORDER if "order_no" in columns else _OF_DAY) if c in columns]
    read = tuple(columns[c] for c in {*of, *pieces, "machine_time"})
    plain = section.model_copy(update={"latest": None, "incremental": None})
    kind = replace(columns["record_kind"], name="word", type="text") if "record_kind" in columns else None

    def rows(where: Sequence[Where], by: ReadColumn | None) -> pl.DataFrame:
        mine = plain.model_copy(update={"where": tuple(where)})
        found = look(replace(binding, section=mine, columns=(*read, *((by,) if by else ())), marks=None))
        return found.with_columns(_word() if by and not found.is_empty() else pl.lit("").alias("word"))

    kept = rows(section.where, kind)
    if kept.is_empty():
        return
    dropped = pl.col("word").str.to_uppercase().is_in(words)
    left, kept = kept.filter(dropped), kept.filter(~dropped)
    if words and (found := _set_ups(left, kept, of, pieces)) is not None:
        name = section.columns["record_kind"].source
        yield _told(f"results.kinds has under ignore {_named(found)} of {name}", "Name their words under setup, in place of ignore, in results.kinds.")  # fmt: skip
    for place in places:
        condition = section.where[place]
        other = Where(column=condition.column, op=_OPPOSITE[condition.op], value=condition.value)  # type: ignore[arg-type]
        by = ReadColumn("word", "text", _LONGEST, False, binding.find(condition.column))
        left = rows((*section.where[:place], other, *section.where[place + 1 :]), by)
        if (found := _set_ups(left, kept, of, pieces)) is None:
            continue
        number = binding.find(condition.column) in {columns[c].found for c in (*pieces, "machine_time")}
        name = "the column that says what a row is" if number else f'"{condition.column}"'
        value = "" if condition.value is None else f" {condition.value!r}"
        yield _told(
            f"the filter {condition.column} {condition.op}{value} leaves out {_named(found)}",
            f"Take the filter out of [results], and map record_kind = {name} in [results.columns], with kinds = {{ setup = [...], run = [...], "
            f"ignore = [...] }}; if they are something else, add {condition.column} to results.ignore.",
        )


def _own(name: str) -> str:
    return name.rpartition(".")[2]


def _word() -> pl.Expr:
    return pl.col("word").cast(pl.String).str.strip_chars().str.strip_suffix(".0").fill_null("")


def _set_ups(
    left: pl.DataFrame, kept: pl.DataFrame, of: Sequence[str], pieces: Sequence[str]
) -> pl.DataFrame | None:
    """Words of the rows that are left out and may be set-ups, with their rows; None where there are none."""
    if left.is_empty():
        return None
    key = pl.concat_str(pl.col(of).cast(pl.String).fill_null(""), separator="\x1f").alias("key")
    keys = kept.select(key).to_series().unique()
    mine = left.join(kept.select("item_cd").unique(), on="item_cd", how="semi")
    made = pl.any_horizontal(pl.col(pieces) > 0).fill_null(False)
    timed = (pl.col("machine_time") > 0).fill_null(False)
    by_word = mine.group_by("word").agg(
        n=pl.len(), made=made.mean(), timed=timed.mean(), beside=key.is_in(keys.implode()).mean()
    )
    found = by_word.filter(
        pl.col("n") >= _SOME, pl.col("made") <= _FEW, pl.col("timed") >= _MANY, pl.col("beside") >= _MANY
    )
    return found.sort("n", "word", descending=[True, False]) if found.height else None


def _named(found: pl.DataFrame) -> str:
    rows = f"{found['n'].sum():,} rows"
    if found.height > _NAMED:
        return rows
    named = (f"{w or 'blank'}: {n:,}" for w, n in found.select("word", "n").rows())
    return f"{rows} ({', '.join(named)})"


def _told(what: str, remedy: str) -> Clash:
    return Clash(
        False,
        f"work_results: {what} that have a time and no pieces, beside rows of the same operations that are read, and no set-up is reported: if "
        "they are set-ups, every set-up time stays its standard",
        remedy,
    )
