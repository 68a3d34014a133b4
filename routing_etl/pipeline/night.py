"""The whole night: the steps in order, under the run lock, recorded in the warehouse however it ends."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import (
    ConfigurationError,
    OvertakenError,
    RoutingEtlError,
    TransientDatabaseError,
    WarehouseError,
)
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.champion import pin_in_force
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.learning import read_copies, read_valid_operations
from routing_etl.pipeline.learning_faults import (
    SUCCEEDED,
    WITH_WARNINGS,
    metric_problems,
    train_or_go_on,
    warnings_of,
)
from routing_etl.pipeline.recipe import present_recipe, routed_items
from routing_etl.pipeline.results import Extracted, FrameRead, Scored
from routing_etl.pipeline.review import examine_again
from routing_etl.pipeline.sweep import SWEPT, sweep
from routing_etl.pipeline.versions import LEARNED_JOBS
from routing_etl.pipeline.watch import after_run
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder, as_json, list_runs, new_run, prune_runs, run_lock
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.warehouse.run_records import RunRecords

log = get_logger(__name__)
#: What a run's record says when it ended well without a publication.
NOTHING_TO_PREDICT = "Every item has a valid routing: nothing was published."


def ensure_warehouse(settings: Settings) -> None:
    """The embedded warehouse makes its own tables when it is new; any other database is migrated by its DBA."""
    from routing_etl.warehouse.migrate import current_revision, migrate

    if not settings.warehouse.startswith("sqlite"):
        return
    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        with translated("warehouse", settings.warehouse):
            if current_revision(engine, None) is None:
                migrate(engine, None)
    finally:
        engine.dispose()


@contextmanager
def recorded(ctx: Context, kind: str) -> Iterator[None]:
    """Write the run into `batch_run`, and its check results and rejects at the end, however it ends."""
    begin(ctx, kind)
    try:
        yield
    except BaseException as exc:
        cancelled = isinstance(exc, KeyboardInterrupt)
        message = str(exc) if isinstance(exc, RoutingEtlError) else f"{type(exc).__name__}: {exc}"
        try:
            finish(
                ctx, "cancelled" if cancelled else "failed", "stopped by the user" if cancelled else message
            )
        except RoutingEtlError as second:
            log.error("run_end_not_recorded", error=str(second))
        raise
    scored = ctx.result(street.SCORE)
    nothing = scored is not None and scored.items == 0
    finish(ctx, SUCCEEDED, NOTHING_TO_PREDICT if nothing else "")


def begin(ctx: Context, kind: str) -> None:
    """Open the run's row, after what crashed runs left has been swept away, and take its place in the order of reads."""
    from routing_etl.warehouse.owner import require_owner
    from routing_etl.warehouse.run_records import RunRecords
    from routing_etl.warehouse.schema import schema_for
    from routing_etl.warehouse.writing import begin_read

    with ctx.warehouse() as engine:
        require_owner(engine, RunRecords(engine, ctx.settings).tables, ctx.settings, ctx.profile.name)
    ctx.run.mark_succeeded(False)
    sweep(ctx)
    if ctx.settings.of_another_plant:
        log.warning(
            "defaults_of_another_plant", settings=ctx.settings.of_another_plant, profile=ctx.profile.name
        )
    with ctx.warehouse() as engine:
        records = RunRecords(engine, ctx.settings)
        begin_read(engine, schema_for(engine, ctx.settings.warehouse_schema), ctx.run.run_id)
        records.start_run(ctx.run.run_id, kind, profile=ctx.profile.name, config_hash=_config_hash(ctx))


def take_number(ctx: Context) -> None:
    """Take a place in the order of reads where there is a warehouse; without one, which is logged, nothing can be published either."""
    from routing_etl.warehouse.schema import schema_for
    from routing_etl.warehouse.writing import begin_read

    try:
        with ctx.warehouse() as engine:
            begin_read(engine, schema_for(engine, ctx.settings.warehouse_schema), ctx.run.run_id)
    except (WarehouseError, TransientDatabaseError, ConfigurationError) as exc:
        log.warning("read_not_numbered", reason=str(exc))


