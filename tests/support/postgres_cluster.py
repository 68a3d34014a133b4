"""A private PostgreSQL cluster on the loopback interface, made for a test session and removed after it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoPostgresError(Exception):
    """Why no cluster can be started here."""


def _binaries() -> Path:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]))
    if homes and (homes[-1] / "initdb").exists():
        return homes[-1]
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    raise NoPostgresError("PostgreSQL's server programs (initdb, pg_ctl) are not installed")


def _user() -> str | None:
    """The user to run as: root may not run a server."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise NoPostgresError("this is root, and there is no user postgres or nobody to run the server as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster; yields a SQLAlchemy URL of an empty database.

    Raises
    ------
    NoPostgresError: says what is missing.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as exc:
        raise NoPostgresError("the driver psycopg is not installed: pip install '.[postgresql]'") from exc
    binaries, user = _binaries(), _user()
    folder = Path(tempfile.mkdtemp(prefix="routing_etl_pg_"))
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()

    def run(*command: str) -> None:
        done = subprocess.run(
            command, user=user, cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            log = folder / "log"
            detail = log.read_text() if log.exists() else ""
            raise NoPostgresError(f"{Path(command[0]).name} failed: {done.stderr or done.stdout} {detail}")

    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
    try:
        run(
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            "tester",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
        )
        with (folder / "log").open("w"):
            pass
        if user:
            shutil.chown(folder / "log", user)
        # pg_ctl's server keeps the inherited pipes open, so it gets a log file of its own.
        run(
            str(binaries / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start"
        )
        try:
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        finally:
            run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
