"""Live events for WebSocket clients: a bounded queue each; a slow one loses the oldest and is told how many.

Also who streams at all, and so how many and with which token.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hub.api import Event, Events, Tasks
from plugins.api_gateway.answers import TooManyError, encoded
from plugins.api_gateway.asgi import Socket

_POLICY = 1008  # RFC 6455, 7.4.1


class EventStream:
    """What waits to be sent to one client."""

    def __init__(self, limit: int) -> None:
        self._waiting: deque[Event] = deque()
        self._limit = limit
        self._dropped = 0
        self._closed = ""
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Take an event; never waits."""
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(event)
        self._wake.set()

    def close(self, reason: str) -> None:
        """End the stream; what still waits is not sent."""
        self._closed = reason
        self._wake.set()

    async def send_all(self, socket: Socket, log: logging.Logger) -> None:
        """Send what comes until the client goes or the stream is closed."""
        with suppress(OSError, RuntimeError):
            while not self._closed:
                self._wake.clear()
                while self._waiting and not self._closed:
                    if self._dropped:
                        told, self._dropped = self._dropped, 0
                        await socket.send_text(f'{{"dropped":{told}}}')
                    await _send(socket, self._waiting.popleft(), log)
                if not self._closed:
                    await self._wake.wait()
            await socket.close(_POLICY, self._closed)


class Streams:
    """All streams, of events and of items: at most `most` at a time, those of events with room for `queue` of them."""

    def __init__(self, events: Events, tasks: Tasks, log: logging.Logger, *, most: int, queue: int) -> None:
        self._events = events
        self._tasks = tasks
        self._log = log
        self._most = most
        self._queue = queue
        self._open: dict[object, tuple[str, Callable[[str], object]]] = {}

    @contextmanager
    def place(self, token: str, close: Callable[[str], object]) -> Iterator[None]:
        """One stream more as long as the block runs; `close` is told the reason when its token is revoked.

        Raises TooManyError.
        """
        if len(self._open) >= self._most:
            raise TooManyError(f"{self._most} clients hear streams already; close one first")
        key = object()
        self._open[key] = token, close
        try:
            yield
        finally:
            del self._open[key]

    async def serve(self, socket: Socket, *, token: str = "") -> None:
        """Send events to a client that asked for `?type=` and `?subject=` until it goes.

        Raises TooManyError, and HubError for a malformed pattern, before the WebSocket is accepted.
        """
        stream = EventStream(self._queue)
        wanted = socket.query
        with self.place(token, stream.close):
            undo = self._events.subscribe(wanted.get("type", "**"), stream.put, subject=wanted.get("subject", "#"))
            try:
                await socket.accept()
                await self._send_while_there(stream, socket)
            finally:
                undo()

    def close_token(self, token: str) -> None:
        """End the streams that were opened with a token."""
        for owner, close in self._open.values():
            if owner == token:
                close("the token was revoked")

    async def _send_while_there(self, stream: EventStream, socket: Socket) -> None:
        sender = self._tasks.start("sends events", stream.send_all(socket, self._log))
        try:
            await socket.until_gone()
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender


async def _send(socket: Socket, event: Event, log: logging.Logger) -> None:
    try:
        text = encoded(event).decode()
    except (TypeError, ValueError, RecursionError):
        log.exception("Event %s %s cannot be told as JSON", event.type, event.subject)
        return
    await socket.send_text(text)
