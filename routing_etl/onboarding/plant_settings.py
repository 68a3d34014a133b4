"""What the views call the plant, as far as its own tables tell: company, plant, words and time zone, as lines beside the profile.

They are settings and stand in `.env`, so the proposal names them in comments: a value where the data tell one, else a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from routing_etl.erp.census import COMPANY_COLUMNS
from routing_etl.onboarding.survey import Survey, Table, Values
from routing_etl.onboarding.words import TIME_UNITS
from routing_etl.settings import Settings

#: Of the columns that say where a row belongs: those of a plant, and those of a client, which is neither company nor plant.
_PLANT = re.compile(r"(branch_)?plant|site|werks?$|planta$|usine$|faci|contract$|branch|mcu$|공장|工場|工厂")
_CLIENT = ("mandt", "mandant")
#: Words for operations done in the plant, and by a supplier.
_INSIDE = frozenset(
    [
        "사내",
        "INSIDE",
        "INHOUSE",
        "IN-HOUSE",
        "INTERNAL",
        "INTERN",
        "INTERNE",
        "EIGEN",
        "EIGENFERTIGUNG",
        "INTERNO",
        "社内",
        "厂内",
    ]
)
_OUTSIDE = frozenset(
    [
        "외주",
        "OUTSIDE",
        "OUTSOURCED",
        "EXTERNAL",
        "EXTERN",
        "EXTERNE",
        "FREMD",
        "FREMDFERTIGUNG",
        "SUBCONTRACT",
        "SUBCONTRACTED",
        "EXTERNO",
        "外注",
        "外协",
    ]
)
#: What stands where a time has no unit.
_NO_UNIT = frozenset(["NA", "N/A", "N.A.", "-", "NONE", "없음"])
_HANGUL = re.compile("[가-힣]")
#: Most values of a column that holds a word for in-house or outsourced, or a unit.
_FEW = 12

#: Values by the title of their column.
_Held = Sequence[tuple[str, Values]]


def plant_settings(
    survey: Survey, tables: Sequence[Table], machines: frozenset[str] = frozenset()
) -> list[str]:
    """Lines of comment: a setting each, with its value and why, or as a question.

    Parameters
    ----------
    survey : Survey
        The database, for the samples.
    tables : sequence of Table
        Tables of the proposal; the first that tells counts.
    machines : frozenset of str, optional
        Columns (`TABLE.COLUMN`) that are read as machines, whatever their name says of plants.
    """
    held = [
        (f"{t.title}.{c.name}", v) for t in tables for c in t.columns if (v := survey.sample(t).get(c.name))
    ]
    said = {f"{t.title}.{c.name}": c.spoken.lower() for t in tables for c in t.columns}
    belongs = [
        (n, v) for n, v in held if said[n] in COMPANY_COLUMNS and said[n] not in _CLIENT and n not in machines
    ]
    few = [(n, v) for n, v in held if 0 < v.distinct <= _FEW]
    doings = [(n, v) for n, v in few if all(_plain(value) in _INSIDE | _OUTSIDE for value in v.counts)]
    return [
        "",
        "# --- settings beside this profile: what the views that the ERP reads call the plant ---",
        "# They stand in .env; routing-etl settings shows what is in force. The defaults are those of another plant.",
        *_code("company_code", [(n, v) for n, v in belongs if not _PLANT.match(said[n])]),
        *_code("plant_code", [(n, v) for n, v in belongs if _PLANT.match(said[n])]),
        *_word("word_inhouse", doings, _INSIDE),
        *_word("word_outsourced", doings, _OUTSIDE),
        *_word("word_minutes", few, {unit for unit, minutes in TIME_UNITS.items() if minutes == 1.0}),
        *_word("word_no_unit", [(n, v) for n, v in few if _units(v)], _NO_UNIT),
        _asked("timezone", "the IANA time zone of the ERP's dates, e.g. Europe/Berlin; no table tells it"),
        *_language(held),
    ]


def _units(values: Values) -> bool:
    """Whether a column holds a unit of time."""
    return any(str(v).strip().upper() in TIME_UNITS for v in values.counts)


def _code(setting: str, held: _Held) -> Iterator[str]:
    """The code of company or plant: the one value of the first column that has any, else a question."""
    found = next(((n, v) for n, v in held if v.distinct), None)
    if found is None:
        yield _asked(setting, "no column of these tables says it")
        return
    name, values = found
    [[value, rows]] = values.counts.most_common(1)
    if values.distinct > 1:
        yield _asked(setting, f"{name} holds {values.shown()}; the filter of the rows above goes with it")
    else:
        yield _told(
            setting,
            str(value),
            f"the only value of {name}, in {rows:,} of {values.rows:,} rows of the sample",
        )


def _word(setting: str, held: _Held, known: Iterable[str]) -> Iterator[str]:
    """A word of the plant: the spelling that most rows have, of those that everybody reads alike; else a question."""
    meant = frozenset(known)
    spelt = [
        (rows, str(value), name) for name, values in held for value, rows in values.counts.items()
        if _plain(value) in meant
    ]  # fmt: skip
    if not spelt:
        yield _asked(setting, "no value of these tables says it")
        return
    rows, value, name = max(spelt)
    others = sorted({v for _, v, _ in spelt} - {value})
    also = f"; also written {', '.join(map(repr, others))}" if others else ""
    yield _told(setting, value, f"{name} holds it in {rows:,} rows of the sample{also}")


def _plain(value: object) -> str:
    """A value as the lists above have it: `분(Min.)` is read as what stands before its bracket."""
    return str(value).partition("(")[0].strip().upper()


def _language(held: _Held) -> Iterator[str]:
    """Korean for the sheets where most texts of some column are Korean."""
    for name, values in held:
        rows = sum(n for v, n in values.counts.items() if _HANGUL.search(str(v)))
        if 2 * rows > values.filled:
            yield _told(
                "sheet_language",
                "ko",
                f"{name} is Korean in {rows:,} of {values.filled:,} rows of the sample",
            )
            return


def _told(setting: str, value: str, why: str) -> str:
    """A setting that can be copied into `.env`; a value that does not fit there is a question."""
    most = next(
        (m.max_length for m in Settings.model_fields[setting].metadata if hasattr(m, "max_length")),
        len(value),
    )
    if len(value) > most or not value.isprintable() or "'" in value:
        return _asked(setting, f"{why}; {value[:40]!r} is longer than {most} characters or holds a quote")
    return _comment(f"ROUTING_ETL_{setting.upper()}='{value}'  # {why}")


def _asked(setting: str, why: str) -> str:
    return _comment(f"DECIDE: ROUTING_ETL_{setting.upper()}: {why}")


def _comment(text: str) -> str:
    """One line of comment, whatever the names in the database are."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)
