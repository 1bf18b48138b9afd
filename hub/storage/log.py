"""Who wrote which key when: one entry for each write or transaction, no values.

Entries go to the file packed, with a commit that is made anyway, once a minute or when there are many; until then they
can be read all the same, and a power cut takes them, never what they tell of.
"""

import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import time_ns  # noqa: TID251 - for people
from typing import Any

import msgspec

from hub.storage import sql
from hub.storage.thread import Statement
from hub.types import StorageWrite

PACKS = 256  # kept in the file
_MANY = 256  # that go to the file at once
_WAITING = 2048
_WINDOW = 60.0  # s

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[StorageWrite])


class WriteLog:
    """The entries that are not in the file yet; when they are too many the oldest are dropped."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._pending: deque[StorageWrite] = deque(maxlen=_WAITING)
        self._flying: list[StorageWrite] = []
        self._since = 0.0

    def add(self, namespace: str, changes: Mapping[str, object]) -> None:
        """Note a write: the keys that were set, and those that are gone (`None`)."""
        if not self._pending:
            self._since = self._monotonic()
        kept = [key for key, row in changes.items() if row is not None]
        gone = [key for key, row in changes.items() if row is None] if len(kept) < len(changes) else []
        self._pending.append(StorageWrite(time_ns(), namespace, kept, gone))

    def lift(self, *, is_last: bool = False) -> list[Statement]:
        """What is to go to the file with this commit, also what a failed one left; nothing when it is too early."""
        is_due = len(self._pending) >= _MANY or (self._pending and self._monotonic() - self._since >= _WINDOW)
        if not (is_due or is_last or self._flying):
            return []
        self._flying = [*self._flying, *self._pending][-_WAITING:]
        self._pending.clear()
        if not self._flying:
            return []
        return [(sql.LOG, [(zlib.compress(_ENCODER.encode(self._flying), 1),)]), (sql.TRIM_LOG, [(PACKS,)])]

    def land(self) -> None:
        """Forget what flew: the file has it."""
        self._flying = []

    async def find(
        self, fetch: Callable[..., Awaitable[list[Any]]], namespace: str, prefix: str, limit: int
    ) -> list[StorageWrite]:
        """The newest entries first, with what `fetch` gives of the file; see `matching`."""
        found = matching(self.newest_first(), namespace, prefix)
        for place in range(PACKS):
            rows = [] if len(found) >= limit else await fetch(sql.READ_LOG, (place,))
            if not rows:
                break
            found += matching(_unpacked(rows[0][0]), namespace, prefix)
        return found[:limit]

    def newest_first(self) -> list[StorageWrite]:
        """What is not in the file yet."""
        return [*reversed(self._pending), *reversed(self._flying)]


def _unpacked(pack: bytes) -> list[StorageWrite]:
    """Entries of the file, the newest first; a damaged pack has none."""
    try:
        return _DECODER.decode(zlib.decompress(pack))[::-1]
    except (zlib.error, msgspec.MsgspecError):
        return []


def matching(entries: Iterable[StorageWrite], namespace: str, prefix: str) -> list[StorageWrite]:
    """Those of a namespace (of all if empty) that touched a key with `prefix`."""
    return [
        one
        for one in entries
        if namespace in {"", one.namespace} and any(key.startswith(prefix) for key in (*one.keys, *one.gone))
    ]