def _config_hash(ctx: Context) -> str:
    """sha256 of the settings without secrets and of the profile: equal hashes mean equal configuration."""
    secret = {"erp_url", "warehouse_url", "failure_webhook", "smtp_url"}
    shown = ctx.settings.model_dump(mode="json", exclude=secret)
    return hashlib.sha256(json.dumps([shown, ctx.profile.fingerprint], sort_keys=True).encode()).hexdigest()


def finish(ctx: Context, status: str, message: str) -> None:
    """Close the run's row with what its reports say, and store its check results and rejected rows.

    Of a run that a later read has overtaken, the row alone is written, and it says so. A run that succeeded although learning, measuring or the sheets failed is recorded as `succeeded_with_warnings`, with the cause.

    Parameters
    ----------
    ctx : Context
        The run.
    status : str
        `succeeded`, `failed` or `cancelled`.
    message : str
        Why it failed, or what else is to be said.

    Raises
    ------
    OvertakenError
        It succeeded, and before its findings were stored another run came into force that began to read the ERP later.
    """
    from routing_etl.warehouse.retention import purge_records
    from routing_etl.warehouse.run_records import RunEnd, RunRecords
    from routing_etl.warehouse.writing import of_run

    done = {row.name: found for row in street.NIGHT if (found := ctx.run.read(row.report)) is not None}
    extracted, cleaned = ctx.result(street.EXTRACT), ctx.result(street.CLEAN)
    scored, loaded = ctx.result(street.SCORE), ctx.result(street.LOAD)
    published = ctx.result(street.PUBLISH)
    warnings = warnings_of(ctx.run)
    told = (scored.sizes_told, scored.unmapped_told) if scored else ()
    notice = message or (published.notice if published else None)
    with ctx.warehouse() as engine, of_run(ctx.run.run_id):
        records = RunRecords(engine, ctx.settings)
        overtaken = _store_findings(ctx, records)
        if overtaken is not None and str(overtaken) not in (notice or ""):
            notice = " ".join(filter(None, (notice, str(overtaken))))
        refused = overtaken if status == SUCCEEDED else None
        well = status == SUCCEEDED and refused is None
        end = RunEnd(
            "failed" if refused is not None else WITH_WARNINGS if well and warnings else status,
            message=" ".join(filter(None, (notice, *warnings, *told))) or None,
            rows_read=extracted.read.rows if extracted else None,
            rows_rejected=sum(f.rows_rejected for f in cleaned.frames.values()) if cleaned else None,
            rows_written=loaded.rows_written if loaded else None,
            model_version=scored.model_version if scored else None,
            publication_id=published.publication_id if published else None,
            metadata={name: _kept(finished) for name, finished in done.items()} | _swept(ctx),
        )
        records.finish_run(ctx.run.run_id, end)
        if well:
            _keep_times(ctx, engine)
            purge_records(engine, ctx.settings)
    if well:
        try:
            ctx.run.mark_succeeded(True)
        except OSError as exc:
            log.warning("run_not_marked", reason="the next night builds on an earlier read", error=str(exc))
    after_run(ctx.settings)
    if refused is not None:
        raise refused


def _store_findings(ctx: Context, records: RunRecords) -> OvertakenError | None:
    """Store the run's check results and rejected rows; what forbids it when a later read is in force."""
    try:
        for row in street.NIGHT:
            if row.outcomes is not None:
                records.store_checks(ctx.run.run_id, list(row.outcomes_of(ctx.run)))
        if ctx.result(street.CLEAN):
            records.store_rejects(ctx.run.run_id, ctx.run.rejects)
    except OvertakenError as exc:
        log.warning("findings_not_stored", reason=str(exc))
        return exc
    return None


