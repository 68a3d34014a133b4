"""Model versions on disk: save, load, verify, promote, prune.

A version is one immutable folder `<root>/<name>/`. It is written to a hidden folder beside it and renamed, so
a version is there whole or not at all; a file lock keeps two saves apart. Nothing is unpickled before its
sha256, the manifest's sha256 and the runtime versions have matched. There is no way around these checks and
no other model to fall back to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from routing_etl.errors import (
    IncompatibleModelError,
    LockedError,
    RegistryError,
    RoutingEtlError,
    TamperedArtifactError,
)
from routing_etl.files import rename_folder
from routing_etl.frames import AttributeSpec
from routing_etl.log import get_logger
from routing_etl.registry import artifacts as artifact_files
from routing_etl.registry.aliases import STATE as ALIAS_FILE
from routing_etl.registry.aliases import AliasBook, AliasChange, check_alias
from routing_etl.registry.artifacts import ENGINE
from routing_etl.registry.files import (
    NotAFileError,
    disk_full_as_error,
    finite,
    opened,
    remove_tree,
    sync_folder,
    write_json,
)
from routing_etl.registry.manifest import (
    MANIFEST,
    RESTORE,
    Artifact,
    Manifest,
    ManifestLoader,
    read_manifest,
    runtime_versions,
    sha256_of,
)
from routing_etl.registry.names import ALIASES, check_name, timestamp_name
from routing_etl.registry.versions import (
    ArtifactCheck,
    SavedVersion,
    VerifyReport,
    VersionContents,
    VersionDetails,
    VersionInfo,
)

_SAVING, _REMOVING = ".saving-", ".removing-"
log = get_logger(__name__)


class ModelRegistry:
    """The registry under `root`, a folder that is made when the first version is saved.

    Parameters
    ----------
    root : Path
        Folder of the versions.
    lock_timeout : float, default 300.0
        Seconds to wait for another save, promotion or removal.
    """

    def __init__(self, root: Path, *, lock_timeout: float = 300.0) -> None:
        self.root = root.absolute()
        self.manifests = ManifestLoader(self.root)
        self._lock_timeout = lock_timeout
        self._aliases = AliasBook(self.root)

    # --- write -------------------------------------------------------------------------------------------------------

    def check_name(self, name: str) -> str:
        """Return the name if a new version may have it. Asked before a long training.

        Raises
        ------
        RegistryError
            The name is not usable, or a version of that name exists.
        """
        check_name(name)
        if name.lower() in self._taken():
            raise RegistryError(
                f"Model version {name!r} exists already in {self.root}; versions are never overwritten.",
                remedy="Give another name, or leave it out for a timestamp.",
            )
        return name

    def new_name(self) -> str:
        """A free name for a version that the user did not name: the UTC time, numbered if needed."""
        stamp, taken = timestamp_name(), self._taken()
        candidates = (stamp if n == 1 else f"{stamp}_{n}" for n in range(1, len(taken) + 2))
        return next(c for c in candidates if c not in taken)

    def _taken(self) -> set[str]:
        return {p.name.lower() for p in self._folders()}

    def save(self, contents: VersionContents, *, name: str | None = None) -> SavedVersion:
        """Store a fitted predictor as a new version.

        Parameters
        ----------
        contents : VersionContents
            The predictor and everything that is stored with it.
        name : str, optional
            Name of the version. None: a UTC timestamp.

        Raises
        ------
        RegistryError
            The name is not usable or taken, or an artifact is missing.
        DiskFullError
            No space; nothing is left behind.
        LockedError
            Another save has held the lock for longer than the lock time-out.
        """
        artifact_files.check_complete(contents.json_artifacts)
        with self._locked("save"), disk_full_as_error("the model version", self.root):
            final = self.new_name() if name is None else self.check_name(name)
            generated_at = _now()
            metrics = artifact_files.metrics_file(contents.metrics, final, generated_at)
            json_files = {
                "metrics": metrics,
                "training_metadata": {
                    "training_date": generated_at, **contents.metadata, "runtime_versions": runtime_versions(),
                },
                "time_profiles": contents.time_profiles,
                "training_request": artifact_files.request_file(contents.metadata, name),
                "training_metrics": artifact_files.training_file(metrics, contents.metadata, self.root / final),
                **contents.json_artifacts,
            }  # fmt: skip
            folder = self.root / f"{_SAVING}{final[:100]}-{uuid.uuid4().hex[:8]}"
            try:
                folder.mkdir()
                size, manifest_sha256 = _write_version(folder, contents, json_files)
                sync_folder(folder)
                rename_folder(folder, self.root / final)
                sync_folder(self.root)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        log.info("model_version_saved", version=final, bytes=size, measured=metrics["measured"])
        return SavedVersion(final, self.root / final, manifest_sha256)

    def set_alias(
        self, alias: str, name: str, who: str, why: str, *, decided_at: int | None = None
    ) -> AliasChange:
        """Point `champion` or `challenger` at a version, after its files have been verified.

        A challenger that becomes champion stops being challenger. A version whose metrics were never measured can be
        challenger, but not champion.

        Parameters
        ----------
        alias : str
            `champion` or `challenger`.
        name : str
            Name of the version.
        who : str
            Kept on record.
        why : str
            Kept on record.
        decided_at : int, optional
            The `alias_serial` that the decision was made on: a process that was paused in between does not undo what
            another has decided meanwhile. None: a decision that compares nothing.

        Raises
        ------
        RegistryError
            There is no such alias or version, `who` or `why` is empty, the version is unmeasured, or the aliases were
            changed since `decided_at`.
        TamperedArtifactError
            A file of the version differs from its manifest.
        IncompatibleModelError
            The version was trained under other library versions.
        """
        check_alias(alias)
        if not who.strip() or not why.strip():
            raise RegistryError(
                f"Who sets {alias} and why must be said (who={who!r}, why={why!r}).",
                remedy="Promotion is a decision on record: give both.",
            )
        with self._locked("alias"), disk_full_as_error("the alias file", self.root):
            self._require(self.verify(name))
            if alias == "champion" and not self._measured(self._folder(name)):
                raise RegistryError(
                    f"Model version {name!r} has no measured score, so it cannot become champion.",
                    remedy="Train again with enough routed items: routing-etl train ('reasons' in its metrics.json says why).",
                )
            aliases = self._aliases.all()
            if decided_at is not None and self._aliases.serial() != decided_at:
                raise RegistryError(
                    f"Another process changed the aliases while this one decided that {name!r} becomes {alias} "
                    f"(champion is {aliases.get('champion')!r}); nothing was changed.",
                    remedy="Compare again: routing-etl train, or promote by hand: routing-etl models promote NAME --why REASON",
                )
            if alias == "challenger" and aliases.get("champion") == name:
                raise RegistryError(
                    f"Model version {name!r} is the champion and cannot challenge itself.",
                    remedy="Name another version.",
                )
            former = aliases.get(alias)
            aliases[alias] = name
            if alias == "champion" and aliases.get("challenger") == name:
                del aliases["challenger"]
            change = self._aliases.change(aliases, alias=alias, who=who, why=why)
        self.manifests.invalidate(name)
        log.info("model_alias_set", alias=alias, version=name, former=former, who=who, why=why)
        return change

    def rollback_champion(self, who: str, why: str) -> AliasChange:
        """Make the previous champion the champion again.

        Raises
        ------
        RegistryError
            No previous champion is on the disk.
        """
        return self.set_alias("champion", self.former_champion(), who, why)

    def former_champion(self) -> str:
        """The version that was champion before the present one and is still on the disk.

        Raises
        ------
        RegistryError
            No former champion is left on the disk.
        """
        for name in self._aliases.former_champions():
            if self._folder(name).is_dir():
                return name
        raise RegistryError(
            "There is no former champion to go back to.",
            remedy="Name a version: routing-etl models promote NAME --why REASON",
        )

    def prune(self, keep: int, *, protect: Collection[str] = ()) -> tuple[str, ...]:
        """Remove all but the newest `keep` versions that no alias needs. Returns the removed names.

        The champion, the challenger, the previous champion (for a rollback) and `protect` are never removed and do not
        count.
        """
        if keep < 0:
            raise RegistryError(f"keep = {keep} is negative.", remedy="Give 0 or more.")
        with self._locked("prune"):
            needed = {*self._aliases.all().values(), *self._aliases.former_champions()[:1], *protect}
            free = [v for v in self.list() if v.name not in needed]
            removed = []
            for version in free[keep:]:
                doomed = self.root / f"{_REMOVING}{version.name[:100]}-{uuid.uuid4().hex[:8]}"
                self._aliases.note_removed(
                    version.name, who="routing_etl", why=f"retention: newest {keep} kept"
                )
                rename_folder(version.path, doomed)
                remove_tree(doomed)
                self.manifests.invalidate(version.name)
                removed.append(version.name)
        if removed:
            log.info("model_versions_pruned", removed=removed, kept=keep)
        return tuple(removed)

    # --- read --------------------------------------------------------------------------------------------------------

    def alias(self, alias: str) -> str | None:
        """The version that an alias points at, None if it is not set.

        Raises
        ------
        RegistryError
            There is no such alias, or the alias file is broken.
        """
        return self._aliases.all().get(check_alias(alias))

    def alias_serial(self) -> int:
        """Number of the last change of the aliases; 0 before the first.

        Raises
        ------
        RegistryError
            The alias file is broken.
        """
        return self._aliases.serial()

    def sweep(self) -> tuple[str, ...]:
        """Remove what killed processes left: half-saved and half-removed versions, unfinished alias files.

        Returns their names. Every other change of the registry does so too, with a line in the log.

        Raises
        ------
        LockedError
            Another process has held the lock for longer than the lock time-out.
        """
        if not self.root.is_dir() or not self._leftovers():
            return ()
        with self._locked("sweep") as removed:
            return removed

    def _leftovers(self) -> list[Path]:
        patterns = (f"{_SAVING}*", f"{_REMOVING}*", f".{ALIAS_FILE}.*.tmp")
        return sorted(path for pattern in patterns for path in self.root.glob(pattern))

    def alias_history(self) -> tuple[AliasChange, ...]:
        """Every change of an alias and every removal, oldest first."""
        return tuple(self._aliases.history())

    def resolve(self, name_or_alias: str) -> str:
        """The version name for a name or an alias.

        Raises
        ------
        RegistryError
            The alias is not set, or there is no such version; lists the versions.
        """
        if name_or_alias not in ALIASES:
            self._folder(check_name(name_or_alias), must_exist=True)
            return name_or_alias
        name = self.alias(name_or_alias)
        if name is None:
            raise RegistryError(
                f"No model version is {name_or_alias} (versions: {self._known()}).",
                remedy="Train one (routing-etl train), or promote one: routing-etl models promote NAME --why REASON",
            )
        self._folder(check_name(name), must_exist=True)
        return name

    def load(
        self,
        name: str,
        *,
        expected_manifest_sha256: str | None = None,
        expected_attributes: Iterable[AttributeSpec] | None = None,
    ) -> Any:
        """The predictor of a version (name or alias), unpickled after everything has been verified.

        Parameters
        ----------
        expected_manifest_sha256 : str, optional
            The manifest's hash as the database has it. None: not compared.
        expected_attributes : Iterable[AttributeSpec], optional
            The item attributes to predict with. None: not compared.

        Raises
        ------
        RegistryError
            There is no such version; lists the versions.
        TamperedArtifactError
            The manifest or a file differs; names it.
        IncompatibleModelError
            The library versions or the attributes differ; says to retrain.
        """
        name = self.resolve(name)
        folder = self._folder(name)
        manifest = read_manifest(folder)
        self._check_manifest_hash(manifest, expected_manifest_sha256)
        manifest.check_runtime()
        if expected_attributes is not None:
            manifest.check_attributes(expected_attributes)
        engine = manifest.artifact(ENGINE)
        for artifact in manifest.artifacts:
            if artifact is not engine and (problem := _file_problem(folder, artifact)):
                raise _tampered(folder, artifact, problem)
        predictor = _unpickled(folder, engine)
        log.info("model_version_loaded", version=name, bytes=engine.bytes)
        return predictor

    def attributes(self, name: str) -> tuple[AttributeSpec, ...]:
        """The item attributes that a version (name or alias) was trained on, by its manifest.

        Raises
        ------
        RegistryError
            There is no such version.
        """
        schema = read_manifest(self._folder(self.resolve(name))).feature_schema
        return tuple(AttributeSpec(a["name"], a["kind"], a["unit"]) for a in schema["attributes"])

    def read_json(self, name: str, artifact: str) -> Any:
        """One JSON artifact of a version (name or alias), verified against the manifest.

        Raises
        ------
        RegistryError
            There is no such version or artifact.
        TamperedArtifactError
            The file differs from the manifest.
        """
        return json.loads(self._verified(name, artifact))

    def read_text(self, name: str, artifact: str) -> str:
        """One text artifact of a version (name or alias), verified against the manifest.

        Raises
        ------
        RegistryError
            There is no such version or artifact.
        TamperedArtifactError
            The file differs from the manifest.
        """
        return self._verified(name, artifact).decode("utf-8")

    def _verified(self, name: str, artifact: str) -> bytearray:
        folder = self._folder(self.resolve(name))
        entry = self.manifests.load(folder).artifact(artifact)
        return _verified_bytes(folder, entry)

    def list(self) -> tuple[VersionInfo, ...]:
        """Every version, newest first; one that cannot be read is listed with its problem."""
        aliases = self._aliases.all()
        former = set(self._aliases.former_champions())
        versions = [self._info(folder, aliases, former) for folder in self._folders()]
        return tuple(sorted(versions, key=lambda v: (v.created_at, v.name), reverse=True))

    def unreadable(self, name: str) -> str:
        """What keeps a version (name or alias) from being read; '' when nothing does."""
        try:
            self.show(name)
        except RegistryError as exc:
            return exc.message.rstrip(".")
        return ""

    def check_usable(self, name: str) -> None:
        """Refuse a version (name or alias) that this process could not load; opens no artifact.

        Raises
        ------
        RegistryError
            There is no such version.
        IncompatibleModelError
            It was trained under another version of the product or of a library.
        """
        self.manifests.load(self._folder(self.resolve(name))).check_runtime()

    def show(self, name: str) -> VersionDetails:
        """One version (name or alias) in full.

        Raises
        ------
        RegistryError
            There is no such version.
        TamperedArtifactError
            Its manifest or metrics are broken.
        """
        folder = self._folder(self.resolve(name))
        manifest = self.manifests.load(folder)
        return VersionDetails(
            info=self._info(folder, self._aliases.all(), set(self._aliases.former_champions())),
            metrics=self.read_json(folder.name, "metrics"),
            metadata=self.read_json(folder.name, "training_metadata"),
            runtime_versions=manifest.runtime_versions,
            attributes=tuple(a["name"] for a in manifest.feature_schema["attributes"]),
            artifacts=manifest.artifacts,
        )

    def metrics_by_version(self) -> dict[str, dict[str, Any]]:
        """The plain values of `metrics.json` by version name, newest first, without unreadable versions."""
        found = {}
        for version in self.list():
            if version.problem is None:
                metrics = self.read_json(version.name, "metrics")
                found[version.name] = {k: v for k, v in metrics.items() if not isinstance(v, (dict, list))}
        return found

    def verify(self, name: str, *, expected_manifest_sha256: str | None = None) -> VerifyReport:
        """Hash every file of a version (name or alias) and compare the runtime. Finds all problems, unpickles nothing.

        Raises
        ------
        RegistryError
            There is no such version, or it has no manifest.
        TamperedArtifactError
            The manifest itself is broken or differs from the database.
        """
        folder = self._folder(self.resolve(name))
        manifest = read_manifest(folder)
        self._check_manifest_hash(manifest, expected_manifest_sha256)
        checks = tuple(
            ArtifactCheck(a.name, a.path, a.bytes, _file_problem(folder, a)) for a in manifest.artifacts
        )
        missing = [n for n in (ENGINE, "metrics") if n not in {a.name for a in manifest.artifacts}]
        checks += tuple(ArtifactCheck(n, "", 0, "is not listed in the manifest") for n in missing)
        listed = {MANIFEST, *(a.path for a in manifest.artifacts)}
        try:
            manifest.check_runtime()
            incompatible = None
        except IncompatibleModelError as exc:
            incompatible = str(exc)
        return VerifyReport(
            name=folder.name,
            manifest_sha256=manifest.sha256,
            checks=checks,
            unlisted=tuple(sorted(p.name for p in folder.iterdir() if p.name not in listed)),
            incompatible=incompatible,
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, what: str) -> Iterator[tuple[str, ...]]:
        """Hold the registry's file lock and remove what killed processes left behind; gives the names of that."""
        with disk_full_as_error("the registry", self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(self.root / ".lock"), timeout=self._lock_timeout)
        try:
            lock.acquire()
        except Timeout as exc:
            raise LockedError(
                f"The model registry {self.root} is in use by another process ({what} waited {self._lock_timeout:g} s).",
                remedy="Wait until the other training or promotion ends, then run again.",
            ) from exc
        try:
            leftovers = self._leftovers()
            for leftover in leftovers:
                log.warning("registry_leftover_removed", name=leftover.name)
                remove_tree(leftover)
            yield tuple(p.name for p in leftovers)
        finally:
            lock.release()

    def _folders(self) -> tuple[Path, ...]:
        if not self.root.is_dir():
            return ()
        return tuple(sorted(p for p in self.root.iterdir() if p.is_dir() and not p.name.startswith(".")))

    def _known(self) -> str:
        return ", ".join(p.name for p in self._folders()) or "none"

    def _folder(self, name: str, *, must_exist: bool = False) -> Path:
        folder = self.root / name
        if must_exist and not folder.is_dir():
            raise RegistryError(
                f"There is no model version {name!r} in {self.root} (versions: {self._known()}).",
                remedy="Give one of these, or train one: routing-etl train",
            )
        return folder

    def _check_manifest_hash(self, manifest: Manifest, expected: str | None) -> None:
        if expected is not None and manifest.sha256 != expected:
            raise TamperedArtifactError(
                f"The manifest of model version {manifest.folder.name!r} has sha256 {manifest.sha256[:16]}..., the "
                f"database says {expected[:16]}....",
                remedy=RESTORE,
            )

    def _require(self, report: VerifyReport) -> None:
        for check in report.checks:
            if check.problem:
                raise TamperedArtifactError(
                    f"Model version {report.name!r}: {check.path or check.name}: {check.problem}.",
                    remedy=RESTORE,
                )
        self.manifests.load(self._folder(report.name)).check_runtime()

    def _measured(self, folder: Path) -> bool:
        return bool(self.manifests.load(folder).metadata.get("measured"))

    def _info(self, folder: Path, aliases: Mapping[str, str], former: Collection[str]) -> VersionInfo:
        own = tuple(a for a in ALIASES if aliases.get(a) == folder.name)
        status = "active" if "champion" in own else "retired" if folder.name in former else "pending"
        try:
            manifest = self.manifests.load(folder)
        except RoutingEtlError as exc:
            made = datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="microseconds")
            return VersionInfo(folder.name, folder, made, status, own, False, 0, None, str(exc))
        return VersionInfo(
            folder.name,
            folder,
            manifest.generated_at,
            status,
            own,
            bool(manifest.metadata.get("measured")),
            manifest.total_bytes,
            manifest.sha256,
        )


