"""After one night: standard times are reviewed, taken over by command, and the page of data health opens in a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from browser import NoBrowserError, chromium
from homes import ask, change, home_settings

from routing_etl.cli import app
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.review import examine_again
from routing_etl.runs import find_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ROUTING_ETL_HOME", str(home))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app.main(list(words))
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


def test_the_night_publishes_the_review_and_a_repeat_writes_nothing(home: Path, call: Call) -> None:
    ctx = Context(home_settings(home), find_run(home, None, having=street.REVIEW_STANDARDS.report))
    reviewed = ctx.require(street.REVIEW_STANDARDS)
    shown = dict(
        ask(home / "warehouse.db", "SELECT verdict, COUNT(*) FROM standard_time_review GROUP BY verdict")
    )
    assert shown == {v: n for v, n in reviewed.found.verdicts.items() if n and v != "few_orders"}
    assert shown["differs"] > 5 and sum(shown.values()) == reviewed.published.rows
    code, out, _ = call("standards", "--top", "2")
    assert code == 0 and "0 new or changed, 0 ended" in out and "Sure differences" in out


def test_after_the_first_night_health_knows_what_decides_and_what_findings_cost(home: Path) -> None:
    """The data were examined before there was a champion; the table and the page are those of after the training."""
    ctx = Context(home_settings(home), find_run(home, None, having=street.CHECK_HEALTH.report))
    champion = ctx.registry.alias("champion")
    stored = ask(
        home / "warehouse.db",
        "SELECT check_name, touched, cost, reason FROM data_health WHERE dimension = 'all'",
    )
    assert champion and stored and not any("champion yet" in cost for _, _, cost, _ in stored)
    assert any(f"{champion})" in cost or f"items of {champion}" in cost for _, _, cost, _ in stored)
    [touched] = [n for name, n, _, _ in stored if name == "undecided_items"]
    assert touched is not None
    assert "champion yet" not in Path(ctx.require(street.CHECK_HEALTH).page).read_text(encoding="utf-8")


def test_a_training_that_promotes_nothing_or_another_run_examines_nothing_again(home: Path) -> None:
    ctx = Context(home_settings(home), find_run(home, None, having=street.TRAIN.report))
    trained = ctx.require(street.TRAIN)
    before = ask(home / "warehouse.db", "SELECT checked_at FROM health_finding")
    assert examine_again(ctx, replace(trained, promoted=False)) is None
    assert examine_again(ctx, replace(trained, dry_run=True)) is None
    change(home / "warehouse.db", "UPDATE health_finding SET run_id = 'run_of_tomorrow'")
    assert examine_again(ctx, trained) is None
    assert ask(home / "warehouse.db", "SELECT checked_at FROM health_finding") == before


def test_a_proposal_is_taken_over_by_command_and_marked_once(home: Path, call: Call) -> None:
    [(item, rout_no, proc_seq)] = ask(
        home / "warehouse.db",
        "SELECT item_cd, rout_no, proc_seq FROM standard_time_review WHERE sure = 1 AND proposed_min IS NOT NULL "
        "ORDER BY hours_moved DESC LIMIT 1",
    )
    code, out, _ = call("adopt-time", item, rout_no, str(proc_seq), "--user", "kim")
    assert code == 0 and "accepted by kim" in out and "RUN_TIME" in out
    code, out, _ = call("adopt-time", item, rout_no, str(proc_seq), "--user", "lee")
    assert code == 0 and "was accepted before by kim" in out
    assert set(ask(home / "warehouse.db", "SELECT accepted_by FROM routing_feedback_time")) == {("kim",)}
    code, _, err = call("adopt-time", item, rout_no, "9999", "--user", "kim")
    assert code == 3 and "no proposed standard time for operation 9999" in err


def test_planted_posted_reports_give_no_proposal(home: Path, call: Call) -> None:
    """A machine whose reports become the standard itself, as a backflush writes them."""
    erp = home / "erp.db"
    [(machine,)] = ask(
        erp, "SELECT RES_CD FROM BI_WORK_ORDER_RESULTS GROUP BY RES_CD ORDER BY COUNT(*) DESC LIMIT 1"
    )
    change(
        erp,
        "CREATE TABLE std AS SELECT TRIM(ITEM_CD) AS I, ROUT_NO AS R, PROC_SEQ AS P, MAX(RUN_TIME / RUN_TIME_QTY) AS T "
        "FROM BI_ROUTING_VIEW GROUP BY 1, 2, 3",
        "CREATE INDEX std_key ON std (I, R, P)",
        "UPDATE BI_WORK_ORDER_RESULTS AS w SET MACH_WORKED_HOURS = round(ORDER_QTY * (SELECT T FROM std WHERE "
        f"I = TRIM(w.ITEM_CD) AND R = w.ROUT_NO AND P = w.PROC_SEQ) / 60, 4) WHERE RES_CD = '{machine}'",
        "DROP TABLE std",
    )
    for step in ("extract", "check", "times", "standards", "health"):
        code, _, err = call(step)
        assert code == 0, err
    told = ask(
        home / "warehouse.db",
        f"SELECT verdict, COUNT(*), COUNT(proposed_min) FROM standard_time_review WHERE res_cd = '{machine}' "
        "AND measure = 'run' GROUP BY verdict",
    )
    posted = {verdict: (n, proposed) for verdict, n, proposed in told}["posted"]
    assert posted[0] > 0 and posted[1] == 0
    [(touched,)] = ask(
        home / "warehouse.db",
        "SELECT touched FROM data_health WHERE check_name = 'backflushed' AND dimension = 'work_centre' "
        f"AND segment = '{machine}'",
    )
    assert touched == posted[0]


def test_the_page_opens_in_a_browser_with_its_plots(home: Path, call: Call, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, _ = call("health", "--out", str(page))
    assert code == 0 and "no set-up time" in out and "page.html" in out
    try:
        with chromium("file://") as browser:
            text = browser.open(str(page), "At a glance")
            browser.shot("data_health")
            pictures = browser.images()
    except NoBrowserError as exc:
        pytest.skip(str(exc))
    assert "old standards" in text.lower() and "names no planner" in text
    assert len(pictures) >= 3 and all(width > 300 for width, _ in pictures)
