"""What an entity of zha means in the vocabulary: under which names, in which unit, with which value.

Written from zha's words, not from the hub's mapping tables, so that it can judge them.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

LEVEL_MOST, MIREDS = 254, 1_000_000
_U8_NONE, _U16_NONE = 255, 65_535


class Entity(NamedTuple):
    """One entity as the file tells of it."""

    platform: str
    kind: str
    endpoint: int
    category: str
    names: tuple[str, ...]
    unit: str
    device_class: str
    state: Any


class Meant(NamedTuple):
    """Where to find it: `names` of keys or capabilities, `unit` and `value` in SI (None: any)."""

    names: tuple[str, ...]
    unit: str | None = None
    value: Any = None
    writable: bool = False
    anywhere: bool = False
    tolerance: float = 0.011


type Maker = Callable[[Entity], Meant]

# zha's unit: ours, and how many of ours one is.
UNITS: dict[str, tuple[str, float]] = {
    "%": ("%", 1), "°C": ("°C", 1), "hPa": ("Pa", 100), "lx": ("lx", 1), "W": ("W", 1), "kW": ("W", 1000),
    "VA": ("VA", 1), "V": ("V", 1), "A": ("A", 1), "Hz": ("Hz", 1), "kWh": ("Wh", 1000), "m³": ("m³", 1),
    "L": ("m³", 0.001), "m³/h": ("m³/h", 1), "dBm": ("dBm", 1), "min": ("s", 60), "s": ("s", 1), "ppm": ("ppm", 1),
    "ppb": ("ppb", 1), "µg/m³": ("µg/m³", 1), "μg/m³": ("µg/m³", 1), "dB/m": ("dB/m", 1), "mV": ("V", 0.001),
    "h": ("s", 3600), "d": ("s", 86_400), "kPa": ("Pa", 1000), "Pa": ("Pa", 1), "m/s": ("m/s", 1),
    "µS/cm": ("µS/cm", 1), "m": ("m", 1), "cm": ("m", 0.01), "mm": ("m", 0.001), "g": ("kg", 0.001), "kg": ("kg", 1),
    "var": ("var", 1), "ft³": ("m³", 0.028_316_846_592), "CCF": ("m³", 2.831_684_659_2), "°": ("°", 1),
    "gal": ("m³", 0.003_785_411_784),
}  # fmt: skip


def entities(tree: dict[str, Any]) -> Iterator[Entity]:
    """The entities in a file."""
    for platform, those in (tree.get("zha_lib_entities") or {}).items():
        for one in those:
            about, state = one["info_object"], one.get("state") or {}
            told = (about.get("attribute"), about.get("attribute_name"), about.get("translation_key"))
            yield Entity(
                platform,
                about["class_name"],
                int(about["endpoint_id"]),
                str(about.get("entity_category") or ""),
                tuple(dict.fromkeys(name for name in told if name)),
                str(about.get("unit") or ""),
                str(about.get("device_class") or ""),
                state.get("state"),
            )


def meant(entity: Entity) -> Meant:
    """What it means; an entity that is not in the tables is looked for under its own names."""
    if entity.kind in _KINDS:
        return _KINDS[entity.kind](entity)
    if entity.platform in _PLATFORMS:
        return _PLATFORMS[entity.platform](entity)
    return _by_name(entity)


def _by_name(entity: Entity) -> Meant:
    names = (*entity.names, *_OF_CLASS.get(entity.device_class, ()))
    return _measured(*names)(entity) if entity.platform == "sensor" else Meant(names)


def _plain(*names: str, writable: bool = False, anywhere: bool = False) -> Maker:
    return lambda _: Meant(names, writable=writable, anywhere=anywhere)


def _measured(*names: str, tolerance: float = 0.051) -> Maker:
    """A sensor: its unit made ours."""

    def make(entity: Entity) -> Meant:
        unit, factor = UNITS.get(entity.unit, (None, 1.0))
        value = entity.state
        value = value * factor if isinstance(value, int | float) and not isinstance(value, bool) else value
        return Meant(names, unit, value, tolerance=tolerance * factor)

    return make


def _setting(name: str, unit: str, factor: float, *nothing: float) -> Maker:
    """A number in raw steps of `factor`; what says `nothing` has no value."""

    def make(entity: Entity) -> Meant:
        raw = entity.state
        value = None if raw is None or raw in nothing else raw * factor
        return Meant((name, *entity.names), unit, value, writable=True, tolerance=max(factor, 0.011))

    return make


def _kelvin(name: str) -> Maker:
    def make(entity: Entity) -> Meant:
        raw = entity.state
        value = MIREDS / raw if isinstance(raw, int | float) and 0 < raw < _U16_NONE else None
        return Meant((name,), "K", value, writable=True, tolerance=1)

    return make


def _choice(*names: str) -> Maker:
    return lambda entity: Meant((*names, *entity.names), "", _WORDS.get(entity.state, entity.state), writable=True)


def _word(*names: str) -> Maker:
    return lambda entity: Meant((*names, *entity.names), "", _WORDS.get(entity.state, entity.state))


def _opening(entity: Entity) -> Meant:
    return Meant(("contact",), "", None if entity.state is None else not entity.state)


def _zone(entity: Entity) -> Meant:
    if entity.device_class == "opening":
        return _opening(entity)
    names = _OF_CLASS.get(entity.device_class, ("alarm",))
    return Meant(names, "", entity.state)


def _flag(*names: str) -> Maker:
    return lambda entity: Meant((*names, *entity.names), "", entity.state)


def _level(name: str) -> Maker:
    return _setting(name, "%", 100 / LEVEL_MOST, _U8_NONE)


def _switch(*names: str) -> Maker:
    return lambda entity: Meant(
        (*names, *entity.names), "", None if entity.state is None else bool(entity.state), writable=True
    )


_WORDS = {
    "PreviousValue": "previous", "Rollershade": "roller_shade", "Rollershade two motors": "roller_shade_two_motors",
    "Tilt blind tilt only": "tilt_blind", "Tilt blind tilt and lift": "tilt_and_lift_blind", "Unlock": "unlocked",
    "Lock1": "level_1",
}  # fmt: skip
_OF_CLASS: dict[str, tuple[str, ...]] = {
    "motion": ("occupancy",), "occupancy": ("occupancy",), "presence": ("occupancy",), "smoke": ("smoke",),
    "moisture": ("water_leak",), "vibration": ("vibration",), "moving": ("vibration",), "gas": ("gas", "co"),
    "carbon_monoxide": ("co",), "tamper": ("tamper",), "battery": ("battery", "battery_low"), "opening": ("contact",),
    "door": ("contact",), "window": ("contact", "window_open"), "temperature": ("temperature",),
    "humidity": ("humidity",), "power": ("power",), "energy": ("energy",), "voltage": ("voltage",),
    "current": ("current",), "pressure": ("pressure",), "illuminance": ("illuminance",), "water": ("volume",),
    "distance": ("distance",), "power_factor": ("power_factor",), "pm25": ("pm25",), "carbon_dioxide": ("co2",),
}  # fmt: skip
_PLATFORMS: dict[str, Maker] = {
    "light": _plain("on_off", writable=True),
    "cover": _plain("cover_position", "cover_tilt", writable=True),
    "lock": _plain("lock", writable=True),
    "fan": _plain("fan_mode", "fan_speed", writable=True),
    "siren": _plain("siren", writable=True),
    "climate": _plain("heating_setpoint", "cooling_setpoint", writable=True),
    "alarm_control_panel": _plain("keypad"),
    "update": _plain("update", anywhere=True),
    "select": _choice(),
    "switch": _switch(),
    "event": _plain("button", "keypad"),
    "button": lambda entity: Meant(("press", *entity.names)),
}
_KINDS: dict[str, Maker] = {
    "IASZone": _zone,
    "Opening": _opening,
    "Motion": _flag("occupancy"),
    "Occupancy": _flag("occupancy"),
    "HueOccupancy": _flag("occupancy"),
    "Accelerometer": _flag("vibration"),
    "BinaryInput": _flag("binary_input"),
    "IdentifyButton": _plain("identify"),
    "LQISensor": _plain("link_quality", anywhere=True),
    "RSSISensor": _plain("signal_strength", anywhere=True),
    "Switch": _switch("on_off"),
    "BinaryOutputSwitch": _switch("binary_output"),
    "Number": lambda entity: Meant(("analog_output",), None, entity.state, writable=True),
    "AnalogInput": _measured("analog_input"),
    "StartupOnOffSelectEntity": _choice("start_up_on_off"),
    "OnLevelConfigurationEntity": _level("on_level"),
    "StartUpCurrentLevelConfigurationEntity": _level("start_up_level"),
    "OnOffTransitionTimeConfigurationEntity": _setting("on_off_transition_time", "s", 0.1, _U16_NONE),
    "OnTransitionTimeConfigurationEntity": _setting("on_transition_time", "s", 0.1, _U16_NONE),
    "OffTransitionTimeConfigurationEntity": _setting("off_transition_time", "s", 0.1, _U16_NONE),
    "DefaultMoveRateConfigurationEntity": _setting("default_move_rate", "%/s", 100 / LEVEL_MOST, _U8_NONE),
    "StartUpColorTemperatureConfigurationEntity": _kelvin("start_up_color_temperature"),
    "AqaraMotionDetectionInterval": _setting("motion_interval", "s", 1),
    "FilterLifeTime": _setting("filter_life_time", "s", 60),
    "ThermostatLocalTempCalibration": _setting("temperature_calibration", "K", 1),
    "SonoffThermostatLocalTempCalibration": _setting("temperature_calibration", "K", 1),
    "MaxHeatSetpointLimit": _setting("maximum_heating_setpoint", "°C", 1),
    "MinHeatSetpointLimit": _setting("minimum_heating_setpoint", "°C", 1),
    "PIROccupiedToUnoccupiedDelayConfigurationEntity": _setting("occupied_to_unoccupied_delay", "s", 1),
    "PIRUnoccupiedToOccupiedDelayConfigurationEntity": _setting("unoccupied_to_occupied_delay", "s", 1),
    "SonoffPresenceSenorTimeout": _setting("ultrasonic_occupied_to_unoccupied_delay", "s", 1),
    "SonoffPresenceDetectionSensitivity": _choice("motion_sensitivity"),
    "KeypadLockout": _choice("keypad_lockout"),
    # zha keeps these itself; here they are arguments of the siren's command.
    **dict.fromkeys(
        (
            "DefaultToneSelectEntity",
            "DefaultSirenLevelSelectEntity",
            "DefaultStrobeSelectEntity",
            "DefaultStrobeLevelSelectEntity",
        ),
        _plain("siren", writable=True),
    ),
    "Battery": _measured("battery", tolerance=0.51),
    "DeviceTemperature": _measured("device_temperature"),
    "Temperature": _measured("temperature"),
    "Humidity": _measured("humidity"),
    "SoilMoisture": _measured("soil_moisture"),
    "LeafWetness": _measured("leaf_wetness"),
    "Illuminance": _measured("illuminance", tolerance=0.51),
    "Pressure": _measured("pressure", tolerance=0.51),
    "Flow": _measured("flow"),
    "PM25": _measured("pm25"),
    "CarbonDioxideConcentration": _measured("co2", tolerance=0.51),
    "CarbonMonoxideConcentration": _measured("co_concentration", tolerance=0.51),
    "FormaldehydeConcentration": _measured("formaldehyde", tolerance=0.51),
    "VOCLevel": _measured("voc_density", tolerance=0.51),
    "PPBVOCLevel": _measured("voc", tolerance=0.51),
    "ElectricalMeasurement": _measured("power"),
    "PolledElectricalMeasurement": _measured("power"),
    "ElectricalMeasurementActivePower": _measured("power"),
    "ElectricalMeasurementActivePowerPhB": _measured("power_b"),
    "ElectricalMeasurementActivePowerPhC": _measured("power_c"),
    "ElectricalMeasurementTotalActivePower": _measured("power_total"),
    "ElectricalMeasurementApparentPower": _measured("apparent_power"),
    "ElectricalMeasurementRMSVoltage": _measured("voltage", tolerance=0.51),
    "ElectricalMeasurementRMSVoltagePhB": _measured("voltage_b", tolerance=0.51),
    "ElectricalMeasurementRMSVoltagePhC": _measured("voltage_c", tolerance=0.51),
    "ElectricalMeasurementRMSCurrent": _measured("current"),
    "ElectricalMeasurementRMSCurrentPhB": _measured("current_b"),
    "ElectricalMeasurementRMSCurrentPhC": _measured("current_c"),
    "ElectricalMeasurementFrequency": _measured("frequency"),
    "ElectricalMeasurementPowerFactor": _measured("power_factor", tolerance=0.51),
    "ElectricalMeasurementPowerFactorPhB": _measured("power_factor_b", tolerance=0.51),
    "ElectricalMeasurementPowerFactorPhC": _measured("power_factor_c", tolerance=0.51),
    "ElectricalMeasurementDCVoltage": _measured("dc_voltage"),
    "ElectricalMeasurementDCCurrent": _measured("dc_current"),
    "ElectricalMeasurementDCPower": _measured("dc_power"),
    "SmartEnergyMetering": _measured("power", "flow"),
    "SmartEnergySummation": _measured("energy", "volume", tolerance=0.001),
    "SmartEnergySummationReceived": _measured("energy_returned", "volume_returned", tolerance=0.001),
    **{f"Tier{one}SmartEnergySummation": _measured(f"energy_tier_{one}") for one in range(1, 7)},
    "PiHeatingDemand": _measured("heating_demand"),
    "ThermostatHVACAction": _plain("thermostat_activity"),
    "SetpointChangeSource": _word("setpoint_change_source"),
    "WindowCoveringTypeSensor": _word("cover_type"),
    "AqaraCurtainMotorPowerSourceSensor": _plain("power_source"),
    "AqaraCurtainHookStateSensor": _word("hooks_state"),
    "AqaraSmokeDensityDbm": _measured("smoke_density"),
    "AqaraE1CurtainMotorHooksLockedSwitch": _switch("hooks_locked"),
    "AqaraBuzzerManualMute": _switch("buzzer_mute"),
    "AqaraBuzzerManualAlarm": _switch("buzzer_alarm"),
    "DisableLed": _switch("led_off"),
    "NoPresenceStatusResetButton": _plain("reset_no_presence", writable=True),
    "DeviceScannerEntity": _plain("presence", anywhere=True),
}
