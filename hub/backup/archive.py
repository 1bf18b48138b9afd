r"""A backup's file: what it tells of itself in the clear, and its parts behind that, compressed and perhaps encrypted.

    "domovoi backup 1\n", size of the file (8 bytes), length of the head (4), head (JSON), SHA-256 of the last three,
    body, SHA-256 of the body

The body is a zlib stream: length of the manifest (4 bytes), manifest (JSON), the bytes of its parts in order. If the
head is sealed, the body is that stream in the age format. Numbers are unsigned and big-endian.
"""

import hashlib
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Literal, NoReturn, Protocol

import msgspec

from hub.backup import sealing
from hub.backup.names import check_parts
from hub.backup.pipes import Hashing, Limited, Pieces
from hub.errors import BackupError

type Tell = Callable[[str, float], None]
"""Hears what is done now and which part of it is done, 0 to 1; it may raise to end the work."""

type Kind = Literal["registry", "telemetry", "database", "file"]

MAGIC = b"domovoi backup 1\n"
PIECE = 256 * 1024
_FAMILY = b"domovoi backup "
_PRELUDE = struct.Struct(">QI")
_LENGTH = struct.Struct(">I")
_HASH = 32
_HEAD_LIMIT = 64 * 1024
_MANIFEST_LIMIT = 8 * 1024 * 1024
_CONTENT_LIMIT = 16 * 1024**3


class Head(msgspec.Struct, frozen=True):
    """What anybody may know: the hub's name and version, when it was made (ns since 1970), the files' schemas by kind.

    `sealed` is the key of the body, encrypted with the passphrase; empty: it is not encrypted.
    """

    hub: str
    hub_version: str
    made: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    schemas: dict[str, int]
    sealed: str = ""


class Part(msgspec.Struct, frozen=True):
    """A file: its place in the data folder, size, SHA-256 in hex, permissions.

    One that did not lie there has its former place as its `origin`.
    """

    name: str
    size: int
    sha256: str
    kind: Kind = "file"
    mode: int = 0o600
    origin: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """All that is in a backup, and the versions of the plugins that there were; `left_out` names what is not in it.

    What could not be read when it was made is `missing`, with the reason.
    """

    head: Head
    plugins: dict[str, str]
    parts: list[Part]
    left_out: list[str] = []
    missing: dict[str, str] = {}


class Taker(Protocol):
    """Who takes the parts as they come out, one after the other."""

    def begin(self, manifest: Manifest) -> None:
        """All of this will come."""

    def open(self, part: Part) -> IO[bytes] | None:
        """Give what takes the part's bytes, or nothing to pass over it; it is closed when all of them were good."""


def pack(target: Path, manifest: Manifest, sources: Iterable[tuple[Part, Path]], key: str, tell: Tell) -> None:
    """Write a backup of files into the new file `target`, private from its first byte; with a `key` it is encrypted."""
    head = msgspec.json.encode(manifest.head)
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(MAGIC + bytes(_PRELUDE.size) + head + bytes(_HASH))
        body = Hashing(file)
        stream = Pieces(_compressed(manifest, sources, tell))
        if key:
            sealing.encrypt(stream, body, key)
        else:
            while piece := stream.read(PIECE):
                body.write(piece)
        file.write(body.digest.digest())
        prelude = _PRELUDE.pack(file.tell(), len(head))
        file.seek(len(MAGIC))
        file.write(prelude + head + hashlib.sha256(prelude + head).digest())


def read_head(path: Path) -> Head:
    """What a backup tells without its passphrase. Raises BackupError."""
    with _opened(path) as file:
        return _head(file, path)[0]


def read_manifest(path: Path, passphrase: str) -> Manifest:
    """What is in a backup; the parts are neither unpacked nor checked. Raises BackupError."""
    try:
        return read(path, passphrase, _NoPart(), lambda _text, _done: None)
    except _EnoughError as enough:
        return enough.manifest


def read(path: Path, passphrase: str, taker: Taker, tell: Tell) -> Manifest:
    """Take a backup apart and check every byte of it. Raises BackupError."""
    with _opened(path) as file:
        head, size = _head(file, path)
        key = sealing.unseal(head.sealed, passphrase, path) if head.sealed else ""
        body = Limited(file, size)
        parts = _Unpacking(path, head, taker, tell)
        try:
            if key:
                sealing.decrypt(body, parts, key)
            else:
                while piece := body.read(PIECE):
                    parts.write(piece)
            parts.finish()
            if body.read(1) or file.read(_HASH + 1) != body.digest.digest():
                raise BackupError(f"backup {path} is damaged: its checksum does not fit; take another one")
        except sealing.DamagedError:
            parts.fault("is damaged")
        finally:
            parts.close()
    return parts.known


