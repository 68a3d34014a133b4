"""What happens when a remedy is followed: which test walks it to its end, and why no program can walk the few others.

What belongs here: a class for every error sentence of the product. A new one has none, and `test_troubleshooting.py` says so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sentences import ROOT
from walks_commands import AT_HOME
from walks_commands import CASES as COMMANDS
from walks_erp import CASES as ERP
from walks_held import CASES as HELD
from walks_home import CASES as HOME
from walks_machine import CASES as MACHINE
from walks_python import CALLS as ARGUMENTS
from walks_records import CALLS as RECORDS
from walks_registry import CASES as REGISTRY
from walks_servers import CASES as SERVERS
from walks_servers import DEAR as SERVERS_AT_HOME
from walks_settings import CASES as SETTINGS
from walks_steps import CASES as STEPS
from walks_steps import DEAR as STEPS_AT_HOME
from walks_tables import CASES as TABLES
from walks_typed import AT_HOME as TYPED_AT_HOME
from walks_typed import CASES as TYPED
from walks_versions import CASES as VERSIONS
from walks_writers import CASES as WRITERS

if TYPE_CHECKING:
    from error_index import Sentence

#: Remedies that `test_no_dead_end.py` follows to their end; those of calls from Python: `test_remedies_python.py`.
WALKED = (
    *(*SETTINGS, *COMMANDS, *TYPED),
    *(replace(case, at_home=True) for case in (*AT_HOME, *TYPED_AT_HOME, *HOME, *HELD, *VERSIONS)),
)
CALLED = (*ARGUMENTS, *RECORDS)
#: Those that `test_remedies_met.py` meets and follows.
MET = (*ERP, *MACHINE, *SERVERS, *REGISTRY, *TABLES, *WRITERS, *STEPS, *SERVERS_AT_HOME, *STEPS_AT_HOME)
#: What happens then, by class.
THEN = {
    "walked": "the command does its work (tested)",
    "called": "the call from Python does its work (tested)",
    "met": "the call, or the command that makes it, does its work (tested)",
    "elsewhere": "the command does its work (tested with the fault)",
    "passed": "as the sentence that is passed on says",
    "ours": "a defect of the program: nothing was published; there is nothing to do but to report it",
    "guard": "an earlier check says the same first, so that nobody meets it",
}
#: File, beginning of the sentence, class, and for `elsewhere` the test. Every other sentence is walked, called or met.
RULES: tuple[tuple[str, str, str], ...] = (
    ("erp/clean_frame.py", "Cleaning …", "ours"),
    ("erp/extract.py", "… (…) has no rows where", "elsewhere tests/integration/test_night_faults.py"),
    ("erp/statements.py", "The database has no column", "guard"),
    ("memory_limits.py", "…", "elsewhere tests/integration/test_machine_limits.py"),
    ("pipeline/champion", "Model version … was refused", "elsewhere tests/integration/test_models_life.py"),
    (
        "pipeline/sharded",
        "Step … of run … is not finished",
        "elsewhere tests/integration/test_night_shards.py",
    ),
    (
        "pipeline/sharded",
        "The … of run … have not passed",
        "elsewhere tests/integration/test_night_shards.py",
    ),
    (
        "pipeline/sharded",
        "The shards of run … were scored",
        "elsewhere tests/integration/test_night_shards.py",
    ),
    ("pipeline/sharded", "Shards … of run … were loaded", "elsewhere tests/integration/test_night_shards.py"),
    ("pipeline/steps", "Run … has nothing to publish", "elsewhere tests/integration/test_night.py"),
    ("pipeline/steps", "Publication … would show", "elsewhere tests/integration/test_against_last_night.py"),
    ("pipeline/upkeep", "Going back to revision", "elsewhere tests/integration/test_migrate_asks.py"),
    ("pipeline/worker", "… failed with …", "elsewhere tests/unit/pipeline/test_worker.py"),
    ("pipeline/worker", "… failed.", "passed"),
    ("quality/checks", "… critical check(s) failed", "elsewhere tests/integration/test_night_faults.py"),
    ("shortages.py", "No space left on the disk", "elsewhere tests/integration/test_machine_limits.py"),
    (
        "warehouse/identity",
        "The warehouse's database does not say",
        "elsewhere tests/integration/test_identity_night.py",
    ),
    (
        "warehouse/migrate",
        "The warehouse has none of our tables",
        "elsewhere tests/integration/test_doctor_fresh.py",
    ),
    ("warehouse/owner", "… belongs to company", "elsewhere tests/unit/warehouse/test_warehouse_owner.py"),
    ("warehouse/writing.py", "Run … began to read", "elsewhere tests/integration/test_older_read.py"),
    ("settings.py", "… holds NUL characters", "elsewhere tests/unit/test_settings_file.py"),
    ("settings.py", "…: line … is no NAME=value", "elsewhere tests/unit/test_settings_file.py"),
    ("settings_files", "The working folder of this process", "elsewhere tests/unit/test_settings_file.py"),
)


def fitting(sentence: Sentence) -> tuple[str, str, str] | None:
    """The rule for a sentence; None: it has none. A sentence that is walked has its own."""
    place = sentence.path.relative_to(ROOT).as_posix().removeprefix("routing_etl/")
    if any(sentence.message.startswith(case.sentence) for case in WALKED):
        return (place, sentence.message, "walked")
    if any(sentence.message.startswith(call.sentence) for call in CALLED):
        return (place, sentence.message, "called")
    if any(case.is_about(place, sentence.message, sentence.remedy) for case in MET):
        return (place, sentence.message, "met")
    for where, begins, kind in RULES:
        if place.startswith(where) and sentence.message.startswith(begins):
            return (where, begins, kind)
    return None


def then(sentence: Sentence) -> str:
    """What happens when the remedy of a sentence is followed.

    Raises
    ------
    LookupError
        It has no class.
    """
    rule = fitting(sentence)
    if rule is None:
        raise LookupError(f"{sentence.path}:{sentence.line}: {sentence.message} / {sentence.remedy}")
    return THEN[rule[2].partition(" ")[0] if rule[2].startswith("elsewhere") else rule[2]]


def walked_in() -> list[Path]:
    """The tests that walk a remedy with the fault that they are about."""
    return [ROOT / kind.partition(" ")[2] for _, _, kind in RULES if kind.startswith("elsewhere ")]
