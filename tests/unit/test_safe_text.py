"""Codes and names that mean something to a terminal, a log, Markdown or a plot are shown, not obeyed."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from routing_etl import log, plots, safe_text
from routing_etl.cli.display.operation import doctor_table
from routing_etl.cli.display.parts import new_table
from routing_etl.doctor.examination import Finding
from routing_etl.evaluation import card
from routing_etl.evaluation.markdown import table
from routing_etl.frames import TIME_BY_JOB

FRACTION = "$\\frac{1}{0}$"
HOSTILE = (
    FRACTION, "$x_^", "\x1b[31mX", "\x9b31mX", "\x1b]0;title\x07", "a\nError: all is lost", "a\rb", "\u202egnp.exe",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- x", "&lt;b&gt;", "[link](javascript:alert(1))",
    "![](https://evil.example/x.png)", "`code`", "**bold**", "a|b", "a\\|b", "# heading", "[red]markup[/]", "_hidden",
    "\ud800half", "NUL\x00", "\\", "=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3", "@SUM(1)", "\t=1", " =1",
)  # fmt: skip
STEERING = {chr(c) for c in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@pytest.mark.parametrize("text", HOSTILE)
def test_one_line_has_no_character_that_steers(text: str) -> None:
    shown = safe_text.one_line(text)
    assert not STEERING & set(shown)
    shown.encode("utf-8")
    assert not (STEERING - {"\n", "\t"}) & set(safe_text.terminal(text))


def test_ordinary_text_stays_as_it_is() -> None:
    for text in (
        "P-100/2 (재질) Ø12",
        "R&D",
        "outer_mm",
        "n < 5",
        "10.5",
        "mssql+pyodbc://host",
        "2026-01-01 ~ 02-01",
    ):
        assert safe_text.one_line(text) == safe_text.terminal(text) == text
        assert safe_text.plot(text) == text
        assert safe_text.markdown(text) == text
    assert safe_text.terminal("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert safe_text.one_line("two\nlines") == "two\\nlines"


@given(st.text())
def test_a_log_line_reads_back_as_it_was_and_holds_no_control_character(text: str) -> None:
    line = safe_text.json_line(json.dumps({"event": text}, ensure_ascii=False))
    assert json.loads(line) == {"event": text}
    assert not STEERING & set(line)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    log.send_to(logging.StreamHandler(written), "INFO")
    yield written
    log.send_to(logging.NullHandler(), "WARNING")


#: Half a surrogate pair is tested apart: pytest keeps log records for its report, which cannot be sent between processes then.
LOGGED = [text for text in HOSTILE if not text.startswith("\ud800")]


@pytest.mark.parametrize("text", LOGGED)
def test_the_log_file_shows_a_code_and_does_not_obey_it(stream: io.StringIO, text: str) -> None:
    log.get_logger("routing_etl.test").warning("item", code=text)
    [line] = stream.getvalue().splitlines()
    assert not STEERING & set(line)
    assert json.loads(line)["code"] == text
    line.encode("utf-8")


def test_half_a_surrogate_pair_can_be_logged() -> None:
    record = logging.LogRecord("routing_etl", logging.INFO, "", 1, '{"code": "\ud800half"}', None, None)
    line = log._Lines("%(message)s").format(record)
    line.encode("utf-8")
    assert json.loads(line)["code"] == "\ud800half"


def terminal(show: Any) -> str:
    """What rich writes to a terminal without colours, so that any escape sequence came from the text."""
    written = io.StringIO()
    show(
        Console(
            file=written,
            force_terminal=True,
            color_system=None,
            width=200,
            highlight=False,
            legacy_windows=False,
        )
    )
    return written.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_of_the_command_line_show_a_code_and_do_not_obey_it(text: str) -> None:
    shown = terminal(lambda c: doctor_table(c, [Finding("ERP", "ok", text, text)]))
    shown += terminal(lambda c: c.print(new_table(text, "a")))
    plain = (
        shown.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[3m", "").replace("\x1b[1;3m", "")
    )
    assert not (STEERING - {"\n"}) & set(plain)
    shown.encode("utf-8")
    assert "[red]" not in text or "[red]markup" in plain


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_renders_a_code_as_its_characters(text: str) -> None:
    """Judged by a Markdown renderer with HTML on: what comes out is the text and no tag but the paragraph's."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = renderer.parse(safe_text.markdown(text))
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {t.type for t in children} <= {"text", "text_special"}
    assert "".join(t.content for t in children) == safe_text.one_line(" ".join(text.split()))
    cells = renderer.parse("\n".join(table(["code", "n"], [[safe_text.markdown(text), "1"]])))
    assert [t.content for t in cells if t.type == "inline"][-1] == "1"
    assert len([t for t in cells if t.type == "td_open"]) == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_the_model_card_holds_no_markup_of_the_erp(text: str) -> None:
    written = card.model_card(
        {"model_version": "v1", "metrics": [], "reasons": {text: text}, "alerts": [], "evaluation": {"notes": [text]},
         "dataset_stats": {"missing_rates": {text: 0.1}}},
        {"source": text, "profile": text, "requested_by": text, "notes": [text], "hyperparameters": {"words": text}},
        {text: 0.5},
    )  # fmt: skip
    change = {"event": "set", "alias": "champion", "at": "2026", "from_version": None, "to_version": "v1"}
    written += card.promotions("v1", [{**change, "who": text, "why": text}])
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(written)
    for tag in ("<script", "<img", "<a ", "<!--", "<code", "<h1>heading"):
        assert tag not in html
    assert not (STEERING - {"\n"}) & set(written)


