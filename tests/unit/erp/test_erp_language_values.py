"""How an ERP writes its values, and what a profile says of it: decimal commas, times with units, dates of other countries."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.errors import ProfileError, SourceError
from routing_etl.frames import read_attributes


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_decimal_commas_are_read_as_said_or_not_at_all(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','0,250'), ('A1','R',20,'B','1,500'), ('A1','R',30,'C','1.234,5')"
    profile = ITEMS + STEP + 'run_time = "RUN"\n'
    erp.night(steps("RUN TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "run_min") == [("A", None), ("B", None), ("C", None)]
    assert erp.tells("decimal", "run_time")
    again = erp.beside("again")
    again.night(steps("RUN TEXT", rows), '[source]\ndecimal = ","\n' + profile)
    assert again.read("operations", "job_cd", "run_min") == [("A", 0.25), ("B", 1.5), ("C", 1234.5)]


@pytest.mark.parametrize(
    ("form", "written", "minutes"),
    [
        ("iso", ["PT30M", "PT1H30M", "P1DT2H", "PT90S", "PT1.5H"], [30, 90, 1560, 1.5, 90]),
        ("d.hh:mm:ss", ["00:30:00", "1.06:00:00", "12.00:00:30"], [30, 1800, 17280.5]),
        (
            "unit",
            ["15 min", "0.25 h", "1h 30min", "90 Sek.", "2,5 Std", "30 분", "1 d"],
            [15, 15, 90, 1.5, 150, 30, 1440],
        ),
    ],
)
def test_times_that_name_their_unit_or_their_days(
    erp: Foreign, form: str, written: list[str], minutes: list[float]
) -> None:
    rows = ", ".join(f"('A1', 'R', {10 * (k + 1)}, 'J', '{text}')" for k, text in enumerate(written))
    erp.night(
        steps("RUN TEXT", rows), ITEMS + STEP + f'run_time = {{ column = "RUN", time_form = "{form}" }}\n'
    )
    read = dict(erp.read("operations", "proc_seq", "run_min"))
    assert [read[10 * (k + 1)] for k in range(len(minutes))] == pytest.approx(minutes)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("unit", "90"),
        ("unit", "1,500 min"),
        ("unit", "5 m"),
        ("iso", "PT"),
        ("iso", "P"),
        ("d.hh:mm:ss", "1.26:00:00"),
    ],
)
def test_a_time_that_can_be_read_in_two_ways_is_null_and_counted(erp: Foreign, form: str, text: str) -> None:
    erp.night(
        steps("RUN TEXT", f"('A1', 'R', 10, 'J', '{text}')"),
        ITEMS + STEP + f'run_time = {{ column = "RUN", time_form = "{form}" }}\n',
    )
    assert erp.read("operations", "run_min") == [(None,)]
    assert any("run_time" in said and "set to NULL" in said for said in erp.said)


@pytest.mark.parametrize("text", ["15 min", "0.25 h", "PT30M", "1.06:00:00", "30 분"])
def test_times_that_name_their_unit_are_told_with_the_key_that_reads_them(erp: Foreign, text: str) -> None:
    profile = ITEMS + STEP + 'run_time = "RUN"\n[routing]\nblank_time_unit = 1\n'
    erp.night(steps("RUN TEXT", f"('A1', 'R', 10, 'J', '{text}'), ('A1', 'R', 20, 'K', '5')"), profile)
    assert erp.read("operations", "proc_seq", "run_min") == [(10, None), (20, 5.0)]
    assert erp.tells("1 times in run_time name their unit", 'time_form = "unit"')


def test_a_point_beside_decimal_commas_is_not_read_either(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','1.500'), ('A1','R',20,'B','2,5'), ('A1','R',30,'C','12.5')"
    erp.night(steps("RUN TEXT", rows), ITEMS + STEP + 'run_time = "RUN"\n')
    assert erp.read("operations", "job_cd", "run_min") == [("A", None), ("B", None), ("C", 12.5)]


def test_times_with_colons_are_minutes_whatever_the_unit(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','01:02:30','H'), ('A1','R',20,'B','00:00:30','H'), ('A1','R',30,'C','soon','H')"
    profile = ITEMS + STEP + 'run_time = { column = "RUN", time_form = "hh:mm:ss" }\ntime_unit = "U"\n'
    erp.night(steps("RUN TEXT, U TEXT", rows), profile + "[routing]\ntime_units = { H = 60 }\n")
    assert erp.read("operations", "job_cd", "run_min") == [("A", 62.5), ("B", 0.5), ("C", None)]


@pytest.mark.parametrize(
    ("form", "written", "valid"),
    [("%d.%m.%Y", ("31.12.2019", "31.12.2099"), ["B"]), ("%m/%d/%Y", ("12/31/2019", "12/31/2099"), ["B"]),
     ("CYYDDD", ("119365", "199365"), ["B"])],
)  # fmt: skip
def test_dates_of_other_countries(
    erp: Foreign, form: str, written: tuple[str, str], valid: list[str]
) -> None:
    rows = ", ".join(
        f"('A{i}','R',10,'{'A' if old else 'B'}','{written[0] if old else written[1]}')"
        for i, old in ((1, True), (2, False))
    )
    profile = (
        ITEMS
        + STEP
        + f'valid_to = {{ column = "VTO", date_format = "{form}" }}\ninsrt_dt = {{ const = "2025-01-01" }}\n'
    )
    erp.night(steps("VTO TEXT", rows), profile)
    assert [j for j, ok in erp.read("operations", "job_cd", "rout_valid") if ok] == valid


@pytest.mark.parametrize("form", ["", '[source]\ndate_format = "%d/%m/%Y"\n'])
def test_a_date_format_that_fits_half_is_refused(erp: Foreign, form: str) -> None:
    rows = ", ".join(
        f"('A1','R',{i},'J','{d}/{m}/2025')" for i, (d, m) in enumerate([(5, 13), (13, 5)] * 5, start=1)
    )
    with pytest.raises(SourceError, match=r"VTO \(operations\.valid_to\) cannot be read") as caught:
        erp.night(steps("VTO TEXT", rows), form + ITEMS + STEP + 'valid_to = "VTO"\n')
    assert "date_format" in caught.value.remedy


def test_a_routing_of_which_one_operation_has_ended_is_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',NULL), ('A1','R',20,'B','2001-01-01'), ('A2','R',10,'A','2001-01-01'), ('A3','R',10,'A',NULL)"
    erp.night(
        steps("VTO TEXT", rows),
        ITEMS + STEP + 'valid_to = "VTO"\ninsrt_dt = { const = "2025-01-01" }\n',
    )
    assert erp.read("operations", "job_cd", "rout_valid") == [
        ("A", False),
        ("A", False),
        ("A", True),
        ("B", False),
    ]
    assert erp.tells("operations: 1 routings have rows that are in force and rows that are not (valid_to)")


def test_dates_that_mean_none(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','1753-01-01'), ('A2','R',10,'B','00000000'), ('A3','R',10,'C','1999-09-09')"
    profile = ITEMS + STEP + 'valid_to = "VTO"\ninsrt_dt = { const = "2025-01-01" }\n'
    erp.night(steps("VTO TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "rout_valid") == [("A", True), ("B", True), ("C", False)]
    assert erp.tells("1 dates in valid_to", "no_date")
    named = erp.beside("named")
    named.night(steps("VTO TEXT", rows), "[source]\nno_date = [1753-01-01, 1999-09-09]\n" + profile)
    assert [ok for _, ok in named.read("operations", "job_cd", "rout_valid")] == [True, True, True]
    assert not named.tells("no_date")


def test_a_count_says_that_0_is_a_value_of_it(erp: Foreign) -> None:
    counted = ITEMS + 'holes = { column = "DIA", kind = "number", zero_is_missing = false }\n'
    erp.night(steps("N INTEGER", "('A1', 'R', 10, 'SAW', 1)"), counted + STEP)
    listed = {a.name: a.zero for a in read_attributes(erp.folder / "clean" / "items.attributes.json")}
    assert listed == {"part_type": False, "dia": False, "holes": True}


UNITS = """
[units]
blank_default = {{ size = "{unit}" }}
[units.quantities]
length = {{ mm = 1, in = 25.4 }}
weight = {{ kg = 1 }}
"""


def in_one_unit(unit: str) -> str:
    """The diameter, wanted in mm, in the unit that the group names."""
    number = 'kind = "number", unit = "mm", unit_group = "size"'
    return ITEMS.replace('kind = "number"', number) + STEP + UNITS.format(unit=unit)


@pytest.mark.parametrize(("unit", "factor"), [("in", 25.4), ("in?", 25.4), ("mm", 1.0)])
def test_one_unit_for_every_value_is_converted(erp: Foreign, unit: str, factor: float) -> None:
    """There is no column of units: the profile alone says that the ERP has inches."""
    erp.night(steps("RUN REAL", "('A1','R',10,'A',1)"), in_one_unit(unit))
    sizes = dict(erp.read("items", "item_cd", "dia"))
    assert sizes == pytest.approx({"A1": 10 * factor, "A2": 20 * factor, "A3": 30 * factor})
    assert {source for (source,) in erp.read("items", "dia_unit_source")} == {"stated"}


@pytest.mark.parametrize("unit", ["unknown", "kg"])
def test_a_group_that_names_no_unit_of_the_quantity_is_refused(erp: Foreign, unit: str) -> None:
    with pytest.raises(ProfileError, match="without unit_column") as caught:
        erp.night(steps("RUN REAL", "('A1','R',10,'A',1)"), in_one_unit(unit))
    assert "items.attributes.dia.unit_group" in str(caught.value)
    assert "size" in str(caught.value)
