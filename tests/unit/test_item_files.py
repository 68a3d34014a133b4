"""Lists of items that are read, and what was taken over as files: all columns, texts that stay texts."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from routing_etl.cli.display.feedback import adoption
from routing_etl.cli.item_files import check_file, codes_of, write_tables
from routing_etl.errors import ConfigurationError
from routing_etl.warehouse.feedback import Adoption

ROWS = {
    "bop_proc_detail": [
        {
            "ITEM_CD": "00123",
            "PROC_SEQ": 10,
            "RUN_TIME": Decimal("2.50"),
            "FROM": date(2026, 1, 2),
            "NOTE": None,
        },
        {"ITEM_CD": "00123", "PROC_SEQ": 20, "RUN_TIME": None, "FROM": date(2026, 1, 2), "NOTE": None},
    ],
    "bop_proc_res": [{"ITEM_CD": "=1+1", "RES_CD": "밀링"}],
}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("A1\n\nA2\nA1\n", ["A1", "A2"]),
        ("ITEM_CD\nA1\n", ["A1"]),
        ("NAME;Item_Cd\nshaft;0012\ncover;A 2\n", ["0012", "A 2"]),
        ('\ufeff"item","name"\n"A,1","x"\n', ["A,1"]),
    ],
)
def test_a_list_of_items_is_read(tmp_path: Path, text: str, codes: list[str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    assert codes_of(file) == codes


@pytest.mark.parametrize(("text", "says"), [("A;B\n1;2\n", "columns a, b"), ("ITEM_CD\n\n", "no item code")])
def test_a_list_without_codes_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=says):
        codes_of(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        codes_of(tmp_path / "none.csv")


def test_files_have_all_columns_and_leading_zeros(tmp_path: Path) -> None:
    master, res = write_tables(tmp_path / "new.csv", ROWS)
    assert (master.name, res.name) == ("new_bop_proc_detail.csv", "new_bop_proc_res.csv")
    with master.open(encoding="utf-8-sig", newline="") as opened:
        first, second = csv.DictReader(opened)
    assert first == {
        "ITEM_CD": "00123",
        "PROC_SEQ": "10",
        "RUN_TIME": "2.50",
        "FROM": "2026-01-02",
        "NOTE": "",
    }
    assert second["RUN_TIME"] == ""
    [file] = write_tables(tmp_path / "new.json", ROWS)
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["bop_proc_detail"][0] == {
        "ITEM_CD": "00123", "PROC_SEQ": 10, "RUN_TIME": 2.5, "FROM": "2026-01-02", "NOTE": None,
    }  # fmt: skip
    [book] = write_tables(tmp_path / "new.xlsx", ROWS)
    with zipfile.ZipFile(book) as opened_book:
        texts = opened_book.read("xl/sharedStrings.xml").decode()
        sheet = opened_book.read("xl/worksheets/sheet2.xml").decode()
    assert "00123" in texts and "NOTE" in texts and "=1+1" in texts and "<f>" not in sheet
    assert [p.suffix for p in sorted(tmp_path.iterdir())] == [".json", ".xlsx", ".csv", ".csv"], (
        "nothing is left beside them"
    )


@pytest.mark.parametrize(("name", "says"), [("x.txt", "ending"), ("no/such/x.csv", "cannot be written")])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_marked(
    tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        check_file(tmp_path / name)
    check_file(tmp_path / "x.XLSX")
    assert not list(tmp_path.iterdir())


def test_a_bop_row_is_readable_on_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    wide = [
        {f"COLUMN_{k}": f"{k}-{row}" if k > 38 else "1" for k in range(40)} | {"EMPTY": None}
        for row in range(6)
    ]
    adoption(
        Console(width=80),
        Adoption(1, "A", "A_C01", "P1", "kim", datetime(2026, 1, 1), True, {"bop_proc_detail": wide}),
    )
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    assert "…" not in shown and "EMPTY" not in shown and "39-5" in shown and "rows 5 to 6 of 6" in words
    assert max(len(line) for line in shown.splitlines()) <= 80
