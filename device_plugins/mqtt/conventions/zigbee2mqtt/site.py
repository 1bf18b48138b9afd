"""Where an exposed property stands in the device's JSON, how it is read and how it is set."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from device_plugins.mqtt.conventions.parsing import level, number, whole, word, words
from device_plugins.mqtt.conventions.parts import Parts, sends
from device_plugins.mqtt.conventions.taking import Convert, at
from device_plugins.mqtt.description import Message

_STATE, _SET, _GET = 1, 2, 4

type Word = str | float | None


class Exposed(NamedTuple):
    """A property: `path` leads to it, `unit` is empty for none, `words` are its values, if it has any.

    `on`, `off` and `toggle` are what says so, None where nothing does.
    """

    name: str
    path: tuple[str, ...]
    access: int
    endpoint: str
    label: str
    unit: str
    low: float | None
    high: float | None
    words: tuple[str, ...]
    on: Word
    off: Word
    toggle: Word

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

    def put(self, value: object) -> dict[str, Any]:
        """The JSON that sets it."""
        for step in reversed(self.path):
            value = {step: value}
        return value if isinstance(value, dict) else {}


def exposed(raw: dict[str, Any], above: tuple[str, ...] = (), endpoint: object = None) -> Exposed | None:
    """The property that an expose tells of; None when it names none. `endpoint` is that of what it is part of."""
    name = word(raw.get("name"), 64)
    prop = word(raw.get("property"), 64) or name
    if not prop:
        return None
    return Exposed(
        name=name or prop,
        path=(*above, prop),
        access=whole(raw.get("access")) or 0,
        endpoint=word(raw.get("endpoint"), 32) or word(endpoint, 32),
        label=word(raw.get("label")) or (name or prop).replace("_", " "),
        unit=word(raw.get("unit"), 16).replace("\u03bc", "µ"),
        low=number(raw.get("value_min")),
        high=number(raw.get("value_max")),
        words=words(raw.get("values")),
        on=_word(raw.get("value_on")),
        off=_word(raw.get("value_off")),
        toggle=_word(raw.get("value_toggle")),
    )


def _word(raw: object) -> Word:
    return raw if isinstance(raw, str | int | float) else None


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
