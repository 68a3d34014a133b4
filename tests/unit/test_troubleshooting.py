"""Every error says what to do, and the page of errors has all of them; the documentation site builds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import site_of_documents
from error_index import MARK, PAGE, Sentence, page, sentences
from remedies import CALLED, MET, RULES, THEN, WALKED, fitting, walked_in
from sentences import ROOT

pytestmark = pytest.mark.unit
#: Errors that pass on what another one says, remedy included.
PASSED_ON = {"routing_etl/registry/store.py"}


def test_every_error_says_what_to_do() -> None:
    found = list(sentences())
    assert len(found) > 250, "the search finds no errors any more"
    silent = [f"{s.path}:{s.line}" for s in found if not s.remedy.strip()]
    assert [s for s in silent if not any(name in s for name in PASSED_ON)] == []


def test_of_every_remedy_it_is_known_what_happens_then() -> None:
    """A new error is walked (`tests/support/walks_*.py`), or `remedies.py` says why a program cannot walk it."""
    found = [(s, fitting(s)) for s in sentences()]
    assert [f"{s.path.name}:{s.line}: {s.message}" for s, rule in found if rule is None] == []
    assert [rule for rule in RULES if rule not in {r for _, r in found}] == [], "rules without an error"
    assert all(path.is_file() for path in walked_in())
    said = [s.message for s, _ in found]
    assert [c.sentence for c in (*WALKED, *CALLED) if not any(m.startswith(c.sentence) for m in said)] == []
    told = [
        (s.path.relative_to(ROOT).as_posix().removeprefix("routing_etl/"), s.message, s.remedy)
        for s, _ in found
    ]
    assert [case.sentence for case in MET if not any(case.is_about(*one) for one in told)] == []
    assert sum(rule is not None and rule[2] in ("ours", "guard", "passed") for _, rule in found) <= 3


def test_a_new_remedy_is_walked_or_named() -> None:
    new = Sentence(ROOT / "routing_etl" / "model" / "new.py", 1, "ModelError", "A new one.", "Give a frame.")
    assert fitting(new) is None
    assert all(begins for _, begins, _ in RULES), "none stands for a whole folder"
    assert set(THEN) >= {kind.partition(" ")[0] for _, _, kind in RULES}


def test_the_page_of_errors_is_the_made_one() -> None:
    """After a change: `python tests/support/error_index.py`."""
    text = PAGE.read_text(encoding="utf-8")
    assert MARK in text and text == page()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None or find_spec("material") is None, reason="no extra docs")
def test_the_documentation_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = site_of_documents.build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "html" / "docs" / "troubleshooting.html").is_file()
