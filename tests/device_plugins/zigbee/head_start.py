"""What the tests of a head start share: a start in which zigpy is being loaded until it is let through."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from device_plugins.virtual_radio import VirtualDevice
from device_plugins.zigbee.headstart import Alive, HeadStart, begin
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.loading import open_radio
from device_plugins.zigbee.network import Listener, Radio, Settings
from device_plugins.zigbee.rehearsal import Exchange, Memory
from hub.api import Task, Tasks
from hub.tasks import TaskGroup
from tests.device_plugins.zigbee.bench import Bench

at_once = TaskGroup("test", lambda *_: None).start


class Loading:
    """The loading of the libraries, which goes on until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.early: HeadStart | None = None
        self.error: Exception | None = None
        monkeypatch.setattr("device_plugins.zigbee.plugin.open_radio", self._open_radio)
        monkeypatch.setattr("device_plugins.zigbee.starting.are_loaded", self.has_begun.is_set)

    async def _open_radio(self, settings: Settings, folder: Path, listener: Listener, early: HeadStart | None) -> Radio:
        self.has_begun.set()
        self.early = early
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return await open_radio(settings, folder, listener, early)


class Start:
    """A start in which zigpy is still being loaded."""

    def __init__(self, ready: Bench, loading: Loading, running: Task[None]) -> None:
        self.ready = ready
        self.loading = loading
        self._running = running

    @property
    def early(self) -> HeadStart:
        assert self.loading.early is not None
        return self.loading.early

    async def is_whole(self) -> None:
        """Let zigpy come."""
        self.loading.may_end.set()
        await self._running
        assert self.ready.plugin.early is None
        assert self.ready.plugin.radio is not None

    async def ends(self) -> None:
        """Let the loading come to its end, whatever comes of it."""
        self.loading.may_end.set()
        await self._running


async def first_start(ready: Bench, *models: str) -> tuple[str, list[VirtualDevice]]:
    """Pair devices, and resume the network once; returns the port and the devices."""
    path = ready.radio.open_pty()
    await ready.start(path, start_wait=60.0)
    devices = [await ready.pair(model) for model in models]
    await ready.stop()
    await ready.start(path, start_wait=60.0)
    await ready.stop()
    return path, devices


def remembers(monkeypatch: pytest.MonkeyPatch, otherwise: Callable[[Exchange], Exchange]) -> None:
    """Let the plugin have kept another last exchange than there was."""

    async def changed(memory: Memory, devices: Iterable[Known], alive: Alive, tasks: Tasks) -> HeadStart | None:
        *first, last = memory.rehearsal.exchanges
        rehearsal = msgspec.structs.replace(memory.rehearsal, exchanges=(*first, otherwise(last)))
        return await begin(msgspec.structs.replace(memory, rehearsal=rehearsal), devices, alive, tasks)

    monkeypatch.setattr("device_plugins.zigbee.starting.begin", changed)


@asynccontextmanager
async def starting_again(
    ready: Bench, path: str, monkeypatch: pytest.MonkeyPatch, wait: float = 60.0, **config: object
) -> AsyncIterator[Start]:
    """Start the plugin again, in a process in which zigpy is not there yet."""
    with monkeypatch.context() as patch:
        loading = Loading(patch)
        running = at_once("a start", ready.start(path, start_wait=wait, **config))
        try:
            begun = at_once("the beginning", loading.has_begun.wait())
            await asyncio.wait([begun, running] if wait else [begun], return_when=asyncio.FIRST_COMPLETED)
            yield Start(ready, loading, running)
        finally:
            loading.may_end.set()
            await running
