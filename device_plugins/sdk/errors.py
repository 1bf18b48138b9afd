"""Why a device did not do what it was asked: typed, so that a rule can tell unreachable from unsupported."""

from typing import ClassVar

from hub.api import HubError


class DeviceError(HubError):
    """Something about one device; `device` is its id."""

    code: ClassVar[str] = "device"

    def __init__(self, message: str, *, device: str = "") -> None:
        super().__init__(message)
        self.device = device


class UnknownDeviceError(DeviceError):
    """No device has this id or name."""

    code: ClassVar[str] = "unknown_device"


class UnreachableError(DeviceError):
    """The device, or the radio that leads to it, does not answer."""

    code: ClassVar[str] = "unreachable"


class UnsupportedError(DeviceError):
    """The device does not have this capability or command."""

    code: ClassVar[str] = "unsupported"


class InvalidValueError(DeviceError):
    """The value is of the wrong type, outside its range, or refused by the device."""

    code: ClassVar[str] = "invalid_value"


class CommandTimeoutError(DeviceError):
    """The device took the command but did not confirm it in time."""

    code: ClassVar[str] = "command_timeout"


class PairingError(DeviceError):
    """Pairing cannot start or go on."""

    code: ClassVar[str] = "pairing"
