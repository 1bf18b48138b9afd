"""Thermostats and fans."""

from device_plugins.mqtt.publishing.homeassistant.parts import Config, Parts
from device_plugins.mqtt.publishing.records import span, words
from device_plugins.sdk import Feature

_MODES = ("off", "auto", "cool", "heat", "fan_only", "dry")
# What Home Assistant has no word for.
_MODE = "{{ 'heat' if value == 'emergency_heat' else 'auto' if value == 'sleep' else value }}"
_COMFORT = (5.0, 35.0)


def add_climates(parts: Parts) -> None:
    """An entity for each endpoint with a setpoint that can be set."""
    for first in [*parts.free("heating_setpoint", "cooling_setpoint")]:
        heating = parts.beside(first, "heating_setpoint", "set")
        cooling = parts.beside(first, "cooling_setpoint", "set")
        setpoints = [one for one in (heating, cooling) if one is not None]
        if not setpoints or first.key in parts.taken:
            continue
        config: Config = {"temperature_unit": "C", "precision": 0.1, "temp_step": 0.5}
        if heating and cooling:
            config |= _setpoint(parts, heating, "temperature_low") | _setpoint(parts, cooling, "temperature_high")
        else:
            config |= _setpoint(parts, setpoints[0], "temperature")
        config |= _range(setpoints)
        used = _mode(parts, first, config)
        if activity := parts.beside(first, "thermostat_activity"):
            config["action_topic"] = parts.state(activity)
            used.append(activity)
        if (room := parts.beside(first, "temperature") or next(parts.free("temperature"), None)) is not None:
            config["current_temperature_topic"] = parts.state(room)
        parts.add(setpoints[0], "climate", config, *setpoints, *used, main=True)


def add_fans(parts: Parts) -> None:
    """An entity for each endpoint with a speed or a way to run that can be set."""
    for first in [*parts.free("fan_mode", "fan_speed")]:
        mode = parts.beside(first, "fan_mode", "set")
        speed = parts.beside(first, "fan_speed", "set")
        if first.key in parts.taken or not (mode or speed):
            continue
        config: Config = {"payload_on": "true", "payload_off": "false"}
        if speed:
            config |= _speed(parts, speed)
        if mode:
            config |= _way(parts, mode)
        used = [one for one in (mode, speed) if one is not None]
        parts.add(used[0], "fan", config, *used, main=True)


def _setpoint(parts: Parts, feature: Feature, name: str) -> Config:
    return {f"{name}_state_topic": parts.state(feature), f"{name}_command_topic": parts.set(feature)}


def _range(setpoints: list[Feature]) -> Config:
    """What the device says itself, or what people live in: the vocabulary's range is no help on a dial."""
    lows = [one.minimum for one in setpoints if one.minimum is not None]
    highs = [one.maximum for one in setpoints if one.maximum is not None]
    low, high = min(lows, default=_COMFORT[0]), max(highs, default=_COMFORT[1])
    return {"min_temp": low, "max_temp": high} if low < high else {}


def _mode(parts: Parts, first: Feature, config: Config) -> list[Feature]:
    mode = parts.beside(first, "thermostat_mode", "set")
    if mode is None:
        # It has no off switch: whatever it is told, it keeps to its setpoint.
        kept = "heat" if first.capability == "heating_setpoint" else "cool"
        config |= {"modes": [kept], "mode_state_topic": parts.state(first), "mode_state_template": kept}
        return []
    has = set(words(mode))
    config |= {
        "modes": [one for one in _MODES if one in has],
        "mode_state_topic": parts.state(mode),
        "mode_state_template": _MODE,
        "mode_command_topic": parts.set(mode),
    }
    return [mode]


def _speed(parts: Parts, speed: Feature) -> Config:
    topic = parts.state(speed)
    return {
        "state_topic": topic,
        "state_value_template": "{{ value if value == 'None' else 'true' if value | float(0) > 0 else 'false' }}",
        "command_topic": parts.set(speed),
        "command_template": "{{ 100 if value == 'true' else 0 }}",
        "percentage_state_topic": topic,
        "percentage_command_topic": parts.set(speed),
        "speed_range_max": int(span(speed)[1] or 100),
    }


def _way(parts: Parts, mode: Feature) -> Config:
    topic, ways = parts.state(mode), words(mode)
    presets = [one for one in ways if one not in {"off", "on"}]
    on = next((one for one in ("on", "auto", *presets) if one in ways), "on")
    config: Config = {
        "state_topic": topic,
        "state_value_template": "{{ value if value == 'None' else 'false' if value == 'off' else 'true' }}",
        "command_topic": parts.set(mode),
        "command_template": f"{{{{ '{on}' if value == 'true' else 'off' }}}}",
    }
    if presets:
        config |= {
            "preset_modes": presets,
            "preset_mode_state_topic": topic,
            "preset_mode_value_template": "{{ 'None' if value in ['on', 'off'] else value }}",
            "preset_mode_command_topic": parts.set(mode),
        }
    return config
