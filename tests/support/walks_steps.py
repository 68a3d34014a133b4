"""Stories of remedies about the steps of a night, each in a copy of a home after a night or on a few rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import worker_jobs
from homes import ask, change, home_settings
from walks_met import Act, Place, Walks
from walks_records import _contents
from walks_typed import _csv
from warehouse_predictions import known_rows, write_rows

from routing_etl import frames
from routing_etl.doctor.examination import examine
from routing_etl.errors import RegistryError
from routing_etl.frames import AttributeSpec, write_attributes
from routing_etl.pipeline import champion, steps, street, training
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.demo import refuse_another_plant
from routing_etl.pipeline.from_files import files_cleaned
from routing_etl.pipeline.one_item import example_prediction
from routing_etl.pipeline.persons import Actor
from routing_etl.quality.checks import check_candidates
from routing_etl.quality.score import quality_score
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import list_runs

walk = Walks()
dear = Walks(dear=True)
KIM = Actor("kim", "cli")


# --- on a few rows ------------------------------------------------------------------------------------------------------
@walk("… holds another plant: ….", "Name another folder: routing-etl demo --home DIR")
def _(place: Place) -> Iterator[Act]:
    other = place.folder / "other"
    other.mkdir()
    change(place.folder / "erp.db", "CREATE TABLE PART (CODE TEXT)")
    yield lambda: refuse_another_plant(place.folder)
    yield lambda: refuse_another_plant(other)


@walk("No predictions at ….", "Run the step 'score' of this run first.")
def _(place: Place) -> Iterator[Act]:
    yield lambda: check_candidates(place.folder / "predictions")
    write_rows(place.folder / "predictions", known_rows())


@walk("Items have no column ….", "Name columns that the profile maps.")
def _(place: Place) -> Iterator[Act]:
    items = pl.DataFrame(
        {
            "item_cd": ["A"],
            "item_key": ["A"],
            "part_type": ["11"],
            "item_hash": ["0" * 64],
            "attribute_hash": [0],
        }
    )
    frames.ITEMS.conform(items.cast({"attribute_hash": pl.UInt64})).write_parquet(
        place.folder / "items.parquet"
    )
    write_attributes(place.folder / "items.attributes.json", (AttributeSpec("part_type", "category"),))
    yield lambda: quality_score(place.folder, place.folder / "rejects", required=("colour",))
    yield lambda: quality_score(place.folder, place.folder / "rejects", required=("part_type",))


# --- after a night ------------------------------------------------------------------------------------------------------
def _context(home: Path, **settings: Any) -> Context:
    """The home's one run."""
    [run] = list_runs(home)
    return Context(home_settings(home, **settings), run)


@dear("The step … of run … has not finished.", "Run: routing-etl ")
def _(place: Place) -> Iterator[Act]:
    ctx = _context(place.home)
    ctx.run.forget(street.CLEAN.report)
    yield lambda: ctx.require(street.CLEAN)
    steps.clean(ctx)


@dear("The candidates of run … have not passed their checks.", "Run: routing-etl publish")
def _(place: Place) -> Iterator[Act]:
    ctx = _context(place.home)
    ctx.run.forget(street.CHECK_CANDIDATES.report)
    yield lambda: steps.load(ctx)
    yield lambda: steps.publish_run(ctx)


@dear("Run … has not been loaded.", "Run: routing-etl publish")
def _(place: Place) -> Iterator[Act]:
    ctx = _context(place.home)
    ctx.run.forget(street.LOAD.report)
    yield lambda: steps.publish(ctx)
    yield lambda: steps.publish_run(ctx)


@dear("No item was predicted.", "See the abstained items in routing_abstained.")
def _(place: Place) -> Iterator[Act]:
    ctx = _context(place.home)
    shutil.rmtree(ctx.run.predictions / frames.CANDIDATES.name)
    (ctx.run.predictions / frames.CANDIDATES.name).mkdir()
    frames.CANDIDATES.empty().write_parquet(ctx.run.predictions / frames.CANDIDATES.name / "part-0.parquet")
    yield lambda: example_prediction(ctx.settings, ctx.run)

    def seen() -> None:
        found = ask(ctx.settings.home / "warehouse.db", "SELECT item_cd, reason FROM routing_abstained")
        assert all(reason for _, reason in found)

    yield seen


@dear("Model version … has no measured metrics.", "then promote that version")
def _(place: Place) -> Iterator[Act]:
    settings = home_settings(place.home)
    registry = ModelRegistry(settings.models_dir)
    measured = registry.resolve("champion")
    registry.save(_contents(), name="v0")
    yield lambda: champion.promote(settings, "v0", why="better", actor=KIM)
    yield lambda: champion.promote(settings, measured, why="better", actor=KIM)


@dear("Champion … is pinned already, by … on …: ….", "Nothing needs to be done.")
def _(place: Place) -> Iterator[Act]:
    settings = home_settings(place.home)
    champion.pin(settings, why="audit", actor=KIM)
    yield lambda: champion.pin(settings, why="audit", actor=KIM)

    def held() -> None:
        pinned = champion.pin_of(settings)
        assert pinned is not None and pinned.made.version == ModelRegistry(settings.models_dir).resolve(
            "champion"
        )

    yield held


