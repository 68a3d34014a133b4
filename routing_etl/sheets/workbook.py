"""The worklist as an Excel file: what a planner sorts and filters. Cells hold texts and numbers, never formulas."""

from __future__ import annotations

from pathlib import Path

from routing_etl import safe_text
from routing_etl.sheets.words import words
from routing_etl.sheets.worklist import Worklist

#: Longest text of a cell in Excel.
_LONGEST = 32_767
_WIDTHS = (18, 34, 14, 14, 8, 11, 12, 11, 60, 18, 50)


def write_workbook(path: Path, listed: Worklist, *, language: str) -> None:
    """Write the file.

    Parameters
    ----------
    path : pathlib.Path
        Where.
    listed : Worklist
        What it says. Codes of items link to their sheets, relative to the file.
    language : str
        One of `words.LANGUAGES`.
    """
    import xlsxwriter

    said = words(language)
    tiers = {
        "high": said.text("high"), "medium": said.text("medium"), "low": said.text("low"), "": said.text("no proposal"),
    }  # fmt: skip
    heads = [
        said.text("Item"), said.text("Name"), said.text("Family"), said.text("Planner"), said.text("New"),
        said.text("Confidence"), said.text("How sure"), said.text("Candidates"), said.text("Operations of the first"),
        said.text("Like item"), said.text("Why no proposal"),
    ]  # fmt: skip
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        bold = book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1})
        link = book.add_format({"font_color": "#1A4F8B", "underline": 1})
        share = book.add_format({"num_format": "0%"})
        page = book.add_worksheet(said.text("Worklist")[:31])
        page.freeze_panes(1, 1)
        page.set_landscape()
        page.repeat_rows(0)
        page.fit_to_pages(1, 0)
        for column, (head, width) in enumerate(zip(heads, _WIDTHS, strict=True)):
            page.write_string(0, column, head, bold)
            page.set_column(column, column, width)
        for row, e in enumerate(listed.entries, start=1):
            code = _cell(e.item_cd)
            if e.sheet:
                page.write_url(row, 0, f"external:{e.sheet}", link, code)
            else:
                page.write_string(row, 0, code)
            texts = {
                1: e.name, 2: e.family, 3: e.planner, 4: said.text("new") if e.new else "", 6: tiers[e.tier],
                8: e.operations, 9: e.reference_item_cd, 10: e.abstained,
            }  # fmt: skip
            for column, text in texts.items():
                page.write_string(row, column, _cell(text))
            if e.confidence is not None:
                page.write_number(row, 5, e.confidence, share)
            page.write_number(row, 7, e.candidates)
        page.autofilter(0, 0, max(len(listed.entries), 1), len(heads) - 1)


def _cell(text: str) -> str:
    return safe_text.one_line(text)[:_LONGEST]
