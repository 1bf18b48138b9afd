"""What the mappers look at, one endpoint's values, and what they make of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.decode import Take
from device_plugins.zwave.mapping.model import Invoke, NodeFacts, ValueFacts, ValueId, Write

type Encode = Callable[[dict[str, Any], dict[str, Any]], Sequence[Write | Invoke]]
"""Takes the checked arguments, and what is true of the same endpoint, by name."""


class Found(NamedTuple):
    """One feature to be: `name` is its key without the endpoint; `key` is the whole of it where it must not depend."""

    name: str
    capability: str
    endpoint: int
    readings: tuple[tuple[ValueId, Take], ...] = ()
    commands: Mapping[str, Encode] = MappingProxyType({})
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    label: str = ""
    key: str = ""


class Endpoint:
    """The values of one endpoint of a node."""

    def __init__(self, facts: NodeFacts, number: int) -> None:
        self.facts = facts
        self.number = number
        self._values = {one.id: one for one in facts.values if one.id.endpoint == number}

    def __iter__(self) -> Iterator[ValueFacts]:
        return iter(self._values.values())

    def get(self, command_class: int, name: int | str, key: int | str | None = None) -> ValueFacts | None:
        """The value with this name."""
        return self._values.get(ValueId(command_class, self.number, name, key))

    def of(self, *classes: int) -> list[ValueFacts]:
        """The values of these command classes."""
        return [one for one in self if one.id.command_class in classes]

    def has(self, *classes: int) -> bool:
        """Whether it has any value of these command classes."""
        return any(one.id.command_class in classes for one in self)


def write(target: ValueFacts, value: Any, confirms: ValueId | None = None, **options: Any) -> list[Write]:  # noqa: ANN401
    """Set a value; what confirms it is itself if nothing else."""
    return [Write(target.id, value, options, confirms or (target.id if target.readable else None))]


def fixed(target: ValueFacts, value: Any, confirms: ValueId | None = None) -> Encode:  # noqa: ANN401
    """Always set the same value."""
    ready = write(target, value, confirms)
    return lambda _arguments, _values: ready


def set_flag(target: ValueFacts, current: ValueFacts, name: str) -> dict[str, Encode]:
    """The commands `set`, `on`, `off` and `toggle` of something that is on or off."""
    commands: dict[str, Encode] = {"set": lambda given, _: write(target, bool(given["value"]), current.id)}
    commands["on"] = fixed(target, value=True, confirms=current.id)
    commands["off"] = fixed(target, value=False, confirms=current.id)
    commands["toggle"] = lambda _, now: write(target, not now.get(name), current.id)
    return commands


def flag(value: ValueFacts, name: str, capability: str = "alarm", take: Take = d.flag, label: str = "") -> Found:
    """Something that is so or not."""
    return Found(name, capability, value.id.endpoint, ((value.id, d.known(take)),), label=label)


def choice(value: ValueFacts, name: str, label: str = "") -> Found:
    """A value of a few words, which can be set if the device allows it; a number if no word is known."""
    words = d.words(value.states)
    if not words:
        return amount(value, name, label)
    numbers = {text: raw for raw, text in words.items()}
    commands: dict[str, Encode] = {}
    if value.writeable:
        commands["set"] = lambda given, _: write(value, numbers[given["value"]])
    readings = ((value.id, d.known(d.among(words))),) if value.readable else ()
    return Found(name, "enum", value.id.endpoint, readings, commands, values=tuple(numbers), label=label or value.label)


def amount(value: ValueFacts, name: str, label: str = "", unit: str = "") -> Found:
    """A value that is a number, which can be set if the device allows it."""
    commands: dict[str, Encode] = {}
    if value.writeable:
        commands["set"] = lambda given, _: write(value, _whole(given["value"]))
    return Found(
        name,
        "number",
        value.id.endpoint,
        ((value.id, d.linear()),) if value.readable else (),
        commands,
        unit=unit or value.unit,
        minimum=value.minimum if value.writeable else None,
        maximum=value.maximum if value.writeable else None,
        label=label or value.label,
    )


def toggle(value: ValueFacts, name: str, label: str = "", *, on: Any = True, off: Any = False) -> Found:  # noqa: ANN401
    """A value that is on or off, which can be set if the device allows it."""
    commands: dict[str, Encode] = {}
    if value.writeable:
        commands["set"] = lambda given, _: write(value, on if given["value"] else off)
    readings = ((value.id, d.known(lambda raw: raw == on)),) if value.readable else ()
    return Found(name, "switch", value.id.endpoint, readings, commands, label=label or value.label)


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
