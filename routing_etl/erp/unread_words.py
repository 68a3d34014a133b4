"""Columns of few words that the profile leaves unread, judged by the values beside them, whatever their names and language.

A column says what a run time is for where in one and the same job the times with one of its words are ten times those with another; which
operations are made outside, where one word goes with a filled code and without a time; what a report is, where the rows of one word have no
quantity. Nothing of it is proof, so it is told and not refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
import sqlalchemy as sa

from routing_etl.erp.beside import part_of
from routing_etl.erp.catalogue import Binding, FoundColumn, ReadColumn
from routing_etl.erp.reader import Reader, SqlAlchemyReader, tighten
from routing_etl.erp.statements import columns_read, count_of, select_of
from routing_etl.erp.unread_flags import says_what_a_row_is, unread_columns
from routing_etl.erp.unread_units import Ask, Clash

#: Reads the rows of a source.
Look = Callable[[Binding], pl.DataFrame]

#: Most words of a column and its longest word; the most columns that are tried, and the most rows of a part that are looked at.
_WORDS, _LONGEST, _MOST, _MOST_ROWS = 12, 30, 40, 500_000
#: What a time may be by, beside its job: times are compared where these are the same.
_ALIKE = ("job_cd", "run_basis", "run_unit", "time_unit", "run_time_qty", "capacity", "time_factor", "cycles")
#: Fewest rows of a word in a job, fewest rows in all; least factor between two words, and how much less times must scatter by them.
_IN_JOB, _ROWS, _APART, _CLOSER = 5, 40, 8.0, 0.6
#: Fewest rows that are made outside or are of a kind, and the shares that count as nearly all, most and hardly any of some rows.
_SOME, _ALL, _MANY, _FEW = 10, 0.95, 0.5, 0.05
#: Fewest different suppliers.
_SUPPLIERS = 2
#: Most different words that are named.
_NAMED = 4


def look_with(reader: Reader, dialect: str, ask: Ask) -> Look:
    """Make what reads a part of a source's rows: those of some items, where there are many.

    Parameters
    ----------
    reader : Reader
        Reads statements.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement that gives one row of whole numbers.
    """

    def look(binding: Binding) -> pl.DataFrame:
        part = part_of(binding, lambda b: ask(count_of(b, dialect))[0])
        read = columns_read(part, dialect)
        chunks = reader.chunks(select_of(part, dialect).limit(_MOST_ROWS), read, 50_000)
        parts = [tighten(chunk, part.columns, 0)[0] for chunk in chunks]
        return pl.concat(parts) if parts else pl.DataFrame()

    return look


def look_through(connection: sa.Connection, ask: Ask) -> Look:
    """The same as `look_with`, through an open connection.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the ERP's database.
    ask : callable
        Answers a statement that gives one row of whole numbers.
    """
    return look_with(SqlAlchemyReader(connection), connection.dialect.name, ask)


def unread_words(binding: Binding, look: Look) -> Iterator[Clash]:
    """Look for columns of few words that by the values beside them change what is read.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    look : callable
        Reads the rows of a source.

    Yields
    ------
    Clash
        One for each such column; never refused.
    """
    judges = [judge for judge in _JUDGES.get(binding.family, ()) if judge.asks(binding)]
    unread = [
        c
        for c in unread_columns(binding, ("text", "boolean", "integer", "number", "unknown"))
        if c.type != "text" or (c.length or _LONGEST) <= _LONGEST
    ][:_MOST]
    if not judges or not unread:
        return
    words = [
        ReadColumn(f"word_{i}", "number" if c.type in ("integer", "number") else "text", _LONGEST, False, c)
        for i, c in enumerate(unread)
    ]
    needed = {name for judge in judges for name in judge.columns} | {"item_cd"}
    read = [c for c in binding.columns if c.name in needed and not c.is_absent]
    rows = look(replace(binding, columns=(*read, *words), marks=None))
    if rows.is_empty():
        return
    texts = pl.col(w.name for w in words).cast(pl.String).str.strip_chars()
    rows = rows.with_columns(texts.str.strip_suffix(".0").fill_null(""))
    columns = [_Column(w.name, c.name, _name(binding, c)) for w, c in zip(words, unread, strict=True)]
    for judge in judges:
        yield from judge.judged(rows, columns)


@dataclass(frozen=True)
class _Column:
    """A column that is not read: its name in the rows that were looked at, in its table, and in the profile."""

    key: str
    own: str
    name: str


@dataclass(frozen=True)
class _Judge:
    """A question to the rows of a frame: whether it arises, which canonical columns it needs, and its answer."""

    asks: Callable[[Binding], bool]
    columns: tuple[str, ...]
    judged: Callable[[pl.DataFrame, Sequence[_Column]], Iterator[Clash]]


def _name(binding: Binding, column: FoundColumn) -> str:
    return column.name if column.alias == binding.section.alias else f"{column.alias}.{column.name}"


def _there(binding: Binding) -> set[str]:
    return {c.name for c in binding.columns if not c.is_absent}


def _of_few_words(rows: pl.DataFrame, columns: Sequence[_Column]) -> Iterator[_Column]:
    counts = rows.select(pl.col(c.key).n_unique() for c in columns).row(0)
    return (c for c, n in zip(columns, counts, strict=True) if 2 <= n <= _WORDS)


def _word(word: str) -> str:
    return word or "blank"


# --- what a time is for -------------------------------------------------------------------------------------------------
def _scales(rows: pl.DataFrame, columns: Sequence[_Column]) -> Iterator[Clash]:
    """Columns by whose words the run times of one and the same job differ by about ten times and more."""
    alike = [c for c in _ALIKE if c in rows.columns]
    timed = rows.filter(pl.col("run_time") > 0).with_columns(x=pl.col("run_time").log())
    for column in _of_few_words(timed, columns) if timed.height >= _ROWS else ():
        mine = timed.select(*alike, "run_time", "x", v=column.key)
        mine = mine.filter(pl.len().over(*alike, "v") >= _IN_JOB)
        mine = mine.filter(pl.col("v").n_unique().over(alike) >= 2)
        effects = _effects(mine, alike) if mine.height >= _ROWS else None
        if effects is not None:
            yield _scale_told(column.name, effects)


def _effects(rows: pl.DataFrame, alike: Sequence[str]) -> pl.DataFrame | None:
    """Each word's rows, its middle time, and by what factor times are longer than with the word of the shortest; None where it is by chance."""
    x, of_job, of_word = pl.col("x"), pl.col("x").median().over(alike), pl.col("x").median().over(*alike, "v")
    before, left = rows.select(before=(x - of_job).abs().mean(), left=(x - of_word).abs().mean()).row(0)
    if not before or left > _CLOSER * before:
        return None
    middles = rows.group_by(*alike, "v").agg(x.median())
    apart = middles.with_columns(apart=x - x.mean().over(alike)).group_by("v").agg(pl.col("apart").median())
    words = rows.group_by("v").agg(n=pl.len(), middle=pl.col("run_time").median()).join(apart, on="v")
    words = words.with_columns(times=(pl.col("apart") - pl.col("apart").min()).exp()).sort("times", "v")
    return words if float(words["times"].max()) >= _APART else None  # type: ignore[arg-type]


