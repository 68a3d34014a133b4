"""Telling people that a run failed, or anything else: always a line in a file, and a webhook and an e-mail where the settings name one."""

from __future__ import annotations

import http.client
import json
import queue
import re
import smtplib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from routing_etl import safe_text
from routing_etl.errors import AlertError
from routing_etl.log import get_logger
from routing_etl.settings import Settings

log = get_logger(__name__)

FAILURES = "failures.jsonl"
#: Seconds that one answer on a connection may take, and a whole delivery.
_SECONDS, _TOTAL_SECONDS = 20.0, 60.0
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Failure:
    """A failed run.

    Attributes
    ----------
    at : str
        When it failed, in ISO form (UTC).
    job : str
        Name of the job.
    run_id : str
        Id of the run.
    message : str
        Why it failed.
    steps : dict
        Message by failed step.
    """

    at: str
    job: str
    run_id: str
    message: str
    steps: dict[str, str]


@dataclass(frozen=True)
class Message:
    """Something to tell.

    Attributes
    ----------
    headline : str
        The subject.
    text : str
        What happened, in a sentence or two.
    content : mapping
        The same as data, for a program.
    """

    headline: str
    text: str
    content: Mapping[str, Any]


def report_failure(settings: Settings, failure: Failure) -> None:
    """Append to `<home>/logs/failures.jsonl`, then send to the webhook and by e-mail where the settings name them.

    Parameters
    ----------
    settings : Settings
        Home, webhook, mail server and addresses.
    failure : Failure
        The failed run.

    Raises
    ------
    AlertError
        A way out did not take it: the file, the webhook or the mail server. The others were tried, and the error holds
        the failure itself.
    """
    said = f"{safe_text.terminal(failure.message)} (run {failure.run_id})"
    send(
        settings,
        Message(f"routing_etl: {safe_text.one_line(failure.job)} failed", said, asdict(failure)),
        FAILURES,
    )


def send(settings: Settings, message: Message, file: str) -> None:
    """Append to a file of the log folder, then send to the webhook and by e-mail where the settings name them.

    Parameters
    ----------
    settings : Settings
        Home, webhook, mail server and addresses.
    message : Message
        What to tell.
    file : str
        Name of the file, one line of JSON a message.

    Raises
    ------
    AlertError
        A way out did not take it. The others were tried, and the error holds the message itself.
    """
    path = settings.home / "logs" / file
    problems = []
    ways: tuple[tuple[object, Callable[[], None]], ...] = (
        (path, lambda: _append(path, message)),
        (settings.failure_webhook, lambda: _post(settings, message)),
        (settings.failure_email_to, lambda: _mail(settings, _message(settings, message))),
    )
    for configured, way in ways:
        if configured:
            try:
                way()
            except AlertError as exc:
                log.error("message_not_sent", error=str(exc), content=dict(message.content))
                problems.append(exc)
    if problems:
        raise AlertError(
            " ".join(p.message for p in problems),
            remedy=f"The message itself ({path}): {message.headline}: {message.text}. {problems[0].remedy}",
        )


def _append(path: Path, message: Message) -> None:
    """One line; the folder is made when it is missing."""
    line = safe_text.json_line(json.dumps(dict(message.content), ensure_ascii=False))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as exc:
        raise AlertError(
            f"The message cannot be written to {path}: {exc.strerror or exc}.",
            remedy="Check that the disk has room and that this user may write there.",
        ) from exc


