"""The files of a model version: which there are, what their JSON says, how they are written.

The set of files and their field names are those of the replaced system (docs/legacy-system.md 2.1 and
2.5), so that people and tools that read its folders can read these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from routing_etl.errors import RegistryError
from routing_etl.frames import AttributeSpec
from routing_etl.registry.files import HashingStream, finite, json_bytes, synced
from routing_etl.registry.manifest import (
    HASH_ALGORITHM,
    SCHEMA_VERSION,
    feature_schema,
    runtime_versions,
)
from routing_etl.registry.names import check_name

#: The fitted predictor. The replaced system stored its search index under this name.
ENGINE = "similarity_engine"
#: JSON artifacts that the caller hands over; the others are written from metrics, metadata and time profiles.
JSON_ARTIFACTS = (
    "active_features", "feature_columns", "feature_importance", "feature_statistics", "feature_recommendations",
    "feature_weights",
)  # fmt: skip
#: The four scores of the replaced system. A version without any of them is unmeasured and cannot become champion.
SCORES = ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")
#: Fields that `metrics.json` always has besides generated_at and model_version; NULL with a reason if not measured.
METRIC_FIELDS = ("training_samples", "dataset_stats", "training_duration_sec", *SCORES)

#: Not compressed: on a full plant's model (float32 features, 215 MB) zlib level 1 saves 14 % of the size and costs
#: nine times the time to save and three times the time to load.
_COMPRESS = 0


def check_complete(json_files: Mapping[str, Any]) -> None:
    """Refuse a set of artifacts that is incomplete or names a file that the registry writes itself.

    Raises
    ------
    RegistryError
        An artifact is missing, or has the name of one of the registry's own.
    """
    missing = [f"{n}.json" for n in JSON_ARTIFACTS if n not in json_files]
    if missing:
        raise RegistryError(
            f"A model version needs the artifact(s) {', '.join(missing)}.",
            remedy="Hand over everything that the predictor's feature_artifacts() returns.",
        )
    own = {"manifest", "metrics", "training_metadata", "time_profiles", ENGINE}
    clash = sorted(own & set(json_files))
    if clash:
        raise RegistryError(
            f"The artifact(s) {', '.join(clash)} are written by the registry itself.",
            remedy="Give them another name.",
        )
    for name in json_files:
        check_name(name)


def metrics_file(metrics: Mapping[str, Any], name: str, generated_at: str) -> dict[str, Any]:
    """Content of `metrics.json`: `METRIC_FIELDS` first, then everything else that was measured.

    A field that is missing is NULL, and so is a value that is not a finite number; `reasons` says why, in the caller's
    words if it gave any. `measured` tells whether at least one of `SCORES` has a value.
    """
    given = finite({k: v for k, v in metrics.items() if k != "reasons"})
    reasons = dict(metrics.get("reasons") or {})
    content: dict[str, Any] = {"generated_at": generated_at, "model_version": name}
    for field in METRIC_FIELDS:
        content[field] = given.get(field)
        if content[field] is None:
            reasons.setdefault(
                field, "not a finite number" if metrics.get(field) is not None else "not measured"
            )
    for field, value in given.items():
        if value is None and metrics[field] is not None:
            reasons.setdefault(field, "not a finite number")
    content.update({k: v for k, v in given.items() if k not in content})
    return {**content, "measured": any(content[s] is not None for s in SCORES), "reasons": reasons}


def request_file(metadata: Mapping[str, Any], requested_name: str | None) -> dict[str, Any]:
    """Content of `training_request.json`: the request as it was made; the name is NULL if none was asked for."""
    job = metadata.get("job") or {}
    return {
        "version_name": requested_name,
        "requested_by": job.get("requested_by", metadata.get("requested_by")),
        "source": metadata.get("source"),
        **(metadata.get("request") or {}),
    }


def training_file(metrics: Mapping[str, Any], metadata: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Content of `training_metrics.json`: what the run was and how long it took. A dry run saves no version."""
    return {
        "samples": metrics["training_samples"],
        "dataset_path": metadata.get("source"),
        "version_name": metrics["model_version"],
        "dry_run": False,
        "dataset_stats": metrics["dataset_stats"],
        "duration_sec": metrics["training_duration_sec"],
        "saved_dir": str(folder),
    }


