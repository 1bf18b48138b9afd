"""Virtual devices as a client beside them on a real broker hears them."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from device_plugins.virtual_mqtt.firmware import EsphomeClimate, TasmotaPlug, VirtualMqttError, make
from device_plugins.virtual_mqtt.plugin import VirtualMqtt
from hub.testing import HubInMemory, running
from tests.device_plugins.mqtt.broker import Broker
from tests.harness import eventually
from tests.harness.waiting import POLL_S


async def becomes(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - it asks a service
            await asyncio.sleep(POLL_S)


async def connected(hub: HubInMemory, name: str) -> None:
    async def there() -> bool:
        return any(one["name"] == name and one["connected"] for one in await hub.call("virtual_mqtt.devices"))

    await becomes(there)


async def test_a_plug_greets_obeys_and_is_used_by_hand(broker: Broker) -> None:
    async with (
        broker.peer("#") as peer,
        running(VirtualMqtt, config={"virtual_mqtt": {"port": broker.port}}) as hub,
    ):
        plug = await hub.call("virtual_mqtt.add", model="tasmota-plug", name="Kettle")
        assert await hub.call("virtual_mqtt.add", model="tasmota-plug", name="Kettle") == plug | {"connected": False}
        topic = f"tasmota_{plug['mac'][-6:]}"
        config = json.loads((await peer.hears(f"tasmota/discovery/{plug['mac']}/config")).payload)
        assert (config["t"], config["fn"], config["rl"][0]) == (topic, ["Kettle"], 1)
        await peer.hears(f"tele/{topic}/LWT", "Online")
        await connected(hub, "Kettle")

        await peer.say(f"cmnd/{topic}/POWER", "nonsense")
        await peer.say(f"cmnd/{topic}/POWER", "TOGGLE")
        await peer.hears(f"stat/{topic}/POWER", "ON")
        await peer.hears(f"stat/{topic}/RESULT", '{"POWER": "ON"}')
        await peer.say(f"cmnd/{topic}/POWER", "off")
        await peer.hears(f"stat/{topic}/POWER", "OFF")
        await hub.call("virtual_mqtt.act", device="Kettle", stimulus="on_off", value=True)
        await peer.say(f"cmnd/{topic}/STATE")
        await hub.call("virtual_mqtt.act", device="Kettle", stimulus="power", value=1850)

        def measured() -> bool:
            told = [json.loads(one.payload) for one in peer.heard if one.topic == f"tele/{topic}/SENSOR"]
            return any(one["ENERGY"]["Power"] == 1850 for one in told)

        await eventually(measured, 10.0, "its power")
        for stimulus, value in (("temperature", 1.0), ("power", "much"), ("power", True)):
            with pytest.raises(VirtualMqttError, match="Kettle"):
                await hub.call("virtual_mqtt.act", device="Kettle", stimulus=stimulus, value=value)


async def test_a_thermometer_speaks_discovery_and_comes_back_after_the_broker_died(broker: Broker) -> None:
    async with running(VirtualMqtt, config={"virtual_mqtt": {"port": broker.port}}) as hub:
        climate = await hub.call("virtual_mqtt.add", model="esphome-climate", name="Garden climate")
        await connected(hub, "Garden climate")
        broker.kill()

        async def alone() -> bool:
            return not (await hub.call("virtual_mqtt.devices"))[0]["connected"]

        await becomes(alone)
        with pytest.raises(VirtualMqttError, match=f"no connection to the broker at 127.0.0.1:{broker.port}"):
            await hub.call("virtual_mqtt.act", device="Garden climate", stimulus="temperature", value=1.5)
        await broker.start()

        async def back() -> bool:
            await hub.clock.advance(5.0)
            return bool((await hub.call("virtual_mqtt.devices"))[0]["connected"])

        await becomes(back)
        await hub.call("virtual_mqtt.act", device="Garden climate", stimulus="temperature", value=1.5)
        async with broker.peer("#") as peer:
            node = f"climate-{climate['mac'][-6:].lower()}"
            told = json.loads((await peer.hears(f"homeassistant/sensor/{node}/temperature/config")).payload)
            await peer.hears(told["stat_t"], "1.5")
            await peer.hears(told["avty_t"], "online")


async def test_what_cannot_be_is_refused(broker: Broker) -> None:
    async with running(VirtualMqtt, config={"virtual_mqtt": {"port": broker.port}}) as hub:
        assert set(await hub.call("virtual_mqtt.models")) == {"tasmota-plug", "esphome-climate"}
        with pytest.raises(VirtualMqttError, match="there is no virtual MQTT model 'toaster'; there are"):
            await hub.call("virtual_mqtt.add", model="toaster", name="Toaster")
        with pytest.raises(VirtualMqttError, match="1 to 64"):
            await hub.call("virtual_mqtt.add", model="tasmota-plug", name="")
        await hub.call("virtual_mqtt.add", model="tasmota-plug", name="Kettle")
        with pytest.raises(VirtualMqttError, match="Kettle is a tasmota-plug already"):
            await hub.call("virtual_mqtt.add", model="esphome-climate", name="Kettle")
        with pytest.raises(VirtualMqttError, match="add it first"):
            await hub.call("virtual_mqtt.act", device="Lamp", stimulus="on_off", value=True)


def test_addresses_are_of_their_own() -> None:
    one, other = make("tasmota-plug", "A", 1), make("tasmota-plug", "B", 2)
    assert isinstance(one, TasmotaPlug)
    assert one.mac != other.mac
    assert len(one.mac) == 12
    assert make("esphome-climate", "A", 0xFFFFFFF).mac.startswith("02D0")
    assert EsphomeClimate("A", 1).commanded("x", "y") == ()
