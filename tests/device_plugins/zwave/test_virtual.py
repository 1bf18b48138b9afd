"""The virtual stick: a home without hardware, whose devices can be played with."""

from pathlib import Path

import pytest

from device_plugins.sdk import UnsupportedError
from device_plugins.zwave.network import ZWaveError
from device_plugins.zwave.plugin import ZWave
from hub.testing import running
from tests.device_plugins.zwave.bench import SENSOR, Bench


@pytest.mark.zwave_js
async def test_a_virtual_stick_lives_with_the_plugin(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        ready = Bench(hub)
        hub.offer("devices.announce", ready.announce)
        await hub.run(ZWave, {"virtual": True, "start_wait": 60.0})
        await ready.interviewed(SENSOR)
        told = {"node": SENSOR, "report": "MultilevelSensorCCReport", "fields": {"type": 1, "scale": 0, "value": 7.5}}
        await hub.call("zwave.virtual", do="tell", arguments=told)
        await ready.becomes(SENSOR, "temperature", 7.5)
        assert SENSOR in await hub.call("zwave.virtual", do="nodes")
        with pytest.raises(ZWaveError, match="there is no dance"):
            await hub.call("zwave.virtual", do="dance")
        with pytest.raises(ZWaveError, match="there is no node 99"):
            await hub.call("zwave.virtual", do="dead", arguments={"node": 99, "dead": True})

        stick = ready.plugin.sidecar.stick
        assert stick is not None
        await stick.stop()
        with pytest.raises(ZWaveError, match="does not run"):
            await hub.call("zwave.virtual", do="nodes")
        await ready.goes_down("")
        await ready.comes_up(60.0)
        assert SENSOR in await hub.call("zwave.virtual", do="nodes")
        assert hub.errors == []


async def test_a_real_stick_is_nothing_to_play_with(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        await hub.run(ZWave, {})
        with pytest.raises(UnsupportedError, match="virtual = true"):
            await hub.call("zwave.virtual", do="nodes")
