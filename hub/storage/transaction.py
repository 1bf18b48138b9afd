"""Several reads and writes as one: nothing is locked and nothing is written before the end."""

from typing import Any, override

from hub.errors import StorageError
from hub.storage.rows import Reader, Row, Rows
from hub.storage.values import check_key, check_ttl, encode


class BufferedTransaction(Reader):
    """What `hub.api.Transaction` promises: `changes` are to be applied if all rows are still as they were `seen`.

    A key that was read while it was absent counts as seen. A key that newly appears in a listed prefix does not: read a
    key of its own (a version, a count) where that matters.
    """

    def __init__(self, rows: Rows, name: str) -> None:
        super().__init__(rows, name)
        self.seen: dict[str, bytes | None] = {}
        self.changes: dict[str, Row | None] = {}
        self._is_over = False

    def set(self, key: str, value: Any, *, ttl: float | None = None) -> None:  # noqa: ANN401 - JSON-like
        """Remember one value when the block ends; its `ttl` counts from there."""
        self._check_open()
        check_ttl(self._name, ttl)
        self.changes[key] = Row(encode(self._name, key, value), ttl)

    def delete(self, key: str) -> None:
        """Forget one when the block ends."""
        self._check_open()
        check_key(self._name, key)
        self.changes[key] = None

    def end(self) -> None:
        """Refuse further use."""
        self._is_over = True

    @override
    async def _row(self, key: str) -> bytes | None:
        self._check_open()
        if key in self.changes:
            row = self.changes[key]
            return None if row is None else row.value
        if key not in self.seen:
            stored = await super()._row(key)
            self.seen.setdefault(key, stored)
        return self.seen[key]

    @override
    async def _scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        self._check_open()
        # As many more as own changes may hide: behind a full page then nothing of it is missing.
        stored = await super()._scan(prefix, after, limit + len(self.changes))
        rows = {key: row for key, row in stored if key not in self.changes}
        for key, change in self.changes.items():
            if change is not None and key.startswith(prefix) and key > after:
                rows[key] = change.value
        page = sorted(rows.items())[:limit]
        for key, row in page:
            if key not in self.changes:
                self.seen.setdefault(key, row)
        return page

    def _check_open(self) -> None:
        if self._is_over:
            raise StorageError(f"{self._name}: this transaction has ended; use it inside its `async with` block only")
