"""Champion and challenger: exactly one champion, every change on record, and pruning that spares them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_etl.errors import RegistryError
from routing_etl.registry import aliases as aliases_module
from routing_etl.registry.store import ModelRegistry, SavedVersion

Save = Callable[..., SavedVersion]


def test_promotion_moves_the_one_champion_and_retires_the_former(save: Save, registry: ModelRegistry) -> None:
    for name in ("v1", "v2", "v3"):
        save(name)
    registry.set_alias("champion", "v1", "kim", "first model")
    registry.set_alias("challenger", "v2", "kim", "candidate")
    registry.set_alias("champion", "v2", "lee", "better on the frozen window")
    assert registry.alias("champion") == "v2"
    assert registry.alias("challenger") is None
    status = {v.name: v.status for v in registry.list()}
    assert status == {"v1": "retired", "v2": "active", "v3": "pending"}
    assert sum(s == "active" for s in status.values()) == 1
    history = registry.alias_history()
    assert [(c.event, c.alias, c.from_version, c.to_version, c.who) for c in history] == [
        ("set", "champion", None, "v1", "kim"),
        ("set", "challenger", None, "v2", "kim"),
        ("set", "champion", "v1", "v2", "lee"),
    ]
    assert history[2].why == "better on the frozen window"
    assert [c.serial for c in history] == [1, 2, 3]
    assert registry.load("champion") is not None
    assert registry.resolve("champion") == "v2"


def test_rollback_goes_back_one_champion_and_then_to_the_one_before(
    save: Save, registry: ModelRegistry
) -> None:
    for name in ("v1", "v2", "v3"):
        save(name)
        registry.set_alias("champion", name, "kim", "newer")
    assert registry.rollback_champion("kim", "v3 is worse in the shop").to_version == "v2"
    assert registry.alias("champion") == "v2"
    assert registry.alias_history()[-1].why == "v3 is worse in the shop"


def test_rollback_without_a_former_champion_says_so(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    registry.set_alias("champion", "v1", "kim", "first")
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback_champion("kim", "back")


def test_an_unmeasured_version_cannot_become_champion(save: Save, registry: ModelRegistry) -> None:
    save("v1", metrics={"reasons": {"accuracy": "no held-out items"}})
    with pytest.raises(RegistryError, match=r"v1.*no measured score"):
        registry.set_alias("champion", "v1", "kim", "try")
    registry.set_alias("challenger", "v1", "kim", "look at it")
    assert registry.alias("challenger") == "v1"
    assert registry.alias("champion") is None


@pytest.mark.parametrize(
    ("alias", "name", "who", "why", "match"),
    [
        ("best", "v1", "kim", "x", "no alias 'best'"),
        ("champion", "v9", "kim", "x", "no model version 'v9'"),
        ("champion", "v1", "", "x", "Who"),
        ("champion", "v1", "kim", "  ", "why"),
        ("champion", "../v1", "kim", "x", "not usable"),
    ],
)
def test_wrong_promotions_change_nothing(
    save: Save, registry: ModelRegistry, alias: str, name: str, who: str, why: str, match: str
) -> None:
    save("v1")
    with pytest.raises(RegistryError, match=match):
        registry.set_alias(alias, name, who, why)
    assert registry.alias("champion") is None
    assert registry.alias_history() == ()


def test_the_champion_cannot_challenge_itself(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    registry.set_alias("champion", "v1", "kim", "first")
    with pytest.raises(RegistryError, match="cannot challenge itself"):
        registry.set_alias("challenger", "v1", "kim", "x")
    assert registry.alias("champion") == "v1"


def test_a_broken_alias_file_is_an_error_not_an_empty_registry(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    registry.set_alias("champion", "v1", "kim", "first")
    for text in (
        "{",
        "[]",
        '{"serial": 1}',
        '{"serial": 1, "aliases": {"best": "v1"}}',
        '{"serial": 1, "aliases": {"champion": 3}}',
    ):
        (registry.root / "aliases.json").write_text(text, encoding="utf-8")
        with pytest.raises(RegistryError, match=r"alias file .* is broken"):
            registry.load("champion")
        with pytest.raises(RegistryError, match="broken"):
            registry.prune(0)
    assert [v.name for v in registry.root.iterdir() if v.name == "v1"]


def test_a_promotion_that_dies_before_it_is_in_force_is_marked_by_the_next(
    save: Save, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("v1")
    save("v2")
    registry.set_alias("champion", "v1", "kim", "first")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(aliases_module, "write_json", dies)
        with pytest.raises(KeyboardInterrupt):
            registry.set_alias("champion", "v2", "kim", "second")
    assert registry.alias("champion") == "v1"
    assert registry.alias_history()[-1].to_version == "v2"
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback_champion("kim", "nothing was ever replaced")
    registry.set_alias("champion", "v2", "lee", "again")
    events = [(c.serial, c.event, c.to_version) for c in registry.alias_history()]
    assert events == [(1, "set", "v1"), (2, "set", "v2"), (2, "abandoned", "v2"), (3, "set", "v2")]
    registry.set_alias("champion", "v1", "lee", "back")
    assert [c.event for c in registry.alias_history()].count("abandoned") == 1


def test_a_log_line_cut_off_by_a_crash_does_not_spoil_the_log(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    registry.set_alias("champion", "v1", "kim", "first")
    audit = registry.root / "aliases.audit.jsonl"
    with audit.open("a", encoding="utf-8") as stream:
        stream.write('{"serial": 2, "at": "20')
    save("v2")
    registry.set_alias("champion", "v2", "kim", "second")
    assert [c.to_version for c in registry.alias_history()] == ["v1", "v2"]


def test_the_audit_log_only_grows(save: Save, registry: ModelRegistry) -> None:
    audit = registry.root / "aliases.audit.jsonl"
    text = ""
    for name in ("v1", "v2", "v3"):
        save(name)
        registry.set_alias("champion", name, "김", "더 좋음")
        assert audit.read_text(encoding="utf-8").startswith(text)
        text = audit.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3
    assert json.loads(text.splitlines()[0])["why"] == "더 좋음"


def test_prune_keeps_the_newest_and_whatever_an_alias_needs(save: Save, registry: ModelRegistry) -> None:
    for number in range(1, 9):
        save(f"v{number}")
    registry.set_alias("champion", "v1", "kim", "first")
    registry.set_alias("champion", "v2", "kim", "second")
    registry.set_alias("challenger", "v3", "kim", "look")
    removed = registry.prune(2, protect={"v4"})
    assert removed == ("v6", "v5")
    assert {v.name for v in registry.list()} == {"v1", "v2", "v3", "v4", "v7", "v8"}
    assert registry.prune(2, protect={"v4"}) == ()
    assert [c.from_version for c in registry.alias_history() if c.event == "removed"] == ["v6", "v5"]
    assert registry.rollback_champion("kim", "still there").to_version == "v1"
    with pytest.raises(RegistryError, match="negative"):
        registry.prune(-1)


def test_a_version_that_a_reader_cached_is_gone_after_pruning(save: Save, registry: ModelRegistry) -> None:
    save("v1")
    registry.show("v1")
    assert registry.prune(0) == ("v1",)
    with pytest.raises(RegistryError, match="no model version 'v1'"):
        registry.show("v1")
    assert not list(registry.root.glob(".removing-*"))


def test_a_half_removed_version_is_cleaned_up_by_the_next_save(save: Save, registry: ModelRegistry) -> None:
    save("v1").path.rename(registry.root / ".removing-v1-dead")
    save("v2")
    assert not list(registry.root.glob(".removing-*"))
    assert [v.name for v in registry.list()] == ["v2"]


def test_parallel_promotions_leave_one_champion_and_a_line_for_each(
    save: Save, registry: ModelRegistry
) -> None:
    names = [f"v{n}" for n in range(6)]
    for name in names:
        save(name)

    def promote(name: str) -> None:
        ModelRegistry(registry.root, lock_timeout=30).set_alias("champion", name, "kim", "race")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(promote, names))
    history = registry.alias_history()
    assert len(history) == 6
    assert {c.to_version for c in history} == set(names)
    assert [c.from_version for c in history[1:]] == [c.to_version for c in history[:-1]]
    assert registry.alias("champion") == history[-1].to_version


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["v1", "v2", "v3", "rollback", "prune"]), max_size=8))
def test_whatever_happens_the_champion_is_on_the_disk_and_loads(
    tmp_path_factory: pytest.TempPathFactory, predictor: object, steps: list[str]
) -> None:
    from routing_etl.registry.artifacts import JSON_ARTIFACTS
    from routing_etl.registry.versions import VersionContents

    registry = ModelRegistry(tmp_path_factory.mktemp("registry") / "models")
    for name in ("v1", "v2", "v3"):
        contents = VersionContents(
            {"name": name}, metrics={"accuracy": 0.5}, metadata={}, time_profiles={},
            json_artifacts={n: {} for n in JSON_ARTIFACTS},
        )  # fmt: skip
        registry.save(contents, name=name)
    for step in steps:
        try:
            if step == "rollback":
                registry.rollback_champion("kim", "back")
            elif step == "prune":
                registry.prune(0)
            else:
                registry.set_alias("champion", step, "kim", "forward")
        except RegistryError:
            continue
    champion = registry.alias("champion")
    if champion is not None:
        assert registry.load("champion") == {"name": champion}
