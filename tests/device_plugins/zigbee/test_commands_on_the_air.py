"""Commands over a real stick's protocol: queued, coalesced, sent again, kept for those who sleep."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError
from device_plugins.virtual_radio import VirtualDevice
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.harness.waiting import eventually


def heard_commands(device: VirtualDevice, cluster: int, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What arrives at a device's cluster from now on."""
    heard: list[bytes] = []
    hear = device.hear

    def note(aps: Any, data: bytes, **more: Any) -> None:  # noqa: ANN401 - passed on
        if aps.cluster == cluster and data[0] & 3 == 1:
            heard.append(data[3:])
        hear(aps, data, **more)

    monkeypatch.setattr(device, "hear", note)
    return heard


async def test_ten_brightness_steps_in_a_row_send_the_first_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        ready.radio.slow_down(lamp, 0.02)
        heard = heard_commands(lamp, 0x0008, monkeypatch)
        await asyncio.gather(
            *(ready.command(lamp, "level", "set", value=value, transition=0) for value in range(10, 101, 10))
        )
        await ready.becomes(lamp, "level", 100)
        assert len(heard) == 2


async def test_commands_to_many_lamps_at_once_all_arrive(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamps = [await ready.pair("lamp-white") for _ in range(12)]
        await asyncio.gather(*(ready.command(lamp, "on_off", "on") for lamp in lamps))
        for lamp in lamps:
            await ready.becomes(lamp, "on_off", True)


async def test_a_lamp_that_is_deaf_for_a_moment_is_told_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.reachable = False
        asyncio.get_running_loop().call_later(0.5, setattr, lamp, "reachable", True)
        await ready.command(lamp, "on_off", "on")
        assert lamp.value("on_off") is True
        assert ready.value(lamp, "availability") == "online"


async def sleeping_valve(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> VirtualDevice:
    """A valve that does not hear for the time being."""
    valve = await ready.pair("thermostat")
    monkeypatch.setattr("device_plugins.zigbee.queues.CALLER_LIMIT", 0.3)
    valve.reachable = False
    return valve


async def test_a_command_to_a_sleeping_device_is_kept_until_it_wakes_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        valve = await sleeping_valve(ready, monkeypatch)
        for celsius in (19.0, 23.5):
            with pytest.raises(CommandTimeoutError, match="asleep"):
                await ready.command(valve, "heating_setpoint", "set", value=celsius)
        assert ready.value(valve, "pending") == {"heating_setpoint": "set"}
        assert ready.value(valve, "availability") == "online"
        valve.reachable = True
        ready.radio.act(valve, "temperature", 18.25)
        await ready.becomes(valve, "heating_setpoint", 23.5)
        await ready.becomes(valve, "pending", None)
        (ended,) = ready.hub.events_of("zigbee.command")
        assert ended.subject == f"device/{id_of(valve)}/heating_setpoint"
        assert (ended.data.command, ended.data.error) == ("set", "")


async def test_a_command_is_kept_over_a_loss_of_the_radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as ready:
        valve = await sleeping_valve(ready, monkeypatch)
        with pytest.raises(CommandTimeoutError):
            await ready.command(valve, "heating_setpoint", "set", value=22.0)
        ready.radio.crash()
        await eventually(lambda: ready.protocol["status"] == "down", 20.0)
        with pytest.raises(UnreachableError, match="radio is down"):
            await ready.command(valve, "heating_setpoint", "set", value=25.0)
        await ready.comes_up()
        valve.reachable = True
        ready.radio.act(valve, "temperature", 17.0)
        await ready.becomes(valve, "heating_setpoint", 22.0)


async def test_what_waits_for_a_device_that_is_removed_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        valve = await sleeping_valve(ready, monkeypatch)
        with pytest.raises(CommandTimeoutError):
            await ready.command(valve, "heating_setpoint", "set", value=22.0)
        await ready.hub.call("zigbee.remove", device=id_of(valve))
        (ended,) = ready.hub.events_of("zigbee.command")
        assert ended.data.error == "unreachable"
        assert ready.value(valve, "pending") is None


async def test_a_device_that_polls_soon_is_told_when_it_does(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        valve = await ready.pair("thermostat")
        ready.radio.doze(valve, 1.0)
        await ready.command(valve, "heating_setpoint", "set", value=22.0)
        assert valve.value("occupied_heating_setpoint") == 2200


async def test_a_device_that_sleeps_for_long_is_told_when_it_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        valve = await ready.pair("thermostat")
        monkeypatch.setattr("device_plugins.zigbee.queues.CALLER_LIMIT", 0.6)
        ready.radio.doze(valve, 3600.0)
        for celsius in (19.0, 23.5):
            with pytest.raises(CommandTimeoutError, match="asleep"):
                await ready.command(valve, "heating_setpoint", "set", value=celsius)
        ready.radio.act(valve, "temperature", 15.0)
        await ready.in_time(lambda: valve.value("occupied_heating_setpoint") == 2350, "it is told", 20.0)
