"""Telling people that a run failed: always a line in a file, and a webhook and an e-mail where the settings name one."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from routing_etl.errors import AlertError
from routing_etl.log import get_logger
from routing_etl.settings import Settings

log = get_logger(__name__)

FAILURES = "failures.jsonl"
_SECONDS = 20


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
        The webhook or the mail server did not take it. The other was tried, and the line is in the file.
    """
    append_failure(settings.home / "logs" / FAILURES, failure)
    problems = []
    for configured, send in (
        (settings.failure_webhook, _post),
        (settings.failure_email_to, _mail),
    ):
        if configured:
            try:
                send(settings, failure)
            except AlertError as exc:
                log.error("failure_not_sent", error=str(exc))
                problems.append(exc)
    if problems:
        raise AlertError(
            " ".join(p.message for p in problems),
            remedy=f"The failure itself is in {settings.home / 'logs' / FAILURES}. {problems[0].remedy}",
        )


def append_failure(path: Path, failure: Failure) -> None:
    """Append one line; the folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")


def _headline(failure: Failure) -> str:
    return f"routing_etl: {failure.job} failed"


def _post(settings: Settings, failure: Failure) -> None:
    """JSON with a `text` that chat systems (Teams, Slack, Mattermost) show, and the whole failure beside it."""
    assert settings.failure_webhook is not None
    url = settings.failure_webhook.get_secret_value()
    host = urlsplit(url).hostname
    body = {
        "text": f"{_headline(failure)}: {failure.message} (run {failure.run_id})",
        **asdict(failure),
    }
    request = urllib.request.Request(
        url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            pass
    except (urllib.error.URLError, OSError, ValueError) as exc:
        raise AlertError(
            f"The webhook at {host} did not take the failure: {exc}.",
            remedy="Check ROUTING_ETL_FAILURE_WEBHOOK.",
        ) from exc


def _mail(settings: Settings, failure: Failure) -> None:
    if settings.smtp_url is None:
        raise AlertError(
            "ROUTING_ETL_FAILURE_EMAIL_TO is set, but ROUTING_ETL_SMTP_URL is not.",
            remedy="Set it, for example to smtp://user:password@mail.example:587.",
        )
    server = urlsplit(settings.smtp_url.get_secret_value())
    message = EmailMessage()
    message["Subject"] = _headline(failure)
    message["From"] = settings.failure_email_from
    message["To"] = settings.failure_email_to
    message.set_content(json.dumps(asdict(failure), ensure_ascii=False, indent=2))
    secure = server.scheme == "smtps"
    try:
        kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
        with kind(
            server.hostname or "localhost", server.port or (465 if secure else 587), timeout=_SECONDS
        ) as out:
            out.ehlo()
            if not secure and out.has_extn("starttls"):
                out.starttls(context=ssl.create_default_context())
            if server.username:
                out.login(unquote(server.username), unquote(server.password or ""))
            out.send_message(message)
    except (smtplib.SMTPException, OSError) as exc:
        raise AlertError(
            f"The mail server {server.hostname} did not take the failure: {exc}.",
            remedy="Check ROUTING_ETL_SMTP_URL and ROUTING_ETL_FAILURE_EMAIL_TO.",
        ) from exc
