"""The one table of steps: what each is called, needs, returns and leaves, and which command runs it.

This is the only place where the order of the steps stands. The night, the invalidation of reports, `routing-etl
publish`, the display and the remedies of error messages are derived from it; the README and Dagster's asset graph are
tested against it.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from routing_etl.runs import Report, RunFolder

if TYPE_CHECKING:
    from routing_etl.erp.clean_report import CleanReport
    from routing_etl.frames import CheckOutcome
    from routing_etl.pipeline.finished import Finished
    from routing_etl.pipeline.results import (
        Checked,
        CheckOutcomes,
        Evaluated,
        Extracted,
        Healthy,
        LoadBegun,
        LoadedShard,
        LoadOpened,
        Measured,
        Published,
        Reviewed,
        Scored,
        ScoredShard,
        SheetsWritten,
        TimesShard,
        Trained,
    )
    from routing_etl.quality.usual import Past
    from routing_etl.times.profiles import TimesReport
    from routing_etl.warehouse.publish import LoadReport

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Step(Generic[T]):
    """A row of the table.

    Attributes
    ----------
    name : str
        Name of the step, of its report file and of its log lines.
    title : str
        What the README and people call it.
    function : str
        Module and function of the room `pipeline` that do it.
    returns : str
        Type that it returns, as `room.module:Name`: the table is read by commands that run no step.
    command : str
        The command of `routing-etl` that runs it.
    needs : tuple of Step
        Steps whose files or reports it reads. Done again, they withdraw its report.
    on : Step or None
        The step that a run must have finished for this one to be run alone on it; None makes a new run.
    leaves : tuple of str
        What it leaves on disk in the run folder beside its report, or where else.
    outcomes : Report or None
        Outcomes of single checks, written even when the step fails.
    optional : bool
        A night does it only when it is due.
    nightly : bool
        Part of the night.
    """

    name: str
    title: str
    function: str
    returns: str
    command: str
    needs: tuple[Step[Any], ...] = ()
    on: Step[Any] | None = None
    leaves: tuple[str, ...] = ()
    outcomes: Report[CheckOutcomes] | None = None
    optional: bool = False
    nightly: bool = True

    @property
    def result(self) -> type[T]:
        """The type that it returns."""
        return cast("type[T]", _named(self.returns))

    @property
    def report(self) -> Report[Finished[T]]:
        """The step's report in the run folder."""
        return _report_of(self, self.returns)

    @property
    def invalidates(self) -> tuple[Step[Any], ...]:
        """The steps that need this one, directly or through others, in order."""
        behind: list[Step[Any]] = []
        for other in STEPS:
            if any(need is self or need in behind for need in other.needs):
                behind.append(other)
        return tuple(behind)

    def outcomes_of(self, run: RunFolder) -> tuple[CheckOutcome, ...]:
        """Outcomes of the step's single checks in a run; none when it has not checked anything."""
        found = run.read(self.outcomes) if self.outcomes is not None else None
        return () if found is None else found.outcomes

    def run(self, *args: Any, **kwargs: Any) -> Finished[T]:
        """Call the step's function, which takes the context first."""
        module, name = self.function.split(".")
        function = getattr(importlib.import_module(f"routing_etl.pipeline.{module}"), name)
        return cast("Finished[T]", function(*args, **kwargs))


@dataclass(frozen=True, eq=False)
class Part(Generic[T]):
    """A step done for one shard of items alone, with a report per shard."""

    step: Step[Any]
    returns: str

    @property
    def result(self) -> type[T]:
        """The type that it returns."""
        return cast("type[T]", _named(self.returns))

    @property
    def report(self) -> Report[Finished[T]]:
        """The report of each shard in the run folder."""
        return _report_of(self.step, self.returns)


def _named(place: str) -> Any:
    """The type at `room.module:Name`."""
    module, name = place.split(":")
    return getattr(importlib.import_module(f"routing_etl.{module}"), name)


def _report_of(step: Step[Any], returns: str) -> Report[Finished[Any]]:
    return Report(step.name, functools.partial(_finished, returns), step.command)


def _finished(returns: str) -> type[Finished[Any]]:
    from routing_etl.pipeline.finished import Finished

    return cast("type[Finished[Any]]", Finished[_named(returns)])  # type: ignore[misc]


def _report(name: str, content: str, command: str) -> Report[Any]:
    return Report(name, functools.partial(_named, content), command)


def _outcomes(step: str, command: str) -> Report[CheckOutcomes]:
    return _report(f"{step}_outcomes", "pipeline.results:CheckOutcomes", command)


