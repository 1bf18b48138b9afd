"""The bounded queue and the standing workers between the bus and one async subscriber."""

import asyncio
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from hub.api import Overflow
from hub.errors import EventError
from hub.tasks import as_fault
from hub.types import Event

type AsyncHandler = Callable[[Event], Any]
type Failed = Callable[[Event, Exception], None]

_TURN = 100


class _Worker:
    """A task, and the event that its handler has until `due`; 0 when it has none, or has had it too long."""

    __slots__ = ("due", "event", "task", "timer")
    event: Event

    def __init__(self) -> None:
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())
        self.due = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Mailbox:
    """Events for one async handler, in order; each `run` feeds it one at a time, and cancels it after `timeout` s.

    When it is full, `drop_oldest` and `drop_newest` do what they say. `latest` keeps one event a subject, the newest,
    in the place of its first. `block` keeps what is still in `history` besides, where every event is before it comes
    here, and tells when it must begin to lose the oldest.
    """

    def __init__(
        self,
        handler: AsyncHandler,
        limit: int,
        overflow: Overflow,
        failed: Failed,
        timeout: float,
        history: deque[Event],
    ) -> None:
        self._handler = handler
        self._limit = limit
        self._overflow = overflow
        self._failed = failed
        self._timeout = timeout
        self._history = history
        self._queue: deque[Event] = deque()
        self._latest: dict[str, Event] = {}
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_losing = False
        self._is_open = True
        self.late = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many events are still to be fed."""
        return len(self._queue)

    def put(self, event: Event) -> None:
        """Take an event; never waits."""
        queue = self._queue
        if event.subject in self._latest:
            self._latest[event.subject] = event
            self.dropped += 1
            return
        if len(queue) >= self._limit and (self._overflow != "block" or queue[0].seq < self._history[0].seq):
            self.dropped += 1
            if self._overflow == "drop_newest":
                return
            self._forget(queue.popleft())
        queue.append(event)
        if self._overflow == "latest":
            self._latest[event.subject] = event
        while self._idle:
            idle = self._idle.pop()
            if not idle.done():
                idle.set_result(None)
                break

    def close(self) -> None:
        """Forget what waits and end the workers; the one that calls this may finish its event."""
        self._is_open = False
        self._queue.clear()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def run(self) -> None:
        """Feed the handler until closed or cancelled; its failures are told and do not end it."""
        loop = asyncio.get_running_loop()
        worker = _Worker()
        self._tasks.append(worker.task)
        fed = 0
        try:
            while self._is_open and not worker.task.cancelling():
                if not self._queue:
                    self._is_losing = False
                    idle = loop.create_future()
                    self._idle.append(idle)
                    await idle
                    continue
                event = self._queue.popleft()
                await self._feed(worker, self._latest.pop(event.subject, event))
                fed += 1
                if fed % _TURN == 0:
                    await asyncio.sleep(0)  # a handler that never suspends must not keep the loop to itself
        finally:
            if worker.timer is not None:
                worker.timer.cancel()  # it holds the handler, and so all of a plugin

    async def _feed(self, worker: _Worker, event: Event) -> None:
        worker.event, worker.due = event, monotonic() + self._timeout
        if worker.timer is None:
            self._watch(worker)
        try:
            await self._handler(event)
        except CancelledError:
            if not worker.task.cancelling():
                self._failed(event, EventError("it waited for something that was cancelled"))
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the handler's
            self._failed(event, as_fault(error))
        if not worker.due:
            worker.task.uncancel()  # that was meant for the handler, and is over with it
        worker.due = 0.0

    def _watch(self, worker: _Worker) -> None:
        """Cancel the handler if its time is over, or look again then: one timer serves many events."""
        left = worker.due - monotonic()
        worker.timer = None
        if left > 0:
            worker.timer = asyncio.get_running_loop().call_later(left, self._watch, worker)
        elif worker.due:
            worker.due = 0.0
            worker.task.cancel()
            self.late += 1
            why = f"it took longer than {self._timeout:g} s and was cancelled; its `timeout` can be longer"
            self._failed(worker.event, EventError(why))

    def _forget(self, event: Event) -> None:
        self._latest.pop(event.subject, None)
        if self._overflow == "block" and not self._is_losing:
            self._is_losing = True
            why = "it is too slow and loses events, this one first; a higher `[hub] event_history` helps"
            self._failed(event, EventError(why))
