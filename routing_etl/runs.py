"""The run folder: where the files of one night lie, and the lock that keeps two nights apart.

`<home>/runs/<run_id>/` holds `raw`, `clean`, `rejects`, `times`, `predictions` (Parquet) and `reports` (JSON), so that
each step can run, be looked at and be repeated alone. Nothing here knows what the files mean.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from filelock import FileLock, Timeout

from routing_etl.errors import ConfigurationError, LockedError
from routing_etl.files import SCRATCH, TEMPORARY, rename_folder, replace_file
from routing_etl.log import get_logger

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
_CREATED = "created"
#: Beginning of the name of a run folder whose removal has begun.
_REMOVING = ".removing-"
#: First and last bytes of a Parquet file.
_PARQUET = b"PAR1"
#: Mark of a run that ended well, and the file in which an incremental read keeps how far it came.
_SUCCEEDED, _READ_UP_TO = "succeeded", Path("raw", "incremental.json")
log = get_logger(__name__)
#: Name of the home's one lock.
_RUN_LOCK = "run"
_OWNER_PID = re.compile(r"process (\d+), since")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(content: Any) -> TypeAdapter[Any]:
    """Pydantic's reader and writer of a type, made once."""
    from pydantic import TypeAdapter

    if content not in _adapters:
        _adapters[content] = TypeAdapter(content)
    return _adapters[content]


def as_json(value: Any, content: Any = None) -> Any:
    """A dataclass, or a collection of them, as plain JSON values: dates in ISO form, tuples as lists.

    `content` is its type where the class alone does not tell it, as of a generic dataclass.
    """
    kind = content if content is not None else type(value)
    return _adapter(kind).dump_python(value, mode="json", by_alias=True, fallback=str)


def from_json(content: type[T], values: Any) -> T:
    """The dataclass that `as_json` made these values of.

    Raises
    ------
    ValueError
        A value that the type needs is missing or of another kind.
    """
    value: T = _adapter(content).validate_python(values)
    return value


