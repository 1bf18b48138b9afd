"""From raw attribute values to values of the vocabulary; `None` where the device says that it does not know.

Each raises TypeError, ValueError or OverflowError for what no such attribute can be.
"""

import math
from collections.abc import Callable, Mapping

from device_plugins.zigbee.mapping.signature import Raw

type Value = bool | float | str
type Decode = Callable[[Raw], Value | None]

LEVEL_MAX = 254
U8 = 0x20
XY_MAX = 65536
MIREDS = 1_000_000
DEGREES_MOST = 200

# ZCL 2.6.2: each type's "non-value", by width in bits.
NO_U8, NO_U16, NO_U24, NO_U32, NO_U48 = 0xFF, 0xFFFF, 0xFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF
NO_S8, NO_S16, NO_S24, NO_S32 = -0x80, -0x8000, -0x80_0000, -0x8000_0000


def whole(raw: Raw) -> int:
    """A whole number, and nothing that could be made one."""
    if not isinstance(raw, int):
        raise TypeError("it is no whole number")
    return int(raw)


def flag(raw: Raw) -> bool | None:
    """0 or 1; 0xFF says nothing."""
    if (number := whole(raw)) == NO_U8:
        return None
    if number not in {0, 1}:
        raise ValueError("it is neither 0 nor 1")
    return bool(number)


def bit(mask: int, *, inverted: bool = False) -> Decode:
    """Whether any bit of `mask` is set (or none, if `inverted`)."""
    return lambda raw: bool(whole(raw) & mask) is not inverted


def scaled(factor: float, digits: int = 0, invalid: tuple[int, ...] = ()) -> Decode:
    """`raw * factor`, rounded; whole if `digits` is 0."""

    def decode(raw: Raw) -> float | None:
        if not isinstance(raw, int | float):
            raise TypeError("it is no number")
        if raw in invalid or not math.isfinite(value := raw * factor):
            return None
        return round(value, digits) if digits else round(value)

    return decode


def ratio(most: float, raw_most: int, invalid: tuple[int, ...] = ()) -> Decode:
    """0..raw_most as 0..most, to a tenth; what is beyond is nonsense."""

    def decode(raw: Raw) -> float | None:
        if (number := whole(raw)) in invalid:
            return None
        if not 0 <= number <= raw_most:
            raise ValueError("it is out of range")
        return round(number * most / raw_most, 1)

    return decode


def words(table: Mapping[int, str]) -> Decode:
    """A word for a number; unknown numbers give nothing."""
    return lambda raw: table.get(whole(raw))


def text(raw: Raw) -> str | None:
    """A text without padding or what cannot be printed; nothing if empty."""
    if not isinstance(raw, str):
        raise TypeError("it is no text")
    return "".join(one for one in raw if one.isprintable()).strip() or None


def hexed(raw: Raw) -> str | None:
    """A number or bytes as hex digits."""
    if isinstance(raw, bytes):
        return raw.hex() or None
    return f"{whole(raw):08x}"


def degrees(raw: Raw) -> float | None:
    """ZCL 3.4.2.2.1: the temperature inside, in whole degrees; what no device survives is in hundredths, as many do."""
    number = whole(raw)
    if number == NO_S16:
        return None
    return number if abs(number) <= DEGREES_MOST else round(number / 100, 2)


def percent_of_level(raw: Raw) -> float | None:
    """0..254 as percent; the lowest level that is not off is at least 1 %."""
    level = whole(raw)
    if level == NO_U8:
        return None
    if not 0 <= level <= LEVEL_MAX:
        raise ValueError("it is no level")
    return max(round(level * 100 / LEVEL_MAX), 1) if level else 0


def level_of_percent(percent: float) -> int:
    """Undo `percent_of_level`: the level for a percentage; above 0 % never off."""
    return max(round(percent * LEVEL_MAX / 100), 1) if percent else 0


def kelvin(raw: Raw) -> float | None:
    """Mireds as kelvin; 0 and 0xFFFF say nothing."""
    if raw in {0, NO_U16}:
        return None
    if not isinstance(raw, int | float) or not 0 < raw < NO_U16:
        raise ValueError("it is no colour temperature")
    return round(MIREDS / raw)


def mireds(kelvins: float) -> int:
    """Undo `kelvin`."""
    return min(max(round(MIREDS / kelvins), 1), 0xFEFF)


def lux(raw: Raw) -> float | None:
    """ZCL 4.2.2.2.1: 10000 * log10(lx) + 1; 0 is too little to measure. Four digits."""
    if raw == NO_U16:
        return None
    if not isinstance(raw, int | float) or not 0 <= raw < NO_U16:
        raise ValueError("it is no illuminance")
    return float(f"{10 ** ((raw - 1) / 10_000):.4g}") if raw else 0.0


def opened(raw: Raw) -> float | None:
    """ZCL counts how far a covering is closed, the vocabulary how far it is open."""
    closed = whole(raw)
    if closed == NO_U8:
        return None
    if not 0 <= closed <= 100:  # noqa: PLR2004 - percent
        raise ValueError("it is no percentage")
    return 100 - closed


def activity(raw: Raw) -> str:
    """Thermostat running state (ZCL 6.3.2.2.2.22): heat and cool stages, fan stages."""
    bits = whole(raw)
    if bits & 0x0009:
        return "heating"
    if bits & 0x0012:
        return "cooling"
    return "fan" if bits & 0x0064 else "idle"