def _write_version(folder: Path, contents: VersionContents, json_files: Mapping[str, Any]) -> tuple[int, str]:
    """Write every file of a version and its manifest; returns the bytes of the files and the manifest's sha256."""
    attributes = contents.attributes
    if attributes is None:
        attributes = getattr(contents.predictor, "attributes", ())
    documents = contents.documents(finite(json_files)) if contents.documents else {}
    artifacts = {
        **artifact_files.write_joblib(folder, {ENGINE: contents.predictor}),
        **artifact_files.write_json_files(folder, json_files),
        **artifact_files.write_documents(folder, documents),
    }
    manifest = artifact_files.manifest_file(json_files["metrics"], artifacts, contents.metadata, attributes)
    manifest_sha256 = write_json(folder / MANIFEST, manifest)
    return sum(a["bytes"] for a in artifacts.values()), manifest_sha256


def _file_problem(folder: Path, artifact: Artifact) -> str | None:
    """What is wrong with one file of a version, None if it is as the manifest says."""
    try:
        with opened(folder / artifact.path) as stream:
            if sha256_of(stream) != artifact.sha256:
                return "its sha256 differs from the manifest"
    except FileNotFoundError:
        return "it is missing"
    except NotAFileError as exc:
        return str(exc)
    return None


def _verified_bytes(folder: Path, artifact: Artifact) -> bytearray:
    """Read a file once; what is returned is what was hashed, whatever happens to the file meanwhile.

    One byte more than the manifest says is asked for, so that a file that was blown up does not fill the memory.
    """
    try:
        with opened(folder / artifact.path) as stream:
            content = bytearray(min(artifact.bytes, os.fstat(stream.fileno()).st_size) + 1)
            del content[stream.readinto(content) :]  # type: ignore[attr-defined]
    except FileNotFoundError as exc:
        raise _tampered(folder, artifact, "it is missing") from exc
    except NotAFileError as exc:
        raise _tampered(folder, artifact, str(exc)) from exc
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise _tampered(folder, artifact, "its sha256 differs from the manifest")
    return content


