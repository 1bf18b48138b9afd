"""Devices on mains that nobody commands: one that is dead is noticed, and one that is back as well."""

from pathlib import Path

import pytest

from tests.device_plugins.zwave.bench import DIMMER, SENSOR, SWITCH, bench

pytestmark = pytest.mark.zwave_js


async def test_a_silent_device_is_asked_and_its_death_and_return_are_noticed(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH, SENSOR, DIMMER)
        await ready.becomes(SWITCH, "availability", "online")
        await ready.mock.ask("dead", node=SWITCH, dead=True)
        await ready.hub.clock.advance(15 * 60.0)
        await ready.becomes(SWITCH, "availability", "offline", 90.0)
        assert ready.value(SWITCH, "availability_reason") == "it does not answer"
        await ready.becomes(DIMMER, "availability", "online")

        await ready.mock.ask("dead", node=SWITCH, dead=False)
        await ready.becomes(SWITCH, "availability", "online", 90.0)


async def test_nothing_is_asked_while_a_device_is_paired(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH, SENSOR, DIMMER)
        await ready.hub.call("zwave.pair", timeout=60.0, session="s1", duration=3600.0)
        await ready.mock.ask("dead", node=SWITCH, dead=True)
        for _ in range(100):
            await ready.hub.clock.advance(10.0)
        assert ready.value(SWITCH, "availability") == "online"
        await ready.hub.call("zwave.pair_cancel", timeout=60.0)
        await ready.becomes(SWITCH, "availability", "offline", 90.0)
