"""A disk that can fall sick: an ext4 file system in a file, mounted over a loop device. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_SIZE = "16M"
_SICK = "1M"
# Where a user's path leaves out what only root needs.
_TOOLS = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}


def _run(*words: str | Path) -> str:
    done = subprocess.run(words, env=_TOOLS, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout.strip()


class Disk:
    """Mounted at `folder`; what it is told to be it is until `mend`."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "mounted"
        self._image = place / "disk.img"
        self._saved = place / "saved.img"
        self._device = ""
        self._dead: list[str] = []
        self._filler = self.folder / "filler"

    def mount(self) -> None:
        _run("truncate", "-s", _SIZE, self._image)
        _run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", self._image)
        self._device = _run("losetup", "--show", "-f", self._image)
        self.folder.mkdir()
        # Without room set aside late: the kernel would try for ever to find some on a device that fails.
        _run("mount", "-o", "nodelalloc", self._device, self.folder)

    def unmount(self) -> None:
        while os.path.ismount(self.folder):
            _run("umount", "-l", self.folder)
        for device in (*self._dead, self._device):
            with suppress(OSError):
                _run("losetup", "-d", device)

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("wb") as file, suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))

    def freeze(self) -> None:
        """Let it become read-only under everybody's open files, as the kernel does after errors."""
        _run("mount", "-o", "remount,abort", self.folder)

    def fail(self) -> None:
        """Let every read and write of the device itself be an I/O error."""
        os.sync()
        shutil.copy(self._image, self._saved)
        _run("truncate", "-s", _SICK, self._image)
        _run("losetup", "-c", self._device)

    def mend(self) -> None:
        """Make it as good as it was before."""
        if self._saved.exists():
            with self._saved.open("rb") as source, self._image.open("r+b") as target:
                shutil.copyfileobj(source, target)
            self._saved.unlink()
            _run("losetup", "-c", self._device)
        self._filler.unlink(missing_ok=True)

    def replace(self) -> None:
        """Take it away from under everybody's open files, and bring it back as another device, checked."""
        _run("umount", "-l", self.folder)
        self._dead.append(self._device)
        # A copy: the dead device may still write when the last file on it is closed.
        self._image = Path(shutil.copy(self._image, self._image.with_name("copy.img")))
        self._device = _run("losetup", "--show", "-f", self._image)
        with suppress(OSError):  # its code tells of what it mended
            _run("e2fsck", "-y", "-f", self._device)
        _run("mount", "-o", "nodelalloc", self._device, self.folder)


@contextmanager
def disk() -> Iterator[Disk]:
    """A disk of its own, or a reason to skip."""
    with TemporaryDirectory() as place:
        made = Disk(Path(place))
        try:
            try:
                made.mount()
            except OSError as error:
                pytest.skip(f"no disk can be mounted here: {error}")
            yield made
        finally:
            with suppress(OSError):  # what a test left sick would keep the unmounting waiting
                made.mend()
            made.unmount()
