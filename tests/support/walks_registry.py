"""Stories of remedies about the registry of model versions: files that changed, aliases, two processes at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from walks_met import Act, Place, Walks
from walks_records import _contents

from routing_etl.registry.manifest import read_manifest
from routing_etl.registry.store import ModelRegistry

walk = Walks()
ALIASES = "aliases.json"


def _registry(place: Place, *versions: str) -> ModelRegistry:
    """A registry with these versions; the first is the champion."""
    registry = ModelRegistry(place.folder / "models", lock_timeout=0.2)
    for name in versions:
        registry.save(_contents(accuracy=0.9), name=name)
    if versions:
        registry.set_alias("champion", versions[0], "kim", "first")
    return registry


def _kept(path: Path, backup: Path) -> Path:
    """A backup of a file or folder."""
    shutil.copytree(path, backup) if path.is_dir() else shutil.copy(path, backup)
    return backup


def _restored(backup: Path, path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    shutil.copytree(backup, path) if backup.is_dir() else shutil.copy(backup, path)


def _promote(registry: ModelRegistry, name: str, **given: Any) -> Act:
    return lambda: registry.set_alias("champion", name, "kim", "better", **given)


@walk("The alias file … is broken: ….", "from the backup", where="registry/aliases.py")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1")
    file = registry.root / ALIASES
    backup = _kept(file, place.folder / "backup")
    file.write_text("{ spoilt", encoding="utf-8")
    yield lambda: registry.resolve("champion")
    _restored(backup, file)


@walk("The alias file … is broken: ….", "from the backup", where="registry/aliases.py")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1")
    file = registry.root / ALIASES
    backup = _kept(file, place.folder / "backup")
    file.unlink()
    file.mkdir()
    yield lambda: registry.resolve("champion")
    _restored(backup, file)


@walk("… was changed by somebody else while the new version was saved", "then train again")
def _(place: Place) -> Iterator[Act]:
    registry, read = _registry(place), Path.read_bytes
    with place.patch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: read(path) + b"more")
        yield lambda: registry.save(_contents(accuracy=0.9), name="v1")
    yield lambda: registry.save(_contents(accuracy=0.9), name="v1")


@walk("The new version was not saved: it holds …", "The champion stays.")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1")
    contents = _contents(accuracy=0.9)
    contents.predictor.helper = shutil.rmtree
    yield lambda: registry.save(contents, name="v2")

    def stays() -> None:
        assert registry.resolve("champion") == "v1" and [v.name for v in registry.list()] == ["v1"]
        registry.load("v1", expected_manifest_sha256=registry.verify("v1").manifest_sha256)

    yield stays


@walk("There is no manifest ….", "see: routing-etl models list")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1", "v2")
    folder = registry.root / "v1"
    (folder / "manifest.json").unlink()
    yield lambda: read_manifest(folder)
    names = [v.name for v in registry.list() if not v.problem]
    assert names == ["v2"], names
    yield lambda: read_manifest(registry.root / names[0])


def _load(registry: ModelRegistry, sha256: str) -> Act:
    return lambda: registry.load("v1", expected_manifest_sha256=sha256)


@walk("Model version …: …: …. It is not loaded.", "…")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1")
    folder, sha256 = registry.root / "v1", registry.verify("v1").manifest_sha256
    backup = _kept(folder, place.folder / "backup")
    file = folder / "similarity_engine.joblib"
    file.write_bytes(file.read_bytes()[:-9])
    yield _load(registry, sha256)
    _restored(backup, folder)


@walk("Model version …: …: ….", "…", where="registry/store.py")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1", "v2")
    backup = _kept(registry.root / "v2", place.folder / "backup")
    (registry.root / "v2" / "metrics.json").unlink()
    yield _promote(registry, "v2")
    _restored(backup, registry.root / "v2")


@walk("No model version is … (versions: …).", "or promote one: routing-etl models promote NAME --why REASON")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place)
    registry.save(_contents(accuracy=0.9), name="v1")
    yield lambda: registry.resolve("champion")
    _promote(registry, "v1")()


@walk("Another process changed the aliases while this one decided", "Compare again")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1", "v2", "v3")
    decided_at = registry.alias_serial()
    _promote(registry, "v2")()
    yield _promote(registry, "v3", decided_at=decided_at)
    yield _promote(registry, "v3", decided_at=registry.alias_serial())


@walk("The model registry … is in use by another process", "Wait until the other training or promotion ends")
def _(place: Place) -> Iterator[Act]:
    registry = _registry(place, "v1", "v2")
    with FileLock(registry.root / ".lock"):
        yield _promote(registry, "v2")
    yield _promote(registry, "v2")


CASES = walk.cases
