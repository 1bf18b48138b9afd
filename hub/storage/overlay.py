"""What a file does not have yet, laid over what it has."""

from collections.abc import Iterable, Iterator, Mapping

from hub.storage.rows import size

type Held = tuple[bytes, int | None]
"""A row's bytes, and when it expires by the store's clock (ms)."""


class Overlay:
    """Two layers of rows (`None`: gone) by namespace and key: `pending` for the next commit over `flying` in this one.

    `size` is in bytes, at most; rows that replace each other before a commit count once each.
    """

    def __init__(self) -> None:
        self.size = 0
        self._pending: dict[str, dict[str, Held | None]] = {}
        self._flying: dict[str, dict[str, Held | None]] = {}
        self._pending_size = 0

    def put(self, namespace: str, rows: Mapping[str, Held | None]) -> None:
        """Lay `rows` on top."""
        self._pending.setdefault(namespace, {}).update(rows)
        added = size(rows)
        self._pending_size += added
        self.size += added

    def lift(self) -> list[tuple[str, str, Held | None]]:
        """Let all there is fly, also what a failed commit left; gives namespaces, keys and rows."""
        for namespace, rows in self._pending.items():
            self._flying.setdefault(namespace, {}).update(rows)
        self._pending = {}
        self._pending_size = 0
        self.size = sum(map(size, self._flying.values()))
        return [(namespace, key, row) for namespace, rows in self._flying.items() for key, row in rows.items()]

    def land(self) -> None:
        """Drop what flew: the file has it."""
        self._flying = {}
        self.size = self._pending_size

    def __len__(self) -> int:
        return sum(map(len, (*self._flying.values(), *self._pending.values())))

    def has(self, namespace: str, key: str) -> bool:
        """Whether it says something of this row, even that it is gone."""
        return key in self._pending.get(namespace, ()) or key in self._flying.get(namespace, ())

    def keys(self, namespace: str) -> set[str]:
        """Whatever it says something of."""
        return {*self._flying.get(namespace, ()), *self._pending.get(namespace, ())}

    def over(self, namespace: str, keys: Iterable[str], rows: Mapping[str, bytes], now: int) -> dict[str, bytes]:
        """Lay what holds at `now` over `rows`, as far as `keys` name it."""
        merged = dict(rows)
        pending, flying = self._pending.get(namespace, {}), self._flying.get(namespace, {})
        for key in keys:
            if key in pending or key in flying:
                row = pending[key] if key in pending else flying[key]
                if row is None or (row[1] is not None and row[1] <= now):
                    merged.pop(key, None)
                else:
                    merged[key] = row[0]
        return merged

    def expiring(self) -> Iterator[tuple[str, str, int]]:
        """Namespace, key and time of each row that will expire."""
        for layer, above in ((self._pending, {}), (self._flying, self._pending)):
            for namespace, rows in layer.items():
                hidden = above.get(namespace, {})
                for key, row in rows.items():
                    if row is not None and row[1] is not None and key not in hidden:
                        yield namespace, key, row[1]
