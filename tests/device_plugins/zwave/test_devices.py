"""Nodes become devices; commands go out and are confirmed; what nodes tell becomes state."""

from pathlib import Path

import pytest

from tests.device_plugins.zwave.bench import SWITCH, bench, id_of

pytestmark = pytest.mark.zwave_js


async def test_a_switch_is_listed_commanded_and_heard(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        device = ready.announced[id_of(SWITCH)]
        assert device.protocol == "zwave"
        assert [one.key for one in device.features] == ["on_off"]
        await ready.becomes(SWITCH, "availability", "online")
        await ready.becomes(SWITCH, "on_off", False)

        await ready.command(SWITCH, "on_off", "on")
        await ready.becomes(SWITCH, "on_off", True)
        assert (await ready.mock.ask("state", node=SWITCH))["BinarySwitch_currentValue"] is True

        await ready.mock.report(SWITCH, "BinarySwitchCCReport", currentValue=False)
        await ready.becomes(SWITCH, "on_off", False)
