"""The local API as a plugin: binds its sockets when it starts, and closes them in bounded time when it goes."""

import asyncio
import os
import socket
from pathlib import Path
from typing import ClassVar, override

import msgspec

from hub.api import Context, Plugin, service
from plugins.api_gateway.routes import Api, Guard
from plugins.api_gateway.server import Listener
from plugins.api_gateway.sockets import bind_tcp, bind_unix, remove_unix
from plugins.api_gateway.streams import Streams
from plugins.api_gateway.tokens import NewToken, Token, Tokens
from plugins.api_gateway.web_sockets import WebSockets


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the API listens.

    `socket` is the path of the Unix socket, `hub.sock` in the hub's data folder if empty. `listen` is an address and
    port for TCP, such as `127.0.0.1:8123`; none if empty. At most `max_streams` streams of
    events or items are open at a time, one of events with at most `stream_queue` of them waiting.
    """

    socket: str = ""
    listen: str = ""
    allow_remote: bool = False
    max_streams: int = 32
    stream_queue: int = 1000


class ApiGateway(Plugin):
    """REST, live events and streams of items. Who may open the Unix socket may do everything; TCP demands a token."""

    Config: ClassVar[type[msgspec.Struct] | None] = Config

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        config: Config = ctx.config
        self._path = Path(config.socket) if config.socket else ctx.data_dir.parent.parent / "hub.sock"
        self._inode = 0
        self._tokens = Tokens(ctx.storage, ctx.clock)
        self._streams = Streams(ctx.events, ctx.tasks, ctx.log, most=config.max_streams, queue=config.stream_queue)
        self._web_sockets = WebSockets()
        self._listeners: list[Listener] = []

    @override
    async def start(self) -> None:
        """Listen.

        Raises PluginError when another hub answers on the socket, ConfigError for a place that cannot be listened on.
        """
        await self._tokens.load()
        config: Config = self.ctx.config
        unix = await asyncio.to_thread(bind_unix, self._path)
        self._add(unix, remote=False)
        self._inode = (await asyncio.to_thread(os.stat, self._path)).st_ino
        if config.listen:
            self._add(bind_tcp(config.listen, allow_remote=config.allow_remote), remote=True)
        for listener in self._listeners:
            await listener.start()
        self.ctx.tasks.start("loads WebSockets", self._web_sockets.load())
        self.ctx.log.info("The API listens on %s%s", self._path, f" and {config.listen}" if config.listen else "")

    @override
    async def stop(self) -> None:
        """Close all connections, within about two seconds, and remove the socket file."""
        await asyncio.gather(*(listener.stop() for listener in self._listeners))
        self._listeners.clear()
        if self._inode:
            await asyncio.to_thread(remove_unix, self._path, self._inode)

    @service
    async def token_create(self, name: str) -> NewToken:
        """Make a bearer token for a client on TCP. Its secret is shown this once."""
        return await self._tokens.create(name)

    @service
    async def token_list(self) -> list[Token]:
        """The tokens there are, without their secrets."""
        return self._tokens.list()

    @service
    async def token_revoke(self, name: str) -> None:
        """Refuse a token from now on, and close the event streams opened with it."""
        try:
            await self._tokens.revoke(name)
        finally:
            self._streams.close_token(name)

    def _add(self, bound: socket.socket, *, remote: bool) -> None:
        app = Api(self.ctx, self._streams, remote=remote)
        self._listeners.append(Listener(Guard(app, self._tokens) if remote else app, bound, self._web_sockets))
