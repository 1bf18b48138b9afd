"""What ends a command: one sentence on stderr and an exit code."""

from typing import ClassVar

from hub.errors import HubError

INTERRUPTED = 130


class CommandError(HubError):
    """The command was refused or failed."""

    exit_code: ClassVar[int] = 1


class RefusedError(CommandError):
    """The hub said no; `reason` is its error code."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class WrongUsageError(CommandError):
    """The command line makes no sense."""

    exit_code: ClassVar[int] = 2


class UnreachableHubError(CommandError):
    """No hub is running there, or it does not answer."""

    exit_code: ClassVar[int] = 3
