"""Colours as devices write them: mireds, and red, green and blue in parts of 255; pure."""

import colorsys

_TOP = 255
_MILLION = 1_000_000


def kelvin(mireds: float) -> float:
    """Kelvin out of mireds.

    Raises ValueError for none.
    """
    if mireds <= 0:
        raise ValueError("a colour temperature of no mireds")
    return round(_MILLION / mireds)


def mireds(degrees: float) -> int:
    """Mireds out of kelvin."""
    return round(_MILLION / max(degrees, 1))


def hue_saturation(red: float, green: float, blue: float) -> tuple[float, float]:
    """Hue in ° and saturation in %.

    Raises ValueError for parts outside 0 to 255.
    """
    if not all(0 <= one <= _TOP for one in (red, green, blue)):
        raise ValueError("a colour with parts outside 0 to 255")
    hue, saturation, _ = colorsys.rgb_to_hsv(red / _TOP, green / _TOP, blue / _TOP)
    return round(hue * 360, 1), round(saturation * 100, 1)


def rgb(hue: float, saturation: float, brightness: float = 100.0) -> tuple[int, int, int]:
    """Parts of 255 out of hue in °, saturation and brightness in %."""
    parts = colorsys.hsv_to_rgb(hue % 360 / 360, saturation / 100, brightness / 100)
    return round(parts[0] * _TOP), round(parts[1] * _TOP), round(parts[2] * _TOP)
