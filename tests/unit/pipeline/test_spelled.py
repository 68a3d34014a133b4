"""What a model answers, in today's spelling: codes by our own rule and by the database's, joined codes, rows not read yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from warehouse_predictions import CANDIDATE, EVIDENCE, OPERATION, RESOURCE

from routing_etl import frames
from routing_etl.pipeline.spelled import CODES, JOINED, TodaysCodes, codes_of_today, of_model
from routing_etl.runs import RunFolder

pytestmark = pytest.mark.unit

KNOWN = {
    "item_cd": ["n1", "N2", "x9", "X9"],
    "rout_no": ["r1"],
    "job_cd": ["c1", "ｆ２", "G3"],
    "res_cd": ["mc 01"],
    "bp_cd": ["b1"],
    "cur_cd": ["eur"],
    "tax_type": ["a"],
}
TODAY = TodaysCodes({name: pl.Series(name, codes) for name, codes in KNOWN.items()})


def frame(contract: frames.Frame, *rows: dict) -> pl.DataFrame:
    return contract.conform(pl.DataFrame(list(rows), infer_schema_length=None))


CANDIDATES = frame(
    frames.CANDIDATES,
    CANDIDATE | {"routing_code": "C1>F2>GONE", "reference_item_cd": "N1", "rout_no": "R1"},
)
OPERATIONS = frame(
    frames.CANDIDATE_OPERATIONS,
    OPERATION
    | {"job_cd": "C1", "res_cd": "MC  01", "bp_cd": "B1", "cur_cd": "EUR", "tax_type": "A"}
    | {"source_items": "N1,n2,Z0", "source_rout_no": "R1", "replaced_job": "g3"},
)
EVIDENCES = frame(
    frames.CANDIDATE_EVIDENCE, EVIDENCE | {"neighbour_item_cd": "X９", "neighbour_rout_no": None}
)


def test_every_code_of_an_answer_gets_the_spelling_of_today() -> None:
    (head,) = TODAY.of(CANDIDATES, frames.CANDIDATES).to_dicts()
    assert [head[c] for c in ("routing_code", "reference_item_cd", "rout_no")] == ["c1>ｆ２>GONE", "n1", "r1"]
    (step,) = TODAY.of(OPERATIONS, frames.CANDIDATE_OPERATIONS).to_dicts()
    assert {c: step[c] for c in ("job_cd", "res_cd", "bp_cd", "cur_cd", "tax_type")} == {
        "job_cd": "c1", "res_cd": "mc 01", "bp_cd": "b1", "cur_cd": "eur", "tax_type": "a",
    }  # fmt: skip
    assert [step[c] for c in ("source_items", "source_rout_no", "replaced_job")] == ["n1,N2,Z0", "r1", "G3"]


def test_of_two_items_of_today_with_one_key_none_is_taken() -> None:
    (row,) = TODAY.of(EVIDENCES, frames.CANDIDATE_EVIDENCE).to_dicts()
    assert row["neighbour_item_cd"] == "X９"


@pytest.mark.parametrize(
    ("rows", "contract"),
    [
        (CANDIDATES, frames.CANDIDATES),
        (OPERATIONS, frames.CANDIDATE_OPERATIONS),
        (EVIDENCES, frames.CANDIDATE_EVIDENCE),
    ],
)
def test_rows_that_are_not_read_yet_get_the_same(rows: pl.DataFrame, contract: frames.Frame) -> None:
    assert_frame_equal(TODAY.later(rows.lazy(), contract).collect(), TODAY.of(rows, contract))


def test_every_column_of_a_code_is_known() -> None:
    """A new column of codes in a predicted frame must be named here, or it would keep the spelling of the training."""
    own = {"item_cd", "item_key", "candidate_id"}  # of the items that are asked: today's already
    for contract in (
        frames.CANDIDATES,
        frames.CANDIDATE_OPERATIONS,
        frames.CANDIDATE_EVIDENCE,
        frames.RESOURCE_ALTERNATIVES,
    ):
        codes = {
            c.name for c in contract.columns
            if c.name.endswith(("_cd", "rout_no", "_code", "_job", "_items")) or c.name in ("tax_type",)
        }  # fmt: skip
        assert codes - own == {*CODES.get(contract.name, {}), *JOINED.get(contract.name, {})}


@dataclass
class Accents:
    """A database that ignores accents, and remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, column: str, codes: pl.Series) -> pl.Series:
        self.asked.append(column)
        plain = codes.str.normalize("NFD").str.replace_all(r"\p{Mn}", "").str.to_uppercase()
        return plain.rank("dense").cast(pl.Int64)


def resources(*pairs: tuple[str, str]) -> pl.DataFrame:
    same = RESOURCE | {"last_used": None}
    return frame(frames.RESOURCE_ALTERNATIVES, *(same | {"job_cd": job, "res_cd": res} for job, res in pairs))


def test_what_only_the_database_calls_equal_is_one_too() -> None:
    database = Accents()
    codes = of_model(TODAY, resources(("C1", "MC 01"), ("Ç1", "Wäge")), database)
    assert database.asked == ["job_cd", "res_cd"]
    shown = codes.of(resources(("Ç1", "mc 01")), frames.RESOURCE_ALTERNATIVES)
    assert shown.select("job_cd", "res_cd").row(0) == ("c1", "mc 01")
    later = codes.later(resources(("Ç1", "Wäge")).lazy(), frames.RESOURCE_ALTERNATIVES).collect()
    assert later.select("job_cd", "res_cd").row(0) == ("c1", "Wäge")


def test_a_database_is_not_asked_where_our_rule_knows_every_code() -> None:
    database = Accents()
    of_model(TODAY, resources(("C1", "MC 01"), ("F2", "mc 01")), database)
    assert database.asked == []


def test_the_codes_of_a_run_are_those_of_its_routings_results_and_items(tmp_path: Path) -> None:
    run = RunFolder("r", tmp_path)
    run.clean.mkdir(parents=True)
    codes = {c: ["A", None] for c in ("rout_no", "job_cd", "res_cd", "bp_cd", "cur_cd", "tax_type")}
    pl.DataFrame(codes).write_parquet(run.clean / "operations.parquet")
    pl.DataFrame({"item_cd": ["I"]}).write_parquet(run.clean / "items.parquet")
    assert codes_of_today(run).known["res_cd"].to_list() == ["A"]
    pl.DataFrame({"job_cd": ["A"], "res_cd": ["B"]}).write_parquet(run.clean / "work_results.parquet")
    assert sorted(codes_of_today(run).known["res_cd"]) == ["A", "B"]
