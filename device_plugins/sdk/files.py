"""Files that hold secrets, such as a stick's memory with its keys."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Put it in place whole, readable by its owner alone. It blocks until the disk has it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_at_most(path: Path, largest: int) -> bytes:
    """The file's content, and no more than one byte over `largest`, which tells that it is too large."""
    with path.open("rb") as file:
        return file.read(largest + 1)
