"""Numbers, dates, text and units: properties over any input, and the contract's own examples."""

from __future__ import annotations

import math
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.parse import parse_dates, parse_numbers
from routing_etl.erp.profile import load_profile
from routing_etl.erp.text import Counter, TextRule, clean_text
from routing_etl.erp.units import ASSUMED, NONE, STATED, UNKNOWN, convert

UNITS = load_profile("bi_views").units
#: What a Korean ERP can hold: full-width forms, Hangul, symbols, control characters.
ERP_CHARACTERS = st.characters(codec="cp949")
ANY_TEXT = st.lists(st.one_of(st.none(), st.text(ERP_CHARACTERS, max_size=12)), max_size=20)


def series(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


# --- numbers ----------------------------------------------------------------------------------------------------------
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_number_written_out_is_read_back(values: list[float]) -> None:
    read, bad = parse_numbers(pl.Series([repr(v) for v in values], dtype=pl.String))
    assert not bad.any()
    assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(read.to_list(), values, strict=True))


@given(ANY_TEXT)
def test_any_text_is_a_number_a_blank_or_counted(values: list[str | None]) -> None:
    read, bad = parse_numbers(series(*values))
    for text, number, unreadable in zip(values, read.to_list(), bad.to_list(), strict=True):
        blank = text is None or not series(text).str.normalize("NFKC").str.strip_chars()[0]
        assert unreadable == (number is None and not blank)
        assert number is None or math.isfinite(number)


@pytest.mark.parametrize(
    ("text", "number"), [(" 12.5 ", 12.5), ("1,234.5", 1234.5), ("１２", 12.0), ("1e3", 1000.0), ("-7", -7.0)]
)
def test_forms_of_numbers(text: str, number: float) -> None:
    assert parse_numbers(series(text))[0].to_list() == [number]


@pytest.mark.parametrize("text", ["nan", "inf", "12mm", "1,2", "-", "0x10"])
def test_texts_that_are_no_numbers(text: str) -> None:
    read, bad = parse_numbers(series(text))
    assert read.to_list() == [None]
    assert bad.to_list() == [True]


# --- dates ------------------------------------------------------------------------------------------------------------
@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 31, 23, 59)))
def test_iso_times_survive_in_every_spelling(moment: datetime) -> None:
    spellings = [moment.isoformat(sep=" "), moment.isoformat(sep="T"), moment.isoformat(sep="T") + "+09:00"]
    read, bad = parse_dates(series(*spellings))
    assert not bad.any()
    assert read.to_list() == [moment] * 3


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31)))
def test_dates_in_the_erps_text_forms(day: date) -> None:
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[
        day.month - 1
    ]
    forms = [
        day.isoformat(), f"{day:%Y%m%d}", f"{day:%Y/%m/%d}", f"{day:%Y.%m.%d}",
        f"{day.day:02}-{month}-{day.year}", f"{day.day:02}-{month.upper()}-{day.year % 100:02}",
    ]  # fmt: skip
    read, bad = parse_dates(series(*forms))
    assert not bad.any()
    assert [d.date() for d in read.to_list()] == [day] * len(forms)


@given(ANY_TEXT)
def test_any_text_is_a_date_a_blank_or_counted(values: list[str | None]) -> None:
    read, bad = parse_dates(series(*values))
    for text, moment, unreadable in zip(values, read.to_list(), bad.to_list(), strict=True):
        blank = text is None or not series(text).str.normalize("NFKC").str.strip_chars()[0]
        assert unreadable == (moment is None and not blank)


def test_two_digit_years_and_the_open_end() -> None:
    assert parse_dates(series("01-Jan-01"))[0][0] == datetime(2001, 1, 1)
    assert parse_dates(series("31-Dec-99"))[0][0] == datetime(1999, 12, 31)
    assert parse_dates(series("31-DEC-99"), open_end=True)[0][0] == datetime(2999, 12, 31)
    assert parse_dates(series("2999-12-31", "9999-12-31"))[0].dt.year().to_list() == [2999, 9999]


@pytest.mark.parametrize(
    "text", ["2024-02-30", "0000-00-00 00:00:00", "20191301", "yesterday", "5", "0001-01-01"]
)
def test_texts_that_are_no_dates(text: str) -> None:
    read, bad = parse_dates(series(text))
    assert (read.to_list(), bad.to_list()) == ([None], [True])


# --- text -------------------------------------------------------------------------------------------------------------
@given(ANY_TEXT)
def test_cleaning_text_twice_changes_nothing_and_leaves_no_blank(values: list[str | None]) -> None:
    rule = TextRule(null_words=("-", "nan"), right_trim=" -")
    once = clean_text(series(*values), rule, "c", Counter()).values
    twice = clean_text(once, rule, "c", Counter()).values
    assert once.to_list() == twice.to_list()
    assert "" not in once.to_list()
    assert len(once) == len(values)


@given(ANY_TEXT)
def test_every_row_is_counted_once_as_missing_or_kept(values: list[str | None]) -> None:
    counter = Counter()
    done = clean_text(series(*values), TextRule(null_words=("x",), placeholder_words=("y",)), "c", counter)
    totals = counter.totals()
    missing = sum(totals.get(r, 0) for r in ("null", "blank_to_null", "null_word", "placeholder"))
    assert missing == done.values.null_count()


