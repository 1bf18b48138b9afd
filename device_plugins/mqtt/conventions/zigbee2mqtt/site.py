"""Where an exposed property stands in the device's JSON, how it is read and how it is set."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from device_plugins.mqtt.conventions.parsing import level, number, whole, word
from device_plugins.mqtt.conventions.parts import Parts, sends
from device_plugins.mqtt.conventions.taking import Convert, at
from device_plugins.mqtt.description import Message

_STATE, _SET, _GET = 1, 2, 4


class Exposed(NamedTuple):
    """A property: `path` leads to it, `raw` is its expose."""

    name: str
    path: tuple[str, ...]
    access: int
    endpoint: str
    raw: dict[str, Any]

    @property
    def readable(self) -> bool:
        """Whether it stands in the published state."""
        return bool(self.access & _STATE)

    @property
    def writable(self) -> bool:
        """Whether it can be set."""
        return bool(self.access & _SET)

    @property
    def gettable(self) -> bool:
        """Whether it can be asked for."""
        return bool(self.access & _GET)

    @property
    def label(self) -> str:
        """What people call it."""
        return word(self.raw.get("label")) or self.name.replace("_", " ")

    @property
    def unit(self) -> str:
        """Its unit, empty for none."""
        return word(self.raw.get("unit"), 16).replace("\u03bc", "µ")

    def bound(self, name: str) -> float | None:
        """Its `value_min` or `value_max`."""
        return number(self.raw.get(name))

    def put(self, value: object) -> dict[str, Any]:
        """The JSON that sets it."""
        for step in reversed(self.path):
            value = {step: value}
        return value if isinstance(value, dict) else {}


def exposed(raw: dict[str, Any], above: tuple[str, ...] = ()) -> Exposed | None:
    """The property that an expose tells of; None when it names none."""
    prop = word(raw.get("property"), 64) or word(raw.get("name"), 64)
    if not prop:
        return None
    access = whole(raw.get("access")) or 0
    return Exposed(word(raw.get("name"), 64) or prop, (*above, prop), access, word(raw.get("endpoint"), 32), raw)


class Site:
    """One device's topics, and its parts so far."""

    def __init__(self, base: str, name: str) -> None:
        self.prefix = f"{base}/{level(name)}"
        self.parts = Parts(self.prefix)
        self.asked: dict[str, str] = {}

    def read(self, key: str, prop: Exposed, convert: Convert) -> None:
        """Read the value of a feature from the published state."""
        if prop.readable:
            self.parts.reading(key, "", at(convert, *prop.path))
        if prop.gettable:
            self.asked[prop.path[0]] = ""

    def write(
        self, key: str, prop: Exposed, command: str, make: Callable[[dict[str, Any]], object], *, confirmed: bool = True
    ) -> None:
        """Carry out a command by setting the property to what is made of the arguments."""
        self.send(key, command, lambda arguments: prop.put(make(arguments)), confirmed=confirmed and prop.readable)

    def send(self, key: str, command: str, make: Callable[[dict[str, Any]], object], *, confirmed: bool = True) -> None:
        """Carry out a command by sending what is made of the arguments."""
        self.parts.action(key, command, sends(f"{self.prefix}/set", make), confirmed=confirmed)

    def decide(self, key: str, command: str, make: Callable[[dict[str, Any]], object]) -> None:
        """Carry out a command by sending what is made of the device's values."""
        topic = f"{self.prefix}/set"
        self.parts.action(key, command, lambda _, values: (Message(topic, msgspec.json.encode(make(values))),))

    def wake(self) -> tuple[Message, ...]:
        """What asks the device for its state."""
        return (Message(f"{self.prefix}/get", msgspec.json.encode(self.asked)),) if self.asked else ()
