"""A head start: the hub acts before zigpy is there, and zigpy goes on where it left off."""

import asyncio
from pathlib import Path

import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError
from device_plugins.zigbee.network import Radio, RadioError
from device_plugins.zigbee.roster import Roster
from hub.testing import settle
from tests.device_plugins.zigbee.bench import id_of, without_plugin
from tests.device_plugins.zigbee.head_start import at_once, first_start, starting_again
from tests.harness.waiting import eventually

VERSIONS = pytest.mark.parametrize("version", [13, 14, 18])


@VERSIONS
async def test_reports_and_commands_pass_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    async with without_plugin(tmp_path, version) as ready:
        path, (lamp, sensor) = await first_start(ready, "lamp-color", "motion")
        async with starting_again(ready, path, monkeypatch) as start:
            assert ready.protocol["status"] == "ready"
            ready.radio.act(sensor.ieee, "temperature", 17)
            await ready.becomes(sensor, "temperature", 17.0)
            assert ready.value(sensor, "availability") == "online"
            await ready.command(lamp, "on_off", "on")
            await ready.becomes(lamp, "on_off", value=True)
            await ready.command(lamp, "level", "set", value=40)
            await ready.becomes(lamp, "level", 40)
            assert start.early.taken
            await start.is_whole()
        assert ready.value(sensor, "availability") == "online"
        ready.radio.act(sensor.ieee, "temperature", 18)
        await ready.becomes(sensor, "temperature", 18.0)
        await ready.command(lamp, "on_off", "off")
        await ready.becomes(lamp, "on_off", value=False)


@pytest.mark.parametrize("rounds", [3])
async def test_each_start_can_be_repeated_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        for _ in range(rounds):
            async with starting_again(ready, path, monkeypatch) as start:
                await ready.command(lamp, "on_off", "toggle")
                assert start.early.where(lamp.ieee.replace(":", "")) is not None
                await start.is_whole()
            await ready.stop()


async def test_what_only_zigpy_understands_is_heard_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (button,) = await first_start(ready, "button")
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.act(button.ieee, "press", "on")
            await settle()
            assert not ready.hub.events_of("device.button")
            await start.is_whole()
            await eventually(lambda: ready.hub.events_of("device.button"), 5.0, "the press is heard")


async def test_what_needs_the_whole_radio_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            asked = [
                at_once("a person", ready.hub.call("zigbee.bindings", device=id_of(lamp))),
                at_once("a person", ready.open_pairing()),
                at_once("a person", ready.command(lamp, "identify", "identify")),
            ]
            await settle()
            assert not any(one.done() for one in asked)
            await start.is_whole()
            await asyncio.gather(*asked)
        added = ready.radio.add("motion")
        ready.radio.join(added)
        assert (await ready.step(added, "configured", "failed")).step == "configured"


async def test_a_command_that_is_lost_is_sent_again_unless_it_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_plugins.zigbee.headstart._REPLY_LIMIT", 0.3)
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.slow_down(lamp, 0.4)
            with pytest.raises(CommandTimeoutError):
                await ready.command(lamp, "on_off", "toggle")
            ready.radio.slow_down(lamp, None)
            await ready.becomes(lamp, "on_off", value=True)
            ready.radio.faults.change(loss=1.0)
            asked = at_once("a person", ready.command(lamp, "on_off", "off"))
            await settle()
            ready.radio.faults.clear()
            await asked
            await ready.becomes(lamp, "on_off", value=False)
            await start.is_whole()


def configuring() -> bool:
    return any(":configure" in task.get_name() for task in asyncio.all_tasks())


async def test_a_device_that_is_still_to_be_configured_is_heard_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        sensor = await ready.pair("motion")
        await ready.stop()
        await ready.start(path, start_wait=60.0)
        known = ready.plugin.roster.known[sensor.ieee.replace(":", "")]
        known.record.configured = False
        await ready.plugin.roster.save(known)
        await ready.stop()
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.act(sensor.ieee, "temperature", 17)
            await ready.becomes(sensor, "temperature", 17.0)
            await start.is_whole()
        known = ready.plugin.roster.known[sensor.ieee.replace(":", "")]
        await eventually(lambda: known.record.configured and not configuring(), 5.0, "it is configured, and was read")
        ready.radio.act(sensor.ieee, "temperature", 18)
        await ready.becomes(sensor, "temperature", 18.0)


async def test_commands_that_wait_hold_up_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (plain, *others) = await first_start(ready, *["lamp-white"] * 9)
        async with starting_again(ready, path, monkeypatch) as start:
            waiting = [at_once("a person", ready.command(one, "identify", "identify")) for one in others]
            await ready.command(plain, "on_off", "on")
            await ready.becomes(plain, "on_off", value=True)
            assert not any(one.done() for one in waiting)
            await start.is_whole()
            await asyncio.gather(*waiting)


async def test_a_start_that_fails_at_its_very_end_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attach(_roster: Roster, _radio: Radio) -> None:
        raise RadioError("it broke at the last moment")

    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            asked = at_once("a person", ready.hub.call("zigbee.bindings", device=id_of(lamp)))
            await settle()
            with monkeypatch.context() as patch:
                patch.setattr(Roster, "attach", attach)
                await start.ends()
                with pytest.raises(UnreachableError, match="at the last moment"):
                    await asked
        await ready.comes_up()
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", value=True)
