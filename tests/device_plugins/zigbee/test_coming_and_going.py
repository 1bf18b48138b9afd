"""Devices that leave, are removed, go out of reach, or are disturbed while they are paired."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import (
    CommandTimeoutError,
    UnknownDeviceError,
    UnreachableError,
)
from device_plugins.virtual_radio import VirtualDevice
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.mapping import decode
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.node import ZigpyNode
from hub.api import Event
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually


async def test_a_removed_device_is_asked_to_leave_and_forgotten(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        await ready.hub.call("zigbee.remove", device=id_of(lamp))
        await eventually(lambda: not ready.radio.is_joined(lamp))
        with pytest.raises(UnknownDeviceError):
            await ready.command(lamp, "on_off", "on")
        await ready.stop()
        ready.announced.clear()
        await ready.start(ready.radio.address)
        assert ready.announced == {}


async def test_a_device_out_of_reach_is_unreachable_and_comes_back_when_heard(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.reachable = False
        with pytest.raises(UnreachableError, match="does not answer"):
            await ready.command(lamp, "on_off", "on")
        assert ready.value(lamp, "availability") == "offline"
        lamp.reachable = True
        ready.radio.act(lamp, "on_off", True)
        await ready.becomes(lamp, "availability", "online")


async def removed_out_of_reach(ready: Bench) -> VirtualDevice:
    sensor = await ready.pair("climate")
    await ready.hub.call("zigbee.pair_cancel")
    sensor.reachable = False
    await ready.hub.call("zigbee.remove", device=id_of(sensor))
    sensor.reachable = True
    assert ready.plugin.devices == {}
    ready.announced.clear()
    return sensor


async def test_a_device_removed_out_of_reach_is_told_to_leave_when_it_is_heard(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        sensor = await removed_out_of_reach(ready)
        await ready.stop()
        await ready.start(ready.radio.address)
        assert ready.radio.is_joined(sensor)
        sensor.announce()
        await eventually(lambda: not ready.radio.is_joined(sensor))
        assert ready.announced == {}


async def test_a_device_may_be_removed_while_it_is_configured(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = ready.radio.add("lamp-color")
        ready.radio.slow_down(lamp, 0.02)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await eventually(lambda: 0.8 in [step.progress for step in ready.steps(lamp)])
        await ready.hub.call("zigbee.remove", device=id_of(lamp))
        await eventually(lambda: not ready.radio.is_joined(lamp))
        await ready.hub.clock.advance(100.0)
        assert ready.plugin.devices == {}
        await ready.stop()
        ready.announced.clear()
        await ready.start(ready.radio.address)
        assert ready.announced == {}


async def test_a_device_removed_out_of_reach_may_be_paired_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        sensor = await removed_out_of_reach(ready)
        ready.radio.leave(sensor)  # as a hand that resets it
        await ready.open_pairing()
        ready.radio.join(sensor)
        await eventually(lambda: id_of(sensor) in ready.plugin.devices)
        await ready.becomes(sensor, "availability", "online")
        ready.radio.act(sensor, "temperature", 25.0)
        await ready.becomes(sensor, "temperature", 25.0)


async def test_a_device_that_was_told_to_have_left_but_speaks_is_there(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        ready.plugin.roster.left(id_of(lamp).removeprefix("zigbee-"))
        assert ready.value(lamp, "availability") == "offline"
        ready.radio.act(lamp, "on_off", True)
        await ready.becomes(lamp, "availability", "online")
        await ready.step(lamp, "configured")


async def test_a_device_that_announces_itself_during_its_interview_is_announced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        hear, before = VirtualDevice.hear, list[int]()

        def announce_first(self: VirtualDevice, aps: ApsFrame, data: bytes, **more: Any) -> None:  # noqa: ANN401
            if aps.profile and not before:  # it is asked for its model, so its endpoints are known
                before.append(aps.cluster)
                self.announce()
                asyncio.get_running_loop().call_later(0.05, lambda: hear(self, aps, data, **more))
            else:
                hear(self, aps, data, **more)

        monkeypatch.setattr(VirtualDevice, "hear", announce_first)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "configured")
        assert before == [0x0000]
        assert ready.models == {"V-Lamp White"}
        assert [step.step for step in ready.steps(lamp)].count("configured") == 1


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.15])
async def test_pairing_that_is_cut_short_is_ended_after_the_next_start(tmp_path: Path, after: float) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = ready.radio.add("lamp-color")
        ready.radio.slow_down(lamp, 0.01)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "interviewing")
        await asyncio.sleep(after)
        await ready.stop()
        await ready.start(ready.radio.address)
        await ready.becomes(lamp, "color_mode", "temperature")
        await eventually(lambda: len(lamp.bindings) == 3)
        assert ready.models == {"V-Lamp Color"}
        assert [*ready.plugin.devices] == [id_of(lamp)]


async def test_a_lamp_out_of_reach_while_it_is_configured_is_tried_again_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")

        def vanish(event: Event) -> None:
            if event.data.step == "interviewing" and event.data.progress == 0.8:
                lamp.reachable = False

        undo = ready.hub.events.subscribe("devices.pairing", vanish)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "failed")
        undo()
        lamp.reachable = True
        assert not lamp.bindings
        await ready.hub.clock.advance(31.0)
        await ready.step(lamp, "configured")
        assert lamp.bindings


async def test_an_answer_that_never_comes_does_not_keep_a_device_from_being_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind, deaf = ZigpyNode.bind, [True]

    async def deaf_to_one(self: ZigpyNode, endpoint: int, cluster: int, *, output: bool = False) -> None:
        if cluster == 0x0008 and deaf[0]:
            raise CommandTimeoutError("no answer", device=f"zigbee-{self.ieee}")
        await bind(self, endpoint, cluster, output=output)

    monkeypatch.setattr(ZigpyNode, "bind", deaf_to_one)
    async with bench(tmp_path) as ready:
        lamp, other = (ready.radio.add("lamp-white") for _ in range(2))
        await ready.open_pairing()
        ready.radio.join(lamp)
        step = await ready.step(lamp, "failed")
        assert "binding of 0x0008" in step.reason
        await ready.hub.clock.advance(31.0)
        await ready.in_time(lambda: "configured" in [one.step for one in ready.steps(lamp)], "configured")
        assert (await ready.step(lamp, "configured")).reason == "binding of 0x0008: no answer"

        ready.radio.join(other)
        await ready.step(other, "failed")
        deaf[0] = False
        await ready.hub.clock.advance(31.0)
        assert (await ready.step(other, "configured")).reason == ""
        assert len(other.bindings) == 2


async def test_two_commands_at_once_are_both_carried_out(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        async with asyncio.TaskGroup() as group:
            for percent in (20, 60):
                group.create_task(ready.command(lamp, "level", "set", value=percent, transition=0))
            group.create_task(ready.command(lamp, "identify", "identify", duration=3))
        assert lamp.value("identify_time") == 3
        await ready.hub.clock.advance(2.0)
        level = decode.percent_of_level(int(str(lamp.value("current_level"))))
        await ready.becomes(lamp, "level", level)


async def test_a_command_on_its_way_while_the_device_rejoins_ends_and_the_next_one_works(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        ready.radio.slow_down(lamp, 0.05)

        async def command() -> None:
            with suppress(UnreachableError, CommandTimeoutError):
                await ready.command(lamp, "on_off", "on")

        async with asyncio.TaskGroup() as group:
            group.create_task(command())
            await asyncio.sleep(0)
            ready.radio.rejoin(lamp)
        ready.radio.slow_down(lamp, None)
        await eventually(lambda: [step.step for step in ready.steps(lamp)].count("configured") == 2)
        await ready.command(lamp, "on_off", "off")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
        assert ready.value(lamp, "availability") == "online"


@pytest.mark.parametrize("progress", [0.2, 0.6, 0.8])
async def test_a_device_that_leaves_while_it_is_paired_may_come_again(tmp_path: Path, progress: float) -> None:
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        ready.radio.slow_down(lamp, 0.02)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await eventually(lambda: progress in [step.progress for step in ready.steps(lamp)])
        ready.radio.leave(lamp)
        assert (await ready.step(lamp, "failed")).reason == "it left the network"
        await ready.hub.clock.advance(100.0)
        ready.radio.slow_down(lamp, None)
        ready.radio.join(lamp)
        await ready.step(lamp, "configured")


async def test_the_permission_may_run_out_during_an_interview(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        ready.radio.slow_down(lamp, 0.02)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "interviewing")
        await ready.hub.call("zigbee.pair_cancel")
        await ready.becomes(lamp, "on_off", False)
        await eventually(lambda: len(lamp.bindings) == 2)


async def test_a_sleeping_device_is_asked_only_for_what_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, list[int]]] = []
    read = ZigpyNode.read

    async def noted(
        self: ZigpyNode,
        endpoint: int,
        cluster: int,
        attributes: Iterable[int],
        *,
        background: bool = False,
        output: bool = False,
    ) -> tuple[dict[int, Raw], set[int]]:
        asked.append((cluster, [*attributes]))
        return await read(self, endpoint, cluster, attributes, background=background, output=output)

    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        sensor = await ready.pair("climate")
        await ready.stop()
        ready.hub.state.delete(f"device/{id_of(sensor)}/humidity")
        monkeypatch.setattr(ZigpyNode, "read", noted)
        await ready.start(ready.radio.address)
        ready.radio.act(sensor, "temperature", 21.5)
        await ready.becomes(sensor, "humidity", 50)
        sensor.announce()
        ready.radio.act(sensor, "pressure", 98_700)
        await ready.becomes(sensor, "pressure", 98_700)
        assert asked == [(0x0405, [0])]


async def test_a_zone_that_cannot_be_enrolled_is_told_of_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as ready:
        door = await ready.pair("contact")
        request = bytes.fromhex("15003412")
        door.say(door.endpoints[1], 0x0500, 0x01, request, target_endpoint=1)
        door.reachable = False
        await eventually(lambda: "was not enrolled" in caplog.text)
