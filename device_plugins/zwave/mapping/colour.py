"""Colour switches: red, green and blue, and warm and cold white, as the vocabulary's colour words."""

import colorsys
from collections.abc import Callable, Iterable
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, write
from device_plugins.zwave.mapping.model import NOTHING, ValueFacts
from device_plugins.zwave.mapping.switching import fading

_WARM, _COLD, _RED, _GREEN, _BLUE = range(5)
_FULL = 255
# Neither is told by the devices; these are the whites of most.
_WARMEST_K, _COLDEST_K, _MIREDS = 2700, 6500, 1_000_000
_XY_DIGITS = 4
_GAMMA_FROM, _GAMMA = 0.0031308, 2.4

type _Parts = dict[str, int]


def found(point: Endpoint) -> Iterable[Found]:
    """The colours of an endpoint."""
    current, target = point.get(c.COLOR_SWITCH, "currentColor"), point.get(c.COLOR_SWITCH, "targetColor")
    if not current or not target:
        return
    has = {one.id.property_key for one in point.of(c.COLOR_SWITCH) if one.id.property == "currentColor"}
    colours, whites = {_RED, _GREEN, _BLUE} <= has, {_WARM, _COLD} <= has
    off = dict.fromkeys(("warmWhite", "coldWhite") if whites else ("warmWhite",) if _WARM in has else (), 0)
    number = point.number
    if colours:
        yield Found("color_xy", "color_xy", number, _reads(current, _xy), _xy_commands(current, target, off))
        for name, take, command in (("color_hue", _hue, "hue"), ("color_saturation", _saturation, "saturation")):
            yield Found(name, name, number, _reads(current, take), _hs_commands(current, target, off, command))
    if whites:
        dark = dict.fromkeys(("red", "green", "blue") if colours else (), 0)
        reads, commands = _reads(current, _kelvin), _white_commands(current, target, dark)
        yield Found(
            "color_temperature", "color_temperature", number, reads, commands, minimum=_WARMEST_K, maximum=_COLDEST_K
        )
    if colours and whites:
        yield Found("color_mode", "color_mode", number, _reads(current, _mode), values=("hs", "temperature"))


def _reads(current: ValueFacts, take: d.Take) -> Any:  # noqa: ANN401 - readings
    return ((current.id, d.known(take)),)


def _parts(raw: Any, *names: str) -> list[int] | None:  # noqa: ANN401 - JSON
    """These parts of a colour, 0..255; None when one of them is not known."""
    if not isinstance(raw, dict):
        raise ValueError("it is no colour")  # noqa: TRY004 - nonsense from the air is a ValueError here
    found = [raw.get(name) for name in names]
    if any(one is None for one in found):
        return None
    parts = [int(d.number(one)) for one in found]
    if not all(0 <= one <= _FULL for one in parts):
        raise ValueError("it is no colour")
    return parts


def _coloured(convert: Callable[[float, float, float], Any]) -> d.Take:
    def take(raw: Any) -> Any:  # noqa: ANN401 - JSON
        rgb = _parts(raw, "red", "green", "blue")
        if rgb is None:
            return None
        # Black has no colour; the lamp shines white, or not at all.
        return convert(*(one / _FULL for one in rgb)) if any(rgb) else NOTHING

    return take


def _to_xy(*rgb: float) -> list[float]:
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** _GAMMA for one in rgb)  # noqa: PLR2004
    x = 0.4124 * red + 0.3576 * green + 0.1805 * blue
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = 0.0193 * red + 0.1192 * green + 0.9505 * blue
    return [round(x / (x + y + z), _XY_DIGITS), round(y / (x + y + z), _XY_DIGITS)]


def _from_xy(x: float, y: float) -> _Parts:
    """As bright as it gets: the level dims, not the colour (IEC 61966-2-1)."""
    across, up = x / max(y, 0.0001), (1 - x - y) / max(y, 0.0001)
    linear = (
        3.2406 * across - 1.5372 - 0.4986 * up,
        -0.9689 * across + 1.8758 + 0.0415 * up,
        0.0557 * across - 0.2040 + 1.0570 * up,
    )
    most = max(*linear, 0.0001)
    shares = (max(one / most, 0) for one in linear)
    curved = (one * 12.92 if one <= _GAMMA_FROM else 1.055 * one ** (1 / _GAMMA) - 0.055 for one in shares)
    return dict(zip(("red", "green", "blue"), (round(one * _FULL) for one in curved), strict=True))


_xy = _coloured(_to_xy)
_hue = _coloured(lambda *rgb: round(colorsys.rgb_to_hsv(*rgb)[0] * 360))
_saturation = _coloured(lambda *rgb: round(colorsys.rgb_to_hsv(*rgb)[1] * 100))


def _kelvin(raw: Any) -> Any:  # noqa: ANN401 - JSON
    whites = _parts(raw, "warmWhite", "coldWhite")
    if whites is None or not any(whites):
        return None if whites is None else NOTHING
    warm, cold = _MIREDS / _WARMEST_K, _MIREDS / _COLDEST_K
    return round(_MIREDS / (warm + (cold - warm) * whites[1] / sum(whites)))


def _mode(raw: Any) -> Any:  # noqa: ANN401 - JSON
    rgb = _parts(raw, "red", "green", "blue")
    return None if rgb is None else "hs" if any(rgb) else "temperature"


def _xy_commands(current: ValueFacts, target: ValueFacts, off: _Parts) -> dict[str, Encode]:
    return {"set": lambda given, _: write(target, _from_xy(*given["value"]) | off, current.id, **fading(given))}


def _hs_commands(current: ValueFacts, target: ValueFacts, off: _Parts, command: str) -> dict[str, Encode]:
    """The other of hue and saturation stays; an unknown saturation is full."""

    def encode(given: dict[str, Any], now: dict[str, Any]) -> Any:  # noqa: ANN401 - writes
        hue, saturation = now.get("color_hue"), now.get("color_saturation")
        known = {"hue": hue or 0, "saturation": 100 if saturation is None else saturation} | {command: given["value"]}
        rgb = colorsys.hsv_to_rgb(known["hue"] / 360, known["saturation"] / 100, 1)
        colour = dict(zip(("red", "green", "blue"), (round(one * _FULL) for one in rgb), strict=True))
        return write(target, colour | off, current.id, **fading(given))

    return {"set": encode}


def _white_commands(current: ValueFacts, target: ValueFacts, dark: _Parts) -> dict[str, Encode]:
    def encode(given: dict[str, Any], _: dict[str, Any]) -> Any:  # noqa: ANN401 - writes
        warm, cold = _MIREDS / _WARMEST_K, _MIREDS / _COLDEST_K
        share = min(max((_MIREDS / given["value"] - warm) / (cold - warm), 0), 1)
        whites = {"warmWhite": round((1 - share) * _FULL), "coldWhite": round(share * _FULL)}
        return write(target, whites | dark, current.id, **fading(given))

    return {"set": encode}
