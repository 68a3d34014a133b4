"""How it stands: what is published, how old and how good it is, what failed last, and what is due next. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from routing_etl.errors import IncompatibleModelError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.versions import headline, metrics_of
from routing_etl.runs import Report, RunFolder, lock_holder

if TYPE_CHECKING:
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.settings import Settings
    from routing_etl.warehouse.publications import Publication
    from routing_etl.warehouse.run_log import RunRecord

log = get_logger(__name__)
#: So far may the clocks of two machines that write into one warehouse differ before it is told.
_CLOCKS_DIFFER = timedelta(minutes=5)
#: File in the home that a monitor may read instead of calling a command.
FILE = "status.json"


@dataclass(frozen=True)
class RunStatus:
    """A run on record; times in UTC. `hours_ago` counts from its end, or from its start where it has not ended.

    None: that moment lies in the future by this machine's clock, so that it cannot be told.
    `process` tells of a run on record as running whether its process is at work; `unseen`: it cannot be seen from here.
    """

    run_id: str
    kind: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    hours_ago: float | None
    message: str | None
    process: Literal["at work", "gone", "unseen"] | None = None


@dataclass(frozen=True)
class PublicationStatus:
    """What the ERP reads: its id, since when (UTC), how many candidates, and which version made them."""

    publication_id: int
    published_at: datetime | None
    candidates: int | None
    model_version: str


@dataclass(frozen=True)
class ModelStatus:
    """The champion: how old, how good on held-out items (share of exact first candidates, 95 % interval), when the next is due.

    `days_old` is None where it was made in the future by this machine's clock.
    """

    version: str
    trained_at: datetime
    days_old: float | None
    exact_match: float | None
    low: float | None
    high: float | None
    held_out: int
    due_at: datetime


@dataclass(frozen=True)
class FailedCheck:
    """A check of the last run that did not pass."""

    check: str
    severity: str
    observed: str
    expected: str


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Attributes
    ----------
    code : str
        What kind, in capitals: what alerts are called.
    severity : {'critical', 'warning'}
        How urgent it is.
    message : str
        What was found.
    remedy : str
        What to do about it; '' where the message says it.
    about : str
        What tells one from another of the same code: a check, a message.
    """

    code: str
    severity: Literal["critical", "warning"]
    message: str
    remedy: str = ""
    about: str = ""

    @property
    def text(self) -> str:
        """Message and remedy."""
        return f"{self.message} {self.remedy}".strip()


@dataclass(frozen=True)
class Status:
    """How it stands.

    Attributes
    ----------
    ok : bool
        Whether nothing is wrong: `problems` is empty.
    at : datetime
        When it was asked (UTC).
    home : str
        The installation.
    publication : PublicationStatus or None
        What the ERP reads.
    model : ModelStatus or None
        What predicts.
    last_run, last_success : RunStatus or None
        The newest run, and the newest that succeeded.
    failed_checks : tuple of FailedCheck
        Of the newest run, critical ones first.
    problems : tuple of str
        What is wrong, each with its remedy.
    """

    ok: bool
    at: datetime
    home: str
    publication: PublicationStatus | None
    model: ModelStatus | None
    last_run: RunStatus | None
    last_success: RunStatus | None
    failed_checks: tuple[FailedCheck, ...]
    problems: tuple[str, ...]


#: The content of the file in the home.
REPORT = Report("status", lambda: Status, "status")


def status(settings: Settings, now: datetime | None = None) -> Status:
    """Ask the warehouse and the registry how it stands.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    now : datetime, optional
        The moment that ages are counted to. None: now.

    Raises
    ------
    WarehouseError
        Our tables cannot be read, or are not at the newest migration.
    RegistryError
        The champion cannot be read.
    """
    return examine(settings, now or datetime.now(UTC))[0]


