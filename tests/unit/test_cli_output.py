"""What scripts rely on: exit codes, and the forms of output."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from routing_etl import errors
from routing_etl.cli import app, exit_codes
from routing_etl.cli.common import read_settings
from routing_etl.cli.display.prediction import in_words
from routing_etl.cli.display.publications import CHANGED, publication_table
from routing_etl.cli.display.source import source_table
from routing_etl.cli.output import RESULTS, Output, as_csv_text, as_json_text, schema_of
from routing_etl.cli.shown import ChampionShown
from routing_etl.erp.clean_report import CleanReport, FrameClean
from routing_etl.erp.extract import ExtractReport
from routing_etl.pipeline.results import Extracted, Published
from routing_etl.warehouse.publication_changes import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def every_error() -> list[type[errors.RoutingEtlError]]:
    found, todo = [], [errors.RoutingEtlError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    return found


def accounts(**filtered: int) -> str:
    """The table of an extract in which 10 rows were read and 1 was rejected, as people see it."""
    lost = sum(filtered.values())
    frame = FrameClean(10, 9 - lost, 1, lost, {"missing_key": 1}, filtered, {}, 0.1)
    console = Console(width=120, record=True, file=io.StringIO())
    read = ExtractReport("p", "f", "r", "i", 0.1, 10, 1, {}, ())
    source_table(
        console, Extracted("sqlite://", read), CleanReport({"work_results": frame}, date(2026, 1, 1), None, (), (), 0.1)
    )  # fmt: skip
    return console.export_text()


def test_rows_that_are_counted_within_another_row_are_not_called_filtered() -> None:
    told = accounts(part_of_order=5, too_old=2)
    [row] = [line for line in told.splitlines() if "work_results" in line and "missing_key" not in line]
    assert [c.strip() for c in row.split("│")[3:8]] == ["10", "2", "5", "2", "1"]
    assert "Merged rows are counted within another row" in told
    assert "erged" not in accounts(too_old=2)


def test_every_error_of_ours_has_a_code_of_its_kind() -> None:
    for kind in every_error():
        made = kind("f", "k", 1, "p", remedy="r") if kind is errors.ProfileError else kind("m")
        code = exit_codes.exit_code(made)
        assert code in exit_codes.MEANINGS
        assert (code == exit_codes.UNEXPECTED) == (kind is errors.RoutingEtlError), kind


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("x"), 2), (errors.ItemNotFoundError("x"), 3), (errors.WarehouseError("x"), 4),
        (errors.DataQualityError("x"), 5), (errors.LockedError("x"), 6), (errors.ShortageError("x"), 7),
        (ValueError("x"), 1), (MemoryError(), 7),
    ],
)  # fmt: skip
def test_a_command_ends_with_the_code_of_its_error(error: Exception, code: int) -> None:
    def fails() -> None:
        raise error

    assert app._run(fails) == code


def test_the_documents_list_of_codes_is_the_programs() -> None:
    table = re.findall(
        r"^\| (\d+) \| (.+) \|$", (DOCS / "scripting.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {int(code): meaning for code, meaning in table} == exit_codes.MEANINGS


def test_the_schemas_that_are_documented_are_those_of_the_code() -> None:
    """To renew them: python -m routing_etl json-schema > docs/json-schemas.json. A field that goes raises the version."""
    documented = json.loads((DOCS / "json-schemas.json").read_text(encoding="utf-8"))
    assert set(documented) == set(RESULTS)
    for command in RESULTS:
        assert documented[command] == json.loads(json.dumps(schema_of(command))), command


def test_every_command_that_shows_something_gives_json() -> None:
    names = {c.name or (c.callback.__name__ if c.callback else "") for c in app.app.registered_commands}
    for group in app.app.registered_groups:
        assert group.typer_instance is not None
        names |= {f"{group.name} {c.name}" for c in group.typer_instance.registered_commands}
    # What metrics prints is read by a program as it is: the text format of Prometheus.
    assert names - set(RESULTS) == {"json-schema", "load-adventureworks", "metrics", "ui"} & names
    assert set(RESULTS) <= names


def test_json_is_ascii_and_has_no_nan() -> None:
    text = as_json_text("models rollback", ChampionShown("부품\x1b\u202e"))
    assert text.isascii() and "\x1b" not in text
    assert json.loads(text) == {
        "command": "models rollback", "version": 1, "result": {"champion": "부품\x1b\u202e"},
    }  # fmt: skip


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.text(), "b": st.none() | st.integers() | st.booleans()}), min_size=1
    )
)
def test_csv_comes_back_and_holds_no_formula(rows: list[dict[str, object]]) -> None:
    back = list(csv.DictReader(io.StringIO(as_csv_text(rows), newline="")))
    assert len(back) == len(rows)
    for row, read in zip(rows, back, strict=True):
        assert read["a"].removeprefix("'") == str(row["a"]).removeprefix("'")
        assert not read["a"].strip().startswith(("=", "+", "-", "@")) or float(read["a"]) is not None


@pytest.mark.parametrize("text", ["=1+1", " =1+1", "\n=1", "＝1", "@SUM(A1)", "-2+3", "+1_0", "-inf"])
def test_no_cell_name_or_list_of_a_csv_is_a_formula(text: str) -> None:
    rows = [{text: 1, "list": [text, "b"], "number": "-2.5"}]
    names, cells = csv.reader(io.StringIO(as_csv_text(rows), newline=""))
    assert names[0] == f"'{text}" and cells[1] == f"'{text}, b" and cells[2] == "-2.5"


def test_a_publication_says_in_words_what_became_of_items() -> None:
    assert set(CHANGED) == set(KINDS)
    changes = {**dict.fromkeys(KINDS, 0), "first": 1, "lost": 1200}
    shown = io.StringIO()
    for found in (changes, dict.fromkeys(KINDS, 0)):
        console = Console(file=shown, width=200)
        publication_table(console, Published(2, 1, True, 0.1, {}, False, (), changes=found))
    assert "before: 1,200 without a proposal now, 1 with another first candidate (" in shown.getvalue()
    assert "before: none changed (" in shown.getvalue()


def test_only_one_form_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Output("models rollback", as_json=True)
    asked.give(ChampionShown("v1"), lambda _: pytest.fail("no text is wanted"))
    assert json.loads(capsys.readouterr().out)["result"] == {"champion": "v1"}
    Output("models rollback", quiet=True).give(
        ChampionShown("v1"), lambda _: pytest.fail("no text is wanted")
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "place", "offered"),
    [
        ("routing-etl ado", 1, ["adopt", "adopt-time"]),
        ("routing-etl models pr", 2, ["promote", "prune"]),
        ("routing-etl predict --it", 2, ["--items"]),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, place: int, offered: list[str]) -> None:
    env = {"_ROUTING_ETL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    done = CliRunner().invoke(app.app, [], prog_name="routing-etl", env=env)
    assert done.output.split() == offered


def test_every_line_is_written_as_its_stream_encodes_it() -> None:
    """click's own echo writes UTF-8 into a stream of ASCII; `streams.echo` does not."""
    folder = Path(app.__file__).parent
    found = [p.name for p in folder.rglob("*.py") if "typer.echo" in p.read_text(encoding="utf-8")]
    assert found == ["streams.py"]
    assert not [p for p in folder.rglob("*.py") if "click.echo" in p.read_text(encoding="utf-8")]


