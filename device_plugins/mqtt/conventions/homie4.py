"""Homie 3 and 4: a device describes itself in one retained message an attribute, in any order.

Source: https://homieiot.github.io/specification/spec-core-v4_0_0/.
"""

from collections.abc import Iterator

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.homie import features
from device_plugins.mqtt.conventions.homie.property import Property
from device_plugins.mqtt.conventions.homie.state import sign
from device_plugins.mqtt.conventions.parsing import DEVICES, ENTITIES, hex_digits, level, word
from device_plugins.mqtt.conventions.parts import Parts
from device_plugins.mqtt.description import Described, Message, Presence, device_id
from device_plugins.sdk import Device

_ROOT = "homie"
_OF_DEVICE = ("$homie", "$name", "$nodes", "$state", "$mac", "$implementation", "$fw/name", "$fw/version")
_OF_NODE = ("$name", "$type", "$properties")
_OF_PROPERTY = ("$name", "$datatype", "$format", "$unit", "$settable", "$retained")
_LONGEST = 4096
_ATTRIBUTES = ENTITIES * 8
_MOST = 16 << 20
_CHANGING = frozenset({"", "init"})


def make(terms: Terms) -> "Homie4":
    """The convention, below these root topics instead of `homie`."""
    return Homie4(terms)


class Homie4:
    """A convention; see `Convention`. By base topic it keeps what each device has told of itself."""

    name = "homie4"

    def __init__(self, terms: Terms) -> None:
        self._roots = terms.prefixes or (_ROOT,)
        self._told: dict[str, dict[str, str]] = {}
        self._described: dict[str, str] = {}
        self._size = 0

    def filters(self) -> tuple[str, ...]:
        """Each attribute of devices, nodes and properties."""
        kinds = (*_OF_DEVICE, *(f"+/{one}" for one in _OF_NODE), *(f"+/+/{one}" for one in _OF_PROPERTY))
        return tuple(f"{root}/+/{kind}" for root in self._roots for kind in kinds)

    def greet(self) -> tuple[Message, ...]:
        """Nothing: attributes are retained."""
        return ()

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take an attribute; the device has changed when it has told enough and is not about to change."""
        prefix, attribute = self._parted(topic)
        try:
            value = payload.decode()
        except UnicodeDecodeError:
            raise MalformedError(f"{topic:.120} is not in UTF-8") from None
        if len(value) > _LONGEST:
            raise MalformedError(f"{topic:.120} is longer than {_LONGEST} characters")
        told = self._table(prefix, attribute, value)
        device = device_id(self.name, prefix.rpartition("/")[2])
        if not payload and attribute == "$homie":
            self._size -= sum(len(one) for one in self._told.pop(prefix, {}).values())
            if self._described.get(device) != prefix:
                return Heard()
            del self._described[device]
            return Heard(gone=(device,))
        if told.get(attribute) == value:
            return Heard()
        self._grow(len(value) - len(told.get(attribute, "")))
        told[attribute] = value
        if not _is_whole(told):
            return Heard()
        self._described[device] = prefix
        return Heard(changed=(device,))

    def describe(self, device: str) -> Described | None:
        """A device as it is now; None while it is about to change."""
        prefix = self._described.get(device, "")
        told = self._told.get(prefix, {})
        return _describe(prefix, told) if _is_whole(told) else None

    def _grow(self, more: int) -> None:
        if self._size + more > _MOST:
            raise MalformedError(f"all devices of Homie 4 together tell more than {_MOST >> 20} MiB")
        self._size += more

    def _parted(self, topic: str) -> tuple[str, str]:
        for root in self._roots:
            if topic.startswith(f"{root}/"):
                own, _, attribute = topic.removeprefix(f"{root}/").partition("/")
                if level(own) and "$" in attribute:
                    return f"{root}/{own}", attribute
        raise MalformedError(f"{topic:.120} is no attribute of Homie")

    def _table(self, prefix: str, attribute: str, value: str) -> dict[str, str]:
        if prefix not in self._told:
            if not value:
                return {}
            if len(self._told) >= DEVICES:
                raise MalformedError(f"{prefix:.120}: there are more than {DEVICES} devices")
            self._told[prefix] = {}
        told = self._told[prefix]
        if attribute not in told and len(told) >= _ATTRIBUTES:
            raise MalformedError(f"{prefix:.120} has more than {_ATTRIBUTES} attributes")
        return told


def _listed(told: dict[str, str], attribute: str) -> list[str]:
    """The ids in a list; arrays of nodes, of Homie 3, are passed over."""
    found = (one.strip() for one in told.get(attribute, "").split(","))
    return [one for one in found if level(one) and "/" not in one and "[" not in one][:ENTITIES]


def _is_whole(told: dict[str, str]) -> bool:
    if not told.get("$homie", "").startswith(("3.", "4.")) or told.get("$state", "") in _CHANGING:
        return False
    nodes = _listed(told, "$nodes")
    return bool(nodes) and all(
        f"{node}/$properties" in told
        and all(f"{node}/{name}/$datatype" in told for name in _listed(told, f"{node}/$properties"))
        for node in nodes
    )


def _properties(told: dict[str, str]) -> Iterator[Property]:
    for node in _listed(told, "$nodes"):
        for name in _listed(told, f"{node}/$properties"):
            base = f"{node}/{name}"
            yield Property(
                node=node,
                id=name,
                datatype=told[f"{base}/$datatype"].strip(),
                topic=base,
                name=word(told.get(f"{base}/$name")),
                unit=word(told.get(f"{base}/$unit"), 16),
                format=told.get(f"{base}/$format", ""),
                settable=told.get(f"{base}/$settable", "").strip() == "true",
                retained=told.get(f"{base}/$retained", "").strip() != "false",
            )


def _describe(prefix: str, told: dict[str, str]) -> Described:
    own = prefix.rpartition("/")[2]
    parts = Parts(prefix)
    features.add(parts, prefix, [*_properties(told)][:ENTITIES])
    mac = hex_digits(told.get("$mac", ""), 12) or hex_digits(own, 12)
    device = Device(
        id=device_id("homie4", own),
        protocol="mqtt",
        model=word(told.get("$fw/name")) or word(told.get("$implementation")),
        firmware=word(told.get("$fw/version")),
        suggested_name=word(told.get("$name")),
    )
    identities = frozenset({f"mac:{mac}"}) if mac else frozenset()
    return parts.described(device, presence=Presence((sign(prefix),)), identities=identities)
