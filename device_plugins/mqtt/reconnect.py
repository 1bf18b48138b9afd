"""Keeping the connection open: try, hold, and try again with back-off. It knows no MQTT library."""

import asyncio
import enum
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from device_plugins.mqtt.network import BrokerError, Connection
from hub.api import Clock

LOG = logging.getLogger("hub.mqtt")

_STABLE = 30.0


class LinkState(enum.Enum):
    """How the connection to the broker stands."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"


class Backoff:
    """Waits of `first` seconds, doubled up to `most`, each cut by up to a fifth so that many do not try as one."""

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = max(first, most)
        self._next = first

    def reset(self) -> None:
        """Begin again with the shortest wait."""
        self._next = self._first

    def wait(self) -> float:
        """The next wait in seconds."""
        wait, self._next = self._next, min(self._next * 2, self._most)
        return wait * random.uniform(0.8, 1.0)  # noqa: S311 - jitter


class Reconnect:
    """Runs `opener` until it gives a connection, hands it to `up`, and begins again when it is lost.

    `opener` and `up` raise BrokerError with the reason; `down` is told it. An open connection is always closed again.
    """

    def __init__(
        self,
        clock: Clock,
        backoff: Backoff,
        opener: Callable[[], Awaitable[Connection]],
        up: Callable[[Connection], Awaitable[None]],
        down: Callable[[str], None],
    ) -> None:
        self.state = LinkState.DOWN
        self.reason = "the broker has not been asked yet"
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, well or badly."""
        self._clock = clock
        self._backoff = backoff
        self._opener = opener
        self._up = up
        self._down = down

    async def run(self) -> None:
        """Keep it open until cancelled."""
        while True:
            try:
                reason = await self._hold()
            except Exception as error:  # a library's fault must not end this loop, the broker would be lost for ever
                LOG.exception("The connection to the broker failed in an unexpected way")
                reason = f"an unexpected fault, see the log: {type(error).__name__}: {error}"
            self.state, self.reason = LinkState.DOWN, reason
            self._down(reason)
            self.tried.set()
            await self._clock.sleep(self._backoff.wait())

    async def _hold(self) -> str:
        """Open the connection and keep it until it is lost; returns why it is no longer there."""
        self.state = LinkState.CONNECTING
        try:
            connection = await self._opener()
        except BrokerError as error:
            return str(error)
        since = self._clock.monotonic()
        try:
            return await self._use(connection)
        finally:
            self.state = LinkState.DOWN
            with suppress(BrokerError):
                await connection.close()
            if self._clock.monotonic() - since >= _STABLE:
                self._backoff.reset()

    async def _use(self, connection: Connection) -> str:
        self.state, self.reason = LinkState.UP, ""
        try:
            await self._up(connection)
        except BrokerError as error:
            return str(error)
        self.tried.set()
        return await connection.lost()
