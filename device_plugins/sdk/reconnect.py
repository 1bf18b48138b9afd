"""Keeping a connection open: try, hold, and try again with back-off. It knows no library and no protocol."""

import asyncio
import enum
import gc
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from device_plugins.sdk.finishing import to_the_end
from hub.api import Clock, HubError

_STABLE = 30.0


class LinkState(enum.Enum):
    """How the connection stands."""

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


class Ways[C](NamedTuple):
    """What is done with a connection; `open` and `up` raise a HubError with the reason.

    `open` makes one, `up` begins to use it, `down` is told why it is lost or could not be opened, `close` ends it: an
    open one is always closed, to the end. With `hold`, its return is the reason of a loss as well.
    """

    open: Callable[[], Awaitable[C]]
    up: Callable[[C], Awaitable[None]]
    down: Callable[[str], None]
    close: Callable[[C], Awaitable[None]]
    hold: Callable[[C], Awaitable[str]] | None = None


class Reconnect[C]:
    """Keeps a connection until it is lost, and begins again; `what` is its name for people, as in `the radio`."""

    def __init__(self, what: str, clock: Clock, backoff: Backoff, ways: Ways[C], log: logging.Logger) -> None:
        self.state = LinkState.DOWN
        self.reason = f"{what} has not been opened yet"
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, well or badly."""
        self._what = what
        self._clock = clock
        self._backoff = backoff
        self._ways = ways
        self._log = log
        self._lost: asyncio.Future[str] | None = None

    def lost(self, reason: str) -> None:
        """The connection is gone; whoever uses it must stop."""
        if self._lost and not self._lost.done():
            self._lost.set_result(reason)

    async def run(self) -> None:
        """Keep it open until cancelled."""
        while True:
            try:
                reason = await self._attempt()
            except Exception as error:  # noqa: BLE001 - no fault of a library may end this loop
                self._log.exception("%s failed in an unexpected way", self._what.capitalize())
                reason = f"an unexpected fault, see the log: {type(error).__name__}: {error}"
                self._tell(reason)
            self.state, self.reason = LinkState.DOWN, reason
            self.tried.set()
            await self._clock.sleep(self._backoff.wait())
            if self._lost is not None:
                # What a connection leaves may be one large circle of objects; left to chance, several would pile up.
                self._lost = None
                gc.collect()

    async def _attempt(self) -> str:
        """Open a connection and keep it until it is lost; returns why it is no longer there."""
        self.state = LinkState.CONNECTING
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._lost = lost
        try:
            connection = await self._ways.open()
        except HubError as error:
            self._lost = None
            self._tell(str(error))
            return str(error)
        since = self._clock.monotonic()
        try:
            reason = await self._use(connection, lost)
            self._tell(reason)
        finally:
            self.state = LinkState.DOWN
            with suppress(HubError):
                await to_the_end(self._ways.close(connection))
        if self._clock.monotonic() - since >= _STABLE:
            self._backoff.reset()
        return reason

    async def _use(self, connection: C, lost: asyncio.Future[str]) -> str:
        self.state, self.reason = LinkState.UP, ""
        try:
            await self._ways.up(connection)
        except HubError as error:
            return str(error)
        self.tried.set()
        return await (lost if self._ways.hold is None else self._ways.hold(connection))

    def _tell(self, reason: str) -> None:
        self.state, self.reason = LinkState.DOWN, reason
        self._ways.down(reason)