class _EnoughError(Exception):
    """The manifest is known."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        self.manifest = manifest


class _NoPart:
    """Takes the manifest only."""

    def begin(self, manifest: Manifest) -> None:
        raise _EnoughError(manifest)

    def open(self, part: Part) -> IO[bytes] | None:
        """Never comes to it."""
        del part
        return None


def _opened(path: Path) -> IO[bytes]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise BackupError(f"{path} is not a backup of a hub")
        return path.open("rb")
    except OSError as error:
        raise BackupError(f"backup {path} cannot be read: {error.strerror}") from error


def _head(file: IO[bytes], path: Path) -> tuple[Head, int]:
    """The head, and how long the body is; the file stands at the body then."""
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        number = magic.removeprefix(_FAMILY).strip()
        if magic.startswith(_FAMILY) and number.isdigit():
            raise BackupError(f"backup {path} was made by a newer hub (format {number.decode()}); restore it with that")
        raise BackupError(f"{path} is not a backup of a hub")
    prelude = file.read(_PRELUDE.size)
    size, length = _PRELUDE.unpack(prelude.ljust(_PRELUDE.size, b"\0"))
    head = file.read(min(length, _HEAD_LIMIT))
    if file.read(_HASH) != hashlib.sha256(prelude + head).digest():
        raise BackupError(f"backup {path} is damaged: its head; take another one")
    found = path.stat().st_size
    if found != size:
        what = f"is cut off: {found} of {size} bytes are there" if found < size else "has something behind its end"
        raise BackupError(f"backup {path} {what}; take another one")
    try:
        return msgspec.json.decode(head, type=Head), size - file.tell() - _HASH
    except msgspec.DecodeError as error:
        raise BackupError(f"backup {path}: its head cannot be understood: {error}") from error


def _compressed(manifest: Manifest, sources: Iterable[tuple[Part, Path]], tell: Tell) -> Iterator[bytes]:
    total, done = sum(part.size for part in manifest.parts) or 1, 0
    deflate = zlib.compressobj()
    listed = msgspec.json.encode(manifest)
    yield deflate.compress(_LENGTH.pack(len(listed)) + listed)
    for part, path in sources:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                tell(f"packing {part.name}", done / total)
                done += len(piece)
                yield deflate.compress(piece)
    yield deflate.flush()


class _Unpacking:
    """Takes the body's stream, piece by piece, and gives its parts to the taker."""

    def __init__(self, path: Path, head: Head, taker: Taker, tell: Tell) -> None:
        self.manifest: Manifest | None = None
        self._path = path
        self._head = head
        self._taker = taker
        self._tell = tell
        self._inflate = zlib.decompressobj()
        self._listed = b""
        self._waiting: Iterator[Part] = iter(())
        self._part: Part | None = None
        self._sink: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._left = self._done = 0
        self._total = 1

    @property
    def known(self) -> Manifest:
        if self.manifest is None:
            self.fault("is damaged")
        return self.manifest

    def write(self, data: bytes) -> int:
        size, is_full = len(data), True
        while data or is_full:
            try:
                piece = self._inflate.decompress(data, PIECE)
            except zlib.error:
                self.fault("is damaged")
            data, is_full = self._inflate.unconsumed_tail, len(piece) == PIECE
            self._take(memoryview(piece))
            if self._inflate.unused_data:
                self.fault("is followed by something else")
        return size

    def flush(self) -> None:
        """Nothing waits."""

    def finish(self) -> None:
        if self.manifest is None or self._part is not None or not self._inflate.eof:
            self.fault("ends too early")

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()

    def fault(self, what: str) -> NoReturn:
        name = f"part {self._part.name}" if self._part else "its end" if self.manifest else "its manifest"
        raise BackupError(f"backup {self._path} is not good: {name} {what}; take another one")

    def _take(self, data: memoryview) -> None:
        if self.manifest is None:
            data = self._begin(self._listed + data)
        while data:
            if self._part is None:
                self.fault("is followed by something else")
            taken, data = data[: self._left], data[self._left :]
            self._tell(f"checking {self._part.name}", self._done / self._total)
            self._digest.update(taken)
            if self._sink is not None:
                self._sink.write(taken)
            self._left -= len(taken)
            self._done += len(taken)
            if not self._left:
                self._end()

    def _begin(self, listed: bytes) -> memoryview:
        """Take the manifest when all of it is there; returns what follows."""
        self._listed = listed
        if len(listed) < _LENGTH.size:
            return memoryview(b"")
        end = _LENGTH.size + _LENGTH.unpack_from(listed)[0]
        if end > _MANIFEST_LIMIT:
            self.fault(f"is larger than {_MANIFEST_LIMIT} bytes")
        if len(listed) < end:
            return memoryview(b"")
        try:
            manifest = msgspec.json.decode(listed[_LENGTH.size : end], type=Manifest)
        except msgspec.DecodeError as error:
            self.fault(f"cannot be understood ({error})")
        if manifest.head != self._head:
            self.fault("does not fit its head")
        check_parts(self._path, manifest.parts, _CONTENT_LIMIT)
        self._taker.begin(manifest)
        self.manifest, self._listed = manifest, b""
        self._total = sum(part.size for part in manifest.parts) or 1
        self._waiting = iter(manifest.parts)
        self._next()
        return memoryview(listed)[end:]

    def _next(self) -> None:
        self._part = next(self._waiting, None)
        if self._part is not None:
            self._left, self._digest = self._part.size, hashlib.sha256()
            self._sink = self._taker.open(self._part)
            if not self._left:
                self._end()

    def _end(self) -> None:
        if self._part is not None and self._digest.hexdigest() != self._part.sha256:
            self.fault("is damaged")
        self.close()
        self._sink = None
        self._next()
