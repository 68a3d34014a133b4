"""What sheets and worklist say, in both languages, and that text of the ERP is only ever text."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from babel.messages.pofile import read_po
from messages import SHEETS, messages
from sheet_toy import HOSTILE, candidate, item, items, source

from routing_etl.pipeline.item_sheets import file_of
from routing_etl.sheets.compare import OTHER_MACHINE, Span
from routing_etl.sheets.content import Sheet, commonplace, sheets_of
from routing_etl.sheets.pages import sheet_page, worklist_page
from routing_etl.sheets.words import LANGUAGES, words
from routing_etl.sheets.workbook import write_workbook
from routing_etl.sheets.worklist import Entry, Worklist, chosen

MADE = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)


def text_of(page: str) -> str:
    """What a page shows, blanks as one."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("</head>")[2]).split())


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    return next(iter(sheets_of(source())))


def test_candidates_of_one_sequence_are_told_apart_by_their_machines(sheet: Sheet) -> None:
    first, second, third = sheet.candidates
    assert second.apart is not None and second.apart.same_sequence
    assert second.apart.machines == (("Turning", "T1", "T2"),)
    assert [o.mark for o in second.operations] == ["same", OTHER_MACHINE]
    assert first.apart is None and third.apart is not None and third.apart.missing == ("Turning",)


def test_a_candidate_that_is_hardly_ever_right_is_no_equal_choice(sheet: Sheet) -> None:
    assert [c.remote for c in sheet.candidates] == [False, False, True]
    assert len(sheet.choices) == 2
    unsure = source(candidates=source().candidates.with_columns(pl.lit(0.03).alias("confidence")))
    found = next(iter(sheets_of(unsure)))
    assert [c.remote for c in found.candidates] == [False, True, True], "the first is always shown"


def test_a_neighbour_is_named_with_what_differs_in_the_plants_words(sheet: Sheet) -> None:
    first, second = sheet.candidates[0].neighbours
    assert (first.item_cd, first.name) == ("B-1", "Bush 52")
    assert [(d.title, d.item, d.neighbour) for d in first.differs] == [
        ("Outer diameter", 50.0, 52.0), ("DRAW_NO", "D-1", None),
    ]  # fmt: skip
    assert first.agrees == ("PART_TYPE",), "that the unit agrees says nothing"
    assert not second.differs


def test_an_attribute_that_most_items_share_is_commonplace() -> None:
    plant = items(*(item(f"I{n}", "x", outdiameter=float(n), draw_no=None) for n in range(4)))
    assert commonplace(plant, source().attributes) == {"part_type", "item_unit"}
    assert commonplace(plant.clear(), source().attributes) == frozenset()
    accounts = plant.with_columns(item_unit=pl.Series(["EA", "EA", "SET", "SET"]))
    assert "item_unit" in commonplace(accounts, source().attributes), (
        "half of all pairs agree, though no value is that of most"
    )


def test_the_page_says_what_the_sheet_knows(sheet: Sheet) -> None:
    shown = text_of(sheet_page(sheet, language="en", made=MADE))
    for what in (
        "Very likely right: about 86% of such proposals are.", "Outer diameter 50 mm", "set-up 10–30 min",
        "run 1.25–3 min/piece", "Run times are for an order of 24 pieces.", "other machine",
        "The same operations in the same order: Turning on T2 instead of T1", "The ERP&#39;s routing OLD not valid",
        "2 similar items have exactly this routing: 60% of the weight", "Hardly ever right", "A-1_C03 2%: without Turning",
        "Model v1, made 2026-03-01 02:30 UTC",
    ):  # fmt: skip
        assert what in shown, what
    assert "23.73" not in shown


