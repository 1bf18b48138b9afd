"""A virtual stick: the mock controller of Z-Wave JS with a few devices, as a process behind a TCP port."""

from pathlib import Path
from typing import Any

from device_plugins.zwave.keys import Keys
from device_plugins.zwave.network import Settings, ZWaveError
from device_plugins.zwave.process import PROGRAMS, FailedError, NodeProgram
from hub.api import Tasks

_START_LIMIT = 90.0


class VirtualStick:
    """Runs the mock; its devices are as new each time that it starts."""

    def __init__(self, settings: Settings, folder: Path, tasks: Tasks) -> None:
        self._settings = settings
        self._folder = folder
        self._tasks = tasks
        self._mock: NodeProgram | None = None
        self._path = ""

    async def start(self, packages: Path, keys: Keys) -> str:
        """Start it unless it runs; returns what the driver opens.

        Raises ZWaveError.
        """
        if self._mock is not None:
            return self._path
        mock = self._mock = NodeProgram("mock.cjs", self._folder / "mock.log")
        config = {"port": 0, "keys": keys.mesh(), "network": str(PROGRAMS / "home.cjs")}
        await mock.start(self._settings.node, packages, config)
        self._tasks.start("virtual Z-Wave stick", self._watch(mock))
        try:
            said = await mock.ready(_START_LIMIT)
        except FailedError as error:
            await self.stop()
            raise ZWaveError(f"the virtual stick does not start: {error}") from error
        self._path = f"tcp://127.0.0.1:{said['port']}"
        return self._path

    async def ask(self, verb: str, **what: Any) -> Any:  # noqa: ANN401 - JSON
        """Do something to a virtual device; see `server/operations.cjs`.

        Raises ZWaveError when it is refused, or when the stick does not run.
        """
        if self._mock is None:
            raise ZWaveError("the virtual stick does not run")
        return await self._mock.ask(verb, **what)

    async def stop(self) -> None:
        """End it."""
        mock, self._mock = self._mock, None
        if mock is not None:
            await mock.stop(0.0)  # it has nothing to put in order

    async def _watch(self, mock: NodeProgram) -> None:
        await mock.run()
        if self._mock is mock:
            self._mock = None
            await mock.stop()
