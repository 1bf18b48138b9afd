"""How a device is written to the state file, and read from it."""

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
        "bindings": [[b.endpoint, b.cluster, b.ieee, b.target_endpoint] for b in sorted(device.bindings)],
        "groups": sorted(device.groups),
        "memory": device.memory,
    }


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
    return device


def _attributes(device: VirtualDevice) -> list[tuple[str, Attribute, Attribute]]:
    fresh = device.model.endpoints()
    return [
        (f"{endpoint.number}/{cluster.number:04x}/{attribute.number:04x}", attribute,
         fresh[endpoint.number].clusters[cluster.number].attributes[attribute.number])
        for endpoint in device.endpoints.values()
        for cluster in endpoint.clusters.values()
        for attribute in cluster.attributes.values()
    ]  # fmt: skip
