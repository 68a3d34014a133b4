"""The one table of steps: what each is called, needs, returns and leaves, and which command runs it.

This is the only place where the order of the steps stands. The night, the invalidation of reports, `routing-etl
publish`, the display and the remedies of error messages are derived from it; the README and Dagster's asset graph are
tested against it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from routing_etl.erp.clean_report import CleanReport
from routing_etl.frames import CheckOutcome
from routing_etl.pipeline.results import (
    Checked,
    CheckOutcomes,
    Evaluated,
    Extracted,
    Finished,
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
from routing_etl.runs import Report, RunFolder
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
    result : type
        What it returns.
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
    result: type[T]
    command: str
    needs: tuple[Step[Any], ...] = ()
    on: Step[Any] | None = None
    leaves: tuple[str, ...] = ()
    outcomes: Report[CheckOutcomes] | None = None
    optional: bool = False
    nightly: bool = True

    @property
    def report(self) -> Report[Finished[T]]:
        """The step's report in the run folder."""
        return _report_of(self, self.result)

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
    result: type[T]

    @property
    def report(self) -> Report[Finished[T]]:
        """The report of each shard in the run folder."""
        return _report_of(self.step, self.result)


def _report_of(step: Step[Any], result: type[T]) -> Report[Finished[T]]:
    content = Finished[result]  # type: ignore[valid-type]
    return Report(step.name, cast("type[Finished[T]]", content), step.command)


def _outcomes(step: str, command: str) -> Report[CheckOutcomes]:
    return Report(f"{step}_outcomes", CheckOutcomes, command)


EXTRACT = Step("extract", "extract", "steps.extract", Extracted, "extract", leaves=("raw",))
CLEAN = Step(
    "clean", "clean", "steps.clean", CleanReport, "extract",
    needs=(EXTRACT,), on=EXTRACT, leaves=("clean", "rejects"),
)  # fmt: skip
CHECK_SOURCE = Step(
    "check_source", "check", "steps.check_source", Checked, "check",
    needs=(CLEAN,), on=CLEAN, outcomes=_outcomes("check_source", "check"),
)  # fmt: skip
AGGREGATE_TIMES = Step(
    "aggregate_times", "times", "steps.aggregate_times", TimesReport, "times",
    needs=(CLEAN,), on=CLEAN, leaves=("times",), outcomes=_outcomes("aggregate_times", "times"),
)  # fmt: skip
REVIEW_STANDARDS = Step(
    "review_standards", "standards", "steps.review_standards", Reviewed, "standards",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES,
    leaves=("times/standard_times.parquet", "the current review in the warehouse"),
)  # fmt: skip
CHECK_HEALTH = Step(
    "check_health", "health", "steps.check_health", Healthy, "health",
    needs=(CLEAN, AGGREGATE_TIMES, REVIEW_STANDARDS), on=REVIEW_STANDARDS,
    leaves=("health", "rows in health_finding"),
)  # fmt: skip
TRAIN = Step(
    "train", "train", "steps.train", Trained, "train",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES, leaves=("a model version",), optional=True,
    outcomes=_outcomes("train", "train"),
)  # fmt: skip
EVALUATE = Step(
    "evaluate", "evaluate", "steps.evaluate", Evaluated, "evaluate",
    needs=(CLEAN, AGGREGATE_TIMES), on=AGGREGATE_TIMES, nightly=False,
)  # fmt: skip
SCORE = Step(
    "score", "score", "steps.score", Scored, "score",
    needs=(CLEAN,), on=AGGREGATE_TIMES, leaves=("predictions",),
)  # fmt: skip
CHECK_CANDIDATES = Step(
    "check_candidates", "check candidates", "steps.check_candidates", Checked, "publish",
    needs=(SCORE,), on=SCORE, outcomes=_outcomes("check_candidates", "publish"),
)  # fmt: skip
LOAD = Step(
    "load", "load", "steps.load", LoadReport, "publish",
    needs=(SCORE, CHECK_CANDIDATES), on=SCORE, leaves=("an unpublished batch in the warehouse",),
)  # fmt: skip
PUBLISH = Step(
    "publish", "publish", "steps.publish", Published, "publish",
    needs=(SCORE, LOAD), on=LOAD, leaves=("the moved pointer",),
)  # fmt: skip
MEASURE = Step(
    "measure", "measure", "steps.measure", Measured, "publish",
    needs=(CLEAN, SCORE, PUBLISH), on=PUBLISH, leaves=("rows in model_metric",),
)  # fmt: skip
WRITE_SHEETS = Step(
    "write_sheets", "sheets", "sheets.write_sheets", SheetsWritten, "worklist",
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
AGGREGATE_TIMES_SHARD = Part(AGGREGATE_TIMES, TimesShard)
SCORE_SHARD = Part(SCORE, ScoredShard)
LOAD_SHARD = Part(LOAD, LoadedShard)
PARTS: tuple[Part[Any], ...] = (AGGREGATE_TIMES_SHARD, SCORE_SHARD, LOAD_SHARD)
#: The figures of a run and of those before it, for the comparison with the last runs.
FIGURES = Report("figures", Past, "check")
#: Which publication the shards of a load go into. A new load compares them with what it finds; nothing withdraws them.
LOAD_OPENED = Report("load_opened", LoadOpened, "publish")
LOAD_BEGUN = Report("load_begun", LoadBegun, "publish")


def of_command(command: str) -> tuple[Step[Any], ...]:
    """The steps that a command of `routing-etl` runs, in order."""
    return tuple(step for step in STEPS if step.command == command)


def in_words() -> str:
    """The steps of a night in one line."""
    return ", ".join(f"{step.title} when due" if step.optional else step.title for step in NIGHT)
