"""Proposals for plants whose names are of other languages, shortened, or say nothing; and what kind of value an item's column holds."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routing_etl.onboarding.kinds import kind_of
from routing_etl.onboarding.suggest import Suggestion, suggest
from routing_etl.onboarding.survey import Column, Counter, Values
from routing_etl.settings import load_settings

_NUMBERS = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60) SELECT n FROM c;
CREATE TEMP TABLE seq AS SELECT 10 AS s UNION SELECT 20 UNION SELECT 30 UNION SELECT 40;
"""
#: One plant: sixty items, a routing head for each, four operations with a machine of five and four jobs; `{0}` and so on are names.
_PLANT = """
CREATE TABLE {items} ({item} TEXT PRIMARY KEY, {name} TEXT, {group} TEXT);
INSERT INTO {items} SELECT 'K-' || (1000 + n), 'shaft long ' || n, 'G' || (n % 3) FROM nr;
CREATE TABLE {heads} ({routing} INTEGER PRIMARY KEY, {head_item} TEXT);
INSERT INTO {heads} SELECT 5000 + n, 'K-' || (1000 + n) FROM nr;
CREATE TABLE {machines} ({machine_key} TEXT PRIMARY KEY, {machine_name} TEXT);
INSERT INTO {machines} SELECT 'M0' || n, 'machine ' || n FROM nr WHERE n < 6;
CREATE TABLE {lines} ({routing} INTEGER, {number} INTEGER, {job} TEXT, {machine} TEXT, {setup} REAL, {run} REAL);
INSERT INTO {lines} SELECT 5000 + n, s, CASE s WHEN 10 THEN 'SAW' WHEN 20 THEN 'TURN' WHEN 30 THEN 'MILL' ELSE 'TEST' || (n % 2) END,
  'M0' || (1 + (n + s / 10) % 5), 5 + n % 17, 0.25 * (1 + (n * s) % 37) FROM nr, seq;
"""
_KEYS = [
    "items",
    "item",
    "name",
    "group",
    "heads",
    "routing",
    "head_item",
    "machines",
    "machine_key",
    "machine_name",
    "lines",
    "number",
    "job",
    "machine",
    "setup",
    "run",
]
_PLANTS = {
    "german": "ARTIKEL ARTNR BEZ1 WARENGR ARBEITSPLAN APLNR ARTNR MASCHINE MASCHNR BEZ ARBEITSPLAN_POS AGNR AGSCHL MASCHNR TR TE",
    "german_short": "ART_STAMM ARTKZ KURZTEXT ARTIKELGR APL APLANNR ARTKZ MASCH MASCHKZ TXT AFO AFONR AFOSCHL MASCHKZ RUEST_MIN STKZEIT",
    "french": "ARTICLES CODE_ART LIBELLE FAMILLE GAMMES NUM_GAMME CODE_ART POSTES CODE_POSTE LIB GAMME_OPERATION NUM_OPE CODE_OPE CODE_POSTE TPS_REGLAGE TPS_UNIT",
    "spanish": "ARTICULOS COD_ARTICULO DENOMINACION FAMILIA RUTAS NUM_RUTA COD_ARTICULO MAQUINAS COD_MAQ NOMBRE RUTA_OPERACION NUM_OPER COD_OPER COD_MAQ T_PREP T_EJEC",
    "italian": "ARTICOLI COD_ARTICOLO DESCRIZIONE FAMIGLIA CICLI COD_CICLO COD_ARTICOLO MACCHINE COD_MACCHINA DESCR FASI_CICLO NUM_FASE COD_LAV COD_MACCHINA T_ATTR TEMPO_UNITARIO",
    "polish": "INDEKSY INDEKS NAZWA GRUPA MARSZRUTY NR_MARSZRUTY INDEKS STANOWISKA KOD_STANOWISKA OPIS OPERACJE NR_OPERACJI KOD_OPERACJI KOD_STANOWISKA TPZ TJ",
    "czech": "POLOZKY CISLO_POLOZKY NAZEV SKUPINA POSTUPY CISLO_POSTUPU CISLO_POLOZKY STROJE KOD_STROJ POPIS OPERACE CISLO_OPERACE KOD_OPERACE KOD_STROJ TBC TAC",
    "dutch": "ARTIKELEN ARTIKELCODE OMSCHRIJVING GROEP WERKPLAN WERKPLANNR ARTIKELCODE MACHINES MACHINECODE NAAM BEWERKINGEN BEWERKINGNR BEWERKINGSCODE MACHINECODE INSTELTIJD STUKTIJD",
}


@pytest.fixture
def propose(tmp_path: Path) -> Callable[[str], Suggestion]:
    def build(script: str) -> Suggestion:
        file = tmp_path / "erp.db"
        with sqlite3.connect(file) as erp:
            erp.executescript(_NUMBERS + script)
        return suggest(f"sqlite:///{file.as_posix()}", load_settings(home=tmp_path))

    return build


def _plant(names: str) -> tuple[str, dict[str, str]]:
    of = dict(zip(_KEYS, names.split(), strict=True))
    return _PLANT.format(**of), of


def _source(value: Any) -> str:
    return value if isinstance(value, str) else value["column"]


