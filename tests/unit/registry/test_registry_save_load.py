"""Saving and loading versions: the artifact set, the JSON contents, names, and what happens when a save dies."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.errors import DiskFullError, LockedError, RegistryError, TamperedArtifactError
from routing_etl.registry.artifacts import metrics_file
from routing_etl.registry.files import json_bytes
from routing_etl.registry.store import ModelRegistry, SavedVersion

Save = Callable[..., SavedVersion]

FILES = {
    "similarity_engine.joblib", "feature_columns.json",
    "active_features.json", "feature_importance.json", "feature_statistics.json", "feature_recommendations.json",
    "feature_weights.json", "training_metadata.json", "training_request.json", "training_metrics.json",
    "time_profiles.json", "metrics.json", "manifest.json",
}  # fmt: skip


def _json(saved: SavedVersion, name: str) -> Any:
    return json.loads((saved.path / f"{name}.json").read_text(encoding="utf-8"))


def test_a_version_has_the_legacy_artifact_set_and_loads_back(save: Save, registry: ModelRegistry) -> None:
    saved = save("v1")
    assert {p.name for p in saved.path.iterdir()} == FILES
    loaded = registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)
    assert loaded.predict(np.array([[10.0]]))[0] == pytest.approx(21.0)
    assert _json(saved, "feature_columns") == {"재질": True}


def test_documents_are_made_from_the_files_as_written_listed_and_verified(
    save: Save, registry: ModelRegistry
) -> None:
    seen: list[dict[str, Any]] = []

    def documents(contents: Any) -> dict[str, str]:
        seen.append(contents)
        return {"model_card": f"# 카드 {contents['metrics']['model_version']}\n"}

    saved = save("v1", documents=documents, metrics={"accuracy": float("nan"), "extra": np.float64(0.5)})
    assert {p.name for p in saved.path.iterdir()} == FILES | {"model_card.md"}
    for name, content in seen[0].items():
        assert content == _json(saved, name)
    assert "model_card.md" in _json(saved, "manifest")["metadata"]["files"]
    assert registry.read_text("v1", "model_card") == "# 카드 v1\n"
    (saved.path / "model_card.md").write_text("# better\n", encoding="utf-8")
    with pytest.raises(TamperedArtifactError, match=r"model_card\.md"):
        registry.read_text("v1", "model_card")
    assert not registry.verify("v1").ok


def test_a_document_that_cannot_be_made_leaves_no_version_behind(save: Save, registry: ModelRegistry) -> None:
    def documents(contents: Any) -> dict[str, str]:
        raise KeyError("metrics")

    with pytest.raises(KeyError):
        save("v1", documents=documents)
    assert registry.list() == () and not list(registry.root.glob(".saving-*"))


def test_metrics_json_keeps_the_legacy_fields_in_order(save: Save) -> None:
    metrics = _json(save("v1"), "metrics")
    assert list(metrics)[:9] == [
        "generated_at", "model_version", "training_samples", "dataset_stats", "training_duration_sec", "accuracy",
        "precision_weighted", "recall_weighted", "f1_weighted",
    ]  # fmt: skip
    assert metrics["model_version"] == "v1"
    assert metrics["f1_weighted"] == 0.935
    assert metrics["measured"] is True
    assert metrics["reasons"] == {}


def test_what_was_not_measured_is_null_with_a_reason(save: Save) -> None:
    given_reasons = {"f1_weighted": "no held-out item had a label"}
    metrics = _json(
        save("v1", metrics={"accuracy": float("nan"), "mae": float("inf"), "reasons": given_reasons}),
        "metrics",
    )
    assert metrics["accuracy"] is None
    assert metrics["mae"] is None
    assert metrics["measured"] is False
    assert metrics["reasons"]["accuracy"] == "not a finite number"
    assert metrics["reasons"]["mae"] == "not a finite number"
    assert metrics["reasons"]["recall_weighted"] == "not measured"
    assert metrics["reasons"]["f1_weighted"] == "no held-out item had a label"


@given(st.dictionaries(st.sampled_from(["accuracy", "f1_weighted", "mae", "x"]), st.none() | st.floats()))
def test_metrics_json_is_always_valid_and_every_null_has_its_reason(metrics: dict[str, Any]) -> None:
    content = metrics_file(metrics, "v1", "2026-01-01T00:00:00+00:00")
    assert json.loads(json_bytes(content)) == content
    legacy = {"training_samples", "dataset_stats", "training_duration_sec", "accuracy", "f1_weighted"}
    assert all(field in content for field in legacy)
    assert all(content["reasons"].get(field) for field in legacy if content[field] is None)
    assert content["measured"] == any(
        content[s] is not None for s in ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")
    )


def test_manifest_metadata_and_requests_say_where_the_version_comes_from(
    save: Save, registry: ModelRegistry
) -> None:
    saved = save("v1")
    manifest = _json(saved, "manifest")
    assert manifest["hash_algorithm"] == "sha256"
    assert manifest["metadata"]["job"] == {"id": "run_1", "requested_by": "kim"}
    assert set(manifest["metadata"]["files"]) == FILES - {"manifest.json"}
    assert [a["name"] for a in manifest["feature_schema"]["attributes"]] == ["material", "outer_mm"]
    assert {"python", "joblib", "scikit_learn", "numpy", "polars", "routing_etl"} == set(
        manifest["runtime_versions"]
    )
    assert _json(saved, "training_request") == {
        "version_name": "v1", "requested_by": "kim", "source": "sqlite:///erp.db",
    }  # fmt: skip
    assert _json(saved, "training_metrics")["saved_dir"] == str(saved.path)
    assert _json(saved, "training_metadata")["runtime_versions"] == manifest["runtime_versions"]
    assert _json(saved, "active_features") == {"재질": True}
    assert "재질" in (saved.path / "active_features.json").read_text(encoding="utf-8")
    details = registry.show("v1")
    assert details.attributes == ("material", "outer_mm")
    assert details.metrics["accuracy"] == 0.95


def test_numpy_values_become_plain_json(save: Save, registry: ModelRegistry) -> None:
    metadata = {
        "counts": np.array([1, 2]),
        "share": np.float32(0.5),
        "parts": {
            "b",
        },
        "flag": np.bool_(True),
    }
    save("v1", metadata=metadata)
    stored = registry.read_json("v1", "training_metadata")
    assert (stored["counts"], stored["share"], stored["parts"], stored["flag"]) == ([1, 2], 0.5, ["b"], True)


def test_a_version_without_a_name_is_called_by_the_time_and_stays_unique(save: Save) -> None:
    first, second, third = save(), save(), save()
    assert first.name.startswith("version_2")
    assert len({first.name, second.name, third.name}) == 3


def test_a_taken_name_is_refused_and_the_version_untouched(save: Save, registry: ModelRegistry) -> None:
    saved = save("v1")
    before = (saved.path / "manifest.json").read_bytes()
    for name in ("v1", "V1"):
        with pytest.raises(RegistryError, match=r"exists already.*another name"):
            save(name)
        with pytest.raises(RegistryError, match="exists already"):
            registry.check_name(name)
    assert (saved.path / "manifest.json").read_bytes() == before
    assert [v.name for v in registry.list()] == ["v1"]


@pytest.mark.parametrize("name", ["../outside", "a/b", "champion", "x" * 129])
def test_a_bad_name_leaves_nothing_behind(save: Save, registry: ModelRegistry, name: str) -> None:
    with pytest.raises(RegistryError):
        save(name)
    assert registry.list() == ()
    assert not (registry.root.parent / "outside").exists()


def test_a_name_of_128_characters_can_be_saved(save: Save, registry: ModelRegistry) -> None:
    assert save("n" * 128).path.is_dir()
    assert registry.load("n" * 128) is not None


@pytest.mark.parametrize("lacking", ["feature_columns", "feature_weights", "feature_importance"])
def test_an_incomplete_artifact_set_is_refused_by_name(
    save: Save, registry: ModelRegistry, lacking: str
) -> None:
    from routing_etl.registry.artifacts import JSON_ARTIFACTS

    with pytest.raises(RegistryError, match=lacking):
        save(
            "v1",
            json_artifacts={n: {} for n in JSON_ARTIFACTS if n != lacking},
        )
    assert registry.list() == ()


def test_the_registrys_own_files_cannot_be_replaced_by_artifacts(save: Save) -> None:
    from routing_etl.registry.artifacts import JSON_ARTIFACTS

    with pytest.raises(RegistryError, match="metrics"):
        save("v1", json_artifacts={**{n: {} for n in JSON_ARTIFACTS}, "metrics": {"accuracy": 1.0}})


def test_a_full_disk_leaves_no_half_version_and_the_next_save_works(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(value: object, stream: Any, **_: object) -> None:
        stream.write(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(joblib, "dump", full)
        with pytest.raises(DiskFullError, match="Free space"):
            save("v1")
    assert [p.name for p in registry.root.iterdir()] == [".lock"]
    assert save("v1").path.is_dir()


def test_an_unpicklable_predictor_leaves_nothing(save: Save, registry: ModelRegistry) -> None:
    with pytest.raises(Exception, match="pickle"):
        save("v1", predictor=lambda x: x)
    assert registry.list() == ()
    assert not list(registry.root.glob(".saving-*"))


def test_a_registry_in_use_names_itself_after_the_time_out(save: Save, registry: ModelRegistry) -> None:
    registry.root.mkdir()
    with FileLock(str(registry.root / ".lock")), pytest.raises(LockedError, match="in use") as caught:
        save("v1")
    assert caught.value.transient
    assert save("v1").path.is_dir()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_a_save_killed_in_the_middle_is_invisible_and_cleaned_up_by_the_next(
    save: Save, registry: ModelRegistry
) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from routing_etl.registry.artifacts import JSON_ARTIFACTS
        from routing_etl.registry.store import ModelRegistry
        from routing_etl.registry.versions import VersionContents

        class Deadly:
            def __reduce__(self):
                os.kill(os.getpid(), signal.SIGKILL)

        contents = VersionContents(
            {{"weights": [1.0] * 100000, "last": Deadly()}}, metrics={{}}, metadata={{}}, time_profiles={{}},
            json_artifacts={{n: {{}} for n in JSON_ARTIFACTS}},
        )
        ModelRegistry(Path({str(registry.root)!r})).save(contents, name="killed")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    leftovers = list(registry.root.glob(".saving-killed-*"))
    assert len(leftovers) == 1
    assert (leftovers[0] / "similarity_engine.joblib").stat().st_size > 0
    assert registry.list() == ()
    with pytest.raises(RegistryError, match="no model version 'killed'"):
        registry.load("killed")
    assert save("killed").path.is_dir()
    assert not list(registry.root.glob(".saving-*"))


def test_a_missing_version_lists_those_there_are(save: Save, registry: ModelRegistry) -> None:
    with pytest.raises(RegistryError, match=r"'v9'.*versions: none"):
        registry.load("v9")
    save("v1")
    save("v2")
    for read in (registry.load, registry.show, registry.verify):
        with pytest.raises(RegistryError, match=r"'v9'.*versions: v1, v2"):
            read("v9")
    with pytest.raises(RegistryError, match="No model version is champion"):
        registry.load("champion")


def test_the_list_is_newest_first_and_shows_a_broken_version(save: Save, registry: ModelRegistry) -> None:
    save("a")
    save("b")
    (save("c").path / "manifest.json").write_text("{", encoding="utf-8")
    listed = {v.name: v for v in registry.list()}
    assert [v.name for v in registry.list() if v.problem is None] == ["b", "a"]
    assert "broken" in (listed["c"].problem or "")
    assert listed["a"].measured
    assert listed["a"].bytes > 0
    assert list(registry.metrics_by_version()) == ["b", "a"]
    assert registry.metrics_by_version()["b"]["accuracy"] == 0.95


def test_an_empty_registry_lists_nothing_and_makes_no_folder(registry: ModelRegistry) -> None:
    assert registry.list() == ()
    assert registry.alias("champion") is None
    assert not registry.root.exists()


def test_other_folders_and_files_in_the_root_are_left_alone(save: Save, registry: ModelRegistry) -> None:
    registry.root.mkdir()
    (registry.root / "README.md").write_text("about", encoding="utf-8")
    save("v1")
    registry.prune(0)
    assert (registry.root / "README.md").read_text(encoding="utf-8") == "about"


def test_reading_one_json_artifact_verifies_it(save: Save, registry: ModelRegistry, tmp_path: Path) -> None:
    saved = save("v1")
    assert registry.read_json("v1", "time_profiles")["profiles"]["STD"] == 2.0
    (saved.path / "time_profiles.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"time_profiles\.json"):
        registry.read_json("v1", "time_profiles")
