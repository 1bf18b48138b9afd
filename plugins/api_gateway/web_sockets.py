"""The protocol of WebSockets: its library is loaded when the API answers already, and who asks before that waits."""

import asyncio
from typing import Any, cast, override


class WebSockets:
    """Makes the protocol of one connection, as uvicorn calls for it, from the moment on that `load` is through."""

    def __init__(self) -> None:
        self._protocol: type[asyncio.Protocol] | None = None
        self._waiting: list[_Waiting] | None = []

    async def load(self) -> None:
        """Load the library in a thread; it costs as much as all the rest of the server. Raises ImportError."""
        try:
            self._protocol = await asyncio.to_thread(_load)
        finally:
            waiting, self._waiting = self._waiting or [], None
            for one in waiting:
                one.go_on(self._protocol)

    def __call__(self, **given: Any) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
        """The protocol for a connection that wants to become a WebSocket."""
        if self._waiting is not None:
            waits = _Waiting(given)
            self._waiting.append(waits)
            return waits
        return (self._protocol or _load())(**given)


class _Waiting(asyncio.Protocol):
    """Holds a connection with its request until the library is there."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._connections: set[asyncio.Protocol] = given["server_state"].connections
        self._request = b""
        self.transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.pause_reading()  # nobody has anything to say before the answer
        self._connections.add(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._request += data

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def shutdown(self) -> None:
        """End it: uvicorn calls this when the server stops."""
        if self.transport is not None:
            self.transport.close()

    def go_on(self, protocol: type[asyncio.Protocol] | None) -> None:
        """Hand the connection over; None closes it."""
        transport = self.transport
        if protocol is None or transport is None or transport.is_closing():
            self.shutdown()
            return
        self._connections.discard(self)
        real = protocol(**self._given)
        real.connection_made(transport)
        transport.set_protocol(real)
        transport.resume_reading()
        real.data_received(self._request)


def _load() -> type[asyncio.Protocol]:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: PLC0415 - see load

    return WebSocketsSansIOProtocol
