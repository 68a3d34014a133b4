"""The version of an asset's code follows the source that computes it, and nothing else."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest

from dagster_defs.assets.common import MADE, PACKAGE, code_version, made_by
from dagster_defs.definitions import build_defs
from routing_etl.errors import ConfigurationError
from routing_etl.pipeline import street

SOURCE = ("frames.py", "times")
FILES = {
    "frames.py": b"a = 1\nb = 2\n",
    "times/__init__.py": b"",
    "times/profiles.py": b"c = 3\n",
    "times/Words.toml": b"[words]\n",
    "times/deep/inner.py": b"d = 4\n",
    "model/predictor.py": b"e = 5\n",
}


def package(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def version(tmp_path: Path) -> str:
    return code_version(SOURCE, package(tmp_path / "before", FILES))


def test_the_version_is_a_known_one_on_every_platform(version: str) -> None:
    assert version == "d1ebd21a96"


@pytest.mark.parametrize(
    "changed",
    [
        {"frames.py": b"a = 2\nb = 2\n"},
        {"times/deep/inner.py": b"d = 5\n"},
        {"times/Words.toml": b"[terms]\n"},
        {"times/new.py": b""},
        {"times/__init__.py": b"c = 3\n", "times/profiles.py": b""},
    ],
)
def test_another_version_when_the_source_changes(
    tmp_path: Path, version: str, changed: dict[str, bytes]
) -> None:
    assert code_version(SOURCE, package(tmp_path / "after", FILES | changed)) != version


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {name: content.replace(b"\n", b"\r\n") for name, content in FILES.items()},
        {"model/predictor.py": b"e = 6\n"},
        {"times/README.md": b"# Times\n", "times/__pycache__/profiles.cpython-311.pyc": b"\0"},
    ],
    ids=["nothing", "line endings", "another room", "what is no source"],
)
def test_the_same_version_when_only_something_else_changes(
    tmp_path: Path, version: str, changed: dict[str, bytes]
) -> None:
    assert code_version(SOURCE, package(tmp_path / "after", FILES | changed)) == version


def test_the_order_of_the_table_and_a_file_named_twice_do_not_matter(tmp_path: Path, version: str) -> None:
    found = package(tmp_path / "after", FILES)
    assert code_version(("times", "frames.py", "times/profiles.py"), found) == version


@pytest.mark.parametrize("missing", ["gone.py", "gone", "docs"])
def test_source_that_is_missing_is_an_error_and_not_a_version(tmp_path: Path, missing: str) -> None:
    found = package(tmp_path, FILES | {"docs/README.md": b"# No source\n"})
    with pytest.raises(ConfigurationError, match=missing):
        code_version(("times", missing), found)


def test_every_step_says_what_computes_it_and_its_own_module_is_there() -> None:
    assert set(MADE) == set(street.STEPS)
    for step, made in MADE.items():
        assert len(made_by(step)["code_version"]) == 10, step.name
        module, function = step.function.split(".")
        computes = inspect.unwrap(getattr(import_module(f"routing_etl.pipeline.{module}"), function))
        file = Path(inspect.getfile(computes)).relative_to(PACKAGE).as_posix()
        assert file in made.source, step.name


def test_assets_of_one_room_go_together_and_those_of_others_apart(tmp_path: Path) -> None:
    graph = build_defs(home=tmp_path).get_repository_def().asset_graph
    found = {k.to_user_string(): graph.get(k).code_version for k in graph.materializable_asset_keys}
    assert found["raw/items"] == found["items"] == found["rejects"]
    assert found["loaded_publication"] == found["publication"]
    different = ("items", "time_profiles", "routing_model", "model_evaluation", "candidates", "publication")
    assert len({found[name] for name in different}) == len(different)


@pytest.mark.parametrize(("code", "same"), [("a", True), ("b", False)])
def test_what_is_made_again_has_another_data_version_only_by_other_code(code: str, same: bool) -> None:
    """What the UI compares: with the same code a night leaves no asset out of date."""

    def chain(first: str) -> list[dg.AssetsDefinition]:
        @dg.asset(code_version=first)
        def items() -> None: ...

        @dg.asset(code_version="c", deps=[items])
        def profiles() -> None: ...

        return [items, profiles]

    with dg.DagsterInstance.ephemeral() as instance:
        before, after = (
            {
                str(m.asset_key.path): (m.tags or {})["dagster/data_version"]
                for name in ("items", "profiles")
                for m in dg.materialize(chain(c), instance=instance).asset_materializations_for_node(name)
            }
            for c in ("a", code)
        )
    assert [before[name] == after[name] for name in before] == [same, same]


def test_shards_have_the_version_of_the_code_that_divides_them(tmp_path: Path) -> None:
    one, three = (build_defs(home=tmp_path, shards=n).get_repository_def().asset_graph for n in (1, 3))
    for name in ("time_profiles", "candidates", "loaded_publication"):
        key = dg.AssetKey(name)
        assert one.get(key).code_version != three.get(key).code_version
    assert one.get(dg.AssetKey("items")).code_version == three.get(dg.AssetKey("items")).code_version
    together = {three.get(dg.AssetKey(n)).code_version for n in ("prediction_shards", "candidates")}
    assert len(together) == 1
