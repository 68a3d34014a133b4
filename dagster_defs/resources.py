"""What assets and jobs are given: the settings, and the street, which knows the run folder of a Dagster run.

Both are plain objects of ours; nothing here wraps a database or a model. Dagster reads the types of a resource's fields
from the class itself, so annotations here are no strings.
"""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg

from routing_etl.errors import ConfigurationError, RoutingEtlError
from routing_etl.log import configure, get_logger
from routing_etl.pipeline import learning_faults, night, steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.results import Trained
from routing_etl.pipeline.street import PUBLISH, Step
from routing_etl.pipeline.training import TrainingRequest
from routing_etl.runs import RunFolder, find_run, list_runs, new_run, prune_runs, run_lock
from routing_etl.settings import Settings

from . import not_public, partitions
from .contexts import StepContext
from .failures import MAX_RETRIES, NOT_MOVED, as_dagster_failure
from .partitions import NIGHTLY
from .progress import progress_of

log = get_logger(__name__)
#: The tag of a run that says what became of the publication.
PUBLICATION_TAG = "routing_etl/publication"
_TAG_LENGTH = 240


class Street:
    """Gives each step of one Dagster run its pipeline context.

    The run folder is named after the Dagster run, so that a re-run from failure continues in the folder of the run it
    repeats; the runs of one backfill share the folder that is named after the backfill. A step materialised alone works
    on the newest folder in which the step before it has finished.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @contextmanager
    def step(
        self, context: StepContext, step: Step[Any], *, on: Step[Any] | None = None, **changes: Any
    ) -> Iterator[Context]:
        """The pipeline's context for one asset, check or op.

        Parameters
        ----------
        context : StepContext
            Of the asset, check or op.
        step : Step
            The step to do; the first one makes the run folder.
        on : Step, optional
            What the run must have finished, where a shard asks for more than the whole step. None: as the step's row says.
        **changes
            Settings that this run's configuration overrides.

        Yields
        ------
        Context
            For the pipeline's function.

        Raises
        ------
        dagster.Failure
            A permanent error, which is not retried.
        dagster.RetryRequested
            A transient error with tries left.
        """
        settings = self.settings.model_copy(update=changes)
        with as_dagster_failure(context):
            ctx = Context(settings, self._folder(context, on or step.on), progress_of(context))
            context.log.info(f"Run folder {ctx.run.path}")
            try:
                yield ctx
            except BaseException as exc:
                self.record_failure(context, ctx, exc)
                raise

    def train(self, context: StepContext, ctx: Context, asked: TrainingRequest) -> Finished[Trained] | None:
        """Train; in a night a training that fails is told and None is returned, so that the night goes on."""
        alone_asked = not self.began(context, ctx)
        run = functools.partial(steps.train, ctx, replace(asked, via="train") if alone_asked else asked)
        if alone_asked:
            with night.recorded_alone(ctx, "train"):
                alone = run()
            learning_faults.note_metrics(ctx, alone.result)
            return alone
        trained = learning_faults.train_or_go_on(
            ctx, run, tried_again=functools.partial(_tried_again, context)
        )
        if trained is None:
            failed = ctx.run.read(learning_faults.TRAINING_FAILED)
            context.log.error(failed.sentence if failed else "The training failed.")
        return trained

    def begin(self, context: StepContext, ctx: Context) -> None:
        """Open the night's row in `batch_run`."""
        job = NIGHTLY if partitions.NIGHT_TAG in context.run.tags else context.run.job_name
        night.begin(ctx, "manual" if job.startswith("__") else job)

    def began(self, context: StepContext, ctx: Context) -> bool:
        """Whether the run folder was begun by this Dagster run, or by the one it repeats: a night, then."""
        return ctx.run.run_id == _folder_name(context)

    def finish(self, context: StepContext, ctx: Context, message: str = "") -> None:
        """Close the night's row as succeeded, and remove run folders beyond the number kept.

        Only for the night that this Dagster run began: a step materialised alone closes nobody's night.
        """
        if self.began(context, ctx):
            night.finish(ctx, "succeeded", message)
            prune_runs(self.settings.home, self.settings.keep_runs, also={ctx.run.run_id})

    def tell(self, context: StepContext, what: str) -> None:
        """Say at the top of the run page what became of the publication, as the run's tag."""
        context.instance.add_run_tags(context.run.run_id, {PUBLICATION_TAG: what[:_TAG_LENGTH]})

    def record_failure(self, context: StepContext, ctx: Context, exc: BaseException) -> None:
        """Close the row of the night that this Dagster run began; the run of another is left as it is."""
        if not self.began(context, ctx) or _tried_again(context, exc):
            return
        status, message = "failed", f"{type(exc).__name__}: {exc}"
        if isinstance(exc, RoutingEtlError):
            message = str(exc)
        elif not isinstance(exc, Exception):
            status, message = "cancelled", "stopped by the user or by the end of its process"
        if not ctx.run.has(PUBLISH.report):
            self.tell(context, NOT_MOVED.format(why=message))
        try:
            night.finish(ctx, status, message)
        except RoutingEtlError as second:
            context.log.error(f"The end of the run could not be recorded: {second}")

    def _folder(self, context: StepContext, after: Step[Any] | None) -> RunFolder:
        name = _folder_name(context)
        own = [run for run in list_runs(self.settings.home) if run.run_id == name]
        if own:
            return own[0]
        if after is None:
            return new_run(self.settings.home, name)
        return find_run(self.settings.home, None, having=after.report)


