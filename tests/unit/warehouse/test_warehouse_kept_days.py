"""What an item was shown on a day of the last weeks is answered exactly, however many nights published since."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from warehouse_predictions import CANDIDATE, OPERATION, warehouse, write_rows

from routing_etl.warehouse.types import now

pytestmark = pytest.mark.unit

#: Nights so many days ago, and what the item's first candidate was from then on. The last one is what readers see.
NIGHTS = {200: "A>B", 120: "A>C", 80: "A>D", 79: "A>D", 40: "A>E", 10: "A>C", 1: "A>F"}
_SHOWN = """
SELECT c.routing_code FROM routing_item_versions AS v
JOIN candidate AS c ON c.publication_id = v.from_publication AND c.item_cd = v.item_cd
WHERE v.item_cd = 'I' AND c.candidate_rank = 1 AND v.from_publication <= :at AND (v.to_publication IS NULL OR v.to_publication > :at)
"""


def test_what_an_item_was_shown_within_the_days(tmp_path) -> None:
    publisher, _ = warehouse(tmp_path / "w.db")
    engine, today = publisher._engine, now()
    ids: dict[int, int] = {}
    for number, (ago, code) in enumerate(NIGHTS.items()):
        rows = {
            "candidates": [
                CANDIDATE
                | {"item_cd": item, "item_key": item, "candidate_id": f"{item}_C01", "routing_code": of}
                for item, of in (("I", code), ("OTHER", f"N{number}"))
            ],
            "candidate_operations": [
                OPERATION | {"item_cd": item, "item_key": item} for item in ("I", "OTHER")
            ],
            "candidate_evidence": [],
            "resource_alternatives": [],
            "abstained": [],
        }
        report = publisher.load(write_rows(tmp_path / f"p{ago}", rows), run_id="r", model_version="m")
        publisher.publish(report.publication_id)
        ids[ago] = report.publication_id
    days = list(ids)
    batch, event = publisher.tables.publication, publisher.tables.publication_event
    with engine.begin() as connection:
        for ago, following in zip(days, [*days[1:], None], strict=True):
            seen = sa.update(event).where(event.c.publication_id == ids[ago], event.c.event == "published")
            connection.execute(seen.values(happened_at=today - timedelta(days=ago)))
            if following is not None:
                until = today - timedelta(days=following)
                connection.execute(sa.update(batch).where(batch.c.id == ids[ago]).values(retired_at=until))
    assert publisher.purge(2, days=90) == (ids[200],), "seen until 80 days ago: kept"

    def shown(ago: int) -> list[str]:
        moment = today - timedelta(days=ago, hours=-1)
        query = (
            sa.select(batch.c.id, batch.c.state)
            .join(event, event.c.publication_id == batch.c.id)
            .where(event.c.event == "published", event.c.happened_at <= moment)
            .order_by(event.c.id.desc())
        )
        with engine.connect() as connection:
            number, state = connection.execute(query).first()
            return (
                []
                if state == "purged"
                else list(connection.execute(sa.text(_SHOWN), {"at": number}).scalars())
            )

    assert [shown(d) for d in (1, 9, 10, 39, 40, 60, 79, 80, 100, 120)] == [
        ["A>F"], ["A>C"], ["A>C"], ["A>E"], ["A>E"], ["A>D"], ["A>D"], ["A>D"], ["A>C"], ["A>C"],
    ]  # fmt: skip
    assert shown(150) == [], "given up: no answer, and no wrong one"
    assert publisher.purge(2) == (ids[40], ids[79], ids[80], ids[120]), "by count alone"
