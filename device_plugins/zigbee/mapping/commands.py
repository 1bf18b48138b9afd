"""From a capability's command to what goes on the air, and what should be true afterwards."""

from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.sdk import Feature, UnsupportedError
from device_plugins.zigbee.mapping import clusters as s
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.features import Control
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.mapping.tables.climate import FAN_MODES, THERMOSTAT_MODES
from device_plugins.zigbee.mapping.tables.lighting import EFFECTS
from device_plugins.zigbee.mapping.vendors.sensing import PURIFIER, PURIFIER_AUTO, PURIFIER_LEAST, PURIFIER_MOST

type Arguments = dict[str, Any]


class Send(msgspec.Struct, frozen=True):
    """A cluster command; `payload` are its fields in the order of the ZCL."""

    cluster: int
    command: int
    payload: tuple[int | str, ...] = ()


class Write(msgspec.Struct, frozen=True):
    """An attribute to write; of a manufacturer's own one, the type and the code that the frame bears."""

    cluster: int
    attribute: int
    value: Raw
    kind: int = 0
    manufacturer: int = 0


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
_SIREN_MODES = {
    "burglar": 1,
    "fire": 2,
    "emergency": 3,
    "police_panic": 4,
    "fire_panic": 5,
    "emergency_panic": 6,
}
_SIREN_LEVELS = {"low": 0, "medium": 1, "high": 2, "very_high": 3}
_SIREN_STROBE = 0x04
_EFFECTS = {"blink": 0x00, "breathe": 0x01, "okay": 0x02, "channel_change": 0x0B, "finish": 0xFE, "stop": 0xFF}
_USER_ENABLED, _UNRESTRICTED = 1, 0
_LEVEL_COVER, _PURIFIER = "level_cover", "purifier"


def plan(feature: Feature, command: str, arguments: Arguments, control: Control | None = None) -> Plan:
    """Plan a checked command; `control` tells how this device's feature is set, if not as the capability is.

    Raises UnsupportedError for a command no Zigbee device can carry out.
    """
    if control is not None and (control.encode is not None or command == "unset"):
        return _write(control, command, arguments)
    table = control.table if control is not None else ""
    maker = _PLANS.get((table, feature.capability, command))
    if maker is None:
        raise UnsupportedError(f"{feature.key} has no command {command!r} over Zigbee")
    return maker(arguments)


def _write(control: Control, command: str, arguments: Arguments) -> Plan:
    value = arguments.get("value")
    raw = control.unset if command == "unset" or control.encode is None else control.encode(value)
    if raw is None:
        raise UnsupportedError(f"{control.name} cannot be left to the device")
    request = Write(control.cluster, control.attribute, raw, control.kind, control.manufacturer)
    return Plan(request, {control.name: None if command == "unset" else value})


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


def _siren(mode: str, duration: float, level: str = "high", *, strobe: bool = True) -> Plan:
    seconds = min(max(round(duration), 1), 0xFFFE)
    warning = _SIREN_MODES[mode] << 4 | _SIREN_STROBE * strobe | _SIREN_LEVELS[level]
    return Plan(Send(s.IAS_WD, 0x00, (warning, seconds, 50 * strobe, int(strobe))), assume=True, lasts=seconds)


def _siren_off(_: Arguments) -> Plan:
    return Plan(Send(s.IAS_WD, 0x00, (0, 0, 0, 0)), assume=False)


def _siren_set(arguments: Arguments) -> Plan:
    return _siren("burglar", 240) if arguments["value"] else _siren_off(arguments)


def _siren_sound(arguments: Arguments) -> Plan:
    return _siren(
        arguments.get("mode", "burglar"),
        arguments.get("duration", 30.0),
        arguments.get("level", "high"),
        strobe=arguments.get("strobe", True),
    )


def _identify(arguments: Arguments) -> Plan:
    return Plan(Send(s.IDENTIFY, 0x00, (round(arguments.get("duration", 5)),)))


def _effect(arguments: Arguments) -> Plan:
    return Plan(Send(s.IDENTIFY, 0x40, (_EFFECTS[arguments["name"]], 0)))


def _light_effect(arguments: Arguments) -> Plan:
    on = int(arguments["value"] == EFFECTS[1])
    # Update all: run it, upwards, a turn in 15 s, from the hue it has.
    return Plan(Send(s.COLOR, 0x44, (0x0F, 2 * on, 1, 15, 0)), {"light_effect": arguments["value"]})


