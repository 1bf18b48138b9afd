"""From a capability's command to what goes on the air, and what should be true afterwards."""

from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.sdk import Feature, UnsupportedError
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping import sources as s

type Arguments = dict[str, Any]


class Send(msgspec.Struct, frozen=True):
    """A cluster command; `payload` are its fields in the order of the ZCL."""

    cluster: int
    command: int
    payload: tuple[int, ...] = ()


class Write(msgspec.Struct, frozen=True):
    """An attribute to write."""

    cluster: int
    attribute: int
    value: int


class Plan(msgspec.Struct, frozen=True):
    """How to carry out a command, and how to see that it worked.

    `expect` holds the values, by capability, that the same endpoint should tell once the command took effect, `None`
    for "some other than now"; `after` is how many seconds that takes. `assume` is a value the device cannot tell.
    It holds for `lasts` seconds, or for good if that is 0.
    """

    request: Send | Write
    expect: dict[str, Any] = {}
    after: float = 0.0
    assume: bool | None = None
    lasts: float = 0.0


_TILT_COMMAND, _LIFT_COMMAND = 0x08, 0x05
_UP, _DOWN = 0, 1
_SHORTEST_WAY = 0
_SIREN_MODES = {"burglar": 1, "fire": 2, "emergency": 3}
_SIREN_LOUD, _SIREN_STROBE = 0x02, 0x04


def plan(feature: Feature, command: str, arguments: Arguments) -> Plan:
    """Plan a checked command.

    Raises UnsupportedError for a command no Zigbee device can carry out.
    """
    maker = _PLANS.get((feature.capability, command))
    if maker is None:
        raise UnsupportedError(f"{feature.key} has no command {command!r} over Zigbee")
    return maker(arguments)


def _fixed(cluster: int, command: int, **expect: Any) -> Callable[[Arguments], Plan]:  # noqa: ANN401
    ready = Plan(Send(cluster, command), expect)
    return lambda _: ready


def _tenths(arguments: Arguments) -> tuple[int, float]:
    seconds = float(arguments.get("transition") or 0.0)
    return min(round(seconds * 10), 0xFFFE), seconds


def _on_off(arguments: Arguments) -> Plan:
    return Plan(Send(s.ON_OFF, int(arguments["value"])), {"on_off": arguments["value"]})


