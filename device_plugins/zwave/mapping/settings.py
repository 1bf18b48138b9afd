"""What is set once: configuration parameters, protection, the wake-up interval; and the firmware's version."""

from collections.abc import Iterable
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Endpoint, Found, amount, choice, toggle
from device_plugins.zwave.mapping.model import ValueFacts

_OFF_WORDS, _ON_WORDS = {"disable", "disabled", "off", "no"}, {"enable", "enabled", "on", "yes"}
_PAIR = 2


def found(point: Endpoint) -> Iterable[Found]:
    """The settings of an endpoint."""
    if interval := point.get(c.WAKE_UP, "wakeUpInterval"):
        yield amount(interval, "wake_up_interval", unit="s")
    for part, name in (("local", "local_protection"), ("rf", "radio_protection")):
        if protection := point.get(c.PROTECTION, part):
            yield choice(protection, name)
    if versions := point.get(c.VERSION, "firmwareVersions"):
        yield Found("firmware", "firmware", point.number, ((versions.id, d.known(_first)),))
    for value in point.of(c.CONFIGURATION):
        yield from _parameter(value)


def _first(raw: Any) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(raw, list):
        raise ValueError("it is no list of versions")  # noqa: TRY004 - nonsense from the air is a ValueError here
    return str(raw[0])[:255] if raw else None


def parameter_key(value: ValueFacts) -> str:
    """The name of a parameter: its number, and the mask of the part."""
    part = "" if value.id.property_key is None else f"_{value.id.property_key}"
    return d.name(f"parameter {value.id.property}{part}")


def _parameter(value: ValueFacts) -> Iterable[Found]:
    """Few words are an enum, off and on a switch, anything else a number."""
    name = parameter_key(value)
    if value.type == "boolean":
        yield toggle(value, name)
    elif value.type != "number":
        return
    elif (pair := _off_on(value)) is not None:
        yield toggle(value, name, off=pair[0], on=pair[1])
    elif _listed(value):
        yield choice(value, name)
    else:
        yield amount(value, name)


def _listed(value: ValueFacts) -> bool:
    """Whether its states are all that it can be."""
    if not value.states:
        return False
    span = None if value.minimum is None or value.maximum is None else value.maximum - value.minimum + 1
    return not value.manual or span == len(value.states)


def _off_on(value: ValueFacts) -> tuple[int, int] | None:
    words = d.words(value.states)
    if len(words) != _PAIR or not _listed(value):
        return None
    off = [raw for raw, text in words.items() if text in _OFF_WORDS]
    on = [raw for raw, text in words.items() if text in _ON_WORDS]
    return (off[0], on[0]) if off and on else None
