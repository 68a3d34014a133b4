"""The whole night on real input: Microsoft's sample ERP through the `adventureworks` profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import ask, home_settings

from routing_etl.pipeline import context, demo, steps, street
from routing_etl.pipeline.night import night
from routing_etl.pipeline.versions import headline
from routing_etl.runs import RunFolder

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CSV = Path(__file__).parents[2].parent / "shared" / "data" / "adventureworks"


@pytest.fixture(scope="module")
def adventureworks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFolder]:
    if not CSV.is_dir():
        pytest.skip(f"the AdventureWorks CSV files are not at {CSV}")
    home = tmp_path_factory.mktemp("adventureworks")
    settings = home_settings(home, profile="adventureworks", trees=50)
    demo.load_adventureworks(CSV, settings.erp)
    return home, night(settings)


def test_every_made_product_without_routing_is_predicted(adventureworks: tuple[Path, RunFolder]) -> None:
    """90 of the 239 made products have no routing; 89 of them have been ordered."""
    home, run = adventureworks
    predicted = {r[0] for r in ask(home / "warehouse.db", "SELECT DISTINCT item_cd FROM routing_predictions")}
    assert len(predicted) == 90 and run.read(street.SCORE.report).result.abstained == 0
    ordered = {str(r[0]) for r in ask(home / "erp.db", "SELECT DISTINCT ProductID FROM WorkOrder")}
    routed = {str(r[0]) for r in ask(home / "erp.db", "SELECT DISTINCT ProductID FROM WorkOrderRouting")}
    assert len(ordered - routed) == 89 and ordered - routed <= predicted


def test_routings_are_those_of_the_plant(adventureworks: tuple[Path, RunFolder]) -> None:
    home, _ = adventureworks
    known = {str(r[0]) for r in ask(home / "erp.db", "SELECT DISTINCT LocationID FROM WorkOrderRouting")}
    assert {
        r[0] for r in ask(home / "warehouse.db", "SELECT DISTINCT res_cd FROM routing_predictions")
    } <= known


def test_left_out_five_at_a_time_the_routed_products_are_predicted_exactly(
    adventureworks: tuple[Path, RunFolder],
) -> None:
    """Majority by subcategory reaches 0.879, the nearest neighbour 0.940 and the model 0.953 to 0.973 (as its
    seed falls), each leaving one out. Left out in thirty parts, which takes a fifth of the time, the model gets 0.966;
    `evaluate --split loo` leaves out one at a time. The nine seat assemblies are three that differ by the product number
    alone, three times: each is left out with its two copies, which would tell its routing.
    """
    home, run = adventureworks
    ctx = context.Context(home_settings(home, profile="adventureworks", trees=50), run)
    found = steps.evaluate(ctx, split="loo", baselines=False, folds=30).result
    exact = headline(found.metrics)
    assert exact is not None and exact.n == 149 and exact.value is not None and exact.value >= 0.95
    assert any(note.startswith("9 of 149 items have others") for note in found.evaluation.notes)
