"""The step `score`: proposals for every item without a valid routing, as part files.

Items that are unchanged since an earlier scoring by the same model keep its rows (`unchanged.py`); the model is asked for the others.
"""

from __future__ import annotations

import shutil
import zlib
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.in_house import InHouse, in_house_of
from routing_etl.pipeline.incomplete import Incomplete
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.pipeline.loading import load_model
from routing_etl.pipeline.results import Counted, Scored
from routing_etl.pipeline.unchanged import BY_ITEM, Kept, scoring_basis, unchanged_items
from routing_etl.pipeline.unchanged import scan_predictions as scan_predictions
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from routing_etl.pipeline.spelled import Spelled

log = get_logger(__name__)

#: Most items that are scored anew beside their kept rows, and how far a confidence may be off.
_TRIED, _CLOSE = 256, 1e-4


@step(street.SCORE)
def score(ctx: Context, *, version: str | None = None, full: bool = False) -> Scored:
    """Predict every item without a valid routing, batch by batch, into `predictions/<frame>/part-*.parquet`.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    version : str, optional
        Model version. None: the champion.
    full : bool, default False
        Ask the model for every item, also for those that an earlier run has scored with it and that have not changed.

    Raises
    ------
    RegistryError
        There is no such version, or no champion.
    TamperedArtifactError
        A file of the model differs from its manifest.
    IncompatibleModelError
        The model was trained with other attributes or library versions.
    """
    name, predictor = load_model(ctx, version)
    todo = read_learning_data(ctx.run).unrouted_items.sort("item_key")
    shutil.rmtree(ctx.run.predictions, ignore_errors=True)
    for contract in PREDICTED:
        (ctx.run.predictions / contract.name).mkdir(parents=True)
    counted = predict_parts(ctx, name, predictor, todo, "part-", full=full)
    write_resources(ctx, predictor)
    return score_report(ctx, name, counted, missing_of(predictor))


def basis_of(ctx: Context, name: str, missing: tuple[str, ...]) -> str:
    """What a proposal of a version depends on beside the item, as `unchanged.scoring_basis` says.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder.
    name : str
        The version.
    missing : tuple of str
        Attributes that it learned from and that no item has now.
    """
    # What stands in for outsourced jobs has the times of tonight's profiles: nothing of another run holds then.
    own = ctx.run.run_id if ctx.profile.routing.outsourced_map else ""
    manifest = str(ctx.registry.show(name).info.manifest_sha256)
    return scoring_basis(name, manifest, missing, ctx.profile.fingerprint + own)


def predict_parts(
    ctx: Context,
    name: str,
    predictor: Spelled | Incomplete,
    todo: pl.DataFrame,
    prefix: str,
    *,
    full: bool = False,
) -> Counted:
    """Predict items batch by batch into part files whose names begin with `prefix`; resources are left out.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with a folder for each predicted frame.
    name : str
        The model's version.
    predictor : Spelled or Incomplete
        The model.
    todo : polars.DataFrame
        ITEMS rows.
    prefix : str
        Beginning of the names of the part files.
    full : bool, default False
        Ask the model for every item.
    """
    from routing_etl.model.base.threads import threads

    counted = Counted(todo.height, {f.name: 0 for f in BY_ITEM})
    inside = in_house_of(ctx, predictor.resource_alternatives_)
    with threads(ctx.settings.threads):
        counted += Counted(sizes_empty=_empty_sizes(predictor, todo))
        kept = (
            None
            if full
            else unchanged_items(ctx, todo, basis_of(ctx, name, missing_of(predictor)), predictor.codes)
        )
        if kept is not None and not _holds(ctx, predictor, inside, todo, kept):
            kept = None
        if kept is not None:
            log.info("scored_before", run=kept.run.run_id, items=kept.keys.len(), of=todo.height)
            counted += kept.write(ctx.run.predictions, f"{prefix}kept.parquet")
            todo = todo.filter(~pl.col("item_key").is_in(kept.keys.implode()))
        batches = predictor.iter_predict(todo, ctx.settings.score_batch, progress=ctx.progress)
        for number, made_by_model in enumerate(batches):
            predictions = inside.applied(made_by_model)
            made = predictions.frames()
            for frame in BY_ITEM:
                made[frame.name].write_parquet(
                    ctx.run.predictions / frame.name / f"{prefix}{number:05d}.parquet"
                )
            first = predictions.candidates.filter(pl.col("candidate_rank") == 1)
            high = first.filter(pl.col("similarity_tier") == "HIGH").height
            rows = {frame.name: made[frame.name].height for frame in BY_ITEM}
            stands_in = int(predictions.operations["replaced_job"].is_not_null().sum())
            counted += Counted(0, rows, high, float(first["confidence"].sum()), replaced=stands_in)
        counted += Counted(unmapped=inside.unknown)
        return counted + _sizes_from_texts(ctx, predictor, todo, kept, prefix)


