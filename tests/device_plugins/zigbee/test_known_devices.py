"""Commands that are refused or unheard, and what is known of devices across a restart."""

from pathlib import Path

import pytest

from device_plugins.sdk import (
    CommandTimeoutError,
    InvalidValueError,
    UnreachableError,
    UnsupportedError,
)
from device_plugins.zigbee.mapping import Write, commands
from hub.api import Event
from tests.device_plugins.zigbee.bench import bench, id_of, without_plugin
from tests.harness.waiting import eventually


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
    monkeypatch.setattr("device_plugins.zigbee.queues.CALLER_LIMIT", 0.2)
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
            await ready.plugin.roster.save(known)
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
