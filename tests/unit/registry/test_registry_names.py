"""Version names: what is accepted, what is refused, and that a refused name never touches the disk."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.errors import RegistryError
from routing_etl.registry.names import check_name, timestamp_name


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}[A-Za-z0-9_-]", fullmatch=True))
def test_every_name_of_allowed_characters_is_accepted(name: str) -> None:
    if name.lower() in {
        "champion",
        "challenger",
        "latest",
        "none",
        "aliases.json",
        "aliases.audit.jsonl",
        "readme.md",
    }:
        with pytest.raises(RegistryError, match="reserved"):
            check_name(name)
    else:
        assert check_name(name) == name


@given(st.text(max_size=140))
def test_an_accepted_name_is_one_plain_folder_name(name: str) -> None:
    try:
        check_name(name)
    except RegistryError:
        return
    assert Path(name).name == name
    assert not name.startswith((".", "-"))
    assert len(name) <= 128
    assert re.fullmatch(r"[A-Za-z0-9._-]+", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "../a",
        "/tmp/a",
        "a\\b",
        "a b",
        "-a",
        ".hidden",
        "a.",
        "가",
        "a\n",
        "a" * 129,
        "C:x",
        "a\x00",
    ],
)
def test_unusable_names_are_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(RegistryError, match="timestamp"):
        check_name(name)


@pytest.mark.parametrize("name", ["champion", "Challenger", "latest", "README.md", "aliases.json"])
def test_aliases_and_registry_files_are_no_names(name: str) -> None:
    with pytest.raises(RegistryError, match="reserved"):
        check_name(name)


def test_128_characters_are_still_a_name() -> None:
    assert check_name("a" * 128) == "a" * 128


def test_timestamp_names_are_utc_whatever_the_zone() -> None:
    seoul = datetime(2026, 1, 1, 2, 0, 5, tzinfo=timezone(timedelta(hours=9)))
    assert timestamp_name(seoul) == "version_20251231170005"
    assert timestamp_name(datetime(2026, 1, 1, tzinfo=UTC)) == "version_20260101000000"
