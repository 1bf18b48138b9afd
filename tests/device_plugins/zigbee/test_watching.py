"""Devices that fall silent, on a virtual radio and with a clock that is turned."""

from pathlib import Path

from device_plugins.sdk import Device
from device_plugins.virtual_radio import VirtualDevice
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually

MINUTE, HOUR = 60.0, 3600.0


async def passes(ready: Bench, seconds: float) -> None:
    """Let time pass, look by look, and let what is asked meanwhile be answered."""
    for _ in range(round(seconds / 600)):
        await ready.hub.clock.advance(600.0)


async def until_offline(ready: Bench, device: VirtualDevice) -> None:
    await ready.in_time(lambda: ready.value(device, "availability") == "offline", "it is offline", 30.0)


async def test_a_lamp_that_is_switched_off_at_the_wall_is_found_out_and_found_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.reachable = False
        await ready.hub.clock.advance(14 * MINUTE)
        assert ready.value(lamp, "availability") == "online"
        await until_offline(ready, lamp)
        reason = ready.value(lamp, "availability_reason")
        assert reason.startswith("it has not been heard for ")
        assert reason.endswith(" minutes, and does not answer")
        lamp.reachable = True
        await ready.in_time(lambda: ready.value(lamp, "availability") == "online", "it is online", 30.0)


async def test_a_lamp_that_has_nothing_to_say_is_asked_and_stays_online(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.bindings.clear()
        for _ in range(100):
            await ready.hub.clock.advance(MINUTE)
            known = ready.plugin.roster.known[id_of(lamp).removeprefix("zigbee-")]
            await eventually(lambda known=known: not known.watch._asking)  # type: ignore[misc]
        assert ready.value(lamp, "availability") == "online"


async def test_a_sensor_that_falls_silent_is_gone_after_a_day_and_not_asked(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        sensor = await ready.pair("climate")
        sensor.reachable = False
        await passes(ready, 24 * HOUR)
        assert ready.value(sensor, "availability") == "online"
        await passes(ready, 2 * HOUR)
        assert ready.value(sensor, "availability") == "offline"
        reason = ready.value(sensor, "availability_reason")
        assert reason == "it has not been heard for 25 hours; its rhythm is not known yet"
        sensor.reachable = True
        ready.radio.act(sensor, "temperature", 25.0)
        await ready.becomes(sensor, "availability", "online")


async def test_a_rhythm_is_learned_and_survives_a_restart(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        door = await ready.pair("contact")
        for number in range(60):
            await passes(ready, HOUR)
            ready.radio.act(door, "contact", "closed" if number % 2 else "open")
            await ready.becomes(door, "contact", bool(number % 2))
        await ready.stop()
        await ready.start(ready.radio.address)
        ready.radio.act(door, "contact", "open")
        await ready.becomes(door, "contact", False)
        door.reachable = False
        await passes(ready, 2.5 * HOUR)
        assert ready.value(door, "availability") == "online"
        await passes(ready, 2 * HOUR)
        assert ready.value(door, "availability") == "offline"
        assert "it usually speaks at least every 68 minutes" in ready.value(door, "availability_reason")


async def test_days_without_a_radio_do_not_count(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(stick))
        sensor = await ready.pair("climate")
        ready.radio.unplug()
        await ready.goes_down("")
        assert ready.value(sensor, "availability") == "offline"
        await passes(ready, 50 * HOUR)
        ready.radio.replug()
        await ready.comes_up()
        await ready.hub.clock.advance(10 * MINUTE)
        assert ready.value(sensor, "availability") == "unknown"
        assert isinstance(ready.announced[id_of(sensor)], Device)
