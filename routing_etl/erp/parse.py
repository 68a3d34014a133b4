"""Numbers and dates from text, in every form that the ERP has been seen to use.

All functions take a Polars text series and return the values and a mask of what could not be read. Blank text is NULL and
counts as read. Whether a value is plausible is decided in `clean_*.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

import polars as pl

#: What the open end of a validity, `31-Dec-99`, means (docs/erp-contract.md 5, row 31).
OPEN_END = "2999-12-31"

_DATETIME_FORMS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
)
#: Form, and the pattern of the texts it is tried on: `%Y` alone would read a two-digit year as one of the first century.
_DATE_FORMS = (
    ("%Y-%m-%d", r"^\d{4}-"),
    ("%Y/%m/%d", r"^\d{4}/"),
    ("%Y.%m.%d", r"^\d{4}\."),
    ("%Y%m%d", r"^\d{8}$"),
    ("%d-%b-%Y", r"^\d{1,2}-[A-Za-z]{3}-\d{4}$"),
    ("%d-%b-%y", r"^\d{1,2}-[A-Za-z]{3}-\d{2}$"),
)
#: A time of day followed by a time zone, which is dropped: the ERP's dates are local.
_TIME_ZONE = r"(\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?)\s*(?:Z|[+-]\d{2}:?\d{2})$"


def _filled(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    trimmed = text.str.normalize("NFKC").str.strip_chars()
    return trimmed, trimmed.is_not_null() & (trimmed != "")


#: Marks that group thousands beside the comma and the point: blanks and the Swiss apostrophe.
_GROUPING = r"[\s'\u2019]"


def parse_numbers(text: pl.Series, decimal: Literal[".", ","] | None = None) -> tuple[pl.Series, pl.Series]:
    """Parse numbers: Float64 values, and the mask of unreadable texts.

    `nan` and `inf` are not numbers.

    Parameters
    ----------
    text : polars.Series
        Numbers as they were read.
    decimal : {".", ","}, optional
        Decimal mark; the other of the two groups thousands. Without it a point is the decimal mark, and a comma is accepted
        where it can only group thousands: `1,234.5` and `1,234,567`, but not `1,500`, which may be one and a half. Where other
        texts show decimal commas, `1.500` is not read either.
    """
    trimmed, filled = _filled(text)
    if not trimmed.str.contains(r"[,\s'\u2019]").any() and decimal != ",":
        plain = trimmed
    else:
        point, comma = (r"\.", ",") if decimal != "," else (",", r"\.")
        groups = rf"^[+-]?\d{{1,3}}({comma}\d{{3}}){{{1 if decimal else 2},}}({point}\d*)?$"
        grouped = trimmed.str.contains(groups)
        if decimal is None:
            grouped = grouped | trimmed.str.contains(r"^[+-]?\d{1,3}(,\d{3})+\.\d*$")
            if trimmed.str.contains(r"^[+-]?\d+,\d{1,2}$|^[+-]?0,\d+$|\.\d{3},\d").any():
                # Beside decimal commas a point groups thousands, perhaps: 1.500 can be both as well.
                either = trimmed.str.contains(r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$").fill_null(False)
                trimmed = pl.select(pl.when(either).then(pl.lit("?")).otherwise(trimmed)).to_series()
        else:
            grouped = grouped & ~trimmed.str.contains(rf"^[+-]?0\d*{comma}")
            spaced = trimmed.str.contains(rf"^[+-]?\d{{1,3}}({_GROUPING}\d{{3}})+({point}\d*)?$")
            without = trimmed.str.replace_all(_GROUPING, "")
            trimmed = pl.select(pl.when(spaced).then(without).otherwise(trimmed)).to_series()
        mark = "," if comma == "," else "."
        foreign = trimmed.str.contains(mark, literal=True)
        bare = (
            pl.when(grouped)
            .then(trimmed.str.replace_all(mark, "", literal=True))
            .when(~foreign)
            .then(trimmed)
        )
        plain = pl.select(bare).to_series()
        if decimal == ",":
            plain = plain.str.replace(",", ".", literal=True)
    number = plain.cast(pl.Float64, strict=False)
    good = number.is_not_null() & number.is_finite()
    value = pl.select(pl.when(good).then(number)).to_series()
    return value, filled.fill_null(False) & ~good.fill_null(False)


_N = r"\d+(?:[.,]\d+)?"
#: Words for days, hours, minutes and seconds behind a number. "m" is none: it is a metre as well.
_UNIT_WORDS = (
    ("d", r"d|days?|tage?|d[ií]as?|jours?|일|日|天"),
    ("h", r"h|hrs?\.?|hours?|std\.?|stunden?|horas?|heures?|시간|時間|小时"),
    ("m", r"min\.?|mins|minutes?|minuten?|minutos?|'|′|분|分|分钟"),
    ("s", r"s|secs?\.?|sek\.?|seconds?|sekunden?|segundos?|secondes?|\"|″|초|秒"),
)
#: Pattern of each form of a time, with groups for days, hours, minutes and seconds.
_TIMES = {
    "hh:mm:ss": r"^(?<d>)(?<h>\d+):(?<m>[0-5]?\d):(?<s>[0-5]?\d(?:\.\d+)?)$",
    "hh:mm": r"^(?<d>)(?<h>\d+):(?<m>[0-5]?\d)(?<s>)$",
    "mm:ss": r"^(?<d>)(?<h>)(?<m>\d+):(?<s>[0-5]?\d(?:\.\d+)?)$",
    "hhmmss": r"^(?<d>)(?<h>\d{2,})(?<m>[0-5]\d)(?<s>[0-5]\d)$",
    "d.hh:mm:ss": r"^(?:(?<d>\d+)\.)?(?<h>[01]?\d|2[0-3]):(?<m>[0-5]?\d):(?<s>[0-5]?\d(?:\.\d+)?)$",
    "iso": rf"(?i)^P(?:(?<d>{_N})D)?(?:T(?:(?<h>{_N})H)?(?:(?<m>{_N})M)?(?:(?<s>{_N})S)?)?$",
    "unit": "(?i)^" + "".join(rf"(?:(?<{n}>{_N})\s*(?:{words}))?\s*" for n, words in _UNIT_WORDS) + "$",
}
#: A text that is a number with a unit of time, a time in ISO 8601's form, or days and hours with colons.
WITH_UNIT = (
    r"(?i)^\s*(P(\d[\d.,]*D)?(T(\d[\d.,]*[HMS])+)?"
    rf"|(({_N})\s*({'|'.join(words for _, words in _UNIT_WORDS)})\s*)+|\d+\.[0-2]?\d:[0-5]\d:[0-5]\d(\.\d+)?)\s*$"
)
#: A text that is a time with colons, whatever its form.
CLOCK = r"^\s*\d+:[0-5]?\d(:[0-5]?\d(\.\d+)?)?\s*$"
#: A number in whose text a comma can be the decimal mark.
COMMA = r"^\s*[+-]?[\d.\s'\u2019]*\d,\d+\s*$"


def parse_times(
    text: pl.Series,
    form: Literal["hh:mm:ss", "hh:mm", "mm:ss", "hhmmss", "d.hh:mm:ss", "iso", "unit", "h.mm"],
) -> tuple[pl.Series, pl.Series]:
    """Parse times of one form: minutes, and the mask of unreadable texts; numbers of the form h.mm by `hours_and_minutes`.

    A number with a comma and three digits behind it, such as `1,500 min`, can be read in two ways and is unreadable, and so is a
    number without a unit where the form is "unit".
    """
    trimmed, filled = _filled(text)
    if form == "hhmmss":
        trimmed = trimmed.str.zfill(6).replace("000000", "000000")
        trimmed = pl.select(pl.when(filled).then(trimmed)).to_series()
    parts = trimmed.str.extract_groups(_TIMES[form]).struct.unnest()
    days, hours, minutes, seconds = (
        parts[n].str.replace(",", ".", literal=True).cast(pl.Float64, strict=False).fill_null(0.0)
        for n in "dhms"
    )
    some = pl.any_horizontal(pl.col(n).fill_null("") != "" for n in "dhms")
    good = trimmed.str.contains(_TIMES[form]).fill_null(False) & parts.select(some).to_series()
    good = good & ~trimmed.str.contains(r"[1-9]\d{0,2},\d{3}(\D|$)").fill_null(False)
    value = pl.select(pl.when(good).then(days * 1440 + hours * 60 + minutes + seconds / 60)).to_series()
    return value, filled.fill_null(False) & ~good


#: Places of a natural number below 1: two for what follows a point, two for a letter.
_NATURAL = 10_000
#: Forms of dates that are numbers counted from a day: the day, and the seconds of one.
_SECONDS: dict[str, tuple[datetime, float]] = {
    "epoch": (datetime(1970, 1, 1), 1.0),
    "epoch_ms": (datetime(1970, 1, 1), 0.001),
    "excel": (datetime(1899, 12, 30), 86_400.0),
}
#: Zeros and nines that stand in a date's place: 0, 00000000, 0000-00-00, 99999999, 9999999.
ZEROS_OR_NINES = r"^(0[0-]*(\.0*)?|0{1,2}([/.])0{1,2}[/.]0+|0{4}([/.])00[/.]00|9{6,}(\.0*)?|9{4}[-/.]99[-/.]99|99[-/.]99[-/.]9{4})$"
#: Words for forms that strptime does not know.
COUNTED = ("CYYDDD", *_SECONDS)
#: Ten thousand years.
_MOST_SECONDS = 3.2e11
#: Parts of an operation number as people write it: 10, 10.5, 20A, OP30.
_NATURAL_FORM = r"^(?:[A-Za-z]+[-_ ]?)?(?<n>\d{1,5})(?:[.,/-](?<d>\d{1,2}))?(?<l>[A-Za-z])?$"


def hours_and_minutes(number: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Read numbers such as 1.30, one hour and thirty minutes: minutes, and the mask of numbers that cannot be it."""
    hours = number.abs().floor()
    minutes = ((number.abs() - hours) * 100).round(6)
    good = (minutes < 60) & ((minutes - minutes.round()).abs() < 1e-6)
    value = pl.select(pl.when(good).then(number.sign() * (hours * 60 + minutes.round()))).to_series()
    return value, number.is_not_null() & ~good.fill_null(False)


