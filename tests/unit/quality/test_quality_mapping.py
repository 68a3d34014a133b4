"""A profile whose routing number is mapped to the wrong column stops the night; plants that are only small or loose do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl
import pytest
from conftest import TODAY

from routing_etl.errors import DataQualityError
from routing_etl.frames import CODE_SPELLINGS, OPERATIONS, WORK_RESULTS, CheckOutcome
from routing_etl.quality.adapter import Validator, run_rules
from routing_etl.quality.checks import raise_on_critical, source_rules_by_frame

Frames = dict[str, pl.DataFrame]
Checked = Callable[[str, Frames], dict[str, CheckOutcome]]


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    with Validator() as opened:
        yield opened


@pytest.fixture
def checked(validator: Validator) -> Checked:
    def check(frame: str, frames: Frames) -> dict[str, CheckOutcome]:
        rules = source_rules_by_frame((), today=TODAY)[frame]
        scope = {CODE_SPELLINGS.name: CODE_SPELLINGS.empty()} | frames
        return {
            o.check: o for o in run_rules(frame, rules, {n: f.lazy() for n, f in scope.items()}, validator)
        }

    return check


def results(sources: Frames, levels: list[str], rout_no: str | None = "R9") -> Frames:
    """Work results of one operation with these match levels, all naming one routing number (or none)."""
    row = sources["work_results"].head(1)
    frame = pl.concat([row] * len(levels)).with_columns(
        rout_no=pl.lit(rout_no, dtype=pl.String), match_level=pl.Series(levels)
    )
    return {**sources, "work_results": WORK_RESULTS.conform(frame)}


def routed(sources: Frames, routings: list[tuple[str, list[int]]], items: int) -> Frames:
    """`items` items, each with these routings: number and operation numbers."""
    rows = [
        {"item_key": f"A{i}", "item_cd": f"A{i}", "rout_no": name, "proc_seq": seq, "routing_rank": rank}
        for i in range(items)
        for rank, (name, numbers) in enumerate(routings)
        for seq in numbers
    ]
    first = sources["operations"].drop("item_key", "item_cd", "rout_no", "proc_seq", "routing_rank").head(1)
    return {**sources, "operations": OPERATIONS.conform(pl.DataFrame(rows).join(first, how="cross"))}


def test_results_of_which_none_names_a_known_routing_stop_the_night(
    sources: Frames, checked: Checked
) -> None:
    found = checked("work_results", results(sources, ["operation"] * 40))["named_routing_unknown_share"]
    assert found.blocks and (found.rows_checked, found.rows_unexpected, found.column) == (40, 40, "rout_no")
    with pytest.raises(DataQualityError) as caught:
        raise_on_critical([found])
    for said in (
        "named_routing_unknown_share: 1; 40 of 40",
        "at most 0.99",
        "rout_no",
        "[operations.columns]",
        "leave it out",
    ):
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("levels", "rout_no"),
    [
        (["operation"] * 29, "R9"),  # too few to tell
        (["operation"] * 40, None),  # a plant whose results name no routing
        (["operation"] * 39 + ["routing"], "R9"),  # renumbered, but one fits
        (["routing"] * 40, "R9"),
    ],
    ids=["few", "unnamed", "one fits", "all fit"],
)
def test_results_that_are_few_or_name_no_routing_or_some_known_one_do_not(
    sources: Frames, checked: Checked, levels: list[str], rout_no: str | None
) -> None:
    found = checked("work_results", results(sources, levels, rout_no))["named_routing_unknown_share"]
    assert found.success and found.rows_checked == len(levels)


def test_routings_of_single_operations_stop_the_night(sources: Frames, checked: Checked) -> None:
    """The job code mapped as the routing number: each operation is a routing of its own."""
    broken = routed(sources, [("A", [10]), ("B", [20]), ("C", [30, 40])], items=30)
    found = checked("operations", broken)["routing_in_pieces_share"]
    assert found.blocks and found.rows_unexpected == 30 and found.column == "rout_no"
    assert "[operations.columns]" in found.expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("routings", "items"),
    [
        ([("A", [10]), ("B", [20]), ("C", [30])], 29),  # too few to tell
        ([("A", [10]), ("B", [10]), ("C", [10])], 40),  # alternates of one operation
        (
            [("A", [10, 20, 30]), ("B", [110, 120, 130]), ("C", [210, 220])],
            40,
        ),  # alternates with numbers of their own
        ([("A", [10, 20])], 40),
    ],
    ids=["few", "alternates", "own numbers", "short"],
)
def test_few_items_and_alternates_are_no_pieces(
    sources: Frames, checked: Checked, routings: list[tuple[str, list[int]]], items: int
) -> None:
    found = checked("operations", routed(sources, routings, items))["routing_in_pieces_share"]
    assert found.success and found.rows_checked == items
