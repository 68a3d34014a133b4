"""Questions about columns of work results whose few words may tell kinds of rows apart: set-ups, pieces without a time, cancellations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from routing_etl.erp.census import COMPANY_COLUMNS
from routing_etl.onboarding.parts import Part
from routing_etl.onboarding.survey import Column, Survey, Values
from routing_etl.onboarding.words import words_of

#: Most words of such a column, fewest rows of a word that shows something, the share of them that must, and of a word that does not.
_MOST_WORDS, _FEWEST, _NEARLY_ALL, _HARDLY_ANY = 10, 10, 0.9, 0.2
#: Longest word, and most questions.
_LONGEST, _QUESTIONS = 20, 3
#: Words of names of such columns.
_NAMED = frozenset([
    "kind", "type", "typ", "art", "tipo", "soort", "rodzaj", "druh", "nature", "satzart", "meldeart", "buchungsart", "bewegungsart", "lohnart", "jobtype",
    "transtype", "rectype", "recordtype", "tyr", "유형", "구분", "区分", "类型",
])  # fmt: skip


@dataclass
class _Rows:
    """The rows of a word: how many, and how many of them have no pieces, no time, or less than none."""

    rows: int = 0
    no_pieces: int = 0
    no_time: int = 0
    negative: int = 0

    def share(self, of: str) -> float:
        """Which share of the rows is so."""
        return float(getattr(self, of)) / self.rows


#: What is seen of the rows of a word, and what they may be then.
_SEEN = (
    ("negative", "less than 0", "cancellations"),
    ("no_time", "no time", "pieces or notes without a time"),
    ("no_pieces", "no pieces", "set-ups, or hours without pieces"),
)


def kinds_asked(survey: Survey, part: Part) -> Iterator[str]:
    """Questions about columns that may tell kinds of rows apart, by what the sample shows or by their names.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The results.
    """
    sample = survey.sample(part.table)
    told = [
        (c, text)
        for c in part.table.columns
        if (text := _told(survey, part, c, sample.get(c.name))) is not None
    ]
    told.sort(key=lambda t: (not _known(part, t[0]), "may be" not in t[1]))
    for column, text in told[:_QUESTIONS]:
        known = part.columns.get("record_kind")
        ask = f" ({known.why.removeprefix('DECIDE: ')})" if known is not None and _known(part, column) else ""
        yield (
            f'DECIDE: does {column.name} tell kinds of rows apart{ask}? {text}. If so: record_kind = "{column.name}" and '
            "kinds = { setup = [...], run = [...], ignore = [...] }, and cancellations by reversed or reverses; as it stands the times of all "
            "of them are added up"
        )


def _known(part: Part, column: Column) -> bool:
    known = part.columns.get("record_kind")
    return known is not None and known.source == column.name


def _told(survey: Survey, part: Part, column: Column, held: Values | None) -> str | None:
    """What the words of a column show; None where it is no column of kinds, or nothing speaks for it."""
    if held is None or not _may_be(part, column, held):
        return None
    words = _by_word(survey, part, column)
    shown, speaks = [], False
    for word, rows in words.items():
        seen = _what(rows, [w for w in words.values() if w is not rows])
        speaks = speaks or bool(seen)
        shown.append(f"{word!r} ({rows.rows:,} rows{seen})")
    named = _known(part, column) or (held.distinct > 1 and bool(_NAMED & set(words_of(column.spoken))))
    return f"It holds {', '.join(shown)}" if speaks or named else None


def _may_be(part: Part, column: Column, held: Values) -> bool:
    """Whether a column has few words, and is not read as something else."""
    if _known(part, column):
        return held.distinct > 0
    few = 2 <= held.distinct <= _MOST_WORDS and held.filled >= _FEWEST * 2
    short = all(len(str(v)) <= _LONGEST for v in held.counts)
    read = (
        column.name in {c.source for c in part.columns.values()} or column.spoken.lower() in COMPANY_COLUMNS
    )
    return column.kind in ("text", "integer") and few and short and not read and held.date_format is None


def _by_word(survey: Survey, part: Part, column: Column) -> dict[str, _Rows]:
    """The rows of each word of the sample."""
    names = {n: c.source for n, c in part.columns.items() if n in ("machine_time", "order_qty")}
    own = {n: s for n, s in names.items() if "." not in s}
    found: dict[str, _Rows] = {}
    for word, *values in survey.records(part.table, [column.name, *own.values()]):
        if word is None:
            continue
        numbers = dict(zip(own, (_number(v) for v in values), strict=True))
        rows = found.setdefault(str(word), _Rows())
        rows.rows += 1
        rows.no_pieces += "order_qty" in numbers and not numbers["order_qty"]
        rows.no_time += "machine_time" in numbers and not numbers["machine_time"]
        rows.negative += any(n < 0 for n in numbers.values())
    return dict(sorted(found.items(), key=lambda f: -f[1].rows))


def _number(value: object) -> float:
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        return 0.0


def _what(rows: _Rows, others: list[_Rows]) -> str:
    """What nearly all rows of a word have and hardly any of some other word, and what they may be."""
    if rows.rows < _FEWEST:
        return ""
    for of, seen, what in _SEEN:
        if rows.share(of) >= _NEARLY_ALL and any(
            o.share(of) <= _HARDLY_ANY for o in others if o.rows >= _FEWEST
        ):
            return f", {getattr(rows, of):,} with {seen}: may be {what}"
    return ""