def _scale_told(name: str, words: pl.DataFrame) -> Clash:
    shown = words if words.height <= _NAMED else pl.concat([words.head(_NAMED - 1), words.tail(1)])
    low, *others = shown.select("v", "n", "middle", "times").rows()
    than = ", ".join(f"{times:,.0f} times where it is {_word(v)} ({n:,} rows)" for v, n, _, times in others)
    return Clash(
        False,
        f"operations: run times of one and the same job differ by the words of {name}, which the profile does not read: beside those where it "
        f"is {_word(low[0])} ({low[1]:,} rows, {low[2]:.3g} in the middle) they are {than}. All are taken in one unit and for one quantity",
        f'If it says what the time is for (a piece, 100, the whole order), map run_basis = "{name}" in [operations.columns], with '
        f"routing.run_basis_words; if in which unit it is, run_unit with routing.time_units; else add it to operations.ignore.",
    )


# --- what is made outside -----------------------------------------------------------------------------------------------
def _outside(rows: pl.DataFrame, columns: Sequence[_Column]) -> Iterator[Clash]:
    """A column that is filled just where operations have no time, as a supplier is, and a column whose word says so."""
    times = [c for c in ("setup_time", "run_time") if c in rows.columns]
    data = rows.with_columns(timed=pl.any_horizontal(pl.col(times) > 0).fill_null(False))
    supplier = [_Column("bp_cd", "bp_cd", "bp_cd")] if "bp_cd" in rows.columns else []
    for code in (*supplier, *columns):
        filled = ~pl.col(code.key).is_in(["", "0"]).fill_null(True)
        coded, others = data.filter(filled), data.filter(~filled)
        if not _SOME <= coded.height < _MANY * data.height or coded[code.key].n_unique() < _SUPPLIERS:
            continue
        if coded["timed"].mean() <= _FEW and others["timed"].mean() >= _MANY:  # type: ignore[operator]
            yield _outside_told(data, code, filled, columns)
            return


