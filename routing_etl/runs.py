"""The run folder: where the files of one night lie, and the lock that keeps two nights apart.

`<home>/runs/<run_id>/` holds `raw`, `clean`, `rejects`, `times`, `predictions` (Parquet) and `reports` (JSON), so that
each step can run, be looked at and be repeated alone. Nothing here knows what the files mean.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from routing_etl.errors import ConfigurationError, LockedError

_CREATED = "created"
#: Mark of a run that ended well, and the file in which an incremental read keeps how far it came.
_SUCCEEDED, _READ_UP_TO = "succeeded", Path("raw", "incremental.json")
#: Commands that finish a step whose name is not the command's.
_COMMANDS = {"clean": "extract", "aggregate_times": "times"}
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def jsonable(value: Any) -> Any:
    """Dataclasses, dates, paths and tuples as plain JSON values; anything unknown as its text."""
    if is_dataclass(value) and not isinstance(value, type):
        return jsonable(asdict(value))
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(v) for v in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    run_id: str
    path: Path

    @property
    def raw(self) -> Path:
        """Extracted frames, values as the ERP gave them."""
        return self.path / "raw"

    @property
    def clean(self) -> Path:
        """Cleaned frames."""
        return self.path / "clean"

    @property
    def rejects(self) -> Path:
        """Rejected rows with reasons."""
        return self.path / "rejects"

    @property
    def times(self) -> Path:
        """Time profiles."""
        return self.path / "times"

    @property
    def time_shards(self) -> Path:
        """Work results of single shards, between the two passes of the time aggregation."""
        return self.times / "shards"

    @property
    def predictions(self) -> Path:
        """One folder of part files per predictions frame."""
        return self.path / "predictions"

    @property
    def reports(self) -> Path:
        """What each step reported, as JSON."""
        return self.path / "reports"

    def write_report(self, step: str, value: Any, *, shard: int | None = None) -> dict[str, Any]:
        """Store the report of a step, or of one shard of it; replaced whole or not at all."""
        self.reports.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = jsonable(value)
        target = self._report_path(step, shard)
        temporary = target.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        temporary.replace(target)
        return content

    def report(self, step: str, *, shard: int | None = None) -> dict[str, Any] | None:
        """The report of a step, or of one shard of it; None when that has not finished in this run."""
        path = self._report_path(step, shard)
        if not path.is_file():
            return None
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well, so that later reads may build on what it read."""
        return (self.path / _SUCCEEDED).is_file()

    def mark_succeeded(self, succeeded: bool) -> None:
        """Say so, or take it back when the run begins again."""
        mark = self.path / _SUCCEEDED
        mark.touch() if succeeded else mark.unlink(missing_ok=True)

    def forget(self, *steps: str) -> None:
        """Drop the reports of steps whose inputs are about to change, those of their shards included."""
        for step in steps:
            self.forget_whole(step)
            for path in self.reports.glob(f"{step}.shard-*.json"):
                path.unlink(missing_ok=True)

    def forget_whole(self, step: str, *, shard: int | None = None) -> None:
        """Drop the report of a step and leave those of its shards; or drop that of one shard."""
        self._report_path(step, shard).unlink(missing_ok=True)

    def _report_path(self, step: str, shard: int | None) -> Path:
        return self.reports / (f"{step}.json" if shard is None else f"{step}.shard-{shard:03d}.json")


def new_run(home: Path, run_id: str | None = None) -> RunFolder:
    """A fresh run folder; the id is given or the UTC time.

    Raises
    ------
    ConfigurationError: the id is not usable as a folder name, or such a run exists.
    """
    name = run_id or datetime.now(UTC).strftime("run_%Y%m%dT%H%M%S%f")
    if not _RUN_ID.fullmatch(name):
        raise ConfigurationError(
            f"Run id {name!r} is not usable.",
            remedy="Use letters, digits, dot, dash and underscore, at most 64.",
        )
    folder = RunFolder(name, home / "runs" / name)
    if folder.path.exists():
        raise ConfigurationError(f"Run {name} exists already.", remedy="Give another id, or none.")
    folder.reports.mkdir(parents=True)
    (folder.path / _CREATED).write_text(
        datetime.now(UTC).isoformat(timespec="microseconds"), encoding="utf-8"
    )
    return folder


def list_runs(home: Path) -> list[RunFolder]:
    """Run folders, newest first."""
    root = home / "runs"
    if not root.is_dir():
        return []
    runs = [RunFolder(p.name, p) for p in root.iterdir() if (p / _CREATED).is_file()]
    return sorted(runs, key=lambda run: (run.path / _CREATED).read_text(encoding="utf-8"), reverse=True)


def find_run(home: Path, run_id: str | None, *, having: str | None = None) -> RunFolder:
    """A run by id, or the newest one in which step `having` has finished.

    Raises
    ------
    ConfigurationError: there is no such run; says which step to run first.
    """
    runs = list_runs(home)
    if run_id is not None:
        for run in runs:
            if run.run_id == run_id:
                return run
        known = ", ".join(r.run_id for r in runs[:5]) or "none"
        raise ConfigurationError(
            f"No run {run_id!r} under {home / 'runs'} (newest: {known}).", remedy="Give one of these."
        )
    for run in runs:
        if having is None or run.report(having) is not None:
            return run
    step = having or "extract"
    raise ConfigurationError(
        f"No run under {home / 'runs'} has finished the step {step!r}.",
        remedy=f"Run it first: routing-etl {_COMMANDS.get(step, step)}, or the whole night: routing-etl run",
    )


def last_succeeded(home: Path, *, but: str = "") -> RunFolder | None:
    """The newest run that ended well, other than `but`."""
    return next((run for run in list_runs(home) if run.run_id != but and run.succeeded), None)


def prune_runs(home: Path, keep: int, *, also: set[str] | None = None) -> list[str]:
    """Remove all but the newest `keep` run folders; returns the removed ids.

    Kept besides: those in `also`, and the newest run that succeeded when incremental reads build on it.
    """
    removed = []
    base = last_succeeded(home)
    for run in list_runs(home)[keep:]:
        if also and run.run_id in also:
            continue
        if base is not None and run.run_id == base.run_id and (run.path / _READ_UP_TO).is_file():
            continue
        shutil.rmtree(run.path)
        removed.append(run.run_id)
    return removed


@contextmanager
def run_lock(home: Path, what: str, *, name: str = "run") -> Iterator[None]:
    """Hold the home's one run lock, or one of another name. The system frees it when the process dies, however it dies.

    Raises
    ------
    LockedError: another process holds it; names what it does, its process id and since when.
    """
    home.mkdir(parents=True, exist_ok=True)
    owner = home / f"{name}.lock.owner"
    lock = FileLock(str(home / f"{name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as exc:
        try:
            who = owner.read_text(encoding="utf-8").strip()
        except OSError:
            who = "another process"
        raise LockedError(
            f"Another run is at work in {home}: {who}.",
            remedy="Wait until it ends, or stop it; then run again.",
        ) from exc
    try:
        owner.write_text(
            f"{what}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "utf-8"
        )
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
