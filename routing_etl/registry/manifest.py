"""The manifest of a model version: its files, their sha256, and the library versions they were made with.

The fields are those of the replaced system (schema_version, generated_at, hash_algorithm, artifacts, metadata), plus
`runtime_versions` and `feature_schema`. Why nothing is unpickled before the hashes match:
docs/decisions/0010-artifacts-with-hashes.md.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.metadata
import json
import os
import platform
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from routing_etl import __version__
from routing_etl.errors import IncompatibleModelError, RegistryError, TamperedArtifactError
from routing_etl.frames import AttributeSpec
from routing_etl.log import get_logger
from routing_etl.registry.files import NotAFileError, opened

MANIFEST = "manifest.json"
#: Layout of a version folder. A version with another layout is refused.
SCHEMA_VERSION = "3.0"
HASH_ALGORITHM = "sha256"

#: How many leading parts of a library's version must be equal between training and loading. scikit-learn
#: promises to read its pickles under the same minor version only; NumPy arrays and Polars frames are readable
#: within a major version.
_SAME_PARTS = {"python": 2, "scikit_learn": 2, "routing_etl": 2, "numpy": 1, "polars": 1, "joblib": 1}

#: Remedy for a version whose files have changed.
RESTORE = "Restore the version's folder from the backup, or train a new version: routing-etl train"

_CHUNK = 1024 * 1024

log = get_logger(__name__)


def sha256_of(stream: BinaryIO) -> str:
    """Hex sha256 of a stream from its current position to its end."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def runtime_versions() -> dict[str, str]:
    """Versions, in this process, of the libraries that a stored model depends on."""
    return {
        "python": platform.python_version(),
        "joblib": importlib.metadata.version("joblib"),
        "scikit_learn": importlib.metadata.version("scikit-learn"),
        "numpy": importlib.metadata.version("numpy"),
        "polars": importlib.metadata.version("polars"),
        "routing_etl": __version__,
    }


def feature_schema(attributes: Iterable[AttributeSpec]) -> dict[str, Any]:
    """The attribute list and its sha256 over names, kinds and units; order and ERP column names do not matter."""
    entries = [asdict(a) for a in attributes]
    key = sorted((e["name"], e["kind"], e["unit"]) for e in entries)
    digest = hashlib.sha256(json.dumps(key, ensure_ascii=False).encode("utf-8")).hexdigest()
    return {"attributes": entries, "sha256": digest}


