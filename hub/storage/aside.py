"""How a file takes a damaged one's place.

`<name>.new` is there only while a whole new file waits for that, so a power cut at any moment is made good by `finish`
at the next start.
"""

import os
from contextlib import suppress
from pathlib import Path

_SIDE_FILES = ("-wal", "-journal")
_KEPT = 2  # damaged files that stay, the newest


def waiting(path: Path) -> Path:
    """Where a whole new file waits to take the place of the one at `path`."""
    return path.with_name(f"{path.name}.new")


def finish(path: Path) -> Path | None:
    """Let the new file that waits, if any, take its place; returns where the one is that was set aside for it."""
    aside = None
    if waiting(path).exists():
        if path.exists():
            aside = set_aside(path)
        waiting(path).replace(path)
        sync_names(path.parent)
    return aside


def set_aside(path: Path) -> Path:
    """Give the file and what belongs to it another name, and return that; of former ones the newest stay."""
    former = sorted(
        (int(number), one)
        for one in path.parent.glob(f"{path.name}.damaged-*")
        if (number := one.name.rpartition("-")[2]).isdecimal()
    )
    aside = path.with_name(f"{path.name}.damaged-{former[-1][0] + 1 if former else 1}")
    for _, one in former[: max(len(former) + 1 - _KEPT, 0)]:
        with suppress(OSError):
            one.unlink()
            for end in _SIDE_FILES:
                one.with_name(f"{one.name}{end}").unlink(missing_ok=True)
    for end in _SIDE_FILES:  # which would be taken for the new file's
        side = path.with_name(f"{path.name}{end}")
        if side.exists():
            side.replace(f"{aside}{end}")
    path.replace(aside)
    sync_names(path.parent)
    return aside


def sync_names(folder: Path) -> None:
    """Let the names in a folder outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
