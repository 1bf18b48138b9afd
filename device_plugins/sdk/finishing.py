"""Work that must not be left half done."""

import asyncio
import logging
from collections.abc import Awaitable

LOG = logging.getLogger("hub.devices")


async def to_the_end(work: Awaitable[object]) -> None:
    """Await `work` to its end, though the caller is cancelled once, now or before; cancelled again, it is cut short.

    Raises what `work` raises; of a caller that is cancelled, the end is a CancelledError, and that stands in the log.
    """
    caller = asyncio.current_task()
    if caller is not None and caller.cancelling():
        await _logged(work)
        return
    whole = asyncio.gather(work)
    try:
        await asyncio.shield(whole)
    except asyncio.CancelledError:
        await _logged(whole)
        raise


async def _logged(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        LOG.exception("What was to be ended as its plugin stops failed")
