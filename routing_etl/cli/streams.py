"""Standard output and standard error: a code page that lacks characters we show, and a disk or device that is full."""

from __future__ import annotations

import io
import sys

import typer

from routing_etl.shortages import FULL


class _Unfilled(io.RawIOBase):
    """A stream whose device may be full: what finds no room is dropped, and the error is kept.

    A night whose output goes to a file on a full disk works on: what it publishes is not made by what it prints.
    """

    def __init__(self, stream: io.TextIOWrapper, raw: io.RawIOBase) -> None:
        self._stream, self._raw = stream, raw  # the stream is closed when nobody refers to it
        self.error: OSError | None = None

    def write(self, data: object) -> int | None:  # type: ignore[override]
        """Write, or drop what finds no room."""
        try:
            return self._raw.write(data)  # type: ignore[arg-type]
        except OSError as exc:
            if exc.errno not in FULL:
                raise
            self.error = exc
            return len(memoryview(data).cast("B"))  # type: ignore[arg-type]

    def writable(self) -> bool:
        """Whether it can be written to, which it can."""
        return True

    def fileno(self) -> int:
        """The number of the file behind it."""
        return self._raw.fileno()


class Streams:
    """Both streams as this program needs them."""

    def __init__(self) -> None:
        self._made: list[_Unfilled] = []
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, io.TextIOWrapper):
                setattr(sys, name, self._forgiving(stream))

    def _forgiving(self, stream: io.TextIOWrapper) -> io.TextIOWrapper:
        """The stream with `?` for a character that it cannot encode, and dropping what a full device refuses.

        A service on Windows writes in the ANSI code page of the system, where a check mark or a Korean word may be missing.
        Without this, a night that has published would end with an error and be repeated. A terminal is never full.
        """
        below: object = stream.buffer
        raw = getattr(below, "raw", below)  # unbuffered (python -u), the buffer itself is the raw stream
        if isinstance(raw, _Unfilled):
            raw.error = None
            self._made.append(raw)
            return stream
        if not isinstance(raw, io.RawIOBase) or stream.isatty():
            stream.reconfigure(errors="replace")
            return stream
        stream.flush()
        made = _Unfilled(stream, raw)
        self._made.append(made)
        return io.TextIOWrapper(
            made if raw is below else io.BufferedWriter(made),  # type: ignore[arg-type]
            encoding=stream.encoding,
            errors="replace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def full(self) -> OSError | None:
        """Why something of the output was dropped; None if all of it was written."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        return next((made.error for made in self._made if made.error is not None), None)


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Write a line to standard output or standard error as the stream itself encodes it.

    Without a stream named, click takes one that is ASCII for misconfigured and writes UTF-8 into it, which a terminal or a log
    of that code page shows as something else.
    """
    typer.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)
