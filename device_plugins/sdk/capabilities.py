"""The vocabulary: what devices can do and tell, modelled on Matter's clusters, in SI and SI-accepted units.

Names, types and units are part of the public API. A device's feature narrows a capability (a smaller range, fewer
commands); it never widens it.
"""

from typing import Literal

import msgspec

from device_plugins.sdk.errors import UnsupportedError

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


def capability(name: str) -> Capability:
    """The word of the vocabulary.

    Raises UnsupportedError for a name it does not hold.
    """
    try:
        return VOCABULARY[name]
    except KeyError:
        raise UnsupportedError(f"the vocabulary has no capability {name!r}") from None


_TRANSITION = Argument("transition", "number", "s", 0, 6553.4, required=False, default=0.0)


def _set(type_: ValueType, unit: str = "", *extra: Argument, span: tuple[float, float] | None = None) -> Command:
    low, high = span or (None, None)
    return Command("set", "Make it this value.", (Argument("value", type_, unit, low, high), *extra))


def _flag(name: str, doc: str, matter: str = "BooleanState") -> Capability:
    return Capability(name, doc, "bool", matter=matter)


def _measure(name: str, doc: str, unit: str, span: tuple[float | None, float | None], matter: str = "") -> Capability:
    return Capability(name, doc, "number", unit, span[0], span[1], matter=matter)


def _dial(name: str, doc: str, unit: str, span: tuple[float, float], matter: str, *extra: Argument) -> Capability:
    commands = (_set("number", unit, *extra, span=span),)
    return Capability(name, doc, "number", unit, *span, access="read-write", commands=commands, matter=matter)


_SWITCHES = (
    Capability(
        "on_off",
        "Whether it is on.",
        "bool",
        access="read-write",
        commands=(
            _set("bool"),
            Command("on", "Switch it on."),
            Command("off", "Switch it off."),
            Command("toggle", "Switch it over."),
        ),
        matter="OnOff",
    ),
    Capability(
        "level",
        "Brightness, or the level of whatever it drives.",
        "number",
        "%",
        0,
        100,
        access="read-write",
        commands=(
            _set("number", "%", _TRANSITION, span=(0, 100)),
            Command("step", "Change it by so much.", (Argument("by", "number", "%", -100, 100), _TRANSITION)),
            Command("stop", "Stop where it is."),
        ),
        matter="LevelControl",
    ),
    Capability(
        "color_xy",
        "Colour as CIE 1931 x and y.",
        "pair",
        "",
        0,
        1,
        access="read-write",
        commands=(_set("pair", "", _TRANSITION, span=(0, 1)),),
        matter="ColorControl",
    ),
    _dial("color_hue", "Hue of the colour.", "°", (0, 360), "ColorControl", _TRANSITION),
    _dial("color_saturation", "Saturation of the colour.", "%", (0, 100), "ColorControl", _TRANSITION),
    _dial("color_temperature", "Colour temperature of white light.", "K", (1000, 20000), "ColorControl", _TRANSITION),
    Capability(
        "color_mode",
        "Which of the colour values the lamp follows.",
        "enum",
        values=("hs", "xy", "temperature"),
        matter="ColorControl",
    ),
)

_SENSORS = (
    _measure("temperature", "Temperature.", "°C", (-273.15, None), "TemperatureMeasurement"),
    _measure("humidity", "Relative humidity.", "%", (0, 100), "RelativeHumidityMeasurement"),
    _measure("pressure", "Air pressure.", "Pa", (0, None), "PressureMeasurement"),
    _measure("illuminance", "Illuminance.", "lx", (0, None), "IlluminanceMeasurement"),
    _measure("co2", "Carbon dioxide.", "ppm", (0, None), "CarbonDioxideConcentrationMeasurement"),
    _measure("pm25", "Fine dust, 2.5 µm.", "µg/m³", (0, None), "Pm25ConcentrationMeasurement"),
    _measure("voc", "Volatile organic compounds.", "ppb", (0, None), "TotalVolatileOrganicCompoundsConcentration"),
    _flag("occupancy", "Somebody is there.", "OccupancySensing"),
    _flag("contact", "The contact is closed (a shut door).", "BooleanState"),
    _flag("vibration", "It is shaken."),
    _flag("water_leak", "Water where none should be."),
    _flag("smoke", "Smoke.", "SmokeCoAlarm"),
    _flag("co", "Carbon monoxide.", "SmokeCoAlarm"),
    _flag("tamper", "Somebody opened or moved the device."),
    _flag("battery_low", "The battery is near its end.", "PowerSource"),
    _measure("battery", "What is left in the battery.", "%", (0, 100), "PowerSource"),
    _measure("battery_voltage", "Voltage of the battery.", "V", (0, None), "PowerSource"),
    _measure("power", "Active power.", "W", (None, None), "ElectricalPowerMeasurement"),
    _measure("energy", "Energy used since the meter began.", "Wh", (0, None), "ElectricalEnergyMeasurement"),
    _measure("voltage", "Voltage of the mains or load.", "V", (None, None), "ElectricalPowerMeasurement"),
    _measure("current", "Electric current.", "A", (None, None), "ElectricalPowerMeasurement"),
    _measure("frequency", "Frequency of the mains.", "Hz", (0, None), "ElectricalPowerMeasurement"),
)

