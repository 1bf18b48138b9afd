"""One listening socket and the HTTP server on it, without signal handlers, tasks or a ticking loop of its own."""

import asyncio
import socket
from typing import cast

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from plugins.api_gateway.asgi import App
from plugins.api_gateway.web_sockets import WebSockets

_CONNECTIONS = 256
_GRACE_S = 1
_LAST_S = 1.0
_MESSAGE_LIMIT = 4096  # bytes; clients have nothing to say on the event stream


class Listener:
    """Serves `app` on a bound socket from `start` until `stop`."""

    def __init__(self, app: App, bound: socket.socket, web_sockets: WebSockets) -> None:
        self._socket = bound
        self._server = Server(
            Config(
                app,
                http=H11Protocol,
                ws=cast("type[asyncio.Protocol]", web_sockets),
                ws_max_size=_MESSAGE_LIMIT,
                ws_per_message_deflate=False,
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="critical",  # what fails is told by the routes; what is cut off at the end is no error
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                limit_concurrency=_CONNECTIONS,
                backlog=128,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    async def start(self) -> None:
        """Listen."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """Let running requests end, close WebSockets, and cut off after about two seconds whatever is left."""
        if not self._server.started:
            self._socket.close()
            return
        await self._server.shutdown(sockets=[self._socket])
        state = self._server.server_state
        for connection in list(state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=_LAST_S)
