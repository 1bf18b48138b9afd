"""A hub that is killed at any moment comes back with its network, its devices and every acknowledged rename."""

import contextlib
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import Process, until

KILLS = 10


def start(spawn: Callable[..., Process], data: Path) -> tuple[Process, Client]:
    process = spawn(sys.executable, "-m", "hub", "demo", "--data", str(data), "--speed", "5")
    client = Client(data / "hub.sock")

    def answers() -> bool:
        assert process.returncode is None, process.output
        with contextlib.suppress(CommandError):
            return bool(client.call("zigbee.status", {})["status"] == "up")
        return False

    until(answers, 60, "the hub is up")
    return process, client


def names(client: Client, *, settled: bool = False) -> dict[str, str]:
    """Names by id; those that are `settled` have had their name and their room from the demo."""
    return {one["id"]: one["name"] for one in client.get("devices") if one["area"] or not settled}


def network(client: Client) -> dict[str, Any]:
    status = client.call("zigbee.status", {})["network"]
    return {key: status[key] for key in ("pan_id", "extended_pan_id", "channel")}


@pytest.mark.timeout(400)
def test_ten_kills_lose_no_device_and_no_acknowledged_name(spawn: Callable[..., Process], tmp_path: Path) -> None:
    dice = random.Random(7)
    process, client = start(spawn, tmp_path)
    formed = network(client)
    acknowledged: dict[str, str] = {}
    for kill in range(KILLS):
        moment = time.monotonic() + dice.uniform(0.1, 2.0)
        seen: dict[str, str] = {}
        while time.monotonic() < moment:
            seen = names(client)
            for device in list(names(client, settled=True))[: dice.randrange(4)]:
                name = f"Thing {kill}-{dice.randrange(1_000_000)}"
                acknowledged[device] = client.call("devices.rename", {"device": device, "name": name})["name"]
        process.send(signal.SIGKILL)
        process.wait()
        process, client = start(spawn, tmp_path)
        assert network(client) == formed
        after = names(client)
        assert seen.keys() <= after.keys()
        for device, name in acknowledged.items():
            assert after[device] == name
    process.wait_for("The home is alive", 120)
    assert len(names(client)) == len(set(names(client).values())) == 10
    assert "Traceback" not in process.output
    process.send(signal.SIGTERM)
    assert process.wait() == 0, process.output
