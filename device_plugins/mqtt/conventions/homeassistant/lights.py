"""Lights: what the three schemas have in common; the schema `json` and `template` are modules of their own."""

from collections.abc import Sequence
from typing import Any, Protocol

from device_plugins.mqtt.conventions.homeassistant.colors import hue_saturation, kelvin, mireds
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.jinja.values import parsed
from device_plugins.mqtt.conventions.homeassistant.parts import Local, Part, Source, choices, part
from device_plugins.mqtt.description import NOTHING, Message

type Arguments = dict[str, Any]

COOLEST, WARMEST = 153, 500
_ON = "on_off"


class Lamp(Protocol):
    """How a light of one schema is told what to do; `local` has the present values of its parts."""

    def on(self, local: Local) -> Sequence[Message]:
        """Switch it on."""

    def off(self, transition: float = 0.0) -> Sequence[Message]:
        """Switch it off, within `transition` seconds."""

    def bright(self, percent: float, transition: float) -> Sequence[Message]:
        """Switch it on with this brightness."""

    def white(self, degrees: float, transition: float, local: Local) -> Sequence[Message]:
        """White of this colour temperature in K."""

    def colored(self, hue: float, saturation: float, transition: float, local: Local) -> Sequence[Message]:
        """The colour."""

    def at(self, x: float, y: float, transition: float) -> Sequence[Message]:
        """The colour by CIE 1931."""

    def effect(self, name: str) -> Sequence[Message]:
        """The effect."""


type Sources = dict[str, tuple[Source, ...]]


def assembled(config: Config, lamp: Lamp, sources: Sources) -> list[Part]:
    """The parts of a light, one for each entry of `sources`, which may be without a source."""
    found = [part(config, _ON, sources[_ON], _switching(lamp))]
    if "level" in sources:
        found.append(part(config, "level", sources["level"], _dimming(lamp)))
    if "color_temperature" in sources:
        low, high = _span(config)
        sends = {"set": lambda asked, local: lamp.white(asked["value"], asked["transition"], local)}
        found.append(part(config, "color_temperature", sources["color_temperature"], sends, minimum=low, maximum=high))
    if "color_hue" in sources:
        found += _hue_saturation(config, lamp, sources)
    if "color_xy" in sources:
        sends = {"set": lambda asked, _: lamp.at(asked["value"][0], asked["value"][1], asked["transition"])}
        found.append(part(config, "color_xy", sources["color_xy"], sends))
    if "color_mode" in sources:
        found.append(part(config, "color_mode", sources["color_mode"]))
    if effects := config.words("effect_list"):
        sends = {"set": lambda asked, _: lamp.effect(asked["value"])}
        found.append(part(config, "enum", sources.get("effect", ()), sends, own="effect", values=effects))
    return found


def _switching(lamp: Lamp) -> dict[str, Any]:
    return {
        "set": lambda asked, local: lamp.on(local) if asked["value"] else lamp.off(),
        "on": lambda _, local: lamp.on(local),
        "off": lambda _, __: lamp.off(),
        "toggle": lambda _, local: lamp.off() if local(_ON) else lamp.on(local),
    }


def _dimming(lamp: Lamp) -> dict[str, Any]:
    def to(percent: float, transition: float) -> Sequence[Message]:
        return lamp.bright(percent, transition) if percent > 0 else lamp.off(transition)

    def step(asked: Arguments, local: Local) -> Sequence[Message]:
        now = local("level") if local(_ON) is not False else 0.0
        return to(min(max((now or 0.0) + asked["by"], 0.0), 100.0), asked["transition"])

    return {"set": lambda asked, _: to(asked["value"], asked["transition"]), "step": step}


def _hue_saturation(config: Config, lamp: Lamp, sources: Sources) -> list[Part]:
    def hue(asked: Arguments, local: Local) -> Sequence[Message]:
        saturation = local("color_saturation")
        return lamp.colored(asked["value"], 100.0 if saturation is None else saturation, asked["transition"], local)

    def saturation(asked: Arguments, local: Local) -> Sequence[Message]:
        return lamp.colored(local("color_hue") or 0.0, asked["value"], asked["transition"], local)

    return [
        part(config, "color_hue", sources["color_hue"], {"set": hue}),
        part(config, "color_saturation", sources["color_saturation"], {"set": saturation}),
    ]


def read_effect(config: Config) -> Any:  # noqa: ANN401 - a Take
    """Reads the name of an effect, of which one may well be `None`."""
    return choices({name: name for name in config.words("effect_list")})


def in_kelvin(config: Config) -> bool:
    """Whether colour temperatures are in K instead of mireds."""
    return config.flag("color_temp_kelvin")


def temperature(config: Config, degrees: float) -> int:
    """A colour temperature in the light's own unit."""
    return round(degrees) if in_kelvin(config) else mireds(degrees)


def read_temperature(config: Config) -> Any:  # noqa: ANN401 - a Take
    """Reads a colour temperature in the light's own unit as K."""
    as_it_is = in_kelvin(config)

    def take(raw: Any) -> Any:  # noqa: ANN401
        if raw is None or raw in ("", "None"):
            return NOTHING
        number = parsed(raw)
        return round(number) if as_it_is else kelvin(number)

    return take


def _span(config: Config) -> tuple[float, float]:
    if in_kelvin(config) or config.has("min_kelvin") or config.has("max_kelvin"):
        return config.number("min_kelvin", 2000), config.number("max_kelvin", 6535)
    coolest = max(config.number("min_mireds", COOLEST), 1)
    warmest = max(config.number("max_mireds", WARMEST), 1)
    return float(mireds(warmest)), float(mireds(coolest))


def parts_of_color(raw: Any, count: int) -> list[float]:  # noqa: ANN401
    """The first numbers of `1,2,3` or of a list.

    Raises ValueError or TypeError when there are fewer.
    """
    listed = raw.split(",", 8)[:8] if isinstance(raw, str) else raw
    if not isinstance(listed, list) or len(listed) < count:
        raise ValueError("a colour with too few parts")
    return [parsed(one) for one in listed[:count]]


def part_of_rgb(index: int) -> Any:  # noqa: ANN401 - a Take
    """Reads hue (0) or saturation (1) out of red, green and blue."""

    def take(raw: Any) -> Any:  # noqa: ANN401
        if raw is None or raw in ("", "None"):
            return NOTHING
        return hue_saturation(*parts_of_color(raw, 3))[index]

    return take
