"""The one error hierarchy. Every message names the thing, the value and the remedy.

What belongs here: exception classes that cross rooms. What does not: handling of them, or any logic.
"""

from __future__ import annotations


class RoutingEtlError(Exception):
    """Base of every error this product raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, naming the thing and the value.
    remedy : str, default ''
        What the reader can do about it; shown after the message.
    """

    #: True when trying again, unchanged, can succeed (a dropped connection, a deadlock, a lock in use).
    transient: bool = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class ConfigurationError(RoutingEtlError):
    """A setting, an option or an environment variable is missing or wrong."""


class ProfileError(ConfigurationError):
    """A source profile is wrong; names the file, the key and the value."""

    def __init__(self, file: str, key: str, value: object, problem: str, *, remedy: str) -> None:
        self.file, self.key, self.value = file, key, value
        super().__init__(f"Profile {file}: {key} = {value!r}: {problem}.", remedy=remedy)


class SourceError(RoutingEtlError):
    """The ERP cannot be read: unreachable, wrong login, missing table or column, wrong type, no rows."""


class FrameError(RoutingEtlError):
    """A frame between two steps does not keep its contract of `frames.py`."""


class DataQualityError(RoutingEtlError):
    """A critical check failed; nothing was published."""


class ModelError(RoutingEtlError):
    """Training or prediction is not possible with this data or this model."""


class WorkerError(RoutingEtlError):
    """A process beside the step's own died or failed; nothing of it was kept."""


class ItemNotFoundError(ModelError):
    """The item asked for is not in the extracted item master."""


class RegistryError(RoutingEtlError):
    """A model version is missing, already there, incomplete or not usable here."""


class TamperedArtifactError(RegistryError):
    """An artifact's sha256 differs from the manifest, or the manifest's from the database."""


class IncompatibleModelError(RegistryError):
    """The model was trained under another library version, Python version or feature schema."""


class WarehouseError(RoutingEtlError):
    """Our own tables cannot be read or written, or are not migrated to head."""


class ReconcileError(WarehouseError):
    """What was loaded differs from what was written: counts or checksums; the loaded rows were deleted."""


class LockedError(RoutingEtlError):
    """Another run or another publisher is at work."""

    transient = True


class TransientDatabaseError(RoutingEtlError):
    """A database error that a retry can cure: deadlock victim, lock timeout, dropped connection."""

    transient = True


class DiskFullError(RoutingEtlError):
    """No space left where a file or a database has to grow."""


class AlertError(RoutingEtlError):
    """A failure could not be sent to the webhook or by e-mail."""