def test_an_item_without_a_proposal_says_why() -> None:
    _, odd = sheets_of(source())
    shown = text_of(sheet_page(odd, language="en", made=MADE))
    assert (
        "No proposal Nobody routed a &#39;?&#39;." in shown
        and "Not given in the ERP: Outer diameter" in shown
    )
    assert "Candidate 1" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_of_the_erp_is_text_and_nothing_else(language: str) -> None:
    [hostile, _] = sheets_of(source(name=HOSTILE, titles={"draw_no": HOSTILE}))
    entry = Entry(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, True, 0.5, "medium", 1, HOSTILE, HOSTILE, "", "items/x.html"
    )
    listed = Worklist((entry,), 1, 1, HOSTILE, HOSTILE, 1, MADE, HOSTILE)
    for page in (
        sheet_page(hostile, language=language, made=MADE), worklist_page(listed, language=language, workbook="w.xlsx"),
    ):  # fmt: skip
        assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
        assert "&lt;script&gt;alert(1)" in page and r"\x1b[31m" in page
        assert "://" not in page and "src=" not in page, "nothing is fetched"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_catalogue_has_every_text_with_its_values(language: str) -> None:
    with (SHEETS / "locale" / f"{language}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=language, abort_invalid=True)
    wanted = {m.id for m in messages() if m.id}
    assert len(wanted) > 80, "the search finds no texts any more"
    assert {m.id for m in catalogue if m.id} == wanted
    for message in catalogue:
        if not message.id:
            continue
        original = message.id if isinstance(message.id, str) else message.id[0]
        told = message.string if isinstance(message.string, str) else message.string[0]
        assert told and not message.fuzzy, message.id
        assert set(re.findall(r"%\(\w+\)s", told)) == set(re.findall(r"%\(\w+\)s", original)), message.id


def test_a_page_in_korean_is_korean(sheet: Sheet) -> None:
    page = sheet_page(sheet, language="ko", made=MADE)
    assert '<html lang="ko">' in page
    shown = text_of(page)
    assert "라우팅 비교" in shown and "유사 품목 2건이 이 라우팅과 똑같습니다" in shown
    assert not re.search(r"\b(Candidate|Confidence|differs)\b", shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (0.0, "0"), (0.01234, "0.0123"), (1.256, "1.26"), (23.7312, "23.7"), (1234.5, "1,234"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_an_engineer_reads(value: float | None, shown: str) -> None:
    assert words("en").number(value) == shown


def test_a_time_is_a_range_where_one_is_known() -> None:
    said = words("en")
    assert said.span(Span(2.0, 1.0, 3.0)) == "1–3" and said.span(Span(2.0)) == "2"
    assert said.span(Span(None)) == "–" and said.span(Span(2.0, 2.001, 2.002)) == "2"


def test_new_items_come_first_then_the_surest_and_the_list_is_bounded() -> None:
    waiting = items(*(item(code, "x") for code in ("OLD-SURE", "OLD", "NEW", "NEW-SURE", "NONE")))
    first = pl.DataFrame([candidate(c, 1, p) for c, p in
                          (("OLD-SURE", 0.99), ("OLD", 0.4), ("NEW", 0.3), ("NEW-SURE", 0.8))])  # fmt: skip
    new = pl.Series(["NEW", "NEW-SURE"])
    assert chosen(waiting, first, new, 9)["item_cd"].to_list() == [
        "NEW-SURE",
        "NEW",
        "OLD-SURE",
        "OLD",
        "NONE",
    ]
    assert chosen(waiting, first, new, 2)["item_cd"].to_list() == ["NEW-SURE", "NEW"]


def test_the_excel_file_holds_texts_and_links_and_no_formula(tmp_path: Path) -> None:
    entry = Entry("=1+1", "@SUM(A1)", "F", "P", True, 0.86, "high", 2, "+SAW", "-B", "", "items/x.html")
    listed = Worklist((entry, replace(entry, item_cd=HOSTILE, sheet="")), 5, 2, "r", "v", 1, MADE, "p")
    file = tmp_path / "list.xlsx"
    write_workbook(file, listed, language="ko")
    with zipfile.ZipFile(file) as book:
        page = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode()
        links = book.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    assert "<f>" not in page and "0.86" in page and "autoFilter" in page
    assert "=1+1" in strings and "신규" in strings and r"\x1b" in strings and "&lt;script" in strings
    assert links.count(r"items\x.html") == 1, "as Excel writes relative paths"


def test_names_of_files_are_safe_and_distinct() -> None:
    codes = ["A/1", "A\\1", "a 1", "A 1", "CON", "..", "부품-1", "", "x" * 300, "3H18091DB"]
    names = [file_of(code) for code in codes]
    assert len({n.lower() for n in names}) == len(codes)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,80}\.html", n) for n in names)
    assert names[-1].startswith("3H18091DB-")


def test_the_worklist_begins_with_the_family_of_the_surest_item_and_not_with_the_first_letter() -> None:
    """By name, items without a family stood at the top of a page that promises the surest first, with 3 % each."""
    entries = tuple(
        Entry(code, "", family, "", new, sure, "low", 1, "SAW", "", "", f"items/{code}.html")
        for code, family, new, sure in (
            ("N", "Z", True, 0.2), ("A", "M", False, 0.9), ("B", "", False, 0.7), ("C", "M", False, 0.5), ("D", "A", False, 0.1),
        )
    )  # fmt: skip
    page = worklist_page(Worklist(entries, 5, 1, "r", "v", 1, MADE, "p"), language="en")
    titles = re.findall(r"<h2[^>]*>(.*?) <span", page)
    assert titles == ["New · Family Z", "Family M", "Without a family", "Family A"]