def examine(settings: Settings, at: datetime) -> tuple[Status, tuple[Problem, ...]]:
    """The status, and what is wrong as problems with their codes.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    at : datetime
        The moment that ages are counted to.

    Raises
    ------
    WarehouseError
        Our tables cannot be read, or are not at the newest migration.
    RegistryError
        The champion cannot be read.
    """
    from routing_etl.warehouse.publish import Publisher
    from routing_etl.warehouse.run_log import newest_runs, unpassed_checks

    ctx = Context(settings, RunFolder("status", settings.home))
    with ctx.warehouse() as engine:
        last, success = newest_runs(engine, settings.warehouse_schema)
        current = next((p for p in Publisher(engine, settings).list() if p.current), None)
        found = unpassed_checks(engine, settings.warehouse_schema, last.run_id) if last else ()
    failed = tuple(FailedCheck(*row) for row in found)
    runs = (_run(last, at, _at_work(settings, last)), _run(success, at, None))
    model = _model(ctx.registry, settings, at)
    problems = (
        *_died(last, runs[0], current),
        *_problems(settings, runs, current, model, failed, at),
        *_unusable(ctx.registry, model),
    )
    standing = Status(
        ok=not problems,
        at=at,
        home=str(settings.home.resolve()),
        publication=_publication(current),
        model=model,
        last_run=runs[0],
        last_success=runs[1],
        failed_checks=failed,
        problems=tuple(p.text for p in problems),
    )
    return standing, problems


def write_status(settings: Settings) -> None:
    """Write the status into `<home>/status.json`, for a monitor. What goes wrong is logged: no night fails by it."""
    try:
        file = settings.home / FILE
        temporary = file.with_name(FILE + TEMPORARY)
        temporary.write_text(REPORT.to_text(status(settings)), encoding="utf-8")
        replace_file(temporary, file)
    except Exception:  # the night has ended as it has ended
        log.warning("status_not_written", exc_info=True)


def _at_work(settings: Settings, record: RunRecord | None) -> Literal["at work", "gone", "unseen"] | None:
    """Whether the process of a run on record as running is at work.

    The process that began a run need not be the one that goes on with it: Dagster repeats a run from where it failed, and makes a
    night of many runs of shards. So it counts as gone only where no other process of this host holds the run lock of the home,
    and never where a night is made of many runs.
    """
    if record is None or record.status != "running":
        return None
    if record.process is None or record.process.gone is None:
        return "unseen"
    if not record.process.gone:
        return "at work"
    if settings.shards > 1 and settings.shard_runs == "many":
        return "unseen"
    holder = lock_holder(settings.home)
    return "gone" if holder in (None, record.process.pid) else "at work"


def _died(record: RunRecord | None, run: RunStatus | None, current: Publication | None) -> Iterator[Problem]:
    """A run that was killed, or whose machine was started anew: nobody has closed its record."""
    if run is None or record is None or record.process is None or run.process != "gone":
        return
    shown = f"publication {current.id}, as before" if current else "no publication, as before"
    yield Problem(
        "RUN_DIED",
        "critical",
        f"The last run {run.run_id} is on record as running, but its process {record.process.pid} on {record.process.host} is "
        f"gone: it was killed, or the machine was started anew. Readers see {shown}.",
        "Run again: routing-etl run (it closes the record of the dead run and removes what it left).",
    )


def _run(
    record: RunRecord | None, at: datetime, process: Literal["at work", "gone", "unseen"] | None
) -> RunStatus | None:
    if record is None:
        return None
    ended = record.finished_at or record.started_at
    hours = _since(ended, at, timedelta(hours=1))
    return RunStatus(
        record.run_id,
        record.kind,
        record.status,
        record.started_at,
        record.finished_at,
        hours,
        record.message,
        process,
    )


def _since(moment: datetime, at: datetime, unit: timedelta) -> float | None:
    """How long ago something was, in units; None where it lies in the future by more than clocks of two machines differ."""
    if moment - at > _CLOCKS_DIFFER:
        return None
    return round(max(at - moment, timedelta(0)) / unit, 2)


