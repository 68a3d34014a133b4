"""A publication against the one before it: drift of similarity and realised outcomes, with answers known by hand."""

from __future__ import annotations

import math

import polars as pl
import pytest
from warehouse_predictions import ABSTAINED, CANDIDATE, OPERATION, warehouse, write_rows

from routing_etl.warehouse.outcomes import BINS, SMOOTHING, realised, similarity_drift


@pytest.fixture
def publish(tmp_path):
    """Publishes candidates (item, rank, similarity, routing code) and abstained items; gives engine and id."""
    publisher, settings = warehouse(tmp_path / "w.db")
    number = iter(range(100))

    def go(candidates, abstained=()):
        rows = {
            "candidates": [],
            "candidate_operations": [],
            "candidate_evidence": [],
            "resource_alternatives": [],
        }
        for item, rank, similarity, code in candidates:
            key = {"item_cd": item, "item_key": item, "candidate_rank": rank}
            own = {
                "candidate_id": f"{item}_C{rank:02d}",
                "similarity_score": similarity,
                "routing_code": code,
            }
            rows["candidates"].append(CANDIDATE | key | own)
            rows["candidate_operations"].append(OPERATION | key)
        rows["abstained"] = [ABSTAINED | {"item_cd": i, "item_key": i} for i in abstained]
        folder = write_rows(tmp_path / f"p{next(number)}", rows)
        report = publisher.load(folder, run_id="r", model_version="m")
        publisher.publish(report.publication_id)
        return publisher._engine, settings.warehouse_schema, report.publication_id

    return go


def test_no_drift_without_an_earlier_publication(publish):
    row = similarity_drift(*publish([("A", 1, 0.9, "X")]))
    assert row.value is None and "no earlier publication" in row.reason and row.n == 1


def test_the_same_scores_do_not_drift(publish):
    publish([("A", 1, 0.9, "X"), ("B", 1, 0.5, "X")])
    row = similarity_drift(*publish([("C", 1, 0.905, "X"), ("D", 1, 0.51, "X")]))
    assert row.value == pytest.approx(0, abs=1e-12) and row.n == 2


def test_drift_is_the_divergence_of_the_histograms_of_first_candidates(publish):
    publish([("A", 1, 0.9, "X"), ("A", 2, 0.1, "Y")])
    row = similarity_drift(*publish([("C", 1, 0.5, "X")]))
    high, low = (1 + SMOOTHING) / (1 + SMOOTHING * BINS), SMOOTHING / (1 + SMOOTHING * BINS)
    assert row.value == pytest.approx(high * math.log(high / low) + low * math.log(low / high))


def test_a_publication_without_candidates_has_no_drift_and_says_so(publish):
    publish([("A", 1, 0.9, "X")])
    row = similarity_drift(*publish([], abstained=["Z"]))
    assert row.value is None and "has no candidates" in row.reason


def actual(**codes):
    return pl.DataFrame(
        {"item_cd": list(codes), "routing_code": list(codes.values())},
        schema_overrides={"item_cd": pl.String},
    )


def test_realised_outcomes_count_items_that_an_engineer_has_routed_since(publish):
    first = [("A", 1, 0.9, "X>Y"), ("A", 2, 0.8, "X"), ("B", 1, 0.9, "X"), ("B", 2, 0.7, "Z")]
    publish([*first, ("C", 1, 0.9, "X"), ("D", 1, 0.9, "X"), ("E", 1, 0.9, "X")])
    now = publish([("C", 1, 0.9, "X")], abstained=["D"])
    rows = {r.metric: r for r in realised(*now, actual(A="X>Y", B="Z", C="X", D="X"))}
    assert (rows["realised_exact_at_1"].value, rows["realised_exact_at_1"].n) == (0.5, 2)
    assert rows["realised_exact_at_any"].value == 1.0
    assert all(r.reason is None for r in rows.values())


def test_what_was_rolled_back_is_not_asked_what_became_of_it(publish, tmp_path):
    """Readers saw the first publication again while engineers wrote, and it had the routing; the second had another."""
    publish([("A", 1, 0.9, "X"), ("B", 1, 0.9, "X")])
    publish([("A", 1, 0.9, "Y"), ("B", 1, 0.9, "X")])
    warehouse(tmp_path / "w.db")[0].rollback()
    rows = realised(*publish([("B", 1, 0.8, "X")]), actual(A="X"))
    assert [(r.value, r.n) for r in rows] == [(1.0, 1)] * 2


def test_nothing_realised_is_null_with_a_reason(publish):
    first = publish([("A", 1, 0.9, "X")])
    assert [r.reason for r in realised(*first, actual(A="X"))] == ["there is no earlier publication"] * 2
    second = publish([("A", 1, 0.8, "X")])
    rows = realised(*second, actual(A="X"))
    assert [(r.value, r.n) for r in rows] == [(None, 0)] * 2
    assert "routed since" in (rows[0].reason or "")
