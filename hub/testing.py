"""What a plugin author's tests need: a hub in memory, a clock one can turn, and records of events and calls.

    async with running(Doorbell, config={"doorbell": {"tone": "bell"}}) as hub:
        hub.stand_in("chime.play")
        hub.publish("device.button", "device/front-door/button", {"action": "single"})
        await settle()
        assert hub.calls_of("chime.play") == [{"tone": "bell"}]

A plugin is held to the permissions in the `plugin.toml` beside it, unless it comes with the hub. One without, as one
written inside a test, may do everything, and has its class name in lower case as its id.
"""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from hub.api import API_VERSION, Plugin, Undo
from hub.bus import EventBus
from hub.config import Config, section
from hub.config.document import Source
from hub.config.sources import Sources
from hub.errors import EventError
from hub.hosts.core import Core
from hub.hosts.discovery import bundled
from hub.hosts.inside import InsideContext, InsideHost
from hub.hosts.recording import Recording
from hub.manifest import FILE_NAME, Manifest
from hub.manifest import load as load_manifest
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.types import Event, PluginInfo


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: int = 1_767_225_600_000_000_000) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._timers: set[tuple[float, int, Callable[[], object]]] = set()
        self._count = itertools.count()

    def now(self) -> int:
        """Wall time, ns since 1970."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._monotonic

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        """Call once when the clock has been turned `delay` seconds on."""
        timer = self._monotonic + delay, next(self._count), callback
        self._timers.add(timer)
        return partial(self._timers.discard, timer)

    async def sleep(self, delay: float) -> None:
        """Wait until the clock has been turned `delay` seconds on."""
        woken = asyncio.Event()
        undo = self.call_later(delay, woken.set)
        try:
            await woken.wait()
        finally:
            undo()

    def jump(self, seconds: float) -> None:
        """Change the wall time only, as when a hub without a clock battery learns the time."""
        self._now += int(seconds * 1e9)

    async def advance(self, seconds: float) -> None:
        """Turn the clock on, timer by timer, letting what wakes run in between."""
        until = self._monotonic + seconds
        await settle()
        while self._timers and (timer := min(self._timers))[0] <= until:
            self._timers.discard(timer)
            self._turn(max(timer[0] - self._monotonic, 0.0))
            timer[2]()
            await settle()
        self._turn(until - self._monotonic)
        await settle()

    def _turn(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now += int(seconds * 1e9)


class HubInMemory:
    """A hub for tests: real bus, services and state; storage in memory.

    `recorded` holds every event, `calls` every service call, in order; `errors` the faults of handlers and tasks.
    """

    def __init__(self, data_dir: Path, config: Mapping[str, Mapping[str, Any]]) -> None:
        bus = EventBus(lambda owner, event, error: self.errors.append(f"{owner}: {event.type}: {error!r}"))
        bus.declare("plugin.status", PluginInfo, "hub")
        clock = self.clock = ManualClock()
        self._registry = Recording(clock.monotonic)
        self.core = Core(bus, self._registry, StateEngine(bus, clock), MemoryEngine(clock), clock, data_dir)
        self.errors: list[str] = []
        self._config = config
        self.recorded: list[Event] = []
        self.calls = self._registry.calls
        self._hosts: dict[str, InsideHost] = {}
        self._context = InsideContext(self.core, "test", {})
        self.events = self._context.events
        self.services = self._context.services
        self.state = self._context.state
        self.events.subscribe("**", self.recorded.append, priority=1_000_000)

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        """Publish an event; a type that nobody declared is declared on the way."""
        with ExitStack() as undo:
            with suppress(EventError):
                undo.callback(self.core.bus.declare(type, None, "test"))
            return self.core.bus.publish(type, subject, data, "test")

    async def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
        """Call a service as a user would."""
        return await self.services.call(name, timeout=timeout, **arguments)

    def offer(self, name: str, function: Callable[..., Any]) -> Undo:
        """Stand in for a service of a plugin that is not there; its owner is the name's first part."""
        return self.core.services.register(name, function, name.partition(".")[0])

    def stand_in(self, name: str, answer: Any = None) -> None:  # noqa: ANN401 - whatever the service gives
        """Answer calls of `name`, whatever their arguments: with a value, a function's result, or an error to raise.

        The function may be async; one that yields gives a stream. An error arrives as from any service: what is no
        HubError becomes a ServiceFailedError.
        """
        self._registry.stand_in(name, answer)

    def calls_of(self, name: str) -> list[dict[str, Any]]:
        """The arguments of every call of one service."""
        return [one.arguments for one in self.calls if one.name == name]

    def events_of(self, type: str) -> list[Event]:  # noqa: A002
        """The recorded events of one type."""
        return [event for event in self.recorded if event.type == type]

    async def run(self, plugin: type[Plugin], config: Mapping[str, Any] | None = None) -> InsideContext:
        """Start a plugin here, with its section of the hub's configuration if none is given.

        Raises ConfigError for a mistake in that, and what its start raised.
        """
        manifest = await asyncio.to_thread(_manifest_of, plugin)
        given = self._config.get(manifest.id, {}) if config is None else config
        configured = await asyncio.to_thread(_configured, {"plugin": {manifest.id: dict(given)}}, self.core.data_dir)
        settings = section(configured, manifest.id, plugin.Config, manifest.config)
        host = self._hosts[manifest.id] = InsideHost(self.core, manifest, settings, self._note_error, plugin)
        await host.start()
        return self.context(manifest.id)

    async def stop(self, plugin: str) -> str:
        """Stop a plugin; returns what went wrong, or nothing."""
        return await self._hosts.pop(plugin).stop()

    def context(self, plugin: str) -> InsideContext:
        """The Context of a running plugin.

        Raises LookupError when it does not run.
        """
        if (host := self._hosts.get(plugin)) is None or host.context is None:
            raise LookupError(f"plugin {plugin} is not running")
        return host.context

    def plugin(self, plugin: str) -> Plugin:
        """The running plugin itself.

        Raises LookupError when it does not run.
        """
        self.context(plugin)
        return cast("Plugin", self._hosts[plugin].plugin)

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
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="hub-")
    hub = HubInMemory(data_dir or Path(folder.name), config or {})
    await hub.core.storage.open()
    try:
        for plugin in plugins:
            await hub.run(plugin)
        yield hub
    finally:
        await hub.close()
        await asyncio.to_thread(folder.cleanup)


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run, without waiting for time to pass."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _configured(tables: dict[str, Any], data: Path) -> Config:
    """What the hub would make of these tables, if they stood in a file in its data folder."""
    file = data / "test.toml"
    read = Sources(Source(str(file), tables=tables), {}, {})
    return Config(data_dir=data, database=file, telemetry=file, plugin_dirs=(), file=file, sources=read, **read.tables)


def _manifest_of(plugin: type[Plugin]) -> Manifest:
    folder = Path(sys.modules[plugin.__module__].__file__ or ".").parent
    entry = f"{plugin.__module__}:{plugin.__name__}"
    if (folder / FILE_NAME).exists():
        manifest = load_manifest(folder, "bundled" if folder in bundled() else "user")
        if manifest.entry == entry:
            return manifest
    return Manifest(id=plugin.__name__.lower(), version="0.0.0", api=API_VERSION, entry=entry, folder=folder)
