"""How a device is written to the state file, and read from it."""

from collections.abc import Iterable
from typing import Any

from device_plugins.virtual_radio import catalogue
from device_plugins.virtual_radio.cluster import Attribute, Reporting
from device_plugins.virtual_radio.described import Described, described
from device_plugins.virtual_radio.device import Air, VirtualDevice
from device_plugins.virtual_radio.zdo import Binding

_BYTES = "hex"


def dump_device(device: VirtualDevice) -> dict[str, Any]:
    """Return a device as JSON-like values; attributes only where they differ from the factory's."""
    values: dict[str, Any] = {}
    reporting: dict[str, list[Any]] = {}
    for path, attribute, factory in _attributes(device):
        if attribute.value != factory.value:
            value = attribute.value
            values[path] = {_BYTES: value.hex()} if isinstance(value, bytes) else value
        if attribute.reporting is not None:
            reporting[path] = [attribute.reporting.least, attribute.reporting.most, attribute.reporting.change]
    return {
        "ieee": device.ieee,
        "model": device.model.key,
        **({"described": device.model.description} if isinstance(device.model, Described) else {}),
        "name": device.name,
        "nwk": device.short,
        "network": device.network,
        "values": values,
        "reporting": reporting,
        "bindings": [[b.endpoint, b.cluster, b.ieee, b.target_endpoint, b.group] for b in sorted(device.bindings)],
        "groups": sorted(device.groups),
        "memory": device.memory,
        "parent": device.parent,
        "poll_s": device.sleep.every_s,
    }


class Dumps:
    """What `dump_device` gave, kept until the device changes: a home of hundreds is saved at every binding."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, dict[str, Any]]] = {}

    def of(self, devices: Iterable[VirtualDevice]) -> list[dict[str, Any]]:
        """Return all devices as JSON-like values."""
        before, self._kept = self._kept, {}
        for device in devices:
            kept = before.get(device.ieee)
            if kept is None or kept[0] != device.changes:
                kept = device.changes, dump_device(device)
            self._kept[device.ieee] = kept
        return [content for _, content in self._kept.values()]


def load_device(air: Air, data: dict[str, Any]) -> VirtualDevice:
    """Read what `dump_device` gave; attributes that the model no longer has are dropped."""
    model = described(data["described"]) if "described" in data else catalogue.model(data["model"])
    device = VirtualDevice(air, model, data["ieee"], data["name"])
    device.short, device.network = data["nwk"], data["network"]
    for path, attribute, _ in _attributes(device):
        if path in data["values"]:
            value = data["values"][path]
            attribute.value = bytes.fromhex(value[_BYTES]) if isinstance(value, dict) else value
        if path in data["reporting"]:
            attribute.reporting = Reporting(*data["reporting"][path])
    device.bindings = {Binding(*item) for item in data["bindings"]}
    device.groups = {(endpoint, group) for endpoint, group in data["groups"]}
    device.memory = data["memory"]
    device.parent = data.get("parent", "")
    device.sleep.every_s = data.get("poll_s", device.sleep.every_s)
    return device


def _attributes(device: VirtualDevice) -> list[tuple[str, Attribute, Attribute]]:
    fresh = device.model.endpoints()
    found = []
    for number, endpoint in device.endpoints.items():
        for side, clusters, factory in (
            ("", endpoint.clusters, fresh[number].clusters),
            ("client ", endpoint.clients, fresh[number].clients),
        ):
            found += [
                (
                    f"{side}{number}/{cluster.number:04x}/{one.number:04x}",
                    one,
                    factory[cluster.number].attributes[one.number],
                )
                for cluster in clusters.values()
                for one in cluster.attributes.values()
            ]
    return found
