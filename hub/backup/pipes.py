"""What the library of the age format reads from and writes to."""

import hashlib
from collections.abc import Iterator
from typing import IO


class Pieces:
    """Pieces as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


class Hashing:
    """Writes through to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def write(self, piece: bytes) -> int:
        """Take bytes."""
        self.digest.update(piece)
        return self._file.write(piece)

    def flush(self) -> None:
        """Nothing waits."""


class Limited:
    """Reads so many bytes of a file and no more."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.digest = hashlib.sha256()
        self._file = file
        self._left = size

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        self.digest.update(piece)
        return piece
