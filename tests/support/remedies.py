"""What happens when a remedy is followed: which a test walks to its end, and why no program can walk the others.

What belongs here: a class for every error sentence of the product. A new one has none, and `test_troubleshooting.py` says so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sentences import ROOT
from walks_commands import AT_HOME
from walks_commands import CASES as COMMANDS
from walks_held import CASES as HELD
from walks_home import CASES as HOME
from walks_python import CALLS as ARGUMENTS
from walks_records import CALLS as RECORDS
from walks_settings import CASES as SETTINGS
from walks_typed import AT_HOME as TYPED_AT_HOME
from walks_typed import CASES as TYPED
from walks_versions import CASES as VERSIONS

if TYPE_CHECKING:
    from error_index import Sentence

#: Remedies that `test_no_dead_end.py` follows to their end; those of calls from Python: `test_remedies_python.py`.
WALKED = (
    *(*SETTINGS, *COMMANDS, *TYPED),
    *(replace(case, at_home=True) for case in (*AT_HOME, *TYPED_AT_HOME, *HOME, *HELD, *VERSIONS)),
)
CALLED = (*ARGUMENTS, *RECORDS)
#: What happens then, by class.
THEN = {
    "walked": "the command does its work (tested)",
    "called": "the call from Python does its work (tested)",
    "elsewhere": "the command does its work (tested with the fault)",
    "python": "for a call from Python: with what is named it does its work",
    "profile": "the profile or the ERP's data are corrected by somebody who knows them; then the command does its work",
    "person": "somebody decides or corrects what is named; then the command does its work",
    "machine": "whoever looks after the machine gives it (a right, a driver, room, memory); then the command does its work",
    "server": "needs a database server or mail server; not walked by a test here",
    "wait": "the other one ends; then the command does its work",
    "nothing": "nothing has to be done",
    "ours": "a damaged file, driver or defect: nothing was published; what is named brings it back, or it is reported",
    "passed": "as the sentence that is passed on says",
}
#: Folder or file, beginning of the sentence, class, and for `elsewhere` the test; the first that fits counts. A sentence that advises a
#: command or a setting of ours is named by its beginning.
RULES: tuple[tuple[str, str, str], ...] = (
    ("dagster_defs/", "", "machine"),
    ("cli/dagster_ui", "", "machine"),
    ("cli/items", "… of … items were predicted", "passed"),
    ("cli/steps", "The sheets were", "passed"),
    ("database/bulk", "mssql-python cannot be loaded", "machine"),
    ("database/bulk", "This version of mssql-python", "machine"),
    ("database/engine", "", "machine"),
    ("database/sqlserver", "No ODBC driver", "machine"),
    ("database/sqlserver", "", "machine"),
    ("doctor/", "it is not in the table model_version", "person"),
    ("erp/raw_frames.py", "The raw frame … does not exist", "python"),
    ("erp/clean_frame.py", "Cleaning …", "ours"),
    ("erp/profile.py", "Profile …: file = …: ….", "machine"),
    ("erp/extract.py", "… has … rows but", "ours"),
    ("erp/extract.py", "… (…) has no rows where", "elsewhere tests/integration/test_night_faults.py"),
    ("erp/reader.py", "", "machine"),
    ("erp/", "", "profile"),
    ("evaluation/", "", "python"),
    ("files.py", "… cannot be renamed or replaced", "machine"),
    ("frames/contract.py", "Frame … lacks column …", "ours"),
    ("frames/contract.py", "Frame …: column … is …, must be", "ours"),
    ("memory_limits.py", "…", "elsewhere tests/integration/test_machine_limits.py"),
    ("model/", "", "python"),
    ("pipeline/alerts", "", "server"),
    ("pipeline/champion", "Model version … was refused", "elsewhere tests/integration/test_models_life.py"),
    ("pipeline/champion", "Champion … is pinned already", "nothing"),
    ("pipeline/champion", "Model version … has no measured", "person"),
    ("pipeline/context", "The step … of run … has not finished.", "python"),
    ("pipeline/demo", "… holds another plant", "person"),
    ("pipeline/drill", "The warehouse is on a server", "server"),
    ("pipeline/exports", "", "person"),
    ("pipeline/from_files", "", "person"),
    ("pipeline/incomplete", "Model version … lacks …", "person"),
    ("pipeline/learning_faults", "The training failed", "person"),
    ("pipeline/one_item", "No item was predicted", "nothing"),
    ("pipeline/sharded", "", "python"),
    ("pipeline/steps", "Run … has nothing to publish", "nothing"),
    ("pipeline/steps", "The candidates of run", "python"),
    ("pipeline/steps", "Run … has not been loaded", "python"),
    ("pipeline/steps", "Publication … would show", "elsewhere tests/integration/test_against_last_night.py"),
    ("pipeline/telling", "", "machine"),
    ("pipeline/training", "There is no item with a valid routing", "profile"),
    ("pipeline/upkeep", "Going back to revision", "elsewhere tests/integration/test_migrate_asks.py"),
    ("pipeline/upkeep", "There is no publication before", "wait"),
    ("pipeline/upkeep", "Model version … is not in the table", "person"),
    ("pipeline/upkeep", "Model version …: …", "passed"),
    ("pipeline/versions", "Model version … is not in the table", "person"),
    ("pipeline/weekly", "Nobody is named", "server"),
    ("pipeline/worker", "The process for … hung", "machine"),
    ("pipeline/worker", "The process for … ….", "machine"),
    ("pipeline/worker", "", "passed"),
    ("plant/", "", "person"),
    ("plots.py", "", "machine"),
    ("quality/adapter", "", "person"),
    ("quality/checks", "… critical check(s) failed", "elsewhere tests/integration/test_night_faults.py"),
    ("quality/", "", "python"),
    ("registry/aliases", "The alias file … is broken", "ours"),
    ("registry/artifacts", "… was changed by somebody else", "person"),
    ("settings_files", "The settings file … was changed while", "person"),
    ("settings.py", "… holds NUL characters", "elsewhere tests/unit/test_settings_file.py"),
    ("settings.py", "…: line … is no NAME=value", "elsewhere tests/unit/test_settings_file.py"),
    ("settings_files", "The working folder of this process", "elsewhere tests/unit/test_settings_file.py"),
    ("registry/artifacts", "The new version was not saved", "ours"),
    ("registry/files", "No space left", "machine"),
    ("registry/manifest", "There is no manifest", "ours"),
    ("registry/store", "Another process changed the aliases", "person"),
    ("registry/store", "The model registry … is in use", "wait"),
    ("registry/store", "No model version is …", "person"),
    ("registry/store", "Model version …: …", "ours"),
    ("registry/store", "…", "passed"),
    ("shortages.py", "…: … (run folder …).", "machine"),
    ("shortages.py", "No further thread or process", "machine"),
    ("shortages.py", "", "machine"),
    ("times/profiles", "shards = …", "python"),
    ("times/", "", "python"),
    ("warehouse/contents", "No Parquet files of frame", "python"),
    ("warehouse/contents", "Frame … in … cannot be read", "ours"),
    ("warehouse/contents", "The predictions in … hold no candidate", "nothing"),
    ("warehouse/contents", "", "ours"),
    ("warehouse/feedback", "", "person"),
    ("warehouse/fixed_table", "routing_flat_table would hold", "ours"),
    ("warehouse/fixed_table", "", "server"),
    ("warehouse/identity", "", "server"),
    ("warehouse/load_shards", "", "person"),
    ("warehouse/lock", "The writer lock was taken over", "person"),
    ("warehouse/lock", "sp_getapplock", "server"),
    ("warehouse/lock", "", "wait"),
    ("warehouse/marks", "", "nothing"),
    ("warehouse/migrate", "The warehouse (…) is at revision …, which", "person"),
    (
        "warehouse/migrate",
        "The warehouse has none of our tables",
        "elsewhere tests/integration/test_doctor_fresh.py",
    ),
    ("warehouse/migrate", "", "person"),
    ("warehouse/owner", "… belongs to company", "elsewhere tests/unit/warehouse/test_warehouse_owner.py"),
    ("warehouse/own_readers", "… would show wrong rows", "person"),
    ("warehouse/publication_changes", "The rows of publication", "person"),
    ("warehouse/publish", "Publication … was loaded before", "person"),
    ("warehouse/writing", "Run … began to read", "elsewhere tests/integration/test_older_read.py"),
    ("warehouse/publish", "", "ours"),
    ("warehouse/standard_times", "", "ours"),
    ("warehouse/writer_probe", "One row was sent", "server"),
    ("warehouse/writers", "arrow-odbc does not send", "server"),
    ("warehouse/writers", "… into ….", "server"),
    ("warehouse/writers", "Bulk copy into … took", "server"),
    ("warehouse/writers", "Bulk copy into …: column", "server"),
    ("warehouse/writers", "", "server"),
)
#: A command or a setting of ours.
_OURS = re.compile(r"routing-etl [a-z…]|ROUTING_ETL_")


def fitting(sentence: Sentence) -> tuple[str, str, str] | None:
    """The rule for a sentence; None: it has none. A sentence that is walked has its own."""
    place = sentence.path.relative_to(ROOT).as_posix().removeprefix("routing_etl/")
    if any(sentence.message.startswith(case.sentence) for case in WALKED):
        return (place, sentence.message, "walked")
    if any(sentence.message.startswith(call.sentence) for call in CALLED):
        return (place, sentence.message, "called")
    for where, begins, kind in RULES:
        named = bool(begins) or not _OURS.search(sentence.remedy)
        if place.startswith(where) and sentence.message.startswith(begins) and named:
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
