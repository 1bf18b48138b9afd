"""The pieces that a `Take` is made of: where a value stands in a payload, and what it means.

What is the same for many devices is made once. A converter gives a value of the vocabulary, or raises ValueError,
TypeError, LookupError or OverflowError.
"""

import colorsys
import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec

from device_plugins.mqtt.description import NOTHING, Take
from device_plugins.mqtt.units import converter
from device_plugins.sdk import VOCABULARY
from device_plugins.sdk.values import TEXT_LIMIT

type Convert = Callable[[Any], Any]

_CONTAINERS = (dict, list)
_LARGEST = 1e15
_SHARED = 2048
_DIGITS = 6
MIREDS = 1_000_000
_KELVIN = (VOCABULARY["color_temperature"].minimum or 0, VOCABULARY["color_temperature"].maximum or 0)


@functools.lru_cache(_SHARED, typed=True)
def at(convert: Convert, *path: str | int) -> Take:
    """What stands there in a JSON payload: NOTHING where the payload does not go there, None for null."""
    if len(path) == 1 and isinstance(path[0], str):
        return _below(convert, path[0])

    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        for step in path:
            if data is None:
                return None
            if type(data) not in _CONTAINERS:
                raise TypeError(f"{data!r:.40} has no parts")
            try:
                data = data[step]
            except (KeyError, IndexError):
                return NOTHING
        return None if data is None else convert(data)

    return take


def _below(convert: Convert, name: str) -> Take:
    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            raw = data[name]
        except KeyError:
            return NOTHING
        return None if raw is None else convert(raw)

    return take


def as_it_is(raw: object) -> Any:  # noqa: ANN401 - JSON
    """What was told."""
    return raw


@functools.lru_cache(_SHARED)
def unit_of(capability: str, unit: str) -> Callable[[float], float] | None:
    """What makes the vocabulary's unit out of this one; None for a unit that measures something else."""
    return converter(capability, unit)


def as_number(raw: object) -> float:
    """The number, written as a number or as a text."""
    if isinstance(raw, str):
        raw = float(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise TypeError(f"{raw!r:.40} is no number")
    if not -_LARGEST <= raw <= _LARGEST:
        raise ValueError(f"{raw!r:.40} is out of all bounds")
    return raw


@functools.lru_cache(_SHARED)
def times(factor: float) -> Callable[[float], float]:
    """What multiplies a number."""
    return lambda value: round(value * factor, _DIGITS)


@functools.lru_cache(_SHARED)
def measured(capability: str, unit: Callable[[float], float] | None = None) -> Convert:
    """A number of this capability: by `unit` made into the vocabulary's, and within what that allows."""
    kind = VOCABULARY[capability]
    low = -_LARGEST if kind.minimum is None else kind.minimum
    high = _LARGEST if kind.maximum is None else kind.maximum

    def convert(raw: object) -> float:
        value = as_number(raw)
        if unit is not None:
            value = unit(value)
        if not low <= value <= high:
            raise ValueError(f"{capability} cannot be {value}")
        return value

    return convert


@functools.lru_cache(_SHARED)
def share(full: float) -> Convert:
    """A part of `full` as %; what is beyond the ends is at the end."""

    def convert(raw: object) -> float:
        return round(min(max(as_number(raw) / full * 100, 0), 100), 2)

    return convert


def kelvin(raw: object) -> int:
    """A colour temperature in K from mireds."""
    return held(MIREDS / as_number(raw)) if as_number(raw) > 0 else _refuse(raw)


def held(value: float) -> int:
    """A colour temperature, within what the vocabulary allows."""
    return round(min(max(value, _KELVIN[0]), _KELVIN[1]))


def _refuse(raw: object) -> int:
    raise ValueError(f"{raw!r:.40} is no colour temperature")


def meaning(table: Mapping[Any, Any]) -> Convert:
    """What a word means by a table."""
    return _meaning(tuple((word, said, type(word), type(said)) for word, said in table.items()))


@functools.lru_cache(_SHARED)
def _meaning(rows: tuple[tuple[Any, Any, type, type], ...]) -> Convert:
    table = {word: said for word, said, *_ in rows}

    def convert(raw: object) -> Any:  # noqa: ANN401 - the vocabulary's types
        if not isinstance(raw, Hashable):
            raise TypeError(f"{raw!r:.40} is no word")
        return table[raw]

    return convert


def text(raw: object) -> str:
    """A text; what is none is shown as JSON."""
    shown = raw if isinstance(raw, str) else msgspec.json.encode(raw).decode()
    if len(shown) > TEXT_LIMIT:
        raise ValueError(f"a text of {len(shown)} characters is too long")
    return shown


def hue_and_saturation(red: float, green: float, blue: float) -> tuple[float, float]:
    """Hue in ° and saturation in % of a colour whose parts are 0 … 255."""
    hue, saturation, _ = colorsys.rgb_to_hsv(*(min(max(part, 0), 255) / 255 for part in (red, green, blue)))
    return round(hue * 360, 1), round(saturation * 100, 1)


def red_green_blue(hue: float, saturation: float, value: float = 100) -> list[int]:
    """The parts, 0 … 255, of a colour: hue in °, saturation and value in %."""
    return [round(part * 255) for part in colorsys.hsv_to_rgb(hue / 360, saturation / 100, value / 100)]
