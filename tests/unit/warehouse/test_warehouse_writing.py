"""The order of reads: what an older read of the ERP must not write, and that there is no way to write past it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import TypeVar

import pytest
import warehouse_older
from warehouse_predictions import warehouse, write_many

import routing_etl
from routing_etl.database.engine import make_engine
from routing_etl.errors import OvertakenError
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.writing import of_run

Node = TypeVar("Node", bound=ast.AST)
ROOM = Path(routing_etl.__file__).parent
#: Where transactions are opened, and why each may be.
OPENS = {
    "warehouse/writing.py": "the one way",
    "warehouse/publications.py": "repeats a transaction; begins with the fence and ends with the second look",
    "warehouse/lock.py": "the lock's own row",
    "warehouse/migrate.py": "makes the tables",
    "warehouse/writers.py": "connections of the bulk drivers, within a fenced transaction that they call between batches",
    "plant/adventureworks.py": "a sample ERP",
    "plant/demo.py": "a sample ERP",
}
#: Who writes whatever is in force; the reasons stand where it is called.
UNFENCED = {"warehouse/audit.py": 1, "warehouse/run_records.py": 2, "warehouse/writing.py": 1}


@pytest.mark.parametrize("case", warehouse_older.CASES, ids=lambda case: case.__name__)
def test_an_older_read(case: Callable[[Publisher, Publisher, Path], None], tmp_path: Path) -> None:
    slow, settings = warehouse(tmp_path / "w.db")
    other = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    case(slow, other, tmp_path)


def test_in_every_order_of_two_nights_the_last_to_begin_reading_publishes_and_stays(tmp_path: Path) -> None:
    """All 20 orders of begin, load and publish of two nights, one after another in one warehouse.

    The pointer never goes from a later read to an earlier one, and the night that began to read last is refused nothing.
    """
    publisher, _ = warehouse(tmp_path / "w.db")
    lives, read = sorted(set(permutations("AAABBB"))), dict[int, int]()
    assert len(lives) == 20
    for number, life in enumerate(lives):
        later = "B" if life.index("A") < life.index("B") else "A"
        steps = {who: steps_of(publisher, tmp_path, f"{number}{who}") for who in "AB"}
        for who in life:
            before = publisher.current()
            try:
                read.update(next(steps[who]))
            except OvertakenError:
                assert who != later, life
                steps[who] = iter([{}, {}])
            now = publisher.current()
            assert now is not None or before is None
            assert before is None or now is None or read[now] >= read[before], life
        shown = publisher.current()
        assert shown is not None and read[shown] == max(read.values()), life
        assert warehouse_older.items_shown(publisher) == warehouse_older.items_of(
            tmp_path / f"{number}{later}"
        )


def steps_of(publisher: Publisher, folder: Path, run_id: str) -> Iterator[dict[int, int]]:
    """A night's three steps; the second gives its publication with the number of its read."""
    number = warehouse_older.begin(publisher, run_id)
    items = 2 + int(run_id[:-1]) % 3 + (run_id[-1] == "B")
    predictions = write_many(folder / run_id, items, parts=1, seed=hash_of(run_id))
    yield {}
    with of_run(run_id):
        loaded = publisher.load(predictions, run_id=run_id, model_version="m").publication_id
    yield {loaded: number}
    with of_run(run_id):
        publisher.publish(loaded)
    yield {}


def hash_of(run_id: str) -> int:
    """A seed of a run's own."""
    return 2 * int(run_id[:-1]) + (run_id[-1] == "B")


def nodes(kind: type[Node]) -> Iterator[tuple[str, Node]]:
    """Parts of the program of one kind, with the file."""
    for file in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield file.relative_to(ROOM).as_posix(), node


def test_no_transaction_is_opened_elsewhere() -> None:
    called = {
        file
        for file, call in nodes(ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("begin", "begin_nested", "commit")
    }
    assert called == OPENS.keys()


def test_nobody_writes_without_a_transaction() -> None:
    found = {file for file, text in nodes(ast.Constant) if text.value == "AUTOCOMMIT"}
    assert found <= OPENS.keys() | {"doctor/server.py"}  # which only asks the server


def test_every_write_without_the_fence_has_a_reason() -> None:
    found: dict[str, int] = {}
    for file, call in nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "unfenced":
            reason = call.args[1]
            assert isinstance(reason, ast.Constant) and len(str(reason.value)) > 20, file
            found[file] = found.get(file, 0) + 1
    assert found == UNFENCED
