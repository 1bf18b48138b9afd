"""What is opened and closed: window coverings, motors driven as multilevel switches, barriers."""

from collections.abc import Iterable
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, choice, fixed, toggle, write
from device_plugins.zwave.mapping.model import NOTHING, ValueFacts, ValueId

_CURRENT, _TARGET, _RAISE, _LOWER = "currentValue", "targetValue", "levelChangeUp", "levelChangeDown"
_SLATS = {11, 23}
_SLATS_OPEN = 50
_OPENED, _CLOSED = 255, 0
_SIGNALS = {1: "audible_signal", 2: "visual_signal"}


def is_cover(point: Endpoint) -> bool:
    """Whether its multilevel switch moves a cover: by the device class, or as its directions are close and open."""
    generic, specific = point.facts.generic, point.facts.specific
    if point.has(c.WINDOW_COVERING) or generic == c.COVERING_CLASS:
        return True
    if generic == c.SWITCH_MULTILEVEL_CLASS and specific in c.MOTOR_TYPES:
        return True
    return any(one.cc_specific.get("switchType") == c.CLOSE_OPEN for one in point.of(c.MULTILEVEL_SWITCH))


def found(point: Endpoint) -> Iterable[Found]:
    """The covers of an endpoint."""
    if point.has(c.WINDOW_COVERING):
        yield from _coverings(point)
    elif is_cover(point):
        yield from _motor(point)
    yield from _barrier(point)
    tilt = point.get(c.MANUFACTURER_PROPRIETARY, "fibaro", "venetianBlindsTilt")
    if tilt is not None:
        yield _tilt(tilt, tilt, d.level, d.raw_level, "cover_tilt")


def _motor(point: Endpoint) -> Iterable[Found]:
    current, target = point.get(c.MULTILEVEL_SWITCH, _CURRENT), point.get(c.MULTILEVEL_SWITCH, _TARGET)
    if current and target:
        moving = [one for one in point.of(c.MULTILEVEL_SWITCH) if "switchType" in one.cc_specific]
        commands = _moves(current, target, moving[0] if moving else None)
        yield Found("cover_position", "cover_position", point.number, ((current.id, d.known(d.level)),), commands)


def _moves(current: ValueFacts, target: ValueFacts, moving: ValueFacts | None) -> dict[str, Encode]:
    commands: dict[str, Encode] = {
        "set": lambda given, _: write(target, d.raw_level(given["value"]), current.id),
        "open": fixed(target, d.LEVEL_MAX, current.id),
        "close": fixed(target, 0, current.id),
    }
    if moving is not None:
        # Whichever direction is told to end, the motor stops.
        commands["stop"] = fixed(moving, value=False)
    return commands


def _coverings(point: Endpoint) -> Iterable[Found]:
    given = (one.id.property_key for one in point.of(c.WINDOW_COVERING))
    parameters = sorted({one for one in given if isinstance(one, int)})
    lifts = [one for one in parameters if one | 1 not in _SLATS]
    for parameter in parameters:
        get = _getter(point, parameter)
        current, target = get(_CURRENT), get(_TARGET)
        if parameter in _SLATS and current and target:
            yield _tilt(current, target, _slats, _raw_slats, _name("cover_tilt", current, first=True))
        elif parameter in lifts:
            yield from _lift(point, parameter, first=parameter == lifts[0])


def _getter(point: Endpoint, parameter: int) -> Any:  # noqa: ANN401 - a function
    return lambda name: point.get(c.WINDOW_COVERING, name, parameter)


def _lift(point: Endpoint, parameter: int, *, first: bool) -> Iterable[Found]:
    get = _getter(point, parameter)
    current, target, up, down = get(_CURRENT), get(_TARGET), get(_RAISE), get(_LOWER)
    if current and target and parameter % 2:
        name = _name("cover_position", current, first=first)
        reads = ((current.id, d.known(d.level)),)
        yield Found(name, "cover_position", point.number, reads, _moves(current, target, up), label=current.label)
    elif up and down:
        commands = {"open": fixed(up, value=True), "close": fixed(down, value=True), "stop": fixed(up, value=False)}
        name = _name("cover_position", up, first=first)
        yield Found(name, "cover_position", point.number, (), commands, label=up.label)


def _name(name: str, value: ValueFacts, *, first: bool) -> str:
    """The bare name for the first of an endpoint; others bear the parameter's name."""
    return name if first else d.name(f"{name} {value.name.partition(' ')[2]}")


def _tilt(current: ValueFacts, target: ValueFacts, take: d.Take, raw: Any, name: str) -> Found:  # noqa: ANN401
    commands: dict[str, Encode] = {"set": lambda given, _: write(target, raw(given["value"]), current.id)}
    return Found(name, "cover_tilt", current.id.endpoint, ((current.id, d.known(take)),), commands)


def _slats(raw: Any) -> int | None:  # noqa: ANN401 - JSON
    """Slats are closed at both ends, 0 and 99, and open halfway."""
    turned = d.number(raw)
    if turned == d.UNKNOWN:
        return None
    if not 0 <= turned <= d.LEVEL_MAX:
        raise ValueError("it is no angle of slats")
    return round(turned * 2 if turned <= _SLATS_OPEN else (d.LEVEL_MAX - turned) * 100 / (d.LEVEL_MAX - _SLATS_OPEN))


def _raw_slats(value: float) -> int:
    return round(value / 2)


def _barrier(point: Endpoint) -> Iterable[Found]:
    target, state = point.get(c.BARRIER_OPERATOR, "targetState"), point.get(c.BARRIER_OPERATOR, "currentState")
    if target is None or state is None:
        return
    reads: tuple[tuple[ValueId, d.Take], ...] = ((state.id, d.known(_barrier_position)),)
    if position := point.get(c.BARRIER_OPERATOR, "position"):
        reads += ((position.id, d.known(d.percent)),)
    commands = {"open": fixed(target, _OPENED, state.id), "close": fixed(target, _CLOSED, state.id)}
    yield Found("cover_position", "cover_position", point.number, reads, commands)
    yield choice(state, "barrier_state")
    for number, name in _SIGNALS.items():
        if signal := point.get(c.BARRIER_OPERATOR, "signalingState", number):
            yield toggle(signal, name, on=_OPENED, off=_CLOSED)


def _barrier_position(raw: Any) -> Any:  # noqa: ANN401 - JSON
    return {_CLOSED: 0, _OPENED: d.PERCENT_MAX}.get(int(d.number(raw)), NOTHING)
