"""Lights of the schema `template`: what goes out and comes in is up to their templates."""

from collections.abc import Sequence
from typing import Any

from device_plugins.mqtt.convention import MalformedError
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
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    Source,
    choices,
    percents,
    rendered,
    source,
)
from device_plugins.mqtt.description import NOTHING, Message

_STATES = choices({"on": True, "off": False}, lower=True)
_RGB = ("red_template", "green_template", "blue_template")
_SCALE = 255


def light_template(config: Config) -> list[Part]:
    """A light whose payloads are made and read by templates."""
    topic = config.topic("state_topic")
    found: Sources = {"on_off": source(topic, config.value("state_template"), _STATES)}
    if config.has("brightness_template"):
        found["level"] = source(topic, config.value("brightness_template"), percents(0, _SCALE))
    if config.has("color_temp_template"):
        found["color_temperature"] = source(topic, config.value("color_temp_template"), read_temperature(config))
    if config.has(*_RGB):
        found["color_hue"] = _color(config, topic, 0)
        found["color_saturation"] = _color(config, topic, 1)
    found["effect"] = (
        source(topic, config.value("effect_template"), read_effect(config)) if config.has("effect_template") else ()
    )
    return assembled(config, _Lamp(config), found)


def _color(config: Config, topic: str, index: int) -> tuple[Source, ...]:
    templates = [config.value(name) for name in _RGB]
    encodings = {one.encoding for one in templates}
    if not topic or len(encodings) > 1:
        return ()

    def take(payload: Any) -> Any:  # noqa: ANN401 - JSON's types
        parts = [one.take(payload) for one in templates]
        if any(one is NOTHING or one in (None, "", "None") for one in parts):
            return NOTHING
        return hue_saturation(*(parsed(one) for one in parts))[index]

    return (Source(topic, take, encodings.pop()),)


class _Lamp:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._topic = config.needed("command_topic")
        on, off = config.render("command_on_template"), config.render("command_off_template")
        if on is None or off is None:
            raise MalformedError("it lacks a command_on_template or command_off_template")
        self._on, self._off = on, off

    def on(self, local: Local) -> Sequence[Message]:  # noqa: ARG002
        return self._send()

    def off(self, transition: float = 0.0) -> Sequence[Message]:
        names = {"transition": transition} if transition else {}
        return (self._config.message(self._topic, rendered(self._off, "", state="off", **names)),)

    def bright(self, percent: float, transition: float) -> Sequence[Message]:
        return self._send(transition, brightness=max(round(percent * _SCALE / 100), 1))

    def white(self, degrees: float, transition: float, local: Local) -> Sequence[Message]:  # noqa: ARG002
        return self._send(transition, color_temp=temperature(self._config, degrees))

    def colored(self, hue: float, saturation: float, transition: float, local: Local) -> Sequence[Message]:
        # The brightness is in the colour unless it has a template of its own.
        level = 100.0 if self._config.has("brightness_template") else local("level") or 100.0
        red, green, blue = rgb(hue, saturation, level)
        return self._send(transition, red=red, green=green, blue=blue, hue=hue, sat=saturation)

    def at(self, x: float, y: float, transition: float) -> Sequence[Message]:
        return self._send(transition, x=x, y=y)

    def effect(self, name: str) -> Sequence[Message]:
        return self._send(effect=name)

    def _send(self, transition: float = 0.0, **names: Any) -> Sequence[Message]:  # noqa: ANN401
        names |= {"transition": transition} if transition else {}
        return (self._config.message(self._topic, rendered(self._on, "", state="on", **names)),)
