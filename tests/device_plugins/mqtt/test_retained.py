"""What is retained is heard by whoever wants it, however late, and what a device has no more is not kept."""

from pathlib import Path
from typing import Any

from tests.device_plugins.mqtt.broker import Broker, needs_mosquitto
from tests.device_plugins.mqtt.recordings import payload
from tests.device_plugins.mqtt.rig import Rig, hub_on
from tests.harness.waiting import eventually

pytestmark = needs_mosquitto

NODES = {"plug": {"properties": {"power": {"datatype": "boolean", "settable": True, "name": "Power"}}}}


def sensor(device: str, field: str, **more: object) -> dict[str, Any]:
    return {
        "unique_id": f"{device}_{field}",
        "state_topic": "bridge/SENSOR",
        "value_template": f"{{{{ value_json.{field} }}}}",
        "device_class": field,
        "unit_of_measurement": "°C" if field == "temperature" else "%",
        "device": {"identifiers": [device]},
        **more,
    }


async def publish(broker: Broker, messages: dict[str, object]) -> None:
    async with broker.peer() as peer:
        for topic, told in messages.items():
            await peer.say(topic, payload(told), retain=True)


async def known(rig: Rig, device: str) -> None:
    await eventually(lambda: device in rig.plugin.roster.known, 20.0, f"{device} is known")
    await rig.settled()


async def test_a_child_that_comes_later_hears_the_state_of_its_root(broker: Broker, tmp_path: Path) -> None:
    def child(name: str) -> dict[str, object]:
        told = {"homie": "5.0", "version": 1, "nodes": NODES, "root": "box", "parent": "box"}
        return {
            f"homie/5/{name}/plug/power": "true",
            f"homie/5/{name}/$state": "ready",
            f"homie/5/{name}/$description": told,
        }

    async with hub_on(broker, tmp_path, conventions=["homie5"]) as rig:
        await publish(broker, {"homie/5/box/$state": "ready"} | child("one"))
        await rig.becomes("mqtt.homie5.one", "availability", "online")
        await publish(broker, child("two"))
        await rig.becomes("mqtt.homie5.two", "availability", "online")
        await rig.becomes("mqtt.homie5.two", "on_off", value=True)
        await publish(broker, {"homie/5/box/$state": "lost"})
        for name in ("one", "two"):
            await rig.becomes(f"mqtt.homie5.{name}", "availability", "offline")


async def test_devices_that_share_topics_hear_what_is_retained_there(broker: Broker, tmp_path: Path) -> None:
    shared = {"availability_topic": "bridge/LWT"}
    said = {"bridge/SENSOR": {"temperature": 20, "humidity": 40}, "bridge/LWT": "online"}
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await publish(broker, said | {"homeassistant/sensor/a/t/config": sensor("a", "temperature", **shared)})
        await rig.becomes("mqtt.homeassistant.a", "temperature", 20)
        await publish(broker, {"homeassistant/sensor/b/h/config": sensor("b", "humidity", **shared)})
        await rig.becomes("mqtt.homeassistant.b", "humidity", 40)
        await rig.becomes("mqtt.homeassistant.b", "availability", "online")
        # The same device, with one more to read from what was sent already.
        await publish(broker, {"homeassistant/sensor/a/h/config": sensor("a", "humidity", **shared)})
        await rig.becomes("mqtt.homeassistant.a", "humidity", 40)
        await rig.becomes("mqtt.homeassistant.a", "availability", "online")


async def test_a_topic_that_a_convention_hears_anyway_is_heard_by_a_device(broker: Broker, tmp_path: Path) -> None:
    config = sensor("a", "temperature", availability_topic="homie/box/$state", payload_available="ready")
    async with hub_on(broker, tmp_path, conventions=["homeassistant", "homie4"]) as rig:
        await publish(broker, {"homie/box/$state": "ready"})
        await publish(broker, {"homeassistant/sensor/a/t/config": config})
        await rig.becomes("mqtt.homeassistant.a", "availability", "online")
        await rig.settled()
        async with broker.peer() as peer:
            before = rig.plugin.dispatch.messages
            await peer.say("homie/box/$state", "init")
            await peer.say("bridge/SENSOR", b'{"temperature": 7}')
            await rig.becomes("mqtt.homeassistant.a", "temperature", 7)
            assert rig.plugin.dispatch.messages == before + 2


async def test_a_feature_with_another_key_leaves_nothing_under_the_old_one(broker: Broker, tmp_path: Path) -> None:
    def relay(number: int) -> dict[str, object]:
        config = {"command_topic": f"b/{number}/set", "state_topic": f"b/{number}", "device": {"identifiers": ["b"]}}
        return {f"homeassistant/switch/b/relay_{number}/config": config, f"b/{number}": "ON"}

    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await publish(broker, relay(1))
        await rig.becomes("mqtt.homeassistant.b", "on_off", value=True)
        await publish(broker, relay(2))
        await rig.becomes("mqtt.homeassistant.b", "on_off.1", value=True)
        await rig.becomes("mqtt.homeassistant.b", "on_off.2", value=True)
        assert rig.value("mqtt.homeassistant.b", "on_off") is None
