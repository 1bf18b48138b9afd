"""What the API needs of ASGI 3: a request, an answer, a WebSocket (asgi.readthedocs.io, "HTTP & WebSocket" 2.5)."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGoneError(Exception):
    """The client closed its connection before its request was whole."""


class TooLongError(Exception):
    """A request's body is longer than it may be."""


class Request:
    """One HTTP request; of a parameter that is given twice the last counts."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query = _query(scope)
        self._receive = receive

    async def body(self, limit: int) -> bytes:
        """The whole body, of at most `limit` bytes.

        Raises TooLongError, ClientGoneError.
        """
        body = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            body += message.get("body", b"")
            if len(body) > limit:
                raise TooLongError
            if not message.get("more_body", False):
                return bytes(body)


class Response:
    """One answer, to an HTTP request or, instead of a WebSocket, to a handshake. It is an ASGI application itself."""

    def __init__(
        self, body: bytes = b"", status: int = 200, media_type: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self._body = body
        self._status = status
        named = {"content-length": str(len(body)), **({"content-type": media_type} if media_type else {})}
        self._headers = [(name.encode(), value.encode()) for name, value in {**named, **(headers or {})}.items()]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request of an ASGI server."""
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        await send({"type": f"{kind}.response.start", "status": self._status, "headers": self._headers})
        await send({"type": f"{kind}.response.body", "body": self._body})


class Socket:
    """A WebSocket that only sends: its client has nothing to say."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.query = _query(scope)
        self._receive = receive
        self._send = send

    async def accept(self) -> None:
        """Agree to the handshake."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def send_text(self, text: str) -> None:
        """Send one message.

        Raises OSError when the client has gone.
        """
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close with a status code of RFC 6455, 7.4.1."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def until_gone(self) -> None:
        """Wait until the client has gone or was closed."""
        while (await self._receive())["type"] != "websocket.disconnect":
            pass


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
