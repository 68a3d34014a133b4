"""Tampering and incompatible runtimes: nothing is unpickled, the message names the file or the library."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_etl.errors import IncompatibleModelError, RegistryError, TamperedArtifactError
from routing_etl.frames import AttributeSpec
from routing_etl.registry import manifest as manifest_module
from routing_etl.registry.manifest import parse_manifest
from routing_etl.registry.store import ModelRegistry, SavedVersion

Save = Callable[..., SavedVersion]

ARTIFACTS = [
    "similarity_engine.joblib", "feature_columns.json",
    "active_features.json", "feature_importance.json", "feature_statistics.json", "feature_recommendations.json",
    "feature_weights.json", "training_metadata.json", "training_request.json", "training_metrics.json",
    "time_profiles.json", "metrics.json",
]  # fmt: skip


class Explodes:
    """A pickle that raises when it is read."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (_explode, ("unpickled",))


def _explode(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.parametrize("file", ARTIFACTS)
def test_one_changed_byte_in_any_artifact_is_refused_by_name(
    save: Save, registry: ModelRegistry, file: str
) -> None:
    saved = save("v1")
    path = saved.path / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(TamperedArtifactError, match=file.replace(".", r"\.")):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)
    report = registry.verify("v1")
    assert not report.ok
    assert [c.path for c in report.checks if c.problem] == [file]
    with pytest.raises(TamperedArtifactError, match=file.replace(".", r"\.")):
        registry.set_alias("champion", "v1", "kim", "try")


@pytest.mark.parametrize("file", ARTIFACTS)
def test_a_missing_artifact_is_refused_by_name(save: Save, registry: ModelRegistry, file: str) -> None:
    saved = save("v1")
    (saved.path / file).unlink()
    with pytest.raises(TamperedArtifactError, match=file.replace(".", r"\.")):
        registry.load("v1")
    assert not registry.verify("v1").ok


def test_a_swapped_pickle_is_never_unpickled(save: Save, registry: ModelRegistry) -> None:
    saved = save("v1")
    (saved.path / "similarity_engine.joblib").write_bytes(pickle.dumps(Explodes()))
    with pytest.raises(TamperedArtifactError, match=r"similarity_engine\.joblib"):
        registry.load("v1")


def test_a_pickle_swapped_together_with_its_manifest_is_caught_by_the_database_hash(
    save: Save, registry: ModelRegistry
) -> None:
    saved = save("v1")
    evil = pickle.dumps(Explodes())
    (saved.path / "similarity_engine.joblib").write_bytes(evil)
    manifest = json.loads((saved.path / "manifest.json").read_text(encoding="utf-8"))
    manifest["artifacts"]["similarity_engine"].update(
        sha256=hashlib.sha256(evil).hexdigest(), bytes=len(evil)
    )
    (saved.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(TamperedArtifactError, match="database says"):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)
    with pytest.raises(TamperedArtifactError, match="database says"):
        registry.verify("v1", expected_manifest_sha256=saved.manifest_sha256)


def test_a_reformatted_manifest_with_the_same_meaning_is_still_another_manifest(
    save: Save, registry: ModelRegistry
) -> None:
    saved = save("v1")
    path = saved.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert registry.load("v1") is not None
    with pytest.raises(TamperedArtifactError, match="manifest"):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)


def test_files_that_nobody_listed_are_shown(save: Save, registry: ModelRegistry) -> None:
    saved = save("v1")
    (saved.path / "extra.bin").write_bytes(b"x")
    report = registry.verify("v1")
    assert report.unlisted == ("extra.bin",)
    assert report.ok


@pytest.mark.parametrize(
    ("library", "trained", "ok"),
    [
        ("scikit_learn", "1.2.3", False),
        ("python", "3.8.1", False),
        ("numpy", "1.26.4", False),
        ("polars", "0.20.0", False),
        ("joblib", "0.9", False),
        ("routing_etl", "0.0.9", False),
        ("scikit_learn", "same-minor", True),
    ],
)
def test_a_version_of_other_libraries_is_refused_with_both_versions(
    save: Save,
    registry: ModelRegistry,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    trained: str,
    ok: bool,
) -> None:
    real = manifest_module.runtime_versions()
    if trained == "same-minor":
        trained = ".".join([*real[library].split(".")[:2], "99"])
    with monkeypatch.context() as patch:
        for module in ("routing_etl.registry.artifacts", "routing_etl.registry.store"):
            patch.setattr(f"{module}.runtime_versions", lambda: {**real, library: trained})
        patch.setattr("routing_etl.registry.artifacts._check_loadable", lambda *_: None)
        save("v1", predictor={"plain": 1} if ok else Explodes())
    if ok:
        assert registry.load("v1") == {"plain": 1}
        assert registry.verify("v1").ok
        return
    with pytest.raises(
        IncompatibleModelError, match=rf"{library} {trained}.*{real[library]}.*routing-etl train"
    ):
        registry.load("v1")
    assert library in (registry.verify("v1").incompatible or "")
    with pytest.raises(IncompatibleModelError, match=library) as refused:
        registry.set_alias("champion", "v1", "kim", "try")
    assert "routing-etl train" in refused.value.remedy


