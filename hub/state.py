"""The state engine: what is true now. A change is the event `state.changed` with the path as its subject.

Whoever keeps values takes the `changes` and hands them to `restore` at the next start; they are marked `restored` until
their owner sets them again. A value with a ttl is deleted so many seconds after it was set or restored; setting it
again renews that, or ends it when no ttl is given.
"""

from collections.abc import Callable, Iterable, Mapping
from time import time_ns  # noqa: TID251 - for people; `version` orders
from typing import Any

import msgspec

from hub.api import Clock
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import StateError, StorageError
from hub.storage.expiry import Deadlines
from hub.storage.values import TTL_LIMIT, decode, encode, is_ttl
from hub.types import StateChanged, StateEntry

_PATH_LIMIT = 256
_VALUE_LIMIT = 262_144
_SCALARS = frozenset({bool, str, type(None)})
_BOUNDS = {int: (-(2**63) - 1, 2**64), float: (float("-inf"), float("inf"))}

type StateRow = tuple[Any, ...]
type Rows = list[StateRow]


class StateEngine:
    """Paths to versioned values; `on_change` is called whenever there is something more to keep."""

    def __init__(self, bus: EventBus, clock: Clock | None = None) -> None:
        self._publish = bus.publish
        self._entries: dict[str, StateEntry] = {}
        self._absent = StateEntry(None, 0, 0)  # its version is at least that of whatever was deleted
        self._dirty: set[str] = set()
        self.on_change: Callable[[], object] = _nothing
        self._lifetimes: dict[str, tuple[float, str]] = {}  # ttl and source of what has one
        self._deadlines = Deadlines[str](clock or SystemClock(), self._expire)
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
        old = self._entries.get(path, self._absent)
        if old is self._absent:
            _check_path(path)
        kind = value.__class__
        if bounds := _BOUNDS.get(kind):
            if not bounds[0] < value < bounds[1]:
                raise StateError(f"state {path!r} cannot hold {value}: finite numbers, whole ones of at most 64 bits")
        elif kind not in _SCALARS or (kind is str and not (value.isascii() and len(value) <= _VALUE_LIMIT)):
            value = _detached(path, value)
        before, version = old.value, old.version + 1
        if before == value and old is not self._absent and _is_same(before, value):
            return self._confirmed(path, old, source, ttl)
        if ttl is not None or self._lifetimes:
            self._live(path, source, ttl)
        entry = self._entries[path] = StateEntry(value, version, time_ns())
        self._mark(path)
        self._publish("state.changed", path, StateChanged(value, before, version), source)
        return entry

    def compare_and_set(self, path: str, value: Any, version: int, source: str = "hub") -> bool:  # noqa: ANN401
        """Set only if the current version is `version` (0: not there), which no deleted one ever had; says so."""
        if getattr(self._entries.get(path), "version", 0) != version:
            return False
        self.set(path, value, source)
        return True

    def delete(self, path: str, source: str = "hub") -> bool:
        """Forget it; says whether it was there."""
        old = self._entries.pop(path, None)
        if old is None:
            return False
        self._live(path, source, None)
        self._absent = StateEntry(None, max(self._absent.version, old.version + 1), 0)
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

    def restore(self, rows: Iterable[Any]) -> int:
        """Take over rows as `changes` gave them, a later one over a former; returns how many values came back.

        What was set since the start stays as it is.
        """
        found = {row[0]: row for row in rows if row[0] not in self._dirty}
        kept = [row for row in found.values() if row[1:]]
        for path, value, version, time, *lifetime in kept:
            self._entries[path] = StateEntry(value, version, time, restored=True)
            if lifetime:
                self._live(path, lifetime[1], lifetime[0])
        return len(kept)

    def changes(self) -> dict[str, StateRow]:
        """Rows of what has changed since the last time, by path: path, value, version, time, ttl and source if any.

        What is gone has its path only. `put_back` what could not be kept.
        """
        taken, self._dirty = self._dirty, set()
        return {path: self._row(path) for path in taken}

    def rows(self) -> Rows:
        """The rows of all there is."""
        return [self._row(path) for path in self._entries]

    def put_back(self, paths: Iterable[str]) -> None:
        """Take these for changed once more."""
        self._dirty.update(paths)

    def _row(self, path: str) -> StateRow:
        entry = self._entries.get(path)
        if entry is None:
            return (path,)
        return path, entry.value, entry.version, entry.time, *self._lifetimes.get(path, ())

    def _mark(self, path: str) -> None:
        self._dirty.add(path)
        self.on_change()


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


def _nothing() -> None:
    """Nobody keeps the values."""
