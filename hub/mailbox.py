"""The bounded queue and the standing worker between the bus and one async subscriber."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from hub.api import Overflow
from hub.errors import EventError
from hub.tasks import FAULTS, as_fault, being_cancelled
from hub.types import Event

type AsyncHandler = Callable[[Event], Awaitable[Any]]

_TURN = 100


class Mailbox:
    """Events for one async handler, one at a time, in order.

    When it is full, `drop_oldest` and `drop_newest` do what they say. `latest` keeps one event a subject, the newest,
    in the place of its first.
    """

    __slots__ = ("_failed", "_handler", "_latest", "_limit", "_open", "_overflow", "_queue", "_wake", "dropped")

    def __init__(
        self, handler: AsyncHandler, limit: int, overflow: Overflow, failed: Callable[[Event, Exception], None]
    ) -> None:
        self._handler = handler
        self._limit = limit
        self._overflow = overflow
        self._failed = failed
        self._queue: deque[Event] = deque()
        self._latest: dict[str, Event] = {}
        self._wake: asyncio.Future[None] | None = None
        self._open = True
        self.dropped = 0

    def put(self, event: Event) -> None:
        """Take an event; never waits."""
        queue = self._queue
        if self._overflow == "latest":
            waiting = event.subject in self._latest
            self._latest[event.subject] = event
            if waiting:
                self.dropped += 1
                return
        if len(queue) >= self._limit:
            self.dropped += 1
            if self._overflow == "drop_newest":
                return
            self._latest.pop(queue.popleft().subject, None)
        queue.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def close(self) -> None:
        """Take nothing more, and forget what waits."""
        self._open = False
        self._queue.clear()

    async def run(self) -> None:
        """Feed the handler until closed or cancelled; its failures are told and do not end it."""
        queue = self._queue
        loop = asyncio.get_running_loop()
        own = asyncio.current_task()
        while self._open:
            fed = 0
            while queue and fed < _TURN:
                fed += 1
                event = queue.popleft()
                event = self._latest.pop(event.subject, event)
                try:
                    await self._handler(event)
                except (*FAULTS, asyncio.CancelledError) as error:
                    self._report(event, error)
                if own is not None and own.cancelling():
                    return
            if queue:
                # A handler that never suspends must not keep the loop to itself.
                await asyncio.sleep(0)
            elif self._open:
                self._wake = loop.create_future()
                await self._wake
                self._wake = None

    def _report(self, event: Event, error: BaseException) -> None:
        if not isinstance(error, asyncio.CancelledError):
            self._failed(event, as_fault(error))
        elif not being_cancelled():
            self._failed(event, EventError("it waited for something that was cancelled"))
