"""Several reads and writes as one: nothing is locked and nothing is written before the end."""

from typing import Any, Self, override

from hub.errors import StorageConflictError, StorageError
from hub.storage.rows import Reader, Row, Rows
from hub.storage.values import check_key, check_ttl, encode


class BufferedTransaction(Reader):
    """What `hub.api.Transaction` promises: its changes are applied if all rows are still as they were seen.

    A key that was read while it was absent counts as seen. A key that newly appears in a listed prefix does not: read a
    key of its own (a version, a count) where that matters.
    """

    def __init__(self, rows: Rows, name: str, damaged: set[str], *, durable: bool) -> None:
        super().__init__(rows, name, damaged)
        self._durable = durable
        self._seen: dict[str, bytes | None] = {}
        self._changes: dict[str, Row | None] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, fault: object, *_: object) -> None:
        self._is_open = False
        if fault is None and not await self._rows.apply(self._name, self._seen, self._changes, durable=self._durable):
            raise StorageConflictError(
                f"{self._name}: something that the transaction had read was changed before it ended;"
                " nothing of it was written, so do it again"
            )

    def set(self, key: str, value: Any, *, ttl: float | None = None) -> None:  # noqa: ANN401 - JSON-like
        """Remember one value when the block ends; its `ttl` counts from there."""
        self._check_open()
        check_ttl(self._name, ttl)
        self._changes[key] = Row(encode(self._name, key, value), ttl)

    def delete(self, key: str) -> None:
        """Forget one when the block ends."""
        self._check_open()
        check_key(self._name, key)
        self._changes[key] = None

    @override
    async def _row(self, key: str) -> bytes | None:
        self._check_open()
        if key in self._changes:
            row = self._changes[key]
            return None if row is None else row.value
        if key not in self._seen:
            stored = await super()._row(key)
            self._seen.setdefault(key, stored)
        return self._seen[key]

    @override
    async def _scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        self._check_open()
        # As many more as own changes may hide: behind a full page then nothing of it is missing.
        stored = await super()._scan(prefix, after, limit + len(self._changes))
        rows = {key: row for key, row in stored if key not in self._changes}
        for key, change in self._changes.items():
            if change is not None and key.startswith(prefix) and key > after:
                rows[key] = change.value
        page = sorted(rows.items())[:limit]
        for key, row in page:
            if key not in self._changes:
                self._seen.setdefault(key, row)
        return page

    def _check_open(self) -> None:
        if not self._is_open:
            raise StorageError(f"{self._name}: this transaction has ended; use it inside its `async with` block only")