def test_blank_null_word_and_placeholder_are_told_apart() -> None:
    counter = Counter()
    done = clean_text(
        series("A21-X ", "", "  ", None, "NA", "na", "KYY", "주조　원소재", "PM1-MS-M1  -"),
        TextRule(null_words=("NA",), placeholder_words=("KYY",)), "c", counter,
    )  # fmt: skip
    assert done.values.to_list() == [
        "A21-X",
        None,
        None,
        None,
        None,
        None,
        None,
        "주조 원소재",
        "PM1-MS-M1 -",
    ]
    assert done.placeholder is not None
    assert done.placeholder.arg_true().to_list() == [6]
    assert counter.totals() == {
        "blank_to_null": 2, "null": 1, "null_word": 2, "odd_blanks": 3, "placeholder": 1,
    }  # fmt: skip


def test_zero_is_a_word_only_where_the_profile_says_so() -> None:
    profile = load_profile("bi_views")
    words = {n: a.null_words or profile.items.null_words for n, a in profile.items.attributes.items()}
    assert "0" in words["item_spec"]
    assert "0" not in words["draw_rev"]
    assert "-" in words["draw_rev"]


def test_marks_are_cut_out_and_flagged() -> None:
    done = clean_text(
        series("(DEL) CP", "(chk) P3", "5 U 4 X"),
        TextRule(remove={"DEL": "(DEL)", "CHK": "(CHK)"}),
        "c",
        Counter(),
    )
    assert done.values.to_list() == ["CP", "P3", "5 U 4 X"]
    assert {m: s.to_list() for m, s in done.marks.items()} == {
        "DEL": [True, False, False], "CHK": [False, True, False],
    }  # fmt: skip


@given(ANY_TEXT)
def test_keys_are_stable_trimmed_and_upper_case(codes: list[str | None]) -> None:
    keys = ItemKeys().of(series(*codes))
    assert ItemKeys().of(keys).to_list() == keys.to_list()
    assert keys.str.strip_chars().to_list() == keys.to_list()
    assert [k is None for k in keys.to_list()] == [c is None for c in codes]


def test_codes_stay_text_and_differ_only_by_what_must_not_matter() -> None:
    keys = ItemKeys().of(series(" 4H69065ZZ", "4h69065zz", "0050016865", "00-098004", "11", "11#1"))
    assert keys.to_list() == ["4H69065ZZ", "4H69065ZZ", "0050016865", "00-098004", "11", "11#1"]


# --- units ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spelling", "factor", "source"),
    [
        ("MM", 1.0, STATED), (" mm ", 1.0, STATED), ("mmmm", 1.0, STATED), ("INCH", 25.4, STATED), ("inch", 25.4, STATED),
        ("INC", 25.4, STATED), ("in", 25.4, STATED), ("I", 25.4, ASSUMED), ("", 1.0, ASSUMED), (None, 1.0, ASSUMED),
        ("D", None, UNKNOWN), ("MM/IN", None, UNKNOWN), ("KZ", None, UNKNOWN), ("52", None, UNKNOWN), ("furlong", None, UNKNOWN),
    ],
)  # fmt: skip
def test_contract_spellings_of_dimensions(spelling: str | None, factor: float | None, source: str) -> None:
    done = convert(pl.Series([2.5]), series(spelling), UNITS, "dimension", "mm")
    assert done.values.to_list() == [None if factor is None else pytest.approx(2.5 * factor)]
    assert done.unit_source.to_list() == [source]
    assert done.new_spellings == (("furlong",) if spelling == "furlong" else ())


@pytest.mark.parametrize(
    ("spelling", "factor"), [("㎜", 1.0), ("ｍｍ", 1.0), (" mm\u3000", 1.0), ("㎝", 10.0), ("ＩＮＣＨ", 25.4)]
)
def test_a_unit_in_one_sign_or_full_width_is_the_same_unit(spelling: str, factor: float) -> None:
    done = convert(pl.Series([2.0]), series(spelling), UNITS, "dimension", "mm")
    assert done.values.to_list() == [pytest.approx(2.0 * factor)]
    assert (done.unit_source.to_list(), done.new_spellings) == ([STATED], ())


def test_blank_unit_of_a_seal_size_is_unknown() -> None:
    done = convert(pl.Series([2.5, None]), series("", None), UNITS, "seal_size", "mm")
    assert done.values.to_list() == [None, None]
    assert done.unit_source.to_list() == [UNKNOWN, NONE]


def test_inch_sizes_from_one_hundred_on_are_not_believed() -> None:
    done = convert(pl.Series([2500.0, 99.9, 2500.0]), series("INCH", "INCH", "MM"), UNITS, "seal_size", "mm")
    assert done.values.to_list() == [None, pytest.approx(2537.46), 2500.0]
    assert done.unit_source.to_list() == [UNKNOWN, STATED, STATED]
    assert done.suspicious == 1


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0.001, 99, allow_nan=False)),
            st.one_of(st.none(), st.text(ERP_CHARACTERS, max_size=5)),
        ),
        max_size=30,
    )
)
def test_a_value_is_converted_or_explained(rows: list[tuple[float | None, str | None]]) -> None:
    values = pl.Series([v for v, _ in rows], dtype=pl.Float64)
    done = convert(values, series(*[u for _, u in rows]), UNITS, "seal_size", "mm")
    assert len(done.values) == len(rows)
    for value, out, source in zip(values, done.values, done.unit_source, strict=True):
        assert (source == NONE) == (value is None)
        assert (out is not None) == (source in (STATED, ASSUMED))
        assert (
            out is None
            or out / value == pytest.approx(1.0)
            or out / value == pytest.approx(25.4)
            or out / value in (10, 1000)
        )


def test_a_unit_of_another_quantity_is_not_understood() -> None:
    weights = load_profile("adventureworks").units
    done = convert(pl.Series([2.0, 2.0]), series("LB ", "CM"), weights, "weight", "g")
    assert done.values.to_list() == [pytest.approx(907.18474), None]
    assert done.unit_source.to_list() == [STATED, UNKNOWN]
