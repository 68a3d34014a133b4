"""No file cites a document that a reader of the repository cannot open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Folders whose files may cite documents; beside them, the files of the top level.
FOLDERS = ("routing_etl", "dagster_defs", "migrations", "sql", "models", "tests", "docs", ".ci")
TEXT = {
    ".cfg", ".ini", ".md", ".mako", ".py", ".sh", ".sql", ".toml", ".txt", ".yaml", ".yml", "",
}  # fmt: skip
#: Names of papers that were used when this was planned, and citations by number of what stood in them.
OUTSIDE = re.compile(
    r"\b(DESIGN|LEGACY|LEGACY_SYSTEM|ERP_CONTRACT)\b|\b[Cc]ontract (section )?\d|\b[Dd]ecisions? \d"
)
PAGE = re.compile(r"\bdocs/[\w./-]+\.md\b")
LINK = re.compile(r"\[[^\]\n]*\]\(([^()\s]+)\)")
#: A page, then the sections that are cited of it: "6.4", "6.1-6.5", "2.1 and 2.5", "1, 2.8 and 4".
SECTIONS = re.compile(
    r"\bdocs/(?:erp-contract|legacy-system)\.md (\d+(?:\.\d+)?(?:(?:, | and |-| to )\d+(?:\.\d+)?)*)"
)


def files(*suffixes: str) -> Iterator[Path]:
    """Text files of the repository, this one not counted."""
    found = [p for p in ROOT.iterdir() if p.is_file()]
    for folder in FOLDERS:
        found += [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    for path in sorted(found):
        wanted = path.suffix in suffixes if suffixes else path.suffix in TEXT
        if wanted and path != Path(__file__).resolve():
            yield path


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line of a file with its place."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield f"{path.relative_to(ROOT)}:{number}", line


def headings(page: str) -> set[str]:
    """Numbers of the sections of a page: `## 2. Title` and `### 2.1 Title`."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", text, flags=re.MULTILINE))


def test_no_document_is_cited_that_is_not_in_the_repository() -> None:
    found = [
        f"{place}: {line.strip()}"
        for path in files()
        for place, line in lines(path)
        if OUTSIDE.search(LINK.sub("", line))
    ]
    assert not found, "\n".join(found)


def test_the_search_would_find_such_a_citation() -> None:
    for text in ("DESIGN decision 12", "LEGACY 2.10", "ERP_CONTRACT 6.5", "of contract 6.4", "decision 7)"):
        assert OUTSIDE.search(text), text
    for text in ("LEGACY_METRICS", "the contract's frame", "decisions/0007-x.md", "a decision on record"):
        assert not OUTSIDE.search(text), text


def test_every_page_that_is_named_exists() -> None:
    named = [(place, page) for path in files() for place, line in lines(path) for page in PAGE.findall(line)]
    assert len(named) > 40, "the search finds no pages any more"
    missing = [f"{place}: {page}" for place, page in named if not (ROOT / page).is_file()]
    assert not missing, "\n".join(missing)


def test_every_relative_link_leads_to_a_file() -> None:
    links = [
        (place, path.parent / target.split("#")[0])
        for path in files(".md")
        for place, line in lines(path)
        for target in LINK.findall(line)
        if not re.match(r"[a-z]+:|#", target)
    ]
    assert len(links) > 20, "the search finds no links any more"
    missing = [f"{place}: {target.relative_to(ROOT)}" for place, target in links if not target.exists()]
    assert not missing, "\n".join(missing)


def test_every_section_that_is_cited_exists() -> None:
    cited = []
    for path in files():
        for place, line in lines(path):
            for match in SECTIONS.finditer(line):
                page = match[0].split()[0]
                cited += [(place, page, number) for number in re.findall(r"\d+(?:\.\d+)?", match[1])]
    assert len(cited) > 40, "the search finds no sections any more"
    numbers = {page: headings(page) for page in {page for _, page, _ in cited}}
    missing = [f"{place}: {page} {number}" for place, page, number in cited if number not in numbers[page]]
    assert not missing, "\n".join(missing)


def test_every_decision_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [p[:4] for p in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    assert [p for p in pages if f"]({p})" not in index] == []
    for page in pages:
        text = (folder / page).read_text(encoding="utf-8")
        assert text.startswith(f"# {page[:4]} "), page
        assert [h for h in ("## Context", "## Decision", "## Consequences") if h not in text] == [], page
