"""What the registry says about versions, as plain records for the command line and Dagster to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from routing_etl.registry.manifest import Artifact


@dataclass(frozen=True)
class SavedVersion:
    """What `save` made. The caller stores `manifest_sha256` in the database and hands it back to `load`."""

    name: str
    path: Path
    manifest_sha256: str


@dataclass(frozen=True)
class VersionInfo:
    """One version for a list. `status`: active (champion), pending, retired (was champion); `problem`: unreadable."""

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
    """One version in full, for people."""

    info: VersionInfo
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    runtime_versions: dict[str, str]
    attributes: tuple[str, ...]
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class ArtifactCheck:
    """One file of a version: None in `problem` means it is as the manifest says."""

    name: str
    path: str
    bytes: int
    problem: str | None


@dataclass(frozen=True)
class VerifyReport:
    """Result of `verify`: every artifact, the manifest itself, the runtime, and files that nobody listed."""

    name: str
    manifest_sha256: str
    checks: tuple[ArtifactCheck, ...]
    unlisted: tuple[str, ...]
    incompatible: str | None

    @property
    def ok(self) -> bool:
        """Every listed file is intact and this process may load the version."""
        return self.incompatible is None and all(c.problem is None for c in self.checks)