EXTRACT: Step[Extracted] = Step(
    "extract", "extract", "steps.extract", "pipeline.results:Extracted", "extract", leaves=("raw",)
)
CLEAN: Step[CleanReport] = Step(
    "clean", "clean", "steps.clean", "erp.clean_report:CleanReport", "extract",
    needs=(EXTRACT,), on=EXTRACT, leaves=("clean", "rejects"),
)  # fmt: skip
CHECK_SOURCE: Step[Checked] = Step(
    "check_source", "check", "steps.check_source", "pipeline.results:Checked", "check",
    needs=(CLEAN,), on=CLEAN, outcomes=_outcomes("check_source", "check"),
)  # fmt: skip
AGGREGATE_TIMES: Step[TimesReport] = Step(
    "aggregate_times", "times", "steps.aggregate_times", "times.profiles:TimesReport", "times",
    needs=(CLEAN,), on=CLEAN, leaves=("times",), outcomes=_outcomes("aggregate_times", "times"),
)  # fmt: skip
REVIEW_STANDARDS: Step[Reviewed] = Step(
    "review_standards", "standards", "steps.review_standards", "pipeline.results:Reviewed", "standards",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES,
    leaves=("times/standard_times.parquet", "the current review in the warehouse"),
)  # fmt: skip
CHECK_HEALTH: Step[Healthy] = Step(
    "check_health", "health", "steps.check_health", "pipeline.results:Healthy", "health",
    needs=(CLEAN, AGGREGATE_TIMES, REVIEW_STANDARDS), on=REVIEW_STANDARDS,
    leaves=("health", "rows in health_finding"),
)  # fmt: skip
TRAIN: Step[Trained] = Step(
    "train", "train", "steps.train", "pipeline.results:Trained", "train",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES, leaves=("a model version",), optional=True,
    outcomes=_outcomes("train", "train"),
)  # fmt: skip
EVALUATE: Step[Evaluated] = Step(
    "evaluate", "evaluate", "steps.evaluate", "pipeline.results:Evaluated", "evaluate",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES, nightly=False,
)  # fmt: skip
SCORE: Step[Scored] = Step(
    "score", "score", "steps.score", "pipeline.results:Scored", "score",
    needs=(CLEAN,), on=AGGREGATE_TIMES, leaves=("predictions",),
)  # fmt: skip
CHECK_CANDIDATES: Step[Checked] = Step(
    "check_candidates", "check candidates", "steps.check_candidates", "pipeline.results:Checked", "publish",
    needs=(SCORE,), on=SCORE, outcomes=_outcomes("check_candidates", "publish"),
)  # fmt: skip
LOAD: Step[LoadReport] = Step(
    "load", "load", "steps.load", "warehouse.publish:LoadReport", "publish",
    needs=(SCORE, CHECK_CANDIDATES), on=SCORE, leaves=("an unpublished batch in the warehouse",),
)  # fmt: skip
PUBLISH: Step[Published] = Step(
    "publish", "publish", "steps.publish", "pipeline.results:Published", "publish",
    needs=(SCORE, LOAD), on=LOAD, leaves=("the moved pointer",),
)  # fmt: skip
MEASURE: Step[Measured] = Step(
    "measure", "measure", "steps.measure", "pipeline.results:Measured", "publish",
    needs=(CLEAN, SCORE, PUBLISH), on=PUBLISH, leaves=("rows in model_metric",),
)  # fmt: skip
WRITE_SHEETS: Step[SheetsWritten] = Step(
    "write_sheets", "sheets", "sheets.write_sheets", "pipeline.results:SheetsWritten", "worklist",
    needs=(CLEAN, SCORE, PUBLISH), on=PUBLISH, leaves=("the worklist and sheets in <home>/sheets",),
)  # fmt: skip

#: Every step, in order.
STEPS: tuple[Step[Any], ...] = (
    EXTRACT, CLEAN, CHECK_SOURCE, AGGREGATE_TIMES, REVIEW_STANDARDS, CHECK_HEALTH, TRAIN, EVALUATE, SCORE,
    CHECK_CANDIDATES, LOAD, PUBLISH, MEASURE, WRITE_SHEETS,
)  # fmt: skip
#: The steps of a night, in order.
NIGHT = tuple(step for step in STEPS if step.nightly)

#: The steps that can be done shard by shard.
AGGREGATE_TIMES_SHARD: Part[TimesShard] = Part(AGGREGATE_TIMES, "pipeline.results:TimesShard")
SCORE_SHARD: Part[ScoredShard] = Part(SCORE, "pipeline.results:ScoredShard")
LOAD_SHARD: Part[LoadedShard] = Part(LOAD, "pipeline.results:LoadedShard")
PARTS: tuple[Part[Any], ...] = (AGGREGATE_TIMES_SHARD, SCORE_SHARD, LOAD_SHARD)
#: The figures of a run and of those before it, for the comparison with the last runs.
FIGURES: Report[Past] = _report("figures", "quality.usual:Past", "check")
#: Which publication the shards of a load go into. A new load compares them with what it finds; nothing withdraws them.
LOAD_OPENED: Report[LoadOpened] = _report("load_opened", "pipeline.results:LoadOpened", "publish")
LOAD_BEGUN: Report[LoadBegun] = _report("load_begun", "pipeline.results:LoadBegun", "publish")


def of_command(command: str) -> tuple[Step[Any], ...]:
    """The steps that a command of `routing-etl` runs, in order."""
    return tuple(step for step in STEPS if step.command == command)


def in_words() -> str:
    """The steps of a night in one line."""
    return ", ".join(f"{step.title} when due" if step.optional else step.title for step in NIGHT)