def _unpickled(folder: Path, engine: Artifact) -> Any:
    """The predictor, from the very bytes that were hashed and by names that a model may hold."""
    import pickle

    from routing_etl.registry.unpickle import LacksParts, RefusedName, load_bytes

    content = _verified_bytes(folder, engine)
    try:
        return load_bytes(content, engine.lacks)
    except RefusedName as exc:
        raise _tampered(folder, engine, f"it names {exc}, which no model of ours contains") from exc
    except (pickle.UnpicklingError, EOFError, IndexError, KeyError, TypeError, ValueError) as exc:
        raise _tampered(folder, engine, f"it cannot be unpickled ({exc!r})") from exc
    except LacksParts as exc:
        raise IncompatibleModelError(
            f"Model version {folder.name!r} was trained by another version of routing_etl: it has no {exc}.",
            remedy="Train a new version: routing-etl train",
        ) from exc
    except (AttributeError, ImportError) as exc:
        raise IncompatibleModelError(
            f"Model version {folder.name!r} needs code that this installation lacks ({exc}).",
            remedy="Train a new version: routing-etl train",
        ) from exc


def _tampered(folder: Path, artifact: Artifact, problem: str) -> TamperedArtifactError:
    return TamperedArtifactError(
        f"Model version {folder.name!r}: {artifact.path}: {problem}. It is not loaded.", remedy=RESTORE
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
