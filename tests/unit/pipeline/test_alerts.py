"""Failures go into the file always, and to a real webhook and a real mail server on this machine when they are named."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from routing_etl.errors import AlertError
from routing_etl.pipeline.alerts import Failure, report_failure
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


def webhook(answer: int, got: list[bytes]) -> HTTPServer:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return HTTPServer(("127.0.0.1", 0), Hook)


def mail_server(got: list[str]) -> socketserver.TCPServer:
    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            body = False
            for raw in self.rfile:
                line = raw.decode("utf-8").rstrip("\r\n")
                got.append(line)
                if body:
                    body = line != "."
                    answer = None if body else b"250 kept\r\n"
                elif line.upper() == "DATA":
                    body, answer = True, b"354 go on\r\n"
                elif line.upper().startswith("QUIT"):
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    answer = b"250 ok\r\n"
                if answer:
                    self.wfile.write(answer)

    return socketserver.TCPServer(("127.0.0.1", 0), Mail)


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


def test_an_address_without_a_mail_server_says_which_setting_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AlertError, match="ROUTING_ETL_SMTP_URL is not"):
        report_failure(settings(tmp_path, failure_email_to="a@x.example"), FAILURE)
    assert len(lines(tmp_path)) == 1
