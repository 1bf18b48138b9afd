"""Attributes of real devices from which something comes, and whether what came of them is right."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from device_plugins.sdk import VOCABULARY, Capability
from device_plugins.virtual_radio import zcltypes
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.mapping import Facts, Point, describe
from tests.device_plugins.zigbee.corpus import Learned, Told, everything
from tests.device_plugins.zigbee.oracles import VOLTS, WATTS, WHOLE_PERCENTS, right_of

_FLOATS, _BITMAPS = (0x38, 0x39, 0x3A), range(0x18, 0x20)


class Place(NamedTuple):
    """An attribute of a device, and the points that it tells."""

    file: Path
    device: Learned
    told: Told
    points: tuple[Point, ...]

    @property
    def where(self) -> tuple[int, int, int]:
        return self.told.endpoint, self.told.cluster, self.told.attribute


def all_places() -> Iterator[Place]:
    """Every attribute of every device of which something comes."""
    for file, device in everything():
        mapping = describe(device.signature, Facts(dict(device.facts.values), []))
        points: dict[tuple[int, int, int], list[Point]] = {}
        for point in mapping.points:
            if not point.output:
                points.setdefault((point.endpoint, point.cluster, point.attribute), []).append(point)
        for told in device.told:
            if found := points.get((told.endpoint, told.cluster, told.attribute)):
                yield Place(file, device, told, tuple(found))


def sort_of(place: Place) -> tuple[Any, ...]:
    """What makes a difference: the attribute, its type, its scale, a maker that counts otherwise."""
    device, told = place.device, place.told
    scale = [device.facts.number(told.endpoint, told.cluster, one) for one in (0x0301, 0x0302, *WATTS, *VOLTS)]
    names = tuple(point.name for point in place.points)
    return told.cluster, told.attribute, told.kind, *scale, device.signature.manufacturer in WHOLE_PERCENTS, names


def nothing(kind: int) -> Any:  # noqa: ANN401
    """The value of a type that says that there is none (ZCL 2.6.2); None if it has none."""
    if kind in _FLOATS:
        return math.nan
    span = zcltypes.bounds(kind)
    if span is None or kind in _BITMAPS:
        return None
    return span[0] if span[0] < 0 else span[1]


def is_nothing(kind: int, raw: Any) -> bool:  # noqa: ANN401
    none = nothing(kind)
    return none is not None and (raw == none or (kind in _FLOATS and math.isnan(raw)))


def wrong_of(known: Known, state: Any, told: list[tuple[Place, Any]], *, kept: bool = False) -> list[str]:  # noqa: ANN401
    """What is wrong with a device's values after it has told some attributes.

    What is nonsense is not told: with `kept`, there may be a value from before.
    """
    by_key: dict[str, list[tuple[Place, Any]]] = {}
    for place, raw in told:
        for point in place.points:
            by_key.setdefault(point.key, []).append((place, raw))
    found = (wrongly(known, key, state.get(f"device/{known.id}/{key}"), raw, kept) for key, raw in by_key.items())
    return [one for one in found if one]


def wrongly(known: Known, key: str, value: Any, raw: list[tuple[Place, Any]], kept: bool) -> str:  # noqa: ANN401, FBT001
    """What is wrong with a value; `raw` is what was told, of a pair both halves."""
    feature = known.feature(key)
    if feature is None:
        return f"{known.device.model} has no {key}"
    word, expected, tolerance = VOCABULARY[feature.capability], [], 0.0
    for place, told in raw:
        name = next(point.name for point in place.points if point.key == key)
        right = right_of(place.device, place.told, name)
        assert right is not None, (name, place.told)

        def other(attribute: int, place: Place = place) -> float | None:
            return place.device.facts.number(place.told.endpoint, place.told.cluster, attribute)

        expected.append(right.of(told, other))
        tolerance = right.tolerance
        if kept and is_nonsense(word, expected[-1], tolerance) and not is_nothing(place.told.kind, told):
            return ""
    if len(expected) == 1:
        well = is_right(value, expected[0], word, tolerance)
    elif None in expected or value is None:
        # Of what the vocabulary does not allow nothing is told.
        well = value is None and (None in expected or not all(is_allowed(word, one) for one in expected))
    else:
        well = all(abs(has - wanted) <= tolerance for has, wanted in zip(value, expected, strict=True))
    return "" if well else f"{known.device.model} {key} {[told for _, told in raw]!r}: {value!r}, not {expected!r}"


def is_nonsense(word: Capability, expected: Any, tolerance: float) -> bool:  # noqa: ANN401
    """Whether nothing can be made of a value, or nothing that the vocabulary allows."""
    if expected is None or isinstance(expected, bool | str):
        return expected is None
    slack = max(tolerance, abs(expected) * 1e-4) + 1e-9
    return abs(expected) > 1e15 - slack or not is_allowed(word, expected, slack)


def is_right(value: Any, expected: Any, word: Capability, tolerance: float) -> bool:  # noqa: ANN401
    """Equal but for rounding; what the vocabulary does not allow is not told at all."""
    if expected is None or isinstance(expected, bool | str):
        return bool(value == expected)
    slack = max(tolerance, abs(expected) * 1e-4) + 1e-9
    if value is not None:
        return bool(abs(value - expected) <= slack)
    return abs(expected) > 1e15 - slack or not is_allowed(word, expected, slack)  # no measurement is as large


def is_allowed(word: Capability, value: float, slack: float = 0) -> bool:
    return (word.minimum is None or value >= word.minimum + slack) and (
        word.maximum is None or value <= word.maximum - slack
    )