def _keep_times(ctx: Context, engine: Engine) -> None:
    """The times of the month stay on record. What goes wrong is logged: the night has ended well."""
    from routing_etl.warehouse.history import store_times

    file = ctx.run.times / "time_by_job_resource.parquet"
    if not file.is_file():
        return
    try:
        rows = store_times(
            engine, ctx.settings, ctx.run.run_id, datetime.now(UTC).date(), pl.read_parquet(file)
        )
        log.info("times_kept", rows=rows)
    except Exception as exc:
        log.exception("times_not_kept", error=str(exc))


def _swept(ctx: Context) -> dict[str, Any]:
    swept = ctx.run.read(SWEPT)
    return {} if swept is None else {SWEPT.name: list(swept.sentences)}


def _kept(finished: Finished[Any]) -> dict[str, Any]:
    """What a run's row keeps of a step, as JSON: its cost; of the extract also how and why each frame was read."""
    kept: dict[str, Any] = {
        "seconds": finished.cost.seconds,
        "peak_memory_mb": finished.cost.peak_memory_mb,
    }
    if isinstance(finished.result, Extracted):
        read = {n: as_json(FrameRead.of(f)) for n, f in finished.result.read.frames.items()}
        kept["frames"] = {n: {k: v for k, v in f.items() if v is not None} for n, f in read.items()}
    return kept


@contextmanager
def recorded_alone(ctx: Context, kind: str) -> Iterator[None]:
    """Write one step that works on a night's run folder into `batch_run` as a run of its own, however it ends.

    The night's own row stays as it is; the new one names the folder. Somebody has asked for it on that folder, so that a later
    read forbids nothing.

    Parameters
    ----------
    ctx : Context
        Settings and the run folder.
    kind : str
        What kind of run it is called on record.

    Yields
    ------
    None
        While the step works.
    """
    from routing_etl.warehouse.run_records import RunEnd, RunRecords
    from routing_etl.warehouse.writing import on_request

    run_id = f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with ctx.warehouse() as engine:
        records = RunRecords(engine, ctx.settings)
        folder = {"run_folder": ctx.run.run_id}
        records.start_run(
            run_id, kind, profile=ctx.profile.name, config_hash=_config_hash(ctx), metadata=folder
        )
        try:
            with on_request():
                yield
        except BaseException as exc:
            stopped = isinstance(exc, KeyboardInterrupt)
            message = str(exc) if isinstance(exc, RoutingEtlError) else f"{type(exc).__name__}: {exc}"
            end = RunEnd("cancelled" if stopped else "failed", message=message or "stopped by the user")
            try:
                records.finish_run(run_id, end)
            except RoutingEtlError as second:
                log.error("run_end_not_recorded", error=str(second))
            raise
        trained = ctx.result(street.TRAIN)
        problems = metric_problems(trained) if trained else ()
        records.finish_run(
            run_id,
            RunEnd(
                WITH_WARNINGS if problems else SUCCEEDED,
                message="; ".join(problems) or (trained.promotion_reason if trained else None),
                model_version=trained.version if trained and not trained.dry_run else None,
                metadata=folder,
            ),
        )


#: A champion is replaced for jobs that it does not know at most once in so many days: what is new counts within a week.
NEW_JOBS_AFTER = timedelta(days=7)


def training_due(ctx: Context) -> str | None:
    """Why the night should train, or None.

    There is no champion yet, or none that can be read; or it is older than `retrain_days`, or a week old and does not know a job that engineers use by now
    (`retrain_new_jobs`), or has met a drift the night before that a training would learn. Nobody has pinned it then, and no version has been refused against it that would be trained again from
    much the same data by the same settings (`retrain_after`, `retrain_new_share`).

    Parameters
    ----------
    ctx : Context
        The night. Without cleaned frames the data count as unchanged.
    """
    champion = ctx.registry.alias("champion")
    if champion is None:
        return "there is no champion yet"
    problem = ctx.registry.unreadable(champion)
    if problem:
        return f"champion {champion} cannot be read: {problem}"
    made = datetime.fromisoformat(ctx.registry.show(champion).info.created_at)
    age = datetime.now(UTC) - made
    due = None
    if age > timedelta(days=ctx.settings.retrain_days):
        due = f"champion {champion} is {age.days} days old"
    elif age >= NEW_JOBS_AFTER:
        due = _unknown_jobs(ctx, champion) or _drifted(ctx, champion)
    held = _held_back(ctx, champion) if due else ""
    if held:
        log.info("training_held_back", champion=champion, age_days=age.days, reason=held)
        return None
    return due


