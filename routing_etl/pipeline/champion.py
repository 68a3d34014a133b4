"""Model versions in operation: save one with its database row, decide on promotion, load the champion verified.

The registry holds the files, the database the manifest's hash and the status; this module keeps the two in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.database.engine import safe_url
from routing_etl.errors import RegistryError
from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.pipeline.context import Context
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.evaluation.bootstrap import Estimate
    from routing_etl.model.predictor import RoutingPredictor
    from routing_etl.registry.store import ModelRegistry

#: The card's name in a version's folder (`model_card.md`) and in its manifest.
CARD = "model_card"
#: The file of what each held-out item adds to the judged metrics.
HELD_OUT = "held_out_items"


@dataclass(frozen=True)
class LearningData:
    """Items with their attributes, and the operations of every routing that is valid."""

    items: pl.DataFrame
    operations: pl.DataFrame
    attributes: tuple[frames.AttributeSpec, ...]

    @property
    def routed(self) -> pl.Series:
        """Keys of the items that have a valid routing."""
        return self.operations["item_key"].unique()

    @property
    def unrouted_items(self) -> pl.DataFrame:
        """The items to predict: those without a valid routing."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="anti")


def read_learning_data(run: RunFolder) -> LearningData:
    """Cleaned items and valid routings of a run."""
    items = pl.read_parquet(run.clean / "items.parquet")
    frames.ITEMS.validate(items)
    operations = pl.scan_parquet(run.clean / "operations.parquet")
    frames.OPERATIONS.validate(operations)
    return LearningData(
        items,
        operations.filter("rout_valid").collect(),
        frames.read_attributes(run.clean / "items.attributes.json"),
    )


def make_predictor(settings: Settings, attributes: tuple[frames.AttributeSpec, ...]) -> RoutingPredictor:
    """An unfitted predictor with the settings' parameters."""
    from routing_etl.model.predictor import RoutingPredictor

    return RoutingPredictor(
        attributes=attributes,
        candidates_per_item=settings.candidates_per_item,
        similarity_threshold=settings.similarity_threshold,
        random_state=settings.random_state,
    )


def save_version(
    ctx: Context,
    name: str | None,
    predictor: RoutingPredictor,
    data: LearningData,
    report: dict[str, Any],
    times: frames.TimeEvidence,
    requested_by: str,
    held_out: pl.DataFrame | None = None,
) -> str:
    """Files first, then the database row: a version without its row is never the champion.

    `held_out`: what each held-out item adds to the judged metrics (`paired.HELD_OUT`), for the comparison with the next
    version.
    """
    from routing_etl.evaluation.paired import as_json
    from routing_etl.warehouse.records import Records

    parts = predictor.legacy_artifacts()
    joblib_names = ("encoder", "scaler", "feature_columns", "feature_weights")
    metadata = {
        **_origin(ctx, requested_by),
        "training_samples": report["training_samples"],
        "total_items": data.items.height,
        "total_features": len(data.attributes),
        "training_date": datetime.now(UTC).isoformat(timespec="seconds"),
        **_learning(predictor),
    }
    with ctx.warehouse() as engine:
        saved = ctx.registry.save(
            predictor,
            name=name,
            metrics=_measured(report),
            metadata=metadata,
            time_profiles=_time_profile_summary(times),
            json_artifacts={
                "active_features": parts["active_features"],
                "feature_importance": parts["feature_importance"],
                "feature_statistics": parts["feature_statistics"],
                "feature_recommendations": parts["feature_recommendations"],
                "feature_weights": parts["feature_weights_json"],
                **({HELD_OUT: as_json(held_out)} if held_out is not None else {}),
            },
            joblib_artifacts={n: parts[n] for n in joblib_names},
            documents=_documents,
        )
        records = Records(engine, ctx.settings)
        records.store_model_version(
            saved.name,
            manifest_sha256=saved.manifest_sha256,
            status="unmeasured" if headline(_metrics_frame(report["metrics"])) is None else "pending",
            requested_by=requested_by,
            run_id=ctx.run.run_id,
            trained_at=datetime.now(UTC),
            training_samples=report["training_samples"],
            unique_items=report["dataset_stats"]["unique_items"],
            unique_processes=report["dataset_stats"]["unique_processes"],
            training_duration_sec=report["training_duration_sec"],
            hyperparameters=metadata["hyperparameters"],
        )
        records.store_metrics(saved.name, _metrics_frame(report["metrics"]), run_id=ctx.run.run_id)
    return saved.name


#: What a version is judged by against the champion, each with its interval; and it must measure what the champion did.
_JUDGED = {
    "exact_at_1": "exact match",
    "operation_f1": "operation-set F1",
    "resource_top1": "right resources",
    "run_wape": "error of run times",
    "setup_wape": "error of set-up times",
}
#: Parts of a training's or an evaluation's report that `metrics.json` has beside the four legacy scores.
_MEASURED = (
    "training_samples", "dataset_stats", "training_duration_sec", "split", "metrics", "calibration", "coverage", "alerts",
    "evaluation", "data",
)  # fmt: skip