def _level(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    level = d.level_of_percent(arguments["value"])
    expect = {"level": d.percent_of_level(level), "on_off": True} if level else {"on_off": False}
    return Plan(Send(s.LEVEL, 0x04, (level, tenths)), expect, after)


def _level_step(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    way = _UP if arguments["by"] >= 0 else _DOWN
    size = d.level_of_percent(abs(arguments["by"]))
    return Plan(Send(s.LEVEL, 0x06, (way, size, tenths)), {"level": None}, after)


def _color_xy(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    x, y = (min(round(one * d.XY_MAX), 0xFEFF) for one in arguments["value"])
    expect = [round(one / d.XY_MAX, 4) for one in (x, y)]
    return Plan(Send(s.COLOR, 0x07, (x, y, tenths)), {"color_xy": expect, "color_mode": "xy"}, after)


def _color_hue(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    hue = round(arguments["value"] * d.LEVEL_MAX / 360)
    expect = {"color_hue": round(hue * 360 / d.LEVEL_MAX), "color_mode": "hs"}
    return Plan(Send(s.COLOR, 0x00, (hue, _SHORTEST_WAY, tenths)), expect, after)


def _color_saturation(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    saturation = d.level_of_percent(arguments["value"])
    expect = {"color_saturation": d.percent_of_level(saturation), "color_mode": "hs"}
    return Plan(Send(s.COLOR, 0x03, (saturation, tenths)), expect, after)


def _color_temperature(arguments: Arguments) -> Plan:
    tenths, after = _tenths(arguments)
    mireds = d.mireds(arguments["value"])
    expect = {"color_temperature": d.kelvin(mireds), "color_mode": "temperature"}
    return Plan(Send(s.COLOR, 0x0A, (mireds, tenths)), expect, after)


def _cover(command: int, name: str) -> Callable[[Arguments], Plan]:
    def make(arguments: Arguments) -> Plan:
        closed = 100 - round(arguments["value"])
        return Plan(Send(s.COVERING, command, (closed,)), {name: 100 - closed})

    return make


def _setpoint(attribute: int, name: str) -> Callable[[Arguments], Plan]:
    def make(arguments: Arguments) -> Plan:
        hundredths = round(arguments["value"] * 100)
        return Plan(Write(s.THERMOSTAT, attribute, hundredths), {name: round(hundredths / 100, 2)})

    return make


def _mode(cluster: int, attribute: int, name: str, words: dict[int, str]) -> Callable[[Arguments], Plan]:
    numbers = {word: number for number, word in words.items()}

    def make(arguments: Arguments) -> Plan:
        return Plan(Write(cluster, attribute, numbers[arguments["value"]]), {name: arguments["value"]})

    return make


def _siren(mode: str, duration: float) -> Plan:
    seconds = min(max(round(duration), 1), 0xFFFE)
    warning = _SIREN_MODES[mode] << 4 | _SIREN_STROBE | _SIREN_LOUD
    return Plan(Send(s.IAS_WD, 0x00, (warning, seconds, 50, 1)), assume=True, lasts=seconds)


def _siren_off(_: Arguments) -> Plan:
    return Plan(Send(s.IAS_WD, 0x00, (0, 0, 0, 0)), assume=False)


def _siren_set(arguments: Arguments) -> Plan:
    return _siren("burglar", 240) if arguments["value"] else _siren_off(arguments)


def _siren_sound(arguments: Arguments) -> Plan:
    return _siren(arguments.get("mode", "burglar"), arguments.get("duration", 30.0))


def _identify(arguments: Arguments) -> Plan:
    return Plan(Send(s.IDENTIFY, 0x00, (round(arguments.get("duration", 5)),)))


_PLANS: dict[tuple[str, str], Callable[[Arguments], Plan]] = {
    ("on_off", "set"): _on_off,
    ("on_off", "off"): _fixed(s.ON_OFF, 0x00, on_off=False),
    ("on_off", "on"): _fixed(s.ON_OFF, 0x01, on_off=True),
    ("on_off", "toggle"): _fixed(s.ON_OFF, 0x02, on_off=None),
    ("level", "set"): _level,
    ("level", "step"): _level_step,
    ("level", "stop"): _fixed(s.LEVEL, 0x07, level=None),
    ("color_xy", "set"): _color_xy,
    ("color_hue", "set"): _color_hue,
    ("color_saturation", "set"): _color_saturation,
    ("color_temperature", "set"): _color_temperature,
    ("lock", "lock"): _fixed(s.DOOR_LOCK, 0x00, lock="locked"),
    ("lock", "unlock"): _fixed(s.DOOR_LOCK, 0x01, lock="unlocked"),
    ("cover_position", "open"): _fixed(s.COVERING, 0x00, cover_position=100),
    ("cover_position", "close"): _fixed(s.COVERING, 0x01, cover_position=0),
    ("cover_position", "stop"): _fixed(s.COVERING, 0x02, cover_position=None),
    ("cover_position", "set"): _cover(_LIFT_COMMAND, "cover_position"),
    ("cover_tilt", "set"): _cover(_TILT_COMMAND, "cover_tilt"),
    ("heating_setpoint", "set"): _setpoint(0x0012, "heating_setpoint"),
    ("cooling_setpoint", "set"): _setpoint(0x0011, "cooling_setpoint"),
    ("thermostat_mode", "set"): _mode(s.THERMOSTAT, 0x001C, "thermostat_mode", s.THERMOSTAT_MODES),
    ("fan_mode", "set"): _mode(s.FAN, 0x0000, "fan_mode", s.FAN_MODES),
    ("siren", "set"): _siren_set,
    ("siren", "sound"): _siren_sound,
    ("siren", "off"): _siren_off,
    ("identify", "identify"): _identify,
}
