"""Failures go into the file always, and to a real webhook and a real mail server on this machine when they are named."""

from __future__ import annotations

import json
import smtplib
import socketserver
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from little_servers import mail_server, webhook

from routing_etl.errors import AlertError
from routing_etl.pipeline import alerts
from routing_etl.pipeline.alerts import Failure, report_failure
from routing_etl.pipeline.status import Problem
from routing_etl.pipeline.telling import open_alerts, tell
from routing_etl.settings import Settings

FAILURE = Failure("2026-01-01T02:00:00+00:00", "nightly", "r1", "검사 실패: qty_range", {})


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, home=home, **changes)


def lines(home: Path) -> list[dict[str, Any]]:
    return [
        json.loads(x) for x in (home / "logs" / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    ]


@pytest.fixture
def serve() -> Iterator[Any]:
    running: list[socketserver.BaseServer] = []

    def start(server: socketserver.BaseServer) -> int:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return int(server.server_address[1])

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_without_settings_a_failure_is_one_line_in_the_file(tmp_path: Path) -> None:
    report_failure(settings(tmp_path), FAILURE)
    report_failure(settings(tmp_path), replace(FAILURE, run_id="r2"))
    assert [x["run_id"] for x in lines(tmp_path)] == ["r1", "r2"]
    assert "검사" in (tmp_path / "logs" / "failures.jsonl").read_text(encoding="utf-8")


def test_the_webhook_gets_the_failure_with_a_text(tmp_path: Path, serve: Any) -> None:
    got: list[bytes] = []
    port = serve(webhook(200, got))
    report_failure(settings(tmp_path, failure_webhook=f"http://127.0.0.1:{port}/hook?key=s3cret"), FAILURE)
    [body] = [json.loads(g) for g in got]
    assert body["run_id"] == "r1" and body["text"].startswith("routing_etl: nightly failed: 검사 실패")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),  # Slack: everybody in the channel is called
        (
            "<https://evil.example|Sign in>",
            "&lt;https://evil.example|Sign in&gt;",
        ),  # a link that names another place
        ("[Sign in](https://evil.example)", "[Sign in]\u200b(https://evil.example)"),  # Teams, Mattermost
        (
            "![](https://evil.example/seen.png)",
            "![]\u200b(https://evil.example/seen.png)",
        ),  # fetched by each reader
        ("[a][1] [1]: //evil", "[a]\u200b[1]\u200b [1]\u200b: //evil"),
        ("@all @here", "@\u200ball @\u200bhere"),
        ("AT&T &lt;b&gt;", "AT&amp;T &amp;lt;b&amp;gt;"),
        ('4H69065ZZ - 3/4" 검사_1', '4H69065ZZ - 3/4" 검사_1'),
    ],
)
def test_a_code_calls_nobody_and_links_nowhere_in_a_chat(
    tmp_path: Path, serve: Any, code: str, shown: str
) -> None:
    got: list[bytes] = []
    port = serve(webhook(200, got))
    at = settings(tmp_path, failure_webhook=f"http://127.0.0.1:{port}/hook")
    report_failure(at, replace(FAILURE, message=f"Item {code} is twice there."))
    [body] = [json.loads(g) for g in got]
    assert body["text"] == f"routing_etl: nightly failed: Item {shown} is twice there. (run r1)"
    assert body["message"] == f"Item {code} is twice there.", "as data it is what it is"


def test_the_mail_server_gets_the_failure(tmp_path: Path, serve: Any) -> None:
    got: list[str] = []
    port = serve(mail_server(got))
    report_failure(
        settings(
            tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", failure_email_to="a@x.example, b@x.example",
            failure_email_from="etl@x.example",
        ),
        FAILURE,
    )  # fmt: skip
    assert "Subject: routing_etl: nightly failed" in got
    assert [x for x in got if x.upper().startswith("RCPT")] == [
        "rcpt TO:<a@x.example>", "rcpt TO:<b@x.example>",
    ]  # fmt: skip


def test_a_way_out_that_does_not_work_is_an_error_without_its_secret_and_the_others_were_used(
    tmp_path: Path, serve: Any
) -> None:
    got: list[bytes] = []
    mails: list[str] = []
    hook, post = serve(webhook(500, got)), serve(mail_server(mails))
    broken = settings(
        tmp_path, failure_webhook=f"http://127.0.0.1:{hook}/?key=s3cret", failure_email_to="a@x.example",
        smtp_url=f"smtp://127.0.0.1:{post}",
    )  # fmt: skip
    with pytest.raises(AlertError, match=r"500.*failures\.jsonl.*ROUTING_ETL_FAILURE_WEBHOOK") as caught:
        report_failure(broken, FAILURE)
    assert "s3cret" not in str(caught.value)
    assert len(lines(tmp_path)) == len(got) == 1
    assert "Subject: routing_etl: nightly failed" in mails


