"""Trying a backup out: unpacked into a folder, its databases checked and opened by the engines that will use them."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hub.backup import databases
from hub.backup.archive import Head, Manifest, Part, Tell, read, read_head
from hub.errors import BackupError, StorageError
from hub.journal.file import SCHEMA as TELEMETRY
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.storage.file import SCHEMA as REGISTRY
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup

SCHEMAS = {"registry": len(REGISTRY.steps), "telemetry": len(TELEMETRY.steps)}
"""The newest that this hub knows."""


class Folder:
    """Takes parts as files below a folder; only those of some kinds, if it is told so."""

    def __init__(self, folder: Path, kinds: frozenset[str] | None = None) -> None:
        self._folder = folder
        self._kinds = kinds

    def begin(self, manifest: Manifest) -> None:
        """See whether there is room."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        size, free = (
            sum(part.size for part in manifest.parts if self._takes(part)),
            shutil.disk_usage(self._folder).free,
        )
        if size > free:
            raise BackupError(
                f"{self._folder} has no room for the backup: {size:,} bytes are needed and {free:,} are free"
            )

    def open(self, part: Part) -> IO[bytes] | None:
        """Make the file; its owner can read it in any case."""
        if not self._takes(part):
            return None
        path = self._folder / part.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("xb")
        path.chmod(part.mode & 0o777 | 0o400)
        return file

    def _takes(self, part: Part) -> bool:
        return self._kinds is None or part.kind in self._kinds


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A folder for passing things, private to the user; in `folder`, or among the system's if that cannot be.

    What of it a sick disk does not let go of is no fault of the work's, and goes at the hub's next start.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix=".work-", dir=folder, ignore_cleanup_errors=True)
    except OSError:
        made = tempfile.TemporaryDirectory(prefix="domovoi-", ignore_cleanup_errors=True)
    with made as name:
        yield Path(name)


def check_head(path: Path) -> Head:
    """What a backup tells of itself, if this hub can restore it. Raises BackupError."""
    head = read_head(path)
    for kind, version in head.schemas.items():
        if version > SCHEMAS.get(kind, 0):
            raise BackupError(
                f"backup {path} was made by a newer hub ({head.hub_version}): its {kind} has schema {version}, and this"
                f" hub knows {SCHEMAS.get(kind, 0)}; restore it with that hub"
            )
    return head


def verify(path: Path, passphrase: str, place: Path, tell: Tell, *, kinds: frozenset[str] | None = None) -> Manifest:
    """Restore a backup into a folder that goes again, below `place`, and look whether it is good.

    With `kinds` only parts of those are unpacked; of the others the checksums are looked at. What is unpacked is not
    encrypted, so `place` should be on the hub's own disk. It opens engines in an event loop of its own, so it belongs
    into a thread. Raises BackupError.
    """
    check_head(path)
    with workplace(place) as work:
        try:
            manifest = read(path, passphrase, Folder(work / "home", kinds), tell)
        except OSError as error:
            raise BackupError(f"backup {path} cannot be tried out in {work}: {error.strerror}") from error
        for part in manifest.parts:
            if kinds is not None and part.kind not in kinds:
                continue
            tell(f"trying {part.name}", 1.0)
            if wrong := _wrong(work / "home" / part.name, part):
                raise BackupError(f"backup {path} is not good: part {part.name} {wrong}; take another one")
    return manifest


def _wrong(path: Path, part: Part) -> str:
    if part.kind == "file":
        return ""
    if damage := databases.damage(path):
        return f"is a damaged database ({damage})"
    try:
        if part.kind == "registry":
            asyncio.run(_open_registry(path))
        elif part.kind == "telemetry":
            _open_telemetry(path)
    except StorageError as error:
        return f"is not opened by this hub: {error}"
    return ""


async def _open_registry(path: Path) -> None:
    engine = SqliteEngine(path, tasks=TaskGroup("backup"))
    await engine.open()
    try:
        await engine.namespace("devices").list(limit=1)
    finally:
        await engine.close()


def _open_telemetry(path: Path) -> None:
    file = JournalFile(path, Limits(2**40, (0, 0, 0), (0, 0, 0)))
    try:
        file.open()
        for _ in file.states():
            pass
    finally:
        file.close()
