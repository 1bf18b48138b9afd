"""What devices of the first generation announce."""

from typing import Any

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.parsing import DEVICES, document, hex_digits, level, whole, word
from device_plugins.mqtt.conventions.parts import Parts, yes_or_no
from device_plugins.mqtt.conventions.shelly1 import actors, sensors
from device_plugins.mqtt.conventions.shelly1.models import MODELS
from device_plugins.mqtt.description import Described, Message, Presence, device_id
from device_plugins.sdk import Device

_PREFIX = "shellies"
# They wake twice a day at least.
_SLEEPERS_SILENCE = 25 * 3600.0
_THERE = (("true", True), ("false", False))


def make(terms: Terms) -> "Shelly1":
    """The convention, below these prefixes instead of `shellies`."""
    return Shelly1(terms)


class Shelly1:
    """A convention; see `Convention`."""

    name = "shelly1"

    def __init__(self, terms: Terms) -> None:
        self._prefixes = terms.prefixes or (_PREFIX,)
        self._known: set[str] = set()

    def filters(self) -> tuple[str, ...]:
        """Where all of them announce themselves."""
        return tuple(f"{prefix}/announce" for prefix in self._prefixes)

    def greet(self) -> tuple[Message, ...]:
        """Ask all of them to announce themselves: announcements are not retained."""
        return tuple(Message(f"{prefix}/command", b"announce") for prefix in self._prefixes)

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take an announcement; one of a later generation is passed over."""
        told = document(payload, topic)
        if not isinstance(told, dict):
            raise MalformedError(f"{topic:.120} is no object")
        if (whole(told.get("gen")) or 1) > 1:
            return Heard()
        own, mac = level(told.get("id"), 128), hex_digits(told.get("mac"), 12)
        if not own or not mac:
            raise MalformedError(f"{topic:.120} names no id and MAC address")
        if word(told.get("model")) not in MODELS:
            raise MalformedError(f"{topic:.120}: the model {word(told.get('model'), 40)!r} of {own:.80} is not known")
        if mac not in self._known and len(self._known) >= DEVICES:
            raise MalformedError(f"{topic:.120}: there are more than {DEVICES} devices")
        self._known.add(mac)
        return Heard((_describe(f"{topic.removesuffix('/announce')}/{own}", mac, told),))


def _describe(prefix: str, mac: str, told: dict[str, Any]) -> Described:
    model = MODELS[word(told.get("model"))]
    parts = Parts(prefix)
    actors.add(parts, prefix, model, word(told.get("mode")))
    sensors.add(parts, model.own, model.status)
    if model.thermostat:
        sensors.add_thermostat(parts, prefix)
    own = prefix.rpartition("/")[2]
    device = Device(
        id=device_id("shelly1", mac),
        protocol="mqtt",
        model=f"{model.name} ({told['model']})",
        manufacturer="Shelly",
        firmware=word(told.get("fw_ver")),
        suggested_name="" if own.lower().startswith("shelly") else word(own),
    )
    presence = (
        Presence(silence=_SLEEPERS_SILENCE) if model.sleeps else Presence((yes_or_no(f"{prefix}/online", _THERE),))
    )
    return parts.described(
        device,
        presence=presence,
        identities=frozenset({f"mac:{mac}"}),
        wake=() if model.sleeps else (Message(f"{prefix}/command", b"update"),),
    )
