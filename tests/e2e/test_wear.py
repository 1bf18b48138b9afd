"""What a real hub writes is counted by plugin and outlives its restart."""

import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import Process, until


def written(found: dict[str, Any]) -> dict[str, int]:
    return {one["id"]: one["storage_bytes"] + one["journal_bytes"] for one in found["writers"]}


def test_a_restart_adds_to_what_was_written(spawn: Callable[..., Process], tmp_path: Path) -> None:
    client = Client(tmp_path / "hub.sock")
    (tmp_path / "hub.toml").write_text("[journal]\ncommit_window = 0.1\n")
    found: list[dict[str, Any]] = []
    recorded = 0

    def answers() -> bool:
        with contextlib.suppress(CommandError):
            return bool(client.call("wear.report", {}))
        return False

    for _ in range(2):
        process = spawn(sys.executable, "-m", "hub", "run", "--data", str(tmp_path))
        until(answers, 30, "the hub counts")
        client.call("api_gateway.token_create", {"name": f"token {len(found)}"})

        def more(before: int = recorded) -> bool:  # events are counted with the commit that holds them
            return written(client.call("wear.report", {})).get("hub", 0) > before

        until(more, 30, "the journal is counted")
        found.append(client.call("wear.report", {}))
        recorded = written(found[-1])["hub"]
        process.send(signal.SIGTERM)
        assert process.wait() == 0

    first, second = map(written, found)
    assert second["api_gateway"] > first["api_gateway"] > 0
    assert second["hub"] > first["hub"]
    assert found[1]["seconds"] > found[0]["seconds"]
    assert found[1]["disk_bytes"] >= found[0]["disk_bytes"]


def test_what_a_shell_wrote_before_it_became_the_hub_is_not_the_hubs(
    tmp_path: Path, spawn: Callable[..., Process]
) -> None:
    script = 'dd if=/dev/zero of="$0/big" bs=1M count=30 conv=fsync status=none; exec "$1" -m hub run --data "$0"'
    process = spawn("bash", "-c", script, str(tmp_path), sys.executable)
    client = Client(tmp_path / "hub.sock")

    def answers() -> bool:
        with contextlib.suppress(CommandError):
            return bool(client.call("wear.report", {}))
        return False

    until(answers, 30, "the hub counts")
    assert client.call("hub.statistics", {})["disk_bytes"] < 30_000_000
    process.send(signal.SIGTERM)
    assert process.wait() == 0
