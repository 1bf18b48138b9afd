"""From raw attribute values to values of the vocabulary; `None` where the device says that it does not know."""

import math
from collections.abc import Callable, Mapping

from device_plugins.zigbee.mapping.signature import Raw

type Value = bool | float | str
type Decode = Callable[[Raw], Value | None]

LEVEL_MAX = 254
XY_MAX = 65536
MIREDS = 1_000_000

# ZCL 2.6.2: each type's "non-value", by width in bits.
NO_U8, NO_U16, NO_U48 = 0xFF, 0xFFFF, 0xFFFF_FFFF_FFFF
NO_S16, NO_S24 = -0x8000, -0x80_0000


def flag(raw: Raw) -> bool:
    """Zero is false."""
    return bool(raw)


def bit(mask: int, *, inverted: bool = False) -> Decode:
    """Whether any bit of `mask` is set (or none, if `inverted`)."""
    return lambda raw: bool(int(raw) & mask) is not inverted


def scaled(factor: float, digits: int = 0, invalid: tuple[int, ...] = ()) -> Decode:
    """`raw * factor`, rounded; whole if `digits` is 0."""

    def decode(raw: Raw) -> float | None:
        if not isinstance(raw, int | float) or raw in invalid or not math.isfinite(value := raw * factor):
            return None
        return round(value, digits) if digits else round(value)

    return decode


def words(table: Mapping[int, str]) -> Decode:
    """A word for a number; unknown numbers give nothing."""
    return lambda raw: table.get(int(raw))


def text(raw: Raw) -> str | None:
    """A text without padding; nothing if empty."""
    return str(raw).strip("\0 ") or None


def percent_of_level(raw: Raw) -> float | None:
    """0..254 as percent; the lowest level that is not off is at least 1 %."""
    level = int(raw)
    if level == NO_U8:
        return None
    return max(round(level * 100 / LEVEL_MAX), 1) if level else 0


def level_of_percent(percent: float) -> int:
    """Undo `percent_of_level`: the level for a percentage; above 0 % never off."""
    return max(round(percent * LEVEL_MAX / 100), 1) if percent else 0


def kelvin(raw: Raw) -> float | None:
    """Mireds as kelvin; 0 and 0xFFFF say nothing."""
    return None if raw in {0, NO_U16} else round(MIREDS / float(raw))


def mireds(kelvins: float) -> int:
    """Undo `kelvin`."""
    return min(max(round(MIREDS / kelvins), 1), 0xFEFF)


def lux(raw: Raw) -> float | None:
    """ZCL 4.2.2.2.1: 10000 * log10(lx) + 1; 0 is too little to measure. Four digits."""
    if raw == NO_U16 or not math.isfinite(float(raw)):
        return None
    return float(f"{10 ** ((float(raw) - 1) / 10_000):.4g}") if raw else 0.0


def opened(raw: Raw) -> float | None:
    """ZCL counts how far a covering is closed, the vocabulary how far it is open."""
    closed = int(raw)
    return 100 - closed if 0 <= closed <= 100 else None  # noqa: PLR2004 - percent


def parts_per_million(raw: Raw) -> float | None:
    """A fraction of one as ppm."""
    parts = float(raw) * 1e6
    return round(parts, 1) if math.isfinite(parts) else None


def activity(raw: Raw) -> str:
    """Thermostat running state (ZCL 6.3.2.2.2.22): heat and cool stages, fan stages."""
    bits = int(raw)
    if bits & 0x0009:
        return "heating"
    if bits & 0x0012:
        return "cooling"
    return "fan" if bits & 0x0064 else "idle"
