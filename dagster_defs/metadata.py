"""Step results and frames as Dagster metadata: numbers as numbers (so that the UI plots them), the rest as tables.

Nothing is computed here that a result does not say already.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from routing_etl import plots, safe_text
from routing_etl.evaluation.metric_table import ALL, MetricRow
from routing_etl.frames import CANDIDATES, Frame
from routing_etl.pipeline.cards import CARD, model_card
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.results import Evaluated, Trained, metrics_frame, tables_of
from routing_etl.pipeline.versions import metrics_of as metrics_of_version
from routing_etl.registry.artifacts import SCORES
from routing_etl.registry.store import ModelRegistry
from routing_etl.runs import as_json, from_json
from routing_etl.settings import Settings

from .assets import keys

#: What is said where two plants share a history.
NAMED_ALIKE = (
    "The newest event of this asset is of {other}. If that is another plant, its assets have the same names here, and Dagster takes its nights for "
    "those of this one: give each plant a ROUTING_ETL_DAGSTER_PREFIX of its own (docs/runbooks/adding-a-plant.md)."
)
_PLANT = "plant"
_PREVIEW_ROWS = 5
_TABLE_ROWS = 50
_CELL = 120


def column_schema(frame: Frame) -> dg.TableSchema:
    """A frame's contract as the column list of its asset."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                c.name,
                str(c.dtype).lower(),
                f"{c.meaning} [{c.unit}]" if c.unit else c.meaning,
                constraints=dg.TableColumnConstraints(nullable=c.nullable),
            )
            for c in frame.columns
        ]
    )


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as metadata: numbers, texts and flags as they are, dictionaries of counts and lists of rows as tables.

    A value that is None is left out; NaN and infinity are shown as text, because they are no numbers to plot.
    """
    metadata: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or (isinstance(value, (Mapping, list, tuple)) and not value):
            continue
        if isinstance(value, Mapping):
            metadata[name] = counts(value) if _flat(value) else dg.MetadataValue.json(dict(value))
        elif isinstance(value, (list, tuple)):
            rows = [v for v in value if isinstance(v, Mapping)]
            metadata[name] = (
                table(rows) if rows else dg.MetadataValue.text(", ".join(map(safe_text.one_line, value)))
            )
        elif isinstance(value, Path):
            metadata[name] = dg.MetadataValue.path(str(value))
        elif isinstance(value, float):
            metadata[name] = rounded(value) if math.isfinite(value) else str(value)
        elif isinstance(value, str):
            metadata[name] = safe_text.terminal(value)
        else:
            metadata[name] = value
    return metadata


def rounded(value: float) -> float:
    """Four digits that count, and one behind the point from 1,000 on: what a person reads and a plot needs."""
    return float(f"{value:.4g}") if abs(value) < 1000 else round(value, 1)


def of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as metadata, without those that it marks as `shown=False`."""
    content = as_json(value)
    return plain({f.name: content[f.name] for f in fields(value) if f.metadata.get("shown", True)})


def of_plant(settings: Settings) -> dict[str, Any]:
    """Whose an asset is: the plant and its home."""
    plant = f"{settings.company_code}/{settings.plant_code}/{settings.profile}"
    return {_PLANT: dg.MetadataValue.text(f"{safe_text.one_line(plant)} in {settings.home}")}


def of_another_plant(event: dg.EventLogEntry | None, settings: Settings) -> str:
    """Whose an asset of ours is by its newest event, if that is another plant's or home's; else nothing.

    Two plants whose assets have the same names in one Dagster have one history: each would take the other's night for its own.
    """
    made = event.asset_materialization if event is not None else None
    said = made.metadata.get(_PLANT) if made is not None else None
    if said is None or said == of_plant(settings)[_PLANT]:
        return ""
    return NAMED_ALIKE.format(other=said.value)


def finished(step: Finished[Any]) -> dict[str, Any]:
    """A step's result as metadata, with its name, its shard and what it cost."""
    return of(step.result) | plain({"step": step.step, "shard": step.shard}) | cost(step)


def cost(step: Finished[Any]) -> dict[str, Any]:
    """What a step took: seconds, peak memory, and when it ended."""
    return of(step.cost)


def _flat(value: Mapping[str, Any]) -> bool:
    return all(v is None or isinstance(v, (int, float, str, bool)) for v in value.values())


def counts(values: Mapping[str, Any]) -> dg.TableMetadataValue:
    """Name and value, one row each, largest number first."""
    rows = [{"name": k, "value": v} for k, v in values.items() if v is not None]
    numeric = all(isinstance(r["value"], (int, float)) for r in rows)
    return table(sorted(rows, key=lambda r: -r["value"]) if numeric else rows)


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as a table of at most 50 lines."""
    names = list(dict.fromkeys(n for row in rows for n in row))
    records = [dg.TableRecord({n: _cell(row.get(n)) for n in names}) for row in rows[:_TABLE_ROWS]]
    kinds = {n: _kind(row.get(n) for row in rows) for n in names}
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema([dg.TableColumn(n, kinds[n]) for n in names])
    )


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return rounded(value) if math.isfinite(value) else str(value)
    text = safe_text.one_line(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 3]}..."


def _kind(values: Iterable[Any]) -> str:
    present = {type(v) for v in values if v is not None}
    if present <= {int, bool} and present:
        return "int"
    return "float" if present and present <= {int, float} else "string"


def frame_files(path: Path) -> dict[str, Any]:
    """Row count, size and first rows of a Parquet file, or of a folder of part files."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        return {"dagster/row_count": 0}
    scan = pl.scan_parquet(files)
    return {
        "dagster/row_count": int(scan.select(pl.len()).collect().item()),
        "size_mb": round(sum(f.stat().st_size for f in files) / 1e6, 3),
        "path": dg.MetadataValue.path(str(path)),
        "preview": table(scan.head(_PREVIEW_ROWS).collect().to_dicts()),
    }


