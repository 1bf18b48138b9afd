"""Homie 5: each device describes itself in one JSON document, `<domain>/5/<device>/$description`.

Source: https://homieiot.github.io/specification/spec-core-v5_0_0/.
"""

from typing import Any

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.homie import features
from device_plugins.mqtt.conventions.homie.property import Property
from device_plugins.mqtt.conventions.homie.state import sign
from device_plugins.mqtt.conventions.parsing import DEVICES, ENTITIES, document, hex_digits, level, record, word
from device_plugins.mqtt.conventions.parts import Parts
from device_plugins.mqtt.description import Described, Message, Presence, device_id
from device_plugins.sdk import Device

_DOMAIN = "homie"


def make(terms: Terms) -> "Homie5":
    """The convention, in these domains instead of `homie`."""
    return Homie5(terms)


class Homie5:
    """A convention; see `Convention`."""

    name = "homie5"

    def __init__(self, terms: Terms) -> None:
        self._domains = terms.prefixes or (_DOMAIN,)
        self._own = terms.own
        self._known: set[str] = set()

    def filters(self) -> tuple[str, ...]:
        """The description of each device."""
        return tuple(f"{domain}/5/+/$description" for domain in self._domains)

    def greet(self) -> tuple[Message, ...]:
        """Nothing: descriptions are retained."""
        return ()

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take a description; an empty one takes it back. What the hub publishes itself is passed over."""
        prefix = topic.removesuffix("/$description")
        own = prefix.rpartition("/")[2]
        if own == self._own or own.startswith(f"{self._own}-"):
            return Heard()
        if not payload:
            self._known.discard(prefix)
            return Heard(gone=(device_id(self.name, own),))
        told = document(payload, topic)
        if not isinstance(told, dict) or not word(told.get("homie")).startswith("5.") or not level(own):
            raise MalformedError(f"{topic:.120} is no description of Homie 5")
        if prefix not in self._known and len(self._known) >= DEVICES:
            raise MalformedError(f"{topic:.120}: there are more than {DEVICES} devices")
        described = _describe(prefix, own, told)
        self._known.add(prefix)
        return Heard((described,))


def _describe(prefix: str, own: str, told: dict[str, Any]) -> Described:
    parts = Parts(prefix)
    features.add(parts, prefix, _properties(told))
    root, parent = (level(told.get(name)) for name in ("root", "parent"))
    signs = [sign(prefix)]
    if root and root != own:
        # A child is not there when its root is not.
        signs.append(sign(f"{prefix.rpartition('/')[0]}/{root}"))
    mac = hex_digits(own, 12)
    device = Device(
        id=device_id("homie5", own),
        protocol="mqtt",
        model=word(told.get("type")),
        parent=device_id("homie5", parent) if parent else "",
        suggested_name=word(told.get("name")),
    )
    identities = frozenset({f"mac:{mac}"}) if mac else frozenset()
    return parts.described(device, presence=Presence(tuple(signs), "all"), identities=identities)


def _properties(told: dict[str, Any]) -> list[Property]:
    found = [
        Property(
            node=node,
            id=name,
            datatype=word(raw.get("datatype")),
            topic=f"{node}/{name}",
            name=word(raw.get("name")),
            unit=word(raw.get("unit"), 16),
            format=word(raw.get("format"), 4096),
            settable=raw.get("settable") is True,
            retained=raw.get("retained") is not False,
            version=5,
        )
        for node, inner in [*record(told.get("nodes")).items()][:ENTITIES]
        for name, raw in [*record(record(inner).get("properties")).items()][:ENTITIES]
        if isinstance(raw, dict) and level(node) and level(name)
    ]
    return found[:ENTITIES]
