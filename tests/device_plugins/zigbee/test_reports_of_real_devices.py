"""Any value that any attribute of a real device may take becomes the right value of the right capability, or none.

What is right is written here once more, from the ZCL and the vendors' words, not taken from the mapping's tables.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, override

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_plugins.sdk import VOCABULARY, Capability, Device, DevicePlugin
from device_plugins.virtual_radio import zcltypes
from device_plugins.zigbee.known import Known, Record
from device_plugins.zigbee.mapping import Facts
from hub.testing import running
from tests.device_plugins.zigbee.corpus import Learned, Told, everything

type Other = Callable[[int], float | None]
type Oracle = Callable[[Any, Other], Any]


class Nobody(DevicePlugin):
    protocol = "zigbee"

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        raise NotImplementedError

    @override
    async def open_pairing(self, duration: float) -> None:
        raise NotImplementedError

    @override
    async def close_pairing(self) -> None:
        raise NotImplementedError

    @override
    async def forget(self, device: Device) -> None:
        raise NotImplementedError


class Report(NamedTuple):
    endpoint_id: int
    cluster_id: int
    attribute_id: int
    value: Any


def linear(factor: float, *nothing: int) -> Oracle:
    return lambda raw, _: None if raw in nothing or not math.isfinite(raw) else raw * factor


def ratio(times: int, by: int, factor: float, nothing: int) -> Oracle:
    def right(raw: Any, other: Callable[[int], float | None]) -> Any:  # noqa: ANN401
        return None if raw == nothing else raw * (other(times) or 1) / (other(by) or 1) * factor

    return right


def bits(mask: int, *, inverted: bool = False) -> Oracle:
    return lambda raw, _: bool(raw & mask) != inverted


def words(**numbers: int) -> Oracle:
    return lambda raw, _: next((word for word, number in numbers.items() if number == raw), None)


def level(raw: int, _: object) -> float | None:
    return None if raw == 255 else 0 if raw == 0 else max(1, raw / 254 * 100)


def kelvin(raw: int, _: object) -> float | None:
    return None if raw in {0, 0xFFFF} else 1e6 / raw


def lux(raw: int, _: object) -> float | None:
    return None if raw == 0xFFFF else 0 if raw == 0 else 10 ** ((raw - 1) / 10_000)


def closed(raw: int, _: object) -> float | None:
    return 100 - raw if raw <= 100 else None


def halves(raw: int, _: object) -> float | None:
    return None if raw == 255 else min(raw / 2, 100)


def inside(raw: int, _: object) -> float | None:
    return None if raw == -0x8000 else raw if abs(raw) <= 200 else raw / 100


NO16, NO8 = 0xFFFF, 0xFF
VOLTS, AMPERES, WATTS = (0x0600, 0x0601), (0x0602, 0x0603), (0x0604, 0x0605)
START_UP = words(off=0, on=1, toggle=2, previous=255)
# (cluster, attribute): key without endpoint, what is right, how much rounding may change it.
ORACLES: dict[tuple[int, int], tuple[str, Oracle, float]] = {
    (0x0001, 0x0020): ("battery_voltage", linear(0.1, NO8), 0.05),
    (0x0001, 0x0021): ("battery", halves, 0.05),
    (0x0002, 0x0000): ("device_temperature", inside, 0.005),
    (0x0006, 0x0000): ("on_off", bits(1), 0),
    (0x0006, 0x4003): ("start_up_on_off", START_UP, 0),
    (0x0008, 0x0000): ("level", level, 0.5),
    (0x0008, 0x0010): ("on_off_transition_time", linear(0.1, NO16), 0.05),
    (0x0008, 0x0011): ("on_level", level, 0.5),
    (0x0008, 0x0012): ("on_transition_time", linear(0.1, NO16), 0.05),
    (0x0008, 0x0013): ("off_transition_time", linear(0.1, NO16), 0.05),
    (0x0008, 0x0014): ("default_move_rate", linear(100 / 254, NO8), 0.05),
    (0x0008, 0x4000): ("start_up_level", level, 0.5),
    (0x000F, 0x0055): ("binary_input", bits(1), 0),
    (0x0101, 0x0000): ("lock", words(not_fully_locked=0, locked=1, unlocked=2), 0),
    (0x0102, 0x0007): ("inverted", bits(4), 0),
    (0x0102, 0x0008): ("cover_position", closed, 0),
    (0x0300, 0x0000): ("color_hue", linear(360 / 254, NO8), 0.5),
    (0x0300, 0x0001): ("color_saturation", level, 0.5),
    (0x0300, 0x0007): ("color_temperature", kelvin, 0.5),
    (0x0300, 0x0008): ("color_mode", words(hs=0, xy=1, temperature=2), 0),
    (0x0300, 0x4002): ("light_effect", words(none=0, color_loop=1), 0),
    (0x0300, 0x4010): ("start_up_color_temperature", kelvin, 0.5),
    (0x0400, 0x0000): ("illuminance", lux, 200),
    (0x0402, 0x0000): ("temperature", linear(0.01, -0x8000), 0.005),
    (0x0403, 0x0000): ("pressure", linear(100, -0x8000), 0),
    (0x0405, 0x0000): ("humidity", linear(0.01, NO16), 0.005),
    (0x0406, 0x0000): ("occupancy", bits(1), 0),
    (0x042A, 0x0000): ("pm25", linear(1), 0.06),
    (0x0702, 0x0000): ("energy", ratio(0x0301, 0x0302, 1000, 0xFFFF_FFFF_FFFF), 0.06),
    (0x0702, 0x0400): ("power", ratio(0x0301, 0x0302, 1000, -0x80_0000), 0.006),
    (0x0B04, 0x0300): ("frequency", ratio(0x0400, 0x0401, 1, NO16), 0.006),
    (0x0B04, 0x0505): ("voltage", ratio(*VOLTS, 1, NO16), 0.006),
    (0x0B04, 0x0508): ("current", ratio(*AMPERES, 1, NO16), 0.0006),
    (0x0B04, 0x050B): ("power", ratio(*WATTS, 1, -0x8000), 0.006),
    (0x0B04, 0x050F): ("apparent_power", ratio(*WATTS, 1, NO16), 0.006),
    (0x0B04, 0x0510): ("power_factor", linear(1, -0x80), 0),
    (0xFC02, 0x0010): ("vibration", bits(0xFF), 0),
    (0xFC7D, 0x0005): ("child_lock", bits(0xFF), 0),
    (0xFC7D, 0x0000): ("filter_run_time", linear(60, 0xFFFF_FFFF), 0),
    (0xFC7D, 0x0002): ("filter_life_time", linear(60), 0),
    (0xFCC0, 0x0102): ("motion_interval", linear(1), 0),
    (0xFCC0, 0x010C): ("motion_sensitivity", words(low=1, medium=2, high=3), 0),
    (0xFCC0, 0x0152): ("trigger_indicator", bits(0xFF), 0),
}
# Makers in the collection whose firmware counts the battery in whole percents.
WHOLE_PERCENTS = {"Keen Home Inc", "Xiaoyan"}
# Keen's vents drive a flap with what is a lamp's level elsewhere.
AS_COVER = ("cover_position", level, 0.5)


def places() -> Iterator[tuple[Path, Learned, Told]]:
    """An attribute of each sort, with one of the devices that have it; with others, another scale or another type."""
    seen = set()
    for file, device in everything():
        for told in device.told:
            if (told.cluster, told.attribute) not in ORACLES:
                continue
            scale = [device.facts.number(told.endpoint, told.cluster, one) for one in (0x0301, 0x0302, *WATTS, *VOLTS)]
            sort = (told.cluster, told.attribute, told.kind, *scale, device.signature.manufacturer)
            if sort not in seen:
                seen.add(sort)
                yield file, device, told


PLACES = [*places()]


def raws(kind: int) -> st.SearchStrategy[Any]:
    """Every value of a ZCL type, and those at its edges often."""
    if kind == zcltypes.BOOL:
        return st.booleans()
    if (span := zcltypes.bounds(kind)) is not None:
        low, high = span
        return st.one_of(st.integers(low, high), st.sampled_from((low, high, max(low, 0), high - 1)))
    return st.floats(width=32)


@pytest.mark.skipif(not PLACES, reason="there is no such collection here")
def test_the_collection_has_most_of_what_is_written_here() -> None:
    assert len({(told.cluster, told.attribute) for _, _, told in PLACES}) > 0.8 * len(ORACLES)


@pytest.mark.skipif(not PLACES, reason="there is no such collection here")
async def test_every_value_of_every_attribute_is_told_rightly() -> None:
    async with running(Nobody) as hub:
        plugin = hub.plugin("nobody")
        assert isinstance(plugin, DevicePlugin)
        checked = sum(holds(plugin, hub.state, *place) for place in PLACES)
        assert checked > 0.9 * len(PLACES)
        assert hub.errors == []


def expected_of(device: Learned, told: Told) -> tuple[str, Oracle, float]:
    if (told.cluster, told.attribute) == (0x0008, 0) and "Keen" in device.signature.manufacturer:
        return AS_COVER
    if (told.cluster, told.attribute) == (0x0001, 0x0021) and device.signature.manufacturer in WHOLE_PERCENTS:
        return "battery", lambda raw, _: None if raw == NO8 else min(raw, 100), 0
    return ORACLES[told.cluster, told.attribute]


def holds(plugin: DevicePlugin, state: Any, file: Path, device: Learned, told: Told) -> bool:  # noqa: ANN401
    """Whether the place is mapped; what is told of it has been checked then."""
    known = Known(plugin, "0", Record(device.signature, Facts(dict(device.facts.values), [])))
    name, right, tolerance = expected_of(device, told)
    points = known.points_of(name, told.endpoint)
    if not any((point.cluster, point.attribute) == (told.cluster, told.attribute) for point in points):
        return False
    key = points[0].key
    feature = known.feature(key)
    assert feature is not None
    word = VOCABULARY[feature.capability]

    def other(attribute: int) -> float | None:
        return device.facts.number(told.endpoint, told.cluster, attribute)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.differing_executors], deadline=None)
    @given(raw=raws(told.kind))
    def each(raw: Any) -> None:  # noqa: ANN401
        state.delete(f"device/{known.id}/{key}")
        known.heard(Report(*told[:3], raw))
        value = state.get(f"device/{known.id}/{key}")
        expected = right(raw, other)
        where = f"{file.stem} {key} {raw!r}: {value!r}, not {expected!r}"
        assert is_right(value, expected, word, tolerance), where

    each()
    return True


def is_right(value: Any, expected: Any, word: Capability, tolerance: float) -> bool:  # noqa: ANN401
    """Equal but for rounding; what the vocabulary does not allow is not told at all."""
    if expected is None or isinstance(expected, bool | str):
        return bool(value == expected)
    slack = max(tolerance, abs(expected) * 1e-4) + 1e-9
    if value is not None:
        return bool(abs(value - expected) <= slack)
    low, high = word.minimum, word.maximum
    if abs(expected) > 1e15 - slack:
        return True  # no measurement is as large
    return bool((low is not None and expected < low + slack) or (high is not None and expected > high - slack))
