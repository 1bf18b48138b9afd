"""The shapes that the mapping takes and gives: values and nodes in, features, readings and actions out."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from device_plugins.sdk import Feature


class ValueId(msgspec.Struct, frozen=True):
    """Names one value of a node, as Z-Wave JS does."""

    command_class: int
    endpoint: int
    property: int | str
    property_key: int | str | None = None


class ValueFacts(msgspec.Struct, frozen=True):
    """One value with its metadata. `name` is the property's name, and its key's name behind a space.

    Where `manual` is false, only what `states` names can be set.
    """

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
    manual: bool = True


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
