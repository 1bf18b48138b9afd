"""What every device plugin shares: the vocabulary of capabilities, the device's shape, and the base class.

A device is an id, a model and a list of capabilities. What is true of it stands in state at
`device/<id>/<key>`, where a capability's key is its name (`on_off`), followed by its endpoint where a device has
the same capability more than once (`on_off.2`). What happens to it without lasting (a button pressed) is an event.
"""

from device_plugins.sdk.capabilities import VOCABULARY, capability
from device_plugins.sdk.device import Availability, Device, Feature, feature_keys
from device_plugins.sdk.errors import (
    CommandTimeoutError,
    DeviceError,
    InvalidValueError,
    PairingError,
    UnknownDeviceError,
    UnreachableError,
    UnsupportedError,
)
from device_plugins.sdk.events import ButtonPressed, LockOperated, PairingStep, RotaryTurned, Step
from device_plugins.sdk.names import slug
from device_plugins.sdk.plugin import DevicePlugin
from device_plugins.sdk.reference import document
from device_plugins.sdk.values import check_command, check_device, check_value
from device_plugins.sdk.word import Argument, Capability, Command

__all__ = [
    "VOCABULARY",
    "Argument",
    "Availability",
    "ButtonPressed",
    "Capability",
    "Command",
    "CommandTimeoutError",
    "Device",
    "DeviceError",
    "DevicePlugin",
    "Feature",
    "InvalidValueError",
    "LockOperated",
    "PairingError",
    "PairingStep",
    "RotaryTurned",
    "Step",
    "UnknownDeviceError",
    "UnreachableError",
    "UnsupportedError",
    "capability",
    "check_command",
    "check_device",
    "check_value",
    "document",
    "feature_keys",
    "slug",
]
