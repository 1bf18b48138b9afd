"""Lights: an endpoint that can be switched, dimmed and coloured is one entity."""

from device_plugins.mqtt.publishing.homeassistant.parts import KNOWN, Config, Parts
from device_plugins.mqtt.publishing.records import span, words
from device_plugins.sdk import Feature

_MODES = "{{ 'color_temp' if value == 'temperature' else 'xy' if value in ['xy', 'hs'] else '' }}"


def add_lights(parts: Parts) -> None:
    """An entity for each endpoint with `on_off` and `level`, or a colour, that can be set."""
    for on_off in [*parts.free("on_off")]:
        level = parts.beside(on_off, "level", "set")
        white = parts.beside(on_off, "color_temperature", "set")
        color = parts.beside(on_off, "color_xy", "set")
        if "set" not in on_off.commands or not (level or white or color):
            continue
        config = _switched(parts, on_off)
        used = [one for one in (level, white, color) if one is not None]
        if level:
            config |= {
                "brightness_state_topic": parts.state(level),
                "brightness_value_template": KNOWN,
                "brightness_command_topic": parts.set(level),
                "brightness_scale": 100,
            }
        if white:
            config |= _white(parts, white)
        if color:
            config |= {
                "xy_state_topic": parts.state(color),
                "xy_value_template": KNOWN,
                "xy_command_topic": parts.set(color),
            }
        used += _mode(parts, on_off, config, both=bool(white and color))
        used += _effects(parts, on_off, config)
        parts.add(on_off, "light", config, *used, main=True)


def _switched(parts: Parts, on_off: Feature) -> Config:
    return {
        "state_topic": parts.state(on_off),
        "command_topic": parts.set(on_off),
        "payload_on": "true",
        "payload_off": "false",
    }


def _white(parts: Parts, white: Feature) -> Config:
    low, high = span(white)
    return {
        "color_temp_state_topic": parts.state(white),
        "color_temp_value_template": KNOWN,
        "color_temp_command_topic": parts.set(white),
        "color_temp_kelvin": True,
        "min_kelvin": int(low or 2000),
        "max_kelvin": int(high or 6500),
    }


def _mode(parts: Parts, on_off: Feature, config: Config, *, both: bool) -> list[Feature]:
    """Which colour the lamp follows; hue and saturation are of use to others, as xy says the same."""
    mode = parts.beside(on_off, "color_mode")
    if mode is None or not both:
        return []
    config |= {"color_mode_state_topic": parts.state(mode), "color_mode_value_template": _MODES}
    return [mode]


def _effects(parts: Parts, on_off: Feature, config: Config) -> list[Feature]:
    effect = parts.beside(on_off, "light_effect", "set")
    if effect is None:
        return []
    config |= {
        "effect_state_topic": parts.state(effect),
        "effect_command_topic": parts.set(effect),
        "effect_list": list(words(effect)),
    }
    return [effect]
