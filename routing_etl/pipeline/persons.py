"""Who asks: the person that a decision is recorded under, and through what."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from routing_etl.settings import Settings


@dataclass(frozen=True)
class Actor:
    """Who decides, and through what.

    Attributes
    ----------
    by : str
        The person, or the service user where nobody asked.
    via : str
        `night`, `train`, `cli`, `dagster`, `library` or `repair`.
    """

    by: str
    via: str


def person(settings: Settings, named: str = "") -> str:
    """The person at the keyboard, as far as it can be known.

    Parameters
    ----------
    settings : Settings
        `user` names the person where the login does not.
    named : str, optional
        A name that was given with the command; it counts before all others.

    Returns
    -------
    str
        The name given, the setting, the login; the service user where the system knows no login.
    """
    known = named.strip() or settings.user
    if known:
        return known
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user has no entry
        return settings.service_user


def service(settings: Settings, via: str = "night", *, requested_by: str = "") -> Actor:
    """What runs by itself, or on behalf of who asked for it.

    Parameters
    ----------
    settings : Settings
        Names the service user.
    via : str, optional
        Through what.
    requested_by : str, optional
        Who asked; empty: nobody.
    """
    return Actor(requested_by or settings.service_user, via)
