# ruff: noqa: D102, N802 - the names are SQLite's, and told in its documentation
"""SQLite's way to a `Disk`: a virtual file system for apsw."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, override

import apsw

from scripts.rig.disk import Disk, File

_UNIX_POWERSAFE = apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


@contextmanager
def quiet() -> Iterator[None]:
    """Keep apsw from printing the errors of a dead disk: SQLite gives them to who asked."""
    hook = sys.unraisablehook

    def unless_of_disk(fault: Any) -> None:  # noqa: ANN401 - what Python gives
        if not isinstance(fault.exc_value, apsw.Error):
            hook(fault)

    sys.unraisablehook = unless_of_disk
    try:
        yield
    finally:
        sys.unraisablehook = hook


class DiskFiles(apsw.VFS):
    """The file system `name`, whose files lie on `disk`; only one process and one connection a file."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name = name
        self._disk = disk
        super().__init__(name, "")

    @override
    def xOpen(self, name: Any, flags: list[int]) -> Any:
        flags[1] = flags[0]
        if name is None:  # a temporary file
            return DiskFile(self._disk, "", File())
        path = name if isinstance(name, str) else name.filename()
        self._disk.step("open", path)
        if path not in self._disk.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.exception_for(apsw.SQLITE_CANTOPEN)
            self._disk.files[path] = File()
        return DiskFile(self._disk, path, self._disk.files[path])

    @override
    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.step("delete", filename)
        if filename not in self._disk.files:
            raise apsw.exception_for(apsw.SQLITE_IOERR_DELETE_NOENT)
        self._disk.remove(filename, is_certain=syncdir)

    @override
    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self._disk.files

    @override
    def xFullPathname(self, name: str) -> str:
        return name


class DiskFile:
    """One open file."""

    def __init__(self, disk: Disk, name: str, file: File) -> None:
        self._disk = disk
        self._name = name
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.step("read", self._name)
        return bytes(self._file.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.step("write", self._name)
        self._file.change((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._disk.step("truncate", self._name)
        self._file.change((size, None))

    def xSync(self, flags: int) -> bool:
        del flags
        self._disk.step("sync", self._name)
        self._disk.sync(self._name, self._file)
        return True

    def xFileSize(self) -> int:
        return len(self._file.data)

    def xLock(self, level: int) -> None:
        """There is nobody else."""

    def xUnlock(self, level: int) -> None:
        """There is nobody else."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        del op, pointer
        return False

    def xSectorSize(self) -> int:
        return 512

    def xDeviceCharacteristics(self) -> int:
        return _UNIX_POWERSAFE

    def xClose(self) -> None:
        """What is not synced stays so."""
