"""The tables: which attribute of which cluster tells which capability, how to read it, and how often to report it."""

from collections.abc import Iterable, Mapping

import msgspec

from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.decode import Decode

BASIC, POWER, IDENTIFY, ON_OFF, LEVEL = 0x0000, 0x0001, 0x0003, 0x0006, 0x0008
DOOR_LOCK, COVERING, THERMOSTAT, FAN, COLOR = 0x0101, 0x0102, 0x0201, 0x0202, 0x0300
ILLUMINANCE, TEMPERATURE, PRESSURE, HUMIDITY, OCCUPANCY = 0x0400, 0x0402, 0x0403, 0x0405, 0x0406
CO2, PM25, VOC = 0x040D, 0x042A, 0x042E
IAS_ZONE, IAS_WD, METERING, ELECTRICAL = 0x0500, 0x0502, 0x0702, 0x0B04

SW_BUILD = 0x4000
COLOR_CAPABILITIES, MIN_MIREDS, MAX_MIREDS = 0x400A, 0x400B, 0x400C
ZONE_TYPE, ZONE_STATUS = 0x0001, 0x0002
COVERING_TYPE, SEQUENCE_OF_OPERATION, FAN_SEQUENCE = 0x0000, 0x001B, 0x0001
MIN_HEAT, MAX_HEAT, MIN_COOL, MAX_COOL = 0x0015, 0x0016, 0x0017, 0x0018
UNIT_OF_MEASURE = 0x0300


class Report(msgspec.Struct, frozen=True):
    """Reporting (ZCL 2.5.7): no sooner than `least` and no later than `most` seconds, on a change of `change` (raw)."""

    least: int
    most: int
    change: float = 1


class Source(msgspec.Struct, frozen=True):
    """One row: an attribute that tells a capability.

    `scale` names the attributes that hold multiplier and divisor. `part` is the place in a pair. A row that is
    `optional` falls away when the device says it lacks the attribute. `report` None: read once, never reported.
    """

    capability: str
    cluster: int
    attribute: int
    decode: Decode
    report: Report | None = None
    scale: tuple[int, int] | None = None
    part: int | None = None
    optional: bool = False


_OFTEN, _SOON, _CALM, _SELDOM = Report(0, 3600), Report(1, 3600), Report(30, 3600), Report(3600, 43_200, 2)

LOCK_STATES = {0: "not_fully_locked", 1: "locked", 2: "unlocked"}
COLOR_MODES = {0: "hs", 1: "xy", 2: "temperature"}
THERMOSTAT_MODES = {
    0: "off",
    1: "auto",
    3: "cool",
    4: "heat",
    5: "emergency_heat",
    7: "fan_only",
    8: "dry",
    9: "sleep",
}
FAN_MODES = {0: "off", 1: "low", 2: "medium", 3: "high", 4: "on", 5: "auto", 6: "smart"}

