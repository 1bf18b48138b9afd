"""What a ZCL status (2.6.3) means for the one who gave the command."""

from device_plugins.sdk import CommandTimeoutError, DeviceError, InvalidValueError, UnsupportedError

SUCCESS = 0x00
UNSUPPORTED_ATTRIBUTE = 0x86

_REASONS: dict[int, tuple[type[DeviceError], str]] = {
    0x01: (DeviceError, "it failed"),
    0x7E: (DeviceError, "it is not authorized"),
    0x80: (InvalidValueError, "the command is malformed"),
    0x81: (UnsupportedError, "it does not know this command"),
    0x82: (UnsupportedError, "it does not know this command"),
    0x83: (UnsupportedError, "it does not know this command"),
    0x84: (UnsupportedError, "it does not know this command"),
    0x85: (InvalidValueError, "a field is invalid"),
    0x86: (UnsupportedError, "it does not have this attribute"),
    0x87: (InvalidValueError, "the value is out of its range"),
    0x88: (UnsupportedError, "the attribute can only be read"),
    0x89: (DeviceError, "it has no space left"),
    0x8C: (UnsupportedError, "it cannot report this attribute"),
    0x8D: (InvalidValueError, "the value has the wrong type"),
    0x94: (CommandTimeoutError, "it ran out of time"),
    0xC3: (UnsupportedError, "it does not have this cluster"),
}


def refusal(status: int, device: str) -> DeviceError:
    """The error for a status other than SUCCESS."""
    kind, reason = _REASONS.get(status, (DeviceError, f"status 0x{status:02X}"))
    return kind(f"{device} refused: {reason}", device=device)
