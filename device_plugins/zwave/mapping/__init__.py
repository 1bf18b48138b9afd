"""From what Z-Wave JS tells of a node to the vocabulary's words: pure, and it knows no radio and no hub.

The numbers are those of the Z-Wave specification's command classes; the names are Z-Wave JS's properties.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from device_plugins.sdk import ButtonPressed, Feature, LockOperated


class ValueId(msgspec.Struct, frozen=True):
    """Names one value of a node, as Z-Wave JS does."""

    command_class: int
    endpoint: int
    property: int | str
    property_key: int | str | None = None


class ValueFacts(msgspec.Struct, frozen=True):
    """One value with its metadata. `name` is the property's name, and its key's name behind a space."""

    id: ValueId
    type: str
    value: Any = None
    unit: str = ""
    readable: bool = True
    writeable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    states: dict[str, str] = {}
    label: str = ""
    cc_specific: dict[str, Any] = {}
    name: str = ""


class NodeFacts(msgspec.Struct, frozen=True):
    """What is known of a node. `generic` and `specific` are its device class."""

    node: int
    manufacturer: str
    model: str
    firmware: str
    generic: int
    specific: int
    listening: bool
    secure: bool
    values: tuple[ValueFacts, ...]


class _Nothing(msgspec.Struct, frozen=True):
    """The type of NOTHING."""


NOTHING = _Nothing()
"""A value that says nothing of what is read from it."""


class Reading(msgspec.Struct, frozen=True):
    """How a value becomes the vocabulary's at `key`.

    `take` gives None for unknown, NOTHING for a value that says nothing, and raises ValueError for nonsense.
    """

    id: ValueId
    key: str
    take: Callable[[Any], Any]


class Write(msgspec.Struct, frozen=True):
    """A value to be set; the update of `confirms` confirms it (`currentValue` for `targetValue`)."""

    id: ValueId
    value: Any
    options: dict[str, Any] = {}
    confirms: ValueId | None = None


class Invoke(msgspec.Struct, frozen=True):
    """A call of a command class's API."""

    command_class: int
    endpoint: int
    method: str
    arguments: tuple[Any, ...] = ()


class Action(msgspec.Struct, frozen=True):
    """What a command of a feature becomes: `encode` takes the checked arguments, and what is true now by key."""

    key: str
    command: str
    encode: Callable[[dict[str, Any], dict[str, Any]], Sequence[Write | Invoke]]


class Mapped(msgspec.Struct, frozen=True):
    """A node in the vocabulary's words."""

    features: tuple[Feature, ...]
    readings: tuple[Reading, ...]
    actions: tuple[Action, ...]


_BINARY_SWITCH = 37


def map_node(facts: NodeFacts) -> Mapped:
    """What a node can do and tell: the binary switch of its root endpoint."""
    current = ValueId(_BINARY_SWITCH, 0, "currentValue")
    target = ValueId(_BINARY_SWITCH, 0, "targetValue")
    if not any(one.id == current for one in facts.values):
        return Mapped((), (), ())

    def to(value: Callable[[dict[str, Any], dict[str, Any]], bool]) -> Callable[..., Sequence[Write]]:
        return lambda arguments, values: [Write(target, value(arguments, values), confirms=current)]

    actions = {
        "set": lambda arguments, _values: bool(arguments["value"]),
        "on": lambda _arguments, _values: True,
        "off": lambda _arguments, _values: False,
        "toggle": lambda _arguments, values: not values.get("on_off"),
    }
    return Mapped(
        (Feature("on_off", "on_off", writable=True, commands=tuple(actions)),),
        (Reading(current, "on_off", lambda value: value if isinstance(value, bool) else None),),
        tuple(Action("on_off", command, to(value)) for command, value in actions.items()),
    )


def happened(
    command_class: int, endpoint: int, args: dict[str, Any]
) -> tuple[str, ButtonPressed | LockOperated] | None:  # noqa: ARG001
    """What a notification tells: the feature's key and the event; None for nothing that the vocabulary knows."""
    return None
