"""What a version is made of, and what the registry says about versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from routing_etl.frames import AttributeSpec
from routing_etl.registry.manifest import Artifact


@dataclass(frozen=True)
class VersionContents:
    """Everything that `ModelRegistry.save` stores as a new version.

    Parameters
    ----------
    predictor : Any
        The fitted predictor; anything picklable.
    metrics : Mapping[str, Any]
        Values of `metrics.json`. A field of `METRIC_FIELDS` that is missing or not finite becomes NULL with a reason
        (`reasons` may give the caller's own).
    metadata : Mapping[str, Any]
        Values of `training_metadata.json`. `source` and `job` also go into the manifest, `request` into
        `training_request.json`.
    time_profiles : Mapping[str, Any]
        Content of `time_profiles.json`.
    json_artifacts : Mapping[str, Any]
        At least `JSON_ARTIFACTS`.
    attributes : Iterable[AttributeSpec], optional
        Item attributes of the feature schema. None: the predictor's own `attributes`.
    documents : Callable[[Mapping[str, Any]], Mapping[str, str]], optional
        Takes the contents of the version's JSON files as they are written and returns Markdown texts for
        people, by file name without suffix. They are listed in the manifest like every other file.
    """

    predictor: Any
    metrics: Mapping[str, Any]
    metadata: Mapping[str, Any]
    time_profiles: Mapping[str, Any]
    json_artifacts: Mapping[str, Any]
    attributes: Iterable[AttributeSpec] | None = None
    documents: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None


@dataclass(frozen=True)
class SavedVersion:
    """A version that was saved. The caller stores `manifest_sha256` in the database and hands it back to `load`."""

    name: str
    path: Path
    manifest_sha256: str


@dataclass(frozen=True)
class VersionInfo:
    """One version in a list.

    `status` is active (champion), pending or retired (was champion); `problem` says why it is unreadable.
    """

    name: str
    path: Path
    created_at: str
    status: str
    aliases: tuple[str, ...]
    measured: bool
    bytes: int
    manifest_sha256: str | None
    problem: str | None = None


@dataclass(frozen=True)
class VersionDetails:
    """One version in full."""

    info: VersionInfo
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    runtime_versions: dict[str, str]
    attributes: tuple[str, ...]
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class ArtifactCheck:
    """One file of a version; `problem` is None if the file is as the manifest says."""

    name: str
    path: str
    bytes: int
    problem: str | None


@dataclass(frozen=True)
class VerifyReport:
    """Result of `verify`: every artifact, the manifest, the runtime, and files that are not listed."""

    name: str
    manifest_sha256: str
    checks: tuple[ArtifactCheck, ...]
    unlisted: tuple[str, ...]
    incompatible: str | None

    @property
    def ok(self) -> bool:
        """Whether every listed file is intact and this process may load the version."""
        return self.incompatible is None and all(c.problem is None for c in self.checks)
