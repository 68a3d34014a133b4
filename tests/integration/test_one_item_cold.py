"""What a first `predict` loads, opens and reads, by counting; a list is one question; what was looked up once is what a look finds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import polars as pl
import pytest
from homes import ask, home_settings

from routing_etl.errors import ItemNotFoundError
from routing_etl.pipeline import item_sheets, lookups, one_item
from routing_etl.pipeline.item_sheets import sheet_of, sheets_of_predictions
from routing_etl.pipeline.one_item import Prediction, WhatIf, predict_item, predict_items
from routing_etl.pipeline.spelled import codes_of_today
from routing_etl.runs import RunFolder, list_runs

#: What only a night needs. pandas comes with scikit-learn or Great Expectations.
HEAVY = (
    "sklearn", "pandas", "great_expectations", "dagster", "matplotlib", "alembic", "xlsxwriter", "scipy.stats", "scipy.optimize",
    "routing_etl.erp.extract", "routing_etl.erp.catalogue", "routing_etl.evaluation.evaluate", "routing_etl.evaluation.drift",
    "routing_etl.pipeline.results", "routing_etl.pipeline.versions", "routing_etl.pipeline.steps", "routing_etl.warehouse.publish",
)  # fmt: skip
_COUNTED = """
import json, os, sys
opened, databases = [], []
def heard(event, told):
    if event == "open" and isinstance(told[0], str):
        opened.append(os.path.basename(told[0]))
    elif event == "sqlite3.connect":
        databases.append(os.path.basename(str(told[0])))
sys.addaudithook(heard)
from routing_etl.cli.app import main
try:
    main(["predict", sys.argv[2], "--json"])
except SystemExit as ended:
    assert not ended.code, ended.code
modules = [m for m in json.loads(sys.argv[3]) if m in sys.modules]
parts = sum(m.startswith("routing_etl.") for m in sys.modules)
with open(sys.argv[1], "w") as told:
    json.dump({"modules": modules, "parts": parts, "opened": opened, "databases": databases}, told)
"""


@pytest.fixture(scope="module")
def codes(finished_home: Path) -> list[str]:
    """A few routed items and a few without a routing, those of new types among them."""
    run = list_runs(finished_home)[0]
    items = pl.read_parquet(run.clean / "items.parquet").sort("item_cd")
    return items.gather_every(max(items.height // 25, 1))["item_cd"].to_list()[:25]


@pytest.fixture
def run(home: Path) -> RunFolder:
    return list_runs(home)[0]


def test_a_first_question_loads_opens_and_reads_what_it_needs(
    home: Path, codes: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "counted.json"
    environment = {"ROUTING_ETL_HOME": str(home), "PATH": "/usr/bin:/bin"}
    environment["PYTHONPATH"] = str(Path(one_item.__file__).parents[2])
    asked = [sys.executable, "-c", _COUNTED, str(out), codes[0], json.dumps(HEAVY)]
    done = subprocess.run(asked, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    counted = json.loads(out.read_text())
    assert counted["modules"] == []
    assert counted["parts"] <= 190, "modules of our own"
    assert counted["opened"].count("similarity_engine.joblib") == 1, (
        "the model is read once, and hashed as it was read"
    )
    assert len(counted["databases"]) <= 4
    assert not [name for name in counted["opened"] if name.endswith((".xlsx", ".sql"))]


def same(one: Prediction, other: Prediction) -> None:
    frames = ("candidates", "operations", "evidence", "abstained", "resources")
    for name in frames:
        assert getattr(one.predictions, name).equals(getattr(other.predictions, name)), name
    assert one.own_routing.equals(other.own_routing)
    assert (one.item, one.purchase, one.notes) == (other.item, other.purchase, other.notes)
    assert (one.lead_time is None) == (other.lead_time is None)
    if one.lead_time is not None and other.lead_time is not None:
        # sums of the same minutes, among others added up in another order
        assert astuple(one.lead_time) == pytest.approx(astuple(other.lead_time), rel=1e-12)


@pytest.mark.parametrize("what_if", [WhatIf(), WhatIf({"OUTDIAMETER": "100", "INDIAMETER": "250"}, 640.0)])
def test_a_list_is_one_question_and_gives_what_each_item_gives_alone(
    finished_home: Path, codes: list[str], monkeypatch: pytest.MonkeyPatch, what_if: WhatIf
) -> None:
    settings = home_settings(finished_home)
    alone = [predict_item(settings, code, what_if) for code in codes]
    loads, load = [], one_item.load_model
    monkeypatch.setattr(one_item, "load_model", lambda *a: loads.append(1) or load(*a))
    together = predict_items(settings, [*codes, "NO-SUCH-ITEM", codes[0].lower()], what_if)
    assert loads == [1]
    assert [e.message for e in together.unknown] == [_unknown(settings, "NO-SUCH-ITEM")]
    assert [p.item["item_cd"] for p in together.found] == [*codes, codes[0]]
    for one, other in zip([*alone, alone[0]], together.found, strict=True):
        same(one, other)
    reads, lazily = [], item_sheets.read_items
    monkeypatch.setattr(item_sheets, "read_items", lambda run: reads.append(1) or lazily(run))
    sheets = sheets_of_predictions(together.found, settings)
    assert reads == [1]
    assert sheets[:-1] == [sheet_of(p, settings) for p in together.found[:-1]]


def _unknown(settings: object, code: str) -> str:
    with pytest.raises(ItemNotFoundError) as refused:
        predict_item(settings, code)  # type: ignore[arg-type]
    return refused.value.message


def test_what_was_looked_up_is_what_a_look_finds(run: RunFolder) -> None:
    attributes = one_item.read_attributes(run)
    told = codes_of_today(run).known, lookups.commonplace_of(run, attributes)
    assert told[1], "a plant has attributes in which most items agree"
    (run.clean / lookups.LOOKUPS).unlink()
    looked = codes_of_today(run).known, lookups.commonplace_of(run, attributes)
    assert {c: sorted(s) for c, s in told[0].items()} == {c: sorted(s) for c, s in looked[0].items()}
    assert told[1] == looked[1]


@pytest.mark.parametrize("broken", ["other files", "no Parquet", "cut off"])
def test_lookups_of_other_files_are_not_believed(run: RunFolder, broken: str) -> None:
    file = run.clean / lookups.LOOKUPS
    if broken == "other files":
        operations = run.clean / "operations.parquet"
        changed = pl.read_parquet(operations).with_columns(pl.col("job_cd") + "-NEW")
        changed.write_parquet(operations)
    else:
        content = file.read_bytes()
        file.write_bytes(b"no" if broken == "no Parquet" else content[: len(content) // 2])
    known = codes_of_today(run).known["job_cd"]
    expected = pl.scan_parquet(run.clean / "operations.parquet").select("job_cd").unique().collect()["job_cd"]
    assert set(expected.drop_nulls()) <= set(known)


def test_a_restored_home_answers_as_before(finished_home: Path, codes: list[str], tmp_path: Path) -> None:
    """A copy without times of writing: the lookups are not believed, and the answer is the same."""
    copy = tmp_path / "restored"
    shutil.copytree(finished_home, copy, copy_function=shutil.copyfile)
    run = list_runs(copy)[0]
    assert (run.clean / lookups.LOOKUPS).is_file() and lookups._said(run) is None
    assert ask(copy / "warehouse.db", "SELECT COUNT(*) > 0 FROM routing_candidates") == [(1,)]
    same(predict_item(home_settings(finished_home), codes[3]), predict_item(home_settings(copy), codes[3]))
