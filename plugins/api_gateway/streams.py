"""Live events for WebSocket clients: a bounded queue each; a slow one loses the oldest and is told how many."""

import asyncio
import logging
from collections import deque
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from hub.api import Event, Events, Tasks
from plugins.api_gateway.answers import TooManyError, encoded

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

    async def send_all(self, socket: WebSocket, log: logging.Logger) -> None:
        """Send what comes until the client goes or the stream is closed."""
        with suppress(WebSocketDisconnect, OSError, RuntimeError):
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
    """All event streams: at most `most` at a time, each with room for `queue` events."""

    def __init__(self, events: Events, tasks: Tasks, log: logging.Logger, *, most: int, queue: int) -> None:
        self._events = events
        self._tasks = tasks
        self._log = log
        self._most = most
        self._queue = queue
        self._open: dict[EventStream, str] = {}

    async def serve(self, socket: WebSocket, *, token: str = "") -> None:
        """Send events to a client that asked for `?type=` and `?subject=` until it goes.

        Raises TooManyError, and HubError for a malformed pattern, before the WebSocket is accepted.
        """
        if len(self._open) >= self._most:
            raise TooManyError(f"{self._most} clients hear events already; close one first")
        stream = EventStream(self._queue)
        wanted = socket.query_params
        undo = self._events.subscribe(wanted.get("type", "**"), stream.put, subject=wanted.get("subject", "#"))
        self._open[stream] = token
        try:
            await socket.accept()
            sender = self._tasks.start("sends events", stream.send_all(socket, self._log))
            try:
                while (await socket.receive())["type"] != "websocket.disconnect":
                    pass  # a client has nothing to say
            finally:
                sender.cancel()
                with suppress(asyncio.CancelledError):
                    await sender
        finally:
            undo()
            del self._open[stream]

    def close_token(self, token: str) -> None:
        """End the streams that were opened with a token."""
        for stream, owner in self._open.items():
            if owner == token:
                stream.close("the token was revoked")


async def _send(socket: WebSocket, event: Event, log: logging.Logger) -> None:
    try:
        text = encoded(event).decode()
    except (TypeError, ValueError, RecursionError):
        log.exception("Event %s %s cannot be told as JSON", event.type, event.subject)
        return
    await socket.send_text(text)
