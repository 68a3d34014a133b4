"""What every step shares: settings, run folder, progress, and the wrapper that times a step and stores its report."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import ConfigurationError
from routing_etl.log import bind_run, get_logger
from routing_etl.pipeline.finished import Finished, StepCost
from routing_etl.pipeline.memory import peak_memory_mb
from routing_etl.pipeline.street import Part, Step
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import Report, RunFolder
from routing_etl.settings import Settings
from routing_etl.shortages import own_errors
from routing_etl.warehouse.writing import of_run

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.erp.profile import Profile
    from routing_etl.registry.store import ModelRegistry

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
log = get_logger(__name__)


@dataclass(frozen=True)
class Context:
    """What every step needs: settings, the run folder, and where to show progress."""

    settings: Settings
    run: RunFolder
    progress: Progress = field(default=SILENT)

    @functools.cached_property
    def profile(self) -> Profile:
        """The source profile named by the settings."""
        from routing_etl.erp.profile import load_profile

        return load_profile(self.settings.profile)

    @functools.cached_property
    def registry(self) -> ModelRegistry:
        """The model registry."""
        from routing_etl.registry.store import ModelRegistry

        return ModelRegistry(self.settings.models_dir)

    def result(self, row: Step[R]) -> R | None:
        """What a step of this run has found; None when it has not finished.

        Raises
        ------
        ConfigurationError
            Its report is damaged, or another version of the program has written it.
        """
        finished = self.run.read(row.report)
        return None if finished is None else finished.result

    def require(self, row: Step[R]) -> R:
        """What a step of this run has found.

        Raises
        ------
        ConfigurationError
            The step has not finished, or its report cannot be read.
        """
        return self.require_finished(row).result

    def require_finished(self, row: Step[R]) -> Finished[R]:
        """The whole report of a step of this run, with what it cost.

        Raises
        ------
        ConfigurationError
            The step has not finished, or its report cannot be read.
        """
        finished = self.run.read(row.report)
        if finished is None:
            raise ConfigurationError(
                f"The step {row.name!r} of run {self.run.run_id} has not finished.",
                remedy=f"Run: routing-etl {row.command}",
            )
        return finished

    @contextmanager
    def warehouse(self) -> Iterator[Engine]:
        """An engine on our tables, migrated to head, closed at the end; its errors come out as ours."""
        from routing_etl.warehouse.migrate import check_head
        from routing_etl.warehouse.schema import schema_for

        engine = make_engine(self.settings.warehouse, "warehouse", self.settings)
        try:
            with translated("warehouse", self.settings.warehouse):
                check_head(engine, schema_for(engine, self.settings.warehouse_schema))
                yield engine
        finally:
            engine.dispose()


#: What makes a step need less memory.
_LOWER = {
    "extract": "ROUTING_ETL_FETCH_ROWS lower",
    "clean": "ROUTING_ETL_THREADS lower",
    "aggregate_times": "ROUTING_ETL_SHARDS higher",
    "train": "ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0, ROUTING_ETL_THREADS or ROUTING_ETL_TREES lower",
    "evaluate": "ROUTING_ETL_THREADS or ROUTING_ETL_TREES lower",
    "score": "ROUTING_ETL_SCORE_BATCH or ROUTING_ETL_THREADS lower, ROUTING_ETL_SHARDS higher",
    "load": "ROUTING_ETL_LOAD_ROWS lower",
}


def _own_errors(run: RunFolder, step: str) -> AbstractContextManager[None]:
    """A shortage, or a broken file of the run folder, leaves a step as our error; others pass through."""
    return own_errors(f"in step {step}", folder=run.path, lower=_LOWER.get(step, "ROUTING_ETL_THREADS lower"))


class Run(Protocol[P, R_co]):
    """A step as it is called: takes the context, returns what it has stored as its report."""

    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> Finished[R_co]:
        """Do the step."""
        ...


def step(
    row: Step[R], *, merges: bool = False
) -> Callable[[Callable[Concatenate[Context, P], R]], Run[P, R]]:
    """Time a step, log it, withdraw the reports of the steps that need it, and store its own.

    A step that `merges` keeps the reports of the shards that it puts together.
    """

    def decorate(function: Callable[Concatenate[Context, P], R]) -> Run[P, R]:
        @functools.wraps(function)
        def run_step(ctx: Context, *args: P.args, **kwargs: P.kwargs) -> Finished[R]:
            if merges:
                ctx.run.forget_whole(row.report)
            else:
                ctx.run.forget(row.report)
            _withdraw(ctx.run, row)
            return _timed(ctx, row.report, lambda: function(ctx, *args, **kwargs))

        return run_step

    return decorate


def shard_step(part: Part[R]) -> Callable[[Callable[Concatenate[Context, P], R]], Run[P, R]]:
    """The same for one shard of a step, given by the keyword `shard`: its report stands beside those of the others.

    The report of the whole step is withdrawn.
    """

    def decorate(function: Callable[Concatenate[Context, P], R]) -> Run[P, R]:
        @functools.wraps(function)
        def run_shard(ctx: Context, *args: P.args, **kwargs: P.kwargs) -> Finished[R]:
            shard = kwargs.get("shard")
            assert isinstance(shard, int)
            ctx.run.forget_whole(part.report)
            ctx.run.forget_whole(part.report, shard=shard)
            _withdraw(ctx.run, part.step)
            return _timed(ctx, part.report, lambda: function(ctx, *args, **kwargs), shard)

        return run_shard

    return decorate


def _withdraw(run: RunFolder, row: Step[Any]) -> None:
    """Forget what is built on the step, and the outcomes of its own last checks."""
    for behind in row.invalidates:
        run.forget(behind.report)
    for checks in (row, *row.invalidates):
        if checks.outcomes is not None:
            run.forget(checks.outcomes)


def _timed(
    ctx: Context, report: Report[Finished[R]], call: Callable[[], R], shard: int | None = None
) -> Finished[R]:
    """Call, and store the result with what it cost."""
    name, of_shard = report.name, {} if shard is None else {"shard": shard}
    bind_run(ctx.run.run_id)
    log.info("step_started", step=name, **of_shard)
    started = time.perf_counter()
    with _own_errors(ctx.run, name), of_run(ctx.run.run_id):
        result = call()
    cost = StepCost(
        round(time.perf_counter() - started, 3), peak_memory_mb(), datetime.now(UTC).replace(microsecond=0)
    )
    finished = Finished(name, result, cost, shard)
    with _own_errors(ctx.run, name):
        ctx.run.write(report, finished, shard=shard)
    log.info("step_finished", step=name, **of_shard, seconds=cost.seconds, peak_memory_mb=cost.peak_memory_mb)
    return finished
