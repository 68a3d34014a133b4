"""The scripts that travel with the product: all are listed with what they are for, and printed as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing_etl.errors import ConfigurationError
from routing_etl.warehouse.scripts import script_text, scripts

SQL = Path(__file__).resolve().parents[3] / "sql"


def test_every_script_is_listed_and_says_what_it_is_for() -> None:
    found = {s.name: s.what for s in scripts()}
    assert set(found) == {f.relative_to(SQL).with_suffix("").as_posix() for f in SQL.rglob("*.sql")}
    assert all(what and len(what) < 200 for what in found.values()), found
    assert found["roles_and_grants"] == "Three roles with the least they need."
    assert found["questions/drift"] == "Has the published batch moved, and what has?"


@pytest.mark.parametrize("name", ["questions/nights", "nights", "nights.sql", "sql/questions/nights.sql"])
def test_a_script_is_printed_as_it_is(name: str) -> None:
    assert script_text(name) == (SQL / "questions" / "nights.sql").read_text(encoding="utf-8")


def test_a_name_that_is_none_gets_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean roles_and_grants.*routing-etl sql list"):
        script_text("roles_grants")
