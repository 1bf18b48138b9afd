"""Which capability a property is, by its id, datatype and unit: Homie leaves the meaning of an id to the device."""

from collections.abc import Mapping

from device_plugins.mqtt.conventions.homie.property import Property
from device_plugins.mqtt.units import known_unit

MEASURES: Mapping[str, str] = {
    "battery": "battery",
    "battery-level": "battery",
    "battery-voltage": "battery_voltage",
    "co2": "co2",
    "conductivity": "conductivity",
    "current": "current",
    "energy": "energy",
    "frequency": "frequency",
    "humidity": "humidity",
    "illuminance": "illuminance",
    "lux": "illuminance",
    "moisture": "soil_moisture",
    "pm10": "pm10",
    "pm2-5": "pm25",
    "pm25": "pm25",
    "power": "power",
    "power-factor": "power_factor",
    "pressure": "pressure",
    "rssi": "signal_strength",
    "signal": "signal_strength",
    "soil-moisture": "soil_moisture",
    "temperature": "temperature",
    "valve": "heating_demand",
    "valve-position": "heating_demand",
    "voc": "voc",
    "voltage": "voltage",
    "wind-speed": "wind_speed",
}
DIALS: Mapping[str, str] = {
    "brightness": "level",
    "color-temperature": "color_temperature",
    "dim": "level",
    "dimmer": "level",
    "fan-speed": "fan_speed",
    "heating-setpoint": "heating_setpoint",
    "intensity": "level",
    "level": "level",
    "position": "cover_position",
    "set-temperature": "heating_setpoint",
    "setpoint": "heating_setpoint",
    "slats": "cover_tilt",
    "target-temperature": "heating_setpoint",
    "tilt": "cover_tilt",
}
BY_UNIT: Mapping[str, str] = {
    "A": "current",
    "Hz": "frequency",
    "Pa": "pressure",
    "V": "voltage",
    "W": "power",
    "hPa": "pressure",
    "kPa": "pressure",
    "kW": "power",
    "kWh": "energy",
    "lx": "illuminance",
    "mA": "current",
    "Wh": "energy",
    "°C": "temperature",
    "°F": "temperature",
}
"""What a measurement is when its id says nothing."""

FLAGS: Mapping[str, tuple[str, bool]] = {
    "battery-low": ("battery_low", True),
    "contact": ("contact", True),
    "door-open": ("contact", False),
    "gas": ("gas", True),
    "leak": ("water_leak", True),
    "low-battery": ("battery_low", True),
    "motion": ("occupancy", True),
    "occupancy": ("occupancy", True),
    "open": ("contact", False),
    "presence": ("occupancy", True),
    "smoke": ("smoke", True),
    "tamper": ("tamper", True),
    "vibration": ("vibration", True),
    "water": ("water_leak", True),
    "water-leak": ("water_leak", True),
    "window-open": ("contact", False),
}
"""Capability of a boolean that cannot be set, and what `true` means for it."""

SWITCHES = frozenset({"on", "on-off", "onoff", "output", "power", "relay", "state", "switch"})
MOVES: Mapping[str, tuple[str, ...]] = {"open": ("open", "up"), "close": ("close", "down"), "stop": ("stop",)}
"""How a cover's commands are called in an enumeration."""

LOCKED: Mapping[str, str] = {"lock": "locked", "locked": "locked", "unlock": "unlocked", "unlocked": "unlocked"}
MODES: Mapping[str, str] = {
    "off": "off",
    "auto": "auto",
    "cool": "cool",
    "cooling": "cool",
    "heat": "heat",
    "heating": "heat",
    "dry": "dry",
    "fan-only": "fan_only",
}


def measure_of(prop: Property) -> str:
    """The capability of a number that cannot be set; empty when it is none of the vocabulary's."""
    ends = (kind for name, kind in MEASURES.items() if prop.id.endswith(f"-{name}"))
    named = (MEASURES.get(prop.id, ""), DIALS.get(prop.id, ""), *ends)
    return next((one for one in (*named, BY_UNIT.get(prop.unit, "")) if one and known_unit(one, prop.unit)), "")


def dial_of(prop: Property) -> str:
    """The capability of a number that can be set; empty when it is a setting."""
    found = DIALS.get(prop.id, "")
    if prop.id == "temperature" and known_unit("temperature", prop.unit):
        return "heating_setpoint"
    return found if found == "level" or (found and known_unit(found, prop.unit)) else ""
