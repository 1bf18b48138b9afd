"""The server that the hub runs itself: Z-Wave JS's driver on the stick, and its WebSocket server on 127.0.0.1."""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
_REFUSED = "econnrefused"
_CONNECT_LIMIT = 5.0


class Sidecar:
    """Runs the server, and in front of it the mock controller if the stick is a virtual one.

    To be back soon, a server that follows on another loads its program while there is no stick for it yet.
    """

    def __init__(self, settings: Settings, folder: Path, tasks: Tasks) -> None:
        self._settings = settings
        self._folder = folder
        self._tasks = tasks
        self._packages: Path | None = None
        self._server: NodeProgram | None = None
        self._next: NodeProgram | None = None
        self._lost: Callable[[str], None] = lambda _reason: None
        self.url = ""
        """Where the server listens, or did last; what stands behind its port is known to nobody else."""
        self.is_absent = False
        """Whether the last start found no stick, which costs next to nothing to find out again."""
        self.stick = VirtualStick(settings, folder, tasks) if settings.virtual else None
        """The mock controller, if the stick is a virtual one."""

    @property
    def pid(self) -> int:
        """The server's process; 0 when there is none."""
        return self._server.pid if self._server else 0

    @property
    def next_pid(self) -> int:
        """The process of the server that is to follow, its program loaded; 0 when there is none."""
        return self._next.pid if self._next else 0

    async def start(self, lost: Callable[[str], None]) -> str:
        """Start the server on the stick; returns its address. `lost` hears when it ends by itself.

        Raises ZWaveError with what is wrong and how to mend it.
        """
        self._lost = lost
        try:
            return await self._start()
        except AbsentError:
            self.is_absent = True
            raise

    async def _start(self) -> str:
        settings = self._settings
        packages = self._packages = self._packages or await find_packages(settings)
        keys = await asyncio.to_thread(load_or_make, self._folder)
        path = settings.path if self.stick is None else await self.stick.start(packages, keys)
        await _look(path, known_absent=self.is_absent)
        self.is_absent = False
        server, self._next = self._next or await self._load(packages), None
        self._server = server
        token = secrets.token_urlsafe(16)
        server.tell({**_configuration(settings, path, keys, self._folder), "token": token})
        try:
            said = await server.ready(_START_LIMIT)
        except FailedError as error:
            await self.stop()
            problem = _error(error.kind, str(error), path, settings.port)
            if isinstance(problem, AbsentError):
                await self.prepare()
            else:
                self._packages = None  # they may be what is wrong
            raise problem from error
        self.url = f"ws://127.0.0.1:{said['port']}/{token}"
        return self.url

    async def prepare(self) -> None:
        """Let the next server load its program."""
        if self._packages is not None and self._next is None:
            self._next = await self._load(self._packages)

    async def stop(self, *, hangs: bool = False) -> None:
        """End it; one that hangs is killed at once."""
        server, self._server = self._server, None
        if server is not None:
            await (server.stop(0.0) if hangs else server.stop())

    async def close(self) -> None:
        """End it, and the virtual stick."""
        following, self._next = self._next, None
        if following is not None:
            await following.stop(0.0)  # it has nothing to put in order
        await self.stop()
        if self.stick is not None:
            await self.stick.stop()

    async def _load(self, packages: Path) -> NodeProgram:
        server = NodeProgram("server.cjs", self._folder / "server.log")
        await server.start(self._settings.node, packages)
        self._tasks.start("Z-Wave server", self._watch(server))
        return server

    async def _watch(self, server: NodeProgram) -> None:
        kind, said = await server.run()
        if self._next is server:
            self._next = None
            await server.stop()
        elif self._server is server:
            self._lost(explain(kind, said, self._settings.path, self._settings.port))


class AbsentError(ZWaveError):
    """There is no stick."""


def _error(kind: str, said: str, path: str, port: int) -> ZWaveError:
    words = said.lower()
    is_absent = kind == "driver" and any(one in words for one in (*_MISSING, _REFUSED))
    return (AbsentError if is_absent else ZWaveError)(explain(kind, said, path, port))


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
    if kind == "driver" and _REFUSED in words:
        return f"nothing answers at {path}; start what should, or set [plugin.zwave] path"
    said = " ".join(said.split())[:300]
    return f"the stick at {path} failed: {said}" if kind == "driver" else f"the Z-Wave server failed: {said}"


def _gone(path: str) -> str:
    return f"there is no stick at {path}; plug it in or set [plugin.zwave] path"


async def _look(path: str, *, known_absent: bool) -> None:
    """Raise ZWaveError for what can be seen without asking the driver, which takes seconds to say it."""
    if "://" not in path:
        await asyncio.to_thread(_try_port, path)
    elif known_absent:  # otherwise the driver's connection is the first, as some serve one only
        await _try_connection(path)


def _try_port(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        raise _error("driver", os.strerror(error.errno or errno.EIO), path, 0) from error


async def _try_connection(path: str) -> None:
    place = urlsplit(path)
    try:
        async with asyncio.timeout(_CONNECT_LIMIT):
            _, writer = await asyncio.open_connection(place.hostname, place.port)
    except (OSError, ValueError):
        raise AbsentError(explain("driver", _REFUSED, path, 0)) from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _configuration(settings: Settings, path: str, keys: Keys, folder: Path) -> dict[str, Any]:
    return {
        "path": path,
        "port": settings.port,
        "cache": str(folder / "cache"),
        "keys": keys.mesh(),
        "keys_long_range": {name: getattr(keys.long_range, name) for name in keys.long_range.__struct_fields__},
    }
