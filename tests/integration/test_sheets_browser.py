"""Item sheet, worklist and weekly report in a real browser, at the width of a desktop, of a phone, and on paper."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest
from browser import Browser, NoBrowserError, chromium
from sheet_toy import HOSTILE, source
from watched import NOW, known_warehouse

from routing_etl.pipeline.weekly import write_report
from routing_etl.sheets.content import sheets_of
from routing_etl.sheets.pages import sheet_page, worklist_page
from routing_etl.sheets.words import LANGUAGES
from routing_etl.sheets.worklist import Entry, Worklist

pytestmark = pytest.mark.integration
MADE = datetime(2026, 3, 1, tzinfo=UTC)
WIDTHS = (1500, 390)


def _axe() -> Path | None:
    """axe-core, the rules by which browsers' tools judge accessibility, as a package of the extra `test` ships it."""
    spec = find_spec("axe_core_python")
    places = [Path(p) for p in spec.submodule_search_locations or ()] if spec else []
    return next((f for p in places for f in p.rglob("axe.min.js")), None)


AXE = _axe()
#: What assistive technology needs and a page can get wrong without anybody seeing it.
FAULTS = """
const faults = [];
const named = e => (e.getAttribute('aria-label') || '').trim() ||
  (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby'))) || e.textContent.trim();
if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
let level = 0;
for (const h of document.querySelectorAll('h1, h2, h3')) {
  if (+h.tagName[1] > level + 1) faults.push('heading skipped: ' + h.textContent);
  level = +h.tagName[1];
}
for (const t of document.querySelectorAll('table')) {
  if (![...t.querySelectorAll('thead th')].every(h => h.getAttribute('scope') === 'col')) faults.push('head without scope');
  const columns = t.querySelectorAll('thead th').length;
  if (![...t.querySelectorAll('tbody tr')].every(r => r.cells.length === columns)) faults.push('ragged table');
}
for (const e of document.querySelectorAll('[role=region], a, summary, nav')) if (!named(e)) faults.push('no name: ' + e.outerHTML);
for (const e of document.querySelectorAll('.scroll')) if (e.tabIndex !== 0) faults.push('cannot be reached by keyboard');
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
if (new Set(ids).size !== ids.length) faults.push('an id twice');
if (!document.title || !document.documentElement.lang) faults.push('no title or language');
const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (over > 0) faults.push('wider than the window by ' + over);
return faults;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium("file://") as started:
            yield started
    except NoBrowserError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="module", params=LANGUAGES)
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worklist with the sheets of two items, one without a proposal, in a language."""
    folder = tmp_path_factory.mktemp(f"sheets_{request.param}")
    (folder / "items").mkdir()
    entries = []
    for number, sheet in enumerate(sheets_of(source(name=f"Bush {HOSTILE}"))):
        page = sheet_page(sheet, language=request.param, made=MADE, back="../index.html")
        (folder / "items" / f"{number}.html").write_text(page, encoding="utf-8")
        first = sheet.candidates[0] if sheet.candidates else None
        entries.append(
            Entry(
                sheet.item_cd, sheet.name, sheet.part_type, "KIM", number == 0, first.confidence if first else None,
                first.tier if first else "", 2, " > ".join(["Turning"] * 14), "B-1", sheet.abstained, f"items/{number}.html",
            )
        )  # fmt: skip
    listed = Worklist(tuple(entries), 700, 1, "run_1", "v1", 3, MADE, "plant")
    page = worklist_page(listed, language=request.param, workbook="worklist.xlsx")
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weekly report of a few nights that are known."""
    home = tmp_path_factory.mktemp("weekly")
    return write_report(known_warehouse(home), home / "week.html", now=NOW)


def show(browser: Browser, page: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.driver.get(page.as_uri())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["index.html", "items/0.html", "items/1.html"])
def test_a_page_fits_its_window_and_can_be_read_without_seeing_it(
    browser: Browser, pages: Path, name: str, width: int
) -> None:
    show(browser, pages / name, width)
    assert browser.driver.execute_script(FAULTS) == []
    assert browser.driver.execute_script("return document.scripts.length") == 0
    browser.shot(f"sheet_{pages.name}_{name.replace('/', '_')}_{width}")


@pytest.mark.skipif(AXE is None, reason="no axe-core (extra test)")
@pytest.mark.parametrize("name", ["index.html", "items/0.html"])
def test_axe_finds_no_fault(browser: Browser, pages: Path, name: str) -> None:
    """Contrast, roles, labels, landmarks, order of headings: the rules of WCAG 2.1 A and AA and good practice."""
    show(browser, pages / name, WIDTHS[0])
    assert AXE is not None
    browser.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.driver.execute_async_script(
        "const done = arguments[0]; axe.run(document).then("
        "r => done([r.passes.length, r.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`)]))"
    )
    assert found[0] > 15, "axe looked at nothing"
    assert found[1] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_weekly_report_fits_its_window_and_shows_its_plots(
    browser: Browser, report: Path, width: int
) -> None:
    show(browser, report, width)
    assert browser.driver.execute_script(FAULTS) == []
    assert browser.driver.execute_script("return document.scripts.length") == 0
    assert len(browser.images()) == 4 and all(w > 600 and h > 200 for w, h in browser.images())
    shown = browser.text()
    assert "40.0%" in shown and "SEAL" in shown and "<script>alert(1)</script>" in shown
    browser.shot(f"weekly_{width}")


def test_the_worklist_leads_to_a_sheet_and_back(browser: Browser, pages: Path) -> None:
    show(browser, pages / "index.html", WIDTHS[0])
    browser.driver.find_element("link text", "A-1").click()
    assert "T2" in browser.text() and "<script>alert(1)</script>" in browser.text()
    columns = browser.driver.find_elements("css selector", "table.compare thead th")
    lefts = [c.location["x"] for c in columns]
    assert len(columns) == 3 and lefts == sorted(set(lefts)), (
        "two candidates and the ERP's routing stand side by side"
    )
    marked = browser.driver.find_elements("css selector", "td.other_machine .mark")
    assert len(marked) == 1 and marked[0].text, "a difference is marked in words, not by its colour alone"
    browser.driver.find_element("css selector", "nav a").click()
    assert browser.driver.current_url.endswith("index.html")


def test_a_sheet_can_be_printed_on_few_pages(browser: Browser, pages: Path) -> None:
    show(browser, pages / "items" / "0.html", WIDTHS[0])
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF") and 1 <= pdf.count(b"/Type /Page\n") <= 3
