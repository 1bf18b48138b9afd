"""Storage that lives as long as its object: for tests, and for hubs that need not remember."""

from collections.abc import Mapping, Sequence

from hub.api import Clock
from hub.clock import SystemClock
from hub.errors import StorageError
from hub.stats import StorageStats
from hub.storage import EngineBase
from hub.storage.expiry import Deadlines
from hub.storage.log import WriteLog, matching
from hub.storage.rows import Row, size
from hub.types import StorageWrite


class MemoryEngine(EngineBase):
    """Keeps rows in dicts; they outlive `close`, so that opening again is a restart."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._rows: dict[str, dict[str, bytes]] = {}
        self._deadlines = Deadlines[tuple[str, str]](clock or SystemClock(), self._expire)
        self._reached = 0
        self._written = (0, 0, 0)
        self._log = WriteLog(self._deadlines.clock.now)
        self._is_open = False

    async def open(self) -> None:
        """Make ready."""
        if not self._is_open:
            self._is_open = True
            self._deadlines.clock.start(self._reached)
            self._deadlines.sweep()

    async def close(self) -> None:
        """Refuse further use until opened again."""
        if self._is_open:
            self._is_open = False
            self._reached = self._deadlines.clock.now()
            self._deadlines.clock.stop()

    async def flush(self) -> None:
        """Return at once: there is no disk."""
        self._check_open()

    def stats(self) -> StorageStats:
        """Each write counts as a commit."""
        rows, written, commits = self._written
        return StorageStats(rows=rows, bytes=written, commits=commits, written=self.written())

    async def check(self) -> str:
        """Find nothing: there is no file."""
        self._check_open()
        return ""

    async def writes(self, namespace: str = "", prefix: str = "", limit: int = 100) -> list[StorageWrite]:
        """The newest writes of this run."""
        self._check_open()
        return matching(self._log.newest_first(), namespace, prefix)[:limit]

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""
        rows = self._of(namespace)
        return {key: rows[key] for key in keys if key in rows}

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix` in order, from behind `after`, at most `limit`."""
        rows = self._of(namespace)
        keys = sorted(key for key in rows if key.startswith(prefix) and key > after)
        return [(key, rows[key]) for key in keys[:limit]]

    async def apply(
        self,
        namespace: str,
        expected: Mapping[str, bytes | None],
        changes: Mapping[str, Row | None],
        *,
        durable: bool,
    ) -> bool:
        """Make all of `changes` if every row is as `expected`, or none."""
        del durable
        rows = self._of(namespace)
        if any(rows.get(key) != row for key, row in expected.items()):
            return False
        for key, row in changes.items():
            self._deadlines.drop((namespace, key))
            if row is None:
                rows.pop(key, None)
                continue
            rows[key] = row.value
            if row.ttl is not None:
                self._deadlines.set((namespace, key), row.ttl)
        if changes:
            self._log.add(namespace, changes)
            count, written, commits = self._written
            self._written = (count + len(changes), written + size(changes), commits + 1)
        self.tell(namespace, changes)
        return True

    def _of(self, namespace: str) -> dict[str, bytes]:
        self._check_open()
        if self._deadlines.clock.is_due():
            self._deadlines.sweep()
        return self._rows.setdefault(namespace, {})

    def _expire(self, place: tuple[str, str]) -> None:
        namespace, key = place
        del self._rows[namespace][key]
        self._log.add(namespace, {key: None})
        self.tell(namespace, {key: None})

    def _check_open(self) -> None:
        if not self._is_open:
            raise StorageError("the storage in memory is closed; open it first")
