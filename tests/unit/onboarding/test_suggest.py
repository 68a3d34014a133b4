"""A profile proposed from a catalogue: right tables and columns in several languages, questions instead of guesses, valid TOML."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from routing_etl.cli.app import app
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.errors import ConfigurationError
from routing_etl.onboarding.suggest import Suggestion, suggest
from routing_etl.onboarding.words import FIELDS, TABLES, score, words_of
from routing_etl.settings import load_settings

#: Plants of one kind under names of several languages: ten parts, three operations each, reports of the first.
GERMAN = """
CREATE TABLE Teilestamm (TeileNr VARCHAR(20) PRIMARY KEY, Benennung VARCHAR(60), Warengruppe VARCHAR(10), Länge DECIMAL(9,2));
CREATE TABLE Arbeitsplan (TeileNr VARCHAR(20), ArbeitsplanNr VARCHAR(10), AgNr INTEGER, Taetigkeit VARCHAR(20),
  Arbeitsplatz VARCHAR(10), Rüstzeit DECIMAL(9,2), Stückzeit DECIMAL(9,3), Zeiteinheit VARCHAR(5), GueltigBis DATE);
CREATE TABLE Rueckmeldungen (RmNr INTEGER, TeileNr VARCHAR(20), AgNr INTEGER, Taetigkeit VARCHAR(20), Maschine VARCHAR(10),
  Buchungsdatum DATE, IstZeit_Std DECIMAL(9,2), Gutmenge INTEGER, Ausschuss INTEGER);
CREATE TABLE Kunden (KundenNr INTEGER, Name VARCHAR(50));
INSERT INTO Teilestamm SELECT 'T' || n, 'Welle ' || n, 'WG' || (n % 3), 10 * n FROM nr;
INSERT INTO Arbeitsplan SELECT 'T' || n, 'P1', s, 'DREHEN', 'M' || s, 15, 2.5, CASE s WHEN 10 THEN 'min' ELSE 'TE' END, '2999-12-31'
  FROM nr, seq;
INSERT INTO Rueckmeldungen SELECT n, 'T' || n, 10, 'DREHEN', 'M10', '2025-03-01', 1.5, 20, 0 FROM nr;
INSERT INTO Kunden VALUES (1, 'Meier');
"""
KOREAN = """
CREATE TABLE 품목마스터 (품목코드 NVARCHAR(20) PRIMARY KEY, 품명 NVARCHAR(60), 품목군 NVARCHAR(10), 외경 DECIMAL(9,2), 사용여부 CHAR(1));
CREATE TABLE 라우팅 (품목코드 NVARCHAR(20), 라우팅번호 NVARCHAR(10), 공정순서 INTEGER, 공정코드 NVARCHAR(10), 설비코드 NVARCHAR(10),
  준비시간_분 DECIMAL(9,2), 가공시간_분 DECIMAL(9,2));
CREATE TABLE 작업실적 (품목코드 NVARCHAR(20), 공정순서 INTEGER, 공정코드 NVARCHAR(10), 설비코드 NVARCHAR(10), 실적일자 DATE,
  실적시간 DECIMAL(9,2), 생산수량 INTEGER);
INSERT INTO 품목마스터 SELECT 'P' || n, '축 ' || n, 'G' || (n % 3), n, CASE WHEN n = 3 THEN 'N' ELSE 'Y' END FROM nr;
INSERT INTO 라우팅 SELECT 'P' || n, 'R1', s, 'C' || s, 'M' || s, 15, 2 FROM nr, seq;
INSERT INTO 작업실적 SELECT 'P' || n, 10, 'C10', 'M10', '2025-03-01', 1.5, 20 FROM nr;
"""
SPANISH = """
CREATE TABLE articulos (cod_articulo VARCHAR(20), descripcion VARCHAR(60), familia VARCHAR(10), peso DECIMAL(9,2));
CREATE TABLE rutas (cod_articulo VARCHAR(20), ruta VARCHAR(5), num_operacion INTEGER, operacion VARCHAR(20),
  centro_trabajo VARCHAR(10), tiempo_preparacion DECIMAL(9,2), tiempo_unitario DECIMAL(9,2), planta VARCHAR(4));
