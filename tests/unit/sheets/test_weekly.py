"""The weekly report: its figures are those of the tables, and no text of the ERP is more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from homes import change
from warehouse_predictions import warehouse
from watched import HOSTILE, NOW, known_warehouse

from routing_etl.errors import ConfigurationError
from routing_etl.pipeline import alerts
from routing_etl.pipeline.telling import tell
from routing_etl.pipeline.watch import watched
from routing_etl.pipeline.weekly import drift_told, weekly, write_report
from routing_etl.settings import Settings
from routing_etl.sheets import weekly_plots
from routing_etl.sheets.weekly import _Format


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return known_warehouse(tmp_path_factory.mktemp("weekly"))


@pytest.fixture(scope="module")
def page(settings: Settings) -> str:
    return write_report(settings, settings.home / "week.html", now=NOW).read_text(encoding="utf-8")


def test_what_it_says_is_what_the_tables_say(settings: Settings) -> None:
    found = weekly(settings, NOW)
    assert {words: figure for words, figure, _ in found.glance} == {
        "The ERP reads": "publication 3", "Last success": "10 h ago", "Exact match, held-out items": "not measured",
        "Proposals taken over": "33%", "Items without a proposal": "24.0%", "Open alerts": "2",
    }  # fmt: skip
    assert found.acceptance.select("items_routed", "taken_over").rows() == [(4, 1), (5, 2)]
    assert found.acceptance["acceptance_rate"].to_list() == [0.25, 0.4]
    assert found.versions.select("model_version", "value", "realised", "realised_n", "adopted").rows() == [
        ("m1", 0.5, 0.25, 4, 1), ("m2", 0.56, 1 / 3, 3, 2),
    ]  # fmt: skip
    assert found.families["part_type"].to_list() == ["SEAL", None, "SHAFT", "RING"], (
        "the worst and most items first"
    )
    assert found.times.select("job_cd", "ratio").rows() == [("GRIND", 1.6)]
    assert found.rejects.select("rule_name", "rejected").rows() == [("missing_key", 30), ("bad_date", 5)]
    assert found.production["similarity_drift"].to_list() == [None, 0.1, None, 0.15, 0.6]
    assert found.nights["seconds"].to_list() == [600, 300, 20, 310, 900, 320]


def test_what_was_written_since_is_a_difference_and_no_held_out_value(tmp_path: Path) -> None:
    """The champion before is measured again on these items when the next version is: that is not how good it was held out."""
    home = known_warehouse(tmp_path / "home")
    columns = "model_version, run_id, method, split, segment, metric, value, n, computed_at, window_id"
    change(
        home.home / "warehouse.db",
        *(
            f"INSERT INTO model_metric ({columns}) VALUES ('{version}', 'night4', 'model', 'since', 'all', 'exact_at_1', {value}, 31, "
            f"'2026-05-15 02:00:0{place}', 'x')"
            for place, (version, value) in enumerate((("m1", 0.25), ("m2", 0.35)))
        ),
    )
    found = (
        weekly(home, NOW).versions.select("model_version", "value", "n", "since_difference", "since_n").rows()
    )
    assert found == [("m1", 0.5, 200, None, None), ("m2", 0.56, 200, pytest.approx(0.1), 31)]


def test_no_line_breaks_a_command_at_its_hyphens() -> None:
    """On a page of 1,200 pixels a remedy ended with "routing-etl run --", and "retrain" stood on the next line."""
    assert _Format.unbroken("<b> if so: routing-etl run --retrain") == (
        '&lt;b&gt; if so: <span class="unbroken">routing-etl</span> run <span class="unbroken">--retrain</span>'
    )


def test_the_page_is_one_file_that_fetches_nothing(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert page.count("data:image/png;base64,") == 4 and "<script" not in page
    assert "img-src data:" in page


def test_hostile_texts_are_shown_as_text(page: str) -> None:
    assert HOSTILE not in page and "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in page


@pytest.mark.slow
def test_since_when_an_alert_is_open_stands_beside_it(settings: Settings) -> None:
    assert {t.since for t in weekly(settings, NOW).todo} == {""}
    tell(settings, watched(settings, NOW).open, NOW)
    assert {t.since[:10] for t in weekly(settings, NOW).todo} == {"2026-05-16"}
    (settings.home / "alerts.json").unlink()


def test_drift_is_told_by_its_causes(settings: Settings) -> None:
    found = watched(settings, NOW)
    for band, words, said in (
        (0.0, "", "normal."),
        (3.0, "operations A* take 1.6 times", "severe drift: operations A* take 1.6 times"),
    ):
        facts = replace(found.facts, drift_band=band, drift_words=words)
        assert drift_told(replace(found, facts=facts)) == f"Beside the version's training window: {said}"


def test_a_new_warehouse_has_a_report_too(tmp_path: Path) -> None:
    _, settings = warehouse(tmp_path / "warehouse.db")
    text = write_report(settings, now=NOW).read_text(encoding="utf-8")
    assert (
        "No version has been measured yet." in text
        and "No run is on record." in text
        and "data:image" not in text
    )
    assert (settings.home / "reports" / "week-2026-W20.html").is_file()


def test_plots_of_one_row_and_of_none(settings: Settings) -> None:
    found = weekly(settings, NOW)
    assert (
        weekly_plots.acceptance(found.acceptance.head(1))
        and weekly_plots.acceptance(found.acceptance.clear()) is None
    )
    assert weekly_plots.nights(found.nights.head(1)) and weekly_plots.nights(found.nights.clear()) is None
    assert (
        weekly_plots.drift(found.production.head(1), 0.5)
        and weekly_plots.drift(found.production.clear(), 0.5) is None
    )
    assert (
        weekly_plots.quality(found.versions.head(1)) and weekly_plots.quality(found.versions.clear()) is None
    )


def test_it_is_mailed_as_an_attachment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def keep(_: Any, message: Any) -> str:
        sent.append(message.as_string())
        return ""

    monkeypatch.setattr(alerts, "_send", keep)
    to = settings.model_copy(
        update={"report_email_to": "a@x.example", "smtp_url": Settings(smtp_url="smtp://m.example").smtp_url}
    )
    write_report(to, now=NOW, mail=True)
    message: Any = message_from_string(sent[0], policy=default)
    [attached] = message.iter_attachments()
    assert message["To"] == "a@x.example" and "weekly report" in message["Subject"]
    assert attached.get_filename() == "week-2026-W20.html" and "Worst families" in attached.get_content()


def test_nobody_to_send_it_to_is_told_before_the_work(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="Nobody is named"):
        write_report(settings, settings.home / "never.html", now=NOW, mail=True)
    assert not (settings.home / "never.html").exists()


def test_a_file_that_cannot_be_written_is_named(settings: Settings) -> None:
    (settings.home / "in_the_way").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="in_the_way"):
        write_report(settings, settings.home / "in_the_way" / "x.html", now=NOW)