SOURCES: tuple[Source, ...] = (
    Source("on_off", ON_OFF, 0x0000, d.flag, _OFTEN),
    Source("level", LEVEL, 0x0000, d.percent_of_level, _SOON),
    Source("color_hue", COLOR, 0x0000, d.scaled(360 / d.LEVEL_MAX, invalid=(d.NO_U8,)), _SOON),
    Source("color_saturation", COLOR, 0x0001, d.percent_of_level, _SOON),
    Source("color_xy", COLOR, 0x0003, d.scaled(1 / d.XY_MAX, 4, (d.NO_U16,)), Report(1, 3600, 10), part=0),
    Source("color_xy", COLOR, 0x0004, d.scaled(1 / d.XY_MAX, 4, (d.NO_U16,)), Report(1, 3600, 10), part=1),
    Source("color_temperature", COLOR, 0x0007, d.kelvin, _SOON),
    Source("color_mode", COLOR, 0x0008, d.words(COLOR_MODES), _SOON),
    Source("illuminance", ILLUMINANCE, 0x0000, d.lux, Report(10, 3600, 500)),
    Source("temperature", TEMPERATURE, 0x0000, d.scaled(0.01, 2, (d.NO_S16,)), Report(10, 3600, 10)),
    Source("temperature", THERMOSTAT, 0x0000, d.scaled(0.01, 2, (d.NO_S16,)), Report(10, 3600, 10)),
    Source("pressure", PRESSURE, 0x0000, d.scaled(100, invalid=(d.NO_S16,)), Report(30, 3600, 1)),
    Source("humidity", HUMIDITY, 0x0000, d.scaled(0.01, 2, (d.NO_U16,)), Report(10, 3600, 50)),
    Source("occupancy", OCCUPANCY, 0x0000, d.bit(0x01), _OFTEN),
    Source("co2", CO2, 0x0000, d.scaled(1e6, 1), Report(30, 3600, 0.000_01)),
    Source("pm25", PM25, 0x0000, d.scaled(1, 1), Report(30, 3600, 1)),
    Source("voc", VOC, 0x0000, d.scaled(1, 1), Report(30, 3600, 10)),
    Source("battery_voltage", POWER, 0x0020, d.scaled(0.1, 1, (d.NO_U8,)), Report(3600, 43_200, 1), optional=True),
    Source("battery", POWER, 0x0021, d.scaled(0.5, 1, (d.NO_U8,)), _SELDOM, optional=True),
    Source("lock", DOOR_LOCK, 0x0000, d.words(LOCK_STATES), _OFTEN),
    Source("cover_position", COVERING, 0x0008, d.opened, _SOON),
    Source("cover_tilt", COVERING, 0x0009, d.opened, _SOON, optional=True),
    Source("cooling_setpoint", THERMOSTAT, 0x0011, d.scaled(0.01, 2, (d.NO_S16,)), Report(1, 3600, 10), optional=True),
    Source("heating_setpoint", THERMOSTAT, 0x0012, d.scaled(0.01, 2, (d.NO_S16,)), Report(1, 3600, 10), optional=True),
    Source("thermostat_mode", THERMOSTAT, 0x001C, d.words(THERMOSTAT_MODES), _SOON),
    Source("thermostat_activity", THERMOSTAT, 0x0029, d.activity, _SOON, optional=True),
    Source("fan_mode", FAN, 0x0000, d.words(FAN_MODES), _SOON),
    Source("voltage", ELECTRICAL, 0x0505, d.scaled(1, 2, (d.NO_U16,)), _CALM, (0x0600, 0x0601), optional=True),
    Source("current", ELECTRICAL, 0x0508, d.scaled(1, 3, (d.NO_U16,)), _CALM, (0x0602, 0x0603), optional=True),
    Source(
        "power", ELECTRICAL, 0x050B, d.scaled(1, 2, (d.NO_S16,)), Report(5, 3600, 5), (0x0604, 0x0605), optional=True
    ),
    Source("frequency", ELECTRICAL, 0x0300, d.scaled(1, 2, (d.NO_U16,)), None, (0x0400, 0x0401), optional=True),
    Source("energy", METERING, 0x0000, d.scaled(1000, 1, (d.NO_U48,)), Report(30, 3600, 1), (0x0301, 0x0302)),
    Source(
        "power", METERING, 0x0400, d.scaled(1000, 2, (d.NO_S24,)), Report(5, 3600, 5), (0x0301, 0x0302), optional=True
    ),
    Source("firmware", BASIC, SW_BUILD, d.text, optional=True),
)

ALARM = 0x0003
ZONES: Mapping[int, tuple[str, Decode]] = {
    0x000D: ("occupancy", d.bit(ALARM)),
    0x0015: ("contact", d.bit(ALARM, inverted=True)),
    0x0016: ("contact", d.bit(ALARM, inverted=True)),
    0x0028: ("smoke", d.bit(ALARM)),
    0x002A: ("water_leak", d.bit(ALARM)),
    0x002B: ("co", d.bit(ALARM)),
    0x002D: ("vibration", d.bit(ALARM)),
    0x0226: ("vibration", d.bit(ALARM)),
}
"""IAS zone types (ZCL 8.2.2.2.1.2) to what their alarm bits tell."""

ZONE_EXTRAS: tuple[tuple[str, Decode], ...] = (("tamper", d.bit(0x0004)), ("battery_low", d.bit(0x0008)))
"""What every zone tells besides."""

# Read when a device joins, because they decide which capabilities it has or how its values are scaled.
_FACTS: Mapping[int, tuple[int, ...]] = {
    BASIC: (SW_BUILD,),
    COLOR: (COLOR_CAPABILITIES, MIN_MIREDS, MAX_MIREDS),
    COVERING: (COVERING_TYPE,),
    THERMOSTAT: (SEQUENCE_OF_OPERATION, MIN_HEAT, MAX_HEAT, MIN_COOL, MAX_COOL),
    FAN: (FAN_SEQUENCE,),
    IAS_ZONE: (ZONE_TYPE,),
    METERING: (UNIT_OF_MEASURE, 0x0301, 0x0302),
    ELECTRICAL: (0x0400, 0x0401, 0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605),
}


def wanted_facts(clusters: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Which attributes to read of a joining device's clusters before it is mapped."""
    wanted = {}
    for cluster in clusters:
        optional = (row.attribute for row in SOURCES if row.cluster == cluster and row.optional)
        if attributes := tuple(dict.fromkeys((*_FACTS.get(cluster, ()), *optional))):
            wanted[cluster] = attributes
    return wanted