def natural_numbers(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Put operation numbers such as 10, 10.5 and 20A into whole numbers of the same order; and what could not be read.

    The whole part counts 10,000; what follows a point up to 9,900 (`.5` is before `.10`'s ten only as a fraction: 10.5 is
    10.50); a letter 1 to 26.
    """
    trimmed, filled = _filled(text)
    parts = trimmed.str.extract_groups(_NATURAL_FORM).struct.unnest()
    whole = parts["n"].cast(pl.Int64, strict=False)
    decimals = parts["d"].fill_null("").str.pad_end(2, "0").cast(pl.Int64, strict=False)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    letter = parts["l"].str.to_uppercase().replace_strict(list(letters), list(range(1, 27)), default=0)
    value = whole * _NATURAL + decimals * 100 + letter.fill_null(0).cast(pl.Int64)
    return value, filled.fill_null(False) & whole.is_null()


def parse_formed_dates(text: pl.Series, form: str) -> tuple[pl.Series, pl.Series]:
    """Parse dates of one form (strptime's, or a word of `COUNTED`): ISO texts, and the mask of unreadable texts."""
    distinct = text.unique().drop_nulls()
    trimmed, filled = _filled(distinct)
    none = trimmed.str.contains(ZEROS_OR_NINES)
    trimmed, filled = pl.select(pl.when(~none).then(trimmed)).to_series(), filled & ~none
    if form in _SECONDS:
        number = trimmed.cast(pl.Float64, strict=False)
        start, seconds = _SECONDS[form]
        number = pl.select(pl.when(number.abs() * seconds < _MOST_SECONDS).then(number)).to_series()
        passed = (number * (seconds * 1_000_000)).round().cast(pl.Int64).cast(pl.Duration("us"))
        value = pl.select(pl.lit(start, dtype=pl.Datetime("us")) + passed).to_series()
    elif form == "CYYDDD":
        digits = trimmed.str.zfill(6)
        year = 1900 + digits.str.slice(0, 3).cast(pl.Int32, strict=False)
        digits = year.cast(pl.String) + digits.str.slice(3)
        value = digits.str.to_datetime("%Y%j", strict=False, time_unit="us")
    elif any(f in form for f in ("%H", "%I", "%M", "%T", "%S")):
        value = trimmed.str.to_datetime(form, strict=False, time_unit="us")
    else:
        value = trimmed.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    plausible = value.dt.year().is_between(1, 9999)
    iso = pl.select(pl.when(plausible).then(value.dt.to_string("%Y-%m-%d %H:%M:%S%.6f"))).to_series()
    bad = filled & iso.is_null()
    table = pl.DataFrame({"text": distinct, "value": iso, "bad": bad})
    joined = text.alias("text").to_frame().join(table, on="text", how="left", maintain_order="left")
    return joined["value"], joined["bad"].fill_null(False)


def is_no_date(text: pl.Series, days: Iterable[date]) -> pl.Series | None:
    """Whether each text is one of these dates, in ISO form or of digits alone; None when none is.

    Zeros and nines for a date (`00000000`, `0000-00-00`, `99999999`) are none whatever `days` holds.
    """
    named = [d.isoformat() for d in days]
    first = text.str.slice(0, 10)
    late = [n for n in named if n >= "1901"]
    if not ((first < "1901") | (first >= "999")).any() and not (
        late and first.is_in([*late, *(n.replace("-", "") for n in late)]).any()
    ):
        return None
    spellings = [n.replace("-", mark) for n in named for mark in ("-", "/", ".", "")]
    trimmed = first.str.strip_chars()
    return (trimmed.is_in(spellings) | trimmed.str.contains(ZEROS_OR_NINES)).fill_null(False)


def parse_dates(text: pl.Series, *, open_end: bool = False) -> tuple[pl.Series, pl.Series]:
    """Parse dates: Datetime("us") values, and the mask of unreadable texts.

    Forms: ISO dates and times, `2024/05/31`, `2024.05.31`, `20240531`, `31-May-2024`, `31-May-24`. Two-digit years up to
    69 are 20xx, from 70 on 19xx.

    Parameters
    ----------
    text : polars.Series
        Dates as they were read.
    open_end : bool, optional
        Read `31-Dec-99` as an open end, 2999-12-31.
    """
    distinct = text.unique().drop_nulls()
    trimmed, filled = _filled(distinct)
    upper = trimmed.str.replace(_TIME_ZONE, "${1}")
    if open_end:
        ends = upper.str.to_lowercase() == "31-dec-99"
        upper = pl.select(pl.when(ends).then(pl.lit(OPEN_END)).otherwise(upper)).to_series()
    title = upper.str.to_titlecase()
    title = pl.select(
        pl.when(upper.str.contains(r"^\d{1,2}-[A-Za-z]{3}-\d{2,4}$")).then(title).otherwise(upper)
    ).to_series()
    tries = [title.str.to_datetime(f, strict=False, time_unit="us") for f in _DATETIME_FORMS]
    for form, pattern in _DATE_FORMS:
        fitting = pl.select(pl.when(title.str.contains(pattern)).then(title)).to_series()
        tries.append(fitting.str.to_date(form, strict=False).cast(pl.Datetime("us")))
    value = pl.select(pl.coalesce(tries)).to_series()
    plausible = value.dt.year().is_between(1000, 9999)
    value = pl.select(pl.when(plausible).then(value)).to_series()
    bad = filled & value.is_null()
    table = pl.DataFrame({"text": distinct, "value": value, "bad": bad})
    joined = text.alias("text").to_frame().join(table, on="text", how="left", maintain_order="left")
    return joined["value"], joined["bad"].fill_null(False)
