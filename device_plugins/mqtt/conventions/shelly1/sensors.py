"""The sensors of the first generation, on topics of their own or in the JSON of `status`; the heads of radiators."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from device_plugins.mqtt.conventions.parts import Parts, writes
from device_plugins.mqtt.conventions.taking import Convert, as_number, at, meaning, measured, unit_of
from device_plugins.mqtt.description import NOTHING, Take

_NO_SENSOR = 999
_TARGETS = (4, 31)
_FLAG = meaning({"true": True, "false": False, "1": True, "0": False, True: True, False: False})


class Row(NamedTuple):
    """One sensor; `path` leads to it in JSON."""

    capability: str
    convert: Convert
    path: tuple[str, ...] = ()
    name: str = ""
    unit: str = ""


def _temperature(raw: object) -> float | None:
    value = as_number(raw)
    return None if value == _NO_SENSOR else measured("temperature")(value)


def _battery(raw: object) -> float | None:
    value = as_number(raw)
    return None if value < 0 else measured("battery")(value)


ON_TOPICS: Mapping[str, Row] = {
    "temperature": Row("device_temperature", measured("device_temperature")),
    "voltage": Row("voltage", measured("voltage")),
    "adc/0": Row("voltage", measured("voltage")),
    "ext_temperature/0": Row("temperature", _temperature),
    "ext_temperature/1": Row("temperature", _temperature),
    "ext_temperature/2": Row("temperature", _temperature),
    "ext_humidity/0": Row("humidity", measured("humidity")),
    "sensor/temperature": Row("temperature", _temperature),
    "sensor/humidity": Row("humidity", measured("humidity")),
    "sensor/battery": Row("battery", _battery),
    "sensor/flood": Row("water_leak", _FLAG),
    "sensor/smoke": Row("smoke", _FLAG),
    "sensor/state": Row("contact", meaning({"open": False, "close": True, "unknown": None})),
    "sensor/lux": Row("illuminance", measured("illuminance")),
    "sensor/vibration": Row("vibration", meaning({"1": True, "0": False, "-1": None})),
    "sensor/tilt": Row("number", as_number, name="tilt", unit="°"),
    "sensor/gas": Row("gas", meaning({"none": False, "mild": True, "heavy": True, "test": False, "unknown": None})),
    "sensor/concentration": Row("number", as_number, name="concentration", unit="ppm"),
}
"""By the topic below the device's."""

IN_STATUS: Mapping[str, Row] = {
    "motion": Row("occupancy", _FLAG, ("motion",)),
    "vibration": Row("vibration", _FLAG, ("vibration",)),
    "lux": Row("illuminance", measured("illuminance"), ("lux",)),
    "bat": Row("battery", _battery, ("bat",)),
    "tmp": Row("temperature", _temperature, ("tmp", "value")),
}
"""By the name in the model's `status`."""


def add(parts: Parts, own: tuple[str, ...], status: tuple[str, ...]) -> None:
    """Add the sensors of a model."""
    for topic in own:
        row = ON_TOPICS[topic]
        key = parts.add(row.capability, row.name, topic.rpartition("/")[2], unit=row.unit)
        parts.reading(key, topic, row.convert, "text")
    for name in status:
        row = IN_STATUS[name]
        key = parts.add(row.capability, row.name, unit=row.unit)
        parts.reading(key, "status", at(row.convert, *row.path))


def add_thermostat(parts: Parts, prefix: str) -> None:
    """Add the head of a radiator: what `info` tells of thermostat 0, and its battery."""
    low, high = _TARGETS
    key = parts.add("heating_setpoint", writable=True, commands=("set",), minimum=low, maximum=high)
    parts.reading(key, "info", _degrees("target_t"))
    parts.reading(key, "status", at(measured("heating_setpoint"), "target_t", "value"))
    parts.action(key, "set", writes(f"{prefix}/thermostat/0/command/target_t", lambda said: said["value"]))
    key = parts.add("temperature")
    parts.reading(key, "info", _degrees("tmp"))
    parts.reading(key, "status", at(_temperature, "tmp", "value"))
    parts.reading(parts.add("heating_demand"), "info", at(measured("heating_demand"), "thermostats", 0, "pos"))
    parts.reading(parts.add("battery"), "info", at(_battery, "bat", "value"))


def _degrees(name: str) -> Take:
    """A temperature of thermostat 0, in the unit it is told in."""

    def convert(told: object) -> Any:  # noqa: ANN401 - a number or NOTHING
        if not isinstance(told, dict) or "value" not in told:
            return NOTHING
        unit = unit_of("temperature", str(told.get("units", "C")))
        return measured("temperature", unit)(told["value"])

    return at(convert, "thermostats", 0, name)
