"""What Home Assistant calls the words of the vocabulary: device classes, state classes, categories of entities."""

from collections.abc import Mapping
from typing import NamedTuple


class Sensor(NamedTuple):
    """A number that is measured. `unit` is None for the vocabulary's own."""

    device_class: str | None = None
    state_class: str | None = "measurement"
    category: str | None = None
    unit: str | None = None


_DIAGNOSTIC = "diagnostic"

SENSORS: Mapping[str, Sensor] = {
    "temperature": Sensor("temperature"),
    "humidity": Sensor("humidity"),
    "pressure": Sensor("pressure"),
    "illuminance": Sensor("illuminance"),
    "co2": Sensor("carbon_dioxide"),
    "pm25": Sensor("pm25"),
    "voc": Sensor("volatile_organic_compounds_parts"),
    "voc_density": Sensor("volatile_organic_compounds"),
    "pm1": Sensor("pm1"),
    "pm10": Sensor("pm10"),
    "co_concentration": Sensor("carbon_monoxide"),
    "formaldehyde": Sensor(),
    "smoke_density": Sensor(),
    "soil_moisture": Sensor("moisture"),
    "leaf_wetness": Sensor(),
    # Its device class allows no unit.
    "ph": Sensor("ph", unit=""),
    "conductivity": Sensor("conductivity"),
    "wind_speed": Sensor("wind_speed"),
    "flow": Sensor("volume_flow_rate"),
    "volume": Sensor("volume", "total_increasing"),
    "acceleration": Sensor(),
    "device_temperature": Sensor("temperature", category=_DIAGNOSTIC),
    "battery": Sensor("battery", category=_DIAGNOSTIC),
    "battery_voltage": Sensor("voltage", category=_DIAGNOSTIC),
    "power": Sensor("power"),
    "energy": Sensor("energy", "total_increasing"),
    "energy_returned": Sensor("energy", "total_increasing"),
    "voltage": Sensor("voltage"),
    "current": Sensor("current"),
    "frequency": Sensor("frequency"),
    "apparent_power": Sensor("apparent_power"),
    "reactive_power": Sensor("reactive_power"),
    "power_factor": Sensor("power_factor"),
    "link_quality": Sensor(category=_DIAGNOSTIC),
    "signal_strength": Sensor("signal_strength", category=_DIAGNOSTIC),
    "number": Sensor(category=_DIAGNOSTIC),
}


class Flag(NamedTuple):
    """Something that is so or not; `inverted` where Home Assistant means the opposite by on."""

    device_class: str | None = None
    category: str | None = None
    inverted: bool = False


FLAGS: Mapping[str, Flag] = {
    "alarm": Flag("safety"),
    "gas": Flag("gas"),
    "occupancy": Flag("occupancy"),
    "contact": Flag("opening", inverted=True),
    "vibration": Flag("vibration"),
    "water_leak": Flag("moisture"),
    "smoke": Flag("smoke"),
    "co": Flag("carbon_monoxide"),
    "tamper": Flag("tamper", _DIAGNOSTIC),
    "battery_low": Flag("battery", _DIAGNOSTIC),
    "update": Flag("update", _DIAGNOSTIC),
    "switch": Flag(category=_DIAGNOSTIC),
}

NUMBERS: Mapping[str, str] = {
    "heating_setpoint": "temperature",
    "cooling_setpoint": "temperature",
    "away_heating_setpoint": "temperature",
    "away_cooling_setpoint": "temperature",
}
"""Device classes of numbers that can be set."""

SETTINGS = frozenset({"number", "enum", "switch", "text", "press", "away_heating_setpoint", "away_cooling_setpoint"})
"""What one sets up once rather than uses every day."""

OTHER = "other"
"""The type of an event that Home Assistant was not told of."""

_WAYS = ("up", "down")
EVENTS: Mapping[str, tuple[str, ...]] = {
    "button": (
        *("single", "double", "triple", "quadruple", "many", "hold", "long", "release", "press"),
        *("on", "off", "toggle", "level", "stop", "open", "close"),
        *(f"{what}_{way}" for what in ("move", "step", "hue_move", "hue_step") for way in _WAYS),
        *(f"color_temperature_{what}_{way}" for what in ("move", "step") for way in _WAYS),
        *("color", "color_stop", "color_temperature", "color_temperature_move_stop", "hue_move_stop"),
        *(f"{what}_{number}" for what in ("recall", "store") for number in range(1, 9)),
        OTHER,
    ),
    "rotary": ("clockwise", "counterclockwise"),
    "keypad": ("disarm", "arm_day", "arm_night", "arm_all", "emergency", "fire", "panic", OTHER),
    "lock": (
        *("lock", "unlock", "lock_failed_wrong_pin", "lock_failed_schedule", "unlock_failed_wrong_pin"),
        *("unlock_failed_schedule", "one_touch_lock", "key_lock", "key_unlock", "auto_lock", "schedule_lock"),
        *("schedule_unlock", "manual_lock", "manual_unlock", "non_access_user", "master_code_changed"),
        *("pin_added", "pin_deleted", "pin_changed", "rfid_added", "rfid_deleted", OTHER),
    ),
}
"""The types of events by capability; a type that is not here is told as `other`."""
