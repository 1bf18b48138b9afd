"""Checks that a device, a value or a command fits the vocabulary, before anything is believed or goes on the air."""

import re
from typing import Any, NamedTuple

from device_plugins.sdk.capabilities import VOCABULARY, capability
from device_plugins.sdk.device import Device, Feature
from device_plugins.sdk.errors import InvalidValueError, UnsupportedError
from device_plugins.sdk.word import Argument, Capability, ValueType

# They stand beside the features' values in state.
RESERVED_KEYS = frozenset({"availability", "availability_reason", "last_seen", "pending"})
TEXT_LIMIT = 255
FEATURE_LIMIT = 256
# Whole numbers up to here are exact in a float, in JSON and in every database.
_LARGEST = 1e15
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z0-9_]{1,32})?")
_COMMANDS = {(kind.name, command.name): command for kind in VOCABULARY.values() for command in kind.commands}


class _Rule(NamedTuple):
    what: str
    type: ValueType
    unit: str
    low: float | None
    high: float | None
    values: tuple[str, ...]
    device: str


def check_command(feature: Feature, command: str, arguments: dict[str, Any], device: str = "") -> dict[str, Any]:
    """The arguments, checked and completed with defaults.

    Raises UnsupportedError when the feature has no such command, InvalidValueError when an argument does not fit.
    """
    found = _COMMANDS.get((feature.capability, command))
    if found is None or command not in feature.commands:
        have = ", ".join(feature.commands)
        have = f"it has: {have}" if have else "it can only be read"
        raise UnsupportedError(f"{feature.key} has no command {command!r:.60}; {have}", device=device)
    kind = VOCABULARY[feature.capability]
    names = [argument.name for argument in found.arguments]
    for name in arguments:
        if name not in names:
            takes = ", ".join(names) or "no argument"
            raise InvalidValueError(f"{feature.key} {command} takes {takes}, not {name!r:.60}", device=device)
    checked: dict[str, Any] = {}
    for argument in found.arguments:
        name = argument.name
        if name in arguments:
            checked[name] = _check(_rule(feature, kind, argument, device), arguments[name])
        elif argument.required:
            raise InvalidValueError(f"{feature.key} {command} needs the argument {name!r}", device=device)
        else:
            checked[name] = argument.default
    return checked


def check_value(feature: Feature, value: Any, device: str = "") -> Any:  # noqa: ANN401 - the vocabulary's types
    """The value if it fits the feature's type and range; a whole number comes back as int, a pair as a list.

    Raises InvalidValueError.
    """
    return _check(_value_rule(feature, capability(feature.capability), device), value)


def check_device(device: Device) -> Device:
    """The device, if its id and keys can stand in a state path and its features are within the vocabulary.

    Raises InvalidValueError, or UnsupportedError for a capability or command that the vocabulary does not hold.
    """
    if not _ID.fullmatch(device.id):
        raise InvalidValueError(
            f"device id {device.id!r:.80} must be 1 to 128 letters, digits or _ . : - and begin with a letter or digit"
        )
    for field in ("protocol", "model", "manufacturer", "firmware", "suggested_name"):
        if len(getattr(device, field)) > TEXT_LIMIT:
            raise InvalidValueError(f"{device.id}: {field} is longer than {TEXT_LIMIT} characters", device=device.id)
    if len(device.features) > FEATURE_LIMIT:
        raise InvalidValueError(f"{device.id} has more than {FEATURE_LIMIT} features", device=device.id)
    keys: set[str] = set()
    for feature in device.features:
        if not _KEY.fullmatch(feature.key) or feature.key in keys or feature.key in RESERVED_KEYS:
            raise InvalidValueError(
                f"{device.id}: feature key {feature.key!r:.80} must be a name of its own like on_off or on_off.2",
                device=device.id,
            )
        keys.add(feature.key)
        _check_feature(feature, device.id)
    return device


def _check_feature(feature: Feature, device: str) -> None:
    kind = capability(feature.capability)
    for command in feature.commands:
        if (kind.name, command) not in _COMMANDS:
            raise UnsupportedError(f"{device}: {kind.name} has no command {command!r:.60}", device=device)
    wider = (
        (kind.minimum is not None and feature.minimum is not None and feature.minimum < kind.minimum)
        or (kind.maximum is not None and feature.maximum is not None and feature.maximum > kind.maximum)
        or (kind.values and not set(feature.values) <= set(kind.values))
    )
    if wider:
        raise InvalidValueError(f"{device}: {feature.key} allows more than {kind.name} does", device=device)


def _value_rule(feature: Feature, kind: Capability, device: str) -> _Rule:
    low = kind.minimum if feature.minimum is None else feature.minimum
    high = kind.maximum if feature.maximum is None else feature.maximum
    return _Rule(feature.key, kind.type, feature.unit or kind.unit, low, high, feature.values or kind.values, device)


def _rule(feature: Feature, kind: Capability, argument: Argument, device: str) -> _Rule:
    if argument.name == "value":
        return _value_rule(feature, kind, device)
    what = f"{feature.key} {argument.name}"
    return _Rule(what, argument.type, argument.unit, argument.minimum, argument.maximum, argument.values, device)


def _check(rule: _Rule, value: Any) -> Any:  # noqa: ANN401 - the vocabulary's types
    match rule.type:
        case "bool" if isinstance(value, bool):
            return value
        case "number" if _fits(rule, value):
            return value
        case "integer" if _fits(rule, value) and value == int(value):
            return int(value)
        case "enum" if isinstance(value, str) and (value in rule.values if rule.values else len(value) <= TEXT_LIMIT):
            return value
        case "text" if isinstance(value, str) and len(value) <= TEXT_LIMIT:
            return value
        case "pair" if isinstance(value, list | tuple) and len(value) == 2 and all(_fits(rule, one) for one in value):  # noqa: PLR2004
            return list(value)
    if rule.type == "event":
        raise InvalidValueError(f"{rule.what} is an event and has no value", device=rule.device)
    raise InvalidValueError(f"{rule.what} must be {_wanted(rule)}, not {value!r:.60}", device=rule.device)


def _fits(rule: _Rule, value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -_LARGEST <= value <= _LARGEST
        and (rule.low is None or value >= rule.low)
        and (rule.high is None or value <= rule.high)
    )


def _wanted(rule: _Rule) -> str:
    if rule.type == "enum" and rule.values:
        return "one of " + ", ".join(rule.values)
    kinds = {
        "bool": "true or false",
        "integer": "a whole number",
        "number": "a number",
        "pair": "two numbers",
    }
    wanted = kinds.get(rule.type, f"a text of at most {TEXT_LIMIT} characters")
    if rule.type not in {"integer", "number", "pair"}:
        return wanted
    low, high = (None if one is None else f"{one:.10g}" for one in (rule.low, rule.high))
    span = f" from {low} to {high}" if low and high else f" of at least {low}" if low else f" of at most {high}"
    return f"{wanted}{span if low or high else ''} {rule.unit}".rstrip()