def test_another_layout_is_refused(save: Save, registry: ModelRegistry) -> None:
    path = save("v1").path / "manifest.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"schema_version": "3.0"', '"schema_version": "2.1"')
    )
    with pytest.raises(IncompatibleModelError, match=r"2\.1.*3\.0"):
        registry.load("v1")


def test_other_attributes_are_refused_by_name(save: Save, registry: ModelRegistry, predictor: Any) -> None:
    save("v1")
    same = tuple(predictor.attributes)
    assert registry.load("v1", expected_attributes=reversed(same)) is not None
    assert (
        registry.load("v1", expected_attributes=[replace(a, source="OTHER_COLUMN") for a in same]) is not None
    )
    with pytest.raises(IncompatibleModelError, match=r"missing now: outer_mm.*routing-etl train"):
        registry.load("v1", expected_attributes=same[:1])
    with pytest.raises(IncompatibleModelError, match="new: seal"):
        registry.load("v1", expected_attributes=[*same, AttributeSpec("seal", "category")])
    with pytest.raises(IncompatibleModelError, match="changed: outer_mm"):
        registry.load("v1", expected_attributes=[same[0], replace(same[1], unit="inch")])


def test_a_class_that_is_gone_asks_for_a_new_training(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routing_etl.model import predictor

    _Vanishing.__module__ = predictor.__name__
    monkeypatch.setattr(predictor, "_Vanishing", _Vanishing, raising=False)
    save("v1", predictor=_Vanishing())
    assert type(registry.load("v1")) is _Vanishing
    monkeypatch.delattr(predictor, "_Vanishing")
    with pytest.raises(IncompatibleModelError, match=r"_Vanishing.*Train a new version"):
        registry.load("v1")


class _Vanishing:
    pass


GOOD: dict[str, Any] = {
    "schema_version": "3.0", "generated_at": "2026-01-01", "hash_algorithm": "sha256",
    "artifacts": {"a": {"path": "a.joblib", "sha256": "0", "bytes": 1, "schema_version": "3.0"}},
    "metadata": {}, "runtime_versions": {}, "feature_schema": {"attributes": [], "sha256": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON"),
        ("[]", "not a JSON object"),
        ("\xff", "no JSON"),
        *((json.dumps({k: v for k, v in GOOD.items() if k != key}), key) for key in GOOD),
        (json.dumps({**GOOD, "hash_algorithm": "md5"}), "md5"),
        (json.dumps({**GOOD, "artifacts": {"a": {"path": "a.joblib"}}}), "artifact 'a'"),
        (json.dumps({**GOOD, "artifacts": {"a": 3}}), "artifact 'a'"),
        (json.dumps({**GOOD, "feature_schema": {}}), "feature_schema"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TamperedArtifactError, match=problem):
        parse_manifest(tmp_path, text.encode("latin-1"))


@pytest.mark.parametrize("path", ["../a.joblib", "/etc/passwd", "sub/a", "", ".", "..", "manifest.json"])
def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path, path: str) -> None:
    entry = {"path": path, "sha256": "0", "bytes": 1, "schema_version": "3.0"}
    with pytest.raises(TamperedArtifactError, match="path"):
        parse_manifest(tmp_path, json.dumps({**GOOD, "artifacts": {"a": entry}}).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_as_manifest_are_read_or_refused_never_a_crash(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(RegistryError):
        parse_manifest(tmp_path, text)


def test_what_a_manifest_gives_out_can_be_changed_without_harm(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    manifest = registry.manifests.load("v1")
    manifest.metadata["version"] = "other"
    manifest.feature_schema["attributes"].clear()
    manifest.runtime_versions.clear()
    again = registry.manifests.load("v1")
    assert again.metadata["version"] == "v1"
    assert len(again.feature_schema["attributes"]) == 2
    assert again.runtime_versions


def test_what_keeps_a_version_from_being_read_is_told_and_raises_nothing(
    registry: ModelRegistry, save: Save
) -> None:
    saved = save("v1")
    assert registry.unreadable("v1") == ""
    (saved.path / "manifest.json").write_text("{ spoilt", encoding="utf-8")
    assert "is broken: no JSON" in registry.unreadable("v1")
    assert registry.unreadable("v2").startswith("There is no model version 'v2'")