def _measured(report: dict[str, Any]) -> dict[str, Any]:
    """Values of `metrics.json`."""
    return {**{k: report[k] for k in _MEASURED if k in report}, **report["legacy"]}


def _origin(ctx: Context, requested_by: str) -> dict[str, Any]:
    return {
        "run_id": ctx.run.run_id,
        "requested_by": requested_by,
        "source": safe_url(ctx.settings.erp),
        "profile": ctx.profile.name,
        "profile_fingerprint": ctx.profile.fingerprint,
    }


def _learning(predictor: RoutingPredictor) -> dict[str, Any]:
    """Hyperparameters, and what the model left out, in its own words."""
    asked = {k: v for k, v in predictor.get_params().items() if k != "attributes"}
    return {"hyperparameters": asked, "notes": list(predictor.notes_)}


# --- the model card --------------------------------------------------------------------------------------------------


def _documents(contents: Mapping[str, Any]) -> dict[str, str]:
    from routing_etl.evaluation.card import model_card as write_card

    return {
        CARD: write_card(contents["metrics"], contents["training_metadata"], contents["feature_importance"])
    }


def model_card(registry: ModelRegistry, version: str) -> str:
    """A version's card (name or alias), verified, followed by who made it champion, when and why.

    Raises
    ------
    RegistryError: no such version, or it was saved before there were cards. TamperedArtifactError: the card was changed.
    """
    from routing_etl.evaluation.card import promotions

    name = registry.resolve(version)
    if CARD not in {a.name for a in registry.show(name).artifacts}:
        raise RegistryError(
            f"Model version {name} has no model card: it was saved by an earlier release.",
            remedy=f"Its figures are in: routing-etl models show {name}",
        )
    history = [vars(change) for change in registry.alias_history()]
    return f"{registry.read_text(name, CARD)}\n{promotions(name, history)}"


def unsaved_card(
    ctx: Context, report: dict[str, Any], predictor: RoutingPredictor | None = None, requested_by: str = ""
) -> str:
    """The same card for an evaluation or a dry run: figures without a version. `predictor`: a dry run's, fitted."""
    from routing_etl.evaluation.card import model_card as write_card
    from routing_etl.registry.manifest import runtime_versions

    metadata = {
        **_origin(ctx, requested_by),
        "training_date": datetime.now(UTC).isoformat(timespec="seconds"),
        "runtime_versions": runtime_versions(),
        **(_learning(predictor) if predictor is not None else {}),
    }
    return write_card(
        _measured(report), metadata, dict(predictor.importance_) if predictor is not None else None
    )


# --- rows and summaries ----------------------------------------------------------------------------------------------


def _metrics_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return frames.METRICS.conform(pl.DataFrame(rows, schema=frames.METRICS.schema))


def _time_profile_summary(times: frames.TimeEvidence) -> dict[str, Any]:
    """The plant's OPT / STD / SAFE per measure as weighted means over jobs, weights: samples."""
    summary: dict[str, Any] = {
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "profiles": {},
    }
    for measure in ("setup", "run"):
        known = times.by_job.filter(pl.col(f"{measure}_n") > 0)
        weight = pl.col(f"{measure}_n") / pl.col(f"{measure}_n").sum()
        summary["profiles"][measure] = known.select(
            pl.col(f"{measure}_n").sum().alias("samples"),
            pl.col(f"{measure}_n_removed").sum().alias("removed"),
            *((pl.col(f"{measure}_{s}") * weight).sum().alias(s.upper()) for s in ("optimal", "standard", "safe")),
        ).to_dicts()[0] if known.height else {"samples": 0, "reason": "no work result gave this time"}  # fmt: skip
    return summary


def promote_if_not_worse(
    ctx: Context, version: str, metrics: pl.DataFrame, held_out: pl.DataFrame | None = None
) -> tuple[bool, str]:
    """First version: promote. Later: unless it is surely worse than the champion in one of `_JUDGED`, or unmeasured there.

    Surely worse: the 95 % interval of the paired difference on the items that both were judged on lies on the wrong side
    of 0; where they have too few in common (`paired.LEAST_PAIRS`) or were held out by another kind of split, the
    intervals of both on their own held-out items do not touch. Something unmeasured that the champion had measured is a
    source gone blind, which must not replace what saw.

    Parameters
    ----------
    metrics: the version's METRICS rows. held_out: its held-out items (`paired.HELD_OUT`); None compares intervals alone.
    """
    own = headline(metrics)
    if own is None or not ctx.registry.show(version).info.measured:
        return False, "its metrics could not be measured, so it cannot be the champion"
    champion = ctx.registry.alias("champion")
    if champion is None:
        reason = f"first version: exact match {own['value']:.3f} on {own['n']} held-out items"
    else:
        before = _metrics_frame(ctx.registry.show(champion).metrics["metrics"])
        pairs = {n: (headline(metrics, n), headline(before, n)) for n in _JUDGED}
        lost = [_JUDGED[n] for n, (mine, old) in pairs.items() if old is not None and mine is None]
        if lost:
            return False, (
                f"{', '.join(lost)}: measured for champion {champion} and not any more; check the source, or promote by hand "
                "if that is meant"
            )
        former = headline(before)
        alike = former is not None and former["split"] == own["split"]
        paired = _paired(ctx.registry, champion, held_out) if alike else {}
        worse = [
            text
            for n, (mine, old) in pairs.items()
            if mine is not None and old is not None and (text := _surely_worse(n, mine, old, paired.get(n)))
        ]
        if worse:
            return False, f"surely worse than champion {champion}: {'; '.join(worse)}"
        shown = "not measured" if former is None else f"{former['value']:.3f}"
        reason = (
            f"exact match {own['value']:.3f} on {own['n']} held-out items, champion {champion} had {shown}"
        )
        if "exact_at_1" in paired:
            reason += f"; on the same items {_difference(paired['exact_at_1'])}"
    promote(ctx.settings, version, why=reason)
    return True, reason


