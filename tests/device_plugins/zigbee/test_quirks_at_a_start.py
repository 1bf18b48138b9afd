"""Devices with quirks at a start of the hub: nothing waits for their quirks, and they work as before."""

from pathlib import Path

import pytest

from device_plugins.zigbee.quirks.index import installed
from tests.device_plugins.zigbee.bench import id_of, without_plugin

pytestmark = pytest.mark.skipif(not installed(), reason="the extra is not installed")


@pytest.mark.timeout(120)
async def test_a_report_in_the_moment_of_the_start_is_not_lost(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        sensor = await ready.pair("tuya-climate")
        ready.radio.act(sensor.ieee, "temperature", 20)
        await ready.becomes(sensor, "temperature", 20.0)
        for round_ in range(2):
            await ready.stop()
            await ready.start(path, start_wait=60.0)
            ready.radio.act(sensor.ieee, "temperature", 21 + round_)
            await ready.becomes(sensor, "temperature", 21.0 + round_)
            assert ready.value(sensor, "availability") == "online"


@pytest.mark.timeout(120)
async def test_whoever_asks_about_a_device_right_after_the_start_sees_its_quirk(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        sensor = await ready.pair("tuya-climate")
        before = await ready.hub.call("zigbee.diagnose", device=id_of(sensor))
        assert before["quirk_applied"]
        await ready.stop()
        await ready.start(path, start_wait=60.0)
        after = await ready.hub.call("zigbee.diagnose", device=id_of(sensor))
        assert after["quirk_class"] == before["quirk_class"]
        assert after["original_signature"] == before["original_signature"]
        known = ready.plugin.roster.known[sensor.ieee.replace(":", "")]
        assert known.node is not None
        assert known.node.signature() == known.record.signature


@pytest.mark.timeout(120)
async def test_the_network_comes_up_when_quirks_are_switched_off_that_had_added_clusters(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        strange, plain = await ready.pair("tuya-climate"), await ready.pair("motion")
        await ready.stop()
        await ready.start(path, start_wait=60.0, quirks=False)
        known = ready.plugin.roster.known[strange.ieee.replace(":", "")]
        assert known.node is not None
        now = {(one.id, number) for one in known.node.signature().endpoints for number in one.inputs}
        assert {(point.endpoint, point.cluster) for point in known.mapping.points if not point.output} - now
        ready.radio.act(plain.ieee, "motion", value=True)
        await ready.becomes(plain, "occupancy", value=True)
