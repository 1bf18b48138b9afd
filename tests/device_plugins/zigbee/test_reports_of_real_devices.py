"""Any value that any attribute of a real device may take becomes the right value of the right capability, or none.

What is right is in `oracles`, written once more from the ZCL and the vendors' words.
"""

import asyncio
import itertools
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, override

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_plugins.sdk import Device, DevicePlugin
from device_plugins.virtual_radio import zcltypes
from device_plugins.zigbee.known import Known, Record
from device_plugins.zigbee.mapping import Facts
from hub.testing import running
from tests.device_plugins.zigbee.oracles import right_of
from tests.device_plugins.zigbee.reports import Place, all_places, sort_of, wrong_of


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


PLACES = [*{sort_of(place): place for place in all_places()}.values()]
BY_DEVICE = [[*those] for _, those in itertools.groupby(sorted(PLACES), lambda place: place.file)]
WITHOUT = pytest.mark.skipif(not PLACES, reason="there is no such collection here")


def raws(kind: int) -> st.SearchStrategy[Any]:
    """Every value of a ZCL type, and those at its edges often."""
    if kind == zcltypes.BOOL:
        return st.booleans()
    if kind == zcltypes.TEXT:
        return st.text(max_size=20)
    if (span := zcltypes.bounds(kind)) is not None:
        low, high = span
        return st.one_of(st.integers(low, high), st.sampled_from((low, high, max(low, 0), high - 1)))
    return st.floats(width=32)


@WITHOUT
def test_it_is_written_here_what_is_right_for_every_attribute_that_is_mapped() -> None:
    missing = {
        f"{told.cluster:04X} {told.attribute:04X} {point.name}"
        for _, device, told, points in PLACES
        for point in points
        if right_of(device, told, point.name) is None
    }
    assert missing == set()


@WITHOUT
@pytest.mark.timeout(300)
def test_every_value_of_every_attribute_is_told_rightly() -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        hub = runner.run(stack.enter_async_context(running(Nobody)))
        try:
            plugin = hub.plugin("nobody")
            assert isinstance(plugin, DevicePlugin)
            for places in BY_DEVICE:
                check(runner, plugin, hub.state, places)
            assert hub.errors == []
        finally:
            runner.run(stack.aclose())


def check(runner: asyncio.Runner, plugin: DevicePlugin, state: Any, places: list[Place]) -> None:  # noqa: ANN401
    """Tell a device any values of some of its attributes."""
    device = places[0].device
    known = Known(plugin, "0", Record(device.signature, Facts(dict(device.facts.values), [])))
    keys = {point.key for place in places for point in place.points}

    @settings(max_examples=40, suppress_health_check=[HealthCheck.differing_executors], deadline=None)
    @given(raw=st.tuples(*(raws(place.told.kind) for place in places)))
    def each(raw: tuple[Any, ...]) -> None:
        async def hear() -> None:
            for place, value in zip(places, raw, strict=True):
                known.heard(Report(*place.where, value))
            await asyncio.sleep(0)  # the halves of pairs meet

        for key in keys:
            state.delete(f"device/{known.id}/{key}")
        runner.run(hear())
        assert wrong_of(known, state, [*zip(places, raw, strict=True)]) == []

    each()
