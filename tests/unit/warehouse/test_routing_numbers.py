"""Routing numbers of proposals: one for one sequence of jobs, whatever the rank, the night or the model."""

from __future__ import annotations

import polars as pl
import pytest
from warehouse_predictions import CANDIDATE, OPERATION, warehouse, write_rows

from routing_etl.warehouse import routing_numbers as numbers
from routing_etl.warehouse.questions import answer

pytestmark = pytest.mark.unit


def numbered(*rows: tuple[str, int, str | None]) -> list[str | None]:
    frame = pl.DataFrame(
        rows,
        schema={"item_cd": pl.String, "candidate_rank": pl.Int16, "routing_code": pl.String},
        orient="row",
    )
    return numbers.routing_numbers(frame.lazy()).collect()["predicted_rout_no"].to_list()


def test_a_number_is_of_the_jobs_alone() -> None:
    found = numbered(("I", 1, "A>B"), ("I", 2, "A>C"), ("J", 3, "A>B"), ("K", 1, None))
    assert found == ["P240429907", found[1], "P240429907", None]
    assert found[1] not in (None, "P240429907") and len(found[1] or "") == 10


def test_a_number_does_not_hang_on_the_spelling_of_the_jobs() -> None:
    assert numbered(("I", 1, "a>Ｂ"), ("I", 2, "á>B")) == ["P240429907", numbered(("I", 1, "Á>B"))[0]]
    assert numbered(("I", 1, "Á>B")) != ["P240429907"]


def test_two_candidates_of_an_item_never_share_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "_NUMBERS", 1)  # every sequence has the same digits
    assert numbered(("I", 2, "A>C"), ("I", 1, "A>B"), ("J", 1, "A>C")) == [
        "P000001001",
        "P000001000",
        "P000001000",
    ]


def test_over_months_a_number_never_comes_back_with_another_routing(tmp_path) -> None:
    """By rank, the number taken over in the first month would be another routing's in the second, and again in the fifth."""
    publisher, settings = warehouse(tmp_path / "w.db")
    months = [["A>B", "A>C"], ["A>C", "A>B"], ["A>D", "A>E"], ["A>C"], ["A>B", "A>D"], ["B>A"]]
    of: dict[str, set[str]] = {}
    for month, codes in enumerate(months):
        rows = {
            "candidates": [
                CANDIDATE | {"candidate_rank": n, "candidate_id": f"I_C{n:02}", "routing_code": code}
                for n, code in enumerate(codes, start=1)
            ],
            "candidate_operations": [OPERATION | {"candidate_rank": n} for n in range(1, len(codes) + 1)],
            "candidate_evidence": [],
            "resource_alternatives": [],
            "abstained": [],
        }
        report = publisher.load(
            write_rows(tmp_path / f"p{month}", rows), run_id="r", model_version=f"m{month}"
        )
        publisher.publish(report.publication_id)
        shown = answer(publisher._engine, settings.warehouse_schema, "routing_candidates")
        for code, number in shown.select("routing_code", "predicted_rout_no").iter_rows():
            of.setdefault(number, set()).add(code)
    assert len(of) == 5 and all(len(codes) == 1 for codes in of.values())
