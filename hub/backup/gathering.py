"""What belongs to a home: its data folder as it is, and the registry and the configuration where they lie elsewhere.

Databases are copied so that they are whole; other files as they are. Nothing of it knows what a plugin keeps there.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hub.backup.archive import PIECE, Kind, Part, Tell
from hub.backup.databases import copy_database, is_database
from hub.backup.names import ELSEWHERE, RESTORED, stays
from hub.config import Config
from hub.errors import BackupError

_SIDE_FILES = ("-wal", "-shm", "-journal")
_PASSED_OVER = {"logs", "__pycache__"}
_PLUGINS = "plugins"


class Home(msgspec.Struct, frozen=True):
    """Where everything of a hub lies."""

    name: str
    data: Path
    registry: Path
    telemetry: Path
    config: tuple[Path, ...] = ()

    @classmethod
    def of(cls, settings: Config) -> "Home":
        """From its configuration."""
        files = tuple(Path(one.place) for one in settings.sources.written if one.text)
        return cls(settings.hub.name, settings.data_dir, settings.database, settings.telemetry, files)


class Gathered(msgspec.Struct):
    """Parts and the copies to take them from, and what is not among them."""

    sources: list[tuple[Part, Path]] = []
    left_out: list[str] = []

    def add(self, name: str, kind: Kind, copy: Path, *, mode: int = 0o600, origin: str = "") -> None:
        """Take a copy as a part."""
        with copy.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.sources.append((Part(name, copy.stat().st_size, digest, kind, mode, origin), copy))


def gather(home: Home, staging: Path, tell: Tell, *, telemetry: bool) -> Gathered:
    """Copy everything into the folder `staging`; of what a running hub has open itself there is a copy already.

    Those are the files `registry` and `telemetry`. Raises BackupError for what cannot be copied.
    """
    found = Gathered()
    for kind, path in _engines(home, telemetry=telemetry):
        copy = staging / kind
        if not copy.exists():
            if not path.exists():
                continue
            _copy(path, copy, is_sqlite=True)
        name, origin = _place(home, path)
        found.add(name, kind, copy, origin=origin)
    if not found.sources:
        raise BackupError(f"there is no hub in {home.data} to be backed up; name its data folder with --data")
    for path in _files(home, found.left_out):
        tell(f"copying {path.name}", 0.0)
        copy = staging / str(len(found.sources))
        name, origin = _place(home, path)
        try:
            is_sqlite = is_database(path)
            _copy(path, copy, is_sqlite=is_sqlite)
            mode = path.stat().st_mode & 0o777
        except FileNotFoundError:
            continue  # it went meanwhile
        except OSError as error:
            raise BackupError(f"{path} cannot be backed up: {error.strerror}") from error
        found.add(_free(name, found), "database" if is_sqlite else "file", copy, mode=mode, origin=origin)
    return found


def _engines(home: Home, *, telemetry: bool) -> Iterator[tuple[Kind, Path]]:
    yield "registry", home.registry
    if telemetry:
        yield "telemetry", home.telemetry


def _files(home: Home, left_out: list[str]) -> Iterator[Path]:
    passed = {f"{path}{end}" for path in (home.registry, home.telemetry) for end in ("", *_SIDE_FILES)}
    for root, folders, names in os.walk(home.data):
        here = Path(root)
        folders[:] = sorted(one for one in folders if one not in _PASSED_OVER and not _is_passed(home, here / one))
        for name in sorted(names):
            path = here / name
            if str(path) in passed or _is_passed(home, path) or _is_side_file(path):
                continue
            if path.is_symlink() or not path.is_file():
                left_out.append(str(path.relative_to(home.data)))
            else:
                yield path
        left_out += [str((here / one).relative_to(home.data)) for one in folders if (here / one).is_symlink()]
    yield from (path for path in home.config if not path.is_relative_to(home.data) and path.is_file())


def _is_passed(home: Home, path: Path) -> bool:
    parts = path.relative_to(home.data).parts
    is_mark = len(parts) == 3 and parts[0] == _PLUGINS and parts[2] == RESTORED  # noqa: PLR2004 - plugins/<id>/restored
    return stays(parts[0]) or parts == ("hub.sock",) or is_mark


def _is_side_file(path: Path) -> bool:
    owner = next((path.with_name(path.name.removesuffix(end)) for end in _SIDE_FILES if path.name.endswith(end)), path)
    try:
        return owner != path and is_database(owner)
    except OSError:
        return False


def _place(home: Home, path: Path) -> tuple[str, str]:
    """A part's name, and where it was if that is not in the data folder."""
    if path.is_relative_to(home.data):
        return path.relative_to(home.data).as_posix(), ""
    return f"{ELSEWHERE}/{path.name}", str(path)


def _free(name: str, found: Gathered) -> str:
    taken = {part.name for part, _ in found.sources}
    folder, _, last = name.rpartition("/")
    number = 2
    while name in taken:
        name = f"{folder}/{number}-{last}"
        number += 1
    return name


def _copy(path: Path, copy: Path, *, is_sqlite: bool) -> None:
    try:
        if is_sqlite:
            copy_database(path, copy)
            return
        copy.touch(mode=0o600)
        with path.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
    except sqlite3.Error as error:
        raise BackupError(f"{path} cannot be copied: {error}; look whether it is damaged") from error