def test_the_log_goes_where_the_setting_says_and_a_trace_that_was_not_written_is_not_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from routing_etl import log

    monkeypatch.setenv("ROUTING_ETL_HOME", str(tmp_path))
    try:
        monkeypatch.setenv("ROUTING_ETL_LOG_TO", "stderr")
        read_settings()
        [line] = capsys.readouterr().err.splitlines()
        assert json.loads(line)["event"] == "settings_read" and not (tmp_path / "logs").exists()
        assert log.where_logged() == "standard error"
        monkeypatch.setenv("ROUTING_ETL_LOG_TO", "file")
        (tmp_path / "logs" / "routing_etl.log").mkdir(parents=True)  # cannot be written, not by root either
        read_settings()
        assert app._log_failure() == "Its trace was not logged."
        (tmp_path / "logs" / "routing_etl.log").rmdir()
        read_settings()
        assert app._log_failure() == f"The full trace is in {tmp_path / 'logs' / 'routing_etl.log'}."
    finally:
        log.configure(None, "WARNING")


def test_evidence_speaks_the_plants_words() -> None:
    titles = {"part_nm": "품명", "outdiameter": "OUTDIAMETER"}
    assert in_words("part_nm, outdiameter, group1", ", ", titles) == "품명, OUTDIAMETER, group1"
    told = in_words("outdiameter: 12 -> 14; part_nm: a: b -> (missing)", "; ", titles)
    assert told == "OUTDIAMETER: 12 -> 14; 품명: a: b -> (missing)"
    assert in_words(None, ", ", titles) is None
