"""What the registry tells about devices and pairing, and what it keeps of them."""

from typing import Any

import msgspec

from device_plugins.sdk import Availability, Device, Feature, PairingStep
from hub.api import event


class DeviceRecord(msgspec.Struct, frozen=True):
    """A device as its owner sees it.

    Times are ns since 1970, 0 for never. `values` holds what is true now by feature key; a feature without a value
    yet is left out.
    """

    id: str
    name: str
    area: str
    labels: tuple[str, ...]
    model: str
    manufacturer: str
    firmware: str
    protocol: str
    plugin: str
    parent: str
    features: tuple[Feature, ...]
    availability: Availability
    availability_reason: str
    first_seen: int
    last_seen: int
    values: dict[str, Any]


class CommandResult(msgspec.Struct, frozen=True):
    """A command that the device has confirmed; `value` is what stands in state at `device/<device>/<key>` now."""

    device: str
    key: str
    command: str
    value: Any


class PairingSession(msgspec.Struct, frozen=True):
    """An open pairing session; its steps are events `devices.pairing` with the subject `pairing/<session>`."""

    session: str
    protocols: tuple[str, ...]
    duration: float


class PairingStatus(msgspec.Struct, frozen=True):
    """How a pairing session stands: the protocols still open, the seconds left, and its latest steps."""

    session: str
    open: bool
    protocols: tuple[str, ...]
    remaining: float
    steps: tuple[PairingStep, ...]


@event("devices.added")
class DeviceAdded(msgspec.Struct, frozen=True, gc=False):
    """A device is new in the registry; the subject is `device/<id>`."""

    device: str
    name: str
    model: str
    protocol: str


@event("devices.changed")
class DeviceChanged(msgspec.Struct, frozen=True):
    """The registry's record of a device changed in these fields; the subject is `device/<id>`."""

    device: str
    name: str
    fields: tuple[str, ...]


@event("devices.commanded")
class DeviceCommanded(msgspec.Struct, frozen=True, gc=False):
    """A device was told to do something and confirmed it, or failed with an error's code.

    The subject is `device/<id>/<key>`; `caller` is the plugin that asked.
    """

    caller: str
    command: str
    error: str = ""


@event("devices.removed")
class DeviceRemoved(msgspec.Struct, frozen=True, gc=False):
    """A device was removed from the registry; the subject is `device/<id>`."""

    device: str
    name: str


class Stored(msgspec.Struct, frozen=True):
    """What the registry remembers of one device: what its plugin announced, and what its owner decided."""

    device: Device
    plugin: str
    name: str
    first_seen: int
    area: str = ""
    labels: tuple[str, ...] = ()


class Entry:
    """A remembered device, ready for use: its features by key, and by capability for the first of each."""

    __slots__ = ("features", "id", "service", "stored")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.id = stored.device.id
        self.service = f"{stored.plugin}.command"
        self.features: dict[str, Feature] = {}
        for feature in stored.device.features:
            self.features.setdefault(feature.capability, feature)
        self.features |= {feature.key: feature for feature in stored.device.features}

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return self.stored.name

    def public(self) -> dict[str, Any]:
        """The value of the state `device/<id>`."""
        stored, device = self.stored, self.stored.device
        return {
            "name": stored.name,
            "area": stored.area,
            "labels": list(stored.labels),
            "model": device.model,
            "manufacturer": device.manufacturer,
            "protocol": device.protocol,
            "plugin": stored.plugin,
            # Through JSON, so that it equals what state restores.
            "features": msgspec.json.decode(msgspec.json.encode(device.features)),
        }
