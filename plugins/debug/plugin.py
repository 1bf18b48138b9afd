"""Shows what goes over the bus: in the log, and as a stream."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated, ClassVar, Literal, override

import msgspec

from hub.api import Event, Plugin, service

_AHEAD = 1000


class DebugConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events are logged, by patterns of type and subject, and at which level."""

    type: str = "**"
    subject: str = "#"
    level: Literal["debug", "info", "warning"] = "info"


class Debug(Plugin):
    """It hears with the least priority, so that it shows the order in which the others have heard."""

    Config: ClassVar[type[msgspec.Struct] | None] = DebugConfig

    @override
    async def start(self) -> None:
        """Begin to log."""
        settings: DebugConfig = self.ctx.config
        self._level = logging.getLevelNamesMapping()[settings.level.upper()]
        self.ctx.events.subscribe(settings.type, self._show, subject=settings.subject, priority=-1_000_000)

    @service
    async def follow(
        self,
        type: str = "**",  # noqa: A002 - CloudEvents' name
        subject: str = "#",
        count: Annotated[int, msgspec.Meta(ge=0)] = 0,
    ) -> AsyncIterator[Event]:
        """Give the events of these patterns as they come, so many (0: without end).

        Whoever is more than 1,000 events behind misses what comes then.
        """
        waiting: asyncio.Queue[Event] = asyncio.Queue()

        def hear(event: Event) -> None:
            if waiting.qsize() < _AHEAD:
                waiting.put_nowait(event)

        undo = self.ctx.events.subscribe(type, hear, subject=subject)
        try:
            given = 0
            while not count or given < count:
                yield await waiting.get()
                given += 1
        finally:
            undo()

    def _show(self, event: Event) -> None:
        if self.ctx.log.isEnabledFor(self._level):
            data = msgspec.json.encode(event.data, enc_hook=repr).decode()
            self.ctx.log.log(self._level, "%s %s from %s: %s", event.type, event.subject, event.source, data)
