"""The table of steps is the one place of their order: what hangs on it says the same."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from homes import finished, home_settings

from routing_etl.cli import app
from routing_etl.cli.night import run
from routing_etl.errors import ConfigurationError
from routing_etl.pipeline import night, sharded, sheets, steps, street
from routing_etl.pipeline.context import Context, shard_step, step
from routing_etl.pipeline.results import CheckOutcomes, Published, Scored
from routing_etl.pipeline.training import TrainingRequest
from routing_etl.runs import find_run, new_run
from routing_etl.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SCORED = Scored("v1", 3, 2, 1, {}, {}, 0.5, None)
PUBLISHED = Published(1, None, True, 0.1, {}, False, ())


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(home_settings(tmp_path), new_run(tmp_path, "run_1"))


def test_names_and_titles_are_unique_and_every_step_comes_after_what_it_needs() -> None:
    for values in (
        [s.name for s in street.STEPS],
        [s.title for s in street.STEPS],
        [s.function for s in street.STEPS],
    ):
        assert len(values) == len(set(values))
    for number, row in enumerate(street.STEPS):
        assert all(street.STEPS.index(need) < number for need in row.needs), row.name
        assert row.on is None or street.STEPS.index(row.on) < number, row.name
    assert [s.name for s in street.STEPS if s.on is None] == ["extract"]


def test_the_readmes_row_is_the_night() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(r"## How the data flows\n\n((?:    .*\n)+)", text)
    found = [re.sub(r"\(.*?\)", "", part).strip() for part in " ".join(row.split()).split("->")]
    assert found == [f"[{s.title} ]" if s.optional else s.title for s in street.NIGHT]


def test_the_help_of_the_night_lists_its_steps() -> None:
    assert run.__doc__ is not None and run.__doc__.startswith(f"The night: {street.in_words()}.")


def test_every_command_of_the_table_exists() -> None:
    commands = {c.name or (c.callback.__name__ if c.callback else "") for c in app.app.registered_commands}
    assert {s.command for s in street.STEPS} <= commands


@pytest.mark.parametrize("row", street.STEPS, ids=lambda s: s.name)
def test_every_function_of_the_table_is_the_step_that_it_is_named_for(row: street.Step[object]) -> None:
    """The decorator over the function names the same row, and the function returns the row's type."""
    module, name = row.function.split(".")
    function = inspect.unwrap(getattr(sheets if module == "sheets" else steps, name))
    [node] = [n for n in ast.parse(inspect.getsource(function)).body if isinstance(n, ast.FunctionDef)]
    named = [ast.unparse(d) for d in node.decorator_list]
    assert [n.removeprefix("step(street.").removesuffix(")") for n in named] == [row.name.upper()]
    assert node.returns is not None and ast.unparse(node.returns) == row.result.__name__


