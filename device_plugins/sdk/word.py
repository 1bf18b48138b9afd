"""The shape of a word of the vocabulary: its type, unit, range and commands, and how the common ones are made."""

from typing import Literal

import msgspec

type ValueType = Literal["bool", "number", "integer", "enum", "text", "pair", "event"]
type Access = Literal["read", "write", "read-write", "event"]


class Argument(msgspec.Struct, frozen=True, omit_defaults=True):
    """One argument of a command; the same types and units as values."""

    name: str
    type: ValueType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    required: bool = True
    default: bool | float | str | None = None


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a capability can be asked to do."""

    name: str
    doc: str
    arguments: tuple[Argument, ...] = ()


class Capability(msgspec.Struct, frozen=True, omit_defaults=True):
    """One word of the vocabulary. `access` is the most a device may allow; `matter` names the cluster it maps to."""

    name: str
    doc: str
    type: ValueType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    access: Access = "read"
    commands: tuple[Command, ...] = ()
    matter: str = ""


TRANSITION = Argument("transition", "number", "s", 0, 6553.4, required=False, default=0.0)


def setter(type_: ValueType, unit: str = "", *extra: Argument, span: tuple[float, float] | None = None) -> Command:
    """The command `set`."""
    low, high = span or (None, None)
    return Command("set", "Make it this value.", (Argument("value", type_, unit, low, high), *extra))


def flag(name: str, doc: str, matter: str = "BooleanState") -> Capability:
    """Something that is so or not."""
    return Capability(name, doc, "bool", matter=matter)


def measure(name: str, doc: str, unit: str, span: tuple[float | None, float | None], matter: str = "") -> Capability:
    """Something that is measured."""
    return Capability(name, doc, "number", unit, span[0], span[1], matter=matter)


def dial(name: str, doc: str, unit: str, span: tuple[float, float], matter: str, *extra: Argument) -> Capability:
    """A number that can be set."""
    commands = (setter("number", unit, *extra, span=span),)
    return Capability(name, doc, "number", unit, *span, access="read-write", commands=commands, matter=matter)
