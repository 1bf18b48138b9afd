"""Nodes as Z-Wave JS describes them, written by hand for the tests of the mapping."""

from typing import Any

from device_plugins.zwave.mapping import Mapped, NodeFacts, ValueFacts, ValueId, map_node


def value(command_class: int, name: int | str, key: int | str | None = None, /, **more: Any) -> ValueFacts:  # noqa: ANN401
    """One value; a number that can be read unless said otherwise, at endpoint 0."""
    place = ValueId(command_class, more.pop("endpoint", 0), name, key)
    return ValueFacts(place, **{"type": "number", "name": str(name), "label": str(name)} | more)


def pair(
    command_class: int,
    kind: str = "number",
    key: int | str | None = None,
    names: tuple[str, str] = ("currentValue", "targetValue"),
    **more: Any,  # noqa: ANN401 - fields of ValueFacts
) -> tuple[ValueFacts, ValueFacts]:
    """A current value and its target."""
    current, target = names
    return (
        value(command_class, current, key, type=kind, **more),
        value(command_class, target, key, type=kind, writeable=True, **more),
    )


def node(*values: ValueFacts, generic: int = 0x10, specific: int = 1) -> NodeFacts:
    """A node with these values."""
    return NodeFacts(2, "Maker", "Model", "1.0", generic, specific, listening=True, secure=False, values=values)


def mapped(*values: ValueFacts, generic: int = 0x10, specific: int = 1) -> Mapped:
    """A node with these values, mapped."""
    return map_node(node(*values, generic=generic, specific=specific))


def keys(of: Mapped) -> dict[str, str]:
    """The capability of each feature."""
    return {one.key: one.capability for one in of.features}


def read(of: Mapped, key: str, raw: Any) -> Any:  # noqa: ANN401 - JSON
    """What the first reading of a key makes of a raw value."""
    return next(one for one in of.readings if one.key == key).take(raw)


def act(of: Mapped, key: str, command: str, now: dict[str, Any] | None = None, **arguments: Any) -> Any:  # noqa: ANN401
    """What a command becomes."""
    return next(one for one in of.actions if (one.key, one.command) == (key, command)).encode(arguments, now or {})
