"""The `config` message: where a device of Tasmota publishes and listens, and how it is set up."""

from typing import Any

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.parsing import level, listed, record, whole, word
from device_plugins.mqtt.conventions.parts import Parts, writes
from device_plugins.mqtt.conventions.taking import Convert, at
from device_plugins.mqtt.description import NOTHING, Encode, Take

_RELAYS = 32
_PREFIXES = 3
RELAY, LIGHT, SHUTTER = 1, 2, 3


class Setup:
    """One device's `config`, and its parts so far. Topics have no slash at the end."""

    def __init__(self, mac: str, raw: dict[str, Any], topics: tuple[str, ...]) -> None:
        self.mac = mac
        self.raw = raw
        self.command, self.stat, self.tele = topics
        self.parts = Parts()
        self.relays = [whole(one) or 0 for one in listed(raw.get("rl"), _RELAYS)]
        states = [word(one, 32) for one in listed(raw.get("state"), 4)]
        self.states = {one: at_ for one, at_ in zip(states, (False, True), strict=False) if one} or {
            "OFF": False,
            "ON": True,
        }

    @classmethod
    def of(cls, mac: str, raw: dict[str, Any]) -> "Setup":
        """Understand the message; raises MalformedError when its topics cannot be used."""
        prefixes = [level(one, 64) for one in listed(raw.get("tp"), _PREFIXES)]
        full, topic = word(raw.get("ft"), 128), level(raw.get("t"), 128)
        found = tuple(_topic(full, prefix, topic, mac, word(raw.get("hn"), 64)) for prefix in prefixes)
        if len(found) != _PREFIXES or not all(found) or len(set(found)) != _PREFIXES:
            raise MalformedError(f"the configuration of the Tasmota device {mac} names no topics that can be used")
        return cls(mac, raw, found)

    def option(self, number: int) -> bool:
        """Whether this SetOption is on."""
        return whole(record(self.raw.get("so")).get(str(number))) == 1

    def names(self, kind: str) -> list[str]:
        """What its relays (`fn`) or switches (`swn`) are called."""
        return [word(one, 64) for one in listed(self.raw.get(kind), _RELAYS)]

    def reads(self, key: str, take: Take, *commands: str) -> None:
        """Read a value of the state, and of the answers to these commands."""
        self.parts.reading(key, f"{self.tele}/STATE", take)
        self.parts.reading(key, f"{self.stat}/STATUS11", inside("StatusSTS", take))
        answers = [name.upper() for name in commands] if self.option(4) else ["RESULT"]
        for name in answers:
            self.parts.reading(key, f"{self.stat}/{name}", take)

    def takes(self, command: str) -> str:
        """The topic of a command."""
        return f"{self.command}/{command}"

    def writes(self, key: str, command: str, encode: Encode, *, confirmed: bool = True) -> None:
        """Carry out a command of the feature."""
        self.parts.action(key, command, encode, confirmed=confirmed)

    def sets(self, key: str, name: str, *, digits: int | None = None) -> None:
        """Carry out `set` with Tasmota's command of this name."""
        self.writes(key, "set", writes(self.takes(name), lambda said: round(said["value"], digits)))


def inside(name: str, take: Take) -> Take:
    """Take from one object of the payload."""
    return at(take, name)


def first(convert: Convert, *names: str) -> Take:
    """The first of these names that the payload has."""
    takes = [at(convert, name) for name in names]

    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        return next((value for one in takes if (value := one(data)) is not NOTHING), NOTHING)

    return take


def _topic(full: str, prefix: str, topic: str, mac: str, host: str) -> str:
    if not prefix or not topic:
        return ""
    made = full.replace("%topic%", topic).replace("%prefix%", prefix)
    made = made.replace("%id%", mac.upper()).replace("%hostname%", host)
    return level(made.removesuffix("/"))
