"""What the files of backups and in backups may be called, and how large they may be."""

import re
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from hub.errors import BackupError

SUFFIX = ".hubbackup"
ELSEWHERE = "elsewhere"
"""The folder that gets the files which did not lie in the data folder."""
RESTORED = "restored"
"""The file that a plugin finds in its own folder after a restore; it deletes it when it has done what it must."""

_PARTS = 100_000
_NAME = 1024
_WORD = re.compile(r"[\W_]+")
_STAYS = re.compile(r"hub\.lock|backups|lost\+found|\.restore.*|\.work-.*|before-restore-.*")


class Sized(Protocol):
    """A part of a backup."""

    @property
    def name(self) -> str:
        """Its place."""

    @property
    def size(self) -> int:
        """Its size in bytes."""


def stays(name: str) -> bool:
    """Whether an entry of the data folder belongs to no home: neither in a backup nor set aside by a restore."""
    return bool(_STAYS.fullmatch(name))


def fits(name: str) -> bool:
    """Whether a part may be called so: a text, and not too long."""
    return len(name) <= _NAME and name == plain(name)


def plain(name: str) -> str:
    """A file's name as text that can be shown and written, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def file_name(hub: str, made: int, what: str = "") -> str:
    """What a backup's file is called: `cottage-20260131-033000.hubbackup`, the time in UTC."""
    name = _WORD.sub("-", hub.casefold()).strip("-")[:60] or "hub"
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(made / 1e9))
    return f"{name}-{moment}{f'-{what}' if what else ''}{SUFFIX}"


def check_parts(path: Path, parts: Iterable[Sized], limit: int) -> None:
    """Refuse what would leave the data folder, meet there, or fill the disk. Raises BackupError."""
    names: set[str] = set()
    above: set[str] = set()
    total = 0
    for part in parts:
        place = PurePosixPath(part.name)
        words = part.name.split("/")
        if place.is_absolute() or {"", ".", ".."} & {*words} or "\0" in part.name or len(part.name) > _NAME:
            raise BackupError(f"backup {path} is not good: part {part.name[:_NAME]!r} would leave the data folder")
        if stays(words[0]):
            raise BackupError(f"backup {path} is not good: part {part.name!r} has the name of something that stays")
        parents = {str(one) for one in place.parents}
        if part.name in names | above or parents & names:
            raise BackupError(f"backup {path} is not good: part {part.name!r} meets another of that name")
        names.add(part.name)
        above |= parents
        total += part.size
        if part.size < 0 or total > limit or len(names) > _PARTS:
            raise BackupError(f"backup {path} is not good: part {part.name!r} makes it larger than any backup may be")
