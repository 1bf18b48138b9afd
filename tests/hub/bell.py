"""A plugin inside the hub that does what a test wrote for it, and what must be left of it: nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar, override

import msgspec
import pytest

from hub.api import Event, EventError, Plugin, event, on, service
from hub.hosts.core import Core
from hub.manifest import Manifest

type Step = Callable[["Bell"], Awaitable[None]]


@event("bell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Unmarked(msgspec.Struct, frozen=True):
    times: int


class Bell(Plugin):
    """Does in `start` and `stop` what a test put there."""

    emits = (Rung,)
    on_start: ClassVar[Step | None] = None
    on_stop: ClassVar[Step | None] = None
    heard: ClassVar[list[str]] = []

    @override
    async def start(self) -> None:
        if (step := type(self).on_start) is not None:
            await step(self)

    @override
    async def stop(self) -> None:
        if (step := type(self).on_stop) is not None:
            await step(self)

    @on("door.*", subject="front/#", priority=2)
    @on("gate.opened")
    def plain(self, opened: Event) -> None:
        self.heard.append(f"plain {opened.subject}")

    @on("door.opened")
    async def slow(self, opened: Event) -> None:
        self.heard.append(f"slow {opened.subject}")

    @service
    async def ring(self, times: int = 1) -> int:
        """Ring."""
        self.ctx.events.publish("bell.rung", "bell", {"times": times})
        return times


def manifest(entry: str = f"{__name__}:Bell") -> Manifest:
    return Manifest(id="bell", version="1.0", api="1", entry=entry, folder=Path())


def nothing_is_left(core: Core) -> bool:
    with pytest.raises(EventError, match="not declared"):
        core.bus.publish("bell.rung", "x", Rung(1))
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    return not core.bus.counts() and not core.services.list() and not [name for name in tasks if name[:5] == "bell:"]


async def forever() -> None:
    await asyncio.Event().wait()


async def everything(plugin: Bell) -> None:
    plugin.ctx.tasks.start("glows", forever())
    plugin.ctx.events.subscribe("door.opened", lambda _event: None)
    plugin.ctx.state.watch("lamp/#", lambda _event: None)
    plugin.ctx.services.register("bell.extra", forever)
    plugin.ctx.clock.call_later(5, lambda: plugin.heard.append("timer"))
