"""What belongs to a home: its data folder as it is, and the registry and the configuration where they lie elsewhere.

Databases are copied so that they are whole; other files as they are. Nothing of it knows what a plugin keeps there.
What cannot be read is missing, and told: it must not keep all the rest from being backed up.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hub.backup.archive import PIECE, Kind, Part, Tell
from hub.backup.databases import UnreadableError, copy_database, is_database
from hub.backup.names import ELSEWHERE, RESTORED, SUFFIX, fits, plain, stays
from hub.config import Config
from hub.errors import BackupError

_SIDE_FILES = ("-wal", "-shm", "-journal")
_ENDS = "|".join(_SIDE_FILES)
_SET_ASIDE = re.compile(rf".+\.damaged(-\d+)?({_ENDS})?")
_IN_PASSING = re.compile(rf"(.+)\.(new|salvage)({_ENDS})?|\.(.+)\.\d+")  # while a file takes a damaged one's place
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
    """Parts and the copies to take them from, what is not among them, and what is missing, by name with the reason."""

    sources: list[tuple[Part, Path]] = []
    left_out: list[str] = []
    missing: dict[str, str] = {}

    def add(self, name: str, kind: Kind, copy: Path, *, mode: int = 0o600, origin: str = "") -> None:
        """Take a copy as a part."""
        with copy.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.sources.append((Part(name, copy.stat().st_size, digest, kind, mode, origin), copy))


def gather(
    home: Home, staging: Path, tell: Tell, *, telemetry: bool, unread: Mapping[str, str] | None = None
) -> Gathered:
    """Copy everything into the folder `staging`; of what a running hub has open itself there is a copy already.

    Those are the files `registry` and `telemetry`, or `unread` says why there is none. Raises BackupError when the
    registry cannot be read, and OSError or sqlite3.Error when a copy cannot be written.
    """
    found = Gathered(missing={_place(home, getattr(home, kind))[0]: why for kind, why in (unread or {}).items()})
    for kind, path in _engines(home, telemetry=telemetry):
        _add_engine(home, found, kind, path, staging / kind)
    if not found.sources:
        raise BackupError(f"there is no hub in {home.data} to be backed up; name its data folder with --data")
    for path in _files(home, found):
        tell(f"copying {plain(path.name)}", 0.0)
        _add_file(home, found, path, staging / str(len(found.sources)))
    return found


def _add_engine(home: Home, found: Gathered, kind: Kind, path: Path, copy: Path) -> None:
    name, origin = _place(home, path)
    name = _free(name, found)
    if not copy.exists():
        if not path.exists() or name in found.missing:
            return
        try:
            copy_database(path, copy)
        except UnreadableError as error:
            if kind == "registry":
                raise BackupError(f"{path} cannot be copied: {error}; mend it or restore a backup") from error
            found.missing[name] = str(error)
            return
    found.add(name, kind, copy, origin=origin)


def _add_file(home: Home, found: Gathered, path: Path, copy: Path) -> None:
    name, origin = _place(home, path)
    name = _free(name, found)
    try:
        about = _about(path, name)
        if not stat.S_ISREG(about.st_mode):
            found.left_out.append(plain(name))
            return
        is_sqlite = _copy(path, copy)
        found.add(name, "database" if is_sqlite else "file", copy, mode=about.st_mode & 0o777, origin=origin)
    except UnreadableError as error:
        copy.unlink(missing_ok=True)
        if not _went(path):
            found.missing[plain(name)] = str(error)


def _engines(home: Home, *, telemetry: bool) -> Iterator[tuple[Kind, Path]]:
    yield "registry", home.registry
    if telemetry:
        yield "telemetry", home.telemetry


def _files(home: Home, found: Gathered) -> Iterator[Path]:
    engines = {*home.registry.parts[-1:], *home.telemetry.parts[-1:]}
    passed = {f"{path}{end}" for path in (home.registry, home.telemetry) for end in ("", *_SIDE_FILES)}

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.missing[plain(str(Path(error.filename).relative_to(home.data)))] = str(error.strerror)

    for root, folders, names in os.walk(home.data, onerror=unreadable):
        here = Path(root)
        folders[:] = sorted(one for one in folders if not _is_passed(home, here / one))
        for name in sorted(names):
            path = here / name
            if str(path) in passed or _is_passed(home, path) or _is_side_file(path) or _is_passing(name, engines):
                continue
            if _SET_ASIDE.fullmatch(name):
                found.left_out.append(plain(str(path.relative_to(home.data))))
            else:
                yield path
        found.left_out += [
            plain(str((here / one).relative_to(home.data))) for one in folders if (here / one).is_symlink()
        ]
    yield from (path for path in home.config if not path.is_relative_to(home.data))


def _is_passed(home: Home, path: Path) -> bool:
    parts = path.relative_to(home.data).parts
    is_mark = len(parts) == 3 and parts[0] == _PLUGINS and parts[2] == RESTORED  # noqa: PLR2004 - plugins/<id>/restored
    is_backup = parts[-1].endswith((SUFFIX, f"{SUFFIX}.part"))
    return stays(parts[0]) or parts in {("hub.sock",), ("logs",)} or "__pycache__" in parts or is_mark or is_backup


def _is_passing(name: str, engines: set[str]) -> bool:
    found = _IN_PASSING.fullmatch(name)
    return found is not None and (found[1] or found[4]) in engines


def _is_side_file(path: Path) -> bool:
    owner = next((path.with_name(path.name.removesuffix(end)) for end in _SIDE_FILES if path.name.endswith(end)), path)
    try:
        return owner != path and owner.is_file() and is_database(owner)
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


def _about(path: Path, name: str) -> os.stat_result:
    if not fits(name):
        raise UnreadableError("its name is too long or no text")
    try:
        return path.lstat()
    except OSError as error:
        raise UnreadableError(error.strerror) from error


def _went(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _copy(path: Path, copy: Path) -> bool:
    """Copy a file; says whether it is a database."""
    try:
        is_sqlite = is_database(path)
    except OSError as error:
        raise UnreadableError(error.strerror) from error
    if is_sqlite:
        copy_database(path, copy)
        return True
    copy.touch(mode=0o600)
    with copy.open("wb") as target:
        target.writelines(_pieces(path))
    return False


def _pieces(path: Path) -> Iterator[bytes]:
    """What is in a file; what goes wrong with its copy is not seen here."""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise UnreadableError(error.strerror) from error
