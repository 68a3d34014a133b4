"""Somebody who can write to the model folder: files swapped at the worst moment, and pickles with a valid hash."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import pickletools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from routing_etl.errors import RegistryError, TamperedArtifactError
from routing_etl.frames import AttributeSpec
from routing_etl.registry import files
from routing_etl.registry.store import ModelRegistry, SavedVersion
from routing_etl.registry.unpickle import RefusedName, load_bytes

Save = Callable[..., SavedVersion]
ENGINE = "similarity_engine.joblib"
ran: list[str] = []


class Attack:
    """Runs code when it is unpickled without a restriction."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (_run, ("attack",))


def _run(what: str) -> None:
    ran.append(what)


class Calls:
    """A pickle that calls any function with any arguments."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def dumped(value: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


def calls(module: str, name: str) -> bytes:
    """A pickle that calls a name without arguments; a dotted name walks through attributes."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93)R."


def test_the_attack_works_where_nothing_restricts_it() -> None:
    joblib.load(io.BytesIO(dumped(Attack())))
    assert ran == ["attack"]


def test_a_file_swapped_between_hashing_and_unpickling_runs_nothing(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is overwritten in place at the moment its hash is known, so an open file changes too."""
    saved = save("v1", predictor={"weights": np.arange(300_000)})
    engine = saved.path / ENGINE
    real, wanted = hashlib.sha256, hashlib.sha256(engine.read_bytes()).hexdigest()

    class Watched:
        def __init__(self, data: bytes = b"") -> None:
            self._digest = real(data)

        def update(self, data: bytes) -> None:
            self._digest.update(data)

        def hexdigest(self) -> str:
            found = self._digest.hexdigest()
            if found == wanted:
                engine.write_bytes(dumped({"weights": np.arange(300_000), "evil": True}))
            return found

    monkeypatch.setattr(hashlib, "sha256", Watched)
    assert "evil" not in registry.load("v1")
    with pytest.raises(TamperedArtifactError, match="sha256"):
        registry.load("v1")


def test_a_json_file_swapped_after_its_hash_is_not_read(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save("v1").path / "metrics.json"
    real, wanted = Path.open, file

    def swapped_after_the_first(path: Path, *args: Any, **more: Any) -> Any:
        stream = real(path, *args, **more)
        if path == wanted:
            other = path.with_name("other")
            with real(other, "w", encoding="utf-8") as new:
                new.write('{"accuracy": 1.0}')
            other.replace(path)
        return stream

    monkeypatch.setattr(Path, "open", swapped_after_the_first)
    assert registry.read_json("v1", "metrics")["accuracy"] == 0.95


@pytest.fixture
def swap_when_saved(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    """The attacker replaces a file as soon as it is on the disk, before the version gets its name."""

    def begin(file: str, forged: bytes) -> None:
        real = files.os.fsync

        def swap(handle: int) -> None:
            real(handle)
            for path in registry.root.glob(f".saving-*/{file}"):
                path.unlink()
                path.write_bytes(forged)

        monkeypatch.setattr(files.os, "fsync", swap)

    return begin


def test_a_manifest_swapped_while_it_is_saved_is_not_signed_as_ours(
    save: Save, registry: ModelRegistry, swap_when_saved: Callable[[str, bytes], None]
) -> None:
    forged = b'{"forged": true}'
    swap_when_saved("manifest.json", forged)
    saved = save("v1")
    assert (saved.path / "manifest.json").read_bytes() == forged
    assert saved.manifest_sha256 != hashlib.sha256(forged).hexdigest()
    with pytest.raises(TamperedArtifactError):
        registry.load("v1", expected_manifest_sha256=saved.manifest_sha256)


def test_a_model_swapped_while_it_is_saved_is_not_saved(
    save: Save, registry: ModelRegistry, swap_when_saved: Callable[[str, bytes], None]
) -> None:
    swap_when_saved(ENGINE, dumped(Attack()))
    with pytest.raises(RegistryError, match=r"similarity_engine\.joblib was changed by somebody else"):
        save("v1")
    assert not ran and list(registry.list()) == []


def test_a_model_that_could_not_be_loaded_again_is_not_saved(save: Save, registry: ModelRegistry) -> None:
    with pytest.raises(RegistryError, match=r"it holds .*test_registry_hostile\._run, .* The champion stays"):
        save("v1", predictor={"model": Attack()})
    assert not ran and list(registry.list()) == []


def test_a_valid_hash_is_not_enough(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who can write the manifest too."""
    with monkeypatch.context() as patch:
        patch.setattr("routing_etl.registry.artifacts._check_loadable", lambda *_: None)
        save("v1", predictor={"model": Attack()})
    with pytest.raises(
        TamperedArtifactError, match=r"similarity_engine.joblib: it names .*test_registry_hostile._run"
    ):
        registry.load("v1")
    assert not ran


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (dumped(Calls(os.system, "false")), "posix.system" if os.name == "posix" else "nt.system"),
        (dumped(Calls(eval, "1")), "builtins.eval"),
        (dumped(Calls(getattr, 1, "real")), "builtins.getattr"),
        (dumped(Calls(subprocess.Popen, ["false"])), "subprocess.Popen"),
        (dumped(Calls(np.load, "x.npy")), "numpy.load"),
        (dumped([np.array([Attack()], dtype=object)]), "test_registry_hostile._run"),
        (calls("routing_etl.model.predictor", "resource_alternatives"), "resource_alternatives"),
        (calls("routing_etl.model.predictor", "RoutingPredictor.__init__.__globals__"), "__globals__"),
        (calls("routing_etl.model.base.columns", "np.load"), "np.load"),
        (calls("routing_etl.modelx", "Thing"), "routing_etl.modelx.Thing"),
        (calls("routing_etl.registry.files", "write_json"), "write_json"),
        (calls("joblib.numpy_pickle_compat", "NDArrayWrapper"), "NDArrayWrapper"),
        (calls("sklearn.pipeline", "clone"), "sklearn.pipeline.clone"),
        (calls("polars.lazyframe.frame", "LazyFrame"), "LazyFrame"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_no_model_contains_is_refused_by_name(content: bytes, name: str) -> None:
    with pytest.raises(RefusedName) as refused:
        load_bytes(content)
    assert name in str(refused.value)
    assert not ran


def test_an_array_that_claims_no_type_is_refused() -> None:
    from joblib.numpy_pickle import NumpyArrayWrapper

    wrapper = NumpyArrayWrapper(np.ndarray, (1,), "C", None)
    with pytest.raises(RefusedName, match="an array of type NoneType"):
        load_bytes(pickle.dumps(wrapper, protocol=4))


def test_plain_arrays_and_arrays_of_texts_come_back() -> None:
    value = {
        "a": np.arange(5.0),
        "b": np.array(["재질", None], dtype=object),
        "c": np.float32(3),
        "d": {1, 2},
    }
    found = load_bytes(dumped(value))
    assert found["a"].tolist() == value["a"].tolist()
    assert found["b"].tolist() == ["재질", None]
    assert (found["c"], found["d"]) == (3, {1, 2})


def test_bytes_that_are_no_pickle_are_one_sentence(save: Save, registry: ModelRegistry) -> None:
    saved = save("v1")
    rubbish = b"\x80\x04."
    (saved.path / ENGINE).write_bytes(rubbish)
    manifest = json.loads((saved.path / "manifest.json").read_bytes())
    manifest["artifacts"]["similarity_engine"].update(
        sha256=hashlib.sha256(rubbish).hexdigest(), bytes=len(rubbish)
    )
    (saved.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(TamperedArtifactError, match="cannot be unpickled"):
        registry.load("v1")


@pytest.mark.parametrize("target", ["../../elsewhere", "/tmp/elsewhere", "..", ".saving-v1"])
def test_an_alias_cannot_point_outside_the_registry(save: Save, registry: ModelRegistry, target: str) -> None:
    save("v1")
    (registry.root / "aliases.json").write_text(json.dumps({"serial": 1, "aliases": {"champion": target}}))
    with pytest.raises(RegistryError, match="not usable"):
        registry.load("champion")


def estimators() -> dict[str, Any]:
    """Every kind of estimator that `routing_etl.model` fits, fitted."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
    )
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeRegressor

    x = np.random.default_rng(1).random((60, 3))
    number, two, three = x[:, 0], x[:, 0] > 0.5, np.array(["a", "b", "c"])[(x[:, 1] * 3).astype(int)]
    return {
        "forest": ExtraTreesRegressor(5, random_state=1).fit(x, x[:, :2]),
        "classes": ExtraTreesClassifier(5, random_state=np.random.RandomState(1)).fit(x, three),
        "random forest": RandomForestClassifier(5).fit(x, three),
        "tree": DecisionTreeRegressor().fit(x, number),
        "boosted": HistGradientBoostingRegressor(max_iter=3, max_features=0.5).fit(x, number),
        "categorical": HistGradientBoostingRegressor(max_iter=3, categorical_features=[0]).fit(
            np.round(x * 5), number
        ),
        "absolute": HistGradientBoostingRegressor(loss="absolute_error", max_iter=3).fit(x, number),
        "quantile": HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=3).fit(x, number),
        "binary": HistGradientBoostingClassifier(max_iter=3).fit(x, two),
        "multinomial": HistGradientBoostingClassifier(max_iter=3).fit(x, three),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()).fit(x, two),
        "isotonic": IsotonicRegression(out_of_bounds="clip").fit(number, number**2),
        "clusters": MiniBatchKMeans(3, random_state=np.random.RandomState(2)).fit(x),
        "svd": TruncatedSVD(2).fit(x),
    }


def test_every_estimator_that_a_model_is_made_of_comes_back() -> None:
    fitted = estimators()
    found = load_bytes(dumped(fitted))
    assert found.keys() == fitted.keys()
    for name, model in fitted.items():
        assert type(found[name]) is type(model)
        assert vars(found[name]).keys() == vars(model).keys()


def test_frames_and_sparse_matrices_come_back() -> None:
    import polars as pl
    from scipy import sparse

    frame = pl.DataFrame(
        {
            "a": ["재질", None],
            "b": [1.5, 2],
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "d": [[1], []],
        },
        schema_overrides={"b": pl.Float32},
    )
    found = load_bytes(
        dumped([frame, frame["a"], frame.schema["c"], sparse.eye(3, format="csr"), sparse.csc_array((2, 2))])
    )
    assert found[0].equals(frame) and found[0].schema == frame.schema
    assert found[1].equals(frame["a"]) and found[2] == pl.Categorical
    assert found[3].sum() == 3 and found[4].shape == (2, 2)


def test_item_attributes_are_saved_by_the_path_that_older_versions_know() -> None:
    spec = AttributeSpec("outer_mm", "number", unit="mm")
    named = {argument for _, argument, _ in pickletools.genops(dumped(spec)) if isinstance(argument, str)}
    assert load_bytes(dumped(spec)) == spec
    assert {name for name in named if "routing_etl" in name} == {"routing_etl.frames"}


@pytest.mark.parametrize(
    ("file", "error"), [("manifest.json", TamperedArtifactError), ("aliases.json", RegistryError)]
)
def test_json_nested_a_hundred_thousand_deep_is_one_sentence(
    save: Save, registry: ModelRegistry, file: str, error: type[RegistryError]
) -> None:
    folder = save("v1").path if file == "manifest.json" else registry.root
    registry.root.mkdir(exist_ok=True)
    (folder / file).write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(error, match=r"is broken: .*nested") as caught:
        registry.load("v1" if file == "manifest.json" else "champion")
    assert len(str(caught.value)) < 500
