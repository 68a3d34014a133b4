"""What people do around the night: the demo, one prediction, migrations, promotion, rollback, verification."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from routing_etl import frames
from routing_etl.database.engine import make_engine, translated
from routing_etl.erp.clean_items import in_order
from routing_etl.erp.parse import parse_numbers
from routing_etl.erp.profile import Profile
from routing_etl.erp.text import Counter
from routing_etl.errors import ConfigurationError, ItemNotFoundError, RegistryError
from routing_etl.pipeline.champion import load_model, read_learning_data
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import ensure_warehouse, night
from routing_etl.pipeline.training import SIDE_BY_SIDE_FROM
from routing_etl.pipeline.worker import prepare
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder, find_run, list_runs, prune_runs
from routing_etl.settings import Settings
from routing_etl.times.lot_size import operations_at_lot


def demo_urls(home: Path) -> dict[str, str]:
    """The demo's two SQLite databases: it never touches the configured ones."""
    return {
        "erp_url": f"sqlite:///{(home / 'erp.db').as_posix()}",
        "warehouse_url": f"sqlite:///{(home / 'warehouse.db').as_posix()}",
        "profile": "bi_views",
    }


@dataclass(frozen=True)
class DemoResult:
    """What the demo made: the plant's report and the run folder of its night."""

    plant: Any
    run: RunFolder


def demo(settings: Settings, *, items: int, seed: int, progress: Progress = SILENT) -> DemoResult:
    """Write a demo plant and run the whole night on it, training a new model.

    Raises
    ------
    ConfigurationError: the size is out of bounds, or the database holds tables that are no demo plant's.
    """
    if 2 * SIDE_BY_SIDE_FROM <= items <= settings.side_by_side_items:
        # About half of the items will have a routing: the training will evaluate beside the fit.
        prepare("routing_etl.model.predictor", "routing_etl.evaluation.evaluate")
    report = write_demo_plant(settings, settings.erp, items=items, seed=seed, progress=progress)
    # The heaviest library is imported while the plant is read. Should that fail, the step that needs it
    # fails the same way, with its error.
    threading.Thread(target=importlib.import_module, args=("routing_etl.quality.suites",)).start()
    return DemoResult(report, night(settings, progress=progress, retrain=True, kind="demo"))


def write_demo_plant(
    settings: Settings, url: str, *, items: int, seed: int, progress: Progress = SILENT
) -> Any:
    """Write only the plant, into any database that SQLAlchemy reaches."""
    from routing_etl.plant.demo import write_plant

    with translated("erp", url):
        return write_plant(url, items, seed, settings, progress=progress)


def load_adventureworks(folder: Path, url: str) -> None:
    """Write the sample ERP's CSV files into a database.

    Raises
    ------
    ConfigurationError: the folder lacks a file, or the database holds such tables already.
    """
    from routing_etl.plant.adventureworks import load_csv

    with translated("erp", url):
        load_csv(folder, url)


def migrate(settings: Settings, revision: str = "head") -> str:
    """Bring our tables to a revision, up or down; returns the revision they are at."""
    from routing_etl.warehouse import migrate as migrations
    from routing_etl.warehouse.schema import schema_for

    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        with translated("warehouse", settings.warehouse):
            schema = schema_for(engine, settings.warehouse_schema)
            known = migrations.revisions()
            current = migrations.current_revision(engine, schema)
            down = revision == "base" or (
                revision in known and current in known and known.index(revision) < known.index(current)
            )
            (migrations.downgrade if down else migrations.migrate)(engine, schema, revision)
            return migrations.current_revision(engine, schema) or "base"
    finally:
        engine.dispose()


def migration_sql(settings: Settings, dialect: str, revision: str = "head") -> str:
    """The DDL as text, for review."""
    from routing_etl.warehouse.migrate import migrate_sql

    return migrate_sql(dialect, settings.warehouse_schema, revision)


def render_view(settings: Settings, dialect: str, profile: Path | None = None) -> tuple[str, str]:
    """Name and DDL of the flat view that an output column profile describes."""
    from routing_etl.warehouse import output_profiles

    found = output_profiles.load_output_profile(profile)
    return found.view, output_profiles.render(found, dialect, settings.warehouse_schema)


@dataclass(frozen=True)
class Prediction:
    """One item's prediction with what is behind it."""

    item: dict[str, Any]
    attributes: tuple[frames.AttributeSpec, ...]
    overrides: dict[str, str]
    model_version: str
    predictions: frames.Predictions
    own_routing: pl.DataFrame
    purchase: dict[str, Any] | None
    notes: tuple[str, ...] = ()


