"""What Dagster shows of the checks of a kind: the failed ones first, by name, and whether they stop the night."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg

from dagster_defs import checks
from routing_etl.erp.profile import load_profile
from routing_etl.frames import CheckOutcome
from routing_etl.quality.checks import list_checks

PROFILE = load_profile("bi_views")
ORDERS = dg.AssetKey("purchase_orders")
#: Every check of purchase orders, passed.
PASSED = {
    info.check: CheckOutcome(
        "purchase_orders", info.check, "e", info.column, info.severity, True, "all of 9", info.expected, 9, 0
    )
    for info in list_checks(PROFILE.attributes)["purchase_orders"]
}


def told(*outcomes: CheckOutcome) -> dict[str, dg.AssetCheckEvaluation]:
    """What is shown when these are the outcomes instead of those that passed."""
    given = PASSED | {o.check: o for o in outcomes}
    found = checks.evaluations(PROFILE, list(given.values()), {"purchase_orders": ORDERS})
    return {evaluation.check_name: evaluation for evaluation in found}


def failed(check: str, observed: str) -> CheckOutcome:
    return replace(
        PASSED[check], success=False, observed=observed, rows_unexpected=2, sample=("row 1", "row 2")
    )


def test_a_group_whose_checks_pass_has_all_of_them_in_its_table() -> None:
    shown = told()["critical_required"]
    assert shown.passed and shown.blocking and shown.description is None
    assert shown.metadata["checks"].value == len(shown.metadata["each_check"].records) > 1
    assert {r.data["result"] for r in shown.metadata["each_check"].records} == {"passed"}


def test_the_failed_check_is_named_first_and_the_others_stay_green() -> None:
    by_name = told(failed("item_key_not_null", "2 blanks"))
    red = by_name.pop("critical_required")
    assert not red.passed and red.severity == dg.AssetCheckSeverity.ERROR
    assert red.description is not None
    assert red.description.startswith("item_key_not_null: 2 blanks; expected ")
    assert "Nothing of this run was published" in red.description
    first = red.metadata["each_check"].records[0].data
    assert (first["check"], first["result"], first["rows_unexpected"]) == (
        "item_key_not_null",
        "failed (critical)",
        2,
    )
    assert [r.data["row"] for r in red.metadata["offending_rows"].records] == ["row 1", "row 2"]
    assert by_name and all(c.passed for name, c in by_name.items() if name != "warning_changes")


def test_a_critical_check_that_only_warns_does_not_stop_the_night() -> None:
    """A comparison with the last run is critical by its rule; a small loss is a warning."""
    loss = CheckOutcome("purchase_orders", "item_known", "e", None, "warning", False, "0.9", "1", 9, 1)
    shown = told(loss)["warning_content"]
    assert not shown.passed and shown.severity == dg.AssetCheckSeverity.WARN
    assert "Nothing of this run was published" not in (shown.description or "")


def test_a_check_that_did_not_run_is_a_failure_that_says_so() -> None:
    given = [o for o in PASSED.values() if o.check != "po_no_not_null"]
    shown = {c.check_name: c for c in checks.evaluations(PROFILE, given, {"purchase_orders": ORDERS})}[
        "critical_required"
    ]
    assert not shown.passed and shown.severity == dg.AssetCheckSeverity.WARN
    assert (
        shown.description
        == "po_no_not_null: nothing was checked, because po_no has no value in any row of this run."
    )
    assert shown.metadata["did_not_run"].value == 1


def test_many_failed_checks_are_counted_and_stand_in_the_table() -> None:
    given = [
        CheckOutcome(
            "items",
            i.check,
            "e",
            i.column,
            i.severity,
            not i.check.endswith("_filled"),
            "0.1",
            i.expected,
            9,
            8,
        )
        for i in list_checks(PROFILE.attributes)["items"]
    ]
    failed = sum(not o.success for o in given)
    found = checks.evaluations(PROFILE, given, {"items": dg.AssetKey("items")})
    shown = {c.check_name: c for c in found}["warning_filled"]
    assert failed > 5 and shown.metadata["failed"].value == failed
    assert (shown.description or "").endswith(f" and {failed - 3} more, in the table")
    assert [r.data["result"] for r in shown.metadata["each_check"].records][:failed] == [
        "failed (warning)"
    ] * failed
