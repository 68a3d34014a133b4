"""What every pipeline step shares: settings, run folder, progress, and the wrapper that times and reports a step."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol

import polars as pl

from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import DiskFullError
from routing_etl.log import bind_run, get_logger
from routing_etl.pipeline.worker import peak_memory_mb
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.erp.profile import Profile
    from routing_etl.registry.store import ModelRegistry

P = ParamSpec("P")
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


@contextmanager
def _own_errors(step: str) -> Iterator[None]:
    """A full disk, met as an OSError or inside Polars, leaves a step as our error; others pass through."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as exc:
        if getattr(exc, "errno", None) == 28 or "No space left" in str(exc):
            raise DiskFullError(
                f"No space left on the disk in step {step} ({getattr(exc, 'filename', None) or 'run folder'}).",
                remedy="Free space, then run again; nothing was published.",
            ) from exc
        raise


class Step(Protocol[P]):
    """A pipeline step: takes the context, returns its stored report."""

    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]: ...


def step(
    name: str, *, invalidates: tuple[str, ...] = (), merges: bool = False
) -> Callable[[Callable[Concatenate[Context, P], dict[str, Any]]], Step[P]]:
    """Time a step, log it, forget the reports of the steps behind it, store its own.

    A step that is called with a keyword `shard` stores the report of that shard, and withdraws the report of the whole.
    A step that `merges` keeps the reports of the shards that it puts together.
    """

    def decorate(function: Callable[Concatenate[Context, P], dict[str, Any]]) -> Step[P]:
        @functools.wraps(function)
        def run_step(ctx: Context, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
            shard = kwargs.get("shard")
            assert shard is None or isinstance(shard, int)
            bind_run(ctx.run.run_id)
            ctx.run.forget_whole(name)
            if shard is not None:
                ctx.run.forget_whole(name, shard=shard)
            elif not merges:
                ctx.run.forget(name)
            ctx.run.forget(*invalidates)
            of_shard = {} if shard is None else {"shard": shard}
            log.info("step_started", step=name, **of_shard)
            started = time.perf_counter()
            with _own_errors(name):
                report = function(ctx, *args, **kwargs)
            report = {
                **report,
                "step": name,
                **of_shard,
                "seconds": round(time.perf_counter() - started, 3),
                "peak_memory_mb": peak_memory_mb(),
                "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            with _own_errors(name):
                stored = ctx.run.write_report(name, report, shard=shard)
            log.info(
                "step_finished",
                step=name,
                **of_shard,
                seconds=report["seconds"],
                peak_memory_mb=report["peak_memory_mb"],
            )
            return stored

        return run_step

    return decorate