INSERT INTO articulos SELECT 'A' || n, 'eje ' || n, 'F' || (n % 3), n FROM nr;
INSERT INTO rutas SELECT 'A' || n, '1', s, 'TORNO', 'CT' || s, 15, 2.5, 'P' || (n % 2) FROM nr, seq;
"""
FRENCH_LINES = """
CREATE TABLE article (id INTEGER PRIMARY KEY, code_article VARCHAR(20), libelle VARCHAR(60), famille VARCHAR(10));
CREATE TABLE gamme (id INTEGER PRIMARY KEY, article INTEGER REFERENCES article(id), actif INTEGER);
CREATE TABLE ligne_gamme (gamme INTEGER REFERENCES gamme(id), num_phase INTEGER, code_operation VARCHAR(10), poste VARCHAR(10),
  temps_reglage DECIMAL(9,2), temps_unitaire DECIMAL(9,2));
INSERT INTO article SELECT n, 'A' || n, 'axe ' || n, 'F' || (n % 3) FROM nr;
INSERT INTO gamme SELECT 100 + n, n, n % 2 FROM nr;
INSERT INTO ligne_gamme SELECT 100 + n, s, 'OP' || s, 'P' || s, 15, 2.5 FROM nr, seq;
"""
#: Routings shared by items, and one that a table assigns to items.
SHARED = """
CREATE TABLE Part (PartNum VARCHAR(20), PartDescription VARCHAR(60), ProdCode VARCHAR(10), RoutingNo VARCHAR(10));
CREATE TABLE RoutingOper (RoutingNo VARCHAR(10), OprSeq INTEGER, OpCode VARCHAR(10), ResourceID VARCHAR(10), SetupHrs DECIMAL(9,2),
  RunHrs DECIMAL(9,3));
INSERT INTO Part SELECT 'N' || n, 'shaft ' || n, 'C' || (n % 3), 'R' || (n % 2) FROM nr;
INSERT INTO RoutingOper SELECT DISTINCT 'R' || (n % 2), s, 'TURN', 'M' || s, 0.5, 0.1 FROM nr, seq;
"""

#: Numbers and dates as texts and numbers, marks of deletion, orders.
TEXTS = """
CREATE TABLE ARTIKELSTAMM (ARTIKELNR TEXT, BEZEICHNUNG TEXT, WARENGRUPPE TEXT, DURCHMESSER TEXT);
CREATE TABLE ARBEITSPLAN (ARTIKELNR TEXT, PLANNR TEXT, AGNR TEXT, ARBEITSGANG TEXT, RUESTZEIT TEXT, STUECKZEIT TEXT, ZEITEINHEIT TEXT,
  LOEKZ TEXT);
CREATE TABLE RUECKMELDUNG (AUFTRAGSNR TEXT, ARTIKELNR TEXT, PLANNR TEXT, AGNR TEXT, ARBEITSGANG TEXT, DATUM INTEGER, ISTZEIT_STD TEXT,
  GUTMENGE TEXT);
INSERT INTO ARTIKELSTAMM SELECT printf('%06d', n), 'Welle ' || n, 'WG' || (n % 3), n || ',5' FROM nr;
INSERT INTO ARBEITSPLAN SELECT printf('%06d', n), '1', printf('%04d', s), 'DREHEN', '15', '2,5', 'MIN', CASE s WHEN 30 THEN 'X' END
  FROM nr, seq;
