"""The command line as a person uses it: exit codes, one sentence on stderr, tables on stdout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from homes import NO_REHEARSAL, ask, home_settings
from rich.console import Console

from routing_etl import runs
from routing_etl.cli import app
from routing_etl.cli.display.models import train_result
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.pipeline.training import TrainingRequest

pytestmark = pytest.mark.integration


class Result:
    """Exit code and what was printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)

    def run(home: Path, *words: str) -> Result:
        monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
        with pytest.raises(SystemExit) as end:
            app.main(list(words))
        printed = capsys.readouterr()
        return Result(int(end.value.code or 0), printed.out, printed.err)

    return run


def test_help_lists_the_commands(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = call(tmp_path, "--help")
    assert result.code == 0
    listed = set(re.findall(r"^\W*([a-z][a-z-]+) ", result.out, re.MULTILINE))
    assert {"demo", "run", "predict", "models", "sql", "adopt", "load-adventureworks"} <= listed
    names = {c.name or (c.callback.__name__ if c.callback else "") for c in app.app.registered_commands}
    assert names | {g.name for g in app.app.registered_groups} <= listed


def test_a_wrong_option_is_a_usage_error(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = call(tmp_path, "run", "--no-such-option")
    assert result.code == 2 and "--no-such-option" in result.err and "--help" in result.err


def test_evaluate_with_an_impossible_option_names_it_with_its_value_and_what_it_may_be(
    call, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    report = runs.new_run(tmp_path, "run_1").reports / "aggregate_times.json"
    report.write_text("{}", encoding="utf-8")
    result = call(tmp_path, "evaluate", "--split", "nonsense")
    assert result.code == 2
    assert result.err.strip() == (
        "Error: Option split = 'nonsense' of the evaluation cannot be used. Use one of recent, time, family, loo, type."
    )
    for value in ("0", "-5"):
        result = call(tmp_path, "evaluate", "--max-items", value)
        assert result.code == 2 and f"Option max_items = {value}" in result.err and "at least 1" in result.err


def test_an_unreachable_erp_is_one_sentence_with_a_remedy(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = call(tmp_path, "run")
    assert result.code == 2
    assert result.err.startswith("Error: The ERP database") and "routing-etl demo" in result.err
    assert len(result.err.strip().splitlines()) == 1 and "Traceback" not in result.err
    assert "Traceback" in (tmp_path / "logs" / "routing_etl.log").read_text(encoding="utf-8")


def test_a_home_that_is_a_file_is_one_sentence_that_names_it(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "home"
    home.write_text("not a directory")
    result = call(home, "run")
    assert result.code == 7
    assert result.err.startswith(f"Error: {home}") and "ROUTING_ETL_HOME names a directory" in result.err


@pytest.mark.parametrize("items", ["100", "400000"])
def test_a_plant_of_a_wrong_size_is_refused(call, tmp_path: Path, items: str) -> None:  # type: ignore[no-untyped-def]
    result = call(tmp_path, "plant", "--items", items, "--url", f"sqlite:///{tmp_path / 'e.db'}")
    assert result.code == 2 and items[:3] in result.err and "325000" in result.err


def test_a_grammar_that_does_not_exist_is_refused_before_anything_is_written(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{(tmp_path / 'p.db').as_posix()}"
    result = call(tmp_path, "plant", "--grammar", "narrow", "--url", url)
    assert result.code == 2 and "narrow" in result.err and "drawn:7" in result.err
    assert not (tmp_path / "p.db").exists()


def test_steps_alone_do_what_the_night_does(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    shown = {}
    for command in ("extract", "check", "times", "score", "publish"):
        result = call(home, command)
        assert result.code == 0, result.err
        shown[command] = result.out
    assert "Quality score of the item master: " in shown["check"] and " of 100 (complete " in shown["check"]
    assert ask(home / "warehouse.db", "SELECT COUNT(DISTINCT publication_id) FROM routing_predictions") == [
        (1,)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("learned_once")
def test_a_dry_run_saves_nothing(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    before = sorted(p.name for p in (home / "models").iterdir())
    rows = ask(home / "warehouse.db", "SELECT COUNT(*) FROM model_version")
    result = call(home, "train", "--version", "trial", "--dry-run")
    assert result.code == 0 and "Dry run: nothing was saved" in result.out
    assert sorted(p.name for p in (home / "models").iterdir()) == before
    assert ask(home / "warehouse.db", "SELECT COUNT(*) FROM model_version") == rows


@pytest.mark.slow
def test_a_dry_run_of_more_items_is_on_a_sample_and_says_so(home: Path) -> None:
    ctx = Context(home_settings(home), runs.find_run(home, None))
    routed = read_learning_data(ctx.run).routed.len()
    trained = steps.train(ctx, TrainingRequest(dry_run=True, dry_run_items=120)).result
    assert (trained.training_samples, trained.sampled_from) == (120, routed)
    said = f"Dry run on a sample: 120 of {routed} routed items; a training on all of them has other figures."
    assert said in trained.evaluation.notes
    console = Console(record=True, width=300)
    train_result(console, trained)
    assert (
        f"Fitted on 120 items drawn from {routed}, so the figures are of a sample, in "
        in console.export_text()
    )


@pytest.mark.slow
@pytest.mark.usefixtures("learned_once")
def test_a_named_version_is_saved_listed_shown_verified_and_its_name_is_taken(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    [[first]] = ask(home / "warehouse.db", "SELECT version FROM model_version WHERE status = 'active'")
    assert call(home, "train", "--version", "autumn", "--no-promote").code == 0
    listed = call(home, "models", "list")
    assert "autumn" in listed.out and "pending" in listed.out and "active" in listed.out
    shown = call(home, "models", "show", "autumn")
    assert "similarity_engine.joblib" in shown.out and "exact sequence" in shown.out
    assert "routing-etl models card autumn" in shown.out
    card = call(home, "models", "card", "autumn")
    assert card.code == 0 and card.out.startswith("# Model card: autumn")
    assert (home / "models" / "autumn" / "model_card.md").read_text("utf-8") in card.out
    assert "It was never champion or challenger." in card.out
    assert call(home, "models", "verify").code == 0
    again = call(home, "train", "--version", "autumn")
    assert again.code == 3 and "'autumn' exists already" in again.err
    assert call(home, "models", "promote", "autumn", "--why", "better on glands").code == 0
    assert "better on glands" in call(home, "models", "card").out
    assert ask(home / "warehouse.db", "SELECT version FROM model_version WHERE status = 'active'") == [
        ("autumn",)
    ]
    back = call(home, "models", "rollback", "--why", "more scrap on glands")
    assert back.code == 0 and f"{first} is the champion again, pinned." in back.out
    assert "more scrap on glands" in call(home, "models", "card").out
    assert ask(home / "warehouse.db", "SELECT version FROM model_version WHERE status = 'active'") == [
        (first,)
    ]
    (home / "models" / "autumn" / "metrics.json").write_text("{}", encoding="utf-8")
    broken = call(home, "models", "verify", "autumn")
    assert broken.code == 3 and "metrics.json" in broken.err


def test_models_cannot_be_rolled_back_without_a_former_champion(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    result = call(home, "models", "rollback", "--why", "just so")
    assert result.code == 3 and "There is no former champion to go back to." in result.err


def test_predict_shows_operations_and_evidence(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    item, job = ask(
        home / "warehouse.db",
        "SELECT item_cd, job_cd FROM routing_predictions WHERE candidate_rank = 1 LIMIT 1",
    )[0]
    result = call(home, "predict", item)
    assert (
        result.code == 0
        and f"{item}_C01" in result.out
        and job in result.out
        and "because of" in result.out
        and re.search("same .*(품|재질|외경)", result.out)  # the plant's words, as on its sheets
    )
    assert "640" in call(home, "predict", item, "--lot", "640").out
    assert (
        "lead time of an order of 640 pieces: set-up and run"
        in call(home, "predict", item, "--lot", "640").out
    )
    refused = call(home, "predict", item, "--lot", "0")
    assert refused.code == 2 and "A lot of 0.0 pieces: must be above 0." in refused.err
    missing = call(home, "predict", "NOPE-1")
    assert missing.code == 3 and "'NOPE-1' is not in the extracted item master" in missing.err


def test_a_narrow_terminal_gets_fewer_columns_and_no_broken_words(
    call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    item, job = ask(
        home / "warehouse.db",
        "SELECT item_cd, job_cd FROM routing_predictions WHERE candidate_rank = 1 AND res_cd IS NOT NULL LIMIT 1",
    )[0]
    wide = call(home, "predict", item).out
    assert "OPT/STD/SAFE" in wide and "time from" in wide and "columns on" not in wide
    monkeypatch.setenv("COLUMNS", "80")
    narrow = call(home, "predict", item).out
    assert "OPT/STD/SAFE" not in narrow and "From 115 columns on, OPT / STD / SAFE" in narrow
    for word in ("machine", "set-up", "P90", job):
        assert f"{word} " in narrow
    assert max(len(line) for line in narrow.splitlines()) <= 80


def test_publications_are_listed_and_rollback_without_an_earlier_one_is_refused(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    assert "published" in call(home, "publications", "list").out
    result = call(home, "publications", "rollback")
    assert result.code == 4 and "Error:" in result.err


def test_doctor_finds_nothing_wrong_and_then_what_is(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    good = call(home, "doctor")
    assert good.code == 0 and "at head" in good.out and "champion" in good.out
    (home / "erp.db").unlink()
    bad = call(home, "doctor")
    assert bad.code == 5 and "error" in bad.out and "ERP_URL" in bad.out


@pytest.mark.parametrize("dialect", ["mssql", "sqlite"])
def test_migrate_prints_ddl_for_review(call, tmp_path: Path, dialect: str) -> None:  # type: ignore[no-untyped-def]
    result = call(tmp_path, "migrate", "--sql", "--dialect", dialect)
    assert result.code == 0 and "CREATE TABLE" in result.out and "CREATE VIEW" in result.out


def test_migrate_up_and_down(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "revision" in call(tmp_path, "migrate").out
    assert ask(tmp_path / "warehouse.db", "SELECT COUNT(*) FROM routing_predictions") == [(0,)]
    assert "base" in call(tmp_path, "migrate", "--revision", "base", "--yes").out
    assert ask(
        tmp_path / "warehouse.db", "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'routing_%'"
    ) == [(0,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["migrate", "--sql"], ["doctor"], ["--help"]], ids=" ".join
)  # fmt: skip
@pytest.mark.parametrize("errors_too", [False, True])
def test_a_reader_that_went_away_ends_the_command_quietly(
    tmp_path: Path, words: list[str], errors_too: bool
) -> None:
    """As in `routing-etl predict ... | head -1`: by convention 128 + SIGPIPE, and no trace."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "routing_etl", *words], stdout=writing,
            stderr=writing if errors_too else subprocess.PIPE, text=True, timeout=120, check=False,
            env={**os.environ, "ROUTING_ETL_HOME": str(tmp_path)},
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr or "") == (141, "")


def test_a_pipe_that_breaks_elsewhere_is_an_error_with_its_trace_in_the_log(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    def broken(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("routing_etl.doctor.examination.examine", broken)
    result = call(tmp_path, "doctor")
    assert result.code == 1 and result.err.startswith("Error: unexpected BrokenPipeError")
    assert "Traceback" in (tmp_path / "logs" / "routing_etl.log").read_text(encoding="utf-8")


def test_ctrl_c_during_an_import_has_the_exit_code_of_any_other(tmp_path: Path) -> None:
    """Dataclasses are made by exec(); started by -m, Python remembers an interrupt there and ends by the signal."""
    (tmp_path / "interrupted.py").write_text(
        "from routing_etl.cli import app as cli\n"
        "def app(**_):\n"
        "    exec('raise KeyboardInterrupt')\n"
        "cli.app = app\n"
        "cli._run(app)\n"  # imports whatever the way to the end needs, which runs an exec() of its own
        "cli.main([])\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "Stopped." in done.stderr and "Traceback" not in done.stderr


def test_an_interrupt_that_meets_a_finaliser_is_not_lost(tmp_path: Path) -> None:
    """Signals are handled between any two steps of Python, also of one in which exceptions are only printed."""
    program = (
        "import signal, time\n"
        "from routing_etl.cli import app as cli\n"
        "class Last:\n"
        "    def __del__(self): signal.raise_signal(signal.SIGINT)\n"
        "def app(**_):\n"
        "    one = Last()\n"
        "    del one\n"
        "    time.sleep(5)\n"
        "cli.app = app\n"
        "cli.main([])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("Stopped.")