def _holds(
    ctx: Context, predictor: Spelled | Incomplete, inside: InHouse, todo: pl.DataFrame, kept: Kept
) -> bool:
    """Whether the model still says of a few of the items what the earlier run holds; if not, all are scored, with a warning."""
    drawn = zlib.crc32(ctx.run.run_id.encode())  # others each night
    some = kept.keys.sample(min(_TRIED, kept.keys.len()), seed=drawn)
    asked = todo.filter(pl.col("item_key").is_in(some.implode()))
    said = inside.applied(predictor.predict(asked)).candidates
    columns = ("item_key", "candidate_rank", "routing_code", "confidence")
    held = kept.rows(frames.CANDIDATES).filter(pl.col("item_key").is_in(some.implode())).select(columns)
    both = said.select(columns).join(
        held.collect(), on=columns[:3], how="full", coalesce=True, suffix="_held"
    )
    off = both.filter(
        ((pl.col("confidence") - pl.col("confidence_held")).abs() < _CLOSE).not_().fill_null(True)
    )
    if off.is_empty():
        return True
    log.warning(
        "earlier_scoring_does_not_hold",
        run=kept.run.run_id,
        items=off["item_key"].n_unique(),
        of=some.len(),
        first=off["item_key"].item(0),
        consequence="every item is scored",
    )
    return False


def _empty_sizes(predictor: Spelled | Incomplete, items: pl.DataFrame) -> int:
    """How many sizes that a text could tell the items do not have in their columns."""
    return sum(
        items[name].null_count() if name in items.columns else items.height
        for name in predictor.sizes_in_texts
    )


def _sizes_from_texts(
    ctx: Context,
    predictor: Spelled | Incomplete,
    todo: pl.DataFrame,
    kept: Kept | None,
    prefix: str,
) -> Counted:
    """Write down which sizes texts tell, and count those that are used and those that the column contradicts."""
    told = predictor.sizes_from_texts(todo)
    if kept is not None:
        told = pl.concat([kept.rows(frames.SIZES_FROM_TEXTS).collect(), told])
    folder = ctx.run.predictions / frames.SIZES_FROM_TEXTS.name
    folder.mkdir(exist_ok=True)
    told.write_parquet(folder / f"{prefix}00000.parquet")
    return Counted(
        sizes_read=int(told["column_value"].null_count()), sizes_contradicted=int(told["contradicts"].sum())
    )


def write_resources(ctx: Context, predictor: Spelled | Incomplete) -> None:
    """The resources of each job: of the model, not of any item."""
    folder = ctx.run.predictions / frames.RESOURCE_ALTERNATIVES.name
    predictor.resource_alternatives_.write_parquet(folder / "part-00000.parquet")


def missing_of(predictor: Spelled | Incomplete) -> tuple[str, ...]:
    """Names of the attributes that a model learned from and that no item has now."""
    return tuple(a.name for a in predictor.missing) if isinstance(predictor, Incomplete) else ()


def score_report(ctx: Context, model_version: str, counted: Counted, missing: tuple[str, ...] = ()) -> Scored:
    """The result of scoring, whole."""
    run = ctx.run
    resources = scan_predictions(run, frames.RESOURCE_ALTERNATIVES).select(pl.len()).collect().item()
    abstained = counted.rows[frames.ABSTAINED.name]
    predicted = counted.items - abstained
    return Scored(
        model_version=model_version,
        items=counted.items,
        predicted=predicted,
        abstained=abstained,
        abstained_by_reason=_abstained_by_reason(run),
        rows={**counted.rows, frames.RESOURCE_ALTERNATIVES.name: resources},
        share_high=round(counted.high / predicted, 4) if predicted else None,
        mean_confidence=round(counted.confident / predicted, 4) if predicted else None,
        missing_attributes=missing,
        sizes_read=counted.sizes_read,
        sizes_empty=counted.sizes_empty,
        sizes_contradicted=counted.sizes_contradicted,
        replaced=counted.replaced,
        unmapped=counted.unmapped,
        reused=counted.reused,
        basis=basis_of(ctx, model_version, missing),
    )


#: The frames that a scoring leaves in `predictions/`.
PREDICTED = (
    frames.CANDIDATES,
    frames.CANDIDATE_OPERATIONS,
    frames.RESOURCE_ALTERNATIVES,
    frames.CANDIDATE_EVIDENCE,
    frames.ABSTAINED,
)


def _abstained_by_reason(run: RunFolder) -> dict[str, int]:
    counts = (
        scan_predictions(run, frames.ABSTAINED).group_by("reason_code").len().sort("reason_code").collect()
    )
    return dict(counts.iter_rows())
