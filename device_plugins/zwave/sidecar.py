"""The server that the hub runs itself: Z-Wave JS's driver on the stick, and its WebSocket server on 127.0.0.1."""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device_plugins.zwave.keys import Keys, load_or_make
from device_plugins.zwave.network import Settings, ZWaveError
from device_plugins.zwave.process import FailedError, NodeProgram
from device_plugins.zwave.runtime import find_packages
from device_plugins.zwave.virtual import VirtualStick
from hub.api import Tasks

# A Raspberry Pi takes half a minute to load it.
_START_LIMIT = 90.0
_BUSY = ("cannot lock port", "resource temporarily unavailable", "device or resource busy", "ebusy")
_DENIED = ("permission denied", "eacces")
_MISSING = ("no such file", "enoent", "no such device")


class Sidecar:
    """Runs the server, and in front of it the mock controller if the stick is a virtual one."""

    def __init__(self, settings: Settings, folder: Path, tasks: Tasks) -> None:
        self._settings = settings
        self._folder = folder
        self._tasks = tasks
        self._server: NodeProgram | None = None
        self.url = ""
        """Where the server listens, or did last; what stands behind its port is known to nobody else."""
        self.stick = VirtualStick(settings, folder, tasks) if settings.virtual else None
        """The mock controller, if the stick is a virtual one."""

    @property
    def pid(self) -> int:
        """The server's process; 0 when there is none."""
        return self._server.pid if self._server else 0

    async def start(self, lost: Callable[[str], None]) -> str:
        """Start the server on the stick; returns its address. `lost` hears when it ends by itself.

        Raises ZWaveError with what is wrong and how to mend it.
        """
        settings = self._settings
        packages = await find_packages(settings)
        keys = await asyncio.to_thread(load_or_make, self._folder)
        path = settings.path if self.stick is None else await self.stick.start(packages, keys)
        if (problem := await asyncio.to_thread(_problem, path)) is not None:
            raise ZWaveError(problem)
        server = self._server = NodeProgram("server.cjs", self._folder / "server.log")
        token = secrets.token_urlsafe(16)
        config = _configuration(settings, path, keys, self._folder)
        await server.start(settings.node, packages, {**config, "token": token})
        self._tasks.start("Z-Wave server", self._watch(server, path, lost))
        try:
            said = await server.ready(_START_LIMIT)
        except FailedError as error:
            await self.stop()
            raise ZWaveError(explain(error.kind, str(error), path, settings.port)) from error
        self.url = f"ws://127.0.0.1:{said['port']}/{token}"
        return self.url

    async def stop(self, *, hangs: bool = False) -> None:
        """End it; one that hangs is killed at once."""
        server, self._server = self._server, None
        if server is not None:
            await (server.stop(0.0) if hangs else server.stop())

    async def close(self) -> None:
        """End it, and the virtual stick."""
        await self.stop()
        if self.stick is not None:
            await self.stick.stop()

    async def _watch(self, server: NodeProgram, path: str, lost: Callable[[str], None]) -> None:
        kind, said = await server.run()
        if self._server is server:
            lost(explain(kind, said, path, self._settings.port))


def explain(kind: str, said: str, path: str, port: int) -> str:
    """What a failed server means, in one sentence; `kind` and `said` are its own words."""
    words = said.lower()
    if kind == "port":
        return f"port {port} is taken by another program; set [plugin.zwave] port to 0 or to a free one"
    if kind == "driver" and any(one in words for one in _BUSY):
        return f"the stick at {path} is used by another program; stop that program"
    if kind == "driver" and any(one in words for one in _DENIED):
        return f"the stick at {path} may not be opened by the hub's user; add that user to the group dialout"
    if kind == "driver" and any(one in words for one in _MISSING):
        return _gone(path)
    if kind == "driver" and "econnrefused" in words:
        return f"nothing answers at {path}; start what should, or set [plugin.zwave] path"
    said = " ".join(said.split())[:300]
    return f"the stick at {path} failed: {said}" if kind == "driver" else f"the Z-Wave server failed: {said}"


def _gone(path: str) -> str:
    return f"there is no stick at {path}; plug it in or set [plugin.zwave] path"


def _problem(path: str) -> str | None:
    """What can be seen without asking the driver, which takes seconds to say it."""
    if "://" in path:
        return None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        return explain("driver", os.strerror(error.errno or errno.EIO), path, 0)
    return None


def _configuration(settings: Settings, path: str, keys: Keys, folder: Path) -> dict[str, Any]:
    return {
        "path": path,
        "port": settings.port,
        "cache": str(folder / "cache"),
        "keys": keys.mesh(),
        "keys_long_range": {name: getattr(keys.long_range, name) for name in keys.long_range.__struct_fields__},
    }
