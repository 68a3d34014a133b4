"""Kill a publishing process at random moments and look at what readers see; used by a test and by a benchmark."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import polars as pl
from warehouse_nights import left_behind
from warehouse_predictions import many_frames, warehouse, write_frames, write_many
from warehouse_worker import patiently, start_worker

from routing_etl.warehouse.contents import stored, targets
from routing_etl.warehouse.publish import Publisher


def check_current(publisher: Publisher) -> int | None:
    """The current publication, after comparing every row of it with the checksums recorded at its load."""
    current = publisher.current()
    if current is None:
        return None
    batch = publisher.tables.publication
    with publisher._engine.connect() as connection:
        checksums = json.loads(
            connection.execute(
                batch.select().with_only_columns(batch.c.checksums).where(batch.c.id == current)
            ).scalar_one()
        )
        for target in targets(publisher.tables):
            _, found = stored(connection, target, current)
            wanted = {k: tuple(v) for k, v in checksums[target.table.name].items()}
            assert found == wanted, f"{target.table.name} of publication {current}"
    return current


def leftovers(publisher: Publisher) -> int:
    """Rows and versions that no kept publication shows."""
    return sum(left_behind(publisher).values())


def few_changed(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same batch, in which some items are gone and some have other times."""
    some = frames["candidates"]["item_cd"].unique().sort()
    gone, other = some.head(3), some.tail(3)
    kept = {
        name: frame.filter(~pl.col("item_cd").is_in(gone.to_list())) if "item_cd" in frame.columns else frame
        for name, frame in frames.items()
    }
    changed = pl.when(pl.col("item_cd").is_in(other.to_list())).then(1.0).otherwise(pl.col("setup_time"))
    kept["candidate_operations"] = kept["candidate_operations"].with_columns(setup_time=changed)
    return kept


def kill_at_random(
    folder: Path, kills: int, *, items: int, seed: int, publisher: Publisher | None = None
) -> dict[str, int]:
    """Kill the worker `kills` times. Each time the current publication must be whole and never older than before.

    A process lives up to three times as long as a first publication takes. Works on a SQLite warehouse in the folder, or on
    that of the publisher. Returns how often the kill left rows behind, left the lock held, and how often the pointer had moved.
    """
    rng = random.Random(seed)
    publisher = publisher or warehouse(folder / "w.db")[0]
    url = publisher._engine.url.render_as_string(hide_password=False)
    folders = [write_many(folder / f"p{i}", items, seed=i) for i in range(3)]
    folders.append(write_frames(folder / "few", few_changed(many_frames(items, seed=2))))
    started = time.monotonic()
    first = publisher.load(folders[0], run_id="first", model_version="m0")
    publisher.publish(first.publication_id)
    longest = 3 * (
        time.monotonic() - started
    )  # as fast as the machine is, a process gets through some publications
    seen = {
        "left rows": 0,
        "left the lock": 0,
        "moved the pointer": 0,
        "came after the process had failed": 0,
    }
    before = first.publication_id
    for _ in range(kills):
        process = start_worker(url, publisher.schema, folders)
        time.sleep(rng.uniform(0, longest))
        seen["came after the process had failed"] += process.exitcode is not None
        process.kill()
        process.join()
        current = check_current(publisher)
        assert current is not None
        assert current in {p.id for p in publisher.list() if p.state == "published"}
        seen["moved the pointer"] += current != before
        seen["left rows"] += leftovers(publisher) > 0
        lock = publisher.tables.writer_lock
        with publisher._engine.connect() as connection:
            seen["left the lock"] += (
                connection.execute(lock.select().where(lock.c.owner.is_not(None))).first() is not None
            )
        before = current
    # The next run works without a manual clean-up.
    files = write_many(folder / "last", items, seed=99)
    last = patiently(lambda: publisher.load(files, run_id="last", model_version="m9"))
    publisher.publish(last.publication_id)
    publisher.purge(2)
    assert check_current(publisher) == last.publication_id
    assert leftovers(publisher) == 0
    return seen
