"""Making a backup: gathered, packed beside its place, tried out, and only then given its name."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from hub import __version__
from hub.backup import sealing
from hub.backup.archive import Head, Manifest, Tell, pack
from hub.backup.databases import schema_of
from hub.backup.gathering import Gathered, Home, gather
from hub.backup.names import SUFFIX, file_name
from hub.backup.trial import verify
from hub.errors import BackupError

_STALE_S = 86400.0


class BackupInfo(msgspec.Struct, frozen=True):
    """A backup as anybody may see it: its file, time (ns since 1970), the hub's name and version, its size in bytes.

    With a `problem` it cannot be restored, and that is why. When it was made, `missing` are the files that could not be
    read, each with the reason: it is good without them.
    """

    file: str
    made: int = 0
    hub: str = ""
    hub_version: str = ""
    bytes: int = 0
    encrypted: bool = False
    problem: str = ""
    missing: dict[str, str] = {}


class Order(msgspec.Struct, frozen=True):
    """What is wanted: a new file in `folder`, encrypted if there is a passphrase; `work` is for things that pass.

    `plugins` are the versions to be noted, `what` a word for the file's name. `unread` says what a running hub could
    not copy of what it has open (see `gather`).
    """

    folder: Path
    work: Path
    passphrase: str = ""
    telemetry: bool = False
    plugins: dict[str, str] = {}
    what: str = ""
    unread: dict[str, str] = {}


def make(home: Home, order: Order, tell: Tell) -> BackupInfo:
    """Back a home up; see `gather` for what a running hub has put into the order's `work` before.

    Raises BackupError; then there is no new file.
    """
    try:
        gathered = gather(home, order.work, tell, telemetry=order.telemetry, unread=order.unread)
    except OSError as error:
        raise BackupError(f"a backup of {home.data} cannot be made: {error.strerror} (in {order.work})") from error
    except sqlite3.Error as error:
        raise BackupError(f"a backup of {home.data} cannot be made: {error} (in {order.work})") from error
    return put(gathered, home.name, order, tell)


def put(gathered: Gathered, name: str, order: Order, tell: Tell) -> BackupInfo:
    """Pack what was gathered of the hub `name`, and try it out."""
    key = sealed = ""
    if order.passphrase:
        tell("locking it with the passphrase", 0.0)
        key = sealing.new_key()
        sealed = sealing.seal(key, order.passphrase)
    engines: dict[str, int] = {
        part.kind: schema_of(copy) for part, copy in gathered.sources if part.kind in {"registry", "telemetry"}
    }
    made = time.time_ns()  # noqa: TID251 - when it was made, for people
    head = Head(name, __version__, made, engines, sealed)
    parts = [part for part, _ in gathered.sources]
    manifest = Manifest(head, order.plugins, parts, gathered.left_out, gathered.missing)
    path = _new_file(order.folder, file_name(name, made, order.what))
    passing = path.with_name(f".{path.name}.part")
    try:
        pack(passing, manifest, gathered.sources, key, tell)
        sync(passing)
        verify(passing, order.passphrase, order.work, tell)
        size = passing.stat().st_size
        passing.rename(path)
        sync(order.folder)
    except OSError as error:
        raise BackupError(f"backup {path} cannot be written: {error.strerror}") from error
    except BackupError as error:
        raise BackupError(str(error).replace(str(passing), str(path))) from error
    finally:
        with suppress(OSError):  # its disk may be gone
            passing.unlink(missing_ok=True)
    missing = gathered.missing
    return BackupInfo(str(path), made, name, __version__, size, encrypted=bool(key), missing=missing)


def make_folder(folder: Path) -> None:
    """Make a folder for backups, private to the hub's user, if it is not there. Raises BackupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{folder} cannot hold backups: {error.strerror}; name another folder") from error


def sync(path: Path) -> None:
    """Have a file, or a folder's entries, on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _new_file(folder: Path, name: str) -> Path:
    """A path that is free; what an interrupted backup left long ago goes."""
    make_folder(folder)
    for stale in folder.glob(f".*{SUFFIX}.part"):
        with suppress(OSError):  # another's, or gone meanwhile
            if time.time() - stale.stat().st_mtime > _STALE_S:  # noqa: TID251 - as files are dated
                stale.unlink()
    path, number = folder / name, 2
    while path.exists() or path.with_name(f".{path.name}.part").exists():
        path = folder / f"{name.removesuffix(SUFFIX)}-{number}{SUFFIX}"
        number += 1
    return path