def _tried_again(context: StepContext, exc: BaseException) -> bool:
    """Whether the step is tried again after this error."""
    return isinstance(exc, RoutingEtlError) and exc.transient and context.retry_number < MAX_RETRIES


def _folder_name(context: StepContext) -> str:
    """Run folder of a Dagster run: that of the first run when this one repeats it; one for all runs of a backfill."""
    run = context.run
    return f"dagster_{partitions.backfill_of(run) or run.root_run_id or run.run_id}"


def _lock_name(run: dg.DagsterRun | None, settings: Settings) -> str:
    """Which lock a run holds: the home's, or that of its shard alone where shards run beside one another."""
    shard = partitions.own_shard(run) if run is not None and partitions.spread(settings) else None
    return "run" if shard is None else f"shard-{shard}"


class StreetResource(dg.ConfigurableResource[Street]):
    """Run folder and run lock of one Dagster run; steps get their pipeline context from it.

    Nothing of it can be set in the Launchpad: settings come from the environment, because the graph was built from
    them and because they hold passwords, and what one run may change is a field of its step's configuration.
    """

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Street]:
        """Hold the run lock and give the street, as long as the run lasts.

        Parameters
        ----------
        context : dagster.InitResourceContext
            Of the run.

        Yields
        ------
        Street
            For the run's steps.

        Raises
        ------
        ConfigurationError
            The home cannot be written. Dagster does not repeat the run.
        LockedError
            Another run works on the same home. Dagster does not repeat the run.
        RoutingEtlError
            The warehouse cannot be reached or has another schema. Dagster does not repeat the run.
        """
        with ExitStack() as held:
            with _not_repeated(context), _home_may_be_written(self.settings):
                configure(self.settings.log_folder, self.settings.log_level)
                if self.settings.read_from:
                    log.info("settings_read", env_file=str(self.settings.read_from))
                what = "Dagster run " + (context.run.run_id if context.run is not None else "without id")
                name = _lock_name(context.run, self.settings)
                held.enter_context(run_lock(self.settings.home, what, name=name))
                night.ensure_warehouse(self.settings)
            yield Street(self.settings)


@contextmanager
def _home_may_be_written(settings: Settings) -> Iterator[None]:
    """What the system refuses before the first step, as a sentence: log, lock and embedded tables lie in the home."""
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(
            f"The home {settings.home} cannot be written: {exc.strerror or exc}.",
            remedy="Check that the disk has room, that this user may write there and that ROUTING_ETL_HOME names a directory.",
        ) from exc


@contextmanager
def _not_repeated(context: dg.InitResourceContext) -> Iterator[None]:
    """A run that one of our errors stops before its first step is not repeated: run retries are for dead workers."""
    try:
        yield
    except RoutingEtlError:
        if context.instance is not None and context.run is not None:
            context.instance.add_run_tags(context.run.run_id, {not_public.MAX_RETRIES_TAG: "0"})
        raise
