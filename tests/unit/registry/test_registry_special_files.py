"""What lies in the model folder under the name of a file of ours, but is none: pipes, devices, folders, links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from routing_etl.errors import RegistryError, TamperedArtifactError
from routing_etl.registry.aliases import STATE
from routing_etl.registry.manifest import MANIFEST
from routing_etl.registry.store import ModelRegistry
from routing_etl.registry.versions import SavedVersion

pytestmark = [pytest.mark.unit, pytest.mark.skipif(os.name != "posix", reason="pipes and devices are POSIX")]

Save = Callable[..., SavedVersion]


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def as_folder(path: Path) -> None:
    path.mkdir()


def as_circle(path: Path) -> None:
    path.symlink_to(path)


KINDS = pytest.mark.parametrize("becomes", [as_pipe, as_device, as_folder, as_circle])


@KINDS
@pytest.mark.parametrize("name", ["similarity_engine.joblib", MANIFEST])
def test_what_is_no_file_is_refused_at_once(
    registry: ModelRegistry, save: Save, name: str, becomes: Callable[[Path], None]
) -> None:
    """A pipe would be waited for until somebody writes into it, a device read for ever."""
    saved = save("v1")
    path = registry.root / "v1" / name
    assert path.is_file()
    path.unlink()
    becomes(path)
    with pytest.raises(TamperedArtifactError, match="it is no file"):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)
    if name == MANIFEST:
        with pytest.raises(TamperedArtifactError, match="it is no file"):
            registry.verify("v1")
    else:
        assert [
            "it is no file" in (c.problem or "") for c in registry.verify("v1").checks if c.path == name
        ] == [True]


@KINDS
def test_an_alias_file_that_is_none_is_refused_at_once(
    registry: ModelRegistry, save: Save, becomes: Callable[[Path], None]
) -> None:
    save("v1")
    becomes(registry.root / STATE)
    with pytest.raises(RegistryError, match=r"alias file .* is broken: it is no file"):
        registry.alias("champion")


def test_a_version_folder_that_is_a_link_is_not_removed_through_it(
    registry: ModelRegistry, save: Save, tmp_path: Path
) -> None:
    """Whoever may write to the model folder puts a link to a folder of the service user's there, and waits for a prune."""
    save("v1"), save("v2"), save("v3")
    own = tmp_path / "own"
    (registry.root / "v1").rename(own)
    (own / "precious").write_text("x")
    (registry.root / "v1").symlink_to(own, target_is_directory=True)
    assert set(registry.prune(1)) == {"v1", "v2"}
    assert (own / "precious").is_file()
    assert not list(registry.root.glob(".remov*")), "the link itself is gone"
    assert registry.sweep() == ()


def test_a_hard_link_to_a_file_of_ours_is_only_what_it_holds(
    registry: ModelRegistry, save: Save, tmp_path: Path
) -> None:
    saved = save("v1")
    path = registry.root / "v1" / "similarity_engine.joblib"
    other = tmp_path / "other"
    os.link(path, other)
    other.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(TamperedArtifactError, match="sha256 differs"):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)