@dataclass(frozen=True)
class Report(Generic[T]):
    """A kind of file in `reports/`: its name, what gives the type of its content, and the command that writes it.

    The type is asked for when a file is written or read: whoever only looks whether there is one needs none of its modules.
    """

    name: str
    content: Callable[[], type[T]]
    command: str

    def to_text(self, value: T) -> str:
        """The content of the file."""
        return json.dumps(as_json(value, self.content()), ensure_ascii=False, indent=1)

    def from_text(self, text: str) -> T:
        """The value that `to_text` wrote.

        Raises
        ------
        ValueError
            The text is not JSON, or a value that the type needs is missing or of another kind.
        """
        return from_json(self.content(), json.loads(text))


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
    def health(self) -> Path:
        """Findings about the ERP's data, and their page."""
        return self.path / "health"

    @property
    def predictions(self) -> Path:
        """One folder of part files per predictions frame."""
        return self.path / "predictions"

    @property
    def reports(self) -> Path:
        """What each step reported, as JSON."""
        return self.path / "reports"

    def write(self, report: Report[T], value: T, *, shard: int | None = None) -> None:
        """Store a report, or that of one shard; it is replaced whole or not at all."""
        self.reports.mkdir(parents=True, exist_ok=True)
        target = self._report_path(report.name, shard)
        temporary = target.with_suffix(TEMPORARY)
        temporary.write_text(report.to_text(value), encoding="utf-8")
        replace_file(temporary, target, durable=True)

    def read(self, report: Report[T], *, shard: int | None = None) -> T | None:
        """A report, or that of one shard, as it was written; None when this run has none.

        Raises
        ------
        ConfigurationError
            The file is damaged, or another version of the program has written it.
        """
        path = self._report_path(report.name, shard)
        if not path.is_file():
            return None
        try:
            return report.from_text(path.read_text(encoding="utf-8"))
        except ValueError as exc:
            raise ConfigurationError(
                f"The report {path} of run {self.run_id} cannot be read: {_first_problem(exc)}.",
                remedy="It is damaged, or another version of routing_etl has written it. Do the step again (routing-etl "
                f"{report.command}), or the whole night: routing-etl run",
            ) from exc

    def has(self, report: Report[Any], *, shard: int | None = None) -> bool:
        """Whether the run has this report, readable or not."""
        return self._report_path(report.name, shard).is_file()

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well, so that later reads may build on what it read."""
        return (self.path / _SUCCEEDED).is_file()

    def mark_succeeded(self, succeeded: bool) -> None:
        """Say so, or take it back when the run begins again."""
        mark = self.path / _SUCCEEDED
        mark.touch() if succeeded else mark.unlink(missing_ok=True)

    def forget(self, report: Report[Any]) -> None:
        """Drop a report, with those of its shards."""
        self.forget_whole(report)
        for path in self.reports.glob(f"{report.name}.shard-*.json"):
            path.unlink(missing_ok=True)

    def forget_whole(self, report: Report[Any], *, shard: int | None = None) -> None:
        """Drop a report and leave those of its shards; or drop that of one shard."""
        self._report_path(report.name, shard).unlink(missing_ok=True)

    def _report_path(self, name: str, shard: int | None) -> Path:
        return self.reports / (f"{name}.json" if shard is None else f"{name}.shard-{shard:03d}.json")


def _first_problem(exc: ValueError) -> str:
    """What is wrong with a report: the first field that does not fit, or where the JSON breaks off."""
    from pydantic import ValidationError

    if not isinstance(exc, ValidationError):
        return f"it is not JSON ({exc})"
    first = exc.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'its content'}: {first['msg']}"


def new_run(home: Path, run_id: str | None = None) -> RunFolder:
    """A fresh run folder; the id is given or the UTC time.

    Raises
    ------
    ConfigurationError
        The id is not usable as a folder name, or such a run exists.
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
    created = _moment_after(list_runs(home)[:1])
    folder.reports.mkdir(parents=True)
    (folder.path / _CREATED).write_text(created.isoformat(timespec="microseconds"), encoding="utf-8")
    return folder


def _moment_after(newest: list[RunFolder]) -> datetime:
    """Now, or a moment after the newest run, if the clock was set back since: a new run is always the newest."""
    moment = datetime.now(UTC)
    for run in newest:
        try:
            made = datetime.fromisoformat((run.path / _CREATED).read_text(encoding="utf-8"))
        except ValueError:
            continue
        if made >= moment:
            log.warning("clock_set_back", newest_run=run.run_id, made=str(made), clock=str(moment))
            moment = made + timedelta(microseconds=1)
    return moment


def list_runs(home: Path) -> list[RunFolder]:
    """Run folders, newest first."""
    root = home / "runs"
    if not root.is_dir():
        return []
    runs = [
        RunFolder(p.name, p)
        for p in root.iterdir()
        if (p / _CREATED).is_file() and not p.name.startswith(_REMOVING)
    ]
    return sorted(runs, key=lambda run: (run.path / _CREATED).read_text(encoding="utf-8"), reverse=True)