def _unknown_jobs(ctx: Context, champion: str) -> str | None:
    """The jobs that enough items have now and that the champion has not learned from, as a reason to train; None when there are none."""
    least = ctx.settings.retrain_new_jobs
    recorded = {a.name for a in ctx.registry.show(champion).artifacts}
    if not least or LEARNED_JOBS not in recorded or not (ctx.run.clean / "operations.parquet").is_file():
        return None
    learned = ctx.registry.read_json(champion, LEARNED_JOBS)
    copies = read_copies(ctx.run).select("item_key").lazy()
    used = (
        read_valid_operations(ctx.run)
        .filter(pl.col("routing_rank") == 0, ~pl.col("job_cd").is_in(learned))
        .join(copies, on="item_key", how="anti")
        .group_by("job_cd")
        .agg(pl.col("item_key").n_unique().alias("items"))
        .filter(pl.col("items") >= least)
        .sort("items", "job_cd", descending=[True, False])
        .collect()
    )
    if used.is_empty():
        return None
    named = ", ".join(f"{job} ({items} items)" for job, items in used.head(5).iter_rows())
    return f"champion {champion} has not learned job {named}"


def _drifted(ctx: Context, champion: str) -> str | None:
    """What the last night met that the champion has not learned and a training would learn, as a reason to train."""
    from routing_etl.warehouse.model_records import ModelRecords

    with ctx.warehouse() as engine:
        found = ModelRecords(engine, ctx.settings).newest_metric(champion, "drift_band", "learnable")
    if found is None or (found[0] or 0) < DRIFTED:
        return None
    return f"champion {champion} meets what it has not learned: {found[1]}"


def _held_back(ctx: Context, champion: str) -> str:
    """Why a champion that is old enough is not trained anew; empty when nothing holds it back."""
    from routing_etl.warehouse.decisions import Decisions

    with ctx.warehouse() as engine:
        pin = pin_in_force(engine, ctx.settings)
        refused = next(iter(Decisions(engine, ctx.settings.warehouse_schema).refusals(champion)), None)
    if pin is not None:
        return f"it is pinned by {pin.made.by} since {pin.decided_at:%Y-%m-%d}"
    if refused is None:
        return ""
    until = refused.decided_at + timedelta(days=ctx.settings.retrain_after)
    if datetime.now(UTC) >= until:
        return ""
    now = routed_items(ctx)
    if now is not None:
        then = refused.made.items_trained
        if then and abs(now - then) >= max(ctx.settings.retrain_new_share * then, 1):
            return ""
        if refused.made.recipe_hash != present_recipe(ctx).hash:
            return ""
    return f"version {refused.made.version} was refused ({refused.made.reason}); the next is tried from {until:%Y-%m-%d} on"


#: Place of `drift` among the bands (`evaluation.drift.BANDS`): from it on a training is asked for, if it would learn the change.
DRIFTED = 2
#: Least number of realised outcomes (items that engineers have routed since) for their exact share to count.
ENOUGH_OUTCOMES = 30


