"""What is worth telling, told once for each cause, and the figures for Prometheus."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from watched import NOW, known_warehouse

from routing_etl.errors import AlertError, ConfigurationError
from routing_etl.evaluation.alerts import Cycle
from routing_etl.pipeline import telling
from routing_etl.pipeline.conditions import CODES, Facts, cause, conditions, limits_of
from routing_etl.pipeline.exposition import exposition
from routing_etl.pipeline.status import ModelStatus, Problem
from routing_etl.pipeline.telling import STATE, open_alerts, tell
from routing_etl.pipeline.watch import TEXTFILE, after_run, metrics_text, watched
from routing_etl.settings import Settings

GOOD = Cycle("c", "t", "time", 100, 100, 0, 500, 3.0, 2.0, 4.0, 0.3, 0.9, None, 1.0)
STALE = Problem("STALE", "critical", "The last run that succeeded ended 40 hours ago.")


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, home=home, **changes)


def test_defaults_of_another_plant_are_told_until_they_are_set(tmp_path: Path) -> None:
    own = {
        "company_code": "1", "plant_code": "2", "word_inhouse": "in", "word_outsourced": "out", "word_minutes": "min",
        "word_no_unit": "-",
    }  # fmt: skip
    [told] = conditions(settings(tmp_path, profile="sap_pp", **own), Facts())
    assert told.code == "PLANT_DEFAULTS" and told.message.endswith("ROUTING_ETL_TIMEZONE = Asia/Seoul.")
    assert conditions(settings(tmp_path, profile="sap_pp", timezone="Asia/Seoul", **own), Facts()) == ()
    assert conditions(settings(tmp_path), Facts()) == ()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    known_warehouse(folder)
    return folder


def codes(found: tuple[Problem, ...]) -> list[str]:
    return [p.code for p in found]


# --- what is worth telling ----------------------------------------------------------------------------------------------
def test_a_good_plant_gives_no_alert(tmp_path: Path) -> None:
    fine = Facts(
        version="v",
        cycle=GOOD,
        abstained=0.1,
        drift=0.2,
        realised=0.5,
        realised_items=40,
        with_proposal=50,
        taken_over=40,
    )
    assert conditions(settings(tmp_path), replace(fine, rows_read=1000, rows_rejected=10)) == ()


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("HIGH_MAE", Facts(cycle=replace(GOOD, mae=5.1))),
        ("HIGH_MAE", Facts(cycle=replace(GOOD, trim_mae=3.6))),
        ("HIGH_CV", Facts(cycle=replace(GOOD, cv=0.51))),
        ("LOW_PROCESS_MATCH", Facts(cycle=replace(GOOD, process_match=0.79))),
        ("LOW_SAMPLES", Facts(cycle=replace(GOOD, sample_count=2))),
        ("NO_ACTUAL_DATA", Facts(cycle=replace(GOOD, mae=None))),
        ("METRICS_FAILED", Facts(cycle=GOOD, failed_metrics=1)),
        ("DRIFT", Facts(drift=0.51)),
        ("DRIFT", Facts(drift=0.1, drift_band=2, drift_words="operations A* take 1.6 times their profile")),
        ("MANY_ABSTAINED", Facts(abstained=0.81)),
        ("LOW_REALISED", Facts(realised=0.05, realised_items=60)),
        ("LOW_ACCEPTANCE", Facts(with_proposal=60, taken_over=3)),
        ("MANY_REJECTS", Facts(rows_read=100, rows_rejected=6)),
    ],
)
def test_each_limit_is_told_with_what_to_do(tmp_path: Path, code: str, facts: Facts) -> None:
    [found] = conditions(settings(tmp_path), facts)
    assert found.code == code and found.remedy == CODES[code][1]


def test_a_drift_with_a_cause_is_told_by_its_cause(tmp_path: Path) -> None:
    words = "operations A* take 1.6 times their profile"
    [found] = conditions(settings(tmp_path), Facts(drift=9.0, drift_band=3, drift_words=words))
    assert found.message == f"severe drift beside the training window: {words}"


def test_too_few_outcomes_say_nothing(tmp_path: Path) -> None:
    assert (
        conditions(settings(tmp_path), Facts(realised=0.0, realised_items=29, with_proposal=19, taken_over=0))
        == ()
    )
    chance = Facts(realised=0.1, realised_items=30, with_proposal=20, taken_over=2)
    assert conditions(settings(tmp_path), chance) == (), "3 of 30 may be 0.26 of all, 2 of 20 may be 0.30"
    assert conditions(settings(tmp_path), Facts()) == (), "what was not measured is no alert and no success"


def test_limits_are_settings_and_what_is_critical_comes_first(tmp_path: Path) -> None:
    strict = settings(tmp_path, alert_mae=2.9, alert_critical_mae=2.95, alert_drift=0.1)
    found = conditions(strict, Facts(cycle=GOOD, drift=0.11))
    assert [(p.code, p.severity) for p in found] == [("HIGH_MAE", "critical"), ("DRIFT", "warning")]
    assert limits_of(settings(tmp_path)).mae == 5.0 and limits_of(strict).mae == 2.9


def test_two_failures_with_other_numbers_have_one_cause() -> None:
    one = Problem("RUN_FAILED", "critical", "m", about="2,000 rows of run_20260511 were refused")
    assert cause(one) == cause(replace(one, message="n", about="1,999 rows of run_20260512 were refused"))
    assert cause(one) != cause(replace(one, about="The database does not answer"))


def test_the_known_plant_is_watched(home: Path) -> None:
    found = watched(settings(home), NOW)
    assert codes(found.open) == ["NO_CHAMPION", "DRIFT"]
    assert (found.facts.with_proposal, found.facts.taken_over) == (9, 3)
    assert (found.facts.drift, found.facts.abstained) == (0.6, 0.24)


# --- told once, and its end ----------------------------------------------------------------------------------------------
def lines(home: Path) -> list[tuple[str, str]]:
    text = (home / "logs" / "alerts.jsonl").read_text(encoding="utf-8")
    return [(x["event"], x["code"]) for x in map(json.loads, text.splitlines())]


def test_an_alert_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    at = settings(tmp_path)
    first = tell(at, [STALE], datetime(2026, 5, 1, tzinfo=UTC))
    assert codes(first.new) == ["STALE"]
    again = tell(at, [replace(STALE, message="... 64 hours ago.")], datetime(2026, 5, 2, tzinfo=UTC))
    assert again.new == () and again.open[0].since.startswith("2026-05-01") and "64" in again.open[0].message
    over = tell(at, [])
    assert codes(over.recovered) == ["STALE"] and tell(at, []).recovered == ()
    assert lines(tmp_path) == [("alert", "STALE"), ("recovered", "STALE")]
    assert open_alerts(at) == ()


def test_it_can_come_back(tmp_path: Path) -> None:
    at = settings(tmp_path)
    for found in ([STALE], [], [STALE]):
        tell(at, found)
    assert lines(tmp_path) == [("alert", "STALE"), ("recovered", "STALE"), ("alert", "STALE")]


def test_a_silent_code_is_not_told(tmp_path: Path) -> None:
    assert tell(settings(tmp_path, alert_silent="HIGH_CV, STALE"), [STALE]).open == ()
    with pytest.raises(ValueError, match="alert_silent"):
        settings(tmp_path, alert_silent="no such thing!")


def test_what_could_not_be_sent_is_sent_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def refuse(*_: Any) -> None:
        raise AlertError("The webhook at x did not take the message: down.", remedy="Check it.")

    at = settings(tmp_path)
    monkeypatch.setattr(telling, "send", refuse)
    with pytest.raises(AlertError, match="did not take"):
        tell(at, [STALE])
    assert [one.told for one in open_alerts(at)] == [False]
    monkeypatch.setattr(telling, "send", lambda _s, message, _f: sent.append(message.headline))
    assert codes(tell(at, [STALE]).new) == ["STALE"]
    monkeypatch.setattr(telling, "send", refuse)
    with pytest.raises(AlertError):
        tell(at, [])
    monkeypatch.setattr(telling, "send", lambda _s, message, _f: sent.append(message.headline))
    tell(at, [])
    assert sent == ["routing_etl: STALE (critical)", "routing_etl: STALE is over"]


@pytest.mark.parametrize("left", ["", "{", "[]", '{"open": [{"code": "STALE"}]}', "\0" * 400])
def test_after_a_power_cut_what_is_open_is_told_once_more(tmp_path: Path, left: str) -> None:
    """A file that the disk had not yet written is empty or holds nothing; no night waits for somebody to remove it."""
    at = settings(tmp_path)
    tell(at, [STALE])
    (tmp_path / STATE).write_text(left, encoding="utf-8")
    with capture_logs() as logged:
        assert codes(tell(at, [STALE]).new) == ["STALE"]
    assert [one["file"] for one in logged if one["event"] == "open_alerts_forgotten"] == [
        str(tmp_path / STATE)
    ]
    assert lines(tmp_path) == [("alert", "STALE")] * 2 and codes(open_alerts(at)) == ["STALE"]


# --- figures for Prometheus ----------------------------------------------------------------------------------------------
def samples(text: str) -> dict[str, float]:
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_the_metrics_say_what_the_tables_say(home: Path) -> None:
    found = samples(metrics_text(watched(settings(home), NOW)))
    assert found['routing_etl_last_run_rows{kind="read"}'] == 10_400
    assert found["routing_etl_last_run_duration_seconds"] == 320
    assert (
        found['routing_etl_last_run{state="succeeded"}'] == 1
        and found['routing_etl_last_run{state="failed"}'] == 0
    )
    assert (
        found["routing_etl_last_success_timestamp_seconds"]
        == datetime(2026, 5, 16, 2, 5, 20, tzinfo=UTC).timestamp()
    )
    assert found["routing_etl_similarity_drift_nats"] == 0.6
    assert found['routing_etl_proposals_decided{result="taken_over"}'] == 3
    assert found['routing_etl_alert{code="DRIFT"}'] == 1 and found['routing_etl_alert{code="HIGH_MAE"}'] == 0
    assert not [name for name in found if "champion" in name], (
        "there is no champion, so there is no figure of one"
    )


def test_promtool_accepts_the_metrics(home: Path) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    found = watched(settings(home), NOW)
    champion = ModelStatus("v1", NOW, 3.0, 0.5, 0.45, 0.55, 200, NOW)
    text = exposition(
        replace(found.status, model=champion),
        replace(found.facts, cycle=GOOD),
        found.open,
        found.nights,
        found.production,
    )
    assert samples(text)['routing_etl_champion_exact_match_ratio{bound="low"}'] == 0.45
    assert samples(text)["routing_etl_run_time_error_seconds"] == 180.0
    done = subprocess.run(
        [tool, "check", "metrics"], input=text, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "routing_etl_" not in done.stdout + done.stderr, "not even a remark"


def test_a_run_leaves_the_file_and_tells(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    after_run(settings(copy))
    assert "routing_etl_ok 0" in (copy / TEXTFILE).read_text(encoding="utf-8")
    assert ("alert", "DRIFT") in lines(copy) and {one.code for one in open_alerts(settings(copy))} >= {
        "DRIFT",
        "STALE",
    }


def test_a_run_ends_as_it_has_ended_when_nobody_can_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ConfigurationError("broken", remedy="none")

    monkeypatch.setattr("routing_etl.pipeline.watch.watched", broken)
    with capture_logs() as logged:
        after_run(settings(tmp_path))
    [line] = [one for one in logged if one["event"] == "not_told"]
    assert line["log_level"] == "error" and "broken" in line["error"]

    def bug(*_: Any, **__: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("routing_etl.pipeline.watch.watched", bug)
    with capture_logs() as logged:
        after_run(settings(tmp_path))
    [line] = [one for one in logged if one["event"] == "not_watched"]
    assert line["log_level"] == "warning" and line["exc_info"]
