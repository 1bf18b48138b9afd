"""A running hub with plugins written on the spot, and a witness that measures how long events take meanwhile."""

import contextlib
import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import Process, until

HEADER = """
import asyncio
import sys
import time
import msgspec
from hub.api import *
"""

_LATE_MS = 100

WITNESS = '''
class Witness(Plugin):
    """Sends itself an event every few milliseconds and notes how long each took."""

    async def start(self):
        self.taken = []
        self.ctx.events.subscribe("state.changed", self.hear, subject="witness/beat")
        self.ctx.tasks.start("beats", self.beat())

    async def beat(self):
        while True:
            self.ctx.state.set("witness/beat", time.perf_counter_ns())
            await asyncio.sleep(0.004)

    async def hear(self, event: Event):
        self.taken.append(time.perf_counter_ns() - event.data.value)

    @service
    async def latencies(self) -> list[float]:
        """How long (ms) each event took that was heard since the last call."""
        taken, self.taken = self.taken, []
        return [one / 1e6 for one in taken]
'''

WITNESS_PERMISSIONS = """
offer = ["witness.latencies"]
read = ["witness/beat"]
write = ["witness/beat"]
"""


class House:
    """`hub run` on a data folder with a folder of user plugins."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.plugins = folder / "plugins"
        self.data.mkdir()
        self.plugins.mkdir()
        self.client = Client(self.data / "hub.sock")
        self.process: Process | None = None
        (self.data / "hub.toml").write_text(f'[hub]\nplugin_dirs = ["{self.plugins}"]\nblocked_after = 0.5\n')
        self.write("witness", WITNESS, WITNESS_PERMISSIONS)

    def write(self, name: str, code: str, permissions: str = "", *, extra: str = "") -> None:
        """Write a plugin; its class is its name, capitalised."""
        folder = self.plugins / name
        folder.mkdir(exist_ok=True)
        (folder / "plugin.toml").write_text(
            f'id = "{name}"\nversion = "1.0.0"\napi = "1"\nentry = "{name}.plugin:{name.capitalize()}"\n'
            f"{extra}\n[permissions]\n{permissions}"
        )
        (folder / "plugin.py").write_text(HEADER + textwrap.dedent(code))

    def start(self, spawn: Callable[..., Process], *options: str) -> None:
        """Run the hub until it answers and all that can be up is."""
        self.process = process = spawn(sys.executable, "-m", "hub", "run", "--data", str(self.data), *options)

        def answers() -> bool:
            assert process.returncode is None, process.output
            with contextlib.suppress(CommandError):
                return bool(self.plugin("witness")["status"] == "running")
            return False

        until(answers, 60, "the hub and its witness are up")

    def stop(self) -> str:
        """Ask the hub to stop, which it must do in order; returns its output."""
        assert self.process is not None
        self.process.send(signal.SIGTERM)
        assert self.process.wait() == 0, self.process.output
        assert "Traceback" not in self.process.output
        return self.process.output

    def plugin(self, name: str) -> dict[str, Any]:
        """What `hub plugins list` knows of a plugin."""
        found: list[dict[str, Any]] = self.client.get("plugins")
        return next(one for one in found if one["id"] == name)

    def statistics(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.call("hub.statistics", {})
        return answer

    def figures(self, name: str) -> dict[str, Any]:
        """What one plugin costs."""
        found: list[dict[str, Any]] = self.statistics()["plugins"]
        return next(one for one in found if one["id"] == name)

    def listed(self) -> str:
        """What the command line says of the plugins."""
        return subprocess.run(
            [sys.executable, "-m", "hub", "--data", str(self.data), "plugins", "list"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "400", "PATH": ""},
        ).stdout

    def is_quick(self, samples: int = 300, rounds: int = 5) -> None:
        """Fail when others' events are late: the 99th percentile of `samples` is 100 ms or more, in each of `rounds`.

        A machine that is busy with something else makes a round slow; a plugin that hurts others makes all slow.
        """
        late = [self._p99(samples)]
        while late[-1] >= _LATE_MS:
            assert len(late) < rounds, f"99 % of others' events took up to {late} ms"
            late.append(self._p99(samples))

    def _p99(self, samples: int) -> float:
        taken: list[float] = []
        self.client.call("witness.latencies", {})

        def enough() -> bool:
            taken.extend(self.client.call("witness.latencies", {}))
            return len(taken) >= samples

        until(enough, 60, "the witness hears")
        return sorted(taken)[len(taken) * 99 // 100]

    def unload(self, name: str) -> None:
        """Unload a plugin; nothing of it may be left."""
        self.client.call("hub.unload_plugin", {"plugin": name}, limit=30)
        statistics = self.statistics()
        left = [one for one in statistics["subscribers"] + statistics["services"] if one["owner"] == name]
        assert left == []
        for one in statistics["plugins"]:
            if one["id"] == name:
                assert (one["subscriptions"], one["services"], one["tasks"]) == (0, 0, 0)

    def log(self) -> list[dict[str, Any]]:
        """The records of the log's file."""
        return [json.loads(line) for line in (self.data / "logs" / "hub.log").read_text().splitlines()]
