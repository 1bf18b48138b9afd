"""What heats, cools, blows and dampens: climate, water_heater, fan, humidifier."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    Send,
    choices,
    numbers,
    part,
    plain,
    rendered,
    source,
    texts,
)
from device_plugins.mqtt.conventions.homeassistant.switches import choice, pair, toggled
from device_plugins.mqtt.description import NOTHING, Message, Take
from device_plugins.mqtt.units import converter, from_vocabulary, to_vocabulary

type Arguments = dict[str, Any]

_MODES = {
    "auto": "auto",
    "heat_cool": "auto",
    "off": "off",
    "cool": "cool",
    "heat": "heat",
    "dry": "dry",
    "fan_only": "fan_only",
}
_DOES = {
    "off": "idle",
    "idle": "idle",
    "heating": "heating",
    "preheating": "heating",
    "defrosting": "heating",
    "cooling": "cooling",
    "drying": "cooling",
    "fan": "fan",
}
_FANS = frozenset({"off", "low", "medium", "high", "on", "auto", "smart"})
_USUAL_MODES = ("auto", "off", "cool", "heat", "dry", "fan_only")
_USUAL_FANS = ("auto", "low", "medium", "high")
_USUAL_SWINGS = ("on", "off")
_HEATER_MODES = ("off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance")


def climate(config: Config) -> list[Part]:
    """A thermostat or an air conditioner."""
    modes = config.words("modes") or _USUAL_MODES
    found = [*_measured(config), *_setpoints(config, modes)]
    if config.has("mode_command_topic") or config.has("mode_state_topic"):
        found.append(_mode(config, modes))
    if config.has("action_topic"):
        sources = source(
            config.topic("action_topic"), config.value("action_template", "value_template"), choices(_DOES)
        )
        found.append(part(config, "thermostat_activity", sources))
    if config.has("fan_mode_command_topic") or config.has("fan_mode_state_topic"):
        found.append(_fan_mode(config))
    if config.has("swing_mode_command_topic") or config.has("swing_mode_state_topic"):
        swings = config.words("swing_modes") or _USUAL_SWINGS
        found.append(choice(config, "swing_mode_", "swing", swings))
    if config.words("preset_modes"):
        found.append(choice(config, "preset_mode_", "preset", ("none", *config.words("preset_modes"))))
    return [*found, *_target_humidity(config), *_power(config)]


def water_heater(config: Config) -> list[Part]:
    """A heater of water."""
    found = [*_measured(config), *_setpoints(config, ("heat",))]
    if config.has("mode_command_topic") or config.has("mode_state_topic"):
        found.append(choice(config, "mode_", "mode", config.words("modes") or _HEATER_MODES))
    return [*found, *_power(config)]


def _measured(config: Config) -> list[Part]:
    found = []
    if config.has("current_temperature_topic"):
        template = config.value("current_temperature_template", "value_template")
        take = numbers(converter("temperature", _degrees(config)))
        found.append(part(config, "temperature", source(config.topic("current_temperature_topic"), template, take)))
    if config.has("current_humidity_topic"):
        template = config.value("current_humidity_template", "value_template")
        found.append(part(config, "humidity", source(config.topic("current_humidity_topic"), template, numbers())))
    return found


def _degrees(config: Config) -> str:
    return "°F" if config.text("temperature_unit").upper() == "F" else "°C"


def _setpoints(config: Config, modes: Sequence[str]) -> list[Part]:
    found = []
    if config.has("temperature_command_topic") or config.has("temperature_state_topic"):
        heats = bool({"heat", "auto", "heat_cool"} & {*modes}) or "cool" not in modes
        found.append(_setpoint(config, "temperature_", "heating_setpoint" if heats else "cooling_setpoint"))
    taken = {one.role for one in found}
    for prefix, name in (("temperature_low_", "heating_setpoint"), ("temperature_high_", "cooling_setpoint")):
        if name not in taken and config.has(f"{prefix}command_topic"):
            found.append(_setpoint(config, prefix, name))
    return found


def _setpoint(config: Config, prefix: str, name: str) -> Part:
    topic, render = config.topic(f"{prefix}command_topic"), config.render(f"{prefix}command_template")
    unit = _degrees(config)
    step = config.number("temp_step", 1)
    usual = (45.0, 95.0) if unit == "°F" else (7.0, 35.0)
    if config.component == "water_heater":
        usual = (110.0, 140.0) if unit == "°F" else (43.3, 60.0)

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        value = round(from_vocabulary(name, unit, arguments["value"]), 2)
        # A temperature in °C is seldom one that a device in °F can be set to.
        value = round(value / step) * step if step > 0 and unit == "°F" else value
        return (config.message(topic, rendered(render, plain(value), value=value)),)

    template = config.value(f"{prefix}state_template", "value_template")
    return part(
        config,
        name,
        source(config.topic(f"{prefix}state_topic"), template, numbers(converter(name, unit))),
        {"set": send} if topic else {},
        minimum=to_vocabulary(name, unit, config.number("min_temp", usual[0])),
        maximum=to_vocabulary(name, unit, config.number("max_temp", usual[1])),
    )


def _mode(config: Config, modes: Sequence[str]) -> Part:
    # The first of those that mean the same is the one that is asked for.
    names: dict[str, str] = {}
    for mode in modes:
        if mode in _MODES:
            names.setdefault(_MODES[mode], mode)
    topic, render = config.topic("mode_command_topic"), config.render("mode_command_template")

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        value = names[arguments["value"]]
        return (config.message(topic, rendered(render, value, value=value)),)

    sources = source(
        config.topic("mode_state_topic"), config.value("mode_state_template", "value_template"), choices(_MODES)
    )
    sends: dict[str, Send] = {"set": send} if topic and names else {}
    return part(config, "thermostat_mode", sources, sends, values=tuple(names))


def _fan_mode(config: Config) -> Part:
    modes = config.words("fan_modes") or _USUAL_FANS
    found = choice(config, "fan_mode_", "fan", modes)
    if not {*modes} <= _FANS:
        return found
    sends = dict(found.sends)
    return part(config, "fan_mode", found.sources, sends, values=modes)


def _target_humidity(config: Config) -> list[Part]:
    topic, render = config.topic("target_humidity_command_topic"), config.render("target_humidity_command_template")
    if not topic:
        return []

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        value = round(arguments["value"])
        return (config.message(topic, rendered(render, str(value), value=value)),)

    usual = (0, 100) if config.component == "humidifier" else (30, 99)
    template = config.value("target_humidity_state_template", "value_template")
    found = part(
        config,
        "number",
        source(config.topic("target_humidity_state_topic"), template, numbers()),
        {"set": send},
        own="target_humidity",
        unit="%",
        minimum=config.number("min_humidity", usual[0]),
        maximum=config.number("max_humidity", usual[1]),
    )
    return [found]


def _power(config: Config) -> list[Part]:
    """The switch of what has one beside its modes; nothing tells its state but the mode."""
    topic, render = config.topic("power_command_topic"), config.render("power_command_template")
    if not topic:
        return []
    payloads = {True: config.payload("payload_on", "ON"), False: config.payload("payload_off", "OFF")}

    def send(on: bool) -> Sequence[Message]:  # noqa: FBT001 - it is the value
        return (config.message(topic, rendered(render, payloads[on], value=payloads[on])),)

    return [part(config, "on_off", (), toggled(send))]


def fan(config: Config) -> list[Part]:
    """A fan: on or off, its speed, its presets, whether it swings and which way it turns."""
    table = {config.payload("payload_on", "ON"): True, config.payload("payload_off", "OFF"): False}
    state = source(config.topic("state_topic"), config.value("state_value_template", "value_template"), choices(table))
    found = [part(config, "on_off", state, pair(config, "on_off"))]
    if config.has("percentage_command_topic") or config.has("percentage_state_topic"):
        found.append(_speed(config))
    if config.words("preset_modes"):
        found.append(choice(config, "preset_mode_", "preset", config.words("preset_modes")))
    if config.has("oscillation_command_topic"):
        found.append(_oscillation(config))
    if config.has("direction_command_topic"):
        found.append(choice(config, "direction_", "direction", ("forward", "reverse")))
    return found


def _speed(config: Config) -> Part:
    low, high = config.number("speed_range_min", 1), config.number("speed_range_max", 100)
    if not 1 <= low < high:
        raise MalformedError(f"it has a speed range of {low:g} to {high:g}")
    topic, render = config.topic("percentage_command_topic"), config.render("percentage_command_template")
    # Speed 0 is off, so the lowest of the range is one step above it.
    below, steps = low - 1, high - low + 1

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        percent = arguments["value"]
        if percent <= 0 and config.has("command_topic"):
            off = config.payload("payload_off", "OFF")
            return (config.message(config.topic("command_topic"), _command(config)(off)),)
        value = math.ceil(steps * percent / 100 + below)
        return (config.message(topic, rendered(render, str(value), value=value)),)

    read = numbers(lambda value: round(min(max((value - below) / steps, 0.0), 1.0) * 100, 1))
    reset = config.payload("payload_reset_percentage", "None")
    template = config.value("percentage_value_template")
    sources = source(config.topic("percentage_state_topic"), template, _resettable(read, reset))
    return part(config, "fan_speed", sources, {"set": send} if topic else {})


def _command(config: Config) -> Callable[[str], str]:
    render = config.render("command_template")
    return lambda payload: rendered(render, payload, value=payload)


def _resettable(read: Take, reset: str) -> Take:
    return lambda raw: None if raw == reset else read(raw)


def _oscillation(config: Config) -> Part:
    on = config.payload("payload_oscillation_on", "oscillate_on")
    off = config.payload("payload_oscillation_off", "oscillate_off")
    topic, render = config.topic("oscillation_command_topic"), config.render("oscillation_command_template")

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        payload = on if arguments["value"] else off
        return (config.message(topic, rendered(render, payload, value=payload)),)

    take = choices({on: True, off: False})
    sources = source(config.topic("oscillation_state_topic"), config.value("oscillation_value_template"), take)
    return part(config, "switch", sources, {"set": send}, own="oscillation")


def humidifier(config: Config) -> list[Part]:
    """What dampens or dries the air."""
    table = {config.payload("payload_on", "ON"): True, config.payload("payload_off", "OFF"): False}
    state = source(config.topic("state_topic"), config.value("state_value_template", "value_template"), choices(table))
    found = [part(config, "on_off", state, pair(config, "on_off")), *_measured(config), *_target_humidity(config)]
    if config.words("modes"):
        found.append(choice(config, "mode_", "mode", config.words("modes")))
    if config.has("action_topic"):
        sources = source(config.topic("action_topic"), config.value("action_template", "value_template"), _activity)
        found.append(part(config, "enum", sources, own="action"))
    return found


def _activity(raw: Any) -> Any:  # noqa: ANN401 - JSON's types
    found = texts(raw)
    return found or NOTHING
