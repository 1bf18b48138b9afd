"""The demo home as a new user meets it: one command, a real serial link, and nothing forgotten."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.cli.client import Client
from plugins.demo.household import GUESTS
from tests.device_plugins.mqtt.broker import needs_mosquitto
from tests.device_plugins.zwave.conftest import why_not
from tests.harness import Process, until

pytestmark = pytest.mark.timeout(180)

CAST = 10


def demo(spawn: Callable[..., Process], data: Path, *options: str, guests: bool = False) -> Process:
    beside = [] if guests else ["--no-guests"]
    return spawn(sys.executable, "-m", "hub", "demo", "--data", str(data), *beside, *options)


def command(spawn: Callable[..., Process], data: Path, *words: str) -> str:
    process = spawn(sys.executable, "-m", "hub", "--data", str(data), *words, env={"COLUMNS": "80"})
    assert process.wait() == 0, process.output
    return process.output


def report_of(process: Process, path: Path) -> dict[str, Any]:
    assert process.wait(90) == 0, process.output
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_home_comes_alive_and_is_the_same_after_a_restart(spawn: Callable[..., Process], tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "report.json"
    home = demo(spawn, data, "--speed", "4", "--report", str(file))
    home.wait_for("Good night", 120)  # the last scene
    home.wait_for(r"rule +Good night", 60)
    home.send(signal.SIGINT)
    first = report_of(home, file)
    assert first["errors"] == 0, first["error_messages"]
    assert len(first["devices_paired"]) == CAST
    assert first["devices_resumed"] == []
    assert len({device["model"] for device in first["devices_paired"]}) >= 8
    assert all(device["capabilities"] for device in first["devices_paired"])
    assert first["automations_run"] >= 5
    assert first["commands_confirmed"] >= 5
    assert first["reports_heard"] >= 10
    assert 0 < first["latency_ms"]["p50"] <= first["latency_ms"]["p99"]
    assert first["rss_mib"] > 0
    assert first["startup_s"] > 0

    for line in ("Ada comes home", "Hall motion", "Hall light on", "Hall lamp", "Washing is done"):
        assert line in home.output
    assert max(len(line) for line in home.lines if str(data) not in line) <= 80

    again = report_of(demo(spawn, data, "--seconds", "15", "--speed", "4", "--report", str(file)), file)
    assert again["errors"] == 0, again["error_messages"]
    assert again["devices_paired"] == []
    names = {device["id"]: device["name"] for device in first["devices_paired"]}
    assert {device["id"]: device["name"] for device in again["devices_resumed"]} == names
    for known in ("pan_id", "extended_pan_id", "channel"):
        assert again["network"][known] == first["network"][known]
    assert again["automations_run"] >= 1


@needs_mosquitto
@pytest.mark.skipif(bool(why_not()), reason=why_not() or "it is there")
@pytest.mark.timeout(300)
def test_one_rule_spans_zigbee_z_wave_and_mqtt(spawn: Callable[..., Process], tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "report.json"
    home = demo(spawn, data, "--report", str(file), guests=True)
    home.wait_for(r"rule +Keep the frost out", 200)
    client = Client(data / "hub.sock")

    def value(name: str, key: str) -> Any:  # noqa: ANN401 - the vocabulary's
        return client.call("devices.get", {"device": name})["values"].get(key)

    assert value("Garden climate", "temperature") == 1.5
    until(lambda: value("Greenhouse heater", "on_off") is True and value("Fairy lights", "on_off") is True, 20)
    assert {one["protocol"] for one in client.call("devices.list", {})} == {"zigbee", "zwave", "mqtt"}
    home.wait_for(r"rule +Frost is over", 60)
    until(lambda: value("Greenhouse heater", "on_off") is False and value("Fairy lights", "on_off") is False, 20)
    home.send(signal.SIGINT)
    report = report_of(home, file)
    assert report["errors"] == 0, report["error_messages"]
    assert {one["id"].split("-")[0].split(".")[0] for one in report["devices_found"]} == {"mqtt", "zwave"}
    assert len(report["devices_found"]) == len(GUESTS)


@pytest.mark.timeout(240)
def test_a_user_in_another_terminal(spawn: Callable[..., Process], tmp_path: Path) -> None:
    data = tmp_path / "data"
    home = demo(spawn, data)
    home.wait_for("The home is alive", 120)

    listed = command(spawn, data, "devices", "list")
    assert "Hall lamp" in listed
    assert max(map(len, listed.splitlines())) <= 80

    command(spawn, data, "devices", "rename", "Hall lamp", "Entrance")
    command(spawn, data, "devices", "set", "Entrance", "level=40")
    shown = json.loads(command(spawn, data, "devices", "show", "entrance", "--json"))
    assert shown["name"] == "Entrance"
    until(lambda: Client(data / "hub.sock").get("state", prefix=f"device/{shown['id']}/level"), 20)

    events = command(spawn, data, "events", "tail", "--type", "state.changed", "--count", "2", "--json")
    assert all(json.loads(line)["type"] == "state.changed" for line in events.splitlines())

    watched = spawn(sys.executable, "-m", "hub", "--data", str(data), "state", "watch", "device/+/on_off")
    pairing = spawn(sys.executable, "-m", "hub", "--data", str(data), "devices", "pair", "--count", "1", "--yes")
    command(spawn, data, "services", "call", "virtual_radio.add", "model=plug", "name=Kettle", "join=true")
    assert pairing.wait(60) == 0, pairing.output
    assert "V-Plug" in pairing.output
    watched.wait_for("on_off", 60)

    (data / "automations" / "mine.py").write_text(
        "from hub.api import on\n\n\n"
        '@on("state.changed", subject="device/{Entrance}/on_off")\n'
        "async def note(event, home):\n"
        '    home.state.set("mine/lamp", event.data.value)\n'
    )
    client = Client(data / "hub.sock")
    until(lambda: any("mine.py" in json.dumps(one) for one in client.call("automation.list", {})), 20)

    def reacts() -> bool:
        client.call("devices.command", {"device": "Entrance", "capability": "on_off", "command": "toggle"})
        return bool(client.get("state", prefix="mine/"))

    until(reacts, 30, "the new automation reacts")

    home.send(signal.SIGINT)
    assert home.wait() == 0, home.output
    assert "Traceback" not in home.output