def test_an_alert_that_the_webhook_does_not_take_is_still_mailed_kept_and_told_again(
    tmp_path: Path, serve: Any
) -> None:
    """Over the real ways out: what is told as data has a name (`event`) that the log has too."""
    got: list[str] = []
    port, mail = serve(webhook(500, [])), serve(mail_server(got))
    at = settings(
        tmp_path, failure_webhook=f"http://127.0.0.1:{port}/hook", smtp_url=f"smtp://127.0.0.1:{mail}",
        failure_email_to="a@x.example", failure_email_from="etl@x.example",
    )  # fmt: skip
    stale = Problem("STALE", "critical", "The last run that succeeded ended 40 hours ago.")
    for _ in range(2):
        with pytest.raises(
            AlertError, match=r"The webhook at 127\.0\.0\.1 did not take the message: HTTP status 500"
        ):
            tell(at, [stale])
    assert got.count("Subject: routing_etl: STALE (critical)") == 2
    [kept] = open_alerts(at)
    assert (kept.code, kept.told) == ("STALE", False)


def test_an_address_without_a_mail_server_says_which_setting_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AlertError, match="ROUTING_ETL_SMTP_URL is not"):
        report_failure(settings(tmp_path, failure_email_to="a@x.example"), FAILURE)
    assert len(lines(tmp_path)) == 1


# --- hostile and broken receivers ------------------------------------------------------------------------------------


def raw_server(answer: bytes, *, pause: float = 0.0) -> socketserver.TCPServer:
    """Reads a request and answers with these bytes; one at a time where it pauses."""

    class Raw(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            try:
                for byte in [answer[i : i + 1] for i in range(len(answer))] if pause else [answer]:
                    self.wfile.write(byte)
                    time.sleep(pause)
            except OSError:
                """The client has had enough."""

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw)
    server.daemon_threads, server.block_on_close = True, False
    return server


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd?s3cret", "ftp://127.0.0.1/s3cret", "data:text/plain,s3cret", "gopher://h/s3cret", "s3cret",
        "https://[::1/s3cret", "https:///s3cret", "//127.0.0.1/s3cret",
    ],
)  # fmt: skip
def test_only_http_and_https_are_called(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        AlertError, match="ROUTING_ETL_FAILURE_WEBHOOK is no https:// or http:// URL"
    ) as caught:
        report_failure(settings(tmp_path, failure_webhook=url), FAILURE)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/services/s3cret with a blank", "http://127.0.0.1:1/services/s3cret\x01",
        "http://user:s3cret@127.0.0.1:1/x", "http://127.0.0.1:99999/s3cret", "http://127.0.0.1:1/s3cret",
        "http://name-that-does-not-exist.invalid/hook?token=s3cret",
    ],
)  # fmt: skip
def test_no_error_and_no_log_quotes_the_secret_of_a_webhook(
    tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AlertError, match=r"webhook at .* did not take the message") as caught:
        report_failure(settings(tmp_path, failure_webhook=url), FAILURE)
    shown = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert "s3cret" not in shown
    assert "검사 실패: qty_range" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"what do you want?\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 2x0 s3cret\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "HTTP status 302"),
        (b"HTTP/1.1 200 OK\r\n\r\nWebhook message delivery failed with error: 429", "delivery failed"),
        (b"HTTP/1.1 500 \x1b[31ms3cret\r\n\r\n", "HTTP status 500"),
    ],
)
def test_a_garbage_answer_is_a_failed_delivery_and_the_mail_is_still_sent(
    tmp_path: Path, serve: Any, answer: bytes, problem: str
) -> None:
    mails: list[str] = []
    hook, post = serve(raw_server(answer)), serve(mail_server(mails))
    told = settings(
        tmp_path, failure_webhook=f"http://127.0.0.1:{hook}/s3cret", failure_email_to="a@x.example",
        smtp_url=f"smtp://127.0.0.1:{post}",
    )  # fmt: skip
    with pytest.raises(AlertError, match=problem) as caught:
        report_failure(told, FAILURE)
    assert "s3cret" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert "Subject: routing_etl: nightly failed" in mails


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = serve(raw_server(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99, pause=0.05))
    monkeypatch.setattr(alerts, "_TOTAL_SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(AlertError, match=r"no answer within 0\.5 s"):
        report_failure(settings(tmp_path, failure_webhook=f"http://127.0.0.1:{port}/"), FAILURE)
    assert time.monotonic() - begun < 5


def test_a_file_that_cannot_be_written_does_not_hide_the_failure(tmp_path: Path, serve: Any) -> None:
    got: list[bytes] = []
    (tmp_path / "logs").write_text("no folder")
    hook = f"http://127.0.0.1:{serve(webhook(200, got))}/"
    with pytest.raises(
        AlertError, match=r"cannot be written to .*nightly failed: 검사 실패: qty_range \(run r1\)"
    ):
        report_failure(settings(tmp_path, failure_webhook=hook), FAILURE)
    assert json.loads(got[0])["run_id"] == "r1"


def test_a_password_is_not_sent_without_encryption(tmp_path: Path, serve: Any) -> None:
    got: list[str] = []
    told = settings(
        tmp_path,
        smtp_url=f"smtp://kim:s3cret@127.0.0.1:{serve(mail_server(got))}",
        failure_email_to="a@x.example",
    )
    with pytest.raises(AlertError, match="STARTTLS") as caught:
        report_failure(told, FAILURE)
    assert not [x for x in got if x.upper().startswith(("AUTH", "DATA"))]
    assert "s3cret" not in str(caught.value)


def test_the_certificate_of_a_mail_server_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ssl.SSLContext | None] = []

    def connect(*_: object, context: ssl.SSLContext | None = None, **__: object) -> None:
        seen.append(context)
        raise OSError("stop here")

    monkeypatch.setattr(smtplib, "SMTP_SSL", connect)
    with pytest.raises(AlertError, match="stop here"):
        report_failure(
            settings(tmp_path, smtp_url="smtps://mail.example", failure_email_to="a@x.example"), FAILURE
        )
    [context] = seen
    assert context is not None and context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


