"""What devices tell, in a person's words: numbers with units, words for flags, and what matters first."""

from typing import Any

from hub.cli.output import number, short

_UNITS = {
    **dict.fromkeys(("level", "humidity", "battery", "cover_position", "cover_tilt", "fan_speed"), "%"),
    **dict.fromkeys(("temperature", "heating_setpoint", "cooling_setpoint"), "°C"),
    **dict.fromkeys(("voltage", "battery_voltage"), "V"),
    "color_hue": "°",
    "color_saturation": "%",
    "color_temperature": "K",
    "pressure": "Pa",
    "illuminance": "lx",
    "co2": "ppm",
    "pm25": "µg/m³",
    "voc": "ppb",
    "power": "W",
    "energy": "Wh",
    "current": "A",
    "frequency": "Hz",
    "signal_strength": "dBm",
}
_FLAGS = {
    "contact": ("closed", "open"),
    "water_leak": ("wet", "dry"),
    **dict.fromkeys(("occupancy", "vibration", "smoke", "co", "tamper", "battery_low"), ("yes", "no")),
}
_WARNINGS = ("tamper", "battery_low")
_RANKING = (
    *("on_off", "level", "lock", "cover_position"),
    *("thermostat_mode", "heating_setpoint", "cooling_setpoint", "fan_mode", "fan_speed", "siren"),
    *("occupancy", "contact", "water_leak", "smoke", "co", "vibration"),
    *("temperature", "humidity", "power", "energy", "co2", "pm25", "voc", "illuminance", "pressure", "battery"),
)
_ROOM = 44

type Record = dict[str, Any]


def unit_of(feature: Record) -> str:
    """The unit of a feature's values, or nothing."""
    return str(feature.get("unit") or _UNITS.get(feature["capability"], ""))


def reading(capability: str, value: Any, unit: str = "") -> str:  # noqa: ANN401 - JSON
    """A value of a capability: `40 %`, `closed`, `0.68, 0.31`."""
    if isinstance(value, bool):
        return _FLAGS.get(capability, ("on", "off"))[not value]
    if isinstance(value, int | float):
        return f"{number(value)} {unit or _UNITS.get(capability, '')}".rstrip()
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        return ", ".join(map(number, value))
    return short(value)


def readings(record: Record) -> dict[str, str]:
    """All that is true of a device, by key."""
    values: dict[str, Any] = record["values"]
    features = {one["key"]: one for one in record["features"]}
    return {
        key: reading(features[key]["capability"], value, unit_of(features[key])) if key in features else short(value)
        for key, value in values.items()
    }


def summary(record: Record) -> str:
    """The few values that matter most, in about two lines of a table: `on_off on, level 40 %`."""
    kinds = {one["key"]: one["capability"] for one in record["features"]}
    values: dict[str, Any] = record["values"]
    ranked = sorted((rank, key) for key in values if (rank := _rank(kinds.get(key, key), values[key])) is not None)
    words = readings(record)
    told = ""
    for _, key in ranked:
        longer = f"{told}, {key} {words[key]}" if told else f"{key} {words[key]}"
        if told and len(longer) > _ROOM:
            break
        told = longer
    return told


def _rank(capability: str, value: Any) -> int | None:  # noqa: ANN401 - JSON
    if capability in _WARNINGS:
        return -1 if value is True else None
    return _RANKING.index(capability) if capability in _RANKING else None
