"""Step reports and frames as Dagster metadata: numbers as numbers (so that the UI plots them), the rest as tables.

What does not belong here: computing anything that a report does not say already.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from dagster_defs.assets import keys
from routing_etl import plots
from routing_etl.frames import CANDIDATES, Frame
from routing_etl.pipeline.champion import CARD, model_card
from routing_etl.registry.artifacts import SCORES
from routing_etl.registry.store import ModelRegistry
from routing_etl.settings import Settings

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
            metadata[name] = table(rows) if rows else dg.MetadataValue.text(", ".join(map(str, value)))
        elif isinstance(value, Path):
            metadata[name] = dg.MetadataValue.path(str(value))
        elif isinstance(value, float) and not math.isfinite(value):
            metadata[name] = str(value)
        else:
            metadata[name] = value
    return metadata


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
        return value if math.isfinite(value) else str(value)
    text = str(value)
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


def by_rule(of_frames: Mapping[str, Mapping[str, Any]], what: str) -> dict[str, int]:
    """Counts of one kind, e.g. rejects, by `frame.rule`."""
    return {
        f"{name}.{rule}": n for name, frame in of_frames.items() for rule, n in frame.get(what, {}).items()
    }


def metric_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Metrics as plain numbers by name, to be plotted over time, and as a table with the reasons of those not measured."""
    numbers = {row["metric"]: row["value"] for row in rows if row["value"] is not None}
    return {
        **plain(numbers),
        **plain({"metrics": [{k: v for k, v in r.items() if v is not None} for r in rows]}),
    }


def metrics_of(materialization: dg.AssetMaterialization) -> list[dict[str, Any]]:
    """The rows that `metric_rows` has put into a materialization."""
    shown = materialization.metadata.get("metrics")
    return [dict(r.data) for r in shown.records] if isinstance(shown, dg.TableMetadataValue) else []


def pictures(**pngs: bytes | None) -> dict[str, Any]:
    """Plots as inline images; those that had nothing to draw are left out."""
    return {
        name: dg.MetadataValue.md(
            f"![{name.replace('_', ' ')}](data:image/png;base64,{base64.b64encode(png).decode()})"
        )
        for name, png in pngs.items()
        if png is not None
    }


#: Parts of a report that are shown as a table, a picture or the model card instead.
_SHOWN_OTHERWISE = (
    "metrics", "legacy", "calibration", "coverage", "time_sample", "dataset_stats", "evaluation", "data", "model_card",
)  # fmt: skip


def training(report: Mapping[str, Any]) -> dict[str, Any]:
    """A training's or an evaluation's report: headline metrics as numbers, all methods as a table, card and plots."""
    from routing_etl.evaluation.report import EvaluationTables

    overall = [row for row in report["metrics"] if row["segment"] == "all"]
    headline = {r["metric"]: r["value"] for r in overall if r["method"] == "model" and r["value"] is not None}
    rest = {k: v for k, v in report.items() if k not in _SHOWN_OTHERWISE}
    card = report.get("model_card")
    return {
        **plain(headline),
        **plain(report["legacy"]),
        **plain(rest),
        **plain({"all_methods": _methods(overall)}),
        **({"model_card": dg.MetadataValue.md(card)} if card else {}),
        **pictures(**plots.of_evaluation(EvaluationTables.from_json(report))),
    }


def _methods(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per metric, one column per method."""
    by_metric: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_metric.setdefault(row["metric"], {"metric": row["metric"]})[row["method"]] = row["value"]
    return list(by_metric.values())


def champion(registry: ModelRegistry, instance: dg.DagsterInstance) -> dict[str, Any]:
    """The champion's name, age, scores, promotion and trend; empty when there is none."""
    from routing_etl.evaluation.metric_table import metrics_frame

    name = registry.alias("champion")
    if name is None:
        return {}
    details = registry.show(name)
    change = next(
        c for c in reversed(registry.alias_history()) if c.alias == "champion" and c.to_version == name
    )
    versions = [v.name for v in reversed(registry.list()) if v.measured]
    trend = [(v, metrics_frame(registry.show(v).metrics.get("metrics", []))) for v in versions]
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


def cost(report: Mapping[str, Any]) -> dict[str, Any]:
    """What every step report has: seconds and peak memory."""
    return plain({"seconds": report.get("seconds"), "peak_memory_mb": report.get("peak_memory_mb")})