def retraining_reasons(settings: Settings, metrics: Iterable[MetricRow]) -> list[str]:
    """Why the newest batch's metrics call for a new model; empty when they do not.

    Parameters
    ----------
    settings : Settings
        The limits (`retrain_drift`, `retrain_abstained`, `retrain_realised`).
    metrics : iterable of MetricRow
        As the step `measure` reports them; what was not measured says nothing.
    """
    metrics = tuple(metrics)
    known = {r.metric: (r.value, r.n) for r in metrics if r.value is not None}
    reasons = []
    drift, _ = known.get("similarity_drift", (None, 0))
    if drift is not None and drift > settings.retrain_drift:
        reasons.append(f"similarity drift {drift:.3f} is above {settings.retrain_drift:g}")
    abstained, _ = known.get("abstained_share", (None, 0))
    if abstained is not None and abstained > settings.retrain_abstained:
        reasons.append(f"abstained share {abstained:.3f} is above {settings.retrain_abstained:g}")
    reasons += [
        f"drift that a training would learn: {r.reason}"
        for r in metrics
        if (r.metric, r.segment) == ("drift_band", "learnable") and (r.value or 0) >= DRIFTED
    ]
    realised, outcomes = known.get("realised_exact_at_1", (None, 0))
    if realised is not None and outcomes >= ENOUGH_OUTCOMES and realised < settings.retrain_realised:
        reasons.append(f"realised exact match {realised:.3f} is below {settings.retrain_realised:g}")
    return reasons


def last_cleaned(settings: Settings) -> Context:
    """The newest run with cleaned frames, for questions before a night has any; an empty one where there is none.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    """
    cleaned = (run for run in list_runs(settings.home) if run.has(street.CLEAN.report))
    return Context(settings, next(cleaned, RunFolder("none", settings.home)))


def retraining_asked(settings: Settings, metrics: Iterable[MetricRow]) -> tuple[str, str]:
    """Why the newest batch's metrics call for a new model, and why none is to be trained all the same; empty for neither.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    metrics : iterable of MetricRow
        As the step `measure` reports them.

    Returns
    -------
    tuple of str
        The reasons of `retraining_reasons`; and a pin, or a refusal that is remembered.
    """
    reasons = "; ".join(retraining_reasons(settings, metrics))
    ctx = last_cleaned(settings)
    champion = ctx.registry.alias("champion")
    return reasons, _held_back(ctx, champion) if reasons and champion else ""


def night(
    settings: Settings,
    *,
    progress: Progress = SILENT,
    run_id: str | None = None,
    retrain: bool = False,
    full: bool = False,
    kind: str = "nightly",
) -> RunFolder:
    """Every step of `street.NIGHT` in order, recorded, under the run lock.

    A training that fails does not stop it where there is a champion to predict with (`learning_faults.py`).

    Parameters
    ----------
    settings : Settings
        Of the installation.
    progress : Progress
        What shows the steps' progress.
    run_id : str, optional
        Name of the run. None: its UTC time.
    retrain : bool
        Train even if no training is due.
    full : bool
        Read every row of the ERP, even where changes can be read alone, and score every item, changed or not.
    kind : str
        What kind of run it is called on record.

    Returns
    -------
    RunFolder
        Its reports say what happened.

    Raises
    ------
    RoutingEtlError
        Whatever stopped the night; the last publication stays as it was.
    """
    with run_lock(settings.home, f"the {kind} run"):
        ensure_warehouse(settings)
        ctx = Context(settings, new_run(settings.home, run_id), progress)
        with recorded(ctx, kind):
            _steps(ctx, retrain, full)
        prune_runs(settings.home, settings.keep_runs, also={ctx.run.run_id})
    return ctx.run


def _steps(ctx: Context, retrain: bool, full: bool) -> None:
    """The steps in order, up to the scoring where every item has a routing."""
    from routing_etl.pipeline.training import TrainingRequest

    for row in street.NIGHT:
        if row is street.TRAIN:
            due = "asked for" if retrain else training_due(ctx)
            if due:
                log.info("training", reason=due)
                trained = train_or_go_on(ctx, functools.partial(row.run, ctx, TrainingRequest(reason=due)))
                if trained is not None:
                    examine_again(ctx, trained.result)
            continue
        finished = row.run(ctx, **({"full": full} if row in (street.EXTRACT, street.SCORE) else {}))
        if isinstance(finished.result, Scored) and finished.result.items == 0:
            log.info("nothing_to_publish")
            street.WRITE_SHEETS.run(ctx)  # the worklist is empty now
            break
