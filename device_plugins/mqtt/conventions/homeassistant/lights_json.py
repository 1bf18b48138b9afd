"""Lights of the schema `json`: one object with all that is to change, and one with all that is."""

from collections.abc import Sequence
from typing import Any

import msgspec

from device_plugins.mqtt.conventions.homeassistant.colors import hue_saturation, rgb
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.jinja.values import parsed
from device_plugins.mqtt.conventions.homeassistant.lights import (
    Sources,
    assembled,
    read_effect,
    read_temperature,
    temperature,
)
from device_plugins.mqtt.conventions.homeassistant.parts import Local, Part, Source, choices, percents
from device_plugins.mqtt.description import NOTHING, Message, Take

_STATES = choices({"ON": True, "OFF": False})
_RGB = frozenset({"rgb", "rgbw", "rgbww"})
_DIMMED = frozenset({"brightness", "color_temp", "hs", "xy", "rgb", "rgbw", "rgbww", "white"})
_WORDS = {"hs": "hs", "rgb": "hs", "rgbw": "hs", "rgbww": "hs", "xy": "xy", "color_temp": "temperature"}


def light_json(config: Config) -> list[Part]:
    """A light whose payloads are objects."""
    modes = _modes(config)
    topic, scale = config.topic("state_topic"), max(config.number("brightness_scale", 255), 1)
    found: Sources = {"on_off": _entry(topic, "state", _STATES)}
    if config.flag("brightness") or modes & _DIMMED:
        found["level"] = _entry(topic, "brightness", percents(0, scale))
    if "color_temp" in modes:
        found["color_temperature"] = _entry(topic, "color_temp", read_temperature(config))
    if modes & {"hs", *_RGB}:
        found["color_hue"] = _color(topic, _hue_saturation(0))
        found["color_saturation"] = _color(topic, _hue_saturation(1))
    if "xy" in modes:
        found["color_xy"] = _color(topic, _xy)
    if len(modes & {"hs", "xy", "color_temp", *_RGB}) > 1:
        found["color_mode"] = _entry(topic, "color_mode", choices(_WORDS))
    found["effect"] = _entry(topic, "effect", read_effect(config))
    return assembled(config, _Lamp(config, modes, scale), found)


def _modes(config: Config) -> set[str]:
    """The colour modes, also of configs from before there were any."""
    old = {name for name in ("hs", "xy", "rgb", "color_temp") if config.flag(name)}
    return set(config.words("supported_color_modes")) or old


def _entry(topic: str, name: str, take: Take) -> tuple[Source, ...]:
    def run(payload: Any) -> Any:  # noqa: ANN401 - JSON's types
        if not isinstance(payload, dict):
            raise TypeError("a light's state that is no object")
        raw = payload.get(name)
        return NOTHING if raw is None else take(raw)

    return (Source(topic, run, "json"),) if topic else ()


def _color(topic: str, take: Take) -> tuple[Source, ...]:
    return _entry(topic, "color", take)


def _hue_saturation(index: int) -> Take:
    def take(color: Any) -> Any:  # noqa: ANN401
        if not isinstance(color, dict):
            raise TypeError("a colour that is no object")
        if {"r", "g", "b"} <= color.keys():
            return hue_saturation(*(parsed(color[name]) for name in "rgb"))[index]
        names = (("h", "hue"), ("s", "saturation"))[index]
        return next((parsed(color[name]) for name in names if name in color), NOTHING)

    return take


def _xy(color: Any) -> Any:  # noqa: ANN401
    if not isinstance(color, dict):
        raise TypeError("a colour that is no object")
    return [parsed(color["x"]), parsed(color["y"])] if {"x", "y"} <= color.keys() else NOTHING


class _Lamp:
    def __init__(self, config: Config, modes: set[str], scale: float) -> None:
        self._config, self._scale = config, scale
        self._topic = config.needed("command_topic")
        self._way = next((one for one in ("hs", "rgb", "rgbw", "rgbww") if one in modes), "")

    def on(self, local: Local) -> Sequence[Message]:  # noqa: ARG002 - it keeps its brightness itself
        return self._send({})

    def off(self, transition: float = 0.0) -> Sequence[Message]:
        return self._send({"state": "OFF"}, transition)

    def bright(self, percent: float, transition: float) -> Sequence[Message]:
        return self._send({"brightness": max(round(percent * self._scale / 100), 1)}, transition)

    def white(self, degrees: float, transition: float, local: Local) -> Sequence[Message]:  # noqa: ARG002
        return self._send({"color_temp": temperature(self._config, degrees)}, transition)

    def colored(self, hue: float, saturation: float, transition: float, local: Local) -> Sequence[Message]:  # noqa: ARG002
        color: dict[str, float] = {"h": hue, "s": saturation}
        if self._way != "hs":
            color = dict(zip("rgb", rgb(hue, saturation), strict=True))
            color |= dict.fromkeys({"rgbw": "w", "rgbww": "cw"}.get(self._way, ""), 0)
        return self._send({"color": color}, transition)

    def at(self, x: float, y: float, transition: float) -> Sequence[Message]:
        return self._send({"color": {"x": x, "y": y}}, transition)

    def effect(self, name: str) -> Sequence[Message]:
        return self._send({"effect": name})

    def _send(self, change: dict[str, Any], transition: float = 0.0) -> Sequence[Message]:
        # A lamp is told a transition only where one is asked for, for some refuse the word.
        within = {"transition": transition} if transition and self._transitions() else {}
        payload = {"state": "ON"} | change | within
        return (self._config.message(self._topic, msgspec.json.encode(payload).decode()),)

    def _transitions(self) -> bool:
        return self._config.raw("transition") is None or self._config.flag("transition")
