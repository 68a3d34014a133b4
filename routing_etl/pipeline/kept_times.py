"""Time profiles of an earlier run that were made of the same content.

Profiles are a function of the work results, the operations, the groups of machines, what the profile says of times, the program and its
libraries. A night that read no new result takes those of the last one, file by file, after looking that nobody has changed them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path

from routing_etl import frames
from routing_etl.errors import ConfigurationError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.unchanged import program
from routing_etl.runs import RunFolder, last_succeeded
from routing_etl.times.profiles import TimesReport

log = get_logger(__name__)
#: The record beside the profiles: the hash of what they were made of, and that of every file.
RECORD = "made_of.json"
_LIBRARIES = ("numpy", "polars")
_READ = (frames.WORK_RESULTS, frames.OPERATIONS, frames.WORK_CENTRE_GROUPS)


def times_basis(ctx: Context) -> str:
    """Hash of everything that the time profiles of a run depend on: equal ones mean equal profiles.

    Parameters
    ----------
    ctx : Context
        A run with cleaned frames.
    """
    said = {
        "read": {f.name: _sha256(ctx.run.clean / f"{f.name}.parquet") for f in _READ},
        "basis": asdict(ctx.profile.time_basis),
        "program": program(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: installed(name) for name in _LIBRARIES},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def kept_times(ctx: Context, basis: str) -> TimesReport | None:
    """Take over the profiles of the last run that succeeded; None where they were made of something else, or are damaged.

    Parameters
    ----------
    ctx : Context
        A run with cleaned frames.
    basis : str
        Its `times_basis`.
    """
    base = last_succeeded(ctx.settings.home, but=ctx.run.run_id)
    files = None if base is None else _files(base, basis)
    if base is None or files is None:
        return None
    try:
        finished = base.read(street.AGGREGATE_TIMES.report)
    except ConfigurationError:
        return None
    if finished is None:
        return None
    ctx.run.times.mkdir(parents=True, exist_ok=True)
    for name in files:
        temporary = ctx.run.times / (name + TEMPORARY)
        shutil.copyfile(base.times / name, temporary)
        replace_file(temporary, ctx.run.times / name)
    log.info("times_kept", of_run=base.run_id, files=len(files))
    return finished.result


def note_times(run: RunFolder, basis: str) -> None:
    """Record what the profiles of a run were made of.

    Parameters
    ----------
    run : RunFolder
        A run whose profiles were just made or taken over.
    basis : str
        Its `times_basis`.
    """
    files = {file.name: _sha256(file) for file in sorted(run.times.glob("time_*.parquet"))}
    temporary = run.times / (RECORD + TEMPORARY)
    temporary.write_text(json.dumps({"basis": basis, "files": files}, indent=1), encoding="utf-8")
    replace_file(temporary, run.times / RECORD)


def _files(run: RunFolder, basis: str) -> list[str] | None:
    """Names of a run's profiles when they were made of this and are as they were written."""
    try:
        told = json.loads((run.times / RECORD).read_bytes())
        files, same = dict(told["files"]), told["basis"] == basis
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not same or not files or any(_sha256(run.times / name) != found for name, found in files.items()):
        return None
    return list(files)


def _sha256(file: Path) -> str:
    """Hash of a file; '' where there is none."""
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
