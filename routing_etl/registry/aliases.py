"""Which version is the champion and which the challenger, and the log of every change.

`aliases.json` holds the present state and is replaced whole. `aliases.audit.jsonl` only grows: one line per change with
who, when, why, from and to, written before the state is replaced, so that no change is ever without its line. A line
whose state was never written (the process died between the two) is marked as abandoned by the next change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from routing_etl.errors import RegistryError
from routing_etl.registry.files import NotAFileError, append_line, opened, write_json
from routing_etl.registry.names import ALIASES

STATE = "aliases.json"
AUDIT = "aliases.audit.jsonl"


@dataclass(frozen=True)
class AliasChange:
    """One line of the audit log. `event`: set, removed (a version), abandoned (logged, but never in force)."""

    serial: int
    at: str
    event: str
    alias: str | None
    from_version: str | None
    to_version: str | None
    who: str
    why: str


def check_alias(alias: str) -> str:
    """Return the alias if it exists.

    Raises
    ------
    RegistryError
        There is no such alias.
    """
    if alias not in ALIASES:
        raise RegistryError(f"There is no alias {alias!r}.", remedy=f"Use one of: {', '.join(ALIASES)}.")
    return alias


_RESTORE = (
    f"Restore {STATE} from the backup, or write it again after the last lines of {AUDIT}; "
    "nothing is promoted by guesswork."
)


class AliasBook:
    """The alias file and its audit log under a registry root. Writers must hold the registry's lock."""

    def __init__(self, root: Path) -> None:
        self._state = root / STATE
        self._audit = root / AUDIT

    def _read(self) -> dict[str, Any]:
        try:
            with opened(self._state) as stream:
                content = stream.read()
        except FileNotFoundError:
            return {"serial": 0, "aliases": {}}
        except NotAFileError as exc:
            raise RegistryError(f"The alias file {self._state} is broken: {exc}.", remedy=_RESTORE) from exc
        try:
            text = content.decode("utf-8")
            state = _parsed(text)
            aliases, serial = state["aliases"], state["serial"]
            if not isinstance(serial, int) or not isinstance(aliases, dict):
                raise TypeError("serial must be a number, aliases an object")
            if set(aliases) - set(ALIASES) or not all(isinstance(v, str) and v for v in aliases.values()):
                raise TypeError(f"aliases must map some of {', '.join(ALIASES)} to version names")
        except (ValueError, KeyError, TypeError) as exc:
            raise RegistryError(f"The alias file {self._state} is broken: {exc!r}.", remedy=_RESTORE) from exc
        return {"serial": serial, "aliases": aliases}

    def all(self) -> dict[str, str]:
        """The aliases that are set, with the version each points at.

        Raises
        ------
        RegistryError
            The alias file is broken.
        """
        aliases: dict[str, str] = self._read()["aliases"]
        return dict(aliases)

    def serial(self) -> int:
        """Number of the change that is in force; 0 before the first.

        Raises
        ------
        RegistryError
            The alias file is broken.
        """
        return int(self._read()["serial"])

    def history(self) -> list[AliasChange]:
        """Every change, oldest first. A line cut off by a crash is left out."""
        if not self._audit.is_file():
            return []
        changes = []
        for line in self._audit.read_text(encoding="utf-8").splitlines():
            try:
                changes.append(AliasChange(**_parsed(line)))
            except (ValueError, TypeError):
                continue
        return changes

    def former_champions(self) -> list[str]:
        """Versions that used to be champion, latest first, each once."""
        abandoned = {c.serial for c in self.history() if c.event == "abandoned"}
        state = self._read()
        names: list[str] = []
        for change in reversed(self.history()):
            in_force = change.serial <= state["serial"] and change.serial not in abandoned
            name = change.from_version
            if (
                change.event == "set"
                and change.alias == "champion"
                and in_force
                and name
                and name not in names
            ):
                names.append(name)
        return [n for n in names if n != state["aliases"].get("champion")]

    def change(self, aliases: dict[str, str], *, alias: str, who: str, why: str) -> AliasChange:
        """Log that `alias` changes to its value in `aliases`, then put `aliases` in force."""
        state = self._read()
        serial = self._next_serial(state)
        change = AliasChange(
            serial, _now(), "set", alias, state["aliases"].get(alias), aliases.get(alias), who, why
        )
        append_line(self._audit, vars(change))
        write_json(self._state, {"serial": serial, "updated_at": change.at, "aliases": aliases})
        return change

    def note_removed(self, version: str, *, who: str, why: str) -> None:
        """Log that a version's folder was removed."""
        serial = self._next_serial(self._read())
        append_line(self._audit, vars(AliasChange(serial, _now(), "removed", None, version, None, who, why)))

    def _next_serial(self, state: dict[str, Any]) -> int:
        """The next free serial number. Marks changes as abandoned that were logged and never came into force."""
        history = self.history()
        marked = {c.serial for c in history if c.event == "abandoned"}
        for change in history:
            pending = change.event == "set" and change.serial > state["serial"]
            if pending and change.serial not in marked:
                why = f"change {change.serial} was logged but its process ended before it came into force"
                append_line(
                    self._audit,
                    {**vars(change), "at": _now(), "event": "abandoned", "who": "registry", "why": why},
                )
        serials = [int(state["serial"]), *(c.serial for c in history)]
        return max(serials) + 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _parsed(text: str) -> Any:
    """JSON; nested too deeply, it is as broken as any other."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
