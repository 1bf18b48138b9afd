"""The network's life: formed once, resumed ever after, and devices that come, go, fall silent and come back."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from device_plugins.sdk import (
    CommandTimeoutError,
    InvalidValueError,
    UnknownDeviceError,
    UnreachableError,
    UnsupportedError,
)
from device_plugins.zigbee.mapping import Write, commands
from device_plugins.zigbee.radio import ZigpyRadio
from hub.api import Event
from tests.device_plugins.zigbee.bench import bench, id_of, without_plugin
from tests.harness.waiting import eventually


async def test_a_network_is_formed_once_and_resumed(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        first = await ready.hub.call("zigbee.status")
        formed = ready.radio.network
        assert first.status == "up"
        assert first.network is not None
        assert first.network.channel in {11, 15, 20, 25}
        lamp = await ready.pair("lamp-white")
        await ready.stop()

        await ready.start(ready.radio.address)
        again = await ready.hub.call("zigbee.status")
        assert again.network == first.network
        assert ready.radio.network == formed
        assert [id_of(lamp)] == [*ready.plugin.devices]
        await ready.becomes(lamp, "availability", "online")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_two_networks_have_nothing_in_common(tmp_path: Path) -> None:
    networks = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        async with bench(tmp_path / name) as ready:
            networks.append(ready.radio.network)
    one, other = networks
    assert one is not None
    assert other is not None
    for secret in ("key", "extended_pan", "pan_id", "network_key", "extended_pan_id", "nwk_key"):
        if secret in one:
            assert one[secret] != other[secret]


async def test_the_channel_may_be_chosen(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=24) as ready:
        status = await ready.hub.call("zigbee.status")
        assert status.network is not None
        assert status.network.channel == 24


async def test_keys_are_private(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        files = [*tmp_path.rglob("zigbee.db*")]
        assert files
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        network = ready.radio.network
        assert network is not None
        keys = [value for name, value in network.items() if "key" in name and isinstance(value, str) and value]
        told = str(await ready.hub.call("zigbee.status")) + str(ready.hub.recorded)
        assert keys
        assert not [key for key in keys if key in told]


async def test_pairing_tells_its_steps(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        steps = [step.step for step in ready.steps(lamp)]
        assert steps[0] == "joined"
        assert steps[-1] == "configured"
        assert set(steps[1:-1]) == {"interviewing"}
        progress = [step.progress for step in ready.steps(lamp)]
        assert progress == sorted(progress)
        assert ready.steps(lamp)[-1].model == "V-Lamp White"


async def test_joining_is_open_only_while_pairing(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        seen = [ready.radio.permits]
        await ready.open_pairing()
        seen.append(ready.radio.permits)
        await ready.hub.call("zigbee.pair_cancel")
        assert [*seen, ready.radio.permits] == [False, True, False]


async def test_a_long_pairing_is_permitted_again_and_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        permits: list[object] = []
        ready.radio.watch(lambda event, facts: permits.append(facts["seconds"]) if event == "permit" else None)
        await ready.hub.call("zigbee.pair", session="long", duration=600.0)
        await ready.hub.clock.advance(240.0)
        await eventually(lambda: permits.count(254) >= 2)
        async with asyncio.timeout(5.0):
            while 120 not in permits:
                await ready.hub.clock.advance(10.0)
                await asyncio.sleep(0.01)
        await ready.hub.call("zigbee.pair_cancel")
        assert not ready.radio.permits


async def test_a_device_that_joins_without_a_session_is_announced_all_the_same(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        assert ready.plugin.radio is not None
        await ready.plugin.radio.permit(60)
        lamp = ready.radio.add("lamp-white")
        ready.radio.join(lamp)
        await ready.becomes(lamp, "on_off", False)
        assert id_of(lamp) in ready.announced
        assert ready.steps(lamp) == []


async def test_a_device_that_falls_silent_during_the_interview_fails_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zigpy.device.DEFAULT_REQUEST_RETRIES", 0)
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        await ready.open_pairing()
        ready.radio.join(lamp)
        lamp.reachable = False
        step = await ready.step(lamp, "failed")
        assert "interview" in step.reason
        lamp.reachable = True
        ready.radio.rejoin(lamp)
        await ready.step(lamp, "configured")


async def test_a_rejoin_makes_no_second_device(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        short = lamp.short
        ready.radio.rejoin(lamp)
        assert lamp.short != short
        await eventually(lambda: [step.step for step in ready.steps(lamp)].count("configured") == 2)
        assert [*ready.plugin.devices] == [id_of(lamp)]
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_device_that_leaves_is_offline_until_it_returns(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        ready.radio.leave(lamp)
        await ready.becomes(lamp, "availability", "offline")
        assert ready.value(lamp, "availability_reason") == "it left the network"
        await ready.stop()

        await ready.start(ready.radio.address)
        assert ready.value(lamp, "availability_reason") == "it left the network"
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.becomes(lamp, "availability", "online")
        await ready.step(lamp, "configured")
        ready.radio.act(lamp, "on_off", True)
        await ready.becomes(lamp, "on_off", True)


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


async def test_a_device_without_the_command_is_unsupported(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        known = ready.plugin.roster.known[id_of(lamp).removeprefix("zigbee-")]
        assert known.node is not None
        for request in (
            commands.Send(0x0300, 0x07, (1, 1, 0)),
            commands.Send(0x0006, 0x77),
            Write(0x0006, 0x0000, 1),
        ):
            with pytest.raises((UnsupportedError, InvalidValueError)):
                await known.node.carry_out(1, request)
        with pytest.raises(UnsupportedError):
            await ready.command(lamp, "color_xy", "set", value=[0.1, 0.1])
        assert ready.value(lamp, "availability") == "online"


async def test_a_value_the_device_refuses_is_invalid(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        valve = await ready.pair("thermostat")
        with pytest.raises(InvalidValueError, match="range"):
            await ready.command(valve, "heating_setpoint", "set", value=99.0)
        assert ready.value(valve, "heating_setpoint") == 20.0


async def test_a_device_that_takes_a_command_and_says_nothing_times_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_plugins.zigbee.actions._CONFIRM_LIMIT", 0.2)
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        monkeypatch.setattr(type(lamp), "hear", lambda *_, **__: None)
        with pytest.raises(CommandTimeoutError, match="did not confirm"):
            await ready.command(lamp, "on_off", "on")
        assert ready.value(lamp, "on_off") is False


async def test_a_change_that_is_not_reported_is_read_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.bindings.clear()
        await ready.command(lamp, "on_off", "on")
        assert ready.value(lamp, "on_off") is False
        await ready.hub.clock.advance(1.0)
        await ready.becomes(lamp, "on_off", True)


async def test_known_devices_are_there_before_the_radio_is(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        sensor = await ready.pair("climate")
        await ready.stop()
        ready.announced.clear()
        await ready.start("/dev/no-such-stick", start_wait=0.0)
        assert id_of(sensor) in ready.announced
        with pytest.raises(UnreachableError, match="radio is down"):
            await ready.command(sensor, "identify", "identify", duration=1)


async def test_a_sleeping_sensor_is_unknown_after_a_start_until_it_is_heard(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        sensor = await ready.pair("climate")
        await ready.stop()
        await ready.start(ready.radio.address)
        assert ready.value(sensor, "availability") == "unknown"
        ready.radio.act(sensor, "temperature", 21.5)
        await ready.becomes(sensor, "temperature", 21.5)
        assert ready.value(sensor, "availability") == "online"


async def test_a_device_removed_while_the_radio_is_away_is_gone_when_it_returns(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        await ready.stop()
        await ready.start("/dev/no-such-stick", start_wait=1.0)
        await ready.hub.call("zigbee.remove", device=id_of(lamp))
        await ready.stop()
        await ready.start(ready.radio.address)
        assert ready.plugin.devices == {}
        await eventually(lambda: not ready.radio.is_joined(lamp))


async def test_a_device_whose_configuration_was_cut_short_is_configured_after_the_next_start(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        sensor = await ready.pair("motion")
        for device in (lamp, sensor):
            known = ready.plugin.roster.known[id_of(device).removeprefix("zigbee-")]
            known.record.configured = False
            await ready.plugin.roster._save(known)
            device.bindings.clear()
        await ready.stop()
        await ready.start(ready.radio.address)
        await eventually(lambda: lamp.bindings)
        assert not sensor.bindings
        await ready.hub.clock.advance(60.0)
        sensor.announce()
        await eventually(lambda: sensor.bindings)
        ready.radio.act(sensor, "motion", True)
        await ready.becomes(sensor, "occupancy", True)


async def test_a_device_that_only_the_radio_remembers_is_announced_after_the_next_start(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        await ready.hub.context("zigbee").storage.delete("device/" + id_of(lamp).removeprefix("zigbee-"))
        await ready.stop()
        ready.announced.clear()
        await ready.start(ready.radio.address)
        await eventually(lambda: id_of(lamp) in ready.announced)
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_device_that_lost_its_power_tells_its_values_anew(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.endpoints[1].clusters[0x0006].named("on_off").value = True
        lamp.announce()
        await ready.becomes(lamp, "on_off", True)
        assert [step.step for step in ready.steps(lamp)].count("configured") == 1


async def test_a_device_that_falls_asleep_before_it_is_configured_is_configured_when_it_wakes(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        sensor = ready.radio.add("motion")

        def fall_asleep(event: Event) -> None:
            if event.data.step == "interviewing" and event.data.progress == 0.6:
                sensor.reachable = False

        undo = ready.hub.events.subscribe("devices.pairing", fall_asleep)
        await ready.open_pairing()
        ready.radio.join(sensor)
        step = await ready.step(sensor, "failed")
        assert step.reason.endswith("fell silent; wake it up, it is configured as soon as it is heard")
        assert id_of(sensor) in ready.announced
        undo()
        sensor.reachable = True
        await ready.hub.clock.advance(60.0)
        sensor.announce()
        await ready.step(sensor, "configured")
        ready.radio.act(sensor, "motion", True)
        await ready.becomes(sensor, "occupancy", True)


async def test_a_zone_that_asks_to_be_enrolled_again_is_enrolled(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        door = await ready.pair("contact")
        await eventually(lambda: door.value("zone_state") == 1)
        door.endpoints[1].clusters[0x0500].named("zone_state").value = 0
        door.say(door.endpoints[1], 0x0500, 0x01, bytes.fromhex("15003412"), target_endpoint=1)
        await eventually(lambda: door.value("zone_state") == 1)


async def test_the_stick_is_not_asked_about_every_command(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        asked: list[str] = []
        assert isinstance(ready.plugin.radio, ZigpyRadio)
        protocol = ready.plugin.radio._app._ezsp._protocol
        command = protocol.command

        async def noted(name: str, *args: object, **fields: object) -> object:
            asked.append(name)
            return await command(name, *args, **fields)

        protocol.command = noted
        for value in (True, False, True):
            await ready.command(lamp, "on_off", "set", value=value)
        assert asked == ["sendUnicast"] * 3


def test_the_radio_libraries_come_on_first_use() -> None:
    heavy = "sorted({'zigpy', 'bellows', 'serialx'} & set(sys.modules))"
    code = f"import sys; import device_plugins.zigbee.plugin; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
