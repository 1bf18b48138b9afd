"""SQLite's file system over disks in memory: a file's folder says which disk it is on."""

import errno
import sys
from collections.abc import Buffer
from pathlib import Path
from typing import Any, override
from weakref import WeakValueDictionary

import apsw

from tests.rig.disk import Disk, DiskError, Node

NAME = "rig"
_SECTOR = 4096  # what SQLite takes for one on Linux
_LOGS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL

_disks: "WeakValueDictionary[Path, Disk]" = WeakValueDictionary()


def attach(disk: Disk) -> None:
    """Let SQLite find the disk's files."""
    _disks[disk.folder] = disk


class _Opened(apsw.VFSFile):
    """One open file. The first sync of a log is one of the folder too, as SQLite does it on Linux."""

    def __init__(self, disk: Disk, name: str, node: Node, *, is_log: bool) -> None:
        self._disk = disk
        self._name = name
        self._node = node
        self._syncs_folder = is_log

    @override
    def xRead(self, amount: int, offset: int) -> bytes:
        try:
            return self._disk.read(self._name, self._node, offset, amount)
        except DiskError as error:
            raise _translated(error, apsw.SQLITE_IOERR_READ) from error

    @override
    def xWrite(self, data: Buffer, offset: int) -> None:
        try:
            self._disk.write(self._name, self._node, offset, bytes(data))
        except DiskError as error:
            raise _translated(error, apsw.SQLITE_IOERR_WRITE) from error

    @override
    def xTruncate(self, newsize: int) -> None:
        try:
            self._disk.truncate(self._name, self._node, newsize)
        except DiskError as error:
            raise _translated(error, apsw.SQLITE_IOERR_TRUNCATE) from error

    @override
    def xSync(self, flags: int) -> None:
        try:
            self._disk.sync(self._name, self._node, with_folder=self._syncs_folder)
        except DiskError as error:
            raise _translated(error, apsw.SQLITE_IOERR_FSYNC) from error
        self._syncs_folder = False

    @override
    def xFileSize(self) -> int:
        return len(self._node.now)

    @override
    def xLock(self, level: int) -> None: ...

    @override
    def xUnlock(self, level: int) -> None: ...

    @override
    def xCheckReservedLock(self) -> bool:
        return False

    @override
    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    @override
    def xSectorSize(self) -> int:
        return _SECTOR

    @override
    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # SQLite's default on Linux

    @override
    def xClose(self) -> None: ...


class _Files(apsw.VFS):
    """Every disk's folder; random numbers and time are the machine's."""

    def __init__(self) -> None:
        super().__init__(NAME, base="")

    @override
    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        disk = _disks[path.parent]
        if disk.is_off:
            raise apsw.exception_for(apsw.SQLITE_CANTOPEN)
        is_new = path.name not in disk.names
        if disk.read_only:
            flags[1] = flags[0] & ~(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) | apsw.SQLITE_OPEN_READONLY
        if is_new and (disk.read_only or not flags[0] & apsw.SQLITE_OPEN_CREATE):
            raise apsw.exception_for(apsw.SQLITE_CANTOPEN)
        try:
            node = disk.create(path.name)
        except DiskError as error:
            raise apsw.exception_for(apsw.SQLITE_CANTOPEN) from error
        return _Opened(disk, path.name, node, is_log=bool(flags[0] & _LOGS and flags[0] & apsw.SQLITE_OPEN_CREATE))

    @override
    def xDelete(self, filename: str, syncdir: bool) -> None:
        path = Path(filename)
        try:
            _disks[path.parent].delete(path.name, synced=syncdir)
        except DiskError as error:
            raise _translated(error, apsw.SQLITE_IOERR_DELETE) from error

    @override
    def xAccess(self, pathname: str, flags: int) -> bool:
        path = Path(pathname)
        disk = _disks[path.parent]
        if flags == apsw.SQLITE_ACCESS_EXISTS:  # to SQLite an empty log is none
            return path.name in disk.names and len(disk.names[path.name].now) > 0
        return path.name in disk.names and not (disk.read_only and flags == apsw.SQLITE_ACCESS_READWRITE)

    @override
    def xFullPathname(self, name: str) -> str:
        return name


def _translated(error: DiskError, code: int) -> Exception:
    """Say it in SQLite's words, as its own file system does."""
    return apsw.exception_for(apsw.SQLITE_FULL if error.errno == errno.ENOSPC else code)


def _pass_over(unraisable: Any, tell: Any = sys.unraisablehook) -> None:  # noqa: ANN401
    """Tell nobody of a disk's second failure in one statement: SQLite has heard of it, apsw has no way to raise it."""
    if not isinstance(getattr(unraisable.exc_value, "__cause__", None), DiskError):
        tell(unraisable)


sys.unraisablehook = _pass_over
FILES = _Files()
