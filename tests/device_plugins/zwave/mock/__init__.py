"""The mock controller as a stick that can be pulled out: Z-Wave JS's own, in a process behind a TCP port."""

from pathlib import Path
from typing import Any

from device_plugins.zwave.keys import Keys
from device_plugins.zwave.process import PROGRAMS, NodeProgram
from device_plugins.zwave.runtime import PACKAGES
from hub.api import Task, Tasks
from tests.harness import free_port


class Mock:
    """A stick with the devices of a module that is like `server/home.cjs`."""

    def __init__(self, folder: Path, tasks: Tasks, keys: Keys, home: Path = PROGRAMS / "home.cjs") -> None:
        self.port = free_port()
        self._folder = folder
        self._tasks = tasks
        self._config = {"port": self.port, "keys": keys.mesh(), "network": str(home)}
        self._program: NodeProgram | None = None
        self._running: Task[tuple[str, str]] | None = None

    @property
    def path(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    async def plug(self) -> None:
        """Put it in."""
        self._program = NodeProgram("mock.cjs", self._folder / "mock.log")
        await self._program.start("node", PACKAGES, self._config)
        self._running = self._tasks.start("mock", self._program.run())
        await self._program.ready(60.0)

    async def unplug(self) -> None:
        """Pull it out; what it knew beside the network is gone."""
        if self._program is not None and self._running is not None:
            await self._program.stop()
            await self._running
            self._program = self._running = None

    async def ask(self, verb: str, **what: Any) -> Any:  # noqa: ANN401 - JSON
        """Do something to its devices; see `server/operations.cjs`."""
        assert self._program is not None
        return await self._program.ask(verb, **what)

    async def report(self, node: int, report: str, state: dict[str, Any] | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Let a node report."""
        await self.ask("tell", node=node, report=report, fields=fields, state=state or {})
