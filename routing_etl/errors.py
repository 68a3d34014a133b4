"""The error hierarchy. Every message names the thing, the value and the remedy."""

from __future__ import annotations


class RoutingEtlError(Exception):
    """Base class of every error that this product raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, with the thing and the value.
    remedy : str, default ''
        What the reader can do about it. Shown after the message.
    """

    #: Whether the same call can succeed when it is tried again (a dropped connection, a deadlock, a lock in use).
    transient: bool = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class ConfigurationError(RoutingEtlError):
    """A setting, an option or an environment variable is missing or wrong."""


class ProfileError(ConfigurationError):
    """A source profile is wrong. Names the file, the key and the value."""

    def __init__(self, file: str, key: str, value: object, problem: str, *, remedy: str) -> None:
        self.file, self.key, self.value = file, key, value
        super().__init__(f"Profile {file}: {key} = {value!r}: {problem}.", remedy=remedy)


class SourceError(RoutingEtlError):
    """The ERP cannot be read: unreachable, wrong login, missing table or column, wrong type, no rows."""


class FrameError(RoutingEtlError):
    """A frame breaks its contract in `frames`."""


class DataQualityError(RoutingEtlError):
    """A critical check failed; nothing was published."""


class ModelError(RoutingEtlError):
    """Training or prediction is not possible with this data or this model."""


class WorkerError(RoutingEtlError):
    """A worker process of a step died or failed; nothing of its work was kept."""


class ItemNotFoundError(ModelError):
    """The item asked for is not in the extracted item master."""


class RegistryError(RoutingEtlError):
    """A model version is missing, exists already, is incomplete or cannot be used here."""


class TamperedArtifactError(RegistryError):
    """An artifact's sha256 differs from the manifest, or the manifest's from the database."""


class IncompatibleModelError(RegistryError):
    """The model was trained under another library version, Python version or feature schema."""


class WarehouseError(RoutingEtlError):
    """Our own tables cannot be read or written, or are not at the newest migration."""


class CodesNotComparedError(WarehouseError):
    """The warehouse's database refuses the question which codes it calls equal."""


class OvertakenError(WarehouseError):
    """A run that read the ERP later is in force by now, so that this one writes nothing more."""


class ReconcileError(WarehouseError):
    """Counts or checksums of the loaded rows differ from the files; the loaded rows were deleted."""


class LockedError(RoutingEtlError):
    """Another run or another writer is at work."""

    transient = True


class TransientDatabaseError(RoutingEtlError):
    """A database error that a retry can cure: deadlock victim, lock timeout, dropped connection."""

    transient = True


class DiskFullError(RoutingEtlError):
    """No space left for a file or a database that has to grow."""


class ShortageError(RoutingEtlError):
    """The machine, or a limit of this process, had too little memory, or too few threads or open files."""


class RunFolderError(RoutingEtlError):
    """A file of a run folder is gone or damaged while a step works on it."""


class AlertError(RoutingEtlError):
    """A failure could not be sent to the webhook or by e-mail."""
