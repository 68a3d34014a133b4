"""The manifest cache: when it reads, when it forgets, and that threads cannot see an old manifest after a clear."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from routing_etl.errors import RegistryError, TamperedArtifactError
from routing_etl.registry import manifest as manifest_module
from routing_etl.registry.manifest import Manifest, ManifestLoader
from routing_etl.registry.store import ModelRegistry, SavedVersion

Save = Callable[..., SavedVersion]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders whose manifest was read from the disk."""
    names: list[str] = []
    real = manifest_module.read_manifest

    def counted(folder: Path) -> Manifest:
        names.append(folder.name)
        return real(folder)

    monkeypatch.setattr(manifest_module, "read_manifest", counted)
    return names


def test_a_manifest_is_read_once_per_folder(save: Save, registry: ModelRegistry, reads: list[str]) -> None:
    saved = save("v1")
    loader = ManifestLoader(registry.root)
    first = loader.load("v1")
    assert loader.load(saved.path) is first
    assert loader.load("../models/v1") is first
    assert reads == ["v1"]
    assert len(loader) == 1


def test_a_changed_manifest_is_read_again(save: Save, registry: ModelRegistry, reads: list[str]) -> None:
    path = save("v1").path / "manifest.json"
    loader = ManifestLoader(registry.root)
    before = loader.load("v1")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["metadata"]["source"] = "elsewhere"
    path.write_text(json.dumps(content), encoding="utf-8")
    after = loader.load("v1")
    assert after.sha256 != before.sha256
    assert after.metadata["source"] == "elsewhere"
    assert reads == ["v1", "v1"]


def test_a_manifest_replaced_under_the_same_time_and_size_is_read_again(
    save: Save, registry: ModelRegistry
) -> None:
    path = save("v1").path / "manifest.json"
    loader = ManifestLoader(registry.root)
    loader.load("v1")
    stat = path.stat()
    text = path.read_text(encoding="utf-8").replace("kim", "lee")
    other = path.with_suffix(".new")
    other.write_text(text, encoding="utf-8")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)
    assert path.stat().st_size == stat.st_size
    assert loader.load("v1").metadata["job"]["requested_by"] == "lee"


def test_invalidate_forgets_one_folder_or_all(save: Save, registry: ModelRegistry, reads: list[str]) -> None:
    save("v1")
    save("v2")
    loader = ManifestLoader(registry.root)
    loader.load("v1")
    loader.load("v2")
    loader.invalidate("v1")
    loader.load("v2")
    loader.load("v1")
    assert reads == ["v1", "v2", "v1"]
    loader.invalidate()
    assert len(loader) == 0
    loader.load("v2")
    assert reads[-1] == "v2"


def test_invalidating_an_unknown_folder_is_no_error(registry: ModelRegistry) -> None:
    loader = ManifestLoader(registry.root)
    loader.invalidate("never-seen")
    loader.invalidate()
    assert len(loader) == 0


def test_each_invalidation_is_logged_with_what_it_cleared(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    loader = ManifestLoader(registry.root)
    loader.load("v1")
    with structlog.testing.capture_logs() as logs:
        loader.invalidate("v1")
        loader.invalidate()
    assert [(e["event"], e["scope"], e["dropped"]) for e in logs] == [
        ("manifest_cache_invalidated", "folder", 1),
        ("manifest_cache_invalidated", "full", 0),
    ]
    assert logs[0]["folder"].endswith("v1")


def test_a_missing_or_broken_manifest_raises_and_is_never_served_from_the_cache(
    save: Save, registry: ModelRegistry
) -> None:
    saved = save("v1")
    loader = ManifestLoader(registry.root)
    with pytest.raises(RegistryError, match="no manifest"):
        loader.load("v9")
    loader.load("v1")
    (saved.path / "manifest.json").write_text("{", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(TamperedArtifactError, match="broken"):
            loader.load("v1")
    (saved.path / "manifest.json").unlink()
    with pytest.raises(RegistryError, match="no manifest"):
        loader.load("v1")
    assert len(loader) == 0


def test_parallel_loads_and_clears_give_whole_and_present_manifests(
    save: Save, registry: ModelRegistry
) -> None:
    names = ["v1", "v2", "v3"]
    paths = {n: save(n).path / "manifest.json" for n in names}
    loader = ManifestLoader(registry.root)
    stop = threading.Event()
    revision = dict.fromkeys(names, 0)

    def rewrite() -> None:
        content = {n: json.loads(p.read_text(encoding="utf-8")) for n, p in paths.items()}
        for number in range(1, 60):
            for name in names:
                content[name]["metadata"]["revision"] = number
                fresh = paths[name].with_suffix(f".{number}")
                fresh.write_text(json.dumps(content[name]), encoding="utf-8")
                fresh.replace(paths[name])
                loader.invalidate(name if number % 2 else None)
                revision[name] = number
        stop.set()

    def read(name: str) -> int:
        loads = 0
        while not stop.is_set():
            at_least = revision[name]
            manifest = loader.load(name)
            assert manifest.metadata["version"] == name
            assert manifest.metadata.get("revision", 0) >= at_least
            loads += 1
        return loads

    with ThreadPoolExecutor(7) as pool:
        readers = [pool.submit(read, n) for n in names * 2]
        pool.submit(rewrite).result(timeout=60)
        assert sum(f.result(timeout=60) for f in readers) > 0
    assert all(loader.load(n).metadata["revision"] == 59 for n in names)
