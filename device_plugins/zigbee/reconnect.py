"""Keeping the radio open: try, hold, and try again with back-off. It knows no radio library."""

import asyncio
import enum
import gc
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from device_plugins.zigbee.network import Radio, RadioError
from hub.api import Clock

LOG = logging.getLogger("hub.zigbee")

_STABLE = 30.0


class LinkState(enum.Enum):
    """How the connection to the radio stands."""

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
    """Runs `opener` until it gives a radio, hands it to `up`, and begins again when `lost` is called.

    `opener` and `up` raise RadioError with the reason; `down` is told it. An open radio is always closed again.
    """

    def __init__(
        self,
        clock: Clock,
        backoff: Backoff,
        opener: Callable[[], Awaitable[Radio]],
        up: Callable[[Radio], Awaitable[None]],
        down: Callable[[str], None],
    ) -> None:
        self.state = LinkState.DOWN
        self.reason = "the radio has not been opened yet"
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, well or badly."""
        self._clock = clock
        self._backoff = backoff
        self._opener = opener
        self._up = up
        self._down = down
        self._lost: asyncio.Future[str] | None = None

    def lost(self, reason: str) -> None:
        """The radio is gone; whoever uses it must stop."""
        if self._lost and not self._lost.done():
            self._lost.set_result(reason)

    async def run(self) -> None:
        """Keep it open until cancelled."""
        while True:
            try:
                reason = await self._hold()
            except Exception as error:  # a library's fault must not end this loop, the radio would stay down for ever
                LOG.exception("The radio failed in an unexpected way")
                reason = f"an unexpected fault, see the log: {type(error).__name__}: {error}"
                self._tell(reason)
            self.state, self.reason = LinkState.DOWN, reason
            self.tried.set()
            await self._clock.sleep(self._backoff.wait())
            # What a radio leaves is one large circle of objects; left to chance, several of them would pile up.
            gc.collect()

    async def _hold(self) -> str:
        """Open the radio and keep it until it is lost; returns why it is no longer there."""
        self.state = LinkState.CONNECTING
        self._lost = asyncio.get_running_loop().create_future()
        try:
            radio = await self._opener()
        except RadioError as error:
            self._tell(str(error))
            return str(error)
        since = self._clock.monotonic()
        try:
            reason = await self._use(radio, self._lost)
            self._tell(reason)
        finally:
            self.state = LinkState.DOWN
            with suppress(RadioError):
                await radio.close()
        if self._clock.monotonic() - since >= _STABLE:
            self._backoff.reset()
        return reason

    async def _use(self, radio: Radio, lost: asyncio.Future[str]) -> str:
        self.state, self.reason = LinkState.UP, ""
        try:
            await self._up(radio)
        except RadioError as error:
            return str(error)
        self.tried.set()
        return await lost

    def _tell(self, reason: str) -> None:
        self.state, self.reason = LinkState.DOWN, reason
        self._down(reason)
