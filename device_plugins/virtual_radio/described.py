"""A virtual device made from a description of a real one: its endpoints, and what its attributes hold.

    {"manufacturer": "Acme", "model": "Lamp", "battery": false, "descriptor": "01408e7c11525200002c520000",
     "endpoints": [{"id": 1, "profile": 260, "type": 256, "inputs": [CLUSTER, ...], "outputs": [CLUSTER, ...]}]}

A CLUSTER is `{"id": 6, "attributes": [[number, type, value, flags], ...]}`, and `"hidden": true` in it if the device
does not tell of it but answers; where a type is the ZCL's number, a value of bytes is `{"hex": "..."}`, a float that is
no number null, and flags are 1 (writable), 2 (reported), 4 (the manufacturer's own), 8 (perhaps so).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, override

from device_plugins.virtual_radio import commands, household, parts, security, zcltypes
from device_plugins.virtual_radio.catalogue import Model
from device_plugins.virtual_radio.cluster import Attribute, Cluster, Endpoint
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.zcltypes import ZclError

type Description = dict[str, Any]

KEY = "described"
MOST_ENDPOINTS, MOST_CLUSTERS, MOST_ATTRIBUTES, MOST_TEXT = 32, 64, 512, 64
_WRITABLE, _REPORTED, _OWN, _EITHER = 1, 2, 4, 8
_ENDPOINTS = range(1, 255)
_FLOATS = (0x38, 0x39, 0x3A)
_DESCRIPTOR_SIZE = 13
_BYTES = "hex"

_COMMANDS: dict[int, tuple[int, ...]] = {}
for _cluster, _command in commands.OF_SERVERS:
    _COMMANDS[_cluster] = (*_COMMANDS.get(_cluster, ()), _command)
# What the behaviour of a cluster calls its attributes by.
_NAMES = {
    (cluster.number, attribute.number): attribute.name
    for cluster in (
        parts.identify(), parts.on_off(), parts.level(), parts.color(), parts.covering(), parts.lock(),
        parts.thermostat(), parts.zone(0), parts.warning_device(), parts.energy_metering(),
        parts.electrical_measurement(), parts.scenes_cluster(), parts.poll_control(), parts.firmware_client(),
    )
    for attribute in cluster.attributes.values()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Described(Model):
    """A model that is made of a description; `descriptor` is its node descriptor, empty for the usual one."""

    description: Description = field(default_factory=dict)
    descriptor: bytes = b""

    @override
    def endpoints(self) -> dict[int, Endpoint]:
        """Return fresh endpoints, as the description tells of them."""
        return _endpoints(self.description)


def described(description: Description) -> Described:
    """Return the model that a description tells of.

    Raises RadioError when it is no description, or too large.
    """
    try:
        descriptor = bytes.fromhex(description.get("descriptor", ""))
        if len(descriptor) not in {0, _DESCRIPTOR_SIZE}:
            raise RadioError(f"A node descriptor has {_DESCRIPTOR_SIZE} bytes, not {len(descriptor)}.")
        _endpoints(description)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RadioError(f"The description of a device cannot be used: {type(error).__name__}: {error}.") from None
    model, battery = _text(description, "model"), bool(description.get("battery", False))
    return Described(KEY, model or KEY, 0, lambda: (), {}, battery, (), description=description, descriptor=descriptor)


def _endpoints(description: Description) -> dict[int, Endpoint]:
    manufacturer, model = _text(description, "manufacturer"), _text(description, "model")
    told = _limited(description["endpoints"], MOST_ENDPOINTS, "endpoints")
    return {one.number: one for one in (_endpoint(each, manufacturer, model) for each in told)}


def _endpoint(told: Mapping[str, Any], manufacturer: str, model: str) -> Endpoint:
    number = int(told["id"])
    if number not in _ENDPOINTS:
        raise RadioError(f"An endpoint is 1 to 254, not {number}.")
    inputs = _clusters(told["inputs"])
    if household.BASIC in inputs:
        basic = inputs[household.BASIC].attributes
        basic[4] = Attribute(4, "manufacturer", zcltypes.TEXT, manufacturer)
        basic[5] = Attribute(5, "model", zcltypes.TEXT, model)
    if security.ZONE in inputs:
        # It is fresh from the factory, whatever alarm panel the described one was enrolled with.
        fresh = parts.zone(0).attributes
        its = inputs[security.ZONE].attributes
        its |= {key: one for key, one in fresh.items() if key not in its or one.name in {"zone_state", "cie_address"}}
    return Endpoint(number, int(told["type"]), inputs, _clusters(told["outputs"]), int(told["profile"]))


def _clusters(told: Iterable[Mapping[str, Any]]) -> dict[int, Cluster]:
    return {one.number: one for one in map(_cluster_of, _limited(told, MOST_CLUSTERS, "clusters"))}


def _cluster_of(told: Mapping[str, Any]) -> Cluster:
    number = int(told["id"])
    rows = _limited(told.get("attributes", []), MOST_ATTRIBUTES, "attributes")
    attributes = {one.number: one for one in (_attribute(number, *row) for row in rows)}
    return Cluster(number, attributes, _received(number), hidden=bool(told.get("hidden", False)))


def _received(cluster: int) -> tuple[int, ...]:
    return _COMMANDS.get(cluster, ())


def _attribute(cluster: int, number: int, kind: int, value: Any, flags: int) -> Attribute:  # noqa: ANN401 - JSON
    value = bytes.fromhex(value[_BYTES]) if isinstance(value, dict) else value
    if value is None and kind in _FLOATS:
        value = math.nan
    try:
        value, _ = zcltypes.decode(kind, zcltypes.encode(kind, value))
    except ZclError as error:
        raise RadioError(f"Attribute 0x{number:04x} of cluster 0x{cluster:04x} cannot be that: {error}.") from None
    name = _NAMES.get((cluster, number), f"attribute_{cluster:04x}_{number:04x}")
    made = Attribute(number, name, kind, value, bool(flags & _WRITABLE), bool(flags & _REPORTED))
    made.own = None if flags & _EITHER else bool(flags & _OWN)
    return made


def _text(description: Description, name: str) -> str:
    return str(description.get(name) or "")[:MOST_TEXT]


def _limited(items: Any, most: int, what: str) -> list[Any]:  # noqa: ANN401 - JSON
    if not isinstance(items, list):
        raise RadioError(f"The {what} of a description are a list.")
    if len(items) > most:
        raise RadioError(f"A description has at most {most} {what} in one place, not {len(items)}.")
    return items