@dear("it is not in the table model_version of …", "or train again: routing-etl train")
def _(place: Place) -> Iterator[Act]:
    """What `routing-etl doctor` finds of a champion that was trained with another warehouse."""
    settings = home_settings(place.home)
    change(
        place.home / "warehouse.db",
        *(f"DELETE FROM {t}" for t in ("model_metric", "model_decision", "model_version")),
    )

    def examined() -> None:
        found = [f for f in examine(settings) if f.area == "models" and f.level == "error"]
        if found:
            raise RegistryError(found[0].message.partition(": ")[2], remedy=found[0].remedy)

    yield examined
    _trained(_few(place), promote=True)()


# --- from files ---------------------------------------------------------------------------------------------------------
def _files(place: Place, *names: str) -> dict[str, Path]:
    """Tables of the demo plant as CSV files."""
    from walks import House

    house: Any = House(place.home, place.patch, lambda _: (0, ""))
    known = {
        "items": "BI_ITEM_INFO_VIEW",
        "operations": "BI_ROUTING_VIEW",
        "results": "BI_WORK_ORDER_RESULTS",
    }
    files = {name: place.folder / f"{name}.csv" for name in names}
    for name, file in files.items():
        _csv(known[name], house, str(file))
    return files


def _cleaned(place: Place, files: dict[str, Path], profile: str | Path = "bi_views") -> Act:
    def clean() -> None:
        with files_cleaned(home_settings(place.home, profile=str(profile)), files):
            pass

    return clean


@dear("Profile … has no section […] that says what the columns of … mean.", "or leave the file out")
def _(place: Place) -> Iterator[Act]:
    own = place.folder / "own.toml"
    own.write_text('extends = "bi_views"\nresults = false\n', encoding="utf-8")
    files = _files(place, "items", "operations", "results")
    yield _cleaned(place, files, own)
    del files["results"]


@dear(
    "Section […] of profile … joins tables; a file is one table.",
    "Use a profile whose columns are those of the file.",
)
def _(place: Place) -> Iterator[Act]:
    own = place.folder / "own.toml"
    join = '[[items.joins]]\ntable = "PLANNER"\nalias = "p"\non = [["ITEM_CD", "ITEM_CD"]]\n'
    own.write_text(f'extends = "bi_views"\n{join}', encoding="utf-8")
    files = _files(place, "items", "operations")
    yield _cleaned(place, files, own)
    yield _cleaned(place, files)


# --- training -----------------------------------------------------------------------------------------------------------
def _few(place: Place, items: int = 150) -> Context:
    """A run of fewer items, which is learned from in a moment, and once for all stories that look at what comes behind."""
    place.request.getfixturevalue("learned_once")
    return _fewer(_context(place.home), items)


def _fewer(ctx: Context, items: int) -> Context:
    kept = None
    for name in (frames.ITEMS.name, frames.OPERATIONS.name, frames.WORK_RESULTS.name):
        file = ctx.run.clean / f"{name}.parquet"
        rows = pl.read_parquet(file)
        if kept is None:
            routed = pl.read_parquet(ctx.run.clean / f"{frames.OPERATIONS.name}.parquet").filter("rout_valid")
            kept = (
                rows.join(routed.select("item_key").unique(), on="item_key", how="semi")
                .sort("item_key")
                .head(items)
            )
        rows.join(kept.select("item_key"), on="item_key", how="semi").write_parquet(file)
    return ctx


def _trained(ctx: Context, *, promote: bool = False) -> Act:
    return lambda: steps.train(ctx, training.TrainingRequest(promote=promote))


@dear(
    "There is no item with a valid routing to learn from.",
    "Check the routing table and the validity filter of the profile.",
)
def _(place: Place) -> Iterator[Act]:
    ctx = _few(place)
    file = ctx.run.clean / f"{frames.OPERATIONS.name}.parquet"
    valid = pl.read_parquet(file)
    valid.with_columns(rout_valid=False).write_parquet(file)
    yield _trained(ctx)
    valid.write_parquet(file)


@dear(
    "The training failed, and there is no champion to predict with: ….",
    "Train again when the cause is removed: routing-etl train",
)
def _(place: Place) -> Iterator[Act]:
    from routing_etl.pipeline.learning_faults import train_or_go_on

    ctx = _few(place)
    (place.home / "models" / "aliases.json").unlink()

    def fault(*_: Any, **__: Any) -> None:
        raise KeyError("confidence")

    with place.patch.context() as patch:
        patch.setattr(training, "_learn", fault)
        yield lambda: train_or_go_on(ctx, _trained(ctx))
    yield lambda: train_or_go_on(ctx, _trained(ctx))


def _beside(place: Place, job: Any) -> Iterator[Act]:
    """A training beside which the evaluation ends badly, and one that fits one after the other."""
    place.patch.setattr(training, "SIDE_BY_SIDE_FROM", 1)
    with place.patch.context() as patch:
        patch.setattr(training, "_evaluate_run", job)
        yield _trained(_fewer(_context(place.home), 150))
    yield _trained(_context(place.home, side_by_side_items=0))


@dear("The process for … ….", "set ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0")
def _(place: Place) -> Iterator[Act]:
    yield from _beside(place, worker_jobs.evaluation_killed)


@dear("The process for … hung: it used no processor", "set ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0")
def _(place: Place) -> Iterator[Act]:
    from routing_etl.pipeline import worker

    place.patch.setattr(worker, "_LOOK_SECONDS", 0.05)
    yield from _beside(place, worker_jobs.evaluation_hangs)


CASES = walk.cases
DEAR = dear.cases