def manifest_file(
    metrics: Mapping[str, Any],
    artifacts: Mapping[str, Mapping[str, Any]],
    metadata: Mapping[str, Any],
    attributes: Iterable[AttributeSpec],
) -> dict[str, Any]:
    """Content of `manifest.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "generated_at": metrics["generated_at"],
        "hash_algorithm": HASH_ALGORITHM,
        "artifacts": artifacts,
        "metadata": {
            "version": metrics["model_version"],
            "source": metadata.get("source"),
            "job": metadata.get("job") or {},
            "measured": metrics["measured"],
            "metrics": {score: metrics[score] for score in SCORES},
            "files": sorted(str(a["path"]) for a in artifacts.values()),
        },
        "runtime_versions": runtime_versions(),
        "feature_schema": feature_schema(attributes),
    }


def write_joblib(folder: Path, objects: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Write `<name>.joblib` for each object. Returns the manifest's entries by name.

    Raises
    ------
    RegistryError
        An object could not be loaded again: it holds something that the allow-list does not name, or its file was
        changed while it was saved.
    """
    import joblib

    entries = {}
    for name, value in objects.items():
        path = folder / f"{name}.joblib"
        with synced(path) as stream:
            hashing = HashingStream(stream)
            joblib.dump(value, hashing, compress=_COMPRESS)
        lacks = _check_loadable(path, hashing.sha256)
        entries[name] = {
            **_entry(path, hashing.sha256, hashing.bytes),
            **({"lacks": list(lacks)} if lacks else {}),
        }
    return entries


def _check_loadable(path: Path, sha256: str) -> tuple[str, ...]:
    """Load a file that was just written, so that a version that cannot be loaded is refused now and not in the night.

    Returns the attributes that its objects lack by nature, so that a later load can tell them from those that came since.
    """
    from routing_etl.registry.unpickle import RefusedName, lacking

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RegistryError(
            f"{path.name} was changed by somebody else while the new version was saved; it was not saved.",
            remedy="Find out who writes to the model folder (routing-etl doctor shows its rights), then train again.",
        )
    try:
        return lacking(content)
    except RefusedName as exc:
        raise RegistryError(
            f"The new version was not saved: it holds {exc}, which may not be loaded again.",
            remedy="Report it with the versions of Python and scikit-learn: routing_etl/registry/unpickle.py lists what a "
            "model may hold. The champion stays.",
        ) from exc


def write_json_files(folder: Path, contents: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Write `<name>.json` for each value. Returns the manifest's entries."""
    entries = {}
    for name, value in contents.items():
        path = folder / f"{name}.json"
        text = json_bytes(value)
        with synced(path) as stream:
            stream.write(text)
        entries[name] = _entry(path, hashlib.sha256(text).hexdigest(), len(text))
    return entries


def write_documents(folder: Path, documents: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Write `<name>.md` for each Markdown text. Returns the manifest's entries by name."""
    entries = {}
    for name, text in documents.items():
        path = folder / f"{name}.md"
        content = text.encode("utf-8")
        with synced(path) as stream:
            stream.write(content)
        entries[name] = _entry(path, hashlib.sha256(content).hexdigest(), len(content))
    return entries


def _entry(path: Path, sha256: str, size: int) -> dict[str, Any]:
    """Hash and size are those of the bytes in memory: the file under that name may already be another."""
    return {
        "path": path.name,
        "sha256": sha256,
        "bytes": size,
        "schema_version": SCHEMA_VERSION,
    }