def _paired(registry: ModelRegistry, champion: str, held_out: pl.DataFrame | None) -> dict[str, Estimate]:
    """Differences to the champion on the items that both were judged on, where there are enough; they have intervals."""
    from routing_etl.evaluation.paired import from_json, paired_differences

    if held_out is None or HELD_OUT not in {a.name for a in registry.show(champion).artifacts}:
        return {}
    theirs = from_json(registry.read_json(champion, HELD_OUT))
    return {n: e for n, e in paired_differences(held_out, theirs).items() if e.low is not None}


def _surely_worse(
    metric: str, own: Mapping[str, Any], theirs: Mapping[str, Any], paired: Estimate | None
) -> str:
    """In words how much worse; empty when that is not sure."""
    up = GLOSSARY[metric].better == "up"
    if paired is not None and paired.low is not None and paired.high is not None:
        sure = paired.high < 0 if up else paired.low > 0
        return f"{_JUDGED[metric]} on the same items {_difference(paired)}" if sure else ""
    if None in (own["low"], own["high"], theirs["low"], theirs["high"]):
        return ""
    apart = own["high"] < theirs["low"] if up else own["low"] > theirs["high"]
    return f"{_JUDGED[metric]} {_interval(own)} against {_interval(theirs)}" if apart else ""


def _difference(paired: Estimate) -> str:
    return f"{paired.value:+.3f} ({paired.low:+.3f} to {paired.high:+.3f}, {paired.n} items)"


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def headline(metrics: pl.DataFrame, metric: str = "exact_at_1") -> dict[str, Any] | None:
    """The model's row of a metric over all held-out items; None when it has no value."""
    found = metrics.filter(
        (pl.col("method") == "model") & (pl.col("segment") == "all") & (pl.col("metric") == metric)
        & pl.col("value").is_not_null()
    )  # fmt: skip
    return found.to_dicts()[0] if found.height else None


def promote(settings: Settings, version: str, *, why: str) -> None:
    """Make a version the champion, in the registry and in the database, with who and why on record.

    Raises
    ------
    RegistryError: the version does not exist or was never measured.
    """
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.warehouse.records import Records

    store = ModelRegistry(settings.models_dir)
    if headline(_metrics_frame(store.show(version).metrics.get("metrics", []))) is None:
        raise RegistryError(
            f"Model version {version} has no measured metrics.",
            remedy="Train again with enough routed items, then promote that version.",
        )
    ctx = Context(settings, RunFolder("promote", settings.home))
    with ctx.warehouse() as engine:
        Records(engine, settings).activate(version, who=settings.service_user)
        store.set_alias("champion", version, who=settings.service_user, why=why)


def load_model(ctx: Context, version: str | None = None) -> tuple[str, RoutingPredictor]:
    """A verified model for the run's items: the named version or the champion.

    Its manifest's hash must stand in the database, and its attributes be those of the run.

    Raises
    ------
    RegistryError: no such version, or no champion (error code 1002 of the earlier system).
    TamperedArtifactError, IncompatibleModelError: never a fallback.
    """
    from routing_etl.warehouse.records import Records

    name = version or ctx.registry.alias("champion")
    if name is None:
        raise RegistryError(
            f"There is no champion model in {ctx.settings.models_dir}.", remedy="Train one: routing-etl train"
        )
    ctx.registry.show(name)
    with ctx.warehouse() as engine:
        expected = Records(engine, ctx.settings).manifest_sha256(name)
    if expected is None:
        raise RegistryError(
            f"Model version {name} is not in the table model_version of {safe_url(ctx.settings.warehouse)}.",
            remedy="Use the warehouse it was trained with, or train again: routing-etl train",
        )
    attributes = frames.read_attributes(ctx.run.clean / "items.attributes.json")
    return name, ctx.registry.load(name, expected_manifest_sha256=expected, expected_attributes=attributes)
