"""Work that must not be left half done."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress


async def to_the_end(work: Awaitable[object]) -> None:
    """Await `work` to its end, though the caller is cancelled once, now or before; cancelled again, it is cut short.

    Raises what `work` raises; in a caller that is cancelled meanwhile, CancelledError alone.
    """
    caller = asyncio.current_task()
    if caller is not None and caller.cancelling():
        await work
        return
    whole = asyncio.gather(work)
    try:
        await asyncio.shield(whole)
    except asyncio.CancelledError:
        with suppress(Exception):
            await whole
        raise