def predict_item(
    settings: Settings,
    item_cd: str,
    *,
    overrides: dict[str, str] | None = None,
    version: str | None = None,
    run_id: str | None = None,
    lot: float | None = None,
) -> Prediction:
    """Predict one item of the newest run. An item that has a valid routing is one the model learned from;
    its own routing is returned beside the prediction.

    `overrides`: attribute name (any case, canonical or ERP name) to value, in the attribute's canonical unit. Values
    that the profile does not allow together (`items.not_above`) are treated as in cleaning, and `notes` tell it. `lot`:
    pieces of the order that run times are wanted for; the item's usual lot without it.

    Raises
    ------
    ItemNotFoundError: no such item. ConfigurationError: an override names no attribute or is no number, or `lot` is not
    above 0.
    """
    run = find_run(settings.home, run_id, having="clean")
    ctx = Context(settings, run)
    data = read_learning_data(run)
    item = _find_item(data.items, item_cd)
    changed, notes = _in_order(_override(item, data.attributes, overrides or {}), ctx.profile)
    name, predictor = load_model(ctx, version)
    key = item["item_key"][0]
    found = predictor.predict(changed)
    if lot is not None:
        found = replace(found, operations=operations_at_lot(found.operations, lot))
    own = data.operations.filter((pl.col("item_key") == key) & (pl.col("routing_rank") == 0)).sort("proc_seq")
    return Prediction(
        item=changed.to_dicts()[0],
        attributes=data.attributes,
        overrides=overrides or {},
        model_version=name,
        predictions=found,
        own_routing=own,
        purchase=_purchase_facts(run, key),
        notes=notes,
    )


def example_prediction(settings: Settings, run: RunFolder) -> Prediction:
    """The most confident predicted item of a run that has all of set-up, run time and evidence: a good first look."""
    candidates = pl.scan_parquet(run.predictions / frames.CANDIDATES.name / "*.parquet")
    best = (
        candidates.filter(pl.col("candidate_rank") == 1, pl.col("process_count") >= 3)
        .sort("confidence", "item_key", descending=[True, False])
        .head(1)
        .collect()
    )
    if best.is_empty():
        best = candidates.sort("confidence", descending=True).head(1).collect()
    if best.is_empty():
        raise ItemNotFoundError(
            "No item was predicted.", remedy="See the abstained items in routing_abstained."
        )
    return predict_item(settings, best["item_cd"][0], run_id=run.run_id)


def _find_item(items: pl.DataFrame, item_cd: str) -> pl.DataFrame:
    found = items.filter(pl.col("item_cd") == item_cd)
    if found.is_empty():
        key = pl.select(frames.key_of(pl.lit(item_cd))).item()
        found = items.filter(pl.col("item_key") == key)
    if found.is_empty():
        near = (
            items.filter(pl.col("item_key").str.starts_with(item_cd.strip().upper()[:4]))["item_cd"]
            .head(3)
            .to_list()
        )
        hint = f" Items that begin alike: {', '.join(near)}." if near else ""
        raise ItemNotFoundError(
            f"Item {item_cd!r} is not in the extracted item master.{hint}",
            remedy="Check the code; for a brand-new item run: routing-etl extract",
        )
    return found.head(1)


def _override(
    item: pl.DataFrame, attributes: tuple[frames.AttributeSpec, ...], values: dict[str, str]
) -> pl.DataFrame:
    by_name = {a.name.upper(): a for a in attributes} | {a.source.upper(): a for a in attributes if a.source}
    for name, value in values.items():
        attribute = by_name.get(name.upper())
        if attribute is None:
            raise ConfigurationError(
                f"--set {name}: no such attribute.",
                remedy=f"Use one of {', '.join(a.name for a in attributes)}.",
            )
        typed: str | float | None = value or None
        if attribute.kind == "number" and value:
            number = parse_numbers(pl.Series([value]))[0][0]
            if number is None or not 0 <= number <= frames.MAX_SOURCE:
                raise ConfigurationError(
                    f"--set {name}={value!r} is not a number that an item can have.",
                    remedy=f"Give it in {attribute.unit or 'its unit'}, 0 or more.",
                )
            typed = number
        item = item.with_columns(pl.lit(typed, dtype=item.schema[attribute.name]).alias(attribute.name))
    return item


#: What becomes of two values of which the first is above the second, by `items.on_not_above`.
_NOT_ABOVE = {
    "null_first": "{low} is taken as unknown",
    "null_both": "both are taken as unknown",
    "swap": "the two are exchanged",
    "keep": "both are kept",
}


