"""Services about the network and its devices, with the real driver: exclusion, pings, parameters, what a mock lacks."""

from pathlib import Path

import pytest

from device_plugins.sdk import InvalidValueError, UnknownDeviceError, UnsupportedError
from device_plugins.zwave.network import ZWaveError
from tests.device_plugins.zwave.bench import SWITCH, bench, id_of

pytestmark = pytest.mark.zwave_js

NEW = 11
LABEL = "Lamp's brightness"
PARAMETER = {"#": 3, "valueSize": 1, "name": LABEL, "minValue": 1, "maxValue": 99, "defaultValue": 20}


async def test_a_device_leaves_and_is_forgotten(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        told: list[str] = []
        ready.plugin.roster.heard.append(lambda event, _: told.append(event))
        leaving = ready.hub._context.tasks.start("exclude", ready.hub.call("zwave.exclude", timeout=90.0, seconds=60.0))
        await ready.in_time(lambda: "exclusion started" in told, "the stick excludes")
        await ready.mock.ask("exclude", node=SWITCH)
        left = await leaving
        assert left.device == id_of(SWITCH)
        assert id_of(SWITCH) not in ready.plugin.devices
        with pytest.raises(UnknownDeviceError):
            await ready.hub.call("zwave.ping", timeout=30.0, device=id_of(SWITCH))


async def test_a_device_is_pinged_and_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        assert (await ready.hub.call("zwave.ping", timeout=40.0, device=id_of(SWITCH))).answered
        assert await ready.hub.call("zwave.smart_start", timeout=30.0) == []
        with pytest.raises(ZWaveError, match="may join"):
            await ready.hub.call("zwave.smart_start_forget", timeout=30.0, dsk="11111-22222")
        with pytest.raises(UnsupportedError, match="does not support associations"):
            await ready.hub.call("zwave.associate", timeout=30.0, device=id_of(SWITCH), group=1, target="hub")
        with pytest.raises(UnsupportedError, match="cannot be read out"):
            await ready.hub.call("zwave.backup", timeout=60.0)
        with pytest.raises(ZWaveError, match="cannot read"):
            await ready.hub.call("zwave.restore", timeout=60.0)
        with pytest.raises(InvalidValueError, match="put the firmware there"):
            await ready.hub.call("zwave.firmware_update", timeout=30.0, device=id_of(SWITCH), file="new.gbl")
        with pytest.raises(InvalidValueError, match="must be the name of a file"):
            await ready.hub.call("zwave.firmware_update", timeout=30.0, device=id_of(SWITCH), file="../new.gbl")
        assert (await ready.hub.call("zwave.firmware_progress", timeout=30.0)).status == "idle"


async def test_a_parameter_is_a_setting_and_can_be_set_by_its_number(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        classes = [{"ccId": 0x25, "version": 2}, {"ccId": 0x70, "version": 4, "parameters": [PARAMETER]}]
        await ready.mock.ask("pending", node=NEW, classes=classes)
        await ready.hub.call("zwave.pair", timeout=60.0, session="s1", duration=600.0)
        await ready.interviewed(NEW)
        feature = ready.announced[id_of(NEW)].feature("parameter_3")
        assert feature is not None
        assert (feature.capability, feature.label, feature.maximum) == ("number", LABEL, 99)
        (known,) = await ready.hub.call("zwave.parameters", timeout=30.0, device=id_of(NEW))
        assert (known.parameter, known.value, known.label) == (3, 20, LABEL)

        await ready.hub.call("zwave.set_parameter", timeout=60.0, device=id_of(NEW), parameter=3, value=42)
        await ready.becomes(NEW, "parameter_3", 42)
        await ready.command(NEW, "parameter_3", "set", value=7)
        await ready.becomes(NEW, "parameter_3", 7)
        with pytest.raises(InvalidValueError, match="takes 1 to 99"):
            await ready.hub.call("zwave.set_parameter", timeout=60.0, device=id_of(NEW), parameter=3, value=100)
        with pytest.raises(InvalidValueError, match="say its size"):
            await ready.hub.call("zwave.set_parameter", timeout=60.0, device=id_of(NEW), parameter=9, value=1)
