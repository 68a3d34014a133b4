"""Files that commands about items read and write: lists of item codes, and what was taken over in the ERP's columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from routing_etl import safe_text
from routing_etl.cli.output import as_csv_text
from routing_etl.errors import ConfigurationError
from routing_etl.files import TEMPORARY, replace_file

#: Names of a list's column of item codes, in lower case.
_CODE = ("item_cd", "item", "item_code", "code")
_KINDS = (".csv", ".xlsx", ".json")

Table = Sequence[Mapping[str, Any]]


def codes_of(file: Path) -> list[str]:
    """Item codes of a list: the column ITEM_CD of a CSV file, or one code a line. Each once, in the order of the file.

    Parameters
    ----------
    file : pathlib.Path
        The list, in UTF-8. A table needs a first line with names; separated by comma, semicolon or tab.

    Raises
    ------
    ConfigurationError
        It cannot be read, has a table without such a column, or no code.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f"The list {file} cannot be read: {exc}.", remedy="Give a text or CSV file in UTF-8."
        ) from exc
    first = next((line for line in lines if line.strip()), "")
    mark = next((m for m in (";", "\t", ",") if m in first), ",")
    names = [n.strip().strip('"').lower() for n in first.split(mark)]
    place = next((names.index(n) for n in _CODE if n in names), None)
    if place is None and len(names) > 1:
        raise ConfigurationError(
            f"The list {file} has the columns {', '.join(names)}, and none of them is ITEM_CD.",
            remedy="Call the column of item codes ITEM_CD, or give one code a line.",
        )
    rows = [row for row in csv.reader(lines, delimiter=mark) if any(cell.strip() for cell in row)]
    cells = [row[place or 0].strip() for row in rows[place is not None :] if len(row) > (place or 0)]
    codes = list(dict.fromkeys(c for c in cells if c))
    if not codes:
        raise ConfigurationError(f"The list {file} has no item code.", remedy="Give one code a line.")
    return codes


def check_file(file: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is marked in the database.

    Raises
    ------
    ConfigurationError
        Its ending says no form that is known, or its folder is not there.
    """
    if file is None:
        return
    if file.suffix.lower() not in _KINDS:
        raise ConfigurationError(
            f"--out {file}: its ending says no form.", remedy=f"Use one of {', '.join(_KINDS)}."
        )
    probe = file.with_name(file.name + TEMPORARY)
    try:
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise ConfigurationError(
            f"--out {file} cannot be written: {exc.strerror or exc}.", remedy="Name a folder that is there."
        ) from exc


def write_tables(file: Path, tables: Mapping[str, Table]) -> list[Path]:
    """Write tables with all their columns: one workbook or JSON file, or a CSV file for each.

    Parameters
    ----------
    file : pathlib.Path
        Ends in .xlsx, .json or .csv. Several tables as CSV get their names behind the file's: `new_bop_proc_detail.csv`.
    tables : mapping of str to rows
        What is written.

    Returns
    -------
    list of pathlib.Path
        The files.
    """
    kind = file.suffix.lower()
    if kind == ".csv":
        files = [file] if len(tables) == 1 else [file.with_name(f"{file.stem}_{n}.csv") for n in tables]
        for path, rows in zip(files, tables.values(), strict=True):
            _replace(path, as_csv_text(rows).encode("utf-8-sig"))
        return files
    if kind == ".json":
        _replace(
            file,
            json.dumps({n: list(map(dict, t)) for n, t in tables.items()}, indent=1, default=_plain).encode(),
        )
    else:
        _workbook(file, tables)
    return [file]


def _plain(value: object) -> object:
    """What JSON cannot hold: decimals as numbers, moments and others as texts."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(content)
    replace_file(temporary, path)


def _workbook(file: Path, tables: Mapping[str, Table]) -> None:
    """Texts stay texts: no formulas, no links, no leading zeros lost."""
    import xlsxwriter

    temporary = file.with_name(file.name + TEMPORARY)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(temporary), options) as book:
        for name, rows in tables.items():
            page = book.add_worksheet(name[:31])
            page.freeze_panes(1, 0)
            for column, title in enumerate(dict.fromkeys(n for row in rows for n in row)):
                page.write_string(0, column, title)
                for line, row in enumerate(rows, start=1):
                    value = row.get(title)
                    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
                        page.write_number(line, column, value)
                    elif value is not None:
                        page.write_string(line, column, safe_text.one_line(value)[:32_767])
    replace_file(temporary, file)
