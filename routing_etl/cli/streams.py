"""Standard output and standard error in a code page that lacks characters we show."""

from __future__ import annotations

import io
import sys


def forgive() -> None:
    """Let both streams show `?` for a character that they cannot encode.

    A service on Windows writes in the ANSI code page of the system, where a check mark or a Korean word may be missing.
    Without this, a night that has published would end with an error and be repeated.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
