"""The items of a streaming service over HTTP: NDJSON, an item a line, until they end or the client goes."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from hub.api import Tasks
from plugins.api_gateway.answers import TooManyError, encoded, failure, problem, refusal
from plugins.api_gateway.asgi import Receive, Scope, Send
from plugins.api_gateway.streams import Streams

_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]}


class Lines:
    """One answer, as an ASGI application.

    What goes wrong before the first item is an ordinary refusal, what goes wrong later is the last line.
    """

    def __init__(
        self, name: str, items: AsyncGenerator[Any], streams: Streams, tasks: Tasks, log: logging.Logger
    ) -> None:
        self._name = name
        self._items = items
        self._streams = streams
        self._tasks = tasks
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server; when the client goes, the service's generator is closed."""
        request: Any = asyncio.current_task()
        try:
            with self._streams.place(scope.get("token", ""), lambda _reason: request.cancel()):
                await self._serve(scope, receive, send)
        except TooManyError as error:
            await refusal(error.code, str(error))(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = self._tasks.start(f"sends items of {self._name}", self._send_all(scope, receive, send))
        try:
            while (await receive())["type"] != "http.disconnect":
                pass  # a client has nothing more to say
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False
        try:
            async with aclosing(self._items) as items:
                async for item in items:
                    line = encoded(item)
                    if not is_begun:
                        await send(_START)
                        is_begun = True
                    await send(_body(line + b"\n"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told
            told = failure(error, self._name, self._log)
            if not is_begun:
                await refusal(*told)(scope, receive, send)
                return
            await send(_body(encoded(problem(*told)) + b"\n"))
        if not is_begun:
            await send(_START)
        await send(_body(b""))


def _body(line: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": line, "more_body": bool(line)}
