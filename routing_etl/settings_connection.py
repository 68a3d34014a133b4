"""The connection to a database that settings name: as a URL, or in parts that make one.

Belongs here: how the parts fit together, and the file of a password. Does not: which settings there are (`settings`),
drivers and sessions (`database`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from routing_etl.errors import ConfigurationError

Side = Literal["erp", "warehouse"]
#: Parts of a connection to SQL Server that mean nothing without the server's name.
PARTS = ("port", "database", "user", "password", "password_file", "authentication")


@dataclass(frozen=True)
class Connection:
    """What is set of one side's connection; each field is the setting `<side>_<field>`."""

    side: Side
    url: SecretStr | None
    server: str | None
    port: int
    database: str | None
    user: str | None
    password: SecretStr | None
    password_file: Path | None
    authentication: str | None

    @property
    def _prefix(self) -> str:
        return f"ROUTING_ETL_{self.side.upper()}"

    def with_password(self, embedded: Path) -> str:
        """The configured URL, else one made from the server settings, else that of the embedded SQLite file.

        Parameters
        ----------
        embedded : Path
            The embedded SQLite file.

        Raises
        ------
        ConfigurationError
            URL and server are both set, no database is named, or the password is given twice or cannot be read from
            its file.
        """
        prefix = self._prefix
        if self.url is not None and self.server:
            raise ConfigurationError(
                f"{prefix}_URL and {prefix}_SERVER = {self.server!r} are both set.",
                remedy="Keep one of them.",
            )
        if self.url is not None:
            return self.url.get_secret_value()
        if not self.server:
            return f"sqlite:///{embedded.as_posix()}"
        if not self.database:
            raise ConfigurationError(
                f"{prefix}_SERVER = {self.server!r}, but {prefix}_DATABASE is not set.",
                remedy="Name the database; a login's default database is not relied upon.",
            )
        from sqlalchemy.engine import URL

        return URL.create(
            "mssql+pyodbc",
            username=self.user,
            password=self._password(),
            host=self.server,
            # A named instance has its own port, which the server's browser service knows.
            port=None if "\\" in self.server else self.port,
            database=self.database,
            query={"authentication": self.authentication} if self.authentication else {},
        ).render_as_string(hide_password=False)

    def _password(self) -> str | None:
        """The password, from its setting or its file; None: a trusted connection."""
        prefix = f"{self._prefix}_PASSWORD"
        file = self.password_file
        if self.password is not None and file is not None:
            raise ConfigurationError(f"{prefix} and {prefix}_FILE are both set.", remedy="Keep one of them.")
        if self.password is not None:
            return self.password.get_secret_value()
        if file is None:
            return None
        try:
            text = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            reason = "is not UTF-8 text" if isinstance(exc, UnicodeDecodeError) else f"cannot be read ({exc})"
            raise ConfigurationError(
                f"{prefix}_FILE = {str(file)!r} {reason}.",
                remedy="Give the path of a file that the service user can read.",
            ) from None
        if not text:
            raise ConfigurationError(
                f"{prefix}_FILE = {str(file)!r} is empty.", remedy="Write the password into it."
            )
        return text

    def refuse_parts_without_a_server(self, given: Collection[str]) -> None:
        """Parts that no server is named for would be ignored, and the embedded SQLite file used instead.

        Parameters
        ----------
        given : collection of str
            Names of the settings that are set and not empty.

        Raises
        ------
        ConfigurationError
            There are such parts.
        """
        parts = [part for part in PARTS if f"{self.side}_{part}" in given]
        if self.server or not parts:
            return
        prefix = self._prefix
        names = ", ".join(f"{prefix}_{part.upper()}" for part in parts)
        instead = f", and {prefix}_URL does not use it" if self.url is not None else ""
        raise ConfigurationError(
            f"{names} set without {prefix}_SERVER{instead}.",
            remedy=f"Set {prefix}_SERVER, or remove it."
            if not instead
            else f"Set {prefix}_SERVER instead of the URL, or write it into the URL.",
        )
