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

KILLS = 30
WINDOW = 0.5  # s
COMMIT = 0.5  # s, that a commit may take on a busy machine


def start(spawn: Callable[..., Process], data: Path) -> tuple[Process, Client]:
    process = spawn(sys.executable, "-m", "hub", "demo", "--no-guests", "--data", str(data), "--speed", "5")
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


def journal(client: Client) -> dict[int, tuple[str, str, int]]:
    """What is recorded, by number: type, subject and time."""
    found: dict[int, tuple[str, str, int]] = {}
    upto = 0
    while True:
        page = client.call("hub.read_journal", {"after": upto, "limit": 5000})
        assert page["gaps"] == [], page["gaps"]
        found |= {one["seq"]: (one["type"], one["subject"], one["time"]) for one in page["records"]}
        if not page["records"]:
            return found
        upto = page["upto"]


def versions(client: Client) -> dict[str, int]:
    return {path: one["version"] for path, one in client.get("state").items()}


@pytest.mark.timeout(600)
def test_thirty_kills_lose_nothing_acknowledged_and_states_of_the_window_only(
    spawn: Callable[..., Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_JOURNAL__COMMIT_WINDOW", str(WINDOW))
    dice = random.Random(7)
    process, client = start(spawn, tmp_path)
    formed = network(client)
    acknowledged: dict[str, str] = {}
    recorded: dict[int, tuple[str, str, int]] = {}
    for kill in range(KILLS):
        moment = time.monotonic() + dice.uniform(0.1, 3.0)
        seen: dict[str, str] = {}
        old: list[tuple[float, dict[str, int]]] = []
        while time.monotonic() < moment:
            seen = names(client)
            for device in list(names(client, settled=True))[: dice.randrange(4)]:
                name = f"Thing {kill}-{dice.randrange(1_000_000)}"
                acknowledged[device] = client.call("devices.rename", {"device": device, "name": name})["name"]
            old.append((time.monotonic(), versions(client)))
            recorded |= journal(client) if dice.random() < 0.2 else {}
        killed = time.monotonic()
        process.send(signal.SIGKILL)
        process.wait()
        process, client = start(spawn, tmp_path)
        assert network(client) == formed
        after = names(client)
        assert seen.keys() <= after.keys()
        for device, name in acknowledged.items():
            assert after[device] == name
        # What was read of the journal before is there still, under the same numbers.
        now = journal(client)
        assert {seq: now.get(seq) for seq in recorded} == recorded
        # States are at most one window old, and what a commit takes.
        known = next((one for at, one in reversed(old) if at < killed - WINDOW - COMMIT), {})
        restored = versions(client)
        assert {path: version for path, version in known.items() if restored.get(path, 0) < version} == {}
    process.wait_for("The home is alive", 120)
    assert len(names(client)) == len(set(names(client).values())) == 10
    assert "Traceback" not in process.output
    process.send(signal.SIGTERM)
    assert process.wait() == 0, process.output
