"""The bridge's lists of devices and groups, and what came and went between two of them."""

from typing import Any

import msgspec

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.parsing import DEVICES, document, hex_digits, level, records, whole, word
from device_plugins.mqtt.conventions.zigbee2mqtt import generic, specific
from device_plugins.mqtt.conventions.zigbee2mqtt.site import Site
from device_plugins.mqtt.description import Described, Message, Presence, Sign, device_id
from device_plugins.sdk import Device

_BRIDGES = 16
_EXPOSES = 128
_MEMBERS = 128
_ONLINE = {"online": True, "offline": False}
_JOINT = frozenset({"light", "switch", "cover", "lock", "fan"})


def make(terms: Terms) -> "Zigbee2Mqtt":
    """The convention, at these base topics instead of any of one level."""
    return Zigbee2Mqtt(terms)


class _Bridge:
    """What one bridge told last: exposes that a group can share by device, and the ids there are."""

    def __init__(self) -> None:
        self.shared: dict[str, list[dict[str, Any]]] = {}
        self.devices: dict[str, str] = {}
        self.groups: dict[int, str] = {}
        self.told: list[dict[str, Any]] = []


class Zigbee2Mqtt:
    """A convention; see `Convention`."""

    name = "zigbee2mqtt"

    def __init__(self, terms: Terms) -> None:
        self._bases = terms.prefixes or ("+",)
        self._own = terms.own
        self._bridges: dict[str, _Bridge] = {}

    def filters(self) -> tuple[str, ...]:
        """The lists of each bridge."""
        return tuple(f"{base}/bridge/{kind}" for base in self._bases for kind in ("devices", "groups"))

    def greet(self) -> tuple[Message, ...]:
        """Nothing: both lists are retained."""
        return ()

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take a list; a device of it that makes no sense is named in `malformed`, the others are taken."""
        base, _, kind = topic.rpartition("/bridge/")
        if not level(base) or base == self._own or kind not in {"devices", "groups"}:
            return Heard()
        told = document(payload, topic) if payload else []
        if not isinstance(told, list) or len(told) > DEVICES:
            raise MalformedError(f"{topic:.120} is no list of at most {DEVICES} devices")
        if base not in self._bridges and len(self._bridges) >= _BRIDGES:
            raise MalformedError(f"{topic:.120}: there are more than {_BRIDGES} bridges")
        bridge = self._bridges.setdefault(base, _Bridge())
        if kind == "devices":
            return self._devices(base, bridge, told)
        bridge.told = [_brief(raw) for raw in records(told, DEVICES)]
        return self._groups(base, bridge)

    def _devices(self, base: str, bridge: _Bridge, told: list[Any]) -> Heard:
        described, malformed = [], []
        before = bridge.devices
        bridge.devices, bridge.shared = {}, {}
        alike: dict[bytes, list[dict[str, Any]]] = {}
        for raw in records(told, DEVICES):
            ieee = hex_digits(raw.get("ieee_address"), 16)
            if not ieee or not _usable(raw):
                continue
            try:
                one = _device(base, ieee, raw)
            except MalformedError as error:
                malformed.append(str(error))
                if ieee in before:
                    bridge.devices[ieee] = before[ieee]
                continue
            described.append(one)
            bridge.devices[ieee] = one.device.id
            joint = [one for one in _exposes(raw) if one["type"] in _JOINT]
            # Devices alike share what they expose.
            bridge.shared[ieee] = alike.setdefault(msgspec.json.encode(joint), joint)
        gone = tuple(id_ for ieee, id_ in before.items() if ieee not in bridge.devices)
        groups = self._groups(base, bridge)
        return Heard((*described, *groups.described), (*gone, *groups.gone), malformed=tuple(malformed))

    def _groups(self, base: str, bridge: _Bridge) -> Heard:
        before, bridge.groups = bridge.groups, {}
        described = []
        for raw in bridge.told:
            one = _group(base, raw, bridge.shared)
            if one is not None:
                described.append(one)
                bridge.groups[raw["id"]] = one.device.id
        return Heard(tuple(described), tuple(id_ for id_ in before.values() if id_ not in bridge.groups.values()))


def _usable(raw: dict[str, Any]) -> bool:
    return raw.get("type") != "Coordinator" and raw.get("disabled") is not True and bool(raw.get("definition"))


def _exposes(raw: dict[str, Any]) -> list[dict[str, Any]]:
    definition = raw.get("definition")
    told = records(definition.get("exposes"), _EXPOSES) if isinstance(definition, dict) else ()
    return [one for one in told if isinstance(one.get("type"), str)]


def _presence(base: str, site: Site) -> Presence:
    bridge = Sign(f"{base}/bridge/state", _there)
    # It is only told where availability is switched on.
    return Presence((bridge, Sign(f"{site.prefix}/availability", _there, optional=True)), "all")


def _there(raw: str) -> bool:
    """Both forms: `online`, and `{"state": "online"}`."""
    if raw.lstrip().startswith("{"):
        said = msgspec.json.decode(raw)
        return _ONLINE[said["state"]]
    return _ONLINE[raw.strip()]


def _device(base: str, ieee: str, raw: dict[str, Any]) -> Described:
    name = raw.get("friendly_name")
    if not level(name):
        raise MalformedError(f"{base}/bridge/devices: {name!r:.60} of 0x{ieee} cannot stand in a topic")
    site = Site(base, str(name))
    exposes = _exposes(raw)
    for one in exposes:
        if one.get("type") in specific.SPECIFIC:
            specific.add(site, one)
    for one in exposes:
        if one.get("name") == "pin_code":
            specific.pins(site)
        elif one.get("type") not in specific.SPECIFIC:
            generic.add(site, one)
    definition = raw["definition"] if isinstance(raw["definition"], dict) else {}
    if definition.get("supports_ota") is True:
        generic.update(site)
    device = Device(
        id=device_id("zigbee2mqtt", f"0x{ieee}"),
        protocol="mqtt",
        model=word(definition.get("model")),
        manufacturer=word(definition.get("vendor")),
        firmware=word(raw.get("software_build_id")),
        suggested_name="" if name == raw.get("ieee_address") else word(name),
    )
    battery = raw.get("power_source") == "Battery"
    return site.parts.described(
        device,
        presence=_presence(base, site),
        identities=frozenset({f"ieee:{ieee}"}),
        wake=() if battery else site.wake(),
    )


def _brief(raw: dict[str, Any]) -> dict[str, Any]:
    members = (hex_digits(one.get("ieee_address"), 16) for one in records(raw.get("members"), _MEMBERS))
    return {"id": whole(raw.get("id")) or 0, "name": raw.get("friendly_name"), "members": [*members]}


def _group(base: str, raw: dict[str, Any], shared: dict[str, list[dict[str, Any]]]) -> Described | None:
    """A group can do what all its members can; one without such members is no device."""
    members = [shared[ieee] for ieee in raw["members"] if ieee in shared]
    if not members or not level(raw["name"]):
        return None
    site = Site(base, raw["name"])
    for one in members[0]:
        names = [_names(other, one["type"]) for other in members]
        common = set.intersection(*names)
        if one.get("endpoint") is None and common:
            features = [part for part in records(one.get("features")) if part.get("name") in common]
            specific.add(site, {**one, "features": features})
    if not site.parts.features:
        return None
    own = f"group.{raw['id']}" if base == "zigbee2mqtt" else f"{base}.group.{raw['id']}"
    device = Device(id=device_id("zigbee2mqtt", own), protocol="mqtt", model="Group", suggested_name=word(raw["name"]))
    return site.parts.described(device, presence=_presence(base, site))


def _names(exposes: list[dict[str, Any]], kind: str) -> set[str]:
    return {
        str(part.get("name"))
        for one in exposes
        if one.get("type") == kind and one.get("endpoint") is None
        for part in records(one.get("features"))
    }
