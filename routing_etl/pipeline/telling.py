"""Alerts are told once for each cause, and their end is told too; what is open stands in `<home>/alerts.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from routing_etl.errors import AlertError
from routing_etl.files import TEMPORARY, replace_file
from routing_etl.log import get_logger
from routing_etl.pipeline.alerts import Message, send
from routing_etl.pipeline.conditions import cause
from routing_etl.pipeline.status import Problem
from routing_etl.settings import Settings

log = get_logger(__name__)
#: What is open, in the home; and every alert and recovery, in the log folder.
STATE, LINES = "alerts.json", "alerts.jsonl"


@dataclass(frozen=True)
class Open:
    """An alert that is open.

    Attributes
    ----------
    cause : str
        What it is about: one alert for each.
    code, severity, message, remedy : str
        What is said.
    since : str
        When it was first seen, in ISO form (UTC).
    told : bool
        Whether every way out that is configured took it; otherwise it is told again by the next run.
    """

    cause: str
    code: str
    severity: str
    message: str
    remedy: str
    since: str
    told: bool = False


@dataclass(frozen=True)
class Told:
    """What a round of telling did.

    Attributes
    ----------
    new, recovered : tuple of Open
        Alerts told for the first time, and those whose cause is gone.
    open : tuple of Open
        All that are open now.
    """

    new: tuple[Open, ...]
    recovered: tuple[Open, ...]
    open: tuple[Open, ...]


def tell(settings: Settings, found: Sequence[Problem], now: datetime | None = None) -> Told:
    """Tell what is new and what is over, by file, webhook and e-mail, and keep what is open.

    Parameters
    ----------
    settings : Settings
        Home, ways out, codes that nobody wants to hear of.
    found : sequence of Problem
        What is worth telling now.
    now : datetime, optional
        None: now.

    Returns
    -------
    Told
        What was told.

    Raises
    ------
    AlertError
        A way out did not take a message. The others were tried; the message is sent again by the next call.
    """
    at = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    before = {one.cause: one for one in open_alerts(settings)}
    current = {
        cause(p): Open(cause(p), p.code, p.severity, p.message, p.remedy, at)
        for p in reversed(found)
        if p.code not in settings.silent_alerts
    }
    stay = [
        replace(one, since=before[key].since, told=before[key].told) if key in before else one
        for key, one in current.items()
    ]
    gone = [one for key, one in before.items() if key not in current]
    problems: list[AlertError] = []
    kept = [
        one if one.told else replace(one, told=_sent(settings, one, "alert", at, problems)) for one in stay
    ]
    # An end that could not be told is told again; one that nobody heard the beginning of is not told at all.
    waiting = [one for one in gone if one.told and not _sent(settings, one, "recovered", at, problems)]
    _write(settings.home / STATE, [*kept, *waiting])
    if problems:
        raise AlertError(" ".join(dict.fromkeys(p.message for p in problems)), remedy=problems[0].remedy)
    first = {one.cause for one in stay if not one.told}
    return Told(tuple(one for one in kept if one.cause in first), tuple(gone), tuple(kept))


def open_alerts(settings: Settings) -> tuple[Open, ...]:
    """What was open at the last telling; none where nothing was ever told, or the file is damaged, which is logged.

    A power cut may leave it empty. What is open is then told once more.

    Parameters
    ----------
    settings : Settings
        Names the home.

    Raises
    ------
    AlertError
        The file cannot be read.
    """
    file = settings.home / STATE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise AlertError(
            f"{file} cannot be read: {exc.strerror}.", remedy="Check its owner and rights."
        ) from exc
    try:
        return tuple(Open(**one) for one in json.loads(text)["open"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        log.warning("open_alerts_forgotten", file=str(file), problem=f"{type(exc).__name__}: {exc}"[:300])
        return ()


def _sent(settings: Settings, one: Open, event: str, at: str, problems: list[AlertError]) -> bool:
    words = "is over: " if event == "recovered" else ""
    message = Message(
        f"routing_etl: {one.code} {'is over' if event == 'recovered' else f'({one.severity})'}",
        f"{words}{one.message} {'' if event == 'recovered' else one.remedy}".strip(),
        {"event": event, "at": at, **{k: v for k, v in asdict(one).items() if k != "told"}},
    )
    try:
        send(settings, message, LINES)
    except AlertError as exc:
        log.error("alert_not_sent", error=str(exc), code=one.code, cause=one.cause)
        problems.append(exc)
        return False
    return True


def _write(file: Path, alerts: Sequence[Open]) -> None:
    temporary = file.with_name(file.name + TEMPORARY)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"open": [asdict(one) for one in alerts]}
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        replace_file(temporary, file, durable=True)
    except OSError as exc:
        raise AlertError(
            f"{file} cannot be written: {exc.strerror}.",
            remedy="Check that the disk has room and that this user may write there.",
        ) from exc
