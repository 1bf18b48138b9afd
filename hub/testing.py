"""What a plugin author's tests need: a hub in memory, a clock one can turn, and records of events and calls.

    async with running(Doorbell, config={"doorbell": {"tone": "bell"}}) as hub:
        hub.stand_in("chime.play")
        hub.publish("device.button", "device/front-door/button", {"action": "single"})
        await settle()
        assert hub.calls_of("chime.play") == [{"tone": "bell"}]

A plugin without a `plugin.toml` beside it, as one written inside a test, has its class name in lower case as its id.
"""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast, override

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


class Called(NamedTuple):
    """A service call as it was made."""

    name: str
    arguments: dict[str, Any]
    caller: str


class _Recording(ServiceRegistry):
    """A registry that notes every call, and answers those to services that others stand in for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Called] = []
        self.answers: dict[str, Any] = {}

    @override
    async def call(self, name: str, arguments: Mapping[str, Any], *, caller: str, timeout: float = 10.0) -> Any:
        self.calls.append(Called(name, dict(arguments), caller))
        if name not in self.answers:
            return await super().call(name, arguments, caller=caller, timeout=timeout)
        answer = self.answers[name]
        if isinstance(answer, BaseException):
            raise answer
        return answer(**arguments) if callable(answer) else answer


class HubInMemory:
    """A hub for tests: real bus, services and state; storage in memory.

    `recorded` holds every event, `calls` every service call, in order; `errors` the faults of handlers and tasks.
    """

    def __init__(self, data_dir: Path, config: Mapping[str, Mapping[str, Any]]) -> None:
        bus = EventBus(lambda owner, event, error: self.errors.append(f"{owner}: {event.type}: {error!r}"))
        bus.declare("plugin.status", PluginInfo, "hub")
        self.clock = ManualClock()
        self._registry = _Recording()
        state, storage = StateEngine(bus, self.clock), MemoryEngine(self.clock)
        self.core = core = Core(bus, self._registry, state, storage, self.clock, data_dir)
        self.errors: list[str] = []
        self._config = config
        self.recorded: list[Event] = []
        self.calls = self._registry.calls
        self._hosts: dict[str, InsideHost] = {}
        self._context = InsideContext(core, "test", {})
        self.events = self._context.events
        self.services = self._context.services
        self.state = self._context.state
        self._context.events.subscribe("**", self.recorded.append, priority=1_000_000)

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        """Publish an event; a type that nobody declared is declared on the way."""
        with ExitStack() as undo:
            with suppress(EventError):
                undo.callback(self.core.bus.declare(type, None, "test"))
            return self.core.bus.publish(type, subject, data, "test")

    async def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
        """Call a service as a user would."""
        return await self.services.call(name, timeout=timeout, **arguments)

    def offer(self, name: str, function: Callable[..., Awaitable[Any]]) -> Undo:
        """Stand in for a service of a plugin that is not there; its owner is the name's first part."""
        return self.core.services.register(name, function, name.partition(".")[0])

    def stand_in(self, name: str, answer: Any = None) -> None:  # noqa: ANN401 - whatever the service gives
        """Answer calls of `name`, whatever their arguments: with a value, a function's result, or an error to raise."""
        self._registry.answers[name] = answer

    def calls_of(self, name: str) -> list[dict[str, Any]]:
        """The arguments of every call of one service."""
        return [one.arguments for one in self.calls if one.name == name]

    def events_of(self, type: str) -> list[Event]:  # noqa: A002
        """The recorded events of one type."""
        return [event for event in self.recorded if event.type == type]

    async def run(self, plugin: type[Plugin], config: Mapping[str, Any] | None = None) -> InsideContext:
        """Start a plugin here, with its section of the hub's configuration if none is given.

        Raises what its start raised.
        """
        manifest = await asyncio.to_thread(_manifest_of, plugin)
        given = self._config.get(manifest.id, {}) if config is None else config
        settings: Any = {**manifest.config, **given}
        if plugin.Config is not None:
            settings = msgspec.convert(settings, plugin.Config)
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