_ACTUATORS = (
    Capability(
        "lock",
        "What the lock says of itself.",
        "enum",
        values=("locked", "unlocked", "not_fully_locked"),
        access="read-write",
        commands=(Command("lock", "Lock it."), Command("unlock", "Unlock it.")),
        matter="DoorLock",
    ),
    Capability(
        "cover_position",
        "How far the cover is open.",
        "number",
        "%",
        0,
        100,
        access="read-write",
        commands=(
            _set("number", "%", span=(0, 100)),
            Command("open", "Open it wholly."),
            Command("close", "Close it wholly."),
            Command("stop", "Stop where it is."),
        ),
        matter="WindowCovering",
    ),
    _dial("cover_tilt", "How far the slats are open.", "%", (0, 100), "WindowCovering"),
    _dial("heating_setpoint", "Temperature to heat to.", "°C", (-50, 100), "Thermostat"),
    _dial("cooling_setpoint", "Temperature to cool to.", "°C", (-50, 100), "Thermostat"),
    Capability(
        "thermostat_mode",
        "What the thermostat may do.",
        "enum",
        values=("off", "auto", "cool", "heat", "emergency_heat", "fan_only", "dry", "sleep"),
        access="read-write",
        commands=(_set("enum"),),
        matter="Thermostat",
    ),
    Capability(
        "thermostat_activity",
        "What the thermostat does now.",
        "enum",
        values=("idle", "heating", "cooling", "fan"),
        matter="Thermostat",
    ),
    Capability(
        "fan_mode",
        "How the fan runs.",
        "enum",
        values=("off", "low", "medium", "high", "on", "auto", "smart"),
        access="read-write",
        commands=(_set("enum"),),
        matter="FanControl",
    ),
    _dial("fan_speed", "How fast the fan runs.", "%", (0, 100), "FanControl"),
    Capability(
        "siren",
        "Whether the siren sounds.",
        "bool",
        access="read-write",
        commands=(
            _set("bool"),
            Command(
                "sound",
                "Sound it for a while.",
                (
                    Argument("duration", "number", "s", 1, 65535, required=False, default=30.0),
                    Argument(
                        "mode", "enum", values=("burglar", "fire", "emergency"), required=False, default="burglar"
                    ),
                ),
            ),
            Command("off", "Silence it."),
        ),
    ),
    Capability(
        "identify",
        "It can show which one it is.",
        "event",
        access="write",
        commands=(
            Command(
                "identify",
                "Blink or beep.",
                (Argument("duration", "integer", "s", 0, 65535, required=False, default=5.0),),
            ),
        ),
        matter="Identify",
    ),
)

_OTHERS = (
    Capability(
        "button", "A button; pressing it is the event `device.button`.", "event", access="event", matter="Switch"
    ),
    Capability("rotary", "A dial; turning it is the event `device.rotary`.", "event", access="event", matter="Switch"),
    Capability("number", "A setting that is a number.", "number", access="read-write", commands=(_set("number"),)),
    Capability("enum", "A setting that is one of a few words.", "enum", access="read-write", commands=(_set("enum"),)),
    Capability("switch", "A setting that is on or off.", "bool", access="read-write", commands=(_set("bool"),)),
    Capability("text", "A setting that is a text.", "text", access="read-write", commands=(_set("text"),)),
    Capability("firmware", "Version of the firmware.", "text", matter="BasicInformation"),
    _measure("link_quality", "Quality of the radio link (LQI).", "", (0, 255)),
    _measure("signal_strength", "Strength of the radio signal (RSSI).", "dBm", (None, 30)),
)

VOCABULARY: dict[str, Capability] = {one.name: one for one in (*_SWITCHES, *_SENSORS, *_ACTUATORS, *_OTHERS)}
