"""The `sensors` message: an example of what the device publishes as SENSOR, from which its sensors are read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from device_plugins.mqtt.conventions.parsing import ENTITIES, number, word
from device_plugins.mqtt.conventions.taking import as_number, at, measured, unit_of
from device_plugins.mqtt.conventions.tasmota.setup import Setup

_FIELDS: Mapping[str, tuple[str, str]] = {
    "ApparentPower": ("apparent_power", "VA"),
    "Battery": ("battery", "%"),
    "CarbonDioxide": ("co2", "ppm"),
    "Current": ("current", "A"),
    "ExportActive": ("energy_returned", "kWh"),
    "Factor": ("power_factor", ""),
    "Frequency": ("frequency", "Hz"),
    "Humidity": ("humidity", "%"),
    "Illuminance": ("illuminance", "lx"),
    "Moisture": ("soil_moisture", "%"),
    "PM1": ("pm1", "µg/m³"),
    "PM10": ("pm10", "µg/m³"),
    "PM2.5": ("pm25", "µg/m³"),
    "Power": ("power", "W"),
    "Pressure": ("pressure", "PressureUnit"),
    "ReactivePower": ("reactive_power", "var"),
    "TVOC": ("voc", "ppb"),
    "Temperature": ("temperature", "TempUnit"),
    "Total": ("energy", "kWh"),
    "Voltage": ("voltage", "V"),
}
_OTHER_UNITS = {"DewPoint": "TempUnit", "SeaPressure": "PressureUnit", "Today": "kWh", "Yesterday": "kWh"}
_UNITS = frozenset({"TempUnit", "PressureUnit", "SpeedUnit"})
_PASSED_OVER = frozenset({"Id", "Time", "TotalStartTime", "Epoch"})
_NUMBERED = re.compile(r"(?<=[a-z])\d{1,2}")
_DEEPEST = 3
_SHUTTER_OR_SWITCH = re.compile(r"(Shutter|Switch|Button)\d+")


def add(setup: Setup, told: dict[str, Any]) -> None:
    """Add what the example tells."""
    for path in list(_paths(told, ()))[:ENTITIES]:
        _sensor(setup, told, path)


def _paths(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict) and len(path) < _DEEPEST:
        for name, inner in [*value.items()][:ENTITIES]:
            if name not in _PASSED_OVER and name not in _UNITS and not _SHUTTER_OR_SWITCH.fullmatch(name):
                yield from _paths(inner, (*path, name))
    elif isinstance(value, list) and path and isinstance(path[-1], str):
        for index, inner in enumerate(value[:8]):
            yield from _paths(inner, (*path, index))
    elif path and number(value) is not None:
        yield path


def _sensor(setup: Setup, told: dict[str, Any], path: tuple[str | int, ...]) -> None:
    place = next(index for index in range(len(path) - 1, -1, -1) if isinstance(path[index], str))
    name = str(path[place])
    field = name if name in _FIELDS else _NUMBERED.sub("", name)
    above = "_".join(str(step) for step in path[:place])
    suffix = "_".join(str(step + 1) if isinstance(step, int) else step for step in path)
    capability, unit = _FIELDS.get(field, ("", ""))
    unit = word(told.get(unit), 8) if unit in _UNITS else unit
    convert = unit_of(capability, unit) if capability else None
    if field == "Temperature" and above == "ESP32":
        capability = "device_temperature"
    if convert is None:
        kind = _OTHER_UNITS.get(field, "")
        shown = word(told.get(kind), 8) if kind in _UNITS else kind
        key = setup.parts.add("number", suffix, unit=shown, label=suffix.replace("_", " "))
        _reads(setup, key, as_number, path)
        return
    numbered = isinstance(path[-1], int) and path[-1] > 0
    key = setup.parts.add(capability, "", suffix if not numbered else str(int(path[-1]) + 1), label=above)
    _reads(setup, key, measured(capability, convert), path)


def _reads(setup: Setup, key: str, convert: Any, path: tuple[str | int, ...]) -> None:  # noqa: ANN401 - a Convert
    setup.parts.reading(key, f"{setup.tele}/SENSOR", at(convert, *path))
    setup.parts.reading(key, f"{setup.stat}/STATUS10", at(convert, "StatusSNS", *path))