def _in_order(item: pl.DataFrame, profile: Profile) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The item as cleaning would have it, and in words what was done."""
    # a profile that was changed since the run may name attributes that the run does not have
    pairs = tuple(pair for pair in profile.items.not_above if set(pair) <= set(item.columns))
    section = profile.items.model_copy(update={"not_above": pairs})
    notes = []
    for low, high in pairs:
        inner, outer = item[low][0], item[high][0]
        if inner is not None and outer is not None and inner > outer:
            done = _NOT_ABOVE[section.on_not_above].format(low=low)
            notes.append(
                f"{low} = {inner:g} is above {high} = {outer:g}, which the profile does not allow (items.not_above): {done} "
                f'(items.on_not_above = "{section.on_not_above}"), as in the nightly run.'
            )
    return in_order(item, section, Counter()), tuple(notes)


def _purchase_facts(run: RunFolder, key: str) -> dict[str, Any] | None:
    path = run.clean / f"{frames.PURCHASE_ORDERS.name}.parquet"
    if not path.is_file():
        return None
    facts = (
        pl.scan_parquet(path)
        .filter(pl.col("item_key") == key)
        .select(
            pl.len().alias("orders"),
            pl.col("po_date").max().alias("latest"),
            pl.col("qty").sum().alias("quantity"),
        )
        .collect()
        .row(0, named=True)
    )
    return facts if facts["orders"] else None


def verify_models(settings: Settings, version: str | None = None) -> list[str]:
    """Check versions against their manifests and the database; returns the verified names.

    Raises
    ------
    RegistryError: there is none, or one differs (names the version and each problem).
    """
    from routing_etl.warehouse.records import Records

    ctx = Context(settings, RunFolder("verify", settings.home))
    names = [version] if version else [v.name for v in ctx.registry.list()]
    if not names:
        raise RegistryError(
            f"There is no model in {settings.models_dir}.", remedy="Train one: routing-etl train"
        )
    with ctx.warehouse() as engine:
        for name in names:
            expected = Records(engine, settings).manifest_sha256(name)
            report = ctx.registry.verify(name, expected_manifest_sha256=expected)
            if not report.ok:
                problems = [f"{c.path}: {c.problem}" for c in report.checks if c.problem]
                raise RegistryError(
                    f"Model version {name}: {'; '.join([*problems, report.incompatible or '']).strip('; ')}.",
                    remedy="Restore it from a backup or train a new version: routing-etl train",
                )
    return names


def publications(settings: Settings) -> list[Any]:
    """Publications, newest first."""
    from routing_etl.warehouse.publish import Publisher

    ensure_warehouse(settings)
    with Context(settings, RunFolder("publications", settings.home)).warehouse() as engine:
        return list(Publisher(engine, settings).list())


def rollback(settings: Settings, to: int | None = None) -> int:
    """Move the pointer back to an earlier publication; returns the current id."""
    from routing_etl.warehouse.publish import Publisher

    with Context(settings, RunFolder("rollback", settings.home)).warehouse() as engine:
        return Publisher(engine, settings).rollback(to).publication_id


def adopt(settings: Settings, item_cd: str, candidate_id: str, user: str) -> Any:
    """Mark a published candidate as accepted by `user` and return it in BOP shape (`feedback.Adoption`)."""
    from routing_etl.warehouse import feedback

    with Context(settings, RunFolder("adopt", settings.home)).warehouse() as engine:
        return feedback.adopt(engine, settings.warehouse_schema, item_cd, candidate_id, user)


def purge(
    settings: Settings,
    *,
    publications: int | None = None,
    models: int | None = None,
    runs: int | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Remove what retention no longer keeps: publications' rows, old run records, model versions, run folders.

    Numbers of things kept; None takes the setting. What the current publication, an alias or a rollback needs stays.
    """
    from routing_etl.warehouse.publish import Publisher
    from routing_etl.warehouse.records import Records

    ctx = Context(settings, RunFolder("purge", settings.home), progress)
    kept = settings.keep_models if models is None else models
    with ctx.warehouse() as engine:
        publisher = Publisher(engine, settings)
        purged = publisher.purge(
            settings.keep_publications if publications is None else publications, progress=progress
        )
        in_use = {p.model_version for p in publisher.list() if p.rows_present}
        rows = Records(engine, settings).purge(keep_models=kept)
    return {
        "publications": list(purged),
        "rows": rows,
        "models": list(ctx.registry.prune(kept, protect=in_use)),
        "run_folders": prune_runs(settings.home, settings.keep_runs if runs is None else runs),
    }


def item_changes(settings: Settings) -> Any:
    """Items that the ERP gained or lost since the newest extract (`erp.changes.ItemChanges`), None before the first.

    Raises
    ------
    SourceError, TransientDatabaseError: the ERP cannot be read.
    """
    from routing_etl.erp.changes import item_changes as compare

    extracted = [run for run in list_runs(settings.home) if run.report("extract") is not None]
    if not extracted:
        return None
    return compare(settings.erp, Context(settings, extracted[0]).profile, extracted[0].raw, settings)