@pytest.mark.parametrize("text", [FRACTION, "$\\frac{1}$", "$x_^$", "\\", "_hidden", "\x1b[31mX"])
def test_a_plot_of_a_code_is_drawn(text: str) -> None:
    columns = {c.name: [1.0] for c in TIME_BY_JOB.columns if c.dtype == pl.Float64}
    frame = pl.DataFrame({"job_cd": [text.encode("utf-8", "replace").decode()], **columns}).with_columns(
        *(pl.lit(5).alias(n) for n in ("run_n", "setup_n"))
    )
    assert (plots.time_profile_by_job(frame) or b"").startswith(b"\x89PNG")
    trend = pl.DataFrame(
        {
            "method": ["model"],
            "segment": ["all"],
            "metric": ["exact_at_1"],
            "value": [0.5],
            "low": [0.4],
            "high": [0.6],
        }
    )
    assert (plots.metric_trend([(text, trend)]) or b"").startswith(b"\x89PNG")


def test_a_formula_of_a_plot_would_fail_without_the_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_text, "plot", str)
    with pytest.raises(ValueError, match="frac"):
        test_a_plot_of_a_code_is_drawn("$\\frac{1}$")
    monkeypatch.undo()
    test_a_plot_of_a_code_is_drawn("$\\frac{1}$")


def test_errors_of_the_command_line_show_what_they_quote(capsys: pytest.CaptureFixture[str]) -> None:
    from routing_etl.cli import app
    from routing_etl.errors import SourceError

    def fails() -> None:
        raise SourceError("Item '\x1b[2J' does not exist.")

    assert app._run(fails) == 3
    assert capsys.readouterr().err == "Error: Item '\\x1b[2J' does not exist.\n"


def test_dagster_shows_a_code_and_does_not_obey_it(tmp_path: Path) -> None:
    from dagster_defs import metadata

    for text in HOSTILE:
        shown = metadata.table([{"code": text}]).records[0].data["code"]
        assert not STEERING & set(str(shown))
        assert not (STEERING - {"\n", "\t"}) & set(metadata.plain({"code": text})["code"])
    assert SimpleNamespace(**metadata.plain({"code": "P-1"})).code == "P-1"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        " ",
        "\t",
        "\r",
        "\n",
        "\x00",
        "\x1f",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\u2060",
        "\u202e",
        "\u00ad \x00",
    ],
)
def test_no_cell_of_a_csv_file_begins_a_formula(before: str, sign: str) -> None:
    """Programs leave out NUL, marks of byte order and characters without a width when they read a file."""
    assert safe_text.spreadsheet(f"{before}{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["-1", "+2.5e3", "A-1", "3H18091DB", "\u200bA=1", "(=1)", "한-1", ""])
def test_what_begins_no_formula_stays_in_a_cell(text: str) -> None:
    assert safe_text.spreadsheet(text) == text
