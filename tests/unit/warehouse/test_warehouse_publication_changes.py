"""What a publication changed: the stored counts and both views say what a comparison of the two publications says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from warehouse_nights import Life, rows_of
from warehouse_predictions import write_rows

from routing_etl.warehouse.publication_changes import (
    KINDS,
    new_items,
    previous_publication,
    publication_changes,
    store_changes,
)
from routing_etl.warehouse.questions import answer
from routing_etl.warehouse.schema_watch import CHANGED
from routing_etl.warehouse.writing import begin_read, of_run

#: Items A1, B2, C3 and 누4, night by night. What is always there keeps a night from being empty.
FIRST = ("one", "abstained", "two", "absent")
BETWEEN = ("absent", "absent", "absent", "one")
SECOND = ("other machine", "one", "absent", "abstained")


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    made.publisher._engine.dispose()


def publish(life: Life, night: tuple[str, ...], **other: str) -> int:
    """Load a night, keep its counts, move the pointer: what the step does. `other`: first routing of an item."""
    rows = rows_of((night, (1, 1)))
    for row in rows["candidates"]:
        row["routing_code"] = other.get(row["item_cd"].strip(), row["routing_code"])
    files = write_rows(life.folder / "-".join(night), rows)
    loaded = life.publisher.load(files, run_id="r", model_version="m").publication_id
    before = life.publisher.current()
    if before is not None:
        store_changes(
            life.publisher._engine, "", publication_changes(life.publisher._engine, "", before, loaded)
        )
    life.publisher.publish(loaded)
    return loaded


def rows(life: Life, view: str) -> list[dict[str, Any]]:
    return answer(life.publisher._engine, "", view).to_dicts()


def test_the_kinds_of_the_table_are_those_of_the_comparison() -> None:
    assert tuple(KINDS) == CHANGED


def test_the_views_say_what_the_comparison_says(life: Life) -> None:
    first = publish(life, FIRST)
    assert rows(life, "publication_changes") == rows(life, "publication_item_changes") == []
    life.load((BETWEEN, (1, 1)))  # never published: no reader saw it
    second = publish(life, SECOND)
    compared = publication_changes(life.publisher._engine, "", first, second)
    [counted] = rows(life, "publication_changes")
    assert {k: counted[f"items_{k}"] for k in KINDS} == compared.counts
    assert (counted["compared_with"], counted["items_before"]) == (first, compared.items_before)
    named = {r["item_cd"]: r["kind"] for r in rows(life, "publication_item_changes")}
    assert named == {"A1": "details", " B2": "found", "C3": "gone", "누4": "new"}
    assert named == dict(compared.changed.select("item_cd", "kind").iter_rows())


def test_items_are_named_where_the_one_compared_with_has_the_higher_number(life: Life) -> None:
    """Two nights overlapped: the one that read last was loaded first, and replaces the one that readers saw meanwhile."""
    engine, publisher = life.publisher._engine, life.publisher
    publish(life, FIRST)
    for run in ("r", "other"):
        begin_read(engine, None, run)
    files = write_rows(life.folder / "second", rows_of((SECOND, (1, 1))))
    newer = publisher.load(files, run_id="other", model_version="m").publication_id
    older = publish(life, (*FIRST[:2], "two", "one"))
    compared = publication_changes(engine, "", older, newer)
    with of_run("other"):
        store_changes(engine, "", compared)
        publisher.publish(newer)
    assert newer < older
    assert previous_publication(engine, "", newer) == older
    named = {
        r["item_cd"]: r["kind"]
        for r in rows(life, "publication_item_changes")
        if r["publication_id"] == newer
    }
    assert named == {"A1": "details", " B2": "found", "C3": "gone", "누4": "lost"}
    assert named == dict(compared.changed.select("item_cd", "kind").iter_rows())
    [counted] = [r for r in rows(life, "publication_changes") if r["publication_id"] == newer]
    assert {k: counted[f"items_{k}"] for k in KINDS} == compared.counts


def test_after_a_rollback_the_next_one_is_compared_with_what_readers_saw(life: Life) -> None:
    """The one that was rolled back has the number before, and its items are no news of the next."""
    first = publish(life, FIRST)
    publish(life, SECOND)
    life.publisher.rollback()
    third = publish(life, (*FIRST[:3], "two"))
    assert previous_publication(life.publisher._engine, "", third) == first
    assert new_items(life.publisher._engine, "", third).to_list() == ["누4"]


def test_another_first_routing_and_a_lost_proposal_are_told_with_both_routings(life: Life) -> None:
    publish(life, FIRST)
    publish(life, ("one", "abstained", "abstained", "absent"), A1="X>Y")
    found = {r["item_cd"]: r for r in rows(life, "publication_item_changes")}
    assert {item: r["kind"] for item, r in found.items()} == {"A1": "first", "C3": "lost"}
    assert found["A1"]["routing"] == "X>Y" and found["C3"]["routing"] is None
    assert found["A1"]["routing_before"] == found["C3"]["routing_before"] is not None


def test_counts_stay_when_the_rows_are_removed_and_are_replaced_when_stored_again(life: Life) -> None:
    for night in (FIRST, SECOND):
        last = publish(life, night)
    compared = publication_changes(life.publisher._engine, "", last - 1, last)
    store_changes(life.publisher._engine, "", compared)
    life.publisher.purge(1)
    assert [r["publication_id"] for r in rows(life, "publication_changes")] == [last]
    assert rows(life, "publication_item_changes") == []


def test_a_publication_that_was_never_published_is_not_told(life: Life) -> None:
    first = publish(life, FIRST)
    loaded = life.load((SECOND, (1, 1))).publication_id
    store_changes(life.publisher._engine, "", publication_changes(life.publisher._engine, "", first, loaded))
    with life.publisher._engine.connect() as connection:
        table = life.publisher.tables.publication_change
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == len(KINDS)
    assert rows(life, "publication_changes") == rows(life, "publication_item_changes") == []


def respelled(folder: Path, night: tuple[str, ...], item: str, job: str) -> Path:
    """A night whose item A1 and whose first routing are spelt in another way."""
    rows = rows_of((night, (1, 1)))
    for frame in rows.values():
        for row in frame:
            if row.get("item_cd") == "A1":
                row["item_cd"] = item
    for row in rows["candidates"]:
        row["routing_code"] = job if row["item_cd"] == item else row["routing_code"]
    return write_rows(folder, rows)


def test_an_item_and_a_job_in_another_spelling_are_the_same(life: Life, tmp_path: Path) -> None:
    engine, night = life.publisher._engine, ("one", "absent", "absent", "absent")
    first = life.publisher.load(
        respelled(tmp_path / "1", night, "A1", "J1>J2"), run_id="r", model_version="m"
    )
    life.publisher.publish(first.publication_id)
    second = life.publisher.load(
        respelled(tmp_path / "2", night, "a1", "j1>Ｊ2"), run_id="r", model_version="m"
    )
    found = publication_changes(engine, "", first.publication_id, second.publication_id)
    assert found.counts == dict.fromkeys(KINDS, 0) | {"details": 1}
    assert found.changed["item_cd"].to_list() == ["a1"], "as it is spelt now"
    assert new_items(engine, "", second.publication_id).to_list() == []
