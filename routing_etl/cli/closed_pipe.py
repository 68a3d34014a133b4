"""A reader of our output that went away (`routing-etl ... | head`): the command ends quietly, as other programs do.

This end is told from a pipe that broke elsewhere, and the interpreter is kept from complaining at its exit.
"""

from __future__ import annotations

import io
import os
import select
import sys

#: Exit code of a program whose reader went away: 128 + SIGPIPE.
CLOSED = 141


class OutputPipe:
    """Standard output as it was at the start, whatever others put in its place later."""

    def __init__(self) -> None:
        try:
            self._output = os.dup(sys.stdout.fileno())
        except (AttributeError, io.UnsupportedOperation, OSError):
            self._output = -1  # no file is behind it, so no reader can go away

    def reader_is_gone(self) -> bool:
        """Whether standard output is a pipe that nobody reads any more."""
        if self._output < 0 or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._output, select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))

    def quieten(self) -> None:
        """Let what is still buffered go nowhere, so that the interpreter does not fail on it at its exit."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None and os.path.sameopenfile(stream.fileno(), self._output):
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

    def close(self) -> None:
        """Give the copy of standard output back."""
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
