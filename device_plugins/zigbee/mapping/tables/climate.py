"""Rows of thermostats, radiator valves and fans (ZCL 6.3, 6.4, 6.6)."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import SOON, Condition, Report, Source, choice, number, reading, word

HEATS, COOLS = {2, 3, 4, 5}, {0, 1, 4, 5}
_COMMON = 2
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
RUNNING_MODES = {0: "idle", 3: "cooling", 4: "heating"}
FAN_MODES = {0: "off", 1: "low", 2: "medium", 3: "high", 4: "on", 5: "auto", 6: "smart"}
FAN_WORDS = {
    0: ("off", "low", "medium", "high"),
    1: ("off", "low", "high"),
    2: ("off", "low", "medium", "high", "auto"),
    3: ("off", "low", "high", "auto"),
    4: ("off", "on", "auto"),
}
CHANGE_SOURCES = {0: "manual", 1: "schedule", 2: "external"}
KEYPAD = {0: "unlocked", 1: "level_1", 2: "level_2", 3: "level_3", 4: "level_4", 5: "level_5"}
_CENTI, _MORE = Report(10, 3600, 10), Report(1, 3600, 10)


def sequence_of(told: float | None) -> int:
    """The control sequence of operation; what does not tell heats."""
    return _COMMON if told is None else int(told)


def _operates(sequences: set[int]) -> Condition:
    return lambda endpoint, facts: (
        sequence_of(facts.number(endpoint.id, c.THERMOSTAT, c.SEQUENCE_OF_OPERATION)) in sequences
    )


def _setpoint(name: str, attribute: int, sequences: set[int], *, told: bool = False) -> Source:
    return Source(
        name, c.THERMOSTAT, attribute, d.scaled(0.01, 2, (d.NO_S16,)), _MORE, optional=True, told=told,
        when=_operates(sequences),
    )  # fmt: skip


def _limit(name: str, attribute: int, label: str) -> Source:
    return number(name, (c.THERMOSTAT, attribute), 0.01, "°C", (-50, 100), unset=d.NO_S16, label=label)


ROWS: tuple[Source, ...] = (
    Source("temperature", c.THERMOSTAT, 0x0000, d.scaled(0.01, 2, (d.NO_S16,)), _CENTI),
    reading("outdoor_temperature", (c.THERMOSTAT, 0x0001), d.scaled(0.01, 2, (d.NO_S16,)), "°C"),
    Source("cooling_demand", c.THERMOSTAT, 0x0007, d.ratio(100, 100, (d.NO_U8,)), SOON, told=True),
    Source("heating_demand", c.THERMOSTAT, 0x0008, d.ratio(100, 100, (d.NO_U8,)), SOON, told=True),
    number(
        "temperature_calibration", (c.THERMOSTAT, 0x0010), 0.1, "K", (-12.7, 12.7), unset=d.NO_S8,
        label="Correction of the temperature",
    ),
    _setpoint("cooling_setpoint", 0x0011, COOLS),
    _setpoint("heating_setpoint", 0x0012, HEATS),
    _setpoint("away_cooling_setpoint", 0x0013, COOLS, told=True),
    _setpoint("away_heating_setpoint", 0x0014, HEATS, told=True),
    _limit("minimum_heating_setpoint", c.MIN_HEAT, "Least temperature to heat to"),
    _limit("maximum_heating_setpoint", c.MAX_HEAT, "Most temperature to heat to"),
    _limit("minimum_cooling_setpoint", c.MIN_COOL, "Least temperature to cool to"),
    _limit("maximum_cooling_setpoint", c.MAX_COOL, "Most temperature to cool to"),
    Source("thermostat_mode", c.THERMOSTAT, 0x001C, d.words(THERMOSTAT_MODES), SOON),
    Source("thermostat_activity", c.THERMOSTAT, 0x0029, d.activity, SOON, optional=True),
    Source("thermostat_activity", c.THERMOSTAT, 0x001E, d.words(RUNNING_MODES), SOON, optional=True),
    word("setpoint_change_source", (c.THERMOSTAT, 0x0030), CHANGE_SOURCES),
    Source("fan_mode", c.FAN, 0x0000, d.words(FAN_MODES), SOON),
    choice("temperature_display", (c.INTERFACE, 0x0000), {0: "celsius", 1: "fahrenheit"}, label="Display"),
    choice("keypad_lockout", (c.INTERFACE, 0x0001), KEYPAD, label="Keypad"),
)  # fmt: skip