@pytest.mark.parametrize(
    "url", ["http://mail.example", "mail.example:25", "smtp://mail.example:99999", "smtp://[x"]
)
def test_a_mail_server_by_another_protocol_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(AlertError, match="ROUTING_ETL_SMTP_URL is no smtp"):
        report_failure(settings(tmp_path, smtp_url=url, failure_email_to="a@x.example"), FAILURE)


def test_an_address_that_the_server_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib.SMTP, "connect", lambda *_: (220, b"test"))
    monkeypatch.setattr(smtplib.SMTP, "ehlo", lambda *_: (250, b"test"))
    monkeypatch.setattr(smtplib.SMTP, "send_message", lambda *_: {"b@x.example": (550, b"unknown")})
    told = settings(tmp_path, smtp_url="smtp://127.0.0.1:1", failure_email_to="a@x.example, b@x.example")
    with pytest.raises(AlertError, match=r"it refused b@x\.example"):
        report_failure(told, FAILURE)


def test_a_line_break_in_a_name_adds_no_header(tmp_path: Path, serve: Any) -> None:
    got: list[str] = []
    told = settings(
        tmp_path, smtp_url=f"smtp://127.0.0.1:{serve(mail_server(got))}", failure_email_to="a@x.example"
    )
    report_failure(told, replace(FAILURE, job="nightly\nBcc: spy@x.example"))
    assert "Subject: routing_etl: nightly\\nBcc: spy@x.example failed" in got
    assert not [x for x in got if x.startswith("Bcc")]


@pytest.mark.parametrize("address", ["a@x.example\nBcc: spy@x.example", "kim@", "a@x.example, ,<"])
def test_an_address_that_is_none_is_named_and_hides_no_failure(tmp_path: Path, address: str) -> None:
    """The library for mails raises ValueError or IndexError at such addresses, by what is wrong with them."""
    told = settings(tmp_path, smtp_url="smtp://127.0.0.1:1", failure_email_to=address)
    with pytest.raises(AlertError, match=r"ROUTING_ETL_FAILURE_EMAIL_TO = .* holds no address") as raised:
        report_failure(told, FAILURE)
    assert FAILURE.message in str(raised.value) and len(lines(tmp_path)) == 1
    with pytest.raises(AlertError, match="ROUTING_ETL_REPORT_EMAIL_TO"):
        alerts.send_page(told, address, "weekly\nBcc: spy@x.example", "<p>", "w.html")


def test_a_webhook_that_points_elsewhere_is_not_followed(tmp_path: Path, serve: Any) -> None:
    """To a file, or to http where https was meant, the failure and the answer would go where nobody has named."""
    got: list[bytes] = []
    other = serve(webhook(200, got))
    for code, place in (
        (302, "file:///etc/passwd"),
        (307, f"http://127.0.0.1:{other}/"),
        (308, "//127.0.0.1/"),
    ):
        moved: list[bytes] = []
        port = serve(webhook(code, moved, place))
        told = settings(tmp_path, failure_webhook=f"http://127.0.0.1:{port}/hook")
        with pytest.raises(AlertError, match=f"HTTP status {code}"):
            report_failure(told, FAILURE)
        assert moved and not got
