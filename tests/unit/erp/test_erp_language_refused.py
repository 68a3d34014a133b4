"""Profiles and data that cannot mean what they say: each is refused with the key and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.erp.profile import load_profile
from routing_etl.errors import ProfileError, SourceError


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_item_codes_of_two_companies_stop_the_run(erp: Foreign) -> None:
    twice = ", ".join(f"('A{i}', 'VALVE', {i})" for i in range(10, 16))
    once = ", ".join(f"('A{i}', 'SHAFT', {100 + i})" for i in range(10, 30))
    sql = steps("X TEXT", "('A1','R',10,'A',NULL)") + f"INSERT INTO PART VALUES {twice}, {once};"
    few = erp.beside("few")
    few.night(
        steps("X TEXT", "('A1','R',10,'A',NULL)") + "INSERT INTO PART VALUES ('A1', 'VALVE', 9);",
        ITEMS + STEP,
    )
    assert few.tells("1 of 3 item codes occur", "The row with most values was kept")
    with pytest.raises(SourceError, match="6 of 23 item codes") as caught:
        erp.night(sql, ITEMS + STEP)
    assert "company" in caught.value.remedy
    erp.night("", ITEMS.replace('table = "PART"', 'table = "PART"\non_repeated_code = "reject"') + STEP)
    assert erp.report.frames["items"].rejects == {"duplicate_key": 6}


def test_a_free_text_is_no_job_code(erp: Foreign) -> None:
    rows = ", ".join(f"('A{i % 3 + 1}','R{i}',10,'Turn dia {i} h6',NULL)" for i in range(30))
    with pytest.raises(SourceError, match="30 job codes on 30 operations") as caught:
        erp.night(steps("X TEXT", rows), ITEMS + STEP)
    assert "work centre" in caught.value.remedy


@pytest.mark.parametrize(
    ("body", "key", "says"),
    [
        ('[[items.pivot]]\ntable = "T"\nalias = "t"\non = []\nname = "N"\nvalue = "V"\nnames = { a = "A" }\n',
         "items.pivot.0.on", "join without a key"),
        ('[routing]\n[operations.columns.run_basis]\ncolumn = "B"\n', "routing.run_basis_words", "nothing says"),
        ('[operations.columns.qty_unit]\ncolumn = "B"\n', "routing.qty_units", "nothing says"),
        ('[operations.columns.run_time]\nconcat = ["A", "B"]\n', "operations.columns.run_time", "make texts"),
        ('[operations.columns.job_nm]\nsum = ["A", "B"]\n', "operations.columns.job_nm", "adds numbers"),
        ('[operations.columns.job_nm]\ncolumn = "A"\nabsent = "x"\n', "operations.columns.job_nm", "goes with present"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ncoalesce = ["B"]\n', "operations.columns.job_nm", "only one"),
        ('[operations.columns.job_nm]\ncolumn = "A"\nnatural = true\n', "operations.columns.job_nm.natural", "proc_seq"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ntime_form = "hh:mm"\n', "operations.columns.job_nm.time_form", "times"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ndate_format = "%Y"\n', "operations.columns.job_nm.date_format", "no date"),
        ('[[operations.where]]\ncolumn = "A"\nop = "in"\nvalue = "x"\n', "operations.where.0", "needs a list"),
        ('[[operations.where]]\ncolumn = "A"\nop = "="\nvalue = ["x"]\n', "operations.where.0", "one value"),
        ('[[operations.joins]]\ntable = "T"\nalias = "main"\non = [["A", "B"]]\n', "operations.joins", "alias"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_when_it_is_loaded(
    tmp_path: Path, body: str, key: str, says: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{STEP}{body}', encoding="utf-8")
    with pytest.raises(ProfileError, match=says) as caught:
        load_profile(path)
    assert caught.value.key == key
