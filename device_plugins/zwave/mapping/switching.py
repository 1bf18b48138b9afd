"""What is switched and dimmed: binary and multilevel switches, fans, and what speaks only Basic."""

from collections.abc import Iterable, Sequence
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.covering import is_cover
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, fixed, set_flag, write
from device_plugins.zwave.mapping.model import ValueFacts, Write

_CURRENT, _TARGET = "currentValue", "targetValue"
_PREVIOUS = 255  # as bright as it was before
_RISING = ("Up", "On", "Open", "CW", "Right", "Forward", "Push")
_LONGEST_S, _MINUTE = 127, 60
# What says more than Basic does.
_SPEAKING = (
    c.BINARY_SWITCH, c.MULTILEVEL_SWITCH, c.WINDOW_COVERING, c.BARRIER_OPERATOR, c.DOOR_LOCK, c.LOCK, c.SOUND_SWITCH,
    c.THERMOSTAT_MODE, c.THERMOSTAT_SETPOINT, c.BINARY_SENSOR, c.MULTILEVEL_SENSOR, c.NOTIFICATION, c.CENTRAL_SCENE,
    c.ENTRY_CONTROL, c.ALARM_SENSOR, c.METER,
)  # fmt: skip


def found(point: Endpoint) -> Iterable[Found]:
    """The switches of an endpoint."""
    current, target = point.get(c.MULTILEVEL_SWITCH, _CURRENT), point.get(c.MULTILEVEL_SWITCH, _TARGET)
    if current and target:
        if not is_cover(point):
            yield from _dimmer(point, current, target)
        return
    current, target = point.get(c.BINARY_SWITCH, _CURRENT), point.get(c.BINARY_SWITCH, _TARGET)
    if current and target:
        yield Found("on_off", "on_off", point.number, _reads(current), set_flag(target, current, "on_off"))
        return
    yield from _basic(point)


def _reads(current: ValueFacts) -> tuple[tuple[Any, d.Take], ...]:
    return ((current.id, d.known(d.flag)),)


def _dimmer(point: Endpoint, current: ValueFacts, target: ValueFacts) -> Iterable[Found]:
    number = point.number
    fan = (point.facts.generic, point.facts.specific) == (c.SWITCH_MULTILEVEL_CLASS, c.FAN_TYPE)

    def toggle(_: dict[str, Any], now: dict[str, Any]) -> Sequence[Write]:
        return write(target, 0 if now.get("on_off") else _PREVIOUS, current.id)

    switch: dict[str, Encode] = {
        "set": lambda given, _: write(target, _PREVIOUS if given["value"] else 0, current.id),
        "on": fixed(target, _PREVIOUS, current.id),
        "off": fixed(target, 0, current.id),
        "toggle": toggle,
    }
    yield Found("on_off", "on_off", number, ((current.id, d.known(d.lit)),), switch)
    name = "fan_speed" if fan else "level"
    yield Found(name, name, number, ((current.id, d.known(d.level)),), _leveling(point, current, target, fan=fan))


def _leveling(point: Endpoint, current: ValueFacts, target: ValueFacts, *, fan: bool) -> dict[str, Encode]:
    def step(given: dict[str, Any], now: dict[str, Any]) -> Sequence[Write]:
        level = min(max((now.get("level") or 0) + given["by"], 0), d.PERCENT_MAX)
        return write(target, d.raw_level(level), current.id, **fading(given))

    commands: dict[str, Encode] = {
        "set": lambda given, _: write(target, d.raw_level(given["value"]), current.id, **fading(given))
    }
    if not fan:
        commands["step"] = step
        if rise := rising(point):
            commands["stop"] = fixed(rise, value=False, confirms=current.id)
    return commands


def rising(point: Endpoint) -> ValueFacts | None:
    """The value that makes a level rise, and stop."""
    return next((one for name in _RISING if (one := point.get(c.MULTILEVEL_SWITCH, name))), None)


def fading(given: dict[str, Any]) -> dict[str, Any]:
    """The option for a transition: in seconds up to 127, in minutes beyond."""
    seconds = given.get("transition") or 0
    if not seconds:
        return {}
    whole = max(round(seconds), 1)
    return {"transitionDuration": f"{whole}s" if whole <= _LONGEST_S else f"{round(whole / _MINUTE)}m"}


def _basic(point: Endpoint) -> Iterable[Found]:
    current, target = point.get(c.BASIC, _CURRENT), point.get(c.BASIC, _TARGET)
    if current and target and not point.has(*_SPEAKING):
        commands: dict[str, Encode] = {
            "set": lambda given, _: write(target, 255 if given["value"] else 0, current.id),
            "on": fixed(target, 255, current.id),
            "off": fixed(target, 0, current.id),
        }
        yield Found("on_off", "on_off", point.number, ((current.id, d.known(d.lit)),), commands)
