"""Stories of remedies about what is told to others: webhook, mail server, the file of alerts, a server's backup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from homes import home_settings
from little_servers import mail_server, serving, webhook
from walks_met import Act, Place, Walks, bound_by_modes

from routing_etl.pipeline.alerts import Failure, report_failure
from routing_etl.pipeline.drill import drill
from routing_etl.pipeline.status import Problem
from routing_etl.pipeline.telling import STATE, tell
from routing_etl.pipeline.weekly import write_report
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import migrate

walk = Walks()
FAILED = Failure("2026-01-01T02:00:00+00:00", "nightly", "r1", "The disk is full.", {})
OPEN = [Problem("NOTHING_PUBLISHED", "critical", "Nothing is published.", "Run: routing-etl run")]
TO = "kim@x.example"


def _report(place: Place, **given: Any) -> Act:
    return lambda: report_failure(load_settings(_env_file=None, home=place.folder, **given), FAILED)


def _tell(place: Place) -> Act:
    def told() -> None:
        with bound_by_modes():
            tell(load_settings(_env_file=None, home=place.folder), OPEN)

    return told


# --- webhook and mail ---------------------------------------------------------------------------------------------------
@walk("ROUTING_ETL_FAILURE_WEBHOOK is no https:// or http:// URL", "Give the URL that the chat system shows")
def _(place: Place) -> Iterator[Act]:
    got: list[bytes] = []
    yield _report(place, failure_webhook="chat.example/hook")
    with serving(webhook(200, got)) as port:
        yield _report(place, failure_webhook=f"http://127.0.0.1:{port}/hook")
    assert len(got) == 1


@walk("The webhook at … did not take the message: ….", "…")
def _(place: Place) -> Iterator[Act]:
    got: list[bytes] = []
    with serving(webhook(404, [])) as gone, serving(webhook(200, got)) as there:
        yield _report(place, failure_webhook=f"http://127.0.0.1:{gone}/hook")
        yield _report(place, failure_webhook=f"http://127.0.0.1:{there}/hook")
    assert len(got) == 1


@walk("…", "…", where="pipeline/alerts.py")
def _(place: Place) -> Iterator[Act]:
    """Two ways out at once do not work: both sentences, and what to do for the first."""
    yield _report(place, failure_webhook="chat.example/hook", failure_email_to=TO)
    with serving(webhook(200, [])) as chat, serving(mail_server([])) as post:
        yield _report(
            place, failure_webhook=f"http://127.0.0.1:{chat}/", failure_email_to=TO,
            smtp_url=f"smtp://127.0.0.1:{post}",
        )  # fmt: skip


@walk(
    "ROUTING_ETL_FAILURE_EMAIL_TO is set, but ROUTING_ETL_SMTP_URL is not.", "Set it, for example to smtp://"
)
def _(place: Place) -> Iterator[Act]:
    yield _report(place, failure_email_to=TO)
    with serving(mail_server([])) as port:
        yield _report(place, failure_email_to=TO, smtp_url=f"smtp://127.0.0.1:{port}")


@walk("ROUTING_ETL_SMTP_URL is no smtp:// or smtps:// URL", "Set it, for example to smtp://")
def _(place: Place) -> Iterator[Act]:
    with serving(mail_server([])) as port:
        yield _report(place, failure_email_to=TO, smtp_url=f"127.0.0.1:{port}")
        yield _report(place, failure_email_to=TO, smtp_url=f"smtp://127.0.0.1:{port}")


@walk("The mail server … did not take the message: ….", "…")
def _(place: Place) -> Iterator[Act]:
    with serving(mail_server([])) as port:
        yield _report(place, failure_email_to=TO, smtp_url="smtp://127.0.0.1:1")
        yield _report(place, failure_email_to=TO, smtp_url=f"smtp://127.0.0.1:{port}")


@walk("… = … holds no address that a mail can have, so none was sent.", "…")
def _(place: Place) -> Iterator[Act]:
    with serving(mail_server([])) as port:
        yield _report(place, failure_email_to="kim@", smtp_url=f"smtp://127.0.0.1:{port}")
        yield _report(place, failure_email_to=TO, smtp_url=f"smtp://127.0.0.1:{port}")


# --- files of what is told ----------------------------------------------------------------------------------------------
@walk("The message cannot be written to …: ….", "that this user may write there")
def _(place: Place) -> Iterator[Act]:
    (place.folder / "logs").touch()
    yield _report(place)
    (place.folder / "logs").unlink()


@walk("… cannot be read: ….", "Check its owner and rights.", where="pipeline/telling.py")
def _(place: Place) -> Iterator[Act]:
    _tell(place)()
    (place.folder / STATE).chmod(0o000)
    yield _tell(place)
    (place.folder / STATE).chmod(0o600)


@walk("… cannot be written: ….", "that this user may write there", where="pipeline/telling.py")
def _(place: Place) -> Iterator[Act]:
    _tell(place)()
    (place.folder / STATE).parent.chmod(0o500)
    yield _tell(place)
    (place.folder / STATE).parent.chmod(0o700)


@walk("…", "…", where="pipeline/telling.py")
def _(place: Place) -> Iterator[Act]:
    """An alert that a way out does not take is told again by the next call."""
    settings = load_settings(_env_file=None, home=place.folder, failure_webhook="chat.example/hook")
    got: list[bytes] = []
    yield lambda: tell(settings, OPEN)
    with serving(webhook(200, got)) as port:
        url = f"http://127.0.0.1:{port}/"
        yield lambda: tell(load_settings(_env_file=None, home=place.folder, failure_webhook=url), OPEN)
    assert len(got) == 1


CASES = walk.cases
dear = Walks(dear=True)


@dear("Nobody is named to send the report to.", "Set ROUTING_ETL_REPORT_EMAIL_TO and ROUTING_ETL_SMTP_URL.")
def _(place: Place) -> Iterator[Act]:
    got: list[str] = []
    yield lambda: write_report(home_settings(place.home), mail=True)
    with serving(mail_server(got)) as port:
        named = home_settings(place.home, report_email_to=TO, smtp_url=f"smtp://127.0.0.1:{port}")
        yield lambda: write_report(named, mail=True)
    assert f"rcpt TO:<{TO}>" in got


@dear("The warehouse is on a server, whose backups the DBA makes.", "routing-etl drill --restored-url URL")
def _(place: Place) -> Iterator[Act]:
    server = sa.make_url(place.request.getfixturevalue("postgres_url"))
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    names = ("drilled", "restored")
    urls = [server.set(database=name).render_as_string(hide_password=False) for name in names]
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {names[0]}")
        engine = sa.create_engine(urls[0])
        migrate(engine, "routing")
        engine.dispose()
        connection.exec_driver_sql(f"CREATE DATABASE {names[1]} TEMPLATE {names[0]}")
    settings = home_settings(place.folder, warehouse_url=urls[0], warehouse_schema="routing")
    yield lambda: drill(settings)
    yield lambda: drill(settings, urls[1])
    with admin.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


DEAR = dear.cases
