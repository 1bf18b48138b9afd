"""How devices of the second generation and later are found: one that is heard of is asked who it is and what it has."""

from typing import Any

import msgspec

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.parsing import DEVICES, document, hex_digits, level, record, whole, word
from device_plugins.mqtt.conventions.parts import yes_or_no
from device_plugins.mqtt.conventions.shelly2 import components
from device_plugins.mqtt.conventions.shelly2.site import Site
from device_plugins.mqtt.description import Described, Message, Presence, device_id
from device_plugins.sdk import Device

_INFO, _STATUS = "Shelly.GetDeviceInfo", "Shelly.GetStatus"
_NUMBERS = {_INFO: 1, _STATUS: 2}
_SLEEPERS_SILENCE = 25 * 3600.0
_ADDRESS = 12
_EVERYBODY = "shellies"
_THERE = (("true", True), ("false", False))


def make(terms: Terms) -> "Shelly2":
    """The convention, for these topic prefixes (`+` for any of one level) instead of any that look like a Shelly's."""
    return Shelly2(terms)


class Shelly2:
    """A convention; see `Convention`. By topic prefix it keeps who a device is until it has told what it has."""

    name = "shelly2"

    def __init__(self, terms: Terms) -> None:
        self._prefixes = terms.prefixes or ("+",)
        self._any = not terms.prefixes
        self._reply = f"{terms.own}/shelly"
        self._infos: dict[str, dict[str, Any]] = {}

    def filters(self) -> tuple[str, ...]:
        """Where they say that they are there, and where they answer."""
        kinds = ("online", "events/rpc", "announce")
        heard = tuple(f"{prefix}/{kind}" for prefix in self._prefixes for kind in kinds)
        return (*heard, f"{self._reply}/+/rpc", f"{self._reply}/+/+/rpc")

    def greet(self) -> tuple[Message, ...]:
        """Ask those that take commands to announce themselves; the others are found by `online`, which is retained."""
        return (Message(f"{_EVERYBODY}/command", b"announce"),)

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take a sign of life, an announcement or an answer."""
        if topic.startswith(f"{self._reply}/"):
            return self._answer(topic.removeprefix(f"{self._reply}/").removesuffix("/rpc"), document(payload, topic))
        if topic.endswith("/announce"):
            return self._announced(topic.removesuffix("/announce"), record(document(payload, topic)))
        if not topic.endswith(("/online", "/events/rpc")) or payload == b"false":
            return Heard()
        prefix = topic.removesuffix("/online").removesuffix("/events/rpc")
        looks = prefix.startswith("shelly") and bool(hex_digits(prefix.rpartition("-")[2], _ADDRESS))
        if prefix in self._infos:
            return Heard(ask=(self._ask(prefix, _STATUS),)) if topic.endswith("/online") else Heard()
        if not level(prefix) or (self._any and not looks):
            return Heard()
        return Heard(ask=(self._ask(prefix, _INFO),))

    def _ask(self, prefix: str, method: str) -> Message:
        call = {"id": _NUMBERS[method], "src": f"{self._reply}/{prefix}", "method": method}
        return Message(f"{prefix}/rpc", msgspec.json.encode(call))

    def _announced(self, prefix: str, info: dict[str, Any]) -> Heard:
        if prefix == _EVERYBODY:
            prefix = level(info.get("id"))
        if (whole(info.get("gen")) or 1) < 2 or not level(prefix):  # noqa: PLR2004 - the generation
            return Heard()
        return self._informed(prefix, info)

    def _answer(self, prefix: str, told: Any) -> Heard:  # noqa: ANN401 - JSON
        number, error = whole(record(told).get("id")), record(record(told).get("error"))
        if error:
            raise MalformedError(f"the Shelly device at {prefix:.80} refused: {word(error.get('message'), 80)}")
        if number not in _NUMBERS.values():
            return Heard()
        result = record(record(told).get("result"))
        if not level(prefix) or not result:
            raise MalformedError(f"the answer of {prefix:.80} has no result")
        if number == _NUMBERS[_INFO]:
            return self._informed(prefix, result)
        info = self._infos.get(prefix)
        if info is None:
            return Heard(ask=(self._ask(prefix, _INFO),))
        return Heard((self._describe(prefix, info, result),))

    def _informed(self, prefix: str, info: dict[str, Any]) -> Heard:
        mac = hex_digits(info.get("mac"), _ADDRESS)
        if not mac:
            raise MalformedError(f"the Shelly device at {prefix:.80} names no MAC address")
        if prefix not in self._infos and len(self._infos) >= DEVICES:
            raise MalformedError(f"there are more than {DEVICES} Shelly devices")
        names = ("name", "app", "model", "ver")
        self._infos[prefix] = {"mac": mac} | {name: word(info.get(name)) for name in names}
        return Heard(ask=(self._ask(prefix, _STATUS),))

    def _describe(self, prefix: str, info: dict[str, Any], status: dict[str, Any]) -> Described:
        site = Site(prefix, f"{self._reply}/{prefix}")
        components.add(site, status)
        app = f"Shelly {info['app']}" if info["app"] else ""
        device = Device(
            id=device_id("shelly2", info["mac"]),
            protocol="mqtt",
            model=f"{app} ({info['model']})" if app and info["model"] else app or info["model"],
            manufacturer="Shelly",
            firmware=info["ver"],
            suggested_name=info["name"],
        )
        online = Presence((yes_or_no(f"{prefix}/online", _THERE),))
        sleeps = "devicepower:0" in status and not record(record(status["devicepower:0"]).get("external")).get(
            "present"
        )
        return site.parts.described(
            device,
            presence=Presence(silence=_SLEEPERS_SILENCE) if sleeps else online,
            identities=frozenset({f"mac:{info['mac']}"}),
            wake=() if sleeps else (self._ask(prefix, _STATUS),),
        )
