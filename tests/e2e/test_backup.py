"""A home that was backed up while it lived is brought back to life elsewhere, without pairing anything again."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from device_plugins.zigbee.opening import COUNTER_MARGIN
from hub.cli.client import Client
from tests.harness import Process, until

pytestmark = pytest.mark.timeout(300)


def hub(spawn: Callable[..., Process], data: Path, *words: str, code: int = 0) -> str:
    process = spawn(sys.executable, "-m", "hub", "--data", str(data), *words, env={"COLUMNS": "200"})
    assert process.wait(60) == code, process.output
    assert "Traceback" not in process.output
    return process.output


def demo(spawn: Callable[..., Process], data: Path, *options: str) -> Process:
    return spawn(sys.executable, "-m", "hub", "demo", "--no-guests", "--data", str(data), "--speed", "4", *options)


def network(client: Client) -> dict[str, Any]:
    status = client.call("zigbee.status", {})["network"]
    return {key: status[key] for key in ("coordinator", "pan_id", "extended_pan_id", "channel")}


def test_a_running_home_is_restored_with_its_network_and_its_devices(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    data, there, secret = tmp_path / "data", tmp_path / "there", tmp_path / "passphrase"
    secret.write_text("correct horse battery staple\n")
    home = demo(spawn, data)
    home.wait_for("The home is alive", 120)
    client = Client(data / "hub.sock")
    hub(spawn, data, "devices", "rename", "Hall lamp", "Entrance")
    formed = network(client)
    names = {one["id"]: one["name"] for one in client.get("devices")}

    made = json.loads(hub(spawn, data, "backup", "create", "--passphrase-file", str(secret), "--telemetry", "--json"))
    assert made["encrypted"]
    assert "1 daily" not in hub(spawn, data, "backup", "schedule")
    assert json.loads(hub(spawn, data, "backup", "schedule", "--now", "--json"))["places"]["here"]["made"]
    assert len(json.loads(hub(spawn, data, "backup", "list", "--json"))) == 2
    assert "another hub already runs" in hub(
        spawn, data, "backup", "restore", made["file"], "--passphrase-file", str(secret), "--force", code=1
    )
    home.send(signal.SIGINT)
    assert home.wait() == 0, home.output
    assert "Traceback" not in home.output
    assert "correct horse" not in (data / "logs" / "hub.log").read_text()

    assert "telemetry.db" in hub(spawn, data, "backup", "verify", made["file"], "--passphrase-file", str(secret))
    hub(spawn, there, "backup", "restore", made["file"], "--passphrase-file", str(secret))
    # Another stick: it has never heard of the network. The devices in the rooms are the same.
    radio = there / "plugins" / "virtual_radio" / "radio.json"
    content = json.loads(radio.read_text())
    forgotten = content["ncp"]
    forgotten["network"], counted = None, forgotten["frame_counter"]
    forgotten["frame_counter"] = 0
    radio.write_text(json.dumps(content))

    report = tmp_path / "report.json"
    again = demo(spawn, there, "--seconds", "20", "--report", str(report))
    again.wait_for("The home is alive", 120)
    client = Client(there / "hub.sock")
    assert network(client) == formed
    until(lambda: names == {one["id"]: one["name"] for one in client.get("devices")}, 20, "the devices are back")
    hub(spawn, there, "devices", "set", "Entrance", "on_off=on")  # returns when the lamp has confirmed it
    assert again.wait(120) == 0, again.output
    found = json.loads(report.read_text())
    assert found["errors"] == 0, found["error_messages"]
    assert found["devices_paired"] == []
    assert {one["id"]: one["name"] for one in found["devices_resumed"]} == names
    assert json.loads(radio.read_text())["ncp"]["frame_counter"] > max(counted, COUNTER_MARGIN)
    assert not (there / "plugins" / "zigbee" / "restored").exists()


def test_one_flipped_byte_is_refused_by_name(spawn: Callable[..., Process], tmp_path: Path) -> None:
    data = tmp_path / "data"
    home = demo(spawn, data)
    home.wait_for("The home is alive", 120)
    made = json.loads(hub(spawn, data, "backup", "create", "--plain", "--json"))
    home.send(signal.SIGINT)
    assert home.wait() == 0, home.output
    good = Path(made["file"]).read_bytes()
    bad = tmp_path / "bad.hubbackup"
    for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.9999):
        content = bytearray(good)
        content[int(len(good) * share)] ^= 16
        bad.write_bytes(content)
        for words in (("verify", str(bad)), ("restore", str(bad))):
            said = hub(spawn, tmp_path / "there", "backup", *words, code=1)
            assert str(bad) in said
            assert len(said.splitlines()) == 1
    assert {one.name for one in (tmp_path / "there").iterdir()} == {"hub.lock"}
