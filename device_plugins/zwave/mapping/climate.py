"""Thermostats and humidity controls."""

from collections.abc import Iterable
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, amount, choice, toggle, write
from device_plugins.zwave.mapping.model import ValueFacts

_MODES = {
    0: "off", 1: "heat", 2: "cool", 3: "auto", 4: "emergency_heat", 6: "fan_only", 7: "heat", 8: "dry", 10: "auto",
    11: "heat", 12: "cool", 15: "heat",
}  # fmt: skip
_PLAIN_MODES = {0, 1, 2, 3, 4, 6, 8}
_ACTIVITIES = {
    0: "idle", 1: "heating", 2: "cooling", 3: "fan", 4: "idle", 5: "idle", 6: "fan", 7: "heating", 8: "heating",
    9: "cooling", 10: "heating", 11: "heating",
}  # fmt: skip
_FAN_MODES = {0: "auto", 1: "low", 2: "auto", 3: "high", 4: "auto", 5: "medium"}
_PLAIN_FAN_MODES = {0, 1, 3, 5}
# By the type of the setpoint: its name, and the word of the vocabulary that it is.
_SETPOINTS = {
    1: ("heating_setpoint", "heating_setpoint"),
    2: ("cooling_setpoint", "cooling_setpoint"),
    7: ("furnace_setpoint", "heating_setpoint"),
    10: ("auto_changeover_setpoint", "heating_setpoint"),
    11: ("energy_save_heating_setpoint", "heating_setpoint"),
    12: ("energy_save_cooling_setpoint", "cooling_setpoint"),
    13: ("away_heating_setpoint", "away_heating_setpoint"),
    14: ("away_cooling_setpoint", "away_cooling_setpoint"),
    15: ("full_power_setpoint", "heating_setpoint"),
}
_FAHRENHEIT = "°F"
_CELSIUS_DIGITS = 2


def found(point: Endpoint) -> Iterable[Found]:
    """The thermostat of an endpoint."""
    mode = point.get(c.THERMOSTAT_MODE, "mode")
    if mode is not None:
        yield from _modes(mode, "thermostat_mode", "thermostat_program", _MODES, _PLAIN_MODES)
    for value in point.of(c.THERMOSTAT_SETPOINT):
        kind = _SETPOINTS.get(value.id.property_key) if isinstance(value.id.property_key, int) else None
        if kind is not None and value.id.property == "setpoint":
            yield _setpoint(value, *kind)
    if state := point.get(c.THERMOSTAT_OPERATING_STATE, "state"):
        reads = ((state.id, d.known(d.among(_ACTIVITIES))),)
        yield Found("thermostat_activity", "thermostat_activity", point.number, reads)
    yield from _fan(point)
    yield from _humidity(point)


def _fan(point: Endpoint) -> Iterable[Found]:
    if mode := point.get(c.THERMOSTAT_FAN_MODE, "mode"):
        yield from _modes(mode, "fan_mode", "fan_program", _FAN_MODES, _PLAIN_FAN_MODES)
    if off := point.get(c.THERMOSTAT_FAN_MODE, "off"):
        yield toggle(off, "fan_off", "Keep the fan off")
    if state := point.get(c.THERMOSTAT_FAN_STATE, "state"):
        yield choice(state, "fan_state")


def _humidity(point: Endpoint) -> Iterable[Found]:
    for value in point.of(c.HUMIDITY_CONTROL_SETPOINT):
        if value.id.property == "setpoint":
            yield amount(value, f"humidity_setpoint_{value.id.property_key}")
    if mode := point.get(c.HUMIDITY_CONTROL_MODE, "mode"):
        yield choice(mode, "humidity_mode")
    if state := point.get(c.HUMIDITY_CONTROL_OPERATING_STATE, "state"):
        yield choice(state, "humidity_activity")


def _modes(value: ValueFacts, name: str, whole: str, table: dict[int, str], plain: set[int]) -> Iterable[Found]:
    """What the vocabulary has a word for; where the device has more, all of it beside that, under the name `whole`."""
    numbers = list(d.words(value.states))
    raw: dict[str, int] = {}
    for number in sorted(numbers, key=lambda one: (one not in plain, one)):
        if number in table:
            raw.setdefault(table[number], number)
    commands: dict[str, Encode] = {"set": lambda given, _: write(value, raw[given["value"]])} if value.writeable else {}
    reads = ((value.id, d.known(lambda one: table.get(int(d.number(one))))),)
    if raw:
        yield Found(name, name, value.id.endpoint, reads, commands, values=tuple(raw))
    if set(numbers) - plain:
        yield choice(value, whole)


def _setpoint(value: ValueFacts, name: str, capability: str) -> Found:
    fahrenheit = value.unit == _FAHRENHEIT

    def celsius(raw: Any) -> float:  # noqa: ANN401 - JSON
        told = d.number(raw)
        return round((told - 32) / 1.8, _CELSIUS_DIGITS) if fahrenheit else told

    def raw_of(wanted: float) -> float:
        # Thermostats that think in °F take no finer steps than halves.
        return round((wanted * 1.8 + 32) * 2) / 2 if fahrenheit else wanted

    commands: dict[str, Encode] = {"set": lambda given, _: write(value, raw_of(given["value"]))}
    return Found(
        name,
        capability,
        value.id.endpoint,
        ((value.id, d.known(celsius)),),
        commands if value.writeable else {},
        minimum=None if value.minimum is None else celsius(value.minimum),
        maximum=None if value.maximum is None else celsius(value.maximum),
        label="" if name == capability else value.label,
    )