def _set_pin(arguments: Arguments) -> Plan:
    return Plan(Send(s.DOOR_LOCK, 0x05, (arguments["user"], _USER_ENABLED, _UNRESTRICTED, arguments["pin"])))


def _clear_pin(arguments: Arguments) -> Plan:
    return Plan(Send(s.DOOR_LOCK, 0x07, (arguments["user"],)))


def _level_cover(arguments: Arguments) -> Plan:
    level = d.level_of_percent(arguments["value"])
    return Plan(Send(s.LEVEL, 0x04, (level, 0)), {"cover_position": d.percent_of_level(level)})


def _purify(raw: int, **expect: Any) -> Plan:  # noqa: ANN401 - the vocabulary's types
    return Plan(Write(PURIFIER, 0x0006, raw, d.U8, 0x117C), expect)


def _purifier_mode(arguments: Arguments) -> Plan:
    raw = {"off": 0, "auto": PURIFIER_AUTO, "low": PURIFIER_LEAST, "medium": 30, "high": PURIFIER_MOST}
    return _purify(raw[arguments["value"]], fan_mode=arguments["value"])


def _purifier_speed(arguments: Arguments) -> Plan:
    percent = arguments["value"]
    raw = round(percent * PURIFIER_MOST / 100)
    return _purify(max(raw, PURIFIER_LEAST) if percent else 0, fan_speed=None)


_PLANS: dict[tuple[str, str, str], Callable[[Arguments], Plan]] = {
    ("", "on_off", "set"): _on_off,
    ("", "on_off", "off"): _fixed(s.ON_OFF, 0x00, on_off=False),
    ("", "on_off", "on"): _fixed(s.ON_OFF, 0x01, on_off=True),
    ("", "on_off", "toggle"): _fixed(s.ON_OFF, 0x02, on_off=None),
    ("", "level", "set"): _level,
    ("", "level", "step"): _level_step,
    ("", "level", "stop"): _fixed(s.LEVEL, 0x07, level=None),
    ("", "color_xy", "set"): _color_xy,
    ("", "color_hue", "set"): _color_hue,
    ("", "color_saturation", "set"): _color_saturation,
    ("", "color_temperature", "set"): _color_temperature,
    ("", "lock", "lock"): _fixed(s.DOOR_LOCK, 0x00, lock="locked"),
    ("", "lock", "unlock"): _fixed(s.DOOR_LOCK, 0x01, lock="unlocked"),
    ("", "cover_position", "open"): _fixed(s.COVERING, 0x00, cover_position=100),
    ("", "cover_position", "close"): _fixed(s.COVERING, 0x01, cover_position=0),
    ("", "cover_position", "stop"): _fixed(s.COVERING, 0x02, cover_position=None),
    ("", "cover_position", "set"): _cover(_LIFT_COMMAND, "cover_position"),
    ("", "cover_tilt", "set"): _cover(_TILT_COMMAND, "cover_tilt"),
    ("", "heating_setpoint", "set"): _setpoint(0x0012, "heating_setpoint"),
    ("", "cooling_setpoint", "set"): _setpoint(0x0011, "cooling_setpoint"),
    ("", "thermostat_mode", "set"): _mode(s.THERMOSTAT, 0x001C, "thermostat_mode", THERMOSTAT_MODES),
    ("", "fan_mode", "set"): _mode(s.FAN, 0x0000, "fan_mode", FAN_MODES),
    ("", "siren", "set"): _siren_set,
    ("", "siren", "sound"): _siren_sound,
    ("", "siren", "off"): _siren_off,
    ("", "identify", "identify"): _identify,
    ("", "identify", "effect"): _effect,
    ("", "light_effect", "set"): _light_effect,
    ("", "lock", "set_pin"): _set_pin,
    ("", "lock", "clear_pin"): _clear_pin,
    ("", "away_heating_setpoint", "set"): _setpoint(0x0014, "away_heating_setpoint"),
    ("", "away_cooling_setpoint", "set"): _setpoint(0x0013, "away_cooling_setpoint"),
    (_LEVEL_COVER, "cover_position", "open"): _fixed(s.ON_OFF, 0x01, cover_position=None),
    (_LEVEL_COVER, "cover_position", "close"): _fixed(s.ON_OFF, 0x00, cover_position=None),
    (_LEVEL_COVER, "cover_position", "stop"): _fixed(s.LEVEL, 0x07, cover_position=None),
    (_LEVEL_COVER, "cover_position", "set"): _level_cover,
    (_PURIFIER, "fan_mode", "set"): _purifier_mode,
    (_PURIFIER, "fan_speed", "set"): _purifier_speed,
}
