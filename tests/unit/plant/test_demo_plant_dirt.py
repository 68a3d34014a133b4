"""Every kind of dirt of the catalogue (docs/erp-contract.md 5) is in the plant, at about the measured rate."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from routing_etl.plant.demo import Grammar, write_plant
from routing_etl.settings import load_settings

Share = Callable[..., float]
ITEMS, ROUTING, RESULTS = "BI_ITEM_INFO_VIEW", "BI_ROUTING_VIEW", "BI_WORK_ORDER_RESULTS"


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dirty") / "erp.db"
    write_plant(f"sqlite:///{path}", 6_000, 21, load_settings(), grammar=Grammar(results_per_item=6))
    return path


@pytest.fixture(scope="module")
def one(dirty: Path) -> Callable[[str], float]:
    connection = sqlite3.connect(dirty)

    def ask(sql: str) -> float:
        value = connection.execute(sql).fetchone()[0]
        assert value is not None, sql
        return float(value)

    return ask


@pytest.fixture(scope="module")
def share(one: Callable[[str], float]) -> Share:
    """Share of the rows of a table for which a condition holds."""

    def ask(table: str, condition: str, among: str = "1") -> float:
        return one(f"SELECT AVG(COALESCE({condition}, 0)) FROM {table} WHERE {among}")

    return ask


@pytest.mark.parametrize(
    ("column", "blank", "null"),
    [
        ("ITEM_SUFFIX", 0.839, 0.0),
        ("ITEM_TYPE", 0.104, 0.037),
        ("GROUP1", 0.068, 0.039),
        ("GROUP2", 0.047, 0.039),
        ("GROUP3", 0.0, 0.991),
        ("DRAW_NO", 0.216, 0.024),
        ("DRAW_REV", 0.240, 0.023),
        ("ITEM_SPEC", 0.293, 0.0),
        ("SealTypeGrup", 0.0, 0.842),
        ("IN_SEALTYPE_CD", 0.384, 0.005),
        ("MID_SEALTYPE_CD", 0.889, 0.111),
        ("ROTATE_CTRCLOCKWISE", 0.0, 0.766),
        ("DRAW_USE", 0.0, 1.0),
        ("ITEM_NM_ENG", 0.0, 1.0),
    ],
)
def test_blank_and_null_are_two_things_at_the_measured_rates(
    share: Share, column: str, blank: float, null: float
) -> None:
    assert share(ITEMS, f"{column} = ''") == pytest.approx(blank, abs=0.07)
    assert share(ITEMS, f"{column} IS NULL") == pytest.approx(null, abs=0.03)


@pytest.mark.parametrize("column", ["OUTDIAMETER", "INDIAMETER", "OUTTHICKNESS", "IN_SEALSIZE"])
def test_zero_stands_for_missing_sizes(share: Share, column: str) -> None:
    assert 0.3 < share(ITEMS, f"{column} = 0") < 0.6


@pytest.mark.parametrize(
    ("table", "condition", "low", "high"),
    [
        (ITEMS, "DRAW_REV = '-'", 0.2, 0.33),
        (ITEMS, "DRAW_REV = '0'", 0.14, 0.27),
        (ITEMS, "ITEM_SPEC = '0'", 0.015, 0.06),
        (ITEMS, "ADDITIONAL_SPEC = '0'", 0.003, 0.03),
        (ITEMS, "ITEM_GRP1 = 'NA'", 0.03, 0.07),
        (ITEMS, "ITEM_SPEC IN ('nan', 'None', 'NULL')", 0.0003, 0.006),
        (ITEMS, "GROUP2 IN ('nan', 'None', 'NULL')", 0.0002, 0.004),
        (ITEMS, "PART_TYPE = 'KYY'", 0.002, 0.015),
        (ITEMS, "ITEM_MATERIAL = 'Z00DWG'", 0.004, 0.03),
        (ITEMS, "ITEM_MATERIAL = 'Z00BOM'", 0.002, 0.015),
        (ITEMS, "ITEM_MATERIAL = 'Y00000'", 0.2, 0.36),
        (ITEMS, "ITEM_GRP1NM = 'ddd'", 0.001, 0.2),
        (ITEMS, "ITEM_GRP1 = 'B' AND ITEM_GRP1NM IS NULL", 0.001, 0.1),
        (ITEMS, "GROUP1 = 'VE0-XS-미분류'", 0.002, 0.05),
        (ITEMS, "DRAW_NO = '---X----ZZZR'", 0.0002, 0.003),
        (ITEMS, "ITEM_SPEC LIKE '(CHK)%'", 0.001, 0.008),
        (ITEMS, "ITEM_SPEC LIKE '(DEL)%'", 0.0007, 0.006),
        (ITEMS, "GROUP2 LIKE '% '", 0.005, 0.2),
        (ITEMS, "GROUP1 LIKE '%  -%'", 0.005, 0.12),
        (ITEMS, "RAW_MATL_KINDNM LIKE '%　%'", 0.0001, 0.05),
        (ITEMS, "ITEM_CD NOT GLOB '*[^0-9]*'", 0.01, 0.15),
        (ITEMS, "ITEM_CD GLOB '00-*'", 0.002, 0.02),
        (ITEMS, "OUTDIAMETER IN (9999)", 0.00005, 0.002),
        (ITEMS, "INDIAMETER > OUTDIAMETER AND OUTDIAMETER > 0", 0.0002, 0.01),
        (ITEMS, "IN_SEALSIZE >= 100 AND IN_SEALSIZE_UOM IN ('INCH', 'inch')", 0.0001, 0.003),
        (ROUTING, "INSRT_DT IS NULL", 0.008, 0.04),
        (ROUTING, "LENGTH(INSRT_DT) <> 19 OR INSRT_DT LIKE '0000%'", 0.001, 0.01),
        (ROUTING, "VALID_FROM_DT = '2001-01-01'", 0.2, 0.4),
        (ROUTING, "VALID_FROM_DT = '01-Jan-01'", 0.001, 0.01),
        (ROUTING, "VALID_TO_DT = '31-Dec-99'", 0.001, 0.01),
        (ROUTING, "VALID_TO_DT = '2999-12-31'", 0.8, 0.98),
        (ROUTING, "VALID_TO_DT IS NULL", 0.005, 0.04),
        (ROUTING, "VALIDITY = 'N'", 0.001, 0.04),
        (ROUTING, "VALIDITY IS NULL", 0.85, 0.98),
        (ROUTING, "ROUT_NO LIKE '외주%'", 0.01, 0.06),
        (ROUTING, "INSIDE_FLAG = '외주'", 0.02, 0.15),
        (ROUTING, "INSIDE_FLAG = ''", 0.0001, 0.003),
        (ROUTING, "RES_CD LIKE '%-대기'", 0.01, 0.12),
        (ROUTING, "RES_CD IS NULL", 0.005, 0.1),
        (ROUTING, "RES_DIS LIKE '*%'", 0.02, 0.4),
        (ROUTING, "SETUP_TIME = 0", 0.1, 0.6),
        (ROUTING, "ACT_RUN_TIME IS NULL", 0.6, 0.8),
        (ROUTING, "RUN_TIME_QTY = 10", 0.005, 0.02),
        (ROUTING, "RUN_TIME_QTY IS NULL", 0.01, 0.03),
        (ROUTING, "SUBCONTRACT_PRC = 0", 0.2, 0.6),
        (ROUTING, "SUBCONTRACT_PRC IS NULL", 0.2, 0.6),
        (ROUTING, "WAIT_TIME IN (200, 300)", 0.5, 1.0),
        (ROUTING, "JOB_CD IS NULL", 0.0002, 0.004),
        (ROUTING, "TIME_UNIT = '분(Min.)'", 0.98, 0.9999),
        (ROUTING, "LENGTH(JOB_NM) > 64", 0.0001, 0.002),
        (ROUTING, "LENGTH(RES_DIS) > 64", 0.0001, 0.002),
        (ROUTING, "LENGTH(NC_PROGRAM) > 64", 0.0001, 0.002),
        (ROUTING, "NC_WRITER_NM IS NOT NULL", 0.02, 0.3),
        (RESULTS, "MACH_WORKED_HOURS = 0", 0.006, 0.02),
        (RESULTS, "MACH_WORKED_HOURS IS NULL", 0.003, 0.012),
        (RESULTS, "SETUP_HOURS = 0", 0.07, 0.14),
        (RESULTS, "ORDER_QTY = 0", 0.0005, 0.004),
        (RESULTS, "ORDER_QTY IS NULL", 0.0005, 0.004),
        (RESULTS, "BAD_QTY > ORDER_QTY", 0.0002, 0.01),
        (RESULTS, "REPORT_DT IS NULL", 0.0005, 0.004),
        (RESULTS, "ITEM_CD LIKE '% '", 0.0008, 0.004),
        ("BI_PUR_PO_VIEW", "ITEM_CD IS NULL", 0.002, 0.012),
    ],
)  # fmt: skip
def test_dirt_is_there_at_about_its_rate(
    share: Share, table: str, condition: str, low: float, high: float
) -> None:
    assert low <= share(table, condition) <= high


def test_standard_yn_has_odd_values_and_rotation_is_one_or_two(dirty: Path) -> None:
    with sqlite3.connect(dirty) as connection:
        standard = {r[0] for r in connection.execute(f"SELECT DISTINCT STANDARD_YN FROM {ITEMS}")}
        turn = {r[0] for r in connection.execute(f"SELECT DISTINCT ROTATE_CLOCKWISE FROM {ITEMS}")}
    assert standard <= {"N", "Y", "I", "S", "C", "", None}
    assert len(standard) >= 5
    assert turn == {1, 2}


def test_units_are_spelt_in_many_ways_and_inch_values_are_in_inch(
    one: Callable[[str], float], dirty: Path
) -> None:
    with sqlite3.connect(dirty) as connection:
        units = {r[0] for r in connection.execute(f"SELECT DISTINCT OUTDIAMETER_UNIT FROM {ITEMS}")}
        seals = {r[0] for r in connection.execute(f"SELECT DISTINCT IN_SEALSIZE_UOM FROM {ITEMS}")}
    assert {"MM", "mm", "INCH", "", "inch"} <= units
    assert len(units) >= 8
    assert {"INCH", "MM", "KZ", "GROUP", "", None} <= seals
    mean = "SELECT AVG(OUTDIAMETER) FROM {t} WHERE OUTDIAMETER BETWEEN 0.01 AND 5000 AND OUTDIAMETER_UNIT = '{u}'"
    ratio = one(mean.format(t=ITEMS, u="MM")) / one(mean.format(t=ITEMS, u="INCH"))
    assert 15 < ratio < 40


def test_a_blank_unit_can_stand_beside_a_size(share: Share) -> None:
    assert 0.003 < share(ITEMS, "OUTDIAMETER > 0 AND OUTDIAMETER_UNIT = ''") < 0.02


def test_one_code_has_a_leading_blank(one: Callable[[str], float]) -> None:
    assert one(f"SELECT COUNT(DISTINCT ITEM_CD) FROM {ITEMS} WHERE ITEM_CD LIKE ' %'") == 1


def test_codes_differ_except_for_a_few_rows_with_the_same_key(one: Callable[[str], float]) -> None:
    assert one(f"SELECT COUNT(DISTINCT ITEM_CD) FROM {ITEMS}") == 6_000
    assert 2 <= one(f"SELECT COUNT(*) FROM {ITEMS}") - 6_000 < 20
    twice = one(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {ROUTING} GROUP BY ITEM_CD, ROUT_NO, PROC_SEQ HAVING COUNT(*) > 1)"
    )
    assert twice > 0


def test_about_a_quarter_of_the_items_share_all_attributes_with_another(dirty: Path) -> None:
    with sqlite3.connect(dirty) as connection:
        columns = [r[1] for r in connection.execute(f"PRAGMA table_info({ITEMS})")][1:]
        (n,) = connection.execute(
            f"SELECT COUNT(*) FROM (SELECT DISTINCT {', '.join(columns)} FROM {ITEMS})"
        ).fetchone()
    assert n / 6_000 == pytest.approx(0.77, abs=0.03)


def test_one_drawing_serves_many_items_and_names_are_shared(one: Callable[[str], float]) -> None:
    assert (
        one(f"SELECT MAX(n) FROM (SELECT COUNT(*) n FROM {ITEMS} WHERE DRAW_NO LIKE '_K-%' GROUP BY DRAW_NO)")
        > 20
    )
    assert one(f"SELECT COUNT(DISTINCT PART_TYPE) - COUNT(DISTINCT PartNm) FROM {ITEMS}") > 0
    assert one(f"SELECT COUNT(DISTINCT ITEM_MATERIAL) - COUNT(DISTINCT MATERIAL_DESC) FROM {ITEMS}") > 10


def test_rows_of_a_routing_arrive_unsorted_and_insert_times_differ_inside_one(
    one: Callable[[str], float],
) -> None:
    unsorted = one(
        f"SELECT COUNT(*) FROM {ROUTING} a JOIN {ROUTING} b ON b.rowid = a.rowid + 1 AND a.ITEM_CD = b.ITEM_CD "
        "AND a.ROUT_NO = b.ROUT_NO AND b.PROC_SEQ < a.PROC_SEQ"
    )
    assert unsorted > 1000
    mixed = one(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {ROUTING} WHERE LENGTH(INSRT_DT) = 19 GROUP BY ITEM_CD, ROUT_NO "
        "HAVING COUNT(DISTINCT SUBSTR(INSRT_DT, 1, 10)) > 1)"
    )
    assert mixed > 50


def test_an_items_newest_routing_can_be_the_outsourced_one(one: Callable[[str], float]) -> None:
    newest = (
        f"SELECT COUNT(*) FROM (SELECT ITEM_CD, ROUT_NO, MAX(INSRT_DT) d, "
        f"ROW_NUMBER() OVER (PARTITION BY ITEM_CD ORDER BY MAX(INSRT_DT) DESC) k, "
        f"COUNT(*) OVER (PARTITION BY ITEM_CD) n FROM {ROUTING} WHERE LENGTH(INSRT_DT) = 19 "
        "GROUP BY ITEM_CD, ROUT_NO) WHERE k = 1 AND n > 1 AND ROUT_NO = '외주'"
    )
    assert one(newest) > 50


def test_job_codes_repeat_inside_routings(one: Callable[[str], float]) -> None:
    repeated = one(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {ROUTING} GROUP BY ITEM_CD, ROUT_NO, JOB_CD "
        "HAVING COUNT(DISTINCT PROC_SEQ) > 1)"
    )
    assert repeated > 50


def test_results_have_orphans_and_other_resources(one: Callable[[str], float]) -> None:
    orphans = one(
        f"SELECT AVG(NOT EXISTS (SELECT 1 FROM {ROUTING} o WHERE o.ITEM_CD = TRIM(UPPER(r.ITEM_CD)) "
        f"AND o.PROC_SEQ = r.PROC_SEQ AND o.JOB_CD = r.JOB_CD)) FROM {RESULTS} r"
    )
    assert orphans == pytest.approx(0.03, abs=0.012)
    other = one(
        f"SELECT AVG(r.RES_CD <> o.RES_CD) FROM {RESULTS} r JOIN {ROUTING} o ON o.ITEM_CD = r.ITEM_CD "
        "AND o.PROC_SEQ = r.PROC_SEQ AND o.ROUT_NO = r.ROUT_NO AND o.JOB_CD = r.JOB_CD"
    )
    assert 0.08 < other < 0.35


def test_results_cover_four_years_and_are_skewed_per_item(one: Callable[[str], float]) -> None:
    assert one(f"SELECT JULIANDAY(MAX(REPORT_DT)) - JULIANDAY(MIN(REPORT_DT)) FROM {RESULTS}") > 1400
    per_item = f"SELECT COUNT(*) n FROM {RESULTS} GROUP BY ITEM_CD"
    mean = one(f"SELECT AVG(n) FROM ({per_item})")
    assert one(f"SELECT MAX(n) FROM ({per_item})") > 6 * mean


def test_without_dirt_the_optional_kinds_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "clean.db"
    clean = Grammar(dirt=0.0, attribute_noise=0.0, orphan_results=0.0)
    write_plant(f"sqlite:///{path}", 400, 21, load_settings(), grammar=clean)
    with sqlite3.connect(path) as connection:

        def count(table: str, condition: str) -> int:
            (n,) = connection.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}").fetchone()
            return int(n)

        assert count(ITEMS, "1") == 400
        assert count(ITEMS, "OUTDIAMETER_UNIT NOT IN ('MM', '')") == 0
        assert count(ITEMS, "ITEM_SPEC LIKE '(%' AND ITEM_SPEC NOT LIKE '(0%'") == 0
        assert count(ROUTING, "INSRT_DT IS NULL OR LENGTH(INSRT_DT) <> 19") == 0
        assert count(ROUTING, "JOB_CD IS NULL") == 0
        assert count(RESULTS, "MACH_WORKED_HOURS IS NULL OR MACH_WORKED_HOURS <= 0 OR ORDER_QTY IS NULL") == 0
