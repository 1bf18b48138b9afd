"""What others on a real broker see of the hub's devices, and what they can do with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from socket import SHUT_RDWR

import msgspec
import pytest

from hub.testing import running
from plugins.devices.plugin import Devices
from tests.device_plugins.mqtt.broker import Broker
from tests.device_plugins.mqtt.publishing.homie_validator import breaches
from tests.device_plugins.mqtt.publishing.house import LAMP, House, house_on
from tests.harness.waiting import eventually

ROOT = Path(__file__).parents[4]
CONFIG = "homeassistant/device/domovoi/test-lamp/config"
SWITCH = "domovoi/test-lamp/on_off"
HOMIE_LAMP = "homie/5/domovoi-test-lamp"


@pytest.fixture
async def house(broker: Broker, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(broker, tmp_path / "hub") as made:
        yield made


async def retained(broker: Broker) -> dict[str, bytes]:
    """What the broker keeps, as one who comes now is told."""
    async with broker.peer("#") as late:
        await late.say("that/is/all", "there is")
        await late.hears("that/is/all")
        return {one.topic: one.payload for one in late.heard if one.retain}


async def test_nothing_is_published_unless_asked(house: House, broker: Broker) -> None:
    await house.publishes()
    assert await retained(broker) == {"domovoi/status": b"online"}


async def test_who_comes_late_finds_everything(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    kept = await retained(broker)
    assert breaches(kept) == []
    assert kept[SWITCH] == b"false"
    assert kept["domovoi/test-lamp/level"] == b"40"
    assert kept["domovoi/test-sensor/temperature"] == b"21.5"
    assert kept["domovoi/test-sensor/battery"] == b"None"
    assert kept["domovoi/test-lamp/availability"] == b"online"
    assert msgspec.json.decode(kept[CONFIG])["device"]["name"] == "Hall lamp"
    assert kept[f"{HOMIE_LAMP}/$state"] == b"ready"
    assert kept[f"{HOMIE_LAMP}/endpoint-1/level"] == b"40"
    assert f"{HOMIE_LAMP.replace('lamp', 'sensor')}/endpoint-1/battery" not in kept
    assert kept["homie/5/domovoi/$state"] == b"ready"


async def test_changes_are_told_and_kept(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    async with broker.peer("domovoi/#", "homie/#") as peer:
        house.plugin.report(LAMP.id, "on_off", True)
        await peer.hears(SWITCH, "true")
        await peer.hears(f"{HOMIE_LAMP}/endpoint-1/on-off", "true")
        house.plugin.available(LAMP.id, "offline", "it is silent")
        await peer.hears("domovoi/test-lamp/availability", "offline")
        await peer.hears(f"{HOMIE_LAMP}/$state", "lost")
    assert (await retained(broker))[SWITCH] == b"true"


async def test_home_assistant_and_homie_can_switch_the_lamp(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    async with broker.peer("domovoi/#", "homie/#") as peer:
        light = msgspec.json.decode((await retained(broker))[CONFIG])["components"]["on_off"]
        await peer.say(light["command_topic"], light["payload_on"])
        await peer.hears(light["state_topic"], light["payload_on"])
        await peer.say(light["brightness_command_topic"], "75")
        await peer.hears(light["brightness_state_topic"], "75")
        await peer.say(f"{HOMIE_LAMP}/endpoint-1/on-off/set", "false")
        await peer.hears(f"{HOMIE_LAMP}/endpoint-1/on-off", "false")
        await peer.say(f"{HOMIE_LAMP}/endpoint-1/on-off-command/set", "toggle")
        await peer.say(f"{SWITCH}/command", "off")
        await eventually(lambda: len(house.plugin.told) == 5)
    commands = [one[1:3] for one in house.plugin.told]
    assert commands[:3] == [("on_off", "set"), ("level", "set"), ("on_off", "set")]
    assert sorted(commands[3:]) == [("on_off", "off"), ("on_off", "toggle")]


async def test_a_refused_command_is_noted_and_fatal_to_nobody(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True)
    async with broker.peer("domovoi/#") as peer:
        await peer.say(f"{SWITCH}/set", b"\xff\x00")
        assert "no text" in await house.fault(f"{SWITCH}/set")
        await peer.say("domovoi/test-sensor/temperature/set", "12")
        assert "only be read" in await house.fault("domovoi/test-sensor/temperature/set")
        house.plugin.is_broken = True
        await peer.say("domovoi/test-lamp/level/set", "12")
        assert "does not answer" in await house.fault("domovoi/test-lamp/level/set")
        house.plugin.is_broken = False
        await peer.say(f"{SWITCH}/set", "true")
        await peer.hears(SWITCH, "true")


async def test_a_retained_command_is_not_carried_out(house: House, broker: Broker) -> None:
    async with broker.peer() as peer:
        await peer.say(f"{SWITCH}/set", "true", retain=True)
        await house.publishes(homeassistant=True)
        assert "retained" in await house.fault(f"{SWITCH}/set")
        await peer.say(f"{SWITCH}/set", retain=True)
    assert house.plugin.told == []


async def test_without_control_devices_can_be_seen_and_not_told(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True, control=False)
    kept = await retained(broker)
    assert b"command_topic" not in kept[CONFIG]
    assert b"settable" not in kept[f"{HOMIE_LAMP}/$description"]
    async with broker.peer() as peer:
        await peer.say(f"{SWITCH}/set", "true")
        house.plugin.report(LAMP.id, "level", 41)
        await house.settled()
    assert house.plugin.told == []


async def test_events_are_told_once_and_not_kept(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    async with broker.peer("domovoi/#", "homie/#") as peer:
        house.press()
        told = await peer.hears("domovoi/test-sensor/button/event")
        assert msgspec.json.decode(told.payload) == {"event_type": "single", "action": "single", "button": "1"}
        await peer.hears("homie/5/domovoi-test-sensor/endpoint-1/button", "single")
    assert "domovoi/test-sensor/button/event" not in await retained(broker)


async def test_a_removed_device_leaves_nothing_behind(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    async with broker.peer("homeassistant/#") as peer:
        await house.hub.call("devices.remove", device=LAMP.id)
        await peer.hears(CONFIG, "")
        await house.settled()
    kept = await retained(broker)
    assert not [topic for topic in kept if "lamp" in topic]
    assert breaches(kept) == []


async def test_a_new_device_and_a_new_name_are_told(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    async with broker.peer("homeassistant/#") as peer:
        await house.plugin.announce(msgspec.structs.replace(LAMP, id="test-second"))
        await peer.hears("homeassistant/device/domovoi/test-second/config")
        await house.hub.call("devices.rename", device=LAMP.id, name="Kitchen lamp")
        await eventually(lambda: any(one.topic == CONFIG and b"Kitchen lamp" in one.payload for one in peer.heard))
        await house.settled()
    kept = await retained(broker)
    assert breaches(kept) == []
    assert msgspec.json.decode(kept["homie/5/domovoi/$description"])["children"] == [
        "domovoi-test-lamp",
        "domovoi-test-second",
        "domovoi-test-sensor",
    ]


async def test_a_feature_that_is_gone_leaves_nothing_behind(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    await house.plugin.announce(msgspec.structs.replace(LAMP, features=LAMP.features[:1]))
    await house.settled()
    assert not [topic for topic in await retained(broker) if topic.endswith("/level")]


async def test_what_was_removed_while_the_hub_did_not_publish_is_taken_back_later(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    await house.stops()
    assert CONFIG in await retained(broker)
    await house.hub.call("devices.remove", device=LAMP.id)
    await house.publishes(homeassistant=True, homie=True)
    assert not [topic for topic in await retained(broker) if "lamp" in topic]


async def test_settings_that_change_leave_nothing_behind(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    await house.stops()
    await house.publishes(homeassistant=True, prefix="attic", **{"except": {"protocols": ["other"]}})
    kept = await retained(broker)
    assert "attic/test-lamp/on_off" in kept
    assert not [topic for topic in kept if topic.startswith(("homie/", "domovoi/test"))]
    await house.stops()
    await house.publishes()
    assert not [topic for topic in await retained(broker) if "test-" in topic]


async def test_when_home_assistant_starts_it_is_told_again(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True)
    async with broker.peer("homeassistant/+/#", "domovoi/#") as peer:
        await peer.say(CONFIG, retain=True)
        await peer.hears(CONFIG, "")
        peer.heard.clear()
        await peer.say("homeassistant/status", "online")
        assert (await peer.hears(CONFIG)).payload
        await peer.hears(SWITCH, "false")


async def test_a_broker_that_forgot_everything_is_told_again(house: House, broker: Broker) -> None:
    await house.publishes(homeassistant=True, homie=True)
    broker.kill()
    await house.in_time(lambda: house.mqtt.link.connection is None, "the broker is missed")
    house.plugin.report(LAMP.id, "on_off", True)
    await house.plugin.announce(msgspec.structs.replace(LAMP, id="test-second"))
    await broker.start()
    await house.in_time(lambda: house.mqtt.link.connection, "the broker is there again")
    await house.settled()
    kept = await retained(broker)
    assert breaches(kept) == []
    assert kept[SWITCH] == b"true"
    assert "homeassistant/device/domovoi/test-second/config" in kept


@pytest.mark.parametrize(
    ("homie", "topic", "gone", "lost"),
    [(True, "homie/5/domovoi/$state", "disconnected", "lost"), (False, "domovoi/status", "offline", "offline")],
)
async def test_the_hub_says_when_it_goes_and_the_broker_when_it_is_lost(
    house: House,
    broker: Broker,
    homie: bool,  # noqa: FBT001 - a parameter
    topic: str,
    gone: str,
    lost: str,
) -> None:
    await house.publishes(homeassistant=True, homie=homie)
    async with broker.peer(topic) as peer:
        await house.stops()
        await peer.hears(topic, gone)
        await house.publishes(homeassistant=True, homie=homie)
        peer.heard.clear()
        await cut(house)
        await peer.hears(topic, lost)


async def cut(house: House) -> None:
    """Lose the connection as when the hub loses its power."""
    connection = house.mqtt.link.connection
    assert connection is not None
    socket = connection._client._client.socket()  # type: ignore[attr-defined]
    socket.shutdown(SHUT_RDWR)


async def test_two_hubs_on_one_broker_do_not_disturb_each_other(broker: Broker, tmp_path: Path) -> None:
    async with house_on(broker, tmp_path / "one") as one, house_on(broker, tmp_path / "two") as two:
        await one.publishes(homeassistant=True, homie=True)
        await two.publishes(homeassistant=True, homie=True, prefix="attic")
        async with broker.peer() as peer:
            await peer.say("attic/test-lamp/on_off/set", "true")
            await peer.say("homie/5/attic-test-lamp/endpoint-1/level/set", "7")
            await eventually(lambda: len(two.plugin.told) == 2)
        assert one.plugin.told == []
        assert breaches(await retained(broker)) == []


@pytest.mark.parametrize("convention", ["homie5", "homeassistant"])
async def test_a_second_hub_takes_in_what_the_first_publishes(broker: Broker, tmp_path: Path, convention: str) -> None:
    async with house_on(broker, tmp_path / "one") as one, running(Devices, data_dir=tmp_path / "two") as hub:
        await one.publishes(convention, homeassistant=True, homie=True)
        two = House(hub, broker)
        await two.publishes(convention, homeassistant=True, homie=True, prefix="attic")
        lamp = await two.device("Hall lamp")
        assert lamp["protocol"] == "mqtt"
        await eventually(lambda: hub.state.get(f"device/{lamp['id']}/level") == 40, 10.0, "its level")
        await hub.call("devices.command", device=lamp["id"], capability="level", value=30)
        assert ("test-lamp", "level") in [told[:2] for told in one.plugin.told]
        await two.settled()
        # What came over the broker is not given back to it, and nobody takes in his own.
        assert not [topic for topic in await retained(broker) if topic.startswith("attic/") and "lamp" in topic]
        for house, prefix in ((one, "domovoi"), (two, "attic")):
            assert not [record.id for record in await house.hub.call("devices.list") if f".{prefix}" in record.id]
        assert hub.errors == []


async def test_the_access_list_of_the_documentation_holds_them_apart(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    text = (ROOT / "docs" / "mqtt-publishing.md").read_text()
    rules = text.partition("```text\n")[2].partition("```")[0]
    (folder / "acl").write_text(rules.replace("zigbee-00124b00226ecafe", LAMP.id))
    users = dict.fromkeys(("hub", "homeassistant", "controller", "display"), "secret")
    broker = Broker(folder, users=users, lines=(f"acl_file {folder / 'acl'}",))
    await broker.start()
    try:
        async with house_on(broker, tmp_path / "hub") as house:
            house.login = {"username": "hub", "password": "secret"}
            await house.publishes(homeassistant=True, homie=True)
            await everybody_does_their_part(broker, house)
    finally:
        broker.kill()


async def everybody_does_their_part(broker: Broker, house: House) -> None:
    level, homie_level = "domovoi/test-lamp/level", f"{HOMIE_LAMP}/endpoint-1/level"
    async with (
        broker.peer("homeassistant/#", "domovoi/#", user="homeassistant") as home,
        broker.peer("homie/5/#", user="controller") as controller,
        broker.peer("domovoi/#", user="display") as display,
    ):
        await home.hears(CONFIG)
        await try_to_say(broker, "display", f"{level}/set", "99")
        await try_to_say(broker, "homeassistant", level, "98")
        await try_to_say(broker, "controller", homie_level, "97")
        await display.say(f"{SWITCH}/set", "true")
        await home.hears(SWITCH, "true")
        await home.say(f"{level}/set", "51")
        await display.hears(level, "51")
        await controller.hears(homie_level, "51")
        await controller.say(f"{homie_level}/set", "52")
        await home.hears(level, "52")
        assert not {"97", "98", "99"} & {one.payload.decode() for one in home.heard + controller.heard}
    assert [one[3]["value"] for one in house.plugin.told] == [True, 51, 52]


async def try_to_say(broker: Broker, user: str, topic: str, payload: str) -> None:
    """Publish what a user may not; returns when the broker has dropped it, or has hung up, as some versions do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    with suppress(ConnectionError):
        writer.write(_packet(0x10, _text("MQTT") + b"\x04\xc2\x00\x3c" + _text("") + _text(user) + _text("secret")))
        assert await reader.readexactly(4) == b"\x20\x02\x00\x00", "it is let in"
        writer.write(_packet(0x30, _text(topic) + payload.encode()) + _packet(0xC0, b""))
        assert await reader.read(2) in {b"\xd0\x00", b""}
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _packet(kind: int, content: bytes) -> bytes:
    return bytes((kind, len(content))) + content


def _text(words: str) -> bytes:
    return len(words).to_bytes(2) + words.encode()