def _outside_told(data: pl.DataFrame, code: _Column, filled: pl.Expr, columns: Sequence[_Column]) -> Clash:
    """What to say of a column that is filled where no time is, with the column and word that go with it."""
    rows = data.filter(filled).height
    partners = (
        (c.name, word)
        for c in _of_few_words(data, [c for c in columns if c.key != code.key])
        for word, n, coded in data.group_by(c.key).agg(n=pl.len(), coded=filled.sum()).rows()
        if word and coded >= _ALL * max(n, rows)
    )
    name, word = next(partners, (code.name, ""))
    told = f" and {name} is {word}" if word else ""
    remedy = (
        f'inside = "{name}", with {word} in routing.outside_words and its other words in routing.inside_words'
        if word
        else f'inside = {{ column = "{name}", present = "out", absent = "in" }}'
    )
    bought = f' and bp_cd = "{code.name}"' if code.key != "bp_cd" else ""
    return Clash(
        False,
        f"operations: {rows:,} of {data.height:,} rows have no time, and just in these {code.name} is filled{told}, as where a supplier does the work. "
        "No column is read that says what is made outside (inside), so they count as made in house",
        f"Map {remedy}{bought} in [operations.columns]; or, if they are made in house, add "
        f"{' and '.join(dict.fromkeys((name, code.name)))} to operations.ignore.",
    )


# --- what a report is ---------------------------------------------------------------------------------------------------
def _kinds(rows: pl.DataFrame, columns: Sequence[_Column]) -> Iterator[Clash]:
    """Columns of a few words of which one has no quantity, where no set-up is read: its rows may be the set-ups."""
    pieces: list[str] = [c for c in ("yield_qty", "bad_qty") if c in rows.columns] or ["order_qty"]
    some = pl.any_horizontal(pl.col(pieces) > 0).fill_null(False)
    for column in _of_few_words(rows, columns):
        words = (
            rows.group_by(v=column.key).agg(n=pl.len(), filled=some.mean()).sort("n", "v", descending=True)
        )
        if says_what_a_row_is(column.own, words["v"].to_list()):
            continue  # told by its name or words already
        none = words.filter(pl.col("filled") <= _FEW, pl.col("n") >= _SOME)
        most = words.filter(pl.col("filled") >= _MANY, pl.col("n") >= _SOME)
        if (
            none.is_empty()
            or most.is_empty()
            or int(none["n"].sum()) + int(most["n"].sum()) < _ALL * rows.height
        ):
            continue
        bare, full = (
            ", ".join(f"{_word(v)} ({n:,} rows)" for v, n in part.head(_NAMED).select("v", "n").rows())
            for part in (none, most)
        )
        yield Clash(
            False,
            f"work_results: where {column.name} is {bare}, rows have no quantity, and where it is {full}, they have; the profile does not read it, "
            "and no set-up is reported: if rows without a quantity are set-ups, their time counts as run time",
            f'Map record_kind = "{column.name}" in [results.columns], with kinds = {{ setup = [...], run = [...] }} in [results]; or filter such rows, or '
            f"add {column.name} to results.ignore. Do not correct factors or units of times before.",
        )


_JUDGES: dict[str, tuple[_Judge, ...]] = {
    "operations": (
        _Judge(lambda b: "run_time" in _there(b), (*_ALIKE, "run_time"), _scales),
        _Judge(
            lambda b: bool({"setup_time", "run_time"} & _there(b)) and "inside" not in _there(b),
            ("setup_time", "run_time", "bp_cd"),
            _outside,
        ),
    ),
    "results": (
        _Judge(
            lambda b: (
                bool({"yield_qty", "bad_qty", "order_qty"} & _there(b))
                and not {"record_kind", "setup_time"} & _there(b)
            ),
            ("yield_qty", "bad_qty", "order_qty"),
            _kinds,
        ),
    ),
}
