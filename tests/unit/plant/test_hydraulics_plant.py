"""The plant of `tests/benchmarks/hydraulics`: its truth adds up, its rows hang on the seed alone, and it stands apart."""

from __future__ import annotations

import ast
import importlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[3]
BENCHMARKS = ROOT / "tests" / "benchmarks"
ITEMS = 200
Read = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="module")
def hydraulics() -> Iterator[Callable]:  # type: ignore[type-arg]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield lambda name: importlib.import_module(f"hydraulics.{name}")


@pytest.fixture(scope="module")
def clean(hydraulics, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:  # type: ignore[no-untyped-def]
    """A plant without faulty rows."""
    path = tmp_path_factory.mktemp("hydraulics") / "erp.db"
    hydraulics("erp").write_erp(path, ITEMS, 5, hydraulics("knobs").Knobs(dirt=0))
    connection = sqlite3.connect(path)
    yield lambda sql: pl.read_database(sql, connection, infer_schema_length=None)
    connection.close()


def test_probabilities_of_an_item_sum_to_at_most_one(clean: Read) -> None:
    truth = clean("SELECT ITEM_CD, PROBABILITY FROM DEMO_TRUTH_ROUTING")
    assert truth["PROBABILITY"].min() >= 0
    total = truth.group_by("ITEM_CD").agg(p=pl.col("PROBABILITY").sum())
    assert total.height == ITEMS
    rounded = 12 * 0.5e-6  # at most twelve routings, to six digits
    assert total["p"].max() <= 1 + rounded
    listed = clean("SELECT VALUE FROM DEMO_TRUTH_SUMMARY WHERE NAME = 'listed_probability'").item()
    assert total["p"].mean() == pytest.approx(listed, abs=1e-5)
    assert listed > 0.97


def test_the_ceiling_is_the_mean_of_the_most_probable_routings(clean: Read) -> None:
    best = clean("SELECT ITEM_CD, MAX(PROBABILITY) best FROM DEMO_TRUTH_ROUTING GROUP BY 1")
    items = clean(
        "SELECT ITEM_CD, ROUTED, SIZE_STATE, TOP_PROBABILITY top, TOP_PROBABILITY_VISIBLE visible FROM DEMO_TRUTH_ITEM"
    )
    both = items.join(best, on="ITEM_CD", validate="1:1")
    assert both.height == ITEMS
    assert (both["top"] - both["best"]).abs().max() < 1e-9
    told = both.filter(pl.col("SIZE_STATE") != "nowhere")
    assert told["visible"].equals(told["top"])
    hidden = both.filter(pl.col("SIZE_STATE") == "nowhere")
    assert hidden.height > 3 and hidden["visible"].max() <= 1
    ceiling = clean("SELECT VALUE FROM DEMO_TRUTH_SUMMARY WHERE NAME = 'ceiling'").item()
    assert both.filter(ROUTED=0)["top"].mean() == pytest.approx(ceiling, abs=1e-5)


def test_routings_use_codes_and_times_that_the_truth_knows(clean: Read) -> None:
    truth = clean("SELECT ITEM_CD, JOB_SEQ, RES_SEQ, INSIDE_SEQ FROM DEMO_TRUTH_ROUTING").with_columns(
        pl.col("JOB_SEQ", "RES_SEQ", "INSIDE_SEQ").str.split(">")
    )
    steps = truth.explode("JOB_SEQ", "RES_SEQ", "INSIDE_SEQ")  # fails unless the three are of one length
    assert set(steps["INSIDE_SEQ"]) == {"in", "out"}
    timed = clean("SELECT ITEM_CD, JOB_CD FROM DEMO_TRUTH_TIME WHERE SETUP_MIN >= 0 AND RUN_MIN > 0")
    pairs = steps.select("ITEM_CD", JOB_CD="JOB_SEQ").unique()
    assert pairs.join(timed, on=["ITEM_CD", "JOB_CD"], how="anti").is_empty()
    assert timed.height == pairs.height


def test_a_routing_was_written_as_the_truth_says_or_with_a_code_of_its_day(hydraulics, clean: Read) -> None:  # type: ignore[no-untyped-def]
    jobs = hydraulics("plant").Plant(5, hydraulics("knobs").Knobs(dirt=0)).jobs
    today = {old: jobs.code[key] for key, old in jobs.replaced.items()}
    known = set(jobs.code.values()) | set(today)
    rows = clean(
        "SELECT ITEM_CD, PROC_SEQ, JOB_CD FROM BI_ROUTING_VIEW WHERE ROUT_NO IN ('10', '20') AND VALIDITY = 'Y'"
    )
    routed = set(clean("SELECT ITEM_CD FROM DEMO_TRUTH_ITEM WHERE ROUTED = 1")["ITEM_CD"])
    rows = rows.filter(pl.col("ITEM_CD").is_in(list(routed))).sort("ITEM_CD", "PROC_SEQ")
    assert set(rows["ITEM_CD"]) == routed
    assert set(rows["JOB_CD"]) <= known
    written = rows.with_columns(pl.col("JOB_CD").replace(today)).group_by("ITEM_CD", maintain_order=True)
    written = written.agg(JOB_SEQ=pl.col("JOB_CD").str.join(">"))
    truth = clean("SELECT ITEM_CD, JOB_SEQ FROM DEMO_TRUTH_ROUTING")
    named = written.join(truth, on=["ITEM_CD", "JOB_SEQ"], how="semi")
    assert named.height >= 0.97 * written.height  # the others are routings beyond the twelve that are named


def test_the_same_seed_gives_the_same_rows(hydraulics, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dumps = []
    for name, seed in (("one", 11), ("again", 11), ("other", 12)):
        hydraulics("erp").write_erp(tmp_path / name, ITEMS, seed)
        with sqlite3.connect(tmp_path / name) as connection:
            dumps.append(list(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


def test_operations_are_added_where_their_phase_belongs(hydraulics) -> None:  # type: ignore[no-untyped-def]
    routes = hydraulics("routes")
    route = ("saw", "turn2", "cgrind", "insp")
    assert routes.with_operation(route, "deburr", None) == ("saw", "turn2", "deburr", "cgrind", "insp")
    assert routes.with_operation(route, "hone", "cgrind") == ("saw", "turn2", "hone", "insp")
    assert routes.with_operation(route, "saw", "insp") == route
    assert routes.with_habit(route, "split_turn") == ("saw", "turn2", "turn2", "cgrind", "insp")
    assert routes.with_habit(("kitpick", "asm", "pack"), "deburr") == ("kitpick", "asm", "pack")
    assert routes.bounded(("saw",)) == ("saw", "insp", "pack")


def test_an_unknown_knob_is_refused_by_name(hydraulics) -> None:  # type: ignore[no-untyped-def]
    knobs = hydraulics("knobs").Knobs
    assert knobs.from_json('{"dirt": 0}') == knobs(dirt=0)
    with pytest.raises(ValueError, match=r"unknown knobs \['dust'\]; known are .*'dirt'"):
        knobs.from_json('{"dust": 0}')


def test_too_few_items_are_refused_and_the_file_that_is_there_stays(hydraulics, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    database = tmp_path / "erp.db"
    database.write_text("kept")
    with pytest.raises(ValueError, match="needs 50 items or more, not 49"):
        hydraulics("erp").write_erp(database, 49, 1)
    assert database.read_text() == "kept"


def test_the_plant_imports_nothing_of_the_product_nor_the_product_it() -> None:
    def imported(folder: Path, having: str = "") -> set[str]:
        found = set()
        texts = [file.read_text(encoding="utf-8") for file in folder.rglob("*.py")]
        assert texts
        for text in texts:
            for node in ast.walk(ast.parse(text if having in text else "")):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add(str(node.module).split(".")[0])
        return found

    own = imported(BENCHMARKS / "hydraulics")
    assert own - set(sys.stdlib_module_names) == {"hydraulics", "numpy"}
    for folder in ("routing_etl", "dagster_defs", "migrations"):
        assert "hydraulics" not in imported(ROOT / folder, having="hydraulics")
