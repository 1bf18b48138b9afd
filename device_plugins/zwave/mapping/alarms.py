"""What is noticed: notifications, and the binary sensors of older devices."""

from collections.abc import Iterable
from typing import NamedTuple

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Endpoint, Found, choice, flag
from device_plugins.zwave.mapping.model import ValueFacts


class _Row(NamedTuple):
    """The values that mean `name`; with `closed`, those that mean its opposite."""

    numbers: frozenset[int]
    name: str
    capability: str
    closed: bool = False


def _row(name: str, *numbers: int, capability: str = "", closed: bool = False) -> _Row:
    return _Row(frozenset(numbers), name, capability or name, closed)


# By type and variable, in the order in which the first of one name is taken. Doors tell 0x1600 for open, 0x1601 for
# tilted, where they tell both.
_NOTIFICATIONS: dict[tuple[int, str], _Row] = {
    (1, "Sensor status"): _row("smoke", 1, 2),
    (2, "Sensor status"): _row("co", 1, 2),
    (3, "Sensor status"): _row("co2_alarm", 1, 2, capability="alarm"),
    (4, "Heat sensor status"): _row("heat", 1, 2, capability="alarm"),
    (5, "Sensor status"): _row("water_leak", 1, 2),
    (6, "Opening state"): _row("contact", 1, 2, capability="contact", closed=True),
    (6, "Door state (simple)"): _row("contact", 22, closed=True),
    (6, "Door state"): _row("contact", 22, 0x1600, 0x1601, closed=True),
    (7, "Sensor status"): _row("intrusion", 1, 2, capability="alarm"),
    (7, "Cover status"): _row("tamper", 3),
    (7, "Motion sensor status"): _row("occupancy", 7, 8),
    (8, "Battery maintenance status"): _row("battery_low", 10, 11),
    (9, "Cover status"): _row("tamper", 6),
    (18, "Combustible gas status"): _row("gas", 1, 2),
    (22, "Home occupancy status"): _row("occupancy", 1, 2),
}
_ORDER = {place: index for index, place in enumerate(_NOTIFICATIONS)}
_TILTED = (6, "Door tilt state")

_BINARY: dict[int, tuple[str, str, d.Take]] = {
    2: ("smoke", "smoke", d.flag),
    3: ("co", "co", d.flag),
    4: ("co2_alarm", "alarm", d.flag),
    5: ("heat", "alarm", d.flag),
    6: ("water_leak", "water_leak", d.flag),
    7: ("freeze", "alarm", d.flag),
    8: ("tamper", "tamper", d.flag),
    10: ("contact", "contact", d.inverted),
    11: ("tilt", "alarm", d.flag),
    12: ("occupancy", "occupancy", d.flag),
    13: ("glass_break", "alarm", d.flag),
}
_OLD: dict[int, tuple[str, str]] = {
    1: ("smoke", "smoke"), 2: ("co", "co"), 3: ("co2_alarm", "alarm"), 4: ("heat", "alarm"),
    5: ("water_leak", "water_leak"),
}  # fmt: skip
# What says only that there is something.
_VAGUE = {0, 1, 9, 255}


def found(point: Endpoint) -> Iterable[Found]:
    """What an endpoint notices."""
    notified = [one for value in _sorted(point) for one in _notification(value)]
    yield from notified
    sensors = [(one, one.cc_specific.get("sensorType")) for one in point.of(c.BINARY_SENSOR, c.ALARM_SENSOR)]
    named = [one for value, kind in sensors if isinstance(kind, int) for one in _sensor(value, kind)]
    yield from named
    if not notified and not named:
        vague = [value for value, kind in sensors if kind in _VAGUE and value.type == "boolean"]
        yield from (flag(value, "alarm", label=value.label) for value in vague)


def _sorted(point: Endpoint) -> list[ValueFacts]:
    return sorted(point.of(c.NOTIFICATION), key=lambda one: (_ORDER.get(_place(one), len(_ORDER)), str(one.id)))


def _place(value: ValueFacts) -> tuple[int, str]:
    return value.cc_specific.get("notificationType", 0), str(value.id.property_key)


def _notification(value: ValueFacts) -> Iterable[Found]:
    place = _place(value)
    row = _NOTIFICATIONS.get(place)
    if row is not None:
        yield flag(value, row.name, row.capability, d.one_of(row.numbers, closed=row.closed))
    elif place == _TILTED:
        yield flag(value, "tilted", take=d.flag, label=value.label)
    elif value.id.property_key is not None and len(value.states) > 1:
        yield _other(value)


def _other(value: ValueFacts) -> Found:
    """A variable that is idle or one thing is an alarm; one of several things is a word."""
    name = d.name(f"{value.id.property} {value.id.property_key}".removesuffix(" status"))
    told = {int(raw) for raw in value.states if raw.isdigit()} - {0}
    if len(told) == 1 and "0" in value.states:
        return flag(value, name, take=d.one_of(told), label=value.label or next(iter(value.states.values())))
    return choice(value, name)


def _sensor(value: ValueFacts, kind: int) -> Iterable[Found]:
    if value.id.command_class == c.BINARY_SENSOR:
        if kind in _BINARY:
            yield flag(value, *_BINARY[kind])
    elif kind in _OLD and value.id.property == "state":
        yield flag(value, *_OLD[kind])
