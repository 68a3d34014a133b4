"""`<home>/routing_etl.toml`: settings by name, for all targets and for each (dev, prod). Secrets have no place in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from routing_etl.errors import ConfigurationError

#: Name of the file in the home.
CONFIG_FILE = "routing_etl.toml"
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
#: Settings that are a secret and nothing else. They belong into the environment, into `.env` or into a file of their own.
_SECRETS = {
    "erp_password": "Name a file with erp_password_file, or set ROUTING_ETL_ERP_PASSWORD.",
    "warehouse_password": "Name a file with warehouse_password_file, or set ROUTING_ETL_WAREHOUSE_PASSWORD.",
    "failure_webhook": "Set ROUTING_ETL_FAILURE_WEBHOOK.",
}
#: A URL with a password in it: scheme://user:password@host.
_PASSWORD = re.compile(r"://[^/@?]*:[^/?]+@|[?&;](?:password|pwd)=", re.IGNORECASE)


@dataclass(frozen=True)
class Configuration:
    """What the file says.

    Attributes
    ----------
    file : pathlib.Path or None
        The file; None when there is none.
    target : str or None
        The target that is in force.
    home : pathlib.Path or None
        Folder that the target works in; None without a target.
    values : Mapping
        Settings by name.
    sources : Mapping
        Where in the file each of them stands, as `FILE [target.dev]`.
    """

    file: Path | None = None
    target: str | None = None
    home: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def read_configuration(file: Path | None, asked: str | None, known: Collection[str]) -> Configuration:
    """Read the file for one target. A target's own settings win over those for all.

    Each target works in a folder of its own, `<folder of the file>/<target>` unless its key `home` names another, so that
    the runs, models and figures of one are never compared with those of the other.

    Parameters
    ----------
    file : pathlib.Path or None
        The file; None when there is none.
    asked : str or None
        Target that is asked for; None: the one that the key `target` of the file names, if it does.
    known : collection of str
        Names of all settings.

    Raises
    ------
    ConfigurationError
        The file is no TOML, has a key that is no setting or a secret, or lacks the target.
    """
    if file is None:
        if asked:
            raise ConfigurationError(
                f"Target {asked!r} is asked for, but there is no {CONFIG_FILE} in the home.",
                remedy=f"Write it with a table [target.{asked}] (docs/targets.md), or leave the target out.",
            )
        return Configuration()
    content = _parsed(file)
    tables = content.pop("target", {})
    default = content.pop("default_target", None)
    if not isinstance(tables, dict) or any(not isinstance(table, dict) for table in tables.values()):
        raise ConfigurationError(
            f"{file}: target = {tables!r} is no group of tables.",
            remedy="Write default_target for the target that holds when none is asked for, and tables [target.NAME].",
        )
    for where, keys in (("", content), *((f" [target.{name}]", table) for name, table in tables.items())):
        _refuse(file, where, keys, known, in_target=bool(where))
    target = asked or default
    if target is None:
        return Configuration(file, values=_plain(content), sources=dict.fromkeys(content, str(file)))
    if target not in tables or not _TARGET.fullmatch(str(target)):
        near = difflib.get_close_matches(str(target), tables, n=1, cutoff=0.6)
        names = ", ".join(sorted(tables)) or "none"
        raise ConfigurationError(
            f"{file} has no table [target.{target}]{f', did you mean {near[0]}?' if near else '.'}",
            remedy=f"Targets there: {names}.",
        )
    own = dict(tables[target])
    home = file.parent / str(own.pop("home", target))
    sources = {
        **dict.fromkeys(content, str(file)),
        **({} if asked else {"target": str(file)}),
        **dict.fromkeys((*own, "home"), f"{file} [target.{target}]"),
    }
    return Configuration(file, target, home, _plain({**content, **own}), sources)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as exc:  # not only its own error: a number of thousands of digits
        deep = isinstance(exc, RecursionError)  # its own text and trace would be as long as the file is deep
        problem = "it is nested too deeply" if deep else exc
        raise ConfigurationError(
            f"{file} is not TOML ({problem}).",
            remedy="Correct it; texts stand in quotes. See docs/targets.md.",
        ) from (None if deep else exc)


def _refuse(
    file: Path, where: str, keys: Mapping[str, Any], known: Collection[str], *, in_target: bool
) -> None:
    """A misspelt key would leave its setting at the default without a word, and a secret would be shared with the file."""
    allowed = {*known, "home"} - {"target"} if in_target else {*known, "default_target"} - {"home", "target"}
    for key, value in keys.items():
        if key not in allowed:
            plain = key.lower().removeprefix("routing_etl_")
            near = difflib.get_close_matches(plain, sorted(allowed), n=1, cutoff=0.7)
            raise ConfigurationError(
                f"{file}{where}: {key} is no setting{f', did you mean {near[0]}?' if near else '.'}",
                remedy="Correct or remove it; routing-etl settings --markdown lists all settings, here written in small letters "
                "without ROUTING_ETL_.",
            )
        if key in _SECRETS:
            raise ConfigurationError(f"{file}{where}: {key} is a secret.", remedy=_SECRETS[key])
        if isinstance(value, str) and _PASSWORD.search(value):
            raise ConfigurationError(
                f"{file}{where}: {key} holds a password.",
                remedy=f"Set ROUTING_ETL_{key.upper()} in the environment or .env, or name server, user and password file.",
            )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dates as the text that settings are read from."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in values.items()}
