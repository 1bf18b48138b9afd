"""What a plugin author's tests need: a hub in memory, a clock one can turn, and a record of what happened.

    async with running(Doorbell, config={"doorbell": {"tone": "bell"}}) as hub:
        hub.publish("device.button", "device/front-door/button", {"action": "single"})
        await settle()
        assert hub.state.get("doorbell/rung") == 1

A plugin without a `plugin.toml` beside it, as one written inside a test, has its class name in lower case as its id.
"""

import asyncio
import heapq
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from hub.api import API_VERSION, Plugin, Undo
from hub.bus import EventBus
from hub.errors import EventError
from hub.hosts.core import Core
from hub.hosts.inside import InsideContext, InsideHost
from hub.manifest import Manifest
from hub.manifest import load as load_manifest
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.types import Event, PluginInfo


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: int = 1_767_225_600_000_000_000) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._timers: list[tuple[float, int, list[Callable[[], object]]]] = []
        self._count = itertools.count()

    def now(self) -> int:
        """Wall time, ns since 1970."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._monotonic

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        """Call once when the clock has been turned `delay` seconds on."""
        cell = [callback]
        heapq.heappush(self._timers, (self._monotonic + delay, next(self._count), cell))
        return cell.clear

    async def sleep(self, delay: float) -> None:
        """Wait until the clock has been turned `delay` seconds on."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        undo = self.call_later(delay, wake)
        try:
            await woken
        finally:
            undo()

    def jump(self, seconds: float) -> None:
        """Change the wall time only, as when a hub without a clock battery learns the time."""
        self._now += int(seconds * 1e9)

    async def advance(self, seconds: float) -> None:
        """Turn the clock on, timer by timer, letting what wakes run in between."""
        until = self._monotonic + seconds
        await settle()
        while self._timers and self._timers[0][0] <= until:
            due, _, cell = heapq.heappop(self._timers)
            self._turn(max(due - self._monotonic, 0.0))
            if cell:
                cell.pop()()
            await settle()
        self._turn(until - self._monotonic)
        await settle()

    def _turn(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now += int(seconds * 1e9)


class HubInMemory:
    """A hub for tests: real bus, services and state; storage in memory; `recorded` holds every event in order."""

    def __init__(self, core: Core, clock: ManualClock, errors: list[str]) -> None:
        self.core = core
        self.clock = clock
        self.errors = errors
        self.recorded: list[Event] = []
        self._hosts: dict[str, InsideHost] = {}
        self._context = InsideContext(core, "test", {})
        self.events = self._context.events
        self.services = self._context.services
        self.state = self._context.state
        self._context.events.subscribe("**", self.recorded.append, priority=1_000_000)

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        """Publish an event; a type that nobody declared is declared on the way."""
        try:
            return self.core.bus.publish(type, subject, data, "test")
        except EventError:
            with suppress(EventError):
                undo = self.core.bus.declare(type, None, "test")
                try:
                    return self.core.bus.publish(type, subject, data, "test")
                finally:
                    undo()
            raise

    async def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
        """Call a service as a user would."""
        return await self.services.call(name, timeout=timeout, **arguments)

    def offer(self, name: str, function: Callable[..., Awaitable[Any]]) -> Undo:
        """Stand in for a service of a plugin that is not there; its owner is the name's first part."""
        return self.core.services.register(name, function, name.partition(".")[0])

    def events_of(self, type: str) -> list[Event]:  # noqa: A002
        """The recorded events of one type."""
        return [event for event in self.recorded if event.type == type]

    async def run(self, plugin: type[Plugin], config: Mapping[str, Any] | None = None) -> InsideContext:
        """Start a plugin here; raises what its start raised."""
        manifest = await asyncio.to_thread(_manifest_of, plugin)
        settings: Any = {**manifest.config, **(config or {})}
        if plugin.Config is not None:
            settings = msgspec.convert(settings, plugin.Config)
        host = InsideHost(self.core, manifest, settings, self._note_error, plugin)
        self._hosts[manifest.id] = host
        await host.start()
        return self.context(manifest.id)

    async def stop(self, plugin: str) -> str:
        """Stop a plugin; returns what went wrong, or nothing."""
        return await self._hosts.pop(plugin).stop()

    def context(self, plugin: str) -> InsideContext:
        """The Context of a running plugin.

        Raises LookupError when it does not run.
        """
        ctx = self._hosts[plugin].context
        if ctx is None:
            raise LookupError(f"plugin {plugin} is not running")
        return ctx

    def plugin(self, plugin: str) -> Plugin:
        """The running plugin itself.

        Raises LookupError when it does not run.
        """
        found = self._hosts[plugin].plugin
        if found is None:
            raise LookupError(f"plugin {plugin} is not running")
        return found

    async def close(self) -> None:
        """Stop everything, newest first."""
        for name in reversed([*self._hosts]):
            await self.stop(name)
        await self._context.close()
        await self.core.storage.close()

    def _note_error(self, name: str, error: BaseException) -> None:
        self.errors.append(f"{name}: {error}")


@asynccontextmanager
async def running(
    *plugins: type[Plugin], config: Mapping[str, Mapping[str, Any]] | None = None, data_dir: Path | None = None
) -> AsyncIterator[HubInMemory]:
    """A hub in memory with these plugins started in order, each with its section of `config`.

    Faults of handlers and tasks are collected in `errors`.
    """
    errors: list[str] = []
    bus = EventBus(lambda owner, event, error: errors.append(f"{owner}: {event.type}: {error!r}"))
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="hub-")
    clock = ManualClock()
    storage = MemoryEngine()
    await storage.open()
    core = Core(bus, ServiceRegistry(), StateEngine(bus), storage, clock, data_dir or Path(folder.name))
    bus.declare("plugin.status", PluginInfo, "hub")
    hub = HubInMemory(core, clock, errors)
    try:
        for plugin in plugins:
            manifest = await asyncio.to_thread(_manifest_of, plugin)
            await hub.run(plugin, (config or {}).get(manifest.id))
        yield hub
    finally:
        await hub.close()
        await asyncio.to_thread(folder.cleanup)


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run, without waiting for time to pass."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _manifest_of(plugin: type[Plugin]) -> Manifest:
    module = sys.modules[plugin.__module__]
    folder = Path(module.__file__ or ".").parent
    if (folder / "plugin.toml").exists():
        manifest = load_manifest(folder)
        if manifest.entry == f"{plugin.__module__}:{plugin.__name__}":
            return manifest
    return Manifest(
        id=plugin.__name__.lower(),
        version="0.0.0",
        api=API_VERSION,
        entry=f"{plugin.__module__}:{plugin.__name__}",
        folder=folder,
    )
