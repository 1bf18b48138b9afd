"""Devices as they come and go: known at once after a restart, let in by pairing, told twice and there once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from device_plugins.mqtt.conventions import CONVENTIONS
from device_plugins.sdk import Device
from hub.testing import running
from plugins.devices.plugin import Devices
from tests.device_plugins.mqtt.broker import Broker, needs_mosquitto
from tests.device_plugins.mqtt.homeassistant_recordings import recordings
from tests.device_plugins.mqtt.recordings import Recording, payload, recorded
from tests.device_plugins.mqtt.rig import Rig, hub_alone, hub_on
from tests.harness.waiting import eventually

pytestmark = needs_mosquitto

PLUG_TOPIC = "homeassistant/switch/plug/config"
CONFIG = {
    "unique_id": "plug_switch",
    "state_topic": "plug/state",
    "command_topic": "plug/set",
    "device": {"identifiers": ["plug"], "name": "Plug", "model": "P1"},
}


async def tell(broker: Broker, topic: str, told: Any, *, retain: bool = True) -> None:  # noqa: ANN401 - JSON
    async with broker.peer() as peer:
        await peer.say(topic, payload(told) if told is not None else b"", retain=retain)


async def announced(rig: Rig, count: int = 1) -> None:
    await eventually(lambda: len(rig.announced) >= count, 20.0, f"{count} devices are announced")
    await rig.settled()


async def test_what_announced_itself_is_known_before_the_broker_is(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await tell(broker, PLUG_TOPIC, CONFIG, retain=False)
        await announced(rig)
        (device,) = rig.announced
        await rig.stop()
        rig.announced.clear()
        broker.kill()
        await rig.start(broker.port, conventions=["homeassistant"])
        assert [*rig.announced] == [device]
        assert "broker lost" in rig.value(device, "availability_reason")
        await broker.start()
        await rig.comes_up()
        await rig.settled()
        async with broker.peer() as peer:
            await peer.say("plug/state", "ON")
            await rig.becomes(device, "on_off", value=True)


async def test_what_is_withdrawn_is_offline_and_forgotten_at_the_next_start(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await tell(broker, PLUG_TOPIC, CONFIG)
        await announced(rig)
        (device,) = rig.announced
        await tell(broker, PLUG_TOPIC, None)
        await rig.becomes(device, "availability", "offline")
        assert rig.value(device, "availability_reason") == "it is not announced any more"
        await rig.stop()
        rig.announced.clear()
        await rig.start(broker.port, conventions=["homeassistant"])
        assert rig.announced == {}
        await tell(broker, PLUG_TOPIC, CONFIG)
        await announced(rig)
        await rig.becomes(device, "availability", "unknown")


async def test_what_is_withdrawn_and_announced_again_is_heard_again(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await tell(broker, PLUG_TOPIC, CONFIG)
        await tell(broker, "plug/state", "ON")
        await announced(rig)
        (device,) = rig.announced
        await rig.becomes(device, "on_off", value=True)
        await tell(broker, PLUG_TOPIC, None)
        await rig.becomes(device, "availability", "offline")
        await tell(broker, "plug/state", "OFF")
        await tell(broker, PLUG_TOPIC, CONFIG)
        await rig.becomes(device, "availability", "unknown")
        assert rig.value(device, "availability_reason") == "not heard from yet"
        await rig.becomes(device, "on_off", value=False)


async def test_what_is_withdrawn_before_it_is_on_the_disk_is_offline(broker: Broker, tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        rig, arrived, gate = Rig(hub), asyncio.Event(), asyncio.Event()

        async def slow(device: Device) -> None:
            arrived.set()
            await gate.wait()
            rig.announced[device.id] = device

        hub.offer("devices.announce", slow)
        await rig.start(broker.port, conventions=["homeassistant"])
        await tell(broker, PLUG_TOPIC, CONFIG)
        await arrived.wait()
        await tell(broker, PLUG_TOPIC, None)
        await eventually(lambda: rig.plugin.dispatch.messages == 2, what="both are heard")
        gate.set()
        await rig.becomes("mqtt.homeassistant.plug", "availability", "offline")


async def test_what_its_owner_removed_comes_back_by_pairing_if_it_is_announced_still(
    broker: Broker, tmp_path: Path
) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        other = {**CONFIG, "unique_id": "other", "device": {"identifiers": ["other"]}}
        await tell(broker, PLUG_TOPIC, CONFIG)
        await tell(broker, "homeassistant/switch/other/config", other)
        await announced(rig, 2)
        await tell(broker, "homeassistant/switch/other/config", None)
        await rig.becomes("mqtt.homeassistant.other", "availability", "offline")
        for device in [*rig.announced]:
            await rig.hub.call("mqtt.remove", device=device)
        rig.announced.clear()
        await tell(broker, PLUG_TOPIC, {**CONFIG, "device": {**CONFIG["device"], "model": "P2"}})  # type: ignore[dict-item]
        await eventually(lambda: rig.plugin.dispatch.messages >= 4, what="it is heard")
        await rig.stop()
        await rig.start(broker.port, conventions=["homeassistant"])
        assert rig.announced == {}
        await rig.hub.call("mqtt.pair", session="a session", duration=60.0)
        await announced(rig)
        await rig.plugin.roster.settled()
        assert {device: one.model for device, one in rig.announced.items()} == {"mqtt.homeassistant.plug": "P2"}


async def test_removed_by_the_registry_nothing_is_left_and_its_name_is_free(broker: Broker, tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        rig = Rig(hub)
        await hub.run(Devices)
        await rig.start(broker.port, conventions=["homeassistant"])
        await tell(broker, "plug/state", "ON")
        await tell(broker, PLUG_TOPIC, CONFIG)
        device = "mqtt.homeassistant.plug"
        await rig.becomes(device, "on_off", value=True)
        await hub.call("devices.remove", device="Plug")
        assert hub.state.list(f"device/{device}") == {}
        await tell(broker, "plug/state", "OFF")
        await tell(broker, PLUG_TOPIC, CONFIG)
        await rig.settled()
        await eventually(lambda: rig.plugin.dispatch.messages >= 3, what="it is heard")
        assert await hub.call("devices.list") == []
        assert hub.state.list(f"device/{device}") == {}
        await hub.call("devices.pair", protocol="mqtt", duration=60.0)
        await rig.becomes(device, "on_off", value=False)
        assert [one.name for one in await hub.call("devices.list")] == ["Plug"]


async def test_a_description_that_changes_is_told_and_followed(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await tell(broker, PLUG_TOPIC, CONFIG)
        await announced(rig)
        (device,) = rig.announced
        fresh = {**CONFIG, "state_topic": "plug/new", "device": {**CONFIG["device"], "model": "P2"}}  # type: ignore[dict-item]
        await tell(broker, PLUG_TOPIC, fresh)
        await eventually(lambda: rig.announced[device].model == "P2", what="the model is told")
        await rig.settled()
        async with broker.peer() as peer:
            await peer.say("plug/state", "ON")
            await peer.say("plug/new", "OFF")
            await rig.becomes(device, "on_off", value=False)
        assert [one.data.value for one in rig.hub.events_of("state.changed") if one.subject.endswith("on_off")] == [
            False
        ]


async def test_with_pairing_a_device_comes_in_while_a_session_is_open_only(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homeassistant"], adopt="pairing") as rig:
        await tell(broker, PLUG_TOPIC, CONFIG)
        await eventually(lambda: rig.plugin.roster.waiting, what="it waits")
        assert rig.announced == {}
        await rig.hub.call("mqtt.pair", session="a session", duration=60.0)
        await announced(rig)
        (device,) = rig.announced
        assert [(one.step, one.device) for one in rig.steps()] == [("joined", device), ("configured", device)]
        await rig.hub.call("mqtt.pair_cancel")
        other = {**CONFIG, "unique_id": "other", "device": {"identifiers": ["other"]}}
        await tell(broker, "homeassistant/switch/other/config", other)
        await eventually(lambda: rig.plugin.roster.waiting, what="it waits")
        assert len(rig.announced) == 1
        await rig.stop()
        rig.announced.clear()
        await rig.start(broker.port, conventions=["homeassistant"], adopt="pairing")
        await announced(rig)
        assert len(rig.announced) == 1


def _z2m() -> Recording:
    return next(one for one in recorded("zigbee2mqtt") if one.name.endswith("mccgq11lm"))


def _double() -> dict[str, Any]:
    """What Zigbee2MQTT says of the same sensor to Home Assistant."""
    return {
        "unique_id": "0x00158d00045c9f11_contact_zigbee2mqtt",
        "state_topic": "zigbee2mqtt/0x00158d00045c9f11",
        "value_template": "{{ value_json.contact }}",
        "device_class": "door",
        "payload_on": False,
        "payload_off": True,
        "device": {"identifiers": ["zigbee2mqtt_0x00158d00045c9f11"], "name": "0x00158d00045c9f11"},
    }


@pytest.mark.parametrize("double_first", [True, False])
async def test_a_device_that_is_told_twice_is_there_once(broker: Broker, tmp_path: Path, double_first: bool) -> None:  # noqa: FBT001
    double = ("homeassistant/binary_sensor/0x00158d00045c9f11/contact/config", _double())
    for topic, told in [double, *_z2m().hears] if double_first else [*_z2m().hears, double]:
        await tell(broker, topic, told)
    async with hub_on(broker, tmp_path, conventions=[*CONVENTIONS]) as rig:
        await announced(rig)
        await eventually(lambda: rig.plugin.roster.waiting, 20.0, "the twin waits")
        assert [*rig.announced] == [_z2m().device["id"]]


async def test_a_late_twin_that_is_more_exact_takes_its_place(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=[*CONVENTIONS]) as rig:
        removed: list[str] = []

        async def remove(device: str, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as the registry's
            assert force
            removed.append(device)
            await rig.hub.call("mqtt.remove", device=device)

        rig.hub.offer("devices.remove", remove)
        await tell(broker, "homeassistant/binary_sensor/0x00158d00045c9f11/contact/config", _double())
        await announced(rig)
        (double,) = rig.announced
        for topic, told in _z2m().hears:
            await tell(broker, topic, told)
        await announced(rig, 2)
        await eventually(lambda: removed == [double], what="the first is taken back")
        assert [*rig.plugin.roster.known] == [_z2m().device["id"]]


async def test_a_device_of_the_hubs_own_radio_does_not_come_twice(broker: Broker, tmp_path: Path) -> None:
    async with hub_alone(tmp_path) as rig:
        rig.hub.state.set("device/zigbee-00158d00045c9f11", {"name": "Door"})
        for topic, told in _z2m().hears:
            await tell(broker, topic, told)
        await rig.start(broker.port, conventions=["zigbee2mqtt"])
        await eventually(lambda: rig.plugin.roster.waiting, 20.0, "the twin waits")
        assert rig.announced == {}
        rig.hub.publish("devices.removed", "device/zigbee-00158d00045c9f11", {})
        await announced(rig)
        assert [*rig.announced] == [_z2m().device["id"]]


async def test_a_device_is_asked_for_its_state_when_it_comes_in_and_when_the_broker_is_back(
    broker: Broker, tmp_path: Path
) -> None:
    recording = recorded("tasmota")[0]
    async with hub_on(broker, tmp_path, conventions=["tasmota"]) as rig:
        async with broker.peer("#") as peer:
            for topic, told in recording.hears:
                await peer.say(topic, payload(told))
            await announced(rig)
            (known,) = rig.plugin.roster.known.values()
            first = known.described.wake[0]
            await peer.hears(first.topic, first.payload)
        broker.kill()
        await rig.goes_down("was lost")
        await broker.start()
        async with broker.peer(first.topic) as peer:
            await rig.comes_up()
            await peer.hears(first.topic, first.payload)
            assert rig.value(known.id, "availability") == "unknown"


async def test_one_that_its_owner_removed_while_it_was_away_holds_nobody_up(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=[*CONVENTIONS]) as rig:
        await tell(broker, "homeassistant/binary_sensor/0x00158d00045c9f11/contact/config", _double(), retain=False)
        await announced(rig)
        (double,) = rig.announced
        await rig.stop()
        rig.announced.clear()
        await rig.start(broker.port, conventions=["zigbee2mqtt"])
        rig.hub.publish("devices.removed", f"device/{double}", {})
        for topic, told in _z2m().hears:
            await tell(broker, topic, told)
        await announced(rig)
        assert [*rig.announced] == [_z2m().device["id"]]


@pytest.mark.parametrize("convention", [name for name in CONVENTIONS if name != "homeassistant"])
async def test_recorded_models_on_a_broker(broker: Broker, tmp_path: Path, convention: str) -> None:
    for number, recording in enumerate(recorded(convention)):
        async with hub_on(broker, tmp_path / str(number), conventions=[convention]) as rig, broker.peer() as peer:
            device = recording.device["id"]
            for topic, told in recording.hears:
                await peer.say(topic, payload(told))
            await eventually(lambda: device in rig.plugin.roster.known, 20.0, recording.name)  # noqa: B023
            await rig.settled()
            for topic, said, wanted in recording.says:
                await peer.say(topic, payload(said))
                for key, value in wanted.items():
                    if not isinstance(value, dict) and value is not None:
                        await rig.becomes(device, key, value)
            status = await rig.status()
            assert status.malformed == 0, (recording.name, status.faults)


async def test_models_recorded_for_home_assistant_on_a_broker(broker: Broker, tmp_path: Path) -> None:
    for number, recording in enumerate(recordings("homeassistant").values()):
        async with hub_on(broker, tmp_path / str(number), conventions=["homeassistant"]) as rig, broker.peer() as peer:
            device = recording["device"]["id"]
            for message in recording["discovery"]:
                await peer.say(message["topic"], payload(message["payload"]))
            await eventually(lambda: device in rig.plugin.roster.known, 20.0, device)  # noqa: B023
            features = len(recording["features"])
            await eventually(lambda: len(rig.announced[device].features) == features, 20.0, device)  # noqa: B023
            await rig.settled()
            for message in recording["states"]:
                await peer.say(message["topic"], payload(message["payload"]))
            for key, value in recording["values"].items():
                await rig.becomes(device, key, value)
