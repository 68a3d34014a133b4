"""Exit codes by what kind of thing went wrong, so that a scheduler can tell a busy lock from bad data.

`docs/scripting.md` lists them; a test holds the list against this module.
"""

from __future__ import annotations

from routing_etl import errors

#: Code to what it means. 130 and 141 are the conventions of a shell: stopped with Ctrl-C, reader of the output gone.
MEANINGS = {
    0: "it did what it was asked",
    1: "unexpected: a fault of the program; the trace is in the log",
    2: "settings: a wrong option, setting, profile or argument, or something that has not been run yet",
    3: "data: the ERP, a run folder, an item or a model is not there, not readable or not as it must be",
    4: "database: our tables, or a connection",
    5: "checks: a critical check failed, so nothing was published; doctor or status found an error",
    6: "busy: another run or writer is at work; try again later",
    7: "machine: memory, disk, threads, open files, a worker process",
    130: "stopped with Ctrl-C",
    141: "the reader of the output went away",
}
UNEXPECTED, SETTINGS, DATA, DATABASE, CHECKS, BUSY, MACHINE = range(1, 8)

#: Error class to exit code; the first that fits counts.
_BY_CLASS: tuple[tuple[type[errors.RoutingEtlError], int], ...] = (
    (errors.ConfigurationError, SETTINGS),
    (errors.DataQualityError, CHECKS),
    (errors.LockedError, BUSY),
    (errors.WarehouseError, DATABASE),
    (errors.TransientDatabaseError, DATABASE),
    (errors.DiskFullError, MACHINE),
    (errors.ShortageError, MACHINE),
    (errors.WorkerError, MACHINE),
    (errors.ReconcileError, DATABASE),
    (errors.SourceError, DATA),
    (errors.FrameError, DATA),
    (errors.ModelError, DATA),
    (errors.RegistryError, DATA),
    (errors.RunFolderError, DATA),
    (errors.AlertError, MACHINE),
)


def exit_code(error: errors.RoutingEtlError) -> int:
    """The exit code of an error."""
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), UNEXPECTED)
