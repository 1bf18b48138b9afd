"""Storage that lives as long as its object: for tests, and for hubs that need not remember."""

from collections.abc import Mapping, Sequence

from hub.errors import StorageError
from hub.storage import Namespace


class MemoryEngine:
    """Keeps rows in dicts; they outlive `close`, so that opening again is a restart."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, bytes]] = {}
        self._is_open = False

    async def open(self) -> None:
        """Make ready."""
        self._is_open = True

    async def close(self) -> None:
        """Refuse further use until opened again."""
        self._is_open = False

    async def flush(self) -> None:
        """Return at once: there is no disk."""
        self._check_open()

    def namespace(self, name: str) -> Namespace:
        """Give the keys of one owner."""
        return Namespace(self, name)

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""
        rows = self._of(namespace)
        return {key: rows[key] for key in keys if key in rows}

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix` in order, from behind `after`, at most `limit`."""
        rows = self._of(namespace)
        keys = sorted(key for key in rows if key.startswith(prefix) and key > after)
        return [(key, rows[key]) for key in keys[:limit]]

    async def write(self, namespace: str, rows: Mapping[str, bytes], *, durable: bool) -> None:
        """Keep all of `rows`."""
        del durable
        self._of(namespace).update(rows)

    async def remove(self, namespace: str, key: str, *, durable: bool) -> bool:
        """Drop a row; says whether it was there."""
        del durable
        return self._of(namespace).pop(key, None) is not None

    async def swap(self, namespace: str, key: str, change: tuple[bytes | None, bytes], *, durable: bool) -> bool:
        """Keep the second of `change` if the row is the first."""
        del durable
        rows = self._of(namespace)
        expected, value = change
        if rows.get(key) != expected:
            return False
        rows[key] = value
        return True

    def _of(self, namespace: str) -> dict[str, bytes]:
        self._check_open()
        return self._rows.setdefault(namespace, {})

    def _check_open(self) -> None:
        if not self._is_open:
            raise StorageError("the storage in memory is closed; open it first")