def find_run(home: Path, run_id: str | None, *, having: Report[Any] | None = None) -> RunFolder:
    """A run by id, or the newest one that has the report `having`.

    Raises
    ------
    ConfigurationError
        There is no such run; says which step to run first.
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
        if having is None or run.has(having):
            return run
    step, command = (having.name, having.command) if having is not None else ("extract", "extract")
    raise ConfigurationError(
        f"No run under {home / 'runs'} has finished the step {step!r}.",
        remedy=f"Run it first: routing-etl {command}, or the whole night: routing-etl run",
    )


def last_succeeded(home: Path, *, but: str = "") -> RunFolder | None:
    """The newest run that ended well and whose files are whole, other than `but`.

    A power cut may take away what a run had written minutes before it ended; it is left out then, with a warning in the log.
    """
    for run in list_runs(home):
        if run.run_id == but or not run.succeeded:
            continue
        damaged = next(
            (f for f in (*run.raw.glob("*.parquet"), *run.clean.glob("*.parquet")) if _cut(f)), None
        )
        if damaged is None:
            return run
        log.warning("damaged_run_left_out", run=run.run_id, file=damaged.relative_to(run.path).as_posix())
    return None


def _cut(file: Path) -> bool:
    """Whether a Parquet file is not whole: it begins and ends with the same four bytes."""
    with file.open("rb") as stream:
        head = stream.read(len(_PARQUET))
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - len(_PARQUET), 0))
        return size < 3 * len(_PARQUET) or head != _PARQUET or stream.read() != _PARQUET


def sweep_runs(home: Path) -> tuple[list[str], list[str]]:
    """Remove what killed runs have left; for the holder of the run lock, when no other lock of the home is held.

    Returns
    -------
    tuple of two lists of str
        Names of the run folders that were never begun properly or half removed, and the unfinished files and folders of
        working files in the others, as paths below `runs/`.
    """
    root = home / "runs"
    folders, files = [], []
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if not path.is_dir() or path.is_symlink():
            continue
        if path.name.startswith(_REMOVING) or _unborn(path):
            shutil.rmtree(path, ignore_errors=True)
            folders.append(path.name)
            continue
        if not (path / _CREATED).is_file():
            continue
        for left in [*path.rglob(f"*{TEMPORARY}"), *path.rglob(f"{SCRATCH}*")]:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
            files.append(left.relative_to(root).as_posix())
    return folders, files


def _unborn(path: Path) -> bool:
    """Whether a folder is a run's that has no mark: nothing is in it but what a run has. A folder of people's own is not."""
    ours = {"raw", "clean", "rejects", "times", "predictions", "reports", _SUCCEEDED}
    return not (path / _CREATED).is_file() and {child.name for child in path.iterdir()} <= ours


def shards_at_work(home: Path) -> bool:
    """Whether another process holds one of the home's locks beside the run lock: a shard of a night in several runs."""
    for path in home.glob("shard-*.lock"):
        try:
            with FileLock(str(path), timeout=0):
                pass
        except Timeout:
            return True
    return False


def prune_runs(home: Path, keep: int, *, also: set[str] | None = None) -> list[str]:
    """Remove all but the newest `keep` run folders; returns the removed ids.

    Kept besides: those in `also` (the run at work, which is not the newest when the clock was set back), and
    the newest run that succeeded, which incremental reads build on and the next night is compared with. A folder that
    cannot be removed, because a program has a file in it open for one, is left whole for the next call, with a warning
    in the log: the night that asks for this has published already and has not failed.
    """
    removed = []
    for leftover in (home / "runs").glob(f"{_REMOVING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    base = last_succeeded(home)
    for run in list_runs(home)[keep:]:
        if also and run.run_id in also:
            continue
        if base is not None and run.run_id == base.run_id:
            continue
        doomed = run.path.with_name(f"{_REMOVING}{run.run_id}")
        try:
            rename_folder(run.path, doomed)
        except LockedError as exc:
            log.warning("run_folder_not_removed", run=run.run_id, why=str(exc))
            continue
        shutil.rmtree(doomed, ignore_errors=True)
        removed.append(run.run_id)
    return removed


def lock_holder(home: Path) -> int | None:
    """Id of the living process that took the home's run lock and has not freed it; None: there is none. Leaves the lock alone.

    Whoever is killed leaves its name behind, so the process is looked for.
    """
    import psutil

    try:
        said = _OWNER_PID.search((home / f"{_RUN_LOCK}.lock.owner").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return int(said[1]) if said and psutil.pid_exists(int(said[1])) else None


@contextmanager
def run_lock(home: Path, what: str, *, name: str = _RUN_LOCK) -> Iterator[None]:
    """Hold the home's one run lock, or one of another name. The system frees it when the process dies, however it dies.

    Raises
    ------
    LockedError
        Another process holds it; names what it does, its process id and since when.
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
