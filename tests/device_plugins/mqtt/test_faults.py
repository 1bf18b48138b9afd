"""What goes wrong between the hub and a real broker: it dies, hangs, refuses, or brings nonsense."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from device_plugins.sdk import UnreachableError
from tests.device_plugins.mqtt.broker import Broker, make_certificates, needs_mosquitto
from tests.device_plugins.mqtt.rig import LAMP, LAMP_ID, SENSOR, SENSOR_ID, hub_alone, hub_on
from tests.harness.waiting import eventually, free_port

pytestmark = needs_mosquitto


async def test_a_broker_that_is_killed_and_comes_back(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[LAMP, SENSOR]) as rig:
        async with broker.peer() as peer:
            await peer.say("sensor/json", b'{"t": 68}')
            await rig.becomes(SENSOR_ID, "availability", "online")
        broker.kill()
        await rig.goes_down("was lost")
        assert rig.value(SENSOR_ID, "availability") == "offline"
        assert "broker lost" in rig.value(SENSOR_ID, "availability_reason")
        with pytest.raises(UnreachableError, match="the broker cannot be reached"):
            await rig.command(LAMP_ID, "on_off", "on")
        await rig.hub.clock.advance(1.0)
        await rig.goes_down("no broker can be reached")
        await broker.start()
        await rig.comes_up()
        await rig.settled()
        assert rig.value(SENSOR_ID, "availability") == "unknown"
        async with broker.peer("domovoi/status") as peer:
            assert (await peer.hears("domovoi/status", "online")).retain
            await peer.say("sensor/json", b'{"t": 86}')
            await rig.becomes(SENSOR_ID, "temperature", 30)
            assert rig.value(SENSOR_ID, "availability") == "online"


async def test_a_broker_that_hangs_is_noticed_by_the_keepalive(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, keepalive=5) as rig:
        with broker.hanging():
            await rig.goes_down("was lost", within=20.0)
        await rig.comes_up()


async def test_a_hub_that_dies_leaves_its_will(broker: Broker, tmp_path: Path) -> None:
    async with broker.peer("domovoi/status") as peer, hub_on(broker, tmp_path, keepalive=5) as rig:
        await peer.hears("domovoi/status", "online")
        connection = rig.plugin.link.connection
        assert connection is not None
        sock = connection._client._client.socket()  # type: ignore[attr-defined]
        sock.shutdown(2)
        await peer.hears("domovoi/status", "offline")


async def test_where_the_will_is_elsewhere_no_status_stands_that_could_be_wrong(broker: Broker, tmp_path: Path) -> None:
    async with broker.peer("domovoi/status", "homie/5/domovoi/$state") as peer:
        await peer.say("domovoi/status", "online", retain=True)  # of a time without Homie
        async with hub_alone(tmp_path) as rig:
            rig.hub.offer("devices.list", _no_devices)
            await rig.start(broker.port, publish={"homie": True}, keepalive=5)
            await peer.hears("homie/5/domovoi/$state", "ready")
            await peer.hears("domovoi/status", "")
            connection = rig.plugin.link.connection
            assert connection is not None
            sock = connection._client._client.socket()  # type: ignore[attr-defined]
            sock.shutdown(2)
            await peer.hears("homie/5/domovoi/$state", "lost")
        assert [one.payload for one in peer.heard if one.topic == "domovoi/status"][-1] == b""


async def _no_devices() -> list[dict[str, str]]:
    return []


async def test_a_wrong_password_is_one_sentence(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", users={"hub": "s3cret"})
    await broker.start()
    try:
        async with hub_alone(tmp_path) as rig:
            await rig.start(broker.port, username="hub", password="guess")
            assert "refuses this user; set [plugin.mqtt] username and password" in rig.protocol["reason"]
            await rig.stop()
            await rig.start(broker.port, username="hub", password="s3cret")
            assert rig.protocol["status"] == "ready", rig.protocol
    finally:
        broker.kill()


async def test_tls_with_a_certificate_of_the_hub(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "certificates")
    broker = Broker(tmp_path / "broker", tls=made, client_certificates=True)
    await broker.start()
    own = {"certificate": str(made.client), "private_key": str(made.client_key)}
    try:
        async with hub_on(broker, tmp_path, device=[SENSOR], tls=True, ca=str(made.ca), **own) as rig:
            async with broker.peer() as peer:
                await peer.say("sensor/json", b'{"t": 68}')
                await rig.becomes(SENSOR_ID, "temperature", 20)
            await rig.stop()
            await rig.start(broker.port, tls=True, **own)
            assert "certificate verify failed" in rig.protocol["reason"]
            await rig.stop()
            await rig.start(broker.port, tls=True, ca=str(tmp_path / "nowhere.pem"))
            assert "nowhere.pem" in rig.protocol["reason"] or "No such file" in rig.protocol["reason"]
    finally:
        broker.kill()


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""], ids=["old", "new", "none"])
async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(broker: Broker, tmp_path: Path, answer: bytes) -> None:
    port, refused = free_port(), []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(4096)
        if first[8] == 5:
            refused.append(first)
            writer.write(answer)
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", broker.port)
        inner_writer.write(first)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    try:
        async with hub_alone(tmp_path) as rig:
            await rig.start(port, device=[SENSOR])
            assert rig.protocol["status"] == "ready", rig.protocol
            assert (await rig.status()).version == "3.1.1"
            async with broker.peer() as peer:
                await peer.say("sensor/json", b'{"t": 68}')
                await rig.becomes(SENSOR_ID, "temperature", 20)
            assert len(refused) == 1
            await rig.stop()
    finally:
        server.close()
        await server.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(4096):
            writer.write(data)
    writer.close()


async def test_mqtt_5_is_spoken_where_it_can_be(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path) as rig:
        assert (await rig.status()).version == "5"


async def test_topics_that_may_not_be_heard_are_shown(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite domovoi/#\ntopic read lamp/#\ntopic write #\n")
    rules.chmod(0o600)
    broker = Broker(tmp_path / "broker", lines=(f"acl_file {rules}",))
    await broker.start()
    try:
        async with hub_on(broker, tmp_path, device=[LAMP, SENSOR]) as rig, broker.peer() as peer:
            await peer.say("lamp/state", "ON")
            await rig.becomes(LAMP_ID, "on_off", value=True)
            await peer.say("sensor/json", b'{"t": 68}')
            await peer.say("lamp/state", "OFF")
            await rig.becomes(LAMP_ID, "on_off", value=False)
            assert rig.value(SENSOR_ID, "temperature") is None
    finally:
        broker.kill()


HOSTILE = {
    "no JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 60_000,
    "deep and balanced": b"[" * 20_000 + b"]" * 20_000,
    "a number too large": b'{"t": 1e999, "more": [1e300]}',
    "a number too small": b'{"t": -1000000, "more": [-1]}',
    "another type": b'{"t": {"a": []}, "more": [[]]}',
    "no number": b'{"t": "warm", "more": ["NaN"]}',
    "many digits": b'{"t": %b}' % (b"9" * 5000),
    "too long": b'{"t": 1, "x": "%b"}' % (b"x" * 100_000),
    "far too long": b"x" * 10_000_000,
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_hostile_payloads_are_passed_over(broker: Broker, tmp_path: Path, payload: bytes, version: str) -> None:
    async with hub_on(broker, tmp_path, device=[SENSOR], version=version) as rig, broker.peer() as peer:
        await peer.say("sensor/json", b'{"t": 68, "more": [40]}')
        await rig.becomes(SENSOR_ID, "temperature", 20)
        await peer.say("sensor/json", payload)
        await peer.say("sensor/json", b'{"t": 50, "more": [41]}')
        await rig.becomes(SENSOR_ID, "temperature", 10)
        status = await rig.status()
        assert rig.protocol["status"] == "ready"
        if len(payload) > 1 << 20 and version == "5":
            return  # the broker itself does not send it
        assert status.malformed == 1
        assert [(fault.topic, fault.count) for fault in status.faults] == [("sensor/json", 1)]


async def test_topics_that_are_too_long_are_passed_over_and_not_remembered(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, conventions=["homie4"]) as rig, broker.peer() as peer:
        for number in range(20):
            name = f"{number:05}".ljust(65_535 - len("homie//$name"), "x")
            await peer.say(f"homie/{name}/$name", "W", retain=True)
        await eventually(lambda: rig.plugin.faults.total == 20, what="all are counted")
        status = await rig.status()
        assert {len(fault.topic) for fault in status.faults} == {200}
        assert "longer than 1024" in status.faults[0].reason
        assert not any(len(topic) > 1024 for topic in rig.plugin.dispatch._strangers)


async def test_a_part_that_is_nonsense_does_not_cost_the_rest(broker: Broker, tmp_path: Path) -> None:
    async with hub_on(broker, tmp_path, device=[SENSOR]) as rig, broker.peer() as peer:
        await peer.say("sensor/json", b'{"t": "warm", "more": [40]}')
        await rig.becomes(SENSOR_ID, "humidity", 40)
        assert rig.value(SENSOR_ID, "temperature") is None
        assert (await rig.status()).faults[0].reason == "could not convert string to float: 'warm'"


async def test_faults_are_counted_by_topic_and_bounded(broker: Broker, tmp_path: Path) -> None:
    many = [{"id": f"s{n}", "feature": [{"capability": "temperature", "topic": f"s/{n}"}]} for n in range(60)]
    async with hub_on(broker, tmp_path, device=many) as rig, broker.peer() as peer:
        for number in (*range(60), 59):
            await peer.say(f"s/{number}", b"warm")
        await eventually(lambda: rig.plugin.faults.total == 61, what="all are counted")
        faults = (await rig.status()).faults
        assert len(faults) == 50
        assert (faults[0].topic, faults[0].count) == ("s/59", 2)


async def test_thousands_of_retained_announcements_are_taken_in(broker: Broker, tmp_path: Path) -> None:
    async with broker.peer() as peer:
        for number in range(2000):
            topic = f"homeassistant/sensor/d{number // 10}/e{number % 10}/config"
            told = {
                "unique_id": f"d{number // 10}_e{number % 10}",
                "state_topic": f"d/{number // 10}",
                "value_template": f"{{{{ value_json.t{number % 10} }}}}",
                "device_class": "temperature",
                "unit_of_measurement": "°C",
                "device": {"identifiers": [f"d{number // 10}"]},
            }
            await peer.client.publish(topic, json.dumps(told), qos=0, retain=True)
        await peer.say("done", "1")
    async with hub_on(broker, tmp_path, conventions=["homeassistant"]) as rig:
        await eventually(lambda: rig.plugin.dispatch.messages >= 2000, 40.0, "all are heard")
        await eventually(lambda: len(rig.announced) == 200, 40.0, "all devices are there")
        assert {len(one.features) for one in rig.announced.values()} == {10}
        assert (await rig.status()).malformed == 0
