"""A plugin manager, what surrounds it, and plugins that do what a test wrote for them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec
import pytest

from hub.api import Call, Context, Event, EventError, Plugin, event, on, service
from hub.bus import EventBus
from hub.errors import ManifestError
from hub.hosts.core import Core
from hub.manifest import Manifest
from hub.plugin_manager import PluginManager
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from hub.types import PluginInfo
from tests.harness import eventually

type Step = Callable[[Plugin], Coroutine[Any, Any, None]]


@event("scripted.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Settings(msgspec.Struct):
    tone: str = "gong"


class Scripted(Plugin):
    """Does what the test wrote for its id, and leaves something of every kind behind."""

    Config = Settings
    emits = (Rung,)
    script: ClassVar[dict[tuple[str, str], Step]] = {}
    played: ClassVar[list[str]] = []

    @override
    async def start(self) -> None:
        await self._play("start")

    @override
    async def stop(self) -> None:
        await self._play("stop")

    async def _play(self, name: str) -> None:
        self.played.append(f"{name} {self.ctx.plugin}")
        if (step := self.script.get((name, self.ctx.plugin))) is not None:
            await step(self)

    @on("door.opened")
    def fails(self, opened: Event) -> None:
        raise ValueError(f"no bulb for {opened.subject}")

    @service
    async def ring(self, call: Call) -> str:
        """Ring."""
        return call.caller


class Quitter(Plugin):
    """Tries to end the process as soon as it is made."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        raise SystemExit(3)


class World:
    """A manager and what surrounds it; `plugins` is the order in which they are written."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.faults: list[str] = []
        self.bus = EventBus(self._handler_failed)
        self.bus.declare("door.opened", None, "test")
        self.core = Core(self.bus, ServiceRegistry(), StateEngine(self.bus), MemoryEngine(), self.clock, folder)
        self.config: dict[str, Exception] = {}
        self.found: dict[str, Manifest] = {}
        self.mistakes: list[ManifestError] = []
        self.manager: PluginManager | None = None
        self.statuses: list[tuple[str, str]] = []
        self.tasks = TaskGroup("test")
        self.bus.subscribe("plugin.status", self._note, tasks=self.tasks)

    async def start(
        self, *plugins: Manifest, enable: Collection[str] = (), disable: Collection[str] = ()
    ) -> PluginManager:
        """Start a manager on the same storage; `found` is what it finds when it looks again."""
        await self.core.storage.open()
        self.found = {one.id: one for one in plugins}
        self.manager = PluginManager(
            self.core,
            (self.found.copy(), self.mistakes),
            self.config_of,
            rediscover=lambda: (self.found, self.mistakes),
        )
        await self.manager.start(enable, disable)
        return self.manager

    def info(self, plugin: str) -> PluginInfo:
        assert self.manager is not None
        return next(one for one in self.manager.infos() if one.id == plugin)

    async def turn(self, seconds: float, plugin: str, status: str) -> None:
        """Turn the clock, and wait until the plugin has the status: its class is imported in a thread."""
        await self.clock.advance(seconds)
        await eventually(lambda: self.info(plugin).status == status)
        await settle()

    def _handler_failed(self, owner: str, event: Event, error: Exception) -> None:
        assert self.manager is not None
        self.manager.handler_failed(owner, event, error)

    def _note(self, event: Event) -> None:
        self.statuses.append((event.data.id, event.data.status))

    def config_of(self, manifest: Manifest, struct: type | None) -> Any:  # noqa: ANN401
        if manifest.id in self.config:
            raise self.config[manifest.id]
        return struct() if struct else {}


@asynccontextmanager
async def made_world(folder: Path) -> AsyncIterator[World]:
    """A world, which in the end must be as it was in the beginning."""
    Scripted.script.clear()
    Scripted.played.clear()
    made = World(folder)
    yield made
    if made.manager is not None:
        await made.manager.stop()
    assert made.bus.counts() == {"test": 1}
    assert made.core.services.list() == []
    with pytest.raises(EventError, match="not declared"):
        made.bus.publish("scripted.rung", "x", Rung(1))
    await made.tasks.cancel()


def plugin(id_: str, *requires: str, **more: Any) -> Manifest:  # noqa: ANN401
    given = {"entry": f"{__name__}:Scripted", "version": "1.0", "requires": dict.fromkeys(requires, "*"), **more}
    return Manifest(id=id_, api="1", folder=Path("/nowhere", id_), **given)


def fails_with(error: BaseException) -> Step:
    async def fails(plugin: Plugin) -> None:
        plugin.ctx.tasks.start("glows", forever(plugin))
        plugin.ctx.events.subscribe("door.*", lambda _event: None)
        await asyncio.sleep(0)
        raise error

    return fails


async def forever(_plugin: Plugin) -> None:
    await asyncio.Event().wait()
