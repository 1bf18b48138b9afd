"""MQTT as an owner at a terminal meets it: its own broker, a device written by hand, one that announces itself."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.benchmarks._mqtt import Peer
from tests.harness import Process, free_port, until

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") is None,
        reason="mosquitto is not installed (apt-get install mosquitto)",
    ),
]

HUB = """
[plugin.mqtt_broker]
port = {port}

[plugin.mqtt]
port = {port}

[[plugin.mqtt.device]]
id = "boiler"
name = "Boiler"

[[plugin.mqtt.device.feature]]
capability = "temperature"
topic = "boiler/t"
unit = "°F"
"""
PLUG = {
    "unique_id": "plug",
    "command_topic": "plug/set",
    "state_topic": "plug/state",
    "device": {"identifiers": ["plug"], "name": "Plug"},
}


def test_an_owner_at_a_terminal(spawn: Callable[..., Process], tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    (data / "hub.toml").write_text(HUB.format(port=port))
    home = spawn(sys.executable, "-m", "hub", "run", "--data", str(data))
    until((data / "hub.sock").exists, 60, "the hub runs")

    def hub(*words: str, code: int = 0) -> str:
        process = spawn(sys.executable, "-m", "hub", "--data", str(data), *words, env={"COLUMNS": "120"})
        assert process.wait() == code, process.output
        return process.output

    def info() -> dict[str, object]:
        found: dict[str, object] = json.loads(hub("mqtt", "info", "--json"))
        return found

    until(lambda: (info()["status"], info()["pending"]) == ("up", 0), 60, "the broker is there, and listens to the hub")
    peer = Peer(port)
    peer.say([("homeassistant/switch/plug/config", json.dumps(PLUG).encode())], retain=True)
    peer.say([("boiler/t", b"hot"), ("boiler/t", b"212")])
    peer.ping()
    until(lambda: info()["devices"] == 2 and info()["malformed"] == 1, 60, "both devices are there")
    shown = hub("mqtt", "info")
    assert f"127.0.0.1:{port}" in shown
    assert "boiler/t" in shown
    assert "homeassistant" in shown
    until(lambda: "100" in hub("devices", "show", "Boiler"), 60, "the temperature is known")
    assert "Plug" in hub("devices", "list")
    peer.close()
    home.send(signal.SIGINT)
    assert home.wait() == 0, home.output
    assert "Traceback" not in home.output
