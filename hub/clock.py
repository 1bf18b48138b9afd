"""Time: monotonic for order and timers, wall time only to show to people."""

import asyncio
import time
from collections.abc import Callable

from hub.types import Undo


class SystemClock:
    """The clock of the machine; `hub.testing` has one that can be turned."""

    def now(self) -> int:
        """Wall time, ns since 1970; it may jump, so it orders nothing."""
        return time.time_ns()  # noqa: TID251 - the one to turn

    def monotonic(self) -> float:
        """Seconds that only ever grow; the same scale as the event loop's."""
        return asyncio.get_running_loop().time()

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        """Call `callback` once, `delay` seconds from now, unless undone before."""
        return asyncio.get_running_loop().call_later(delay, callback).cancel

    async def sleep(self, delay: float) -> None:
        """Wait `delay` seconds."""
        await asyncio.sleep(delay)
