"""Which routing of an item counts: every step of docs/erp-contract.md 4.3, and properties over any plant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.erp.select_routing import ONLY, Selection, select_routings

SCHEMA = {
    "item_key": pl.String(), "rout_no": pl.String(), "proc_seq": pl.Int32(), "job_cd": pl.String(), "inside": pl.String(),
    "insrt_dt": pl.Datetime("us"), "row_valid": pl.Boolean(), "major": pl.Boolean(),
}  # fmt: skip
OLD, NEW = datetime(2020, 1, 1), datetime(2025, 1, 1)


def row(rout_no: str, seq: int = 10, **values: Any) -> dict[str, Any]:
    plain = {
        "item_key": "A",
        "job_cd": "J",
        "inside": "in",
        "insrt_dt": OLD,
        "row_valid": True,
        "major": None,
    }
    return {**plain, "rout_no": rout_no, "proc_seq": seq, **values}


def select(*rows: dict[str, Any]) -> Selection:
    return select_routings(pl.DataFrame(list(rows), schema=SCHEMA), outsourced_rout_no=("외주",))


def order(selection: Selection) -> list[tuple[str, str]]:
    ranked = selection.operations.unique(["item_key", "rout_no"]).sort("item_key", "routing_rank")
    return list(ranked.select("rout_no", "decided_by").iter_rows())


def test_a_single_routing_needs_no_decision() -> None:
    assert order(select(row("R1"), row("R1", 20))) == [("R1", ONLY)]


def test_newest_wins_and_undated_loses() -> None:
    chosen = select(row("R1", insrt_dt=None), row("R2"), row("R3", insrt_dt=NEW))
    assert order(chosen) == [("R3", "date"), ("R2", "date"), ("R1", "date")]


def test_routing_date_is_the_newest_of_its_rows() -> None:
    chosen = select(row("R1"), row("R1", 20, insrt_dt=NEW), row("R1", 30, insrt_dt=None), row("R2"))
    assert order(chosen)[0] == ("R1", "date")
    assert chosen.operations.filter(pl.col("rout_no") == "R1")["rout_date"].to_list() == [NEW] * 3


def test_validity_comes_before_everything() -> None:
    chosen = select(row("R1", insrt_dt=NEW, row_valid=False, major=True), row("R2", inside="out"))
    assert order(chosen) == [("R2", "validity"), ("R1", "validity")]
    assert chosen.operations.select("rout_no", "rout_valid").rows() == [("R2", True), ("R1", False)]


def test_one_dead_row_makes_the_routing_invalid() -> None:
    chosen = select(row("R1"), row("R1", 20, row_valid=False))
    assert chosen.operations["rout_valid"].to_list() == [False, False]


def test_main_flag_yes_then_unknown_then_no() -> None:
    chosen = select(row("R1", insrt_dt=NEW, major=False), row("R2"), row("R3", major=True))
    assert order(chosen) == [("R3", "main_flag"), ("R2", "main_flag"), ("R1", "main_flag")]


def test_in_house_before_mixed_before_outsourced_whatever_is_newer() -> None:
    chosen = select(
        row("R1", insrt_dt=NEW, inside="out"), row("R2", insrt_dt=NEW), row("R2", 20, inside="out", insrt_dt=NEW),
        row("R3"), row("외주", insrt_dt=NEW),
    )  # fmt: skip
    assert order(chosen) == [("R3", "class"), ("R2", "class"), ("외주", "class"), ("R1", "rout_no")]
    classes = dict(chosen.operations.select("rout_no", "rout_class").iter_rows())
    assert classes == {"R1": "out", "R2": "mixed", "R3": "in", "외주": "out"}


def test_routing_number_breaks_the_tie_downwards() -> None:
    assert order(select(row("R1"), row("R2"))) == [("R2", "rout_no"), ("R1", "rout_no")]


def test_items_with_only_an_outsourced_routing_keep_it() -> None:
    assert order(select(row("외주"))) == [("외주", ONLY)]


def test_clashing_and_jobless_routings_are_quarantined() -> None:
    chosen = select(
        row("R1"),
        row("R2", job_cd="X"),
        row("R2", job_cd="Y"),
        row("R3", job_cd=None),
        row("R4", 10),
        row("R4", 20, job_cd=None),
    )
    assert {r for r, _ in order(chosen)} == {"R1", "R4"}
    assert sorted(chosen.quarantined.select("rout_no", "rule").rows()) == [
        ("R2", "conflicting_proc_seq"), ("R2", "conflicting_proc_seq"), ("R3", "no_job_code"),
    ]  # fmt: skip


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(["R1", "R2", "R3", "외주"]),
        st.sampled_from([10, 20, 30]),
        item_key=st.sampled_from(["A", "B"]),
        job_cd=st.sampled_from(["J", "K", None]),
        inside=st.sampled_from(["in", "out"]),
        insrt_dt=st.sampled_from([None, OLD, NEW]),
        row_valid=st.booleans(),
        major=st.sampled_from([None, True, False]),
    ),
    min_size=1,
    max_size=25,
)


@given(ROWS, st.randoms())
def test_every_row_is_ranked_or_quarantined_and_order_does_not_matter(
    rows: list[dict[str, Any]], random: Any
) -> None:
    chosen = select(*rows)
    assert chosen.operations.height + chosen.quarantined.height == len(rows)
    groups = chosen.operations.unique(["item_key", "rout_no"])
    for _, item in groups.group_by("item_key"):
        assert sorted(item["routing_rank"].to_list()) == list(range(item.height))
    key = ["item_key", "rout_no", "proc_seq"]
    assert not chosen.operations.select(pl.struct(key).is_duplicated().any()).item()
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = select(*shuffled)
    assert (
        again.operations.sort(key)
        .select(*key, "routing_rank", "decided_by")
        .equals(chosen.operations.sort(key).select(*key, "routing_rank", "decided_by"))
    )