@dataclass(frozen=True)
class Artifact:
    """One file of a version as the manifest lists it; `lacks` are attributes that its objects lacked when they were saved."""

    name: str
    path: str
    sha256: str
    bytes: int
    schema_version: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """A manifest as read from its file. It returns copies, so that callers cannot change a cached one."""

    folder: Path
    sha256: str
    artifacts: tuple[Artifact, ...]
    _content: dict[str, Any]

    @property
    def generated_at(self) -> str:
        """ISO time at which the version was saved, UTC."""
        return str(self._content["generated_at"])

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, source, job, metrics, files and whatever else the training handed over."""
        return copy.deepcopy(dict(self._content["metadata"]))

    @property
    def runtime_versions(self) -> dict[str, str]:
        """Library versions that the model was trained with."""
        return dict(self._content["runtime_versions"])

    @property
    def feature_schema(self) -> dict[str, Any]:
        """`attributes` and `sha256` of the item attributes that the model was trained on."""
        return copy.deepcopy(dict(self._content["feature_schema"]))

    @property
    def total_bytes(self) -> int:
        """Size of all artifacts together."""
        return sum(a.bytes for a in self.artifacts)

    def artifact(self, name: str) -> Artifact:
        """One artifact by name.

        Raises
        ------
        RegistryError
            The manifest lists no such artifact.
        """
        for artifact in self.artifacts:
            if artifact.name == name:
                return artifact
        raise RegistryError(
            f"Model version {self.folder.name} has no artifact {name!r} in its manifest.",
            remedy="It is incomplete: restore it from the backup or train a new version: routing-etl train",
        )

    def check_runtime(self) -> None:
        """Refuse a version that this process must not unpickle.

        Raises
        ------
        IncompatibleModelError
            The layout or a library version differs from this process's; names both.
        """
        if self._content["schema_version"] != SCHEMA_VERSION:
            raise IncompatibleModelError(
                f"Model version {self.folder.name} has layout {self._content['schema_version']!r}, this product reads "
                f"{SCHEMA_VERSION!r}.",
                remedy="Train a new version: routing-etl train",
            )
        here = runtime_versions()
        for library, parts in _SAME_PARTS.items():
            trained = self.runtime_versions.get(library, "unknown")
            if trained.split(".")[:parts] != here[library].split(".")[:parts]:
                raise IncompatibleModelError(
                    f"Model version {self.folder.name} was trained under {library} {trained}, here is {library} "
                    f"{here[library]}.",
                    remedy=f"Train a new version (routing-etl train), or install {library} "
                    f"{'.'.join(trained.split('.')[:parts])}.",
                )

    def check_attributes(self, attributes: Iterable[AttributeSpec]) -> None:
        """Refuse a version that was trained on other item attributes.

        Raises
        ------
        IncompatibleModelError
            Attributes are missing, new, or have another kind or unit; names them.
        """
        now = feature_schema(attributes)
        if now["sha256"] == self.feature_schema["sha256"]:
            return
        trained = {a["name"]: (a["kind"], a["unit"]) for a in self.feature_schema["attributes"]}
        given = {a["name"]: (a["kind"], a["unit"]) for a in now["attributes"]}
        parts = [
            f"{what}: {', '.join(names)}"
            for what, names in (
                ("missing now", sorted(trained.keys() - given.keys())),
                ("new", sorted(given.keys() - trained.keys())),
                ("changed", sorted(n for n in trained.keys() & given.keys() if trained[n] != given[n])),
            )
            if names
        ]
        raise IncompatibleModelError(
            f"Model version {self.folder.name} was trained on other item attributes ({'; '.join(parts)}).",
            remedy="Train a new version on the present source profile: routing-etl train",
        )


def _broken(folder: Path, problem: str) -> TamperedArtifactError:
    return TamperedArtifactError(
        f"The manifest {folder / MANIFEST} is broken: {problem}.",
        remedy=RESTORE,
    )


def parse_manifest(folder: Path, text: bytes) -> Manifest:
    """Make a manifest from the bytes of its file.

    Raises
    ------
    TamperedArtifactError
        The text is no manifest, lacks a field, or names a file outside its folder.
    """

    def broken(problem: str) -> TamperedArtifactError:
        return _broken(folder, problem)

    try:
        content = json.loads(text)
    except ValueError as exc:
        raise broken(f"no JSON ({exc})") from exc
    except RecursionError:
        raise broken("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise broken("not a JSON object")
    kinds: dict[str, type] = {
        "schema_version": str, "generated_at": str, "hash_algorithm": str, "artifacts": dict, "metadata": dict,
        "runtime_versions": dict, "feature_schema": dict,
    }  # fmt: skip
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind):
            raise broken(f"field {key!r} is missing or not a {kind.__name__}")
    if content["hash_algorithm"] != HASH_ALGORITHM:
        raise broken(f"hash_algorithm is {content['hash_algorithm']!r}, must be {HASH_ALGORITHM!r}")
    artifacts = []
    for name, entry in content["artifacts"].items():
        try:
            artifact = Artifact(
                name,
                str(entry["path"]),
                str(entry["sha256"]),
                int(entry["bytes"]),
                str(entry["schema_version"]),
                tuple(map(str, entry.get("lacks", ()))),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise broken(f"artifact {name!r} lacks or has a wrong field ({exc})") from exc
        if Path(artifact.path).name != artifact.path or artifact.path in ("", ".", "..", MANIFEST):
            raise broken(f"artifact {name!r} has the path {artifact.path!r}, must be a file of its folder")
        artifacts.append(artifact)
    if not isinstance(content["feature_schema"].get("attributes"), list) or not isinstance(
        content["feature_schema"].get("sha256"), str
    ):
        raise broken("field 'feature_schema' lacks attributes or sha256")
    return Manifest(folder, hashlib.sha256(text).hexdigest(), tuple(artifacts), content)


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json` of a version folder, without a cache.

    Raises
    ------
    RegistryError
        There is no manifest.
    TamperedArtifactError
        The manifest is broken.
    """
    try:
        with opened(folder / MANIFEST) as stream:
            text = stream.read()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise RegistryError(
            f"There is no manifest {folder / MANIFEST}.",
            remedy="The version is missing or incomplete; see: routing-etl models list",
        ) from exc
    except NotAFileError as exc:
        raise _broken(folder, str(exc)) from exc
    return parse_manifest(folder, text)


class ManifestLoader:
    """Manifests cached per model folder, read again when the file changes. Safe to share between threads.

    One lock guards reading, storing and clearing, so that a load that began before an `invalidate` cannot put the old
    manifest back.

    Parameters
    ----------
    root : Path
        Folder that relative model folders are resolved against.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._cache: dict[Path, tuple[tuple[int, int, int], Manifest]] = {}

    def _folder(self, model_dir: str | os.PathLike[str]) -> Path:
        return (self._root / model_dir).resolve()

    def load(self, model_dir: str | os.PathLike[str]) -> Manifest:
        """The manifest of a folder (absolute, or relative to the root).

        Raises
        ------
        RegistryError
            There is no manifest.
        TamperedArtifactError
            The manifest is broken.
        """
        folder = self._folder(model_dir)
        with self._lock:
            try:
                stat = (folder / MANIFEST).stat()
            except OSError:  # reading it says why
                self._cache.pop(folder, None)
                return read_manifest(folder)
            state = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            cached = self._cache.get(folder)
            if cached is not None and cached[0] == state:
                return cached[1]
            self._cache.pop(folder, None)
            manifest = read_manifest(folder)
            self._cache[folder] = (state, manifest)
            return manifest

    def invalidate(self, model_dir: str | os.PathLike[str] | None = None) -> None:
        """Forget one folder's manifest, or all of them with None."""
        with self._lock:
            if model_dir is None:
                dropped = len(self._cache)
                self._cache.clear()
                log.info("manifest_cache_invalidated", scope="full", dropped=dropped)
            else:
                folder = self._folder(model_dir)
                dropped = int(self._cache.pop(folder, None) is not None)
                log.info("manifest_cache_invalidated", scope="folder", folder=str(folder), dropped=dropped)

    def __len__(self) -> int:
        with self._lock:
            return len(self._cache)