def similarity(predictions: Path, settings: Settings) -> dict[str, Any]:
    """The plot of the first candidates' similarity."""
    scan = pl.scan_parquet(predictions / CANDIDATES.name / "*.parquet")
    drawn = plots.similarity_distribution(plots.first_candidates(scan), settings.similarity_threshold)
    return pictures(similarity_distribution=drawn)


def by_rule(rejects: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counts by `frame.rule`, from counts by frame and rule."""
    return {f"{name}.{rule}": n for name, rules in rejects.items() for rule, n in rules.items()}


def metric_rows(rows: Sequence[MetricRow]) -> dict[str, Any]:
    """Metrics as plain numbers by name, to be plotted over time, and as a table with the reasons of those not measured."""
    numbers = {row.metric: row.value for row in rows if row.value is not None and row.segment == ALL}
    shown = [{k: v for k, v in as_json(row).items() if v is not None} for row in rows]
    return {**plain(numbers), **plain({"metrics": shown})}


def metrics_of(materialization: dg.AssetMaterialization) -> list[MetricRow]:
    """The rows that `metric_rows` has put into a materialization; what was NULL is not in its table."""
    shown = materialization.metadata.get("metrics")
    if not isinstance(shown, dg.TableMetadataValue):
        return []
    names = [f.name for f in fields(MetricRow)]
    return [from_json(MetricRow, {name: r.data.get(name) for name in names}) for r in shown.records]


def pictures(**pngs: bytes | None) -> dict[str, Any]:
    """Plots as inline images; those that had nothing to draw are left out."""
    return {
        name: dg.MetadataValue.md(
            f"![{name.replace('_', ' ')}](data:image/png;base64,{base64.b64encode(png).decode()})"
        )
        for name, png in pngs.items()
        if png is not None
    }


def training(step: Finished[Evaluated] | Finished[Trained]) -> dict[str, Any]:
    """A training or an evaluation: headline metrics as numbers, all methods as a table, card and plots."""
    found = step.result
    overall = [row for row in found.metrics if row.segment == "all"]
    return {
        **plain({r.metric: r.value for r in overall if r.of_model and r.value is not None}),
        **(of(found.legacy) if found.legacy is not None else {}),
        **finished(step),
        **plain({"all_methods": _methods(overall)}),
        **({CARD: dg.MetadataValue.md(found.model_card)} if found.model_card else {}),
        **pictures(**plots.of_evaluation(tables_of(found))),
    }


def _methods(rows: Sequence[MetricRow]) -> list[dict[str, Any]]:
    """One row per metric, one column per method."""
    by_metric: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_metric.setdefault(row.metric, {"metric": row.metric})[row.method] = row.value
    return list(by_metric.values())


def champion(registry: ModelRegistry, instance: dg.DagsterInstance) -> dict[str, Any]:
    """The champion's name, age, scores, promotion and trend; empty when there is none."""
    name = registry.alias("champion")
    if name is None:
        return {}
    details = registry.show(name)
    change = next(
        c for c in reversed(registry.alias_history()) if c.alias == "champion" and c.to_version == name
    )
    versions = [v.name for v in reversed(registry.list()) if v.measured]
    trend = [(v, metrics_frame(metrics_of_version(registry.show(v)))) for v in versions]
    return {
        **plain(
            {
                "version": name,
                "created_at": details.info.created_at,
                "champion_since": change.at,
                "promoted_by": change.who,
                "why": change.why,
                "size_mb": round(details.info.bytes / 1e6, 3),
                **{score: details.metrics[score] for score in SCORES},
            }
        ),
        **links_to_model(instance, name),
        **pictures(metric_trend=plots.metric_trend(trend)),
        **(card_of(registry, name) if any(a.name == CARD for a in details.artifacts) else {}),
    }


def card_of(registry: ModelRegistry, version: str) -> dict[str, Any]:
    """The model card with its promotions, as Markdown."""
    return {CARD: dg.MetadataValue.md(model_card(registry, version))}


def links_to_model(instance: dg.DagsterInstance, version: str) -> dict[str, Any]:
    """Links from a publication or the champion to its model: the asset, and the Dagster run that trained the version."""
    links: dict[str, Any] = {"model": dg.MetadataValue.asset(keys.ROUTING_MODEL)}
    for record in instance.fetch_materializations(keys.ROUTING_MODEL, limit=50).records:
        made = record.asset_materialization
        if made is not None and made.metadata.get("version") == dg.MetadataValue.text(version):
            links["trained_in"] = dg.MetadataValue.dagster_run(record.run_id)
            break
    return links
