"""The state engine: what is true now. A change is the event `state.changed` with the path as its subject.

Values are written behind, at most `window` seconds later (the stated loss window, the storage's own commit window
comes on top), and restored at the next start, marked `restored` until their owner sets them again. A value with a ttl
is deleted so many seconds after it was set or restored; setting it again renews that, or ends it when no ttl is given.
"""

import asyncio
import logging
from collections.abc import Mapping
from time import time_ns
from typing import Any

import msgspec

from hub.api import Clock, Storage, Transaction
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import StateError, StorageError
from hub.storage.expiry import Deadlines
from hub.storage.values import TTL_LIMIT, decode, encode, is_ttl
from hub.tasks import TaskGroup
from hub.types import StateChanged, StateEntry, Undo

WINDOW = 1.0
_PATH_LIMIT = 256
_VALUE_LIMIT = 262_144
_SCALARS = frozenset({bool, float, int, str, type(None)})
_LEAST, _MOST = -(2**63), 2**64 - 1
_ABSENT = StateEntry(None, 0, 0)
_LOG = logging.getLogger("hub.state")


class StateEngine:
    """Paths to versioned values, persisted behind the scenes."""

    def __init__(self, bus: EventBus, clock: Clock | None = None) -> None:
        self._publish = bus.publish
        self._entries: dict[str, StateEntry] = {}
        self._dirty: set[str] = set()
        self._flushing = asyncio.Lock()
        self._store: Storage | None = None
        self._undo_timer: Undo | None = None
        self._tasks: TaskGroup | None = None
        self._clock = clock or SystemClock()
        self._window = WINDOW
        self._lifetimes: dict[str, tuple[float, str]] = {}  # ttl and source of what has one
        self._deadlines = Deadlines[str](self._clock, self._expire)
        bus.declare("state.changed", StateChanged, "hub")

    # Reading

    def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401
        """The value at `path`, or `default`."""
        entry = self._entries.get(path)
        return default if entry is None else entry.value

    def entry(self, path: str) -> StateEntry | None:
        """The value with its version and time."""
        return self._entries.get(path)

    def list(self, prefix: str = "") -> Mapping[str, StateEntry]:
        """All entries whose path begins with `prefix`, by path."""
        return {path: self._entries[path] for path in sorted(p for p in self._entries if p.startswith(prefix))}

    def __len__(self) -> int:
        """How many values there are."""
        return len(self._entries)

    # Changing

    def set(self, path: str, value: Any, source: str = "hub", *, ttl: float | None = None) -> StateEntry:  # noqa: ANN401
        """Make `value` true at `path`, for `ttl` seconds if given; the same value again publishes nothing.

        Raises StateError for a malformed path, a value that is not JSON-like, or a ttl that is not above 0.
        """
        old = self._entries.get(path, _ABSENT)
        if old is _ABSENT:
            _check_path(path)
        kind = value.__class__
        if kind is int:
            if not _LEAST <= value <= _MOST:
                raise StateError(f"state {path!r} cannot hold {value}: whole numbers have at most 64 bits")
        elif kind not in _SCALARS or (kind is str and not (value.isascii() and len(value) <= _VALUE_LIMIT)):
            value = _detached(path, value)
        before, version = old.value, old.version + 1
        if before == value and old is not _ABSENT and _is_same(before, value):
            return self._confirmed(path, old, source, ttl)
        if ttl is not None or self._lifetimes:
            self._live(path, source, ttl)
        entry = self._entries[path] = StateEntry(value, version, time_ns())
        self._mark(path)
        self._publish("state.changed", path, StateChanged(value, before, version), source)
        return entry

    def compare_and_set(self, path: str, value: Any, version: int, source: str = "hub") -> bool:  # noqa: ANN401
        """Set only if the current version is `version` (0: not there); says whether it did."""
        if self._entries.get(path, _ABSENT).version != version:
            return False
        self.set(path, value, source)
        return True

    def delete(self, path: str, source: str = "hub") -> bool:
        """Forget it; says whether it was there."""
        old = self._entries.pop(path, None)
        if old is None:
            return False
        self._live(path, source, None)
        self._mark(path)
        self._publish("state.changed", path, StateChanged(None, old.value, old.version + 1), source)
        return True

    def _confirmed(self, path: str, old: StateEntry, source: str, ttl: float | None) -> StateEntry:
        if (ttl is not None or self._lifetimes) and self._live(path, source, ttl):
            self._mark(path)
        if not old.restored:
            return old
        entry = self._entries[path] = StateEntry(old.value, old.version, old.time)
        return entry

    # Lifetimes

    def _live(self, path: str, source: str, ttl: float | None) -> bool:
        """Let the value live so long from now on (`None`: for good); says whether that must be stored anew."""
        if ttl is not None and not is_ttl(ttl):
            raise StateError(
                f"state {path!r}: a ttl must be a number of seconds above 0, at most {TTL_LIMIT}, not {ttl!r}"
            )
        old = self._lifetimes.pop(path, None)
        if ttl is None:
            self._deadlines.drop(path)
            return old is not None
        self._deadlines.set(path, ttl)
        self._lifetimes[path] = (ttl, source)
        return old != (ttl, source)

    def _expire(self, path: str) -> None:
        self.delete(path, self._lifetimes[path][1])

    # Persistence

    async def restore(self, store: Storage, tasks: TaskGroup, window: float = WINDOW) -> int:
        """Take over what `store` holds and write changes behind from now on; returns how many values were restored."""
        after, restored = "", 0
        while page := await store.list(after=after):
            for path, row in page:
                if path not in self._dirty and (found := _unpacked(path, row)) is not None:
                    self._entries[path], ttl, source = found
                    self._live(path, source, ttl)
                    restored += 1
            after = page[-1][0]
        self._store, self._tasks, self._window = store, tasks, window
        if self._dirty:
            self._arm()
        return restored

    async def flush(self) -> None:
        """Hand everything that changed to the storage now.

        Raises StorageError; what was not taken stays marked and is tried again.
        """
        if self._undo_timer is not None:
            self._undo_timer()
            self._undo_timer = None
        if self._store is None:
            return
        async with self._flushing:
            taken, self._dirty = self._dirty, set()
            try:
                if taken:
                    async with self._store.transaction() as batch:
                        for path in taken:
                            self._put(batch, path)
            except BaseException:
                self._dirty |= taken
                raise

    def _put(self, batch: Transaction, path: str) -> None:
        entry = self._entries.get(path)
        if entry is None:
            batch.delete(path)
        else:
            batch.set(path, [entry.value, entry.version, entry.time, *self._lifetimes.get(path, ())])

    def _mark(self, path: str) -> None:
        self._dirty.add(path)
        self._arm()

    def _arm(self) -> None:
        if self._store is not None and self._undo_timer is None:
            self._undo_timer = self._clock.call_later(self._window, self._write)

    def _write(self) -> None:
        if self._tasks is not None:
            self._tasks.start("writes state", self._try_flush())

    async def _try_flush(self) -> None:
        try:
            await self.flush()
        except StorageError as error:
            _LOG.warning("State is kept in memory only for now: %s", error)
            self._arm()


