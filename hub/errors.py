"""Every error the hub raises on purpose.

An error's text is one sentence for a person: what went wrong, where, and how to mend it. Its data stands in
attributes, and `code` names its kind in a form that survives a wire.
"""

from typing import ClassVar


class HubError(Exception):
    """The one root: whatever the hub refuses or reports is one of these."""

    code: ClassVar[str] = "error"


class ConfigError(HubError):
    """The configuration is wrong; `where` names file, line and key."""

    code: ClassVar[str] = "config"

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class ManifestError(HubError):
    """A plugin's manifest is wrong; `where` names the file and the key."""

    code: ClassVar[str] = "manifest"

    def __init__(self, message: str, *, where: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where


class PluginError(HubError):
    """A plugin cannot be loaded or run; `plugin` is its id."""

    code: ClassVar[str] = "plugin"

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(message)
        self.plugin = plugin


class EventError(HubError):
    """An event was refused: its type is not declared, or its data does not fit."""

    code: ClassVar[str] = "event"


class ServiceError(HubError):
    """A service call failed; `service` is its name."""

    code: ClassVar[str] = "service"

    def __init__(self, message: str, *, service: str) -> None:
        super().__init__(message)
        self.service = service


class UnknownServiceError(ServiceError):
    """No plugin offers the service that was called."""

    code: ClassVar[str] = "unknown_service"


class InvalidArgumentError(ServiceError):
    """An argument is missing, unknown or of the wrong type."""

    code: ClassVar[str] = "invalid_argument"


class ServiceTimeoutError(ServiceError):
    """The call's deadline passed before it was answered."""

    code: ClassVar[str] = "timeout"


class ServiceBusyError(ServiceError):
    """The service has its hands full: its rate or concurrency limit is reached. Trying later helps."""

    code: ClassVar[str] = "busy"


class ServiceUnavailableError(ServiceError):
    """The service failed too often in a row and is not called for a while."""

    code: ClassVar[str] = "unavailable"


class ServiceFailedError(ServiceError):
    """The service raised something that was not meant for its caller; the cause is chained and logged."""

    code: ClassVar[str] = "failed"


class StateError(HubError):
    """A state path or value was refused."""

    code: ClassVar[str] = "state"


class StorageError(HubError):
    """Bytes could not be read or written; nothing that was acknowledged is lost."""

    code: ClassVar[str] = "storage"


class StorageConflictError(StorageError):
    """Something that a transaction had read was changed before it ended; nothing of it was written."""

    code: ClassVar[str] = "conflict"


class NotPermittedError(HubError):
    """A plugin did what its manifest does not permit; the text names the line to add."""

    code: ClassVar[str] = "not_permitted"


class BackupError(HubError):
    """A backup could not be made, is not good, or cannot be restored; the text names the file and the part."""

    code: ClassVar[str] = "backup"
