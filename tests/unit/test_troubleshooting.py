"""Every error says what to do, and the page of errors has all of them; the documentation site builds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import site_of_documents
from error_index import MARK, PAGE, page, sentences

pytestmark = pytest.mark.unit
#: Errors that pass on what another one says, remedy included.
PASSED_ON = {"routing_etl/registry/store.py"}


def test_every_error_says_what_to_do() -> None:
    found = list(sentences())
    assert len(found) > 250, "the search finds no errors any more"
    silent = [f"{s.path}:{s.line}" for s in found if not s.remedy.strip()]
    assert [s for s in silent if not any(name in s for name in PASSED_ON)] == []


def test_the_page_of_errors_is_the_made_one() -> None:
    """After a change: `python tests/support/error_index.py`."""
    text = PAGE.read_text(encoding="utf-8")
    assert MARK in text and text == page()


@pytest.mark.skipif(find_spec("mkdocs") is None or find_spec("material") is None, reason="no extra docs")
def test_the_documentation_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = site_of_documents.build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "html" / "docs" / "troubleshooting.html").is_file()