INSERT INTO RUECKMELDUNG SELECT 'A' || n, printf('%06d', n), '1', '0010', 'DREHEN', 20250130, '1,25', '20' FROM nr;
"""
JAPANESE = """
CREATE TABLE 品目マスタ (品目コード TEXT, 品目名 TEXT, 品目区分 TEXT, 外径 REAL);
CREATE TABLE 工程マスタ (品目コード TEXT, 工程順 INTEGER, 工程コード TEXT, 設備コード TEXT, 段取時間 REAL, 加工時間 REAL, 時間単位 TEXT);
CREATE TABLE 製造実績 (製造番号 TEXT, 品目コード TEXT, 工程順 INTEGER, 工程コード TEXT, 実績日 TEXT, 良品数 REAL, 実績時間 REAL);
INSERT INTO 品目マスタ SELECT 'J' || n, '軸' || n, 'G' || (n % 3), n FROM nr;
INSERT INTO 工程マスタ SELECT 'J' || n, s, 'C' || s, 'M' || s, 0.25, 0.05, '時間' FROM nr, seq;
INSERT INTO 製造実績 SELECT 'S' || n, 'J' || n, 10, 'C10', '2025/03/01', 20, 60 FROM nr;
"""
#: Infor M3: every column has two letters of its table before its name, days are numbers and 99999999 is none, codes say per how many.
MARKED = """
CREATE TABLE MITMAS (MMCONO INTEGER, MMITNO TEXT, MMSTAT TEXT, MMITDS TEXT, MMITGR TEXT, MMRGDT INTEGER);
CREATE TABLE MPDOPE (POCONO INTEGER, POFACI TEXT, POPRNO TEXT, POSTRT TEXT, POOPNO INTEGER, POOPDS TEXT, POPLGR TEXT, POSETI REAL, POPITI REAL,
  POCTCD INTEGER, POFDAT INTEGER, POTDAT INTEGER);
INSERT INTO MITMAS SELECT c, 'A' || n, CASE n WHEN 1 THEN '90' ELSE '20' END, 'Skena ' || n, 'G' || (n % 3), 20240100 + n
  FROM nr, (SELECT 100 AS c UNION SELECT 200);
INSERT INTO MPDOPE SELECT 100 * (1 + n % 2), 'A01', 'A' || n, '001', s, 'Kapning', 'M' || s, 0.25, 1.5, n % 4, 20240100 + n, CASE n WHEN 2 THEN 20240601 ELSE 99999999 END
  FROM nr, seq;
"""
#: Routings of a group of items, times per lot; reports with two moments in place of a duration, some of them aborted.
GROUPED = """
CREATE TABLE article (article_id TEXT, label TEXT, item_group TEXT);
CREATE TABLE group_routing (item_group TEXT, oper_no INTEGER, op_code TEXT, station TEXT, setup_sec REAL, cycle_sec REAL, lot_qty INTEGER);
CREATE TABLE mes_event (order_id TEXT, article_id TEXT, oper_no INTEGER, op_code TEXT, station TEXT, started_at TEXT, ended_at TEXT,
  pieces REAL, state TEXT);
INSERT INTO article SELECT 'A' || n, 'shaft ' || n, 'G' || (n % 2) FROM nr;
INSERT INTO group_routing SELECT DISTINCT 'G' || (n % 2), s, 'OP' || s, 'M' || s, 600, 6000, 50 FROM nr, seq;
INSERT INTO mes_event SELECT 'W' || n, 'A' || n, 10, 'OP10', 'M10', '2025-01-01 08:00:00', '2025-01-01 09:00:00', 10,
  CASE n WHEN 1 THEN 'Aborted' ELSE 'Completed' END FROM nr;
"""

Propose = Callable[..., Suggestion]
_NUMBERS = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT n FROM c;
CREATE TEMP TABLE seq AS SELECT 10 AS s UNION SELECT 20 UNION SELECT 30;
"""


@pytest.fixture
def url(tmp_path: Path) -> Callable[[str], str]:
    def build(script: str) -> str:
        file = tmp_path / "erp.db"
        with sqlite3.connect(file) as erp:
            erp.executescript(_NUMBERS + script)
        return f"sqlite:///{file.as_posix()}"

    return build


@pytest.fixture
def propose(tmp_path: Path, url: Callable[[str], str]) -> Propose:
    return lambda script, **options: suggest(url(script), load_settings(home=tmp_path), **options)


def columns(found: Suggestion, section: str) -> dict[str, Any]:
    """Canonical column to its source, as the proposal maps them."""
    mapped = tomllib.loads(found.text)[section]["columns"]
    return {n: v["column"] if isinstance(v, dict) and "column" in v else v for n, v in mapped.items()}