def _unpacked(path: str, row: Any) -> tuple[StateEntry, float | None, str] | None:  # noqa: ANN401
    """What was stored as value, version, time and, if it has one, ttl and source."""
    try:
        value, version, time, ttl, source = row if row[3:] else (*row, None, "")
        if ttl is None or is_ttl(ttl):
            return StateEntry(value, int(version), int(time), restored=True), ttl, str(source)
    except (TypeError, ValueError):
        pass
    _LOG.warning("State %s is damaged in the storage and forgotten", path)
    return None


def _check_path(path: str) -> None:
    is_plain = path.isprintable() and path == path.strip("/") and "#" not in path and "+" not in path.split("/")
    if not (is_plain and 0 < len(path) <= _PATH_LIMIT):
        raise StateError(
            f"state path {path[:80]!r} must be 1 to {_PATH_LIMIT} printable characters,"
            " with slashes only inside and without the wildcards + and #"
        )


def _detached(path: str, value: Any) -> Any:  # noqa: ANN401
    """Detach the value from its owner's, in the form in which it will come back from the storage."""
    try:
        row = encode("state", path, msgspec.to_builtins(value, str_keys=True))
    except (TypeError, ValueError, RecursionError, StorageError) as error:
        raise StateError(
            f"state {path!r} cannot hold this {type(value).__name__}, only JSON-like values: {error}"
        ) from error
    if len(row) > _VALUE_LIMIT:
        raise StateError(f"state {path!r} cannot hold {len(row)} bytes; the limit is {_VALUE_LIMIT}")
    return decode("state", path, row)


def _is_same(old: Any, new: Any) -> bool:  # noqa: ANN401
    """Whether equal values are of equal types all through: 1 is neither True nor 1.0."""
    kind = old.__class__
    if kind is not new.__class__:
        return False
    if kind is dict:
        return all(_is_same(old[key], new[key]) for key in old)
    return kind is not list or all(map(_is_same, old, new))
