"""Keeping the network open: try, hold, and try again with back-off. It knows no library."""

import asyncio
import enum
import logging
import random
from contextlib import suppress
from typing import Protocol

from device_plugins.zwave.network import Network, ZWaveError
from hub.api import Clock

LOG = logging.getLogger("hub.zwave")

_STABLE = 30.0


class LinkState(enum.Enum):
    """How the connection to the network stands."""

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


class Keeper(Protocol):
    """Who has the network; `open` and `up` raise ZWaveError with the reason."""

    async def open(self) -> Network:
        """Open it."""

    async def up(self, network: Network) -> None:
        """It is open: begin to use it."""

    def down(self, reason: str) -> None:
        """It is lost, or could not be opened."""

    async def close(self, network: Network) -> None:
        """Close it after it was lost."""


class Reconnect:
    """Opens the network, keeps it until `lost` is called, and begins again; an open one is always closed again."""

    def __init__(self, clock: Clock, backoff: Backoff, keeper: Keeper) -> None:
        self.state = LinkState.DOWN
        self.reason = "the network has not been opened yet"
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, well or badly."""
        self._clock = clock
        self._backoff = backoff
        self._keeper = keeper
        self._lost: asyncio.Future[str] | None = None

    def lost(self, reason: str) -> None:
        """The network is gone; whoever uses it must stop."""
        if self._lost and not self._lost.done():
            self._lost.set_result(reason)

    async def run(self) -> None:
        """Keep it open until cancelled."""
        while True:
            try:
                reason = await self._hold()
            except Exception as error:  # a library's fault must not end this loop, the network would stay down for ever
                LOG.exception("The network failed in an unexpected way")
                reason = f"an unexpected fault, see the log: {type(error).__name__}: {error}"
                self._tell(reason)
            self.state, self.reason = LinkState.DOWN, reason
            self.tried.set()
            await self._clock.sleep(self._backoff.wait())

    async def _hold(self) -> str:
        """Open the network and keep it until it is lost; returns why it is no longer there."""
        self.state = LinkState.CONNECTING
        self._lost = asyncio.get_running_loop().create_future()
        try:
            network = await self._keeper.open()
        except ZWaveError as error:
            self._tell(str(error))
            return str(error)
        since = self._clock.monotonic()
        try:
            reason = await self._use(network, self._lost)
            self._tell(reason)
        finally:
            self.state = LinkState.DOWN
            with suppress(ZWaveError):
                await self._keeper.close(network)
        if self._clock.monotonic() - since >= _STABLE:
            self._backoff.reset()
        return reason

    async def _use(self, network: Network, lost: asyncio.Future[str]) -> str:
        self.state, self.reason = LinkState.UP, ""
        try:
            await self._keeper.up(network)
        except ZWaveError as error:
            return str(error)
        self.tried.set()
        return await lost

    def _tell(self, reason: str) -> None:
        self.state, self.reason = LinkState.DOWN, reason
        self._keeper.down(reason)
