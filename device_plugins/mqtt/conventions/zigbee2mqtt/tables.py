"""Which of Zigbee2MQTT's names is which capability.

Source: the names of exposes at https://www.zigbee2mqtt.io/guide/usage/exposes.html and on its pages of devices.
"""

from collections.abc import Mapping

NUMBERS: Mapping[str, str] = {
    "ac_frequency": "frequency",
    "battery": "battery",
    "battery_voltage": "battery_voltage",
    "co": "co_concentration",
    "co2": "co2",
    "conductivity": "conductivity",
    "cpu_temperature": "device_temperature",
    "current": "current",
    "current_heating_setpoint": "heating_setpoint",
    "device_temperature": "device_temperature",
    "ec": "conductivity",
    "energy": "energy",
    "flow": "flow",
    "formaldehyd": "formaldehyde",
    "formaldehyde": "formaldehyde",
    "hcho": "formaldehyde",
    "humidity": "humidity",
    "illuminance": "illuminance",
    "illuminance_lux": "illuminance",
    "leaf_wetness": "leaf_wetness",
    "linkquality": "link_quality",
    "local_temperature": "temperature",
    "occupied_cooling_setpoint": "cooling_setpoint",
    "occupied_heating_setpoint": "heating_setpoint",
    "ph": "ph",
    "pi_cooling_demand": "cooling_demand",
    "pi_heating_demand": "heating_demand",
    "pm1": "pm1",
    "pm10": "pm10",
    "pm25": "pm25",
    "power": "power",
    "power_apparent": "apparent_power",
    "power_factor": "power_factor",
    "power_reactive": "reactive_power",
    "pressure": "pressure",
    "produced_energy": "energy_returned",
    "smoke_density_dbm": "smoke_density",
    "soil_moisture": "soil_moisture",
    "temperature": "temperature",
    "unoccupied_cooling_setpoint": "away_cooling_setpoint",
    "unoccupied_heating_setpoint": "away_heating_setpoint",
    "voc": "voc",
    "voltage": "voltage",
    "volume": "volume",
    "water_consumed": "volume",
    "wind_speed": "wind_speed",
}
SETPOINTS = frozenset(
    {"heating_setpoint", "cooling_setpoint", "away_heating_setpoint", "away_cooling_setpoint", "fan_speed"}
)
"""Those of the numbers that can be set under their own name; any other that can be set is a `number`."""

BY_UNIT: Mapping[tuple[str, str], str] = {
    ("voltage", "mV"): "battery_voltage",
    ("voc", "µg/m³"): "voc_density",
    ("voc", "mg/m³"): "voc_density",
}
"""Where the unit decides what a name means: by capability and unit."""

FLAGS: Mapping[str, str] = {
    "alarm": "alarm",
    "battery_low": "battery_low",
    "carbon_monoxide": "co",
    "contact": "contact",
    "gas": "gas",
    "occupancy": "occupancy",
    "presence": "occupancy",
    "smoke": "smoke",
    "tamper": "tamper",
    "vibration": "vibration",
    "water_leak": "water_leak",
}

ENUMS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "fan_mode": (
        "fan_mode",
        {word: word for word in ("off", "low", "medium", "high", "on", "auto", "smart")},
    ),
    "lock_state": (
        "lock",
        {"locked": "locked", "unlocked": "unlocked", "not_fully_locked": "not_fully_locked"},
    ),
    "running_state": (
        "thermostat_activity",
        {"idle": "idle", "heat": "heating", "cool": "cooling", "fan_only": "fan"},
    ),
    "system_mode": (
        "thermostat_mode",
        {
            "off": "off",
            "auto": "auto",
            "cool": "cool",
            "heat": "heat",
            "emergency_heating": "emergency_heat",
            "fan_only": "fan_only",
            "dry": "dry",
            "sleep": "sleep",
        },
    ),
}
"""Capability of an enumeration, and the vocabulary's word for each of Zigbee2MQTT's."""

EFFECTS: Mapping[str, str] = {
    "blink": "blink",
    "breathe": "breathe",
    "okay": "okay",
    "channel_change": "channel_change",
    "finish_effect": "finish",
    "stop_effect": "stop",
}
COLOR_LOOP: Mapping[str, str] = {"color_loop": "colorloop", "none": "stop_colorloop"}
