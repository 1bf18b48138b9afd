"""What a device of Tasmota tells of itself in two retained messages, put together whichever comes first."""

from typing import Any

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.parsing import DEVICES, document, hex_digits, record, word
from device_plugins.mqtt.conventions.parts import yes_or_no
from device_plugins.mqtt.conventions.tasmota import controls, inputs, lights, sensors
from device_plugins.mqtt.conventions.tasmota.setup import Setup
from device_plugins.mqtt.description import Described, Message, Presence, device_id
from device_plugins.sdk import Device

_PREFIX = "tasmota/discovery"


def make(terms: Terms) -> "Tasmota":
    """The convention, below these prefixes instead of the usual one."""
    return Tasmota(terms)


class Tasmota:
    """A convention; see `Convention`."""

    name = "tasmota"

    def __init__(self, terms: Terms) -> None:
        self._prefixes = terms.prefixes or (_PREFIX,)
        self._configs: dict[str, dict[str, Any]] = {}
        self._sensors: dict[str, dict[str, Any]] = {}

    def filters(self) -> tuple[str, ...]:
        """Both messages of each device."""
        return tuple(f"{prefix}/+/{kind}" for prefix in self._prefixes for kind in ("config", "sensors"))

    def greet(self) -> tuple[Message, ...]:
        """Nothing: both messages are retained."""
        return ()

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take one of the two messages; an empty one takes it back."""
        *_, address, kind = ["", *topic.split("/")]
        mac = hex_digits(address, 12)
        table = {"config": self._configs, "sensors": self._sensors}.get(kind)
        if not mac or table is None:
            raise MalformedError(f"{topic:.120} names no MAC address")
        if not payload:
            return self._gone(table, mac)
        told = document(payload, topic)
        if not isinstance(told, dict):
            raise MalformedError(f"{topic:.120} is no object")
        if mac not in table and len(table) >= DEVICES:
            raise MalformedError(f"{topic:.120}: there are more than {DEVICES} devices")
        if kind == "config":
            Setup.of(mac, told)
        table[mac] = told
        return self._known(mac)

    def _gone(self, table: dict[str, dict[str, Any]], mac: str) -> Heard:
        was = table.pop(mac, None)
        if was is not None and table is self._configs:
            return Heard(gone=(device_id(self.name, mac),))
        return self._known(mac)

    def _known(self, mac: str) -> Heard:
        if mac not in self._configs:
            return Heard()
        told = record(record(self._sensors.get(mac)).get("sn"))
        return Heard((_describe(Setup.of(mac, self._configs[mac]), told),))


def _describe(setup: Setup, told: dict[str, Any]) -> Described:
    lights.add(setup)
    controls.add(setup)
    inputs.add(setup)
    sensors.add(setup, told)
    device = Device(
        id=device_id("tasmota", setup.mac),
        protocol="mqtt",
        model=word(setup.raw.get("md")),
        manufacturer="Tasmota",
        firmware=word(setup.raw.get("sw")),
        suggested_name=word(setup.raw.get("dn")),
    )
    words = ((word(setup.raw.get("onln")) or "Online", True), (word(setup.raw.get("ofln")) or "Offline", False))
    ask = f"{setup.command}/STATUS"
    return setup.parts.described(
        device,
        presence=Presence((yes_or_no(f"{setup.tele}/LWT", words),)),
        identities=frozenset({f"mac:{setup.mac}"}),
        wake=(Message(ask, b"10"), Message(ask, b"11")),
    )
