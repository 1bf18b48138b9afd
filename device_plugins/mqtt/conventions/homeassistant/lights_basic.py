"""Lights of the default schema: a topic for each of brightness, colour and effect."""

from collections.abc import Sequence
from typing import Any

from device_plugins.mqtt.conventions.homeassistant.colors import rgb
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.lights import (
    Sources,
    assembled,
    part_of_rgb,
    parts_of_color,
    read_effect,
    read_temperature,
    temperature,
)
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    choices,
    percents,
    plain,
    rendered,
    scaled,
    source,
)
from device_plugins.mqtt.description import NOTHING, Message, Take

_COLORS = ("rgb", "rgbw", "rgbww")
_MODES = {"hs": "hs", "rgb": "hs", "rgbw": "hs", "rgbww": "hs", "xy": "xy", "color_temp": "temperature"}


def light(config: Config) -> list[Part]:
    """A light with plain payloads."""
    lamp = _Lamp(config)
    on, off = config.payload("payload_on", "ON"), config.payload("payload_off", "OFF")
    switch = source(
        config.topic("state_topic"),
        config.value("state_value_template", "value_template"),
        choices({on: True, off: False}),
    )
    found: Sources = {"on_off": switch}
    if lamp.scale and (config.has("brightness_command_topic") or config.has("brightness_state_topic")):
        read = percents(0, lamp.scale)
        found["level"] = _from(config, "brightness", read)
    if config.has("color_temp_command_topic"):
        found["color_temperature"] = _from(config, "color_temp", read_temperature(config))
    _colors(config, found)
    if config.has("color_mode_state_topic"):
        found["color_mode"] = _from(config, "color_mode", choices(_MODES))
    found["effect"] = _from(config, "effect", read_effect(config))
    return assembled(config, lamp, found)


def _from(config: Config, name: str, take: Take) -> Any:  # noqa: ANN401
    return source(config.topic(f"{name}_state_topic"), config.value(f"{name}_value_template"), take)


def _colors(config: Config, found: Sources) -> None:
    if config.has("hs_command_topic"):
        found["color_hue"] = _from(config, "hs", _numbered(0))
        found["color_saturation"] = _from(config, "hs", _numbered(1))
    elif way := next((one for one in _COLORS if config.has(f"{one}_command_topic")), ""):
        found["color_hue"] = _from(config, way, part_of_rgb(0))
        found["color_saturation"] = _from(config, way, part_of_rgb(1))
    if config.has("xy_command_topic"):
        found["color_xy"] = _from(config, "xy", _pair)


def _numbered(index: int) -> Take:
    def take(raw: Any) -> Any:  # noqa: ANN401
        return NOTHING if raw in (None, "", "None") else parts_of_color(raw, 2)[index]

    return take


def _pair(raw: Any) -> Any:  # noqa: ANN401
    return NOTHING if raw in (None, "", "None") else parts_of_color(raw, 2)


class _Lamp:
    def __init__(self, config: Config) -> None:
        self._config = config
        self.scale = max(config.number("brightness_scale", 255), 0)
        self._topic = config.needed("command_topic")
        self._first = config.text("on_command_type", "last")
        self._color = next((one for one in ("hs", *_COLORS) if config.has(f"{one}_command_topic")), "")
        for name in ("brightness", "color_temp", "effect", "hs", "xy", *_COLORS):
            # Or a command would find it malformed.
            config.topic(f"{name}_command_topic")
            config.render(f"{name}_command_template")

    def on(self, local: Local) -> Sequence[Message]:
        if self._first == "brightness" and self._config.has("brightness_command_topic"):
            return self._brightness(local("level") or 100.0)
        return (self._config.message(self._topic, self._config.payload("payload_on", "ON")),)

    def off(self, transition: float = 0.0) -> Sequence[Message]:  # noqa: ARG002 - this schema has none
        return (self._config.message(self._topic, self._config.payload("payload_off", "OFF")),)

    def bright(self, percent: float, transition: float) -> Sequence[Message]:  # noqa: ARG002
        return self._together(self._brightness(percent))

    def white(self, degrees: float, transition: float, local: Local) -> Sequence[Message]:  # noqa: ARG002
        value = temperature(self._config, degrees)
        return self._together(self._publish("color_temp", str(value), value=value))

    def colored(self, hue: float, saturation: float, transition: float, local: Local) -> Sequence[Message]:  # noqa: ARG002
        if self._color == "hs":
            text = f"{plain(hue)},{plain(saturation)}"
            return self._together(self._publish("hs", text, value=text, hue=hue, sat=saturation))
        # Without a topic of its own, the brightness is in the colour.
        own = self._config.has("brightness_command_topic")
        parts = [*rgb(hue, saturation, 100.0 if own else local("level") or 100.0), 0, 0]
        names = dict(zip(_PARTS[self._color], parts, strict=False))
        text = ",".join(map(str, names.values()))
        return self._together(self._publish(self._color, text, value=text, **names))

    def at(self, x: float, y: float, transition: float) -> Sequence[Message]:  # noqa: ARG002
        text = f"{plain(x)},{plain(y)}"
        return self._together(self._publish("xy", text, value=text, x=x, y=y))

    def effect(self, name: str) -> Sequence[Message]:
        return self._together(self._publish("effect", name, value=name))

    def _brightness(self, percent: float) -> tuple[Message, ...]:
        value = max(scaled(percent, 0, self.scale), 1)
        return self._publish("brightness", str(value), value=value)

    def _publish(self, name: str, text: str, **names: Any) -> tuple[Message, ...]:  # noqa: ANN401
        topic = self._config.topic(f"{name}_command_topic")
        if not topic:
            return ()
        render = self._config.render(f"{name}_command_template")
        return (self._config.message(topic, rendered(render, text, **names)),)

    def _together(self, change: tuple[Message, ...]) -> Sequence[Message]:
        """What is changed, and the switching on that goes with it."""
        if self._first == "brightness":
            return change
        on = self._config.message(self._topic, self._config.payload("payload_on", "ON"))
        return (on, *change) if self._first == "first" else (*change, on)


_PARTS = {
    "rgb": ("red", "green", "blue"),
    "rgbw": ("red", "green", "blue", "white"),
    "rgbww": ("red", "green", "blue", "cold_white", "warm_white"),
}