@pytest.mark.parametrize("language", list(_PLANTS))
def test_a_plant_is_found_by_its_names(propose: Callable[[str], Suggestion], language: str) -> None:
    script, of = _plant(_PLANTS[language])
    found = propose(script)
    assert found.missing == ()
    profile = tomllib.loads(found.text)
    assert (profile["items"]["table"], profile["operations"]["table"]) == (of["items"], of["lines"])
    assert profile["items"]["columns"]["item_cd"] == of["item"]
    columns = {n: _source(v) for n, v in profile["operations"]["columns"].items()}
    assert columns == {
        "item_cd": f"head.{of['head_item']}", "rout_no": of["routing"], "proc_seq": of["number"], "job_cd": of["job"], "res_cd": of["machine"],
        "setup_time": of["setup"], "run_time": of["run"], "res_nm": f"machine_text.{of['machine_name']}",
    }  # fmt: skip


#: The item master has a name that says so; of the routings only the values tell.
_SAYS_NOTHING = "ITEM ITEM_NO NAME CLASS T17 F1 F2 T18 F1 F2 T19 F3 F4 F5 F6 F7"


def test_routings_whose_names_say_nothing_are_found_by_their_values_and_all_of_it_is_asked(
    propose: Callable[[str], Suggestion],
) -> None:
    script, _ = _plant(_SAYS_NOTHING)
    found = propose(script)
    assert found.missing == ()
    operations = tomllib.loads(found.text)["operations"]
    assert operations["table"] == "T19"
    columns = {n: _source(v) for n, v in operations["columns"].items()}
    assert columns == {
        "item_cd": "head.F2", "rout_no": "F1", "proc_seq": "F3", "job_cd": "F4", "res_cd": "F5", "setup_time": "F6", "run_time": "F7",
    }  # fmt: skip
    lines = found.text.partition("[operations]")[2].splitlines()
    asked = [line for line in lines if line.split(" = ")[0] in (*columns, "table") and "DECIDE" in line]
    assert len(asked) == 8


def test_a_table_whose_values_number_nothing_is_no_routing(propose: Callable[[str], Suggestion]) -> None:
    script, of = _plant(_SAYS_NOTHING)
    found = propose(script + f"UPDATE {of['lines']} SET {of['number']} = 7;")
    assert any("No table looks like routings" in text for text in found.missing)


_BASED = "UPDATE {lines} SET {setup} = 5; ALTER TABLE {lines} ADD COLUMN {column} TEXT; UPDATE {lines} SET {column} = {value};"


@pytest.mark.parametrize("column", ["ZEITART", "KX7"])
def test_a_column_that_says_what_the_run_time_is_for_is_read(
    propose: Callable[[str], Suggestion], column: str
) -> None:
    script, of = _plant(_PLANTS["german"])
    value = "CASE AGNR WHEN 10 THEN 'M%' WHEN 20 THEN 'STK/H' WHEN 30 THEN 'Los' ELSE NULL END"
    found = propose(script + _BASED.format(column=column, value=value, **of))
    profile = tomllib.loads(found.text)
    assert profile["operations"]["columns"]["run_basis"] == column
    assert profile["routing"]["run_basis_words"] == {
        "M%": "minutes_per_100", "STK/H": "pieces_per_hour", "Los": "order",
    }  # fmt: skip
    [blank] = [line for line in found.text.splitlines() if line.startswith("run_basis = ")][1:]
    assert "DECIDE: 60 rows of the sample say nothing" in blank


def test_a_word_for_the_run_time_that_is_not_known_is_asked_and_a_flag_is_none(
    propose: Callable[[str], Suggestion],
) -> None:
    script, of = _plant(_PLANTS["german"])
    value = "CASE AGNR WHEN 10 THEN 'Q7' ELSE 'M1' END"
    text = propose(script + _BASED.format(column="ZEITART", value=value, **of)).text
    assert "DECIDE: what is the run time with 'Q7' (60 rows; hours_per_order: fixed hours)?" in text


def test_marks_that_are_no_basis_are_not_read_as_one(propose: Callable[[str], Suggestion]) -> None:
    script, of = _plant(_PLANTS["german"])
    value = "CASE AGNR WHEN 10 THEN 'J' ELSE 'N' END"
    assert "run_basis_words" not in propose(script + _BASED.format(column="PRUEF", value=value, **of)).text


def _values(*texts: Any, rows: int = 200) -> Values:
    return Values(rows, Counter({t: rows // (2 * len(texts)) for t in texts}))


@pytest.mark.parametrize(
    ("column", "type_", "held", "kind"),
    [
        ("BEZ1", "text", [f"Blech{i} lang" if i % 5 == 0 else f"Blech{i}" for i in range(90)], "text"),
        ("ZEICHNR", "text", [f"Z-{i}" for i in range(90)], "code"),
        ("ANZ_KANT", "integer", [1, 2, 4, 6], "number"),
        ("LOSGROESSE", "integer", [5, 10, 50], "number"),
        ("KLASSE", "integer", [1, 2, 4], "category"),
        ("ZEUGNIS", "text", ["3.1", "2.2"], "category"),
        ("DICKE", "text", ["3.1", "2.2"], "number"),
        ("X1", "text", [f"{i}.5" for i in range(40)], "number"),
        ("FARBE", "text", ["RAL7035", "RAL9005"], "category"),
        ("BEMERKUNG", "text", ["li.", "lt. Norm", "re."], "text"),
        ("GRUPPE_ID", "integer", [10, 20, 30], "category"),
    ],
)
def test_kinds_of_columns(column: str, type_: Any, held: list[Any], kind: str) -> None:
    assert kind_of(Column(column, type_), _values(*held))[0] == kind


def test_what_names_and_values_do_not_settle_is_a_question() -> None:
    for column, type_, held in (("KLASSE", "integer", [1, 2]), ("ZEUGNIS", "text", ["3.1"])):
        assert kind_of(Column(column, type_), _values(*held))[1].startswith("DECIDE")  # type: ignore[arg-type]
