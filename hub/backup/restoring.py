"""Restoring: a home is unpacked beside the old one, and takes its place in steps that can be gone on with.

All of it happens in the data folder, which may be a disk of its own:

1. `.restore.new` gets the new home; a power cut leaves the old one as it was.
2. It is renamed to `.restore`: from now on it is the new home that counts.
3. What was there moves into `before-restore-<time>`, `.restore` becomes `.restore.in`.
4. What is in that moves into its place.

`finish` does the last two, and the hub calls it at its start: after a power cut it goes on where that came.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from hub.backup.archive import Manifest, Tell, read
from hub.backup.making import sync
from hub.backup.names import RESTORED, SUFFIX, stays
from hub.backup.passing import pass_over
from hub.backup.trial import Folder, verify
from hub.errors import BackupError, StorageError
from hub.storage.folder import lock

_NEW, _READY, _GOING = ".restore.new", ".restore", ".restore.in"
_HOME, _ASIDE = "home", "aside"
_PLUGINS = "plugins"
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOUNTS = Path("/proc/self/mountinfo")


class Restored(msgspec.Struct, frozen=True):
    """What was restored, where the old home is now (if there was one), and what must be put in its place by hand."""

    manifest: Manifest
    aside: str
    elsewhere: dict[str, str]


def restore(path: Path, data: Path, passphrase: str, tell: Tell, *, force: bool = False) -> Restored:
    """Make the data folder hold what is in a backup. With `force` what it held is set aside, else it must be empty.

    Raises BackupError, and StorageError while a hub runs there; the folder is as it was then.
    """
    with lock(data):
        finish(data)
        occupied = any(not stays(one.name) for one in data.iterdir())
        if occupied and not force:
            raise BackupError(f"{data} is not empty; name an empty folder, or set what is there aside with --force")
        for mounted in _mounted(data):
            raise BackupError(f"{mounted} is a mount, which cannot be set aside; unmount it, or name an empty folder")
        shutil.rmtree(data / _NEW, ignore_errors=True)
        try:
            verify(path, passphrase, data, tell)
            manifest = _unpacked(path, passphrase, data / _NEW, occupied=occupied, tell=tell)
            aside = (data / _NEW / _ASIDE).read_text(encoding="utf-8")
            (data / _NEW).rename(data / _READY)
        except OSError as error:
            raise BackupError(f"backup {path} cannot be restored to {data}: {error.strerror}") from error
        finally:
            shutil.rmtree(data / _NEW, ignore_errors=True)
        sync(data)
        finish(data)
    elsewhere = {str(data / part.name): part.origin for part in manifest.parts if part.origin}
    return Restored(manifest, str(data / aside) if occupied else "", elsewhere)


def is_unfinished(data: Path) -> bool:
    """Whether a power cut came into a restore."""
    return (data / _READY).is_dir() or (data / _GOING).is_dir()


def finish(data: Path) -> bool:
    """Go on with a restore that a power cut came into; says whether there was one. The folder is held by the caller.

    What other work left behind that was cut short goes. Raises StorageError when the folder does not let it go on.
    """
    _clean(data)
    try:
        return _finished(data)
    except OSError as error:
        raise StorageError(
            f"the restore into {data} cannot be finished: {error.strerror} ({error.filename}); mend that and try again"
        ) from error


def _finished(data: Path) -> bool:
    ready, going = data / _READY, data / _GOING
    if ready.is_dir():
        aside = data / (ready / _ASIDE).read_text(encoding="utf-8")
        for entry in [one for one in data.iterdir() if not stays(one.name)]:
            aside.mkdir(mode=0o700, exist_ok=True)
            entry.rename(aside / entry.name)
        if aside.exists():
            sync(aside)
        sync(data)
        ready.rename(going)
        sync(data)
    elif not going.is_dir():
        return False
    if (going / _HOME).is_dir():
        for entry in [*(going / _HOME).iterdir()]:
            entry.rename(data / entry.name)
        sync(data)
    shutil.rmtree(going)
    sync(data)
    return True


def _clean(data: Path) -> None:
    for left in (data / _NEW, *data.glob(".work-*"), *data.glob("backups/.work-*")):
        shutil.rmtree(left, ignore_errors=True)
    for half in data.glob(f"backups/.*{SUFFIX}.part"):
        with suppress(OSError):
            half.unlink()


def _unpacked(path: Path, passphrase: str, new: Path, *, occupied: bool, tell: Tell) -> Manifest:
    manifest = read(path, passphrase, Folder(new / _HOME), tell)
    tell("writing it to the disk", 1.0)
    pass_over(new / _HOME, manifest)
    plugins = new / _HOME / _PLUGINS
    for name in filter(_ID.fullmatch, manifest.plugins):  # one may have had no files there
        (plugins / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for plugin in plugins.iterdir() if plugins.is_dir() else ():
        if plugin.is_dir():
            (plugin / RESTORED).write_bytes(msgspec.json.encode({"made": manifest.head.made}))
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    name, number = f"before-restore-{moment}", 2
    while occupied and (new.parent / name).exists():
        name = f"before-restore-{moment}-{number}"
        number += 1
    (new / _ASIDE).write_text(name, encoding="utf-8")
    for root, _, names in os.walk(new):
        for name in names:
            sync(Path(root, name))
        sync(Path(root))
    return manifest


def _mounted(data: Path) -> Iterator[Path]:
    """What of the folder's entries is mounted there, as a container has it: it has no other place."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split(" ")[4]))
        if point.parent == data.resolve() and not stays(point.name):
            yield point
