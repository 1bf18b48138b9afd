"""Timers of the running loop that end with their owner."""

import asyncio
from collections.abc import Callable


class Timers:
    """Own every pending callback, so that closing the radio leaves none behind."""

    def __init__(self) -> None:
        self._pending: set[asyncio.Handle] = set()
        self._closed = False

    def after[*Ts](self, delay: float, call: Callable[[*Ts], object], *args: *Ts) -> asyncio.Handle:
        """Call after `delay` seconds, or in the loop's next turn when it is 0; return the handle to cancel it."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            self._pending.discard(handle)
            call(*args)

        handle = loop.call_later(delay, run) if delay > 0 else loop.call_soon(run)
        if self._closed:
            handle.cancel()
        else:
            self._pending.add(handle)
        return handle

    def cancel(self, handle: asyncio.Handle | None) -> None:
        """Forget a pending callback; None and callbacks that ran are fine."""
        if handle is not None:
            handle.cancel()
            self._pending.discard(handle)

    def close(self) -> None:
        """Cancel all; what is asked for later never runs."""
        self._closed = True
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
