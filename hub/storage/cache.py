"""What is known of rows without the file: what it does not have yet, and what was read of it lately."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from sys import getsizeof

from hub.storage.overlay import Held, Overlay

_OVERHEAD = 200  # bytes that an entry takes besides its key and value


class Cache:
    """At most about `limit` bytes of rows, by namespace and key; also that a row is not there (`None`).

    Whoever changes a row drops it here first, so that nothing here is ever stale.
    """

    def __init__(self, limit: int = 524_288) -> None:
        self._limit = limit
        self._size = 0
        self._rows: OrderedDict[tuple[str, str], Held | None] = OrderedDict()

    def has(self, namespace: str, key: str) -> bool:
        """Whether it knows of this row, even that it is not there."""
        return (namespace, key) in self._rows

    def find(self, namespace: str, key: str) -> Held | None:
        """Give what it has of a row, if anything."""
        row = self._rows.get((namespace, key))
        if row is not None:
            self._rows.move_to_end((namespace, key))
        return row

    def keep(self, namespace: str, key: str, row: Held | None) -> None:
        """Remember what the file says; what was not asked for longest goes when it is too much."""
        self.drop(namespace, (key,))
        self._rows[namespace, key] = row
        self._size += _size(key, row)
        while self._size > self._limit:
            (_, old), gone = self._rows.popitem(last=False)
            self._size -= _size(old, gone)

    def drop(self, namespace: str, keys: Iterable[str]) -> None:
        """Forget rows that change."""
        for key in keys:
            if (namespace, key) in self._rows:
                self._size -= _size(key, self._rows.pop((namespace, key)))

    def clear(self) -> None:
        """Forget all: the file is another."""
        self._rows.clear()
        self._size = 0


def _size(key: str, row: Held | None) -> int:
    return _OVERHEAD + len(key) + (getsizeof(row[0]) if row else 0)  # what was put in by hand may have no len


class Layers:
    """What the file does not have yet over what was read of it lately."""

    def __init__(self) -> None:
        self.overlay = Overlay()
        self.cache = Cache()

    def put(self, namespace: str, rows: Mapping[str, Held | None]) -> None:
        """Let rows change."""
        self.overlay.put(namespace, rows)
        self.cache.drop(namespace, rows)

    def keep(self, namespace: str, rows: Mapping[str, Held | None]) -> None:
        """Remember rows that were read; what changed since the reading began lies in the overlay."""
        for key, row in rows.items():
            if not self.overlay.has(namespace, key):
                self.cache.keep(namespace, key, row)

    def unknown(self, namespace: str, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that only the file knows of."""
        has, had = self.overlay.has, self.cache.has
        return [key for key in dict.fromkeys(keys) if not (has(namespace, key) or had(namespace, key))]

    def known(self, namespace: str, keys: Sequence[str], found: Mapping[str, Held], now: int) -> dict[str, bytes]:
        """Those of `keys` that exist at `now`, with what was `found` of them in the file just now."""
        rows: dict[str, bytes] = {}
        for key in keys:
            row = found.get(key) or self.cache.find(namespace, key)
            if row is not None and (row[1] is None or row[1] > now):
                rows[key] = row[0]
        return self.overlay.over(namespace, keys, rows, now)
