"""The broker that the other tests use, with and without what guards it."""

from pathlib import Path

import aiomqtt
import pytest

from tests.device_plugins.mqtt.broker import Broker, make_certificates, needs_mosquitto

pytestmark = needs_mosquitto


async def test_peers_hear_each_other_and_what_is_retained(broker: Broker) -> None:
    async with broker.peer() as one:
        await one.say("a/b", "told", retain=True)
    async with broker.peer("a/#") as other:
        assert (await other.hears("a/b")).retain
        await other.say("a/c", b"\x00\xff")
        assert (await other.hears("a/c", b"\x00\xff")).retain is False


async def test_a_password_is_asked_for(tmp_path: Path) -> None:
    broker = Broker(tmp_path, users={"hub": "s3cret"})
    await broker.start()
    try:
        async with broker.peer("#") as peer:
            await peer.say("x", "1")
            await peer.hears("x", "1")
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", broker.port):
                pass
    finally:
        broker.kill()


async def test_tls_with_certificates_of_clients(tmp_path: Path) -> None:
    broker = Broker(tmp_path, tls=make_certificates(tmp_path / "certificates"), client_certificates=True)
    await broker.start()
    try:
        async with broker.peer("#") as peer:
            await peer.say("x", "1")
            await peer.hears("x", "1")
    finally:
        broker.kill()


async def test_what_is_retained_survives_when_it_is_kept(tmp_path: Path) -> None:
    broker = Broker(tmp_path, persistent=True)
    await broker.start()
    try:
        async with broker.peer() as peer:
            await peer.say("x", "1", retain=True)
        await broker.end()
        await broker.start()
        async with broker.peer("x") as peer:
            assert (await peer.hears("x", "1")).retain
    finally:
        broker.kill()
