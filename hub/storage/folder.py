"""The data folder: one hub at a time works on it."""

import fcntl
from pathlib import Path
from typing import IO

from hub.config import unusable
from hub.errors import StorageError


def lock(data: Path) -> IO[bytes]:
    """Make the folder if need be, and take it for this process until the file returned is closed.

    Raises StorageError when it cannot be used, or another hub runs on it.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = (data / "hub.lock").open("ab")
    except OSError as error:
        raise unusable(data, error) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise StorageError(
            f"another hub already runs on {data}; stop it first, or choose another folder with --data"
        ) from error
    return held
