"""Every command, option and setting that an error, a remedy, a script or a document names exists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sentences import CALL, ROOT, SETTING, program_files, texts, unknown_settings, wrong_calls

pytestmark = pytest.mark.unit
#: What is read beside the program: documents, scripts for DBAs, deployment files, shipped profiles, workflows.
READ = (
    "*.md",
    "*/README.md",
    "docs/**/*.md",
    "sql/*",
    "dagster_defs/deploy/*",
    "routing_etl/**/*.toml",
    ".github/**/*.yml",
)
#: A changelog tells of what is no longer there.
HISTORY = {"CHANGELOG.md"}


def read_files() -> Iterator[Path]:
    for pattern in READ:
        yield from (p for p in sorted(ROOT.glob(pattern)) if p.is_file() and p.name not in HISTORY)


def test_every_command_and_setting_that_a_sentence_of_the_program_names_exists() -> None:
    """A remedy is typed as it stands: it has the options that its command cannot do without."""
    calls, wrong = 0, []
    for path in program_files():
        for line, text in texts(path):
            calls += len(CALL.findall(text))
            found = [*wrong_calls(text, whole=True), *unknown_settings(text)]
            wrong += [f"{path.relative_to(ROOT)}:{line}: {name}" for name in found]
    assert calls > 90, "the search finds no commands any more"
    assert not wrong, "\n".join(wrong)


def test_every_command_and_setting_that_a_document_names_exists() -> None:
    calls, settings, wrong = 0, 0, []
    for path in read_files():
        text = path.read_text(encoding="utf-8")
        calls, settings = calls + len(CALL.findall(text)), settings + len(SETTING.findall(text))
        wrong += [
            f"{path.relative_to(ROOT)}: {name}" for name in (*wrong_calls(text), *unknown_settings(text))
        ]
    assert calls > 90 and settings > 150, "the search finds nothing any more"
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Run: routing-etl doctr", ["doctr"]),
        ("`routing-etl publications purge`, finds", ["publications purge"]),
        ("routing-etl --target prod run --fast.", ["run --fast"]),
        ("python -m routing_etl models list --all", ["models list --all"]),
        ("To keep it: routing-etl models pin.", ["models pin without --why"]),
        ("routing-etl doctor lists all of them. Add --yes", []),
        ("routing-etl models unpin --why REASON, or routing-etl train --version …", []),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_found(text: str, wrong: list[str]) -> None:
    assert wrong_calls(text, whole=True) == wrong


def test_a_setting_that_does_not_exist_is_found() -> None:
    assert unknown_settings("ROUTING_ETL_HOME, ROUTING_ETL_KEEP_RUN and ROUTING_ETL_RETRAIN_*") == [
        "ROUTING_ETL_KEEP_RUN"
    ]
