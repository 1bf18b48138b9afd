"""Nodes become devices; commands go out and are confirmed; what nodes tell becomes state."""

from pathlib import Path

import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError, UnsupportedError, check_device
from tests.device_plugins.zwave.bench import DIMMER, LOCK, SENSOR, SLEEPER, SWITCH, Bench, bench, id_of

pytestmark = pytest.mark.zwave_js


async def test_a_home_is_listed_commanded_and_heard(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH, SENSOR, LOCK, DIMMER)
        for device in ready.announced.values():
            check_device(device)
            assert device.protocol == "zwave"
        assert ready.announced[id_of(SWITCH)].features[0].key == "on_off"
        await ready.becomes(SWITCH, "availability", "online")
        await ready.becomes(SWITCH, "on_off", False)

        await ready.command(SWITCH, "on_off", "on")
        await ready.becomes(SWITCH, "on_off", True)
        assert (await ready.mock.ask("state", node=SWITCH))["BinarySwitch_currentValue"] is True
        await ready.mock.report(SWITCH, "BinarySwitchCCReport", currentValue=False)
        await ready.becomes(SWITCH, "on_off", False)
        await ready.command(SWITCH, "on_off", "toggle")
        await ready.becomes(SWITCH, "on_off", True)
        with pytest.raises(UnsupportedError, match="cannot sing on_off"):
            await ready.command(SWITCH, "on_off", "sing")

        await ready.becomes(SENSOR, "temperature", 20.5)
        await ready.mock.report(SENSOR, "MultilevelSensorCCReport", type=1, scale=0, value=23.7)
        await ready.becomes(SENSOR, "temperature", 23.7)
        assert ready.value(SENSOR, "last_seen") is not None

        await ready.command(DIMMER, "level", "set", value=50, transition=0.0)
        await ready.becomes(DIMMER, "on_off", True)
        assert 48 <= ready.value(DIMMER, "level") <= 52

        await ready.command(LOCK, "lock", "lock")
        await ready.becomes(LOCK, "lock", "locked")

        status = await ready.hub.call("zwave.status")
        assert (status.status, status.home, status.devices) == ("up", "7e570001", 4)
        assert status.reports > 0


async def falls_asleep(ready: Bench) -> None:
    """Wait until the driver knows that the sleeper sleeps."""

    def is_asleep() -> bool:
        network = ready.plugin.network
        node = network.node(SLEEPER) if network is not None else None
        return node is not None and node.status == "asleep"

    await ready.in_time(is_asleep, "the driver knows that it sleeps", 60.0)


async def test_a_command_to_a_sleeping_node_waits_until_it_wakes_up_or_the_network_is_lost(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await falls_asleep(ready)
        assert id_of(SLEEPER) not in ready.announced
        await ready.mock.report(SLEEPER, "WakeUpCCWakeUpNotification")
        await ready.interviewed(SLEEPER)
        # A driver that has just interviewed it keeps it awake.
        await ready.stop()
        await ready.start()
        await falls_asleep(ready)
        assert ready.value(SLEEPER, "availability") == "online"
        assert "it sleeps" in ready.value(SLEEPER, "availability_reason")

        with pytest.raises(CommandTimeoutError, match="is asleep"):
            await ready.command(SLEEPER, "on_off", "on")
        assert ready.value(SLEEPER, "pending") == {"on_off": "on"}
        await ready.mock.report(SLEEPER, "WakeUpCCWakeUpNotification")
        await ready.becomes(SLEEPER, "pending", None)
        await ready.becomes(SLEEPER, "on_off", True)
        (ended,) = ready.hub.events_of("zwave.command")
        assert ended.data.error == "", ended

        await falls_asleep(ready)
        with pytest.raises(CommandTimeoutError):
            await ready.command(SLEEPER, "on_off", "off")
        await ready.mock.unplug()
        await ready.becomes(SLEEPER, "pending", None)
        assert ready.hub.events_of("zwave.command")[-1].data.error == "unreachable"


async def test_a_node_that_is_gone_can_be_removed_and_one_that_answers_cannot(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH, DIMMER)
        with pytest.raises(UnreachableError, match="leaves when its button is pressed"):
            await ready.hub.call("zwave.remove", device=id_of(SWITCH))
        await ready.stop()
        await ready.mock.unplug()
        await ready.mock.plug()
        await ready.mock.ask("drop", node=DIMMER)
        await ready.start()
        await ready.becomes(DIMMER, "availability", "offline")
        assert "no longer in the network" in ready.value(DIMMER, "availability_reason")
        await ready.hub.call("zwave.remove", device=id_of(DIMMER))
        await ready.stop()
        ready.announced.clear()
        await ready.start(start_wait=0.0)
        assert id_of(SWITCH) in ready.announced
        assert id_of(DIMMER) not in ready.announced