def _publication(current: Publication | None) -> PublicationStatus | None:
    if current is None:
        return None
    return PublicationStatus(
        current.id, current.published_at, current.rows.get("candidate"), current.model_version
    )


def _model(registry: ModelRegistry, settings: Settings, at: datetime) -> ModelStatus | None:
    champion = registry.alias("champion")
    if champion is None:
        return None
    details = registry.show(champion)
    made = datetime.fromisoformat(details.info.created_at)
    exact = headline(metrics_of(details))
    return ModelStatus(
        version=champion,
        trained_at=made,
        days_old=_since(made, at, timedelta(days=1)),
        exact_match=exact.value if exact else None,
        low=exact.low if exact else None,
        high=exact.high if exact else None,
        held_out=exact.n if exact else 0,
        due_at=made + timedelta(days=settings.retrain_days),
    )


def _unusable(registry: ModelRegistry, model: ModelStatus | None) -> Iterator[Problem]:
    """After an upgrade: a champion that the next night will refuse."""
    if model is None:
        return
    try:
        registry.check_usable(model.version)
    except IncompatibleModelError as refused:
        yield Problem("NO_CHAMPION", "critical", refused.message, refused.remedy)


def _problems(
    settings: Settings,
    runs: tuple[RunStatus | None, ...],
    current: Publication | None,
    model: ModelStatus | None,
    failed: tuple[FailedCheck, ...],
    at: datetime,
) -> list[Problem]:
    """What is wrong, the run first."""
    last, success = runs
    if last is None:
        return [Problem("NOTHING_RUN", "warning", "Nothing has run yet.", "Run: routing-etl run")]
    found = []
    said = last.message or "no message"
    if last.state in ("failed", "cancelled"):
        found.append(
            Problem("RUN_FAILED", "critical", f"The last run {last.run_id} {last.state}: {said}", about=said)
        )
    if last.state == "succeeded_with_warnings":
        found.append(
            Problem(
                "RUN_WARNED",
                "warning",
                f"The last run {last.run_id} succeeded with warnings: {said}",
                about=said,
            )
        )
    if success is None:
        found.append(Problem("NO_SUCCESS", "critical", "No run has succeeded yet."))
    elif success.hours_ago is None:
        found.append(_ahead(settings, success, at))
    elif success.hours_ago > settings.status_hours:
        found.append(
            Problem(
                "STALE",
                "critical",
                f"The last run that succeeded ended {success.hours_ago:.0f} hours ago, more than {settings.status_hours:g} "
                "(ROUTING_ETL_STATUS_HOURS).",
                "Look at the scheduler.",
            )
        )
    if current is None:
        found.append(Problem("NOT_PUBLISHED", "critical", "Nothing is published.", "Run: routing-etl run"))
    if model is None:
        found.append(
            Problem("NO_CHAMPION", "critical", "There is no champion.", "Train one: routing-etl train")
        )
    found += [
        Problem("CHECK_FAILED", "critical", f"{c.check}: {c.observed}, expected {c.expected}", about=c.check)
        for c in failed
        if c.severity == "critical"
    ]
    return found


def _ahead(settings: Settings, success: RunStatus, at: datetime) -> Problem:
    """A success in the future: nobody can say how long nothing has succeeded."""
    ended = success.finished_at or success.started_at
    return Problem(
        "CLOCK",
        "critical",
        f"The last run that succeeded, {success.run_id}, ended at {ended:%Y-%m-%d %H:%M} UTC, and this machine's clock says "
        f"{at:%Y-%m-%d %H:%M}: a clock was set back, here or where it ran. So it cannot be told whether it is longer ago than "
        f"{settings.status_hours:g} hours (ROUTING_ETL_STATUS_HOURS).",
        "Set the clocks right; the next run that succeeds ends this.",
    )