def test_a_server_that_does_not_tell_its_foreign_keys_is_surveyed_by_names(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise sa.exc.ProgrammingError("SELECT", None, Exception("no such view: referential_constraints"))

    monkeypatch.setattr("sqlalchemy.engine.reflection.Inspector.get_multi_foreign_keys", refuse)
    found = propose(GERMAN)
    assert tomllib.loads(found.text)["items"]["table"] == "Teilestamm"
    assert found.findings[0].level == "warning"
    assert "does not tell its foreign keys (no such view: referential_constraints)" in found.text


def test_german_names(propose: Propose) -> None:
    found = propose(GERMAN)
    assert columns(found, "items") == {"item_cd": "TeileNr"}
    assert columns(found, "operations") == {
        "item_cd": "TeileNr", "rout_no": "ArbeitsplanNr", "proc_seq": "AgNr", "job_cd": "Taetigkeit", "res_cd": "Arbeitsplatz",
        "setup_time": "Rüstzeit", "run_time": "Stückzeit", "time_unit": "Zeiteinheit", "valid_to": "GueltigBis",
    }  # fmt: skip
    assert columns(found, "results") == {
        "item_cd": "TeileNr", "proc_seq": "AgNr", "job_cd": "Taetigkeit", "res_cd": "Maschine", "report_dt": "Buchungsdatum",
        "machine_time": "IstZeit_Std", "order_qty": "Gutmenge", "bad_qty": "Ausschuss",
    }  # fmt: skip
    profile = tomllib.loads(found.text)
    assert profile["items"]["attributes"]["part_type"]["column"] == "Warengruppe"
    assert profile["results"]["time_factor_min"] == 60, "the name says hours (Std)"


def test_names_behind_two_letters_of_their_table(propose: Propose) -> None:
    found = propose(MARKED)
    assert columns(found, "items") == {"item_cd": "MMITNO"}
    assert columns(found, "operations") == {
        "item_cd": "POPRNO", "rout_no": "POSTRT", "proc_seq": "POOPNO", "job_cd": "POOPDS", "job_nm": "POOPDS", "res_cd": "POPLGR",
        "setup_time": "POSETI", "run_time": "POPITI", "run_basis": "POCTCD", "valid_from": "POFDAT", "valid_to": "POTDAT",
    }  # fmt: skip
    profile = tomllib.loads(found.text)
    assert profile["operations"]["columns"]["valid_to"]["date_format"] == "%Y%m%d", "99999999 is no day"
    assert {a["column"] for a in profile["items"]["attributes"].values()} == {"MMITDS", "MMITGR"}, (
        "MMRGDT holds days"
    )
    assert "# DECIDE: which rows count? MITMAS.MMSTAT holds '20' (18), '90' (2)" in found.text
    assert "# DECIDE: which company or plant? MPDOPE.POCONO holds" in found.text
    assert "ROUTING_ETL_COMPANY_CODE: MPDOPE.POCONO holds '" in found.text
    assert "warning: items: MMSTAT of MITMAS may say which rows count" in found.text


def test_a_unit_that_nobody_can_know_is_a_question(propose: Propose) -> None:
    found = propose(GERMAN)
    assert tomllib.loads(found.text)["routing"]["time_units"] == {"min": 1}
    assert "# DECIDE: how many minutes is 'TE' (20 rows)?" in found.text


def test_korean_names(propose: Propose) -> None:
    found = propose(KOREAN)
    assert columns(found, "operations") == {
        "item_cd": "품목코드", "rout_no": "라우팅번호", "proc_seq": "공정순서", "job_cd": "공정코드", "res_cd": "설비코드",
        "setup_time": "준비시간_분", "run_time": "가공시간_분",
    }  # fmt: skip
    assert tomllib.loads(found.text)["routing"]["blank_time_unit"] == 1, "the names say minutes (분)"
    assert columns(found, "results")["machine_time"] == "실적시간"
    assert "DECIDE: minutes of one 실적시간" in found.text
    assert "# DECIDE: which rows count? 품목마스터.사용여부 holds 'Y' (9), 'N' (1)" in found.text


def test_spanish_names_and_a_plant_that_must_be_chosen(propose: Propose) -> None:
    found = propose(SPANISH)
    assert columns(found, "operations") == {
        "item_cd": "cod_articulo", "rout_no": "ruta", "proc_seq": "num_operacion", "job_cd": "operacion",
        "res_cd": "centro_trabajo", "setup_time": "tiempo_preparacion", "run_time": "tiempo_unitario",
    }  # fmt: skip
    assert "# DECIDE: which company or plant? rutas.planta holds 'P1' (15), 'P0' (15)" in found.text
    assert "DECIDE: no column says the unit of the times: minutes?" in found.text
    assert "results" not in tomllib.loads(found.text)


def test_lines_of_a_header_that_names_the_item_by_its_number(propose: Propose) -> None:
    found = propose(FRENCH_LINES)
    profile = tomllib.loads(found.text)
    [join] = profile["operations"]["joins"]
    assert (join["table"], join["on"]) == ("gamme", [["gamme", "id"]])
    assert columns(found, "operations") == {
        "item_cd": "head.article", "rout_no": "gamme", "proc_seq": "num_phase", "job_cd": "code_operation", "res_cd": "poste",
        "setup_time": "temps_reglage", "run_time": "temps_unitaire",
    }  # fmt: skip
    assert columns(found, "items") == {"item_cd": "id"}, "routings name items by it"
    assert "# DECIDE: which rows count? gamme.actif holds '" in found.text


def test_routings_that_items_share_and_hours_in_names(propose: Propose) -> None:
    found = propose(SHARED)
    assert columns(found, "operations")["item_cd"] == "item.PartNum"
    assert tomllib.loads(found.text)["operations"]["joins"][0]["on"] == [["RoutingNo", "RoutingNo"]]
    assert tomllib.loads(found.text)["routing"]["blank_time_unit"] == 60


def test_numbers_and_dates_that_are_texts_orders_and_marks(propose: Propose) -> None:
    found = propose(TEXTS)
    profile = tomllib.loads(found.text)
    assert profile["source"] == {"decimal": ","}
    assert columns(found, "operations") == {
        "item_cd": "ARTIKELNR", "rout_no": "PLANNR", "proc_seq": "AGNR", "job_cd": "ARBEITSGANG", "setup_time": "RUESTZEIT",
        "run_time": "STUECKZEIT", "time_unit": "ZEITEINHEIT",
    }  # fmt: skip
    assert profile["results"]["columns"]["report_dt"] == {"column": "DATUM", "date_format": "%Y%m%d"}
    assert (
        columns(found, "results")["order_no"] == "AUFTRAGSNR"
        and 'order_quantity = "sum"  # DECIDE' in found.text
    )
    assert columns(found, "items")["item_cd"] == "ARTIKELNR", "a code of digits stays a text"
    assert profile["items"]["attributes"]["durchmesser"]["kind"] == "number"
    assert 'where = [{ column = "LOEKZ", op = "=", value = "" }]' in found.text


def test_japanese_names(propose: Propose) -> None:
    found = propose(JAPANESE)
    assert columns(found, "operations") | {"rout_no": "1"} == {
        "item_cd": "品目コード", "rout_no": "1", "proc_seq": "工程順", "job_cd": "工程コード", "res_cd": "設備コード",
        "setup_time": "段取時間", "run_time": "加工時間", "time_unit": "時間単位",
    }  # fmt: skip
    assert tomllib.loads(found.text)["routing"]["time_units"] == {"時間": 60}
    assert columns(found, "results")["order_qty"] == "良品数"


def test_routings_of_a_group_and_reports_with_two_moments(propose: Propose) -> None:
    found = propose(GROUPED)
    profile = tomllib.loads(found.text)
    assert profile["operations"]["joins"][0]["on"] == [["item_group", "item_group"]]
    mine = columns(found, "operations")
    assert (mine["item_cd"], mine["rout_no"], mine["run_time_qty"]) == (
        "item.article_id",
        "item_group",
        "lot_qty",
    )
    assert profile["routing"]["blank_time_unit"] == pytest.approx(1 / 60)
    theirs = columns(found, "results")
    assert (theirs["start_at"], theirs["end_at"], theirs["order_no"]) == (
        "started_at",
        "ended_at",
        "order_id",
    )
    assert (
        "machine_time" not in theirs and "mes_event.state holds 'Completed' (9), 'Aborted' (1)" in found.text
    )


def test_times_with_colons_and_a_header_found_by_its_name(propose: Propose) -> None:
    """Without foreign keys, row numbers of a line are in any table's keys: only a column of a like name is a header's key."""
    found = propose("""
        CREATE TABLE part (part_id INTEGER PRIMARY KEY, part_no TEXT, part_class TEXT);
        CREATE TABLE job_header (job_id INTEGER PRIMARY KEY, part_id INTEGER, ordered_qty REAL);
        CREATE TABLE routing_header (routing_id INTEGER PRIMARY KEY, part_id INTEGER);
        CREATE TABLE routing_line (line_id INTEGER PRIMARY KEY, routing_id INTEGER, seq_no INTEGER, op_code TEXT, machine_id TEXT,
          SetupTime TEXT, RunTime TEXT);
        CREATE TABLE ProductionReport (part_id INTEGER, seq_no INTEGER, op_code TEXT, ReportDate TEXT, GoodQty REAL, MachineTime TEXT);
        INSERT INTO part SELECT n, 'P' || n, 'C' || (n % 2) FROM nr;
        INSERT INTO job_header SELECT 10 * (n - 1) + s / 10, n, 5 FROM nr, seq;
        INSERT INTO routing_header SELECT 100 + n, n FROM nr;
        INSERT INTO routing_line SELECT 10 * (n - 1) + s / 10, 100 + n, s, 'OP' || s, 'M' || s, '00:15:00', '00:02:30' FROM nr, seq;
        INSERT INTO ProductionReport SELECT n, 10, 'OP10', '03/31/2025', 20, '01:05:00' FROM nr;
    """)
    profile = tomllib.loads(found.text)
    [join] = profile["operations"]["joins"]
    assert (join["table"], join["on"]) == ("routing_header", [["routing_id", "routing_id"]])
    assert profile["operations"]["columns"]["run_time"] == {"column": "RunTime", "time_form": "hh:mm:ss"}
    assert profile["results"]["columns"]["machine_time"] == {"column": "MachineTime", "time_form": "hh:mm:ss"}
    assert profile["results"]["columns"]["report_dt"]["date_format"] == "%m/%d/%Y"
    assert profile["results"]["time_factor_min"] == 1 and "blank_time_unit" not in profile["routing"]


def test_versions_in_place_of_a_routing_number_are_a_question(propose: Propose) -> None:
    found = propose(GERMAN.replace("ArbeitsplanNr", "Revision"))
    assert columns(found, "operations")["rout_no"] == "Revision"
    assert "DECIDE: are these versions of one routing ('P1' (30))?" in found.text


@pytest.mark.parametrize("script", [GERMAN, KOREAN, SPANISH, FRENCH_LINES, SHARED, TEXTS, JAPANESE, GROUPED])
def test_a_proposal_loads_and_reads_the_erp(
    propose: Propose, script: str, tmp_path: Path, url: Callable[[str], str]
) -> None:
    out = tmp_path / "mine.toml"
    found = propose(script, out=out)
    assert found.missing == () and out.read_text(encoding="utf-8") == found.text
    assert not [f for f in found.findings if f.level == "error"]
    assert "# --- what the doctor says to this profile ---" in found.text
    report = extract(
        f"sqlite:///{(tmp_path / 'erp.db').as_posix()}",
        load_profile(out),
        tmp_path / "raw",
        load_settings(home=tmp_path),
    )
    assert report.frames["items"].rows == 10
    assert report.frames["operations"].rows == 30


def beside(found: Suggestion) -> list[str]:
    """The lines about settings beside the profile."""
    return [
        line
        for line in found.text.splitlines()
        if line.startswith(("# ROUTING_ETL_", "# DECIDE: ROUTING_ETL_"))
    ]


def test_company_plant_and_words_of_the_plant_are_proposed_where_the_data_tell(propose: Propose) -> None:
    found = propose(
        """
        CREATE TABLE Teilestamm (TeileNr TEXT, Benennung TEXT, Warengruppe TEXT, Mandant TEXT);
        CREATE TABLE Arbeitsplan (TeileNr TEXT, PlanNr TEXT, AgNr INTEGER, Arbeitsgang TEXT, Maschine TEXT, Ruestzeit REAL, Stueckzeit REAL,
          Zeiteinheit TEXT, Werk TEXT, Bukrs INTEGER, Fertigung TEXT);
        INSERT INTO Teilestamm SELECT 'T' || n, 'Welle ' || n, 'W' || (n % 3), '100' FROM nr;
        INSERT INTO Arbeitsplan SELECT 'T' || n, '1', s, 'DREHEN', 'M' || s, 15, 2.5, CASE s WHEN 30 THEN 'N/A' WHEN 20 THEN 'Min' ELSE
          'min.' END, 'W' || (n % 2), 4711, CASE s WHEN 10 THEN 'eigen' ELSE 'fremd' END FROM nr, seq;
        """
    )
    assert beside(found) == [
        "# ROUTING_ETL_COMPANY_CODE='4711'  # the only value of Arbeitsplan.Bukrs, in 30 of 30 rows of the sample",
        "# DECIDE: ROUTING_ETL_PLANT_CODE: Arbeitsplan.Werk holds 'W1' (15), 'W0' (15); the filter of the rows above goes with it",
        "# ROUTING_ETL_WORD_INHOUSE='eigen'  # Arbeitsplan.Fertigung holds it in 10 rows of the sample",
        "# ROUTING_ETL_WORD_OUTSOURCED='fremd'  # Arbeitsplan.Fertigung holds it in 20 rows of the sample",
        "# ROUTING_ETL_WORD_MINUTES='min.'  # Arbeitsplan.Zeiteinheit holds it in 10 rows of the sample; also written 'Min'",
        "# ROUTING_ETL_WORD_NO_UNIT='N/A'  # Arbeitsplan.Zeiteinheit holds it in 10 rows of the sample",
        "# DECIDE: ROUTING_ETL_TIMEZONE: the IANA time zone of the ERP's dates, e.g. Europe/Berlin; no table tells it",
    ]


def test_what_no_table_tells_of_the_plant_is_a_question(propose: Propose) -> None:
    lines = beside(propose(SHARED))
    names = [
        "COMPANY_CODE",
        "PLANT_CODE",
        "WORD_INHOUSE",
        "WORD_OUTSOURCED",
        "WORD_MINUTES",
        "WORD_NO_UNIT",
        "TIMEZONE",
    ]
    assert [line.split(":")[1].strip() for line in lines] == [f"ROUTING_ETL_{name}" for name in names]


def test_sheets_of_a_korean_plant_are_korean(propose: Propose) -> None:
    assert [line for line in beside(propose(KOREAN)) if "SHEET_LANGUAGE='ko'" in line]


def test_a_code_that_no_setting_can_hold_is_a_question(propose: Propose) -> None:
    found = propose(GERMAN.replace("Arbeitsplan (", "Arbeitsplan (Site TEXT, ").replace(
        "INSERT INTO Arbeitsplan SELECT ", "INSERT INTO Arbeitsplan SELECT 'O''Brien\n[items]', "
    ))  # fmt: skip
    [line] = [line for line in beside(found) if "PLANT_CODE" in line]
    assert (
        line.startswith("# DECIDE: ROUTING_ETL_PLANT_CODE: the only value of Arbeitsplan.Site")
        and "quote" in line
    )


def test_what_is_missing_is_said_and_the_text_is_still_toml(propose: Propose) -> None:
    found = propose(
        "CREATE TABLE Item (ItemNo TEXT, Name TEXT, Grp TEXT); INSERT INTO Item SELECT n, n, n FROM nr"
    )
    assert found.missing and "No table looks like routings" in found.missing[0]
    assert tomllib.loads(found.text)["items"]["table"] == "Item"
    assert "# MISSING: No table looks like routings" in found.text
    assert "Item comes nearest: it has item_cd, and no column whose name says proc_seq" in found.missing[0]


def test_names_and_values_of_the_database_cannot_break_the_file(propose: Propose) -> None:
    hostile = GERMAN.replace("Kunden (KundenNr", "Kunden (KundenNr").replace("Benennung", '"Benennung\n"" # = [x]"').replace(
        "'Welle '", "'Welle\n[items]\n\"\"\"'"
    )  # fmt: skip
    found = propose(hostile)
    assert columns(found, "operations")["item_cd"] == "TeileNr"
    assert "[results]" in found.text


def test_tables_can_be_named_and_wrong_ones_are_refused(propose: Propose) -> None:
    assert propose(GERMAN, tables=["teilestamm", "Arbeitsplan"]).missing == ()
    with pytest.raises(ConfigurationError, match="no table or view Stueckliste"):
        propose("", tables=["Stueckliste"])


def test_a_file_that_people_have_edited_is_not_replaced(propose: Propose, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("# mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="exists"):
        propose(GERMAN, out=tmp_path / "mine.toml")
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == "# mine"


def test_the_command_writes_the_file_and_counts_the_questions(
    url: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTING_ETL_HOME", str(tmp_path))
    out = tmp_path / "mine.toml"
    done = CliRunner().invoke(app, ["profile", "suggest", "--url", url(GERMAN), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "Places marked DECIDE, to be settled: " in done.output
    load_profile(out)
    missing = CliRunner().invoke(
        app, ["profile", "suggest", "--url", url("DROP TABLE Arbeitsplan;"), "--tables", "Teilestamm"]
    )
    assert missing.exit_code == 2
    assert "No table looks like routings" in missing.output


def test_nothing_of_the_url_is_written(tmp_path: Path, url: Callable[[str], str]) -> None:
    found = suggest(f"{url(GERMAN)}?timeout=5", load_settings(home=tmp_path))
    assert "timeout" not in found.text and str(tmp_path) not in found.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PartNum", ("part", "num")), ("PART_NUM", ("part", "num")), ("Rüstzeit", ("ruestzeit",)), ("Gültig ab", ("gueltig", "ab")),
        ("Código_artículo", ("codigo", "articulo")), ("준비시간_분", ("준비시간", "분")), ("tabBOM Operation", ("tab", "bom", "operation")),
        ("", ()),
    ],
)  # fmt: skip
def test_a_name_is_its_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_the_nearer_name_scores_higher() -> None:
    item = FIELDS["items"]["item_cd"]
    assert score("ItemNo", item) > score("ItemNoOld", item) > 0
    assert score("Colour", item) == 0
    assert score("Company$Item$437dbf0e", TABLES["items"], table=True) == score(
        "items", TABLES["items"], table=True
    )


#: Names that promise what the values cannot be: three planners, a lead time in percent, an operation's own number, days on which all was written.
PROMISES = """
CREATE TABLE item_master (inventory_item_id INTEGER, description TEXT, kind TEXT, planner_code TEXT, last_change TEXT);
CREATE TABLE routing_operations (operation_sequence_id INTEGER, {item}operation_seq_num INTEGER, press TEXT, operation_lead_time_percent REAL,
  {time}last_change TEXT);
CREATE TABLE work_center (press TEXT PRIMARY KEY, name TEXT, disable_date TEXT);
INSERT INTO item_master SELECT 10 * t.n + nr.n, 'Box ' || nr.n, 'K' || (nr.n % 3), 'PLAN' || (nr.n % 3), '2024-03-0' || (1 + nr.n % 9)
  FROM nr, nr AS t;
INSERT INTO routing_operations SELECT 1000 * inventory_item_id + s, {item}s, 'W' || s, 50, {of_piece}last_change FROM item_master, seq;
INSERT INTO work_center SELECT 'W' || s, 'Press ' || s, CASE s WHEN 30 THEN '2023-06-30' END FROM seq;
"""


def test_what_values_cannot_be_is_not_proposed_by_a_name(propose: Propose) -> None:
    sql = PROMISES.format(item="inventory_item_id, ", time="run_hours REAL, ", of_piece="0.25, ")
    sql = sql.replace("inventory_item_id, operation_seq_num", "inventory_item_id INTEGER, operation_seq_num")
    text = propose(sql).text
    found = tomllib.loads(text)
    assert found["items"]["columns"]["item_cd"] == {"column": "inventory_item_id", "integer_code": True}
    assert "last_change" not in found["items"]["attributes"]
    assert found["operations"]["columns"]["run_time"] == "run_hours"
    assert "operation_sequence_id" not in str(found["operations"]["columns"]["job_cd"])
    machines = found["resources"]["columns"]
    assert machines["valid_to"] == "disable_date" and "active" not in machines


def test_rows_that_were_written_on_the_same_days_are_not_joined_by_them(propose: Propose) -> None:
    """Routing rows without an item, and with no time but a share of one: that they lack it is said, and nothing is made of days."""
    text = propose(PROMISES.format(item="", time="", of_piece="")).text
    assert "last_change" not in text.split("--- what the doctor says")[0].replace("# last_change", "")
    assert 'run_time = "operation_lead_time_percent"' not in text and '"planner_code"  # DECIDE' not in text
