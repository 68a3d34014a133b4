"""Numbers and dates from text, in every form that the ERP has been seen to use.

All functions take a Polars text series and return the values and a mask of what could not be read. Blank text is NULL and
counts as read. Whether a value is plausible is decided in `clean_*.py`.
"""

from __future__ import annotations

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


def parse_numbers(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Parse numbers: Float64 values, and the mask of unreadable texts.

    Thousands commas are accepted; `nan` and `inf` are not numbers.
    """
    trimmed, filled = _filled(text)
    grouped = trimmed.str.contains(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")
    plain = pl.select(
        pl.when(grouped).then(trimmed.str.replace_all(",", "", literal=True)).otherwise(trimmed)
    ).to_series()
    number = plain.cast(pl.Float64, strict=False)
    good = number.is_not_null() & number.is_finite()
    value = pl.select(pl.when(good).then(number)).to_series()
    return value, filled.fill_null(False) & ~good.fill_null(False)


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