def send_page(settings: Settings, to: str, subject: str, page: str, name: str) -> None:
    """Mail an HTML page as an attachment.

    Parameters
    ----------
    settings : Settings
        Mail server and sender.
    to : str
        Addresses, with commas.
    subject : str
        The subject.
    page : str
        The page.
    name : str
        Name of the attached file.

    Raises
    ------
    AlertError
        The mail server did not take it.
    """
    message = _addressed(settings, subject, to, "ROUTING_ETL_REPORT_EMAIL_TO")
    message.set_content(
        f"{safe_text.one_line(subject)}. The page is attached; it opens in any browser and fetches nothing.\n"
    )
    message.add_attachment(page.encode("utf-8"), maintype="text", subtype="html", filename=name)
    _mail(settings, message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET without the failure, at an address that nobody has named."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _post(settings: Settings, message: Message) -> None:
    """JSON with a `text` that chat systems (Teams, Slack, Mattermost) show, and the whole message beside it."""
    assert settings.failure_webhook is not None
    url = settings.failure_webhook.get_secret_value()
    remedy = "Check ROUTING_ETL_FAILURE_WEBHOOK."
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
    except ValueError:
        host = scheme = None
    if scheme not in ("https", "http") or not host:
        raise AlertError(
            "ROUTING_ETL_FAILURE_WEBHOOK is no https:// or http:// URL, so nothing was sent.",
            remedy="Give the URL that the chat system shows for its incoming webhook.",
        )
    body = {"text": f"{message.headline}: {safe_text.terminal(message.text)}", **message.content}
    content = json.dumps(body).encode("ascii")

    def deliver() -> str:
        """Send, and return what is wrong with the answer."""
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
            said = answer.read(_ANSWER_BYTES).decode("utf-8", "replace")
        return said if "delivery failed" in said.lower() else ""  # Teams answers so with status 200

    try:
        problem = _within(_TOTAL_SECONDS, deliver)
    except urllib.error.HTTPError as exc:
        problem = f"HTTP status {exc.code}"
    except (http.client.HTTPException, OSError, ValueError) as exc:
        problem = _reason(exc)
    if problem:
        # No cause is attached: texts and frames of these errors may quote the URL, whose path is the secret.
        raise AlertError(
            f"The webhook at {host} did not take the message: {_without(problem, _secrets(url))}.",
            remedy=remedy,
        ) from None


def _within(seconds: float, deliver: Callable[[], str]) -> str:
    """The result of a delivery; a time-out of a socket alone does not stop a server that sends a byte now and then."""
    outcome: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put(deliver())
        except Exception as exc:  # noqa: BLE001 - raised again by the caller
            outcome.put(exc)

    threading.Thread(target=work, daemon=True, name="alert").start()
    try:
        found = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if isinstance(found, Exception):
        raise found
    return found


def _reason(exc: BaseException) -> str:
    """What an error of the network says. Other errors quote the URL or the answer, in any spelling: of these, the kind."""
    said = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    return (
        f"{type(said).__name__}: {said}" if isinstance(said, OSError) and str(said) else type(said).__name__
    )


def _secrets(url: str) -> list[str]:
    """The parts of a URL that nobody may read: everything behind the host, and user and password."""
    rest = url.split("://", 1)[-1]
    authority, _, path = rest.partition("/")
    login = authority.rpartition("@")[0]
    pieces = [url, rest, path, login, *re.split(r"[/?&=:#]", path), *login.split(":")]
    return sorted(
        {p for piece in pieces for p in (piece, unquote(piece)) if len(p) >= 4}, key=len, reverse=True
    )


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return safe_text.one_line(text[:300])


def _mail(settings: Settings, message: EmailMessage) -> None:
    remedy = "Check ROUTING_ETL_SMTP_URL and ROUTING_ETL_FAILURE_EMAIL_TO."
    if settings.smtp_url is None:
        raise AlertError(
            "ROUTING_ETL_FAILURE_EMAIL_TO is set, but ROUTING_ETL_SMTP_URL is not.",
            remedy="Set it, for example to smtp://user:password@mail.example:587.",
        )
    url = settings.smtp_url.get_secret_value()
    try:
        server = urlsplit(url)
        known = server.scheme in ("smtp", "smtps") and (server.port or True)
    except ValueError:
        known = False
    if not known:
        raise AlertError(
            "ROUTING_ETL_SMTP_URL is no smtp:// or smtps:// URL, so nothing was sent.",
            remedy="Set it, for example to smtp://user:password@mail.example:587.",
        )
    try:
        problem = _within(_TOTAL_SECONDS, lambda: _send(server, message))
    except (smtplib.SMTPException, OSError, ValueError) as exc:
        problem = _reason(exc)
    if problem:
        raise AlertError(
            f"The mail server {server.hostname or 'localhost'} did not take the message: "
            f"{_without(problem, _secrets(url))}.",
            remedy=remedy,
        ) from None


def _message(settings: Settings, told: Message) -> EmailMessage:
    message = _addressed(
        settings, told.headline, settings.failure_email_to or "", "ROUTING_ETL_FAILURE_EMAIL_TO"
    )
    message.set_content(safe_text.terminal(json.dumps(dict(told.content), ensure_ascii=False, indent=2)))
    return message


def _addressed(settings: Settings, subject: str, to: str, setting: str) -> EmailMessage:
    """A mail with its head; `setting` is where the addresses stand.

    Raises
    ------
    AlertError
        An address is none. The library's own errors differ by what is wrong with it, a line break and a missing host, say.
    """
    message = EmailMessage()
    message["Subject"] = safe_text.one_line(subject)
    for name, value, where in (
        ("From", settings.failure_email_from, "ROUTING_ETL_FAILURE_EMAIL_FROM"),
        ("To", to, setting),
    ):
        try:
            message[name] = value
        except Exception as exc:
            raise AlertError(
                f"{where} = {safe_text.one_line(value)!r} holds no address that a mail can have, so none was sent.",
                remedy=f"Give {where} an address as name@mail.example; several with commas.",
            ) from exc
    return message


def _send(server: SplitResult, message: EmailMessage) -> str:
    """Hand the message to the mail server; returns what it refused. Its certificate is verified where it has one."""
    host, context = server.hostname or "localhost", ssl.create_default_context()
    out: smtplib.SMTP
    if server.scheme == "smtps":
        out = smtplib.SMTP_SSL(host, server.port or 465, timeout=_SECONDS, context=context)
    else:
        out = smtplib.SMTP(host, server.port or 587, timeout=_SECONDS)
    with out:
        out.ehlo()
        secure = server.scheme == "smtps"
        if not secure and out.has_extn("starttls"):
            out.starttls(context=context)
            secure = True
        if server.username:
            if not secure:
                return "it offers no encryption (STARTTLS), so the password was not sent"
            out.login(unquote(server.username), unquote(server.password or ""))
        refused = out.send_message(message)
    return f"it refused {', '.join(refused)}" if refused else ""
