"""The file that takes what a program says which a plugin runs."""

import asyncio
import os
from pathlib import Path


async def open_log(path: Path, *, mode: int = 0o640, keep: int = 0) -> int:
    """Open it to append to; what it holds is dropped when that is more than `keep` bytes. The caller closes it.

    A caller that is cancelled meanwhile leaves nothing open. Raises OSError.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, _open, path, mode, keep)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)  # the thread opens it all the same
        raise


def _close(opening: asyncio.Future[int]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result())


def _open(path: Path, mode: int, keep: int) -> int:
    is_long = path.exists() and path.stat().st_size > keep
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if is_long else 0), mode)
