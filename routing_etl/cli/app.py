"""The command line put together, and its entry: exit codes, errors as one sentence. No logic of the batch lives here."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any

import typer

from routing_etl import safe_text
from routing_etl.cli import dagster_ui, items, models, night, operation, publications, steps, watching
from routing_etl.cli.closed_pipe import CLOSED, OutputPipe
from routing_etl.cli.exit_codes import MACHINE, SETTINGS, UNEXPECTED, exit_code
from routing_etl.cli.root import app
from routing_etl.cli.streams import Streams, echo
from routing_etl.errors import RoutingEtlError
from routing_etl.shortages import shortage

__all__ = ["app", "main", "models", "publications"]

#: Modules of commands in the order in which the help lists them.
_ORDER = [module.__name__ for module in (night, steps, items, operation, watching, dagster_ui)]
app.registered_commands.sort(
    key=lambda command: _ORDER.index(command.callback.__module__ if command.callback else "")
)

#: Exit code of a command that was stopped with Ctrl-C.
_STOPPED = 130


def main(argv: list[str] | None = None) -> None:
    """Console entry: exit code 0 on success only, else by kind of error (`exit_codes`); errors as one sentence on stderr, the trace in the log."""
    streams = Streams()
    output = OutputPipe()
    before, sys.unraisablehook = sys.unraisablehook, _deliver_again
    try:
        code = _run(lambda: _called(argv, output))
        if (full := streams.full()) is not None:
            done = "The command did its work" if code == 0 else "The command failed"
            _complain(
                f"{done}, but its output could not be written whole: {full.strerror}. Free space for it."
            )
            code = code or MACHINE
    except BrokenPipeError:
        if not output.reader_is_gone():
            raise
        code = CLOSED  # errors go into the same pipe, and there was one to tell
    finally:
        sys.unraisablehook = before
    if code == CLOSED:
        output.quieten()
    output.close()
    if code == _STOPPED:
        # An interrupt in the middle of an exec() (dataclasses run one while their module is imported) makes Python end by
        # the signal, whatever was caught since and whatever code is given; another exec() makes it forget that.
        exec("")
    sys.exit(code)


def _called(argv: list[str] | None, output: OutputPipe) -> Any:
    """Typer and rich turn every broken pipe into exit code 1 without a word; of another pipe than our output it is told."""
    try:
        return app(args=argv, standalone_mode=False)
    except SystemExit as exc:
        broken = exc.__context__
        if not isinstance(broken, BrokenPipeError):
            raise
        if output.reader_is_gone():
            return CLOSED
    raise broken


def _deliver_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Python only prints an interrupt that meets a finaliser or a weak reference's callback, and works on.

    It is given again a moment later, from another thread: given here it would meet this hook.
    """
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        again = threading.Timer(0.02, _thread.interrupt_main)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _run(call: Callable[[], Any]) -> int:
    try:
        result = call()
    except (KeyboardInterrupt, typer.Abort):
        _log_failure()
        echo("Stopped. The last publication is untouched; run the command again when you like.", err=True)
        return 130
    except RoutingEtlError as exc:
        _log_failure()
        _complain(exc)
        return exit_code(exc)
    except BaseException as exc:  # the last line of defence; a panic of a library is no Exception
        if isinstance(exc, SystemExit | GeneratorExit):
            raise
        usage = getattr(exc, "format_message", None)
        if usage is not None:
            _complain(f"{usage()} Add --help to see what the command takes.")
            return SETTINGS
        where = _log_failure()
        own = shortage(exc, "in this command")
        if own is not None:
            _complain(f"{own} {where}")
            return MACHINE
        if isinstance(exc, OSError) and exc.filename:
            _complain(
                f"{exc.filename}: {exc.strerror}. Check that the disk has room, that this user may write there "
                f"and that ROUTING_ETL_HOME names a directory. {where}"
            )
            return MACHINE
        _complain(f"unexpected {type(exc).__name__}: {str(exc)[:300]}. {where}")
        return UNEXPECTED
    if result == _STOPPED:  # Typer itself turns Ctrl-C into this code without a word
        echo("Stopped. The last publication is untouched; run the command again when you like.", err=True)
    return result if isinstance(result, int) else 0


def _complain(what: object) -> None:
    """Show an error. Errors quote codes of the ERP, file names and arguments as they are."""
    echo(f"Error: {safe_text.terminal(what)}", err=True)


def _log_failure() -> str:
    """Write the trace into the log; where it is, in one sentence."""
    try:
        return _logged()
    except (MemoryError, OSError, RuntimeError) as exc:  # while too little memory is left to format a trace
        return f"Its trace could not be logged ({type(exc).__name__})."


def _logged() -> str:
    from routing_etl.log import get_logger, where_logged

    if where_logged() is None:
        return "Its trace was not logged."
    get_logger(__name__).error("command_failed", exc_info=True)
    where = where_logged()  # None now, where the file could not be written
    return f"The full trace is in {where}." if where else "Its trace was not logged."
