"""The hub's own broker: started, started again when it dies, ended with the hub, and what is in its way."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from device_plugins.mqtt.plugin import Mqtt
from device_plugins.mqtt_broker.mosquitto import MosquittoError
from device_plugins.mqtt_broker.plugin import MqttBroker
from hub.testing import HubInMemory, running
from tests.device_plugins.mqtt.broker import needs_mosquitto
from tests.harness import Process
from tests.harness.waiting import eventually, free_port, until

pytestmark = needs_mosquitto


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pid_of(hub: HubInMemory) -> int:
    plugin = hub.plugin("mqtt_broker")
    assert isinstance(plugin, MqttBroker)
    assert plugin._mosquitto is not None
    assert plugin._mosquitto._process is not None
    return plugin._mosquitto._process.pid


async def test_it_runs_for_as_long_as_the_plugin(tmp_path: Path) -> None:
    port = free_port()
    async with running(data_dir=tmp_path) as hub:
        await hub.run(MqttBroker, {"port": port})
        assert await hub.call("mqtt_broker.health") == {"status": "ok", "reason": ""}
        await hub.run(Mqtt, {"port": port, "conventions": [], "start_wait": 30.0})
        assert hub.state.get("protocol/mqtt")["status"] == "ready"
        assert await hub.stop("mqtt") == ""
        assert await hub.stop("mqtt_broker") == ""
        assert not listens(port)


async def test_it_is_started_again_when_it_dies(tmp_path: Path) -> None:
    port = free_port()
    async with running(data_dir=tmp_path) as hub:
        await hub.run(MqttBroker, {"port": port})
        first = pid_of(hub)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: not listens(port), what="it is dead")
        plugin = hub.plugin("mqtt_broker")
        await eventually(lambda: plugin._down, what="it is noticed")  # type: ignore[attr-defined]
        assert (await hub.call("mqtt_broker.health"))["status"] == "degraded"
        await hub.clock.advance(0.5)
        await eventually(lambda: not plugin._down, 20.0, "it runs again")  # type: ignore[attr-defined]
        assert pid_of(hub) != first
        assert listens(port)


async def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        with pytest.raises(MosquittoError, match="not installed; run: apt-get install mosquitto"):
            await hub.run(MqttBroker, {"port": free_port(), "program": "mosquitto-of-nowhere"})


async def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with running(data_dir=tmp_path) as hub:
            with pytest.raises(MosquittoError, match=rf"port {port} is taken by another program"):
                await hub.run(MqttBroker, {"port": port})


async def test_lines_that_mosquitto_does_not_know_end_the_start(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        with pytest.raises(MosquittoError, match=r"its last words are in .*mosquitto\.log"):
            await hub.run(MqttBroker, {"port": free_port(), "options": {"nonsense": "yes"}})
        log = tmp_path / "plugins" / "mqtt_broker" / "mosquitto.log"
        assert "nonsense" in log.read_text()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv, of util-linux, is not installed")
def test_a_hub_that_is_killed_leaves_no_broker_behind(spawn: Callable[..., Process], tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "hub.toml").write_text(f"[plugin.mqtt_broker]\nport = {port}\n")
    home = spawn(sys.executable, "-m", "hub", "run", "--data", str(tmp_path))
    until(lambda: listens(port), 30.0, "the broker runs")
    home.send(signal.SIGKILL)
    until(lambda: not listens(port), 20.0, "the broker has ended")
