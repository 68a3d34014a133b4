"""Nights that ran outside Dagster, told to its instance: what each step made, and what each check found.

The events belong to no Dagster run (`report_runless_asset_event`), so they are on the pages of assets and checks and not
among the runs. Sensors see them: `retrain_on_quality` reads the metrics of a night by the command line too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from routing_etl.database.engine import unhurried_sqlite
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.street import Step
from routing_etl.runs import list_runs
from routing_etl.settings import Settings

from . import checks, metadata, not_public
from .assets import keys

#: File beside the instance that names the runs of which it was told.
_TOLD = "told_runs.json"
Event = dg.AssetMaterialization | dg.AssetCheckEvaluation

_PLAIN: dict[Step[Any], tuple[dg.AssetKey, ...]] = {
    street.AGGREGATE_TIMES: (keys.TIME_PROFILES,),
    street.REVIEW_STANDARDS: (keys.STANDARD_TIMES,),
    street.CHECK_HEALTH: (keys.DATA_HEALTH,),
    street.LOAD: (keys.LOADED_PUBLICATION,),
    street.PUBLISH: (keys.PUBLICATION,),
    street.WRITE_SHEETS: (keys.ITEM_SHEETS,),
}


def tell(settings: Settings, folder: Path) -> tuple[str, ...]:
    """Tell the instance of every run folder that ran outside Dagster and that it does not know; oldest first.

    Parameters
    ----------
    settings : Settings
        The installation; its run folders that are still kept are looked at.
    folder : pathlib.Path
        Of the Dagster instance, with its `dagster.yaml`.

    Returns
    -------
    tuple of str
        Ids of the runs that were told now.
    """
    file = folder / _TOLD
    told: list[str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    new = [
        run
        for run in reversed(list_runs(settings.home))
        if run.run_id not in told and not run.run_id.startswith("dagster_") and run.has(street.EXTRACT.report)
    ]
    if not new:
        return ()
    with (
        unhurried_sqlite(),
        not_public.kept_connections(),
        dg.DagsterInstance.from_config(str(folder)) as instance,
    ):
        for run in new:
            for found in events(Context(settings, run)):
                instance.report_runless_asset_event(found)
            told.append(
                run.run_id
            )  # before the next run, so that an interrupted telling repeats one run at most
            temporary = file.with_name(_TOLD + TEMPORARY)
            temporary.write_text(json.dumps(told[-1000:]), encoding="utf-8")
            replace_file(temporary, file)
    return tuple(run.run_id for run in new)


def events(ctx: Context) -> Iterator[Event]:
    """What a run's reports say, as Dagster's events, in the order of the steps."""
    for row in street.NIGHT:
        finished = ctx.run.read(row.report)
        if finished is not None:
            for key, facts in _made(ctx, row, finished):
                # No code version: with it Dagster asks for the versions of all inputs as well, and calls an asset "unsynced"
                # whose inputs nobody named. Without, it compares the times of both.
                yield dg.AssetMaterialization(key, metadata={"run": ctx.run.run_id, **facts})
        if row.outcomes is not None:
            yield from _checked(ctx, row)


def _made(
    ctx: Context, row: Step[Any], finished: Finished[Any]
) -> Iterator[tuple[dg.AssetKey, dict[str, Any]]]:
    """The assets that a step made, with the metadata that they have when Dagster runs the step."""
    took = metadata.cost(finished)
    result = finished.result
    for key in _PLAIN.get(row, ()):
        yield key, metadata.finished(finished)
    if row is street.EXTRACT:
        for name, key in keys.RAW.items():
            of_frame = metadata.of(result.read.frames[name]) if name in result.read.frames else {}
            yield key, metadata.frame_files(ctx.run.raw / f"{name}.parquet") | of_frame | took
    elif row is street.CLEAN:
        for name, key in keys.CLEAN.items():
            of_frame = metadata.of(result.frames[name]) if name in result.frames else {}
            yield key, metadata.frame_files(ctx.run.clean / f"{name}.parquet") | of_frame | took
        by_rule = metadata.by_rule({n: f.rejects for n, f in result.frames.items()})
        yield (
            keys.REJECTS,
            metadata.frame_files(ctx.run.rejects) | metadata.plain({"by_rule": by_rule}) | took,
        )
    elif row is street.TRAIN and not result.dry_run:
        for key in keys.TRAINED:
            yield key, metadata.training(finished)
    elif row is street.SCORE:
        for name, key in keys.PREDICTIONS.items():
            yield key, metadata.frame_files(ctx.run.predictions / name) | metadata.finished(finished)
    elif row is street.MEASURE:
        drift = tuple(r for r in result.metrics if "drift" in r.metric)
        for key, rows in ((keys.MODEL_METRICS, result.metrics), (keys.DRIFT, drift)):
            yield key, metadata.metric_rows(rows) | took


def _checked(ctx: Context, row: Step[Any]) -> Iterator[dg.AssetCheckEvaluation]:
    """The outcomes of a step's checks, as far as the graph has them."""
    outcomes = row.outcomes_of(ctx.run)
    alone = {street.AGGREGATE_TIMES: keys.TIME_PROFILES, street.TRAIN: keys.CHAMPION}.get(row)
    if alone is not None:
        yield from (checks.evaluation(outcome, alone) for outcome in outcomes)
    else:
        of_frame = {**keys.CLEAN, **keys.PREDICTIONS, "rejects": keys.REJECTS}
        yield from checks.evaluations(ctx.profile, outcomes, of_frame)
