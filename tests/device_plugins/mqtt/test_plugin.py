"""The plugin on a real broker: values, events, commands and availability of devices written down in a table."""

from pathlib import Path

import pytest

from device_plugins.sdk import ButtonPressed, CommandTimeoutError, UnreachableError
from tests.device_plugins.mqtt.broker import Broker, needs_mosquitto
from tests.device_plugins.mqtt.rig import LAMP, LAMP_ID, SENSOR, SENSOR_ID, hub_alone, hub_on
from tests.harness.waiting import eventually

pytestmark = needs_mosquitto


async def test_devices_are_announced_and_their_values_stand_in_state(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[LAMP, SENSOR]) as rig, broker.peer() as peer:
        assert [*rig.announced] == [LAMP_ID, SENSOR_ID]
        assert rig.announced[LAMP_ID].suggested_name == "Hall lamp"
        await peer.say("sensor/json", b'{"t": 68, "more": [40.5]}')
        await rig.becomes(SENSOR_ID, "temperature", 20)
        assert rig.value(SENSOR_ID, "humidity") == 40.5
        assert rig.value(SENSOR_ID, "availability") == "online"
        assert rig.value(SENSOR_ID, "last_seen") == rig.hub.clock.now()


async def test_what_is_retained_is_known_at_once_but_says_nothing_of_presence(broker: Broker, tmp_path: Path) -> None:
    async with broker.peer() as peer:
        await peer.say("sensor/json", b'{"t": 212}', retain=True)
        await peer.say("sensor/button", b"1", retain=True)
        async with hub_on(broker, tmp_path, device=[SENSOR]) as rig:
            await rig.becomes(SENSOR_ID, "temperature", 100)
            assert rig.value(SENSOR_ID, "availability") == "unknown"
            await peer.say("sensor/button", b"2")
            await eventually(lambda: rig.hub.events_of("device.button"), what="the button is heard")
            assert [one.data for one in rig.hub.events_of("device.button")] == [ButtonPressed("double")]


async def test_a_sign_tells_whether_the_device_is_there(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[LAMP]) as rig, broker.peer() as peer:
        assert rig.value(LAMP_ID, "availability") == "unknown"
        await peer.say("lamp/lwt", "online", retain=True)
        await rig.becomes(LAMP_ID, "availability", "online")
        await peer.say("lamp/lwt", "offline", retain=True)
        await rig.becomes(LAMP_ID, "availability", "offline")
        with pytest.raises(UnreachableError, match="it says that it is off"):
            await rig.command(LAMP_ID, "on_off", "on")


async def test_a_command_is_published_and_confirmed_by_the_next_reading(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[LAMP], confirm=0.3) as rig, broker.peer("lamp/#") as peer:
        with pytest.raises(CommandTimeoutError, match=r"did not confirm on_off on within 0\.3 s"):
            await rig.command(LAMP_ID, "on_off", "on")
        await peer.hears("lamp/set", "ON")
        assert rig.value(LAMP_ID, "on_off") is None


async def test_a_lamp_that_answers(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[LAMP]) as rig, broker.peer("lamp/#") as peer:
        wish = rig.plugin.ctx.tasks.start("wish", rig.command(LAMP_ID, "level", "set", value=50, transition=0.0))
        assert (await peer.hears("lamp/level/set")).payload == b"127.5"
        assert not wish.done()
        await peer.say("lamp/level", "127.5")
        await wish
        assert rig.value(LAMP_ID, "level") == 50


async def test_without_a_reading_what_was_asked_is_taken_for_true(broker: Broker, tmp_path: Path) -> None:
    siren = {"id": "siren", "feature": [{"capability": "siren", "command_topic": "siren/do", "retain": True}]}
    async with hub_on(broker, tmp_path, device=[siren]) as rig, broker.peer("siren/#") as peer:
        await rig.command("mqtt.table.siren", "siren", "set", value=True)
        await peer.hears("siren/do", "ON")
        assert rig.value("mqtt.table.siren", "siren") is True
        await rig.command("mqtt.table.siren", "siren", "off")
        assert rig.value("mqtt.table.siren", "siren") is False
    async with broker.peer("siren/do") as later:
        assert (await later.hears("siren/do", "OFF")).retain


async def test_silence_is_noticed_where_it_is_a_bad_sign(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[{**SENSOR, "silence": 600.0}]) as rig, broker.peer() as peer:
        await peer.say("sensor/json", b'{"t": 68}')
        await rig.becomes(SENSOR_ID, "availability", "online")
        await rig.hub.clock.advance(595)
        assert rig.value(SENSOR_ID, "availability") == "online"
        await rig.hub.clock.advance(20)
        assert rig.value(SENSOR_ID, "availability") == "unknown"
        assert "600 s" in rig.value(SENSOR_ID, "availability_reason")
        await peer.say("sensor/json", b'{"t": 70}')
        await rig.becomes(SENSOR_ID, "availability", "online")


async def test_the_hub_tells_that_it_is_there_and_that_it_went(broker: Broker, tmp_path: Path) -> None:
    async with broker.peer("domovoi/status") as peer:
        async with hub_on(broker, tmp_path) as rig:
            await peer.hears("domovoi/status", "online")
            await rig.stop()
            assert (await peer.hears("domovoi/status", "offline")).retain is False
        assert [one.payload for one in peer.heard] == [b"online", b"offline"]


async def test_a_removed_device_stays_away_until_there_is_pairing(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[SENSOR]) as rig, broker.peer() as peer:
        await rig.hub.call("mqtt.remove", device=SENSOR_ID)
        rig.announced.clear()
        await rig.stop()
        await rig.start(broker.port, device=[SENSOR])
        assert rig.announced == {}
        assert (await rig.status()).waiting == 1
        await rig.hub.call("mqtt.pair", session="a session", duration=60.0)
        await eventually(lambda: "configured" in [one.step for one in rig.steps()], what="it is let in")
        assert [*rig.announced] == [SENSOR_ID]
        assert [one.step for one in rig.steps()] == ["joined", "configured"]
        await peer.say("sensor/json", b'{"t": 50}', retain=True)
        await rig.becomes(SENSOR_ID, "temperature", 10)


async def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    async with hub_alone(tmp_path) as rig:
        await rig.start(1, device=[LAMP])
        assert rig.protocol["status"] == "down"
        assert "no broker can be reached at 127.0.0.1:1: " in rig.protocol["reason"]
        assert [*rig.announced] == [LAMP_ID]
        assert rig.value(LAMP_ID, "availability") == "offline"
        with pytest.raises(UnreachableError, match="the broker cannot be reached"):
            await rig.command(LAMP_ID, "on_off", "on")
