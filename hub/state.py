"""The state engine: what is true now. A change is the event `state.changed` with the path as its subject.

Values are written behind, at most `window` seconds later (the stated loss window, the storage's own commit window
comes on top), and restored at the next start, marked `restored` until their owner sets them again.
"""

import logging
from collections.abc import Mapping
from time import time_ns
from typing import Any

import msgspec

from hub.api import Storage
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import StateError, StorageError
from hub.tasks import TaskGroup
from hub.types import StateChanged, StateEntry, Undo

WINDOW = 1.0
_PATH_LIMIT = 256
_VALUE_LIMIT = 262_144
_PAGE = 1000
_PLAIN = frozenset({bool, int, float, str, type(None)})
_LOG = logging.getLogger("hub.state")


class StateEngine:
    """Paths to versioned values, persisted behind the scenes."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._publish = bus.publish
        self._entries: dict[str, StateEntry] = {}
        self._dirty: set[str] = set()
        self._store: Storage | None = None
        self._undo_timer: Undo | None = None
        self._tasks: TaskGroup | None = None
        self._clock = SystemClock()
        self._window = WINDOW
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
        return {path: self._entries[path] for path in sorted(self._entries) if path.startswith(prefix)}

    # Changing

    def set(self, path: str, value: Any, source: str = "hub") -> StateEntry:  # noqa: ANN401
        """Make `value` true at `path`; the same value again publishes nothing.

        Raises StateError for a malformed path or a value that is not JSON-like.
        """
        old = self._entries.get(path)
        if old is None:
            _check_path(path)
        elif old.value == value and old.value.__class__ is value.__class__:
            if old.restored:
                old = self._entries[path] = StateEntry(value, old.version, old.time)
            return old
        if value.__class__ not in _PLAIN:
            value = _checked(path, value)
        entry = StateEntry(value, 1 if old is None else old.version + 1, time_ns())
        self._entries[path] = entry
        if self._store is not None:
            self._mark(path)
        self._publish(
            "state.changed", path, StateChanged(value, None if old is None else old.value, entry.version), source
        )
        return entry

    def compare_and_set(self, path: str, value: Any, version: int, source: str = "hub") -> bool:  # noqa: ANN401
        """Set only if the current version is `version` (0: not there); says whether it did."""
        old = self._entries.get(path)
        if (old.version if old else 0) != version:
            return False
        self.set(path, value, source)
        return True

    def delete(self, path: str, source: str = "hub") -> bool:
        """Forget it; says whether it was there."""
        old = self._entries.pop(path, None)
        if old is None:
            return False
        if self._store is not None:
            self._mark(path)
        self._publish("state.changed", path, StateChanged(None, old.value, old.version + 1), source)
        return True

    # Persistence

    async def restore(self, store: Storage, tasks: TaskGroup, window: float = WINDOW) -> int:
        """Take over what `store` holds and write changes behind from now on; returns how many values were restored."""
        after = ""
        while page := await store.list(after=after, limit=_PAGE):
            for path, (value, version, time) in page:
                self._entries.setdefault(path, StateEntry(value, version, time, restored=True))
            after = page[-1][0]
        self._store, self._tasks, self._window = store, tasks, window
        return len(self._entries)

    async def flush(self) -> None:
        """Hand everything that changed to the storage now.

        Raises StorageError; what was not taken stays marked and is tried again.
        """
        if self._undo_timer is not None:
            self._undo_timer()
            self._undo_timer = None
        if self._store is None or not self._dirty:
            return
        taken, self._dirty = self._dirty, set()
        entries = self._entries
        try:
            changed = {path: _packed(entries[path]) for path in taken if path in entries}
            if changed:
                await self._store.set_many(changed)
            for path in taken - changed.keys():
                await self._store.delete(path)
        except StorageError:
            self._dirty |= taken
            raise

    def _mark(self, path: str) -> None:
        self._dirty.add(path)
        if self._undo_timer is None:
            self._undo_timer = self._clock.call_later(self._window, self._write)

    def _write(self) -> None:
        self._undo_timer = None
        if self._tasks is not None:
            self._tasks.start("writes state", self._try_flush())

    async def _try_flush(self) -> None:
        try:
            await self.flush()
        except StorageError as error:
            _LOG.warning("State is kept in memory only for now: %s", error)
            self._undo_timer = self._clock.call_later(self._window, self._write)


def _packed(entry: StateEntry) -> list[Any]:
    return [entry.value, entry.version, entry.time]


def _check_path(path: str) -> None:
    if not path or len(path) > _PATH_LIMIT or path[0] == "/" or path[-1] == "/" or not path.isprintable():
        raise StateError(
            f"state path {path[:80]!r} must be 1 to {_PATH_LIMIT} printable characters, with slashes only inside"
        )
    if "+" in path.split("/") or "#" in path:
        raise StateError(f"state path {path!r} must hold no wildcard")


def _checked(path: str, value: Any) -> Any:  # noqa: ANN401
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        raise StateError(
            f"state {path!r} cannot hold {type(value).__name__}, only JSON-like values: {error}"
        ) from error
    if len(encoded) > _VALUE_LIMIT:
        raise StateError(f"state {path!r} cannot hold {len(encoded)} bytes; the limit is {_VALUE_LIMIT}")
    return msgspec.to_builtins(value)