@pytest.mark.parametrize(
    ("row", "behind"),
    [
        (
            street.EXTRACT,
            "clean check_source aggregate_times review_standards check_health train evaluate score check_candidates load publish measure write_sheets",
        ),
        (
            street.CLEAN,
            "check_source aggregate_times review_standards check_health train evaluate score check_candidates load publish measure write_sheets",
        ),
        (street.CHECK_SOURCE, ""),
        (street.AGGREGATE_TIMES, "review_standards check_health train evaluate"),
        (street.REVIEW_STANDARDS, "check_health"),
        (street.CHECK_HEALTH, ""),
        (street.TRAIN, ""),
        (street.SCORE, "check_candidates load publish measure write_sheets"),
        (street.CHECK_CANDIDATES, "load publish measure write_sheets"),
        (street.LOAD, "publish measure write_sheets"),
        (street.PUBLISH, "measure write_sheets"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_step_done_again_withdraws_what_was_made_from_it(row: street.Step[object], behind: str) -> None:
    assert [s.name for s in row.invalidates] == behind.split()


def test_doing_a_step_again_forgets_the_reports_and_outcomes_behind_it(ctx: Context) -> None:
    @step(street.SCORE)
    def score(_: Context) -> Scored:
        return SCORED

    run = ctx.run
    run.write(street.MEASURE.report, finished(street.MEASURE, None))
    run.write(street.PUBLISH.report, finished(street.PUBLISH, PUBLISHED))
    run.write(street.LOAD.report, finished(street.LOAD, None), shard=1)
    assert street.CHECK_CANDIDATES.outcomes is not None and street.CHECK_SOURCE.outcomes is not None
    run.write(street.CHECK_CANDIDATES.outcomes, CheckOutcomes(()))
    run.write(street.CHECK_SOURCE.outcomes, CheckOutcomes(()))
    made = score(ctx)
    assert (made.step, made.result, run.read(street.SCORE.report)) == ("score", SCORED, made)
    assert not any(run.has(s.report) for s in (street.PUBLISH, street.MEASURE))
    assert not run.has(street.LOAD.report, shard=1)
    assert not run.has(street.CHECK_CANDIDATES.outcomes) and run.has(street.CHECK_SOURCE.outcomes)


def test_a_step_that_fails_leaves_no_report_of_before(ctx: Context) -> None:
    @step(street.PUBLISH)
    def publish(_: Context) -> Published:
        raise ConfigurationError("no", remedy="none")

    ctx.run.write(street.PUBLISH.report, finished(street.PUBLISH, PUBLISHED))
    with pytest.raises(ConfigurationError):
        publish(ctx)
    assert not ctx.run.has(street.PUBLISH.report)


def test_shards_keep_each_others_reports_and_merging_keeps_them_all(ctx: Context) -> None:
    @shard_step(street.SCORE_SHARD)
    def score_shard(_: Context, *, shard: int) -> sharded.ScoredShard:
        return sharded.ScoredShard(shards=2, model_version=f"v{shard}")

    @step(street.SCORE, merges=True)
    def merge(_: Context) -> Scored:
        return SCORED

    for shard in (0, 1):
        assert score_shard(ctx, shard=shard).shard == shard
    merge(ctx)
    assert ctx.require(street.SCORE) == SCORED
    assert all(ctx.run.has(street.SCORE_SHARD.report, shard=k) for k in (0, 1))
    score_shard(ctx, shard=1)
    assert ctx.result(street.SCORE) is None and ctx.run.has(street.SCORE_SHARD.report, shard=0)


def test_what_is_missing_names_the_step_and_its_command(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="The step 'score' of run run_1 has not finished") as error:
        ctx.require(street.SCORE)
    assert error.value.remedy == "Run: routing-etl score"
    with pytest.raises(ConfigurationError, match="has finished the step 'aggregate_times'") as error:
        find_run(tmp_path, None, having=street.AGGREGATE_TIMES.report)
    assert "routing-etl times," in error.value.remedy
    with pytest.raises(ConfigurationError, match="has finished the step 'clean'") as error:
        find_run(tmp_path, None, having=street.CLEAN.report)
    assert "routing-etl extract," in error.value.remedy


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose nights are not recorded."""
    from contextlib import nullcontext

    monkeypatch.setattr(night, "ensure_warehouse", lambda _: None)
    monkeypatch.setattr(night, "recorded", lambda *_: nullcontext())
    return home_settings(tmp_path)


@pytest.mark.parametrize(
    ("due", "items", "left_out"),
    [
        ("there is no champion yet", 3, []),
        (None, 3, ["train"]),
        (None, 0, ["train", "check_candidates", "load", "publish", "measure"]),
    ],
)
def test_a_night_does_every_step_in_order(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, due: str | None, items: int, left_out: list[str]
) -> None:
    done: list[str] = []

    def fake(row: street.Step[object]):
        def do(_: Context, *why: object, **asked: object) -> object:
            done.append(row.name)
            assert why == ((TrainingRequest(reason=due),) if row is street.TRAIN else ())
            assert asked == ({"full": True} if row in (street.EXTRACT, street.SCORE) else {})
            result = Scored("v1", items, items, 0, {}, {}, None, None) if row is street.SCORE else None
            return finished(row, result)

        return do

    for row in street.NIGHT:
        module, name = row.function.split(".")
        monkeypatch.setattr(sheets if module == "sheets" else steps, name, fake(row))
    monkeypatch.setattr(night, "training_due", lambda _: due)
    monkeypatch.setattr(night, "train_or_go_on", lambda _, run: run())
    monkeypatch.setattr(night, "examine_again", lambda *_: done.append("the data once more"))
    night.night(settings, full=True)
    expected = [s.name for s in street.NIGHT if s.name not in left_out]
    if due:  # the training may have made a new champion, which knows what decides
        expected.insert(expected.index("train") + 1, "the data once more")
    assert done == expected


def test_the_command_publish_does_its_steps_in_order() -> None:
    assert [s.name for s in street.of_command("publish")] == [
        "check_candidates",
        "load",
        "publish",
        "measure",
    ]
    assert [s.name for s in street.of_command("extract")] == ["extract", "clean"]
