"""The backups in a folder: which there are, and the registry out of the newest good one."""

import re
import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from hub.backup.archive import Tell, read
from hub.backup.databases import UnreadableError, copy_database
from hub.backup.gathering import Gathered
from hub.backup.making import BackupInfo, Order, make_folder, put, sync
from hub.backup.names import SUFFIX
from hub.backup.passing import leap_since, pass_over_numbers
from hub.backup.trial import Folder, check_head, verify, workplace
from hub.errors import BackupError

_KEPT = 3
FOLDER = "backups"
"""Where the hub keeps its own, in the data folder: as private as the registry beside them, and not encrypted."""


class Rescued(msgspec.Struct, frozen=True):
    """A registry that was taken out of the backup `file`; it is from the time `made` (ns since 1970)."""

    file: str
    made: int


def list_backups(folder: Path) -> list[BackupInfo]:
    """The backups in a folder, newest first; those that cannot be restored come last. Raises BackupError."""
    try:
        files = [one for one in folder.iterdir() if one.name.endswith(SUFFIX) and not one.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BackupError(f"{folder} cannot be looked into: {error.strerror}") from error
    return sorted(map(_info, files), key=lambda one: (one.made, one.file), reverse=True)


def rescue_registry(folder: Path, target: Path, tell: Tell = lambda _text, _done: None) -> Rescued | None:
    """Make the new file `target` the registry of the newest good backup in a folder; nothing if there is no backup.

    Encrypted ones are passed over. It belongs into a thread. Raises BackupError when none is good, for the disk has no
    room or for other reasons, or when the file cannot be written.
    """
    kinds, problem = frozenset({"registry"}), ""
    for one in list_backups(folder):
        if one.encrypted:
            continue
        try:
            verify(Path(one.file), "", folder, tell, kinds=kinds)
        except BackupError as error:
            problem = problem or str(error)
            continue
        with workplace(folder) as work:
            manifest = read(Path(one.file), "", Folder(work / "home", kinds), tell)
            name = next((part.name for part in manifest.parts if part.kind == "registry"), None)
            if name is not None:
                pass_over_numbers(work / "home" / name, leap_since(one.made))
                _move(work / "home" / name, target)
                return Rescued(one.file, one.made)
    if problem:
        raise BackupError(f"no backup in {folder} can be used: {problem}")
    return None


def keep_registry(registry: Path, folder: Path, what: str) -> Path:
    """Back up the registry alone, as before a change of its schema; nobody else has it open. Returns the file.

    `what` is a word for the file's name; of those with it the newest stay, for an upgrade that fails is tried at each
    start. It belongs into a thread. Raises BackupError.
    """
    make_folder(folder)
    with workplace(folder) as work:
        copy, gathered = work / "registry", Gathered()
        try:
            copy_database(registry, copy)
        except (UnreadableError, sqlite3.Error, OSError) as error:
            raise BackupError(f"{registry} cannot be copied: {error}") from error
        gathered.add(registry.name, "registry", copy)
        made = put(gathered, "hub", Order(folder, work, what=what), lambda _text, _done: None)
    end = re.compile(rf".+-{re.escape(what)}(-\d+)?{re.escape(SUFFIX)}")
    for former in [one for one in list_backups(folder) if end.fullmatch(one.file) and one.file != made.file][
        _KEPT - 1 :
    ]:
        with suppress(OSError):
            Path(former.file).unlink()
    return Path(made.file)


def _info(path: Path) -> BackupInfo:
    try:
        size = path.stat().st_size
        head = check_head(path)
    except (BackupError, OSError) as error:
        return BackupInfo(str(path), problem=str(error))
    return BackupInfo(str(path), head.made, head.hub, head.hub_version, size, encrypted=bool(head.sealed))


def _move(source: Path, target: Path) -> None:
    passing = target.with_name(f".{target.name}.{time.monotonic_ns()}")
    try:
        passing.touch(mode=0o600)
        shutil.copyfile(source, passing)
        sync(passing)
        passing.rename(target)
        sync(target.parent)
    except OSError as error:
        passing.unlink(missing_ok=True)
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error
